"""Holds formulas of known mistakes against what calls returned: which of them reproduce it, within rounding."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.protocol.mistake import Call, Mistake, Outcome
from parity_tests.protocol.observation import Failure, Returned


class Evidence:
    """The calls of one operation: those that may tell a mistake from what is right, the smallest first, and others."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = sorted(calls, key=lambda call: not call.wrong)
        self.telling = sorted((call for call in calls if call.wrong), key=_size)
        self.others = [call for call in self.calls if not call.wrong]

    def shows(self, mistake: Mistake) -> bool:
        """Whether a mistake's formula gives what was returned in all of them, a wrong one among them.

        A wrong call that returned what is right tells no mistake: something else of it is wrong.
        """
        explains = False
        for call in self.telling:
            prediction = _agreeing(mistake, call)
            if prediction is None:
                return False
            if prediction is not Outcome.ANYTHING and not _is_free(call):
                if _tells(prediction, call):
                    explains = True
                elif is_right(call):
                    self.telling = [one for one in self.telling if one is not call]
                    self.others.insert(0, call)
        return explains and all(_agreeing(mistake, call) is not None for call in self.others)


def _size(call: Call) -> int:
    return 0 if call.got is None else call.got.size


def reproducing(calls: Sequence[Call], generated: Callable[[Sequence[Call]], Iterable[Mistake]]) -> Mistake | None:
    """The first generated mistake whose formula gives what was returned in all calls of one operation.

    None where none does, or where no call is wrong.
    """
    evidence = Evidence(calls)
    tried = generated(evidence.calls) if evidence.telling else ()
    return next(filter(evidence.shows, tried), None)


def fits(mistake: Mistake, calls: Sequence[Call]) -> bool:
    """Whether a mistake's formula reproduces all of these calls, a wrong one among them."""
    return Evidence(calls).shows(mistake)


def _agreeing(mistake: Mistake, call: Call) -> Any:
    """What the formula predicts of a call and is what was returned; None where nothing is."""
    if isinstance(call.value, Failure) and call.value.kind != "crashed":
        return None
    try:
        prediction = mistake.formula(call)
    except (ValueError, IndexError):  # shapes that do not fit together
        prediction = Outcome.RAISES
    return prediction if _agrees(prediction, call) else None


def _tells(prediction: Any, call: Call) -> bool:
    """Whether a prediction is another than the right one, where the call knows that: within rounding both may fit."""
    right = call.inputs.get("right")
    if right is None or not isinstance(prediction, Running):
        return True
    right = right()
    if prediction.value.shape != right.value.shape:
        return True
    allowed = prediction.allowance() + right.allowance()
    return bool((~(np.abs(prediction.value - right.value) <= allowed)).any())


def is_right(call: Call) -> bool:
    """Whether all that was returned lies within what rounding allows the right result: nothing tells it from that."""
    right, got = call.inputs.get("right"), call.got
    if right is None or got is None or call.free is not None:
        return False
    right = right()
    return bool(got.shape == right.shape and (np.abs(got - right.value) <= right.allowance()).all())


def _is_free(call: Call) -> bool:
    """Whether all elements that are wrong are such as a formula need not explain."""
    arrays = call.comparison.arrays
    if call.free is None or arrays is None:
        return False
    got, want, radius = arrays
    return bool((call.free | (np.abs(got - want) <= radius)).all())


def _agrees(prediction: Any, call: Call) -> bool:
    """Whether what was returned is what a formula predicts."""
    if isinstance(call.value, Failure):
        return prediction in (Outcome.RAISES, Outcome.ANYTHING)
    if not isinstance(call.value, Returned):
        return False
    if isinstance(prediction, Outcome):
        return prediction is Outcome.ANYTHING or (prediction is Outcome.NOTHING and call.value.kind == "none")
    if not isinstance(prediction, Running) or call.value.array is None or call.value.array.dtype.kind not in "fiub":
        return False
    got, want = call.value.array, prediction.value
    if got.shape != want.shape:
        if got.size != want.size or got.squeeze().shape != want.squeeze().shape:
            return False
        got = got.reshape(want.shape)
    return _lies_within(got, prediction, call)


def _lies_within(got: Any, prediction: Running, call: Call) -> bool:
    """Whether every element lies within the formula's own rounding, where that says anything, as for most it must."""
    want, allowance = prediction.value, prediction.allowance()
    wide = np.asarray(got, np.longdouble)
    near = np.abs(wide - want) <= allowance
    overflows = (np.abs(want) > np.finfo(prediction.dtype).max) & (wide == np.sign(want) * np.inf)
    same = (wide == want) | (np.isnan(wide) & np.isnan(want)) | overflows
    if call.free is not None and call.free.shape == got.shape:
        same |= call.free
    says = np.isfinite(allowance) | same
    return bool((near | same | ~says).all()) and 2 * int(np.count_nonzero(says)) >= got.size
