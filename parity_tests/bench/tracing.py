"""`parity trace` against the two trainings that it holds side by side, each run bare in a process of its own.

Such a process is `python -m parity_tests.bench.tracing SIDE BATCH DTYPE STEPS EVERY`. SIDE is `numpy` (the shipped
network's own loop) or `torch` (an eager torch.nn training), both on the batches of a trace and with its evaluations, or
`trace`: `parity trace` of the same steps. It prints JSON: the seconds of the steps, those of the evaluations, and of a
trace the processor seconds of its replicas, once everything was imported.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.digits import load_digits
from parity_tests.assignments.mlp.trace.plan import MlpPlan
from parity_tests.assignments.mlp.trace.settings import Settings
from parity_tests.assignments.mlp.trace.training import MlpTraining
from parity_tests.bench.shipped import ShippedNetwork
from parity_tests.bench.timing import Seconds, Timed, Wanted, in_turn, run, timed
from parity_tests.trace.plan import Evaluation
from reports.model.environment import Environment

Array = NDArray[Any]
RATE, ETA = 0.5, 0.01
SIDES = ("numpy", "torch", "trace")
CASES = ((512, 1, 18), (5, 50, 1000))
"""Batch, `--every` and steps of each case: whole epochs, so that evaluations have their share."""
DTYPES = ("float64", "float32")
TARGETS = {512: 2.5, 5: 4.0}
"""The largest ratios asked for, of a trace with its replicas to the sum of both trainings, by batch."""
WHOLE, APART, REPLICA = "trace step, with its replicas", "trace step, replicas apart", "one replica"


def measure(wanted: Wanted) -> Iterator[Timed]:
    """A step of `parity trace` against both of its trainings run bare, and one replica against torch's."""
    for batch, every, steps in CASES:
        for dtype in DTYPES:
            held = {(WHOLE, "both bare"): TARGETS[batch], (APART, "both bare"): None, (REPLICA, "torch"): None}
            seconds = time_trace(batch, every, steps, dtype, wanted.slow)
            yield from timed(f"batch {batch}, every {every}, {dtype}", seconds, held)


def time_trace(batch: int, every: int, steps: int, dtype: str, rounds: int) -> Seconds:
    """Seconds a step: the whole trace, the same without its replicas, one replica, torch alone, both trainings.

    Everything is imported before the clock starts. The evaluations after each epoch count for the trace and for the
    sum, as both have them, but not for what is called torch, beside which a replica stands. The replicas run beside
    everything else, one after the other on one thread: what they take of the processor is taken off the whole.
    """
    command = [sys.executable, "-m", "parity_tests.bench.tracing"]

    def side(name: str) -> dict[str, float]:
        seconds: dict[str, float] = json.loads(run([*command, name, str(batch), dtype, str(steps), str(every)]))
        return seconds

    rows = in_turn({name: partial(side, name) for name in SIDES}, rounds + 1)[1:]  # the first warms up
    in_all = {
        WHOLE: [row["trace"]["step"] for row in rows],
        APART: [row["trace"]["step"] - Settings.replicas * row["trace"]["replica"] for row in rows],
        REPLICA: [row["trace"]["replica"] for row in rows],
        "torch": [row["torch"]["step"] for row in rows],
        "both bare": [sum(row[s]["step"] + row[s]["evaluation"] for s in ("numpy", "torch")) for row in rows],
    }
    return {name: [seconds / steps for seconds in values] for name, values in in_all.items()}


# ---- one side, in a process of its own


def settings(batch: int, dtype: str, steps: int, every: int) -> Settings:
    """The homework's own settings but for these."""
    return Settings(batch=batch, dtype=dtype, steps=steps, every=every, epochs=steps, rate=RATE, eta=ETA)


def train(
    given: Settings, step: Callable[[Array, Array], None], evaluate: Callable[[Array, Array], object]
) -> dict[str, Any]:
    """Take every step and evaluation of the plan; the seconds of both."""
    plan = MlpPlan(given, load_digits())
    seconds = {"step": 0.0, "evaluation": 0.0}
    start = time.perf_counter()
    for item in plan:
        X, y = plan.data(item)
        if isinstance(item, Evaluation):
            before = time.perf_counter()
            evaluate(X, y)
            seconds["evaluation"] += time.perf_counter() - before
        else:
            step(X, y)
    seconds["step"] = time.perf_counter() - start - seconds["evaluation"]
    return seconds


def by_numpy(given: Settings) -> dict[str, Any]:
    """The shipped network, in the order of the assignment's main."""
    weights = MlpPlan(given, load_digits()).weights
    network = ShippedNetwork(weights, rate=given.rate, alpha=given.alpha, lam=given.lam, eta=given.eta)

    def step(X: Array, y: Array) -> None:
        network.step(X, y[:, None].astype(np.float64))

    def evaluate(X: Array, y: Array) -> None:
        network.evaluate(X, y[:, None].astype(np.float64), given.batch)

    return train(given, step, evaluate)


def by_torch(given: Settings) -> dict[str, Any]:
    """The equivalent torch.nn model with torch.optim.SGD, on one thread."""
    import torch

    from parity_tests.assignments.mlp.network.weights import model_of

    torch.set_num_threads(1)
    model = model_of(MlpPlan(given, load_digits()).weights, activation="relu", rate=given.rate)
    optimizer = torch.optim.SGD(model.parameters(), lr=given.eta)

    def step(X: Array, y: Array) -> None:
        optimizer.zero_grad()
        model.loss(model(torch.from_numpy(X)), torch.from_numpy(y)).backward()
        optimizer.step()

    def evaluate(X: Array, y: Array) -> None:
        with torch.no_grad():
            model.eval()(torch.from_numpy(X))
            model.train()

    return train(given, step, evaluate)


class _Clocked:
    """A trace's folder that notes when training began."""

    def __init__(self, folder: Any) -> None:
        self._folder, self.began = folder, 0.0

    def open(self, environment: Environment) -> None:
        self._folder.open(environment)
        self.began = time.perf_counter()

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        self._folder.add(table, row)


def by_trace(given: Settings) -> dict[str, Any]:
    """Both sides in lockstep, as `parity trace` has them."""
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401 - what writing its tables takes must be there before the clock starts

    from parity_tests.trace import free  # noqa: F401
    from parity_tests.trace.run import trace
    from reports.model.trace_folder import TraceFolder

    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:
        folder = TraceFolder(Path(scratch) / "trace")
        clocked = _Clocked(folder)
        run = trace(ASSIGNMENT, ASSIGNMENT.solution, MlpTraining(given), clocked, progress=None)
        folder.flush()
        seconds = time.perf_counter() - clocked.began
    if run.divergence is not None or run.steps != run.planned:
        raise SystemExit(f"the trace ended at step {run.steps}: {run.divergence}")
    return {"step": seconds, "evaluation": 0.0, "replica": run.totals["replica_seconds"] / given.replicas}


def main() -> None:
    """Train, and print the seconds."""
    side, batch, dtype, steps, every = sys.argv[1:]
    given = settings(int(batch), dtype, int(steps), int(every))
    print(json.dumps({"numpy": by_numpy, "torch": by_torch, "trace": by_trace}[side](given)))


if __name__ == "__main__":
    main()
