"""The code of a Jupyter notebook as a module: its code cells in order, magics left out."""

from __future__ import annotations

import ast
import json
import re

_MAGIC = re.compile(r"^(\s*)([%!?]|\w[\w.]*\?\s*$)")
_CELL_MAGIC = re.compile(r"^\s*%%(\w+)[ \t]*(.*)")
_TRANSPARENT = {"time", "timeit", "capture", "prun"}
"""Cell magics whose cell is ordinary Python."""


class NotANotebook(Exception):  # noqa: N818
    """A file that is no notebook; the message is the predicate of a sentence."""


def modules_of(data: bytes, name: str = "neural_networks.py") -> dict[str, str]:
    """The Python files that a notebook holds: its cells under `name`, and each that `%%writefile` would write.

    A call of `main` outside any function is guarded as a script would guard it, so that an import does not train.
    Raises NotANotebook.
    """
    files: dict[str, list[str]] = {}
    for source in _cells(data):
        magic = _CELL_MAGIC.match(source)
        if magic is None:
            files.setdefault(name, []).append(_without_magics(source))
            continue
        body = source.partition("\n")[2]
        target = magic[2].replace("-a", "").strip().strip("\"'")
        if magic[1] in ("writefile", "file") and target.endswith(".py"):
            files.setdefault(target.rpartition("/")[2], []).append(body)
        elif magic[1] in _TRANSPARENT:
            files.setdefault(name, []).append(_without_magics(body))
    return {file: _guarded("\n\n".join(cells) + "\n") for file, cells in files.items()}


def _cells(data: bytes) -> list[str]:
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        sources = [cell.get("source", cell.get("input", "")) for cell in cells if cell.get("cell_type") == "code"]
        return ["".join(source) for source in sources]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise NotANotebook(f"is no notebook that can be read ({type(error).__name__})") from None


def _without_magics(source: str) -> str:
    """A cell with its magic lines replaced by `pass`; one that is Python as it stands is left alone."""
    if _parsed(source) is not None:
        return source
    return "\n".join(
        f"{match[1]}pass  # {line.strip()}" if (match := _MAGIC.match(line)) else line for line in source.split("\n")
    )


def _guarded(source: str) -> str:
    tree = _parsed(source)
    if tree is None:
        return source
    lines = source.split("\n")
    for statement in reversed(tree.body):
        if isinstance(statement, ast.Expr | ast.Assign) and _calls_main(statement):
            first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
            guarded = [f"    {line}" for line in lines[first:last]]
            lines[first:last] = ['if __name__ == "__main__":', *guarded]
    return "\n".join(lines)


def _calls_main(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "main"
        for node in ast.walk(statement)
    )


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
