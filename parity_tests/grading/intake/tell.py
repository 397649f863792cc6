"""Tells by what was handed in which of the installed assignments it answers."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from parity_tests.grading.intake.entries import (
    MAX_ARCHIVE,
    Entry,
    RefusedArchive,
    archive_entries,
    common_folder,
    is_archive,
)
from parity_tests.grading.intake.prepare import is_near
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.layout import Layout, defined_in
from parity_tests.protocol.registry import find_all, select
from reports.model.escape import path_text

MAX_OPENED = 20
"""Students' archives that are opened for the names of their files."""
MAX_SOURCE = 1 << 20
"""So many bytes of a source are read for what it defines."""
CLEAR = 3
"""How many times as often an assignment must be answered as another that is answered, too, to be the class's."""


@dataclass(frozen=True)
class Told:
    """The assignment, and a sentence why it is that one where some answer another; else ""."""

    assignment: Assignment
    because: str = ""


def told_by(entries: Sequence[Entry], source: Path) -> Told:
    """The installed assignment that was answered, or most clearly was; the only one there is, where none was.

    Raises UsageError where several are answered about as often, or none of several.
    """
    known, files = find_all(), list(_files(entries))
    names = [(top, name) for top, name, _ in files]
    answered = {one.layout.module: {top for top, name in names if _is_of(one.layout, name)} for one in known}
    if not any(answered.values()):
        answered = _by_definitions(known, files)
    if len(known) > 1 and not any(answered.values()):
        _refuse_nearly([name.rpartition("/")[2] for _, name in names], known, source)
    by = Counter(top for tops in answered.values() for top in tops)
    # Who has files of two says nothing of which it is, unless all have.
    telling = {top for top, count in by.items() if count == 1} or set(by)
    votes = {module: len(tops & telling) for module, tops in answered.items()}
    most = max(votes.values(), default=0)
    chosen = select(path_text(source), lambda layout: 0 < most < CLEAR * votes[layout.module])
    others = [one.name for one in known if one is not chosen and answered[one.layout.module]]
    because = (
        f"most answered {chosen.name}, which the class is taken for, though there are files of {', '.join(others)}"
    )
    return Told(chosen, f"{because}; --assignment chooses another." if others else "")


def _is_of(layout: Layout, name: str) -> bool:
    # Course sites write who handed a file in before its name.
    return name.endswith((f"/{layout.file}",) if layout.package else (f"/{layout.file}", f"_{layout.file}"))


def _by_definitions(known: Sequence[Assignment], files: Sequence[tuple[str, str, Entry]]) -> dict[str, set[str]]:
    """By module, whose files define two or more of what an assignment asks for that names no files."""
    open_ones = [one.layout for one in known if one.layout.defines]
    defined: dict[str, set[str]] = {}
    for top, name, entry in files:
        if open_ones and name.endswith(".py"):
            with contextlib.suppress(RefusedArchive, OSError):
                text = entry.read(MAX_SOURCE).decode("utf-8", "replace")
                defined.setdefault(top, set()).update(defined_in(text))
    found = {one.layout.module: set[str]() for one in known}
    for layout in open_ones:
        found[layout.module] |= {top for top, own in defined.items() if len(own.intersection(layout.defines)) > 1}
    return found


def _refuse_nearly(names: Sequence[str], known: Sequence[Assignment], source: Path) -> None:
    """Raises UsageError where a file's name is nearly that of an assignment's file."""
    for assignment in known:
        wanted = assignment.layout.file_name
        if near := is_near(wanted, names):
            raise UsageError(
                f"{path_text(source)} fits none of the installed assignments ({', '.join(a.name for a in known)}), but "
                f"{path_text(near)} is nearly {wanted}: is --assignment {assignment.name} meant?"
            )


def _files(entries: Sequence[Entry]) -> Iterator[tuple[str, str, Entry]]:
    """Each file by whose it is, what lies on top in the one folder that may hold all, and its path."""
    around = ""  # which may be part of a submission: the package's folder, for one
    while top := common_folder(entries):
        entries, around = [entry.under(top) for entry in entries], f"{around}/{top}"
    for entry in entries:
        yield entry.parts[0], f"{around}/{entry.path}", entry
    archives = [entry for entry in entries if is_archive(entry.path)]
    for archive in archives[:MAX_OPENED]:
        with contextlib.suppress(RefusedArchive, OSError):
            for entry in archive_entries(archive.parts[-1], archive.read(MAX_ARCHIVE + 1)):
                yield archive.parts[0], f"/{entry.path}", entry
