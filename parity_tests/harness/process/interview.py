"""Puts a list of questions to a submission, and stops asking where it keeps overstaying its time."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from parity_tests.harness.process.runner import Runner
from parity_tests.protocol.observation import Failure, Observation

STRIKES = 2
"""Time-outs in one part after which its remaining questions are not asked."""


@dataclass(frozen=True)
class Question:
    """A case as the runner is asked it; `strikes` is what its time-outs count against."""

    case: str
    probe: str
    params: Mapping[str, Any]
    draw: Callable[[], Mapping[str, NDArray[Any]]]
    seed: int
    strikes: str


def interview(runner: Runner, questions: Iterable[Question], *, seconds_in_all: float) -> Iterator[Observation]:
    """The observations of all questions, in their order; those not asked any more fail as `timeout`."""
    strikes: Counter[str] = Counter()
    functions: dict[str, str] = {}
    end = time.monotonic() + seconds_in_all
    hello = runner.hello
    for question in questions:
        if hello.import_failure is not None and not hello.names:
            yield _not_asked(question, replace(hello.import_failure, kind="missing"))
        elif strikes[question.strikes] >= STRIKES:
            function = functions.get(question.strikes, "")
            text = f"not asked: {function or question.strikes} had run out of time in {STRIKES} cases before"
            yield _not_asked(question, Failure("timeout", "", text, function=function))
        elif time.monotonic() > end:
            text = f"not asked: the {seconds_in_all:g} seconds for the submission in all were used up"
            yield _not_asked(question, Failure("timeout", "", text))
        else:
            seen = runner.ask(question.case, question.probe, question.params, question.draw(), seed=question.seed)
            late = [failure for failure in seen.failures.values() if failure.kind == "timeout"]
            if late:
                strikes[question.strikes] += 1
                functions[question.strikes] = late[0].function
            yield seen


def _not_asked(question: Question, failure: Failure) -> Observation:
    return Observation(question.case, {}, {"": failure}, {}, (), 0.0)
