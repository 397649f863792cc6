"""torch's answers, kept in the user's cache: a submission that is checked once more is asked the same again.

They belong to one state of this program, of torch, of numpy and of the processor. What cannot be read is computed. Code
that runs with no sandbox around it could write there, as it could write into Parity itself.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import fields, is_dataclass
from functools import cached_property, partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from stat import S_ISREG
from types import CodeType, FunctionType, MethodType, NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.wire.frames import Decoder, Message, WireError, encode

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("parity_tests", "reference", "implementation", "reports")
"""What answers depend on: `_state` is of these alone, and nothing is kept of what lies elsewhere."""
MOST_BYTES = 1 << 28
"""A file that is larger is begun anew."""
NO_TEXT = " at 0x"
"""What Python says of an object where it has nothing to say of it."""
DEEPEST = 16
"""So far inside one another functions are looked into."""
MOST_FILES = 4
"""So many states of the program are kept, those written last."""


def is_told_by_the_state(path: Path) -> bool:
    """Whether a file is one of those on which answers are known to depend: another one may change unseen."""
    return any(path.is_relative_to(ROOT / package) for package in PACKAGES)


class KeptAnswers:
    """The answers of one state, by texts, in a file that is opened when the first is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _file(self) -> Path:
        return self._folder / f"{_state()}.sqlite"

    @cached_property
    def _base(self) -> sqlite3.Connection | None:
        """The file as it is read; None where there is none of ours, or one that has grown too large."""
        with suppress(OSError, sqlite3.Error):
            status = self._file.stat()
            if status.st_uid == os.geteuid() and S_ISREG(status.st_mode) and status.st_size <= MOST_BYTES:
                return sqlite3.connect(f"{self._file.as_uri()}?mode=ro", uri=True, timeout=0, check_same_thread=False)
            self._file.unlink()
        return None

    def _row(self, key: str) -> tuple[bytes, bytes] | None:
        """The digest and the message under this text, whatever they are; None where there is no such row."""
        if self._base is None:
            return None
        try:
            rows = self._base.execute("SELECT digest, message FROM answers WHERE key = ?", (key,))
            found: tuple[bytes, bytes] | None = rows.fetchone()
        except sqlite3.Error as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:  # it is no file of ours, and not one that is written now
                self.close()
                self._base = None
                with suppress(OSError):
                    self._file.unlink()
            return None
        return found

    def close(self) -> None:
        """Close the file."""
        if self._base is not None:
            self._base.close()

    def get(self, key: str) -> Message | None:
        """The header and the arrays that were added under this text; None where there are none, or not as they were."""
        digest, message = self._row(key) or (b"", b"")
        if message and isinstance(message, bytes) and _digest(key, message) == digest:
            decoder = Decoder()
            with suppress(WireError):
                decoder.feed(message)
                return decoder.next()
        return None

    def add(self, entries: Iterable[tuple[str, Mapping[str, Any], Mapping[str, NDArray[Any]]]]) -> None:
        """Adds answers, all or none of them; nothing where they cannot be written."""
        rows = []
        for key, header, arrays in entries:
            with suppress(WireError):
                message = b"".join(encode(header, arrays))
                row = _digest(key, message), message
                rows += [(key, *row)] if self._row(key) != row else []
        if not rows:
            return
        with suppress(OSError, sqlite3.Error):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._folder.stat().st_uid != os.geteuid():
                return
            with closing(sqlite3.connect(self._file, timeout=1)) as base, base:
                base.execute("PRAGMA synchronous = OFF")
                base.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, digest BLOB, message BLOB)")
                base.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)
            others = sorted(self._folder.glob("*.sqlite"), key=lambda file: file.stat().st_mtime, reverse=True)
            for file in others[MOST_FILES:]:
                file.unlink()


def described_whole(function: object) -> str | None:
    """A text that no other function has, with all that it closes over; None where something has no such text."""
    try:
        text = _described(function)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError):  # whatever an object says of itself
        return None
    return None if NO_TEXT in text else text


def _described(value: object, depth: int = 0) -> str:
    if depth == DEEPEST or type(value) in (str, int, float, bool, NoneType):
        return NO_TEXT if depth == DEEPEST else repr(value)
    deeper = partial(_described, depth=depth + 1)
    if isinstance(value, partial):
        return f"partial{deeper([value.func, value.args, value.keywords])}"
    if isinstance(value, MethodType):
        return f"{deeper(value.__self__)}.{value.__name__}"
    if isinstance(value, FunctionType):
        inner = [value.__defaults__, value.__kwdefaults__, [cell.cell_contents for cell in value.__closure__ or ()]]
        return f"{value.__module__}.{value.__qualname__}{deeper(inner)}"
    if isinstance(value, CodeType):
        return f"code {value.co_code.hex()} {value.co_names}{deeper(value.co_consts)}"
    if type(value).__name__ in ("Tensor", "Parameter") and hasattr(value, "detach"):  # it shows some numbers alone
        return deeper(np.asarray(value.detach().cpu()))
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{deeper(key)}: {deeper(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(deeper, value))})"
    if is_dataclass(value) and not isinstance(value, type):  # its fields: what it has cached is no part of it
        return f"{type(value).__qualname__}{deeper({one.name: getattr(value, one.name) for one in fields(value)})}"
    if not isinstance(value, type) and type(value).__repr__ is object.__repr__:
        return f"{type(value).__qualname__}{deeper(vars(value)) if hasattr(value, '__dict__') else NO_TEXT}"
    return repr(value)


def _digest(key: str, message: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + message).digest()


VARIABLES = ("ATEN_", "DNNL_", "GOTO_", "KMP_", "MKL", "NPY_", "OMP_", "ONEDNN_", "OPENBLAS_", "PYTORCH_", "TORCH_")
"""How the names of variables begin by which torch and numpy compute in another way."""


def _state() -> str:
    """A digest of what answers depend on: files by their times and sizes, libraries by their versions, the machine."""
    described: list[object] = [sys.version, *map(_installed, ("torch", "numpy")), os.uname().machine, _processors()]
    described += sorted(item for item in os.environ.items() if item[0].startswith(VARIABLES))
    for package in PACKAGES:
        for path, folders, files in os.walk(ROOT / package):
            folders[:] = sorted(set(folders) - {"selftest", "__pycache__"})
            for name in sorted(files):
                if name.endswith((".py", ".toml", ".npz")):
                    status = os.stat(os.path.join(path, name))  # noqa: PTH116, PTH118 — of 700 files
                    described.append((path, name, status.st_size, status.st_mtime_ns))
    return hashlib.sha256(repr(described).encode()).hexdigest()[:16]


def _installed(package: str) -> tuple[object, ...]:
    """Which build of a package is there, by its version and its file: importing torch takes a second."""
    found, version = find_spec(package), ""
    if found is None or found.origin is None:
        return ()
    with suppress(metadata.PackageNotFoundError):
        version = metadata.version(package)
    return version, found.origin, Path(found.origin).stat().st_mtime_ns


def _processors() -> list[str]:
    """What Linux says of the processors' kinds and instructions."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return []
