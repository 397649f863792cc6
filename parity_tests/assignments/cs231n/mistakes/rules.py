"""Known mistakes of update rules : changed right texts that give the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS, STATES, WEIGHTS, Update
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.returned import array_of
from parity_tests.parts.changed_texts import ChangedText
from parity_tests.parts.fingerprints import MOST_TRIED, NEAR, of_values
from parity_tests.parts.in_torch import run_if_torch_can
from parity_tests.parts.right_text import FAILS, RightText, compiled
from parity_tests.parts.update_rules import OF_ADAM, OF_DESCENT, OF_MOMENTUM, OF_RMSPROP
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Arrays
from parity_tests.protocol.quantity import Key

RULES: Mapping[str, Sequence[RightText]] = {
    "sgd": OF_DESCENT,
    "sgd_momentum": OF_MOMENTUM,
    "rmsprop": OF_RMSPROP,
    "adam": OF_ADAM,
}
"""The right texts of each rule: one for each place of epsilon."""
STEPS = 3
"""After so many steps what is kept has shown, and a rate that changes."""


def _in_numpy(lines: str, names: Mapping[str, Any]) -> dict[str, Any]:
    found = {"np": np, **names}
    with np.errstate(all="ignore"):
        exec(compiled(lines), found)
    return found


def _names(rule: str, config: Mapping[str, Any], w: Any, dw: Any) -> dict[str, Any]:
    """The names of a rule's text for one step."""
    usual = {f"usual_{name}": value for name, value in DEFAULTS[rule].items()}
    rest = 1 - config.get("momentum", config.get("decay_rate", 0.0))
    return {**dict.fromkeys(STATES[rule], 0 * w), **usual, "rest": rest, "one": 1, **config, "w": w, "dw": dw}


def updating(rule: str, lines: str, run: Any = run_if_torch_can) -> Update:
    """The update that a text makes, with what it keeps in the config."""

    def update(config: dict[str, Any], w: Any, dw: Any) -> Any:
        found = run(lines, _names(rule, config, w, dw))
        config.update({name[len("kept_") :]: found[name] for name in found if name.startswith("kept_")})
        return found["w_next"] + 0 * w

    return update


def _config(rule: str, case: Case, arrays: Arrays, i: int) -> dict[str, Any]:
    """What a weight's config holds before the first step."""
    states = {name: arrays[f"{name}_{i}"] for name in case.params["states"]}
    return {**DEFAULTS[rule], **(case.params["config"] or {}), **states}


def _changed(text: RightText, names: Mapping[str, Any], first: NDArray[Any]) -> list[ChangedText]:
    """The changes of a text that give a weight, the simplest first; or, where it is right, what shows later."""
    known = of_values(text, names)
    if not np.isfinite(first).all():
        return sorted(known.changed("w_next"), key=lambda one: one.size)
    if not known.is_right("w_next", first):
        return known.matching("w_next", first)
    before = set(text.towards("w_next"))
    kept = known.changed(" ".join(one for one in text.results if one.startswith("kept_")))
    later = [one for one in kept if not before & {k for k, _ in one.statements}]
    return sorted(later, key=lambda one: one.size)


def changed_rules(rule: str, asked: Sequence[Case], seen: Seen, draw: Draw) -> Iterator[Wrong]:
    """The changes that give a weight of one case after a few steps, the simplest first."""
    for case, i in product(asked, range(WEIGHTS)):
        arrays = draw(case)
        shape = arrays[f"w_{i}"].shape
        steps = [array_of(seen[case.name], Key(f"w_{i}", t), shape) for t in range(STEPS)] if case.name in seen else []
        got = [np.asarray(one, np.float64) for one in steps if one is not None]
        if case.dtype != "float64" or len(got) < STEPS:
            continue

        def given(lines: Sequence[str], case: Case = case, i: int = i, got: Sequence[Any] = got) -> bool:
            return gives(rule, lines, case, draw(case), got, i)

        if given(RULES[rule][0].statements):
            continue
        config = {**_config(rule, case, arrays, i), **case.params["changes"][0]}
        names = _names(rule, config, arrays[f"w_{i}"], arrays[f"dw_{i}"][0])
        for text in RULES[rule]:
            tried: set[str] = set()
            for one in _changed(text, names, got[0]):
                lines = text.whole(one.statements)
                if len(tried) < MOST_TRIED and lines not in tried and given(lines.split("\n")):
                    tried.add(lines)
                    update = (updating(rule, lines),)
                    yield Wrong(rule, "steps", one.words, one.hint, update, lines=lines)
            if tried:
                return
        if not any(gives(rule, text.statements, case, arrays, got[:1], i) for text in RULES[rule]):
            return  # in what is all but right another case may show more, as a larger epsilon does


def gives(rule: str, lines: Sequence[str], case: Case, arrays: Arrays, got: Sequence[Any], i: int = 0) -> bool:
    """Whether a text gives these values of a weight."""
    update = updating(rule, "\n".join(lines), _in_numpy)
    config, w = _config(rule, case, arrays, i), arrays[f"w_{i}"]
    for t, want in enumerate(got):
        config.update(case.params["changes"][t])
        try:
            w = update(config, w, arrays[f"dw_{i}"][t])
        except FAILS:
            return False
        near = NEAR * max(1.0, float(np.abs(want[np.isfinite(want)]).max(initial=0.0)))
        if np.shape(w) != want.shape or not np.allclose(w, want, rtol=0, atol=near, equal_nan=True):
            return False
    return True
