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

from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError


def parts_by_name(assignment: Assignment) -> dict[str, frozenset[str]]:
    """The parts that each class or function of a submission answers, by its name."""
    found: dict[str, frozenset[str]] = {}
    for function, part in assignment.by_function.items():
        name = function.partition(".")[0]
        found[name] = found.get(name, frozenset()) | {part}
    return found


def write_objects(objects: Iterable[Any], folder: Path, assignment: Assignment) -> frozenset[str]:
    """Writes classes and functions, with what they use, as a submission; what is not given is the solution's.

    Returns the parts that the objects answer. Raises UsageError where one is no part of the assignment, or has no
    source that can be found.
    """
    known = parts_by_name(assignment)
    given = {_name(thing, known): thing for thing in objects}
    parts = frozenset().union(*(known[name] for name in given))
    taken = set(given)
    own = _Sources()
    for thing in given.values():
        own.add(thing)
    for name in given:
        for other in _other_names(name, assignment):
            if other not in taken:  # the solution calls it by that name
                taken.add(other)
                own.sources.append(f"{other} = {name}")
    layout = assignment.layout
    rest = _without(assignment.solution / layout.file, taken)
    (folder / layout.file).write_text("\n\n".join([rest, *own.sources]) + "\n", encoding="utf-8")
    if layout.support:
        support = (assignment.solution / layout.support_file).read_bytes()
        (folder / layout.support_file).write_bytes(support)
    return parts


def _other_names(name: str, assignment: Assignment) -> list[str]:
    """The other names of this function by which the solution calls its own."""
    functions = next((part.functions for part in assignment.parts if name in part.functions), ())
    tree = ast.parse((assignment.solution / assignment.layout.file).read_bytes())
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return [function for function in functions if function != name and function in defined]


def write_module(module: ModuleType, folder: Path, assignment: Assignment) -> None:
    """Writes a module's source as a submission. Raises UsageError where it cannot be found."""
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError) as error:
        raise UsageError(f"the source of the module {module.__name__} cannot be found ({error}).") from error
    layout = assignment.layout
    (folder / layout.file).write_text(source, encoding="utf-8")
    if layout.support:
        beside = Path(module.__file__ or "").with_name(layout.support_file)
        if beside.is_file():
            (folder / layout.support_file).write_bytes(beside.read_bytes())


def parts_of(namespace: Mapping[str, Any], assignment: Assignment) -> list[Any]:
    """The parts of the assignment in a namespace such as a notebook's `globals()`."""
    known = parts_by_name(assignment)
    return [thing for name, thing in namespace.items() if name in known and isinstance(thing, type | FunctionType)]


def _name(thing: Any, known: Mapping[str, frozenset[str]]) -> str:
    name = getattr(thing, "__name__", None)
    if not isinstance(thing, type | FunctionType) or name not in known:
        text = name or repr(thing)[:80]
        raise UsageError(f"{text} is no part of the assignment; its parts are {', '.join(known)}.")
    return str(name)


class _Sources:
    """Collects the source of objects, before each that of what it uses."""

    def __init__(self) -> None:
        self.sources: list[str] = []
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
        self.sources.append(source)

    def _use(self, name: str, value: Any, module: str) -> None:
        if isinstance(value, ModuleType):
            self.sources.append(f"import {value.__name__} as {name}")
        elif isinstance(value, type | FunctionType):
            if value.__module__ == module and value.__name__ == name:
                self.add(value)
                return
            self.sources.append(f"from {value.__module__} import {value.__qualname__} as {name}")
        elif _is_literal(value):
            self.sources.append(f"{name} = {value!r}")
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
