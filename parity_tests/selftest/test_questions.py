"""Questions: what a submission may take in all, over all its processes."""

from __future__ import annotations

from typing import Any, cast

import pytest

from parity_tests.harness.process.questions import Budget, Question, ask_all
from parity_tests.harness.process.runner import Runner
from parity_tests.protocol.observation import Hello, Observation
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

    def ask(self, case: str, probe: str, params: Any, arrays: Any, *, seed: int) -> Observation:
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
