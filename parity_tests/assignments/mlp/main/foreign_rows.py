"""Says what rows are that do not all belong to one set: of several, with pixels dropped, or all changed alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.run import SPLITS, Array
from parity_tests.protocol.finding import Said

CHANGED = Said("every pixel is changed in the same way", Found.CHANGED_PIXELS)
ALIKE = 1e-9
"""How near, in units of the largest pixel, an affine change must come to what was given."""
SET_OF = {"train": "training", "valid": "validation", "test": "test"}


def told(X: Array, digits: Mapping[str, Array], splits: set[str]) -> Said | None:
    """What these rows, which are of `splits`, are; None where nothing that is known explains all of them."""
    if splits <= set(SPLITS):
        sets = " and the ".join(SET_OF[split] for split in SPLITS if split in splits)
        return Said(f"rows of the {sets} set together")
    known = np.concatenate([np.asarray(digits[f"{split}_X"], np.float64) for split in SPLITS])
    X = np.asarray(X, np.float64)
    if X.ndim != 2 or X.shape[1:] != known.shape[1:] or not np.isfinite(X).all():
        return None
    if all(((known == row) | (row == 0)).all(axis=1).any() for row in X) and X.any():
        return Said("rows of which some pixels are set to 0 (is dropout called on them, or do you leave pixels out?)")
    return CHANGED if _changed_alike(X, known) else None


def _changed_alike(X: Array, known: Array) -> bool:
    """Whether one scale and one shift make known rows of all of these."""
    row = X[int(np.argmax(np.ptp(X, axis=1)))]
    size = np.abs(X).max()
    for scale, shift in _scales_and_shifts(row, known, size):
        gaps = np.abs(scale * known[None] + shift - X[:, None]).max(axis=2).min(axis=1)
        if (gaps <= ALIKE * size).all():
            return True
    return False


def _scales_and_shifts(row: Array, known: Array, size: float) -> set[tuple[float, float]]:
    """Those that make this row of a known one."""
    centred = known - known.mean(axis=1, keepdims=True)
    sizes = (centred**2).sum(axis=1)
    with np.errstate(all="ignore"):
        scales = centred @ (row - row.mean()) / sizes
    shifts = row.mean() - scales * known.mean(axis=1)
    gaps = np.abs(scales[:, None] * known + shifts[:, None] - row).max(axis=1)
    return {(float(a), float(b)) for a, b, gap in zip(scales, shifts, gaps, strict=True) if a and gap <= ALIKE * size}
