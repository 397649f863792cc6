"""The torch module that is equivalent to the assignment's network, and its weights as arrays by WEIGHT_NAMES."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from parity_tests.assignments.mlp.names import BACKWARD, FORWARD, WEIGHT_NAMES, updated_name
from reference import cross_entropy, linear
from reference.optimizer import ClassicalSGD

Array = NDArray[Any]


class MLP(nn.Module):
    """linear(D→M) → relu or tanh → dropout by a mask → linear(M→K), and the mean softmax cross-entropy as `loss`.

    The weights are given by WEIGHT_NAMES, in the assignment's layout (W is D×M, b is 1×M) and all of one dtype, which
    the module computes in. Where they have a leading T they are those of T networks side by side, and so have all
    tensors. Two programs never draw the same random numbers, so the mask (0 or 1/(1−r)) that one of them used is handed
    to the other.
    """

    def __init__(self, weights: Mapping[str, Array], *, activation: str, device: torch.device | str = "cpu") -> None:
        super().__init__()
        self.activation = {"relu": torch.relu, "tanh": torch.tanh}[activation]
        # A copy of numpy's making: torch takes neither read-only nor backward-strided arrays as they are.
        own = {name: torch.from_numpy(np.array(weights[name], order="C")).to(device) for name in WEIGHT_NAMES}
        for name, w in own.items():
            if w.ndim == 2 and name.endswith("W"):
                w = w.T.contiguous().T  # in memory as torch.nn.Linear keeps it
            self.register_parameter(name, nn.Parameter(w))

    def weights(self) -> dict[str, Tensor]:
        """The parameters themselves, by WEIGHT_NAMES."""
        return {name: self.get_parameter(name) for name in WEIGHT_NAMES}

    def arrays(self) -> dict[str, Array]:
        """Copies of the weights as arrays of their dtype."""
        return {name: np.array(w.detach().cpu().numpy(), order="C") for name, w in self.weights().items()}

    def forward(self, X: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits (N×K) for X (N×D); without a mask (N×M) dropout is off."""
        return self.after_first_layer(self.first_layer(X), mask)[-1]

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean softmax cross-entropy of logits N×K and N labels, 0-d; or T of them."""
        return cross_entropy.mean_loss(logits, labels)

    def first_layer(self, X: Tensor) -> Tensor:
        """The pre-activations u (N×M) of X (N×D)."""
        return linear.affine(X, self.get_parameter("L1_W"), self.get_parameter("L1_b"))

    def after_first_layer(
        self, u: Tensor, mask: Tensor | None = None, slope_one: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """h and s (N×M) and the logits a (N×K), from the pre-activations u.

        `slope_one` (N×M) says where relu's slope is 1; without it that is where u > 0.
        """
        h = self.activation(u)
        if slope_one is not None:
            h = torch.where(slope_one == (u > 0), h, u * slope_one)
        s = h if mask is None else h * mask
        return h, s, linear.affine(s, self.get_parameter("L2_W"), self.get_parameter("L2_b"))

    def quantities(self, u: Tensor, y: Tensor, mask: Tensor, slope_one: Tensor | None = None) -> dict[str, Tensor]:
        """Whatever forward and backward compute, FORWARD and BACKWARD by name; u is what `first_layer` returned.

        y are N labels, mask and slope_one as for `after_first_layer`. The gradients of the parameters are left at
        them as well. The tensors stay as they are when the parameters change.
        """
        h, s, a = self.after_first_layer(u, mask, slope_one)
        loss = self.loss(a, y)
        for intermediate in (u, h, s, a):
            intermediate.retain_grad()
        self.zero_grad()
        torch.autograd.backward(loss if loss.ndim == 0 else loss.sum())
        L1_W, L1_b, L2_W, L2_b = (w.grad for w in self.weights().values())
        backward = (a.grad, s.grad, L2_W, L2_b, h.grad, u.grad, L1_W, L1_b)
        values = zip((*FORWARD, *BACKWARD), (u, h, s, a, loss, *backward), strict=True)
        return {name: value.detach() for name, value in values if value is not None}


class Trainer:
    """The model and ClassicalSGD, from weights by WEIGHT_NAMES, all of one dtype."""

    def __init__(
        self, weights: Mapping[str, Array], *, activation: str, alpha: float, lam: float, device: str = "cpu"
    ) -> None:
        self.model = MLP(weights, activation=activation, device=device)
        for w in self.model.parameters():  # in memory as the assignment keeps it
            w.data = w.data.contiguous()
        self._optimizer = ClassicalSGD(self.model.parameters(), momentum=alpha, weight_decay=lam)
        self._u = torch.empty(0)

    def hidden(self, X: Tensor) -> Tensor:
        """The first half of a step: the pre-activations u (N×M) of X (N×D)."""
        self._u = self.model.first_layer(X)
        return self._u.detach()

    def step(self, y: Tensor, mask: Tensor, slope_one: Tensor | None, eta: float) -> dict[str, Tensor]:
        """The second half: QUANTITIES by name, the weights updated with learning rate η.

        y are N labels, mask (N×M) holds 0 and 1/(1 − r). `slope_one` (N×M) says where relu's slope is 1; it is None
        for tanh, and where that is wherever u > 0. The updated weights are valid until the next step, all else for
        good.
        """
        values = self.model.quantities(self._u, y, mask, slope_one)
        for group in self._optimizer.param_groups:
            group["lr"] = eta
        self._optimizer.step()
        return values | {updated_name(name): w.detach() for name, w in self.model.weights().items()}

    def weights(self) -> dict[str, Array]:
        """Copies of the weights, by WEIGHT_NAMES."""
        return self.model.arrays()

    def logits(self, X: Tensor) -> Tensor:
        """N×K, dropout off."""
        with torch.no_grad():
            return self.model.forward(X)
