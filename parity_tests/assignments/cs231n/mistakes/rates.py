"""Known mistakes of the update rules in how the rate changes from call to call."""

from __future__ import annotations

from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.inside.families import LATER
from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS, Update, right_forms
from parity_tests.assignments.cs231n.mistakes.wrong import OPTIM_FILE, Wrong
from parity_tests.harness.returned import array_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Arrays
from parity_tests.protocol.mistake import Swap
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key

SCHEDULE = "A rule takes the rate as it is given: who trains changes it, as Solver does after each epoch."
MULTIPLIED = "each call multiplies config's learning_rate by a factor"
DIVIDED = "the rate is divided by the number of calls so far"
NOISE = {"float64": 1e-6, "float32": 2e-4}
"""How far rounding, and the place of epsilon, may move a factor that is read off two steps."""


def _each(rule: str) -> list[Update]:
    return [update for update, _ in right_forms(rule, LATER)]


def _multiplying(update: Update, factor: float, *, before: bool) -> Update:
    """The rule, with the rate multiplied before the step or behind it."""

    def multiplied(config: dict[str, Any], w: Any, dw: Any) -> Any:
        config["learning_rate"] *= factor if before else 1
        w = update(config, w, dw)
        config["learning_rate"] *= 1 if before else factor
        return w

    return multiplied


def _multiplied(rule: str, factor: float) -> tuple[Update, ...]:
    return tuple(_multiplying(update, factor, before=before) for update in _each(rule) for before in (False, True))


def _dividing(update: Update) -> Update:
    """The rule, with the rate divided by a number of calls that the config keeps for that."""

    def divided(config: dict[str, Any], w: Any, dw: Any) -> Any:
        config["calls"] = config.get("calls", 0) + 1
        rate = config["learning_rate"]
        config["learning_rate"] = rate / config["calls"]
        w = update(config, w, dw)
        config["learning_rate"] = rate
        return w

    return divided


def _share(rule: str, case: Case, arrays: Arrays, got: Any, last: int) -> float:
    """By what the rate of a call is multiplied that gave this weight, where calls before have it as it is given.

    A step is a share without the rate, and one that the rate multiplies.
    """
    import torch

    found = []
    for multiple in (0.0, 1.0):
        states = {name: torch.from_numpy(arrays[f"{name}_0"]) for name in case.params["states"]}
        config = {**DEFAULTS[rule], **(case.params["config"] or {}), **states}
        rate, w = config["learning_rate"], torch.from_numpy(arrays["w_0"])
        for t in range(last + 1):
            config["learning_rate"] = rate * multiple if t == last else rate
            w = _each(rule)[0](config, w, torch.from_numpy(arrays["dw_0"][t]))
        found.append(w.numpy().astype(np.float64))
    without, whole = found
    with np.errstate(all="ignore"):
        return float(np.median((got - without) / (whole - without)))


def _factor(rule: str, case: Case, arrays: Arrays, seen: Observation) -> float | None:
    """The factor between two calls, of as few digits as rounding lets it have; None where it is 1 or none is seen."""
    shape, noise = arrays["w_0"].shape, NOISE[case.dtype]
    for last in range(2):
        got = array_of(seen, Key("w_0", last), shape)
        share = np.nan if got is None else _share(rule, case, arrays, got, last)
        if not np.isfinite(share) or abs(share) < noise:
            return None
        if abs(share - 1) > noise:
            return next((short for d in range(1, 7) if abs((short := round(share, d)) - share) < noise), share)
    return None


def _rule(rule: str, name: str, change: Any, *plug: Swap, estimate: Any = None) -> Wrong:
    return Wrong(rule, "steps", name, SCHEDULE, change, plug, OPTIM_FILE, estimate=estimate)


LINES = {
    "sgd": ('{"learning_rate": 1e-2, **(config or {})}', "return w - {} * dw, config"),
    "sgd_momentum": (
        '{"learning_rate": 1e-2, "momentum": 0.9, **(config or {})}',
        'config.get("velocity", np.zeros_like(w)) - {} * dw',
    ),
    "rmsprop": (
        '{"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8, **(config or {})}',
        "return w - {} * dw / (np.sqrt(cache)",
    ),
    "adam": ("{**usual, **(config or {})}", "step = {} * first"),
}
"""What our solution makes each rule's config of, and where it uses the rate."""
RATE = 'config["learning_rate"]'


def _multiplied_in(rule: str, gathered: str) -> Wrong:
    return _rule(
        rule,
        MULTIPLIED,
        lambda factor: _multiplied(rule, factor),
        Swap(gathered, f"{gathered}\n    {RATE} *= 0.95"),
        estimate=lambda case, arrays, seen: _factor(rule, case, arrays, seen),
    )


def _divided_in(rule: str, gathered: str, used: str) -> Wrong:
    counted = Swap(gathered, f'{gathered}\n    config["calls"] = config.get("calls", 0) + 1')
    divided = Swap(used.format(RATE), used.format(f'{RATE} / config["calls"]'))
    return _rule(rule, DIVIDED, tuple(_dividing(update) for update in _each(rule)), counted, divided)


RATES = (
    *(_multiplied_in(rule, gathered) for rule, (gathered, _) in LINES.items()),
    *(_divided_in(rule, *lines) for rule, lines in LINES.items() if rule != "adam"),
)
