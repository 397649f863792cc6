"""SGD with classical momentum and weight decay, as answers.

g = ∂l/∂w + λ w
α > 0:  υ ← α υ − η g,  w ← w + υ
α ≤ 0:  w ← w − η g
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import rounding
from reference.answer import Answer, precise
from reference.optimizer import update
from reference.tensors import to_array, to_tensor

Array = NDArray[Any]


def steps(
    w: Array, gradients: Array, etas: Sequence[float], *, alpha: float, lam: float, device: str = "cpu"
) -> Answer:
    """w after each of T steps from zero velocity, T×(w's shape); gradients are of that shape, etas T numbers.

    The radius follows both sides' weights and velocities through the recursion, which is linear in them.
    """
    parameter, own_velocity = to_tensor(w, device), to_tensor(np.zeros_like(w), device)
    before, velocity = w, np.zeros_like(w)
    w_radius, velocity_radius = rounding.zero_radius(w), rounding.zero_radius(w)
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
        update(parameter, to_tensor(g, device), own_velocity, lr=eta, momentum=alpha, weight_decay=lam)
        after = to_array(parameter)
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


def step(
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
    """w after one step with the gradient g; or T of them, with a leading T and η of shape (T,).

    The velocity is None for zero, or the change from the weights `previous` that the step before made. That change
    differs from the velocity that made it by one side's rounding, γ_5·(|previous| + |υ|). `g_radius` and `exact_g`
    are those of g, where g is not given but computed.
    """
    known_velocity = np.zeros_like(w) if velocity is None else velocity
    after = np.empty_like(w)
    for rate in np.unique(eta):  # torch takes one rate at a time
        at = np.equal(eta, rate)
        parameter, gradient, own = (to_tensor(array[at], device) for array in (w, g, known_velocity))
        update(parameter, gradient, own, lr=float(rate), momentum=alpha, weight_decay=lam)
        after[at] = to_array(parameter)
    eta = eta if isinstance(eta, float) else eta[:, None, None]
    radius, _ = rounding.sgd_step(
        w,
        g,
        known_velocity,
        alpha=max(alpha, 0),
        lam=lam,
        eta=eta,
        g_radius=g_radius,
        velocity_radius=None if previous is None else _radius_of_change(known_velocity, previous),
    )

    def exactly() -> Array:
        high = precise(g) if exact_g is None else exact_g()
        return np.asarray(precise(w) - eta * (high + lam * precise(w)) + max(alpha, 0) * precise(known_velocity))

    return Answer(after, radius, exactly)


def _radius_of_change(velocity: Array, previous: Array) -> rounding.Radius:
    """How far the change of weights made from `previous` may differ from the velocity that made it."""
    size = np.abs(rounding.wide(previous)) + np.abs(rounding.wide(velocity))
    return np.asarray(rounding.gamma(5, velocity.dtype) * size)
