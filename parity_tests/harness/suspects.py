"""The lines that results come of: each value of a function is spoilt, and what then differs hangs on its line.

A wrong result is mended where it comes from, and rather not where a right one comes from as well.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from parity_tests.operators.change import Change
from parity_tests.operators.source import Function, Source, statements
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key

Slices = Mapping[int, frozenset[Key] | None]
"""The results that hang on each line; None where nothing comes back with it spoilt."""
_SPOILT = (
    "(lambda p, v: tuple(p(u) for u in v) if isinstance(v, tuple) else p(v))"
    "(lambda v: v if v is None or isinstance(v, (str, dict)) else v == 0 if getattr(v, 'dtype', type(v)) == bool else "
    "v {} 1 if getattr(getattr(v, 'dtype', 0), 'kind', 'i' * isinstance(v, int)) in ('i', 'u') else "
    "v * 0.8125 + 0.34375, {})"
)
"""Another value in place of one: of a truth value its contrary, of a whole number the next, else one near it."""


def slices(
    source: Source, names: Sequence[str], ask: Callable[[Change], Observation], was: Observation, keys: Sequence[Key]
) -> Slices:
    """Which of these results hang on each line of some functions, as `ask` says what comes back after a change."""
    found: dict[int, frozenset[Key] | None] = {}
    for name in names:
        for line, changes in _units(source, source.functions[name]):
            hangs = frozenset[Key]()
            came = False
            for change in changes:
                seen = ask(change)
                if not seen.failures or was.failures:
                    came, hangs = True, hangs | {key for key in keys if not same(seen, was, key)}
            before = found.get(line, frozenset())
            found[line] = before | hangs if came and before is not None else None
    return found


def same(one: Observation, other: Observation, key: Key) -> bool:
    """Whether a result came back twice as the same numbers."""
    first, second = (seen.values[key].array if key in seen.values else None for seen in (one, other))
    return first is not None and second is not None and np.array_equal(first, second, equal_nan=True)


def _units(source: Source, function: Function) -> Iterator[tuple[int, list[Change]]]:
    """Each value that a function computes, and each condition: its line, and what spoils it."""
    for statement, _ in statements(function):
        for value in _values(statement):
            texts = dict.fromkeys(_spoilt(statement, source.of(value)))
            span = source.span(value)
            yield statement.lineno, [Change("spoilt", 0, statement.lineno, ((*span, new),), "", "") for new in texts]


def _values(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.If | ast.While):
        return [statement.test]
    if isinstance(statement, ast.For):
        return [statement.iter]
    value = getattr(statement, "value", None)
    values = value.elts if isinstance(value, ast.Tuple) else [value]
    return [one for one in values if isinstance(one, ast.expr)]


def _spoilt(statement: ast.stmt, text: str) -> list[str]:
    if isinstance(statement, ast.Expr):
        return ["None"]
    if isinstance(statement, ast.For):
        return [f"list({text})[1:]", f"list({text})[:-1]"]
    if isinstance(statement, ast.If | ast.While):
        return [f"not ({text})"]
    return [_SPOILT.format("+", text), _SPOILT.format("-", text)]
