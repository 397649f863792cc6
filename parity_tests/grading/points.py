"""Points: records and a rubric in, what each item has earned out. By the records alone: nothing is run."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from parity_tests.grading.rubric import Item, Rubric, RubricError
from reports.model.points import DIGITS, ItemPoints, Points
from reports.model.records import FAILING

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("check", "part", "quantity", "verdict", "explained_by", "note")
"""The columns of the records that grades depend on."""


class Row(Protocol):
    """What grades need of a record."""

    @property
    def check(self) -> str: ...
    @property
    def part(self) -> str: ...
    @property
    def quantity(self) -> str: ...
    @property
    def verdict(self) -> str: ...
    @property
    def explained_by(self) -> str: ...
    @property
    def note(self) -> str: ...


@dataclass(frozen=True)
class Override:
    """Points that a human gives for an item, and why."""

    submission: str
    item: str
    points: float
    reason: str


def grade(rows: Iterable[Row], rubric: Rubric) -> Points:
    """The points that these records of one submission earn.

    Within an item each quantity has the same weight, and is earned only if none of its records fails. A record that
    another part explains counts as earned, unless a part that the item needs is itself missing. What is undecided
    leaves both sides of the fraction. A fault of the harness's own yields no points anywhere, never 0.
    """
    records = list(rows)
    faults = sum(row.verdict == "harness_error" for row in records)
    missing = {row.part for row in records if row.verdict == "missing" and not row.explained_by}
    by_check: dict[str, list[Row]] = {}
    for row in records:
        by_check.setdefault(row.check, []).append(row)
    items = []
    for item in rubric.items:
        own = [row for check in item.checks for row in by_check.get(check, ())]
        earned = _earned(item, own, rubric, missing)
        items.append(replace(earned, points=None) if faults else earned)
    return Points(tuple(items), faults, rubric.free)


def _earned(item: Item, rows: Sequence[Row], rubric: Rubric, missing: set[str]) -> ItemPoints:
    excused = missing.isdisjoint((item.part, *item.needs))
    states: dict[str, set[str]] = {}
    notes = set()
    for row in rows:
        explained = row.verdict in FAILING and row.explained_by not in ("", item.part)
        if row.quantity in item.without or (row.part in rubric.free and not explained):
            continue
        wrong = row.verdict in FAILING and not (explained and excused)
        state = "wrong" if wrong else "undecided" if row.verdict == "undecided" else "right"
        states.setdefault(row.quantity, set()).add(state)
        if row.note:
            notes |= {note for note in row.note.split("; ") if note}
    undecided = sum(found == {"undecided"} for found in states.values())
    counted = len(states) - undecided
    right = sum("wrong" not in found for found in states.values()) - undecided
    if counted == 0:
        return ItemPoints(item.name, item.checks, None, None, undecided=undecided)
    share = right / counted if rubric.partial_credit else float(right == counted)
    points = max(item.points * share - rubric.note_cost * len(notes), 0.0)
    return ItemPoints(item.name, item.checks, round(points, DIGITS), item.points, right, counted, undecided)


def with_overrides(points: Points, overrides: Iterable[Override]) -> Points:
    """The same with what a human gave in place of the points found; an item may be given any number."""
    given = {override.item: override for override in overrides}
    items = []
    for item in points.items:
        override = given.get(item.name)
        if override is None:
            items.append(item)
            continue
        maximum = override.points if item.maximum is None else item.maximum
        items.append(
            replace(
                item,
                points=round(override.points, DIGITS),
                maximum=maximum,
                override=override.reason,
                before=item.points,
            )
        )
    return replace(points, items=tuple(items))


def load_overrides(path: Path, submissions: Collection[str], items: Collection[str]) -> list[Override]:
    """The rows of a CSV file with the columns submission, item, points, reason. Raises RubricError."""
    found = []
    seen: set[tuple[str, str]] = set()
    for line, row in _rows(path, ("submission", "item", "points", "reason")):
        where = f"{path}, line {line}"
        if row["submission"] not in submissions:
            raise RubricError(f"{where}: there is no submission {row['submission']!r}")
        if row["item"] not in items:
            raise RubricError(f"{where}: the rubric has no item {row['item']!r}; it has {', '.join(items)}")
        try:
            points = float(row["points"])
        except ValueError:
            points = math.nan
        if not math.isfinite(points):
            raise RubricError(f"{where}: {row['points']!r} is not a number of points")
        if not row["reason"]:
            raise RubricError(f"{where}: an override needs a reason")
        if (row["submission"], row["item"]) in seen:
            raise RubricError(f"{where}: this item of {row['submission']} is overridden twice")
        seen.add((row["submission"], row["item"]))
        found.append(Override(row["submission"], row["item"], points, row["reason"]))
    return found


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RubricError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RubricError(f"{path} is not in UTF-8") from None
    reader = csv.reader(io.StringIO(text))
    header = [name.strip().lower() for name in next(reader, [])]
    if missing := [name for name in columns if name not in header]:
        raise RubricError(f"{path}, line 1: there is no column {', '.join(missing)}; it needs {', '.join(columns)}")
    for cells in reader:
        if any(cell.strip() for cell in cells):
            padded = [*(cell.strip() for cell in cells), *([""] * len(header))]
            yield reader.line_num, dict(zip(header, padded, strict=False))


def grades_frame(rows: Sequence[Mapping[str, Any]], items: Sequence[str]) -> pd.DataFrame:
    """The table of grades: one row for each submission, a column for each item, points and maximum in all.

    `rows` hold text for all columns but those of the items, `total` and `maximum`, which are points or None.
    """
    import pandas as pd

    text = ("submission", "student", "email", "id", "late", "when", "edition")
    columns = [*text, *items, "total", "maximum", "status", "overridden"]
    frame = pd.DataFrame([[row.get(name) for name in columns] for row in rows], columns=columns, dtype=object)
    numbers = dict.fromkeys((*items, "total", "maximum"), "float64")
    return frame.astype({**dict.fromkeys((*text, "status", "overridden"), "string"), **numbers})
