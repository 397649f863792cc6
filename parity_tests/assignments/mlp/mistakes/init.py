"""How the constructor of linear layers (TODO 2) may have drawn its numbers, which only experiments tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.mistakes.generated import HINTS, OUTLIVES
from parity_tests.assignments.mlp.mistakes.kept_rows import ASKED, COUNT
from parity_tests.harness.returned import array_of
from parity_tests.harness.statistics import may_be_normal, may_be_uniform
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Seen
from parity_tests.protocol.quantity import Key

Draws = NDArray[Any]
Experiment = Callable[[Draws, int, int], bool]
"""(draws, D, M) → whether they come from the distribution in question."""

FEW = 1000
NUMPY = "np.random.normal is asked for: which function draws here, and what does it take?"
SHARED_BY_ALL = {
    "params apart": "all layers share their parameters",
    "gradient apart": "all layers share their gradients",
}
NORMAL: Mapping[str, Callable[[int, int], tuple[float, float]]] = {
    "with standard deviation 1": lambda D, M: (0, 1),
    "with standard deviation 0.01": lambda D, M: (0, 0.01),
    "with variance 0.1, not standard deviation 0.1": lambda D, M: (0, 0.1**0.5),
    "with mean 0.1 and standard deviation 1": lambda D, M: (0.1, 1),
    "with mean 1 and standard deviation 0.1": lambda D, M: (1, 0.1),
    "with standard deviation 1/√D": lambda D, M: (0, D**-0.5),
    "with standard deviation √(2/D)": lambda D, M: (0, (2 / D) ** 0.5),
    "with standard deviation √(2/(D + M))": lambda D, M: (0, (2 / (D + M)) ** 0.5),
}
"""The mean and the standard deviation that may be drawn with instead."""


def _between(x: Draws, D: int, M: int) -> bool:
    """Whether sorted draws are uniform between their smallest and their largest."""
    return x.size < FEW or bool(x[0] < x[-1] and may_be_uniform(x, x[0], x[-1]))


def _from_normal(of: Callable[[int, int], tuple[float, float]]) -> Experiment:
    return lambda x, D, M: may_be_normal(x, *of(D, M))


EXPERIMENTS: Sequence[Mapping[str, tuple[str, Experiment]]] = (
    {
        **{f"drawn {words}": (ASKED, _from_normal(of)) for words, of in NORMAL.items()},
        "drawn from the uniform distribution on [0, 1)": (NUMPY, lambda x, D, M: may_be_uniform(x, 0, 1)),
        "drawn from the uniform distribution on [0, 0.1)": (NUMPY, lambda x, D, M: may_be_uniform(x, 0, 0.1)),
        "drawn from the uniform distribution on [−0.1, 0.1)": (NUMPY, lambda x, D, M: may_be_uniform(x, -0.1, 0.1)),
        "all zeros": ("Weights that are all alike stay alike: where does the draw go?", lambda x, D, M: not x.any()),
    },
    {
        "drawn from a uniform distribution": (NUMPY, _between),
        "one number everywhere": (COUNT, lambda x, D, M: bool(x[0] == x[-1])),
    },
)
"""By name the hint and the experiment; the second are claimed only where none of the first fits."""
HINTS.update({name: hint for several in EXPERIMENTS for name, (hint, _) in several.items()})
HINTS.update(dict.fromkeys(SHARED_BY_ALL.values(), OUTLIVES))


def of_weights(cases: Sequence[Case], key: str, seen: Seen) -> list[str]:
    """The distributions that all draws of W, or of b, may come from."""
    drawn: list[tuple[Draws, int, int]] = []
    for case in cases:
        D, M = case.params["D"], case.params["M"]
        for k in range(2):
            draws = array_of(seen[case.name], Key(key, k), (1, M) if key == "b" else (D, M), flat_ok=True)
            if draws is None or draws.dtype.kind != "f" or not np.isfinite(draws).all():
                return []
            drawn.append((np.sort(np.asarray(draws, np.float64).ravel()), D, M))
    found = ([name for name, (_, fits) in several.items() if all(fits(*one) for one in drawn)]
             for several in EXPERIMENTS)  # fmt: skip
    return next(filter(None, found), [])
