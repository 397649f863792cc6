"""What is wrong with the steps of `main` (TODO 10): the rates that SGD is passed, the rule, what is seen in calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.main.evidence import RATES, SEVERAL
from parity_tests.assignments.mlp.mistakes.generated import Names, Written, tried
from parity_tests.assignments.mlp.mistakes.steps import first_off, generated_steps, is_off
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.parts.right_text import RightText
from parity_tests.protocol.mistake import Call, Mistake

PATH = "Draw the arrows of the forward pass, and give each backward the X of its own forward."
DROPPED = "For which epochs t, counted from 0, does your condition hold?"
ORDER = "Compare the call with the order of SGD's parameters."
TEXT = """
share = tenth**drops  # the drop of η
eta = first * share  # η
lam = decay  # λ
alpha = momentum  # α
"""
VALUES = {"eta": "first * share", "lam": "decay", "alpha": "momentum"}
LABELS = {
    "drops": "the number of drops",
    "tenth": "0.1",
    "first": "main_params' η",
    "decay": "main_params' λ",
    "momentum": "main_params' α",
}
SAID = {
    "the drop of η is left out of η": "η is not dropped at t = 10",
    "λ is 0 everywhere": "λ is not passed on",
    "α is 0 everywhere": "α is not passed on",
    "the number of drops is one too large in the drop of η": "η is dropped once too often",
    "the number of drops is one too small in the drop of η": "η is dropped once too seldom",
}
SCHEDULES = {
    **{f"η is dropped too early: every {n} epochs": f"t // {n}" for n in range(2, 10)},
    "η is dropped too early: at every epoch": "t",
    "η is dropped too early: at t = 0 as well": "t // 10 + 1",
    "η is dropped too early: by an epoch": "(t + 1) // 10",
    "η is dropped too late: by an epoch": "(t - (t > 0)) // 10",
    "η is dropped at every epoch from t = 10 on": "np.maximum(t - 9, 0)",
}
"""When η may be dropped instead."""
ORDERS = [dict(zip(VALUES, values, strict=True)) for values in permutations(VALUES.values())][1:]
ROWS = [(words, {"share": f"tenth**({drops})"}) for words, drops in SCHEDULES.items()]
ROWS += [("the rates are passed to SGD in another order", order) for order in ORDERS]
HINTS = {"order": ORDER, "drop": DROPPED, "0.1": DROPPED, "": "Where do your rates come from?"}
PASSED = RightText(TEXT, tuple(LABELS), labels=LABELS, hints=HINTS, said=SAID, rows=tuple(ROWS))


def _given(call: Call) -> Names:
    drops = np.rint(np.log10(call.asked[0] / call.asked))
    return Names(drops=drops, tenth=0.1, first=call.asked[0], decay=call.lam, momentum=call.alpha, t=call.epochs)


OF_RATES: Mapping[str, Written] = {
    **{operation: Written([PASSED], rate, _given, " in place of ") for rate, operation in RATES.items()},
    SEVERAL: Written([PASSED], " ".join(RATES), _given, None),
}
"""The right text by the operation, for the rate that is another one, or for all."""


@dataclass(frozen=True)
class Seen:
    """A formula: any steps, where this is seen in the calls of the first wrong one."""

    words: str

    def __call__(self, call: Call) -> Any:
        if seen_first(call) == self.words:
            return Running(np.asarray(call.got), call.dtype)
        return call.right()


def seen_first(call: Call) -> str:
    """What is seen in the calls of the first step of a run that is wrong."""
    first = first_off(call)
    return "" if first is None else str(call.seen(first))


def generated_main_steps(calls: Sequence[Call]) -> Iterator[Mistake]:
    """What may be wrong with all steps: a change of the right rule; at last what was seen in calls."""
    yield from generated_steps(calls)
    for words in sorted({seen_first(call) for call in calls if is_off(call)} - {""}):
        yield tried(Mistake(words, PATH, Seen(words)))
