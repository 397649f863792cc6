"""Fills the grades of a class into a course site's own table, in which nothing else changes."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity_tests.grading.class_files import FilePaths, files_of
from parity_tests.grading.course_tables import CourseTable, Row, points_of, read_table
from parity_tests.grading.folder import GradingFolder
from parity_tests.grading.gradebook import grades_in
from parity_tests.grading.intake.attempt import HandIn
from parity_tests.grading.row_matching import Graded, match
from parity_tests.protocol.errors import UsageError
from reports.model.numbers import points_text
from reports.model.points import is_unjudged_zero

_COLUMNS = ["submission", "student", "email", "id", "total", "maximum", "status"]
_NUMBERS_OF_THEIR_OWN = ("canvas", "moodle")
"""The sites whose downloads call people by numbers that nobody else knows."""


@dataclass(frozen=True)
class Filled:
    """A table with its grades, as the site takes it back, and what was done.

    `grades` are filled in, `replaced` of them in place of others; `zeros` says whose are 0 although nothing was judged,
    and why. `without` are people without a submission. `left` says which rows stay as they are and why, `nobodys` which
    submissions are of nobody in the table; `by_name` are filled in although their numbers and addresses are others.
    """

    data: bytes
    site: str
    column: str
    grades: int
    replaced: int
    zeros: tuple[str, ...]
    without: tuple[str, ...]
    left: tuple[str, ...]
    nobodys: tuple[str, ...]
    by_name: tuple[str, ...]


def fill_in(run: Path, export: Path, column: str | None = None, *, scale: bool = False) -> Filled:
    """The site's table `export` with the grades of the class in `run`.

    Where the table's maximum is another than the rubric's, `scale` gives each the share of it. Raises UsageError for
    what is no class, no such table, another maximum, and where nobody in the table has a submission.
    """
    GradingFolder(run).info()
    rows: Sequence[Mapping[Any, Any]] = grades_in(run)[_COLUMNS].to_dict("records")
    largest = max((float(row["maximum"]) for row in rows), default=None)
    table = read_table(export, column, largest, scale=scale)
    graded, comments = _graded(run, rows, table.site.name)
    _refuse_other_maximum(table, graded, str(export), scale)
    matched = match(table.rows, graded)
    if not matched.rows and not matched.unclear:
        raise UsageError(f"nobody in {export} has a submission in {run}, so nothing was filled in.")
    left = [f"{row.who}: {why}" for row, why in matched.unclear]
    zeros: list[str] = []
    grades = replaced = 0
    for row, mine in matched.rows:
        value, why = _value(row, mine, scale)
        if why := row.kept or why:
            left.append(f"{row.who}: {why}")
            continue
        grades += 1
        replaced += _set(table, row, value)
        zeros += [f"{row.who} ({mine.unjudged})"] if mine.unjudged else []
        left += _comment(table, row, comments.get(mine.submission, ()))
    known = {row.place for row, _ in (*matched.rows, *matched.unclear)}
    return Filled(
        table.cells.to_bytes(),
        table.site.name,
        table.title,
        grades,
        replaced,
        tuple(zeros),
        tuple(row.who for row in table.rows if row.place not in known),
        tuple(left),
        matched.nobodys,
        tuple(row.who for row in matched.by_name),
    )


def _graded(
    run: Path, rows: Sequence[Mapping[Any, Any]], site: str
) -> tuple[list[Graded], Mapping[str, Sequence[str]]]:
    """Everybody's grade in the folder of a class, and the comments. Raises UsageError."""
    folder = GradingFolder(run)
    intake = folder.intake()
    hand_ins = {hand_in.name: hand_in for hand_in in intake.attempts}
    comments = files_of(folder, FilePaths()).comments
    return [_one(row, hand_ins.get(str(row["submission"])), intake.format, site) for row in rows], comments


def _one(row: Mapping[Any, Any], hand_in: HandIn | None, downloaded_from: str, site: str) -> Graded:
    """One person's grade. A number that only the site of the download knows tells nobody on another site."""
    ids = tuple(filter(None, str(row["id"] or "").split(", ")))
    names = [str(row["student"] or "")]
    internal = ""
    if hand_in is not None:
        if downloaded_from == site:
            internal = hand_in.source if site == "gradescope" else hand_in.id
        if downloaded_from in _NUMBERS_OF_THEIR_OWN:
            ids = tuple(one for one in ids if one != hand_in.id)
        names += [] if hand_in.members else [hand_in.student, hand_in.name]
    total = row["total"]
    return Graded(
        submission=str(row["submission"]),
        internal=internal,
        ids=ids,
        emails=tuple(filter(None, [str(row["email"] or "")])),
        names=tuple(filter(None, names)),
        total=None if total is None or total != total else float(str(total)),
        maximum=float(str(row["maximum"])),
        unjudged=str(row["status"]) if is_unjudged_zero(row) else "",
    )


def _refuse_other_maximum(table: CourseTable, graded: Sequence[Graded], name: str, scale: bool) -> None:
    """Raises UsageError where the table's maximum is another than the rubric's and the points are not to be scaled."""
    largest = max((one.maximum for one in graded if one.total is not None), default=None)
    others = sorted({row.maximum for row in table.rows if row.maximum is not None} - {largest})
    if largest is not None and others and not scale and not any(row.maximum == largest for row in table.rows):
        raise UsageError(
            f"{name}: {table.title!r} has {points_text(others[0])} points, the rubric {points_text(largest)}; "
            "--scale gives each the share of the table's points."
        )


def _value(row: Row, mine: Graded, scale: bool) -> tuple[str, str]:
    """The grade for a row, or why there is none."""
    if mine.total is None:
        return "", "there is no grade, because Parity or the assignment failed"
    if row.maximum is None or row.maximum == mine.maximum:
        return points_text(mine.total), ""
    if not scale:
        return "", (
            f"has {points_text(mine.total)} of {points_text(mine.maximum)} points, but the table counts "
            f"{points_text(row.maximum)}; --scale gives the share"
        )
    if not mine.maximum:
        return "", "has 0 points to earn, of which there is no share"
    return points_text(round(mine.total / mine.maximum * row.maximum, 2)), ""


def _set(table: CourseTable, row: Row, value: str) -> bool:
    """Put a grade into its cell; whether another one stood there."""
    before = table.cells.value(row.place, table.grade).strip()
    if points_of(before) == points_of(value):
        return False
    table.cells.set(row.place, table.grade, table.number(value))
    return before not in ("", "-")


def _comment(table: CourseTable, row: Row, comments: Sequence[str]) -> list[str]:
    """Put the comments into their cell, as HTML; why not, where something else stands there."""
    if table.comments is None or not comments:
        return []
    text = "<br>".join(html.escape(comment) for comment in comments)
    encoding = table.cells.encoding
    text = text.encode(encoding, "xmlcharrefreplace").decode(encoding)
    before = table.cells.value(row.place, table.comments)
    if before.strip() and before != text:
        return [f"{row.who}: the comment there stays"]
    table.cells.set(row.place, table.comments, text)
    return []
