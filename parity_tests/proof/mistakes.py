"""Negative controls: every known mistake, plugged into the solution, must be caught and called by its name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum

from parity_tests.proof.editions import edition_of
from parity_tests.proof.judged_variants import SEPARATOR, Row, failures, records
from parity_tests.proof.variants import with_mistake
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.mistake import Mistake
from reports.model.records import Record


class Outcome(StrEnum):
    """What became of a known mistake."""

    NAMED = "named"
    MISNAMED = "caught, but not called by its name"
    ELSEWHERE = "caught, but at another part"
    SURVIVED = "survived"


CAUGHT = ("caught", Outcome.NAMED, Outcome.MISNAMED, Outcome.ELSEWHERE)
"""The outcomes of what was caught: that of other variants than mistakes is the first."""


def known_mistakes(assignment: Assignment) -> Sequence[Mistake]:
    """The mistakes that the assignment knows by name, and how to make."""
    return [] if assignment.diagnosis is None else [one for one in assignment.diagnosis().mistakes if one.plug]


def parts_of(assignment: Assignment, part: str, shows_in: Collection[str] = ()) -> set[str]:
    """The parts whose cases a mistake of a part is put to: its own, and those of the checks that it shows in."""
    cases = assignment.cases(edition_of(assignment, [part]), DTYPES[:1])
    shown = {q.part for case in cases if case.check in shows_in for q in case.quantities}
    return {part, *shown}


def control(assignment: Assignment, mistake: Mistake, seed: int = 0, dtypes: Sequence[str] = DTYPES) -> Row:
    """Plugs a mistake into the solution, and checks it."""
    variant, parts = with_mistake(assignment, mistake), parts_of(assignment, mistake.part, mistake.shows_in)
    edition = edition_of(assignment, [mistake.part])
    judged = records(assignment, variant, parts=parts, seed=seed, edition=edition, dtypes=dtypes)
    return of_records(assignment, mistake, judged)


def of_records(assignment: Assignment, mistake: Mistake, judged: Sequence[Record]) -> Row:
    """What became of a mistake, by the records of a check of it."""
    causes = failures(judged)
    apart = [record for record in causes if record.check not in assignment.joint_checks]
    claimed = SEPARATOR.join(sorted({record.diagnosis for record in causes if record.diagnosis}))
    sentence = next((record.message for record in causes if record.diagnosis not in ("", mistake.name)), "")
    outcome = _outcome(mistake, apart or causes)
    return Row("mistakes", mistake.part, mistake.name, outcome, outcome is Outcome.NAMED, claimed, sentence)


def _outcome(mistake: Mistake, causes: list[Record]) -> Outcome:
    if not causes:
        return Outcome.SURVIVED
    # What is spoiled shows where it is read; what only follows from a mistake has its name.
    elsewhere = [r for r in causes if r.part != mistake.part and r.diagnosis != mistake.name]
    if not mistake.spoils and elsewhere:
        return Outcome.ELSEWHERE
    named = any(record.diagnosis == mistake.name for record in causes)
    return Outcome.NAMED if named else Outcome.MISNAMED
