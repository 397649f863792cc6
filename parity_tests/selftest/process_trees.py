"""Looks at processes from outside, for the tests of what starts and ends them."""

from __future__ import annotations

import time

import psutil


def children(pid: int) -> list[int]:
    """Return the ids of the running processes that a process has started."""
    return [child.pid for child in psutil.Process(pid).children() if is_running(child.pid)]


def innermost(pid: int) -> int:
    """Return the first process below this one that has no children: bubblewrap's own processes stand in between."""
    while started := children(pid):
        pid = started[0]
    return pid


def is_running(pid: int) -> bool:
    """Return whether there is such a process, and it has not ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(pid: int, seconds: float = 10.0) -> None:
    """Wait until a process has ended. Raises AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while is_running(pid):
        assert time.monotonic() < deadline, f"the process {pid} still runs"
        time.sleep(0.01)
