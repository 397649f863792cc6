"""Single slips: small changes of a solution's source by the operators, one at a time; and what objects keep, moved.

Docstrings, messages, types and the command line are left alone.
"""

from __future__ import annotations

import ast
import copy
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from parity_tests.operators.changes import changes_of
from parity_tests.operators.expressions import Found, Place
from parity_tests.operators.scope import is_own
from parity_tests.operators.source import Source
from parity_tests.proof.alike import alike
from parity_tests.proof.editions import attributes, edition_of
from parity_tests.proof.judged_variants import Row, first_failure
from parity_tests.proof.variants import Variant, functions, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.layout import file_of

MODULE = "_kept"
SLIPS = {
    "operation": 2, "left out": 3, "exchanged": 2, "comparison": 1, "number": 2, "sign": 1, "condition": 2,
    "transpose": 1, "function": 1, "keepdims": 2, "slice": 3, "assignment": 1, "statement": 4,
    "setting": 2,
}  # fmt: skip
"""The operators that make slips, with the last rank of each; other names in a name's place are known mistakes."""
MOST = 2
"""So many slips of an operator are made at one place."""
TRIVIAL = re.compile(r"raise |print\(|\w+(: .*)? = .* → (pass$|\w+ [+*/-]=)")
"""Lines that only tell something; and names that are never set, which any call tells."""


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


def mutants(assignment: Assignment) -> list[Mutant]:
    """The slips of the solution's files, in their order, each changed line once; of none that a notebook is lent."""
    solution, proof, layout = unchanged(assignment).files, assignment.proof(), assignment.layout
    found: dict[tuple[str, str], Mutant] = {}
    for file, text in solution.items():
        if layout.notebook and file != file_of(layout.module):
            continue
        source = Source(text)
        kept = _kept_values(source.tree, assignment.joint_checks)
        for function, difference, changed in (*_slips(source, proof.defaults), *_moved_state(source.tree), *kept):
            before, after = difference
            if function not in proof.not_asked and before != after and not TRIVIAL.match(f"{before} → {after}"):
                variant = Variant(f"{function}: {before}  →  {after}", {**solution, file: changed})
                found.setdefault((file, variant.name), Mutant(file, function, before, after, variant))
    return list(found.values())


Slip = tuple[str, tuple[str, str], str]
"""The function that is changed, the first line that differs, as it was and as it is, and the file with the change."""


def _slips(source: Source, defaults: Mapping[str, float | str]) -> Iterator[Slip]:
    def settings(place: Place) -> Found:
        """The usual value of a setting in its place, or what is used where it is not given."""
        usual = repr(defaults[name]) if (name := _given(place.site.node)) in defaults else ""
        match place.site.node:
            case ast.Call(ast.Attribute(attr="get"), [_, default]):
                usual = place.text(default)
        if usual:
            yield place.change("setting", 2, usual, "", "", operation=False)

    for function in source.functions:
        original = _plain(source.definition(function))
        at_place = Counter[tuple[str, int, int]]()
        for change in changes_of(source, [function], (settings,)):
            place = change.operator, *change.edits[0][:2]
            if change.rank <= SLIPS.get(change.operator, -1) and at_place[place] < MOST:
                at_place[place] += 1
                with suppress(SyntaxError):
                    difference = _difference(original, _plain(source.definition(function, change.edits)))
                    yield function, difference, change.applied(source)


def _given(node: ast.AST) -> str:
    """What the solution calls something that it is given, where a node reads it."""
    match node:
        case ast.Subscript(slice=ast.Constant(value=str() as name)):
            return name
        case ast.Attribute(attr=name) if is_own(node):
            return name
        case ast.Name(id=name):
            return name
    return ""


def _plain(text: str) -> str:
    return ast.unparse(ast.parse(text))


def _moved_state(tree: ast.Module) -> Iterator[Slip]:
    """Each attribute of each class as one of the class or of the module, for the method that sets it first."""
    for number, node in enumerate(tree.body):
        if isinstance(node, ast.ClassDef):
            for attribute, method in attributes(node).items():
                for owner in (node.name, MODULE):
                    moved = _moved(node, attribute, owner)
                    kept = [] if owner == node.name else ast.parse(f'{MODULE} = type("Kept", (), {{}})()').body
                    changed = ast.Module([*tree.body[:number], *kept, moved, *tree.body[number + 1 :]], [])
                    yield f"{node.name}.{method}", _difference(*map(ast.unparse, (node, moved))), ast.unparse(changed)


def _kept_values(tree: ast.Module, names: Collection[str]) -> Iterator[Slip]:
    """Each value that functions of these names begin with, once made and then the same in every further call."""
    for number, node in enumerate(tree.body):
        for at, line in enumerate(node.body if isinstance(node, ast.FunctionDef) and node.name in names else ()):
            if isinstance(line, ast.Assign | ast.AnnAssign) and line.value and not isinstance(line.value, ast.Constant):
                kept, key = copy.deepcopy(tree), ast.unparse(line).partition(" =")[0]
                value = f"globals().setdefault('{MODULE}', {{}}).setdefault({key!r}, {ast.unparse(line.value)})"
                changed: Any = kept.body[number]
                changed.body[at].value = ast.parse(value, mode="eval").body
                yield changed.name, _difference(*map(ast.unparse, (node, changed))), ast.unparse(kept)


def _moved(node: ast.ClassDef, attribute: str, owner: str) -> ast.ClassDef:
    moved = copy.deepcopy(node)
    for inner in ast.walk(moved):
        if is_own(inner) and inner.attr == attribute:
            inner.value = ast.Name(owner, ast.Load())
    return ast.fix_missing_locations(moved)


def excuse(assignment: Assignment, mutant: Mutant) -> Row | None:
    """Why no case need tell a mutant: it is equivalent, or not asked for; None where one must."""
    proof, slip = assignment.proof(), (mutant.function, mutant.before, mutant.after)
    same = "the same, written in another way" if alike(mutant.before, mutant.after) else proof.equivalent(*slip)
    for outcome, reason in (("equivalent", same), ("not asked", proof.unasked(*slip))):
        if reason:
            return Row("slips", "", mutant.name, outcome, True, reason)
    return None


def trial(assignment: Assignment, mutant: Mutant, seed: int = 0, dtypes: Sequence[str] = DTYPES) -> Row:
    """Asks a mutant the cases of its own part, and all others only if these let it pass."""
    if excused := excuse(assignment, mutant):
        return excused
    own = _own_parts(assignment, mutant)
    found = first_failure(assignment, mutant.variant, own, edition_of(assignment, own), seed, dtypes)
    return Row("slips", "", mutant.name, "caught" if found else "survived", bool(found), found)


def _own_parts(assignment: Assignment, mutant: Mutant) -> set[str]:
    """The part of a mutant's function, or its class, or those of the functions that call it; none if none is known."""
    by_function = assignment.by_function

    def parts_of(function: str) -> set[str]:
        owner = function.partition(".")[0]
        own = [name for name in (function, owner) if name in by_function]
        methods = [name for name in by_function if name.startswith(f"{owner}.")] if "." in function else []
        return {by_function[name] for name in own[:1] or methods}

    parts = parts_of(mutant.function) or {part for caller in _callers(mutant) for part in parts_of(caller)}
    if not parts and mutant.file == assignment.layout.support_file:
        parts = {assignment.import_part}
    return parts


def _callers(mutant: Mutant) -> list[str]:
    """The functions of a mutant's file that mention the mutant's function, or its class, by its name."""
    names = (mutant.function, mutant.function.partition(".")[0])
    return [
        function
        for function, node in functions(mutant.variant.files[mutant.file]).items()
        if any(isinstance(inner, ast.Name) and inner.id in names for inner in ast.walk(node))
    ]


def _difference(before: str, after: str) -> tuple[str, str]:
    """The first lines in which two sources differ, "" where they are the same."""
    one, other = before.split("\n"), after.split("\n")
    if len(one) != len(other):
        at = next(i for i, pair in enumerate(zip(one, [*other, ""], strict=False)) if pair[0] != pair[1])
        return one[at].strip(), "(dropped)" if len(other) < len(one) else other[at].strip()
    return next(((a.strip(), b.strip()) for a, b in zip(one, other, strict=True) if a != b), ("", ""))
