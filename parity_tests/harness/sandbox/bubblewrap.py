"""Builds the command that starts a program in bubblewrap's sandbox."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from parity_tests.harness.sandbox.command import Command, environment
from parity_tests.harness.sandbox.runtime_files import Runtime, is_below, libraries_in_one_folder
from parity_tests.protocol.errors import HarnessError, UsageError

SCRATCH_BYTES = 64 << 20
"""What a submission may write in its scratch folder."""
SCRATCH_FILES = SCRATCH_BYTES >> 12
"""How many files it may make there: each takes memory of the kernel's, also an empty one."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
SCRATCH, SUBMISSION = "/scratch", "/submission"
"""Where the scratch folder and the submission's folder are in the sandbox."""
_LIBRARIES = "/libraries"
_one_folder = lru_cache(libraries_in_one_folder)


def sandboxed(
    needed: Runtime,
    files: Sequence[str],
    submission: str,
    namespace: int | None,
    capabilities: Sequence[str],
    *,
    closed: bool,
) -> Command:
    """Return the command of a sandbox with these files, read-only at their own paths.

    `submission` is the submission's folder; with "" there are only empty folders in its place and in that of the
    scratch folder. `namespace` is a descriptor of the user namespace to run in, with these `capabilities`; None makes a
    new one for the user who we are, without any. A `closed` sandbox allows no further namespaces. Raises UsageError if
    bubblewrap is not installed, HarnessError if it does not answer.
    """
    program = find_bubblewrap()
    # Every program names the absolute path of the loader, so the loader must stay there.
    loaders = [file for file in needed.libraries if Path(file).name.startswith("ld-")]
    libraries = [file for file in needed.libraries if file not in loaders]
    folder = _one_folder(tuple(libraries))
    bound_libraries = loaders if folder else needed.libraries
    command = [program, *_namespaces(program, namespace, capabilities, closed=closed)]
    command += _files([*needed.folders, *needed.files, *bound_libraries, *files], needed.hidden)
    if folder:
        command += ["--ro-bind", str(folder), _LIBRARIES]
    command += ["--perms", "0755", "--dir", "/dev"]
    for path in filter(os.path.exists, DEVICES):
        command += ["--dev-bind", path, path]
    if submission:
        command += ["--ro-bind", submission, SUBMISSION]
        command += ["--perms", "0777", "--size", str(SCRATCH_BYTES), "--tmpfs", SCRATCH]
    else:
        command += ["--perms", "0755", "--dir", SUBMISSION, "--perms", "0755", "--dir", SCRATCH]
    searched = [_LIBRARIES] if folder else sorted({str(Path(file).parent) for file in libraries})
    command += ["--remount-ro", "/", "--setenv", "LD_LIBRARY_PATH", ":".join(searched), "--chdir", SCRATCH, "--"]
    return Command(tuple(command), environment(SCRATCH), () if namespace is None else (namespace,))


def find_bubblewrap() -> str:
    """Return the path of `bwrap`. Raises UsageError if it is not installed."""
    program = shutil.which("bwrap")
    if program is None:
        raise UsageError("bubblewrap is not installed (on Debian and Ubuntu: apt-get install bubblewrap)")
    return program


def _namespaces(program: str, namespace: int | None, capabilities: Sequence[str], *, closed: bool) -> list[str]:
    """Return the options for namespaces, capabilities and the end of the sandbox."""
    if namespace is not None:
        options = ["--userns", str(namespace), "--cap-drop", "ALL"]
        for capability in capabilities:
            options += ["--cap-add", capability]
    else:
        options = ["--unshare-user", "--cap-drop", "ALL"]
        options += ["--disable-userns"] * (closed and "--disable-userns" in _help(program))
    options += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    return [*options, "--die-with-parent", "--new-session", "--hostname", "sandbox"]


def _files(paths: Sequence[str], hidden: Sequence[str]) -> list[str]:
    """Return the options that show these paths read-only, with the folders `hidden` emptied of all else."""
    mounts: dict[str, tuple[str, ...]] = {path: ("--ro-bind", path, path) for path in paths}
    mounts |= {path: ("--size", "4096", "--tmpfs", path) for path in hidden}
    # Newer versions give folders on the way the mode of those outside, which may be closed to the worker's user.
    for folder in _folders_above(mounts):
        mounts[folder] = ("--perms", "0755", "--dir", folder)
    options: list[str] = []
    for path in sorted(mounts, key=lambda path: Path(path).parts):
        options += mounts[path]
    for path in hidden:
        options += ["--remount-ro", path]
    return options


def _folders_above(mounts: Mapping[str, object]) -> set[str]:
    """Return the folders above these paths that lie neither at nor below one of them."""
    above = {str(folder) for path in mounts for folder in Path(path).parents if folder != Path("/")}
    return {folder for folder in above if not any(folder == path or is_below(folder, path) for path in mounts)}


@lru_cache
def _help(program: str) -> str:
    try:
        return subprocess.run([program, "--help"], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"{program} does not answer: {error}") from error
