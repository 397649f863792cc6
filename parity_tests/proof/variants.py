"""Variants of an assignment's solution: functions given new bodies, texts swapped."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from parity_tests.operators.source import Source
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.mistake import Around, Body, Rewrite, Swap


@dataclass(frozen=True)
class Variant:
    """A changed solution: its name, and the source of each of its files."""

    name: str
    files: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Writes the files into a folder."""
        for name, source in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(source, encoding="utf-8")


def unchanged(assignment: Assignment) -> Variant:
    """The solution itself."""
    files = {name: (assignment.solution / name).read_text(encoding="utf-8") for name in assignment.layout.files}
    return Variant("as shipped", files)


def changed(assignment: Assignment, name: str, changes: Sequence[Body | Swap | Around], file: str = "") -> Variant:
    """The solution with these changes, each in the only file that it fits, or of this file alone.

    Raises ValueError for a change that cannot be made.
    """
    files = dict(unchanged(assignment).files)
    for change in changes:
        place = _place({file: files[file]} if file else files, change)
        files[place] = _with(files[place], change)
    return Variant(name, files)


def rewritten(assignment: Assignment, rewrite: Rewrite) -> Variant:
    """The solution in another form."""
    return changed(assignment, rewrite.name, rewrite.changes, rewrite.file)


def _place(files: Mapping[str, str], change: Body | Swap | Around) -> str:
    """The file that a change fits."""
    if isinstance(change, Swap):
        count = sum(source.count(change.old) for source in files.values())
        if count != 1:
            raise ValueError(f"{change.old!r} stands {count} times in the solution, not once")
        return next(file for file, source in files.items() if change.old in source)
    place = next((file for file, source in files.items() if change.function in functions(source)), None)
    if place is None:
        raise ValueError(f"the solution has no function {change.function}")
    return place


def _with(source: str, change: Body | Swap | Around) -> str:
    """A file with a change."""
    if isinstance(change, Swap):
        return source.replace(change.old, change.new)
    node = functions(source)[change.function]
    statements = change.statements if isinstance(change, Body) else _around(node, change)
    indent, lines = " " * node.body[0].col_offset, source.splitlines(keepends=True)
    new = "".join(f"{indent}{line}\n" for line in statements.strip("\n").split("\n"))
    lines[node.body[0].lineno - 1 : node.end_lineno] = [new]
    return "".join(lines)


def _around(node: ast.FunctionDef, change: Around) -> str:
    """The statements of a function with others before them, and with another value returned for each."""
    statements = ast.Module([*ast.parse(change.before).body, *deepcopy(node.body)], [])
    new = _Returning(ast.parse(change.value, mode="eval").body).visit(statements)
    return ast.unparse(ast.fix_missing_locations(new))


class _Returning(ast.NodeTransformer):
    """Puts an expression of `value` in the place of each value that is returned."""

    def __init__(self, value: ast.expr) -> None:
        self.value = value

    def visit_Return(self, node: ast.Return) -> list[ast.stmt]:
        kept = ast.Assign([ast.Name("value", ast.Store())], node.value or ast.Constant(None))
        return [kept, ast.Return(deepcopy(self.value))]


@lru_cache(32)
def functions(source: str) -> Mapping[str, ast.FunctionDef]:
    """The functions of a file and the methods of its classes, by their names: many read the same, nobody writes."""
    return Source(source).functions


@lru_cache(32)
def dumped(source: str) -> Mapping[str, str]:
    """Their trees as texts."""
    return {name: ast.dump(node) for name, node in functions(source).items()}
