"""Known mistakes in the rates that `main` makes its steps with (TODO 10): what SGD is passed, and when η is dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.main.evidence import RATES, STEPS
from parity_tests.assignments.mlp.mistakes.main_lines import DROP_RATE, DROPPED, LEARNING_RATE, passing
from parity_tests.assignments.mlp.mistakes.main_lines import RATES as ORDER_OF_RATES
from parity_tests.assignments.mlp.mistakes.sgd_step import ALPHA, LAMBDA, RIGHT
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.protocol.mistake import Call, Formula, Mistake, Swap

Rates = tuple[tuple[float, float, float], ...]
"""(λ, α, η) of each step."""


def asked_rates(call: Call) -> Rates:
    """The rates that the steps of a call should be made with."""
    return tuple((call.lam, call.alpha, eta) for eta in call.etas)


def passed_rates(call: Call) -> Rates | None:
    """The rates that SGD was passed at each step, those asked for where they are near; None where it was not called.

    What an edition's SGD does not take is as it is asked for.
    """
    if any("eta" not in rates for rates in call.passed):
        return None
    passed = []
    for rates, asked in zip(call.passed, asked_rates(call), strict=True):
        got = (rates.get("lam", asked[0]), rates.get("alpha", asked[1]), rates["eta"])
        passed.append(tuple(a if np.isclose(g, a, rtol=1e-7, atol=0.0) else g for g, a in zip(got, asked, strict=True)))
    return tuple(passed)  # type: ignore[arg-type]  # three numbers each


def at_right_rates(formula: Formula) -> Formula:
    """A mistake in the steps of a `main` that passes SGD the right rates, or does not call it."""
    return lambda call: formula(call) if passed_rates(call) in (None, asked_rates(call)) else None


def _by_rates(call: Call, rates: Rates) -> Running:
    """The steps that these rates make; λ and α are the same in all."""
    lam, alpha, _ = rates[0]
    return RIGHT(call.with_inputs(lam=lam, alpha=alpha, etas=[eta for _, _, eta in rates]))


# ---- what SGD is passed

LAM, ALPHA_AT, ETA = range(3)


def _passed(differs: Callable[[Rates, Rates], bool]) -> Formula:
    """The steps that the rates which SGD was passed make, where these differ from those asked for in one way."""

    def formula(call: Call) -> Any:
        passed, asked = passed_rates(call), asked_rates(call)
        if passed is None:
            return None
        constant = len({rates[:2] for rates in passed}) == 1
        right = passed == asked or (constant and differs(passed, asked))
        return _by_rates(call, passed) if right else None

    return formula


def _only(at: int, passed: Rates, asked: Rates) -> bool:
    """Whether one of the three rates alone is another one, at some step."""
    others = [i for i in range(3) if i != at]
    return all(p[i] == a[i] for p, a in zip(passed, asked, strict=True) for i in others)


def _exchanged(passed: Rates, asked: Rates) -> bool:
    return all(p != a and sorted(p) == sorted(a) for p, a in zip(passed, asked, strict=True))


def _rate(at: int, name: str, passed: str, zero: bool, editions: tuple[str, ...]) -> Mistake:
    """λ or α alone is another number, which is 0 or is not."""
    formula = _passed(lambda p, a: _only(at, p, a) and not _exchanged(p, a) and (p[0][at] == 0) == zero)
    return Mistake("10", STEPS, name, ORDER_OF_RATES, formula, plug=(Swap(*passing(passed)),), editions=editions)


# ---- when η is dropped


def _early(eta: float, epochs: Sequence[int]) -> list[list[float]]:
    """η of each step, where it is dropped every so many epochs fewer than ten, or at other epochs before the tenth."""
    periods = [[eta * 0.1 ** (t // period) for t in epochs] for period in range(1, 10)]
    shifts = [[eta * 0.1 ** ((t + shift) // 10) for t in epochs] for shift in range(1, 11)]
    return [*periods, *shifts]


def _never(eta: float, epochs: Sequence[int]) -> list[list[float]]:
    return [[eta] * len(epochs)]


Schedule = Callable[[float, Sequence[int]], list[list[float]]]


def _scheduled(schedule: Schedule) -> Formula:
    """The steps, or the η of each, by one of the schedules."""

    def formula(call: Call) -> Any:
        if call.operation == RATES:
            etas = schedule(call.eta, call.epochs)
            return [Running(np.array(one), call.dtype, 1e-9 * np.array(one)) for one in [list(call.asked), *etas]]
        passed = passed_rates(call)
        if passed is not None and not _only(ETA, passed, asked_rates(call)):
            return None
        tried = dict.fromkeys(map(tuple, [call.etas, *schedule(call.etas[0], call.epochs)]))  # many are the same
        return (RIGHT(call.with_inputs(etas=etas)) for etas in tried)

    return formula


def _eta(name: str, hint: str, schedule: Schedule, condition: str) -> tuple[Mistake, ...]:
    plug = (Swap(DROP_RATE, condition),)
    return tuple(Mistake("10", operation, name, hint, _scheduled(schedule), plug=plug) for operation in (STEPS, RATES))


# ---- whose η it is


def _own(got: Sequence[float], asked: Sequence[float]) -> bool:
    """Whether η is another one from the start, dropped in time or never; a tenth of it is dropped too early."""
    first, right = got[0], asked[0]
    if np.isclose(first, right) or np.isclose(first, 0.1 * right):
        return False
    dropped = [first * eta / right for eta in asked]
    return np.allclose(got, dropped, rtol=1e-7, atol=0.0) or np.allclose(got, first, rtol=1e-7, atol=0.0)


def _another_eta(call: Call) -> Any:
    """The steps, or the η of each, by what SGD was passed, where that is another η from the first epoch on."""
    if call.operation == RATES:
        got = np.asarray(call.got).tolist()
        etas = np.array(got if _own(got, call.asked) else call.asked)
        return Running(etas, call.dtype, 1e-9 * etas)
    passed = passed_rates(call)
    if passed is None or not _only(ETA, passed, asked_rates(call)):
        return None
    got = [eta for _, _, eta in passed]
    return RIGHT(call.with_inputs(etas=got)) if got == list(call.etas) or _own(got, call.etas) else None


ANOTHER_ETA = tuple(
    Mistake(
        "10", operation, "another η than main_params' is passed on", "Where does your learning rate come from?",
        _another_eta, plug=(Swap(LEARNING_RATE, "eta = eta_0 = 0.01"),),
    )
    for operation in (STEPS, RATES)
)  # fmt: skip

PASSED = (
    _rate(LAM, "λ is not passed on", "0.0, alpha, eta", True, LAMBDA),
    _rate(LAM, "another λ is passed on", "2 * lam, alpha, eta", False, LAMBDA),
    _rate(ALPHA_AT, "α is not passed on", "lam, 0.0, eta", True, ALPHA),
    _rate(ALPHA_AT, "another α is passed on", "lam, alpha / 2, eta", False, ALPHA),
    Mistake(
        "10", STEPS, "the rates are passed to SGD in another order", ORDER_OF_RATES, _passed(_exchanged),
        plug=(Swap(*passing("alpha, lam, eta")),), editions=ALPHA,
    ),
    *_eta("η is dropped too early", DROPPED, _early, "if t % 5 == 0 and t != 0"),
    *_eta("η is not dropped at t = 10", DROPPED, _never, "if t % 10 == 10"),
    *ANOTHER_ETA,
)  # fmt: skip
