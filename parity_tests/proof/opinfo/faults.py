"""The faults that are seeded in an accepted answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
RELATIVE = {"float32": 1e-4, "float64": 1e-10}
"""The change of one element."""
FAULTS = ("one element", "swapped pair", "flipped axis", "row of zeros", "times 1.001")


def seeded(got: Array, rng: np.random.Generator) -> Iterator[tuple[str, Array]]:
    """The answer with each of FAULTS in turn; those that cannot be are left out."""
    flat = got.reshape(-1)
    usable = np.flatnonzero((flat != 0) & np.isfinite(flat))
    if usable.size:
        at = rng.choice(usable)
        yield FAULTS[0], _with(got, {at: flat[at] * (1 + RELATIVE[str(got.dtype)])})
    if flat.size > 1:
        one, other = rng.choice(flat.size, 2, replace=False)
        yield FAULTS[1], _with(got, {one: flat[other], other: flat[one]})
    axes = [axis for axis, n in enumerate(got.shape) if n > 1]
    if axes:
        yield FAULTS[2], np.flip(got, axes[0]).copy()
    if got.ndim:
        row = got.copy()
        row[0] = 0
        yield FAULTS[3], row
    else:
        yield FAULTS[3], np.zeros_like(got)
    with np.errstate(over="ignore"):
        yield FAULTS[4], got * got.dtype.type(1 + 1e-3)


def _with(got: Array, changes: dict[Any, Any]) -> Array:
    changed = got.copy()
    for at, value in changes.items():
        changed.reshape(-1)[at] = value
    return changed


def over(faulty: Array, got: Array, want: Array, radius: Array, unsettled: NDArray[np.bool_]) -> bool:
    """Whether a fault moves some element by more than its radius and the honest gap together.

    `unsettled` marks elements at which another value is right as well; they do not count.
    """
    with np.errstate(all="ignore"):
        moved = np.abs(faulty.astype(float) - got.astype(float))
        allowed = radius + np.abs(got.astype(float) - want.astype(float))
        beyond = (moved > allowed) | (np.isnan(faulty) != np.isnan(got))
    return bool((beyond & ~unsettled).any())
