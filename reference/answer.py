"""What torch answers: for each element of a result a value, and the radius within which another honest value lies.

The functions that make answers take and return numpy arrays. They compute in the dtype of the arrays that they are
given, on the device that they are given ("cpu", "cuda" or "cuda:N"). Where a docstring says so, a leading dimension T
stands for several computations side by side.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import rounding

Array = NDArray[Any]


@dataclass(frozen=True)
class Alternative:
    """Another result that is right as well, at the elements `where`; `note` says what is worth knowing about it."""

    value: Array
    radius: rounding.Radius
    where: NDArray[np.bool_]
    note: str = ""

    def of(self, t: int) -> "Alternative":
        """The alternative of computation t, of several side by side."""
        return Alternative(self.value[t], self.radius[t], self.where[t], self.note)


@dataclass(frozen=True)
class Resolution:
    """How much of a change would be noticed: radius ÷ |want| over the elements that are not 0.

    `median` and `p95` are its median and 95th percentile, None where all elements are 0. `zeros_agree` is the share of
    the elements that are not 0 at which a result of zeros would agree. Any number from `lowest` to `highest` would
    agree at every element; there is none where `lowest` is the larger. Where nothing is a number, none is told apart.
    """

    median: float | None
    p95: float | None
    zeros_agree: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Answer:
    """torch's `value`, its `radius` and the `exact` value, all of one shape.

    `exact` is the same formula in higher precision, by which it is told whose side is off. It is computed by `exactly`
    when it is first asked for.
    """

    value: Array
    radius: rounding.Radius
    exactly: Callable[[], Array]
    alternatives: tuple[Alternative, ...] = ()
    radius_kind: str = "derived"

    @cached_property
    def exact(self) -> Array:
        """The same formula in the precision of `precise`."""
        return self.exactly()

    @cached_property
    def median(self) -> float | None:
        """The median of its resolution, which most comparisons show alone."""
        return medians(self.value[None], np.broadcast_to(np.asarray(self.radius), self.value.shape)[None])[0]

    @cached_property
    def resolution(self) -> Resolution:
        """How much of a change would be noticed."""
        return _resolution(self.value, self.radius, self.median)

    def of(self, t: int) -> "Answer":
        """The answer of computation t, of several side by side."""
        alternatives = tuple(alternative.of(t) for alternative in self.alternatives)
        return Answer(self.value[t], self.radius[t], lambda: self.exact[t], alternatives, self.radius_kind)


def medians(value: Array, radius: Array) -> list[float | None]:
    """For each of T values the lower median of radius ÷ |value| over its elements that are finite and not 0."""
    rows, radii = np.abs(value.reshape(len(value), -1)), radius.reshape(len(value), -1)
    with np.errstate(all="ignore"):
        relative = radii / rows
    kept = (rows != 0) & np.isfinite(rows)
    if kept.all():  # at once, as most often
        middle = (relative.shape[1] - 1) // 2
        return [float(median) for median in np.partition(relative, middle, axis=1)[:, middle]]
    each = [row[known] for row, known in zip(relative, kept, strict=True)]
    return [float(np.partition(row, (len(row) - 1) // 2)[(len(row) - 1) // 2]) if len(row) else None for row in each]


def _resolution(value: Array, radius: Array, median: float | None) -> Resolution:
    wide = value.astype(np.float64)
    if not np.isfinite(wide).any():
        return Resolution(None, None, 0.0, -math.inf, math.inf)
    nonzero = (wide != 0) & np.isfinite(wide)
    with np.errstate(all="ignore"):
        lowest, highest = float(np.max(wide - radius)), float(np.min(wide + radius))
    if not nonzero.any():
        return Resolution(None, None, 0.0, lowest, highest)
    with np.errstate(all="ignore"):
        relative = radius[nonzero] / np.abs(wide[nonzero])
    p95 = float(np.quantile(relative, 0.95, method="inverted_cdf"))
    return Resolution(median, p95, float(np.mean(relative >= 1)), lowest, highest)


def precise(array: Array) -> Array:
    """`array` in the precision that answers of its dtype are measured against: float64 for float32, else longdouble."""
    return array.astype(np.float64 if array.dtype == np.float32 else np.longdouble)


def known(value: Array) -> Answer:
    """The answer of a computation that does not round: radius 0."""
    return Answer(value, rounding.zero_radius(value), lambda: precise(value))
