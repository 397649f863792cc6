"""The gradients of a step whose parts are wired wrongly, each slip a choice. For explanations only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import WEIGHT_NAMES, gradient_name
from parity_tests.assignments.mlp.network import formula
from reference.cross_entropy import loss_gradient_of, loss_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Wiring:
    """How a step was wired; the defaults are right. Sentences are in `SLIPS`."""

    forward_mask: bool = True
    backward_mask: bool = True
    second_layer: str = "s"  # X of L2.backward: s (drop1's output), h (nonlinear1's), or u
    slope_at: str = "u"  # X of the activation's backward
    activation: str = ""  # "" is the one asked for
    given_labels: bool = False  # the labels that the loss was given, where they are not the rows' own


RIGHT = Wiring()
SLIPS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"forward_mask": False, "backward_mask": False}, "dropout is bypassed, forward and backward"),
    ({"forward_mask": False}, "dropout is bypassed in the forward: L2 is given what dropout has not touched"),
    ({"backward_mask": False}, "the gradient does not go through dropout's backward"),
    ({"second_layer": "h"}, "L2.backward is given nonlinear1's output as X, where drop1's output belongs"),
    ({"second_layer": "u"}, "L2.backward is given L1's output as X, where drop1's output belongs"),
    ({"slope_at": "h"}, "nonlinear1.backward is given nonlinear1's output as X, where L1's output belongs"),
    ({"slope_at": "s"}, "nonlinear1.backward is given drop1's output as X, where L1's output belongs"),
    ({"slope_at": "none"}, "the gradient does not go through the activation's backward"),
    ({"activation": "relu"}, "relu is used, where tanh is asked for"),
    ({"activation": "tanh"}, "tanh is used, where relu is asked for"),
    ({"activation": "none"}, "no activation is used"),
    ({"given_labels": True}, "the loss is given labels that are not those of the mini-batch's rows"),
)


@np.errstate(all="ignore")
def gradients(
    weights: Mapping[str, Array],
    X: Array,
    y: Array,
    mask: Array | None,
    activation: str,
    wiring: Wiring = RIGHT,
    back: Array | None = None,
) -> dict[str, Array]:
    """The gradients of the four parameters in float64, by their names, wired as `wiring` says.

    X N×D; y (N,); mask N×M of 0 and 1/(1 − r), or None; back: that of dropout's backward, where it is another.
    """
    mask = np.ones(()) if mask is None else mask
    activation = wiring.activation or activation
    done = formula.forward(weights, X, mask if wiring.forward_mask else 1, *_activation(activation))
    da = loss_gradient_of(done.a, y.astype(np.int64))
    arrays = {"u": done.u, "h": done.h, "s": done.s}
    slope: Any = 1
    if wiring.slope_at != "none" and activation != "none":
        at = arrays[wiring.slope_at]
        slope = at > 0 if activation == "relu" else 1 - np.tanh(at) ** 2
    backward_mask: Any = (mask if back is None else back) if wiring.backward_mask else 1
    values = formula.backward(weights, X, arrays[wiring.second_layer], da, backward_mask, slope)
    return {name: values[gradient_name(name)] for name in WEIGHT_NAMES}


def mean_loss(weights: Mapping[str, Array], X: Array, y: Array, mask: Array | None, activation: str) -> float | None:
    """The loss of some rows, N×D with labels (N,); None where the mask does not fit."""
    if mask is not None and mask.shape != (len(X), weights["L1_W"].shape[1]):
        return None
    done = formula.forward(weights, X, 1 if mask is None else mask, activation)
    return float(loss_of(done.a, y.astype(np.int64)))


def _activation(name: str) -> tuple[str, Array | None]:
    """An activation, or "none", which is relu where its slope is 1 everywhere."""
    return ("relu", np.ones(())) if name == "none" else (name, None)
