"""Questions: what a submission may take in all, over all its processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from parity_tests.harness.process.questions import Budget, Question, ask_all, seconds_in_all
from parity_tests.harness.process.runner import Runner
from parity_tests.protocol.observation import Failure, Hello, Observation
from parity_tests.protocol.quantity import WHOLE_CASE


class Clock:
    """A clock that goes only where somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class SlowRunner:
    """Says hello after so many seconds, and takes as many for each question; no process is started."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds

    @property
    def hello(self) -> Hello:
        self.clock.now += self.seconds
        return Hello("", "", None, None, ("f",), (), "", "")

    def ask(
        self, case: str, probe: str, params: Any, arrays: Any, *, seed: int, not_called: Sequence[Any]
    ) -> Observation:
        self.clock.now += self.seconds
        return Observation(case, {}, {}, {}, (), self.seconds)


def test_all_processes_of_a_submission_share_one_time_in_which_their_start_counts_and_our_own_work_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr("parity_tests.harness.process.questions.time", clock)

    def draw() -> dict[str, Any]:
        clock.now += 1000.0
        return {}

    questions = [Question(f"case {n}", "p", {}, draw, 0, f"group {n}") for n in range(3)]
    budget = Budget(10.0)
    runners = [cast("Runner", SlowRunner(clock, 3.0)) for _ in range(2)]
    first, second = ([*ask_all(runner, questions, budget)] for runner in runners)
    assert [bool(seen.failures) for seen in first] == [False, False, False]
    kinds = [{failure.kind for failure in seen.failures.values()} for seen in second]
    assert kinds == [{"unasked"}] * 3, "start and questions of the first took 12 seconds of 10"
    assert "the 10 seconds for the submission in all were used up" in second[0].failures[WHOLE_CASE].text


def test_what_hangs_twice_is_not_called_any_more_or_else_what_had_called_it_or_its_check_is_over() -> None:
    budget = Budget()
    inner, unknown = Failure("timeout", "", "", "a.py", 3, "f.<locals>.g", "h"), Failure("timeout", "", "")
    for failure, named in ((inner, []), (inner, ["f"]), (inner, ["f"]), (inner, ["f", "h"]), (unknown, ["f", "h"])):
        budget.count(failure, "check")
        assert [one["function"] for one in budget.once_more().not_called] == named
    assert budget.over("check") is None
    budget.count(unknown, "check")
    over = budget.over("check")
    assert over is not None
    assert (over.kind, budget.over("another")) == ("timeout", None)
    assert [(one["file"], one["line"]) for one in budget.not_called] == [("a.py", 3), ("", 0)]


def test_who_gives_a_case_more_than_a_twelfth_of_the_time_in_all_gives_more_in_all() -> None:
    assert [seconds_in_all(timeout) for timeout in (0.3, 10.0, 60.0)] == [120.0, 120.0, 720.0]
