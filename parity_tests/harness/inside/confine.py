"""Gives up, inside the submission's process, every right that it does not need: for good, before the submission runs.

The kernel is called through ctypes, because nothing else that is installed there can make these calls. Any step that
fails raises OSError: a process that is not confined runs no submission. The submission's process loads this file by its
path: it may import the standard library only.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import stat
import sys
from collections.abc import Mapping, Sequence
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 8, 22, 24, 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION = 0x20080522
_SEARCH, _OVERRIDE = 1 << 2, 1 << 1
"""CAP_DAC_READ_SEARCH and CAP_DAC_OVERRIDE: read files whatever their modes; Landlock says which."""
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Landlock's system calls: the same numbers on every architecture."""
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE = 1 << 14
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights over files each version of Landlock knows; later ones as many as the last."""
_NET = 3
_REMOUNT_PLAIN = 32 | 2 | 4
"""Mount again, without set-user-id and devices."""
_SCOPES = 3
_SIGNALS_VERSION = 6
_O_PATH = getattr(os, "O_PATH", 0)
_LIBC = ctypes.CDLL(None, use_errno=True)


def confine(rights: Mapping[str, Any]) -> None:
    """Give up all but these rights, in an order in which each step is still possible. Raises OSError.

    `scratch`: None, or the mounted scratch "folder" that shall take no more than "size" bytes and "files" files.
    `user`: the user and group id to become, None to stay. `search`: whether to keep the right to read files whatever
    their modes. `landlock`: None, or the paths that stay open: "read" (files, and folders with all that is below),
    "list" (folders whose names may be listed), "write" (folders with all that is below). `processes`: how many threads
    the user may have, or None. `filter`: the filter of system calls in hexadecimal. `self`: the number in the filter
    that stands for our own process id.
    """
    if rights["scratch"] is not None:
        _limit_scratch(**rights["scratch"])
    if rights["user"] is not None:
        _become(rights["user"], rights["search"])
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # becoming another user forgets it
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if rights["landlock"] is not None:
        _landlock(**rights["landlock"])
    if rights["processes"] is not None:
        resource.setrlimit(resource.RLIMIT_NPROC, (rights["processes"], rights["processes"]))
    program = _with_own_id(bytes.fromhex(rights["filter"]), rights["self"])
    instructions = ctypes.create_string_buffer(program, len(program))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, _Program(len(program) // 8, ctypes.addressof(instructions)))


def give_up_capabilities() -> None:
    """Drop all capabilities, and the possibility to gain any by running programs. Raises OSError."""
    for capability in range(64):
        if _LIBC.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0):
            break  # the kernel knows no more
    _keep_capabilities(0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def landlock_version() -> int:
    """Return the version of Landlock that the kernel has, 0 if it has none."""
    return max(0, int(_LIBC.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


def _with_own_id(program: bytes, stand_in: int) -> bytes:
    """Return the filter with our own process id for the number that stands for it.

    An instruction has 8 bytes and ends with its operand, of 4 bytes.
    """
    steps = (program[at : at + 8] for at in range(0, len(program), 8))
    placeholder, own = stand_in.to_bytes(4, sys.byteorder), os.getpid().to_bytes(4, sys.byteorder)
    return b"".join(step[:4] + (own if step[4:] == placeholder else step[4:]) for step in steps)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("process", ctypes.c_int))


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _limit_scratch(folder: str, size: int, files: int) -> None:
    options = f"size={size},nr_inodes={files}".encode()
    _check(_LIBC.mount(None, os.fsencode(folder), None, _REMOUNT_PLAIN, options), f"limits of {folder}")


def _become(user: int, search: bool) -> None:
    if search:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    kept = 0
    if search:  # root in Docker has only the second
        header, sets = _Header(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
        _check(_LIBC.capget(ctypes.byref(header), sets), "capget")
        kept = _SEARCH if sets[1] & _SEARCH else sets[1] & _OVERRIDE
        if not kept:
            raise OSError("folders that are closed to other users cannot be opened to one: root lacks the capability")
    _keep_capabilities(kept)


def _keep_capabilities(kept: int) -> None:
    sets = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)  # effective, permitted, inheritable; those from 32 on
    _check(_LIBC.capset(ctypes.byref(_Header(_CAPABILITY_VERSION, 0)), sets), "capset")


def _landlock(read: Sequence[str], list: Sequence[str], write: Sequence[str]) -> None:
    version = landlock_version()
    if version < 1:
        raise OSError("the kernel has no Landlock")
    rights = (1 << _FS_RIGHTS.get(version, 16)) - 1
    ruleset = _Ruleset(rights, _NET if version >= 4 else 0, _SCOPES if version >= _SIGNALS_VERSION else 0)
    size = 8 if version < 4 else 16 if version < _SIGNALS_VERSION else 24
    rules = _check(_LIBC.syscall(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), 0), "Landlock")
    own = rights & ~_EXECUTE
    for paths, allowed in ((read, _READ_FILE | _READ_DIR), (list, _READ_DIR), (write, own)):
        for path in paths:
            descriptor = os.open(path, _O_PATH | os.O_CLOEXEC)
            folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            here = allowed if folder else allowed & (_READ_FILE | _WRITE_FILE | _TRUNCATE)
            rule = _Beneath(here & rights, descriptor)
            _check(_LIBC.syscall(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(rule), 0), f"Landlock, {path}")
            os.close(descriptor)
    _check(_LIBC.syscall(_RESTRICT_SELF, rules, 0), "Landlock")
    os.close(rules)


def _prctl(option: int, *arguments: Any) -> None:
    passed = [ctypes.byref(a) if isinstance(a, ctypes.Structure) else ctypes.c_ulong(int(a)) for a in arguments]
    padding = [ctypes.c_ulong(0)] * (4 - len(passed))
    _check(_LIBC.prctl(option, *passed, *padding), f"prctl {option}")


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
