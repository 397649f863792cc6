"""Tells by what was handed in which of the installed assignments it answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from parity_tests.grading.intake.entries import MAX_ARCHIVE, Entry, RefusedArchive, archive_entries, is_archive
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.layout import Layout
from parity_tests.protocol.registry import select
from reports.model.escape import path_text

MAX_OPENED = 20
"""Students' archives that are opened for the names of their files."""


def told_by(entries: Sequence[Entry], source: Path) -> Assignment:
    """The installed assignment whose file is among these; the only one there is, where it is not.

    Raises UsageError where several fit, or none of several.
    """
    names: set[str] = set()

    def fits(layout: Layout) -> bool:
        if not names:
            names.update(_file_names(entries))
        # Course sites write who handed a file in before its name.
        ends = (f"/{layout.file}",) if layout.package else (f"/{layout.file}", f"_{layout.file}")
        return any(name.endswith(ends) for name in names)

    return select(path_text(source), fits)


def _file_names(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        yield f"/{entry.path}"
    archives = [entry for entry in entries if is_archive(entry.path)]
    for archive in archives[:MAX_OPENED]:
        with contextlib.suppress(RefusedArchive, OSError):
            for entry in archive_entries(archive.parts[-1], archive.read(MAX_ARCHIVE + 1)):
                yield f"/{entry.path}"
