"""The comments: what a human says to a student beside the points, read from a CSV file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from parity_tests.grading.csv_rows import rows_of
from parity_tests.grading.rubric import RubricError
from reports.model.phrases import near_names


def load_comments(path: Path, submissions: Collection[str]) -> dict[str, list[str]]:
    """{submission: its comments in their order} of a CSV file with the columns submission, comment.

    Raises RubricError, a sentence with the line.
    """
    comments: dict[str, list[str]] = {}
    for line, row in rows_of(path, ("submission", "comment")):
        if row["submission"] not in submissions:
            near = near_names(row["submission"], submissions)
            raise RubricError(f"{path}, line {line}: there is no submission {row['submission']!r}{near or '.'}")
        if not row["comment"]:
            raise RubricError(f"{path}, line {line}: the comment for {row['submission']} is empty.")
        comments.setdefault(row["submission"], []).append(row["comment"])
    return comments
