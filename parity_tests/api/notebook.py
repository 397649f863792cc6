"""A submission out of what is defined in a notebook: classes, functions, modules, written to a folder as source."""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from parity_tests.assignments.mlp.parts import FUNCTIONS
from parity_tests.protocol.errors import UsageError

MODULE = "neural_networks.py"
_SGD, _OTHER = "miniBatchStochasticGradientDescent", "miniBatchGradientDescent"  # both names are in use
NAMES: dict[str, frozenset[str]] = {
    name: frozenset(part for function, part in FUNCTIONS.items() if function.partition(".")[0] == name)
    for name in dict.fromkeys(function.partition(".")[0] for function in FUNCTIONS)
} | {"main": frozenset({"10"})}
"""The TODOs that each name of a submission answers."""


def write_objects(objects: Iterable[Any], folder: Path, shipped: Path) -> frozenset[str]:
    """Writes classes and functions, with what they use, as a submission; what is not given is the shipped network's.

    Returns the TODOs that the objects answer. Raises UsageError where one is no part of the assignment, or has no
    source that can be found.
    """
    given = {_name(thing): thing for thing in objects}
    parts = frozenset().union(*(NAMES[name] for name in given))
    taken = set(given)
    own = _Sources()
    for thing in given.values():
        own.add(thing)
    if _OTHER in given:
        taken.add(_SGD)
        own.parts.append(f"{_SGD} = {_OTHER}")
    rest = _without(shipped / MODULE, taken)
    (folder / MODULE).write_text("\n\n".join([rest, *own.parts]) + "\n", encoding="utf-8")
    (folder / "utils.py").write_bytes((shipped / "utils.py").read_bytes())
    return parts


def write_module(module: ModuleType, folder: Path) -> None:
    """Writes a module's source as a submission. Raises UsageError where it cannot be found."""
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError) as error:
        raise UsageError(f"the source of the module {module.__name__} cannot be found ({error}).") from error
    (folder / MODULE).write_text(source, encoding="utf-8")
    beside = Path(module.__file__ or "").with_name("utils.py")
    if beside.is_file():
        (folder / "utils.py").write_bytes(beside.read_bytes())


def parts_of(namespace: Mapping[str, Any]) -> list[Any]:
    """The parts of the assignment in a namespace such as a notebook's `globals()`."""
    return [thing for name, thing in namespace.items() if name in NAMES and isinstance(thing, type | FunctionType)]


def _name(thing: Any) -> str:
    name = getattr(thing, "__name__", None)
    if not isinstance(thing, type | FunctionType) or name not in NAMES:
        said = name or repr(thing)[:80]
        raise UsageError(f"{said} is no part of the assignment; its parts are {', '.join(NAMES)}.")
    return str(name)


class _Sources:
    """Collects the source of objects, before each that of what it uses."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._seen: set[str] = set()

    def add(self, thing: type | FunctionType) -> None:
        if thing.__name__ in self._seen:
            return
        self._seen.add(thing.__name__)
        source = source_of(thing)
        known = _globals(thing)
        for name in sorted(_names(source)):
            if name in known and name not in self._seen:
                self._use(name, known[name], thing.__module__)
        self.parts.append(source)

    def _use(self, name: str, value: Any, module: str) -> None:
        if isinstance(value, ModuleType):
            self.parts.append(f"import {value.__name__} as {name}")
        elif isinstance(value, type | FunctionType):
            if value.__module__ == module and value.__name__ == name:
                self.add(value)
                return
            self.parts.append(f"from {value.__module__} import {value.__qualname__} as {name}")
        elif _is_literal(value):
            self.parts.append(f"{name} = {value!r}")
        self._seen.add(name)


def source_of(thing: type | FunctionType) -> str:
    """The source of a class or function, also of one that a cell of a notebook defines.

    A class of `__main__` has no file before Python 3.13: it is looked for in the cell that its methods come from.
    """
    try:
        return textwrap.dedent(inspect.getsource(thing))
    except (OSError, TypeError):
        pass
    for method in _functions(thing):
        lines = linecache.getlines(method.__code__.co_filename)
        try:
            tree = ast.parse("".join(lines))
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            inside = isinstance(node, ast.ClassDef) and node.lineno <= method.__code__.co_firstlineno <= _end(node)
            if inside and isinstance(node, ast.ClassDef) and node.name == thing.__name__:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                return textwrap.dedent("".join(lines[first - 1 : _end(node)]))
    raise UsageError(f"the source of {thing.__name__} cannot be found; write it into a file, and name its folder.")


def _end(node: ast.ClassDef) -> int:
    return node.end_lineno or node.lineno


def _functions(thing: type | FunctionType) -> Iterator[FunctionType]:
    if isinstance(thing, FunctionType):
        yield thing
        return
    for member in vars(thing).values():
        value = getattr(member, "__func__", member)  # of a static or a class method
        if isinstance(value, FunctionType):
            yield value


def _globals(thing: type | FunctionType) -> dict[str, Any]:
    return {name: value for function in _functions(thing) for name, value in function.__globals__.items()}


def _names(source: str) -> set[str]:
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    return names - set(dir(builtins))


def _is_literal(value: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except Exception:  # a foreign __repr__ or __eq__ may do anything
        return False


def _without(path: Path, names: set[str]) -> str:
    """The shipped source without the definitions of these names."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in names:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            del lines[first - 1 : node.end_lineno]
    return "\n".join(lines)
