"""Where each part stands in a submission's source, and what stands there: what reports point at and show."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from parity_tests.protocol.assignment import Assignment
from reports.model.records import Record
from reports.model.verdicts import FAILING

LONGEST_FUNCTION, LONGEST_LINE = 120, 160
"""Lines of a function, and characters of a line, that are kept."""
LARGEST_FILE = 1 << 20
"""Bytes of a file of which lines are kept."""
_AROUND = 2
"""Lines before and after a place."""


def source_lines(folder: Path, assignment: Assignment) -> dict[str, tuple[str, int]]:
    """The file and line of each part's first function; for one that is not found, and in what does not parse, line 1.

    A part without functions is the file that students are given. Only the source is read; nothing of it runs.
    """
    found: dict[str, tuple[str, int]] = {}
    layout = assignment.layout
    if layout.support and (folder / layout.support_file).is_file():
        found.update({part.id: (layout.support_file, 1) for part in assignment.parts if not part.functions})
    for file in _sources(folder, assignment):
        if file == layout.place(folder, layout.file):
            found.update({part.id: (file, 1) for part in assignment.parts if part.functions})
        for part, numbers in _functions_by_part(text_of(folder / file), assignment).items():
            if found.get(part, ("", 1))[1] == 1:  # of several functions of a part the first
                found[part] = (file, numbers[0])
    return found


def excerpts(folder: Path, assignment: Assignment, records: Iterable[Record]) -> dict[str, dict[str, dict[int, str]]]:
    """The lines of a submission's files that its failures are about, by part, by file and by number.

    These are the functions of each part that fails, and what is around the places that its records name. Only files
    that the assignment asks for are read; nothing of them runs.
    """
    layout = assignment.layout
    sources = _sources(folder, assignment)
    names = (*sources, *([layout.support_file] if layout.support else []))
    lines = {name: text_of(folder / name).splitlines() for name in names}
    wanted: dict[str, dict[str, set[int]]] = {}
    functions = {name: _functions_by_part("\n".join(lines[name]), assignment) for name in sources}
    for record in records:
        if record.verdict in FAILING and not record.explained_by:
            own = {name: set(functions[name][record.part]) for name in sources if record.part in functions[name]}
            by_file = wanted.setdefault(record.part, own)
            if record.line and record.file in lines:
                around = range(record.line - _AROUND, record.line + _AROUND + 1)
                by_file.setdefault(record.file, set()).update(around)
    return {
        part: {
            name: {n: lines[name][n - 1][:LONGEST_LINE] for n in sorted(numbers) if 0 < n <= len(lines[name])}
            for name, numbers in by_file.items()
            if numbers
        }
        for part, by_file in wanted.items()
    }


def _sources(folder: Path, assignment: Assignment) -> list[str]:
    """The files that were handed in of those that the assignment asks for, relative to the folder."""
    places = (assignment.layout.place(folder, file) for file in assignment.layout.sources)
    return [place for place in places if place is not None]


def text_of(path: Path) -> str:
    """The text of a file; "" for a link, which may lead to what the submission cannot read, and for a large one."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_FILE:
            return ""
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _functions_by_part(text: str, assignment: Assignment) -> dict[str, list[int]]:
    """The numbers of the lines of the functions of each part; none for what does not parse."""
    found: dict[str, list[int]] = {}
    for name, numbers in _lines_of_functions(text):
        part = assignment.by_function.get(name)
        if part is not None:
            found.setdefault(part, []).extend(numbers)
    return found


@lru_cache(maxsize=64)
def _lines_of_functions(text: str) -> Sequence[tuple[str, range]]:
    """The names of functions and the numbers of their lines; kept, since each file is asked about more than once."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return [
        (name, range(f.lineno, min(f.end_lineno or f.lineno, f.lineno + LONGEST_FUNCTION - 1) + 1))
        for name, f in _functions(tree)
    ]


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{f.name}", f) for f in node.body if isinstance(f, ast.FunctionDef))
