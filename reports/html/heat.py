"""The numbers of a quantity as a page shows them: the worst element in digits, those around it, and the whole array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.model.elements import arrays_of, digits_apart, multiples, position
from reports.model.records import Record
from reports.model.run import Results
from reports.pictures.errors import SCALE, ErrorPicture, error_picture, levels_of

if TYPE_CHECKING:
    import numpy as np

_ROWS, _COLUMNS = 6, 6
_NEARLY_ALL = 0.95
_MOST_RECORDS = 12
"""Of a mistake so many records are looked through for the largest array."""


@dataclass(frozen=True)
class Cell:
    """One element: its text, the class that colours it, and whether it is the worst."""

    text: str
    style: str
    worst: bool


@dataclass(frozen=True)
class Heat:
    """A window: the numbers of its columns; of each row its number, what is expected and what is there.

    `shown` says which part of the array it is.
    """

    columns: list[int]
    rows: list[tuple[int, list[Cell], list[Cell]]]
    shown: str
    scale: tuple[str, ...] = SCALE


def heat_of(run: Results, record: Record) -> Heat | None:
    """The window of a quantity; None where the run kept no arrays of one shape, or there is one number alone."""
    import numpy as np

    arrays = _comparable(run, record)
    if arrays is None or arrays[0].size < 2:
        return None
    shape, width = arrays[0].shape, arrays[0].shape[-1] if arrays[0].ndim else 1
    got, want = (np.asarray(array, np.float64).reshape(-1, width) for array in arrays[:2])
    levels = _levels(arrays).reshape(-1, width)
    worst = divmod(position(record.where, shape), width)
    rows, columns = _window(worst[0], got.shape[0], _ROWS), _window(worst[1], width, _COLUMNS)
    digits = digits_apart(float(got[worst]), float(want[worst]))

    def cell(table: np.ndarray, place: tuple[int, int], style: str) -> Cell:
        here = place == worst
        text = f"{float(table[place]):.{digits if here else 3}g}".replace("-", "−")
        return Cell(text, f"{style} worst" if here else style, here)

    shown = [
        (
            i,
            [cell(want, (i, j), "") for j in columns],
            [cell(got, (i, j), f"e{levels[i, j]}") for j in columns],
        )
        for i in rows
    ]
    all_of_it = (len(rows), len(columns)) == got.shape
    return Heat(
        columns,
        shown,
        _extent(shape, rows, columns, all_of_it),
    )


@dataclass(frozen=True)
class Whole:
    """The picture of a whole array, and what it shows in words."""

    picture: ErrorPicture
    described: str


def whole_of(run: Results, records: Sequence[Record], shown: Record) -> Whole | None:
    """The picture of the largest array that was kept of these records' first; whether its case is the one shown.

    None where the window shows all of it, or nearly all elements of the first are wrong in one colour.
    """
    some = records[:_MOST_RECORDS]
    first = next(_large(run, some), None)
    if first is None or _of_one_colour(first[1]):
        return None
    largest_first = sorted(some, key=lambda record: -(record.total or 0))
    shapely = (one for one in _large(run, largest_first) if one[1].min() < one[1].max() and not _of_one_colour(one[1]))
    record, largest = next(shapely, (None, first[1]))
    if record is None:
        return None
    other = ", not the case above" if record.case != shown.case else ""
    what = f"{record.quantity} of {record.case}{other}, {'×'.join(map(str, largest.shape))}"
    off = f"{int((largest > 0).sum())} of {largest.size} elements are beyond their error bound"
    return Whole(error_picture(largest), f"{what}: {off}")


def _large(run: Results, records: Sequence[Record]) -> Iterator[tuple[Record, np.ndarray]]:
    """Those of which a window does not show all, with their colours; an array is read when it is its turn."""
    for record in records:
        arrays = _comparable(run, record)
        if arrays is not None and arrays[0].size > _ROWS * _COLUMNS:
            yield record, _levels(arrays)


def _of_one_colour(levels: np.ndarray) -> bool:
    """Whether nearly all elements are wrong, and by as much."""
    import numpy as np

    return bool(np.bincount(levels.ravel())[1:].max(initial=0) > _NEARLY_ALL * levels.size)


def _levels(arrays: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """The colours of what is there, what is expected, and the error bound."""
    import numpy as np

    return levels_of(multiples(*(np.asarray(array, np.float64) for array in arrays)))


def _comparable(run: Results, record: Record) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The arrays of a quantity where they are of one shape, and of numbers."""
    arrays = arrays_of(run, record)
    return (
        None if arrays is None or arrays[1].shape != arrays[0].shape or arrays[0].dtype.kind not in "fiub" else arrays
    )


def _window(centre: int, length: int, most: int) -> list[int]:
    """At most `most` whole numbers below `length`, around the centre."""
    first = max(0, min(centre - most // 2, length - most))
    return list(range(first, min(length, first + most)))


def _extent(shape: tuple[int, ...], rows: list[int], columns: list[int], all_of_it: bool) -> str:
    size = "×".join(map(str, shape))
    if all_of_it:
        return f"All {size} elements."
    return f"{len(rows)}×{len(columns)} of {size} elements, around the worst."
