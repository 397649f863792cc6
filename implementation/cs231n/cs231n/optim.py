"""The update rules: each takes a weight, its gradient and a dict of settings and state, and gives the next of both.

config=None stands for the usual settings. No rule writes to the weight or to the config that it is given.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Config = dict[str, Any]


def sgd(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """w − η dw; "learning_rate" is η."""
    config = {"learning_rate": 1e-2, **(config or {})}
    return w - config["learning_rate"] * dw, config


def sgd_momentum(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """v ← μ v − η dw, w ← w + v; "momentum" is μ, "velocity" v, 0 at first."""
    config = {"learning_rate": 1e-2, "momentum": 0.9, **(config or {})}
    v = config["momentum"] * config.get("velocity", np.zeros_like(w)) - config["learning_rate"] * dw
    return w + v, {**config, "velocity": v}


def rmsprop(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """s ← ρ s + (1 − ρ) dw², w ← w − η dw / (√s + ε); "decay_rate" is ρ, "cache" s, 0 at first, "epsilon" ε."""
    config = {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8, **(config or {})}
    decay = config["decay_rate"]
    cache = decay * config.get("cache", np.zeros_like(w)) + (1 - decay) * dw**2
    return w - config["learning_rate"] * dw / (np.sqrt(cache) + config["epsilon"]), {**config, "cache": cache}


def adam(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """Adam with both moments corrected for their start at 0.

    t ← t + 1, m ← β₁ m + (1 − β₁) dw, v ← β₂ v + (1 − β₂) dw²,
    w ← w − η m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).
    """
    usual = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 0}
    config = {**usual, **(config or {})}
    beta1, beta2, t = config["beta1"], config["beta2"], config["t"] + 1
    m = beta1 * config.get("m", np.zeros_like(w)) + (1 - beta1) * dw
    v = beta2 * config.get("v", np.zeros_like(w)) + (1 - beta2) * dw**2
    first, second = m / (1 - beta1**t), v / (1 - beta2**t)
    step = config["learning_rate"] * first / (np.sqrt(second) + config["epsilon"])
    return w - step, {**config, "m": m, "v": v, "t": t}
