"""Code that does not stand in the files: it is built from a text or from data, and so can be compared with none.

What is found is pointed out, not judged: these are the plain ways to it, and Python has others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

_CALLS = {"exec", "eval", "compile", "__builtins__", "__import__", "FunctionType", "CodeType"}
_MODULES = {"builtins", "code", "codeop", "ctypes", "importlib", "marshal", "pickle", "runpy", "zipimport"}


def concealed(sources: Mapping[str, bytes]) -> str:
    """A sentence on the first place that builds code, by the names of the files; "" where none does."""
    for file, data in sources.items():
        try:
            tree = ast.parse(data)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # what does not parse does not run either
        first = min(_builders(tree), default=None)
        if first:
            line, name = first
            return f"{file}, line {line} uses {name}, by which code is run that does not stand there as code"
    return ""


def _builders(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Where code may be built, and by what."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in _CALLS:
                yield node.lineno, name
            case ast.Constant(value=str(name)) if name in _CALLS:
                yield node.lineno, name
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names if alias.name.split(".")[0] in _MODULES)
            case ast.ImportFrom(module=str(name)) if name.split(".")[0] in _MODULES:
                yield node.lineno, name
