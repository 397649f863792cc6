"""Simple relations between what was returned and what is right, for where no known mistake fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

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


class Pair(NamedTuple):
    """What a wrong call returned, what is right, and the radius of that, as float64; and the call's unit roundoff."""

    got: Array
    want: Array
    radius: Array
    u: float

    def lies(self, expected: Array, allowed: Array | None = None) -> bool:
        """Whether all that was returned is finite and near something: within the radius, or what else is allowed."""
        near = np.abs(self.got - expected) <= (self.radius if allowed is None else allowed)
        return bool((near & np.isfinite(self.got)).all())

    def is_multiple(self, factor: float) -> bool:
        """Whether all of it is so many times what is right."""
        return self.lies(factor * self.want, abs(factor) * self.radius + SLACK * self.u * np.abs(self.got))


def _pair(call: Call) -> Pair | None:
    """What was compared, or what was returned beside what is right; None where there are no two of one shape."""
    arrays: Sequence[NDArray[np.floating]] | None = call.comparison.arrays
    if arrays is None and call.got is not None and "right" in call.inputs:
        right = call.right()
        arrays = (call.got, right.value, right.allowance()) if call.got.shape == right.shape else None
    if arrays is None:
        return None
    got, want, radius = (np.asarray(array, np.float64) for array in arrays)
    return Pair(got, want, np.broadcast_to(radius, want.shape), unit_roundoff(call.dtype))


def pairs_of(calls: Sequence[Call]) -> list[Pair] | None:
    """What all of some calls returned, each beside what is right; None where there are no values of one of them."""
    found = [pair for pair in map(_pair, calls) if pair is not None]
    return found if len(found) == len(calls) else None


def _is_told(call: Call) -> bool:
    """Whether a call is wrong, as far as what is right can be made of it."""
    try:
        return call.wrong and not is_right(call)
    except ValueError:
        return False


def relation(calls: Sequence[Call], relations: Relations) -> str:
    """A sentence part such as "off by the constant factor 0.5", "" where no relation holds in every wrong call."""
    wrong = [call for call in calls if _is_told(call)]
    if not wrong:
        return ""
    if own := relations.own.get(wrong[0].operation) or relations.own.get(wrong[0].part):
        return own([*wrong, *(call for call in calls if not call.wrong)])
    if words := next((words for kind, words in OTHER_KINDS.items() if all(_is(kind, call) for call in wrong)), ""):
        return words
    known = not any(isinstance(call.value, Failure) for call in wrong)
    return (_of_values(wrong, len(wrong) == len(calls)) if known else "") or where_wrong(calls, wrong, relations)


def _is(kind: str, call: Call) -> bool:
    return isinstance(call.value, Returned) and call.value.kind == kind


def _of_values(wrong: Sequence[Call], everywhere: bool) -> str:
    """How the values that were returned relate to the right ones."""
    pairs = pairs_of(wrong)
    if pairs is None:
        return next((words for words, holds in _SHAPES if all(map(holds, wrong))), "")
    words = (
        ("right up to the sign" if all(pair.is_multiple(-1.0) for pair in pairs) else "")
        or (everywhere and (_factor(pairs) or _constant(pairs)))
        or _alike(pairs)
        or ("the result of the call before" if all(map(_is_before, wrong)) else "")
        or _cut(pairs)
        or right_digits(wrong)
    )
    return words or next((words for words, holds in _ORDERS if all(map(holds, pairs))), "")


# ---- one number


def _factor(pairs: Sequence[Pair]) -> str:
    told = next((pair for pair in sorted(pairs, key=lambda pair: pair.u) if pair.want.any()), None)
    factor = float((told.got * told.want).sum() / (told.want * told.want).sum()) if told else 1.0
    fits = factor and abs(factor - 1) > NEAR_ONE and all(pair.is_multiple(factor) for pair in pairs)
    return f"differs by the constant factor {factor:.6g}" if fits else ""


def _constant(pairs: Sequence[Pair]) -> str:
    constant = float(np.median(pairs[0].got - pairs[0].want))

    def differs(pair: Pair) -> bool:
        size = np.abs(pair.got) + np.abs(pair.want) + abs(constant)
        return pair.lies(pair.want + constant, pair.radius + SLACK * pair.u * size)

    return f"differs by the additive constant {constant:.6g}" if constant and all(map(differs, pairs)) else ""


# ---- too little variety


def _alike(pairs: Sequence[Pair]) -> str:
    """Results that do not depend on the place."""
    if all(not pair.got.any() for pair in pairs):
        return "zero everywhere"
    if all(np.isnan(pair.got).all() for pair in pairs):
        return "NaN everywhere"
    if any(pair.got.size > 1 for pair in pairs) and all((pair.got == pair.got.flat[0]).all() for pair in pairs):
        return "the same number everywhere"
    for axis, words in ((0, "all rows are alike"), (1, "all columns are alike")):
        several = [pair for pair in pairs if pair.got.ndim == 2 and pair.got.shape[axis] > 1]
        if several and all(_is_constant(pair.got, axis) and not _is_constant(pair.want, axis) for pair in several):
            return words
    return ""


def _is_constant(array: Array, axis: int) -> bool:
    return bool((array == array.take([0], axis)).all())


def _is_before(call: Call) -> bool:
    """Whether the result was returned by the call before, where it was right."""
    before = call.past[-1] if call.past else None
    if before is None or before.wrong or before.got is None or call.got is None:
        return False
    return np.array_equal(call.got, before.got)


# ---- too little precision


def right_digits(wrong: Sequence[Call]) -> str:
    """Results that are right to fewer digits than their dtype holds."""
    pairs = pairs_of(wrong)
    return (_decimals(pairs) or _single_precision(pairs)) if pairs else ""


SEVERAL = 12
"""Of fewer elements that are off it is not said that they have the digits of float32."""
MOST_ARE_OFF = 0.5
"""What share at least of the numbers that float32 does not hold is off: who computes in it rounds them all."""
COARSE = 1e-3
"""What float32's digits are not looked for in: a bound that would be so large, relative to what is right, in it."""
LEAST_OF_NARROW = 2.0**-8
"""What part of float32's rounding errors at least have as their median: those of smaller errors have more digits."""


def _single_precision(pairs: Sequence[Pair]) -> str:
    """float64 results that are right as float32 ones would be, at more elements than small steps left out may be so."""
    narrow, wide = unit_roundoff(np.float32), unit_roundoff(np.float64)
    errors, rounded = list[Array](), 0
    for pair in pairs:
        got, want, radius, u = pair
        is_coarse = (radius * narrow > COARSE * wide * np.abs(want)).all()
        if u != wide or is_coarse or not pair.lies(want, radius * (narrow / wide) + 2 * narrow * np.abs(want)):
            return ""
        off = np.abs(got - want) > radius
        errors.append((np.abs(got - want) / np.abs(want))[off])
        rounded += int((np.abs(want.astype(np.float32) - want) > radius).sum())
    found = np.concatenate(errors)
    is_as_large = found.size >= SEVERAL and float(np.median(found)) >= narrow * LEAST_OF_NARROW
    return "right to float32 digits only" if is_as_large and found.size >= MOST_ARE_OFF * rounded else ""


def _decimals(pairs: Sequence[Pair]) -> str:
    several = len({number for pair in pairs for number in pair.got.ravel()[:SEVERAL].tolist()}) > 1
    for decimals in range(9 * several):
        if all(_is_rounded(pair, decimals) for pair in pairs):
            return f"rounded to {decimals} decimals" if decimals else "rounded to whole numbers"
    return ""


def _is_rounded(pair: Pair, decimals: int) -> bool:
    near = 10.0**-decimals * (0.5 if decimals else 1.0) + pair.radius
    on_grid = pair.lies(np.round(pair.got, decimals), 4 * pair.u * np.abs(pair.got))
    return on_grid and pair.lies(pair.want, near)


def _cut(pairs: Sequence[Pair]) -> str:
    """Right up to a certain size, and that size beyond it; any number alone is as large as itself."""
    most = max(float(np.abs(pair.got).max()) for pair in pairs)
    if sum(pair.got.size for pair in pairs) < 2 or not np.isfinite(most):
        return ""
    if not all(pair.lies(np.clip(pair.want, -most, most)) for pair in pairs):
        return ""
    shown = f"{most:.6g}" if float(f"{most:.6g}") <= most else f"{most:.10g}"
    return f"right up to {shown} in magnitude, and cut off beyond"


# ---- the right numbers at wrong places


def _finite_is_right(pair: Pair) -> bool:
    finite = np.isfinite(pair.got)
    return bool((np.abs(pair.got - pair.want)[finite] <= pair.radius[finite]).all())


def _is_reshaped(pair: Pair) -> bool:
    """The right numbers, in the order that a transposed array has them in."""
    want, radius = pair.want, pair.radius
    if want.ndim != 2:
        return False
    turned = pair.lies(want.T.reshape(want.shape), radius.T.reshape(want.shape))
    return turned or pair.lies(want.reshape(want.T.shape).T, radius.reshape(want.T.shape).T)


def _is_square_transposed(pair: Pair) -> bool:
    square = pair.want.ndim == 2 and pair.want.shape[0] == pair.want.shape[1]
    return square and pair.lies(pair.want.T, pair.radius.T)


def _transposed(call: Call) -> bool:
    """Of the shape of the transposed result; where it is square, by its numbers."""
    if (pair := _pair(call)) is not None:
        return _is_square_transposed(pair)
    if call.shape is None or call.got is None:
        return False
    return call.got.shape == call.shape[::-1] and call.got.shape != call.shape


def _is_flat(call: Call) -> bool:
    """Of one axis, as long as the two that are asked for have elements."""
    asked = call.shape or ()
    return len(asked) == 2 and call.got is not None and call.got.shape == (asked[0] * asked[1],)


def _permuted(pair: Pair, axis: int) -> bool:
    got, want, radius, u = pair
    if got.shape != want.shape or got.ndim <= axis or got.shape[axis] < 2 or not np.isfinite(got).all():
        return False
    g, w, r = (np.moveaxis(x, axis, 0).reshape(want.shape[axis], -1) for x in (got, want, radius))
    allowed = r.max(axis=0) + SLACK * u * np.abs(w).max(axis=0)
    matches = (np.abs(g[:, None, :] - w[None, :, :]) <= allowed).all(axis=2)
    moved = bool((matches.argmax(axis=1) != np.arange(len(g))).any())
    return moved and bool((matches.sum(axis=0) == 1).all() and (matches.sum(axis=1) == 1).all())


_SHAPES = (("transposed", _transposed), ("of one axis, where two are asked for", _is_flat))
_ORDERS: tuple[tuple[str, Callable[[Pair], bool]], ...] = (
    ("transposed", _is_square_transposed),
    ("reshaped, where it should be transposed: the right numbers at wrong places", _is_reshaped),
    ("the rows are right, but in another order", lambda pair: _permuted(pair, 0)),
    ("the columns are right, but in another order", lambda pair: _permuted(pair, 1)),
    ("the absolute value is taken", lambda pair: pair.lies(np.abs(pair.want))),
    ("NaN or infinite wherever it is wrong", _finite_is_right),
)
