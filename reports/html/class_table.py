"""The table of a class: a row for each who handed in, its points and mistakes, and what it can be filtered by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.model.numbers import points_text

_SHOWN_WITH_EACH = 3
_FEWEST = 2
"""Rows from which on a column that is the same in all of them is left out."""
_NONE = "–"
_MOST_ITEMS = 10
"""Items that have a column each; of more, a column says at which of them points were lost."""
_LOST = "points lost"


@dataclass(frozen=True)
class Cell:
    """What stands in a column, and whether it is points that are less than there were to earn."""

    text: str
    lost: bool = False


@dataclass(frozen=True)
class Row:
    """One row: who it is, where the page is, its cells, its mistakes, and what of the filters it answers to.

    `attempts` is a picture of what was earned before and now, "" where there was one attempt.
    """

    name: str
    link: str
    attempts: str
    cells: list[Cell]
    first: list[str]
    others: list[str]
    parts: str
    mistakes: str
    status: str


@dataclass(frozen=True)
class Column:
    """A column: its name, whether it holds numbers, and how many points there are to earn."""

    name: str
    number: bool = False
    maximum: str = ""


@dataclass(frozen=True)
class Table:
    """The whole table. `same` says what is left out because it is the same in every row.

    The filters are (number, text, rows) each; a row names by number what it answers to.
    """

    columns: list[Column]
    rows: list[Row]
    same: list[tuple[str, str]]
    parts: list[tuple[int, str, int]]
    statuses: list[tuple[int, str, int]]
    mistakes: list[tuple[int, str, int]]


def class_table(
    rows: Sequence[Mapping[str, Any]],
    items: Sequence[str],
    *,
    maxima: Mapping[str, float],
    people: Mapping[str, tuple[str, str]],
    mistakes: Mapping[str, Sequence[tuple[str, str]]],
    attempts: Mapping[str, str],
) -> Table:
    """The table of these rows of a gradebook, those with the fewest points first; `items` are the columns of points.

    `people` has the name and the link of each submission, `mistakes` the part and the text of what it got wrong,
    `attempts` the picture of its attempts.
    """
    rows = sorted(rows, key=lambda row: (row.get("total") == row.get("total"), row.get("total") or 0.0))  # NaN is none
    named = {name: shown for name, (shown, _) in people.items()}
    alike = {"student": ""} if all(row.get("student") == named[str(row["submission"])] for row in rows) else {}
    rows = [{**row, "status": _status(row), "late": _late(row), **alike} for row in rows]
    varied = [name for name in items if len({row.get(name) for row in rows}) > 1]
    many = len(varied) > _MOST_ITEMS
    if many:
        rows = [{**row, _LOST: _lost(row, items, maxima)} for row in rows]
    columns = [Column("student"), *(_points_column(name, maxima) for name in ("total", *(() if many else items)))]
    columns += [*([Column(_LOST)] if many else []), Column("late"), Column("status")]
    texts = {column.name: [_text(row.get(column.name), column) for row in rows] for column in columns}
    same = {
        name: column[0]
        for name, column in texts.items()
        if name != "total" and (not any(column) or (len(rows) >= _FEWEST and len(set(column)) == 1))
    }
    shown = [column for column in columns if column.name not in same]
    parts = _filter([{part for part, _ in mistakes.get(str(row["submission"]), ())} for row in rows])
    made = _filter([{text for _, text in mistakes.get(str(row["submission"]), ())} for row in rows])
    statuses = _filter([{_text(row.get("status"), Column("status"))} for row in rows])
    return Table(
        columns=shown,
        rows=[
            _row(row, shown, maxima, people, mistakes, attempts.get(str(row["submission"]), ""), parts, made, statuses)
            for row in rows
        ],
        same=[(name, _with_maximum(text, name, maxima)) for name, text in same.items() if text],
        parts=list(parts.values()),
        statuses=list(statuses.values()),
        mistakes=list(made.values()),
    )


def _lost(row: Mapping[str, Any], items: Sequence[str], maxima: Mapping[str, float]) -> str:
    """The items at which a row has less than all points, with how many it has."""
    columns = [_points_column(name, maxima) for name in items if name in maxima]
    cells = [(column, _cell(row.get(column.name), column, maxima)) for column in columns]
    return "; ".join(f"{column.name} {cell.text} of {column.maximum}" for column, cell in cells if cell.lost)


def _filter(answers: Sequence[set[str]]) -> dict[str, tuple[int, str, int]]:
    """What rows answer to, the commonest first, each with a number and how many rows they are."""
    counts = Counter(answer for some in answers for answer in some if answer)
    ordered = sorted(counts, key=lambda answer: (-counts[answer], _in_order(answer)))
    return {answer: (number, answer, counts[answer]) for number, answer in enumerate(ordered)}


def _in_order(text: str) -> list[str | int]:
    """The key that sorts numbers in texts by their value."""
    return [int(piece) if piece.isdecimal() else piece for piece in re.split(r"(\d+)", text)]


def _row(
    row: Mapping[str, Any],
    columns: Sequence[Column],
    maxima: Mapping[str, float],
    people: Mapping[str, tuple[str, str]],
    mistakes: Mapping[str, Sequence[tuple[str, str]]],
    attempts: str,
    parts: Mapping[str, tuple[int, str, int]],
    made: Mapping[str, tuple[int, str, int]],
    statuses: Mapping[str, tuple[int, str, int]],
) -> Row:
    submission = str(row["submission"])
    own = mistakes.get(submission, ())
    texts = list(dict.fromkeys(text for _, text in own))
    name, link = people[submission]
    status = _text(row.get("status"), Column("status"))
    return Row(
        name=name,
        link=link,
        attempts=attempts,
        cells=[_cell(row.get(column.name), column, maxima) for column in columns],
        first=texts[:_SHOWN_WITH_EACH],
        others=texts[_SHOWN_WITH_EACH:],
        parts=" ".join(sorted({str(parts[part][0]) for part, _ in own})),
        mistakes=" ".join(str(made[text][0]) for text in texts),
        status=str(statuses[status][0]) if status else "",
    )


def _status(row: Mapping[str, Any]) -> str:
    """What became of a submission, and whether points of it were set by a grader."""
    status = _text(row.get("status"), Column("status"))
    return f"{status}; points by hand" if _text(row.get("overridden"), Column("overridden")) else status


def _late(row: Mapping[str, Any]) -> str:
    """How late it was, and the points that this took off."""
    late, off = _text(row.get("late"), Column("late")), row.get("taken_off") or 0.0
    return f"{late}: −{points_text(float(off))}" if late and off > 0 else late


def _points_column(name: str, maxima: Mapping[str, float]) -> Column:
    return Column(name, number=True, maximum=points_text(maxima[name]) if name in maxima else "")


def _cell(value: Any, column: Column, maxima: Mapping[str, float]) -> Cell:
    text = _text(value, column)
    lost = column.number and text != _NONE and column.name in maxima and float(value) < maxima[column.name]
    return Cell(text, lost)


def _text(value: Any, column: Column) -> str:
    if column.number:
        return _NONE if value is None or value != value else points_text(float(value))
    return value if isinstance(value, str) else ""


def _with_maximum(text: str, name: str, maxima: Mapping[str, float]) -> str:
    return f"{text} of {points_text(maxima[name])}" if name in maxima and text != _NONE else text
