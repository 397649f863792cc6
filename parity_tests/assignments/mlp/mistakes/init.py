"""Known mistakes of the linear layer's constructor (TODO 2): which distribution its draws come from instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from parity_tests.harness import statistics
from parity_tests.protocol.mistake import Body, Mistake

Draws = NDArray[Any]
Experiment = Callable[[Draws, int, int], bool]
"""(draws, D, M) → whether they come from the distribution in question."""

GENERAL = "linear.init, another number"
UNLIKELY = 1e-4
"""A distribution is not named for draws that it gives less often: costs a name in 1e4 runs, never a verdict."""
ASKED = "np.random.normal takes a mean, a standard deviation and a size: which do you give it, and which is asked for?"
NUMPY = "np.random.normal is asked for: which function draws here, and what does it take?"
ZEROS = "Which values should gradients have before any backward?"


def _ks(sorted_cdf: Draws) -> bool:
    return statistics.kolmogorov_smirnov(sorted_cdf) > UNLIKELY


def normal(std: Callable[[int, int], float], mean: float = 0.0) -> Experiment:
    """Draws from the normal distribution: Kolmogorov–Smirnov, and chi-square of the variance."""

    def experiment(draws: Draws, D: int, M: int) -> bool:
        x = (np.asarray(draws, np.float64).ravel() - mean) / std(D, M)
        squares = float((x * x).sum())
        return statistics.chi_square_two_sided(squares, x.size) > UNLIKELY and _ks(special.ndtr(np.sort(x)))

    return experiment


def uniform(low: float, high: float) -> Experiment:
    """Draws from the uniform distribution between two numbers."""

    def experiment(draws: Draws, D: int, M: int) -> bool:
        x = np.sort(np.asarray(draws, np.float64).ravel())
        return bool(low <= x[0] and x[-1] <= high) and _ks((x - low) / (high - low))

    return experiment


def absolute(draws: Draws, D: int, M: int) -> bool:
    """Magnitudes of normal draws."""
    x = np.sort(np.asarray(draws, np.float64).ravel()) / 0.1
    return bool(x[0] >= 0) and _ks(special.erf(x / np.sqrt(2)))


def cut(draws: Draws, D: int, M: int) -> bool:
    """Normal draws without their tails: drawn again beyond 2 standard deviations, or clipped there."""
    x = np.asarray(draws, np.float64).ravel() / 0.1
    edge = float(np.abs(x).max())
    inside = np.sort(x[np.abs(x) < edge * (1 - 1e-9)])
    if x.size < 1000:
        return edge <= 3.5
    if not 1.5 <= edge <= 3.5:
        return False
    share = special.ndtr(-edge)
    return _ks((special.ndtr(inside) - share) / (1 - 2 * share))


def _standardised(draws: Draws) -> Draws:
    x = np.asarray(draws, np.float64).ravel()
    return np.sort((x - x.mean()) / x.std()) if x.std() else np.zeros(x.size)


def _spread(draws: Draws) -> bool:
    """Whether the draws are normal, whatever their mean and standard deviation; few draws are too few to tell."""
    return draws.size < 1000 or _ks(special.ndtr(_standardised(draws)))


def _wider(draws: Draws) -> bool:
    """Whether the standard deviation is not the one that is asked; few draws are too few to tell."""
    x = np.asarray(draws, np.float64).ravel()
    return x.size < 1000 or bool(abs(x.std() / 0.1 - 1) > 6 / np.sqrt(2 * x.size))


def _shifted(draws: Draws) -> bool:
    """Whether the draws are normal with a mean other than 0."""
    x = np.asarray(draws, np.float64).ravel()
    return x.size < 1000 or bool(_spread(draws) and abs(x.mean()) > 6 * x.std() / np.sqrt(x.size))


def _between(draws: Draws, D: int, M: int) -> bool:
    """Whether the draws are uniform between their smallest and their largest."""
    x = np.sort(np.asarray(draws, np.float64).ravel())
    return draws.size < 1000 or bool(x[0] < x[-1] and _ks((x - x[0]) / (x[-1] - x[0])))


def constant(value: float) -> Experiment:
    """One number everywhere."""
    return lambda draws, D, M: bool((np.asarray(draws) == value).all())


def _init(W: str, b: str, gradient: str = "np.zeros_like(value)") -> tuple[Body, ...]:
    body = (
        f"shape = (input_D, output_D)\nW = {W}\nshape = (1, output_D)\nb = {b}\n"
        f'self.params = {{"W": W, "b": b}}\nself.gradient = {{key: {gradient} for key, value in self.params.items()}}'
    )
    return (Body("linear_layer.__init__", body),)


def _drawn(name: str, hint: str, experiment: Experiment, draw: str) -> Mistake:
    return Mistake("2", "linear.init", name, hint, plug=_init(draw, draw), experiment=experiment)


def _general(name: str, hint: str, experiment: Experiment, draw: str) -> Mistake:
    """What is claimed only where no distribution with a name of its own fits."""
    return Mistake("2", GENERAL, name, hint, plug=_init(draw, draw), experiment=experiment)


def _said(name: str, hint: str, said: str, plug: tuple[Body, ...]) -> Mistake:
    return Mistake("2", "linear.init said", name, hint, said=said, plug=plug)


DRAW = "np.random.normal(0, 0.1, shape)"

INIT = (
    _drawn("drawn with standard deviation 1", ASKED, normal(lambda D, M: 1.0), "np.random.normal(0, 1, shape)"),
    _drawn("drawn with standard deviation 0.01", ASKED, normal(lambda D, M: 0.01), "np.random.normal(0, 0.01, shape)"),
    _drawn(
        "drawn with variance 0.1, not standard deviation 0.1",
        ASKED,
        normal(lambda D, M: float(np.sqrt(0.1))),
        "np.random.normal(0, np.sqrt(0.1), shape)",
    ),
    _drawn("drawn with mean 0.1", ASKED, normal(lambda D, M: 0.1, 0.1), "np.random.normal(0.1, 0.1, shape)"),
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
        normal(lambda D, M: float(1 / np.sqrt(D))),
        "np.random.normal(0, 1 / np.sqrt(input_D), shape)",
    ),
    _drawn(
        "drawn with standard deviation √(2/D)",
        ASKED,
        normal(lambda D, M: float(np.sqrt(2 / D))),
        "np.random.normal(0, np.sqrt(2 / input_D), shape)",
    ),
    _drawn(
        "drawn with standard deviation √(2/(D + M))",
        ASKED,
        normal(lambda D, M: float(np.sqrt(2 / (D + M)))),
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
    _drawn("drawn from the uniform distribution on [−1, 1)", NUMPY, uniform(-1, 1), "np.random.uniform(-1, 1, shape)"),
    _drawn(
        "drawn from a uniform distribution of the right variance",
        NUMPY,
        uniform(-0.1 * 3**0.5, 0.1 * 3**0.5),
        "np.random.uniform(-0.1 * 3**0.5, 0.1 * 3**0.5, shape)",
    ),
    _drawn(
        "the draws are made positive",
        "Which signs should the weights have?",
        absolute,
        "np.abs(np.random.normal(0, 0.1, shape))",
    ),
    _drawn(
        "the tails of the distribution are cut off", NUMPY, cut, "np.clip(np.random.normal(0, 0.1, shape), -0.2, 0.2)"
    ),
    _drawn(
        "all zeros", "Weights that are all alike stay alike: where does the draw go?", constant(0.0), "np.zeros(shape)"
    ),
    _drawn(
        "all ones", "Weights that are all alike stay alike: where does the draw go?", constant(1.0), "np.ones(shape)"
    ),
    _general(
        "drawn from the normal distribution with another standard deviation",
        ASKED,
        lambda draws, D, M: _spread(draws) and _wider(draws) and (draws.size < 1000 or not _shifted(draws)),
        "np.random.normal(0, 0.3, shape)",
    ),
    _general(
        "drawn from the normal distribution with another mean",
        ASKED,
        lambda draws, D, M: _shifted(draws),
        "np.random.normal(0.05, 0.1, shape)",
    ),
    _general(
        "drawn from a uniform distribution",
        NUMPY,
        _between,
        "np.random.uniform(-0.25, 0.3, shape)",
    ),
    _general(
        "one number everywhere",
        "How many numbers are drawn, and how many are needed?",
        lambda draws, D, M: bool((draws == draws.flat[0]).all()),
        "np.full(shape, np.random.normal(0, 0.1))",
    ),
    _said(
        "b is taken from the draws of W",
        "How many numbers are drawn, and how many are needed?",
        r"distribution of b has .* values in common with W",
        _init(DRAW, "W[:1].copy()"),
    ),
    _said(
        "W is stored M×D",
        "W is D×M, so that u = X W + b.",
        r"(?:(?<!gradient of )W|two layers differ) has shape \((\d+), (\d+)\), where \(\2, \1\) is asked",
        _init("np.random.normal(0, 0.1, shape[::-1])", DRAW),
    ),
    _said(
        "the parameters have another dtype than float64",
        "np.random.normal returns float64: what is done to it?",
        r"(?<!gradient of )[Wb] has dtype",
        _init("np.random.normal(0, 0.1, shape).astype(np.float32)", "np.random.normal(0, 0.1, shape).astype('f4')"),
    ),
    _said(
        "b has another shape than 1×M",
        "b is 1×M: one row, which is added to every row of X W.",
        r"(?<!gradient of )b has shape \((?!(\d+), 1\), where \(1, \1\))",
        _init(DRAW, "np.random.normal(0, 0.1, (output_D, output_D)[: 1 + (output_D < 99)])"),
    ),
    _said(
        "b is stored as a column",
        "b is 1×M: one row, which is added to every row of X W.",
        r"(?<!gradient of )b has shape \((\d+), 1\), where \(1, \1\) is asked",
        _init(DRAW, "np.random.normal(0, 0.1, shape[::-1])"),
    ),
    _said(
        "the weights are the same in every layer",
        "Where is the random generator seeded, and how often?",
        r"the weights of two layers are the same",
        _init("np.random.RandomState(42).normal(0, 0.1, shape)", DRAW),
    ),
    _said(
        "the same numbers come again and again",
        "How many numbers are drawn, and how many are needed?",
        r"values: they are not drawn one by one",
        _init("np.random.normal(0, 0.1, shape[1:]) + np.zeros(shape)", DRAW),
    ),
    _said(
        "the gradients do not start at zero",
        ZEROS,
        r"init of \d+×\d+: (initial )?gradient of [Wb] at .* torch says 0",
        _init(DRAW, DRAW, "value.copy()"),
    ),
    _said(
        "the gradients have other shapes than the parameters",
        ZEROS,
        r"init of \d+×\d+: (initial )?gradient of [Wb] (has shape|is None|is a number)",
        _init(DRAW, DRAW, "np.zeros(3)"),
    ),
)

DISTRIBUTIONS = tuple(mistake for mistake in INIT if mistake.operation == "linear.init")
ANY_NUMBERS = tuple(mistake for mistake in INIT if mistake.operation == GENERAL)
