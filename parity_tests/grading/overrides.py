"""What a human gives and says, points and comments, of CSV files whose every mistake is a sentence with its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from parity_tests.grading.csv_rows import rows_of
from parity_tests.grading.roster import submission_called
from parity_tests.grading.rubric import RubricError
from reports.model.numbers import points_text
from reports.model.phrases import near_names

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COLUMNS = ("submission", "item", "points", "reason")


@dataclass(frozen=True)
class Override:
    """Points that a human gives for an item, and why."""

    submission: str
    item: str
    points: float
    reason: str


def load_overrides(
    path: Path, submissions: Mapping[str, Collection[str]], items: Mapping[str, float]
) -> list[Override]:
    """The rows of a CSV file with the columns submission, item, points, reason. Raises RubricError.

    `submissions` has the spellings of each, `items` the maximum of each: no points below 0 or above it are given.
    """
    overrides = []
    seen: set[tuple[str, str]] = set()
    for line, row in rows_of(path, _COLUMNS):
        where = f"{path}, line {line}"
        submission = submission_called(row["submission"], submissions, where)
        if row["item"] not in items:
            near = near_names(row["item"], items) or f"; it has {', '.join(items)}."
            raise RubricError(f"{where}: the rubric has no item {row['item']!r}{near}")
        if not _NUMBER.fullmatch(row["points"]):
            raise RubricError(f"{where}: {row['points']!r} is not a number of points.")
        points, maximum = float(row["points"]), items[row["item"]]
        if not 0 <= points <= maximum:
            raise RubricError(
                f"{where}: {row['item']} has 0 to {points_text(maximum)} points, so {row['points']} cannot be given."
            )
        if not row["reason"]:
            raise RubricError(f"{where}: an override needs a reason.")
        if (submission, row["item"]) in seen:
            raise RubricError(f"{where}: this item of {submission} is overridden twice.")
        seen.add((submission, row["item"]))
        overrides.append(Override(submission, row["item"], points or 0.0, row["reason"]))
    return overrides


def load_comments(path: Path, submissions: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """{submission: its comments in their order} of a CSV file with the columns submission, comment.

    `submissions` has the spellings of each. Raises RubricError, a sentence with the line.
    """
    comments: dict[str, list[str]] = {}
    for line, row in rows_of(path, ("submission", "comment")):
        submission = submission_called(row["submission"], submissions, f"{path}, line {line}")
        if not row["comment"]:
            raise RubricError(f"{path}, line {line}: the comment for {submission} is empty.")
        comments.setdefault(submission, []).append(row["comment"])
    return comments
