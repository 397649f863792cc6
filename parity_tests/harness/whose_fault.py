"""Concludes whose fault it is that a case could not be judged: by putting the same question to the solution.

What a submission's process says of a fault is no proof of one: it may have brought it about, or made it up. The harness
is at fault only where the assignment's own solution, in a fresh process, cannot be judged in this case either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from parity_tests.harness.judge import judge
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, failed
from parity_tests.protocol.errors import AssignmentError
from parity_tests.protocol.kind import Arrays, Context, Judged
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import WHOLE_CASE
from reports.model.verdicts import Verdict


def judge_anything(
    assignment: Assignment, case: Case, arrays: Arrays, observation: Observation, context: Context
) -> Judged:
    """A comparison for each of the case's quantities, by name, also where the judge breaks on what was handed over."""
    failure = observation.failures.get(WHOLE_CASE)
    if failure is not None and failure.kind == Verdict.UNASKED:
        return {q.name: failed(failure) for q in case.quantities}
    try:
        return judge(assignment, case, arrays, observation, context)
    except AssignmentError:  # which no submission can mend
        raise
    except Exception as error:
        raised = f"the judge of the assignment {assignment.name} raised {type(error).__name__}: {error}"
        problem = f"cannot be judged: what was handed over is not whole ({raised})"
        return {q.name: Comparison(Verdict.HARNESS_ERROR, problem=problem) for q in case.quantities}


def is_unclear(judged: Mapping[str, Comparison], observation: Observation) -> bool:
    """Whether the judge broke, nothing was recorded of a quantity, or the harness's code in the process failed."""
    told = any(failure.of_harness for failure in observation.failures.values())
    return told or any(comparison.verdict == Verdict.HARNESS_ERROR for comparison in judged.values())


def settle(judged: Judged, observation: Observation, of_solution: Callable[[], tuple[Judged, Observation]]) -> Judged:
    """The same, where that was unclear: harness_error if it is unclear of the solution as well, else unjudged."""
    verdict = Verdict.HARNESS_ERROR if is_unclear(*of_solution()) else Verdict.UNJUDGED
    return {
        name: replace(comparison, verdict=verdict) if _is_one(comparison) else comparison
        for name, comparison in judged.items()
    }


def _is_one(comparison: Comparison) -> bool:
    of_harness = comparison.failure is not None and comparison.failure.of_harness
    return comparison.verdict == Verdict.HARNESS_ERROR or (comparison.verdict == Verdict.UNJUDGED and of_harness)
