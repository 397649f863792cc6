"""Gives each running worker a user id of its own, if we are root, and a user namespace that maps it.

A process of root cannot be limited to a number of threads, and may write all that root may write. So if we are root, a
worker becomes another user, one that owns nothing on the machine and that no other running worker has.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from parity_tests.protocol.errors import HarnessError

SLOTS = 256
"""Workers that one process of the harness may run at a time."""
_BASE = 1 << 30
_PROCESSES = 1 << 22
"""More process ids than Linux gives out."""
INSIDE = 1
"""The worker's id inside its namespace."""
_CLONE_NEWUSER = 0x10000000
_HELPER = f"""
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare({_CLONE_NEWUSER}):
    sys.exit(ctypes.get_errno())
print(flush=True)
sys.stdin.readline()
with open("/proc/sys/user/max_user_namespaces", "w") as file:
    file.write("0")
print(flush=True)
sys.stdin.readline()
"""
_SECONDS = 30.0

_lock = threading.Lock()
_free: list[int] = []
_owner = 0
_namespaces: dict[int, int] = {}
_BLOCK = -1


def available() -> bool:
    """Return whether we are root, and the system or container has other users."""
    return os.geteuid() == 0 and _range(_map())[1] > 0


def take() -> int:
    """Return a user id that no other running worker has. Raises HarnessError if too many workers run."""
    global _owner
    with _lock:
        if _owner != os.getpid():  # a forked copy of the harness has ids of its own
            _free[:] = range(SLOTS)
            _namespaces.clear()
            _owner = os.getpid()
        if not _free:
            raise HarnessError(f"more than {SLOTS} workers run at a time")
        slot = _free.pop(0)
    return _first() + slot


def give_back(user: int) -> None:
    """Return an id, so that another worker can take it."""
    with _lock:
        if _owner == os.getpid():
            _free.insert(0, user - _first())


def namespace(user: int) -> int:
    """Return a descriptor of a user namespace that maps root to root and `user` to 1, and allows none below it.

    It is kept for the next worker of that id. Raises OSError if the kernel refuses it.
    """
    with _lock:
        if user not in _namespaces:
            _namespaces[user] = _make(f"{INSIDE} {user} 1", closed=True)
        return _namespaces[user]


def block() -> int:
    """Return a descriptor of a user namespace that maps root to root, and all ids that `take` returns to 1 and upwards.

    Processes in it may make namespaces of their own. Raises OSError if the kernel refuses it.
    """
    with _lock:
        if _BLOCK not in _namespaces:
            _namespaces[_BLOCK] = _make(f"{INSIDE} {_first()} {SLOTS}", closed=False)
        return _namespaces[_BLOCK]


def within_block(user: int) -> int:
    """Return the id in the namespace `block` of a user that `take` returned."""
    return user - _first() + INSIDE


def _first() -> int:
    """Return the first of the ids that `take` returns in this process.

    SLOTS divides the number of all ids, so that the ranges of two processes of the harness never overlap in part.
    """
    first, count = _range(_map())
    return first + os.getpid() * SLOTS % count


def _map() -> list[str]:
    return Path("/proc/self/uid_map").read_text().splitlines()


def _range(lines: Iterable[str]) -> tuple[int, int]:
    """Return the first of the ids that may be used, and how many there are; in a container, its highest ids."""
    mapped = [(int(first), int(count)) for first, _, count in (line.split() for line in lines if line.strip())]
    for first, count in mapped:
        if first <= _BASE and first + count >= _BASE + _PROCESSES * SLOTS:
            return _BASE, _PROCESSES * SLOTS
    first, count = max(mapped)
    usable = min(count - 1, 1 << 15)
    usable -= usable % SLOTS
    return first + count - usable, usable


def _make(users: str, *, closed: bool) -> int:
    """Return a descriptor of a new user namespace that maps root and these users, `closed` to further namespaces."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _HELPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if not process.stdout.readline():
            code = process.wait(timeout=_SECONDS)
            raise OSError(code, f"no user namespace can be made: {os.strerror(code)}")
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{process.pid}/{name}").write_text(f"0 0 1\n{users}\n")
        if closed:
            process.stdin.write("\n")
            process.stdin.flush()
            if not process.stdout.readline():
                raise OSError("no user namespace can be closed to further ones")
        return os.open(f"/proc/{process.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        process.kill()  # first: it would go on when its input ends
        process.wait(timeout=_SECONDS)
        process.stdin.close()
        process.stdout.close()
