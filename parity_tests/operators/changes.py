"""All single changes of a function, the likeliest first, each of them Python and none of them twice."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from parity_tests.operators.change import Change
from parity_tests.operators.expressions import OPERATORS, Place
from parity_tests.operators.scope import Scope
from parity_tests.operators.source import Source, sites
from parity_tests.operators.statements import of_statements


def changes_of(source: Source, functions: Iterable[str]) -> list[Change]:
    """The changes of the functions of these qualified names, by rank; of those that give the same text the first."""
    found: dict[tuple[tuple[int, int, str], ...], Change] = {}
    for name in functions:
        for change in _of_function(source, name):
            found.setdefault(change.edits, change)
    return sorted(found.values(), key=lambda change: change.rank)


def _of_function(source: Source, name: str) -> Iterator[Change]:
    function = source.functions[name]
    scope = Scope.of(source, function)
    for site in sites(function):
        if isinstance(site.parent, ast.FormattedValue | ast.JoinedStr) or isinstance(site.node, ast.JoinedStr):
            continue
        place = Place(source, site, scope)
        for operator in OPERATORS:
            yield from (change for change in operator(place) if change is not None)
    yield from of_statements(source, function, scope)
