"""Single slips: every small change of a solution's source that Python still compiles, one at a time.

Made with the standard `ast`: the mutation tools that are maintained run a project's tests in its own folder, where
here a variant must be put to questions. Docstrings, messages, types and the command line are left alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard

from parity_tests.proof.editions import edition_of, functions
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.operators import changes
from parity_tests.proof.variants import Variant, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES

MODULE = "_kept"


def moved_state(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """For each attribute of each class the method that sets it first, and the file with the attribute moved."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for attribute, method in _attributes(node).items():
                for owner in (node.name, MODULE):
                    yield f"{node.name}.{method}", _moved(tree, node.name, attribute, owner)


def _is_of_self(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _attributes(node: ast.ClassDef) -> dict[str, str]:
    """What the methods of a class set on self, and which does so first."""
    found: dict[str, str] = {}
    for method in (inner for inner in node.body if isinstance(inner, ast.FunctionDef)):
        for inner in ast.walk(method):
            if _is_of_self(inner) and isinstance(inner.ctx, ast.Store):
                found.setdefault(inner.attr, method.name)
    return found


def _moved(tree: ast.Module, class_name: str, attribute: str, owner: str) -> ast.Module:
    moved = copy.deepcopy(tree)
    node = next(node for node in moved.body if isinstance(node, ast.ClassDef) and node.name == class_name)
    for inner in ast.walk(node):
        if _is_of_self(inner) and inner.attr == attribute:
            inner.value = ast.Name(owner, ast.Load())
    if owner == MODULE:
        moved.body.insert(moved.body.index(node), ast.parse(f'{MODULE} = type("Kept", (), {{}})()').body[0])
    return ast.fix_missing_locations(moved)


@dataclass(frozen=True)
class Mutant:
    """One slip: the file and function that it is in, and the first line that differs, as it was and as it is."""

    file: str
    function: str
    before: str
    after: str
    variant: Variant

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return self.variant.name


@dataclass(frozen=True)
class Trial:
    """What became of a mutant.

    It is "caught" (and by which case), "equivalent" or "not asked" (and for which reason), or "survived".
    """

    mutant: Mutant
    outcome: str
    detail: str


def mutants(assignment: Assignment) -> list[Mutant]:
    """Every single slip of the solution's files, in their order, each source once."""
    solution, proof = unchanged(assignment), assignment.proof()
    by_source: dict[str, Mutant] = {}
    for file, source in solution.files.items():
        tree = ast.parse(source)
        original = source_of(tree)
        for function, text in _changed_sources(tree, proof.defaults):
            if function in proof.not_asked or text == original or text in by_source:
                continue
            before, after = _difference(original, text)
            variant = Variant(f"{function}: {before}  →  {after}", {**solution.files, file: text})
            by_source[text] = Mutant(file, function, before, after, variant)
    return list(by_source.values())


def _changed_sources(tree: ast.Module, defaults: Mapping[str, float | str]) -> Iterator[tuple[str, str]]:
    """The function that is changed, and the source of the file with the change in it."""
    pieces = [ast.unparse(node) for node in tree.body]
    for number, whole in enumerate(tree.body):
        for function, node in functions(ast.Module([whole], [])):
            for text in _slips(whole, node, defaults):
                yield function, "\n\n".join([*pieces[:number], text, *pieces[number + 1 :]])
    for function, moved in moved_state(tree):
        yield function, source_of(moved)


def source_of(tree: ast.Module) -> str:
    """The source of a file, one statement after the other."""
    return "\n\n".join(ast.unparse(node) for node in tree.body)


def excuse(assignment: Assignment, mutant: Mutant) -> Trial | None:
    """Why no case need tell a mutant; None where one must."""
    proof, slip = assignment.proof(), (mutant.function, mutant.before, mutant.after)
    for outcome, reason in (("equivalent", proof.equivalent(*slip)), ("not asked", proof.unasked(*slip))):
        if reason:
            return Trial(mutant, outcome, reason)
    return None


def trial(assignment: Assignment, mutant: Mutant, seed: int = 0, dtypes: Sequence[str] = DTYPES) -> Trial:
    """Asks a mutant the cases of its own part, and all others only if these let it pass."""
    if excused := excuse(assignment, mutant):
        return excused
    own = _own_parts(assignment, mutant)
    edition = edition_of(assignment, own)
    for parts in (own, None) if own else (None,):
        judged = records(
            assignment, mutant.variant, parts=parts, seed=seed, edition=edition, dtypes=dtypes, named=False
        )
        failed = failures(judged)
        if failed:
            return Trial(mutant, "caught", f"{failed[0].case}, {failed[0].quantity}")
    return Trial(mutant, "survived", "")


def _own_parts(assignment: Assignment, mutant: Mutant) -> set[str]:
    """The part of a mutant's function, or its class, or those of the functions that call it; none if none is known."""
    by_function = assignment.by_function
    own = [name for name in (mutant.function, mutant.function.partition(".")[0]) if name in by_function]
    parts = {by_function[function] for function in own[:1] or _callers(mutant) if function in by_function}
    if not parts and mutant.file == assignment.layout.support_file:
        parts = {assignment.import_part}
    return parts


def _callers(mutant: Mutant) -> list[str]:
    """The functions of a mutant's file that mention the mutant's function by its name."""
    return [
        function
        for function, node in functions(ast.parse(mutant.variant.files[mutant.file]))
        if any(isinstance(inner, ast.Name) and inner.id == mutant.function for inner in ast.walk(node))
    ]


def _difference(before: str, after: str) -> tuple[str, str]:
    """The first lines in which two sources differ."""
    one, other = before.split("\n"), after.split("\n")
    if len(one) != len(other):
        at = next(i for i, pair in enumerate(zip(one, [*other, ""], strict=False)) if pair[0] != pair[1])
        return one[at].strip(), "(dropped)" if len(other) < len(one) else other[at].strip()
    return next((a.strip(), b.strip()) for a, b in zip(one, other, strict=True) if a != b)


def _slips(whole: ast.stmt, function: ast.FunctionDef, defaults: Mapping[str, float | str]) -> Iterator[str]:
    """The source of a function, or of the class that it is a method of, with each slip in it."""
    for node, put in _inside(function):
        for change in changes(node, defaults):
            put(ast.fix_missing_locations(ast.Pass() if change is None else change))
            text = ast.unparse(whole)
            put(node)
            yield text


Put = Callable[[ast.AST], None]


def _inside(node: ast.AST) -> Iterator[tuple[ast.AST, Put]]:
    """The nodes of a function's body but prints, errors, types and texts, each with what puts another there."""
    fields = ["body"] if isinstance(node, ast.FunctionDef) else node._fields
    for name in fields:
        if name in ("annotation", "type_comment"):
            continue
        value = getattr(node, name, None)
        for number, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or isinstance(child, ast.Raise | ast.JoinedStr | ast.ExceptHandler):
                continue
            if isinstance(child, ast.Expr) and _printed(child.value):
                continue
            yield child, partial(value.__setitem__, number) if isinstance(value, list) else partial(setattr, node, name)
            yield from _inside(child)


def _printed(value: ast.expr) -> bool:
    called = value.func if isinstance(value, ast.Call) else None
    return isinstance(value, ast.Constant) or (isinstance(called, ast.Name) and called.id == "print")
