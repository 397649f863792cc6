"""Holds formulas of known mistakes against what calls returned: which of them reproduce it, within rounding."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.protocol.mistake import ANYTHING, RAISES, Call, Estimate, Mistake, NoArray
from parity_tests.protocol.observation import Failure, Returned


def reproducing(mistakes: Sequence[Mistake], calls: Sequence[Call]) -> list[Mistake]:
    """Those of the mistakes whose formula gives what was returned in all calls of one operation.

    Formulas that hold a number are tried only where no other fits. None fits where no call is wrong.
    """
    if not any(call.wrong for call in calls):
        return []
    operation = calls[0].operation
    cheapest_to_refute_first = sorted(calls, key=lambda call: not call.wrong)
    known = [m for m in mistakes if m.operation == operation and m.formula is not None]
    plain = [m for m in known if m.estimate is None and fits(m, cheapest_to_refute_first)]
    return plain or [m for m in known if m.estimate is not None and fits(m, cheapest_to_refute_first)]


def fits(mistake: Mistake, calls: Sequence[Call]) -> bool:
    """Whether a mistake's formula reproduces all of these calls, a wrong one among them."""
    number = None
    if mistake.estimate is not None:
        number = _estimated(mistake.estimate, calls)
        if number is None:
            return False
    explains = False
    for call in calls:
        call.number = number
        if isinstance(call.value, Failure) and call.value.kind != "crashed":
            return False
        predicted = _predicted(mistake, call)
        predictions = predicted if isinstance(predicted, list) else [predicted]
        prediction = next((p for p in predictions if _agrees(p, call)), None)
        if prediction is None:
            return False
        explains = explains or (
            call.wrong and prediction is not ANYTHING and not _is_free(call) and _tells(prediction, call)
        )
    return explains


def _estimated(estimate: Estimate, calls: Sequence[Call]) -> Any:
    """The number that a formula holds; None where these calls do not show it."""
    try:
        with np.errstate(all="ignore"):
            return estimate(calls)
    except (ValueError, IndexError, TypeError, AttributeError, ArithmeticError):  # of another kind or shape, infinite
        return None


def _tells(prediction: Any, call: Call) -> bool:
    """Whether a prediction is another than the right one, where the call knows that: within rounding both may fit."""
    right = call.inputs.get("right")
    if right is None or not isinstance(prediction, Running):
        return True
    right = right()
    with np.errstate(all="ignore"):
        allowed = prediction.allowance() + right.allowance()
        return bool((~(np.abs(prediction.value - right.value) <= allowed)).any())


def _is_free(call: Call) -> bool:
    """Whether all elements that are wrong are such as a formula need not explain."""
    arrays = call.comparison.arrays
    if call.free is None or arrays is None:
        return False
    got, want, radius = arrays
    with np.errstate(all="ignore"):
        return bool((call.free | (np.abs(got - want) <= radius)).all())


def _predicted(mistake: Mistake, call: Call) -> Any:
    assert mistake.formula is not None
    try:
        with np.errstate(all="ignore"):
            return mistake.formula(call)
    except (ValueError, IndexError):  # shapes that do not fit together
        return RAISES


def _agrees(prediction: Any, call: Call) -> bool:
    """Whether what was returned is what a formula predicts."""
    if isinstance(call.value, Failure):
        return prediction is RAISES or prediction is ANYTHING
    if not isinstance(call.value, Returned):
        return False
    if isinstance(prediction, NoArray):
        return prediction.kind in ("", call.value.kind)
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
    largest = np.finfo(prediction.dtype).max
    with np.errstate(all="ignore"):
        near = np.abs(wide - want) <= allowance
        overflows = (np.abs(want) > largest) & (wide == np.sign(want) * np.inf)
    same = (wide == want) | (np.isnan(wide) & np.isnan(want)) | overflows
    free = call.free if call.free is not None and call.free.shape == want.shape else False
    says = np.isfinite(allowance) | same | free
    return bool((near | same | free | ~says).all()) and 2 * int(np.count_nonzero(says)) >= want.size
