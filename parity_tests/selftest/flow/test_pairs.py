"""Numpy written honestly is accepted, written wrongly it is not: a few pairs, in both types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.selftest.flow import honest, torchs
from parity_tests.selftest.flow.comparing import drawn, ratio, ratios
from reference.flow import Flowed, evaluate

pytestmark = pytest.mark.usefixtures("one_thread")
Array = NDArray[Any]
TYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def layer_inputs(name: str, seed: int, dtype: Any) -> dict[str, Array]:
    """Inputs of one of the layers in `honest`."""
    norm = {"x": (16, 30), "gamma": (30,), "beta": (30,), "g": (16, 30)}
    shapes: Mapping[str, Mapping[str, tuple[int, ...]]] = {
        "affine": {"X": (16, 784), "W": (784, 50), "b": (50,), "g": (16, 50)},
        "layer_norm": norm,
        "batch_norm": norm,
        "batch_norm_evaluated": norm | {"mean": (30,), "var": (30,)},
        "convolution": {"x": (4, 3, 9, 9), "w": (5, 3, 3, 3), "b": (5,), "g": (4, 5, 9, 9)},
        "cross_entropy": {"a": (16, 10)},
        "attention": dict.fromkeys("qkvg", (8, 16)),
        "lstm": {"x": (20, 3, 4), "h": (3, 5), "c": (3, 5), "Wx": (4, 20), "Wh": (5, 20), "b": (20,), "g": (20, 3, 5)},
    }
    inputs = drawn(seed, dtype, **shapes[name])
    if name == "batch_norm_evaluated":
        inputs["var"] = np.abs(inputs["var"]) + dtype(0.1)
    if name == "cross_entropy":
        inputs["y"] = np.random.default_rng(seed).integers(0, 10, 16)
    return inputs


@cache
def answered(layer: str, dtype: Any, radius: str = "auto") -> Mapping[str, Flowed]:
    """torch's answer for the inputs of a layer, for whoever holds something against it."""
    return evaluate(getattr(torchs, layer), layer_inputs(layer, 0, dtype), radius=radius, replicas=8)


LAYERS = [
    "affine",
    "layer_norm",
    "batch_norm",
    "batch_norm_evaluated",
    "convolution",
    "cross_entropy",
    "attention",
    "lstm",
]


@TYPES
@pytest.mark.parametrize("radius", ["auto", "bound", "sample"])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_as_courses_teach_it_is_accepted(layer: str, radius: str, dtype: Any) -> None:
    """Output and gradients, by the bound, by samples, and by whichever says enough; nightly_sweep has many seeds."""
    got = getattr(honest, layer)(**layer_inputs(layer, 0, dtype))
    assert max(ratios(answered(layer, dtype, radius), got).values()) <= 1


@TYPES
@pytest.mark.parametrize("layer", LAYERS)
def test_the_same_in_the_next_wider_type_is_accepted(layer: str, dtype: Any) -> None:
    """float32's candidate may compute in float64 and round once; float64's in long double where that is wider."""
    wider = np.float64 if dtype is np.float32 else np.longdouble
    inputs = layer_inputs(layer, 0, dtype)
    wide = {name: x.astype(wider) if x.dtype.kind == "f" else x for name, x in inputs.items()}
    got = {name: np.asarray(x).astype(dtype) for name, x in getattr(honest, layer)(**wide).items()}
    assert max(ratios(answered(layer, dtype), got).values()) <= 1


WRONG: dict[str, tuple[str, Callable[[dict[str, Array], dict[str, Array]], Array]]] = {
    "affine": ("X", lambda i, out: out["X"] * i["X"].dtype.type(1 + 1e-3)),
    "layer_norm": ("x", lambda i, out: out["x"] * i["x"].dtype.type(np.sqrt(29 / 30))),
    "batch_norm": ("gamma", lambda i, out: out["gamma"] / len(i["x"])),
    "batch_norm_evaluated": ("output", lambda i, out: out["output"] - i["beta"]),
    "convolution": ("w", lambda i, out: out["w"][:, :, ::-1]),
    "cross_entropy": ("a", lambda i, out: out["a"] * len(i["a"])),
    "attention": ("q", lambda i, out: out["q"] * 4),
    "lstm": ("Wh", lambda i, out: np.roll(out["Wh"], 5, axis=1)),
}


@TYPES
@pytest.mark.parametrize("layer", LAYERS)
def test_a_wrong_formula_is_not(layer: str, dtype: Any) -> None:
    """A variance by n − 1, a sum for a mean, a flipped kernel, gates in another order."""
    inputs = layer_inputs(layer, 0, dtype)
    quantity, mistake = WRONG[layer]
    out = getattr(honest, layer)(**inputs)
    answer = answered(layer, dtype)
    assert ratio(answer[quantity], out[quantity]) <= 1
    assert ratio(answer[quantity], mistake(inputs, out)) > 1


@TYPES
@pytest.mark.parametrize("layers", [5, 20, 50])
def test_deep_networks_are_told_apart_by_samples(layers: int, dtype: Any) -> None:
    """The bound grows with each layer; the sample stays near rounding, and sees one part in a thousand."""
    rng = np.random.default_rng(layers)
    weights = [(rng.standard_normal((30, 30)) * np.sqrt(2 / 30)).astype(dtype) for _ in range(layers)]
    inputs = drawn(layers, dtype, X=(8, 30), g=(8, 30)) | {f"W{n}": W for n, W in enumerate(weights)}
    answer = evaluate(torchs.mlp(layers), inputs, replicas=8)
    wide = [W.astype(np.float64) for W in weights]
    got = {
        name: x.astype(dtype)
        for name, x in honest.mlp(inputs["X"].astype(float), inputs["g"].astype(float), wide).items()
    }
    own = honest.mlp(inputs["X"][:, ::-1], inputs["g"], [weights[0][::-1], *weights[1:]])
    own["W0"] = own["W0"][::-1]
    for candidate in (got, own):
        assert max(ratios(answer, candidate).values()) <= 1
    first = answer["W0"]
    assert float((first.radius / first.value.double().abs()).nanmedian()) < (2e-3 if dtype is np.float32 else 1e-11)
    assert ratio(first, got["W0"] * dtype(1 + 1e-2)) > 1


def optimized(optimizer: Any, **options: Any) -> Any:
    """A reference: the weights after each of torch's steps with the gradients gs (T×D)."""

    def descend(w: Tensor, gs: Tensor) -> dict[str, Tensor]:
        w = w.clone().requires_grad_()
        steps = optimizer([w], **options)
        after = {}
        for t, g in enumerate(gs):
            w.grad = g.clone()
            steps.step()
            if t in (0, len(gs) - 1):
                after[f"w after {t + 1}"] = w.detach().clone()
        return after

    return descend


def momentum(w: Array, g: Array, t: int, kept: dict[str, Array]) -> Array:
    """v ← 0.9v + (g + 0.01w), w ← w − 0.1v."""
    kept["v"] = kept.get("v", np.zeros_like(w)) * 0.9 + (g + 0.01 * w)
    return w - 0.1 * kept["v"]


def rmsprop(w: Array, g: Array, t: int, kept: dict[str, Array]) -> Array:
    """s ← 0.99s + 0.01g², w ← w − 0.01·g/(√s + 1e-8)."""
    kept["s"] = kept.get("s", np.zeros_like(w)) * 0.99 + 0.01 * g**2
    return w - 0.01 * g / (np.sqrt(kept["s"]) + 1e-8)


def adam(w: Array, g: Array, t: int, kept: dict[str, Array]) -> Array:
    """As in the paper, with m̂ and v̂."""
    kept["m"] = 0.9 * kept.get("m", np.zeros_like(w)) + (1 - 0.9) * g
    kept["v"] = 0.999 * kept.get("v", np.zeros_like(w)) + (1 - 0.999) * g * g
    m, v = kept["m"] / (1 - 0.9**t), kept["v"] / (1 - 0.999**t)
    return w - 1e-2 * m / (np.sqrt(v) + 1e-8)


def adamw(w: Array, g: Array, t: int, kept: dict[str, Array]) -> Array:
    """Adam with the decay apart."""
    return adam(w - 1e-2 * 0.01 * w, g, t, kept)


OPTIMIZERS = {
    "SGD with momentum": (optimized(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01), momentum),
    "RMSprop": (optimized(torch.optim.RMSprop, lr=0.01), rmsprop),
    "Adam": (optimized(torch.optim.Adam, lr=1e-2), adam),
    "AdamW": (optimized(torch.optim.AdamW, lr=1e-2, weight_decay=0.01), adamw),
}


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
@pytest.mark.parametrize(
    ("equal", "dtype"),
    [
        (False, np.float32),
        (False, np.float64),
        (True, np.float32),
        pytest.param(True, np.float64, marks=pytest.mark.nightly),
    ],
)
def test_an_optimizer_over_fifty_steps(optimizer: str, equal: bool, dtype: Any) -> None:
    """torch's own class against the textbook's formula; with equal gradients all steps round the same way (trap 3)."""
    reference, step = OPTIMIZERS[optimizer]
    inputs = drawn(5, dtype, w=(40,), gs=(50, 40))
    if equal:
        inputs["gs"] = np.repeat(inputs["gs"][:1], 50, axis=0)
    w = wrong = inputs["w"]
    kept: dict[str, Array] = {}
    kept_wrong: dict[str, Array] = {}
    for t, g in enumerate(inputs["gs"]):
        w = step(w, g, t + 1, kept)
        wrong = step(wrong, g, t + 1, kept_wrong) if t != 10 else wrong
    assert w.dtype == dtype
    answer = evaluate(reference, inputs, replicas=8)
    assert ratio(answer["w after 50"], w) <= 1
    assert ratio(answer["w after 50"], wrong) > 1
