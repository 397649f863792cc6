"""The folder that somebody hands in: found, or refused with a sentence that says what to do."""

from __future__ import annotations

import os
from pathlib import Path

from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from reports.model.escape import path_text

_MAX_ENTRIES = 10_000


def find_submission(path: Path, assignment: Assignment) -> Path:
    """The absolute folder of the submission at `path`: a folder with the assignment's file in it, or that file itself.

    A missing support file is no fault: the solution's stands in for it. Raises UsageError for everything that is not a
    submission.
    """
    wanted = assignment.layout.file
    folder = Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow the links in the name the user knows
    if folder.name == wanted and folder.is_file():
        folder = folder.parent
    try:
        if not os.path.lexists(folder):
            raise UsageError(f"there is no folder {path_text(path)}")
        if not folder.is_dir():
            raise UsageError(f"{path_text(path)} is not a folder; name the folder that holds {wanted}")
        if (folder / wanted).is_file():
            with (folder / wanted).open("rb"):
                return folder
        entries = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise UsageError(f"{path_text(error.filename or path)} cannot be read: {error.strerror}") from None
    if unsupported := assignment.unsupported_edition(entries):
        raise UsageError(f"{path_text(path)} holds {unsupported}")
    raise UsageError(f"there is no file {wanted} in {path_text(path)}{_near_miss(folder, entries, wanted)}")


def _near_miss(folder: Path, entries: list[str], wanted: str) -> str:
    """What the user may have meant, as the end of a sentence."""
    for name in entries:
        if name.lower() == wanted or name.lower().replace("-", "_").replace(" ", "_") == wanted:
            kind = "a folder, not a file" if name == wanted else "it must be called exactly so"
            return f"; there is {path_text(name)}: {kind}"
    for name in entries[:_MAX_ENTRIES]:
        if (folder / name / wanted).is_file():
            return f"; there is one in {path_text(folder / name)}: name that folder"
    for name in entries:
        stem, suffix = os.path.splitext(name.lower())  # noqa: PTH122
        if suffix in (".py", ".ipynb", ".txt", ".zip") and stem.startswith(wanted.removesuffix(".py")[:-1]):
            return f"; there is {path_text(name)}: it must be called exactly so"
    return ""
