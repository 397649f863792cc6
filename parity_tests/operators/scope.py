"""The scope: the names, counts and keys that a change of a function may use."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TypeGuard

from parity_tests.operators.source import Function, Source, statements

Start = tuple[int, int]
"""The line and the column of a statement."""
_NEVER = (1 << 30, 0)
_OF_DICTS = ("get", "setdefault", "items", "keys")
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
    """What a function can name: its arguments and variables, attributes of `self`; counts of rows; keys of entries.

    `others` are names of what is no array or number. `since` says where a name is first known, and `apart` has the
    lines of each two branches of which one alone is run.
    """

    names: tuple[str, ...]
    counts: tuple[str, ...]
    keys: tuple[str, ...]
    others: tuple[str, ...] = ()
    since: Mapping[str, Start] = field(default_factory=dict)
    apart: Sequence[tuple[range, range]] = ()

    @classmethod
    def of(cls, source: Source, function: Function) -> Scope:
        """The scope of one of the source's functions."""
        arguments = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
        names = dict.fromkeys(name for name in arguments if name != "self")
        since: dict[str, Start] = {}
        keys: dict[str, None] = {}
        for statement, _ in statements(function):
            for name in _stored(statement):
                since[name] = min(since.get(name, _NEVER), (statement.lineno, statement.col_offset))
        since |= dict.fromkeys(names, (0, 0))
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
        others = _no_numbers(function)
        own = tuple(name for name in names if name not in others)
        return cls(own, tuple(rows), tuple(keys)[:8], tuple(others & names.keys()), since, _branches(function))

    def at(self, statement: ast.stmt) -> Scope:
        """What a statement can name: what is known before it, and not in another branch alone."""
        start = statement.lineno, statement.col_offset
        away = [one for both in self.apart for here, one in (both, both[::-1]) if statement.lineno in here]

        def known(name: str) -> bool:
            since = self.since.get(name, (0, 0))
            return since < start and not any(since[0] in one for one in away)

        if not self.since:
            return self
        names, others = (tuple(filter(known, some))[:MOST_NAMES] for some in (self.names, self.others))
        counts = tuple(one for one in self.counts if one.partition(".")[0] in names)
        return replace(self, names=names, others=others, counts=counts)

    @staticmethod
    def are_twins(one: str, other: str) -> bool:
        """Whether two names are easily taken for one another."""
        numbered = one[:-1] == other[:-1] and one[-1:].isdigit() and other[-1:].isdigit()
        return frozenset((one, other)) in _TWINS or numbered or (min(len(one), len(other)) > 1 and _alike(one, other))


def _stored(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement itself gives something other than None."""
    within = statement.target if isinstance(statement, ast.For) else statement
    value = getattr(statement, "value", None)
    is_none = isinstance(value, ast.Constant) and value.value is None
    for node in () if is_none or hasattr(within, "body") else ast.walk(within):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _no_numbers(function: Function) -> set[str]:
    """The names of what has entries with words, is such a word, or is unpacked, called or made as a tuple or dict."""
    found: set[ast.expr | None] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and _is_word(node.slice):
            found.add(node.value)
        elif isinstance(node, ast.Call):
            found |= {node.func, node.func.value if getattr(node.func, "attr", "") in _OF_DICTS else None}  # type: ignore[attr-defined]
        elif isinstance(node, ast.Compare) and any(map(_is_word, node.comparators)):
            found.add(node.left)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            found.add(node.value)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple | ast.Dict | ast.List):
            found |= set(node.targets)
    return {one.id for one in found if isinstance(one, ast.Name)}


def _is_word(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _branches(function: Function) -> list[tuple[range, range]]:
    """The lines of each two branches of a condition."""

    def lines(block: list[ast.stmt]) -> range:
        return range(block[0].lineno, (block[-1].end_lineno or block[-1].lineno) + 1)

    return [(lines(n.body), lines(n.orelse)) for n in ast.walk(function) if isinstance(n, ast.If) and n.orelse]


def is_own(node: ast.AST) -> TypeGuard[ast.Attribute]:
    """Whether an expression is an attribute of `self`."""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


@lru_cache(4096)
def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() > _ALIKE
