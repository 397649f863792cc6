"""Who waits for whom in a trace: nobody for what the verdict does not need."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import parity_tests.assignments.mlp.trace.twin
import parity_tests.trace.run
from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.assignments.mlp.network.replicas import Replicas
from parity_tests.assignments.mlp.trace.evaluations import MlpEvaluations
from parity_tests.assignments.mlp.trace.training import MlpTraining
from parity_tests.harness.inside import fork_server
from parity_tests.harness.process.runner import Runner
from parity_tests.selftest.small_traces import AT_STEP, SMALL, Rows, submission, traced
from parity_tests.trace.run import trace
from parity_tests.trace.training import Training

MANY = small_digits(1000, 500, 20)
TWO_STEPS = replace(SMALL, batch=500, epochs=2, drop_every=10)
"""Two steps an epoch of MANY, and three rounds of evaluations after them."""


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the copies, which wait for it in the second step, saw all evaluations of the first epoch taken in."""
    over = threading.Event()
    seen: list[bool] = []
    calls: list[None] = []
    add, step = MlpEvaluations.add, Replicas.step

    def added(self: MlpEvaluations, *arguments: Any) -> None:
        add(self, *arguments)
        if self.epochs:
            over.set()

    def waiting(self: Replicas, *arguments: Any) -> dict[str, float]:
        calls.append(None)
        if len(calls) == 2:
            seen.append(over.wait(5.0))
        return step(self, *arguments)

    monkeypatch.setattr(MlpEvaluations, "add", added)
    monkeypatch.setattr(Replicas, "step", waiting)
    return seen


def test_evaluations_go_on_while_the_copies_make_the_last_step_of_an_epoch(evaluated: list[bool]) -> None:
    run = trace(ASSIGNMENT, ASSIGNMENT.solution, MlpTraining(TWO_STEPS, MANY), Rows())
    assert evaluated == [True]
    assert (run.steps, run.divergence, run.undecided) == (4, None, None)


@pytest.mark.parametrize("alpha", [0.0, 0.9])
def test_a_bug_in_the_last_step_of_an_epoch_is_told_with_what_that_step_returned(alpha: float, tmp_path: Path) -> None:
    # L1 and L2 are counted apart: the second step's gradients are off.
    wrong = submission(tmp_path, more=AT_STEP.format(step=2, what="self.gradient['W'] = self.gradient['W'] * 1.5"))
    settings = replace(TWO_STEPS, alpha=alpha)
    on, ended = (trace(ASSIGNMENT, wrong, MlpTraining(s, MANY), Rows()) for s in (settings, replace(settings, steps=2)))
    assert on.divergence is not None
    assert on.divergence == ended.divergence
    assert on.divergence[:2] == (2, "L2 gradient of W")
    on_record, ended_record = (
        next(record for record in run.records if record.quantity == "L2 gradient of W") for run in (on, ended)
    )
    assert (on_record.blame, on_record.actual, on_record.expected) == (
        "submission",
        ended_record.actual,
        ended_record.expected,
    )
    for name, array in ended.arrays.items():
        np.testing.assert_array_equal(on.arrays[name], array)


@pytest.mark.parametrize(("enough", "times"), [(0.0, 0), (np.inf, 18)])
def test_a_known_radius_that_is_enough_waits_for_no_copies(
    enough: float, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[None] = []
    spread = Replicas.spread

    def watched(self: Replicas, *arguments: torch.Tensor) -> float:
        if threading.current_thread() is threading.main_thread():
            asked.append(None)
        return spread(self, *arguments)

    def sides(u: torch.Tensor, _: object, radius: Callable[[float], float], judged: object) -> torch.Tensor:
        assert radius(enough) >= 0
        return u > 0

    monkeypatch.setattr(Replicas, "spread", watched)
    monkeypatch.setattr(parity_tests.assignments.mlp.trace.twin, "side_of_kinks", sides)
    assert traced(ASSIGNMENT.solution).steps == 18
    assert len(asked) == times


def test_the_submissions_process_starts_before_this_one_is_kept_to_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    start = Runner.start

    @contextlib.contextmanager
    def kept(training: Training) -> Iterator[None]:
        events.append("kept")
        yield None
        events.append("free")

    def started(self: Runner) -> None:
        events.append("started")
        start(self)

    monkeypatch.setattr(Runner, "start", started)
    monkeypatch.setattr(parity_tests.trace.run, "replica_cores", kept)
    traced(ASSIGNMENT.solution, replace(SMALL, steps=1))
    assert list(dict.fromkeys(events)) == ["started", "kept", "free"]


_FAULTS = """
import resource
from parity_tests.harness.inside.fork_server import keep_freed_memory
{first}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for round in range(20):
    before = faults()
    blocks = [b"x" * (6 << 20) for _ in range(4)]
    del blocks
print(faults() - before)
"""


@pytest.mark.skipif(not fork_server.can_keep_freed_memory(), reason="the C library is not glibc")
def test_freed_memory_is_not_cleared_by_the_kernel_again() -> None:
    given_back, kept = (
        int(subprocess.run([sys.executable, "-c", _FAULTS.format(first=first)], capture_output=True, check=True).stdout)
        for first in ("", "keep_freed_memory()")
    )
    assert kept < given_back / 10
