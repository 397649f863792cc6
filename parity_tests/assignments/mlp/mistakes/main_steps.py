"""What is wrong with the steps of `main` (TODO 10): the rates that SGD is passed, the rule, what is seen in calls."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.main.evidence import RATES, STEPS
from parity_tests.assignments.mlp.mistakes.generated import tried
from parity_tests.assignments.mlp.mistakes.main_lines import DROP_RATE, LEARNING_RATE, passing
from parity_tests.assignments.mlp.mistakes.sgd import ALPHA, LAMBDA
from parity_tests.assignments.mlp.mistakes.steps import Steps, first_off, generated_steps, is_off
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.protocol.mistake import Call, Mistake, Swap

PATH = "Draw the arrows of the forward pass, and give each backward the X of its own forward."
DROPPED = "For which epochs t, counted from 0, does your condition hold?"
FROM = "Where does your learning rate come from?"
ORDER = "Compare the call with the order of SGD's parameters."
Rates = list[tuple[float, ...]]
"""(λ, α, η) of each step."""


def said_of_etas(got: Sequence[float], asked: Sequence[float], whole: bool) -> str:
    """What is said of the η of each step: it is another one from the start, or 10ᵏ is taken off it at other steps.

    Which steps those are is known of a `whole` run alone.
    """
    first, right = got[0], asked[0]
    if not np.isclose(first, right) and not np.isclose(first, 0.1 * right):
        dropped = [first * eta / right for eta in asked]
        own = np.allclose(got, dropped, rtol=1e-7, atol=0.0) or np.allclose(got, first, rtol=1e-7, atol=0.0)
        return "another η than main_params' is passed on" if own else ""
    if not whole or not all(eta > 0 for eta in got):
        return ""
    drops, wanted = (np.log10(right / np.asarray(etas)) for etas in (got, asked))
    whole = bool(np.allclose(drops, np.rint(drops), atol=1e-7)) and all(a <= b + 1e-7 for a, b in pairwise(drops))
    if not whole or np.allclose(drops, wanted, atol=1e-7):
        return ""
    if (drops >= wanted - 1e-7).all():
        return "η is dropped too early"
    return "η is not dropped at t = 10" if np.allclose(drops, 0, atol=1e-7) else ""


def _asked_and_passed(call: Call) -> tuple[Rates, Rates]:
    """The rates that the steps of a call should be made with, and those that SGD was passed; where it was not, these.

    What an edition's SGD does not take is as it is asked for.
    """
    asked: Rates = [(call.lam, call.alpha, eta) for eta in call.etas]
    if any("eta" not in rates for rates in call.passed):
        return asked, asked
    passed = []
    for rates, of_step in zip(call.passed, asked, strict=True):
        got = (rates.get("lam", of_step[0]), rates.get("alpha", of_step[1]), rates["eta"])
        near = (a if math.isclose(g, a, rel_tol=1e-7) else g for g, a in zip(got, of_step, strict=True))
        passed.append(tuple(near))
    return asked, passed


def said_of_rates(call: Call) -> str:
    """What is said of the rates that SGD was passed: one alone is another one, or all have changed places."""
    asked, passed = _asked_and_passed(call)
    off = [at for at in range(3) if any(p[at] != a[at] for p, a in zip(passed, asked, strict=True))]
    if not off or len({rates[:2] for rates in passed}) > 1:
        return ""
    if len(off) > 1:
        others = all(sorted(p) == sorted(a) for p, a in zip(passed, asked, strict=True))
        return "the rates are passed to SGD in another order" if others else ""
    if off == [2]:
        return said_of_etas([eta for *_, eta in passed], call.etas, call.whole)
    rate = "λα"[off[0]]
    return f"{rate} is not passed on" if passed[0][off[0]] == 0 else f"another {rate} is passed on"


@dataclass(frozen=True)
class Passed:
    """A formula: the steps that the rates which SGD was passed make, where this is what is said of them."""

    words: str

    def __call__(self, call: Call) -> Any:
        asked, passed = _asked_and_passed(call)
        if passed == asked:
            return call.right()
        if said_of_rates(call) == self.words:
            lam, alpha, _ = passed[0]
            return Steps()(call.with_inputs(lam=lam, alpha=alpha, etas=[eta for *_, eta in passed]))
        return None


@dataclass(frozen=True)
class PassedEtas:
    """A formula: the η that SGD was passed, where this is what is said of them."""

    words: str

    def __call__(self, call: Call) -> Any:
        is_so = said_of_etas(np.asarray(call.got).tolist(), call.asked, call.whole) == self.words
        etas = np.asarray(call.got if is_so else call.asked)
        return Running(etas, call.dtype, 1e-9 * etas)


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


def _passing(words: str, new: str, editions: tuple[str, ...]) -> Mistake:
    """Other rates passed to SGD."""
    return Mistake("10", STEPS, words, ORDER, Passed(words), plug=(Swap(*passing(new)),), editions=editions)


PASSED = (
    _passing("λ is not passed on", "0.0, alpha, eta", LAMBDA),
    _passing("another λ is passed on", "2 * lam, alpha, eta", LAMBDA),
    _passing("α is not passed on", "lam, 0.0, eta", ALPHA),
    _passing("another α is passed on", "lam, alpha / 2, eta", ALPHA),
    _passing("the rates are passed to SGD in another order", "alpha, lam, eta", ALPHA),
    *(
        Mistake("10", operation, words, hint, formula(words), plug=(Swap(*swap),))
        for words, hint, swap in (
            ("η is dropped too early", DROPPED, (DROP_RATE, "if t % 5 == 0 and t != 0")),
            ("η is not dropped at t = 10", DROPPED, (DROP_RATE, "if t % 10 == 10")),
            ("another η than main_params' is passed on", FROM, (LEARNING_RATE, "eta = eta_0 = 0.01")),
        )
        for operation, formula in ((STEPS, Passed), (RATES, PassedEtas))
    ),
)  # fmt: skip


def generated_main_steps(calls: Sequence[Call]) -> Iterator[Mistake]:
    """What may be wrong with all steps: a change of the right rule; at last what was seen in calls."""
    yield from generated_steps(calls)
    for words in sorted({seen_first(call) for call in calls if is_off(call)} - {""}):
        yield tried(Mistake("10", STEPS, words, PATH, Seen(words)))
