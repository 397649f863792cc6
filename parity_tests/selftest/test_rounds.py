"""Cases that go on in rounds: what each brings back, its own time limit, and what ends them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from parity_tests.harness.process.runner import Runner
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from parity_tests.selftest.runners import SHORT, ask, running

PROBE = """
def calls(submission, recorder, params, arrays):
    for name in params["calls"]:
        recorder.call(name, submission.get(name))

def rounds(submission, recorder, params, arrays):
    total = arrays["start"]
    while not recorder.failures and (following := recorder.next_round()) is not None:
        total = total + following[1]["x"]
        recorder.call("answer", submission.get("answer"), total, following[0]["n"])

PROBES = {"rounds": rounds, "calls": calls}
"""
SOURCE = """
import os
import numpy as np
def answer(x, n):
    if n == 3:
        STOP
    return x * n
def g():
    return 1.5
"""


def rounds(count: int = 5, taken: list[int] | None = None) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for n in range(1, count + 1):
        if taken is not None:
            taken.append(n)
        yield {"n": n}, {"x": np.full((2, 3), float(n))}


def ask_rounds(runner: Runner, rounds: Any, seconds: float | None = None) -> Iterator[Any]:
    return runner.ask_rounds("case", "rounds", {}, {"start": np.ones(3)}, rounds, seed=0, seconds=seconds)


def test_each_round_brings_back_its_own_and_the_objects_stay(tmp_path: Path) -> None:
    with running(tmp_path, SOURCE.replace("STOP", "pass"), PROBE, forked=True) as runner:
        seen = list(ask_rounds(runner, rounds()))
        assert [observation.failures for observation in seen] == [{}] * 5
        totals = [1 + sum(range(1, n + 1)) for n in range(1, 6)]
        for n, (observation, total) in enumerate(zip(seen, totals, strict=True), start=1):
            array = observation.values[Key("answer")].array
            np.testing.assert_array_equal(array, np.full((2, 3), float(total * n)))
            assert observation.seconds >= 0
        assert ask(runner, "g").values[Key("g")].array == 1.5


def test_the_next_round_is_given_before_the_last_is_judged(tmp_path: Path) -> None:
    taken: list[int] = []
    with running(tmp_path, SOURCE.replace("STOP", "pass"), PROBE, forked=True) as runner:
        conversation = ask_rounds(runner, rounds(taken=taken))
        next(conversation)
        assert taken == [1, 2]


def test_a_round_that_overstays_is_the_last_and_says_where(tmp_path: Path) -> None:
    with running(tmp_path, SOURCE.replace("STOP", "while True: pass"), PROBE, forked=True) as runner:
        seen = list(ask_rounds(runner, rounds(), SHORT))
        assert [sorted(observation.failures) for observation in seen] == [[], [], [Key("answer")]]
        failure = seen[-1].failures[Key("answer")]
        assert (failure.kind, failure.line) == ("timeout", 6)
        assert ask(runner, "g").values[Key("g")].array == 1.5


def test_a_death_keeps_the_rounds_before_it(tmp_path: Path) -> None:
    with running(tmp_path, SOURCE.replace("STOP", "os._exit(7)"), PROBE, forked=True) as runner:
        seen = list(ask_rounds(runner, rounds()))
        assert [list(observation.values) for observation in seen] == [[Key("answer")], [Key("answer")], []]
        assert "exit status 7" in seen[-1].failures[WHOLE_CASE].text
        assert ask(runner, "g").values[Key("g")].array == 1.5


def test_whoever_stops_listening_may_ask_something_else(tmp_path: Path) -> None:
    with running(tmp_path, SOURCE.replace("STOP", "pass"), PROBE, forked=True) as runner:
        conversation = ask_rounds(runner, rounds(1000))
        next(conversation)
        conversation.close()  # type: ignore[attr-defined]
        assert ask(runner, "g").values[Key("g")].array == 1.5


def test_a_case_after_rounds_has_the_usual_time_limit(tmp_path: Path) -> None:
    source = SOURCE.replace("STOP", "pass") + "def f():\n    while True: pass\n"
    with running(tmp_path, source, PROBE, forked=True) as runner:
        assert len(list(ask_rounds(runner, rounds(2)))) == 2
        assert ask(runner, "f", seconds=SHORT).failures[Key("f")].kind == "timeout"


LARGE = """
import numpy as np
def a(): return np.full(3, 1.0)
def b(): return np.full(2 << 20, 2.0)
def c(): return np.full(3, 3.0)
"""


def test_results_small_and_large_come_in_their_order(tmp_path: Path) -> None:
    with running(tmp_path, LARGE, PROBE, forked=True) as runner:
        seen = runner.ask("case", "calls", {"calls": ["a", "b", "c"]}, {}, seed=0)
    arrays = {key.name: value.array for key, value in seen.values.items()}
    assert [(name, array[0], array.size) for name, array in arrays.items() if array is not None] == [
        ("a", 1.0, 3),
        ("b", 2.0, 2 << 20),
        ("c", 3.0, 3),
    ]
    assert not seen.failures


def test_what_came_back_stays_what_it_was_while_further_cases_are_asked(tmp_path: Path) -> None:
    with running(tmp_path, LARGE, PROBE, forked=True) as runner:
        seen = [runner.ask("case", "calls", {"calls": [name]}, {}, seed=0) for name in "acacac"]
    arrays = [value.array for observation in seen for value in observation.values.values()]
    assert [array[0] for array in arrays if array is not None] == [1.0, 3.0] * 3
