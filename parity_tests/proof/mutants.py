"""Single slips: every small change of the shipped network's source that Python still compiles, one at a time.

Made with the standard `ast`: the mutation tools that are maintained run a project's tests in its own folder, where
here a variant must be put to questions. Docstrings, messages, types and the command line are left alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from parity_tests.assignments.mlp.parts import FUNCTIONS
from parity_tests.assignments.mlp.proof.equivalent import reason
from parity_tests.proof.judged_variants import records, with_own_parts
from parity_tests.proof.mistakes import CHECKS
from parity_tests.proof.variants import Variant, shipped
from reports.model.records import FAILING

LEFT_ALONE = ("read_command_line", "<module>", "_as_arrays")
"""Functions that no case looks at: the command line, and how a damaged data file is told."""
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
    """One slip: in which file and function, the line as it was and as it is."""

    file: str
    function: str
    line: int
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.function}: {self.before}  →  {self.after}"

    def variant(self) -> Variant:
        files = shipped().files()
        files[f"{self.file}.py"] = self.source
        return Variant(self.name, *files.values())


@dataclass(frozen=True)
class Trial:
    """What became of a mutant: "caught", "equivalent" (with a reason) or "survived"; by which case it was caught."""

    mutant: Mutant
    outcome: str
    detail: str


@cache
def mutants() -> list[Mutant]:
    """Every single slip of both files, in their order, each source once."""
    found: dict[str, Mutant] = {}
    for file, source in (("neural_networks", shipped().neural_networks), ("utils", shipped().utils)):
        original = ast.unparse(ast.parse(source))
        for function, line, tree in _slips(source):
            text = ast.unparse(tree)
            if text == original or text in found:
                continue
            before, after = _difference(original, text)
            found[text] = Mutant(file, function, line, before, after, text)
    return list(found.values())


def trial(mutant: Mutant) -> Trial:
    """Ask a mutant its own part's cases, and all others only if these let it pass."""
    why = reason(mutant.function, mutant.before, mutant.after)
    if why:
        return Trial(mutant, "equivalent", why)
    own = _checks(mutant)
    stages = (
        lambda case: case.check in own and not with_own_parts(case) and case.params.get("config", "relu") == "relu",
        lambda case: case.check in own and case.params.get("config") == "tanh" and not with_own_parts(case),
        lambda case: case.check not in own or with_own_parts(case),
    )
    for stage in stages:
        for record in records(mutant.variant(), stage, names=False):
            if record.verdict in FAILING:
                return Trial(mutant, "caught", f"{record.case}, {record.quantity}")
    return Trial(mutant, "survived", "")


def _checks(mutant: Mutant) -> tuple[str, ...]:
    part = "10" if mutant.function in ("main", "evaluate") else FUNCTIONS.get(mutant.function, "utils")
    return CHECKS[part] if part != "utils" else ("loss", "utils")


def _difference(before: str, after: str) -> tuple[str, str]:
    """The first lines in which two sources differ."""
    one, other = before.split("\n"), after.split("\n")
    if len(one) != len(other):
        at = next(i for i, pair in enumerate(zip(one, [*other, ""], strict=False)) if pair[0] != pair[1])
        return one[at].strip(), "(dropped)" if len(other) < len(one) else other[at].strip()
    return next((a.strip(), b.strip()) for a, b in zip(one, other, strict=True) if a != b)


def _slips(source: str) -> Iterator[tuple[str, int, ast.Module]]:
    """(function, line, the whole changed tree) of each slip."""
    tree = ast.parse(source)
    for function, node in _functions(tree):
        if function in LEFT_ALONE:
            continue
        for child in _inside(node):
            line = getattr(child, "lineno", 0)
            for change in _changes(child):
                yield function, line, _changed(tree, child, change)


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
