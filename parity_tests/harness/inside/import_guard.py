"""Decides what a submission may import, and loads its own files afresh, inside the submission's process.

Loaded there by its path: the standard library only. It stands first among the finders: the submission's own files come
before the standard library (as with `python neural_networks.py`), modules that are already loaded before both.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from importlib.machinery import FileFinder, ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType
from typing import Any

MAX_SOURCE = 1 << 20
"""Bytes of one source file."""


class Guard:
    """The finder of a submission's imports.

    `folder` is the submission's, `allowed` the top-level modules beyond the standard library, `lent` maps a
    module's name to the file that is lent in its place, `stand_ins` is the finder of inert modules.
    """

    def __init__(self, folder: str, allowed: Sequence[str], lent: dict[str, str], stand_ins: Any) -> None:
        self.folder = folder
        self.lent = lent
        self._allowed = {*sys.stdlib_module_names, *allowed}
        self._stand_ins = stand_ins
        self._codes: dict[str, CodeType] = {}
        self._finders: dict[str, FileFinder] = {}
        self._before = dict(sys.modules)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of an allowed module; None leaves it to the finders behind. Raises ModuleNotFoundError."""
        top, _, rest = fullname.partition(".")
        for entry in [self.folder] if path is None else path:
            if entry == self.folder or entry.startswith(self.folder + os.sep):
                spec = self._own(entry, fullname)
                if spec is not None:
                    return spec
        if not rest and fullname in self.lent:
            file = self.lent[fullname]
            return spec_from_file_location(fullname, file, loader=self._loader(fullname, file))
        spec = self._stand_ins.find_spec(fullname)
        if isinstance(spec, ModuleSpec):
            return spec
        if top in self._allowed or top.startswith("_sysconfigdata") or rest:
            return None
        raise ModuleNotFoundError(
            f"{top} is not available here: a submission may import numpy, the standard library and its own files "
            f"(--allow {top} adds it, if it is installed)",
            name=fullname,
        )

    def compiled(self, file: str) -> CodeType:
        """The code of a source file, compiled once. Raises SyntaxError for everything that is wrong with the source."""
        if file not in self._codes:
            with open(file, "rb") as source:  # noqa: PTH123 - pathlib is slow to import
                text = source.read(MAX_SOURCE + 1)
            self._codes[file] = compiled(text, file)
        return self._codes[file]

    def replace(self, file: str, code: CodeType) -> None:
        """Use `code` for a source file from now on."""
        self._codes[file] = code

    def forget(self) -> None:
        """Drop every module that came from the submission's folder or is lent, so that the next import is fresh."""
        known = self._before.get
        for name, module in [item for item in list(sys.modules.items()) if known(item[0]) is not item[1]]:
            try:
                paths = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
                inside = any(isinstance(path, str) and path.startswith(self.folder + os.sep) for path in paths)
                lent = name in self.lent or module.__spec__.loader is self._stand_ins  # type: ignore[union-attr]
            except Exception:  # no module at all: the submission put it there
                inside, lent = False, False
            if inside or lent:
                del sys.modules[name]
            else:
                self._before[name] = module

    def _own(self, entry: str, fullname: str) -> ModuleSpec | None:
        """A module or package in a folder of the submission; compiled files and extensions there are not looked at."""
        if entry not in self._finders:
            self._finders[entry] = FileFinder(entry, (_Loader, [".py"]))
        finder = self._finders[entry]
        finder.invalidate_caches()
        spec = finder.find_spec(fullname)
        if spec is None:
            return None
        if spec.loader is None:  # a folder without __init__.py; an installed module of that name comes first
            top = fullname.partition(".")[0]
            return None if top in self._allowed else PathFinder.find_spec(fullname, [entry])
        spec.loader = self._loader(fullname, spec.origin or "")
        return spec

    def _loader(self, fullname: str, file: str) -> _Loader:
        loader = _Loader(fullname, file)
        loader.guard = self
        return loader


class _Loader(SourceFileLoader):
    """Loads a source file through the guard's compiled code, whatever lies in __pycache__."""

    guard: Guard

    def get_code(self, fullname: str) -> CodeType:
        return self.guard.compiled(self.path)


def compiled(source: bytes, file: str, flags: int = 0) -> Any:
    """Compile a module's source. Raises SyntaxError, also where Python gives another error for a hopeless source."""
    if len(source) > MAX_SOURCE:
        raise _no_source(file, f"it has more than {MAX_SOURCE >> 20} MiB")
    if b"\0" in source:
        raise _no_source(file, "it holds null bytes; save it as UTF-8 text")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(source, file, "exec", flags, dont_inherit=True)
    except (RecursionError, MemoryError):
        raise _no_source(file, "it is nested too deeply") from None
    except (ValueError, UnicodeError, OverflowError) as error:
        raise _no_source(file, str(error)) from None


def _no_source(file: str, problem: str) -> SyntaxError:
    return SyntaxError(problem, (file, None, None, None))
