"""What grading a class would do: who would be checked, as whom, and from which files. Nothing is run or written."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from parity_tests.grading.check_class import Request, asked_alone, digest_of, judge, understand
from parity_tests.grading.flags import Flag, roster_flags, twice_flags
from parity_tests.grading.folder import GradingFolder
from parity_tests.grading.intake.attempt import HandIn
from parity_tests.grading.intake.prepare import Prepared, prepare
from parity_tests.grading.roster import Person
from parity_tests.harness.sandbox.isolation import Level

CHECK, DONE, LEFT, NOTHING = "to check", "checked already", "left out", "nothing to run"


@dataclass(frozen=True)
class Planned:
    """A submission: whose it is, its files or why there is nothing to run, and what would be done with it."""

    hand_in: HandIn
    people: tuple[Person | None, ...]
    files: tuple[str, ...]
    missing: str
    notes: tuple[str, ...]
    what: str

    @property
    def who(self) -> str:
        """Whose it is, as the roster or else the course site calls them."""
        named = [
            (person.name or person.email) if person else member.name or member.email
            for member, person in zip(self.hand_in.people, self.people, strict=True)
        ]
        return ", ".join(filter(None, named))


@dataclass(frozen=True)
class Plan:
    """What a request would do, and with what; `former` were graded before, and will be in the tables no more.

    `look` is what is known of people: who is on the roster and handed nothing in, who is not on it, who is in it twice.
    `remarks` are sentences on what was taken for what.
    """

    assignment: str
    edition: str
    format: str
    level: Level
    planned: tuple[Planned, ...]
    replaced: tuple[HandIn, ...]
    ignored: tuple[str, ...]
    former: tuple[str, ...]
    look: tuple[Flag, ...]
    remarks: tuple[str, ...]


def _what(prepared: Prepared, *, wanted: bool, done: bool) -> str:
    """What would be done with a submission; where there is nothing to run, that, for it is its 0 whatever is done."""
    if not wanted:
        return LEFT
    if prepared.missing:
        return NOTHING
    return DONE if done else CHECK


def plan(request: Request) -> Plan:
    """What would be done for this request. Raises UsageError for what could not be started."""
    asked = understand(request)
    files = judge(request, asked)
    only = asked_alone(request, asked, files)
    folder = GradingFolder(request.out)
    settings = asked.info.settings
    if folder.begun:
        settings = msgspec.structs.replace(settings, seed=folder.info().settings.seed)
    hand_ins = [files.known(attempt.hand_in) for attempt in asked.intake.attempts]
    planned = []
    for hand_in, attempt in zip(hand_ins, asked.intake.attempts, strict=True):
        prepared = prepare(attempt.entries, asked.assignment)
        result = None if only else folder.result(attempt.name)
        done = result is not None and not result.trouble and result.digest == digest_of(attempt, prepared, settings)
        planned.append(
            Planned(
                hand_in=hand_in,
                people=tuple(files.people[attempt.name]),
                files=tuple(name for name, _ in prepared.files),
                missing=prepared.missing,
                notes=prepared.notes,
                what=_what(prepared, wanted=not only or attempt.name in only, done=done),
            )
        )
    intake = asked.intake
    return Plan(
        settings.assignment,
        settings.edition,
        intake.format,
        asked.level,
        tuple(planned),
        tuple(attempt.hand_in for attempt in intake.replaced),
        intake.ignored,
        tuple(folder.former({hand_in.name for hand_in in hand_ins})),
        (*roster_flags(files.roster, hand_ins, files.people), *twice_flags(hand_ins, files.people)),
        asked.remarks,
    )
