"""Batch normalisation over many calls: running statistics, and the test mode that uses them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds import layer
from parity_tests.assignments.cs231n.kinds.answers import Form, judge_forms
from parity_tests.assignments.cs231n.kinds.layer_rows import LAYERS
from parity_tests.assignments.cs231n.kinds.sizes import distinct
from parity_tests.assignments.cs231n.names import LABELS
from parity_tests.protocol.case import Case
from parity_tests.protocol.exam import settings_of
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind, Params
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity

CHECKS = ("batchnorm", "spatial_batchnorm")
MODES = ("train", "train", "test", "train", "test")
"""The modes of the calls with one bn_param."""
STATISTICS = ("running_mean", "running_var")
PLUS_EPS = "adds eps to the running variance as well, which is small and so is right"


def cases(edition: str, asked: frozenset[str], dtype: str, seed: int) -> Iterator[Case]:
    """Both batch norms, over five calls with one bn_param."""
    for row in LAYERS:
        if row.check not in CHECKS or row.forward not in asked:
            continue
        settings = settings_of(seed, row.check, "running")
        D = settings.randint(3, 5)
        places = distinct(settings, 2, 4, 2) if row.check == "spatial_batchnorm" else []
        numbers = distinct(settings, 4, 12, len(MODES))
        # Statistics of a few elements tell the biased variance from the unbiased one.
        shapes = [{"x": [N, D, *places], "gamma": [D], "beta": [D]} for N in numbers]
        params = {
            "layer": row.check,
            "slug": "running",
            "forward": row.forward,
            "backward": [],
            "arrays": list(row.arrays),
            "shapes": shapes,
            "setting": {"momentum": round(settings.uniform(0.6, 0.85), 3), "eps": 1e-5},
            "modes": [{"mode": mode} for mode in MODES],
            "extra": [],
            "persist": True,
            "kept": list(STATISTICS),
            "memory": [""] * len(MODES),
            "calls": [["forward", k] for k in range(len(MODES))],
        }
        rows = tuple(
            Quantity(_name(name, k), row.forward, Key(name, k))
            for k in range(len(MODES))
            for name in ("out", *STATISTICS)
        )
        title = f"{row.title} over calls with one bn_param"
        yield Case(f"{row.check}/running/{dtype}", row.check, title, dtype, "running", params, rows)


def _name(name: str, k: int) -> str:
    return f"{name} of call {k + 1} ({MODES[k]})"


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """As for single calls."""
    return layer.draw(params, rng)


def judge(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """Every output and the statistics after every call."""
    inputs = {name: array for name, array in arrays.items() if not name.startswith("dout")}
    forms = [Form(_reference(case.params, 0.0), inputs), Form(_reference(case.params, 1.0), inputs, PLUS_EPS)]
    return judge_forms(case, seen, forms, context.device)


def _reference(params: Params, epsilons: float) -> Any:
    """The reference; the running variance has so many eps added to that of the batch."""
    momentum, eps = params["setting"]["momentum"], params["setting"]["eps"]

    def reference(**arrays: Any) -> dict[str, Any]:
        import torch.nn.functional as F

        found: dict[str, Any] = {}
        mean = variance = 0 * arrays["gamma_0"]
        for k, mode in enumerate(MODES):
            x, gamma, beta = (arrays[f"{name}_{k}"] for name in ("x", "gamma", "beta"))
            if mode == "train":
                axes = (0, *range(2, x.dim()))
                mean = momentum * mean + (1 - momentum) * x.mean(axes)
                biased = x.var(axes, unbiased=False) + epsilons * eps
                variance = momentum * variance + (1 - momentum) * biased
                out = F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
            else:
                out = F.batch_norm(x, mean, variance, gamma, beta, training=False, eps=eps)
            found |= {_name("out", k): out, _name("running_mean", k): mean, _name("running_var", k): variance}
        return found

    return reference


KIND = Kind(draw, judge, labels=LABELS)
