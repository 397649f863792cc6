"""Known mistakes of the linear layer's constructor (TODO 2): which distribution its numbers come from instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from parity_tests.assignments.mlp.findings import Found
from parity_tests.harness import statistics
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.finding import DTYPE, NOTHING, NUMBER, SHAPE, TRANSPOSED, Odd
from parity_tests.protocol.mistake import Body, Mistake, Shown

Draws = NDArray[Any]
Experiment = Callable[[Draws, int, int], bool]
"""(draws, D, M) → whether they come from the distribution in question."""

FEW = 1000
UNLIKELY = 1e-4
"""A distribution is not named for draws that it gives less often: costs a name in 1e4 runs, never a verdict."""
ASKED = "np.random.normal takes a mean, a standard deviation and a size: which do you give it, and which is asked for?"
NUMPY = "np.random.normal is asked for: which function draws here, and what does it take?"
COUNT = "How many numbers are drawn, and how many are needed?"
ROW = "b is 1×M: one row, which is added to every row of X W."
ZEROS = "Which values should gradients have before any backward?"


def _is_uniform(shares: Draws) -> bool:
    """Whether sorted draws, each put into its distribution function, are uniform on [0, 1] (Kolmogorov–Smirnov)."""
    return statistics.kolmogorov_smirnov(shares) > UNLIKELY


def normal(std: Callable[[int, int], float], mean: float = 0.0) -> Experiment:
    """Draws from the normal distribution: Kolmogorov–Smirnov, and chi-square of the variance."""

    def experiment(draws: Draws, D: int, M: int) -> bool:
        x = (np.asarray(draws, np.float64).ravel() - mean) / std(D, M)
        squares = float((x * x).sum())
        return statistics.chi_square_two_sided(squares, x.size) > UNLIKELY and _is_uniform(special.ndtr(np.sort(x)))

    return experiment


def uniform(low: float, high: float) -> Experiment:
    """Draws from the uniform distribution between two numbers."""

    def experiment(draws: Draws, D: int, M: int) -> bool:
        x = np.sort(np.asarray(draws, np.float64).ravel())
        return bool(low <= x[0] and x[-1] <= high) and _is_uniform((x - low) / (high - low))

    return experiment


def _is_normal(draws: Draws) -> bool:
    """Whether the draws are normal, whatever their mean and standard deviation; few draws are too few to tell."""
    if draws.size < FEW or not draws.std():
        return draws.size < FEW
    return _is_uniform(special.ndtr(np.sort((draws.ravel() - draws.mean()) / draws.std())))


def _has_another_deviation(draws: Draws) -> bool:
    """Whether the standard deviation is not the one that is asked; few draws are too few to tell."""
    return draws.size < FEW or bool(abs(draws.std() / 0.1 - 1) > 6 / np.sqrt(2 * draws.size))


def _has_another_mean(draws: Draws) -> bool:
    """Whether the mean is not 0; few draws are too few to tell."""
    return draws.size < FEW or bool(abs(draws.mean()) > 6 * draws.std() / np.sqrt(draws.size))


def _another_deviation(draws: Draws, D: int, M: int) -> bool:
    x = np.asarray(draws, np.float64)
    return _is_normal(x) and _has_another_deviation(x) and (x.size < FEW or not _has_another_mean(x))


def _another_mean(draws: Draws, D: int, M: int) -> bool:
    x = np.asarray(draws, np.float64)
    return _is_normal(x) and _has_another_mean(x)


def _between(draws: Draws, D: int, M: int) -> bool:
    """Whether the draws are uniform between their smallest and their largest."""
    x = np.sort(np.asarray(draws, np.float64).ravel())
    return x.size < FEW or bool(x[0] < x[-1] and _is_uniform((x - x[0]) / (x[-1] - x[0])))


def constant(value: float) -> Experiment:
    """One number everywhere."""
    return lambda draws, D, M: bool((np.asarray(draws) == value).all())


def _constructor(W: str, b: str, gradient: str = "np.zeros_like(value)") -> tuple[Body, ...]:
    """A constructor that makes W, b and the gradients by these expressions; `shape` is the one asked for."""
    lines = [
        "shape = (input_D, output_D)",
        f"W = {W}",
        "shape = (1, output_D)",
        f"b = {b}",
        'self.params = {"W": W, "b": b}',
        f"self.gradient = {{key: {gradient} for key, value in self.params.items()}}",
    ]
    return (Body("linear_layer.__init__", "\n".join(lines)),)


def _drawn(name: str, hint: str, experiment: Experiment, draw: str) -> Mistake:
    return Mistake("2", "linear.init", name, hint, plug=_constructor(draw, draw), experiment=experiment)


def _shown(name: str, hint: str, shown_by: Shown, plug: tuple[Body, ...]) -> Mistake:
    return Mistake("2", "linear.init sentence", name, hint, shown_by=shown_by, plug=plug)


def _found(what: str, *findings: str) -> Shown:
    """Whether one of these is found in a parameter, "" for any of them, and not in its gradient."""
    return lambda case, q, comparison: (
        comparison.finding in findings and q.name.endswith(what) and not q.name.startswith("initial gradient")
    )


def _of_gradients(shown: Callable[[Comparison], bool]) -> Shown:
    return lambda case, q, comparison: q.name.startswith("initial gradient") and shown(comparison)


DRAW = "np.random.normal(0, 0.1, shape)"

DISTRIBUTIONS = (
    _drawn("drawn with standard deviation 1", ASKED, normal(lambda D, M: 1.0), "np.random.normal(0, 1, shape)"),
    _drawn("drawn with standard deviation 0.01", ASKED, normal(lambda D, M: 0.01), "np.random.normal(0, 0.01, shape)"),
    _drawn(
        "drawn with variance 0.1, not standard deviation 0.1",
        ASKED,
        normal(lambda D, M: 0.1**0.5),
        "np.random.normal(0, np.sqrt(0.1), shape)",
    ),
    _drawn(
        "drawn with mean 0.1 and standard deviation 1",
        ASKED,
        normal(lambda D, M: 1.0, 0.1),
        "np.random.normal(0.1, 1, shape)",
    ),
    _drawn(
        "drawn with mean 1 and standard deviation 0.1",
        ASKED,
        normal(lambda D, M: 0.1, 1.0),
        "np.random.normal(1, 0.1, shape)",
    ),
    _drawn(
        "drawn with standard deviation 1/√D",
        ASKED,
        normal(lambda D, M: D**-0.5),
        "np.random.normal(0, 1 / np.sqrt(input_D), shape)",
    ),
    _drawn(
        "drawn with standard deviation √(2/D)",
        ASKED,
        normal(lambda D, M: (2 / D) ** 0.5),
        "np.random.normal(0, np.sqrt(2 / input_D), shape)",
    ),
    _drawn(
        "drawn with standard deviation √(2/(D + M))",
        ASKED,
        normal(lambda D, M: (2 / (D + M)) ** 0.5),
        "np.random.normal(0, np.sqrt(2 / (input_D + output_D)), shape)",
    ),
    _drawn("drawn from the uniform distribution on [0, 1)", NUMPY, uniform(0, 1), "np.random.uniform(0, 1, shape)"),
    _drawn(
        "drawn from the uniform distribution on [0, 0.1)", NUMPY, uniform(0, 0.1), "np.random.uniform(0, 0.1, shape)"
    ),
    _drawn(
        "drawn from the uniform distribution on [−0.1, 0.1)",
        NUMPY,
        uniform(-0.1, 0.1),
        "np.random.uniform(-0.1, 0.1, shape)",
    ),
    _drawn(
        "all zeros", "Weights that are all alike stay alike: where does the draw go?", constant(0.0), "np.zeros(shape)"
    ),
)

ANY_NUMBERS = (
    _drawn(
        "drawn from the normal distribution with another standard deviation",
        ASKED,
        _another_deviation,
        "np.random.normal(0, 0.3, shape)",
    ),
    _drawn(
        "drawn from the normal distribution with another mean",
        ASKED,
        _another_mean,
        "np.random.normal(0.05, 0.1, shape)",
    ),
    _drawn("drawn from a uniform distribution", NUMPY, _between, "np.random.uniform(-0.25, 0.3, shape)"),
    _drawn(
        "one number everywhere",
        COUNT,
        lambda draws, D, M: bool((draws == draws.flat[0]).all()),
        "np.full(shape, np.random.normal(0, 0.1))",
    ),
)
"""Claimed only where no distribution with numbers of its own fits."""

FAILURES = (
    _shown(
        "W is stored M×D",
        "W is D×M, so that u = X W + b.",
        lambda case, q, comparison: (
            _found("W", TRANSPOSED)(case, q, comparison) or _found("two layers differ", TRANSPOSED)(case, q, comparison)
        ),
        _constructor("np.random.normal(0, 0.1, shape[::-1])", DRAW),
    ),
    _shown(
        "the parameters have another dtype than float64",
        "np.random.normal returns float64: what is done to it?",
        _found("", DTYPE),
        _constructor(f"{DRAW}.astype(np.float32)", f"{DRAW}.astype(np.float32)"),
    ),
    _shown(
        "b has another shape than 1×M",
        ROW,
        _found("b", SHAPE),
        _constructor(DRAW, "np.random.normal(0, 0.1, (output_D, output_D)[: 1 + (output_D < 99)])"),
    ),
    _shown(
        "b is stored as a column",
        ROW,
        _found("b", TRANSPOSED),
        _constructor(DRAW, "np.random.normal(0, 0.1, shape[::-1])"),
    ),
    _shown(
        "the weights are the same in every layer",
        "Where is the random generator seeded, and how often?",
        _found("", Found.SAME_DRAWS),
        _constructor("np.random.RandomState(42).normal(0, 0.1, shape)", DRAW),
    ),
    _shown(
        "the same numbers come again and again",
        COUNT,
        _found("", Odd.REPEATED),
        _constructor("np.random.normal(0, 0.1, shape[1:]) + np.zeros(shape)", DRAW),
    ),
    _shown(
        "the gradients do not start at zero",
        ZEROS,
        _of_gradients(lambda comparison: comparison.got is not None),
        _constructor(DRAW, DRAW, "value.copy()"),
    ),
    _shown(
        "the gradients have other shapes than the parameters",
        ZEROS,
        _of_gradients(lambda comparison: comparison.finding in (SHAPE, TRANSPOSED, NUMBER)),
        _constructor(DRAW, DRAW, "np.zeros(3)"),
    ),
    _shown(
        "the gradients are None before any backward",
        ZEROS,
        _of_gradients(lambda comparison: comparison.finding == NOTHING),
        _constructor(DRAW, DRAW, "None"),
    ),
)

INIT = (*DISTRIBUTIONS, *ANY_NUMBERS, *FAILURES)
