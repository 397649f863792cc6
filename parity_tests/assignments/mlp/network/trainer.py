"""Trains the torch.nn model step by step with given batches and masks, and shows everything that a step computes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.assignments.mlp.network.model import MLP
from parity_tests.assignments.mlp.network.weights import NAMES, from_torch, to_torch
from reference.optimizer import ClassicalSGD

Array = NDArray[Any]

FORWARD = ("L1 output", "activation output", "dropout output", "L2 output", "loss")
BACKWARD = (
    "gradient of logits",
    "L2 gradient of X",
    "L2 gradient of W",
    "L2 gradient of b",
    "dropout gradient",
    "activation gradient",
    "L1 gradient of W",
    "L1 gradient of b",
)
UPDATED = tuple(f"updated {name.replace('_', ' ')}" for name in NAMES)
QUANTITIES = (*FORWARD, *BACKWARD, *UPDATED)
"""All that a training step computes, in the order of computation; weights as D×M and biases as 1×M."""


class Trainer:
    """MLP and ClassicalSGD, from weights {"L1_W": D×M, "L1_b": 1×M, "L2_W": M×K, "L2_b": 1×K} of one dtype."""

    def __init__(
        self, weights: Mapping[str, Array], *, activation: str, alpha: float, lam: float, device: str = "cpu"
    ) -> None:
        (D, M), K = weights["L1_W"].shape, weights["L2_W"].shape[1]
        dtype = torch.from_numpy(weights["L1_W"][:1]).dtype
        self.model = MLP(D, M, K, activation=activation, dtype=dtype, device=device, draw=False)
        to_torch(weights, self.model)
        for layer in (self.model.L1, self.model.L2):  # in memory as the assignment keeps it, beside which it is held
            layer.weight.data = layer.weight.data.T.contiguous().T
        self._optimizer = ClassicalSGD(self.model.parameters(), momentum=alpha, weight_decay=lam)
        self._u = torch.empty(0)

    def hidden(self, X: Tensor) -> Tensor:
        """The first half of a step: the pre-activations u (N×M) of X (N×D)."""
        self._u = self.model.L1(X)
        return self._u.detach()

    def step(self, y: Tensor, keep: Tensor, side: Tensor | None, eta: float) -> dict[str, Tensor]:
        """The second half: QUANTITIES by name, the weights updated with learning rate η.

        y are N labels, keep the mask N×M of 0 and 1/(1 − r). `side` (N×M) says where relu's slope is 1, which only
        matters at a kink; None for tanh, and where it is torch's own side everywhere. The updated
        weights are valid until the next step, all else for as long as it is held.
        """
        u = self._u
        h = self.model.nonlinear1(u)
        if side is not None:
            h = torch.where(side == (u > 0), h, u * side)
        s = self.model.drop1(h, keep)
        a = self.model.L2(s)
        loss = self.model.loss(a, y)
        for hidden in (u, h, s, a):
            hidden.retain_grad()
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        W1, W2 = self.model.L1.weight, self.model.L2.weight
        b1, b2 = self.model.L1.bias, self.model.L2.bias
        backward = (a.grad, s.grad, _row(W2.grad), _row(b2.grad), h.grad, u.grad, _row(W1.grad), _row(b1.grad))
        for group in self._optimizer.param_groups:
            group["lr"] = eta
        self._optimizer.step()
        values = (u, h, s, a, loss, *backward, *(_row(w) for w in (W1, b1, W2, b2)))
        return {name: value.detach() for name, value in zip(QUANTITIES, values, strict=True) if value is not None}

    def weights(self) -> dict[str, Array]:
        """Copies of the weights, by NAMES."""
        return from_torch(self.model)

    def logits(self, X: Tensor) -> Tensor:
        """N×K, dropout off."""
        with torch.no_grad():
            a: Tensor = self.model.L2(self.model.nonlinear1(self.model.L1(X)))
        return a


def _row(parameter: Tensor | None) -> Tensor:
    """A weight as D×M or a bias as 1×M, as the assignment keeps them."""
    assert parameter is not None
    return parameter.T if parameter.ndim == 2 else parameter.reshape(1, -1)


def exactly(
    weights: Mapping[str, Array],
    velocity: Mapping[str, Array],
    X: Array,
    y: NDArray[np.int64],
    keep: Array,
    side: Array | None,
    *,
    activation: str,
    alpha: float,
    lam: float,
    eta: float,
) -> dict[str, Array]:
    """QUANTITIES of one step from the given state, in numpy, in the precision of the arrays (make it a wide one).

    Arguments as those of Trainer; `side` is None for tanh. The formulas are the assignment's.
    """
    u = X @ weights["L1_W"] + weights["L1_b"]
    slope: Any = side
    h = np.tanh(u) if side is None else u * slope
    s = h * keep
    a = s @ weights["L2_W"] + weights["L2_b"]
    d = a - a.max(axis=1, keepdims=True)
    total = np.exp(d).sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = np.asarray((np.log(total[:, 0]) - d[rows, y]).mean())
    da = np.exp(d) / total
    da[rows, y] -= 1
    da /= len(y)
    ds = da @ weights["L2_W"].T
    dh = ds * keep
    du = dh * (1 - h * h) if side is None else dh * slope
    gradients = {"L2_W": s.T @ da, "L2_b": da.sum(axis=0, keepdims=True)}
    gradients |= {"L1_W": X.T @ du, "L1_b": du.sum(axis=0, keepdims=True)}
    updated = [weights[n] + max(alpha, 0) * velocity[n] - eta * (gradients[n] + lam * weights[n]) for n in NAMES]
    backward = (da, ds, gradients["L2_W"], gradients["L2_b"], dh, du, gradients["L1_W"], gradients["L1_b"])
    return dict(zip(QUANTITIES, (u, h, s, a, loss, *backward, *updated), strict=True))
