"""Prepares the processes of a submission at each level of isolation: their commands, folders, setups and permissions.

isolation.py says what the levels guarantee. A level that does not work here fails when its process is started.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from parity_tests.harness.inside.confine import landlock_version
from parity_tests.harness.sandbox import seccomp, users
from parity_tests.harness.sandbox.bubblewrap import (
    DEVICES,
    SCRATCH,
    SCRATCH_BYTES,
    SCRATCH_FILES,
    SUBMISSION,
    sandboxed,
)
from parity_tests.harness.sandbox.command import Command, environment
from parity_tests.harness.sandbox.process_kind import FORK_SERVER, ProcessKind
from parity_tests.harness.sandbox.runtime_files import Runtime, is_below, runtime
from parity_tests.harness.sandbox.snapshot import MAX_BYTES, Snapshot, snapshot
from parity_tests.protocol.errors import UsageError

_MAX_ENTRIES = 10_000


@lru_cache
def private_installation(needed: Runtime, files: tuple[str, ...], above: bool = False) -> str:
    """Return first_private of what an installation needs and of these files; found out once."""
    return first_private([*needed.folders, *needed.files, *needed.libraries, *files], above=above)


def first_private(paths: Iterable[str], *, above: bool) -> str:
    """Return the first file or folder that only its owner may read, among these paths and what lies directly in them.

    With `above`, also among the folders above them. Returns "" if there is none.
    """
    for path in paths:
        parents = [str(folder) for folder in Path(path).parents] if above else []
        for inner in (*parents, *_with_entries(path)):
            if not _is_open(Path(inner).stat(), through=inner in parents):
                return inner
    return ""


def refuse_foreign(folder: str) -> None:
    """Raise UsageError if a file in the folder is private to a user other than root.

    In its namespace, the worker can be given the right to read root's private files, but no other user's.
    """
    for path in _with_entries(folder):
        status = Path(path).stat()
        if status.st_uid != 0 and not _is_open(status):
            raise UsageError(f"{path} may be read by its owner alone, and the sandbox is not: chmod go+rX opens it")


def _is_open(status: os.stat_result, through: bool = False) -> bool:
    """Return whether everybody may read it, or with `through`, whether everybody may at least pass through it."""
    wanted = stat.S_IROTH | stat.S_IXOTH if stat.S_ISDIR(status.st_mode) else stat.S_IROTH
    if through:
        wanted = stat.S_IXOTH
    return status.st_mode & wanted == wanted


def _with_entries(path: str) -> Iterator[str]:
    """Yield the path itself and, of a folder, what lies directly in it: the files of one installation are alike."""
    yield path
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        for entry in itertools.islice(entries, _MAX_ENTRIES):
            if entry.is_file() or entry.is_dir():
                yield entry.path


THREADS = 32
"""Threads of one worker's user, which are those of its process."""
_LOADER_CACHE = "/etc/ld.so.cache"


@dataclass(frozen=True)
class Setup:
    """What a process is told before anything else.

    `folder` and `scratch` are the submission's folder and the scratch folder, as the process sees them. `confine` is
    what confine.confine is given; None: the process does not confine itself. `files` are those that the process must
    write into `folder`; None: they are there.
    """

    folder: str
    scratch: str
    confine: dict[str, Any] | None
    files: Snapshot | None = None


@dataclass(frozen=True)
class Fork:
    """A process to fork off the server of a kind, and the user that it becomes (None: the server's own)."""

    kind: ProcessKind
    user: int | None


class Launcher:
    """Prepares the processes of the submission in `folder`, one at a time."""

    def __init__(self, kind: ProcessKind, folder: str) -> None:
        self._kind = kind
        self._folder = folder
        self._root: Path | None = None
        self._user: int | None = None

    def close(self) -> None:
        """Delete the scratch folders, and return the user id."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None
        if self._user is not None:
            users.give_back(self._user)
            self._user = None

    def launch(self) -> tuple[Command, Setup]:
        """Return how to start the next process cold. Raises UsageError, HarnessError, OSError."""
        if self._kind.level == "none":
            scratch = self._new_scratch()
            return Command((), environment(scratch, "PATH", "LD_LIBRARY_PATH")), Setup(self._folder, scratch, None)
        self._take_user()
        needed = runtime(self._kind.modules)
        if self._kind.level == "restricted":
            setup = self._restricted(needed)
            return Command((), environment(setup.scratch, "LD_LIBRARY_PATH")), setup
        private = self._user is not None and bool(self._private(needed, above=False))
        if private:
            refuse_foreign(self._folder)
        # The worker limits its scratch folder by the third, and gives all up; the namespace maps no other user.
        capabilities = ("CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN", *["CAP_DAC_READ_SEARCH"] * private)
        namespace = None if self._user is None else users.namespace(self._user)
        command = sandboxed(needed, self._kind.files, self._folder, namespace, capabilities, closed=True)
        user = None if self._user is None else users.INSIDE
        confinement = _confinement(user, private, None, THREADS, alone=True)
        if self._user is not None:  # bubblewrap gives nobody else the right to limit the number of files
            confinement["scratch"] = {"folder": SCRATCH, "size": SCRATCH_BYTES, "files": SCRATCH_FILES}
        return command, Setup(SUBMISSION, SCRATCH, confinement)

    def fork(self, cap: int) -> tuple[Fork, Setup] | None:
        """Return how to fork the next process, which may be sent `cap` bytes; None if it must be started cold.

        Raises UsageError, HarnessError, OSError.
        """
        if self._kind.level == "none":
            return Fork(self._kind, None), Setup(self._folder, self._new_scratch(), None)
        self._take_user()
        needed = runtime(self._kind.modules)
        if self._kind.level == "restricted":
            return Fork(self._kind, None), self._restricted(needed)
        files = snapshot(self._folder, min(cap, MAX_BYTES))
        if files is None:
            return None
        if self._user is not None and private_installation(needed, (FORK_SERVER, *self._kind.files)):
            return None
        confinement = _confinement(None, False, None, THREADS, alone=True)
        user = None if self._user is None else users.within_block(self._user)
        return Fork(self._kind, user), Setup(SUBMISSION, SCRATCH, confinement, files)

    # ---- inside

    def _take_user(self) -> None:
        if self._user is None and users.available():
            self._user = users.take()

    def _new_scratch(self) -> str:
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix="parity-"))
        folder = tempfile.mkdtemp(dir=self._root)
        if self._user is not None:
            self._root.chmod(0o711)
            os.chown(folder, self._user, self._user)
        return folder

    def _restricted(self, needed: Runtime) -> Setup:
        if not landlock_version():
            raise UsageError("this kernel lacks Landlock or has it switched off, and nothing else keeps files apart")
        scratch = self._new_scratch()
        landlock = self._landlock(needed, scratch)
        search = self._user is not None and bool(self._private(needed, above=True))
        processes = None if self._user is None else THREADS
        return Setup(self._folder, scratch, _confinement(self._user, search, landlock, processes, alone=False))

    def _landlock(self, needed: Runtime, scratch: str) -> dict[str, list[str]]:
        """Return the paths that Landlock leaves open, as confine.confine is given them."""
        # Landlock cannot close what lies below an open folder, so a folder with hidden parts is opened entry by entry.
        outer = {folder for folder in needed.folders if any(is_below(hidden, folder) for hidden in needed.hidden)}
        entries = [str(path) for folder in outer for path in Path(folder).iterdir() if str(path) not in needed.hidden]
        within = [path for path in needed.folders if path not in outer]
        read = [*entries, *within, *needed.files, *needed.libraries, *self._kind.files, self._folder]
        read += [*DEVICES, _LOADER_CACHE]
        parents = {str(Path(path).parent) for path in needed.folders} if self._kind.modules else set()
        return {
            "read": sorted(filter(os.path.exists, read)),
            "list": sorted({*outer, *parents}),
            "write": [scratch, "/dev/null"],
        }

    def _private(self, needed: Runtime, *, above: bool) -> str:
        """Return the first path that only its owner may read, "" if there is none."""
        installed = private_installation(needed, tuple(self._kind.files), above=above)
        return installed or first_private([self._folder], above=above)


def _confinement(
    user: int | None, search: bool, landlock: dict[str, list[str]] | None, processes: int | None, *, alone: bool
) -> dict[str, Any]:
    """Return what confine.confine is given."""
    # Without a user of its own and without a namespace, threads cannot be counted: the process may start none.
    program = seccomp.compiled(alone, threads=processes is not None)
    limits = {"processes": processes, "filter": program.hex(), "self": seccomp.SELF}
    return {"scratch": None, "user": user, "search": search, "landlock": landlock, **limits}
