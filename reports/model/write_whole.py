"""Files and folders that are written whole or not at all: under another name first, which then takes the place."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = re.compile(r"\.parity-[0-9a-f]{32}(-old)?")
"""The names under which something is built: what a killed run leaves behind, and may be deleted."""


def write_whole(target: Path, content: bytes) -> None:
    """Write a file so that it is never there in part, also where the machine stops in the midst of it.

    Raises OSError; what was there before is then untouched.
    """
    with replacing_file(target) as unfinished, unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """The path to write to, beside `target`; the file takes its place unless something is raised. Raises OSError."""
    unfinished = target.with_name(_new_name())
    try:
        yield unfinished
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of `target` unless something is raised. Raises OSError."""
    unfinished = new_folder_for(target)
    try:
        yield unfinished
        _put_in_place(unfinished, target.resolve())
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def new_folder_for(target: Path) -> Path:
    """A new empty folder on the file system of `target`, from which it can be put in place. Raises OSError."""
    target = target.resolve()
    unfinished = target / _new_name() if _must_stay(target) else target.parent / _new_name()
    unfinished.mkdir()
    return unfinished


def _new_name() -> str:
    return f".parity-{uuid.uuid4().hex}"


def _must_stay(target: Path) -> bool:
    """Whether a folder must be filled where it is: a mount point, one we stand in, one in a closed folder."""
    fixed = target.is_mount() or Path.cwd().is_relative_to(target) or not os.access(target.parent, os.W_OK)
    return target.is_dir() and fixed


def _put_in_place(unfinished: Path, target: Path) -> None:
    if _must_stay(target):
        for old in target.iterdir():
            if old != unfinished:
                shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
        for new in sorted(unfinished.iterdir()):
            new.rename(target / new.name)
    elif target.exists():
        aside = unfinished.with_name(f"{unfinished.name}-old")
        target.rename(aside)
        try:
            unfinished.rename(target)
        except BaseException:  # Ctrl-C as well: what was there comes back
            aside.rename(target)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    else:
        unfinished.rename(target)
