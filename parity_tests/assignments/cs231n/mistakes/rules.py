"""Known mistakes of update rules : changed right texts that give the weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS, STATES, WEIGHTS, Update, config_of
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.returned import array_of
from parity_tests.parts.changed_texts import ChangedText
from parity_tests.parts.fingerprints import MOST_TRIED, NEAR, of_values
from parity_tests.parts.in_torch import run_if_torch_can, run_in_numpy
from parity_tests.parts.right_text import FAILS, RightText
from parity_tests.parts.update_rules import RULES
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Arrays
from parity_tests.protocol.quantity import Key

STEPS = 3
"""After so many steps what is kept has shown, and a rate that changes."""


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


def _changed(text: RightText, names: Mapping[str, Any], first: NDArray[Any]) -> Iterable[ChangedText]:
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
        arrays, steps = draw(case), [Key(f"w_{i}", t) for t in range(STEPS)]
        told = [array_of(seen[case.name], key, arrays[f"w_{i}"].shape) for key in steps] if case.name in seen else []
        got = [np.asarray(one, np.float64) for one in told if one is not None]
        given = partial(gives, rule, case=case, arrays=arrays, got=got, i=i)
        if case.dtype != "float64" or len(got) < STEPS or given(RULES[rule][0].statements):
            continue
        config = {**config_of(case.params, arrays, i), **case.params["changes"][0]}
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
    update = updating(rule, "\n".join(lines), run_in_numpy)
    config, w = config_of(case.params, arrays, i), arrays[f"w_{i}"]
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
