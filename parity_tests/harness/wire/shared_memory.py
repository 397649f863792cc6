"""Memory shared with a submission's process, into which results are written instead of being sent through a pipe.

The memory is a ring of banks. Each round of a case uses the next bank, so the arrays of a round stay valid while the
next three rounds are written. Every case begins with the first bank, so only as much memory is touched as the largest
case needs. A bank holds, in this order: the length of its log and the label of the current call; the log, one line of
JSON for each message; and the arrays. A line of the log is complete before the length counts it. Results in shared
memory outlive the process that wrote them, and are copied once.

The submission can write to this memory as well. The harness therefore checks everything that it reads (see
frames.decode_log), and the submission can change nothing but the values of its own arrays. The submission's process
loads this file by its path: it may import the standard library and numpy only.
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
LOG_BYTES = 1 << 18
"""Bytes of a bank's log."""
_LABEL_BYTES = 1 << 12
_HEAD_BYTES = 1 << 13
_LENGTH = struct.Struct("<Q")
_ALIGNMENT = 64
_SMALL = 1 << 14
"""Up to so many bytes, copying an array twice is faster than making a view of the memory."""


def create(array_bytes: int) -> int:
    """Return the descriptor of new memory whose banks hold `array_bytes` of arrays each. Raises OSError.

    The size of the memory is sealed: neither side can change it.
    """
    descriptor = os.memfd_create("parity", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, BANKS * bank_bytes(array_bytes))
        # If one process could shorten the memory, the kernel would kill the other one when it reads there.
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def bank_bytes(array_bytes: int) -> int:
    """Return the size in bytes of a bank that holds `array_bytes` of arrays, in whole pages."""
    size = _HEAD_BYTES + LOG_BYTES + array_bytes
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


class SharedMemory:
    """One side's view of the memory. Both sides call `first_bank` and `next_bank` at the same points of a case."""

    def __init__(self, descriptor: int, array_bytes: int) -> None:
        self._bank_bytes = bank_bytes(array_bytes)
        self._memory = memoryview(mmap.mmap(descriptor, BANKS * self._bank_bytes))
        self._bank_number = -1
        self._bank = self._memory[:0]
        self._log_end = self._arrays_end = 0

    def first_bank(self) -> None:
        """Go to the first bank, as a new case does. The results of earlier cases are no longer needed."""
        self._bank_number = -1
        self.next_bank()

    def next_bank(self) -> None:
        """Go to the next bank, as a new round does. The bank keeps its contents until something is written to it."""
        self._bank_number = (self._bank_number + 1) % BANKS
        start = self._bank_number * self._bank_bytes
        self._bank = self._memory[start : start + self._bank_bytes]
        self._log_end, self._arrays_end = 0, _HEAD_BYTES + LOG_BYTES

    # ---- the submission's process

    def write(self, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> bool:
        """Write a message with copies of its arrays. Returns False if it does not fit, or if the header is not JSON."""
        start, descriptions = self._arrays_end, []
        for name, array in arrays.items():
            native = array.dtype.newbyteorder("=")
            if start + array.nbytes > len(self._bank):
                return False
            if array.nbytes <= _SMALL and array.dtype == native:
                self._bank[start : start + array.nbytes] = array.tobytes()
            else:
                np.copyto(np.frombuffer(self._bank, native, array.size, start).reshape(array.shape), array)
            descriptions.append([name, native.str, list(array.shape), start])
            start += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
        try:
            line = json.dumps({**header, "arrays": descriptions}).encode("ascii") + b"\n"
        except (TypeError, ValueError, RecursionError):
            return False
        log_end = self._log_end + len(line)
        if log_end > LOG_BYTES:
            return False
        self._bank[_HEAD_BYTES + self._log_end : _HEAD_BYTES + log_end] = line
        self._log_end, self._arrays_end = log_end, start
        _LENGTH.pack_into(self._bank, 0, log_end)
        return True

    def write_label(self, label: str) -> None:
        """Write the label of the call that is about to be made, "" for none."""
        text = label.encode("utf-8", "replace")[: _LABEL_BYTES - 2 * _LENGTH.size]
        self._bank[2 * _LENGTH.size : 2 * _LENGTH.size + len(text)] = text
        _LENGTH.pack_into(self._bank, _LENGTH.size, len(text))

    # ---- the harness

    def clear(self) -> None:
        """Empty the log of the bank, before the submission's process goes to it."""
        _LENGTH.pack_into(self._bank, 0, 0)
        _LENGTH.pack_into(self._bank, _LENGTH.size, 0)

    def read_log(self) -> bytes:
        """Return a copy of what was added to the log since the last call."""
        if not self._bank:
            return b""
        end = min(_LENGTH.unpack_from(self._bank)[0], LOG_BYTES)
        start, self._log_end = self._log_end, max(end, self._log_end)
        return bytes(self._bank[_HEAD_BYTES + start : _HEAD_BYTES + end])

    @property
    def label(self) -> str:
        """The label of the current call, "" if there is none."""
        if not self._bank:
            return ""
        length = min(_LENGTH.unpack_from(self._bank, _LENGTH.size)[0], _LABEL_BYTES - 2 * _LENGTH.size)
        return bytes(self._bank[2 * _LENGTH.size : 2 * _LENGTH.size + length]).decode("utf-8", "replace")

    @property
    def bank(self) -> memoryview:
        """The bytes of the bank; the log gives the places of arrays as offsets in it."""
        return self._bank
