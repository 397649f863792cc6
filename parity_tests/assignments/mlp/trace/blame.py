"""Says whose step is further from the same step in higher precision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.assignments.mlp.network import formula
from parity_tests.assignments.mlp.trace.settings import Settings
from reference.answer import precise

Array = NDArray[Any]


@dataclass(frozen=True)
class Inputs:
    """What a step was made of: X (N×D), N labels, the mask (N×M, in long double) and the learning rate."""

    X: Array
    y: NDArray[np.int64]
    mask: Array
    eta: float


@dataclass(frozen=True)
class Side:
    """One side's step: its value of the quantity, its weights before the step and before the last, its side of kinks.

    `slope_one` says where relu's slope is 1, and is None for tanh.
    """

    value: Array
    before: Mapping[str, Array]
    earlier: Mapping[str, Array]
    slope_one: NDArray[np.bool_] | None


def whose_side(quantity: str, inputs: Inputs, submission: Side, torch: Side, settings: Settings) -> tuple[str, str]:
    """Which side is further off, "submission" or "reference", and the sentence that says by how much each is.

    Each side is held against the step recomputed in higher precision from its own weights before it. Its velocity is
    the change of weights that it made in the step before.
    """
    theirs = _distance(quantity, inputs, submission, settings)
    ours = _distance(quantity, inputs, torch, settings)
    precision = "float64" if inputs.X.dtype == np.float32 else "long double"
    sentence = (
        f"recomputed in {precision} from its own weights, the submission differs by {theirs:.2g}, torch by {ours:.2g}"
    )
    return "reference" if ours > theirs else "submission", sentence


def _distance(quantity: str, inputs: Inputs, side: Side, settings: Settings) -> float:
    """The largest distance of a side's value from its own step in higher precision."""
    dtype, high = inputs.X.dtype, precise(inputs.X)
    weights = {name: precise(np.asarray(side.before[name], dtype)) for name in WEIGHT_NAMES}
    velocity = {name: weights[name] - precise(np.asarray(side.earlier[name], dtype)) for name in WEIGHT_NAMES}
    exact = formula.step(
        weights,
        velocity,
        high,
        inputs.y,
        inputs.mask.astype(high.dtype),
        None if side.slope_one is None else side.slope_one.astype(high.dtype),
        activation=settings.activation,
        alpha=settings.alpha,
        lam=settings.lam,
        eta=inputs.eta,
    )[quantity]
    with np.errstate(all="ignore"):
        return float(np.abs(side.value.astype(high.dtype) - exact).max())
