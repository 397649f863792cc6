"""Correct variants of any solution: forms in which the same is written otherwise, everywhere in it at once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import TypeGuard

from parity_tests.proof.editions import attributes
from parity_tests.proof.variants import Variant, rewritten, unchanged
from parity_tests.protocol.assignment import Assignment

Rule = Callable[[ast.AST], ast.AST | list[ast.stmt] | None]
"""What is as right in the place of a node; None where it stays."""
REDUCTIONS = ("sum", "mean", "max", "var", "argmax", "prod")
HELPERS = ast.parse("""
import functools
import numpy as np

def _counted(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.count = getattr(wrapper, "count", 0) + 1
        return function(*args, **kwargs)
    return wrapper

def _fresh(value):
    if isinstance(value, tuple):
        return tuple(map(_fresh, value))
    return np.asfortranarray(value) if isinstance(value, np.ndarray) and value.ndim else value
""").body


def correct_variants(assignment: Assignment) -> Iterator[Variant]:
    """The solution itself, it in other forms, and those that the assignment brings."""
    solution = unchanged(assignment)
    yield solution
    plain = {file: _everywhere(source, lambda node: None) for file, source in solution.files.items()}
    for name, rule in FORMS.items():
        files = {file: _everywhere(source, rule) for file, source in solution.files.items()}
        if files != plain:
            yield Variant(name, files)
    yield from (rewritten(assignment, form) for form in assignment.proof().honest)


def _everywhere(source: str, rule: Rule) -> str:
    tree = ast.parse(source)
    _Everywhere(rule).generic_visit(tree)
    made = [at for at, node in enumerate(tree.body) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if made:
        tree.body[made[0] : made[0]] = HELPERS
    return ast.unparse(ast.fix_missing_locations(tree))


class _Everywhere(ast.NodeTransformer):
    """Puts what a rule gives in the place of every node, the innermost first, but in texts and types."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.arg):
            return node
        types = [(name, getattr(node, name, None)) for name in ("annotation", "returns")]
        self.generic_visit(node)
        for name, kept in types:
            if kept is not None:
                setattr(node, name, kept)
        return self.rule(node) or node


# ---- expressions


def _called(name: str, *args: ast.expr, keywords: list[ast.keyword] | None = None) -> ast.Call:
    return ast.Call(ast.parse(name, mode="eval").body, list(args), keywords or [])


def _products(node: ast.AST) -> ast.AST | None:
    return _called("np.matmul", node.left, node.right) if _is(node, ast.MatMult) else None


def _is(node: ast.AST, *operators: type[ast.operator]) -> TypeGuard[ast.BinOp]:
    return isinstance(node, ast.BinOp) and isinstance(node.op, operators)


def _turned(node: ast.AST) -> ast.AST | None:
    """Sums and products with their operands exchanged; no texts or lists are joined."""
    if not _is(node, ast.Add, ast.Mult) or any(
        isinstance(one, ast.Tuple | ast.List | ast.Constant) for one in (node.left, node.right)
    ):
        return None
    return ast.BinOp(node.right, node.op, node.left)


def _negatives(node: ast.AST) -> ast.AST | None:
    return ast.UnaryOp(ast.USub(), ast.BinOp(node.right, ast.Sub(), node.left)) if _is(node, ast.Sub) else None


def _reciprocals(node: ast.AST) -> ast.AST | None:
    if not _is(node, ast.Div):
        return None
    return ast.BinOp(node.left, ast.Mult(), ast.BinOp(ast.Constant(1.0), ast.Div(), node.right))


def _squares(node: ast.AST) -> ast.AST | None:
    if _is(node, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value == 2:
        return _called("np.square", node.left)
    return None


def _functions(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.Call(ast.Attribute(value, str(word)), args, keywords) if word in REDUCTIONS:
            is_numpy = isinstance(value, ast.Name) and value.id == "np"
            return None if is_numpy else _called(f"np.{word}", value, *args, keywords=keywords)
    return None


def _choices(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.Call(ast.Attribute(ast.Name("np"), "maximum"), [one, other], []):
            is_less = ast.Compare(deepcopy(one), [ast.Lt()], [deepcopy(other)])
            return _called("np.where", is_less, other, one)
    return None


def _turned_conditions(node: ast.AST) -> ast.AST | None:
    if isinstance(node, ast.If) and node.orelse:
        return ast.If(ast.UnaryOp(ast.Not(), node.test), node.orelse, node.body)
    if isinstance(node, ast.IfExp):
        return ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.orelse, node.body)
    return None


# ---- functions and classes


def _fresh_results(node: ast.AST) -> ast.AST | None:
    return ast.Return(_called("_fresh", node.value)) if isinstance(node, ast.Return) and node.value else None


def _copied_inputs(node: ast.AST) -> ast.AST | None:
    """Each function works on copies of the arrays that it is given."""
    if not isinstance(node, ast.FunctionDef):
        return None
    lines = (f"{a.arg} = {a.arg}.copy() if isinstance({a.arg}, np.ndarray) else {a.arg}" for a in node.args.args)
    node.body[:0] = ast.parse("\n".join(lines)).body
    return node


def _counted(node: ast.AST) -> ast.AST | None:
    if isinstance(node, ast.FunctionDef) and node.name != "__init__" and not node.decorator_list:
        node.decorator_list = [ast.Name("_counted", ast.Load())]
    return None


def _slotted(node: ast.AST) -> ast.AST | None:
    """A class whose objects have room for what its methods set, and for nothing else."""
    if isinstance(node, ast.ClassDef) and not node.bases:
        node.body.insert(0, ast.parse(f"__slots__ = {tuple(attributes(node))!r}").body[0])
    return None


def _made_by(text: str) -> Rule:
    """Each class under another name, and what makes its objects under its own."""

    def rule(node: ast.AST) -> list[ast.stmt] | None:
        if not isinstance(node, ast.ClassDef):
            return None
        own, node.name = node.name, f"{node.name}_"
        return [node, *ast.parse(text.format(own)).body]

    return rule


FORMS: Mapping[str, Rule] = {
    "products by np.matmul": _products,
    "sums and products turned round": _turned,
    "differences as negatives of the other one": _negatives,
    "quotients as products with reciprocals": _reciprocals,
    "squares by np.square": _squares,
    "reductions as functions": _functions,
    "the larger of two by np.where": _choices,
    "conditions turned round": _turned_conditions,
    "results in Fortran's order": _fresh_results,
    "on copies of what is given": _copied_inputs,
    "every call counted": _counted,
    "classes as subclasses": _made_by("class {0}({0}_):\n    pass"),
    "classes with slots": _slotted,
    "classes with slots in subclasses": _made_by("class {0}({0}_):\n    __slots__ = ()"),
    "objects made by functions": _made_by(
        "@functools.wraps({0}_)\ndef {0}(*args, **kwargs):\n    return {0}_(*args, **kwargs)"
    ),
    "objects made by partials": _made_by("{0} = functools.partial({0}_)"),
}
