"""What files of older years take for granted of numpy 1: a shape's old name, and an array of one number as a number.

The submission's process loads this file by its path: numpy and the standard library only.
"""

from __future__ import annotations

import ast
import functools
from typing import Any

import numpy as np

_ONE = "__one_number__"
"""What a value that is assigned to an element goes through, by this name."""


def reshape_of(reshape: Any) -> Any:
    """Return np.reshape, which takes the shape by its old name as well."""

    @functools.wraps(reshape)
    def with_newshape(a: Any, *shape: Any, **named: Any) -> Any:
        if "newshape" in named:
            named["shape"] = named.pop("newshape")
        return reshape(a, *shape, **named)

    return with_newshape


class _LikeFloat(type):
    def __instancecheck__(cls, one: Any) -> bool:
        return isinstance(one, float)

    def __subclasscheck__(cls, one: type) -> bool:
        return issubclass(one, float)

    def __eq__(cls, other: object) -> bool:
        return other is float or other is cls

    def __hash__(cls) -> int:
        return hash(float)


class _FloatOfNumpy1(float, metaclass=_LikeFloat):
    """`float`, which takes an array of one number as well: numpy 2.4 refuses one that has dimensions."""

    def __new__(cls, one: Any = 0.0) -> Any:
        return float(one.item() if isinstance(one, np.ndarray) and one.size == 1 else one)


def one_number(holder: Any, value: Any) -> Any:
    """Return a value that an element of `holder` is to have: of an array of one number, for an array, that number."""
    both = isinstance(holder, np.ndarray) and isinstance(value, np.ndarray)
    return value.reshape(()) if both and value.size == 1 else value


def with_one_numbers(tree: ast.Module) -> ast.Module:
    """Let what is assigned to elements, or added to them, go through `one_number`; return the same module.

    numpy 2.4 refuses to assign an array of one number to an element.
    """
    waiting: list[Any] = [tree]
    while waiting:  # of statements alone, which are few beside the expressions
        node = waiting.pop()
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, block, ())
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            node.value = _through(node.targets[0], node.value)
        elif isinstance(node, ast.AugAssign):
            node.value = _through(node.target, node.value)
    return tree


def _through(target: ast.expr, value: ast.expr) -> ast.expr:
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
        return value
    holder = ast.Name(target.value.id, ast.Load())
    call = ast.copy_location(ast.Call(ast.Name(_ONE, ast.Load()), [holder, value], []), value)
    return ast.fix_missing_locations(call)


OWN_NAMES = {"float": _FloatOfNumpy1, _ONE: one_number}
"""What modules know in place of Python's own names, or beside them."""
