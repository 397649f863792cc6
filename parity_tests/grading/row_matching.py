"""Whose each row of a course site's table is: by numbers before addresses, these before names; never by a guess."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from parity_tests.grading.course_tables import Row
from parity_tests.grading.roster import name_keys, plain_key

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Graded:
    """One person's grade: of which submission it is, and by what the person may be known.

    `internal` is the number by which the site whose table is filled calls the person, or the submission.
    `unjudged` says why it is 0 although nothing was judged, "" for any other grade.
    """

    submission: str
    internal: str
    ids: tuple[str, ...]
    emails: tuple[str, ...]
    names: tuple[str, ...]
    total: float | None
    maximum: float
    unjudged: str = ""


@dataclass(frozen=True)
class Matched:
    """What was found: the rows with their grades, and the rows of which it is not clear whose they are, and why.

    `nobodys` are the submissions that no row may be of, `by_name` the rows with nothing but a name in common.
    """

    rows: tuple[tuple[Row, Graded], ...]
    unclear: tuple[tuple[Row, str], ...]
    nobodys: tuple[str, ...]
    by_name: tuple[Row, ...]


def match(rows: Sequence[Row], graded: Sequence[Graded]) -> Matched:
    """Whose each row is. A row that is nobody's is in neither list."""
    indexes = [(of_row, _index(graded, of_person)) for of_row, of_person in _WAYS]
    found: list[tuple[Row, Graded]] = []
    unclear: list[tuple[Row, str]] = []
    considered: set[str] = set()
    telling: set[int] = set()
    for row in rows:
        tried = ((way, _found(of_row(row), index)) for way, (of_row, index) in enumerate(indexes))
        way, candidates = next(((way, some) for way, some in tried if some), (_NAME, []))
        telling.add(way)
        submissions = sorted({one.submission for one in candidates})
        considered.update(submissions)
        if len(submissions) > 1:
            unclear.append((row, f"may be of {' or of '.join(submissions)}"))
        elif candidates:
            found.append((row, _nearest(row, candidates)))
    rows_of: dict[int, list[Row]] = {}
    for row, mine in found:
        rows_of.setdefault(id(mine), []).append(row)
    clear, by_name = [], []
    for row, mine in found:
        shared, apart = _compared(row, mine)
        if len(rows_of[id(mine)]) > 1:
            unclear.append((row, f"{len(rows_of[id(mine)])} rows of the table may be those of {mine.submission}"))
        elif shared == {_NAME} and apart & telling:
            unclear.append((row, f"has the name of {mine.submission}, but another number or address"))
        elif not shared & {_INTERNAL, _ADDRESS, _NAME} and apart & {_ADDRESS, _NAME}:
            unclear.append((row, f"has the number of {mine.submission}, but neither its name nor its address"))
        else:
            clear.append((row, mine))
            by_name += [row] if shared == {_NAME} and apart else []
    nobodys = sorted({one.submission for one in graded} - considered)
    return Matched(tuple(clear), tuple(unclear), tuple(nobodys), tuple(by_name))


def _numbers(texts: Iterable[str]) -> set[str]:
    """The last number in each: Moodle writes `Participant 1234`."""
    return {found[-1] for text in texts if (found := _NUMBER.findall(text))}


def _plain(texts: Iterable[str]) -> set[str]:
    return {key for text in texts if (key := plain_key(text))}


def _logins(emails: Iterable[str]) -> set[str]:
    """What stands before the @: at many schools it is the login."""
    return _plain(email.partition("@")[0] for email in emails)


def _names(texts: Iterable[str]) -> set[str]:
    return {key for text in texts for key in name_keys(text)}


_WAYS: tuple[tuple[Callable[[Row], set[str]], Callable[[Graded], set[str]]], ...] = (
    (lambda row: _numbers([row.internal]), lambda one: _numbers([one.internal])),
    (lambda row: _plain(row.ids), lambda one: _plain(one.ids)),
    (lambda row: _plain(row.emails), lambda one: _plain(one.emails)),
    (lambda row: _plain(row.ids), lambda one: _plain(one.emails) | _logins(one.emails)),
    (lambda row: _logins(row.emails), lambda one: _plain(one.ids)),
    (lambda row: _names(row.names), lambda one: _names(one.names)),
)
"""By what a row is found to be somebody's, the surest first: of the row, and of the person."""
_INTERNAL, _ADDRESS, _NAME = 0, 2, len(_WAYS) - 1
"""The places of three of them. The site's own number is beyond doubt: who takes another name there keeps it."""


def _index(graded: Iterable[Graded], keys: Callable[[Graded], set[str]]) -> dict[str, list[Graded]]:
    index: dict[str, list[Graded]] = {}
    for one in graded:
        for key in keys(one):
            index.setdefault(key, []).append(one)
    return index


def _found(keys: Iterable[str], index: dict[str, list[Graded]]) -> list[Graded]:
    return list({id(one): one for key in keys for one in index.get(key, ())}.values())


def _nearest(row: Row, candidates: Sequence[Graded]) -> Graded:
    """Of those of one group the one whom the row names; the first where it names nobody."""
    for of_row, of_person in _WAYS[1:]:
        for one in candidates:
            if of_row(row) & of_person(one):
                return one
    return candidates[0]


def _compared(row: Row, mine: Graded) -> tuple[set[int], set[int]]:
    """By which ways a row and a person agree, and by which they do not, although both tell something."""
    both = [(of_row(row), of_person(mine)) for of_row, of_person in _WAYS]
    shared = {way for way, (of_row, of_person) in enumerate(both) if of_row & of_person}
    return shared, {way for way, known in enumerate(both) if all(known)} - shared
