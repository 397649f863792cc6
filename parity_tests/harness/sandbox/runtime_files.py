"""Finds the files that a submission's process needs: interpreter, standard library, shared libraries, numpy.

A sandbox shows these files and no others. The loader itself tells which shared libraries they are: a trusted child
process loads every extension module of the standard library and of the packages, and lists what is then mapped.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import packages_distributions
from pathlib import Path

from parity_tests.protocol.errors import HarnessError

_AUDIT_SECONDS = 60.0
_LOCALES = ("/usr/lib/locale/C.utf8",)
"""Where glibc keeps the one locale that a worker uses, unless it is built in."""
_AUDIT = """
import ctypes, os, sys
for folder in sys.argv[1:]:
    for path, _, names in os.walk(folder):
        for name in names:
            if ".so" in name:
                try:
                    ctypes.CDLL(os.path.join(path, name))
                except OSError:  # what it needs is not installed, so it cannot be imported either
                    pass
try:
    ctypes.CDLL("libgcc_s.so.1")  # glibc loads it when a thread ends
except OSError:
    pass

class Info(ctypes.Structure):
    _fields_ = [("address", ctypes.c_size_t), ("name", ctypes.c_char_p)]

@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Info), ctypes.c_size_t, ctypes.c_void_p)
def seen(info, size, data):
    if info[0].name and info[0].name.startswith(b"/"):
        sys.stdout.buffer.write(info[0].name + b"\\0")
    return 0

ctypes.CDLL(None).dl_iterate_phdr(seen, None)
"""


@dataclass(frozen=True)
class Runtime:
    """Absolute paths, as the interpreter and the loader look for them; each may be a link, and none lies in another.

    `folders`, `files` and `libraries` are needed; the loader finds a library in any folder that it is told to search.
    `hidden` are folders inside the standard library that hold installed packages; they must show only what is needed.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]
    libraries: tuple[str, ...]
    hidden: tuple[str, ...]


@lru_cache
def runtime(modules: tuple[str, ...] = ()) -> Runtime:
    """Return what the running interpreter needs, with numpy and the top-level `modules`.

    The first call takes a third of a second. Raises HarnessError if the interpreter does not answer.
    """
    library = sysconfig.get_path("stdlib")
    platform_library = sysconfig.get_path("platstdlib", vars={"platbase": sys.base_exec_prefix})
    extensions = {entry for entry in sys.path if Path(entry).name == "lib-dynload" and Path(entry).is_dir()}
    packages = {path for name in ("numpy", *modules) for path in _locations(name)}
    installed = {path for path in packages if Path(path).is_dir()}
    folders = {library, platform_library, *extensions, *installed, *filter(os.path.isdir, _LOCALES)}
    libraries = _loaded_libraries(sorted(extensions | installed))
    files = {sys.executable, *(packages - installed)}
    if sys.prefix != sys.base_prefix:
        files.add(f"{sys.prefix}/pyvenv.cfg")
    hidden = {f"{library}/{name}" for name in ("site-packages", "dist-packages")}
    shown = {path for path in folders if not _is_below_any(path, folders - {path}) or _is_below_any(path, hidden)}
    return Runtime(
        folders=tuple(sorted(shown)),
        files=tuple(sorted(f for f in files if not _is_below_any(f, folders) or _is_below_any(f, hidden))),
        libraries=tuple(sorted(f for f in libraries if not _is_below_any(f, folders))),
        hidden=tuple(sorted(path for path in hidden if Path(path).is_dir())),
    )


def libraries_in_one_folder(libraries: Sequence[str]) -> Path | None:
    """Return a folder with copies of these libraries, kept in the user's cache; None if it cannot be made.

    bubblewrap takes 30 ms to show fifty files in a sandbox, and less than one to show a folder.
    """
    names = {Path(file).name for file in libraries}
    described = []
    for file in libraries:
        status = Path(file).stat()
        described.append((file, status.st_size, status.st_mtime_ns))
    cache = user_cache()
    folder = cache / f"libraries-{hashlib.sha256(repr(described).encode()).hexdigest()[:16]}"
    try:
        cache.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not folder.is_dir():
            _copy_whole(libraries, folder)
        complete = {entry.name for entry in folder.iterdir()} == names and len(names) == len(libraries)
        status = folder.stat()
        ours = status.st_uid == os.geteuid() and not status.st_mode & 0o022
        executable = not os.statvfs(folder).f_flag & os.ST_NOEXEC
        return folder if complete and ours and executable else None
    except OSError:
        return None


def user_cache() -> Path:
    """Return the folder of what is kept from one command to the next."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "parity")  # noqa: PTH111


def is_below(path: str, folder: str) -> bool:
    """Return whether a path lies below a folder, as far as their spelling tells."""
    return path.startswith(folder + os.sep)


def _is_below_any(path: str, folders: set[str]) -> bool:
    return any(is_below(path, folder) for folder in folders)


def _copy_whole(files: Sequence[str], folder: Path) -> None:
    """Make a folder with copies of these files, which appears with all of them at once. Raises OSError."""
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as temporary:
        stage = Path(temporary, "libraries")
        stage.mkdir()
        for file in files:
            copy = stage / Path(file).name
            shutil.copyfile(file, copy)
            copy.chmod(0o555)
        stage.chmod(0o755)
        with contextlib.suppress(OSError):  # another process was faster
            stage.rename(folder)


def _locations(module: str) -> list[str]:
    """Return the files and folders of a top-level module, with the shared libraries that its wheel brought along."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    own = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    # Looking through all installed distributions takes a tenth of a second.
    distributions = ["numpy"] if module == "numpy" else packages_distributions().get(module, [module])
    names = {re.sub(r"[-.]+", "_", name).lower() for name in distributions}
    wheel_libraries = []
    for parent in {path.parent for path in map(Path, own) if path.is_absolute()}:
        for folder in parent.glob("*.libs"):
            if folder.name.removesuffix(".libs").lower().replace("-", "_") in names:
                wheel_libraries.append(str(folder))
    return [path for path in (*own, *wheel_libraries) if path.startswith(os.sep)]


def _loaded_libraries(folders: Sequence[str]) -> set[str]:
    """Return the shared libraries that the extension modules in these folders load. Raises HarnessError."""
    command = [sys.executable, "-I", "-B", "-c", _AUDIT, *folders]
    try:
        audit = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_AUDIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"the shared libraries of {sys.executable} cannot be listed: {error}") from error
    if audit.returncode:
        message = audit.stderr.decode(errors="replace").strip()[-500:]
        raise HarnessError(f"the shared libraries of {sys.executable} cannot be listed: {message}")
    return {os.path.normpath(os.fsdecode(name)) for name in audit.stdout.split(b"\0") if name}
