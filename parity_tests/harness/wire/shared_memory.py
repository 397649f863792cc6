"""Memory shared with the process of a submission, where what comes of a round is laid instead of being sent.

It has banks, one a round in turn, so that a round's arrays stay where they are while the next three are written; every
case begins with the first, so that no more memory is touched than the largest cases need. A bank begins with the length
of its log and the label of the call at hand, then come the log (a line of JSON for each message, complete before its
length says so) and the arrays. What lies there outlives the process, and costs one copy.

The submission can write there as well: whoever reads checks all of it (wire.shelved), and no more than the values of
its own arrays is in its hands. Loaded also, by its path, in the submission's process: the standard library and numpy
only.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

BANKS = 4
LOG = 1 << 18
"""Bytes of a bank's log."""
_LABEL = 1 << 12
_HEAD = 1 << 13
_LENGTH = struct.Struct("<Q")
_ALIGNED = 64
_SMALL = 1 << 14
"""Bytes of an array that are copied twice sooner than a view of the memory is made."""


def create(room: int) -> int:
    """The descriptor of new memory with banks of `room` bytes of arrays; nobody can change its size. Raises OSError."""
    descriptor = os.memfd_create("parity", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, BANKS * size(room))
        # A process that shortened it would have the other killed when it reads.
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def size(room: int) -> int:
    """Bytes of a bank with `room` bytes of arrays."""
    whole = _HEAD + LOG + room
    return -(-whole // mmap.PAGESIZE) * mmap.PAGESIZE


class Shelf:
    """One side's view of the memory behind a descriptor; both sides `begin` a case and `turn` to a round alike."""

    def __init__(self, descriptor: int, room: int) -> None:
        self._size = size(room)
        self._memory = memoryview(mmap.mmap(descriptor, BANKS * self._size))
        self._bank = -1
        self._bytes = self._memory[:0]
        self._logged = self._laid = 0

    def begin(self) -> None:
        """Go to the first bank: what earlier cases laid down is not needed any more."""
        self._bank = -1
        self.turn()

    def turn(self) -> None:
        """Go on to the next bank, which keeps what is in it until something is put there."""
        self._bank = (self._bank + 1) % BANKS
        self._bytes = self._memory[self._bank * self._size : (self._bank + 1) * self._size]
        self._logged, self._laid = 0, _HEAD + LOG

    # ---- the submission's process

    def put(self, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> bool:
        """Lay a message down with copies of its arrays; False where it does not fit or is no JSON."""
        at, specs = self._laid, []
        for name, array in arrays.items():
            native = array.dtype.newbyteorder("=")
            if at + array.nbytes > len(self._bytes):
                return False
            if array.nbytes <= _SMALL and array.dtype == native:
                self._bytes[at : at + array.nbytes] = array.tobytes()
            else:
                np.copyto(np.frombuffer(self._bytes, native, array.size, at).reshape(array.shape), array)
            specs.append([name, native.str, list(array.shape), at])
            at += -(-array.nbytes // _ALIGNED) * _ALIGNED
        try:
            line = json.dumps({**header, "arrays": specs}).encode("ascii") + b"\n"
        except (TypeError, ValueError, RecursionError):
            return False
        end = self._logged + len(line)
        if end > LOG:
            return False
        self._bytes[_HEAD + self._logged : _HEAD + end] = line
        self._logged, self._laid = end, at
        _LENGTH.pack_into(self._bytes, 0, end)
        return True

    def call(self, label: str) -> None:
        """Say which call is at hand."""
        text = label.encode("utf-8", "replace")[: _LABEL - 2 * _LENGTH.size]
        self._bytes[2 * _LENGTH.size : 2 * _LENGTH.size + len(text)] = text
        _LENGTH.pack_into(self._bytes, _LENGTH.size, len(text))

    # ---- the harness

    def clear(self) -> None:
        """Empty the log of the bank, which the other side has not turned to yet."""
        _LENGTH.pack_into(self._bytes, 0, 0)
        _LENGTH.pack_into(self._bytes, _LENGTH.size, 0)

    def new(self) -> bytes:
        """What has been added to the log since it was last asked for, a copy."""
        if not self._bytes:
            return b""
        end = min(_LENGTH.unpack_from(self._bytes)[0], LOG)
        start, self._logged = self._logged, max(end, self._logged)
        return bytes(self._bytes[_HEAD + start : _HEAD + end])

    @property
    def label(self) -> str:
        """The call at hand, "" where there is none."""
        if not self._bytes:
            return ""
        length = min(_LENGTH.unpack_from(self._bytes, _LENGTH.size)[0], _LABEL - 2 * _LENGTH.size)
        return bytes(self._bytes[2 * _LENGTH.size : 2 * _LENGTH.size + length]).decode("utf-8", "replace")

    @property
    def contents(self) -> memoryview:
        """The bank, in which the log says where arrays lie."""
        return self._bytes
