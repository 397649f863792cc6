"""Which files a submission's process needs to run: an interpreter, its standard library, their shared libraries, numpy.

A sandbox shows these and nothing else. Which shared libraries those are is asked of the loader itself: a trusted child
loads every extension module of the standard library and of the packages, and lists what has then been mapped.
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

_SECONDS = 60.0
_LOCALES = ("/usr/lib/locale/C.utf8",)
"""Where glibc keeps the one locale that a worker uses, unless it has it built in."""
_AUDIT = """
import ctypes, os, sys
for folder in sys.argv[1:]:
    for path, _, names in os.walk(folder):
        for name in names:
            if ".so" in name:
                try:
                    ctypes.CDLL(os.path.join(path, name))
                except OSError:  # what it needs is not installed: nobody can import it here
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

    `folders`, `files` and `libraries` are needed, the last wherever the loader is told to look. `hidden` are folders
    inside the standard library that hold installed packages and must be empty but for what is needed.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]
    libraries: tuple[str, ...]
    hidden: tuple[str, ...]


@lru_cache
def runtime(modules: tuple[str, ...] = ()) -> Runtime:
    """What the interpreter that runs now needs, with numpy and the top-level `modules`. Takes a third of a second once.

    Raises HarnessError where the interpreter does not answer.
    """
    library = sysconfig.get_path("stdlib")
    platform_library = sysconfig.get_path("platstdlib", vars={"platbase": sys.base_exec_prefix})
    extensions = {entry for entry in sys.path if Path(entry).name == "lib-dynload" and Path(entry).is_dir()}
    packages = {path for name in ("numpy", *modules) for path in _locations(name)}
    installed = {path for path in packages if Path(path).is_dir()}
    folders = {library, platform_library, *extensions, *installed, *filter(os.path.isdir, _LOCALES)}
    libraries = _libraries(sorted(extensions | installed))
    files = {sys.executable, *(packages - installed)}
    if sys.prefix != sys.base_prefix:
        files.add(f"{sys.prefix}/pyvenv.cfg")
    hidden = {f"{library}/{name}" for name in ("site-packages", "dist-packages")}
    seen = {folder for folder in folders if not _inside(folder, folders - {folder}) or _inside(folder, hidden)}
    return Runtime(
        folders=tuple(sorted(seen)),
        files=tuple(sorted(f for f in files if not _inside(f, folders) or _inside(f, hidden))),
        libraries=tuple(sorted(f for f in libraries if not _inside(f, folders))),
        hidden=tuple(sorted(path for path in hidden if Path(path).is_dir())),
    )


def gathered(libraries: Sequence[str]) -> Path | None:
    """One folder with copies of these libraries, kept in the user's cache; None where there can be none.

    To show a sandbox fifty files takes bubblewrap 30 ms, to show it one folder less than one.
    """
    names = {Path(file).name for file in libraries}
    described = [(file, found.st_size, found.st_mtime_ns) for file in libraries for found in [Path(file).stat()]]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "parity")  # noqa: PTH111
    final = cache / f"libraries-{hashlib.sha256(repr(described).encode()).hexdigest()[:16]}"
    try:
        cache.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not final.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, ignore_cleanup_errors=True) as temporary:
                stage = Path(temporary, "libraries")
                stage.mkdir()
                for file in libraries:
                    shutil.copyfile(file, stage / Path(file).name)
                    (stage / Path(file).name).chmod(0o555)
                stage.chmod(0o755)
                with contextlib.suppress(OSError):  # another process was faster
                    stage.rename(final)
        whole = {entry.name for entry in final.iterdir()} == names and len(names) == len(libraries)
        ours = final.stat().st_uid == os.geteuid() and not final.stat().st_mode & 0o022
        return final if whole and ours and not os.statvfs(final).f_flag & os.ST_NOEXEC else None
    except OSError:
        return None


def _locations(module: str) -> list[str]:
    """The files and folders of a top-level module, with the shared libraries that its wheel brought along."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    found = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    # To look through all that is installed takes a tenth of a second.
    distributions = ["numpy"] if module == "numpy" else packages_distributions().get(module, [module])
    names = {re.sub(r"[-.]+", "_", name).lower() for name in distributions}
    beside = [
        str(folder)
        for place in {path.parent for path in map(Path, found) if path.is_absolute()}
        for folder in place.glob("*.libs")
        if folder.name.removesuffix(".libs").lower().replace("-", "_") in names
    ]
    return [path for path in (*found, *beside) if path.startswith(os.sep)]


def _libraries(folders: Sequence[str]) -> set[str]:
    command = [sys.executable, "-I", "-B", "-c", _AUDIT, *folders]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"the shared libraries of {sys.executable} cannot be listed: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise HarnessError(f"the shared libraries of {sys.executable} cannot be listed: {said}")
    return {os.path.normpath(os.fsdecode(name)) for name in done.stdout.split(b"\0") if name}


def _inside(path: str, folders: set[str]) -> bool:
    return any(path.startswith(folder + os.sep) for folder in folders)
