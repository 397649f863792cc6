"""Goes back through a graph from the gradients in its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class _Given(torch.autograd.Function):
    """A number of no use whose gradient, whatever it is, gives `grad` as that of `output`."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, grad: Tensor) -> Tensor:
        ctx.grad = grad
        return torch.zeros((), dtype=output.dtype, device=output.device)

    @staticmethod
    def backward(ctx: Any, *_: Any) -> tuple[Tensor, None]:
        return ctx.grad, None


def gradients_from(outputs: Sequence[Tensor], grads: Sequence[Tensor], of: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients by the tensors in `of`, given those in the outputs; None by one that no output comes of.

    torch.autograd.grad with `grad_outputs` does the same, but first imports half a second's worth of symbolic shapes.
    """
    seeds: list[Any] = [
        _Given.apply(output, grad)  # type: ignore[no-untyped-call]
        for output, grad in zip(outputs, grads, strict=True)
    ]
    return list(torch.autograd.grad(seeds, list(of), allow_unused=True))
