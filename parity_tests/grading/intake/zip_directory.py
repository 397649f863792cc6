"""Opens zip files of which a member's own header cannot be read: that member is told apart, the others stay readable.

`zipfile` reads all headers before it gives any, and gives none where one is odd. So those are mended on their way to it
(the length of nothing changes), and named here with what was wrong.
"""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_HEADER = struct.Struct("<4s4B4HL2L5H2L")
"""An entry of the central directory, as PKWARE's APPNOTE has it in 4.3.12."""
_SIGNATURE = b"PK\x01\x02"
_VERSION, _FLAGS, _NAME, _EXTRA, _COMMENT = 3, 5, 12, 13, 14
"""Where in the header stand the version that is needed, the flags, and the lengths of what follows it."""
_SIZES, _ABSENT = (10, 11, 18), 0xFFFF_FFFF
"""Where sizes and the offset stand, and what stands there if zip64's extra field has them, in eight bytes each."""
_FLAGS_AT, _VERSION_AT = 8, 6
_UTF_8 = 0x800
_NEWEST = 63
"""The newest version of the format that `zipfile` reads."""


@dataclass(frozen=True)
class OddMember:
    """A member whose header was mended: its true name, undecodable bytes escaped, and what is wrong, as a predicate."""

    path: str
    problem: str


def open_zip(source: Path | IO[bytes]) -> tuple[zipfile.ZipFile, dict[int, OddMember]]:
    """A zip file, and its odd members by their place in `infolist()`. Raises what ZipFile does for any other damage."""
    mending = _Mending(source.open("rb") if isinstance(source, Path) else source)
    archive = zipfile.ZipFile(mending)  # which reads, seeks and tells, and no more
    mending.over = True
    return archive, mending.odd


class _Mending:
    """A file opened for reading, that mends the central directory when it is read; it is closed with the last of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.odd: dict[int, OddMember] = {}
        self.over = False
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def __del__(self) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """The next bytes; those of the central directory are mended until it is `over`."""
        data = self._file.read(size)
        if self.over or not data.startswith(_SIGNATURE):
            return data
        mended, self.odd = _mended(data)
        return mended


def _mended(directory: bytes) -> tuple[bytes, dict[int, OddMember]]:
    """The central directory with readable headers, and what was odd."""
    data, odd, at, number = bytearray(directory), dict[int, OddMember](), 0, 0
    while at + _HEADER.size <= len(data) and data[at : at + 4] == _SIGNATURE:
        fields = _HEADER.unpack_from(data, at)
        name_at = at + _HEADER.size
        extra_at = name_at + fields[_NAME]
        name, extra = bytes(data[name_at:extra_at]), bytes(data[extra_at : extra_at + fields[_EXTRA]])
        problem = ""
        if fields[_FLAGS] & _UTF_8 and not _is_utf_8(name):
            problem = "has a name that is said to be UTF-8 and is not"
            struct.pack_into("<H", data, at + _FLAGS_AT, fields[_FLAGS] & ~_UTF_8)
        if fields[_VERSION] > _NEWEST:
            problem = problem or f"needs version {fields[_VERSION] / 10:g} of the zip format"
            data[at + _VERSION_AT] = 20
        if not _is_whole(extra, 8 * sum(fields[place] == _ABSENT for place in _SIZES)):
            problem = problem or "has a damaged header"
            data[extra_at : extra_at + len(extra)] = bytes(len(extra))
        if problem:
            odd[number] = OddMember(name.decode("utf-8", "surrogateescape"), problem)
        at, number = extra_at + fields[_EXTRA] + fields[_COMMENT], number + 1
    return bytes(data), odd


def _is_utf_8(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_whole(extra: bytes, zip64: int) -> bool:
    """Whether an extra field is made of fields that end within it; that of zip64 must have so many bytes."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if length + 4 > len(extra) or (kind == 1 and length < zip64):
            return False
        extra = extra[length + 4 :]
    return True
