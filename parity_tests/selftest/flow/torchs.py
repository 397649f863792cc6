"""The same layers as torch has them, with the names of `honest`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from reference.flow import gradients

affine = gradients(lambda X, W, b: X @ W + b, of=("X", "W", "b"), given="g")
layer_norm = gradients(
    lambda x, gamma, beta: functional.layer_norm(x, x.shape[-1:], gamma, beta), of=("x", "gamma", "beta"), given="g"
)
batch_norm = gradients(
    lambda x, gamma, beta: functional.batch_norm(x, None, None, gamma, beta, training=True), ("x", "gamma", "beta"), "g"
)
batch_norm_evaluated = gradients(
    lambda x, mean, var, gamma, beta: functional.batch_norm(x, mean, var, gamma, beta), ("x", "gamma", "beta"), "g"
)
convolution = gradients(lambda x, w, b: functional.conv2d(x, w, b, padding=1), ("x", "w", "b"), "g")
cross_entropy = gradients(lambda a, y: functional.cross_entropy(a, y), ("a",), None)


@lambda f: gradients(f, ("q", "k", "v"), "g")
def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """torch's fused attention."""
    return functional.scaled_dot_product_attention(q[None, None], k[None, None], v[None, None])[0, 0]


@lambda f: gradients(f, ("x", "h", "c", "Wx", "Wh", "b"), "g")
def lstm(x: Tensor, h: Tensor, c: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    """torch's recurrent layer: one fused operation in float32, many in float64."""
    weights = [Wx.T, Wh.T, b, torch.zeros_like(b)]
    states: Tensor = torch.lstm(x, (h[None], c[None]), weights, True, 1, 0.0, True, False, False)[0]
    return states


def mlp(layers: int) -> Any:
    """As many products, with relu between."""

    def forward(X: Tensor, **weights: Tensor) -> Tensor:
        h = X
        for n in range(layers):
            h = h @ weights[f"W{n}"]
            if n < layers - 1:
                h = torch.relu(h)
        return h

    return gradients(forward, tuple(f"W{n}" for n in range(layers)), "g")
