"""Puts a list of questions to a submission, and has what keeps running out of time not called any more."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from parity_tests.harness.process.runner import NotCalled, Runner
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import WHOLE_CASE

SECONDS_IN_ALL, CASES_IN_ALL = 120.0, 12
"""What a submission may take in all, over all its processes: as much as so many cases at least, if that is more."""
_AS_A_WHOLE = "as a whole"
MAX_TIMEOUTS = 2
"""Time-outs of one function, after which it is not called any more: all else is asked without it."""


def seconds_in_all(timeout: float) -> float:
    """What a submission may take in all where one case may take `timeout`, both in seconds."""
    return max(SECONDS_IN_ALL, CASES_IN_ALL * timeout)


@dataclass(frozen=True)
class Question:
    """A case as the runner is asked it. `check` is that of the case."""

    case: str
    probe: str
    params: Mapping[str, Any]
    draw: Callable[[], Mapping[str, NDArray[Any]]]
    seed: int
    check: str


class Budget:
    """What a submission may take in all: the seconds in which somebody waited for it, and what ran out of time."""

    def __init__(self, seconds: float = SECONDS_IN_ALL) -> None:
        self.seconds = seconds
        self.spent = 0.0
        self._late: Counter[str] = Counter()
        self._not_called: dict[str, NotCalled] = {}

    def once_more(self) -> "Budget":
        """One of as many seconds for the same submission: what ran out of time is known."""
        budget = Budget(self.seconds)
        budget._late, budget._not_called = self._late, self._not_called
        return budget

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count what is waited for inside."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.spent += time.monotonic() - started

    @property
    def not_called(self) -> list[NotCalled]:
        """The functions that are not called any more."""
        return [*self._not_called.values()]

    def count(self, failure: Failure, check: str) -> None:
        """Count a time-out: as that of the function in which it struck, or else of what was called, or of the check.

        It is the function that was called where the other one is not called already, and the check where neither has a
        name by which it could be kept from being called.
        """
        names = (name.partition(".<locals>")[0] for name in (failure.function, failure.called))
        known = (name for name in names if name not in self._not_called and name.replace(".", "_").isidentifier())
        name = next(known, "")
        self._late[name or f"{check}, {_AS_A_WHOLE}"] += 1
        if name and self._late[name] >= MAX_TIMEOUTS:
            where = f" ({failure.file}, line {failure.line})" if failure.file and failure.line else ""
            text = f"{name} is not called any more: it had run out of time in {MAX_TIMEOUTS} cases before{where}"
            own = failure.function.partition(".<locals>")[0] == name
            self._not_called[name] = {
                "function": name,
                "text": text,
                "file": failure.file if own else "",
                "line": failure.line if own else 0,
            }

    def over(self, check: str) -> Failure | None:
        """Why no case of a check can be asked any more; None where one can."""
        if self._late[f"{check}, {_AS_A_WHOLE}"] >= MAX_TIMEOUTS:
            return Failure("timeout", "", f"not asked: {MAX_TIMEOUTS} cases of {check} had run out of time before")
        if self.spent > self.seconds:
            more = f"--timeout {2 * self.seconds / CASES_IN_ALL:g}"
            text = f"not asked: the {self.seconds:g} seconds for the submission in all were used up; {more} gives twice"
            return Failure("unasked", "", text)
        return None


def ask_all(runner: Runner, questions: Iterable[Question], budget: Budget) -> Iterator[Observation]:
    """Yield the observations of all questions, in their order. One that is not asked has failed.

    Starting the process and importing the submission counts.
    """
    with budget.waiting():
        hello = runner.hello
    for question in questions:
        over = budget.over(question.check)
        if hello.import_failure is not None and not hello.names:
            yield _not_asked(question, replace(hello.import_failure, kind="missing"))
        elif over is not None:
            yield _not_asked(question, over)
        else:
            arrays = question.draw()
            with budget.waiting():
                seen = runner.ask(
                    question.case,
                    question.probe,
                    question.params,
                    arrays,
                    seed=question.seed,
                    not_called=budget.not_called,
                )
            late = (one for one in seen.failures.values() if one.kind == "timeout" and not one.error)
            struck = next(late, None)
            if struck is not None:
                budget.count(struck, question.check)
            yield seen


def _not_asked(question: Question, failure: Failure) -> Observation:
    return Observation(question.case, {}, {WHOLE_CASE: failure}, {}, (), 0.0)
