"""Takes in what a course site gave, a folder or an archive: the attempts in it, and which of them count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from parity_tests.grading.intake.attempt import Attempt, HandIn, latest, under_names_of_their_own
from parity_tests.grading.intake.course_sites import READERS, format_of, unwrapped
from parity_tests.grading.intake.entries import (
    Entry,
    RefusedArchive,
    class_archive_entries,
    folder_entries,
    is_archive,
)
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.layout import Layout
from reports.model.escape import encodable, path_text


@dataclass(frozen=True)
class Intake:
    """The attempts that count, sorted by name, those that later ones replaced, and the files that are no submission."""

    format: str
    attempts: tuple[Attempt, ...]
    replaced: tuple[Attempt, ...]
    ignored: tuple[str, ...]

    @property
    def left_aside(self) -> str:
        """A sentence on the files that are no submission, "" where there are none."""
        files = list(dict.fromkeys(self.ignored))
        be = "file is" if len(files) == 1 else "files are"
        return f"{len(files)} {be} no submission: {', '.join(files[:5])}." if files else ""

    def summary(self) -> IntakeSummary:
        """The same without the files."""
        return IntakeSummary(
            self.format,
            tuple(attempt.hand_in for attempt in self.attempts),
            tuple(attempt.hand_in for attempt in self.replaced),
            self.ignored,
        )


class IntakeSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was taken in, as the folder of the class keeps it: who handed in what, without the files."""

    format: str
    attempts: tuple[HandIn, ...]
    replaced: tuple[HandIn, ...]
    ignored: tuple[str, ...]


def files_in(source: Path) -> list[Entry]:
    """The files in what a course site gave. Raises UsageError where there are none."""
    if not source.exists():
        raise UsageError(f"there is no {path_text(source)}; name the folder or the zip file that the course site gave.")
    try:
        if source.is_dir():
            entries = folder_entries(source)
        elif is_archive(source.name):
            entries = class_archive_entries(source)
        else:
            raise UsageError(f"{path_text(source)} is neither a folder nor an archive.")
    except RefusedArchive as error:
        raise UsageError(f"{error}.") from None
    except OSError as error:
        raise UsageError(f"{path_text(source)} cannot be read: {error.strerror}.") from None
    if not entries:
        raise UsageError(f"{path_text(source)} holds no files, so there is nothing to grade.")
    return entries


def take_in(entries: Sequence[Entry], source: Path, layout: Layout, format: str | None = None) -> Intake:
    """The attempts among the files of `source`, in the format that is named or that the files show.

    Raises UsageError where there are none.
    """
    entries = unwrapped(entries, layout)
    chosen = format or format_of(entries)
    read = READERS[chosen](entries, source, layout)
    if not read.attempts:
        raise UsageError(f"{path_text(source)} holds nothing in the format {chosen}; --format names another.")
    counting, replaced = latest([attempt.encodable() for attempt in read.attempts])
    ignored = map(encodable, read.ignored)
    return Intake(chosen, tuple(under_names_of_their_own(counting)), tuple(replaced), tuple(ignored))
