"""Weights across, both ways, strictly: arrays by WEIGHT_NAMES (W is D×M, b is 1×M) and the torch model's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.assignments.mlp.network.model import MLP

Array = NDArray[Any]


class WeightsError(ValueError):
    """Weights do not fit; the message says which, what they are, and what is expected."""


def model_of(
    weights: Mapping[str, Array], *, activation: str, rate: float = 0.0, device: torch.device | str = "cpu"
) -> MLP:
    """The model with these weights, in their dtype; where they have a leading T, of T networks side by side."""
    *networks, D, M = weights["L1_W"].shape
    model = MLP(
        D,
        M,
        weights["L2_W"].shape[-1],
        activation=activation,
        rate=rate,
        side_by_side=networks[0] if networks else None,
        dtype=torch.from_numpy(weights["L1_W"][:1]).dtype,
        device=device,
        draw=False,
    )
    to_torch(weights, model)
    return model


def to_torch(weights: Mapping[str, Array], model: MLP) -> None:
    """Copy the arrays' values into the model's parameters.

    Raises WeightsError, having changed nothing, unless names, shapes and dtypes are exactly the model's.
    """
    _check_names(weights)
    parameters = model.weights()
    for name, parameter in parameters.items():
        array = weights[name]
        if not isinstance(array, np.ndarray):
            raise WeightsError(f"{name} is a {type(array).__name__}, but a numpy array is expected.")
        if array.shape != parameter.shape:
            raise WeightsError(f"{name} has shape {array.shape}, but the model's is {tuple(parameter.shape)}.")
        if str(array.dtype) != _dtype_name(parameter):
            raise WeightsError(f"{name} is {array.dtype}, but the model's is {_dtype_name(parameter)}.")
    with torch.no_grad():
        for name, parameter in parameters.items():
            # A copy of numpy's making: torch takes neither read-only nor backward-strided arrays as they are.
            parameter.copy_(torch.from_numpy(np.array(weights[name], order="C")))


def from_torch(model: MLP) -> dict[str, Array]:
    """Copies of the model's weights as arrays of its dtype."""
    return {name: np.array(w.detach().cpu().numpy(), order="C") for name, w in model.weights().items()}


def _check_names(weights: Mapping[str, Array]) -> None:
    missing = [name for name in WEIGHT_NAMES if name not in weights]
    unknown = [name for name in weights if name not in WEIGHT_NAMES]
    faults = [f"{', '.join(names)} {word}" for names, word in ((missing, "missing"), (unknown, "unknown")) if names]
    if faults:
        raise WeightsError(f"The weights should be {', '.join(WEIGHT_NAMES)}, but of them {' and '.join(faults)}.")


def _dtype_name(tensor: torch.Tensor) -> str:
    """numpy's name of a tensor's dtype: 'float64' for torch.float64."""
    return str(tensor.dtype).removeprefix("torch.")
