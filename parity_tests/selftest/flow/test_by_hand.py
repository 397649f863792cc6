"""The bounds that were derived by hand for the homework, beside those that flow along the same operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from numpy.typing import NDArray

from reference import cross_entropy, dropout, elementwise, linear, sgd
from reference.flow import evaluate, gradients, replay

pytestmark = pytest.mark.usefixtures("one_thread")
Array = NDArray[Any]
DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
FACTOR = 10.0
"""Each is within so many times of the other, at the median element."""
ETAS = (0.1, 0.1, 0.01)


def drawn(dtype: str) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = {"X": (12, 20), "W": (20, 8), "b": (1, 8), "grad": (12, 8), "a": (12, 10), "g": (3, 20, 8)}
    found: dict[str, Any] = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    return {**found, "y": rng.integers(0, 10, 12), "kept": rng.random((12, 20)) >= 0.5}


def by_hand(i: dict[str, Any]) -> dict[str, Array]:
    """The homework's radii, by the name of the quantity."""
    X, W, b, grad, a, y, kept = (i[name] for name in ("X", "W", "b", "grad", "a", "y", "kept"))
    back = linear.backward(X, W, b, grad)
    return {
        "linear output": linear.forward(X, W, b).radius,
        **{f"linear gradient of {name}": back[name].radius for name in ("X", "W", "b")},
        "relu output": elementwise.relu_forward(X).radius,
        "tanh output": elementwise.tanh_forward(X).radius,
        "tanh gradient": elementwise.tanh_backward(X, X).radius,
        "dropout output": dropout.forward(X, kept, 0.5).radius,
        "loss": cross_entropy.forward(a, y).radius,
        "gradient of logits": cross_entropy.backward(a, y).radius,
        "SGD": sgd.steps(W, i["g"], ETAS, alpha=0.9, lam=0.01).radius[-1],
    }


def classical_momentum(W: Any, g: Any) -> Any:
    """The last weights of the homework's SGD: η inside the velocity."""
    v = torch.zeros_like(W)
    for t, eta in enumerate(ETAS):
        v = 0.9 * v - eta * (g[t] + 0.01 * W)
        W = W + v
    return W


def by_flow(i: dict[str, Any]) -> dict[str, Array]:
    """The same by the flow's bound."""

    def bound(function: Any, **inputs: Any) -> dict[str, Array]:
        found = evaluate(function, inputs, radius="bound")
        return {name: answer.radius.numpy() for name, answer in found.items()}

    layer = bound(
        gradients(lambda X, W, b: X @ W + b, ("X", "W", "b"), "grad"), **{n: i[n] for n in ("X", "W", "b", "grad")}
    )
    tanh = bound(gradients(torch.tanh, "input", "grad"), input=i["X"], grad=i["X"])
    loss = bound(gradients(lambda a, y: F.cross_entropy(a, y), "a", None), a=i["a"], y=i["y"])
    scaled = (i["kept"] / 0.5).astype(i["X"].dtype)
    return {
        "linear output": layer["output"],
        **{f"linear gradient of {name}": layer[name] for name in ("X", "W", "b")},
        "relu output": bound(torch.relu, input=i["X"])["output"],
        "tanh output": tanh["output"],
        "tanh gradient": tanh["input"],
        "dropout output": bound(lambda X, masks: replay(masks)(X), X=i["X"], masks=scaled)["output"],
        "loss": loss["output"],
        "gradient of logits": loss["a"],
        "SGD": bound(classical_momentum, W=i["W"], g=i["g"])["output"],
    }


FORMS = {
    "tanh output": "the assignment's own formula 2/(1 + e^(−2u)) − 1, which cancels near 0",
    "tanh gradient": "the same",
    "dropout output": "division by 1 − r as well as multiplication by its reciprocal; the flow replays a mask as it is",
}
"""Where the homework's bound allows for a form of its own, it is the wider one."""


@DTYPES
def test_the_flow_and_the_derivation_by_hand_are_within_ten_times_of_each_other(dtype: str) -> None:
    inputs = drawn(dtype)
    hand, flow = by_hand(inputs), by_flow(inputs)
    assert hand.keys() == flow.keys()
    found = {}
    for name in hand:
        wide, narrow = (
            np.broadcast_to(np.asarray(r, np.float64), np.shape(flow[name])) for r in (hand[name], flow[name])
        )
        if not wide.any() and not narrow.any():
            continue  # nothing rounds, and both say so
        known = (wide > 0) & (narrow > 0)
        found[name] = float(np.median(wide[known] / narrow[known])) if known.any() else np.inf
    outside = {name: ratio for name, ratio in found.items() if not 1 / FACTOR <= ratio <= FACTOR}
    assert {name for name in outside if name not in FORMS or outside[name] < 1} == set(), found
