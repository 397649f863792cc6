"""The list of who is in the class: joined to what was handed in by number, address or name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from parity_tests.grading.course_tables import MAXIMA, TEST
from parity_tests.grading.csv_rows import named_rows, refuse_control
from parity_tests.grading.intake.attempt import HandIn, Member
from parity_tests.grading.intake.times import late_by_status, seconds_late, time_words
from parity_tests.grading.rubric import RubricError
from parity_tests.protocol.errors import UsageError
from reports.model.escape import path_text
from reports.model.phrases import near_names

_NAMES = ("name", "full name", "student", "student name")
_FIRST, _LAST = ("first name", "first", "given name"), ("last name", "last", "surname", "family name")
_IDS = ("id", "sid", "student id", "sis id", "user id", "id number", "username", "login", "sis login id", "login id")
_ADDRESSES = ("email", "e-mail", "email address", "mail")


@dataclass(frozen=True)
class Person:
    """One line of the roster. `ids` are all numbers and logins there are.

    `seconds_late` is how late a course site's table says that something was submitted, None where it does not.
    """

    name: str
    email: str
    ids: tuple[str, ...]
    keys: frozenset[str]
    seconds_late: float | None = None


def load_roster(path: Path) -> list[Person]:
    """The people in a CSV file with a header that names columns as course sites do. Raises UsageError.

    Two lines with one address, however it is spelled, are one person. A line that names nobody is passed over, and so
    is Canvas's line of maxima: a site's table of grades serves as a roster.
    """
    header, rows = named_rows(path, f"the roster {path_text(path)}")
    known = (*_NAMES, *_FIRST, *_LAST, *_IDS, *_ADDRESSES)
    if not set(header) & set(known):
        raise UsageError(
            f"{path_text(path)}, line 1: no column is called name, email or id, so nobody can be recognised."
        )
    for line, row in rows:
        refuse_control(path, line, {column: row[column] for column in known if column in row})
    people = map(_person, (row for _, row in rows))
    return _merged(one for one in people if one.name.casefold() not in ((TEST,) if one.ids else ("", MAXIMA, TEST)))


def _merged(people: Iterable[Person]) -> list[Person]:
    known: dict[str, Person] = {}
    for number, person in enumerate(people):
        key = Member(email=person.email).key or f"#{number}"
        first = known.get(key, person)
        ids = tuple(dict.fromkeys((*first.ids, *person.ids)))
        known[key] = replace(first, ids=ids, keys=first.keys | person.keys)
    return list(known.values())


def join(people: Sequence[Person], hand_ins: Iterable[HandIn]) -> dict[str, tuple[Person | None, ...]]:
    """{name of submission: for each who handed it in, the person on the roster, None for nobody there}.

    Numbers and addresses decide before names; a name that two people share decides nothing.
    """
    by_key: dict[str, Person | None] = {}
    for person in people:
        for key in person.keys:
            by_key[key] = None if key in by_key and by_key[key] is not person else person
    return {hand_in.name: tuple(_whose(hand_in, member, by_key) for member in hand_in.people) for hand_in in hand_ins}


def who_may_be(people: Sequence[Person], hand_in: HandIn, member: Member) -> list[Person]:
    """The people on the roster that bear one of the names of somebody who handed in: several where it is shared."""
    names = {plain_key(text) for text in (member.name, *([] if hand_in.members else [hand_in.name])) if text}
    return [person for person in people if names & person.keys]


def _whose(hand_in: HandIn, member: Member, by_key: Mapping[str, Person | None]) -> Person | None:
    known = (member.id, member.email, member.name)
    for key in known if hand_in.members else (*known, hand_in.name):
        person = by_key.get(plain_key(key)) if key else None
        if person is not None:
            return person
    return None


def _person(row: dict[str, str]) -> Person:
    def first_of(names: Sequence[str]) -> str:
        return next((row[name].strip() for name in names if row.get(name, "").strip()), "")

    first, last = first_of(_FIRST), first_of(_LAST)
    name = first_of(_NAMES) or f"{first} {last}".strip()
    spelled = [f"{first} {last}", f"{last} {first}"] if first and last else []
    email = first_of(_ADDRESSES)
    ids = tuple(row[key].strip() for key in _IDS if row.get(key, "").strip())
    others = {plain_key(text) for text in (*spelled, *ids, email, email.partition("@")[0])} - {""}
    moodle = "identifier" in row
    late = late_by_status(row.get("status", "")) if moodle else seconds_late(row.get("lateness (h:m:s)"))
    return Person(name or email or (ids[0] if ids else ""), email, ids, name_keys(name) | others, late)


def as_known(hand_in: HandIn, people: Sequence[Person | None]) -> HandIn:
    """The same with the roster's name of who handed it in alone, and its lateness where the submissions tell none."""
    known = [*filter(None, people)]
    names = {"student": known[0].name} if known and not hand_in.members else {}
    seconds = max((person.seconds_late for person in known if person.seconds_late is not None), default=None)
    unknown = hand_in.seconds_late is None and seconds is not None
    late = {"seconds_late": seconds, "late": time_words(seconds) if seconds else ""} if unknown else {}
    return msgspec.structs.replace(hand_in, **names, **late)


def spellings(hand_ins: Iterable[HandIn], people: Mapping[str, Sequence[Person | None]]) -> dict[str, frozenset[str]]:
    """{submission: how the names of those who handed it in may be written}."""
    return {
        hand_in.name: frozenset().union(
            name_keys(hand_in.name),
            *(name_keys(member.name) for member in hand_in.people),
            *(name_keys(person.name) for person in people[hand_in.name] if person),
        )
        for hand_in in hand_ins
    }


def submission_called(text: str, known: Mapping[str, Collection[str]], where: str) -> str:
    """The submission of this name or, where there is one alone, of somebody who is called so. Raises RubricError.

    `known` are the spellings of each submission.
    """
    if text in known:
        return text
    keys = name_keys(text)
    found = [name for name, spelled in known.items() if not keys.isdisjoint(spelled)]
    if len(found) == 1:
        return found[0]
    raise RubricError(f"{where}: there is no submission {text!r}{near_names(text, found or known) or '.'}")


def name_keys(name: str) -> frozenset[str]:
    """One spelling for the ways in which sites write this name, the last name behind the others or before them."""
    if "," in name:
        last, _, first = name.partition(",")
    else:
        first, _, last = name.strip().rpartition(" ")
    return frozenset(filter(None, map(plain_key, (name, f"{first} {last}", f"{last} {first}"))))


def plain_key(text: str) -> str:
    """One spelling for the ways in which sites write a name: no case, accents, spaces or marks."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[^\w@]|_", "", "".join(char for char in bare if not unicodedata.combining(char)))
