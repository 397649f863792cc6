"""Judges one case: holds an observation's values against what the assignment expects of the same inputs."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import PASSING, Comparison
from parity_tests.protocol.kind import Arrays, Context, Judged
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE, Key

UNREACHED = "unreached"
_WORDS = {
    "X": "its input",
    "grad": "the incoming gradient",
    "output": "the array that its forward returned",
    "Y": "the labels",
}


def judge(assignment: Assignment, case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """A comparison for each of the case's quantities, by name.

    A failure that comes of another part's is explained by that part. What a call wrote over is noted where it happened.
    """
    kind = assignment.kinds()[case.probe]
    with np.errstate(all="ignore"):  # of what a submission makes infinite, the verdict says enough
        judged = kind.judge(case, arrays, seen, context)
    for q in case.quantities:
        comparison = judged[q.name]
        if not kind.chained:
            comparison = explained_by(comparison, q.part, cause_of(assignment.by_function, case, got(seen, q.key)))
        labels = sorted({label for key, names in seen.overwritten.items() if key.name == q.key.name for label in names})
        if labels:
            comparison = comparison.noting(f"overwrites {' and '.join(_plain(label) for label in labels)}")
        judged[q.name] = comparison
    return judged


def _plain(label: str) -> str:
    return _WORDS.get(label, f"the array that is {label}")


def got(seen: Observation, key: Key) -> Returned | Failure | None:
    """What was kept under `key`: a value, its failure, or the failure that ended the case before."""
    found = seen.values.get(key) or seen.failures.get(key) or seen.failures.get(WHOLE_CASE)
    if found is None and (stop := stopped(seen)) is not None:
        stopped_at, failure = stop
        text = f"not reached: {failure.text}"
        return Failure(failure.kind, UNREACHED, text, failure.file, failure.line, function=stopped_at.name)
    return found


def stopped(seen: Observation) -> tuple[Key, Failure] | None:
    """The call at which the case ran out of time, and how."""
    return next(((key, failure) for key, failure in seen.failures.items() if failure.kind == "timeout"), None)


def cause_of(by_function: Mapping[str, str], case: Case, value: Returned | Failure | None) -> str:
    """The part of the call whose failure this is, which may be why others were never made; "" for none."""
    if not isinstance(value, Failure):
        return ""
    if value.error == UNREACHED:
        named = next((q.part for q in case.quantities if q.key.name == value.function), "")
        if named:
            return named
    # A failure's sentence begins with the function that was called: the outermost of the submission's own.
    called = value.text.removeprefix("not asked: ").removeprefix("not reached: ").split(" ", 1)[0]
    return by_function.get(called, "")


def explained_by(comparison: Comparison, part: str, cause: str) -> Comparison:
    """A failing comparison of `part`, explained by the part that caused it where that is another one."""
    if cause in ("", part) or comparison.verdict in PASSING or comparison.explained_by:
        return comparison
    return replace(comparison, explained_by=cause)
