"""Says in which edition a variant of a solution is asked: in the first that asks for all that it changes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from parity_tests.proof.variants import Variant, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES


def edition_of(assignment: Assignment, parts: Iterable[str]) -> str:
    """The first edition that asks for all of these parts, or the default."""
    wanted = set(parts)
    for edition in assignment.editions.names:
        if {q.part for case in assignment.cases(edition, DTYPES[:1]) for q in case.quantities} >= wanted:
            return edition
    return assignment.editions.default


def edition_for(assignment: Assignment, variant: Variant) -> str | None:
    """The edition that a variant is asked in; None, which leaves it to be told, where the default asks for it."""
    edition = edition_of(assignment, changed_parts(assignment, variant))
    return None if edition == assignment.editions.default else edition


def changed_parts(assignment: Assignment, variant: Variant) -> set[str]:
    """The parts whose own functions a variant changes, or whose class has a method that it changes."""
    solution, parts = unchanged(assignment), assignment.by_function
    found: set[str] = set()
    for file, source in variant.files.items():
        if source == solution.files[file]:
            continue
        before = dict(functions(ast.parse(solution.files[file])))
        for name, node in functions(ast.parse(source)):
            if name not in before or ast.dump(node) != ast.dump(before[name]):
                found |= {parts[own] for own in (name, name.partition(".")[0]) if own in parts}
    return found


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a file and the methods of its classes, by their names."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner
