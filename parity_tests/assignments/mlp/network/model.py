"""The torch.nn model that is equivalent to the assignment's network, under the assignment's module names."""

from __future__ import annotations

import torch
from torch import Tensor, nn

NONLINEARITIES: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}


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


class _Blank(nn.Linear):
    """A linear layer whose parameters hold nothing yet: drawing what is overwritten at once takes half its making."""

    def reset_parameters(self) -> None:
        pass


class MLP(nn.Module):
    """linear(D→M) → relu or tanh → dropout → linear(M→K), and the mean softmax cross-entropy as `loss`.

    Its children are L1, nonlinear1, drop1, L2 and loss. torch stores a linear layer's weight as M×D, the
    transpose of the assignment's W; reference/weights.py takes them across. Parameters start as the
    assignment's do: normal, mean 0, standard deviation 0.1.
    """

    def __init__(
        self,
        input_D: int,
        hidden_M: int,
        output_K: int,
        *,
        activation: str = "relu",
        rate: float = 0.0,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        draw: bool = True,
    ) -> None:
        super().__init__()
        if activation not in NONLINEARITIES:
            raise ValueError(f"The activation is {activation!r}, but it must be 'relu' or 'tanh'.")
        linear = nn.Linear if draw else _Blank
        self.L1 = linear(input_D, hidden_M, dtype=dtype, device=device)
        self.nonlinear1 = NONLINEARITIES[activation]()
        self.drop1 = MaskedDropout(rate)
        self.L2 = linear(hidden_M, output_K, dtype=dtype, device=device)
        self.loss = nn.CrossEntropyLoss()
        if draw:
            for parameter in self.parameters():
                nn.init.normal_(parameter, mean=0.0, std=0.1)

    def forward(self, X: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits (N×K) for X (N×D); mask (N×M) is replayed by drop1 in training mode."""
        s: Tensor = self.drop1(self.nonlinear1(self.L1(X)), mask)
        a: Tensor = self.L2(s)
        return a
