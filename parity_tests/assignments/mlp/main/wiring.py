"""The gradients, losses and logits of the network in float64, for explanations only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from reference.cross_entropy import loss_gradient_of, loss_of

Array = NDArray[Any]


@np.errstate(all="ignore")
def gradients(
    weights: Mapping[str, Array], X: Array, y: Array, mask: Array | None, activation: str
) -> dict[str, Array] | None:
    """The gradients of the four parameters by their names, for rows X (N×D), labels (N,) and a mask (N×M) or none.

    None where the mask does not fit.
    """
    u = X @ weights["L1_W"] + weights["L1_b"]
    if mask is not None and mask.shape != u.shape:
        return None
    h, scale = _activated(u, activation), np.ones(()) if mask is None else mask
    slope = 1 - h**2 if activation == "tanh" else 1.0 * (u > 0)
    s = h * scale
    da = loss_gradient_of(s @ weights["L2_W"] + weights["L2_b"], y.astype(np.int64))
    du = da @ weights["L2_W"].T * scale * slope
    values = X.T @ du, du.sum(axis=0, keepdims=True), s.T @ da, da.sum(axis=0, keepdims=True)
    return dict(zip(WEIGHT_NAMES, values, strict=True))


def _activated(u: Array, activation: str) -> Array:
    return np.asarray(np.tanh(u) if activation == "tanh" else u * (u > 0))


def mean_loss(weights: Mapping[str, Array], X: Array, y: Array, mask: Array | None, activation: str) -> float | None:
    """The loss of some rows, N×D with labels (N,); None where the mask does not fit."""
    if mask is not None and mask.shape != (len(X), weights["L1_W"].shape[1]):
        return None
    return float(loss_of(logits(weights, X, mask, activation), y.astype(np.int64)))


def logits(weights: Mapping[str, Array], X: Array, mask: Array | None, activation: str) -> Array:
    """The logits (N×K) of some rows, N×D."""
    h = _activated(X @ weights["L1_W"] + weights["L1_b"], activation)
    return np.asarray((h if mask is None else h * mask) @ weights["L2_W"] + weights["L2_b"])
