"""The files that a user gives beside the submissions: what the points of a class depend on, and who is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from parity_tests.grading.comments import load_comments
from parity_tests.grading.folder import GradingFolder
from parity_tests.grading.late import LatePolicy, load_late_policy
from parity_tests.grading.overrides import Override, load_overrides
from parity_tests.grading.roster import Person, load_roster
from parity_tests.grading.rubric import Rubric, Vocabulary, load_rubric, parse_rubric
from parity_tests.protocol.errors import UsageError

RUBRIC, LATE, OVERRIDES, COMMENTS, ROSTER = "rubric.toml", "late.toml", "overrides.csv", "comments.csv", "roster.csv"
"""Copies of what the user gave, in the folder of the class: they are used again unless others are given."""


@dataclass(frozen=True)
class FilePaths:
    """Where these files lie; None takes the copy that the folder keeps, if any."""

    rubric: Path | None = None
    overrides: Path | None = None
    roster: Path | None = None
    late: Path | None = None
    comments: Path | None = None


@dataclass(frozen=True)
class ClassFiles:
    """What these files say."""

    rubric: Rubric
    overrides: Sequence[Override]
    roster: Sequence[Person]
    late: LatePolicy | None
    comments: Mapping[str, Sequence[str]]


def refuse_wrong_files(paths: FilePaths, vocabulary: Vocabulary) -> None:
    """Raises UsageError for a rubric, a late policy or a roster that is wrong, before anything is made."""
    if paths.rubric is not None:
        load_rubric(paths.rubric, vocabulary)
    if paths.roster is not None:
        load_roster(paths.roster)
    if paths.late is not None:
        load_late_policy(paths.late)


def read_class_files(folder: GradingFolder, paths: FilePaths, usual_rubric: str = "") -> ClassFiles:
    """What the user gave, or the folder keeps; each is then kept there. Raises UsageError.

    `usual_rubric` is the text of the rubric that is taken where there is neither.
    """
    vocabulary = folder.info().vocabulary
    rubric_path = paths.rubric or _kept(folder, RUBRIC)
    if rubric_path is not None:
        rubric, rubric_text = load_rubric(rubric_path, vocabulary)
    elif usual_rubric:
        rubric, rubric_text = parse_rubric(usual_rubric, "the usual rubric", vocabulary), usual_rubric
    else:
        raise UsageError(f"there is no {folder.path / RUBRIC} any more; give a rubric by --rubric.")
    submissions = [hand_in.name for hand_in in folder.intake().attempts]
    given = {
        OVERRIDES: paths.overrides or _kept(folder, OVERRIDES),
        COMMENTS: paths.comments or _kept(folder, COMMENTS),
        ROSTER: paths.roster or _kept(folder, ROSTER),
        LATE: paths.late or _kept(folder, LATE),
    }
    maxima = {item.name: item.points for item in rubric.items}
    files = ClassFiles(
        rubric,
        overrides=load_overrides(path, submissions, maxima) if (path := given[OVERRIDES]) else [],
        roster=load_roster(path) if (path := given[ROSTER]) else [],
        late=load_late_policy(path, submissions) if (path := given[LATE]) else None,
        comments=load_comments(path, submissions) if (path := given[COMMENTS]) else {},
    )
    folder.write(RUBRIC, rubric_text)
    for name, path in given.items():
        if path is not None:
            folder.write(name, path.read_bytes())
    return files


def _kept(folder: GradingFolder, name: str) -> Path | None:
    path = folder.path / name
    return path if path.is_file() else None
