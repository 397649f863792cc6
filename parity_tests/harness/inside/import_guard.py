"""Decides what a submission may import, and loads its own files afresh, inside the submission's process.

It is the first of the finders, so the submission's own files precede the standard library, as they do when Python runs
a script. Modules that are already loaded precede both. The submission's process loads this file by its path: it may
import the standard library only.
"""

from __future__ import annotations

import builtins
import io
import os
import sys
import tokenize
import warnings
from collections.abc import Collection, Mapping, Sequence
from importlib.machinery import FileFinder, ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType
from typing import Any

MAX_SOURCE = 1 << 20
"""Bytes of one source file."""


class Guard:
    """The finder of a submission's imports.

    `roots` are the submission's folder and those in it that imports are found in, too. `allowed` are the top-level
    modules beyond the standard library. `fixtures` maps names of modules to the files that are loaded for them. `inert`
    is the finder of inert modules; what one of the modules in `lent` lacks is inert as well. `packages` maps a package
    to the folder that is its content, where this has another name or lies nowhere else.
    """

    def __init__(
        self,
        roots: Sequence[str],
        allowed: Sequence[str],
        fixtures: dict[str, str],
        inert: Any,
        packages: dict[str, str],
        lent: Collection[str] = (),
    ) -> None:
        self.folder, self._roots = roots[0], roots
        self._fixtures = fixtures
        self._allowed = {*sys.stdlib_module_names, *allowed}
        self._inert = inert
        self._lent = frozenset(lent)
        self._packages = packages
        self._codes: dict[str, CodeType] = {}
        self._finders: dict[str, FileFinder] = {}
        self._kept = dict(sys.modules)
        self.builtins: Mapping[str, Any] = {}
        """What the submission's modules know in place of some of Python's own names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of an allowed module; None leaves it to later finders. Raises ModuleNotFoundError."""
        top, _, rest = fullname.partition(".")
        if fullname in self._packages:
            return self._content(fullname, self._packages[fullname])
        for entry in self._roots if path is None else path:
            if entry == self.folder or entry.startswith(self.folder + os.sep):
                spec = self._own(entry, fullname)
                if spec is not None:
                    return spec
        if fullname in self._fixtures:
            file = self._fixtures[fullname]
            return spec_from_file_location(fullname, file, loader=self._loader(fullname, file))
        spec = self._inert.find_spec(fullname)
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
        """Return the code of a source file, compiled once. Raises SyntaxError whatever is wrong with the source."""
        if file not in self._codes:
            with open(file, "rb") as source:  # noqa: PTH123 - pathlib is slow to import
                text = source.read(MAX_SOURCE + 1)
            self._codes[file] = compiled(text, file)
        return self._codes[file]

    def new_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return a module whose attributes are inert where they are not defined; None for the usual one."""
        module: ModuleType | None = self._inert.create_module(spec) if spec.name in self._lent else None
        return module

    def prepare(self, module: ModuleType) -> None:
        """Give a module of the submission, which is executed next, its names of Python's own."""
        if self.builtins:
            vars(module)["__builtins__"] = {**vars(builtins), **self.builtins}

    def replace(self, file: str, code: CodeType) -> None:
        """Use `code` for a source file from now on."""
        self._codes[file] = code

    def forget(self) -> None:
        """Drop all modules from the submission's folder, fixtures and inert modules, so that they are loaded anew."""
        new = {name: module for name, module in sys.modules.items() if self._kept.get(name) is not module}
        own = [name for name, module in new.items() if self._is_the_submissions(name, module)]
        self._kept |= {name: module for name, module in new.items() if name not in own}
        for name in own:  # all at once: where a package without a file lies, the one around it tells
            del sys.modules[name]

    def _is_the_submissions(self, name: str, module: Any) -> bool:
        try:
            paths = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
            texts = [path for path in paths if isinstance(path, str)]
            inside = any(path == self.folder or path.startswith(self.folder + os.sep) for path in texts)
            return inside or name in self._fixtures or module.__spec__.loader is self._inert
        except Exception:  # no module at all: the submission put it there
            return False

    def _own(self, entry: str, fullname: str) -> ModuleSpec | None:
        """Return the spec of a module or package in a folder of the submission. Only source files there count."""
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

    def _content(self, fullname: str, folder: str) -> ModuleSpec:
        """Return the spec of a package whose content is this folder."""
        file = f"{folder}{os.sep}__init__.py"
        if os.path.isfile(file):  # noqa: PTH113 - pathlib is slow to import
            loader = self._loader(fullname, file)
            spec = spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=[folder])
            assert spec is not None
            return spec
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [folder]
        return spec

    def _loader(self, fullname: str, file: str) -> _Loader:
        loader = _Loader(fullname, file)
        loader.guard = self
        return loader


class _Loader(SourceFileLoader):
    """Loads a source file through the guard's compiled code, whatever is in __pycache__."""

    guard: Guard

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.guard.new_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.guard.prepare(module)
        super().exec_module(module)

    def get_code(self, fullname: str) -> CodeType:
        return self.guard.compiled(self.path)


def compiled(source: bytes, file: str, flags: int = 0) -> Any:
    """Compile a module's source. Raises SyntaxError, also if Python raises another error for a hopeless source."""
    if len(source) > MAX_SOURCE:
        raise _no_source(file, f"it has more than {MAX_SOURCE >> 20} MiB")
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _no_source(file, "it is saved as UTF-16, which Python does not read; save it as UTF-8 text")
    if b"\0" in source:
        raise _no_source(file, "it holds null bytes; save it as UTF-8 text")
    if odd := _undecodable(source):  # compile overlooks it in a comment, where Python running the file does not
        raise _no_source(file, odd)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(source, file, "exec", flags, dont_inherit=True)
    except (RecursionError, MemoryError):
        raise _no_source(file, "it is nested too deeply") from None
    except (ValueError, UnicodeError, OverflowError) as error:
        raise _no_source(file, str(error)) from None


def _undecodable(source: bytes) -> str:
    """Where a source is not in the encoding in which Python reads it, "" where it is, or where none is of that name."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    except SyntaxError:
        encoding = "utf-8"
    try:
        source.decode(encoding)
    except UnicodeDecodeError as error:
        line, byte = source.count(b"\n", 0, error.start) + 1, f"0x{source[error.start]:02x}"
        return f"line {line} holds the byte {byte}, which is not in {encoding}, as Python reads it; save it as UTF-8"
    except LookupError:
        pass
    return ""


def _no_source(file: str, problem: str) -> SyntaxError:
    return SyntaxError(problem, (file, None, None, None))
