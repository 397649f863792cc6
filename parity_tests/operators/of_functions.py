"""Changes that mend students' functions by what else stands in them: a lookalike, another place, a call beside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from parity_tests.operators.change import Change
from parity_tests.operators.scope import Scope
from parity_tests.operators.source import Function, Source, statements

LONGEST = 20_000
"""Bytes of a function that is looked at as a whole."""
_MOST = 64
"""So many of its names are held against each other."""
_SIMPLE = (ast.Assign, ast.AugAssign, ast.Return, ast.Expr)


def of_functions(source: Source, function: Function) -> Iterator[Change]:
    """All of them."""
    start, end = source.span(function)
    if end - start <= LONGEST:
        for mends in (_given, _lookalikes, _exchanged, _placed, _never_called):
            yield from mends(source, function)


def _read(within: ast.AST) -> list[ast.Name]:
    return [node for node in ast.walk(within) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]


def _stored(function: Function) -> dict[str, None]:
    """The names of a function, as they come."""
    given = [one.arg for one in function.args.args if one.arg != "self"]
    names = [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return dict.fromkeys(list(dict.fromkeys((*given, *names)))[:_MOST])


def _one_letter_apart(one: str, other: str) -> bool:
    return len(one) == len(other) > 1 and sum(a != b for a, b in zip(one, other, strict=True)) == 1


def _are_exchanged(one: str, other: str) -> bool:
    return _one_letter_apart(one, other) or Scope.are_twins(one, other)


def _lookalikes(source: Source, function: Function) -> Iterator[Change]:
    """A name for another that differs in one letter, as `h1` for `d1`."""
    names = _stored(function)
    for node in _read(function):
        for other in (name for name in names if _one_letter_apart(name, node.id)):
            words = f"`{node.id}` is used where `{other}` belongs"
            yield Change("lookalike", 2, node.lineno, ((*source.span(node), other),), "", words)


def _exchanged(source: Source, function: Function) -> Iterator[Change]:
    """Two names of one letter's difference, or such as height and width, exchanged throughout a statement."""
    for statement, _ in statements(function):
        spans: dict[str, list[tuple[int, int]]] = {}
        for node in _read(statement) if isinstance(statement, _SIMPLE) else ():
            spans.setdefault(node.id, []).append(source.span(node))
        for one in spans if len(spans) <= _MOST else ():
            for other in (name for name in spans if one < name and _are_exchanged(one, name)):
                edits = [(*span, other) for span in spans[one]] + [(*span, one) for span in spans[other]]
                words = f"`{one}` and `{other}` are exchanged"
                yield Change("exchanged", 1, statement.lineno, tuple(edits), "", words)


def _placed(source: Source, function: Function) -> Iterator[Change]:
    """A return within a loop that belongs after it; what is drawn before a loop and belongs in it."""
    for holder in ast.walk(function):
        for block in (getattr(holder, "body", None), getattr(holder, "orelse", None)):
            if not isinstance(block, list):
                continue
            last = block[-1] if block else None
            if isinstance(holder, ast.For) and len(block) > 1 and isinstance(last, ast.Return):
                edit = (source.span(block[-2])[1], source.span(last)[1], _line(source.of_lines(last), holder))
                words = f"`{source.of(last)}` is within the loop and belongs after it"
                yield Change("moved", 0, last.lineno, (edit,), "", words)
            for one, two in pairwise(block):
                if isinstance(two, ast.For) and isinstance(one, ast.Assign) and "random" in source.of(one):
                    start, text = source.span(two.body[0])[0], source.of_lines(one)
                    gone = (source.span(one)[0], source.span(two)[0], "")
                    edits = (gone, (start, start, f"{text}\n{' ' * two.body[0].col_offset}"))
                    words = f"`{source.of(one)}` is done once, and belongs in the loop"
                    yield Change("moved", 0, one.lineno, edits, "", words)


def _line(text: str, beside: ast.stmt) -> str:
    return f"\n{' ' * beside.col_offset}{text}"


def _never_called(source: Source, function: Function) -> Iterator[Change]:
    """The backward of what has a forward, where it is never called."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    called = {source.of(one.func) for one in calls}
    backward = [one for one in calls if one.args and source.of(one.func).endswith(".backward")]
    for one in calls:
        name = source.of(one.func).removesuffix(".forward") + ".backward"
        if source.of(one.func).endswith(".forward") and one.args and name not in called:
            called.add(name)
            for other in backward:
                last = other.args[-1]
                new = f"{name}({source.of(one.args[0])}, {source.of(last)})"
                yield Change(
                    "never called", 0, last.lineno, ((*source.span(last), new),), "", f"`{name}` is never called"
                )


def _given(source: Source, function: Function) -> Iterator[Change]:
    """True for False where a call is told so, and the other way round; a number without the function around it."""
    for one in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        for given in (*one.args, *(keyword.value for keyword in one.keywords)):
            if isinstance(given, ast.Constant) and isinstance(given.value, bool):
                words = f"`{given.value}` is used where `{not given.value}` belongs, in `{source.of(one)}`"
                yield Change("number", 0, given.lineno, ((*source.span(given), str(not given.value)),), "", words)
            elif isinstance(given, ast.Constant) and isinstance(given.value, float) and len(one.args) == 1:
                words = f"`{source.of(one.func)}` should not be there around `{source.of(given)}`"
                yield Change("wrapped", 0, one.lineno, ((*source.span(one), source.of(given)),), "", words)
