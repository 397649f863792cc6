"""Finds files of a submission or of the installation that only their owner may read."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from parity_tests.harness.sandbox.runtime_files import Runtime
from parity_tests.protocol.errors import UsageError

_MAX_ENTRIES = 10_000


@lru_cache
def private_installation(needed: Runtime, files: tuple[str, ...], above: bool = False) -> str:
    """Return first_private of what an installation needs and of these files; found out once."""
    return first_private([*needed.folders, *needed.files, *needed.libraries, *files], above=above)


def first_private(paths: Iterable[str], *, above: bool) -> str:
    """Return the first file or folder that only its owner may read, among these paths and what lies directly in them.

    With `above`, also among the folders above them. Returns "" if there is none.
    """
    for path in paths:
        parents = [str(folder) for folder in Path(path).parents] if above else []
        for inner in (*parents, *_with_entries(path)):
            if not _is_open(Path(inner).stat(), through=inner in parents):
                return inner
    return ""


def refuse_foreign(folder: str) -> None:
    """Raise UsageError if a file in the folder is private to a user other than root.

    In its namespace, the worker can be given the right to read root's private files, but no other user's.
    """
    for path in _with_entries(folder):
        status = Path(path).stat()
        if status.st_uid != 0 and not _is_open(status):
            raise UsageError(f"{path} may be read by its owner alone, and the sandbox is not: chmod go+rX opens it")


def _is_open(status: os.stat_result, through: bool = False) -> bool:
    """Return whether everybody may read it, or with `through`, whether everybody may at least pass through it."""
    wanted = stat.S_IROTH | stat.S_IXOTH if stat.S_ISDIR(status.st_mode) else stat.S_IROTH
    if through:
        wanted = stat.S_IXOTH
    return status.st_mode & wanted == wanted


def _with_entries(path: str) -> Iterator[str]:
    """Yield the path itself and, of a folder, what lies directly in it: the files of one installation are alike."""
    yield path
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        for entry in itertools.islice(entries, _MAX_ENTRIES):
            if entry.is_file() or entry.is_dir():
                yield entry.path
