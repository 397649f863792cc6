"""The folder that somebody hands in: which assignment it answers, where it is, or why it is refused."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from parity_tests.harness.nearby import instead_of_a_folder, near_misses, other_folder, what_is_there
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.registry import find, find_all, select
from reports.model.environment import Environment
from reports.model.escape import path_text


def choose_assignment(name: str | None, path: Path) -> Assignment:
    """The assignment of this name; without one, the installed assignment that the files at `path` answer.

    Raises UsageError where there is none, or where the files answer several.
    """
    if name:
        return find(name)
    known = find_all()
    folder = _folder_of(path, known)
    if not any(assignment.layout.fits(folder) for assignment in known):
        raise UsageError(_refusal(path, known))
    return select(path_text(path), lambda layout: layout.fits(folder))


def choose_submission(name: str | None, path: Path | None, default: str) -> tuple[Assignment, Path]:
    """The assignment as `choose_assignment` has it, and the folder to check.

    Where `path` is None the folder is the solution of the assignment called `name`, or else of that called `default`.
    """
    if path is not None:
        return choose_assignment(name, path), path
    assignment = find(name or default)
    return assignment, assignment.solution


def choose_here(name: str | None, *, by_names: bool = True) -> tuple[Assignment, Path] | None:
    """The assignment and the current folder, where this holds a submission; None where it does not.

    Without `by_names` no assignment is told by the names alone that files in and below the folder define. Raises
    UsageError where the files answer several assignments, or there is none of that name.
    """
    known = [find(name)] if name else [one for one in find_all() if by_names or not one.layout.defines]
    here = Path()
    try:
        if any(assignment.layout.fits(here) for assignment in known):
            return choose_assignment(name, here), here
    except OSError as error:
        raise UsageError(f"the current folder cannot be read: {error.strerror}.") from None
    return None


def nothing_here(name: str | None) -> str:
    """Why the current folder is no submission: what was looked for and where, as a sentence without its full stop."""
    known = [find(name)] if name else find_all()
    try:
        return _refusal(Path.cwd(), known)
    except OSError as error:
        return f"the current folder cannot be read: {error.strerror}"


def find_submission(path: Path, assignment: Assignment) -> Path:
    """The absolute folder of the submission at `path`: a folder with the assignment's file in it, or that file itself.

    A missing support file is no fault: the solution's stands in for it. Raises UsageError for everything that is not a
    submission.
    """
    folder = _folder_of(path, [assignment])
    try:
        layout = assignment.layout.in_folder(folder)
        place = layout.place(folder, layout.file)
        if place is None:
            raise UsageError(_refusal(path, [assignment]))
        with (folder / place).open("rb"):
            return folder
    except OSError as error:
        raise UsageError(f"{path_text(error.filename or path)} cannot be read: {error.strerror}") from None


def asked_before(environment: Environment, assignment: Assignment) -> tuple[Path, str, int]:
    """The folder of a run's submission, the edition and the seed, to ask it again. Raises UsageError without these."""
    if environment.seed is None:
        raise UsageError("this run keeps no seed, as none of a class does; `parity check` makes one that does")
    return find_submission(Path(environment.submission or ""), assignment), environment.edition or "", environment.seed


def _folder_of(path: Path, assignments: Sequence[Assignment]) -> Path:
    """The absolute folder that `path` names, or that of the file to be handed in where `path` names this."""
    folder = Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow the links in the name the user knows
    for layout in (assignment.layout for assignment in assignments):
        if folder.is_file() and str(folder).endswith(f"{os.sep}{layout.file.replace('/', os.sep)}"):
            return folder.parents[layout.file.count("/")]
    return folder


def _refusal(path: Path, assignments: Sequence[Assignment]) -> str:
    """Why `path` holds a submission of none of these assignments: a sentence that says what was looked for."""
    folder = _folder_of(path, assignments)
    of_files = [one for one in assignments if not (one.layout.defines or one.layout.notebook)]
    assignments = of_files or assignments  # the others take files of any name
    files = [assignment.layout.file for assignment in assignments]
    if not os.path.lexists(folder):
        return f"there is no folder {path_text(path)}{other_folder(folder)}"
    if not folder.is_dir():
        return f"{path_text(path)} is not a folder{instead_of_a_folder(path, files)}"
    try:
        entries = sorted(entry.name for entry in folder.iterdir())
        near = near_misses(folder, entries, files)
    except OSError as error:
        return f"{path_text(error.filename or path)} cannot be read: {error.strerror}"
    for assignment in assignments:
        roots = (folder, folder / assignment.layout.package)
        beneath = [name for name in assignment.layout.unsupported for root in roots if (root / name).is_file()]
        if unsupported := assignment.unsupported_edition([*entries, *beneath]):
            return f"{path_text(path)} holds {unsupported}"
    if len(assignments) > 1:
        files = [f"{assignment.layout.file} ({assignment.name})" for assignment in assignments]
    there = near or f"; {what_is_there(entries)}"
    return f"there is no file {' or '.join(files)} in {path_text(path)}{there}"
