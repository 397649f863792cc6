"""A pair of a course: an honest candidate that can also make five slips, beside torch's own function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Results = dict[str, Any]
SLIPS = 5


@dataclass(frozen=True)
class CoursePair:
    """`candidate(slip=0, **inputs)` is honest, slips 1 to 5 are the mistakes that `slips` says in words.

    `draw(rng)` gives the inputs in float64.
    """

    name: str
    candidate: Callable[..., Any]
    reference: Callable[[], Any]
    draw: Callable[[np.random.Generator], Mapping[str, Any]]
    slips: tuple[str, str, str, str, str]

    def form(self, slip: int) -> Callable[..., Any]:
        """The honest candidate for 0, else the one with that slip."""
        return partial(self.candidate, slip)

    def inputs(self, seed: int, dtype: str) -> dict[str, Any]:
        """What is drawn from the seed, floats in the dtype."""
        drawn = self.draw(np.random.default_rng([seed, *self.name.encode()]))
        return {
            name: value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
            for name, value in drawn.items()
        }


def normal(**shapes: tuple[int, ...]) -> Callable[[np.random.Generator], dict[str, Array]]:
    """A draw of standard normal arrays of these shapes."""
    return lambda rng: {name: rng.standard_normal(shape) for name, shape in shapes.items()}
