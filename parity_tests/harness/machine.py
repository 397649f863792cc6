"""What the machine offers a run: processor cores, the devices that torch may compute on, and memory that is kept."""

import ctypes
import os

from parity_tests.protocol.errors import UsageError

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MEMORY_KEPT = {_TRIM_THRESHOLD: 256 << 20, _MMAP_THRESHOLD: 32 << 20}
"""Bytes of freed memory that are kept, and of the smallest array that is none of it."""


def cores() -> int:
    """How many cores this process may use: those that the system allows it, where it tells, else all there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def can_keep_freed_memory() -> bool:
    """Whether the C library can be told to: glibc alone can."""
    return hasattr(ctypes.CDLL(None), "mallopt")


def keep_freed_memory() -> None:
    """Let the C library keep what is freed: it would give the kernel each large array back, to be cleared anew."""
    if can_keep_freed_memory():
        for option, size in _MEMORY_KEPT.items():
            ctypes.CDLL(None).mallopt(option, size)


def refuse_missing_device(device: str) -> None:
    """Raise UsageError, which says why, unless torch can compute on `device`: "cpu", "cuda" or "cuda:N"."""
    if device == "cpu":
        return
    from reference.device import problem  # imports torch

    why = problem(device)
    if why:
        raise UsageError(why)
