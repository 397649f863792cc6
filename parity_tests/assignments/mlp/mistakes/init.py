"""Known mistakes of the linear layer's constructor (TODO 2): which distribution its numbers come from instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.findings import Found
from parity_tests.harness import statistics
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.finding import DTYPE, NOTHING, NUMBER, SHAPE, TRANSPOSED, Odd
from parity_tests.protocol.mistake import Body, Mistake, Shown
from parity_tests.protocol.quantity import Quantity

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


def _from(draw: str) -> Experiment:
    """Draws from the distribution that a text draws from: Kolmogorov–Smirnov, and chi-square of a normal variance."""
    kind, _, parameters = draw.partition("(")
    code = compile(f"({parameters}", "<draw>", "eval")

    def experiment(draws: Draws, D: int, M: int) -> bool:
        first, second = eval(code, {"input_D": D, "output_D": M, "shape": ()})[:2]
        x = np.sort(np.asarray(draws, np.float64).ravel())
        if kind == "uniform":
            return bool(first <= x[0] and x[-1] <= second) and _is_uniform((x - first) / (second - first))
        z = (x - first) / second
        is_likely = statistics.chi_square_two_sided(float((z * z).sum()), z.size) > UNLIKELY
        return is_likely and _is_uniform(statistics.normal_shares(z))

    return experiment


def _between(draws: Draws, D: int, M: int) -> bool:
    """Whether the draws are uniform between their smallest and their largest."""
    x = np.sort(np.asarray(draws, np.float64).ravel())
    return x.size < FEW or bool(x[0] < x[-1] and _is_uniform((x - x[0]) / (x[-1] - x[0])))


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


KNOWN = {
    "with standard deviation 1": "normal(0, 1, shape)",
    "with standard deviation 0.01": "normal(0, 0.01, shape)",
    "with variance 0.1, not standard deviation 0.1": "normal(0, 0.1**0.5, shape)",
    "with mean 0.1 and standard deviation 1": "normal(0.1, 1, shape)",
    "with mean 1 and standard deviation 0.1": "normal(1, 0.1, shape)",
    "with standard deviation 1/√D": "normal(0, input_D**-0.5, shape)",
    "with standard deviation √(2/D)": "normal(0, (2 / input_D) ** 0.5, shape)",
    "with standard deviation √(2/(D + M))": "normal(0, (2 / (input_D + output_D)) ** 0.5, shape)",
    "from the uniform distribution on [0, 1)": "uniform(0, 1, shape)",
    "from the uniform distribution on [0, 0.1)": "uniform(0, 0.1, shape)",
    "from the uniform distribution on [−0.1, 0.1)": "uniform(-0.1, 0.1, shape)",
}
"""What is drawn, in words and as a method of np.random that draws so."""
ALL_ALIKE = "Weights that are all alike stay alike: where does the draw go?"
DISTRIBUTIONS = (
    *(
        _drawn(f"drawn {words}", NUMPY if "uniform" in words else ASKED, _from(draw), f"np.random.{draw}")
        for words, draw in KNOWN.items()
    ),
    _drawn("all zeros", ALL_ALIKE, lambda draws, D, M: not np.asarray(draws).any(), "np.zeros(shape)"),
)
ANY_NUMBERS = tuple(
    _drawn(name, hint, experiment, f"np.{draw}")
    for name, hint, experiment, draw in (
        ("drawn from a uniform distribution", NUMPY, _between, "random.uniform(-0.25, 0.3, shape)"),
        (
            "one number everywhere", COUNT, lambda draws, D, M: bool((draws == draws.flat[0]).all()),
            "full(shape, np.random.normal(0, 0.1))",
        ),
    )
)  # fmt: skip
"""Claimed only where no distribution with numbers of its own fits."""


def _found(what: str, *findings: str) -> Shown:
    """Whether one of these is found in a parameter, "" for any of them, and not in its gradient."""
    return lambda case, q, comparison: (
        comparison.finding in findings and q.name.endswith(what) and not q.name.startswith("initial gradient")
    )


def _of_gradients(*findings: str) -> Shown:
    """Whether one of these is found in an initial gradient; where there are none, whether it has other numbers."""
    return lambda case, q, comparison: (
        q.name.startswith("initial gradient")
        and (comparison.finding in findings if findings else comparison.got is not None)
    )


def _transposed(case: Case, q: Quantity, comparison: Comparison) -> bool:
    return any(_found(what, TRANSPOSED)(case, q, comparison) for what in ("W", "two layers differ"))


DRAW, TURNED = "np.random.normal(0, 0.1, shape)", "np.random.normal(0, 0.1, shape[::-1])"
FLOAT32, LONG = f"{DRAW}.astype(np.float32)", "np.random.normal(0, 0.1, (output_D, output_D)[: 1 + (output_D < 99)])"
SHIFTED, WIDE = "np.random.normal(0.05, 0.1, shape)", "np.random.normal(0, 0.3, shape)"
SEEDED = "np.random.RandomState(42).normal(0, 0.1, shape)"
REPEATED = "np.random.normal(0, 0.1, shape[1:]) + np.zeros(shape)"
FAILURES = tuple(
    Mistake("2", "linear.init sentence", name, hint, shown_by=shown_by, plug=_constructor(*numbers))
    for name, hint, shown_by, numbers in (
        ("W is stored M×D", "W is D×M, so that u = X W + b.", _transposed, (TURNED, DRAW)),
        (
            "the parameters have another dtype than float64", "np.random.normal returns float64: what is done to it?",
            _found("", DTYPE), (FLOAT32, FLOAT32),
        ),
        ("b has another shape than 1×M", ROW, _found("b", SHAPE), (DRAW, LONG)),
        ("b is stored as a column", ROW, _found("b", TRANSPOSED), (DRAW, TURNED)),
        (
            "the weights are the same in every layer", "Where is the random generator seeded, and how often?",
            _found("", Found.SAME_DRAWS), (SEEDED, DRAW),
        ),
        ("drawn with another mean than 0", ASKED, _found("", Odd.OTHER_MEAN), (SHIFTED, SHIFTED)),
        ("drawn with another standard deviation than 0.1", ASKED, _found("", Odd.OTHER_SPREAD), (WIDE, WIDE)),
        ("the same numbers come again and again", COUNT, _found("", Odd.REPEATED), (REPEATED, DRAW)),
        ("the gradients do not start at zero", ZEROS, _of_gradients(), (DRAW, DRAW, "value.copy()")),
        (
            "the gradients have other shapes than the parameters", ZEROS, _of_gradients(SHAPE, TRANSPOSED, NUMBER),
            (DRAW, DRAW, "np.zeros(3)"),
        ),
        ("the gradients are None before any backward", ZEROS, _of_gradients(NOTHING), (DRAW, DRAW, "None")),
    )
)  # fmt: skip

INIT = (*DISTRIBUTIONS, *ANY_NUMBERS, *FAILURES)
