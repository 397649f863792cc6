"""Putting cases in the harness's own process: the same answers as from a process, and nothing of it stays behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.bench.timing import unsteered
from parity_tests.harness.draw import draw, seed_of
from parity_tests.harness.process.in_process import InProcessRunner
from parity_tests.harness.process.runner import Runner
from parity_tests.protocol.case import json_params
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from parity_tests.selftest.runners import CALLS, OPTIONS, SHORT, write

SOURCE = """
import os, random
import numpy as np
def f(): return 1.5
def fails(): raise ValueError("no")
def loops():
    while True: pass
def disturbs():
    print("noise")
    np.seterr(all="raise")
    random.seed(1)
    np.random.seed(1)
    os.mkdir("left")
    return float(os.listdir() == ["left"])
def interrupts(): raise KeyboardInterrupt
"""


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Any]:
    folder = write(tmp_path / "submission", {"neural_networks.py": SOURCE, "utils.py": ""})
    probe = write(tmp_path / "probes", {"probe.py": CALLS}) / "probe.py"
    runner = InProcessRunner(folder, probe=probe, case_seconds=SHORT, **OPTIONS)
    return lambda *calls: runner.ask("case", "calls", {"calls": calls}, {}, seed=0)


def compare_answers() -> None:
    """Asserts that the parts of the shipped network answer here as in a process, bit by bit."""
    torch.set_num_threads(1)  # as in a process of a submission: more would sum in another order
    options = {**OPTIONS, "probe": ASSIGNMENT.inside.probes, "companions": ASSIGNMENT.inside.processes["parts"]}
    planned = [case for case in ASSIGNMENT.cases("2019", ["float64"]) if not case.whole and case.process == "parts"]
    cases = list({(case.probe, "full-size" in case.name): case for case in reversed(planned)}.values())
    assert len(cases) > 8
    with InProcessRunner(ASSIGNMENT.solution, **options) as here, Runner(ASSIGNMENT.solution, **options) as process:
        assert here.hello.names == process.hello.names
        for case in cases:
            arrays, seed = draw(ASSIGNMENT, case, 0), seed_of(0, case.name)
            question = (case.name, case.probe, json_params(case.params), arrays)
            one, other = here.ask(*question, seed=seed), process.ask(*question, seed=seed)
            assert one.values.keys() == other.values.keys()
            for key, value in one.values.items():
                assert (value.kind, value.detail) == (other.values[key].kind, other.values[key].detail)
                np.testing.assert_array_equal(value.array, other.values[key].array)
            assert (one.failures, one.facts, one.warnings) == (other.failures, other.facts, other.warnings)


def test_the_shipped_networks_parts_answer_as_in_a_process() -> None:
    # Whatever steers the BLAS here does not reach a submission's process, and other kernels round otherwise.
    code = f"from {__name__} import compare_answers; compare_answers()"
    environment = unsteered(1) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_a_failure_has_its_place_and_the_next_case_is_answered(ask: Callable[..., Any]) -> None:
    failed = ask("fails").failures[Key("fails")]
    assert (failed.kind, failed.file, failed.line) == ("crashed", "neural_networks.py", 5)
    assert ask("nosuch").failures[WHOLE_CASE].text.startswith("neural_networks.py defines no nosuch; it")
    assert ask("f").values[Key("f")].array == np.array(1.5)


def test_the_time_limit_holds_in_the_main_thread(ask: Callable[..., Any]) -> None:
    failed = ask("loops").failures[Key("loops")]
    assert failed.kind == "timeout"
    assert ask("f").values[Key("f")].array == np.array(1.5)


def test_another_thread_can_ask_as_well(ask: Callable[..., Any]) -> None:
    with ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(lambda _: ask("f"), range(4)))
    assert [observation.values[Key("f")].array for observation in seen] == [np.array(1.5)] * 4


def test_nothing_of_a_case_stays_behind(ask: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    before = (Path.cwd(), np.geterr(), random.getstate(), set(sys.modules), str(np.random.get_state()))
    assert ask("disturbs").values[Key("disturbs")].array == np.array(1.0)
    after = (Path.cwd(), np.geterr(), random.getstate(), set(sys.modules), str(np.random.get_state()))
    assert after == before
    assert capsys.readouterr().out == ""
    assert not Path("left").exists()


def test_an_interrupt_inside_a_call_is_the_submissions_own(ask: Callable[..., Any]) -> None:
    assert "wants to end the program" in ask("interrupts").failures[Key("interrupts")].text
