"""Correct variants of any solution: forms in which the same is written otherwise, everywhere in it at once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

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

def _product(of_matrices, a, b):
    row, column = (-2,) * (np.ndim(a) == 1), (-1,) * (np.ndim(b) == 1)
    return np.squeeze(of_matrices(np.expand_dims(a, row), np.expand_dims(b, column)), row + column)

def _class(made):
    return getattr(made, "__wrapped__", getattr(made, "func", made))

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


def _texts(*pairs: tuple[str, str]) -> Rule:
    """What stands as a text, in which names that begin with an underscore stand for anything, in other words."""
    trees = [[ast.parse(text, mode="eval").body for text in pair] for pair in pairs]

    def rule(node: ast.AST) -> ast.AST | None:
        for wanted, instead in trees:
            found: dict[str, ast.expr] = {}
            if _fits(wanted, node, found):
                filled: ast.expr = _Filled(found).visit(deepcopy(instead))
                return filled
        return None

    return rule


def _fits(wanted: Any, node: Any, found: dict[str, ast.expr]) -> bool:
    """Whether a node stands as a text, and what its names stand for."""
    if isinstance(wanted, ast.Name) and wanted.id.startswith("_"):
        found[wanted.id] = node
        return isinstance(node, ast.expr) and not isinstance(node, ast.Starred)
    if isinstance(wanted, list):
        return len(wanted) == len(node) and all(_fits(*pair, found) for pair in zip(wanted, node, strict=True))
    if not isinstance(wanted, ast.AST) or isinstance(wanted, ast.expr_context):
        return isinstance(node, ast.expr_context) or wanted == node
    return type(wanted) is type(node) and all(
        _fits(one, getattr(node, at), found) for at, one in ast.iter_fields(wanted)
    )


class _Filled(ast.NodeTransformer):
    """Puts what the names of a text stand for in their place."""

    def __init__(self, found: Mapping[str, ast.expr]) -> None:
        self.found = found

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return deepcopy(self.found.get(node.id, node))


def _turned(node: ast.AST) -> ast.AST | None:
    """Sums and products with their operands exchanged; no texts or lists are joined."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add | ast.Mult):
        return None
    joined = any(isinstance(one, ast.Tuple | ast.List | ast.Constant) for one in (node.left, node.right))
    return None if joined else ast.BinOp(node.right, node.op, node.left)


def _functions(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.Call(ast.Attribute(value, str(word)), args, keywords) if word in REDUCTIONS:
            is_numpy = isinstance(value, ast.Name) and value.id == "np"
            return None if is_numpy else ast.Call(ast.parse(f"np.{word}", mode="eval").body, [value, *args], keywords)
    return None


def _turned_conditions(node: ast.AST) -> ast.AST | None:
    if isinstance(node, ast.If) and node.orelse:
        return ast.If(ast.UnaryOp(ast.Not(), node.test), node.orelse, node.body)
    if isinstance(node, ast.IfExp):
        return ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.orelse, node.body)
    return None


# ---- functions and classes


def _fresh_results(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Return) or not node.value:
        return None
    return ast.Return(ast.Call(ast.Name("_fresh", ast.Load()), [node.value], []))


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
    """Each class under another name, of the classes that it is of, and what makes its objects under its own."""

    def rule(node: ast.AST) -> list[ast.stmt] | None:
        if not isinstance(node, ast.ClassDef):
            return None
        own, node.name = node.name, f"{node.name}_"
        node.bases = [ast.Call(ast.Name("_class", ast.Load()), [base], []) for base in node.bases]
        return [node, *ast.parse(text.format(own)).body]

    return rule


PRODUCTS = {
    "by np.matmul": "np.matmul(a, b)",
    "by np.einsum": "np.einsum('...ij,...jk->...ik', a, b)",
    "of transposes": "np.swapaxes(np.swapaxes(b, -1, -2) @ np.swapaxes(a, -1, -2), -1, -2)",
    "added up term by term": "sum(a[..., d : d + 1] * b[..., d : d + 1, :] for d in range(a.shape[-1]))",
    "from the last term to the first": "a[..., ::-1] @ b[..., ::-1, :]",
    "with one more term": "np.append(a, 0 * a[..., :1], -1) @ np.append(b, 0 * b[..., :1, :], -2)",
    "in longdouble": "(a.astype(np.longdouble) @ b).astype(np.result_type(a, b))",
}
"""Of two matrices; a vector stands for one of a row, or of a column."""
OVER_0 = {"by a mask": "_a * (_a > 0)", "by the magnitude": "(np.abs(_a) + _a) / 2"}
TANH = {
    "by one exponential": "np.sign(_a) * (1 - np.exp(-2 * np.abs(_a))) / (1 + np.exp(-2 * np.abs(_a)))",
    "by expm1": "-np.sign(_a) * np.expm1(-2 * np.abs(_a)) / (np.expm1(-2 * np.abs(_a)) + 2)",
}
GENERATOR = "np.random.default_rng(np.random.randint(10**9))"
ONE_BY_ONE = "np.array([np.random.random() for _ in range(int(np.prod(_n)))]).reshape(_n)"
FORMS: Mapping[str, Rule] = {
    **{f"products {how}": _texts(("_a @ _b", f"_product(lambda a, b: {to}, _a, _b)")) for how, to in PRODUCTS.items()},
    **{f"what is over 0 {how}": _texts(("np.maximum(_a, 0)", text)) for how, text in OVER_0.items()},
    **{f"tanh {how}": _texts(("np.tanh(_a)", text)) for how, text in TANH.items()},
    "draws by a generator": _texts(
        ("np.random.normal(_m, _s, _n)", f"{GENERATOR}.normal(_m, _s, _n)"),
        ("np.random.uniform(_l, _h, _n)", f"{GENERATOR}.uniform(_l, _h, _n)"),
        ("np.random.permutation(_n)", f"{GENERATOR}.permutation(_n)"),
        ("np.random.rand(*_n)", f"{GENERATOR}.random(_n)"),
        ("np.random.randn(_n, _m)", f"{GENERATOR}.standard_normal((_n, _m))"),
    ),
    "draws by other functions": _texts(
        ("np.random.normal(_m, _s, _n)", "_m + _s * np.random.standard_normal(_n)"),
        ("np.random.uniform(0.0, 1.0, _n) >= _r", "np.random.binomial(1, 1 - _r, _n) > 0"),
        ("np.random.permutation(_n)", "np.random.choice(_n, _n, replace=False)"),
        ("np.random.rand(*_n) < _p", "np.random.binomial(1, _p, _n) > 0"),
        ("np.random.randn(_n, _m)", "np.random.normal(size=(_n, _m))"),
    ),
    "draws one by one": _texts(("np.random.uniform(0.0, 1.0, _n)", ONE_BY_ONE), ("np.random.rand(*_n)", ONE_BY_ONE)),
    "sums and products turned round": _turned,
    "differences as negatives of the other one": _texts(("_a - _b", "-(_b - _a)")),
    "quotients as products with reciprocals": _texts(("_a / _b", "_a * (1.0 / _b)")),
    "squares by np.square": _texts(("_a ** 2", "np.square(_a)")),
    "reductions as functions": _functions,
    "the larger of two by np.where": _texts(("np.maximum(_a, _b)", "np.where(_a < _b, _b, _a)")),
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
