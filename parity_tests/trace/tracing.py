"""Finds how an assignment's submissions are trained beside torch, and refuses what it has not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import AssignmentError, UsageError, asking
from parity_tests.trace.training import Tracing, Training


def training_of(
    assignment: Assignment, common: Mapping[str, Any], options: Mapping[str, Any], data: Path | None
) -> Training:
    """How to train with the settings that every trace has, and with those of these options of `parity trace`.

    Raises UsageError where the assignment cannot be traced, or does not take one of the options.
    """
    if assignment.tracing is None:
        raise UsageError(f"the assignment {assignment.name} brings no training, so it cannot be traced.")
    with asking(assignment.name, "the tracing"):
        tracing = assignment.tracing()
    if not isinstance(tracing, Tracing):
        raise AssignmentError(f"the tracing of the assignment {assignment.name} is a {type(tracing).__name__}")
    for option in options:
        if option not in tracing.options:
            raise UsageError(
                f"a trace of {assignment.name} takes no {option}; it takes {', '.join(sorted(tracing.options))}, and "
                "the options of every trace."
            )
    settings = {tracing.options[option]: value for option, value in options.items()}
    with asking(assignment.name, "the training"):
        return tracing.training({**common, **settings}, data)
