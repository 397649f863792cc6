"""The mean softmax cross-entropy and its gradient, as answers.

Logits are N×K and labels N whole numbers; or T×N×K and T×N, of T losses side by side.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reference import rounding
from reference.answer import Answer, precise
from reference.tensors import gradient_of, to_array, to_tensor

Array = NDArray[Any]
Labels = NDArray[np.int64]


def mean_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean over N rows of −log softmax(logits)_y, 0-d; or T of them."""
    if logits.ndim == 2:
        return torch.nn.functional.cross_entropy(logits, labels)
    rows = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return rows.view(labels.shape).mean(dim=1)


def forward(logits: Array, labels: Labels, device: str = "cpu") -> Answer:
    """The mean over N rows of −log softmax(logits)_y, 0-d; or T of them."""
    loss = mean_loss(to_tensor(logits, device), to_tensor(labels, device))
    radius = rounding.cross_entropy_forward(logits, labels, rounding.library_of(device))
    return Answer(to_array(loss), radius, lambda: loss_of(precise(logits), labels))


def backward(logits: Array, labels: Labels, device: str = "cpu") -> Answer:
    """(softmax(logits) − onehot(labels))/N, of the shape of the logits."""
    a = to_tensor(logits, device, gradient=True)
    torch.autograd.backward(mean_loss(a, to_tensor(labels, device)).sum())
    radius = rounding.cross_entropy_backward(logits, labels, rounding.library_of(device))
    return Answer(gradient_of(a), radius, lambda: loss_gradient_of(precise(logits), labels))


def loss_of(logits: Array, labels: Labels) -> Array:
    """The same loss by numpy, in the dtype of the logits, which may be one that torch does not have."""
    d = logits - logits.max(axis=-1, keepdims=True)
    losses = np.log(np.exp(d).sum(axis=-1)) - rounding.at_labels(d, labels)
    return np.asarray(losses.mean(axis=-1))


def loss_gradient_of(logits: Array, labels: Labels) -> Array:
    """The same gradient by numpy, in the dtype of the logits."""
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    z: Array = e / e.sum(axis=-1, keepdims=True)
    return np.asarray((z - rounding.one_hot(z, labels)) / logits.shape[-2])
