"""How cost grows: with the elements of a held pair, the depth of a network, the steps of a trace, a class.

What grows is done at several sizes; its slope between two of them on logarithmic axes is 1 where twice as much takes
twice as long, and less where a part is the same at every size.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.assignments.mlp.assignment import ASSIGNMENT as MLP
from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.bench.commands import IMPORT, grade, import_torch, traced, write_right
from parity_tests.bench.results import MEMORY, MORE, NUMBER
from parity_tests.bench.timing import Timed, Wanted, alternate, timed
from parity_tests.harness.machine import cores
from parity_tests.pairs.hold import hold
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.registry import find

ELEMENTS, LAYERS, STEPS = "elements of a held pair", "layers of a held network", "steps of a trace"
CLASS, ANOTHER = "submissions of a class", "a submission more in a class"
NOTEBOOKS, NOTEBOOK = "submissions of a class with a notebook of a few functions", "dlai-c1w3"
SIZES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    ELEMENTS: ((1_000, 10_000, 100_000, 1_000_000), (10_000_000,)),
    LAYERS: ((2, 5, 10, 20), (50,)),
    STEPS: ((100, 200, 400), (2_000, 10_000)),
    NOTEBOOKS: ((4, 12, 36), (100, 1_000, 5_000)),
    CLASS: ((4, 12, 36), (100, 1_000)),
}
"""The sizes of what grows, and those that are done as well where the whole range is asked for."""
BATCH, WIDTH = 32, 64
"""Rows and units of the held network."""
TARGET = 0.22
"""The largest ratio asked for of a submission more in a class to the import of torch, on two cores."""


def measure(wanted: Wanted) -> Iterator[Timed]:
    """Each size of each, in SIZES's order; of `hold` the best of several rounds counts.

    What starting takes is in a class of any size: a submission more is what the largest takes longer than the smallest.
    """
    subjects: dict[str, Callable[[int], float]] = {
        ELEMENTS: lambda size: _hold((size,), 0),
        LAYERS: lambda size: _hold((BATCH, WIDTH), size),
        STEPS: lambda size: traced(10, size, "float64", small_digits(200, 20, 20), hidden=30),
    }
    sizes = {what: few + more * wanted.whole for what, (few, more) in SIZES.items()}
    for what, subject in subjects.items():
        for size in sizes[what]:
            rounds = 1 if what == STEPS else wanted.slow
            yield _at_size(what, size, min(subject(size) for _ in range(rounds)))
    for what, assignment in ((NOTEBOOKS, find(NOTEBOOK)), (CLASS, MLP)):
        taken: dict[int, float] = {}
        for size in sizes[what]:
            taken[size], memory = _grade(assignment, size)
            yield _at_size(what, size, taken[size], **{MEMORY: f"{memory:.0f} MiB"})
    least, most = min(taken), max(taken)
    importing = alternate({IMPORT: import_torch}, rounds=wanted.slow)
    seconds = {ANOTHER: [(taken[most] - taken[least]) / (most - least)], **importing}
    yield from timed(f"from {least} to {most}", seconds, {(ANOTHER, IMPORT): TARGET if cores() == 2 else None})


def _at_size(what: str, number: int, seconds: float, **about: str) -> Timed:
    return Timed(f"{number} {what}", [seconds], about={MORE: what, NUMBER: number, **about})


def _hold(shape: tuple[int, ...], layers: int) -> float:
    """Seconds of `hold` of a network of so many layers of tanh, by its bound, without its gradients."""
    rng = np.random.default_rng(0)

    def candidate(X: NDArray[Any], **weights: NDArray[Any]) -> NDArray[Any]:
        for w in weights.values():
            X = np.tanh(X @ w)
        return np.asarray(X * np.tanh(X))

    def reference(X: Tensor, **weights: Tensor) -> Tensor:
        for w in weights.values():
            X = torch.tanh(X @ w)
        return X * torch.tanh(X)

    weights = {f"W{k}": rng.standard_normal((WIDTH, WIDTH)) / WIDTH**0.5 for k in range(layers)}
    inputs = {"X": rng.standard_normal(shape), **weights}
    start = time.perf_counter()
    hold(candidate, reference, radius="bound", inputs=inputs)
    return time.perf_counter() - start


def _grade(assignment: Assignment, size: int) -> tuple[float, float]:
    """Seconds of a class of so many, the start of Parity's processes among them; MiB of Parity's own."""
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:
        source = Path(scratch) / "class"
        for k in range(size):
            write_right(assignment, source / f"student-{k:04d}", k)
        start = time.perf_counter()
        memory = grade(assignment, source, Path(scratch) / "graded")
        return time.perf_counter() - start, memory
