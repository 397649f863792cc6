"""What is known of one mistake, and whether it reproduces what a submission returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds import dropout, layer, losses, networks, running, steps
from parity_tests.assignments.cs231n.kinds.torch_networks import kind_of
from parity_tests.assignments.cs231n.mistakes.own_forward import OwnForward
from parity_tests.harness.flow_answers import FAR, Question, is_refuted, judge_all, predicted
from parity_tests.harness.returned import is_beyond, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Arrays, Params
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Quantity
from reports.model.verdicts import PASSING

UNFIT = (RuntimeError, IndexError, ValueError, ArithmeticError)
"""What a formula raises for shapes and numbers that it does not fit."""
ASKING: Mapping[str, Callable[..., Sequence[Question]]] = {"running": running.questions, "steps": steps.questions}
"""What is expected of who makes a change, in cases of a kind of which all results hang together."""


@dataclass(frozen=True)
class Wrong:
    """A mistake of a part: in cases of `kind` it makes `change` of what is right.

    `fails` says of a case and of one of its calls whether the call may then fail, as what lies beyond an array does.
    Of one `of_deviation` the same change is true of a forward's own deviation. None is of a backward beside a forward
    that writes over what both work on.
    One `of_right` shows only beside a forward whose outputs are right: beside a wrong one that is what is wrong.
    `lines` tell it from another of its name. A `whole` one gives all results of its part together, others
    one result, or of a network those of a kind that are not right.
    One that `mixes` normalises by statistics of other numbers than it should, and keeps these as running ones.
    """

    part: str
    kind: str
    name: str
    hint: str
    change: Any
    fails: Callable[[Params, Arrays, int], bool] | None = None
    of_deviation: bool = False
    mixes: bool = False
    of_right: bool = False
    lines: str = ""
    whole: bool = True

    @property
    def note(self) -> str:
        """What answers are known by of who makes it."""
        return f"{self.part}: {self.name}{self.lines and f' ({self.lines})'}"

    def reproduces(
        self, plan: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw, forward: OwnForward | None = None
    ) -> bool:
        """Whether it gives what was returned, in all cases: of this quantity, or of all that its part returns.

        With a `forward` in all that this one tells of.
        """
        if forward and not self.of_deviation:
            return False
        meant = list(self._meant(plan, quantity, seen, forward))
        results = [result_of(seen[case.name], q.key) for case, own in meant for q in own]
        if not any(isinstance(result, Returned) for result in results):
            return False  # nothing came back, so nothing is asked that takes time
        if self.of_right and any(_has_wrong_outputs(case, seen[case.name], draw(case)) for case, _ in meant):
            return False
        told = []
        for case, own in meant:  # what is far off in one case is not looked at more closely in another
            apart = self._apart(case, own, seen[case.name], draw(case), forward)
            if apart == APART:
                return False
            told.append((case, own, apart))
        return all(
            apart == NEAR or self.agrees(case, own, seen[case.name], draw(case), forward) for case, own, apart in told
        )

    def _meant(
        self, plan: Sequence[Case], quantity: Quantity, seen: Seen, forward: OwnForward | None
    ) -> Iterator[tuple[Case, list[Quantity]]]:
        """The cases that show it, with the results that are to be reproduced.

        Where scores lie far apart, right forms overflow, and so do wrong ones.
        """
        for case in plan:
            if case.probe == self.kind and case.name in seen and case.params.get("slug") != "far-apart":
                own = [q for q in case.quantities if q.part == self.part]
                own = [q for q in own if self.whole or kind_of(q.key.name) == kind_of(quantity.key.name)]
                if own := [q for q in own if forward is None or (case.name, q.key.call) in forward]:
                    yield case, own

    def _apart(
        self, case: Case, own: Sequence[Quantity], seen: Observation, arrays: Arrays, forward: OwnForward | None
    ) -> int:
        """How far results are from what it makes of a case, by what is soon computed: NEAR, OPEN or APART."""
        if self.part != case.params.get("forward", self.part) and any(k.name == "out" for k in seen.overwritten):
            return APART  # a forward that writes over what its backward works on
        own = self._returning(case, own, seen, arrays)
        if case.probe == "dropout" or not own:
            return OPEN
        try:
            return _apart(case, seen, own, self._questions(case, arrays, seen, own, forward))
        except UNFIT:
            return APART

    def _returning(self, case: Case, own: Sequence[Quantity], seen: Observation, arrays: Arrays) -> Sequence[Quantity]:
        """Those of the results that did not fail as the mistake makes calls fail, and that it does not leave out."""
        spared = tuple(self.change.unused(case.params)) if case.probe == "network" else ()
        results = {q: result_of(seen, q.key) for q in own if q.key.name not in spared}
        failed = {q.key.call for q, result in results.items() if isinstance(result, Failure) and is_beyond(result)}
        as_told = {k for k in failed if self.fails and self.fails(case.params, arrays, k)}
        return [q for q, result in results.items() if not (q.key.call in as_told and isinstance(result, Failure))]

    def _questions(
        self,
        case: Case,
        arrays: Arrays,
        observation: Observation,
        own: Sequence[Quantity],
        forward: OwnForward | None,
    ) -> Sequence[Question]:
        """What is expected of who makes the mistake, of these of the results at least."""
        if case.probe == "network":
            arrays = networks.with_masks(case, arrays, observation)
            asked = networks.questions(case, arrays, self.change, self.note)
            both = zip(asked, networks.questions(case, arrays), strict=True)
            told = [(q, one, right) for one, right in both for q in own if q in one.quantities]
            return asked if self.whole else [Question([q], [*one.forms, *right.forms]) for q, one, right in told]
        if case.probe not in ("layer", "loss"):
            return ASKING[case.probe](case, arrays, self.change, self.note)
        # Answers are kept by their note: of other calls that failed they hold other results.
        note = f"{self.note} in {', '.join(q.name for q in own)}{', by its own deviation' * bool(forward)}"
        if forward:
            return layer.mistaken(case, arrays, self.change, note, own, lambda k: {"deviation": forward[case.name, k]})
        mistaken = layer.mistaken if case.probe == "layer" else losses.mistaken
        return mistaken(case, arrays, self.change, note, own)

    def agrees(
        self, case: Case, own: Sequence[Quantity], seen: Observation, arrays: Arrays, forward: OwnForward | None = None
    ) -> bool:
        """Whether all results are within the error bounds of what it makes of a case."""
        if case.probe == "dropout":
            outcomes = dropout.with_mistake(case, arrays, seen, self.change, self.note)
            return any(all(_is_near_enough(judged[q.name]) for q in own) for judged in outcomes)
        own = self._returning(case, own, seen, arrays)
        try:
            asked = self._questions(case, arrays, seen, own, forward)
            asked = [question for question in asked if any(q in own for q in question.quantities)]
            if is_refuted(case, seen, asked, own, "cpu"):
                return False
            judged = judge_all(case, seen, asked, "cpu")
        except UNFIT:
            return False
        return all(judged[q.name].verdict in PASSING for q in own if q.name in judged)


NEAR, OPEN, APART = range(3)
"""How a result lies beside what is predicted: as near as roundings are, such that only a radius tells, or farther."""
LEAST = 1e-2
"""What stands for the largest number where all are smaller: it may be that of what they are the differences of."""
ROUNDINGS = 16
"""So many roundings of the largest number explain less than any radius of a sum or product that a formula holds."""


def _is_near_enough(comparison: Comparison) -> bool:
    """Whether a result is what a mistake gives: p and 1 − (1 − p) are rounded otherwise."""
    return comparison.verdict in PASSING or 0 < (comparison.ratio or 0.0) <= ROUNDINGS


def _apart(case: Case, seen: Observation, own: Sequence[Quantity], questions: Sequence[Question]) -> int:
    """How results lie beside what the nearest form of each question predicts, which is soon computed."""
    worst = NEAR
    for question in questions:
        asked = [q for q in question.quantities if q in own]
        if asked:
            values = [predicted(case, form) for form in question.forms]
            told = [max(_beside(result_of(seen, q.key), one.get(q.name), case.dtype) for q in asked) for one in values]
            worst = max(worst, min(told))
    return worst


def _beside(result: Returned | Failure | None, want: NDArray[Any] | None, dtype: str) -> int:
    got = result.array if isinstance(result, Returned) else None
    if want is None:
        return NEAR
    if got is None or want.size != got.size or got.dtype.kind != "f":
        return OPEN
    largest = float(np.abs(want[np.isfinite(want)]).max(initial=0.0))
    with np.errstate(all="ignore"):
        gap = np.abs(got.reshape(want.shape) - want)
        same = (got.shape, got.dtype) == (want.shape, want.dtype)
        if same and (gap <= ROUNDINGS * np.finfo(want.dtype).eps * largest).all():
            return NEAR
        apart = np.isnan(got.reshape(want.shape)) != np.isnan(want)  # of no number no radius says anything
        return APART if (apart | (gap > FAR[dtype] * max(largest, LEAST))).any() else OPEN


def _has_wrong_outputs(case: Case, seen: Observation, arrays: Arrays) -> bool:
    """Whether an output of a layer is far from the right one."""
    outs = [q for q in case.quantities if q.key.name == "out"]
    return _apart(case, seen, outs, layer.questions(case, arrays)) == APART
