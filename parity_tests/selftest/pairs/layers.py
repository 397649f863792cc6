"""Layers as courses teach them in numpy, and torch's own, for the tests of holding one against the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from numpy.typing import NDArray

from reference.flow import gradients

Array = NDArray[Any]


def layer_norm(x: Array, gamma: Array, beta: Array, grad: Array) -> dict[str, Array]:
    """Output and gradients of a layer norm over the second axis."""
    mean = x.mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt(((x - mean) ** 2).mean(axis=1, keepdims=True) + 1e-5)
    normal = (x - mean) * scale
    upstream = grad * gamma
    inner = upstream.sum(axis=1, keepdims=True) + normal * (upstream * normal).sum(axis=1, keepdims=True)
    return {
        "output": normal * gamma + beta,
        "x": scale / x.shape[1] * (x.shape[1] * upstream - inner),
        "gamma": (grad * normal).sum(axis=0),
        "beta": grad.sum(axis=0),
    }


LAYER_NORM = gradients(
    lambda x, gamma, beta: F.layer_norm(x, (x.shape[1],), gamma, beta), of=("x", "gamma", "beta"), given="grad"
)


def layer_norm_inputs(dtype: str = "float64", seed: int = 0) -> dict[str, Any]:
    """Standard normal inputs, 8×30."""
    rng = np.random.default_rng(seed)
    shapes = {"x": (8, 30), "gamma": (30,), "beta": (30,), "grad": (8, 30)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def softmax(x: Array) -> Array:
    """Over the last axis, shifted by the largest."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))
