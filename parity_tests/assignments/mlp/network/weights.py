"""Weights across, both ways, strictly: the assignment's arrays (W is D×M, b is 1×M) and the torch model's.

As arrays, a network's weights are a mapping {"L1_W", "L1_b", "L2_W", "L2_b"}, keyed as the assignment keys
its velocities.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from parity_tests.assignments.mlp.network.model import MLP

Array = NDArray[Any]

LAYERS = ("L1", "L2")
NAMES = ("L1_W", "L1_b", "L2_W", "L2_b")


class WeightsError(ValueError):
    """Weights do not fit; the message says which, what they are, and what is expected."""


class Layer(Protocol):
    """A linear layer of the assignment's: params['W'] is D×M, params['b'] is 1×M."""

    params: dict[str, Array]


def to_torch(weights: Mapping[str, Array], model: MLP) -> None:
    """Copy the arrays' values into the model's parameters.

    Raises WeightsError, having changed nothing, unless names, shapes and dtypes are exactly the model's.
    """
    _check_names(weights)
    targets = _targets(model)
    for name, target in targets.items():
        array = weights[name]
        if not isinstance(array, np.ndarray):
            raise WeightsError(f"{name} is a {type(array).__name__}, but a numpy array is expected.")
        if array.shape != target.shape:
            raise WeightsError(f"{name} has shape {array.shape}, but the model's is {tuple(target.shape)}.")
        if str(array.dtype) != _dtype_name(target):
            raise WeightsError(f"{name} is {array.dtype}, but the model's is {_dtype_name(target)}.")
    with torch.no_grad():
        for name, target in targets.items():
            # A copy of numpy's making: torch takes neither read-only nor backward-strided arrays as they are.
            target.copy_(torch.from_numpy(np.array(weights[name], order="C")))


def from_torch(model: MLP) -> dict[str, Array]:
    """Copies of the model's weights as arrays of its dtype: W is D×M, b is 1×M."""
    return {name: np.array(target.cpu().numpy(), order="C") for name, target in _targets(model).items()}


def from_layers(layers: Mapping[str, Layer]) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Copies of the weights of numpy layers 'L1' and 'L2' (other modules are passed over), and notes on them.

    Raises WeightsError where a layer or one of its parameters is missing.
    """
    weights: dict[str, Array] = {}
    for layer in LAYERS:
        if layer not in layers:
            raise WeightsError(f"The network has no {layer}; it has {', '.join(layers) or 'nothing'}.")
        for key in ("W", "b"):
            if key not in layers[layer].params:
                raise WeightsError(f"{layer} has no params['{key}'].")
            weights[f"{layer}_{key}"] = np.array(layers[layer].params[key])
    return with_row_biases(weights)


def with_row_biases(weights: Mapping[str, Array]) -> tuple[dict[str, Array], tuple[str, ...]]:
    """The weights with flat biases (M,), which submissions may have, as rows (1, M); and a note on each such.

    A bias of another shape is left for to_torch to refuse.
    """
    rowed: dict[str, Array] = {}
    notes: list[str] = []
    for name, array in weights.items():
        if name.endswith("_b") and array.ndim == 1:
            notes.append(f"{name} has shape {array.shape} where (1, {array.size}) is asked")
            array = array.reshape(1, -1)
        rowed[name] = array
    return rowed, tuple(notes)


def _check_names(weights: Mapping[str, Array]) -> None:
    missing = [name for name in NAMES if name not in weights]
    unknown = [name for name in weights if name not in NAMES]
    if missing or unknown:
        said = [f"{', '.join(names)} {verb}" for names, verb in ((missing, "missing"), (unknown, "unknown")) if names]
        raise WeightsError(f"The weights should be {', '.join(NAMES)}, but of them {' and '.join(said)}.")


def _targets(model: MLP) -> dict[str, Tensor]:
    """Views of the model's parameters in the assignment's shapes: writing to one writes to the parameter."""
    views: dict[str, Tensor] = {}
    for name in LAYERS:
        layer = model.get_submodule(name)
        assert isinstance(layer, nn.Linear)
        views[f"{name}_W"] = layer.weight.detach().T
        views[f"{name}_b"] = layer.bias.detach().reshape(1, -1)
    return views


def _dtype_name(tensor: Tensor) -> str:
    """numpy's name of a tensor's dtype: 'float64' for torch.float64."""
    return str(tensor.dtype).removeprefix("torch.")
