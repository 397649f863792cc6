"""Simple relations between what was returned and what is right, for where no known mistake fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.diagnosis.formulas import is_right
from parity_tests.harness.diagnosis.location import where_wrong
from parity_tests.protocol.diagnosis import Relations
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Returned
from reference.rounding import unit_roundoff

Array = NDArray[np.float64]
SLACK = 8
"""Roundings, in u of the value, that a wrong result may have beyond the radius of the right one."""
OTHER_KINDS = {"none": "nothing is returned", "tuple": "several things are returned"}
HINTS = {
    OTHER_KINDS["none"]: "What does a function return that has no return statement?",
    OTHER_KINDS["tuple"]: "One array is asked for: what else is returned?",
}
NEAR_ONE = 5e-6
"""A factor that prints as 1 in six digits says nothing."""


def _is_told(call: Call) -> bool:
    """Whether a call is wrong, as far as what is right can be made of it."""
    try:
        return call.wrong and not is_right(call)
    except ValueError:
        return False


@np.errstate(all="ignore")
def relation(calls: Sequence[Call], relations: Relations) -> str:
    """A sentence part such as "off by the constant factor 0.5", "" where no relation holds in every wrong call."""
    wrong = [call for call in calls if _is_told(call)]
    if not wrong:
        return ""
    if own := relations.own.get(wrong[0].operation) or relations.own.get(wrong[0].part):
        return own([*wrong, *(call for call in calls if not call.wrong)])
    if words := next((words for kind, words in OTHER_KINDS.items() if all(_is(kind, call) for call in wrong)), ""):
        return words
    if not any(isinstance(call.value, Failure) for call in wrong):
        words = _of_values(calls, wrong)
        if words:
            return words
    return where_wrong(calls, wrong, relations)


def _is(kind: str, call: Call) -> bool:
    return isinstance(call.value, Returned) and call.value.kind == kind


def _of_values(calls: Sequence[Call], wrong: Sequence[Call]) -> str:
    """How the values that were returned relate to the right ones."""
    if not are_compared(wrong):
        return next((words for words, holds in _SHAPES if all(holds(call) for call in wrong)), "")
    everywhere = len(wrong) == len(calls)
    words = (
        _sign(wrong)
        or (everywhere and (_factor(wrong) or _constant(wrong)))
        or _alike(wrong)
        or _before(wrong)
        or _cut(wrong)
        or right_digits(wrong)
    )
    if words:
        return words
    for order, holds in _ORDERS:
        if all(holds(call) for call in wrong):
            return order
    return "NaN or infinite wherever it is wrong" if all(_finite_is_right(call) for call in wrong) else ""


def compared_arrays(call: Call) -> tuple[Array, Array, Array]:
    """got, want and the radius of a wrong call whose values were compared, as float64."""
    arrays = _arrays(call)
    assert arrays is not None
    got, want, radius = (np.asarray(array, np.float64) for array in arrays)
    return got, want, radius


def are_compared(calls: Sequence[Call]) -> bool:
    """Whether there are values of all of them, of the shapes that are asked for."""
    return all(_arrays(call) is not None for call in calls)


def _arrays(call: Call) -> Sequence[NDArray[np.floating]] | None:
    """Those that were compared, or what was returned beside what is right; None where there are none of one shape."""
    if call.comparison.arrays is not None or call.got is None or "right" not in call.inputs:
        return call.comparison.arrays
    right = call.right()
    return (call.got, right.value, right.allowance()) if call.got.shape == right.shape else None


# ---- one number


def _sign(wrong: Sequence[Call]) -> str:
    return "right up to the sign" if all(_is_multiple(call, -1.0) for call in wrong) else ""


def _is_multiple(call: Call, factor: float) -> bool:
    got, want, radius = compared_arrays(call)
    with np.errstate(all="ignore"):
        allowed = abs(factor) * radius + SLACK * unit_roundoff(call.dtype) * np.abs(got)
        return bool(np.isfinite(got).all() and (np.abs(got - factor * want) <= allowed).all())


def _factor(wrong: Sequence[Call]) -> str:
    pairs = [compared_arrays(call)[:2] for call in wrong]
    if not all(np.isfinite(got).all() for got, _ in pairs):
        return ""
    size = sum(float((want * want).sum()) for _, want in pairs)
    if size == 0:
        return ""
    factor = sum(float((got * want).sum()) for got, want in pairs) / size
    precise = [call for call in wrong if call.dtype == np.float64]
    if factor and precise:
        got, want, _ = compared_arrays(precise[0])
        factor = float((got * want).sum() / (want * want).sum()) if want.any() else factor
    if factor and abs(factor - 1) > NEAR_ONE and all(_is_multiple(call, factor) for call in wrong):
        return f"differs by the constant factor {factor:.6g}"
    return ""


def _constant(wrong: Sequence[Call]) -> str:
    got, want, _ = compared_arrays(wrong[0])
    constant = float(np.median(got - want)) if np.isfinite(got).all() else 0.0
    for call in wrong if constant else ():
        got, want, radius = compared_arrays(call)
        with np.errstate(all="ignore"):
            allowed = radius + SLACK * unit_roundoff(call.dtype) * (np.abs(got) + np.abs(want) + abs(constant))
            if not (np.abs(got - want - constant) <= allowed).all():
                return ""
    return f"differs by the additive constant {constant:.6g}" if constant else ""


# ---- too little variety


def _alike(wrong: Sequence[Call]) -> str:
    """Results that do not depend on the place."""
    pairs = [compared_arrays(call)[:2] for call in wrong]
    if all(not got.any() for got, _ in pairs):
        return "zero everywhere"
    if all(np.isnan(got).all() for got, _ in pairs):
        return "NaN everywhere"
    if any(got.size > 1 for got, _ in pairs) and all((got == got.flat[0]).all() for got, _ in pairs):
        return "the same number everywhere"
    for axis, words in ((0, "all rows are alike"), (1, "all columns are alike")):
        several = [(got, want) for got, want in pairs if got.ndim == 2 and got.shape[axis] > 1]
        if several and all(_is_constant(got, axis) and not _is_constant(want, axis) for got, want in several):
            return words
    return ""


def _is_constant(array: Array, axis: int) -> bool:
    return bool((array == array.take([0], axis)).all())


def _before(wrong: Sequence[Call]) -> str:
    """Results that were returned before, where they were right."""
    for call in wrong:
        before = call.past[-1] if call.past else None
        if before is None or before.got is None or before.wrong:
            return ""
        if call.got is None or not np.array_equal(call.got, before.got):
            return ""
    return "the result of the call before"


# ---- too little precision


def right_digits(wrong: Sequence[Call]) -> str:
    """Results that are right to fewer digits than their dtype holds."""
    return _decimals(wrong) or _single_precision(wrong)


SEVERAL = 12
"""Of fewer elements that are off it is not said that they have the digits of float32."""


MOST_ARE_OFF = 0.5
"""What share at least of the numbers that float32 does not hold is off: who computes in it rounds them all."""
COARSE = 1e-3
"""What float32's digits are not looked for in: a bound that would be so large, relative to what is right, in it."""
LEAST_OF_NARROW = 2.0**-8
"""What part of float32's rounding errors at least have as their median: those of smaller errors have more digits."""


def _single_precision(wrong: Sequence[Call]) -> str:
    """float64 results that are right as float32 ones would be, at more elements than small steps left out may be so."""
    narrow, wide = unit_roundoff(np.float32), unit_roundoff(np.float64)
    errors = list[NDArray[np.float64]]()
    rounded = 0
    for call in wrong:
        if call.dtype != np.float64:
            return ""
        got, want, radius = compared_arrays(call)
        if (radius * narrow > COARSE * wide * np.abs(want)).all():
            return ""
        with np.errstate(all="ignore"):
            allowed = radius * (narrow / wide) + 2 * narrow * np.abs(want)
            if not (np.abs(got - want) <= allowed).all():
                return ""
            off = np.abs(got - want) > radius
            errors.append((np.abs(got - want) / np.abs(want))[off])
            rounded += int((np.abs(want.astype(np.float32) - want) > radius).sum())
    found = np.concatenate(errors)
    is_as_large = found.size >= SEVERAL and float(np.median(found)) >= narrow * LEAST_OF_NARROW
    return "right to float32 digits only" if is_as_large and found.size >= MOST_ARE_OFF * rounded else ""


def _decimals(wrong: Sequence[Call]) -> str:
    several = len({number for call in wrong for number in compared_arrays(call)[0].ravel()[:SEVERAL].tolist()}) > 1
    for decimals in range(9 * several):
        if all(_is_rounded(call, decimals) for call in wrong):
            return f"rounded to {decimals} decimals" if decimals else "rounded to whole numbers"
    return ""


def _is_rounded(call: Call, decimals: int) -> bool:
    got, want, radius = compared_arrays(call)
    with np.errstate(all="ignore"):
        on_grid = np.abs(got - np.round(got, decimals)) <= 4 * unit_roundoff(call.dtype) * np.abs(got)
        near = np.abs(got - want) <= 10.0**-decimals * (0.5 if decimals else 1.0) + radius
    return bool((on_grid & near).all())


def _cut(wrong: Sequence[Call]) -> str:
    """Right up to a certain size, and that size beyond it."""
    most = max(float(np.abs(compared_arrays(call)[0]).max()) for call in wrong)
    if sum(compared_arrays(call)[0].size for call in wrong) < 2:
        return ""  # any number alone is as large as itself
    for call in wrong:
        got, want, radius = compared_arrays(call)
        if not np.isfinite(got).all() or not (np.abs(got - np.clip(want, -most, most)) <= radius).all():
            return ""
    shown = f"{most:.6g}" if float(f"{most:.6g}") <= most else f"{most:.10g}"
    return f"right up to {shown} in magnitude, and cut off beyond"


def _finite_is_right(call: Call) -> bool:
    got, want, radius = compared_arrays(call)
    finite = np.isfinite(got)
    return bool((np.abs(got - want)[finite] <= radius[finite]).all())


# ---- the right numbers at wrong places


def _is_absolute(call: Call) -> bool:
    got, want, radius = compared_arrays(call)
    return bool((np.abs(got - np.abs(want)) <= radius).all())


def _is_reshaped(call: Call) -> bool:
    """The right numbers, in the order that a transposed array has them in."""
    got, want, radius = compared_arrays(call)
    if want.ndim != 2:
        return False
    radius = np.broadcast_to(radius, want.shape)
    turned = np.abs(got - want.T.reshape(want.shape)) <= radius.T.reshape(want.shape)
    turned_back = np.abs(got - want.reshape(want.T.shape).T) <= radius.reshape(want.T.shape).T
    return bool(turned.all() or turned_back.all())


def _is_square_transposed(call: Call) -> bool:
    got, want, radius = compared_arrays(call)
    square = want.ndim == 2 and want.shape[0] == want.shape[1]
    return square and bool((np.abs(got - want.T) <= np.broadcast_to(radius, want.shape).T).all())


def _transposed(call: Call) -> bool:
    """Of the shape of the transposed result; where it is square, by its numbers."""
    if call.comparison.arrays is not None:
        return _is_square_transposed(call)
    if call.shape is None or call.got is None:
        return False
    return call.got.shape == call.shape[::-1] and call.got.shape != call.shape


def _is_flat(call: Call) -> bool:
    """Of one axis, as long as the two that are asked for have elements."""
    asked = call.shape or ()
    return len(asked) == 2 and call.got is not None and call.got.shape == (asked[0] * asked[1],)


def _permuted(call: Call, axis: int) -> bool:
    got, want, radius = compared_arrays(call)
    if got.shape != want.shape or got.ndim <= axis or got.shape[axis] < 2 or not np.isfinite(got).all():
        return False
    g, w, r = (
        np.moveaxis(np.broadcast_to(x, want.shape), axis, 0).reshape(want.shape[axis], -1) for x in (got, want, radius)
    )
    allowed = r.max(axis=0) + SLACK * unit_roundoff(call.dtype) * np.abs(w).max(axis=0)
    matches = (np.abs(g[:, None, :] - w[None, :, :]) <= allowed).all(axis=2)
    moved = bool((matches.argmax(axis=1) != np.arange(len(g))).any())
    return moved and bool((matches.sum(axis=0) == 1).all() and (matches.sum(axis=1) == 1).all())


_SHAPES = (("transposed", _transposed), ("of one axis, where two are asked for", _is_flat))
_ORDERS: tuple[tuple[str, Callable[[Call], bool]], ...] = (
    ("transposed", _is_square_transposed),
    ("reshaped, where it should be transposed: the right numbers at wrong places", _is_reshaped),
    ("the rows are right, but in another order", lambda call: _permuted(call, 0)),
    ("the columns are right, but in another order", lambda call: _permuted(call, 1)),
    ("the absolute value is taken", _is_absolute),
)
