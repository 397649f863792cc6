"""The gradients of a step whose parts are wired wrongly, each slip a choice. For explanations only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from reference.cross_entropy import loss_gradient_of, loss_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Wiring:
    """How a step was wired; the defaults are right. u, h and s are the outputs of L1, the activation and dropout."""

    second_input: str = "s"  # what L2.forward is given: s, h or u
    second_x: str = "s"  # what L2.backward is given as X
    dropped: str = "h"  # what dropout.forward is given: h or u
    backward_mask: bool = True
    slope_at: str = "u"  # X of the activation's backward: u, h, s, or "none" where the gradient does not go through it
    first_x: str = "x"  # X of L1.backward: x, or "before", that of the mini-batch before
    dropout_first: bool = False  # dropout stands before the activation
    activation: str = ""  # "" is the one asked for
    given_labels: bool = False  # the labels that the loss was given, where they are not the rows' own
    forward_draw: int = -1  # which of the masks that were drawn in the step is used; the last one counts
    backward_draw: int = -1


RIGHT = Wiring()


@dataclass(frozen=True)
class Batch:
    """What a step is made on: X (N×D) and labels y (N,), the masks drawn (N×M of 0 and 1/(1 − r), or None), and more.

    `given` are the labels that the loss was given, None where they are not known, and `before` the step before's X.
    """

    X: Array
    y: Array
    masks: tuple[Array | None, ...]
    given: Array | None
    before: Array | None


@np.errstate(all="ignore")
def gradients(weights: Mapping[str, Array], batch: Batch, activation: str, wiring: Wiring) -> dict[str, Array] | None:
    """The gradients of the four parameters in float64, by their names; None where a step cannot be wired so."""
    y = batch.given if wiring.given_labels else batch.y
    X_back = batch.X if wiring.first_x == "x" else batch.before
    drawn = len(batch.masks)
    if y is None or X_back is None or len(y) != len(batch.X) or X_back.shape != batch.X.shape:
        return None
    if not (-drawn <= wiring.forward_draw < drawn and -drawn <= wiring.backward_draw < drawn):
        return None
    forward_mask, backward_mask = (
        np.ones(()) if mask is None else mask
        for mask in (batch.masks[wiring.forward_draw], batch.masks[wiring.backward_draw])
    )
    activation = wiring.activation or activation
    u = batch.X @ weights["L1_W"] + weights["L1_b"]
    if forward_mask.ndim and forward_mask.shape != u.shape:
        return None
    if wiring.dropout_first:
        u = u * forward_mask
        h = s = _activated(u, activation)
    else:
        h = _activated(u, activation)
        s = (h if wiring.dropped == "h" else u) * forward_mask
    arrays = {"u": u, "h": h, "s": s}
    a = arrays[wiring.second_input] @ weights["L2_W"] + weights["L2_b"]
    da = loss_gradient_of(a, y.astype(np.int64))
    ds = da @ weights["L2_W"].T
    dh = ds * backward_mask if wiring.backward_mask else ds
    du = dh if wiring.slope_at == "none" else dh * _slope(arrays[wiring.slope_at], activation)
    values = (
        X_back.T @ du,
        du.sum(axis=0, keepdims=True),
        arrays[wiring.second_x].T @ da,
        da.sum(axis=0, keepdims=True),
    )
    return dict(zip(WEIGHT_NAMES, values, strict=True))


def _activated(u: Array, activation: str) -> Array:
    return np.tanh(u) if activation == "tanh" else u * (u > 0) if activation == "relu" else u


def _slope(at: Array, activation: str) -> Array:
    if activation == "none":
        return np.ones_like(at)
    return np.asarray(1 - np.tanh(at) ** 2) if activation == "tanh" else np.asarray(at > 0)


def mean_loss(weights: Mapping[str, Array], X: Array, y: Array, mask: Array | None, activation: str) -> float | None:
    """The loss of some rows, N×D with labels (N,); None where the mask does not fit."""
    if mask is not None and mask.shape != (len(X), weights["L1_W"].shape[1]):
        return None
    return float(loss_of(logits(weights, X, mask, activation), y.astype(np.int64)))


def logits(weights: Mapping[str, Array], X: Array, mask: Array | None, activation: str) -> Array:
    """The logits (N×K) of some rows, N×D."""
    h = _activated(X @ weights["L1_W"] + weights["L1_b"], activation)
    return np.asarray((h if mask is None else h * mask) @ weights["L2_W"] + weights["L2_b"])
