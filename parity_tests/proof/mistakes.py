"""Negative controls: every known mistake, plugged into the solution, must be caught and called by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from parity_tests.proof.cases import cases_apart, checks_of
from parity_tests.proof.judged_variants import records
from parity_tests.proof.variants import with_mistake
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case
from parity_tests.protocol.mistake import Mistake
from reports.model.records import FAILING, Record


class Outcome(StrEnum):
    """What became of a known mistake."""

    NAMED = "named"
    MISNAMED = "caught, but not called by its name"
    ELSEWHERE = "caught, but at another part"
    SURVIVED = "survived"


@dataclass(frozen=True)
class Control:
    """One negative control: the outcome, and the names that were claimed."""

    mistake: Mistake
    outcome: Outcome
    claimed: tuple[str, ...]


def known_mistakes(assignment: Assignment) -> Sequence[Mistake]:
    """The mistakes that the assignment knows by name."""
    return () if assignment.diagnosis is None else assignment.diagnosis().mistakes


def cases_of(assignment: Assignment, mistake: Mistake) -> list[Case]:
    """The cases that a mistake is put to: those that its part has to itself, or those that it shows in."""
    return cases_apart(assignment, mistake.shows_in or checks_of(assignment, mistake.part))


def control(assignment: Assignment, mistake: Mistake, seed: int = 0) -> Control:
    """Plugs a mistake into the solution, and judges it."""
    judged = records(assignment, with_mistake(assignment, mistake), cases_of(assignment, mistake), seed)
    causes = [record for record in judged if record.verdict in FAILING and not record.explained_by]
    return Control(mistake, _outcome(mistake, causes), tuple(sorted({r.diagnosis for r in causes if r.diagnosis})))


def _outcome(mistake: Mistake, causes: list[Record]) -> Outcome:
    if not causes:
        return Outcome.SURVIVED
    # What is spoiled shows where it is read.
    if not mistake.spoils and any(record.part != mistake.part for record in causes):
        return Outcome.ELSEWHERE
    named = any(mistake.name in record.diagnosis.split("; ") for record in causes)
    return Outcome.NAMED if named else Outcome.MISNAMED
