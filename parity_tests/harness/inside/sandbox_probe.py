"""Tries, inside a worker, what a sandbox must forbid and what it must allow; available_levels.py tries a level with it.

It is trusted code, and does no harm if it succeeds. The worker loads this file by its path: it may import numpy and the
standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_CLONE_NEWUSER = 0x10000000
_MODULES = ("json", "decimal", "ctypes", "unittest.mock", "numpy.ma", "numpy.polynomial", "concurrent.futures")


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _exec() -> None:
    os.posix_spawn("/bin/true", ["true"], {})


def _socket() -> None:
    import socket

    socket.socket().close()


def _lock() -> None:
    import fcntl

    with Path(os.__file__).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _unshare() -> None:
    if ctypes.CDLL(None).unshare(_CLONE_NEWUSER):
        raise OSError


def _signal(processes: Sequence[int]) -> None:
    reached = []
    for process in processes:
        if process != os.getpid():
            with contextlib.suppress(OSError):
                os.kill(process, 0)
                reached.append(process)
    if not reached:
        raise OSError


def trial(submission: Any, recorder: Any, params: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Record as facts which forbidden things succeed ("escapes") and which needed ones fail ("broken")."""
    secret = Path(params["secret"])
    forbidden: dict[str, Callable[[], object]] = {
        "start a process": _fork,
        "run a program": _exec,
        "open a socket": _socket,
        "make a namespace": _unshare,
        "signal other processes": lambda: _signal(params["processes"]),
        "write to a file outside": lambda: secret.open("a").close(),
        "write to the submission's folder": lambda: Path(submission.folder, "new").touch(),
        "read a file outside": secret.read_bytes,
        "read the list of processes": lambda: list(Path("/proc").iterdir()),
        "lock a file that all have": _lock,
    }
    needed: dict[str, Callable[[], object]] = {
        **{f"import {name}": lambda name=name: importlib.import_module(name) for name in _MODULES},  # type: ignore[misc]
        "multiply matrices": lambda: np.ones((64, 64)) @ np.ones((64, 64)),
        "write to the scratch folder": lambda: Path("file").write_bytes(b"x"),
        "write to /dev/null": lambda: Path(os.devnull).write_bytes(b"x"),
    }
    recorder.add_fact("escapes", [name for name, attempt in forbidden.items() if _succeeds(attempt)])
    recorder.add_fact("broken", [name for name, attempt in needed.items() if not _succeeds(attempt)])


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, ImportError):
        return False
    return True


PROBES = {"trial": trial}
