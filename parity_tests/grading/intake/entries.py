"""The files that were handed in, in a folder or an archive: listed under safe names, read on demand and up to caps.

Nothing is ever extracted to disk under a name that a student chose: a member is read into memory, and a link is never
followed. A student's archive that holds a link, an absolute or upward path, or more than the caps is refused whole. Of
the archive of a class only such a member is: the entry that stands for it says why.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from parity_tests.grading.intake.zip_directory import open_zip
from reports.model.escape import path_text, printable

_BLOCK = tarfile.BLOCKSIZE
MOST_BROKEN = 1_000
"""So many headers may be broken before the rest is given up: each may make `tarfile` read much."""


class TarDamaged(Exception):  # noqa: N818 - what it is about is a file
    """A tar that cannot be read to its end; the message is a predicate."""


@dataclass(frozen=True)
class Broken:
    """A member whose header is broken: the name that seems to stand there, and where it begins, in bytes."""

    path: str
    offset: int


def members_of(data: bytes) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile] | Broken]:
    """The members of an unpacked tar, each with the archive that its content is read from. Raises TarDamaged."""
    end = 0
    try:
        archive = tarfile.TarFile(fileobj=io.BytesIO(data), ignore_zeros=True)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise TarDamaged(f"is no tar file that can be read ({error})") from None
    with closing(archive):
        for member in _readable(archive, len(data)):
            if (broken := _between(data, end, member.offset)) is not None:
                yield broken
            end = archive.offset  # behind this member
            if end > len(data):
                raise TarDamaged("ends before its last member does")
            yield member, archive
    if (broken := _between(data, end, len(data))) is not None:
        yield broken


def _readable(archive: tarfile.TarFile, size: int) -> Iterator[tarfile.TarInfo]:
    """The members that can be read: after a header that cannot, it goes on at the next block."""
    failed = 0
    while True:
        try:
            member = archive.next()
        except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
            failed += 1
            if failed > MOST_BROKEN:
                raise TarDamaged(f"holds more than {MOST_BROKEN} broken headers") from None
            if archive.offset + _BLOCK >= size:
                if archive.offset > size:
                    raise TarDamaged(f"ends before its last member does ({error})") from None
                return
            archive.offset += _BLOCK
            continue
        if member is None:
            return
        yield member


def _between(data: bytes, start: int, end: int) -> Broken | None:
    """The broken member between two places, None where there are only zeros."""
    gap = data[start:end]
    if not gap.strip(b"\0"):
        return None
    offset = start + (len(gap) - len(gap.lstrip(b"\0"))) // _BLOCK * _BLOCK
    name = data[offset : offset + 100].partition(b"\0")[0].decode("utf-8", "surrogateescape")
    return Broken(name if name.isprintable() else "", offset)


MAX_ENTRIES = 5_000
MAX_CLASS_ENTRIES = 500_000
"""Files that one student's archive, and the whole class's, may hold."""
MAX_ARCHIVE = 64 << 20
"""Bytes of one student's archive; a tar may be as large unpacked, since it can only be read by unpacking."""
MAX_TOTAL = 1 << 30
"""Bytes that one student's archive may claim to unpack to. Few of them are ever read."""
MAX_DEPTH = 40
"""Folders that a file may lie in, one in the other."""
MAX_COMPONENT = 255
MAX_PATH = 1_000
"""Bytes in UTF-8 of a file's name, and of its path: file systems count bytes."""
MAX_RATIO = 200
"""How many times its packed size a member above 1 MiB may unpack to; text packs to a tenth, a bomb to a thousandth."""
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
FOREIGN_ARCHIVES = (".7z", ".rar", ".gz", ".bz2", ".xz", ".zst")

EMPTY = "(empty folder)"
"""Stands for the files of a folder without any, so that its owner is not forgotten."""

REFUSED = " (refused)"
"""Ends the name of an entry that stands for a member which names nobody's folder."""

_JUNK_FOLDERS = {"__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git", ".idea", ".vscode", ".venv", "venv"}
_JUNK_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}


class RefusedArchive(Exception):  # noqa: N818 - a refusal is no error
    """An archive that is not opened; the message is a sentence that says why."""


@dataclass(frozen=True)
class Entry:
    """A file: its path (with slashes, relative, never upward), its size in bytes, and how to read its first n bytes.

    `problem` is a sentence that says why it is not to be read; "" for most.
    """

    path: str
    size: int
    read: Callable[[int], bytes]
    problem: str = ""

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
    last = parts[-1] if parts else ""
    return bool(_JUNK_FOLDERS.intersection(parts)) or last in _JUNK_FILES or last.startswith("._")


def is_archive(path: str) -> bool:
    """Whether a file's name is that of an archive that can be opened."""
    return path.lower().endswith(ARCHIVES)


def folder_entries(folder: Path) -> list[Entry]:
    """The files below a folder, sorted by path. Raises OSError where the folder itself cannot be read.

    Links are not followed: for each, and for each folder that cannot be read, an entry says so.
    """
    entries: list[Entry] = []
    folders: set[str] = set()
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(folder / inside) as listing:
                found = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if not inside:
                raise
            entries.append(_without_content(inside, f"the folder {_shown(inside)} cannot be read: {error.strerror}"))
            continue
        for item in found:
            path = f"{inside}/{item.name}" if inside else item.name
            if is_junk(path):
                continue
            if item.is_dir(follow_symlinks=False):
                waiting.append(path)
                folders.add(path)
            else:
                entries.append(_file_entry(item, path))
            if len(entries) > MAX_CLASS_ENTRIES:
                raise RefusedArchive(f"{folder} holds more than {MAX_CLASS_ENTRIES} files")
    return _with_empty(entries, folders)


def _file_entry(item: os.DirEntry[str], path: str) -> Entry:
    try:
        status = item.stat(follow_symlinks=False)
    except OSError as error:
        return _without_content(path, f"{_shown(path)} cannot be read: {error.strerror}")
    if stat.S_ISREG(status.st_mode):
        return Entry(path, status.st_size, partial(_read_file, Path(item.path)), _problem_of_path(path))
    kind = "a link, and links are not followed" if stat.S_ISLNK(status.st_mode) else "neither a file nor a folder"
    return _without_content(path, f"{_shown(path)} is {kind}")


def _without_content(path: str, problem: str) -> Entry:
    return Entry(path, 0, partial(_first, b""), problem)


def class_archive_entries(path: Path) -> list[Entry]:
    """The files in the archive that a course site gave; a member that is refused says why. Raises RefusedArchive."""
    if path.suffix.lower() == ".zip":
        return _zip_entries(path.name, path, MAX_CLASS_ENTRIES, None, whole=False)
    if path.stat().st_size > MAX_ARCHIVE:
        raise RefusedArchive(f"{path.name} has more than {MAX_ARCHIVE >> 20} MiB; a zip may have more")
    return _tar_entries(path.name, path.read_bytes(), MAX_CLASS_ENTRIES, whole=False)


def archive_entries(name: str, data: bytes) -> list[Entry]:
    """The files in one student's archive, junk left out. Raises RefusedArchive, never anything else."""
    if len(data) > MAX_ARCHIVE:
        raise RefusedArchive(f"{name} has more than {MAX_ARCHIVE >> 20} MiB")
    if name.lower().endswith(".zip"):
        return _zip_entries(name, io.BytesIO(data), MAX_ENTRIES, MAX_TOTAL, whole=True)
    return _tar_entries(name, data, MAX_ENTRIES, whole=True)


def _read_file(file: Path, limit: int) -> bytes:
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as opened:
        return opened.read(limit)


def _first(body: bytes, limit: int) -> bytes:
    return body[:limit]


def _zip_entries(name: str, source: Path | IO[bytes], most: int, total: int | None, *, whole: bool) -> list[Entry]:
    """The files in a zip; what is wrong with one refuses the `whole`, or that one alone."""
    try:
        archive, odd = open_zip(source)
        members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError) as error:
        raise RefusedArchive(f"{name} is no zip file that can be read ({error})") from None
    if len(members) > most:
        raise RefusedArchive(f"{name} holds more than {most} files")
    if total is not None and sum(member.file_size for member in members) > total:
        raise RefusedArchive(f"{name} would unpack to more than {total >> 20} MiB")
    entries: dict[str, Entry] = {}
    folders = {
        "/".join(parts)
        for number, member in enumerate(members)
        if _is_folder(member)
        and number not in odd
        and not is_junk(member.filename)
        and (parts := _parts(member.filename))
    }
    for number, member in enumerate(members):
        path, problem = member.filename, _problem_of_member(name, member, of_class=not whole)
        if _is_folder(member) and not _parts(path):  # the folder that was packed, as "./"
            continue
        if number in odd:
            path, problem = odd[number].path, f"{name} holds {_shown(odd[number].path)}, which {odd[number].problem}"
        if problem and whole:
            raise RefusedArchive(problem)
        if problem:
            path = _path_of_refused(path)
            entries[path] = _without_content(path, problem)
            continue
        path = "/".join(_parts(member.filename))
        if not (_is_folder(member) or is_junk(path)):
            entries[path] = Entry(path, member.file_size, partial(_read_member, name, archive, member))
    return _with_empty(entries.values(), folders)


def _is_folder(member: zipfile.ZipInfo) -> bool:
    """As ZipInfo.is_dir, which a member without a name breaks."""
    return member.filename.endswith("/")


def _problem_of_member(name: str, member: zipfile.ZipInfo, *, of_class: bool) -> str:
    """Why a member of a zip is refused, "" if it is not."""
    path = member.filename
    if problem := _problem_of_path(path, of_class=of_class):
        return f"{name} holds {problem}"
    if stat.S_ISLNK(member.external_attr >> 16):
        return f"{name} holds a link, {_shown(path)}"
    if member.file_size > (1 << 20) and member.file_size > MAX_RATIO * max(member.compress_size, 1):
        return f"{name} holds {_shown(path)}, packed more than {MAX_RATIO}-fold: a bomb"
    return f"{name} is encrypted" if member.flag_bits & 1 and not _is_folder(member) else ""


def _path_of_refused(path: str) -> str:
    """Where the entry of a refused member stands: with the student whose folder it names, or by itself."""
    top, *rest = [part for part in _parts(path) if part not in ("..", "/")] or ["a file without a name"]
    shown = _shown("/".join(rest) or top)[: MAX_COMPONENT // 4].replace("/", "_")
    return f"{top}/{shown}" if rest and not _problem_of_path(top, of_class=True) else f"{shown}{REFUSED}"


def _with_empty(entries: Iterable[Entry], folders: set[str]) -> list[Entry]:
    """The entries by path, and one that stands for the files of each folder with neither files nor folders."""
    files = list(entries)
    inside = {entry.path.rpartition("/")[0] for entry in files} | {folder.rpartition("/")[0] for folder in folders}
    filled = inside | {parent.as_posix() for path in inside for parent in PurePosixPath(path).parents}
    unread = {entry.path for entry in files}
    files += [Entry(f"{folder}/{EMPTY}", 0, partial(_first, b"")) for folder in folders - filled - unread]
    return sorted(files, key=lambda entry: entry.path)


def _read_member(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    try:
        with archive.open(member) as opened:
            return opened.read(limit)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise RefusedArchive(f"{name} is damaged at {_shown(member.filename)} ({error})") from None


def _tar_entries(name: str, data: bytes, most: int, *, whole: bool) -> list[Entry]:
    """The files in a tar; what is wrong with one refuses the `whole`, or that one alone."""
    entries: dict[str, Entry] = {}
    folders: set[str] = set()
    try:
        for count, member in enumerate(members_of(_unpacked(name, data))):
            if count >= most:
                raise RefusedArchive(f"{name} holds more than {most} files")
            path = member.path if isinstance(member, Broken) else member[0].name
            problem = _problem_of_tar_member(name, member, of_class=not whole)
            if problem and whole:
                raise RefusedArchive(problem)
            if problem:
                where = _path_of_refused(path)
                entries[where] = _without_content(where, problem)
            elif not isinstance(member, Broken):
                _add_tar_member(entries, folders, *member)
    except TarDamaged as error:
        raise RefusedArchive(f"{name} {error}") from None
    return _with_empty(entries.values(), folders)


def _add_tar_member(
    entries: dict[str, Entry], folders: set[str], member: tarfile.TarInfo, archive: tarfile.TarFile
) -> None:
    """Add a file to the entries, or a folder to the `folders`."""
    path = "/".join(_parts(member.name))
    if is_junk(path):
        return
    content = archive.extractfile(member) if member.isreg() else None
    if content is not None:
        body = content.read()
        entries[path] = Entry(path, len(body), partial(_first, body))
    elif member.isdir():
        folders.add(path)


def _problem_of_tar_member(name: str, member: Broken | tuple[tarfile.TarInfo, Any], *, of_class: bool) -> str:
    """Why a member of a tar is refused, "" if it is not."""
    if isinstance(member, Broken):
        return f"{name} is damaged at byte {member.offset}: there is no file there"
    info = member[0]
    if info.isdir() and not _parts(info.name):  # the folder that was packed, as "./"
        return ""
    if problem := _problem_of_path(info.name, of_class=of_class):
        return f"{name} holds {problem}"
    if info.issym() or info.islnk():
        return f"{name} holds a link, {_shown(info.name)}"
    if info.issparse():  # a few bytes may claim to be any number of zeros
        return f"{name} holds a file with holes, {_shown(info.name)}"
    try:
        tarfile.data_filter(info, "/nowhere")  # refuses devices, and all that this has overlooked
    except (tarfile.FilterError, ValueError, OSError) as error:
        return f"{name} holds what no submission needs ({printable(str(error))})"
    return ""


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


def _parts(path: str) -> tuple[str, ...]:
    return PurePosixPath(path.replace("\\", "/")).parts


def _problem_of_path(path: str, *, of_class: bool = False) -> str:
    """Why no file may be laid out under this path, as the end of a sentence; "" if one may be.

    The first name in the archive `of_class` is a person's: nothing is laid out under it, so it may be long.
    """
    plain, parts = path.replace("\\", "/"), _parts(path)
    if plain.startswith("/") or re.match(r"[A-Za-z]:", plain) or ".." in parts or "\0" in plain:
        return f"a path that leads out of it, {_shown(plain)}"
    lengths = [len(part.encode("utf-8", "surrogateescape")) for part in parts]
    too_long = sum(lengths) > MAX_PATH or max(lengths[of_class:], default=0) > MAX_COMPONENT
    if not parts or too_long or len(parts) > MAX_DEPTH:
        return f"a path that is empty, too long or too deep, {_shown(plain[:60])}"
    return ""


def _shown(path: str) -> str:
    return path_text(path[:100])


def common_folder(entries: Sequence[Entry]) -> str:
    """The one folder that holds all entries, "" where there is none."""
    tops = {entry.parts[0] if len(entry.parts) > 1 else "" for entry in entries}
    return tops.pop() if len(tops) == 1 else ""
