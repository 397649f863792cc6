"""Says where results are wrong, in which calls and in which of their elements, by one rule for all borders.

A border is said only where it tells all that is wrong from all that is right, with two cases or more on either side of
it, and where no other border that is known does so too: else it is what the cases happened to hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.diagnosis.only_one import only_one
from parity_tests.protocol.diagnosis import Conditions, Regions, Relations
from parity_tests.protocol.mistake import Call

Mask = NDArray[np.bool_]
SIGNS = {"exactly 0": np.equal, "negative": np.less, "positive": np.greater}
ENOUGH = 2
"""Cases on either side of a border, and elements on either side of one within arrays."""
LEAST_BOUND = 1e-3
"""What part of the typical input a size must be that something is said to be right up to: all meets at 0."""
OF_CALLS: Conditions = (
    ("wrong only at N = 1", lambda call: _rows(call) == 1),
    ("right only at N = 1", lambda call: _rows(call) > 1),
    ("right at the first call, wrong from the second on", lambda call: bool(call.past)),
)
OF_LINES: Sequence[tuple[str, int, Callable[[int], Mask]]] = (
    ("wrong only in the last row", 0, lambda n: np.arange(n) == n - 1),
    ("wrong only in the first row", 0, lambda n: np.arange(n) == 0),
    ("right only in the first row", 0, lambda n: np.arange(n) > 0),
    ("wrong only in the last column", 1, lambda n: np.arange(n) == n - 1),
    ("wrong only in the first column", 1, lambda n: np.arange(n) == 0),
)
"""Words, the axis, and which of that many rows or columns are wrong."""


def where_wrong(calls: Sequence[Call], wrong: Sequence[Call], relations: Relations) -> str:
    """In which calls, or elements, all results are wrong and no others; "" where that cannot be told."""
    words = told_apart(calls, (*OF_CALLS, *relations.conditions))
    if words:
        return words
    if wrong[0].part in relations.elementwise:
        return _by_regions(calls, relations.regions) or _by_size(calls, relations.sized_by)
    return _by_lines(calls)


def told_apart(calls: Sequence[Call], conditions: Conditions) -> str:
    """The only condition that tells all wrong calls from all right ones, by two cases on either side, "" for none."""
    if not all(_several([call for call in calls if call.wrong is wrong]) for wrong in (True, False)):
        return ""
    return only_one(words for words, holds in conditions if all(bool(holds(call)) == call.wrong for call in calls))


def _several(calls: Sequence[Call]) -> bool:
    """Whether calls are of several cases; the same case in another dtype is none."""
    return len({call.case.removesuffix(f"/{call.dtype}") for call in calls}) >= ENOUGH


def _rows(call: Call) -> int:
    return int(call.inputs.get("N", 0))


def _wrong_elements(call: Call) -> Mask | None:
    """Which elements are off, None where that cannot be told."""
    if not call.wrong:
        return None if call.got is None else np.zeros(call.got.shape, np.bool_)
    if call.comparison.arrays is None:
        return None
    got, want, radius = (np.asarray(array, np.float64) for array in call.comparison.arrays)
    return np.asarray(~(np.abs(got - want) <= radius))


def _by_lines(calls: Sequence[Call]) -> str:
    """In which rows or columns all calls are off."""
    found, masks = [], [mask for mask in map(_wrong_elements, calls) if mask is not None]
    for words, axis, wrong_of in OF_LINES if len(masks) == len(calls) else ():
        others = [tuple(other for other in range(mask.ndim) if other != axis) for mask in masks]
        lines = [np.atleast_1d(mask.any(axis=over)) for mask, over in zip(masks, others, strict=True)]
        alike = all(np.array_equal(one, wrong_of(len(one))) for one in lines)
        if alike and all(mask.ndim > axis for mask in masks):
            found += [words] * _several([call for call, one in zip(calls, lines, strict=True) if len(one) > 1])
    return only_one(found)


def _by_regions(calls: Sequence[Call], regions: Regions) -> str:
    """For which inputs an elementwise part is off."""
    found = []
    for words, lies in regions:
        pairs = [(lies(call), _wrong_elements(call)) for call in calls]
        known = [(region, mask) for region, mask in pairs if region is not None and mask is not None]
        if len(known) < len(pairs) or not all(np.array_equal(region, mask) for region, mask in known):
            continue
        sides = sum(int(region.sum()) for region, _ in known), sum(int((~region).sum()) for region, _ in known)
        found += [f"wrong only where {words}"] * (min(sides) >= ENOUGH)
    return only_one(found)


def _by_size(calls: Sequence[Call], name: str) -> str:
    """Up to which size of an input an elementwise part is right, or from which on: as it was measured."""
    of_wrong, of_right = [np.zeros(0)], [np.zeros(0)]
    for call in calls:
        values, mask = call.inputs.get(name), _wrong_elements(call)
        if values is None or mask is None or values.shape != mask.shape:
            return ""
        size = np.abs(np.asarray(values.value, np.float64))
        of_wrong.append(size[mask])
        of_right.append(size[~mask])
    wrong, right = np.concatenate(of_wrong), np.concatenate(of_right)
    if min(wrong.size, right.size) < ENOUGH:
        return ""
    for below, up_to, above, from_on in ((right, "right", wrong, "wrong"), (wrong, "wrong", right, "right")):
        meets_at_0 = up_to == "right" and below.max() < LEAST_BOUND * np.median(np.concatenate((wrong, right)))
        if below.max() < above.min() and not meets_at_0:
            last, first = _digits(below.max(), ROUND_FLOOR), _digits(above.min(), ROUND_CEILING)
            return f"{up_to} where the input is up to {last} in magnitude, and {from_on} from {first} on"
    return ""


def _digits(number: float, rounding: str) -> str:
    """A number in three digits, rounded so that what is said of it stays true."""
    return f"{Context(prec=3, rounding=rounding).create_decimal(Decimal(float(number))):g}"


def of_sign(name: str, called: str, operation: str = "") -> Regions:
    """Regions by the sign of the input of this name, for operations with this word in them alone."""

    def lies(is_so: np.ufunc) -> Callable[[Call], Mask | None]:
        def at(call: Call) -> Mask | None:
            known = name in call.inputs and operation in call.operation
            return np.asarray(is_so(np.asarray(call.inputs[name].value, np.float64), 0.0)) if known else None

        return at

    return tuple((f"{called} is {sign}", lies(is_so)) for sign, is_so in SIGNS.items())
