"""Takes arrays to torch and back, and a given gradient back through a computation."""

from typing import Any

import torch
from numpy.typing import NDArray

Array = NDArray[Any]


def to_tensor(array: Array, device: str, *, gradient: bool = False) -> torch.Tensor:
    """A copy of `array` on `device`, of its shape and dtype; with `gradient` one whose gradient torch will keep."""
    tensor = torch.tensor(array, device=device)
    return tensor.requires_grad_() if gradient else tensor


def to_array(tensor: torch.Tensor) -> Array:
    """A copy of `tensor` as an array of its shape and dtype."""
    return tensor.detach().cpu().numpy().copy()


def gradient_of(tensor: torch.Tensor) -> Array:
    """The gradient that a backward has left at `tensor`, as an array."""
    assert tensor.grad is not None
    return to_array(tensor.grad)


def backpropagate(output: torch.Tensor, grad: Array, device: str) -> None:
    """Backpropagate from `output`, given its gradient `grad`: as that of Σ grad·output, since 1·grad does not round.

    torch.autograd.backward(output, grad) does the same, but first imports half a second's worth of symbolic shapes.
    """
    torch.autograd.backward((output * to_tensor(grad, device)).sum())
