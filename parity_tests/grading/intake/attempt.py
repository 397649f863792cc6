"""The attempt: what one student handed in once, under a name that is safe for a folder and no other's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from parity_tests.grading.intake.entries import Entry

MAX_NAME = 80
"""Characters of a name that are kept."""
MAX_BYTES = 240
"""Bytes of it in UTF-8: a file system takes 255, and a number may come after it."""


@dataclass(frozen=True)
class Attempt:
    """What one student, or one group, handed in once.

    `name` is what it is called in every table, a safe name for a folder; `order` sorts the attempts of one student.
    """

    name: str
    entries: Sequence[Entry] = field(repr=False, default=())
    source: str = ""
    student: str = ""
    email: str = ""
    id: str = ""
    late: str = ""
    when: str = ""
    order: tuple[Any, ...] = ()


def safe_name(text: str) -> str:
    """A name for a folder and a table: printable, without slashes, no leading dot, not long."""
    from pathvalidate import sanitize_filename

    printable = "".join(symbol if symbol.isprintable() else "_" for symbol in text.strip())
    encodable = printable.encode("utf-8", "replace").decode()
    short = encodable.strip(". ")[:MAX_NAME]
    return sanitize_filename(short, replacement_text="_", max_len=MAX_BYTES) or "unnamed"


def latest(attempts: Sequence[Attempt]) -> tuple[list[Attempt], list[Attempt]]:
    """Of each student the latest attempt, and the others. A student is told by address or number, never by name."""
    last: dict[str, Attempt] = {}
    replaced = []
    for rank, attempt in enumerate(sorted(attempts, key=lambda attempt: attempt.order)):
        student = attempt.email or attempt.id or f"#{rank}"
        if student in last:
            replaced.append(replace(last[student], name=safe_name(last[student].name)))
        last[student] = attempt
    return list(last.values()), replaced


def under_names_of_their_own(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts under safe names, sorted by them: two of one name are told apart by number."""
    safe = [replace(attempt, name=safe_name(attempt.name)) for attempt in attempts]
    bearers = Counter(attempt.name.casefold() for attempt in safe)
    taken: set[str] = set()
    named = []
    for attempt in sorted(safe, key=lambda attempt: (attempt.name, attempt.source)):
        name = attempt.name
        if bearers[name.casefold()] > 1 and attempt.id:
            name = safe_name(f"{name}-{attempt.id}")
        unique, number = name, 1
        while unique.casefold() in taken:
            number += 1
            unique = f"{name}-{number}"
        taken.add(unique.casefold())
        named.append(replace(attempt, name=unique))
    return sorted(named, key=lambda attempt: attempt.name)
