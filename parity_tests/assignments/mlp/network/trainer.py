"""Trains the torch model step by step with given batches and masks, and shows whatever a step computes."""

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.assignments.mlp.names import updated_name
from parity_tests.assignments.mlp.network.model import MLP
from reference.optimizer import ClassicalSGD

Array = NDArray[Any]


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
