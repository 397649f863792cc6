"""Says where results are wrong: in which calls, and in which of their elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.diagnosis import Regions, Relations
from parity_tests.protocol.mistake import Call

Mask = NDArray[np.bool_]


def where_wrong(calls: Sequence[Call], wrong: Sequence[Call], relations: Relations) -> str:
    """In which calls, or elements, all results are wrong and no others; "" where that cannot be told."""
    right = [call for call in calls if not call.wrong]
    single = [call for call in calls if _rows(call) == 1]
    if all(call in single for call in wrong) and any(call not in single for call in right):
        return "wrong only at N = 1"
    for words, holds in relations.conditions:
        if right and all(holds(call) for call in wrong) and not any(holds(call) for call in right):
            return words
    if right and all(call.past for call in wrong) and not any(call.past for call in right):
        return "right at the first call, wrong from the second on"
    elements = [_wrong_elements(call) for call in wrong]
    known = [mask for mask in elements if mask is not None and mask.ndim > 0]
    if len(known) == len(elements):
        elementwise = wrong[0].part in relations.elementwise
        words = _by_regions(wrong, known, relations.regions) if elementwise else _by_rows(known)
        if words:
            return words
    if right and all(_rows(call) > 1 for call in wrong) and all(call in single for call in right):
        return "right only at N = 1"
    return ""


def _rows(call: Call) -> int:
    return int(call.inputs.get("N", 0))


def _wrong_elements(call: Call) -> Mask | None:
    """Which elements are off, None where that cannot be told."""
    if call.comparison.arrays is None:
        return None
    got, want, radius = (np.asarray(array, np.float64) for array in call.comparison.arrays)
    with np.errstate(all="ignore"):
        return np.asarray(~(np.abs(got - want) <= radius))


def _by_rows(masks: Sequence[Mask]) -> str:
    """In which rows or columns all wrong calls are off."""
    several_rows = any(len(mask) > 1 for mask in masks)
    columns = all(mask.ndim > 1 and mask.shape[1] > 1 for mask in masks)
    if several_rows and all(not mask[:-1].any() for mask in masks):
        return "wrong only in the last row"
    if several_rows and all(not mask[1:].any() for mask in masks):
        return "wrong only in the first row"
    if columns and all(not mask[:, :-1].any() for mask in masks):
        return "wrong only in the last column"
    if columns and all(not mask[:, 1:].any() for mask in masks):
        return "wrong only in the first column"
    if all(len(mask) > 1 and not mask[0].any() for mask in masks):
        return "right only in the first row"
    return ""


def _by_regions(wrong: Sequence[Call], masks: Sequence[Mask], regions: Regions) -> str:
    """For which inputs an elementwise part is off."""
    for words, lies in regions:
        inside = [lies(call) for call in wrong]
        known = [mask for mask in inside if mask is not None]
        covered = len(known) == len(inside) and all(
            region.shape == mask.shape and region[mask].all() for region, mask in zip(known, masks, strict=True)
        )
        if covered and not all(region.all() for region in known):
            return f"wrong only where {words}"
    return ""


def of_input(name: str) -> Regions:
    """Regions by the value of the input of this name."""

    def lies(inside: Callable[[NDArray[np.float64]], Mask]) -> Callable[[Call], Mask | None]:
        def at(call: Call) -> Mask | None:
            values = call.inputs.get(name)
            return None if values is None else np.asarray(inside(np.asarray(values.value, np.float64)))

        return at

    return (
        ("the input is exactly 0", lies(lambda x: x == 0)),
        ("the input is negative", lies(lambda x: x < 0)),
        ("the input is positive", lies(lambda x: x > 0)),
        ("the input is beyond 10 in magnitude", lies(lambda x: np.abs(x) > 10)),
        ("the input is beyond 1 in magnitude", lies(lambda x: np.abs(x) > 1)),
        ("the input is smaller than 0.1 in magnitude", lies(lambda x: np.abs(x) < 0.1)),
    )


def of_gradient(name: str) -> Regions:
    """Regions by the sign of the incoming gradient of this name, for gradients alone."""

    def has_sign(sign: int) -> Callable[[Call], Mask | None]:
        def at(call: Call) -> Mask | None:
            if "gradient" not in call.operation:
                return None
            return np.asarray(sign * np.asarray(call.inputs[name].value) > 0)

        return at

    return (
        ("the incoming gradient is negative", has_sign(-1)),
        ("the incoming gradient is positive", has_sign(1)),
    )
