"""Single slips: every small change of a solution's source that Python still compiles, one at a time.

Made with the standard `ast`: the mutation tools that are maintained run a project's tests in its own folder, where
here a variant must be put to questions. Docstrings, messages, types and the command line are left alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

from parity_tests.proof.cases import all_cases, cases_apart, checks_of, others
from parity_tests.proof.judged_variants import first_failure
from parity_tests.proof.variants import Variant, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case

BINARY: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
}
COMPARE: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
NAMES = {"maximum": "minimum", "max": "min", "argmax": "argmin", "zeros_like": "ones_like", "ones_like": "zeros_like",
         "sum": "mean", "mean": "sum", "exp": "log", "tanh": "sin"}  # fmt: skip


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
    """What became of a mutant: "caught" (and by which case), "equivalent" (and for which reason) or "survived"."""

    mutant: Mutant
    outcome: str
    detail: str


def mutants(assignment: Assignment) -> list[Mutant]:
    """Every single slip of the solution's files, in their order, each source once."""
    solution = unchanged(assignment)
    not_asked = assignment.proof().not_asked
    by_source: dict[str, Mutant] = {}
    for file, source in solution.files.items():
        tree = ast.parse(source)
        original = ast.unparse(tree)
        for function, node in _functions(tree):
            if function in not_asked:
                continue
            for text in _slips(tree, node):
                if text == original or text in by_source:
                    continue
                before, after = _difference(original, text)
                variant = Variant(f"{function}: {before}  →  {after}", {**solution.files, file: text})
                by_source[text] = Mutant(file, function, before, after, variant)
    return list(by_source.values())


def trial(assignment: Assignment, mutant: Mutant) -> Trial:
    """Asks a mutant the cases of its own part, and all others only if these let it pass."""
    reason = assignment.proof().equivalent(mutant.function, mutant.before, mutant.after)
    if reason:
        return Trial(mutant, "equivalent", reason)
    own = _own_cases(assignment, mutant)
    for cases in (own, others(assignment, own)):
        # A failure of a lenient case costs a note only.
        failure = first_failure(assignment, mutant.variant, [case for case in cases if not case.lenient])
        if failure:
            return Trial(mutant, "caught", failure)
    return Trial(mutant, "survived", "")


def _own_cases(assignment: Assignment, mutant: Mutant) -> list[Case]:
    """The cases of the part that a mutant's function is of, or of those that call it; all cases where none is known."""
    by_function = assignment.by_function
    functions = [mutant.function] if mutant.function in by_function else _callers(mutant)
    parts = {by_function[function] for function in functions if function in by_function}
    if not parts and mutant.file == assignment.layout.support_file:
        parts = {assignment.import_part}
    if not parts:
        return all_cases(assignment)
    return cases_apart(assignment, frozenset().union(*(checks_of(assignment, part) for part in parts)))


def _callers(mutant: Mutant) -> list[str]:
    """The functions of a mutant's file that mention the mutant's function by its name."""
    return [
        function
        for function, node in _functions(ast.parse(mutant.variant.files[mutant.file]))
        if any(isinstance(inner, ast.Name) and inner.id == mutant.function for inner in ast.walk(node))
    ]


def _difference(before: str, after: str) -> tuple[str, str]:
    """The first lines in which two sources differ."""
    one, other = before.split("\n"), after.split("\n")
    if len(one) != len(other):
        at = next(i for i, pair in enumerate(zip(one, [*other, ""], strict=False)) if pair[0] != pair[1])
        return one[at].strip(), "(dropped)" if len(other) < len(one) else other[at].strip()
    return next((a.strip(), b.strip()) for a, b in zip(one, other, strict=True) if a != b)


def _slips(tree: ast.Module, function: ast.FunctionDef) -> Iterator[str]:
    """The source of the whole file with each slip in this function."""
    for node in _inside(function):
        for change in _changes(node):
            yield ast.unparse(_changed(tree, node, change))


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's body, without prints, raised errors, types and texts."""
    fields = ["body"] if isinstance(node, ast.FunctionDef) else node._fields
    for name in fields:
        if name in ("annotation", "type_comment"):
            continue
        value = getattr(node, name, None)
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Raise | ast.JoinedStr | ast.ExceptHandler):
                continue
            if isinstance(child, ast.Expr) and _printed(child.value):
                continue
            yield child
            yield from _inside(child)


def _printed(value: ast.expr) -> bool:
    called = value.func if isinstance(value, ast.Call) else None
    return isinstance(value, ast.Constant) or (isinstance(called, ast.Name) and called.id == "print")


def _changes(node: ast.AST) -> Iterator[ast.AST | None]:
    """What may stand in a node's place; None: it is dropped."""
    match node:
        case ast.BinOp(op=ast.MatMult()):
            yield _with(node, left=node.right, right=node.left)
        case ast.BinOp():
            for operator in BINARY.get(type(node.op), ()):
                yield _with(node, op=operator())
            yield node.left
            yield node.right
            if isinstance(node.op, ast.Sub | ast.Div):
                yield _with(node, left=node.right, right=node.left)
        case ast.AugAssign():
            for operator in BINARY.get(type(node.op), ()):
                yield _with(node, op=operator())
            yield ast.Assign(targets=[node.target], value=node.value)
            yield None
        case ast.UnaryOp():
            yield node.operand
        case ast.BoolOp():
            yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
            yield from node.values
        case ast.Compare(ops=[operator]):
            for other in COMPARE.get(type(operator), ()):
                yield _with(node, ops=[other()])
        case ast.IfExp() | ast.If():
            yield _with(node, test=ast.Constant(True))
            yield _with(node, test=ast.Constant(False))
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float() as number):
            yield ast.Constant(number + 1)
            if number:
                yield ast.Constant(-number)
        case ast.Call(args=[_, _, *_]):
            yield from _exchanged(node)
            yield from _renamed(node)
        case ast.Call():
            yield from _renamed(node)
            if node.keywords and all(word.arg for word in node.keywords):
                yield _with(node, keywords=node.keywords[:-1])
        case ast.Attribute(attr="T"):
            yield node.value
        case ast.Expr():
            yield None
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield None
        case ast.Return(value=ast.AST()):
            yield ast.Return(None)
        case ast.Continue():
            yield ast.Pass()


def _exchanged(node: ast.Call) -> Iterator[ast.AST]:
    for i in range(len(node.args) - 1):
        args = list(node.args)
        args[i], args[i + 1] = args[i + 1], args[i]
        yield _with(node, args=args)


def _renamed(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Attribute) and node.func.attr in NAMES:
        yield _with(node, func=ast.Attribute(node.func.value, NAMES[node.func.attr], ast.Load()))


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


class _Replacer(ast.NodeTransformer):
    def __init__(self, place: tuple[int, int, int, int, str], change: ast.AST | None) -> None:
        self.place, self.change = place, change

    def visit(self, node: ast.AST) -> ast.AST | None:
        if _place(node) == self.place:
            return ast.Pass() if self.change is None else self.change
        return super().generic_visit(node)


def _place(node: ast.AST) -> tuple[int, int, int, int, str]:
    return (
        getattr(node, "lineno", -1),
        getattr(node, "col_offset", -1),
        getattr(node, "end_lineno", -1),
        getattr(node, "end_col_offset", -1),
        type(node).__name__,
    )


def _changed(tree: ast.Module, node: ast.AST, change: ast.AST | None) -> ast.Module:
    changed = _Replacer(_place(node), copy.deepcopy(change)).visit(copy.deepcopy(tree))
    assert isinstance(changed, ast.Module)
    return ast.fix_missing_locations(changed)
