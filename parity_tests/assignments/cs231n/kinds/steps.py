"""Update rules over several steps, for two weights in turn: their cases, the draw, and the judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.inside.families import OLDEST
from parity_tests.assignments.cs231n.names import LABELS, OPTIM
from parity_tests.harness.flow_answers import Form, Question, judge_all
from parity_tests.protocol.case import Case
from parity_tests.protocol.exam import distinct, settings_of
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind, Params
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity

STEPS = 4
LONG = 12
"""Times that the last gradient of a long run is taken: what stops, or changes, after many steps shows there."""
WEIGHTS = 2
TITLES = {
    "sgd": "gradient descent",
    "sgd_momentum": "gradient descent with momentum",
    "rmsprop": "RMSprop",
    "adam": "Adam",
}
STATES = {"sgd": (), "sgd_momentum": ("velocity",), "rmsprop": ("cache",), "adam": ("m", "v")}
"""What a config holds beside its numbers, by the names that the handouts give it."""
DEFAULTS: Mapping[str, Mapping[str, float]] = {
    "sgd": {"learning_rate": 1e-2},
    "sgd_momentum": {"learning_rate": 1e-2, "momentum": 0.9},
    "rmsprop": {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8},
    "adam": {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 0},
}
Update = Callable[[dict[str, Any], Any, Any], Any]
"""Gives the next w of a config, w and dw, and changes the config."""


def cases(edition: str, asked: frozenset[str], dtype: str, seed: int) -> Iterator[Case]:
    """Each rule with settings and a state of its own and a rate that changes, and with the usual settings."""
    for rule in TITLES:
        if rule not in asked:
            continue
        settings = settings_of(seed, rule)
        shapes = [distinct(settings, 2, 6, 2), [settings.randint(2, 7)]]
        rate = round(settings.uniform(0.05, 0.2), 3)
        usual = {name: value for name, value in DEFAULTS[rule].items() if name != "learning_rate"}
        own = {name: round(settings.uniform(0.6, 0.95), 3) for name in usual if name not in ("epsilon", "t")}
        config = {**usual, **own, "learning_rate": rate}
        if rule == "adam":
            config["t"] = settings.randint(2, 6)
        changes: list[dict[str, float]] = [{}, {}, {"learning_rate": round(rate / 2, 4)}, {}]
        yield _case(rule, "states", "from a state, with a rate that changes", dtype, shapes, config, changes, True, 1)
        fresh = {name: value for name, value in config.items() if name != "t"}
        if "epsilon" in fresh:  # so large that it shows which one is used
            fresh["epsilon"] = round(settings.uniform(0.01, 0.1), 3)
        # Two weights of one shape: a state that is kept by shape is mixed up.
        yield _case(rule, "fresh", "from the start", dtype, shapes[:1] * WEIGHTS, fresh, [{}] * STEPS, False, 1)
        yield _case(rule, "usual", "with the usual settings", dtype, shapes, None, [{}] * STEPS, False, LONG)


def _case(
    rule: str,
    slug: str,
    words: str,
    dtype: str,
    shapes: list[list[int]],
    config: dict[str, float] | None,
    changes: list[dict[str, float]],
    with_states: bool,
    last: int,
) -> Case:
    """A case; its `last` step is taken so often, with one gradient."""
    times = [1] * (STEPS - 1) + [last]
    params = {
        "rule": rule,
        "module": OPTIM,
        "slug": slug,
        "shapes": shapes,
        "weights": WEIGHTS,
        "config": config,
        "changes": changes,
        "times": times,
        "states": list(STATES[rule]) if with_states else [],
    }
    rows = [Quantity(_name_of(i, t, times), rule, Key(f"w_{i}", t)) for i in range(WEIGHTS) for t in range(STEPS)]
    return Case(f"{rule}/{slug}/{dtype}", rule, f"{TITLES[rule]} {words}", dtype, "steps", params, tuple(rows))


def _name_of(i: int, t: int, times: Sequence[int]) -> str:
    """What the quantity of a weight after a step is called."""
    return f"w{' of the other' * i} after step {sum(times[: t + 1])}"


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """w_i, the gradients dw_i of all steps, and the states, those of squares positive."""
    arrays: dict[str, NDArray[Any]] = {}
    for i, shape in enumerate(params["shapes"]):
        arrays[f"w_{i}"] = rng.standard_normal(shape)
        arrays[f"dw_{i}"] = rng.standard_normal((STEPS, *shape))
        for name in params["states"]:
            state = rng.standard_normal(shape)
            arrays[f"{name}_{i}"] = np.abs(state) + 0.1 if name in ("cache", "v") else state
    return arrays


def judge(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """Each weight after each step, under whichever right form of the rule fits all of them."""
    ways = right_forms(case.params["rule"], context.edition, t_is_given="t" in (case.params["config"] or {}))
    forms = [Form(_reference(case.params, update), arrays, note) for update, note in ways]
    return judge_all(case, seen, [Question(case.quantities, forms)], context.device)


def questions(case: Case, arrays: Arrays, changes: Sequence[Update], note: str) -> list[Question]:
    """What is expected of who updates in one of these ways."""
    forms = [Form(_reference(case.params, change), arrays, f"{note} {i}") for i, change in enumerate(changes)]
    return [Question(case.quantities, forms)]


def config_of(params: Params, arrays: Mapping[str, Any], i: int) -> dict[str, Any]:
    """What a weight's config holds before the first step."""
    states = {name: arrays[f"{name}_{i}"] for name in params["states"]}
    return {**DEFAULTS[params["rule"]], **(params["config"] or {}), **states}


def _reference(params: Params, update: Update) -> Any:
    def reference(**arrays: Any) -> dict[str, Any]:
        found = {}
        for i in range(WEIGHTS):
            config, w = config_of(params, arrays, i), arrays[f"w_{i}"]
            for t, change in enumerate(params["changes"]):
                config.update(change)
                for _ in range(params["times"][t]):
                    w = update(config, w, arrays[f"dw_{i}"][t])
                found[_name_of(i, t, params["times"])] = w
        return found

    return reference


# ---- the rules as torch computes them, and the other right forms


def right_forms(rule: str, edition: str, *, t_is_given: bool = False) -> list[tuple[Update, str]]:
    """The right ways to update by a rule, torch's first, each with its note; `t_is_given`: in the config."""
    if rule == "sgd":
        return [(_sgd, "")]
    if rule == "sgd_momentum":
        return [(_momentum, "")]
    if rule == "rmsprop":
        return [
            (_rmsprop(inside=False), ""),
            (_rmsprop(inside=True), "has epsilon inside the root, which is small and so is right"),
        ]
    places = {
        "outside": "",
        "hat": "adds epsilon before the second moment is corrected (“epsilon hat”), which is right too",
        "inside": "has epsilon inside the root, which is small and so is right",
    }
    starts = {0: ""}
    if edition == OLDEST and not t_is_given:
        starts[1] = "counts its steps from 1, as the handout of 2017 does"
    return [
        (_adam(place, before), "; ".join(filter(None, (first, then))))
        for before, first in starts.items()
        for place, then in places.items()
    ]


def _sgd(config: dict[str, Any], w: Any, dw: Any) -> Any:
    return w - config["learning_rate"] * dw


def _momentum(config: dict[str, Any], w: Any, dw: Any) -> Any:
    """torch keeps v / η, which is the same as long as η stays: here it changes."""
    v = config["momentum"] * config.get("velocity", 0 * w) - config["learning_rate"] * dw
    config["velocity"] = v
    return w + v


def _rmsprop(*, inside: bool) -> Update:
    """With epsilon inside the root or outside; the mean as ρ s + (1 − ρ) dw² or as dw² + ρ (s − dw²)."""

    def update(config: dict[str, Any], w: Any, dw: Any) -> Any:
        import torch

        decay, eps = config["decay_rate"], config["epsilon"]
        cache = torch.lerp(dw * dw, config.get("cache", 0 * w), decay)
        config["cache"] = cache
        below = torch.sqrt(cache + eps) if inside else torch.sqrt(cache) + eps
        return w - config["learning_rate"] * dw / below

    return update


def _adam(epsilon: str, before: int) -> Update:
    """With epsilon "outside" the root, under a "hat", or "inside" the root; `before` is what t is ahead by."""

    def update(config: dict[str, Any], w: Any, dw: Any) -> Any:
        import torch

        beta1, beta2, eps = config["beta1"], config["beta2"], config["epsilon"]
        config["t"] += 1
        t = config["t"] + before
        m = torch.lerp(dw, config.get("m", 0 * w), beta1)
        v = torch.lerp(dw * dw, config.get("v", 0 * w), beta2)
        config["m"], config["v"] = m, v
        first, second = m / (1 - beta1**t), v / (1 - beta2**t)
        if epsilon == "hat":
            rate = config["learning_rate"] * (1 - beta2**t) ** 0.5
            return w - rate * first / (torch.sqrt(v) + eps)
        below = torch.sqrt(second + eps) if epsilon == "inside" else torch.sqrt(second) + eps
        return w - config["learning_rate"] * first / below

    return update


KIND = Kind(draw, judge, labels=LABELS)
