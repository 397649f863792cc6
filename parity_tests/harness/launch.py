"""How the process of a submission is started at each level of isolation: its command, its files, its orders.

What the levels guarantee stands in isolation.py. Nothing here is tried out: a level that does not work fails loudly.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from parity_tests.harness import seccomp, users
from parity_tests.harness.confine import landlock_version
from parity_tests.harness.errors import HarnessError, UsageError
from parity_tests.harness.runtime import Runtime, gathered, runtime

SCRATCH_BYTES = 64 << 20
"""What a submission may write in bubblewrap's private scratch folder."""
THREADS = 32
"""Threads of one worker's user: all of its process."""
_HERE = Path(__file__).parent
WORKER = str(_HERE / "worker.py")
_CODE = [str(_HERE / name) for name in ("worker.py", "wire.py", "witness.py", "guard.py", "lent.py", "confine.py")]
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_LOADER_CACHE = "/etc/ld.so.cache"
_SCRATCH, _LIBRARIES = "/scratch", "/libraries"
_gathered = lru_cache(gathered)
_MANY = 10_000


@dataclass(frozen=True)
class Launch:
    """One process to start: what stands before the interpreter's own command, and what it is told.

    `scratch` is the scratch folder as the process sees it. `wrapped` says that it is the child of what is started.
    """

    level: str
    prefix: tuple[str, ...]
    environment: dict[str, str]
    descriptors: tuple[int, ...]
    scratch: str
    confine: dict[str, Any] | None

    @property
    def wrapped(self) -> bool:
        return bool(self.prefix)

    def orders(self, process: int) -> dict[str, Any] | None:
        """What the process with this id does to itself before the submission's code runs; None: nothing."""
        if self.confine is None:
            return None
        # Without a user of its own and a namespace, threads cannot be counted: it may have none.
        threads = self.confine["processes"] is not None
        program = seccomp.compiled(None if self.wrapped else process, threads)
        return {**self.confine, "filter": program.hex()}


class Launcher:
    """Starts the processes of one submission at one level, one at a time (a context manager).

    `level` is "none", "restricted" or "bubblewrap"; `folder` the submission's; `files` what the worker loads beside
    its own code; `modules` the packages beyond numpy. Raises UsageError where the level's programs are not there.
    """

    def __init__(self, level: str, folder: str, files: Iterable[str], modules: Sequence[str]) -> None:
        self._level = level
        self._folder = folder
        self._files = [*_CODE, *files]
        self._modules = tuple(modules)
        self._root: Path | None = None
        self._user: int | None = None

    def close(self) -> None:
        """Delete the scratch folders."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None
        if self._user is not None:
            users.give_back(self._user)
            self._user = None

    def launch(self) -> Launch:
        """The next process. Raises UsageError, HarnessError, OSError."""
        if self._level == "none":
            scratch = self._scratch()
            return Launch("none", (), environment(scratch, "PATH", "LD_LIBRARY_PATH"), (), scratch, None)
        if self._user is None and users.available():
            self._user = users.take()
        needed = runtime(self._modules)
        return self._restricted(needed) if self._level == "restricted" else self._bubblewrap(needed)

    # ---- inside

    def _scratch(self) -> str:
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix="parity-"))
        folder = tempfile.mkdtemp(dir=self._root)
        if self._user is not None:
            self._root.chmod(0o711)
            os.chown(folder, self._user, self._user)
        return folder

    def _restricted(self, needed: Runtime) -> Launch:
        scratch = self._scratch()
        # Landlock cannot take back what lies below an allowed folder: one with hidden parts is allowed entry by entry.
        outer = {folder for folder in needed.folders if any(_inside(hidden, folder) for hidden in needed.hidden)}
        entries = [str(path) for folder in outer for path in Path(folder).iterdir() if str(path) not in needed.hidden]
        within = [path for path in needed.folders if path not in outer]
        read = [*entries, *within, *needed.files, *needed.libraries, *self._files, self._folder]
        read += [*_DEVICES, _LOADER_CACHE]
        parents = {str(Path(path).parent) for path in needed.folders} if self._modules else set()
        landlock = None
        if landlock_version():
            landlock = {
                "read": sorted(filter(os.path.exists, read)),
                "list": sorted({*outer, *parents}),
                "write": [scratch, "/dev/null"],
            }
        private = self._private(needed, above=True)
        if self._user is not None and private and landlock is None:
            raise UsageError(
                f"{private} is not open to other users, one of whom runs the submission at the level `restricted`; on "
                "kernels with Landlock Parity can give it the right to read there, on this one chmod go+rX must"
            )
        confine = {
            "user": self._user,
            "search": bool(self._user is not None and private),
            "landlock": landlock,
            "processes": None if self._user is None else THREADS,
        }
        return Launch("restricted", (), environment(scratch, "LD_LIBRARY_PATH"), (), scratch, confine)

    def _bubblewrap(self, needed: Runtime) -> Launch:
        program = find_bubblewrap()
        known = _options(program)
        # The program that loads libraries must lie where each program says that it does.
        loaders = [file for file in needed.libraries if Path(file).name.startswith("ld-")]
        libraries = [file for file in needed.libraries if file not in loaders]
        folder = _gathered(tuple(libraries))
        own = loaders if folder else needed.libraries
        paths = [*needed.folders, *needed.files, *own, *self._files, self._folder]
        private = bool(self._user is not None and self._private(needed, above=False))
        if private:
            self._refuse_foreign()
        command = [program]
        descriptors: tuple[int, ...] = ()
        if self._user is not None:
            descriptor = users.namespace(self._user)
            descriptors = (descriptor,)
            command += ["--userns", str(descriptor), "--cap-drop", "ALL"]
            # The worker gives the first two up when it becomes its user; the namespace maps no other.
            for right in ("CAP_SETUID", "CAP_SETGID", *["CAP_DAC_READ_SEARCH"] * private):
                command += ["--cap-add", right]
        else:
            command += ["--unshare-user", "--cap-drop", "ALL"]
            command += ["--disable-userns"] * ("--disable-userns" in known)
        command += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        command += ["--die-with-parent", "--new-session", "--hostname", "sandbox"]
        mounts: dict[str, tuple[str, ...]] = {path: ("--ro-bind", path, path) for path in paths}
        mounts |= {path: ("--size", "4096", "--tmpfs", path) for path in needed.hidden}
        # Newer versions give folders on the way the mode of those outside, which may be closed to the worker's user.
        above = {str(folder) for path in mounts for folder in Path(path).parents if folder != Path("/")}
        within = {folder for folder in above if any(_inside(folder, path) or folder == path for path in mounts)}
        mounts |= {folder: ("--perms", "0755", "--dir", folder) for folder in above - within}
        for path in sorted(mounts, key=lambda path: Path(path).parts):
            command += mounts[path]
        for path in needed.hidden:
            command += ["--remount-ro", path]
        if folder:
            command += ["--ro-bind", str(folder), _LIBRARIES]
        command += ["--perms", "0755", "--dir", "/dev"]
        for path in filter(os.path.exists, _DEVICES):
            command += ["--dev-bind", path, path]
        command += ["--perms", "0777", "--size", str(SCRATCH_BYTES), "--tmpfs", _SCRATCH, "--remount-ro", "/"]
        found = [_LIBRARIES] if folder else sorted({str(Path(file).parent) for file in libraries})
        command += ["--setenv", "LD_LIBRARY_PATH", ":".join(found), "--chdir", _SCRATCH, "--"]
        confine = {
            "user": None if self._user is None else users.INSIDE,
            "search": private,
            "landlock": None,
            "processes": THREADS,
        }
        return Launch("bubblewrap", tuple(command), environment(_SCRATCH), descriptors, _SCRATCH, confine)

    def _private(self, needed: Runtime, *, above: bool) -> str:
        """The first path that others than its owner may not read, "" where there is none."""
        return _private_installation(needed, above) or _private([*self._files, self._folder], above=above)

    def _refuse_foreign(self) -> None:
        """In its namespace, the worker can be given the right to read root's private files, but nobody else's."""
        for path in _tree(self._folder):
            found = Path(path).stat()
            if found.st_uid != 0 and not _is_open(found):
                raise UsageError(f"{path} may be read by its owner alone, and the sandbox is not: chmod go+rX opens it")


def environment(scratch: str, *names: str) -> dict[str, str]:
    """A few variables, and of the caller's only `names`: secrets live there, and settings that would change results."""
    kept = {name: os.environ[name] for name in names if name in os.environ}
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return {**kept, **threads, "LANG": "C.UTF-8", "HOME": scratch, "TMPDIR": scratch, "MPLBACKEND": "agg"}


def find_bubblewrap() -> str:
    """The path of `bwrap`. Raises UsageError where it is not installed."""
    program = shutil.which("bwrap")
    if program is None:
        raise UsageError("bubblewrap is not installed (on Debian and Ubuntu: apt-get install bubblewrap)")
    return program


@lru_cache
def _options(program: str) -> str:
    try:
        return subprocess.run([program, "--help"], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"{program} does not answer: {error}") from error


@lru_cache
def _private_installation(needed: Runtime, above: bool) -> str:
    return _private([*needed.folders, *needed.files, *needed.libraries], above=above)


def _private(paths: Iterable[str], *, above: bool) -> str:
    """The first file or folder that only its owner may read, in or `above` these paths; "" where there is none."""
    for path in paths:
        parents = [str(folder) for folder in Path(path).parents] if above else []
        for inner in (*parents, *_tree(path)):
            if not _is_open(Path(inner).stat(), through=inner in parents):
                return inner
    return ""


def _is_open(found: os.stat_result, through: bool = False) -> bool:
    """Whether everybody may read it, or at least pass `through` it."""
    wanted = stat.S_IROTH | stat.S_IXOTH if stat.S_ISDIR(found.st_mode) else stat.S_IROTH
    return found.st_mode & (stat.S_IXOTH if through else wanted) == (stat.S_IXOTH if through else wanted)


def _tree(path: str) -> Iterator[str]:
    """The path itself and, of a folder, what lies directly in it: those of one installation are alike."""
    yield path
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        yield from (entry.path for entry in itertools.islice(entries, _MANY) if entry.is_file() or entry.is_dir())


def _inside(path: str, folder: str) -> bool:
    return path.startswith(folder + os.sep)
