"""Batch normalisation over many calls: running statistics, and the test mode that uses them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds import layer
from parity_tests.assignments.cs231n.kinds.answers import Form, Question, judge_all
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
            "derivative": 0.0,
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
    inputs = _inputs(arrays)
    forms = [Form(_reference(case.params, ""), inputs), Form(_reference(case.params, "eps"), inputs, PLUS_EPS)]
    return judge_all(case, seen, [Question(case.quantities, forms)], context.device)


def questions(case: Case, arrays: Arrays, change: str, note: str) -> list[Question]:
    """What is expected of who makes a mistake, which `change` names."""
    return [Question(case.quantities, [Form(_reference(case.params, change), _inputs(arrays), note)])]


def _inputs(arrays: Arrays) -> dict[str, Any]:
    return {name: array for name, array in arrays.items() if not name.startswith("dout")}


def _reference(params: Params, change: str) -> Any:
    """The reference, with a `change`: one of those that the code names."""
    momentum, eps = params["setting"]["momentum"], params["setting"]["eps"]

    def reference(**arrays: Any) -> dict[str, Any]:
        import torch
        import torch.nn.functional as F  # noqa: N812 - its usual name

        found: dict[str, Any] = {}
        mean = variance = 0 * arrays["gamma_0"]
        for k, mode in enumerate(MODES):
            x, gamma, beta = (arrays[f"{name}_{k}"] for name in ("x", "gamma", "beta"))
            if mode == "train":
                axes = (0, *range(2, x.dim()))
                old, new = (1 - momentum, momentum) if change == "reversed" else (momentum, 1 - momentum)
                if change == "never":
                    old, new = 1.0, 0.0
                mean = old * mean + new * x.mean(axes)
                of_batch = x.var(axes, unbiased=change == "unbiased") + (eps if change == "eps" else 0.0)
                variance = old * variance + new * of_batch
                out = F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
            else:
                scale = (torch.ones_like(gamma), torch.zeros_like(beta)) if change == "bare" else (gamma, beta)
                batch = change == "batch"
                kept = (None, None) if batch else (mean, variance)
                out = F.batch_norm(x, kept[0], kept[1], scale[0], scale[1], training=batch, eps=eps)
            found |= {_name("out", k): out, _name("running_mean", k): mean, _name("running_var", k): variance}
        return found

    return reference


KIND = Kind(draw, judge, labels=LABELS)
