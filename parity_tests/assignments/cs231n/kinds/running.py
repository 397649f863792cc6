"""Batch normalisation over many calls: running statistics, and the test mode that uses them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds import layer
from parity_tests.assignments.cs231n.kinds.blame import with_causes
from parity_tests.assignments.cs231n.kinds.layer_rows import LAYERS
from parity_tests.assignments.cs231n.kinds.rows import CALLED, as_rows
from parity_tests.assignments.cs231n.kinds.torch_layers import normalised
from parity_tests.assignments.cs231n.names import LABELS
from parity_tests.assignments.cs231n.parts import FUNCTIONS
from parity_tests.harness.flow_answers import Form, Question, judge_all
from parity_tests.protocol.case import Case
from parity_tests.protocol.exam import distinct, settings_of
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind, Params
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity

CHECKS = ("batchnorm", "spatial_batchnorm")
MODES = ("train", "test", "train", "test", "train", "test")
"""The modes of the calls."""
DICTS = (0, 1, 0, 0, 1, 1)
"""Which of two bn_params goes with each call: the first begins empty, the second with statistics."""
TIMES = (1, 1, 1, 1, 17, 1)
"""How often each call is made, with the same input: what stops, or changes, after many calls shows in the last one.

Each number is odd: a momentum of the wrong sign, to the power of an even one, is the right one.
"""
STATISTICS = ("running_mean", "running_var")
PLUS_EPS = "adds eps to the running variance as well, which is small and so is right"
ALLOWED = {
    "added": PLUS_EPS,
    "train": "has eps beside the root in training, not under it, which is small and so is right",
    "test": "has eps beside the root in the test mode, not under it, which is small and so is right",
}
"""What may be done with eps beside the usual, in any combination, with the notes that say so."""


def cases(edition: str, asked: frozenset[str], dtype: str, seed: int) -> Iterator[Case]:
    """Both batch norms, over calls with two bn_params in turn, of which the second leaves momentum and eps out."""
    for row in LAYERS:
        if row.check not in CHECKS or row.forward not in asked:
            continue
        settings = settings_of(seed, row.check, "running")
        D = settings.randint(3, 5)
        places = distinct(settings, 2, 4, 2) if row.check == "spatial_batchnorm" else []
        numbers = distinct(settings, 4, 12, len(MODES))
        # Statistics of a few elements tell the biased variance from the unbiased one.
        shapes = [{"x": [N, D, *places], "gamma": [D], "beta": [D]} for N in numbers]
        own = {"momentum": round(settings.uniform(0.6, 0.85), 3), "eps": round(settings.uniform(0.001, 0.01), 4)}
        dicts = [{"of": 0, "own": own, "starts": []}, {"of": 1, "own": {}, "starts": list(STATISTICS)}]
        params = {
            "layer": row.check,
            "slug": "running",
            "forward": row.forward,
            "backward": [],
            "arrays": list(row.arrays),
            "shapes": shapes,
            "setting": {},
            "modes": [{"mode": mode} for mode in MODES],
            "extra": [],
            "dicts": [dicts[number] for number in DICTS],
            "derivative": 0.0,
            "kept": list(STATISTICS),
            "parts": [*FUNCTIONS],
            "memory": [""] * len(MODES),
            "times": list(TIMES),
            "calls": [["forward", k] for k in range(len(MODES))],
            **({"arrays_from": settings.getrandbits(32)} if row.forward in CALLED else {}),
        }
        rows = tuple(
            Quantity(name_of(name, k), row.forward, Key(name, k))
            for k in range(len(MODES))
            for name in ("out", *STATISTICS)
        )
        title = f"{row.title} over calls with two bn_params"
        case = Case(f"{row.check}/running/{dtype}", row.check, title, dtype, "running", params, rows)
        yield case
        if row.forward in CALLED:
            yield as_rows(case)


def name_of(name: str, k: int) -> str:
    """What the quantity of a result of a call is called."""
    return f"{name} of call {sum(TIMES[: k + 1])} ({MODES[k]})"


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """As for single calls, and the statistics that the second bn_param begins with."""
    if "arrays_from" in params:
        rng = np.random.default_rng(params["arrays_from"])
    arrays = layer.draw(params, rng)
    D = params["shapes"][0]["gamma"]
    mean, variance = (f"{name}_of_1" for name in STATISTICS)
    return {**arrays, mean: rng.standard_normal(D), variance: rng.uniform(0.5, 1.5, D)}


def judge(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """Every output and the statistics after every call."""
    inputs = _inputs(arrays)
    forms = []
    for number in range(len(ALLOWED) + 1):
        for allowed in combinations(ALLOWED, number):
            if "train" in allowed and "test" not in allowed:
                continue  # two places of eps in one function: where x varies little, the modes are far apart
            fused = _reference(case.params, allowed, fused=True)
            fused.__name__ = "x · scale + (β − mean · scale)"
            note = "; ".join(ALLOWED[one] for one in allowed)
            forms.append(Form(_reference(case.params, allowed), inputs, note, [fused]))
    judged = judge_all(case, seen, [Question(case.quantities, forms)], context.device)
    return with_causes(case, seen, judged)


def questions(case: Case, arrays: Arrays, change: Callable[[Params], Any], note: str) -> list[Question]:
    """What is expected of who makes a mistake: `change` is its reference for a case's params."""
    return [Question(case.quantities, [Form(change(case.params), _inputs(arrays), note)])]


def _inputs(arrays: Arrays) -> dict[str, Any]:
    return {name: array for name, array in arrays.items() if not name.startswith("dout")}


Called = tuple[Any, Any, Any]
"""The output, and the running mean and variance after a call."""


def reference_of_calls(
    params: Params,
    call: Callable[[dict[str, Any]], Called],
    prepared: Callable[[dict[str, Any]], dict[str, Any]] = lambda names: names,
) -> Any:
    """A reference that makes each call in its own way, by the names "x", "gamma", "mean", "mode" and so on.

    What hangs on no statistics is `prepared`, once for calls with one input.
    """

    def reference(**arrays: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        none = 0 * arrays["gamma_0"]
        kept = [(none, none), (arrays["running_mean_of_1"], arrays["running_var_of_1"])]
        for k, (mode, number) in enumerate(zip(MODES, DICTS, strict=True)):
            settings = {"momentum": 0.9, "eps": 1e-5, **params["dicts"][k]["own"]}
            own = {name: arrays[f"{name}_{k}"] for name in ("x", "gamma", "beta")}
            given = prepared({**settings, **own, "mode": mode})
            for _ in range(TIMES[k]):
                mean, variance = kept[number]
                out, *after = call({**given, "mean": mean, "variance": variance})
                kept[number] = (after[0], after[1])
            found |= {name_of(name, k): value for name, value in zip(("out", *STATISTICS), (out, *after), strict=True)}
        return found

    return reference


def _reference(params: Params, allowed: Collection[str] = (), *, fused: bool = False) -> Any:
    """The reference, with what is `allowed` of eps."""

    def reference(**arrays: Any) -> dict[str, Any]:
        import torch.nn.functional as F  # noqa: N812 - its usual name

        found: dict[str, Any] = {}
        none = 0 * arrays["gamma_0"]
        kept = [(none, none), (arrays["running_mean_of_1"], arrays["running_var_of_1"])]
        for k, (mode, number) in enumerate(zip(MODES, DICTS, strict=True)):
            own = params["dicts"][k]["own"]
            momentum, eps = own.get("momentum", 0.9), own.get("eps", 1e-5)
            mean, variance = kept[number]
            x, gamma, beta = (arrays[f"{name}_{k}"] for name in ("x", "gamma", "beta"))
            if mode == "train":
                axes = (0, *range(2, x.dim()))
                of_batch = x.var(axes, unbiased=False) + (eps if "added" in allowed else 0.0)
                mean_moved, moved = (1 - momentum) * x.mean(axes), (1 - momentum) * of_batch
                for _ in range(TIMES[k]):
                    mean, variance = momentum * mean + mean_moved, momentum * variance + moved
                if fused or "train" in allowed:
                    out = normalised(params["forward"], {"eps": eps}, (), beside="train" in allowed, fused=fused)(
                        x, gamma, beta
                    )
                else:
                    out = F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
            elif fused or "test" in allowed:
                out = _tested(x, gamma, beta, mean, variance, eps, beside="test" in allowed, fused=fused)
            else:
                out = F.batch_norm(x, mean, variance, gamma, beta, training=False, eps=eps)
            kept[number] = (mean, variance)
            found |= {name_of("out", k): out, name_of("running_mean", k): mean, name_of("running_var", k): variance}
        return found

    return reference


def _tested(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any, eps: float, *, beside: bool, fused: bool) -> Any:
    """The output in the test mode written out, with eps and in the form that `normalised` has."""
    if x.dim() == 4:
        gamma, beta, mean, variance = (one.reshape(1, -1, 1, 1) for one in (gamma, beta, mean, variance))
    deviation = variance.sqrt() + eps if beside else (variance + eps).sqrt()
    if not fused:
        return (x - mean) / deviation * gamma + beta
    scale = gamma / deviation
    return x * scale + (beta - mean * scale)


KIND = Kind(draw, judge, labels=LABELS)
