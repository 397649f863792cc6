"""How cost grows: with the elements of a held pair, the depth of a network, the steps of a trace, a class.

What grows is done at several sizes, and a straight line is laid through the seconds on logarithmic axes: its slope is 1
where twice as much takes twice as long, and less where a part is the same at every size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.assignments.mlp.trace.settings import Settings
from parity_tests.assignments.mlp.trace.training import MlpTraining
from parity_tests.bench.figures import Slope
from parity_tests.bench.grading import time_size
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


def slopes(rounds: int, whole: bool) -> Iterator[Slope]:
    """The slope of each, in SIZES's order; of what does not take long the best of so many rounds counts."""
    for what, (few, more) in SIZES.items():
        sizes = few + more * whole
        timed = _MEASURES[what]
        seconds = [min(timed(size) for _ in range(1 if what in _LONG else rounds)) for size in sizes]
        yield Slope(what, sizes[0], sizes[-1], slope_of(sizes, seconds), last_slope(sizes, seconds), seconds[-1])


def slope_of(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of the straight line that is nearest in the sense of least squares, on logarithmic axes."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def last_slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope between the two largest sizes, where what is the same at every size counts least."""
    return slope_of(sizes[-2:], seconds[-2:])


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
    return time_size(size).seconds


_MEASURES: dict[str, Callable[[int], float]] = dict(
    zip(SIZES, (_hold_elements, _hold_depth, _trace_steps, _grade), strict=True)
)
_LONG = ("steps of a trace", "submissions of a class")
"""What is done once at each size."""
