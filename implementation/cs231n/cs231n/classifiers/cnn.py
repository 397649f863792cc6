"""A small network with one convolution."""

from typing import Any

import numpy as np

from ..layer_utils import (
    affine_relu_backward,
    affine_relu_forward,
    conv_relu_pool_backward,
    conv_relu_pool_forward,
)
from ..layers import Array, affine_backward, affine_forward, softmax_loss
from .fc_net import Grads, penalty


class ThreeLayerConvNet:
    """conv – relu – 2×2 max pool – affine – relu – affine – softmax, on images N×C×H×W of an even size.

    The convolution has stride 1 and keeps the size of the image, by (filter_size − 1) // 2 zeros on each side.
    """

    def __init__(
        self,
        input_dim: tuple[int, int, int] = (3, 32, 32),
        num_filters: int = 32,
        filter_size: int = 7,
        hidden_dim: int = 100,
        num_classes: int = 10,
        weight_scale: float = 1e-3,
        reg: float = 0.0,
        dtype: Any = np.float32,
    ) -> None:
        self.reg = reg
        self.dtype = dtype
        C, H, W = input_dim
        pooled = num_filters * (H // 2) * (W // 2)
        params: Grads = {
            "W1": weight_scale * np.random.randn(num_filters, C, filter_size, filter_size),
            "b1": np.zeros(num_filters),
            "W2": weight_scale * np.random.randn(pooled, hidden_dim),
            "b2": np.zeros(hidden_dim),
            "W3": weight_scale * np.random.randn(hidden_dim, num_classes),
            "b3": np.zeros(num_classes),
        }
        self.params = {name: value.astype(dtype) for name, value in params.items()}

    def loss(self, X: Array, y: Array | None = None) -> Any:
        """The scores (N×C) of X without labels y (N,); with them the loss, and the gradients by name."""
        p = self.params
        conv_param = {"stride": 1, "pad": (p["W1"].shape[2] - 1) // 2}
        pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
        h, first = conv_relu_pool_forward(X.astype(self.dtype), p["W1"], p["b1"], conv_param, pool_param)
        h, second = affine_relu_forward(h, p["W2"], p["b2"])
        scores, third = affine_forward(h, p["W3"], p["b3"])
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        grads: Grads = {}
        dh, grads["W3"], grads["b3"] = affine_backward(dscores, third)
        dh, grads["W2"], grads["b2"] = affine_relu_backward(dh, second)
        _, grads["W1"], grads["b1"] = conv_relu_pool_backward(dh, first)
        for name in ("W1", "W2", "W3"):
            grads[name] += self.reg * p[name]
        return loss + penalty(p, self.reg), grads
