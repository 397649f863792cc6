"""Names what went wrong: known-wrong formulas that reproduce what was returned, experiments, and simple relations.

A name is claimed only where it was reproduced: by a formula on every case of its part, within the rounding bound of
that formula, by an experiment on all of them, or by what was found, or raised.
Where several names fit, none is claimed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from parity_tests.harness.diagnosis import crashes
from parity_tests.harness.diagnosis.causes import Verdicts, fails, names_of, of_one_crash, with_causes
from parity_tests.harness.diagnosis.claims import Claims
from parity_tests.harness.diagnosis.only_one import only_one
from parity_tests.harness.diagnosis.relations import HINTS
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.diagnosis import Diagnosis, Draw, Seen
from parity_tests.protocol.kind import Kind
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.quantity import Quantity
from reports.model.notes import Note, NoteKind
from reports.model.verdicts import Verdict


@dataclass(frozen=True)
class Named:
    """Comparisons with the names of known mistakes in them, and a hint for each diagnosis."""

    verdicts: Verdicts
    hints: dict[str, str]


@np.errstate(all="ignore")  # what a wrong formula divides by 0 is no news to anybody
def name_mistakes(
    assignment: Assignment,
    plan: Sequence[Case],
    verdicts: Mapping[str, Mapping[str, Comparison]],
    seen: Seen,
    draw: Draw,
) -> Named:
    """The same comparisons, those that fail of causes of their own with the names of what they fail of.

    Names are looked for in this order: formulas, experiments, findings; then relations, and at last what
    a crash says of itself. What follows from a mistake gets that one's name. An assignment without a diagnosis has no
    names.
    """
    named = {case: dict(comparisons) for case, comparisons in verdicts.items()}
    if assignment.diagnosis is None:
        return Named(named, {})
    diagnosis = assignment.diagnosis()
    calls = _calls(assignment.kinds, diagnosis, plan, named, seen, draw)
    claims = Claims(diagnosis, calls, {case.name: case for case in plan})
    _claim(named, calls, claims.mistake)
    _claim_told(diagnosis, plan, named, seen, draw)
    _claim_causes(diagnosis, named)
    _claim(named, calls, claims.relation)
    for case in plan:
        for q in case.quantities:
            comparison = named[case.name][q.name]
            if comparison.verdict == Verdict.CRASHED and fails(comparison) and not comparison.diagnosis:
                told = "" if _is_told_by_parts(case) else crashes.name_of(comparison.failure)
                named[case.name][q.name] = replace(comparison, diagnosis=told)
    _claim_causes(diagnosis, named)
    claimed = set[str]().union(*map(names_of, named.values()))
    for case in plan:
        named[case.name] = with_causes(named[case.name], diagnosis.hidden_in_check.get(case.check, {}), claimed)
    hints = all_hints(diagnosis)
    claimed = set[str]().union(*map(names_of, named.values()))
    return Named(named, {name: hints[name] for name in sorted(claimed) if hints.get(name)})


def all_hints(diagnosis: Diagnosis) -> dict[str, str]:
    """The hint of every name that an assignment may give, and of those that any may."""
    return {**crashes.HINTS, **HINTS, **diagnosis.hints}


def _calls(
    kinds: Mapping[str, Kind],
    diagnosis: Diagnosis,
    plan: Sequence[Case],
    verdicts: Verdicts,
    seen: Seen,
    draw: Draw,
) -> list[Call]:
    """The calls of all cases of the checks that fail, and of the parts of those that put several to work together."""
    checks = set()
    for case in plan:
        if case.name in seen and any(fails(verdicts[case.name][q.name]) for q in case.quantities):
            checks |= {case.check, *diagnosis.composed.get(case.check, ())}
    calls: list[Call] = []
    for case in plan:
        if case.check in checks:
            calls += kinds[case.probe].evidence(case, draw(case), seen[case.name], verdicts[case.name])
    return calls


def _claim(verdicts: Verdicts, calls: Sequence[Call], claim: Callable[[Call], str]) -> None:
    """Gives every call that fails of its own and has no name yet the one that is claimed for it."""
    for call in calls:
        comparison = verdicts[call.case][call.quantity]
        if fails(comparison) and not comparison.diagnosis and (name := claim(call)):
            verdicts[call.case][call.quantity] = replace(comparison, diagnosis=name)


def _claim_causes(diagnosis: Diagnosis, verdicts: Verdicts) -> None:
    """Gives what follows from a crash, or from a mistake in the same case, the name of that."""
    for case, comparisons in verdicts.items():
        named = of_one_crash(comparisons)
        verdicts[case] = with_causes(named, {**crashes.HIDDEN, **diagnosis.hidden_in_case}, names_of(named))


def _claim_told(diagnosis: Diagnosis, plan: Sequence[Case], verdicts: Verdicts, seen: Seen, draw: Draw) -> None:
    """Gives what fails of its own the one name that an experiment, what was found, or what was overwritten tells."""
    asked = [(case, q) for case in plan for q in case.quantities]
    for case, q in asked:
        comparison = verdicts[case.name][q.name]
        if diagnosis.reopened is not None and comparison.verdict == Verdict.UNDECIDED and comparison.explained_by:
            settled = diagnosis.reopened(plan, case, q, comparison, seen, draw)
            verdicts[case.name][q.name] = settled or comparison.instead or comparison
    for case, q in asked:
        comparison = verdicts[case.name][q.name]
        if fails(comparison) and not comparison.diagnosis:
            names, faults = _told(diagnosis, plan, case, q, comparison, seen, draw)
            verdicts[case.name][q.name] = replace(comparison, diagnosis=only_one(names)).noting(*faults)


def _told(
    diagnosis: Diagnosis, plan: Sequence[Case], case: Case, q: Quantity, comparison: Comparison, seen: Seen, draw: Draw
) -> tuple[Sequence[str], list[Note]]:
    """The names that an experiment tells, or that the failure shows; and what broke on the way."""
    names, faults = diagnosis.experiments(plan, case, q, seen, draw), list[Note]()
    for shown in diagnosis.shown:
        try:
            names = names or shown(case, q, comparison, seen[case.name])
        except Exception as error:  # its text may be the submission's
            why = f"Parity's own fault: a known mistake could not be looked for ({type(error).__name__})"
            faults.append(Note(NoteKind.FAULT, why))
    return names, faults


def _is_told_by_parts(case: Case) -> bool:
    """Whether what the parts of a whole do wrong is told by their own cases."""
    return case.whole and case.process == "parts"
