"""Imports a submission inside its process, afresh for each case, and says why that fails.

The submission's process loads this file by its path: it may import the standard library and the files beside it only.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import functools
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from parity_tests.harness.inside import import_guard, inert_modules, numpy_1, unguarded
from parity_tests.harness.inside.failures import Missing, NotCalled, clean

if TYPE_CHECKING:
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.failures import Failure

_NEAR = 0.65
"""The likeness, by difflib, from which on a name is taken for another that was meant: Square for square_of."""
_MAX_NAME, _MOST_NAMES = 60, 6
_MOST_FILES = 200
_IMPORTED = re.compile(rb"\bfrom\s+(\w+)[^\n]*?\bimport\b|(?:^|[;:])\s*import\s+([^;#\n]+)", re.MULTILINE)
"""What may be an import: the module after `from`, or the modules after `import`."""


class Submission:
    """What a probe is given of the submission: its modules as they were imported for this case."""

    def __init__(
        self,
        folder: str,
        edition: str,
        module: ModuleType,
        support: ModuleType | None,
        problem: Failure | None,
        where: Mapping[str, str],
    ) -> None:
        """`problem` is how the module's import failed, None if it did not; `where` tells the module of other names."""
        self.folder = folder
        self.edition = edition
        self.module = module
        self.support = support
        self._problem, self._where = problem, where

    def get(self, name: str, further: str = "") -> Any:
        """Return what the module, or else the support module, defines as `name`. Raises Missing if neither does.

        `further` is another module that is handed in, which is imported now. Raises CannotImport if it cannot be.
        """
        if self._where and name not in self._where:
            raise Missing(f"no file defines {name}", lacks=name)
        further = further or self._where.get(name, "")
        if further and further != self.module.__name__:
            module = imported(further)
            if name in vars(module):
                return vars(module)[name]
            raise Missing(_undefined(module, further, name), lacks=name)
        for own in (self.module, self.support):
            if own is not None and name in vars(own):
                return vars(own)[name]
        if self._problem is not None:
            raise Missing(self._problem["text"], called=self._problem["called"])
        raise Missing(_undefined(self.module, self.module.__name__, name), lacks=name)

    def meant_as(self, name: str, kind: type) -> str:
        """Return the name under which it has what is asked for as `name`: where it has no such, a near one of a `kind`.

        Returns `name` where it defines nothing of that kind that is called nearly so.
        """
        modules = [own for own in (self.module, self.support) if own is not None]
        if any(name in vars(own) for own in modules):
            return name
        near = (one for own in modules for one in _near(own, own.__name__, name) if isinstance(vars(own)[one], kind))
        return next(near, name)


def _near(module: ModuleType, called: str, name: str) -> list[str]:
    """Return what a module, or the class in it before the dot, defines under names that are nearly this one."""
    defined = _defined(module, called, name)
    near = difflib.get_close_matches(name.lower(), [one.lower() for one in defined], n=1, cutoff=_NEAR)
    return [one for one in defined if one.lower() in near]


def _defined(module: ModuleType, called: str, name: str) -> list[str]:
    """Return the names of the classes and functions that a module defines, or the class in it before the dot."""
    owner, dot, _ = name.rpartition(".")
    holder = vars(module).get(owner) if dot else module
    if not isinstance(holder, (ModuleType, type)):
        return []
    return [
        f"{owner}{dot}{key}"
        for key, value in vars(holder).items()
        if isinstance(value, (type, FunctionType)) and value.__module__ == called and not key.startswith("__")
    ]


def _undefined(module: ModuleType, called: str, name: str) -> str:
    """Return the sentence that a module, or the class in it before the dot, lacks a name, with what it has instead."""
    sentence = f"{file_of(called)} defines no {name}"
    defined, meant = _defined(module, called, name), _near(module, called, name)
    if meant:
        return f"{sentence}; it defines {clean(meant[0], _MAX_NAME)}: is that meant?"
    shown = ", ".join(clean(one, _MAX_NAME) for one in defined[:_MOST_NAMES])
    more = len(defined) - _MOST_NAMES
    return f"{sentence}; it defines {shown}{f' and {more} more' if more > 0 else ''}" if shown else sentence


class CannotImport(Exception):  # noqa: N818 - what its cause is, is the error
    """A further module that is handed in cannot be imported, for the reason that is the cause of this."""

    def __init__(self, module: str, why: Exception) -> None:
        super().__init__(f"{file_of(module)} cannot be imported: {clean(str(why))}")
        self.module = module


def imported(module: str) -> ModuleType:
    """Import a further module. Raises Missing if the submission lacks its file, CannotImport if its import fails."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise Missing(f"there is no {file_of(module)}") from None
        raise CannotImport(module, error) from error
    except Exception as error:
        raise CannotImport(module, error) from error


def put_in_place(module: str, function: str, source: str) -> None:
    """Give a module, until it is imported afresh, another form of a function or method, by its qualified name."""
    holder = importlib.import_module(module)
    defined: dict[str, Any] = {}
    owner, _, name = function.rpartition(".")
    exec(compile(source, f"the changed {function}", "exec", dont_inherit=True), vars(holder), defined)
    setattr(getattr(holder, owner) if owner else holder, name, defined[name])


def keep_from_being_called(folder: str, modules: Sequence[str], late: Mapping[str, Any]) -> None:
    """Have a function or method, until it is imported afresh, raise NotCalled wherever these modules have it.

    `late` has its qualified "function" and what NotCalled is given.
    """

    def not_called(*_: Any, **__: Any) -> None:
        raise NotCalled(**late)

    not_called.__qualname__ = late["function"]
    owner, _, name = late["function"].rpartition(".")
    for module in modules:
        with contextlib.suppress(Exception):  # a further one that cannot be imported, or does not have it
            holder = importlib.import_module(module)
            own = getattr(holder, owner) if owner else holder
            before = vars(own)[name]
            if isinstance(before, type) or not str(holder.__file__).startswith(folder + os.sep):
                continue
            if owner:
                setattr(own, name, not_called)
                continue
            for other in filter(None, map(sys.modules.get, modules)):  # which may have imported it
                for key in [key for key, value in vars(other).items() if value is before]:
                    setattr(other, key, not_called)


def file_of(module: str) -> str:
    """Return the file of a module, relative to where its package lies."""
    return f"{module.replace('.', '/')}.py"


def has_module(folder: str, module: str) -> bool:
    """Return whether a submission's folder has a file or folder that is, or may be, this module."""
    path = module.replace(".", "/")
    return any(Path(folder, name).exists() for name in (path, f"{path}.py"))


def _head(file: Path) -> bytes:
    """Return the first MiB of a file, nothing of one that cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(import_guard.MAX_SOURCE)
    except OSError:
        return b""


@functools.lru_cache(maxsize=32)
def _parsed(source: bytes, name: str) -> ast.Module:
    """Return the syntax tree of a source, which nobody may change. Raises SyntaxError."""
    tree: ast.Module = import_guard.compiled(source, name, ast.PyCF_ONLY_AST)
    return tree


def _may_import(source: bytes) -> set[str]:
    """Return the modules, without what is inside them, that a source imports, and words that are none."""
    found = set()
    for of, modules in _IMPORTED.findall(source.replace(b"\\\n", b" ")):
        found |= {re.split(rb"\W", one.strip())[0].decode(errors="replace") for one in (of or modules).split(b",")}
    return found


def _imports(source: bytes, name: str, module: str) -> bool:
    """Return whether the source of a module called `name` has an import of another module, or of what is in that."""
    package, found = name.rpartition(".")[0], []
    try:
        for node in ast.walk(_parsed(source, file_of(name))):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = importlib.util.resolve_name("." * node.level + (node.module or ""), package or None)
                found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    except (SyntaxError, ValueError, ImportError):
        return False  # such a file cannot be imported itself
    return any(f"{one}.".startswith(f"{module}.") for one in found)


def _imported_names(source: bytes, name: str) -> dict[str, bool]:
    """Return the modules, without what is inside them, that a source imports, and whether it uses nothing of each."""
    try:
        tree = _parsed(source, file_of(name))
    except SyntaxError:
        return {}
    used: set[str] = set()
    imports: list[ast.AST] = []
    waiting: list[ast.AST] = [tree]
    while waiting:  # three times as fast as ast.walk, which each process of a submission would wait for
        node = waiting.pop()
        if isinstance(node, ast.Name):
            used.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            imports.append(node)
        else:
            for value in vars(node).values():
                among = value if isinstance(value, list) else (value,)
                waiting += [one for one in among if isinstance(one, ast.AST)]
    unused: dict[str, bool] = {}
    for node in imports:
        if isinstance(node, ast.Import):
            bound = [(alias.name, alias.asname or alias.name.partition(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            bound = [(node.module or "", alias.asname or alias.name) for alias in node.names]
        else:
            continue
        for module, word in bound:
            top = module.partition(".")[0]
            unused[top] = unused.get(top, True) and word != "*" and word not in used
    return unused


def _is_broken(file: Path) -> bool:
    """Return whether a file that students are given is no Python, as those are that were handed out in Python 2."""
    head = _head(file)
    try:
        import_guard.compiled(head, str(file), ast.PyCF_ONLY_AST)
    except SyntaxError:
        return True
    return False


class Importer:
    """Imports the submission in `folder`. From its creation on, the process finds only what a submission may import."""

    def __init__(self, folder: str, setup: Mapping[str, Any], editions: Any, own_names: Mapping[str, Any]) -> None:
        """`setup` is what the harness tells the process, `editions` the module that tells editions apart, or None.

        `own_names` are what modules know in place of some of Python's own names.
        """
        self._folder, self._own_names = folder, own_names
        self.main: str = setup["module"]
        self.support: str = setup["support"]
        package = self.main.rpartition(".")[0]
        bare = Path(folder, file_of(self.main))
        content = bool(package) and not bare.exists() and Path(folder, bare.name).is_file()
        self._file = f"{folder}{os.sep}{bare.name if content else file_of(self.main)}"
        self._around = f"{package}." if content else ""
        self._further: Sequence[str] = setup["further"]
        self.handed_in = (self.main, self.support, *self._further)
        self.where: Mapping[str, str] = setup["where"]
        self._entry: str = setup["entry"]
        self.problem: Failure | None = None
        """Why the main module cannot be imported, None if it can."""
        self.edition: str = setup["edition"]
        code = self._look_at_source()
        fixture, by_files = setup["fixture"], setup["by_files"]
        self.edition_seen = "" if editions is None else self._edition_of(editions, by_files is not None)
        if by_files is not None and self.edition_seen in by_files:
            self.edition, fixture = self.edition_seen, by_files[self.edition_seen]
        lacks_support = bool(self.support) and not has_module(folder, self.support)
        files = {self.support: fixture} if lacks_support and fixture else {}
        in_place_of: dict[str, str] = {}
        lent = self._meant(setup["lent"])
        for module, file in lent.items():
            if not has_module(folder, module.removeprefix(self._around)):
                files[module] = file
            elif _is_broken(self._place(module)):
                in_place_of[module] = file
        silent = self._meant(dict.fromkeys(setup["inert_modules"].get(self.edition, ()), ""))
        inert = [name for name in silent if name not in setup["allow"]]
        if package:  # whose many files bring imports from wherever they were edited
            inert += self._stray({*inert, *setup["allow"]}, lent)
        stand_ins = (*inert, *files, *in_place_of)
        self.fixtures = [name for name in stand_ins if not package or self._mentions(name, lent)]
        inert_finder = inert_modules.InertFinder(tuple(inert))
        packages = {package: folder} if content else {}
        roots = [folder, *(f"{folder}{os.sep}{root}" for root in setup["roots"])]
        incomplete = [name for name in lent if name in files or name in in_place_of]
        self._guard = import_guard.Guard(roots, ["numpy", *setup["allow"]], files, inert_finder, packages, incomplete)
        self._guard.builtins = own_names
        if code is not None:
            self._guard.replace(self._file, code)
        for module, file in in_place_of.items():
            self._guard.replace(str(self._place(module)), import_guard.compiled(_head(Path(file)), file))
        sys.meta_path.insert(0, self._guard)
        sys.path.insert(0, folder)
        sys.modules["__main__"] = ModuleType("__main__")
        self._finders, self._path = list(sys.meta_path), list(sys.path)
        _parsed.cache_clear()

    def restore_path(self) -> None:
        """Find modules as at first: an earlier case may have changed where they are found."""
        sys.meta_path[:], sys.path[:] = self._finders, self._path

    def import_main(self) -> tuple[ModuleType, BaseException | None]:
        """Return the main module and what its import raised; it holds what was defined before that."""
        self._guard.forget()
        package, _, name = self.main.rpartition(".")
        try:
            parent = importlib.import_module(package) if package else None
        except BaseException as error:
            return ModuleType(self.main), error
        module = ModuleType(self.main)
        module.__file__ = self._file
        module.__spec__ = importlib.util.spec_from_file_location(self.main, self._file)
        module.__package__ = package
        sys.modules[self.main] = module
        if parent is not None:
            setattr(parent, name, module)
        try:
            self._guard.prepare(module)
            exec(self._guard.compiled(self._file), vars(module))
        except BaseException as error:
            sys.modules[self.main] = module
            return module, error
        return module, None

    def import_support(self) -> ModuleType | None:
        """Return the support module of the main module that was imported last, None if the layout has none.

        Raises what its import raises.
        """
        return importlib.import_module(self.support) if self.support else None

    def describe(self, error: BaseException, name: str, recorder: CallRecorder) -> Failure:
        """Return the failure of an import of one of the two modules."""
        file = file_of(name)
        described = recorder.describe(error, file)
        text, line = described["text"], described["line"]
        if isinstance(error, SyntaxError):
            text = text if described["file"] == file else f"{file} cannot be imported: {text}"
        elif isinstance(error, ImportError):
            where = f" ({described['file']}, line {line})" if line else ""
            text = f"{file} cannot be imported{where}: {clean(str(error))}"
            described["called"] = file
        else:
            text += ", while it was being imported"
            in_function = described["function"] != "<module>"
            if name == self.main and (in_function or isinstance(error, (OSError, SystemExit))):
                text += '; code that runs the program belongs under `if __name__ == "__main__":`'
        described["text"] = text
        return described

    def _meant(self, files: Mapping[str, str]) -> dict[str, str]:
        """Return the file of each module; what is called "a*" is each that the main module imports and begins so."""
        found: dict[str, str] = {}
        for name, file in files.items():
            imported_ones = _imported_names(_head(Path(self._file)), self.main) if name.endswith("*") else {name: True}
            found |= {one: file for one in imported_ones if f"{one}*".startswith(name.rstrip("*"))}
        return found

    def _mentions(self, module: str, given: Collection[str]) -> bool:
        """Return whether a file that is handed in, or of the `given` ones, imports this module, which is put in."""
        if module not in given and has_module(self._folder, module.removeprefix(self._around)):
            return False
        word = module.rpartition(".")[2].encode()  # what holds no such word need not be parsed
        heads = {name: _head(self._place(name)) for name in (*self.handed_in, *given) if name}
        return any(word in head and _imports(head, name, module) for name, head in heads.items())

    def _stray(self, known: Collection[str], lent: Collection[str]) -> list[str]:
        """Return the modules that nobody has here, and of which the submission's files import what they never use."""
        there = {*sys.stdlib_module_names, "numpy", *known}

        def is_known(name: str) -> bool:
            return name in there or has_module(self._folder, name)

        heads = {module: _head(self._place(module)) for module in (*self.handed_in, *lent) if module}
        unused: dict[str, bool] = {}
        for module, head in heads.items():
            if all(map(is_known, _may_import(head))):
                continue  # as in nearly all files, which then need not be parsed
            for name, is_unused in _imported_names(head, module).items():
                unused[name] = unused.get(name, True) and is_unused
        own = {name.removeprefix(self._around) for name in unused}
        return [name for name in own if unused.get(name) and not is_known(name)]

    def _place(self, module: str) -> Path:
        """Return where a module that is handed in lies, if it does; the folder may be the content of its package."""
        return Path(self._folder, file_of(module.removeprefix(self._around)))

    def cut_short(self, line: int) -> None:
        """Let later imports of the main module stop before the statement at this line, which never ends."""
        tree, _ = unguarded.without_runs(ast.parse(Path(self._file).read_bytes()), self._entry)
        tree.body = [s for s in tree.body if s.end_lineno is not None and s.end_lineno < line]
        self._guard.replace(self._file, compile(tree, self._file, "exec", dont_inherit=True))

    def _look_at_source(self) -> CodeType | None:
        """Return the code of the main file, None if there is none.

        What runs the program at the import is left out, and `left_out` is its first line.
        """
        self.left_out = 0
        try:
            with Path(self._file).open("rb") as file:
                source = file.read(import_guard.MAX_SOURCE + 1)
            tree = import_guard.compiled(source, self._file, ast.PyCF_ONLY_AST)
            tree, self.left_out = unguarded.without_runs(tree, self._entry)
            if self._own_names:
                tree = numpy_1.with_one_numbers(tree)
            if self.left_out or self._own_names:
                return compile(tree, self._file, "exec", dont_inherit=True)
            code: CodeType = import_guard.compiled(source, self._file)
        except (OSError, SyntaxError, RecursionError, MemoryError, ValueError):  # its import will say the same
            return None
        return code

    def _edition_of(self, editions: Any, by_files: bool) -> str:
        """Return the edition that the files show, "" if they tell none.

        One that it is judged by already is taken for shown where the files may be of that one.
        """
        statements: list[ast.stmt] = []
        files = dict.fromkeys(_names_in(self._folder), "")
        for module in (self.main, *self._further):
            place = self._place(module)
            head = _head(place)
            if head:
                files[file_of(module)] = head.decode("utf-8", "replace")
            with contextlib.suppress(SyntaxError, ValueError):
                statements += _parsed(head, file_of(module)).body
        shown = [str(edition) for edition in editions.editions_of(ast.Module(statements, []), files)]
        return self.edition if self.edition in shown and not by_files else next(iter(shown), "")


def _names_in(folder: str) -> list[str]:
    """Return the names of the first files of a folder."""
    try:
        return sorted(entry.name for entry in Path(folder).iterdir() if entry.is_file())[:_MOST_FILES]
    except OSError:
        return []
