"""What may stand in the place of a node of a solution's source: the operators that make single slips."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping

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


def changes(node: ast.AST, defaults: Mapping[str, float | str]) -> Iterator[ast.AST | None]:
    """What may stand in a node's place; None: it is dropped. `defaults` as in a Proof."""
    if (given := _given_name(node)) in defaults:
        yield ast.Constant(defaults[given])
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
        case ast.Call(func=ast.Attribute(value=copied, attr="copy"), args=[], keywords=[]):
            yield copied
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
        case ast.Assign(
            targets=[ast.Name(id=name) as target], value=ast.BinOp(ast.Name(id=left), operation, right)
        ) if name == left:
            yield ast.AugAssign(target, operation, right)
        case ast.Return(value=ast.AST()):
            yield ast.Return(None)
        case ast.Continue():
            yield ast.Pass()


def _given_name(node: ast.AST) -> str:
    """What the solution calls something that it is given, where a node reads it."""
    match node:
        case ast.Subscript(slice=ast.Constant(value=str() as name), ctx=ast.Load()):
            return name
        case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Load()) | ast.Name(id=name, ctx=ast.Load()):
            return name
    return ""


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
