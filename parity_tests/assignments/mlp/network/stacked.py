"""Networks side by side: many equivalent torch models of one shape at once, each with weights and inputs of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from parity_tests.assignments.mlp.network.model import NONLINEARITIES


class StackedLinear(nn.Module):
    """T linear layers: X T×N×D → X W + b, T×N×M, with weight T×D×M and bias T×1×M in the assignment's layout."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)

    def forward(self, X: Tensor) -> Tensor:
        """u = X W + b in each of the T layers."""
        return torch.baddbmm(self.bias, X, self.weight)


class StackedLoss(nn.Module):
    """T mean softmax cross-entropies: logits T×N×K and labels T×N → T."""

    def __init__(self) -> None:
        super().__init__()
        self._of_rows = nn.CrossEntropyLoss(reduction="none")

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over the N rows of each of the T networks."""
        losses: Tensor = self._of_rows(logits.flatten(0, 1), labels.flatten())
        return losses.view(labels.shape).mean(dim=1)


class StackedMLP(nn.Module):
    """T networks as `MLP`, under the same module names, from weights T×D×M, T×1×M, T×M×K, T×1×K."""

    def __init__(self, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, *, activation: str) -> None:
        super().__init__()
        self.L1 = StackedLinear(W1, b1)
        self.nonlinear1 = NONLINEARITIES[activation]()
        self.L2 = StackedLinear(W2, b2)
        self.loss = StackedLoss()
