"""The scope: the names, counts and keys that a change of a function may use."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TypeGuard

from parity_tests.operators.source import Function, Source

MOST_NAMES = 24
"""So many names of a scope are put in one another's place."""
_ALIKE = 0.6
_TWINS = frozenset(
    frozenset(pair)
    for pair in (
        ("H", "W"), ("HH", "WW"), ("h", "w"), ("i", "j"), ("height", "width"), ("mean", "var"), ("mu", "var"),
        ("var", "std"),
        ("gamma", "beta"), ("N", "D"), ("N", "C"), ("C", "F"), ("x", "out"), ("H_out", "W_out"), ("W1", "W2"),
        ("beta1", "beta2"), ("m", "v"), ("dgamma", "dbeta"), ("dx", "dout"), ("x", "dout"), ("X", "grad"),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """What a function can name: its arguments and variables, attributes of `self`; counts of rows; keys of entries."""

    names: tuple[str, ...]
    counts: tuple[str, ...]
    keys: tuple[str, ...]

    @classmethod
    def of(cls, source: Source, function: Function) -> Scope:
        """The scope of one of the source's functions."""
        arguments = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
        names = dict.fromkeys(name for name in arguments if name != "self")
        keys: dict[str, None] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names[node.id] = None
            elif is_own(node):
                names[ast.unparse(node)] = None
            elif (
                isinstance(node, ast.Subscript)
                and isinstance(node.slice, ast.Constant)
                and type(node.slice.value) is str
            ):
                keys[repr(node.slice.value)] = None
        owner = next((c for c in source.tree.body if isinstance(c, ast.ClassDef) and function in c.body), None)
        if owner is not None:
            names |= dict.fromkeys(ast.unparse(node) for node in ast.walk(owner) if is_own(node))
        names.pop("_", None)
        arrays = [name for name in names if name in ("X", "x", "dout", "grad")]
        rows = [count for name in arrays[:2] for count in (f"{name}.shape[0]", f"{name}.shape[1]")]
        return cls(tuple(names)[:MOST_NAMES], tuple(rows), tuple(keys)[:8])

    def are_twins(self, one: str, other: str) -> bool:
        """Whether two names are easily taken for one another."""
        numbered = one[:-1] == other[:-1] and one[-1:].isdigit() and other[-1:].isdigit()
        return frozenset((one, other)) in _TWINS or numbered or (min(len(one), len(other)) > 1 and _alike(one, other))


def is_own(node: ast.AST) -> TypeGuard[ast.Attribute]:
    """Whether an expression is an attribute of `self`."""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


@lru_cache(4096)
def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() > _ALIKE
