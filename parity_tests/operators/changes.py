"""All single changes of a function, the likeliest first, each of them Python and none of them twice."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence

from parity_tests.operators.change import Change
from parity_tests.operators.expressions import OPERATORS, Found, Place
from parity_tests.operators.scope import Scope
from parity_tests.operators.source import Function, Source, sites
from parity_tests.operators.statements import of_statements

Operator = Callable[[Place], Found]


def changes_of(
    source: Source,
    functions: Iterable[str],
    further: Sequence[Operator] = (),
    scope: Scope | None = None,
    blocks: Callable[[Source, Function], Iterable[Change]] = lambda source, function: (),
) -> list[Change]:
    """The changes of the functions of these qualified names, by rank; of those that give the same text the first.

    `further` are operators on expressions beside the usual ones, `scope` is what they
    may name, where it is not the function's own, and `blocks` gives further changes of statements.
    """
    found: dict[tuple[tuple[int, int, str], ...], Change] = {}
    for name in functions:
        for change in (*blocks(source, source.functions[name]), *_of_function(source, name, further, scope)):
            found.setdefault(change.edits, change)
    return sorted(found.values(), key=lambda change: change.rank)


def _of_function(source: Source, name: str, further: Sequence[Operator], scope: Scope | None) -> Iterator[Change]:
    function = source.functions[name]
    scope, operators = scope or Scope.of(source, function), (*OPERATORS, *further)
    for site in sites(function):
        if isinstance(site.parent, ast.FormattedValue | ast.JoinedStr) or isinstance(site.node, ast.JoinedStr):
            continue
        place = Place(source, site, scope.at(site.statement))
        for operator in operators:
            yield from filter(None, operator(place))
    yield from of_statements(source, function, scope)
