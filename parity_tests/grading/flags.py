"""The flags of a class: which submissions a human should look at, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity_tests.grading.folder import Result
from parity_tests.grading.roster import Person
from reports.model.points import Points

if TYPE_CHECKING:
    import pandas as pd

_NAMED = 5
"""Names of others that one sentence lists."""


@dataclass(frozen=True)
class Flag:
    """A submission that a human should look at, or somebody who handed nothing in, and why."""

    submission: str
    kind: str
    why: str


def flags_of(result: Result, points: Points, edition: str) -> list[Flag]:
    """Why this submission alone needs a human look."""
    flags = []
    if result.trouble or points.faults:
        why = result.trouble or f"{points.faults} records are Parity's own faults"
        flags.append(Flag(result.name, "harness error", why))
    flags += [Flag(result.name, "undecided", f"nothing of {item} could be decided") for item in points.undecided]
    if result.refused:
        flags.append(Flag(result.name, "refused archive", result.refused))
    elif result.missing:
        flags.append(Flag(result.name, "nothing to run", result.missing))
    if result.edition_seen and result.edition_seen != edition:
        why = f"its source is that of the edition {result.edition_seen}; it was judged by the class's, {edition}"
        flags.append(Flag(result.name, "another edition", why))
    return flags


def identical_flags(results: Iterable[Result]) -> list[Flag]:
    """Which submissions have the same code as others."""
    by_fingerprint: dict[str, list[str]] = {}
    for result in results:
        if result.fingerprint:
            by_fingerprint.setdefault(result.fingerprint, []).append(result.name)
    flags = []
    for names in by_fingerprint.values():
        for name in names if len(names) > 1 else ():
            others = _few([other for other in names if other != name])
            flags.append(Flag(name, "identical", f"the same code, up to names and spaces, as {others}"))
    return flags


def roster_flags(roster: Sequence[Person], people: Mapping[str, Person | None]) -> list[Flag]:
    """Who is on the roster and handed nothing in; which submissions are nobody's on it."""
    if not roster:
        return []
    present = {id(person) for person in people.values()}
    absent = [person.name for person in roster if id(person) not in present]
    unknown = [name for name, person in people.items() if person is None]
    flags = [Flag(name, "handed in nothing", "is on the roster") for name in absent]
    return flags + [
        Flag(name, "not on the roster", "nobody there has this name, address or number") for name in unknown
    ]


def flags_frame(flags: Iterable[Flag]) -> pd.DataFrame:
    """The flags as a table: submission, kind, and a sentence; sorted by kind."""
    import pandas as pd

    ordered = sorted(flags, key=lambda flag: (flag.kind, flag.submission))
    rows = [(flag.submission, flag.kind, flag.why) for flag in ordered]
    return pd.DataFrame(rows, columns=["submission", "kind", "why"]).astype("string")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
