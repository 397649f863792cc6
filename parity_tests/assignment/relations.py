"""Simple relations between what was returned and what is right, said where no known mistake fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from parity_tests.assignment.diagnoses.base import Asked
from parity_tests.harness.observation import Failure
from reference.rounding import unit_roundoff

ELEMENTWISE = ("tanh", "relu", "dropout")
SLACK = 8
"""Roundings, in u of the value, that a wrong result may have beyond the radius of the right one."""
NEAR_ONE = 5e-6
"""A factor that prints as 1 in six digits says nothing."""


def relation(asked: Sequence[Asked]) -> str:
    """A sentence part such as "off by the constant factor 0.5", "" where no relation holds in every wrong call."""
    wrong = [a for a in asked if a.wrong]
    if not wrong or any(isinstance(a.value, Failure) for a in wrong):
        return _where(asked, wrong)
    shaped = [a for a in wrong if a.comparison.arrays is not None]
    if len(shaped) == len(wrong):
        for found in (_sign(asked, wrong), _factor(asked, wrong), _digits(asked, wrong), _decimals(wrong)):
            if found:
                return found
        if all(_permuted(a, 0) for a in wrong):
            return "the rows are right, but in another order"
        if all(a.got.ndim > 1 and _permuted(a, 1) for a in wrong):
            return "the columns are right, but in another order"
    return _where(asked, wrong)


def _wide(a: Asked) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """got, want and what may lie between them, of one wrong call."""
    got, want, radius = (np.asarray(array, np.float64) for array in a.comparison.arrays)
    return got, want, radius


def _proportional(a: Asked, factor: float) -> bool:
    got, want, radius = _wide(a)
    with np.errstate(all="ignore"):
        allowed = abs(factor) * radius + SLACK * unit_roundoff(a.dtype) * np.abs(got)
        return bool((np.abs(got - factor * want) <= allowed).all())


def _sign(asked: Sequence[Asked], wrong: Sequence[Asked]) -> str:
    return "right up to the sign" if all(_proportional(a, -1.0) for a in wrong) else ""


def _factor(asked: Sequence[Asked], wrong: Sequence[Asked]) -> str:
    if len(wrong) != len(asked):
        return ""
    pairs = [_wide(a)[:2] for a in wrong]
    if not all(np.isfinite(got).all() for got, _ in pairs):
        return ""
    size = sum(float((want * want).sum()) for _, want in pairs)
    if size == 0:
        return ""
    factor = sum(float((got * want).sum()) for got, want in pairs) / size
    precise = [a for a in wrong if a.dtype == np.float64]
    if factor and precise:
        a = precise[0]
        got, want, _ = _wide(a)
        factor = float((got * want).sum() / (want * want).sum()) if want.any() else factor
    if factor and abs(factor - 1) > NEAR_ONE and all(_proportional(a, factor) for a in wrong):
        return f"off by the constant factor {factor:.6g}"
    return ""


def _digits(asked: Sequence[Asked], wrong: Sequence[Asked]) -> str:
    """float64 results that are right as float32 ones would be."""
    narrow, wide = unit_roundoff(np.float32), unit_roundoff(np.float64)
    if any(a.dtype != np.float64 for a in wrong):
        return ""
    for a in wrong:
        got, want, radius = _wide(a)
        with np.errstate(all="ignore"):
            allowed = radius * (narrow / wide) + 2 * narrow * np.abs(want)
            if not (np.abs(got - want) <= allowed).all():
                return ""
    return "right to float32 digits only"


def _decimals(wrong: Sequence[Asked]) -> str:
    for places in range(9):
        if all(_rounded(a, places) for a in wrong):
            return f"rounded to {places} decimals" if places else "rounded to whole numbers"
    return ""


def _rounded(a: Asked, places: int) -> bool:
    got, want, radius = _wide(a)
    with np.errstate(all="ignore"):
        on_grid = np.abs(got - np.round(got, places)) <= 4 * unit_roundoff(a.dtype) * np.abs(got)
        near = np.abs(got - want) <= 10.0**-places * (0.5 if places else 1.0) + radius
    return bool((on_grid & near).all()) and bool(np.unique(got).size > 1)


def _permuted(a: Asked, axis: int) -> bool:
    got, want, radius = _wide(a)
    if got.shape != want.shape or got.ndim <= axis or got.shape[axis] < 2 or not np.isfinite(got).all():
        return False
    g, w, r = (
        np.moveaxis(np.broadcast_to(x, want.shape), axis, 0).reshape(want.shape[axis], -1) for x in (got, want, radius)
    )
    allowed = r.max(axis=0) + SLACK * unit_roundoff(a.dtype) * np.abs(w).max(axis=0)
    matches = (np.abs(g[:, None, :] - w[None, :, :]) <= allowed).all(axis=2)
    moved = bool((matches.argmax(axis=1) != np.arange(len(g))).any())
    return moved and bool((matches.sum(axis=0) == 1).all() and (matches.sum(axis=1) == 1).all())


# ---- where it is wrong ----


def _bad(a: Asked) -> np.ndarray | None:
    """Which elements are off, None where that cannot be told."""
    if a.comparison.arrays is None:
        return None
    got, want, radius = _wide(a)
    with np.errstate(all="ignore"):
        return np.asarray(~(np.abs(got - want) <= radius))


def _where(asked: Sequence[Asked], wrong: Sequence[Asked]) -> str:
    right = [a for a in asked if not a.wrong]
    if not wrong:
        return ""
    if all(a.N == 1 for a in wrong) and any(a.N > 1 for a in right):
        return "wrong only at N = 1"
    if all(a.past for a in wrong) and any(not a.past for a in right):
        return "right at the first call, wrong from the second on"
    bad = [_bad(a) for a in wrong]
    if any(b is None or b.ndim == 0 for b in bad):
        return ""
    found = [b for b in bad if b is not None]
    if wrong[0].part.split(".")[0] in ELEMENTWISE:
        return _side(wrong, found)
    if all(not b[:-1].any() for b in found) and any(len(b) > 1 for b in found):
        return "wrong only in the last row"
    if all(not b[1:].any() for b in found) and any(len(b) > 1 for b in found):
        return "wrong only in the first row"
    if all(b.ndim > 1 and b.shape[1] > 1 and not b[:, :-1].any() for b in found):
        return "wrong only in the last column"
    return ""


def _side(wrong: Sequence[Asked], found: Sequence[np.ndarray]) -> str:
    """For which inputs an elementwise part is off."""
    if all("X" in vars(a) for a in wrong):
        for words, inside in _SIDES:
            inputs = [inside(np.asarray(a.X.value, np.float64)) for a in wrong]
            if all(i.shape == b.shape and i[b].all() for i, b in zip(inputs, found, strict=True)) and not all(
                i.all() for i in inputs
            ):
                return f"wrong only where the input is {words}"
    return ""


_SIDES: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("exactly 0", lambda x: np.asarray(x == 0)),
    ("negative", lambda x: np.asarray(x < 0)),
    ("positive", lambda x: np.asarray(x > 0)),
    ("beyond 10 in magnitude", lambda x: np.asarray(np.abs(x) > 10)),
    ("beyond 1 in magnitude", lambda x: np.asarray(np.abs(x) > 1)),
    ("smaller than 0.1 in magnitude", lambda x: np.asarray(np.abs(x) < 0.1)),
)
