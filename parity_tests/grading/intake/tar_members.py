"""Reads the members of a tar file, also past those whose headers are broken: these are told as such.

`tarfile` takes the first broken header for the end. Here what lies between two members that can be read must be zeros,
and anything else is a broken one.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

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
