"""The source of classes and functions, also of those that a notebook defines, and of what they use."""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import textwrap
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from parity_tests.protocol.errors import UsageError


class Sources:
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
