"""The torch module that is equivalent to the assignment's network, under the assignment's names."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from parity_tests.assignments.mlp.names import BACKWARD, FORWARD
from reference import cross_entropy, linear

NONLINEARITIES: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}


class Linear(nn.Module):
    """X W + b as torch.nn.Linear computes it, its parameters in the assignment's layout: W is D×M, b is 1×M.

    With `side_by_side` T the parameters are T×D×M and T×1×M, and so many layers compute at once. The parameters hold
    nothing yet.
    """

    def __init__(
        self, D: int, M: int, side_by_side: int | None, dtype: torch.dtype | None, device: torch.device | str | None
    ) -> None:
        super().__init__()
        if side_by_side is None:
            W = torch.empty(M, D, dtype=dtype, device=device).T  # in memory as torch.nn.Linear keeps it
            b = torch.empty(1, M, dtype=dtype, device=device)
        else:
            W = torch.empty(side_by_side, D, M, dtype=dtype, device=device)
            b = torch.empty(side_by_side, 1, M, dtype=dtype, device=device)
        self.W, self.b = nn.Parameter(W), nn.Parameter(b)

    def forward(self, X: Tensor) -> Tensor:
        """N×M for X N×D, or T×N×M for T×N×D."""
        return linear.affine(X, self.W, self.b)


class MaskedDropout(nn.Module):
    """Dropout that replays a given mask: s = q · mask, where mask holds 0 or 1/(1−r); s = q in eval mode.

    Two programs never draw the same random numbers, so the mask that one of them used is handed to the other.
    """

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"The dropout rate is {rate}, but it must lie in [0, 1).")
        self.rate = rate

    def forward(self, q: Tensor, mask: Tensor | None = None) -> Tensor:
        """s for q of any shape; mask has q's shape and dtype, and without one it is drawn: 1[p ≥ r]/(1−r).

        Raises ValueError for a mask of another shape or dtype.
        """
        if not self.training:
            return q
        if mask is None:
            mask = (torch.rand_like(q) >= self.rate) * torch.as_tensor(1 / (1 - self.rate), dtype=q.dtype)
        elif mask.shape != q.shape or mask.dtype != q.dtype:
            raise ValueError(
                f"The dropout mask is {tuple(mask.shape)} of {mask.dtype},"
                f" but what it masks is {tuple(q.shape)} of {q.dtype}."
            )
        return q * mask

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


class MeanCrossEntropy(nn.Module):
    """The mean softmax cross-entropy of logits N×K and N labels, 0-d; or T of them."""

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy.mean_loss(logits, labels)


class MLP(nn.Module):
    """linear(D→M) → relu or tanh → dropout → linear(M→K), and the mean softmax cross-entropy as `loss`.

    Its children are L1, nonlinear1, drop1, L2 and loss. Parameters start as the assignment's do: normal, mean 0,
    standard deviation 0.1; without `draw` they hold nothing yet. `side_by_side` is a number T of networks, each with
    parameters and inputs of its own: then all tensors have a leading T.
    """

    def __init__(
        self,
        input_D: int,
        hidden_M: int,
        output_K: int,
        *,
        activation: str = "relu",
        rate: float = 0.0,
        side_by_side: int | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        draw: bool = True,
    ) -> None:
        super().__init__()
        if activation not in NONLINEARITIES:
            raise ValueError(f"The activation is {activation!r}, but it must be 'relu' or 'tanh'.")
        self.L1 = Linear(input_D, hidden_M, side_by_side, dtype, device)
        self.nonlinear1 = NONLINEARITIES[activation]()
        self.drop1 = MaskedDropout(rate)
        self.L2 = Linear(hidden_M, output_K, side_by_side, dtype, device)
        self.loss = MeanCrossEntropy()
        if draw:
            for parameter in self.parameters():
                nn.init.normal_(parameter, mean=0.0, std=0.1)

    def weights(self) -> dict[str, nn.Parameter]:
        """The parameters themselves, by WEIGHT_NAMES."""
        return {"L1_W": self.L1.W, "L1_b": self.L1.b, "L2_W": self.L2.W, "L2_b": self.L2.b}

    def forward(self, X: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits (N×K) for X (N×D); mask (N×M) is replayed by drop1 in training mode."""
        return self.after_first_layer(self.first_layer(X), mask)[-1]

    def first_layer(self, X: Tensor) -> Tensor:
        """The pre-activations u (N×M) of X (N×D)."""
        return cast(Tensor, self.L1(X))

    def after_first_layer(
        self, u: Tensor, mask: Tensor | None = None, slope_one: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """h and s (N×M) and the logits a (N×K), from the pre-activations u.

        `slope_one` (N×M) says where relu's slope is 1; without it that is where u > 0.
        """
        h = self.nonlinear1(u)
        if slope_one is not None:
            h = torch.where(slope_one == (u > 0), h, u * slope_one)
        s = self.drop1(h, mask)
        return h, s, self.L2(s)

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
        backward = (a.grad, s.grad, self.L2.W.grad, self.L2.b.grad, h.grad, u.grad, self.L1.W.grad, self.L1.b.grad)
        values = zip((*FORWARD, *BACKWARD), (u, h, s, a, loss, *backward), strict=True)
        return {name: value.detach() for name, value in values if value is not None}
