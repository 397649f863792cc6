"""torch's value ± radius against the bare call: forward and gradients of 784–1000–10 at a batch of 64."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.bench.timing import Timings, alternate
from reference.flow import evaluate, gradients

D, M, K, BATCH = 784, 1000, 10, 64
DTYPES = ("float32", "float64")
REPLICAS = 8
SUBJECTS = {"bound": "hold, bound", "sample": f"hold, sample, {REPLICAS} replicas"}
AGAINST = "the bare call of forward and gradients"
TARGETS = {"bound": 5.0, "sample": 60.0}
"""The largest ratio asked for on one thread, by the kind of radius."""


def cases() -> Iterator[str]:
    """The dtypes."""
    yield from DTYPES


def network(X: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, y: Tensor) -> Tensor:
    """The mean cross-entropy of a network with relu."""
    return torch.nn.functional.cross_entropy(torch.relu(X @ W1 + b1) @ W2 + b2, y)


def drawn(dtype: str) -> dict[str, NDArray[Any]]:
    """The network's inputs."""
    rng = np.random.default_rng(0)
    shapes = {"X": (BATCH, D), "W1": (D, M), "b1": (M,), "W2": (M, K), "b2": (K,)}
    arrays: dict[str, NDArray[Any]] = {
        name: (0.05 * rng.standard_normal(shape)).astype(dtype) for name, shape in shapes.items()
    }
    return {**arrays, "y": rng.integers(0, K, BATCH)}


def time_hold(dtype: str, rounds: int) -> Timings:
    """Value and radius by bound and by sample, and the call alone, in turn."""
    inputs = drawn(dtype)
    reference = gradients(network, ("X", "W1", "b1", "W2", "b2"), None)
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    subjects = {
        "bound": lambda: evaluate(reference, inputs, radius="bound"),
        "sample": lambda: evaluate(reference, inputs, radius="sample", replicas=REPLICAS),
        AGAINST: lambda: reference(**tensors),
    }
    return alternate(subjects, rounds=rounds, least=0.05)
