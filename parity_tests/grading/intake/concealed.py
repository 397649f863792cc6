"""Code that does not stand in the files: it is built from a text or from data, and so can be compared with none.

What is found is pointed out, not judged: these are the plain ways to it, and Python has others. What honest files say
as well is left alone: `from builtins import range`, `re.compile`, `model.eval()`, `open(dirname(__file__) + …)`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

_RUN = {"exec", "eval", "compile", "__import__"}
"""Builtins that make code of a text: harmless where the text stands there and is short."""
_BUILT = {
    "FunctionType",
    "CodeType",
    "SourceFileLoader",
    "SourcelessFileLoader",
    "spec_from_file_location",
    "getsource",
}
"""What makes functions or modules of data, or reads its own source, whatever it is an attribute of."""
_MODULES = {"code", "codeop", "ctypes", "marshal", "runpy", "zipimport"}
"""Modules that a network has no other use for."""
_SHORT = 80
"""Characters of a text that may be run where it stands there itself."""
_READS = {"read_text", "read_bytes", "open"}


def concealed(sources: Mapping[str, bytes]) -> str:
    """A sentence on the first place that builds code, by the names of the files; "" where none does."""
    for file, data in sources.items():
        first = _first_builder(data)
        if first:
            line, name = first
            return f"{file}, line {line} uses {name}, which runs code that is not in the file as code"
    return ""


@lru_cache(maxsize=64)
def _first_builder(data: bytes) -> tuple[int, str] | None:
    """Where code is built first, and by what; kept, since many hand in the same file."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # what does not parse does not run either
    return min(_builders(tree), default=None)


def _builders(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Where code may be built, and by what."""
    own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    nodes = [*ast.walk(tree)]
    builtins = {"__builtins__", *(name for node in nodes for name in _names_of_builtins(node))}
    allowed: set[int] = set()
    for node in nodes:  # a node comes before those that stand in it
        match node:
            case ast.Call(func=ast.Name(id=name) as called, args=[ast.Constant(value=str(text)), *_]) if name in _RUN:
                if len(text) <= _SHORT and not any(word in text for word in _RUN):
                    allowed.add(id(called))
            case ast.FunctionDef(args=given, body=body):  # `forward(self, Z, eval=False)` reads what it is given
                names = {one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)} & {*_RUN, *builtins}
                inner = [one for line in body for one in ast.walk(line)] if names else []
                names -= {name for one in inner if isinstance(one, ast.Global) for name in one.names}
                allowed |= {id(one) for one in inner if isinstance(one, ast.Name) and one.id in names}
            case ast.Call(func=ast.Name(id="open"), args=[ast.Name(id="__file__"), *_]):
                yield node.lineno, "open(__file__)"
            case ast.Attribute(value=ast.Call(args=[ast.Name(id="__file__"), *_]), attr=attr) if attr in _READS:
                yield node.lineno, f"{attr} of its own file"
            case ast.Attribute(value=ast.Name(id=name) as said, attr=attr) if name in builtins and attr != "__dict__":
                allowed.add(id(said))
                if attr in _RUN:
                    yield node.lineno, attr
            case ast.Call(func=ast.Name(id="getattr" | "vars")) | ast.Subscript(value=ast.Call() | ast.Attribute()):
                inside = node.args if isinstance(node, ast.Call) else [node.slice]
                texts = {str(one.value) for one in inside if isinstance(one, ast.Constant)}
                yield from ((node.lineno, name) for name in sorted(texts & _RUN))
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names if alias.name.split(".")[0] in _MODULES)
            case ast.ImportFrom(module=str(module), names=names):
                if module.split(".")[0] in _MODULES:
                    yield node.lineno, module
                if module == "builtins":
                    yield from ((node.lineno, alias.name) for alias in names if alias.name in _RUN)
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if id(node) not in allowed and name in builtins | (_RUN - own):
                yield node.lineno, name
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name) if name in _BUILT:
                yield node.lineno, name


def _names_of_builtins(node: ast.AST) -> Iterator[str]:
    """What this statement calls the module of builtins."""
    if isinstance(node, ast.Import):
        yield from (alias.asname or alias.name for alias in node.names if alias.name == "builtins")
