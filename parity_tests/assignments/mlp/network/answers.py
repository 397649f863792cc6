"""What torch answers for the whole network: one training step, and an evaluation, from given weights.

Weights are arrays {"L1_W": D×M, "L1_b": 1×M, "L2_W": M×K, "L2_b": 1×K}. All may have a leading T, of T networks side by
side.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from parity_tests.assignments.mlp.network.model import MLP
from parity_tests.assignments.mlp.network.stacked import StackedLinear, StackedMLP
from parity_tests.assignments.mlp.network.weights import NAMES, to_torch
from reference import cross_entropy, rounding, sgd
from reference.answer import Answer, precise
from reference.linear import transposed
from reference.tensors import gradient_of, to_array, to_tensor

Array = NDArray[Any]


@dataclass(frozen=True)
class Step:
    """What one training step gives: the loss (0-d), the weights after it, and the pre-activations at a kink (N×M).

    A kink is a pre-activation of relu within its radius of 0: honest sides may differ there.
    """

    loss: Answer
    weights: dict[str, Answer]
    kinks: NDArray[np.bool_]


@dataclass(frozen=True)
class Evaluation:
    """The mean loss over the rows (0-d), and between which counts the number of right predictions lies."""

    loss: Answer
    correct_at_least: NDArray[np.int64]
    correct_at_most: NDArray[np.int64]

    def of(self, t: int) -> "Evaluation":
        """That of the network t of several."""
        return Evaluation(self.loss.of(t), self.correct_at_least[t], self.correct_at_most[t])


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
    """Forward, backward and update from `weights` ("L1_W", "L1_b", "L2_W", "L2_b"), with first-order radii.

    X N×D; y N labels; mask N×M of 0 and 1/(1 − r), or None. velocity and previous as for `sgd.step`. `side` (N×M)
    says on which side of a kink to stand: True for relu's slope 1. All may have a leading T, η being (T,) then.
    """
    y = y.astype(np.int64)
    model = _model(weights, activation, device)
    library = rounding.library_of(device)
    keep: Any = np.ones((), X.dtype) if mask is None else np.asarray(mask, X.dtype)

    u = model.L1(to_tensor(X, device))
    u_radius = rounding.linear_forward(X, weights["L1_W"], weights["L1_b"])
    pre = to_array(u)
    kinks = (np.abs(pre) <= u_radius) & (u_radius > 0) & np.asarray(activation == "relu")
    h = model.nonlinear1(u)
    slope_one = pre > 0
    if side is not None:
        slope_one = np.where(kinks, side, slope_one)
        h = torch.where(to_tensor(kinks, device), u * to_tensor(side, device), h)
    s = h * to_tensor(np.broadcast_to(keep, pre.shape).copy(), device)
    a = model.L2(s)
    loss = model.loss(a, to_tensor(y, device))
    for hidden in (h, s, a):
        hidden.retain_grad()
    torch.autograd.backward(loss.sum())

    # Radii follow the values, forward and then backward.
    h_value, logits = to_array(h), to_array(a)
    input_radius = u_radius
    if activation == "tanh":
        h_radius = rounding.tanh_forward(pre, h_value, library, u_radius)
        # What the inputs alone bring: the backward's constants hold the roundings of both sides' own tanh.
        input_radius = h_radius - rounding.tanh_forward(pre, h_value, library)
    else:
        h_radius = u_radius
    scale_rounding = 6 * rounding.unit_roundoff(X.dtype) * np.abs(keep)
    s_radius = np.abs(keep) * h_radius + scale_rounding * (np.abs(h_value) + h_radius) * (keep != 1)
    W2 = weights["L2_W"]
    a_radius = rounding.linear_forward(to_array(s), W2, weights["L2_b"], s_radius)
    loss_radius = rounding.cross_entropy_forward(logits, y, library, a_radius)
    da, ds, dh = gradient_of(a), gradient_of(s), gradient_of(h)
    da_radius = rounding.cross_entropy_backward(logits, y, library, a_radius)
    ds_radius = rounding.product_of_matrices(da, transposed(W2), X.dtype, da_radius)
    dh_radius = np.abs(keep) * ds_radius + scale_rounding * (np.abs(ds) + ds_radius) * (keep != 1)
    if activation == "tanh":
        du_radius = rounding.tanh_backward(h_value, dh, library, input_radius, dh_radius)
        du = dh * (1 - h_value**2)
    else:
        du_radius = np.where(slope_one, dh_radius, 0.0)
        du = dh * slope_one
    s_t = transposed(to_array(s))
    gradient_radii = {
        "L1_W": rounding.product_of_matrices(transposed(X), du, X.dtype, None, du_radius),
        "L1_b": rounding.sum_over_rows(du, du_radius),
        "L2_W": rounding.product_of_matrices(s_t, da, X.dtype, transposed(s_radius), da_radius),
        "L2_b": rounding.sum_over_rows(da, da_radius),
    }

    @cache
    def exact() -> _Exact:
        return _exact_step(weights, X, y, keep, activation, slope_one)

    after = {}
    for name, gradient in _gradients(model).items():
        after[name] = sgd.step(
            weights[name],
            gradient,
            alpha=alpha,
            lam=lam,
            eta=eta,
            velocity=None if velocity is None else velocity[name],
            previous=None if previous is None else previous[name],
            g_radius=gradient_radii[name],
            exact_g=partial(_exact_gradient, exact, name),
            device=device,
        )
    return Step(Answer(to_array(loss), loss_radius, lambda: exact().loss), after, kinks)


def _model(weights: Mapping[str, Array], activation: str, device: str) -> MLP | StackedMLP:
    W1, W2 = weights["L1_W"], weights["L2_W"]
    if W1.ndim == 3:
        return StackedMLP(*(to_tensor(weights[name], device) for name in NAMES), activation=activation)
    dtype = torch.from_numpy(W1[:1]).dtype
    model = MLP(W1.shape[0], W1.shape[1], W2.shape[1], activation=activation, dtype=dtype, device=device, draw=False)
    to_torch(weights, model)
    return model


def _gradients(model: MLP | StackedMLP) -> dict[str, Array]:
    """∂l/∂w in the assignment's shapes, under the names of the weights, in their order."""
    found = {}
    for layer, module in (("L1", model.L1), ("L2", model.L2)):
        found[f"{layer}_W"], found[f"{layer}_b"] = _parameter_gradients(module)
    return found


@dataclass(frozen=True)
class _Exact:
    loss: Array
    gradients: dict[str, Array]


def _exact_gradient(exact: Callable[[], _Exact], name: str) -> Array:
    return exact().gradients[name]


def _exact_step(
    weights: Mapping[str, Array],
    X: Array,
    y: NDArray[np.int64],
    keep: Array,
    activation: str,
    slope_one: NDArray[np.bool_],
) -> _Exact:
    w = {name: precise(weights[name]) for name in NAMES}
    x = precise(X)
    u = x @ w["L1_W"] + w["L1_b"]
    h = np.tanh(u) if activation == "tanh" else u * slope_one
    s = h * keep
    a = s @ w["L2_W"] + w["L2_b"]
    da = cross_entropy.loss_gradient_of(a, y)
    dh = (da @ transposed(w["L2_W"])) * keep
    du = dh * (1 - h * h) if activation == "tanh" else dh * slope_one
    return _Exact(
        cross_entropy.loss_of(a, y),
        {
            "L1_W": transposed(x) @ du,
            "L1_b": du.sum(axis=-2, keepdims=True),
            "L2_W": transposed(s) @ da,
            "L2_b": da.sum(axis=-2, keepdims=True),
        },
    )


def evaluation(weights: Mapping[str, Array], X: Array, y: Array, *, activation: str, device: str = "cpu") -> Evaluation:
    """The mean loss of X (N×D) with labels y (N) and dropout off, and how many predictions are right.

    A row whose label's logit lies within the radii of the largest may count either way. All may have a leading T.
    """
    y = y.astype(np.int64)
    model = _model(weights, activation, device)
    library = rounding.library_of(device)
    with torch.no_grad():
        u = model.L1(to_tensor(X, device))
        h = model.nonlinear1(u)
        a = model.L2(h)
        loss = model.loss(a, to_tensor(y, device))
    radius = rounding.linear_forward(X, weights["L1_W"], weights["L1_b"])
    if activation == "tanh":
        radius = rounding.tanh_forward(to_array(u), to_array(h), library, radius)
    radius = rounding.linear_forward(to_array(h), weights["L2_W"], weights["L2_b"], radius)
    logits = to_array(a)
    lowest, highest = logits - radius, logits + radius
    others = ~rounding.one_hot(logits, y)
    surely = rounding.at_labels(lowest, y) > np.where(others, highest, -np.inf).max(axis=-1)
    maybe = rounding.at_labels(highest, y) >= np.where(others, lowest, -np.inf).max(axis=-1)

    def exactly() -> Array:
        w = {name: precise(weights[name]) for name in NAMES}
        exact_u = precise(X) @ w["L1_W"] + w["L1_b"]
        exact_h = np.tanh(exact_u) if activation == "tanh" else exact_u * (to_array(u) > 0)
        return cross_entropy.loss_of(exact_h @ w["L2_W"] + w["L2_b"], y)

    return Evaluation(
        Answer(to_array(loss), rounding.cross_entropy_forward(logits, y, library, radius), exactly),
        surely.sum(axis=-1),
        maybe.sum(axis=-1),
    )


def evaluated(weights: Mapping[str, Array], X: Array, *, activation: str, device: str = "cpu") -> Answer:
    """The logits (N×K) of X (N×D) with dropout off; the radius is composed through both layers.

    `exact` is in float64: wide networks take too long in anything wider.
    """
    model = _model(weights, activation, device)
    with torch.no_grad():
        u = model.L1(to_tensor(X, device))
        h = model.nonlinear1(u)
        a = to_array(model.L2(h))
    radius = rounding.linear_forward(X, weights["L1_W"], weights["L1_b"])
    if activation == "tanh":
        radius = rounding.tanh_forward(to_array(u), to_array(h), rounding.library_of(device), radius)
    radius = rounding.linear_forward(to_array(h), weights["L2_W"], weights["L2_b"], radius)

    def exactly() -> Array:
        w = {name: rounding.wide(weights[name]) for name in NAMES}
        hidden = rounding.wide(X) @ w["L1_W"] + w["L1_b"]
        hidden = np.tanh(hidden) if activation == "tanh" else np.maximum(hidden, 0)
        return np.asarray(hidden @ w["L2_W"] + w["L2_b"])

    return Answer(a, radius, exactly)


def _parameter_gradients(layer: torch.nn.Linear | StackedLinear) -> tuple[Array, Array]:
    """∂l/∂W (D×M) and ∂l/∂b (1×M)."""
    weight, bias = gradient_of(layer.weight), gradient_of(layer.bias)
    return (weight, bias) if isinstance(layer, StackedLinear) else (weight.T.copy(), bias.reshape(1, -1))
