"""The lines of a source that a mistake's name tells of, where a repair is looked for first, and those handed out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from parity_tests.operators.source import Source, statements
from reports.model.records import Record

_WORD = re.compile(r"[A-Za-z]+[0-9]*")
_SIGNS = {"η": " learning rate ", "λ": " lambda ", "α": " alpha "}
_START = re.compile(r"#.*(START (OF YOUR )?CODE|YOUR CODE STARTS)")
_END = re.compile(r"#.*(END (OF YOUR )?CODE|YOUR CODE ENDS)")
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


def lines_handed_out(text: str) -> frozenset[int]:
    """The lines that are not a student's own, where marks say between which lines they write."""
    found, own, marked = set[int](), False, False
    for number, line in enumerate(text.split("\n"), 1):
        own, marked = own or _START.search(line) is not None, marked or own
        found |= set() if own else {number}
        own = own and _END.search(line) is None
    return frozenset(found) if marked else frozenset()


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
