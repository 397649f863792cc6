"""The files that were handed in, in a folder or an archive: listed under safe names, read on demand and up to caps.

Nothing is ever extracted to disk under a name that a student chose: a member is read into memory, a link is never
followed, and an archive that holds a link, an absolute or upward path, or more than the caps is refused whole.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from reports.model.escape import path_text

MAX_ENTRIES = 5_000
MAX_CLASS_ENTRIES = 500_000
"""Files that one student's archive, and the whole class's, may hold."""
MAX_ARCHIVE = 64 << 20
"""Bytes of one student's archive; a tar may be as large unpacked, since it can only be read by unpacking."""
MAX_TOTAL = 1 << 30
"""Bytes that one student's archive may claim to unpack to. Few of them are ever read."""
MAX_RATIO = 200
"""How many times its packed size a member above 1 MiB may unpack to; text packs to a tenth, a bomb to a thousandth."""
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
FOREIGN_ARCHIVES = (".7z", ".rar", ".gz", ".bz2", ".xz", ".zst")

EMPTY = "(empty folder)"
"""Stands for the files of a folder without any, so that its owner is not forgotten."""

_JUNK_FOLDERS = {"__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git", ".idea", ".vscode", ".venv", "venv"}
_JUNK_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}


class RefusedArchive(Exception):  # noqa: N818 - a refusal is no error
    """An archive that is not opened; the message is a sentence that says why."""


@dataclass(frozen=True)
class Entry:
    """A file: its path (with slashes, relative, never upward), its size in bytes, and how to read its first n bytes."""

    path: str
    size: int
    read: Callable[[int], bytes]

    @property
    def parts(self) -> tuple[str, ...]:
        """The path's components."""
        return PurePosixPath(self.path).parts

    def under(self, prefix: str) -> Entry:
        """The same file, named from inside the folder `prefix`."""
        return replace(self, path=self.path.removeprefix(f"{prefix}/"))


def is_junk(path: str) -> bool:
    """Whether a path is one that systems and editors leave behind."""
    parts = PurePosixPath(path).parts
    return bool(_JUNK_FOLDERS.intersection(parts)) or parts[-1] in _JUNK_FILES or parts[-1].startswith("._")


def is_archive(path: str) -> bool:
    """Whether a file's name is that of an archive that can be opened."""
    return path.lower().endswith(ARCHIVES)


def folder_entries(folder: Path) -> list[Entry]:
    """The files below a folder, sorted by path. Links are not followed and not listed."""
    entries: list[Entry] = []
    tops = {path.name for path in folder.iterdir() if path.is_dir() and path.name not in _JUNK_FOLDERS}
    for root, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _JUNK_FOLDERS)
        for name in files:
            file = Path(root, name)
            status = file.lstat()
            path = file.relative_to(folder).as_posix()
            if stat.S_ISREG(status.st_mode) and not is_junk(path):
                entries.append(Entry(path, status.st_size, partial(_read_file, file)))
            if len(entries) > MAX_CLASS_ENTRIES:
                raise RefusedArchive(f"{folder} holds more than {MAX_CLASS_ENTRIES} files")
    return _with_empty(entries, tops)


def class_archive_entries(path: Path) -> list[Entry]:
    """The files in the archive that a course site gave. Raises RefusedArchive."""
    if path.suffix.lower() == ".zip":
        return _zip_entries(path.name, path, MAX_CLASS_ENTRIES, None)
    return archive_entries(path.name, path.read_bytes())


def archive_entries(name: str, data: bytes) -> list[Entry]:
    """The files in one student's archive, junk left out. Raises RefusedArchive, never anything else."""
    if len(data) > MAX_ARCHIVE:
        raise RefusedArchive(f"{name} has more than {MAX_ARCHIVE >> 20} MiB")
    if name.lower().endswith(".zip"):
        return _zip_entries(name, io.BytesIO(data), MAX_ENTRIES, MAX_TOTAL)
    return _tar_entries(name, data)


def _read_file(file: Path, limit: int) -> bytes:
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as opened:
        return opened.read(limit)


def _first(body: bytes, limit: int) -> bytes:
    return body[:limit]


def _zip_entries(name: str, source: Path | IO[bytes], most: int, total: int | None) -> list[Entry]:
    try:
        archive = zipfile.ZipFile(source)
        members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError) as error:
        raise RefusedArchive(f"{name} is no zip file that can be read ({error})") from None
    if len(members) > most:
        raise RefusedArchive(f"{name} holds more than {most} files")
    if total is not None and sum(member.file_size for member in members) > total:
        raise RefusedArchive(f"{name} would unpack to more than {total >> 20} MiB")
    entries: dict[str, Entry] = {}
    tops = {member.filename.partition("/")[0] for member in members if member.is_dir() and not is_junk(member.filename)}
    for member in members:
        path = _safe(name, member.filename)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise RefusedArchive(f"{name} holds a link, {_shown(path)}")
        if member.file_size > (1 << 20) and member.file_size > MAX_RATIO * max(member.compress_size, 1):
            raise RefusedArchive(f"{name} holds {_shown(path)}, packed more than {MAX_RATIO}-fold: a bomb")
        if member.is_dir() or is_junk(path):
            continue
        if member.flag_bits & 1:
            raise RefusedArchive(f"{name} is encrypted")
        entries[path] = Entry(path, member.file_size, partial(_read_member, name, archive, member))
    return _with_empty(entries.values(), tops)


def _with_empty(entries: Iterable[Entry], tops: set[str]) -> list[Entry]:
    """The entries by path, and one that stands for the files of each top folder without any."""
    files = list(entries)
    empty = tops - {entry.parts[0] for entry in files}
    files += [Entry(f"{top}/{EMPTY}", 0, partial(_first, b"")) for top in empty]
    return sorted(files, key=lambda entry: entry.path)


def _read_member(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    try:
        with archive.open(member) as opened:
            return opened.read(limit)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise RefusedArchive(f"{name} is damaged at {_shown(member.filename)} ({error})") from None


def _tar_entries(name: str, data: bytes) -> list[Entry]:
    entries: dict[str, Entry] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(_unpacked(name, data)), mode="r:") as archive:
            for count, member in enumerate(archive):
                if count >= MAX_ENTRIES:
                    raise RefusedArchive(f"{name} holds more than {MAX_ENTRIES} files")
                path = _safe(name, member.name)
                if member.issym() or member.islnk():
                    raise RefusedArchive(f"{name} holds a link, {_shown(path)}")
                tarfile.data_filter(member, "/nowhere")  # refuses devices, and all that this has overlooked
                content = archive.extractfile(member) if member.isreg() and not is_junk(path) else None
                if content is not None:
                    body = content.read()
                    entries[path] = Entry(path, len(body), partial(_first, body))
    except tarfile.FilterError as error:
        raise RefusedArchive(f"{name} holds what no submission needs ({error})") from None
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise RefusedArchive(f"{name} is no tar file that can be read ({error})") from None
    return [entries[path] for path in sorted(entries)]


def _unpacked(name: str, data: bytes) -> bytes:
    openers: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
    opener = openers.get(data[:2])
    if opener is None:
        return data
    try:
        with opener(io.BytesIO(data), "rb") as packed:
            plain = bytes(packed.read(MAX_ARCHIVE + 1))
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise RefusedArchive(f"{name} cannot be unpacked ({error})") from None
    if len(plain) > MAX_ARCHIVE:
        raise RefusedArchive(f"{name} would unpack to more than {MAX_ARCHIVE >> 20} MiB")
    return plain


def _safe(archive: str, path: str) -> str:
    """A member's path, with slashes. Raises RefusedArchive for one that would leave the folder it is unpacked in."""
    plain = path.replace("\\", "/")
    parts = PurePosixPath(plain).parts
    if plain.startswith("/") or re.match(r"[A-Za-z]:", plain) or ".." in parts or "\0" in plain:
        raise RefusedArchive(f"{archive} holds a path that leads out of it, {_shown(plain)}")
    if not parts or len(plain) > 1000 or max(map(len, parts)) > 250:
        raise RefusedArchive(f"{archive} holds a path that is empty or too long, {_shown(plain[:60])}")
    return "/".join(parts)


def _shown(path: str) -> str:
    return path_text(path[:100])


def common_folder(entries: Sequence[Entry]) -> str:
    """The one folder that holds all entries, "" where there is none."""
    tops = {entry.parts[0] if len(entry.parts) > 1 else "" for entry in entries}
    return tops.pop() if len(tops) == 1 else ""
