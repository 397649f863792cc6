"""Negative controls: every known mistake, plugged into the shipped network, must be caught and called by its name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from parity_tests.proof.judged_variants import Wanted, records, with_own_parts
from parity_tests.proof.variants import with_mistake
from parity_tests.protocol.case import Case
from parity_tests.protocol.mistake import Mistake
from reports.model.records import FAILING, Record

CHECKS = {
    "1": ("sgd",), "2": ("linear",), "3": ("linear",), "4": ("linear",), "5": ("tanh",), "6": ("tanh",),
    "7": ("relu",), "8": ("relu",), "9": ("dropout",), "10": ("main",), "utils": ("loss", "utils"),
}  # fmt: skip
"""The checks whose cases a TODO's mistakes show in."""


class Outcome(StrEnum):
    """What became of a known mistake."""

    NAMED = "named"
    MISNAMED = "caught, but not called by its name"
    ELSEWHERE = "caught, but at another TODO"
    SURVIVED = "survived"


@dataclass(frozen=True)
class Control:
    """One negative control: the outcome, and the names that were claimed."""

    mistake: Mistake
    outcome: Outcome
    claimed: tuple[str, ...]


def wanted(mistake: Mistake) -> Wanted:
    """The cases that a mistake is put to: its TODO's, or those that it shows in; of main those with correct parts."""
    checks = mistake.shows_in or CHECKS[mistake.part]

    def choose(case: Case) -> bool:
        return case.check in checks and not with_own_parts(case)

    return choose


def control(mistake: Mistake, seed: int = 0) -> Control:
    """Plug a mistake into the shipped network, and see what the harness answers."""
    bad = [r for r in records(with_mistake(mistake), wanted(mistake), seed) if r.verdict in FAILING]
    causes = [record for record in bad if not record.explained_by]
    return Control(mistake, _outcome(mistake, causes), tuple(sorted({r.diagnosis for r in causes if r.diagnosis})))


def judged(mistake: Mistake) -> Outcome:
    """The outcome alone."""
    return control(mistake).outcome


def _outcome(mistake: Mistake, causes: list[Record]) -> Outcome:
    if not causes:
        return Outcome.SURVIVED
    # What is overwritten shows where it is read.
    if not mistake.spoils and any(record.part != mistake.part for record in causes):
        return Outcome.ELSEWHERE
    named = any(mistake.name in record.diagnosis.split("; ") for record in causes)
    return Outcome.NAMED if named else Outcome.MISNAMED
