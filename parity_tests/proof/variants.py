"""Variants of an assignment's solution: functions given new bodies, texts swapped."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from parity_tests.operators.source import Source
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.mistake import Around, Body, Mistake, Rewrite, Swap


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
    """The solution with these changes of one file, which is the one handed in where `file` is left out.

    Raises ValueError for a change that cannot be made.
    """
    return Variant(name, _with_changes(unchanged(assignment).files, changes, file or assignment.layout.file))


def with_changes(assignment: Assignment, name: str, changes: Mapping[str, Sequence[Body | Swap]]) -> Variant:
    """The solution with these changes by file; "" stands for the one that is handed in. Raises ValueError."""
    files = unchanged(assignment).files
    for file, of_file in changes.items():
        files = _with_changes(files, of_file, file or assignment.layout.file)
    return Variant(name, files)


def with_mistake(assignment: Assignment, mistake: Mistake) -> Variant:
    """The solution with a known mistake plugged in."""
    labels = {part.id: part.label for part in assignment.parts}
    return changed(assignment, f"{labels[mistake.part]}: {mistake.name}", mistake.plug, mistake.file)


def rewritten(assignment: Assignment, rewrite: Rewrite) -> Variant:
    """The solution in another form."""
    return changed(assignment, rewrite.name, rewrite.changes, rewrite.file)


def _with_changes(files: Mapping[str, str], changes: Sequence[Body | Swap | Around], file: str) -> dict[str, str]:
    source = files[file]
    bodies: dict[str, Body] = {}  # of as many functions as one tree of the file tells of
    for change in changes:
        if not isinstance(change, Body) or change.function in bodies:
            source, bodies = _with_bodies(source, bodies.values()), {}
        if isinstance(change, Swap):
            source = _swapped(source, change)
        else:
            bodies[change.function] = _body_around(source, change) if isinstance(change, Around) else change
    return {**files, file: _with_bodies(source, bodies.values())}


def _swapped(source: str, swap: Swap) -> str:
    if source.count(swap.old) != 1:
        raise ValueError(f"{swap.old!r} stands {source.count(swap.old)} times in the solution, not once")
    return source.replace(swap.old, swap.new)


def _body_around(source: str, change: Around) -> Body:
    """The statements of a function with others before them, and with another value returned for each."""
    node = _function(source, change.function)
    statements = ast.Module([*ast.parse(change.before).body, *deepcopy(node.body)], [])
    changed = _Returning(ast.parse(change.value, mode="eval").body).visit(statements)
    return Body(change.function, ast.unparse(ast.fix_missing_locations(changed)))


class _Returning(ast.NodeTransformer):
    """Puts an expression of `value` in the place of each value that is returned."""

    def __init__(self, value: ast.expr) -> None:
        self.value = value

    def visit_Return(self, node: ast.Return) -> list[ast.stmt]:
        kept = ast.Assign([ast.Name("value", ast.Store())], node.value or ast.Constant(None))
        return [kept, ast.Return(deepcopy(self.value))]


def _with_bodies(source: str, bodies: Collection[Body]) -> str:
    if not bodies:
        return source
    found = [(_function(source, body.function), body) for body in bodies]
    lines = source.splitlines(keepends=True)
    for node, body in sorted(found, key=lambda one: one[0].lineno, reverse=True):  # from the last on
        indent = " " * node.body[0].col_offset
        new = "".join(f"{indent}{line}\n" for line in body.statements.strip("\n").split("\n"))
        lines[node.body[0].lineno - 1 : node.end_lineno] = [new]
    return "".join(lines)


@lru_cache(16)
def functions(source: str) -> Mapping[str, ast.FunctionDef]:
    """The functions of a file and the methods of its classes, by their names: many read the same, nobody writes."""
    return Source(source).functions


@lru_cache(16)
def dumped(source: str) -> Mapping[str, str]:
    """Their trees as texts."""
    return {name: ast.dump(node) for name, node in functions(source).items()}


def _function(source: str, name: str) -> ast.FunctionDef:
    if name not in functions(source):
        raise ValueError(f"the solution has no function {name}")
    return functions(source)[name]
