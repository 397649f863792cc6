"""Near misses: what is wrong in a part of what it gives alone has no right to the name of what is wrong in all of it.

They are made of the slips of any assignment: a function that does as with the slip in all elements but one, in half
of them or in some calls, and else as the solution does.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from parity_tests.harness.diagnosis import crashes
from parity_tests.proof.editions import edition_for
from parity_tests.proof.judged_variants import SEPARATOR, Row, failures, names_in, records
from parity_tests.proof.mutants import Mutant, excuse, mutants
from parity_tests.proof.variants import Variant, changed, dumped, functions, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.mistake import Body
from reports.model.records import Record

TRUE = "wrong only ", "right ", "NaN or infinite "
"""How names begin that only say where something is off: they may be true of both, as those of a crash are."""
OF_EACH = 6
"""So many slips of a function have near misses."""
SOME = """calls = globals()["_calls"] = globals().get("_calls", 0) + 1
return {wrong} if calls % 4 == 3 else {right}"""
ELEMENTS = """def blended(wrong, right):
    if isinstance(right, tuple):
        return tuple(map(blended, wrong, right))
    if isinstance(right, dict):
        return {{key: blended(wrong[key], value) for key, value in right.items()}}
    if not np.issubdtype(np.asarray(wrong).dtype, np.floating):
        return wrong
    if not np.size(wrong):
        return 0 * right
    mixed, right = np.array(wrong), np.asarray(right) if np.shape(right) == np.shape(wrong) else np.add(wrong, 1)
    mixed.flat[{kept}] = right.flat[{kept}]
    return mixed if mixed.size > 1 else (wrong + right) / 2
return blended({wrong}, {right})"""
WHICH = {
    "in all elements but one": "np.abs(mixed - right).argmax()",
    "in half of the elements": "right.size // 2 :",
}
"""Which elements are right."""


@dataclass(frozen=True)
class NearMiss:
    """A wrong variant, the part that is wrong in it, and the slip that it lies near."""

    variant: Variant
    part: str
    of: Mutant


def near_misses(assignment: Assignment) -> list[NearMiss]:
    """Those of a few slips in each function of a part."""
    found = []
    by_function: dict[str, list[Mutant]] = {}
    for slip in mutants(assignment):
        if slip.function in assignment.by_function and not excuse(assignment, slip):
            by_function.setdefault(slip.function, []).append(slip)
    for name, slips in by_function.items():
        if name not in assignment.joint_checks:
            for slip in slips[:: -(-len(slips) // OF_EACH)]:
                part = assignment.by_function[name]
                found += [NearMiss(one, part, slip) for one in between(assignment, slip.variant, slip.file)]
    return found


def called(assignment: Assignment, near: NearMiss, seed: int = 0, dtypes: Sequence[str] = DTYPES) -> Row:
    """What becomes of a near miss: the slip that it lies near, which is checked as well, must be called otherwise."""
    edition = edition_for(assignment, near.variant)
    judged, others = (
        records(assignment, one, seed=seed, edition=edition, dtypes=dtypes) for one in (near.variant, near.of.variant)
    )
    if not failures(others):
        return Row("nearmisses", near.part, near.variant.name, "not asked", True, "no case tells what it lies near")
    return of_records(near, judged, names_in(others))


def of_records(near: NearMiss, judged: Sequence[Record], told: Sequence[str]) -> Row:
    """What became of a near miss, by the records of a check of it, and the names of what it lies near."""
    names, sentence = names_in(judged), next((one.message for one in failures(judged)), "")
    false = {name for name in told if not name.startswith(TRUE)} & {*names} - {*crashes.HINTS}
    outcome = "false name" if false else "caught" if sentence else "survived"
    good = outcome == "caught"
    return Row("nearmisses", near.part, near.variant.name, outcome, good, SEPARATOR.join(names), sentence)


def between(assignment: Assignment, variant: Variant, file: str = "") -> Iterator[Variant]:
    """Those that lie between the solution and one in which a single function of this file is wrong."""
    file = file or assignment.layout.file
    both = unchanged(assignment).files[file], variant.files[file]
    (right, wrong), texts = map(functions, both), dumped(both[1])
    other = [name for name, text in dumped(both[0]).items() if text != texts.get(name)]
    if len(other) == 1 and other[0] in wrong and ast.dump(right[other[0]].args) == ast.dump(wrong[other[0]].args):
        for how, statements in _ways(right[other[0]], wrong[other[0]], ("__init__", *assignment.joint_checks)):
            yield changed(assignment, f"{variant.name}: {how}", [Body(other[0], statements)], file)


def _ways(right: ast.FunctionDef, wrong: ast.FunctionDef, whole: Collection[str]) -> Iterator[tuple[str, str]]:
    """The ways of lying between a right function and a wrong one, each with the statements of the function.

    Functions of the names in `whole` are asked too few inputs for some of them to show a mistake.
    """
    if _returned(right) != _returned(wrong):
        return  # what returns nothing in half of its elements returns nothing
    named = {
        which: ast.FunctionDef(which, node.args, node.body, [], lineno=0)
        for which, node in (("right", right), ("wrong", wrong))
    }
    given = ", ".join(one.arg for one in right.args.args)
    both = "\n".join(map(ast.unparse, named.values()))
    calls = {which: f"{which}({given})" for which in named}
    if not any(_keeps(one) for one in named.values()):
        for how, kept in WHICH.items():
            yield how, f"{both}\n{ELEMENTS.format(kept=kept, **calls)}"
    elif right.name not in whole:
        yield "in some calls", f"{both}\n{SOME.format(**calls)}"


def _returned(function: ast.FunctionDef) -> set[str]:
    """Which kinds of things a function returns: values, several, or none."""
    values = [ast.dump(node.value or ast.Constant(None)) for node in ast.walk(function) if isinstance(node, ast.Return)]
    return {"several" if one.startswith("Tuple") else "none" if one == "Constant(value=None)" else "" for one in values}


def _keeps(function: ast.FunctionDef) -> bool:
    """Whether a function draws numbers, or changes or returns what it is given, so that it cannot be called twice."""
    given = {one.arg for one in function.args.args}
    for node in ast.walk(function):
        at: ast.AST | None = node.target if isinstance(node, ast.AugAssign) else None
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Name):
            at = node.value
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            at = node
        while isinstance(at, ast.Attribute | ast.Subscript):
            at = at.value
        is_drawn = isinstance(node, ast.Attribute) and node.attr == "random"
        if is_drawn or (isinstance(at, ast.Name) and at.id in given):
            return True
    return False
