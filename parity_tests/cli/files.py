"""Files and streams that commands write to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parity_tests.protocol.errors import UsageError


def write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all. Raises UsageError where it cannot."""
    from reports.model.write_whole import write_whole

    try:
        write_whole(path, content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from error


@contextmanager
def run_folder_errors() -> Iterator[None]:
    """Raises UsageError in place of what is wrong with a run folder."""
    from reports.model.run_folder import RunFolderError

    try:
        yield
    except RunFolderError as error:
        raise UsageError(f"{error}.") from error


def deliver(content: bytes, out: Path | None, *, binary: bool = False) -> None:
    """Writes to a file, or to standard output where none is named. Raises UsageError for binary on a terminal."""
    if out is not None:
        write(out, content)
        return
    if binary and sys.stdout.isatty():
        raise UsageError("this format is binary, and standard output is a terminal; name a file with --out.")
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def in_github() -> bool:
    """Whether this runs as a step of a GitHub workflow."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def append_summary(markdown: str) -> None:
    """Adds to the job summary of the step that this runs in, if there is one."""
    from reports.files.github import SUMMARY_LIMIT

    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    content = markdown.encode()
    try:
        with Path(name).open("ab") as file:
            if file.tell() + len(content) > SUMMARY_LIMIT:
                content = b"The summary is too long to be shown here; see the artifacts of the run.\n"
            file.write(content)
    except OSError as error:
        raise UsageError(f"the job summary {name} cannot be written ({error.strerror}).") from error
