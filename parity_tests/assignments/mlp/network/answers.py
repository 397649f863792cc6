"""What torch answers for the whole network: one training step, and an evaluation, from given weights.

Weights are arrays by WEIGHT_NAMES. All arrays may have a leading T, of T networks side by side.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import WEIGHT_NAMES, gradient_name
from parity_tests.assignments.mlp.network import formula
from parity_tests.assignments.mlp.network.model import MLP
from reference import cross_entropy, rounding, sgd
from reference.answer import Answer, precise
from reference.linear import transposed
from reference.tensors import to_array, to_tensor

Array = NDArray[Any]
Radii = dict[str, rounding.Radius]


@dataclass(frozen=True)
class Step:
    """What one training step gives: the loss (0-d), the weights after it, and the pre-activations at a kink (N×M).

    A kink is a pre-activation of relu within its radius of 0: honest sides may differ there.
    """

    loss: Answer
    weights: dict[str, Answer]
    kinks: NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Of each row (N, or T×N): its loss, and whether its prediction is surely, and whether it may be, right."""

    loss: Answer
    surely: NDArray[np.bool_]
    maybe: NDArray[np.bool_]


def training_step(
    weights: Mapping[str, Array],
    X: Array,
    y: Array,
    mask: Array | None,
    *,
    activation: str,
    alpha: float,
    lam: float,
    eta: float | Array,
    velocity: Mapping[str, Array] | None = None,
    previous: Mapping[str, Array] | None = None,
    side: NDArray[np.bool_] | None = None,
    device: str = "cpu",
) -> Step:
    """Forward, backward and update from `weights`, with first-order radii.

    X N×D; y N labels; mask N×M of 0 and 1/(1 − r), or None. velocity and previous as for `sgd.step`. `side` (N×M) says
    at each kink whether relu's slope is 1 there; elsewhere it is not looked at. With a leading T, η is (T,).
    """
    y = y.astype(np.int64)
    model = MLP(weights, activation=activation, device=device)
    u = model.first_layer(to_tensor(X, device))
    pre = to_array(u)
    u_radius = rounding.linear_forward(X, weights["L1_W"], weights["L1_b"])
    kinks = (np.abs(pre) <= u_radius) & (u_radius > 0) & np.asarray(activation == "relu")
    slope_one = pre > 0 if side is None else np.where(kinks, side, pre > 0)
    keep = np.broadcast_to(np.asarray(1 if mask is None else mask, X.dtype), pre.shape)
    chosen = None if side is None or activation == "tanh" else to_tensor(slope_one, device)
    tensors = model.quantities(u, to_tensor(y, device), to_tensor(keep, device), chosen)
    values = {name: to_array(tensor) for name, tensor in tensors.items()}
    radii = _radii(values, u_radius, weights, X, y, keep, None if activation == "tanh" else slope_one, device)

    @cache
    def exact() -> dict[str, Array]:
        high = {name: precise(weights[name]) for name in WEIGHT_NAMES}
        return formula.quantities(high, precise(X), y, keep, activation, slope_one)

    after = {}
    for name in WEIGHT_NAMES:
        after[name] = sgd.step(
            weights[name],
            values[gradient_name(name)],
            alpha=alpha,
            lam=lam,
            eta=eta,
            velocity=None if velocity is None else velocity[name],
            previous=None if previous is None else previous[name],
            g_radius=radii[name],
            exact_g=partial(_named, exact, gradient_name(name)),
            device=device,
        )
    return Step(Answer(values["loss"], radii["loss"], partial(_named, exact, "loss")), after, kinks)


def _named(values: Callable[[], dict[str, Array]], name: str) -> Array:
    return values()[name]


def _radii(
    values: Mapping[str, Array],
    u_radius: rounding.Radius,
    weights: Mapping[str, Array],
    X: Array,
    y: NDArray[np.int64],
    keep: Array,
    slope_one: NDArray[np.bool_] | None,
    device: str,
) -> Radii:
    """The radii of the loss, under "loss", and of the weights' gradients, by WEIGHT_NAMES; slope_one is None for tanh.

    They follow the values, forward and then backward.
    """
    library, u = rounding.library_of(device), rounding.unit_roundoff(X.dtype)
    scale_rounding = 6 * u * np.abs(keep) * (keep != 1)
    pre, h, s, a = (values[name] for name in ("L1 output", "activation output", "dropout output", "L2 output"))
    h_radius = u_radius if slope_one is not None else rounding.tanh_forward(pre, h, library, u_radius)
    s_radius = np.abs(keep) * h_radius + scale_rounding * (np.abs(h) + h_radius)
    a_radius = rounding.linear_forward(s, weights["L2_W"], weights["L2_b"], s_radius)

    da, ds, dh = (values[name] for name in ("gradient of logits", "L2 gradient of X", "dropout gradient"))
    da_radius = rounding.cross_entropy_backward(a, y, library, a_radius)
    ds_radius = rounding.product_of_matrices(da, transposed(weights["L2_W"]), X.dtype, da_radius)
    dh_radius = np.abs(keep) * ds_radius + scale_rounding * (np.abs(ds) + ds_radius)
    if slope_one is not None:
        du, du_radius = dh * slope_one, np.where(slope_one, dh_radius, 0.0)
    else:
        # Of h's radius only what the inputs bring: the backward's constants hold the roundings of both sides' own tanh.
        input_radius = h_radius - rounding.tanh_forward(pre, h, library)
        du, du_radius = dh * (1 - h**2), rounding.tanh_backward(h, dh, library, input_radius, dh_radius)
    return {
        "loss": rounding.cross_entropy_forward(a, y, library, a_radius),
        "L1_W": rounding.product_of_matrices(transposed(X), du, X.dtype, None, du_radius),
        "L1_b": rounding.sum_over_rows(du, du_radius),
        "L2_W": rounding.product_of_matrices(transposed(s), da, X.dtype, transposed(s_radius), da_radius),
        "L2_b": rounding.sum_over_rows(da, da_radius),
    }


def evaluation_of_rows(
    weights: Mapping[str, Array], X: Array, y: Array, *, activation: str, device: str = "cpu"
) -> Rows:
    """Of each row of X (N×D) with labels y (N) and dropout off: its loss, and whether its prediction is right.

    A row whose label's logit lies within the radii of the largest may count either way.
    """
    y = y.astype(np.int64)
    u, a, radius = _without_dropout(weights, X, activation, device)
    surely, maybe = _right(a, radius, y)
    each, labels = a.reshape(-1, 1, a.shape[-1]), y.reshape(-1, 1)
    loss = to_array(cross_entropy.mean_loss(to_tensor(each, device), to_tensor(labels, device)))
    library = rounding.library_of(device)
    loss_radius = rounding.cross_entropy_forward(each, labels, library, radius.reshape(each.shape))
    exactly = partial(_exact_losses, weights, X, y, activation, u)
    return Rows(Answer(loss.reshape(y.shape), loss_radius.reshape(y.shape), exactly), surely, maybe)


def _right(a: Array, radius: rounding.Radius, y: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each row whether its label's logit is surely, and whether it may be, the largest."""
    lowest, highest = a - radius, a + radius
    others = ~rounding.one_hot(a, y)
    surely = rounding.at_labels(lowest, y) > np.where(others, highest, -np.inf).max(axis=-1)
    maybe = rounding.at_labels(highest, y) >= np.where(others, lowest, -np.inf).max(axis=-1)
    return surely, maybe


def _exact_losses(weights: Mapping[str, Array], X: Array, y: NDArray[np.int64], activation: str, u: Array) -> Array:
    """The loss of each row in a wider dtype; `u` says on which side of a kink torch is."""
    high = {name: precise(weights[name]) for name in WEIGHT_NAMES}
    a = formula.forward(high, precise(X), 1, activation, u > 0).a
    return cross_entropy.loss_of(a[..., None, :], y[..., None])


def logits(weights: Mapping[str, Array], X: Array, *, activation: str, device: str = "cpu") -> Answer:
    """The logits (N×K) of X (N×D) with dropout off; the radius is composed through both layers.

    `exact` is in float64: wide networks take too long in anything wider.
    """
    _, a, radius = _without_dropout(weights, X, activation, device)

    def exactly() -> Array:
        wide = {name: rounding.wide(weights[name]) for name in WEIGHT_NAMES}
        return formula.forward(wide, rounding.wide(X), 1, activation).a

    return Answer(a, radius, exactly)


def _without_dropout(
    weights: Mapping[str, Array], X: Array, activation: str, device: str
) -> tuple[Array, Array, rounding.Radius]:
    """The pre-activations (N×M), the logits (N×K) and the radius of the logits."""
    model = MLP(weights, activation=activation, device=device)
    with torch.no_grad():
        first = model.first_layer(to_tensor(X, device))
        u, h, a = map(to_array, (first, *model.after_first_layer(first)[::2]))
    radius = rounding.linear_forward(X, weights["L1_W"], weights["L1_b"])
    if activation == "tanh":
        radius = rounding.tanh_forward(u, h, rounding.library_of(device), radius)
    return u, a, rounding.linear_forward(h, weights["L2_W"], weights["L2_b"], radius)
