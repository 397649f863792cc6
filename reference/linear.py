"""The linear layer u = X W + b and its gradients, as answers."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from reference import rounding
from reference.answer import Answer, precise
from reference.tensors import backpropagate, gradient_of, to_array, to_tensor

Array = NDArray[Any]


def affine(X: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """X W + b (N×M) of tensors X N×D, W D×M and b 1×M; or T×N×M of all with a leading T."""
    if W.ndim == 3:
        return torch.baddbmm(b, X, W)
    return torch.nn.functional.linear(X, W.T, b.reshape(-1))


def forward(X: Array, W: Array, b: Array, device: str = "cpu") -> Answer:
    """u = X W + b, N×M, of X N×D, W D×M and b 1×M; or all with a leading T."""
    u = to_array(affine(to_tensor(X, device), _weight(W, device), to_tensor(b, device)))
    return Answer(u, rounding.linear_forward(X, W, b), lambda: precise(X) @ precise(W) + precise(b))


def backward(X: Array, W: Array, b: Array, grad: Array, device: str = "cpu") -> dict[str, Answer]:
    """The gradients ∂W = Xᵀ grad (D×M), ∂b = Σ_rows grad (1×M) and ∂X = grad Wᵀ (N×D), under "W", "b" and "X".

    X, W and b are as for `forward`; grad is N×M. All may have a leading T.
    """
    inputs, bias = to_tensor(X, device, gradient=True), to_tensor(b, device, gradient=True)
    weight = _weight(W, device).requires_grad_()
    backpropagate(affine(inputs, weight, bias), grad, device)
    X_t, W_t = transposed(X), transposed(W)
    return {
        "W": Answer(
            gradient_of(weight),
            rounding.product_of_matrices(X_t, grad, grad.dtype),
            lambda: precise(X_t) @ precise(grad),
        ),
        "b": Answer(gradient_of(bias), rounding.sum_over_rows(grad), lambda: precise(grad).sum(axis=-2, keepdims=True)),
        "X": Answer(
            gradient_of(inputs),
            rounding.product_of_matrices(grad, W_t, grad.dtype),
            lambda: precise(grad) @ precise(W_t),
        ),
    }


def transposed(matrices: Array) -> Array:
    """A matrix, or each of several with a leading T, transposed."""
    return matrices.swapaxes(-1, -2)


def _weight(W: Array, device: str) -> Tensor:
    """W as a tensor; that of one layer lies in memory as torch.nn.Linear keeps it, transposed."""
    return to_tensor(W, device) if W.ndim == 3 else to_tensor(W.T, device).contiguous().T
