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


def gradients_from(
    outputs: Sequence[Tensor], grads: Sequence[Tensor] | None, of: Sequence[Tensor], *, again: bool = False
) -> Sequence[Tensor | None]:
    """The gradients by the tensors in `of`, None by one that no output comes of.

    Those in the outputs are given; None where these are numbers. The graph is kept where it is gone through `again`.
    torch.autograd.grad with `grad_outputs` does the same, but first imports half a second's worth of symbolic shapes.
    """
    numbers: Sequence[Any] = outputs
    if grads is not None:
        pairs = zip(outputs, grads, strict=True)
        numbers = [_Given.apply(output, grad) for output, grad in pairs]  # type: ignore[no-untyped-call]
    found: Sequence[Tensor | None] = torch.autograd.grad(list(numbers), list(of), retain_graph=again, allow_unused=True)
    return found
