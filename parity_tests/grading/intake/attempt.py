"""The attempt: what one student handed in once, under a name that is safe for a folder and no other's."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from parity_tests.grading.intake.entries import Entry
from reports.model.escape import encodable

MAX_NAME = 80
"""Characters of a name that are kept."""
_JOINERS = "\u200c\u200d"
"""Invisible, but part of how names in several scripts, and emoji, are written."""
MAX_BYTES = 240
"""Bytes of it in UTF-8: a file system takes 255, and a number may come after it."""


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of those who handed something in together."""

    name: str = ""
    email: str = ""
    id: str = ""

    @property
    def key(self) -> str:
        """The same for the same person: the address, however it is spelled, or else the number; "" for neither."""
        return unicodedata.normalize("NFKC", self.email).casefold().strip() or self.id.strip()


class HandIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who handed something in, and when, as far as the course site says.

    `name` is what it is called in every table, a safe name for a folder; `source` where it lies in what was given.
    `late` says in words how late it is, `seconds_late` as a number, None where the site does not tell. `members` are
    those of a group; nobody where one student handed it in alone.
    """

    name: str
    source: str = ""
    student: str = ""
    email: str = ""
    id: str = ""
    late: str = ""
    when: str = ""
    seconds_late: float | None = None
    members: tuple[Member, ...] = ()

    @property
    def people(self) -> tuple[Member, ...]:
        """All who handed it in: those of a group, or the one student."""
        return self.members or (Member(self.student, self.email, self.id),)


@dataclass(frozen=True)
class Attempt:
    """What one student, or one group, handed in once; `order` sorts the attempts of one student."""

    hand_in: HandIn
    entries: Sequence[Entry] = field(repr=False, default=())
    order: tuple[Any, ...] = ()

    @property
    def name(self) -> str:
        """What the attempt is called."""
        return self.hand_in.name

    def encodable(self) -> Attempt:
        """The same, with what is said of it as every table can hold it."""
        known = {name: getattr(self.hand_in, name) for name in self.hand_in.__struct_fields__}
        texts = {name: encodable(value) for name, value in known.items() if isinstance(value, str)}
        return replace(self, hand_in=msgspec.structs.replace(self.hand_in, **texts))

    def renamed(self, name: str) -> Attempt:
        """The same under another name."""
        return replace(self, hand_in=msgspec.structs.replace(self.hand_in, name=name))


def safe_name(text: str) -> str:
    """A name for a folder and a table: printable, without slashes, no leading dot, not long."""
    from pathvalidate import sanitize_filename

    printable = "".join(symbol if symbol.isprintable() or symbol in _JOINERS else "_" for symbol in text.strip())
    encodable = printable.encode("utf-8", "replace").decode()
    short = encodable.strip(". ")[:MAX_NAME]
    return sanitize_filename(short, replacement_text="_", max_len=MAX_BYTES) or "unnamed"


def _spelling(name: str) -> str:
    """The same for names that look the same to people, or to some file system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def latest(attempts: Sequence[Attempt]) -> tuple[list[Attempt], list[Attempt]]:
    """Of each student, or each group, the latest attempt, and the others. A name alone tells nobody."""
    last: dict[frozenset[str], Attempt] = {}
    replaced = []
    for rank, attempt in enumerate(sorted(attempts, key=lambda attempt: attempt.order)):
        people = frozenset(person.key for person in attempt.hand_in.people)
        student = frozenset({f"#{rank}"}) if "" in people else people
        if student in last:
            replaced.append(last[student].renamed(safe_name(last[student].name)))
        last[student] = attempt
    return list(last.values()), replaced


def under_names_of_their_own(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts under safe names, sorted by them: two of one name are told apart by number."""
    safe = [attempt.renamed(safe_name(attempt.name)) for attempt in attempts]
    bearers = Counter(_spelling(attempt.name) for attempt in safe)
    taken: set[str] = set()
    named = []
    for attempt in sorted(safe, key=lambda attempt: (attempt.name, attempt.hand_in.source)):
        name = attempt.name
        if bearers[_spelling(name)] > 1 and attempt.hand_in.id:
            name = safe_name(f"{name}-{attempt.hand_in.id}")
        unique, number = name, 1
        while _spelling(unique) in taken:
            number += 1
            unique = f"{name}-{number}"
        taken.add(_spelling(unique))
        named.append(attempt.renamed(unique))
    return sorted(named, key=lambda attempt: attempt.name)
