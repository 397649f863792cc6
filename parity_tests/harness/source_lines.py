"""Where each part stands in a submission's source: the file and line that reports point at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from parity_tests.protocol.assignment import Assignment


def source_lines(folder: Path, assignment: Assignment) -> dict[str, tuple[str, int]]:
    """The file and line of each part's first function; for one that is not found, and in what does not parse, line 1.

    A part without functions is the file that students are given. Only the source is read; nothing of it runs.
    """
    found: dict[str, tuple[str, int]] = {}
    layout = assignment.layout
    if layout.support and (folder / layout.support_file).is_file():
        found.update({part.id: (layout.support_file, 1) for part in assignment.parts if not part.functions})
    path = folder / layout.file
    if not path.is_file():
        return found
    found.update({part.id: (layout.file, 1) for part in assignment.parts if part.functions})
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError):
        return found
    for name, line in _functions(tree):
        part = assignment.by_function.get(name)
        if part is not None and found[part][1] == 1:  # of several functions of a part the first
            found[part] = (layout.file, line)
    return found


def _functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{f.name}", f.lineno) for f in node.body if isinstance(f, ast.FunctionDef))
