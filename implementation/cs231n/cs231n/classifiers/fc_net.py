"""Networks of affine layers: one of two layers, and one of any number with normalisation and dropout."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..layer_utils import affine_relu_backward, affine_relu_forward
from ..layers import (
    Array,
    affine_backward,
    affine_forward,
    batchnorm_backward_alt,
    batchnorm_forward,
    dropout_backward,
    dropout_forward,
    layernorm_backward,
    layernorm_forward,
    relu_backward,
    relu_forward,
    softmax_loss,
)

Grads = dict[str, Array]
FORWARD = {"batchnorm": batchnorm_forward, "layernorm": layernorm_forward}
BACKWARD = {"batchnorm": batchnorm_backward_alt, "layernorm": layernorm_backward}


def penalty(params: Grads, reg: float) -> Any:
    """½ reg Σ W² over the weights; biases, gammas and betas are not penalised."""
    return 0.5 * reg * sum(np.sum(w * w) for name, w in params.items() if name.startswith("W"))


class TwoLayerNet:
    """affine – relu – affine – softmax. The parameters W1, b1, W2, b2 are in `params`."""

    def __init__(
        self,
        input_dim: int = 3 * 32 * 32,
        hidden_dim: int = 100,
        num_classes: int = 10,
        weight_scale: float = 1e-3,
        reg: float = 0.0,
    ) -> None:
        self.reg = reg
        self.params: Grads = {
            "W1": weight_scale * np.random.randn(input_dim, hidden_dim),
            "b1": np.zeros(hidden_dim),
            "W2": weight_scale * np.random.randn(hidden_dim, num_classes),
            "b2": np.zeros(num_classes),
        }

    def loss(self, X: Array, y: Array | None = None) -> Any:
        """The scores (N×C) of X (N×d₁×…) without labels y (N,); with them the loss, and the gradients by name."""
        p = self.params
        hidden, first = affine_relu_forward(X, p["W1"], p["b1"])
        scores, second = affine_forward(hidden, p["W2"], p["b2"])
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        dhidden, dW2, db2 = affine_backward(dscores, second)
        _, dW1, db1 = affine_relu_backward(dhidden, first)
        grads = {"W1": dW1 + self.reg * p["W1"], "b1": db1, "W2": dW2 + self.reg * p["W2"], "b2": db2}
        return loss + penalty(p, self.reg), grads


class FullyConnectedNet:
    """{affine – [batch or layer norm] – relu – [dropout]} × (L − 1) – affine – softmax.

    The parameters W1, b1, gamma1, beta1, … are in `params`.
    """

    def __init__(
        self,
        hidden_dims: Sequence[int],
        input_dim: int = 3 * 32 * 32,
        num_classes: int = 10,
        dropout_keep_ratio: float = 1,
        normalization: str | None = None,
        reg: float = 0.0,
        weight_scale: float = 1e-2,
        dtype: Any = np.float32,
        seed: int | None = None,
    ) -> None:
        self.normalization = normalization
        self.use_dropout = dropout_keep_ratio != 1
        self.reg = reg
        self.num_layers = 1 + len(hidden_dims)
        self.dtype = dtype
        sizes = [input_dim, *hidden_dims, num_classes]
        params: Grads = {}
        for layer in range(1, self.num_layers + 1):
            inputs, outputs = sizes[layer - 1 : layer + 1]
            params[f"W{layer}"] = weight_scale * np.random.randn(inputs, outputs)
            params[f"b{layer}"] = np.zeros(outputs)
            if normalization and layer < self.num_layers:
                params[f"gamma{layer}"], params[f"beta{layer}"] = np.ones(outputs), np.zeros(outputs)
        self.params = {name: value.astype(dtype) for name, value in params.items()}
        self.dropout_param: dict[str, Any] = {}
        if self.use_dropout:
            self.dropout_param = {"mode": "train", "p": dropout_keep_ratio}
            if seed is not None:
                self.dropout_param["seed"] = seed
        mode = {"mode": "train"} if normalization == "batchnorm" else {}
        self.bn_params: list[dict[str, Any]] = [dict(mode) for _ in hidden_dims] if normalization else []

    def loss(self, X: Array, y: Array | None = None) -> Any:
        """The scores (N×C) of X (N×d₁×…) without labels y (N,), with them the loss and the gradients by name.

        Without labels dropout and batch norm run in their "test" mode.
        """
        X = X.astype(self.dtype)
        mode = "test" if y is None else "train"
        if self.use_dropout:
            self.dropout_param["mode"] = mode
        if self.normalization == "batchnorm":
            for bn_param in self.bn_params:
                bn_param["mode"] = mode
        h, caches = X, []
        for layer in range(1, self.num_layers):
            h, cache = self._hidden_forward(layer, h)
            caches.append(cache)
        last = self.num_layers
        scores, last_cache = affine_forward(h, self.params[f"W{last}"], self.params[f"b{last}"])
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        grads: Grads = {}
        dh, grads[f"W{last}"], grads[f"b{last}"] = affine_backward(dscores, last_cache)
        for layer in range(last - 1, 0, -1):
            dh = self._hidden_backward(layer, dh, caches[layer - 1], grads)
        for layer in range(1, last + 1):
            grads[f"W{layer}"] += self.reg * self.params[f"W{layer}"]
        return loss + penalty(self.params, self.reg), grads

    def _hidden_forward(self, layer: int, h: Array) -> tuple[Array, list[Any]]:
        p = self.params
        h, affine = affine_forward(h, p[f"W{layer}"], p[f"b{layer}"])
        norm = dropout = None
        if self.normalization:
            param = self.bn_params[layer - 1]
            h, norm = FORWARD[self.normalization](h, p[f"gamma{layer}"], p[f"beta{layer}"], param)
        h, relu = relu_forward(h)
        if self.use_dropout:
            h, dropout = dropout_forward(h, self.dropout_param)
        return h, [affine, norm, relu, dropout]

    def _hidden_backward(self, layer: int, dh: Array, cache: list[Any], grads: Grads) -> Array:
        affine, norm, relu, dropout = cache
        if self.use_dropout:
            dh = dropout_backward(dh, dropout)
        dh = relu_backward(dh, relu)
        if self.normalization:
            dh, grads[f"gamma{layer}"], grads[f"beta{layer}"] = BACKWARD[self.normalization](dh, norm)
        dh, grads[f"W{layer}"], grads[f"b{layer}"] = affine_backward(dh, affine)
        return dh
