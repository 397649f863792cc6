"""Known mistakes of update rules that nobody has written down: changed right texts that give the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS, STATES, Update
from parity_tests.assignments.cs231n.mistakes.as_written import run_if_torch_can
from parity_tests.assignments.cs231n.mistakes.wrong import OPTIM_FILE, Wrong
from parity_tests.harness.returned import array_of
from parity_tests.parts.changed_texts import ChangedText, ChangedTexts
from parity_tests.parts.fingerprints import MOST_TRIED, NEAR
from parity_tests.parts.right_text import RightText
from parity_tests.parts.update_rules import OF_DESCENT, OF_MOMENTUM, OF_RMSPROP
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Arrays
from parity_tests.protocol.quantity import Key

RULES: Mapping[str, Sequence[RightText]] = {
    "sgd": OF_DESCENT,
    "sgd_momentum": OF_MOMENTUM,
    "rmsprop": OF_RMSPROP,
}
"""The right texts of each rule: one for each place of epsilon."""
STEPS = 3
"""After so many steps what is kept has shown, and a rate that changes."""


def _in_numpy(lines: str, names: Mapping[str, Any]) -> dict[str, Any]:
    found = {"np": np, **names}
    with np.errstate(all="ignore"):
        exec(_compiled(lines), found)
    return found


@cache
def _compiled(lines: str) -> Any:
    return compile(lines, "<text>", "exec")


def updating(rule: str, lines: str, run: Any = run_if_torch_can) -> Update:
    """The update that a text makes, with what it keeps in the config."""

    def update(config: dict[str, Any], w: Any, dw: Any) -> Any:
        usual = {f"usual_{name}": value for name, value in DEFAULTS[rule].items()}
        rest = 1 - config.get("momentum", config.get("decay_rate", 0.0))
        names = {**dict.fromkeys(STATES[rule], 0 * w), **usual, "rest": rest, **config, "w": w, "dw": dw}
        found = run(lines, names)
        config.update({name[len("kept_") :]: found[name] for name in found if name.startswith("kept_")})
        return found["w_next"] + 0 * w

    return update


@cache
def _changed(rule: str) -> list[tuple[ChangedText, str]]:
    """All changes of a rule's texts, the simplest first, with all lines of each."""
    found: dict[str, ChangedText] = {}
    for text in RULES[rule]:
        changes = ChangedTexts(text)
        for one in (one for result in text.results for one in changes.towards(result)):
            whole = text.whole(one.statements)
            if whole not in found or one.size < found[whole].size:
                found[whole] = one
    return sorted(((one, lines) for lines, one in found.items()), key=lambda pair: pair[0].size)


def generated_rules(rule: str, asked: Sequence[Case], seen: Seen, draw: Draw) -> Iterator[Wrong]:
    """The changes that give the weight of one case after a few steps, the simplest first."""
    for case in asked if rule in RULES else ():
        arrays = draw(case)
        shape = arrays["w_0"].shape
        steps = [array_of(seen[case.name], Key("w_0", t), shape) for t in range(STEPS)] if case.name in seen else [None]
        got = [np.asarray(one, np.float64) for one in steps if one is not None and np.isfinite(one).all()]
        if case.dtype != "float64" or len(got) < STEPS or gives(rule, RULES[rule][0].statements, case, arrays, got):
            continue
        tried = 0
        for one, lines in _changed(rule):
            if tried < MOST_TRIED and gives(rule, lines.split("\n"), case, arrays, got):
                tried += 1
                yield Wrong(rule, "steps", one.words, one.hint, (updating(rule, lines),), (), OPTIM_FILE, lines=lines)
        return


def gives(rule: str, lines: Sequence[str], case: Case, arrays: Arrays, got: Sequence[Any]) -> bool:
    """Whether a text gives these weights."""
    update = updating(rule, "\n".join(lines), _in_numpy)
    states = {name: arrays[f"{name}_0"] for name in case.params["states"]}
    config, w = {**DEFAULTS[rule], **(case.params["config"] or {}), **states}, arrays["w_0"]
    for t, want in enumerate(got):
        config.update(case.params["changes"][t])
        try:
            w = update(config, w, arrays["dw_0"][t])
        except (ValueError, ArithmeticError, IndexError, NameError, TypeError, AttributeError):
            return False
        if np.shape(w) != want.shape or not bool((np.abs(w - want) <= NEAR * max(1.0, np.abs(want).max())).all()):
            return False
    return True
