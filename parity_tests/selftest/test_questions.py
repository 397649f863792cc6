"""Questions: what a submission may take in all, over all its processes."""

from __future__ import annotations

from typing import Any, cast

import pytest

from parity_tests.harness.process.questions import SHORT, Budget, Question, ask_all, seconds_in_all
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

    def ask(self, case: str, probe: str, params: Any, arrays: Any, *, seed: int, seconds: float | None) -> Observation:
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
    assert kinds == [{"timeout"}] * 3, "start and questions of the first took 12 seconds of 10"
    assert "the 10 seconds for the submission in all were used up" in second[0].failures[WHOLE_CASE].text
    assert [seconds_in_all(of_case) for of_case in (1.0, 10.0, 60.0)] == [120.0, 120.0, 720.0]


class Endless:
    """Has an endless function in every case, and keeps how long each was waited for."""

    hello = Hello("", "", None, None, ("f",), (), "", "")

    def __init__(self) -> None:
        self.waited: list[float | None] = []

    def ask(self, case: str, probe: str, params: Any, arrays: Any, *, seed: int, seconds: float | None) -> Observation:
        self.waited.append(seconds)
        return Observation(case, {}, {WHOLE_CASE: Failure("timeout", "", "late", function="f")}, {}, (), 1.0)


def test_what_keeps_running_out_of_time_is_still_asked_for_what_comes_before_it_and_waited_for_less() -> None:
    questions = [Question(f"case {n}", "p", {}, dict, 0, f"group {n > 2}") for n in range(5)]
    runner = Endless()
    assert len([*ask_all(cast("Runner", runner), questions, Budget())]) == 5
    assert runner.waited == [None, None, SHORT, None, SHORT], "of another group one time-out more of this function"
