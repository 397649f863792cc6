"""Reads a submission's folder into memory, for a process that is given copies of its files instead of the folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 8 << 20
_MAX_ENTRIES = 1000
_MAX_NAMES = 100_000
"""Characters of all names, which are sent in one header."""


@dataclass(frozen=True)
class Snapshot:
    """The contents of a folder; a folder stands before what is in it.

    An entry is a relative name; "folder", "link" or "file"; and the target of a link. `contents` are the bytes of the
    files (uint8) by the numbers of their entries.
    """

    entries: list[tuple[str, str, str]]
    contents: dict[str, NDArray[Any]]


def snapshot(folder: str, max_bytes: int = MAX_BYTES) -> Snapshot | None:
    """Return the folder with all that is below it; None if it has more than `max_bytes`, or files that cannot be read.

    It is also None if there are too many entries, or entries that are neither files nor folders nor links.
    """
    entries: list[tuple[str, str, str]] = []
    contents: dict[str, NDArray[Any]] = {}
    left = max_bytes
    waiting = [folder]
    try:
        while waiting:
            with os.scandir(waiting.pop()) as listing:
                for entry in listing:
                    name = os.path.relpath(entry.path, folder)
                    if len(entries) == _MAX_ENTRIES:
                        return None
                    if entry.is_symlink():
                        entries.append((name, "link", os.readlink(entry.path)))  # noqa: PTH115 - Path changes it
                    elif entry.is_dir():
                        entries.append((name, "folder", ""))
                        waiting.append(entry.path)
                    elif entry.is_file() and entry.stat().st_size <= left:
                        data = Path(entry.path).read_bytes()
                        left -= len(data)
                        contents[str(len(entries))] = np.frombuffer(data, np.uint8)
                        entries.append((name, "file", ""))
                    else:
                        return None
    except OSError:
        return None
    names = sum(len(name) + len(target) for name, _, target in entries)
    return Snapshot(entries, contents) if left >= 0 and names <= _MAX_NAMES else None
