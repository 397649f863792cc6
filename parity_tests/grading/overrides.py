"""The overrides: points that a human gives, read from a CSV file whose every mistake is a sentence with its line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from parity_tests.grading.rubric import RubricError, read_utf8

_COLUMNS = ("submission", "item", "points", "reason")


@dataclass(frozen=True)
class Override:
    """Points that a human gives for an item, and why."""

    submission: str
    item: str
    points: float
    reason: str


def load_overrides(path: Path, submissions: Collection[str], items: Collection[str]) -> list[Override]:
    """The rows of a CSV file with the columns submission, item, points, reason. Raises RubricError."""
    overrides = []
    seen: set[tuple[str, str]] = set()
    for line, row in _rows(path):
        where = f"{path}, line {line}"
        if row["submission"] not in submissions:
            raise RubricError(f"{where}: there is no submission {row['submission']!r}.")
        if row["item"] not in items:
            raise RubricError(f"{where}: the rubric has no item {row['item']!r}; it has {', '.join(items)}.")
        points = _number(row["points"])
        if not math.isfinite(points):
            raise RubricError(f"{where}: {row['points']!r} is not a number of points.")
        if not row["reason"]:
            raise RubricError(f"{where}: an override needs a reason.")
        if (row["submission"], row["item"]) in seen:
            raise RubricError(f"{where}: this item of {row['submission']} is overridden twice.")
        seen.add((row["submission"], row["item"]))
        overrides.append(Override(row["submission"], row["item"], points, row["reason"]))
    return overrides


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows that hold something, each with its line, as text by the names in the header."""
    reader = csv.reader(io.StringIO(read_utf8(path, str(path))))
    header = [name.strip().lower() for name in next(reader, [])]
    missing = [name for name in _COLUMNS if name not in header]
    if missing == ["item"] and "part" in header:
        raise RubricError(f"{path}, line 1: a group of points is called an item now: write item in place of part.")
    if missing:
        raise RubricError(f"{path}, line 1: there is no column {', '.join(missing)}; it needs {', '.join(_COLUMNS)}.")
    for cells in reader:
        if any(cell.strip() for cell in cells):
            padded = [*(cell.strip() for cell in cells), *([""] * len(header))]
            yield reader.line_num, dict(zip(header, padded, strict=False))
