"""The comments: what a human says to a student beside the points, read from a CSV file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from parity_tests.grading.csv_rows import rows_of
from parity_tests.grading.roster import submission_called
from parity_tests.grading.rubric import RubricError


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
