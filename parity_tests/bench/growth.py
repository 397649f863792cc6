"""How cost grows: with the elements of a held pair, the depth of a network, the steps of a trace, a class.

What grows is done at several sizes; its slope between two of them on logarithmic axes is 1 where twice as much takes
twice as long, and less where a part is the same at every size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.assignments.mlp.trace.settings import Settings
from parity_tests.assignments.mlp.trace.training import MlpTraining
from parity_tests.bench.grading import class_of
from parity_tests.bench.results import at_size
from parity_tests.bench.timing import Timed, Wanted
from parity_tests.pairs.hold import hold
from parity_tests.trace.run import trace
from reports.model.environment import Environment

SIZES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "elements of a held pair": ((1_000, 10_000, 100_000, 1_000_000), (10_000_000,)),
    "layers of a held network": ((2, 5, 10, 20), (50,)),
    "steps of a trace": ((100, 200, 400), (2_000, 10_000)),
    "submissions of a class": ((4, 12, 36), (1_000, 5_000)),
}
"""The sizes of what grows, and those that are done as well where the whole range is asked for."""
BATCH, WIDTH = 32, 64
"""Rows and units of the held network."""


def measure(wanted: Wanted) -> Iterator[Timed]:
    """Each size of each, in SIZES's order; of what does not take long the best of several rounds counts."""
    for what, (few, more) in SIZES.items():
        rounds = 1 if what in _LONG else wanted.slow
        for size in few + more * wanted.whole:
            yield at_size(what, size, min(_MEASURES[what](size) for _ in range(rounds)))


def _seconds(subject: Callable[[], object]) -> float:
    start = time.perf_counter()
    subject()
    return time.perf_counter() - start


def _hold_elements(size: int) -> float:
    """Seconds of `hold` of a function of so many elements, by its bound."""
    x = np.random.default_rng(0).standard_normal(size)

    def candidate(x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(x * np.tanh(x))

    def reference(x: Tensor) -> Tensor:
        return x * torch.tanh(x)

    return _seconds(lambda: hold(candidate, reference, radius="bound", x=x))


def _hold_depth(size: int) -> float:
    """Seconds of `hold` of a network of so many layers of tanh, by its bound, without its gradients."""
    rng = np.random.default_rng(0)
    inputs = {f"W{k}": rng.standard_normal((WIDTH, WIDTH)) / WIDTH**0.5 for k in range(size)}

    def candidate(X: NDArray[Any], **weights: NDArray[Any]) -> NDArray[Any]:
        for w in weights.values():
            X = np.tanh(X @ w)
        return X

    def reference(X: Tensor, **weights: Tensor) -> Tensor:
        for w in weights.values():
            X = torch.tanh(X @ w)
        return X

    inputs["X"] = rng.standard_normal((BATCH, WIDTH))
    return _seconds(lambda: hold(candidate, reference, radius="bound", inputs=inputs))


class _Clocked:
    """Takes a trace's rows, and notes when training began."""

    def open(self, environment: Environment) -> None:
        self.began = time.perf_counter()

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Nothing is kept."""


def _trace_steps(size: int) -> float:
    """Seconds of so many steps of a small trace, from the first one on."""
    clocked = _Clocked()
    settings = Settings(hidden=30, batch=10, epochs=size, steps=size, eta=1e-3)
    trace(ASSIGNMENT, ASSIGNMENT.solution, MlpTraining(settings, small_digits(200, 20, 20)), clocked)
    return time.perf_counter() - clocked.began


def _grade(size: int) -> float:
    """Seconds of a class of so many, the start of Parity's processes among them."""
    return class_of(size)[0]


_MEASURES: dict[str, Callable[[int], float]] = dict(
    zip(SIZES, (_hold_elements, _hold_depth, _trace_steps, _grade), strict=True)
)
_LONG = ("steps of a trace", "submissions of a class")
"""What is done once at each size."""
