"""The network's formulas in numpy, in any precision, with what may go wrong in them as arguments.

torch computes in float64 at most. These formulas say in a wider dtype which side is off, and what a network does whose
parts are wired wrongly. Weights are arrays by WEIGHT_NAMES. All arrays may have a leading T, of T networks side by
side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import BACKWARD, FORWARD, WEIGHT_NAMES, gradient_name, updated_name
from reference.cross_entropy import loss_gradient_of, loss_of
from reference.linear import transposed

Array = NDArray[Any]


@dataclass(frozen=True)
class Forward:
    """What a forward computes: u, h, s (N×M) and the logits a (N×K)."""

    u: Array
    h: Array
    s: Array
    a: Array


def forward(
    weights: Mapping[str, Array], X: Array, mask: Array | float, activation: str, slope_one: Array | None = None
) -> Forward:
    """The forward of X (N×D); mask (N×M) holds 0 and 1/(1 − r), and is 1 without dropout.

    `slope_one` (N×M) says where relu's slope is 1; without it that is where u > 0.
    """
    u = X @ weights["L1_W"] + weights["L1_b"]
    h = np.tanh(u) if activation == "tanh" else u * (u > 0 if slope_one is None else slope_one)
    s = h * mask
    return Forward(u, h, s, s @ weights["L2_W"] + weights["L2_b"])


def backward(
    weights: Mapping[str, Array], X: Array, s: Array, da: Array, mask: Array | float, slope: Array | float
) -> dict[str, Array]:
    """BACKWARD by name, from the gradient da of the logits (N×K).

    X and s are what the backwards of the two layers are given, `slope` is the activation's derivative (N×M).
    """
    ds = da @ transposed(weights["L2_W"])
    dh = ds * mask
    du = dh * slope
    L2, L1 = (transposed(s) @ da, da.sum(axis=-2, keepdims=True)), (transposed(X) @ du, du.sum(axis=-2, keepdims=True))
    return dict(zip(BACKWARD, (da, ds, *L2, dh, du, *L1), strict=True))


def quantities(
    weights: Mapping[str, Array],
    X: Array,
    y: NDArray[np.int64],
    mask: Array | float,
    activation: str,
    slope_one: Array | None = None,
) -> dict[str, Array]:
    """FORWARD and BACKWARD by name, of N labels y and the rest as for `forward`."""
    done = forward(weights, X, mask, activation, slope_one)
    da = loss_gradient_of(done.a, y)
    back = backward(weights, X, done.s, da, mask, slope_of(done, activation, slope_one))
    return dict(zip(FORWARD, (done.u, done.h, done.s, done.a, loss_of(done.a, y)), strict=True)) | back


def step(
    weights: Mapping[str, Array],
    velocity: Mapping[str, Array],
    X: Array,
    y: NDArray[np.int64],
    mask: Array | float,
    slope_one: Array | None,
    *,
    activation: str,
    alpha: float,
    lam: float,
    eta: float,
) -> dict[str, Array]:
    """QUANTITIES of one training step by name: those of `quantities`, and the weights after the update."""
    values = quantities(weights, X, y, mask, activation, slope_one)
    for name in WEIGHT_NAMES:
        g = values[gradient_name(name)] + lam * weights[name]
        values[updated_name(name)] = weights[name] + max(alpha, 0) * velocity[name] - eta * g
    return values


def slope_of(done: Forward, activation: str, slope_one: Array | None = None) -> Array:
    """The activation's derivative at u (N×M)."""
    if activation == "tanh":
        return np.asarray(1 - done.h * done.h)
    return np.asarray(done.u > 0) if slope_one is None else slope_one
