"""Changes of statements: `=` and `+=`, one left out, one twice, two exchanged, results exchanged."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from parity_tests.operators.change import Change
from parity_tests.operators.expressions import SIGNS
from parity_tests.operators.scope import Scope, is_own
from parity_tests.operators.source import Function, Source, statements

_IN_PLACE = {"+": "-", "-": "+", "*": "/", "/": "*"}


def of_statements(source: Source, function: Function, scope: Scope) -> Iterator[Change]:
    """The changes of a function's statements; `scope` is what they may name."""
    for statement, block in statements(function):
        yield from _assignments(source, statement)
        yield from _left_out(source, statement, block)
        yield from _results(source, statement)
        yield from _throughout(source, statement, scope.at(statement))
    yield from _along(source, function)
    for block in _blocks(function):
        for one, two in pairwise(block):
            if not isinstance(two, ast.Return) and one.end_lineno is not None and one.end_lineno < two.lineno:
                words = f"`{source.of(one)[:60]}` comes before `{source.of(two)[:60]}`"
                edits = ((*source.span(one), source.of_lines(two)), (*source.span(two), source.of_lines(one)))
                yield Change("moved", 5, one.lineno, edits, f"the other way round, {words}", words)


def _throughout(source: Source, statement: ast.stmt, scope: Scope) -> Iterator[Change]:
    """Another name in all places of a statement that read one."""
    if isinstance(statement, ast.If | ast.For | ast.While | ast.With | ast.Try | ast.FunctionDef):
        return
    places: dict[str, list[tuple[int, int]]] = {}
    for node in (one for one in ast.walk(statement) if isinstance(one, ast.Name | ast.Attribute)):
        if isinstance(node.ctx, ast.Load) and (isinstance(node, ast.Name) or is_own(node)):
            places.setdefault(source.of(node), []).append(source.span(node))
    for text, spans in places.items():
        for name in scope.names if len(spans) > 1 else ():
            if name != text:
                makes, mends = (f"`{b}` is used wherever `{a}` belongs" for a, b in ((text, name), (name, text)))
                edits = tuple((*span, name) for span in spans)
                rank = 1 if scope.are_twins(text, name) else 4
                yield Change("name", rank, statement.lineno, edits, makes, mends)


def _along(source: Source, function: Function) -> Iterator[Change]:
    """Another axis in all calls of a function that go along one."""
    calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
    named = [one.value for node in calls for one in node.keywords if one.arg == "axis"]
    for axis in dict.fromkeys(map(source.of, named)):
        spans = [source.span(one) for one in named if source.of(one) == axis]
        for other in ("0", "1", "-1") if len(spans) > 1 else ():
            if other != axis:
                makes, mends = (
                    f"everything goes along {a}, where it should go along {b}"
                    for a, b in ((other, axis), (axis, other))
                )
                line = min(one.lineno for one in named if source.of(one) == axis)
                yield Change("axis", 1, line, tuple((*span, other) for span in spans), makes, mends)


def _blocks(function: Function) -> Iterator[list[ast.stmt]]:
    found: dict[int, list[ast.stmt]] = {}
    for _, block in statements(function):
        found.setdefault(id(block), block)
    yield from found.values()


def _change(source: Source, statement: ast.stmt, operator: str, rank: int, new: str, makes: str, mends: str) -> Change:
    return Change(operator, rank, statement.lineno, ((*source.span(statement), new),), makes, mends)


def _assignments(source: Source, statement: ast.stmt) -> Iterator[Change]:
    if (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and not isinstance(statement.targets[0], ast.Tuple)
    ):
        target, value = source.of(statement.targets[0]), source.of(statement.value)
        for sign in "+-*/" if value not in ("0", "0.0") else "":  # += 0 is the statement left out
            makes, mends = (
                f"`{b}` is used where `{a}` belongs, at `{target}`" for a, b in (("=", f"{sign}="), (f"{sign}=", "="))
            )
            yield _change(
                source, statement, "assignment", 1 if sign == "+" else 3, f"{target} {sign}= {value}", makes, mends
            )
    if isinstance(statement, ast.AugAssign) and type(statement.op) in SIGNS:
        sign = SIGNS[type(statement.op)]
        target, value = source.of(statement.target), source.of(statement.value)
        for other in filter(None, [_IN_PLACE.get(sign)]):
            makes, mends = (
                f"`{b}=` is used where `{a}=` belongs, at `{target}`" for a, b in ((sign, other), (other, sign))
            )
            yield _change(source, statement, "assignment", 1, f"{target} {other}= {value}", makes, mends)
        makes, mends = (
            f"`{b}` is used where `{a}` belongs, at `{target}`" for a, b in ((f"{sign}=", "="), ("=", f"{sign}="))
        )
        yield _change(source, statement, "assignment", 1, f"{target} = {value}", makes, mends)
        plain = f"{target} = {target} {sign} ({value})"
        words = f"`{target}` is changed in place, though others hold it"
        yield _change(source, statement, "in place", 2, plain, "", words)


def _left_out(source: Source, statement: ast.stmt, block: list[ast.stmt]) -> Iterator[Change]:
    if isinstance(statement, ast.Return | ast.Pass | ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
        return
    text = source.of(statement)[:80]
    # that of some entries alone is soon forgotten
    rank = 1 if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript) else 3
    yield _change(source, statement, "statement", rank, "pass", f"`{text}` is missing", f"`{text}` should not be there")
    if isinstance(statement, ast.If | ast.For) and len(statement.body) == 1 and not statement.orelse:
        inner = source.of_lines(statement.body[0])
        if isinstance(statement, ast.If):
            test = source.of(statement.test)
            yield _change(
                source,
                statement,
                "statement",
                1,  # another condition that is true of all that was asked would mend as much
                inner,
                f"the condition `{test}` is missing",
                f"the condition `{test}` should not be there",
            )


def _results(source: Source, statement: ast.stmt) -> Iterator[Change]:
    if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Tuple):
        values = [source.of(one) for one in statement.value.elts]
        for k in range(len(values) - 1):
            swapped = [*values[:k], values[k + 1], values[k], *values[k + 2 :]]
            words = f"the results `{values[k]}` and `{values[k + 1]}` are exchanged"
            yield _change(source, statement, "exchanged", 2, f"return {', '.join(swapped)}", words, words)
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple):
        names = [source.of(one) for one in statement.targets[0].elts]
        for k in range(len(names) - 1):
            swapped = [*names[:k], names[k + 1], names[k], *names[k + 2 :]]
            words = f"`{names[k]}` and `{names[k + 1]}` are exchanged"
            yield _change(
                source, statement, "exchanged", 1, f"{', '.join(swapped)} = {source.of(statement.value)}", words, words
            )
