"""The flags of a class: which submissions a human should look at, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from parity_tests.grading.alike import SOLUTION
from parity_tests.grading.folder import Result
from parity_tests.grading.intake.attempt import HandIn
from parity_tests.grading.intake.given import handed_out, not_handed_out
from parity_tests.grading.intake.likeness import Cluster, Pair, joined
from parity_tests.grading.roster import Person, who_may_be
from reports.model.notes import NoteKind
from reports.model.parts import Parts
from reports.model.phrases import near_names, quantities
from reports.model.points import Points
from reports.model.records import Record
from reports.model.verdicts import FAILING, MATCH, Verdict

if TYPE_CHECKING:
    import pandas as pd

_NAMED = 8
"""Names that one sentence lists."""


class FlagKind(StrEnum):
    """Why a human should look at a submission, the most urgent first."""

    DAMAGED = "damaged"
    HARNESS_ERROR = "harness error"
    NOTHING_TO_RUN = "nothing to run"
    DOES_NOT_IMPORT = "does not import"
    LEFT_OUT = "left out"
    LEFT_OPEN = "left open"
    UNDECIDED = "undecided"
    ANOTHER_EDITION = "another edition"
    ANOTHER_VERSION = "another version"
    LATE = "late"
    HANDED_IN_TWICE = "handed in twice"
    SHARED_NAME = "shared name"
    NOT_ON_THE_ROSTER = "not on the roster"
    HANDED_IN_NOTHING = "handed in nothing"
    CONCEALED = "concealed"
    NOT_AS_GIVEN = "not as given"
    IDENTICAL = "identical"
    ALIKE = "alike"


def counted(flags: Iterable[Flag]) -> dict[str, int]:
    """How many flags there are of each kind, the most urgent first."""
    counts = Counter(flag.kind for flag in flags)
    return {kind.value: counts[kind] for kind in FlagKind if counts[kind]}


@dataclass(frozen=True)
class Flag:
    """A submission that a human should look at, or somebody who handed nothing in, and why.

    `nameless` says why without naming anybody, for where names are left out or stand beside it; "" where nothing can.
    """

    submission: str
    kind: FlagKind
    why: str
    nameless: str = ""


def flags_of(result: Result, points: Points, edition: str) -> list[Flag]:
    """Why this submission alone needs a human look."""
    flags = []
    if result.damage:
        why = f"{result.damage} is not as it was written; `parity grade --only` with this name makes it anew"
        return [Flag(result.name, FlagKind.DAMAGED, why)]
    if result.trouble or points.faults:
        why = result.trouble or f"{points.faults} records are Parity's own faults"
        flags.append(Flag(result.name, FlagKind.HARNESS_ERROR, why))
    flags += [Flag(result.name, FlagKind.UNDECIDED, f"nothing of {item} could be decided") for item in points.undecided]
    if result.missing:
        flags.append(Flag(result.name, FlagKind.NOTHING_TO_RUN, result.missing))
    if result.refused and result.refused != result.missing:
        flags.append(Flag(result.name, FlagKind.LEFT_OUT, result.refused))
    if result.import_problem:
        flags.append(Flag(result.name, FlagKind.DOES_NOT_IMPORT, result.import_problem))
    if result.edition_seen and result.edition_seen != edition:
        why = f"its source is that of the edition {result.edition_seen}; it was judged by the class's, {edition}"
        flags.append(Flag(result.name, FlagKind.ANOTHER_EDITION, why))
    return flags


def record_flags(name: str, records: Sequence[Record], labels: Parts) -> list[Flag]:
    """What of this submission cannot be told right from wrong, by parts, also where it fails for that.

    And what of Parity's own broke as it was named.
    """
    others = [record for record in records if record.verdict != MATCH]
    unasked = [record for record in others if record.verdict == Verdict.UNASKED]
    elements: Counter[str] = Counter()
    wrong: set[str] = set()
    for record in others:
        is_open = record.verdict == Verdict.UNJUDGED and record.undecided
        if not record.explained_by and (is_open or record.verdict == Verdict.UNDECIDED):
            elements[record.part] += record.undecided or record.total or 1
            wrong |= {record.part} if record.verdict == Verdict.UNJUDGED else set()
    flags = []
    if unasked:
        which = f"{labels.listed(labels.within(unasked))}: {quantities(len(unasked))}"
        why = f"{which} were not asked, since the time in all was used up; they count as wrong until"
        flags.append(Flag(name, FlagKind.UNDECIDED, f"{why} `parity grade --only` with a longer --timeout asks them"))
    for part, count in elements.items():
        why = f"{labels.label(part)}: {count} elements cannot be decided"
        why += "; they count as wrong until a grader reviews it" if part in wrong else ""
        flags.append(Flag(name, FlagKind.UNDECIDED, why))
    noted = (note for record in records if record.note for note in record.notes)
    broken = dict.fromkeys(note.text for note in noted if note.kind is NoteKind.FAULT)
    flags += [Flag(name, FlagKind.HARNESS_ERROR, why) for why in broken]
    return flags + _left_open(name, records, labels)


def _left_open(name: str, records: Sequence[Record], labels: Parts) -> list[Flag]:
    """What of this submission is said to fail because of another part and cannot be asked without that one.

    What fails because of the one part that its check is of is no question, and simply wrong; and of what a file that
    does not import holds nothing is left open.
    """
    of_check: dict[str, set[str]] = {}
    for record in records:
        if not record.explained_by:
            of_check.setdefault(record.check, set()).add(record.part)
    found: dict[str, set[str]] = {}
    failing: set[str] = set()
    imports = not any(record.check == "import" and record.verdict in FAILING for record in records)
    for record in (one for one in records if one.explained_by not in ("", one.part)):
        unread = record.verdict == Verdict.MISSING and not imports
        is_open = record.verdict in FAILING | {Verdict.UNDECIDED} and not record.excuse
        if is_open and not unread and (record.undecided or of_check.get(record.check) != {record.explained_by}):
            found.setdefault(record.explained_by, set()).add(record.part)
            failing |= {record.explained_by} if record.verdict in FAILING else set()
    flags = []
    for cause, own in found.items():
        which = labels.listed(sorted(own, key=labels.order))
        why = f"{which} cannot be judged, wholly or in part, because {labels.label(cause)} is wrong"
        why += "; that counts as wrong until a grader gives points for it (--overrides)" * (cause in failing)
        flags.append(Flag(name, FlagKind.LEFT_OPEN, why))
    return flags


def _is_one(cluster: Cluster) -> bool:
    """Whether none of its sources has an own line that another one lacks."""
    return all(pair.is_whole for pair in cluster.pairs)


def likeness_flags(found: Iterable[Cluster], called: Mapping[str, str]) -> list[Flag]:
    """Which submissions are copies of one another, or of the assignment's own solution, wholly or in part.

    Each says whose lines it shares most, of the cluster all say the same. Those of a cluster that have all their own
    lines in common are a cluster in it, too. `called` is how each submission is named.
    """
    flags = []
    numbered: list[tuple[str, Cluster]] = []
    for number, cluster in enumerate(found, 1):
        same = [pair for pair in cluster.pairs if pair.is_whole and SOLUTION not in (pair.one, pair.other)]
        within = joined(same) if not _is_one(cluster) else []
        numbered += [(f"{number}.{nth}", copies) for nth, copies in enumerate(within, 1)] + [(f"{number}", cluster)]
    for label, cluster in numbered:
        people = [name for name in cluster.members if name != SOLUTION]
        lowest, highest = (f"{100 * share:.0f}" for share in (cluster.pairs[-1].share, cluster.pairs[0].share))
        share = lowest if lowest == highest else f"{lowest} to {highest}"
        given = ", with the assignment's solution" if SOLUTION in cluster.members else ""
        nameless = f"cluster {label}{given}: {share} % of own lines shared"
        kind = FlagKind.IDENTICAL if _is_one(cluster) else FlagKind.ALIKE
        nearest: dict[str, Pair] = {}
        for pair in reversed(cluster.pairs):
            nearest |= {pair.one: pair, pair.other: pair}
        for name in people:
            pair = nearest[name]
            other = pair.other if name == pair.one else pair.one
            whom = "the assignment's own solution" if other == SOLUTION else called[other]
            why = f"cluster {label}: {pair.common} of {pair.own} own lines are those of {whom}, the most similar"
            flags.append(Flag(name, kind, why, nameless))
    return flags


def concealed_flags(results: Iterable[Result], worth: Collection[str]) -> list[Flag]:
    """Which of those `worth` a look have code that does not stand in them, so that nobody can say whose it is."""
    return [Flag(r.name, FlagKind.CONCEALED, r.concealed) for r in results if r.concealed and r.name in worth]


def given_flags(
    results: Iterable[Result], worth: Collection[str], starter: Mapping[str, bytes], asked: Collection[str]
) -> list[Flag]:
    """Which of those `worth` a look changed what all were given, which other code may take for granted."""
    given = {result.name: result.given for result in results if result.given and result.name in worth}
    known, by = handed_out(given, starter), "as the starter has it" if starter else "as most handed it in"
    flags = []
    for name, files in given.items():
        for file, own in files.items():
            if others := not_handed_out(own, known[file], asked) if file in known else []:
                be = "is" if len(others) == 1 else "are"
                why = f"{file} was given and is not {by}: {few(others)} {be} changed or put in"
                flags.append(Flag(name, FlagKind.NOT_AS_GIVEN, why, why))
    return flags


def version_flags(results: Iterable[Result], versions: Mapping[str, str]) -> list[Flag]:
    """Which submissions were checked by other versions than those that the class was begun with."""
    flags = []
    for result in results:
        others = [f"{name} {now}" for name, now in result.versions.items() if versions.get(name, now) != now]
        if others:
            begun = ", ".join(f"{name} {versions[name]}" for name in result.versions if name in versions)
            why = f"it was checked by {', '.join(others)}, and the class was begun with {begun}"
            flags.append(Flag(result.name, FlagKind.ANOTHER_VERSION, why))
    return flags


def roster_flags(
    roster: Sequence[Person], hand_ins: Iterable[HandIn], people: Mapping[str, Sequence[Person | None]]
) -> list[Flag]:
    """Who is on the roster and handed nothing in; which submissions are somebody's who is not on it."""
    if not roster:
        return []
    present = {id(person) for persons in people.values() for person in persons}
    absent = [person for person in roster if id(person) not in present]
    flags: list[Flag] = []
    shared: dict[int, str] = {}
    for hand_in in hand_ins:
        for member, person in zip(hand_in.people, people[hand_in.name], strict=True):
            if person is not None:
                continue
            if namesakes := who_may_be(roster, hand_in, member):
                shared |= {id(one): hand_in.name for one in namesakes}
                who = " or ".join(f"{one.name} ({', '.join(filter(None, (one.email, *one.ids)))})" for one in namesakes)
                why = f"its name is that of {len(namesakes)} on the roster, {who}: a number or an address tells which"
                flags.append(Flag(hand_in.name, FlagKind.SHARED_NAME, why))
                continue
            who = f"nobody there has the name, address or number of {member.name or member.email}"
            why = who if hand_in.members else "nobody there has this name, address or number"
            why += near_names(member.name or hand_in.name, [one.name for one in absent])
            flags.append(Flag(hand_in.name, FlagKind.NOT_ON_THE_ROSTER, why))
    nothing = []
    for person in absent:
        may_be = f", unless {shared[id(person)]} is theirs" if id(person) in shared else ""
        nothing.append(Flag(person.name, FlagKind.HANDED_IN_NOTHING, f"nothing submitted{may_be}"))
    return nothing + flags


def twice_flags(hand_ins: Iterable[HandIn], people: Mapping[str, Sequence[Person | None]]) -> list[Flag]:
    """Which submissions are of somebody who has another one that counts: alone and in a group, or in two groups."""
    of_person: dict[object, list[tuple[str, str]]] = {}
    for hand_in in hand_ins:
        for member, person in zip(hand_in.people, people[hand_in.name], strict=True):
            who = id(person) if person else member.key
            if who:
                of_person.setdefault(who, []).append((hand_in.name, member.name or member.email or hand_in.name))
    flags = []
    for found in of_person.values():
        for name, who in found if len(found) > 1 else ():
            others = few([other for other, _ in found if other != name])
            flags.append(Flag(name, FlagKind.HANDED_IN_TWICE, f"{who} has handed in {others} as well"))
    return flags


def flags_frame(flags: Iterable[Flag], called: Mapping[str, str]) -> pd.DataFrame:
    """The flags as a table: submission, kind, whose it is, a sentence, and one that names nobody; sorted by urgency."""
    import pandas as pd

    order = [*FlagKind]
    rows = [
        (flag.submission, flag.kind, called.get(flag.submission, flag.submission), flag.why, flag.nameless)
        for flag in sorted(flags, key=lambda flag: (order.index(flag.kind), flag.submission))
    ]
    return pd.DataFrame(rows, columns=["submission", "kind", "student", "why", "nameless"]).astype("string")


def few(names: Sequence[str]) -> str:
    """The names in one sentence: the first of many, and how many more."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ("; " if any("," in name for name in names) else ", ").join(names[:_NAMED]) + more
