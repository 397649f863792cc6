"""What torch says, for given inputs: plain numpy arrays in, `value ± radius` per element out.

Every function takes the device that torch computes on ("cpu" or "cuda"), and works in the dtype of the arrays that it
is given. Beside torch's value stands the same formula in higher precision (float64 for float32; `np.longdouble`, where
that is wider, for float64), which says whose side is off; it is computed where it is looked at.

Shapes are those of one network. Where a docstring says so, a leading dimension T stands for several side by side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from parity_tests.assignments.mlp.network.model import MLP
from parity_tests.assignments.mlp.network.optimizer import update
from parity_tests.assignments.mlp.network.stacked import StackedLinear, StackedLoss, StackedMLP
from parity_tests.assignments.mlp.network.weights import NAMES, to_torch
from reference import rounding

Array = NDArray[Any]


@dataclass(frozen=True)
class Alternative:
    """Another result that is right as well, at the elements `where`; `note` says what is worth knowing about it."""

    value: Array
    radius: rounding.Radius
    where: NDArray[np.bool_]
    note: str = ""

    def of(self, t: int) -> "Alternative":
        """That of the network t of several."""
        return Alternative(self.value[t], self.radius[t], self.where[t], self.note)


@dataclass(frozen=True)
class Answer:
    """torch's `value`, the `radius` within which another honest value lies, and the `exact` one. One shape for all."""

    value: Array
    radius: rounding.Radius
    exactly: Callable[[], Array]
    alternatives: tuple[Alternative, ...] = ()
    radius_kind: str = "derived"

    @cached_property
    def exact(self) -> Array:
        """The same formula in higher precision."""
        return self.exactly()

    def of(self, t: int) -> "Answer":
        """That of the network t of several."""
        alternatives = tuple(alternative.of(t) for alternative in self.alternatives)
        return Answer(self.value[t], self.radius[t], lambda: self.exact[t], alternatives)


def precise(array: Array) -> Array:
    """`array` in the precision that its dtype's answers are measured against."""
    return array.astype(np.float64 if array.dtype == np.float32 else np.longdouble)


def known(value: Array) -> Answer:
    """An answer that does not round."""
    return Answer(value, rounding.none(value), lambda: precise(value))


def _tensor(array: Array, device: str, *, gradient: bool = False) -> torch.Tensor:
    tensor = torch.tensor(array, device=device)
    return tensor.requires_grad_() if gradient else tensor


def _array(tensor: torch.Tensor) -> Array:
    return tensor.detach().cpu().numpy().copy()


def _gradient(tensor: torch.Tensor) -> Array:
    assert tensor.grad is not None
    return _array(tensor.grad)


def _backward(output: torch.Tensor, grad: Array, device: str) -> None:
    """Backpropagate a given cotangent, as that of Σ grad·output: exactly grad, since 1·grad does not round.

    torch.autograd.backward(output, grad) does the same, but first imports half a second's worth of symbolic shapes.
    """
    torch.autograd.backward((output * _tensor(grad, device)).sum())


def _library(device: str) -> rounding.Library:
    return rounding.LIBRARIES[torch.device(device).type]


# ---- the parts ----


_Layer = torch.nn.Linear | StackedLinear


def _layer(W: Array, b: Array, device: str) -> _Layer:
    if W.ndim == 3:
        return StackedLinear(_tensor(W, device), _tensor(b, device))
    layer = torch.nn.Linear(W.shape[0], W.shape[1], dtype=torch.from_numpy(W[:1]).dtype, device=device)
    with torch.no_grad():
        layer.weight.copy_(_tensor(W.T, device))
        layer.bias.copy_(_tensor(b.reshape(-1), device))
    return layer


def _parameter_gradients(layer: _Layer) -> tuple[Array, Array]:
    """∂l/∂W (D×M) and ∂l/∂b (1×M)."""
    weight, bias = _gradient(layer.weight), _gradient(layer.bias)
    return (weight, bias) if isinstance(layer, StackedLinear) else (weight.T.copy(), bias.reshape(1, -1))


def _transposed(array: Array) -> Array:
    return array.swapaxes(-1, -2)


def linear_forward(X: Array, W: Array, b: Array, device: str = "cpu") -> Answer:
    """u = X W + b; X N×D, W D×M, b 1×M → N×M; or all with a leading T."""
    u = _array(_layer(W, b, device)(_tensor(X, device)))
    return Answer(u, rounding.linear_forward(X, W, b), lambda: precise(X) @ precise(W) + precise(b))


def linear_backward(X: Array, W: Array, b: Array, grad: Array, device: str = "cpu") -> dict[str, Answer]:
    """∂W = Xᵀ grad, ∂b = Σ_rows grad (1×M), ∂X = grad Wᵀ, under "W", "b" and "X"; grad N×M; or with a leading T."""
    layer, inputs = _layer(W, b, device), _tensor(X, device, gradient=True)
    _backward(layer(inputs), grad, device)
    weight, bias = _parameter_gradients(layer)
    X_t, W_t = _transposed(X), _transposed(W)
    return {
        "W": Answer(weight, rounding.product_of_matrices(X_t, grad, grad.dtype), lambda: precise(X_t) @ precise(grad)),
        "b": Answer(bias, rounding.sum_over_rows(grad), lambda: precise(grad).sum(axis=-2, keepdims=True)),
        "X": Answer(
            _gradient(inputs),
            rounding.product_of_matrices(grad, W_t, grad.dtype),
            lambda: precise(grad) @ precise(W_t),
        ),
    }


def tanh_forward(X: Array, device: str = "cpu") -> Answer:
    """h = tanh(X), any shape."""
    h = _array(torch.nn.Tanh()(_tensor(X, device)))
    return Answer(h, rounding.tanh_forward(X, h, _library(device)), lambda: np.tanh(precise(X)))


def tanh_backward(X: Array, grad: Array, device: str = "cpu") -> Answer:
    """grad·(1 − tanh²(X)), any shape."""
    inputs = _tensor(X, device, gradient=True)
    h = torch.nn.Tanh()(inputs)
    _backward(h, grad, device)

    def exactly() -> Array:
        # 1 − tanh² as 4e/(1 + e)² with e = e^(−2|X|), which neither cancels nor overflows.
        e = np.exp(-2 * np.abs(precise(X)))
        return np.asarray(precise(grad) * 4 * e / (1 + e) ** 2)

    return Answer(_gradient(inputs), rounding.tanh_backward(_array(h), grad, _library(device)), exactly)


def relu_forward(X: Array, device: str = "cpu") -> Answer:
    """h = max(0, X), any shape: exact."""
    return known(_array(torch.nn.ReLU()(_tensor(X, device))))


RELU_AT_ZERO = "relu's derivative at exactly 0 is 1 here; the assignment's is 0, and either is a subgradient"


def relu_backward(X: Array, grad: Array, device: str = "cpu") -> Answer:
    """grad·1[X > 0], any shape: exact. At X exactly 0, grad is right as well, with a note."""
    inputs = _tensor(X, device, gradient=True)
    _backward(torch.nn.ReLU()(inputs), grad, device)
    at_zero = Alternative(grad, rounding.none(grad), X == 0, RELU_AT_ZERO)
    value = _gradient(inputs)
    return Answer(value, rounding.none(value), lambda: precise(value), (at_zero,))


def dropout_forward(q: Array, kept: NDArray[np.bool_], r: float, device: str = "cpu") -> Answer:
    """s = q·kept/(1 − r): a given mask `kept`, replayed; r in [0, 1)."""
    scale = torch.tensor(1 / (1 - r), dtype=torch.from_numpy(q).dtype, device=device)
    s = _array(_tensor(q, device) * (_tensor(kept, device) * scale))

    def exactly() -> Array:
        high = precise(q)
        return np.asarray(high * kept / (high.dtype.type(1) - high.dtype.type(r)))

    return Answer(s, rounding.dropout(s, r), exactly)


def dropout_backward(q: Array, kept: NDArray[np.bool_], grad: Array, r: float, device: str = "cpu") -> Answer:
    """grad·kept/(1 − r). Where q is 0 its mask cannot be seen in the forward's result: 0 and grad/(1 − r) are right."""
    answer = dropout_forward(grad, kept | (q == 0), r, device)
    if r == 0:
        return answer
    zeros = np.zeros_like(grad)
    return Answer(
        answer.value,
        answer.radius,
        answer.exactly,
        (Alternative(zeros, rounding.none(zeros), q == 0),),
    )


def _cross_entropy(logits: Array) -> torch.nn.Module:
    return torch.nn.CrossEntropyLoss() if logits.ndim == 2 else StackedLoss()


def cross_entropy_forward(logits: Array, labels: NDArray[np.int64], device: str = "cpu") -> Answer:
    """Mean over the rows of −log softmax(logits)_y, 0-d; logits N×K, labels (N,); or with a leading T."""
    loss = _cross_entropy(logits)(_tensor(logits, device), _tensor(labels, device))
    radius = rounding.cross_entropy_forward(logits, labels, _library(device))
    return Answer(_array(loss), radius, lambda: _exact_loss(logits, labels))


def cross_entropy_backward(logits: Array, labels: NDArray[np.int64], device: str = "cpu") -> Answer:
    """(softmax(logits) − onehot(labels))/N, N×K; or with a leading T."""
    a = _tensor(logits, device, gradient=True)
    torch.autograd.backward(_cross_entropy(logits)(a, _tensor(labels, device)).sum())
    radius = rounding.cross_entropy_backward(logits, labels, _library(device))
    return Answer(_gradient(a), radius, lambda: _exact_loss_gradient(logits, labels))


def _exact_loss(logits: Array, labels: NDArray[np.int64]) -> Array:
    a = precise(logits)
    d = a - a.max(axis=-1, keepdims=True)
    losses = np.log(np.exp(d).sum(axis=-1)) - rounding.at_labels(d, labels)
    return np.asarray(losses.mean(axis=-1))


def _exact_loss_gradient(logits: Array, labels: NDArray[np.int64]) -> Array:
    a = precise(logits)
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    z: Array = e / e.sum(axis=-1, keepdims=True)
    return np.asarray((z - rounding.one_hot(z, labels)) / a.shape[-2])


# ---- SGD ----


def sgd(w: Array, gradients: Array, etas: Sequence[float], *, alpha: float, lam: float, device: str = "cpu") -> Answer:
    """w after each of T steps from zero velocity, T×(its shape); gradients of the same shape, one η a step.

    The radius follows both sides' weights and velocities through the recursion, which is linear in them.
    """
    parameter, own_velocity = _tensor(w, device), _tensor(np.zeros_like(w), device)
    before, velocity = w, np.zeros_like(w)
    w_radius, velocity_radius = rounding.none(w), rounding.none(w)
    values, radii = [], []
    for g, eta in zip(gradients, etas, strict=True):
        w_radius, velocity_radius = rounding.sgd_step(
            before,
            g,
            velocity,
            alpha=max(alpha, 0),
            lam=lam,
            eta=eta,
            w_radius=w_radius,
            velocity_radius=velocity_radius,
        )
        update(parameter, _tensor(g, device), own_velocity, lr=eta, momentum=alpha, weight_decay=lam)
        after = _array(parameter)
        before, velocity = after, after - before
        values.append(after)
        radii.append(w_radius)

    def exactly() -> Array:
        exact, change, path = precise(w), np.zeros_like(precise(w)), []
        for g, eta in zip(gradients, etas, strict=True):
            change = max(alpha, 0) * change - eta * (precise(g) + lam * exact)
            exact = exact + change
            path.append(exact)
        return np.stack(path)

    return Answer(np.stack(values), np.stack(radii), exactly)


def sgd_update(
    w: Array,
    g: Array,
    *,
    alpha: float,
    lam: float,
    eta: float | Array,
    velocity: Array | None = None,
    previous: Array | None = None,
    g_radius: rounding.Radius | None = None,
    exact_g: Callable[[], Array] | None = None,
    device: str = "cpu",
) -> Answer:
    """w after one step from a given velocity, known only by the change of weights that it made from `previous`.

    That change differs from the velocity that made it by one side's rounding, γ_5·(|previous| + |υ|). With a leading
    T, η is (T,). `g_radius` and `exact_g` where g itself is not given, but an answer.
    """
    known_velocity = np.zeros_like(w) if velocity is None else velocity
    after = np.empty_like(w)
    for rate in np.unique(eta):  # torch takes one rate at a time
        at = np.equal(eta, rate)
        parameter, gradient, own = (_tensor(array[at], device) for array in (w, g, known_velocity))
        update(parameter, gradient, own, lr=float(rate), momentum=alpha, weight_decay=lam)
        after[at] = _array(parameter)
    eta = eta if isinstance(eta, float) else eta[:, None, None]
    radius, _ = rounding.sgd_step(
        w,
        g,
        known_velocity,
        alpha=max(alpha, 0),
        lam=lam,
        eta=eta,
        g_radius=g_radius,
        velocity_radius=_recovered(known_velocity, previous),
    )

    def exactly() -> Array:
        high = precise(g) if exact_g is None else exact_g()
        return np.asarray(precise(w) - eta * (high + lam * precise(w)) + max(alpha, 0) * precise(known_velocity))

    return Answer(after, radius, exactly)


def _recovered(velocity: Array, previous: Array | None) -> rounding.Radius | None:
    if previous is None:
        return None
    size = np.abs(rounding.wide(previous)) + np.abs(rounding.wide(velocity))
    return np.asarray(rounding.gamma(5, velocity.dtype) * size)


# ---- one step of the whole network, and an evaluation, from given weights ----


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

    X N×D; y N labels; mask N×M of 0 and 1/(1 − r), or None. velocity and previous as for `sgd_update`. `side` (N×M)
    says on which side of a kink to stand: True for relu's slope 1. All may have a leading T, η being (T,) then.
    """
    y = y.astype(np.int64)
    model = _model(weights, activation, device)
    library = _library(device)
    keep: Any = np.ones((), X.dtype) if mask is None else np.asarray(mask, X.dtype)

    u = model.L1(_tensor(X, device))
    u_radius = rounding.linear_forward(X, weights["L1_W"], weights["L1_b"])
    pre = _array(u)
    kinks = (np.abs(pre) <= u_radius) & (u_radius > 0) & np.asarray(activation == "relu")
    h = model.nonlinear1(u)
    slope_one = pre > 0
    if side is not None:
        slope_one = np.where(kinks, side, slope_one)
        h = torch.where(_tensor(kinks, device), u * _tensor(side, device), h)
    s = h * _tensor(np.broadcast_to(keep, pre.shape).copy(), device)
    a = model.L2(s)
    loss = model.loss(a, _tensor(y, device))
    for hidden in (h, s, a):
        hidden.retain_grad()
    torch.autograd.backward(loss.sum())

    # Radii follow the values, forward and then backward.
    h_value, logits = _array(h), _array(a)
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
    a_radius = rounding.linear_forward(_array(s), W2, weights["L2_b"], s_radius)
    loss_radius = rounding.cross_entropy_forward(logits, y, library, a_radius)
    da, ds, dh = _gradient(a), _gradient(s), _gradient(h)
    da_radius = rounding.cross_entropy_backward(logits, y, library, a_radius)
    ds_radius = rounding.product_of_matrices(da, _transposed(W2), X.dtype, da_radius)
    dh_radius = np.abs(keep) * ds_radius + scale_rounding * (np.abs(ds) + ds_radius) * (keep != 1)
    if activation == "tanh":
        du_radius = rounding.tanh_backward(h_value, dh, library, input_radius, dh_radius)
        du = dh * (1 - h_value**2)
    else:
        du_radius = np.where(slope_one, dh_radius, 0.0)
        du = dh * slope_one
    s_t = _transposed(_array(s))
    gradient_radii = {
        "L1_W": rounding.product_of_matrices(_transposed(X), du, X.dtype, None, du_radius),
        "L1_b": rounding.sum_over_rows(du, du_radius),
        "L2_W": rounding.product_of_matrices(s_t, da, X.dtype, _transposed(s_radius), da_radius),
        "L2_b": rounding.sum_over_rows(da, da_radius),
    }

    @cache
    def exact() -> _Exact:
        return _exact_step(weights, X, y, keep, activation, slope_one)

    after = {}
    for name, gradient in _gradients(model).items():
        after[name] = sgd_update(
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
    return Step(Answer(_array(loss), loss_radius, lambda: exact().loss), after, kinks)


def _model(weights: Mapping[str, Array], activation: str, device: str) -> MLP | StackedMLP:
    W1, W2 = weights["L1_W"], weights["L2_W"]
    if W1.ndim == 3:
        return StackedMLP(*(_tensor(weights[name], device) for name in NAMES), activation=activation)
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
    da = _exact_loss_gradient(a, y)
    dh = (da @ _transposed(w["L2_W"])) * keep
    du = dh * (1 - h * h) if activation == "tanh" else dh * slope_one
    return _Exact(
        _exact_loss(a, y),
        {
            "L1_W": _transposed(x) @ du,
            "L1_b": du.sum(axis=-2, keepdims=True),
            "L2_W": _transposed(s) @ da,
            "L2_b": da.sum(axis=-2, keepdims=True),
        },
    )


def evaluation(weights: Mapping[str, Array], X: Array, y: Array, *, activation: str, device: str = "cpu") -> Evaluation:
    """The mean loss of X (N×D) with labels y (N) and dropout off, and how many predictions are right.

    A row whose label's logit lies within the radii of the largest may count either way. All may have a leading T.
    """
    y = y.astype(np.int64)
    model = _model(weights, activation, device)
    library = _library(device)
    with torch.no_grad():
        u = model.L1(_tensor(X, device))
        h = model.nonlinear1(u)
        a = model.L2(h)
        loss = model.loss(a, _tensor(y, device))
    radius = rounding.linear_forward(X, weights["L1_W"], weights["L1_b"])
    if activation == "tanh":
        radius = rounding.tanh_forward(_array(u), _array(h), library, radius)
    radius = rounding.linear_forward(_array(h), weights["L2_W"], weights["L2_b"], radius)
    logits = _array(a)
    lowest, highest = logits - radius, logits + radius
    others = ~rounding.one_hot(logits, y)
    surely = rounding.at_labels(lowest, y) > np.where(others, highest, -np.inf).max(axis=-1)
    maybe = rounding.at_labels(highest, y) >= np.where(others, lowest, -np.inf).max(axis=-1)

    def exactly() -> Array:
        w = {name: precise(weights[name]) for name in NAMES}
        exact_u = precise(X) @ w["L1_W"] + w["L1_b"]
        exact_h = np.tanh(exact_u) if activation == "tanh" else exact_u * (_array(u) > 0)
        return _exact_loss(exact_h @ w["L2_W"] + w["L2_b"], y)

    return Evaluation(
        Answer(_array(loss), rounding.cross_entropy_forward(logits, y, library, radius), exactly),
        surely.sum(axis=-1),
        maybe.sum(axis=-1),
    )


def evaluated(weights: Mapping[str, Array], X: Array, *, activation: str, device: str = "cpu") -> Answer:
    """The logits (N×K) of X (N×D) with dropout off; the radius is composed through both layers.

    `exact` is in float64: wide networks take too long in anything wider.
    """
    model = _model(weights, activation, device)
    with torch.no_grad():
        u = model.L1(_tensor(X, device))
        h = model.nonlinear1(u)
        a = _array(model.L2(h))
    radius = rounding.linear_forward(X, weights["L1_W"], weights["L1_b"])
    if activation == "tanh":
        radius = rounding.tanh_forward(_array(u), _array(h), _library(device), radius)
    radius = rounding.linear_forward(_array(h), weights["L2_W"], weights["L2_b"], radius)

    def exactly() -> Array:
        w = {name: rounding.wide(weights[name]) for name in NAMES}
        hidden = rounding.wide(X) @ w["L1_W"] + w["L1_b"]
        hidden = np.tanh(hidden) if activation == "tanh" else np.maximum(hidden, 0)
        return np.asarray(hidden @ w["L2_W"] + w["L2_b"])

    return Answer(a, radius, exactly)
