"""torch's value ± radius against the bare call: forward and gradients of 784–1000–10, and of three larger models."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.bench.results import ASKED
from parity_tests.bench.timing import Subject, Timed, Wanted, alternate, timed
from reference.flow import evaluate, gradients, module_reference

D, M, K, BATCH = 784, 1000, 10, 64
DTYPES = ("float32", "float64")
REPLICAS = 8
BOUND, SAMPLE = "hold, bound", f"hold, sample, {REPLICAS} replicas"
AGAINST = "the bare call of forward and gradients"
TARGETS = {
    (BOUND, "float32"): 5.0,
    (BOUND, "float64"): 4.0,
    (SAMPLE, "float32"): 40.0,
    (SAMPLE, "float64"): 25.0,
}
"""The largest ratio asked for on one thread, by the kind of radius and the type."""
LONG_TARGET = 15.0
"""The same of the bound of each of the larger models."""
FEW, LONGER = 20, (1, 51)
"""How few numbers an operation is done on, and how often one after the other: a run has costs of its own."""
VGG_16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""The channels of its convolutions, 0 being a maximum of 2×2 (K. Simonyan and A. Zisserman, 2015)."""
Asked = tuple[Callable[..., Any], Mapping[str, Any]]
"""A reference and its inputs."""


def measure(wanted: Wanted) -> Iterator[Timed]:
    """Value and radius by bound and by sample, and the call alone, in turn; of the larger models by bound alone."""
    for dtype in DTYPES:
        asked = gradients(network, ("X", "W1", "b1", "W2", "b2"), None), drawn(dtype)
        subjects: dict[str, Subject] = {
            **_bound_and_bare(asked),
            SAMPLE: partial(evaluate, *asked, radius="sample", replicas=REPLICAS),
        }
        seconds = alternate(subjects, rounds=wanted.rounds, least=0.05)
        held = {(kind, AGAINST): wanted.asked(TARGETS[kind, dtype]) for kind in (BOUND, SAMPLE)}
        yield from timed(f"784–1000–10, batch {BATCH}, {dtype}", seconds, held)
    runs = {
        str(count): partial(evaluate, _sines(count), {"x": np.linspace(0.1, 1, FEW)}, radius="bound")
        for count in LONGER
    }
    seconds = alternate(runs, rounds=wanted.rounds, least=0.05)
    less, more = (seconds[name] for name in runs)
    each = [(b - a) / (LONGER[1] - LONGER[0]) for a, b in zip(less, more, strict=True)]
    yield Timed(f"{BOUND}, an operation on {FEW} numbers", each, about={ASKED: "≤ 50 µs"})
    for (model, asked_of), dtype in product(() if wanted.short else LONG.items(), DTYPES):
        seconds = alternate(_bound_and_bare(asked_of(dtype)), rounds=wanted.slow)
        yield from timed(f"{model}, {dtype}", seconds, {(BOUND, AGAINST): wanted.asked(LONG_TARGET)})


def network(X: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, y: Tensor) -> Tensor:
    """The mean cross-entropy of a network with relu."""
    return torch.nn.functional.cross_entropy(torch.relu(X @ W1 + b1) @ W2 + b2, y)


def _sines(count: int) -> Callable[[Tensor], Tensor]:
    def function(x: Tensor) -> Tensor:
        for _ in range(count):
            x = torch.sin(x)
        return x

    return function


def drawn(dtype: str) -> dict[str, NDArray[Any]]:
    """The network's inputs."""
    rng = np.random.default_rng(0)
    shapes = {"X": (BATCH, D), "W1": (D, M), "b1": (M,), "W2": (M, K), "b2": (K,)}
    arrays: dict[str, NDArray[Any]] = {
        name: (0.05 * rng.standard_normal(shape)).astype(dtype) for name, shape in shapes.items()
    }
    return {**arrays, "y": rng.integers(0, K, BATCH)}


def _bound_and_bare(asked: Asked) -> dict[str, Callable[[], object]]:
    reference, inputs = asked
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    return {BOUND: lambda: evaluate(reference, inputs, radius="bound"), AGAINST: lambda: reference(**tensors)}


def lstm(dtype: str, steps: int = 200, batch: int = 32, inputs: int = 128, width: int = 256) -> Asked:
    """An LSTM, in all of its outputs."""
    return _of_module(torch.nn.LSTM(inputs, width), dtype, (steps, batch, inputs), (steps, batch, width), first=0)


def vgg(dtype: str, batch: int = 4, thinner: int = 1) -> Asked:
    """VGG-16 for images of 32×32, as CIFAR-10 has them, with two linear layers; `thinner` divides the channels."""
    layers: list[torch.nn.Module] = []
    before = 3
    for channels in VGG_16:
        if channels:
            after = channels // thinner
            layers += [torch.nn.Conv2d(before, after, 3, padding=1), torch.nn.ReLU()]
            before = after
        else:
            layers.append(torch.nn.MaxPool2d(2))
    layers += [torch.nn.Flatten(), torch.nn.Linear(before, before), torch.nn.ReLU(), torch.nn.Linear(before, 10)]
    return _of_module(torch.nn.Sequential(*layers), dtype, (batch, 3, 32, 32), (batch, 10))


def layer_norm(dtype: str, rows: int = 4096, columns: int = 1024) -> Asked:
    """A layer norm with its weight and bias."""
    return _of_module(torch.nn.LayerNorm(columns), dtype, (rows, columns), (rows, columns))


LONG: dict[str, Callable[[str], Asked]] = {
    "LSTM of 200 steps, 128–256, batch 32": lstm,
    "VGG-16, 32×32, batch 4": vgg,
    "layer norm of 4096×1024": layer_norm,
}
"""What takes seconds a round."""


def _of_module(
    module: torch.nn.Module, dtype: str, x: tuple[int, ...], g: tuple[int, ...], first: int | None = None
) -> Asked:
    """A module (the `first` of its outputs, where there are several) and the gradients by its input and parameters."""
    rng = np.random.default_rng(0)
    parameters = {
        name: (parameter.detach().numpy() + 0.02 * rng.standard_normal(parameter.shape)).astype(dtype)
        for name, parameter in module.named_parameters()
    }
    called = module_reference(module)

    def function(input: Tensor, **parameters: Tensor) -> Any:
        found = called(input=input, **parameters)
        return found if first is None else found[first]

    drawn = {"input": rng.standard_normal(x).astype(dtype), "g": rng.standard_normal(g).astype(dtype)}
    return gradients(function, ("input", *parameters), "g"), {**drawn, **parameters}
