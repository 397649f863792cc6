"""Judges a run in which both sides go on from their own weights; perturbed replicas of torch's measure the radius."""

import os
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import UPDATED, WEIGHT_NAMES, updated_name
from parity_tests.assignments.mlp.network.replicas import Replicas
from parity_tests.assignments.mlp.network.trainer import Trainer
from parity_tests.harness.compare import compare
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE
from parity_tests.trace.explanation import Inputs, Side, whose_side, worst_element
from parity_tests.trace.history import SubmissionHistory, TorchHistory
from parity_tests.trace.judge import Figures, Judge, JudgedStep
from parity_tests.trace.plan import Plan, Step, key_of
from parity_tests.trace.radius import MeasuredRadius, ratio_of
from parity_tests.trace.sharing import kept_units, side_of_kinks
from reference.answer import known
from reference.distance import LargestDifference

Array = NDArray[Any]
T = TypeVar("T")
_WEIGHT_OF = {updated_name(name): name for name in WEIGHT_NAMES}


@dataclass(frozen=True)
class _PendingStep:
    """A step that both sides have made; to be judged it waits for the spreads of the replicas.

    `submitted` and `wanted` are both sides' values by quantity, `gaps` their largest gaps, `changes` each weight's
    largest change. `before` and `earlier` are torch's and the submission's weights before this step and the last.
    """

    judged: JudgedStep
    X: torch.Tensor
    y: torch.Tensor
    mask: torch.Tensor
    slope_one: torch.Tensor | None
    submitted: Mapping[str, Array | None]
    wanted: Mapping[str, torch.Tensor]
    gaps: Mapping[str, float]
    changes: Mapping[str, float]
    before: tuple[Mapping[str, torch.Tensor], Mapping[str, Array]]
    earlier: tuple[Mapping[str, torch.Tensor], Mapping[str, Array]]
    spreads: "Future[tuple[dict[str, float], float]]"


class FreeRunning(Judge):
    """The judge of a free run.

    The replicas take longest. They make a step in a thread of their own while the next one is taken here, so that a
    step is judged when the next has been taken.
    """

    def __init__(self, plan: Plan, dropout: bool, replica_cores: AbstractSet[int] | None = None) -> None:
        """`replica_cores` are those that the replicas run on; None: whichever are free."""
        super().__init__(plan, dropout)
        s = plan.settings
        options: dict[str, Any] = {"alpha": s.alpha, "lam": s.lam, "device": s.device}
        self._trainer = Trainer(plan.weights, activation=s.activation, **options)
        self._replicas = Replicas(plan.weights, s.replicas, **options, seed=s.seed)
        self._radius = MeasuredRadius()
        # A judgement that lags behind needs torch's weights before the last step, with momentum those before that.
        self._torch = TorchHistory(plan.weights, 4 if s.alpha > 0 else 3, s.device)
        self._submission = SubmissionHistory(plan.weights, momentum=s.alpha > 0)
        self._difference = LargestDifference()
        pin = None if replica_cores is None else partial(os.sched_setaffinity, 0, replica_cores)
        self._replica_thread = ThreadPoolExecutor(1, "replicas", pin)
        self._pending: _PendingStep | None = None
        self._judged: list[JudgedStep] = []
        self._last_batch: tuple[int, torch.Tensor, torch.Tensor] | None = None

    def logits(self, X: Array) -> Array:
        return np.asarray(self._trainer.logits(self._tensor(X)).cpu().numpy())

    def submission_weights(self) -> Mapping[str, Array]:
        return self._submission.before

    def copy_last_step(self) -> None:
        self._submission.copy()

    def take(self, step: Step, observation: Observation, following: Step | None) -> list[JudgedStep]:
        X, y = self._batch(step)
        judged = JudgedStep(step, submission_seconds=observation.seconds)
        u, judged.torch_seconds = _timed(self._trainer.hidden, X, clock=time.monotonic)
        submitted = {name: self._submitted(observation, name, (len(y), u.shape[1])) for name in self._needed_first()}
        mask = self._mask(u, submitted, judged)
        slope_one = None
        if self.settings.activation == "relu":
            pre = submitted["L1 output"]
            radius = partial(self._radius_of_first_layer, X, u)
            slope_one = side_of_kinks(u, None if pre is None else self._tensor(pre), radius, judged)
        other_side = slope_one if judged.shared_kinks else None
        wanted, seconds = _timed(self._trainer.step, y, mask, other_side, step.eta, clock=time.monotonic)
        judged.torch_seconds += seconds
        judged.torch_loss = float(wanted["loss"])
        gaps, changes = self._gaps(observation, submitted, wanted, judged)
        # The next step changes torch's own weights, so the history's are kept.
        wanted |= {updated_name(name): w for name, w in self._torch.after.items()}
        next_X = None if following is None else self._batch(following)[0]
        spreads = self._replica_thread.submit(
            _timed, self._replicas.step, X, y, mask, slope_one, step.eta, wanted, next_X, clock=time.thread_time
        )
        self._judge_pending()
        self._pending = _PendingStep(
            judged, X, y, mask, slope_one, submitted, wanted, gaps, changes,
            before=(self._torch.before, self._submission.before),
            earlier=(self._torch.earlier, self._submission.earlier),
            spreads=spreads,
        )  # fmt: skip
        self._torch.advance()
        self._submission.advance({name: submitted[updated_name(name)] for name in WEIGHT_NAMES})
        if judged.broken:
            self._judge_pending()
        return self._judged_since()

    def finish(self) -> list[JudgedStep]:
        self._judge_pending()
        return self._judged_since()

    def _judged_since(self) -> list[JudgedStep]:
        """The steps judged since this was last asked."""
        judged, self._judged = self._judged, []
        return judged

    # ---- what a step is made of

    def _batch(self, step: Step) -> tuple[torch.Tensor, torch.Tensor]:
        """X and the labels of a step; the same tensors when asked again, as the replicas have begun with X."""
        if self._last_batch is None or self._last_batch[0] != step.number:
            X, y = self.plan.data(step)
            self._last_batch = step.number, self._tensor(X), self._tensor(y)
        return self._last_batch[1:]

    def _tensor(self, array: Array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.settings.device)

    def _needed_first(self) -> list[str]:
        """What must be known of the submission before torch takes the step: pre-activations, and its mask; all N×M."""
        names = ["L1 output", "activation output", "L2 gradient of X"]
        return [*names, "dropout output", "dropout gradient"] if self.dropout else names

    def _submitted(self, observation: Observation, name: str, shape: tuple[int, ...]) -> Array | None:
        """The submission's array of this shape, in a dtype that torch has; None where it returned something else."""
        value = observation.values.get(key_of(name))
        if not isinstance(value, Returned) or value.array is None or value.kind not in ("array", "scalar"):
            return None
        array = value.array
        if array.shape != shape:
            flat_bias = len(shape) == 2 and array.shape == shape[1:] and name.endswith("b")
            scalar = shape == () and array.size == 1
            if not (flat_bias or scalar):
                return None
            array = array.reshape(shape)
        return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)

    def _mask(self, u: torch.Tensor, submitted: Mapping[str, Array | None], judged: JudgedStep) -> torch.Tensor:
        """The submission's own mask of 0 and 1/(1 − r); 1 everywhere without dropout, or where it cannot be told."""
        rate = self.settings.rate
        kept = kept_units(submitted, judged) if self.dropout and rate > 0 else None
        if kept is None:
            return torch.ones_like(u)
        return self._tensor(kept) * torch.tensor(1 / (1 - rate), dtype=u.dtype, device=u.device)

    def _radius_of_first_layer(self, X: torch.Tensor, u: torch.Tensor) -> float:
        """The radius of u at the step that is being taken; the replicas, which lag behind, catch up for it."""
        self._judge_pending()
        return self._radius.at_least("L1 output", self._replicas.spread(self._replicas.hidden(X), u))

    def _gaps(
        self,
        observation: Observation,
        submitted: dict[str, Array | None],
        wanted: Mapping[str, torch.Tensor],
        judged: JudgedStep,
    ) -> tuple[dict[str, float], dict[str, float]]:
        """The largest gap of each quantity that the submission returned, and each weight's largest change.

        Completes `submitted`, and notes in `judged` what was not returned as asked.
        """
        gaps: dict[str, float] = {}
        for name, _ in self.names:
            want = wanted[name]
            if name not in submitted:
                submitted[name] = self._submitted(observation, name, tuple(want.shape))
            array = submitted[name]
            if array is None:
                judged.broken[name] = compare(_returned(observation, name), known(want.cpu().numpy()), flat_ok=True)
            elif name not in UPDATED:
                gaps[name] = self._difference.between(self._tensor(array), want)
        loss = submitted["loss"]
        judged.loss = None if loss is None else float(loss)
        changes = {}
        for weight in WEIGHT_NAMES:
            name = updated_name(weight)
            array = submitted[name]
            gap, changes[weight] = self._torch.follow(
                weight, wanted[name], wanted[name] if array is None else self._tensor(array)
            )
            if array is not None:
                gaps[name] = gap
        return gaps, changes

    # ---- the judgement

    def _judge_pending(self) -> None:
        """Judge the step that was taken last, once the replicas have made it."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        judged = pending.judged
        spreads, judged.replica_seconds = pending.spreads.result()
        self._radius.add(spreads)
        useless = self._radius.why_useless(pending.changes)
        if useless and self.undecided is None:
            self.undecided, self.undecided_because = judged.step.number, useless
        judged.figures = self._figures(pending, spreads)
        first = next((figures for figures in judged.figures if figures.verdict == "mismatch"), None)
        if first is not None and self.divergence is None:
            comparison = self._explained(pending, first)
            judged.divergence = self._diverges(judged.step, first.quantity, first.part, comparison)
        self._judged.append(judged)

    def _figures(self, pending: _PendingStep, spreads: Mapping[str, float]) -> list[Figures]:
        """The figures of every quantity; how large its elements are only where somebody will read it."""
        number, judged = pending.judged.step.number, pending.judged
        radii = {name: self._radius.of(name) for name in pending.gaps}
        ratios = {name: ratio_of(gap, radii[name]) for name, gap in pending.gaps.items()}
        diverges = self.undecided is None and self.divergence is None and max(ratios.values(), default=0.0) > 1
        is_read = self.plan.is_written(number) or self.undecided == number or diverges or bool(judged.broken)
        figures = []
        for name, part in self.names:
            if name not in pending.gaps:
                continue
            verdict = "match" if ratios[name] <= 1 else "mismatch"
            figures.append(
                Figures(
                    name,
                    part,
                    verdict if self.undecided is None else "undecided",
                    pending.gaps[name],
                    radii[name],
                    ratios[name],
                    spreads[name],
                    change=pending.changes[_WEIGHT_OF[name]] if name in _WEIGHT_OF else None,
                    size=float(pending.wanted[name].abs().max()) if is_read else None,
                    got=judged.loss if name == "loss" else None,
                    want=judged.torch_loss if name == "loss" else None,
                )
            )
        return figures

    def _explained(self, pending: _PendingStep, figures: Figures) -> Comparison:
        """The mismatch of a quantity, told of its worst element, and whose side is off."""
        name, settings, step = figures.quantity, self.settings, pending.judged.step
        submitted, wanted = pending.submitted[name], pending.wanted[name].cpu().numpy()
        assert submitted is not None
        comparison = worst_element(submitted, wanted, float(figures.radius or 0.0), step.number)
        scale = 1 if settings.rate == 0 else 1 / (1 - np.longdouble(settings.rate))
        inputs = Inputs(
            pending.X.cpu().numpy(), pending.y.cpu().numpy(), (pending.mask.cpu().numpy() != 0) * scale, step.eta
        )
        torch_slope = None if pending.slope_one is None else pending.slope_one.cpu().numpy()
        pre = pending.submitted["L1 output"]
        own_slope = torch_slope if torch_slope is None or pre is None else pre > 0
        # Without momentum the weights before the last step do not matter, and may be gone.
        earlier = pending.earlier if settings.alpha > 0 else pending.before
        blame, sentence = whose_side(
            name,
            inputs,
            Side(submitted, pending.before[1], earlier[1], own_slope),
            Side(wanted, _arrays(pending.before[0]), _arrays(earlier[0]), torch_slope),
            settings,
        )
        return replace(comparison, blame=blame, problem=f"{comparison.problem}; {sentence}")


def _returned(observation: Observation, name: str) -> Returned | Failure | None:
    """What the submission returned for a quantity, or the failure that kept it from it."""
    key = key_of(name)
    return observation.values.get(key) or observation.failures.get(key) or observation.failures.get(WHOLE_CASE)


def _arrays(weights: Mapping[str, torch.Tensor]) -> dict[str, Array]:
    return {name: w.cpu().numpy() for name, w in weights.items()}


def _timed(function: Callable[..., T], *arguments: Any, clock: Callable[[], float]) -> tuple[T, float]:
    """What a function returns, and the seconds that it took by this clock."""
    start = clock()
    result = function(*arguments)
    return result, clock() - start
