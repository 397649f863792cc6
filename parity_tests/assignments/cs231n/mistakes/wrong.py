"""What is known of one mistake, and whether it reproduces what a submission returned."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds import dropout, layer, losses, networks, running, steps
from parity_tests.assignments.cs231n.kinds.torch_networks import RIGHT
from parity_tests.assignments.cs231n.mistakes.own_forward import OwnForward
from parity_tests.harness.flow_answers import Question, is_refuted, judge_all, predicted
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Arrays, Params
from parity_tests.protocol.mistake import Body, Mistake, Swap
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE, Quantity
from reports.model.verdicts import PASSING

LAYERS_FILE = "cs231n/layers.py"
OPTIM_FILE = "cs231n/optim.py"
FC_FILE = "cs231n/classifiers/fc_net.py"
CNN_FILE = "cs231n/classifiers/cnn.py"
SEEN_AT = ("parameters", "weight scale", "dropout")
"""The quantities of networks that hold no numbers of a formula."""
UNFIT = (RuntimeError, IndexError, ValueError, ArithmeticError)
"""What a formula raises for shapes and numbers that it does not fit."""
ASKED_WHOLE = ("running", "steps", "network", "dropout")
"""The kinds of which all results of a part together are reproduced; of the others each result on its own."""


@dataclass(frozen=True)
class Wrong:
    """A mistake of a part: in cases of `kind` it makes `change` of what is right. `plug` puts it into the solution.

    One that is `about` a quantity says by its change whether an observation of a case shows it there. `raises` gives
    the name of the error with which calls of a case then fail, by its params and arrays, "" where they do not, and
    behind a colon words that it says, or others after " or ";
    `fails` says of a case and of one of its calls whether the call may then fail, as what lies beyond an array does.
    Of one `of_deviation` the same change is true of a forward's own deviation. None is of a backward beside a forward
    that writes over what both work on.
    One `of_right` shows only beside a forward whose outputs are right: beside a wrong one that is what is wrong.
    `lines` tell it from another of its name.
    One that `mixes` normalises by statistics of other numbers than it should, and keeps these as running ones.
    """

    part: str
    kind: str
    name: str
    hint: str
    change: Any
    plug: tuple[Body | Swap, ...]
    file: str = LAYERS_FILE
    about: str = ""
    raises: Callable[[Params, Arrays], str] | None = None
    fails: Callable[[Params, Arrays, int], bool] | None = None
    of_deviation: bool = False
    mixes: bool = False
    of_right: bool = False
    lines: str = ""

    @property
    def mistake(self) -> Mistake:
        """The same as the protocol has it."""
        return Mistake(self.part, self.part, self.name, self.hint, plug=self.plug, file=self.file)

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
        if bool(self.about) != (self.kind == "network" and quantity.name.partition(" (")[0] in SEEN_AT):
            return False
        if self.about:
            return self.about == quantity.name.partition(" (")[0] and self._is_seen(plan, seen)
        if self._leaves(quantity):
            return False
        # Where scores lie far apart, right forms overflow, and so do wrong ones.
        asked = [
            case
            for case in plan
            if case.probe == self.kind and case.name in seen and case.params.get("slug") != "far-apart"
        ]
        found = [(case, [q for q in case.quantities if self._is_asked(q, quantity)]) for case in asked]
        if forward:
            found = [(case, [q for q in own if forward.tells(case, q.key.call)]) for case, own in found]
        meant = [(case, own) for case, own in found if own]
        results = [result_of(seen[case.name], q.key) for case, own in meant for q in own]
        if not any(isinstance(r, Returned) or (self.raises and r is not None and is_beyond(r)) for r in results):
            return False  # nothing came back, so nothing is asked that takes time
        if any(self._is_refuted(case, own, seen, draw, forward) for case, own in meant):
            return False
        if self.fails and not any(isinstance(result, Returned) for result in results):
            return False
        if self.of_right and any(_has_wrong_outputs(case, seen[case.name], draw(case)) for case, _ in meant):
            return False
        return all(self._agrees(case, own, seen, draw, forward) for case, own in meant)

    def _leaves(self, quantity: Quantity) -> bool:
        """Whether it leaves a result as it is, which then is wrong for another reason."""
        whole = self.kind in ASKED_WHOLE or self.raises or self.fails
        return not whole and quantity.key.name not in self.change

    def _is_asked(self, q: Quantity, quantity: Quantity) -> bool:
        return q.part == self.part and self._is_meant(q, quantity)

    def _is_refuted(
        self, case: Case, own: Sequence[Quantity], seen: Seen, draw: Draw, forward: OwnForward | None
    ) -> bool:
        """Whether a case refutes it at once, by numbers that no rounding explains."""
        arrays = draw(case)
        own = self._returning(case, own, seen[case.name], arrays)
        if case.probe == "dropout" or not own or (self.raises and self.raises(case.params, arrays)):
            return False
        try:
            asked = self._questions(case, arrays, seen[case.name], own, forward)
            return _is_far(case, seen[case.name], own, asked)
        except UNFIT:
            return True

    def _returning(self, case: Case, own: Sequence[Quantity], seen: Observation, arrays: Arrays) -> Sequence[Quantity]:
        """Those of the results that did not fail as the mistake makes calls fail."""
        results = {q: result_of(seen, q.key) for q in own}
        failed = {q.key.call for q, result in results.items() if isinstance(result, Failure) and is_beyond(result)}
        as_told = {k for k in failed if self.fails and self.fails(case.params, arrays, k)}
        return [q for q in own if not (q.key.call in as_told and isinstance(results[q], Failure))]

    def _questions(
        self,
        case: Case,
        arrays: Arrays,
        observation: Observation,
        own: Sequence[Quantity],
        forward: OwnForward | None = None,
    ) -> Sequence[Question]:
        """What is expected of who makes the mistake, of these of the results at least."""
        change, note = self.change, self.note
        if case.probe in ("layer", "loss"):
            # Answers are kept by their note: of other calls that failed they hold other results.
            note = f"{note} in {', '.join(q.name for q in own)}"
            if forward:
                note = f"{note}, by its own deviation"
                return layer.mistaken(case, arrays, change, note, own, lambda k: forward.of(case, k) or {})
            mistaken = layer.mistaken if case.probe == "layer" else losses.mistaken
            return mistaken(case, arrays, change, note, own)
        if case.probe == "running":
            return running.questions(case, arrays, change, note)
        if case.probe == "steps":
            return steps.questions(case, arrays, change, note)
        return networks.questions(case, networks.with_masks(case, arrays, observation), change or RIGHT, note)

    def _is_seen(self, plan: Sequence[Case], seen: Seen) -> bool:
        """Whether all observations of the part's cases show it that can: a change says None where it cannot show."""
        cases = [case for case in plan if case.name in seen and any(q.part == self.part for q in case.quantities)]
        asked = [case for case in cases if any(q.name.partition(" (")[0] == self.about for q in case.quantities)]
        shown = [self.change(case, seen[case.name]) for case in asked]
        return any(shown) and all(told is None or told for told in shown)

    def _is_meant(self, q: Quantity, quantity: Quantity) -> bool:
        """Whether a result is to be reproduced beside another: what the mistake changes goes together."""
        together = self.kind in ASKED_WHOLE or {q.key.name, quantity.key.name} <= set(self.change)
        return together or q.key.name == quantity.key.name

    def _agrees(self, case: Case, own: Sequence[Quantity], seen: Seen, draw: Draw, forward: OwnForward | None) -> bool:
        arrays = draw(case)
        observation = seen[case.name]
        if self.part != case.params.get("forward", self.part) and any(k.name == "out" for k in observation.overwritten):
            return False  # a forward that writes over what its backward works on
        if raised := self.raises(case.params, arrays) if self.raises else "":
            error, _, says = raised.partition(": ")
            words = says.split(" or ")
            results = [result_of(observation, q.key) for q in own if case.probe != "network" or q.key != WHOLE_CASE]
            return all(
                isinstance(r, Failure) and r.error == error and is_beyond(r) and any(one in r.said for one in words)
                for r in results
            )
        if case.probe == "dropout":
            outcomes = dropout.with_mistake(case, arrays, observation, self.change, self.note)
            return any(all(_is_near_enough(judged[q.name]) for q in own) for judged in outcomes)
        spared = tuple(self.change.unused(case.params)) if case.probe == "network" and self.change else ()
        own = self._returning(case, own, observation, arrays)
        told = [q for q in own if q.key.name not in spared]
        try:
            asked = self._questions(case, arrays, observation, own, forward)
            asked = [question for question in asked if any(q in own for q in question.quantities)]
            if _is_near(case, observation, told, asked):
                return True
            if is_refuted(case, observation, asked, told, "cpu"):
                return False
            judged = judge_all(case, observation, asked, "cpu")
        except UNFIT:
            return False
        return all(judged[q.name].verdict in PASSING for q in told if q.name in judged)


BEYOND = re.compile(
    r"broadcast|mismatch|cannot reshape|zero-size|empty sequence|out of bounds|must match|shapes|dimension"
)
"""What numpy says where arrays do not fit, or where there is nothing."""


def is_beyond(failure: Failure) -> bool:
    """Whether a call failed because arrays do not fit together, as where one reaches beyond another."""
    return failure.error in ("ValueError", "IndexError") and bool(BEYOND.search(failure.said))


FAR = {"float64": 1e-6, "float32": 1e-2}
"""What part of the largest number no rounding comes near, by the dtype: what is off by more needs no radius."""
LEAST = 1e-2
"""What stands for the largest number where all are smaller: it may be that of what they are the differences of."""


def _is_far(case: Case, seen: Observation, own: Sequence[Quantity], questions: Sequence[Question]) -> bool:
    """Whether a result is far from what all forms of its question predict, which is soon computed."""
    far = FAR[case.dtype]
    for question in questions:
        asked = [q for q in question.quantities if q in own]
        if asked and all(_misses(seen, asked, predicted(case, form), far) for form in question.forms):
            return True
    return False


ROUNDINGS = 16
"""So many roundings of the largest number explain less than any radius of a sum or product that a formula holds."""


def _is_near_enough(comparison: Comparison) -> bool:
    """Whether a result is what a mistake gives: p and 1 − (1 − p) are rounded otherwise."""
    return comparison.verdict in PASSING or 0 < (comparison.ratio or 0.0) <= ROUNDINGS


def _is_near(case: Case, seen: Observation, told: Sequence[Quantity], questions: Sequence[Question]) -> bool:
    """Whether each result is what a form of its question predicts, but for some roundings: that needs no radius."""
    return all(
        any(_gives(seen, own, predicted(case, form)) for form in question.forms)
        for question in questions
        if (own := [q for q in question.quantities if q in told])
    )


def _gives(seen: Observation, own: Sequence[Quantity], values: Mapping[str, NDArray[Any]]) -> bool:
    results = [(values.get(q.name), result_of(seen, q.key)) for q in own]
    return all(_is_rounded(result, want) for want, result in results if want is not None)


def _is_rounded(result: Returned | Failure | None, want: NDArray[Any]) -> bool:
    """Whether a result is in the shape and type of this array, and as near to it as its largest number is rounded."""
    got = result.array if isinstance(result, Returned) else None
    if got is None or got.shape != want.shape or got.dtype != want.dtype:
        return False
    if got.dtype.kind != "f" or not np.isfinite(want).all():
        return np.array_equal(got, want)
    near = ROUNDINGS * np.finfo(want.dtype).eps * np.abs(want).max(initial=0.0)
    return bool((np.abs(got - want) <= near).all())


def _has_wrong_outputs(case: Case, seen: Observation, arrays: Arrays) -> bool:
    """Whether an output of a layer is far from the right one."""
    outs = [q for q in case.quantities if q.key.name == "out"]
    return _is_far(case, seen, outs, layer.questions(case, arrays))


def _misses(seen: Observation, asked: Sequence[Quantity], values: Mapping[str, NDArray[Any]], far: float) -> bool:
    for q in asked:
        result = result_of(seen, q.key)
        if q.name not in values or not isinstance(result, Returned) or result.array is None:
            continue
        want, got = values[q.name], result.array
        if want.size != got.size or got.dtype.kind != "f":
            continue
        with np.errstate(all="ignore"):
            got = got.reshape(want.shape)
            if bool((np.isnan(got) != np.isnan(want)).any()):  # of no number no radius says anything
                return True
            gap = np.abs(got - want)
            if bool((gap > far * np.abs(want[np.isfinite(want)]).max(initial=LEAST)).any()):
                return True
    return False
