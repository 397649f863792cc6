"""The lines of a source that a mistake's name tells of: a repair is looked for there before elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from parity_tests.operators.source import Source, statements
from reports.model.records import Record

_WORD = re.compile(r"[A-Za-z]+[0-9]*")
_SIGNS = {"η": " learning rate ", "λ": " lambda ", "α": " alpha "}
SOME = 2
"""One word alone says too little of a place."""
_STOPS = frozenset(("main", "the", "is", "of", "to", "in", "as", "where", "place", "output", "model", "self", "np"))
"""Words that tell nothing of the place."""


def _words(text: str) -> frozenset[str]:
    """The words of a text that may name something: parts of identifiers, in small letters."""
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    return frozenset(word.lower() for word in _WORD.findall(text)) - _STOPS


def words_told(records: Iterable[Record]) -> frozenset[str]:
    """The words with which what is known to be wrong is told."""
    found = frozenset[str]()
    for record in records:
        if record.diagnosis:
            found |= _words(f"{record.diagnosis} {record.quantity}")
    return found


def told_lines(source: Source, names: Sequence[str], told: frozenset[str]) -> set[int]:
    """The lines of statements in which some of these words stand, or the beginnings of them."""
    found = set[int]()
    for name in names:
        for statement, _ in statements(source.functions[name]):
            there = _words(source.of(statement).partition(":")[0])
            if sum(any(_begin_alike(one, other) for other in there) for one in told) >= SOME:
                found.add(statement.lineno)
    return found


def _begin_alike(one: str, other: str) -> bool:
    return one == other or (len(one) > 2 < len(other) and one[:3] == other[:3])
