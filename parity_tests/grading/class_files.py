"""The files that a user gives beside the submissions: the rubric, the overrides and the roster of a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parity_tests.grading.folder import GradingFolder
from parity_tests.grading.overrides import Override, load_overrides
from parity_tests.grading.roster import Person, load_roster
from parity_tests.grading.rubric import Rubric, Vocabulary, load_rubric, parse_rubric
from parity_tests.protocol.errors import UsageError

RUBRIC, OVERRIDES, ROSTER = "rubric.toml", "overrides.csv", "roster.csv"
"""Copies of what the user gave, in the folder of the class: they are used again unless others are given."""


@dataclass(frozen=True)
class FilePaths:
    """Where these files lie; None takes the copy that the folder keeps, if any."""

    rubric: Path | None = None
    overrides: Path | None = None
    roster: Path | None = None


@dataclass(frozen=True)
class ClassFiles:
    """What these files say."""

    rubric: Rubric
    overrides: Sequence[Override]
    roster: Sequence[Person]


def refuse_wrong_files(paths: FilePaths, vocabulary: Vocabulary) -> None:
    """Raises UsageError for a rubric or a roster that is wrong, before anything is made."""
    if paths.rubric is not None:
        load_rubric(paths.rubric, vocabulary)
    if paths.roster is not None:
        load_roster(paths.roster)


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
    overrides: Sequence[Override] = []
    overrides_path = paths.overrides or _kept(folder, OVERRIDES)
    if overrides_path is not None:
        submissions = [hand_in.name for hand_in in folder.intake().attempts]
        overrides = load_overrides(overrides_path, submissions, rubric.names)
    roster_path = paths.roster or _kept(folder, ROSTER)
    roster = load_roster(roster_path) if roster_path is not None else []
    folder.write(RUBRIC, rubric_text)
    for name, path in ((OVERRIDES, overrides_path), (ROSTER, roster_path)):
        if path is not None:
            folder.write(name, path.read_bytes())
    return ClassFiles(rubric, overrides, roster)


def _kept(folder: GradingFolder, name: str) -> Path | None:
    path = folder.path / name
    return path if path.is_file() else None
