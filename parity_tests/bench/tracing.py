"""`parity trace` against the two trainings that it holds side by side, each run bare in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial

from parity_tests.assignments.mlp.trace.settings import Settings
from parity_tests.bench.process import run
from parity_tests.bench.timing import Timings, in_turn
from parity_tests.bench.training import SIDES

CASES = ((512, 1, 18), (5, 50, 1000))
"""Batch, `--every` and steps of each case: whole epochs, so that evaluations have their share."""
DTYPES = ("float64", "float32")
TARGETS = {512: 2.5, 5: 4.0}
"""The largest ratios asked for, of a trace with its replicas to the sum of both trainings, by batch."""


def cases() -> Iterator[tuple[int, int, int, str]]:
    """Every case in each dtype."""
    yield from ((batch, every, steps, dtype) for batch, every, steps in CASES for dtype in DTYPES)


def time_trace(batch: int, every: int, steps: int, dtype: str, rounds: int) -> Timings:
    """Seconds a step: the whole trace, the same without its replicas, one replica, torch alone, both trainings.

    Everything is imported before the clock starts. The evaluations after each epoch count for the trace and for the
    sum, as both have them, but not for what is called torch, beside which a replica stands. The replicas run beside
    everything else, one after the other on one thread: what they take of the processor is taken off the whole.
    """
    command = [sys.executable, "-m", "parity_tests.bench.training"]

    def side(name: str) -> dict[str, float]:
        seconds: dict[str, float] = json.loads(run([*command, name, str(batch), dtype, str(steps), str(every)]))
        return seconds

    rows = in_turn({name: partial(side, name) for name in SIDES}, rounds + 1)[1:]  # the first warms up
    per_step: dict[str, list[float]] = {"whole": [], "trace": [], "replica": [], "torch": [], "both bare": []}
    for row in rows:
        per_step["whole"].append(row["trace"]["step"] / steps)
        per_step["trace"].append((row["trace"]["step"] - Settings.replicas * row["trace"]["replica"]) / steps)
        per_step["replica"].append(row["trace"]["replica"] / steps)
        per_step["torch"].append(row["torch"]["step"] / steps)
        per_step["both bare"].append(sum(row[s]["step"] + row[s]["evaluation"] for s in ("numpy", "torch")) / steps)
    return Timings({name: tuple(seconds) for name, seconds in per_step.items()})
