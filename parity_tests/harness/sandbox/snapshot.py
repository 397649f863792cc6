"""A submission's folder as bytes, for a process that is given copies of its files instead of the folder."""

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
"""Characters of all names, which travel in one header."""


@dataclass(frozen=True)
class Snapshot:
    """What lies in a folder, outer folders before what is in them.

    `entries` are a relative name, "folder", "link" or "file", and where a link points; `contents` the bytes of the
    files (uint8) by the numbers of their entries.
    """

    entries: list[tuple[str, str, str]]
    contents: dict[str, NDArray[Any]]


def snapshot(folder: str, most: int = MAX_BYTES) -> Snapshot | None:
    """The folder with all that is below it; None where that is more than `most` bytes, or not all files to be read."""
    entries: list[tuple[str, str, str]] = []
    contents: dict[str, NDArray[Any]] = {}
    left = most
    waiting = [folder]
    try:
        while waiting:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    name = os.path.relpath(entry.path, folder)
                    if len(entries) == _MAX_ENTRIES:
                        return None
                    if entry.is_symlink():
                        entries.append((name, "link", os.readlink(entry.path)))  # noqa: PTH115 - Path tidies it
                    elif entry.is_dir():
                        entries.append((name, "folder", ""))
                        waiting.append(entry.path)
                    elif entry.is_file() and entry.stat().st_size <= left:
                        read = Path(entry.path).read_bytes()
                        left -= len(read)
                        contents[str(len(entries))] = np.frombuffer(read, np.uint8)
                        entries.append((name, "file", ""))
                    else:
                        return None
    except OSError:
        return None
    names = sum(len(name) + len(target) for name, _, target in entries)
    return Snapshot(entries, contents) if left >= 0 and names <= _MAX_NAMES else None
