"""tanh and relu and their gradients, as answers; arrays of any shape."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reference import rounding
from reference.answer import Alternative, Answer, known, precise
from reference.tensors import backpropagate, gradient_of, to_array, to_tensor

Array = NDArray[Any]

RELU_AT_ZERO = "relu's derivative at exactly 0 is 1 here, the assignment's is 0, and either is a subgradient"


def tanh_forward(X: Array, device: str = "cpu") -> Answer:
    """h = tanh(X)."""
    h = to_array(torch.tanh(to_tensor(X, device)))
    return Answer(h, rounding.tanh_forward(X, h, rounding.library_of(device)), lambda: np.tanh(precise(X)))


def tanh_backward(X: Array, grad: Array, device: str = "cpu") -> Answer:
    """grad·(1 − tanh²(X))."""
    inputs = to_tensor(X, device, gradient=True)
    h = torch.tanh(inputs)
    backpropagate(h, grad, device)

    def exactly() -> Array:
        # 1 − tanh² as 4e/(1 + e)² with e = e^(−2|X|), which neither cancels nor overflows.
        e = np.exp(-2 * np.abs(precise(X)))
        return np.asarray(precise(grad) * 4 * e / (1 + e) ** 2)

    return Answer(gradient_of(inputs), rounding.tanh_backward(to_array(h), grad, rounding.library_of(device)), exactly)


def relu_forward(X: Array, device: str = "cpu") -> Answer:
    """h = max(0, X), which does not round."""
    return known(to_array(torch.relu(to_tensor(X, device))))


def relu_backward(X: Array, grad: Array, device: str = "cpu") -> Answer:
    """grad·1[X > 0], which does not round; where X is exactly 0, grad is right as well, with a note."""
    inputs = to_tensor(X, device, gradient=True)
    backpropagate(torch.relu(inputs), grad, device)
    at_zero = Alternative(grad, rounding.zero_radius(grad), X == 0, RELU_AT_ZERO)
    value = gradient_of(inputs)
    return Answer(value, rounding.zero_radius(value), lambda: precise(value), (at_zero,))
