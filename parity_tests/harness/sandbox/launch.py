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

from parity_tests.harness.inside.confine import landlock_version
from parity_tests.harness.sandbox import seccomp, users
from parity_tests.harness.sandbox.runtime_files import Runtime, gathered, runtime
from parity_tests.harness.sandbox.snapshot import MAX_BYTES, Snapshot, snapshot
from parity_tests.protocol.errors import HarnessError, UsageError

SCRATCH_BYTES = 64 << 20
"""What a submission may write in bubblewrap's private scratch folder."""
THREADS = 32
"""Threads of one worker's user: all of its process."""
_HARNESS = Path(__file__).parents[1]
WORKER, FORK_SERVER = (str(_HARNESS / "inside" / f"{name}.py") for name in ("worker", "fork_server"))
_INSIDE = ("worker", "call_recorder", "confine", "import_guard", "inert_modules")
_CODE = [str(_HARNESS / "inside" / f"{name}.py") for name in _INSIDE]
_CODE += [str(_HARNESS / "wire" / f"{name}.py") for name in ("frames", "shared_memory")]
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_LOADER_CACHE = "/etc/ld.so.cache"
_SCRATCH, _LIBRARIES, _SUBMISSION = "/scratch", "/libraries", "/submission"
_gathered = lru_cache(gathered)
_MANY = 10_000


@dataclass(frozen=True)
class Order:
    """What a process is told before anything else.

    `folder` and `scratch` are the submission's folder and the scratch folder as the process sees them, `confine` what
    it does to itself before the submission's code runs (confine.py), None: nothing. `files` are those that it has to
    lay out in `folder`, where that is not there already.
    """

    folder: str
    scratch: str
    confine: dict[str, Any] | None
    files: Snapshot | None = None


@dataclass(frozen=True)
class Launch:
    """A program to start: what stands before the interpreter's own command, and its surroundings."""

    prefix: tuple[str, ...]
    environment: dict[str, str]
    descriptors: tuple[int, ...] = ()


@dataclass(frozen=True)
class Kind:
    """What processes have in common that one fork server can fork.

    `level` is the level of isolation; `files` are what the worker loads beside its own code, of them `material` that
    which the server itself loads; `modules` are the packages beyond numpy.
    """

    level: str
    told_by: str | None
    companions: tuple[str, ...]
    probe: str
    others: tuple[str, ...]
    modules: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        """All files of the worker."""
        return [*_CODE, *([self.told_by] if self.told_by else []), *self.companions, self.probe, *self.others]

    @property
    def material(self) -> dict[str, Any]:
        """What a server loads before it is asked for anything: worker.Material's arguments."""
        return {"told_by": self.told_by, "companions": self.companions, "probe": self.probe}

    @property
    def namespaced(self) -> bool:
        """Whether a process has namespaces of its own, and a scratch folder in memory."""
        return self.level == "bubblewrap"

    def launch(self) -> Launch:
        """The fork server. Raises UsageError, HarnessError, OSError."""
        if self.level != "bubblewrap":
            return Launch((), environment("/", "LD_LIBRARY_PATH", *["PATH"] * (self.level == "none")))
        block = users.block() if users.available() else None
        rights = ("CAP_SETUID", "CAP_SETGID")
        files = [FORK_SERVER, *self.files]
        return _bubblewrap(runtime(self.modules), files, "", block, rights, closed=False)


@dataclass(frozen=True)
class Fork:
    """A process to fork: off a server of which kind, and as which of that server's users (None: as it is)."""

    kind: Kind
    user: int | None


class Launcher:
    """Starts the processes of one submission, one at a time (a context manager).

    `folder` is the submission's. Raises UsageError where the level's programs are not there.
    """

    def __init__(self, kind: Kind, folder: str) -> None:
        self._kind = kind
        self._folder = folder
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

    def launch(self) -> tuple[Launch, Order]:
        """The next process, started cold. Raises UsageError, HarnessError, OSError."""
        if self._kind.level == "none":
            scratch = self._scratch()
            return Launch((), environment(scratch, "PATH", "LD_LIBRARY_PATH")), Order(self._folder, scratch, None)
        self._take_user()
        needed = runtime(self._kind.modules)
        if self._kind.level == "restricted":
            order = self._restricted(needed)
            return Launch((), environment(order.scratch, "LD_LIBRARY_PATH")), order
        private = bool(self._user is not None and self._private(needed, above=False))
        if private:
            self._refuse_foreign()
        # The worker gives the first two up when it becomes its user; the namespace maps no other.
        rights = ("CAP_SETUID", "CAP_SETGID", *["CAP_DAC_READ_SEARCH"] * private)
        namespace = None if self._user is None else users.namespace(self._user)
        launch = _bubblewrap(needed, self._kind.files, self._folder, namespace, rights, closed=True)
        user = None if self._user is None else users.INSIDE
        return launch, Order(_SUBMISSION, _SCRATCH, _confine(user, private, None, THREADS, alone=True))

    def fork(self, most: int) -> tuple[Fork, Order] | None:
        """The next process, off a fork server; None where it must be started cold. Raises as launch does.

        `most` is how many bytes it may be told.
        """
        if self._kind.level == "none":
            return Fork(self._kind, None), Order(self._folder, self._scratch(), None)
        self._take_user()
        needed = runtime(self._kind.modules)
        if self._kind.level == "restricted":
            return Fork(self._kind, None), self._restricted(needed)
        files = snapshot(self._folder, min(most, MAX_BYTES))
        if files is None or (
            self._user is not None and _private_installation(needed, (FORK_SERVER, *self._kind.files))
        ):
            return None
        confine = _confine(None, False, None, THREADS, alone=True)
        user = None if self._user is None else users.within_block(self._user)
        return Fork(self._kind, user), Order(_SUBMISSION, _SCRATCH, confine, files)

    # ---- inside

    def _take_user(self) -> None:
        if self._user is None and users.available():
            self._user = users.take()

    def _scratch(self) -> str:
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix="parity-"))
        folder = tempfile.mkdtemp(dir=self._root)
        if self._user is not None:
            self._root.chmod(0o711)
            os.chown(folder, self._user, self._user)
        return folder

    def _restricted(self, needed: Runtime) -> Order:
        scratch = self._scratch()
        # Landlock cannot take back what lies below an allowed folder: one with hidden parts is allowed entry by entry.
        outer = {folder for folder in needed.folders if any(_inside(hidden, folder) for hidden in needed.hidden)}
        entries = [str(path) for folder in outer for path in Path(folder).iterdir() if str(path) not in needed.hidden]
        within = [path for path in needed.folders if path not in outer]
        read = [*entries, *within, *needed.files, *needed.libraries, *self._kind.files, self._folder]
        read += [*_DEVICES, _LOADER_CACHE]
        parents = {str(Path(path).parent) for path in needed.folders} if self._kind.modules else set()
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
        search = bool(self._user is not None and private)
        processes = None if self._user is None else THREADS
        confine = _confine(self._user, search, landlock, processes, alone=False)
        return Order(self._folder, scratch, confine)

    def _private(self, needed: Runtime, *, above: bool) -> str:
        """The first path that others than its owner may not read, "" where there is none."""
        return _private_installation(needed, tuple(self._kind.files), above=above) or _private(
            [self._folder], above=above
        )

    def _refuse_foreign(self) -> None:
        """In its namespace, the worker can be given the right to read root's private files, but nobody else's."""
        for path in _tree(self._folder):
            found = Path(path).stat()
            if found.st_uid != 0 and not _is_open(found):
                raise UsageError(f"{path} may be read by its owner alone, and the sandbox is not: chmod go+rX opens it")


def _confine(
    user: int | None, search: bool, landlock: dict[str, Any] | None, processes: int | None, *, alone: bool
) -> dict[str, Any]:
    """What a process does to itself before the submission's code runs: confine.confine's order."""
    # Without a user of its own and a namespace, threads cannot be counted: it may have none.
    program = seccomp.compiled(alone, threads=processes is not None)
    limits = {"processes": processes, "filter": program.hex(), "self": seccomp.SELF}
    return {"user": user, "search": search, "landlock": landlock, **limits}


def _bubblewrap(
    needed: Runtime,
    files: Sequence[str],
    submission: str,
    namespace: int | None,
    rights: Sequence[str],
    *,
    closed: bool,
) -> Launch:
    """A sandbox with these files, and the folder `submission` where there is one, else a place for one.

    `namespace` is that of the user who runs it, who has these `rights` in it; None for who we are, without any. It is
    `closed` to further namespaces, or not.
    """
    program = find_bubblewrap()
    known = _options(program)
    # The program that loads libraries must lie where each program says that it does.
    loaders = [file for file in needed.libraries if Path(file).name.startswith("ld-")]
    libraries = [file for file in needed.libraries if file not in loaders]
    folder = _gathered(tuple(libraries))
    own = loaders if folder else needed.libraries
    paths = [*needed.folders, *needed.files, *own, *files]
    command = [program]
    if namespace is not None:
        command += ["--userns", str(namespace), "--cap-drop", "ALL"]
        for right in rights:
            command += ["--cap-add", right]
    else:
        command += ["--unshare-user", "--cap-drop", "ALL"]
        command += ["--disable-userns"] * (closed and "--disable-userns" in known)
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
    if submission:
        command += ["--ro-bind", submission, _SUBMISSION]
        command += ["--perms", "0777", "--size", str(SCRATCH_BYTES), "--tmpfs", _SCRATCH]
    else:
        command += ["--perms", "0755", "--dir", _SUBMISSION, "--perms", "0755", "--dir", _SCRATCH]
    found = [_LIBRARIES] if folder else sorted({str(Path(file).parent) for file in libraries})
    command += ["--remount-ro", "/", "--setenv", "LD_LIBRARY_PATH", ":".join(found), "--chdir", _SCRATCH, "--"]
    return Launch(tuple(command), environment(_SCRATCH), () if namespace is None else (namespace,))


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
def _private_installation(needed: Runtime, files: tuple[str, ...], above: bool = False) -> str:
    return _private([*needed.folders, *needed.files, *needed.libraries, *files], above=above)


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
