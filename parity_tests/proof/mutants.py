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

from parity_tests.operators.change import Change, Edit
from parity_tests.operators.changes import changes_of
from parity_tests.operators.expressions import Found, Place
from parity_tests.operators.scope import is_own
from parity_tests.operators.source import Source
from parity_tests.proof.editions import attributes, edition_of
from parity_tests.proof.judged_variants import Row, first_failure, records
from parity_tests.proof.measured import measured
from parity_tests.proof.variants import Variant, functions, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.layout import file_of
from reports.model.notes import UNGRADED
from reports.model.records import Record

MODULE = "_kept"
SLIPS = {
    "operation": 2, "left out": 3, "exchanged": 2, "comparison": 1, "number": 2, "sign": 1, "condition": 2,
    "transpose": 1, "function": 1, "keepdims": 2, "slice": 3, "assignment": 1, "statement": 4,
    "setting": 2, "kept": 0,
}  # fmt: skip
"""The operators that make slips, with the last rank of each; other names in a name's place are known mistakes."""
SEEDS = range(4)
"""The exams in which is measured what no case tells: they differ in sizes, settings and numbers."""
MOST = 2
"""So many slips of an operator are made at one place."""
TRIVIAL = re.compile(r"raise |print\(|\w+(: .*)? = .* → (pass$|\w+ [+*/-]=)")
"""Lines that only tell something; and names that are never set, which any call tells."""


@dataclass(frozen=True)
class Mutant:
    """One slip: the file and function that it is in, and the first line that differs, as it was and as it is.

    `edits` are what is changed in the text of the file; none where what an object keeps is moved.
    """

    file: str
    function: str
    before: str
    after: str
    edits: Sequence[Edit]
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
        slips = _slips(source, proof.defaults, assignment.joint_checks)
        for function, difference, edits, changed in (*slips, *_moved_state(source.tree)):
            before, after = difference
            if function not in proof.not_asked and before != after and not TRIVIAL.match(f"{before} → {after}"):
                variant = Variant(f"{function}: {before}  →  {after}", {**solution, file: changed})
                found.setdefault((file, variant.name), Mutant(file, function, before, after, edits, variant))
    return list(found.values())


Slip = tuple[str, tuple[str, str], Sequence[Edit], str]
"""The changed function, the first line that differs, as it was and as it is, the edits, and the file with them."""


def _slips(source: Source, defaults: Mapping[str, float | str], joint_checks: Collection[str]) -> Iterator[Slip]:
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
        for change in (*changes_of(source, [function], (settings,)), *_kept_values(source, function, joint_checks)):
            place = change.operator, *change.edits[0][:2]
            if change.rank <= SLIPS.get(change.operator, -1) and at_place[place] < MOST:
                at_place[place] += 1
                with suppress(SyntaxError):
                    difference = _difference(original, _plain(source.definition(function, change.edits)))
                    yield function, difference, change.edits, change.applied(source)


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
                    difference = _difference(*map(ast.unparse, (node, moved)))
                    yield f"{node.name}.{method}", difference, (), ast.unparse(changed)


def _kept_values(source: Source, function: str, names: Collection[str]) -> Iterator[Change]:
    """Each value that a function of these names begins with, once made and then the same in every further call."""
    for line in source.functions[function].body if function in names else ():
        if isinstance(line, ast.Assign | ast.AnnAssign) and line.value and not isinstance(line.value, ast.Constant):
            key = ast.unparse(line).partition(" =")[0]
            kept = f"globals().setdefault('{MODULE}', {{}}).setdefault({key!r}, {source.of(line.value)})"
            yield Change("kept", 0, line.lineno, ((*source.span(line.value), kept),), "", "")


def _moved(node: ast.ClassDef, attribute: str, owner: str) -> ast.ClassDef:
    moved = copy.deepcopy(node)
    for inner in ast.walk(moved):
        if is_own(inner) and inner.attr == attribute:
            inner.value = ast.Name(owner, ast.Load())
    return ast.fix_missing_locations(moved)


def excuse(assignment: Assignment, mutant: Mutant) -> Row | None:
    """Why no case need tell a mutant: it is equivalent, or not asked for; None where one must."""
    proof, slip = assignment.proof(), (mutant.function, mutant.before, mutant.after)
    for outcome, reason in (("equivalent", proof.equivalent(*slip)), ("not asked", proof.unasked(*slip))):
        if reason:
            return Row("slips", "", mutant.name, outcome, True, reason)
    return None


def trial(assignment: Assignment, mutant: Mutant, seed: int = 0, dtypes: Sequence[str] = DTYPES) -> Row:
    """Asks a mutant the cases of its own part, and all others only if these let it pass."""
    if excused := excuse(assignment, mutant):
        return excused
    own = _own_parts(assignment, mutant)
    edition = edition_of(assignment, own)
    if found := first_failure(assignment, mutant.variant, own, edition, seed, dtypes):
        return Row("slips", "", mutant.name, "caught", True, found)

    def failing(text: str, parts: Collection[str] | None, verdicts: Collection[str]) -> frozenset[str]:
        """The parts of which one of the verdicts is given in the first exam in which any is, with such a file."""
        variant = Variant("watched", {**files, mutant.file: text})
        for exam in SEEDS:
            judged = records(assignment, variant, parts=parts, seed=exam, edition=edition, dtypes=dtypes, named=False)
            if told := frozenset(one.part for one in judged if _is_told(one, verdicts)):
                return told
        return frozenset()

    files, parts = unchanged(assignment).files, frozenset(own) or None
    texts = files[mutant.file], mutant.variant.files[mutant.file]
    outcome, reason = measured(*texts, mutant.function, mutant.edits, parts, failing) or ("survived", "")
    return Row("slips", "", mutant.name, outcome, bool(reason), reason)


def _is_told(record: Record, verdicts: Collection[str]) -> bool:
    return record.verdict in verdicts or any(note.kind in UNGRADED for note in record.notes)


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
