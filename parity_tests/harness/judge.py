"""Judges one case: holds an observation's values against what the assignment expects of the same inputs."""

import numpy as np

from parity_tests.harness.explanation import cause_of, explained_by
from parity_tests.harness.returned import result_of
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind
from parity_tests.protocol.observation import Observation
from reports.model.notes import NoteKind


def judge(assignment: Assignment, case: Case, arrays: Arrays, observation: Observation, context: Context) -> Judged:
    """A comparison for each of the case's quantities, by name.

    A failure that comes of another part's is explained by that part. What a call wrote over is noted where it happened.
    """
    kind = assignment.kinds[case.probe]
    with np.errstate(all="ignore"):  # a warning of numpy's would only repeat the verdict
        judged = kind.judge(case, arrays, observation, context)
    for q in case.quantities:
        comparison = judged[q.name]
        if not kind.chained:
            cause = cause_of(assignment.by_function, case, result_of(observation, q.key))
            comparison = explained_by(comparison, q.part, cause)
        written = _overwriting(kind, observation, q.key.name)
        judged[q.name] = comparison.noting(written, kind=NoteKind.OVERWRITES)
    return judged


def _overwriting(kind: Kind, observation: Observation, name: str) -> str:
    """The note on the arrays that the calls of this name have written over, "" for none."""
    labels = {label for key, written in observation.overwritten.items() if key.name == name for label in written}
    arrays = [kind.labels.get(label, f"the array that is {label}") for label in sorted(labels)]
    return f"overwrites {' and '.join(arrays)}" if arrays else ""
