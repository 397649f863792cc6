"""Numbers as a page shows them: a window of got and want around the worst element, shaded by value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.model.elements import arrays_of, digits_apart, position
from reports.model.records import Record
from reports.model.run import Results

if TYPE_CHECKING:
    import numpy as np

_ROWS, _COLUMNS = 6, 6


@dataclass(frozen=True)
class Cell:
    """One element: its text, and the classes that colour and mark it."""

    text: str
    style: str
    worst: bool


@dataclass(frozen=True)
class Heat:
    """A window: the numbers of its columns; of each row its number, its got and its want.

    `shown` says which part of the array it is.
    """

    columns: list[int]
    rows: list[tuple[int, list[Cell], list[Cell]]]
    shown: str


def heat_of(run: Results, record: Record) -> Heat | None:
    """The window of a quantity; None where the run kept no arrays of one shape, or there is one number alone."""
    import numpy as np

    arrays = arrays_of(run, record)
    if arrays is None:
        return None
    shape, width = arrays[0].shape, arrays[0].shape[-1] if arrays[0].ndim else 1
    if arrays[1].shape != shape or arrays[0].size < 2 or arrays[0].dtype.kind not in "fiub":
        return None
    got, want, radius = (np.asarray(array).reshape(-1, width).astype(np.float64) for array in arrays)
    worst = divmod(position(record.where, shape), width)
    rows, columns = _window(worst[0], got.shape[0], _ROWS), _window(worst[1], width, _COLUMNS)
    scale = _largest(got[np.ix_(rows, columns)], want[np.ix_(rows, columns)])
    digits = digits_apart(float(got[worst]), float(want[worst]))
    with np.errstate(all="ignore"):
        off = ~(np.abs(got - want) <= radius)

    def cell(table: np.ndarray, place: tuple[int, int], marked: bool) -> Cell:
        value, here = float(table[place]), place == worst
        style = _shade(value, scale) + (" off" if marked else "") + (" worst" if here else "")
        return Cell(f"{value:.{digits if here else 3}g}".replace("-", "−"), style, here)

    shown = [
        (i, [cell(got, (i, j), bool(off[i, j])) for j in columns], [cell(want, (i, j), False) for j in columns])
        for i in rows
    ]
    return Heat(columns, shown, _extent(shape, got.shape, rows, columns))


def _window(centre: int, length: int, most: int) -> list[int]:
    """At most `most` whole numbers below `length`, around the centre."""
    first = max(0, min(centre - most // 2, length - most))
    return list(range(first, min(length, first + most)))


def _largest(got: np.ndarray, want: np.ndarray) -> float:
    """The largest finite magnitude of both; 1 where there is none but 0."""
    import numpy as np

    magnitudes = np.abs(np.concatenate([got.ravel(), want.ravel()]))
    finite = magnitudes[np.isfinite(magnitudes)]
    return float(finite.max()) if finite.size and finite.max() > 0 else 1.0


def _shade(value: float, scale: float) -> str:
    """The class of a value on a scale from −scale to scale, in nine steps; "odd" for what is not finite."""
    if not math.isfinite(value):
        return "odd"
    step = min(4, math.ceil(abs(value) / scale * 4 - 1e-9))
    return "z" if step == 0 else f"{'p' if value > 0 else 'n'}{step}"


def _extent(shape: tuple[int, ...], table: tuple[int, ...], rows: list[int], columns: list[int]) -> str:
    size = "×".join(map(str, shape))
    if (len(rows), len(columns)) == table:
        return f"All {size} elements."
    return f"{len(rows)}×{len(columns)} of {size} elements, around the worst."
