"""Puts a list of questions to a submission, and waits less for those that keep running out of time."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from parity_tests.harness.process.runner import Runner
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import WHOLE_CASE

SECONDS_IN_ALL = 120.0
"""What a submission may take in all, over all its processes, where a case may take ten."""
MAX_TIMEOUTS = 2
"""Time-outs of questions that are counted together, or of one function, after which others are waited for less."""
SHORT = 0.5
"""Seconds that are waited for then: time for what is computed before the function that does not end."""


@dataclass(frozen=True)
class Question:
    """A case as the runner is asked it. `counted_as` is shared by the questions whose time-outs count together."""

    case: str
    probe: str
    params: Mapping[str, Any]
    draw: Callable[[], Mapping[str, NDArray[Any]]]
    seed: int
    counted_as: str


def seconds_in_all(of_case: float) -> float:
    """What a submission may take in all, where a case may take so long: more than usual, but never less."""
    return SECONDS_IN_ALL * max(1.0, of_case / 10)


class Budget:
    """The seconds that a submission may take in all: those in which somebody waited for it are spent."""

    def __init__(self, seconds: float = SECONDS_IN_ALL) -> None:
        self.seconds = seconds
        self.spent = 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count what is waited for inside."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.spent += time.monotonic() - started


def ask_all(runner: Runner, questions: Iterable[Question], budget: Budget) -> Iterator[Observation]:
    """Yield the observations of all questions, in their order. One that is not asked has failed as `timeout`.

    Starting the process and importing the submission counts.
    """
    timeouts: Counter[str] = Counter()
    with budget.waiting():
        hello = runner.hello
    for question in questions:
        group = question.counted_as
        if hello.import_failure is not None and not hello.names:
            yield _not_asked(question, replace(hello.import_failure, kind="missing"))
        elif budget.spent > budget.seconds:
            text = f"not asked: the {budget.seconds:g} seconds for the submission in all were used up"
            yield _not_asked(question, Failure("timeout", "", text))
        else:
            arrays = question.draw()
            limit = SHORT if timeouts[group] >= MAX_TIMEOUTS else None
            with budget.waiting():
                seen = runner.ask(
                    question.case, question.probe, question.params, arrays, seed=question.seed, seconds=limit
                )
            late = next((failure for failure in seen.failures.values() if failure.kind == "timeout"), None)
            if late is not None:
                timeouts[late.function] += 1
                timeouts[group] = max(timeouts[group] + 1, timeouts[late.function] - 1 if late.function else 0)
            yield seen


def _not_asked(question: Question, failure: Failure) -> Observation:
    return Observation(question.case, {}, {WHOLE_CASE: failure}, {}, (), 0.0)
