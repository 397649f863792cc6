"""Judges a run in which each step starts from torch's weights, link by link from the submission's own last results."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds.network_links import judge_step
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, key_after_step
from parity_tests.assignments.mlp.network.model import Trainer
from parity_tests.assignments.mlp.trace.plan import MlpPlan, quantities
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import WHOLE_CASE
from parity_tests.trace.judge import Figures, Judge, JudgedStep
from parity_tests.trace.plan import Step
from reports.model.verdicts import Verdict

Array = NDArray[Any]
_KEYS_AFTER = tuple(key_after_step(name) for name in WEIGHT_NAMES)


class Forced(Judge):
    """The judge of a forced run."""

    def __init__(self, plan: MlpPlan, dropout: bool) -> None:
        super().__init__(plan, quantities(plan.settings.activation, dropout))
        s = plan.settings
        self._steps, self.settings, self.dropout = plan, s, dropout
        self._trainer = Trainer(plan.weights, activation=s.activation, alpha=s.alpha, lam=s.lam, device=s.device)
        self._random = np.random.RandomState([s.seed, 1])  # masks of torch's own run
        self._path: dict[int, dict[str, Array]] = {}
        """torch's weights before each step that is still to be judged, and before the last that was."""
        self._last_eta = s.eta
        self._last: Observation | None = None

    def weights_for(self, step: Step) -> dict[str, Array]:
        """torch's weights before this step; it takes the step at once, with a mask of its own."""
        weights = self._trainer.weights()
        self._path[step.number] = weights
        X, y = self._steps.data(step)
        s = self.settings
        kept = self._random.random_sample((len(y), s.hidden)) >= (s.rate if self.dropout else 0)
        u = self._trainer.hidden(torch.from_numpy(X).to(s.device))
        mask = torch.from_numpy(kept).to(s.device) * torch.tensor(1 / (1 - s.rate), dtype=u.dtype, device=s.device)
        slope_one = None if s.activation == "tanh" else u > 0
        self._trainer.step(torch.from_numpy(y).to(s.device), mask, slope_one, step.eta)
        return weights

    def logits(self, X: Array) -> Array:
        """torch's own logits (N×K) after the last step."""
        return np.asarray(self._trainer.logits(torch.from_numpy(X).to(self.settings.device)).cpu().numpy())

    def submission_weights(self) -> Mapping[str, Array]:
        if self._last is None:
            return self.plan.weights
        after = {}
        for name, start in self.plan.weights.items():
            array = self._last.values[key_after_step(name)].array
            after[name] = start if array is None else array.reshape(start.shape)
        return after

    def take(self, step: Step, observation: Observation, following: Step | None) -> list[JudgedStep]:
        began = time.monotonic()
        comparisons = self._comparisons(step, observation)
        judged = JudgedStep(step, submission_seconds=observation.seconds, torch_seconds=time.monotonic() - began)
        for name, part in self.names:
            c = comparisons[name]
            if c.verdict not in (Verdict.MATCH, Verdict.UNDECIDED, Verdict.MISMATCH) or (
                c.verdict == Verdict.MISMATCH and c.gap is None
            ):
                judged.broken[name] = c
                continue
            judged.figures.append(Figures(name, part, c.verdict, c.gap, c.radius, c.ratio, got=c.got, want=c.want))
            if c.verdict == Verdict.MISMATCH and name not in self.divergences:
                self._diverges(judged, name, c.part or part, replace(c, step=step.number))
            if name == "loss":
                judged.loss, judged.torch_loss = c.got, c.want
        self._last, self._last_eta = observation, step.eta
        return [judged]

    def _comparisons(self, step: Step, observation: Observation) -> dict[str, Comparison]:
        """The comparison of every quantity: a case of this step, after the one before where there was one.

        The step before tells the submission's velocity, by the change of weights that it made.
        """
        s, last = self.settings, self._last
        X, y = self._steps.data(step)
        weights, etas = [self._path[step.number]], [step.eta]
        before = self._path.pop(step.number - 1, None)
        if before is not None and last is not None:
            weights, etas = [before, *weights], [self._last_eta, *etas]
        T = len(weights)
        arrays = {name: np.stack([one[name] for one in weights]) for name in WEIGHT_NAMES}
        arrays |= {key: np.broadcast_to(array, (T, *array.shape)) for key, array in (("X", X), ("Y", y))}
        params = {
            "activation": s.activation, "r": s.rate, "dropout": self.dropout, "alpha": s.alpha, "lam": s.lam,
            "etas": etas, "N": len(y), "M": s.hidden, "K": weights[0]["L2_b"].size,
        }  # fmt: skip
        values = {replace(key, call=T - 1): value for key, value in observation.values.items()}
        failures = {
            key if key == WHOLE_CASE else replace(key, call=T - 1): failure
            for key, failure in observation.failures.items()
        }
        if T == 2 and last is not None:
            values |= {key: last.values[key] for key in _KEYS_AFTER if key in last.values}
        case = Case(s.name, "trajectory", s.name, s.dtype, "network", params, ())
        return judge_step(case, arrays, replace(observation, values=values, failures=failures), T - 1, s.device)
