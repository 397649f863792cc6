"""Which of an assignment's cases a changed solution is put to."""

from __future__ import annotations

from collections.abc import Container, Sequence

from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES, Case


def all_cases(assignment: Assignment) -> list[Case]:
    """Every case of the first edition, in both dtypes."""
    return assignment.cases(assignment.editions.default, DTYPES)


def checks_of(assignment: Assignment, part: str) -> frozenset[str]:
    """The checks that a part has to itself; all that it has a quantity of where it shares every one of them."""
    checks = {case.check for case in all_cases(assignment) if any(q.part == part for q in case.quantities)}
    return frozenset(checks - set(assignment.joint_checks) or checks)


def cases_apart(assignment: Assignment, checks: Container[str]) -> list[Case]:
    """The cases of these checks, but those of the whole in which the submission's own parts stand.

    The latter are left out only where the whole is asked with correct parts too.
    """
    cases = [case for case in all_cases(assignment) if case.check in checks]
    first_process = next(iter(assignment.inside.processes))
    own_parts = [case for case in cases if case.whole and case.process == first_process]
    with_correct_parts = [case for case in cases if case.whole and case.process != first_process]
    return [case for case in cases if case not in own_parts] if with_correct_parts else cases


def others(assignment: Assignment, cases: Sequence[Case]) -> list[Case]:
    """All other cases."""
    names = {case.name for case in cases}
    return [case for case in all_cases(assignment) if case.name not in names]
