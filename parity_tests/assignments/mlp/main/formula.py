"""A step's formula in plain numpy, with everything that can go wrong in it as a choice. For explanations only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    """∂l/∂w of the four parameters in float64, wired as `wiring` says.

    X N×D; y (N,); mask N×M of 0 and 1/(1 − r), or None; back: that of dropout's backward, where it is another.
    """
    one = np.ones(())
    keep = one if mask is None else mask
    name = wiring.activation or activation
    u, h, s, a = _forward(weights, X, keep if wiring.forward_mask else one, name)
    z = np.exp(a - a.max(axis=1, keepdims=True))
    z /= z.sum(axis=1, keepdims=True)
    da = (z - np.eye(a.shape[1])[y.astype(int)]) / len(X)
    dh = (da @ weights["L2_W"].T) * ((keep if back is None else back) if wiring.backward_mask else one)
    at = {"u": u, "h": h, "s": s, "none": u}[wiring.slope_at]
    slope = {"relu": (at > 0).astype(float), "tanh": 1 - np.tanh(at) ** 2, "none": np.ones(at.shape)}[name]
    du = dh if wiring.slope_at == "none" else dh * slope
    x2 = {"s": s, "h": h, "u": u}[wiring.second_layer]
    return {
        "L1_W": X.T @ du,
        "L1_b": du.sum(axis=0, keepdims=True),
        "L2_W": x2.T @ da,
        "L2_b": da.sum(axis=0, keepdims=True),
    }


def mean_loss(weights: Mapping[str, Array], X: Array, y: Array, mask: Array | None, activation: str) -> float | None:
    """The loss of some rows, N×D with labels (N,); None where the mask does not fit."""
    if mask is not None and mask.shape != (len(X), weights["L1_W"].shape[1]):
        return None
    *_, a = _forward(weights, X, np.ones(()) if mask is None else mask, activation)
    a = a - a.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(a).sum(axis=1)) - a[np.arange(len(a)), y.astype(int)]))


def _forward(weights: Mapping[str, Array], X: Array, keep: Array, name: str) -> tuple[Array, Array, Array, Array]:
    """u, h, s and a, under the activation `name` or "none"."""
    u = X @ weights["L1_W"] + weights["L1_b"]
    h = {"relu": np.maximum(u, 0), "tanh": np.tanh(u), "none": u}[name]
    s = h * keep
    return u, h, s, s @ weights["L2_W"] + weights["L2_b"]
