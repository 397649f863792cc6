"""Judges a run in which both sides go on from their own weights; perturbed replicas of torch's measure the radius."""

import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from parity_tests.harness.compare import compare
from parity_tests.protocol.comparison import Comparison, unjudged
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE
from parity_tests.trace.judge import Figures, Judge, JudgedStep, worst_element
from parity_tests.trace.plan import Plan, Step
from parity_tests.trace.radius import MeasuredRadius, ratio_of
from parity_tests.trace.twin import Both, CannotTake, Submitted, Taken, Twin, Weights, timed
from reference.answer import known
from reference.distance import LargestDifference, row_blocks
from reports.model.notes import Note
from reports.model.verdicts import Verdict

Array = NDArray[Any]


class TorchHistory:
    """torch's weights after the last steps, in memory that is used again and again."""

    def __init__(self, weights: Mapping[str, Array], steps: int, device: str) -> None:
        """Keeps those of so many steps, at first all of them `weights`."""
        self._states = deque(
            {name: torch.tensor(w, device=device) for name, w in weights.items()} for _ in range(steps)
        )
        self._difference = LargestDifference()

    @property
    def before(self) -> dict[str, torch.Tensor]:
        """The weights before the step that is being taken."""
        return self._states[-1]

    @property
    def earlier(self) -> dict[str, torch.Tensor]:
        """The weights before the last step."""
        return self._states[-2]

    @property
    def after(self) -> dict[str, torch.Tensor]:
        """The weights after the step that is being taken, once each is `followed`."""
        return self._states[0]

    def follow(self, name: str, updated: torch.Tensor, submitted: torch.Tensor) -> tuple[float, float]:
        """Copy a weight after its update; the largest gap of the submission's, and torch's own largest change.

        All three are done in one pass, because a weight is large.
        """
        gaps, changes = [], []
        blocks = map(row_blocks, (updated, submitted, self.before[name], self.after[name]))
        for new, other, old, copy in zip(*blocks, strict=True):
            gaps.append(self._difference.between(other, new))
            changes.append(self._difference.between(new, old))
            copy.copy_(new)
        return float(np.max(gaps)), float(np.max(changes))

    def advance(self) -> None:
        """The step is taken: what was after it is before the next."""
        self._states.rotate(-1)


class SubmissionHistory:
    """The submission's weights after the last step and the one before."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.before: Mapping[str, Array] = dict(weights)
        self.earlier: Mapping[str, Array] = self.before

    def advance(self, after: Mapping[str, Array | None]) -> None:
        """The step is taken; a weight that the submission did not return stays as it was."""
        self.earlier, before = self.before, self.before
        self.before = {name: before[name] if w is None else w for name, w in after.items()}


@dataclass(frozen=True)
class _PendingStep:
    """A step that both sides have made; to be judged it waits for the spreads of the replicas.

    `gaps` are the largest gaps of the quantities, `changes` each weight's largest change.
    """

    judged: JudgedStep
    taken: Taken
    both: Both
    gaps: Mapping[str, float]
    changes: Mapping[str, float]
    spreads: "Future[tuple[dict[str, float], float]]"


class FreeRunning(Judge):
    """The judge of a free run.

    The replicas take longest. They make a step in a thread of their own while the next one is taken here, so that a
    step is judged when the next has been taken.
    """

    def __init__(
        self,
        plan: Plan,
        names: Sequence[tuple[str, str]],
        twin: Twin,
        replica_cores: AbstractSet[int] | None = None,
        *,
        shares_kinks: bool,
    ) -> None:
        """`replica_cores` are those that the replicas run on; None: whichever are free."""
        super().__init__(plan, names)
        self.shares_kinks = shares_kinks
        self._twin = twin
        self._weight_of = {name: weight for weight, name in twin.updated.items()}
        self._radius = MeasuredRadius(twin.updated, plan.settings.replicas)
        weights = {name: plan.weights[name] for name in twin.updated}
        # A judgement that lags behind needs torch's weights before the last step, with momentum those before that.
        self._torch = TorchHistory(weights, 4 if twin.remembers else 3, plan.settings.device)
        self._submission = SubmissionHistory(weights)
        self._difference = LargestDifference()
        pin = None if replica_cores is None else partial(os.sched_setaffinity, 0, replica_cores)
        self._replica_thread = ThreadPoolExecutor(1, "replicas", pin)
        self._pending: _PendingStep | None = None
        self._judged: list[JudgedStep] = []
        self._off: set[str] = set()  # quantities that were off at a step before

    @property
    def notes(self) -> tuple[Note, ...]:
        return self._twin.notes

    def submission_weights(self) -> Mapping[str, Array]:
        return self._submission.before

    def take(self, step: Step, observation: Observation, following: Step | None) -> list[JudgedStep]:
        judged = JudgedStep(step, submission_seconds=observation.seconds)
        submitted = Submitted(self._twin, observation, self.plan.key_of)
        try:
            taken = self._twin.take(step, following, submitted, judged, self._radius_now)
        except CannotTake as reason:
            self._judge_pending()
            judged.broken |= self._all_broken(reason.broken)
            self._judged.append(judged)
            return self._judged_since()
        wanted = taken.wanted
        judged.torch_loss = float(wanted["loss"])
        gaps, changes = self._gaps(submitted, wanted, judged)
        # The next step changes torch's own weights, so the history's are kept.
        wanted |= {self._twin.updated[weight]: w for weight, w in self._torch.after.items()}
        # To compare the copies takes a third of their time: it is left out where it can change no verdict.
        asked = self.plan.is_written(step.number) or bool(judged.broken) or not self._radius.explains(gaps)
        spreads = self._replica_thread.submit(timed, taken.copies, wanted, asked, clock=time.thread_time)
        self._judge_pending()
        both = Both(
            submitted.values,
            wanted,
            before=Weights(self._torch.before, self._submission.before),
            earlier=Weights(self._torch.earlier, self._submission.earlier),
        )
        self._pending = _PendingStep(judged, taken, both, gaps, changes, spreads)
        self._torch.advance()
        self._submission.advance({weight: submitted.values[name] for weight, name in self._twin.updated.items()})
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

    def _all_broken(self, broken: Mapping[str, Comparison]) -> dict[str, Comparison]:
        """Why nothing of a step can be compared that torch cannot take, because of what is `broken` in it."""
        culprit = next(iter(broken))
        part = dict(self.names)[culprit]
        following = unjudged(f"cannot be judged, since {culprit} is wrong", explained_by=part)
        return {name: broken.get(name, following) for name, _ in self.names}

    def _tensor(self, array: Array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.plan.settings.device)

    def _radius_now(self, quantity: str, spread: Callable[[], float], enough: float) -> float:
        """The radius of a quantity at the step that is being taken, for which the replicas, which lag behind, catch up.

        A radius never shrinks: where that of the steps before is `enough` already, nobody waits.
        """
        known = self._radius.of(quantity)
        if known >= enough:
            return known
        self._judge_pending()
        return self._radius.at_least(quantity, spread())

    def _gaps(
        self, submitted: Submitted, wanted: Mapping[str, torch.Tensor], judged: JudgedStep
    ) -> tuple[dict[str, float], dict[str, float]]:
        """The largest gap of each quantity that the submission returned, and each weight's largest change.

        Completes `submitted`, and notes in `judged` what was not returned as asked. What torch has no value of at this
        step is passed over.
        """
        gaps: dict[str, float] = {}
        for name, _ in self.names:
            if name not in wanted:
                continue
            want = wanted[name]
            array = submitted.get(name, tuple(want.shape))
            if array is None:
                returned = self._returned(submitted.observation, name)
                judged.broken[name] = compare(returned, known(want.cpu().numpy()), flat_ok=True)
            elif name not in self._weight_of:
                gaps[name] = self._difference.between(self._tensor(array), want)
        loss = submitted.values["loss"]
        judged.loss = None if loss is None else float(loss)
        changes = {}
        for weight, name in self._twin.updated.items():
            array = submitted.values[name]
            gap, changes[weight] = self._torch.follow(
                weight, wanted[name], wanted[name] if array is None else self._tensor(array)
            )
            if array is not None:
                gaps[name] = gap
        return gaps, changes

    def _returned(self, observation: Observation, name: str) -> Returned | Failure | None:
        """What the submission returned for a quantity, or the failure that kept it from it."""
        key = self.plan.key_of(name)
        return observation.values.get(key) or observation.failures.get(key) or observation.failures.get(WHOLE_CASE)

    # ---- the judgement

    def _judge_pending(self) -> None:
        """Judge the step that was taken last, once the replicas have made it."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        judged = pending.judged
        spreads, judged.replica_seconds = pending.spreads.result()
        spreads |= _last_roundings(spreads, pending.both.wanted)
        self._radius.add(spreads)
        useless = self._radius.why_useless(pending.changes)
        if useless and self.undecided is None:
            self.undecided, self.undecided_because = judged.step.number, useless
        judged.figures = self._figures(pending, spreads)
        off = {figures.quantity: figures for figures in judged.figures if figures.verdict == Verdict.MISMATCH}
        for name, figures in off.items():
            if not self.divergences or self._by_itself(name, off.keys()):
                self._diverges(judged, name, figures.part, self._explained(pending, figures))
        self._off |= off.keys()
        self._judged.append(judged)

    def _by_itself(self, name: str, off: AbstractSet[str]) -> bool:
        """Whether a quantity, of those `off` at a step, is so for the first time, and all that it is made of agrees.

        That is the weights before the step, and what it is computed from in it.
        """
        inputs = self.plan.inputs_of(name)
        return inputs is not None and not (name in self._off or self._off & self._weight_of.keys() or off & inputs)

    def _figures(self, pending: _PendingStep, spreads: Mapping[str, float]) -> list[Figures]:
        """The figures of every quantity; how large its elements are only where somebody will read it."""
        number, judged, wanted = pending.judged.step.number, pending.judged, pending.both.wanted
        radii = {name: self._radius.of(name) for name in pending.gaps}
        ratios = {name: ratio_of(gap, radii[name]) for name, gap in pending.gaps.items()}
        diverges = self.undecided is None and self.divergence is None and max(ratios.values(), default=0.0) > 1
        is_read = self.plan.is_written(number) or self.undecided == number or diverges or bool(judged.broken)
        figures = []
        for name, part in self.names:
            if name not in pending.gaps:
                continue
            verdict = Verdict.MATCH if ratios[name] <= 1 else Verdict.MISMATCH
            figures.append(
                Figures(
                    name,
                    part,
                    verdict if self.undecided is None else Verdict.UNDECIDED,
                    pending.gaps[name],
                    radii[name],
                    ratios[name],
                    spreads.get(name),
                    change=pending.changes[self._weight_of[name]] if name in self._weight_of else None,
                    size=max(map(abs, map(float, torch.aminmax(wanted[name])))) if is_read else None,
                    got=judged.loss if name == "loss" else None,
                    want=judged.torch_loss if name == "loss" else None,
                )
            )
        return figures

    def _explained(self, pending: _PendingStep, figures: Figures) -> Comparison:
        """The mismatch of a quantity, told of its worst element, and whose side is off."""
        name, both = figures.quantity, pending.both
        submitted, wanted = both.submitted[name], both.wanted[name].cpu().numpy()
        assert submitted is not None
        comparison = worst_element(submitted, wanted, float(figures.radius or 0.0), pending.judged.step.number)
        blame, sentence = pending.taken.blame(name, both)
        if not sentence:
            return comparison
        return replace(comparison, blame=blame, problem=f"{comparison.problem}; {sentence}")


def _last_roundings(spreads: Mapping[str, float], wanted: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """The spreads of single numbers, each at least what its own last rounding moves it by.

    All copies of one number may land on torch's by chance; of an array, not all elements do.
    """
    scalars = {name: wanted[name] for name in spreads if wanted[name].ndim == 0}
    return {name: max(spreads[name], abs(float(w)) * torch.finfo(w.dtype).eps) for name, w in scalars.items()}
