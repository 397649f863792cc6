"""Near misses: what is wrong in a part of what it gives alone has no right to the name of what is wrong in all of it.

They are made of the slips of any assignment: a function that does as with the slip in all elements but one, in half
of them, in some calls or in one round of a loop, and else as the solution does.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import takewhile

from parity_tests.proof.editions import edition_for, functions
from parity_tests.proof.judged_variants import SEPARATOR, Row, failures, names_in, records
from parity_tests.proof.mistakes import known_mistakes
from parity_tests.proof.mutants import Mutant, excuse, mutants
from parity_tests.proof.variants import Variant, changed, unchanged, with_mistake
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.mistake import Body, Mistake
from reports.model.records import Record

TRUE = "wrong only ", "right ", "NaN or infinite "
"""How names begin that only say where something is off: they may be true of both."""
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
    """A wrong variant, the part that is wrong in it, and the mistake or slip that it lies near."""

    variant: Variant
    part: str
    of: Mistake | Mutant


def near_misses(assignment: Assignment) -> list[NearMiss]:
    """Those of a few slips in each function of a part, and of the mistakes that several parts' function has."""
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
    for mistake in known_mistakes(assignment):
        if mistake.operation.partition(".")[0] in assignment.joint_checks and mistake.formula is not None:
            wrong = with_mistake(assignment, mistake)
            found += [NearMiss(one, mistake.part, mistake) for one in between(assignment, wrong, mistake.file)]
    return found


def called(assignment: Assignment, near: NearMiss, seed: int = 0, dtypes: Sequence[str] = DTYPES) -> Row:
    """What becomes of a near miss: what it lies near, which of a slip is checked as well, must be called otherwise."""
    edition = edition_for(assignment, near.variant)
    asked = [near.variant] if isinstance(near.of, Mistake) else [near.variant, near.of.variant]
    judged, *others = (records(assignment, one, seed=seed, edition=edition, dtypes=dtypes) for one in asked)
    told = [near.of.name] if isinstance(near.of, Mistake) else names_in(others[0])
    return of_records(near, judged, told)


def of_records(near: NearMiss, judged: Sequence[Record], told: Sequence[str]) -> Row:
    """What became of a near miss, by the records of a check of it, and the names of what it lies near."""
    names, sentence = names_in(judged), next((one.message for one in failures(judged)), "")
    false = {name for name in told if not name.startswith(TRUE)} & {*names}
    outcome = "false name" if false else "caught" if sentence else "survived"
    good = outcome == "caught"
    return Row("nearmisses", near.part, near.variant.name, outcome, good, SEPARATOR.join(names), sentence)


def between(assignment: Assignment, variant: Variant, file: str = "") -> Iterator[Variant]:
    """Those that lie between the solution and one in which a single function of this file is wrong."""
    file = file or assignment.layout.file
    both = unchanged(assignment).files[file], variant.files[file]
    right, wrong = (dict(functions(ast.parse(source))) for source in both)
    other = [name for name, node in right.items() if name not in wrong or ast.dump(node) != ast.dump(wrong[name])]
    if len(other) == 1 and other[0] in wrong and ast.dump(right[other[0]].args) == ast.dump(wrong[other[0]].args):
        for how, statements in _ways(right[other[0]], wrong[other[0]], ("__init__", *assignment.joint_checks)):
            yield changed(assignment, f"{variant.name}: {how}", [Body(other[0], statements)], file)


def _ways(right: ast.FunctionDef, wrong: ast.FunctionDef, whole: Collection[str]) -> Iterator[tuple[str, str]]:
    """The ways of lying between a right function and a wrong one, each with the statements of the function.

    Functions of the names in `whole` are asked too few inputs for some of them to show a mistake.
    """
    rounds = _in_one_round(right.body, wrong.body)
    if _returned(right) != _returned(wrong):
        return  # what returns nothing in half of its elements returns nothing
    if rounds:
        yield "in one round", ast.unparse(ast.Module(rounds, []))
    else:
        named = {which: ast.FunctionDef(which, node.args, node.body, [], lineno=0)
                 for which, node in (("right", right), ("wrong", wrong))}  # fmt: skip
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
        if isinstance(node, ast.Attribute) and node.attr == "random":
            return True
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            inner: ast.expr = node
            while isinstance(inner, ast.Attribute | ast.Subscript):
                inner = inner.value
            if isinstance(inner, ast.Name) and inner.id in given:
                return True
        changed = (
            node.target if isinstance(node, ast.AugAssign) else node.value if isinstance(node, ast.Return) else None
        )
        if isinstance(changed, ast.Name) and changed.id in given:
            return True
    return False


def _in_one_round(right: list[ast.stmt], wrong: list[ast.stmt], turn: str = "") -> list[ast.stmt]:
    """Statements that are the wrong ones where the outermost loop's variable is 1; none where no loop is wrong."""
    first = _alike(right, wrong)
    last = min(_alike(right[::-1], wrong[::-1]), len(right) - first, len(wrong) - first)
    own, other = right[first : len(right) - last], wrong[first : len(wrong) - last]
    between: list[ast.stmt] = []
    match own, other:
        case [ast.For() as one], [ast.For() as two] if _alike([_head(one)], [_head(two)]):
            target = one.target.id if isinstance(one.target, ast.Name) else ""
            if inner := _in_one_round(one.body, two.body, turn or target):
                between = [ast.For(one.target, one.iter, inner, one.orelse)]
        case [ast.If() as one], [ast.If() as two] if _alike([_head(one)], [_head(two)]):
            if inner := _in_one_round(one.body, two.body, turn):
                between = [ast.If(one.test, inner, one.orelse)]
        case [ast.If()], [ast.If()]:  # a mistake of when something is done is none of one round
            pass
        case _ if turn:
            is_1 = ast.Compare(ast.Name(turn, ast.Load()), [ast.Eq()], [ast.Constant(1)])
            between = [ast.If(is_1, other or [ast.Pass()], own)]
    whole = [*right[:first], *between, *right[len(right) - last :]] if between else []
    return [ast.fix_missing_locations(one) for one in whole]


def _alike(one: Sequence[ast.stmt], other: Sequence[ast.stmt]) -> int:
    """How many statements at the beginning are the same."""
    pairs = ((ast.dump(a), ast.dump(b)) for a, b in zip(one, other, strict=False))
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _head(statement: ast.For | ast.If) -> ast.stmt:
    """A compound statement without what it holds first."""
    head = copy(statement)
    head.body = []
    return head
