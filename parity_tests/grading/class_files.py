"""The files that a user gives beside the submissions: what the points of a class depend on, and who is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from parity_tests.grading.folder import GradingFolder
from parity_tests.grading.intake.attempt import HandIn
from parity_tests.grading.intake.own_sources import code_file, code_in, sources_below
from parity_tests.grading.late import LatePolicy, load_late_policy
from parity_tests.grading.overrides import Override, load_comments, load_overrides
from parity_tests.grading.roster import Person, as_known, join, load_roster, spellings
from parity_tests.grading.rubric import Rubric, Vocabulary, load_rubric, parse_rubric
from parity_tests.protocol.errors import UsageError
from reports.model.escape import path_text

_T = TypeVar("_T")
RUBRIC, LATE, OVERRIDES, COMMENTS, ROSTER = "rubric.toml", "late.toml", "overrides.csv", "comments.csv", "roster.csv"
STARTER = "starter.json"
"""Copies of what the user gave, in the folder of the class: they are used again unless others are given."""


@dataclass(frozen=True)
class FilePaths:
    """Where these files lie; None takes the copy that the folder keeps, if any."""

    rubric: Path | None = None
    overrides: Path | None = None
    roster: Path | None = None
    late: Path | None = None
    comments: Path | None = None
    starter: Path | None = None


def load_starter(path: Path) -> dict[str, bytes]:
    """The Python sources in a folder, in one file, or in the copy of them that a class keeps. Raises UsageError."""
    try:
        found = _copied(path) if path.name == STARTER else sources_below(path)
    except (OSError, ValueError) as error:
        said = (isinstance(error, OSError) and error.strerror) or error
        raise UsageError(f"the starter {path_text(path)} cannot be read: {said}.") from None
    if not found:
        raise UsageError(f"the starter {path_text(path)} holds no Python file; give what students were given.")
    return found


def _copied(path: Path) -> dict[str, bytes]:
    return {name: text.encode("utf-8", "replace") for name, text in code_in(path.read_bytes()).items()}


@dataclass(frozen=True)
class ClassFiles:
    """What these files say; `starter` has the Python sources that were given to all, none where nobody says which.

    `people` are those on the roster who handed each submission in, None for who is not on it.
    """

    rubric: Rubric
    overrides: Sequence[Override]
    roster: Sequence[Person]
    late: LatePolicy | None
    comments: Mapping[str, Sequence[str]]
    starter: Mapping[str, bytes]
    people: Mapping[str, Sequence[Person | None]]
    copies: Mapping[str, bytes]
    """What the folder of the class is to keep of them, by their names there."""

    def known(self, hand_in: HandIn) -> HandIn:
        """The same with what the roster says of it."""
        return as_known(hand_in, self.people.get(hand_in.name, ()))

    def keep(self, folder: GradingFolder) -> None:
        """Write the copies."""
        for name, data in self.copies.items():
            folder.write(name, data)


def read_class_files(
    folder: GradingFolder,
    paths: FilePaths,
    vocabulary: Vocabulary,
    hand_ins: Sequence[HandIn],
    usual_rubric: str = "",
) -> ClassFiles:
    """What the user gave, or the folder keeps, for these hand-ins. Nothing is written. Raises UsageError.

    `usual_rubric` is the text of the rubric that is taken where there is neither.
    """
    copies: dict[str, bytes] = {}

    def read(name: str, given: Path | None, load: Callable[[Path], _T], otherwise: _T) -> _T:
        kept = folder.path / name
        path = given or (kept if kept.is_file() else None)
        if path is None:
            return otherwise
        try:
            loaded = load(path)
        except UsageError as error:
            if given is not None:
                raise
            option = name.partition(".")[0]
            copy = f"That is the copy that {path_text(folder.path)} keeps: mend it, or give another by --{option}."
            raise UsageError(f"{error} {copy}") from None
        copies[name] = code_file(loaded) if isinstance(loaded, dict) and name == STARTER else path.read_bytes()
        return loaded

    rubric = read(RUBRIC, paths.rubric, lambda path: load_rubric(path, vocabulary)[0], None)
    if rubric is None:
        if not usual_rubric:
            raise UsageError(f"there is no {folder.path / RUBRIC} any more; give a rubric by --rubric.")
        rubric = parse_rubric(usual_rubric, "the usual rubric", vocabulary)
        copies[RUBRIC] = usual_rubric.encode("utf-8")
    roster: Sequence[Person] = read(ROSTER, paths.roster, load_roster, [])
    people = join(roster, hand_ins)
    submissions = spellings(hand_ins, people)
    maxima = {item.name: item.points for item in rubric.items}
    return ClassFiles(
        rubric,
        overrides=read(OVERRIDES, paths.overrides, lambda path: load_overrides(path, submissions, maxima), []),
        roster=roster,
        late=read(LATE, paths.late, lambda path: load_late_policy(path, submissions), None),
        comments=read(COMMENTS, paths.comments, lambda path: load_comments(path, submissions), {}),
        starter=read(STARTER, paths.starter, load_starter, {}),
        people=people,
        copies=copies,
    )


def files_of(folder: GradingFolder, paths: FilePaths) -> ClassFiles:
    """The same for the class that was graded in this folder. Raises UsageError."""
    return read_class_files(folder, paths, folder.info().vocabulary, folder.intake().attempts)
