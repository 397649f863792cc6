"""Finds the columns of Moodle's grading worksheet in other languages than English: by words of its own, and by order.

Moodle writes a person's number first, and the grade, its maximum and whether it can be changed side by side. That last
title is no other table's. The words are those of Moodle's language packs (mod_assign) and of worksheets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

CHANGEABLE = frozenset(
    {
        "bewertung kann geändert werden",
        "la note peut être modifiée",
        "la calificación puede ser cambiada",
        "la calificación puede cambiarse",
        "la valutazione può essere cambiata",
        "a nota pode ser alterada.",
        "a nota pode ser alterada",
        "het cijfer kan gewijzigd worden",
    }
)
"""How the column that says whether a grade can be changed is called: de, fr, es (two), it, pt (two), nl."""
FULL_NAMES = frozenset({"vollständiger name", "nom complet", "nombre completo"})
COMMENTS = frozenset({"feedback als kommentar", "feedback par commentaires", "comentarios de retroalimentación"})
NO = frozenset({"no", "nein", "non", "não", "nee"})
"""What stands there of a grade that cannot be."""
_PERSON = re.compile(r"[^\d\n]+\d+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_EMPTY = ("", "-")


class Columns(NamedTuple):
    """The titles of a worksheet's columns, "" for those that it has not or that cannot be told."""

    person: str
    grade: str
    maximum: str
    changeable: str = ""
    email: str = ""
    name: str = ""
    comments: str = ""


def columns_of(header: Sequence[str], rows: Sequence[Sequence[str]], grade: str = "") -> Columns | None:
    """The columns of a worksheet with this header, in small letters, and these rows; None for any other table.

    `grade` is the title of the column of grades where somebody names it: then the language may be any.
    """
    if len(header) < 3 or not rows or not _all(rows, 0, lambda cell: bool(_PERSON.fullmatch(cell))):
        return None
    told = next((place for place, title in enumerate(header) if title in CHANGEABLE), -1)
    place = told - 2 if told >= 0 else header.index(grade) if header.count(grade) == 1 else -1
    if place < 1 or not _all(rows, place, lambda cell: cell in _EMPTY or bool(_NUMBER.fullmatch(cell))):
        return None
    has_maximum = place + 1 < len(header) and _all(rows, place + 1, lambda cell: bool(_NUMBER.fullmatch(cell)))
    if not has_maximum and told >= 0:  # a scale in place of points
        return None
    emails = [at for at in range(1, len(header)) if _all(rows, at, lambda cell: "@" in cell and " " not in cell)]
    return Columns(
        header[0],
        header[place],
        header[place + 1] if has_maximum else "",
        header[told] if told >= 0 else "",
        header[emails[0]] if emails else "",
        next((title for title in header if title in FULL_NAMES), ""),
        next((title for title in header if title in COMMENTS), ""),
    )


def _all(rows: Sequence[Sequence[str]], place: int, fits: Callable[[str], bool]) -> bool:
    return all(place < len(row) and fits(row[place]) for row in rows)
