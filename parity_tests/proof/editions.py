"""Says in which edition a variant of a solution is asked: in the first that asks for all that it changes."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from parity_tests.operators.scope import is_own
from parity_tests.proof.variants import Variant, dumped, unchanged
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
    parts = assignment.by_function
    names = changed_functions(assignment, variant)
    return {parts[own] for name in names for own in (name, name.partition(".")[0]) if own in parts}


def changed_functions(assignment: Assignment, variant: Variant) -> set[str]:
    """The functions and methods that are others in a variant than in the solution."""
    found: set[str] = set()
    for file, source in unchanged(assignment).files.items():
        if variant.files[file] != source:
            before, after = dumped(source), dumped(variant.files[file])
            found |= {name for name, text in after.items() if text != before.get(name)}
    return found


def attributes(node: ast.ClassDef) -> dict[str, str]:
    """What the methods of a class set on self, and which does so first."""
    found: dict[str, str] = {}
    for method in (inner for inner in node.body if isinstance(inner, ast.FunctionDef)):
        for inner in ast.walk(method):
            if is_own(inner) and isinstance(inner.ctx, ast.Store):
                found.setdefault(inner.attr, method.name)
    return found
