"""Known mistakes of SGD (TODO 1) that hold a number: other rates than those that are passed, a cut-off gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.mistakes.sgd_step import DECAY, DECAYED, TERMS, UPDATE, Steps, step
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.parts.readable_numbers import likeliest
from parity_tests.protocol.mistake import Call, Mistake


def _effective_gradient(call: Call) -> Any:
    """What the first step took for the gradient (α ≤ 0, or a velocity of 0)."""
    return (call.w.value - np.asarray(call.got, np.longdouble)[0]) / call.etas[0]


def _without_decay(calls: Sequence[Call]) -> list[Call]:
    """The float64 calls without weight decay; not those of a trajectory, whose steps start from given weights."""
    return [call for call in calls if call.dtype == np.float64 and call.lam == 0 and "starts" not in call.inputs]


def _largest(calls: Sequence[Call]) -> Any:
    """The largest element of what first steps took for the gradient, where several have it."""
    sizes = [float(np.abs(_effective_gradient(call)).max()) for call in _without_decay(calls)]
    most = max(sizes)
    return likeliest(most) if sum(abs(size - most) <= 1e-9 * most for size in sizes) > 1 else None


def _own_rate(calls: Sequence[Call]) -> Any:
    """The η of the first step."""
    for call in _without_decay(calls):
        g = call.g[0].value
        return likeliest(float((_effective_gradient(call) * g).sum() / (g * g).sum()) * call.etas[0])
    return None


Key = tuple[str, str, float, float]
"""(layer, key, α, λ)"""
Numbers = Mapping[Key, tuple[float, float, float]]
"""(p, q, c), where every step is p υ − η (q g + c w)."""


TINY = 1e-9
"""Beside how large a part of w gradients tell nothing of what they are multiplied by."""


def _numbers(calls: Sequence[Call]) -> Numbers | None:
    """The numbers that all float64 calls are made with, None where no readable ones explain them.

    Where gradients are too small to tell theirs, it is that of all others.
    """
    numbers_of: dict[Key, tuple[float, float, float]] = {}
    untold: dict[Key, tuple[Any, Any]] = {}
    for call in (call for call in calls if call.dtype == np.float64 and "starts" not in call.inputs):
        key = call.layer, call.key, call.alpha, call.lam
        path = np.concatenate([call.w.value[None], np.asarray(call.got, np.longdouble)]).astype(np.float64)
        if not np.isfinite(path).all():
            return None
        steps = np.diff(path, axis=0)
        eta = np.array(call.etas).reshape(-1, *[1] * (path.ndim - 1))
        g = np.stack([g.value for g in call.g]).astype(np.float64)
        regressors = [-eta * g, -eta * path[:-1]]
        if call.alpha > 0:
            regressors.append(np.concatenate([np.zeros_like(steps[:1]), steps[:-1]]))
        columns = np.stack([r.reshape(-1) for r in regressors], axis=1)
        sizes = np.sqrt((columns**2).sum(axis=0))
        if not (sizes > 0).all() or not np.isfinite(sizes).all() or not np.isfinite(steps).all():
            return None  # LAPACK would print what it thinks of them
        if sizes[0] < TINY * sizes[1]:
            untold[key] = columns, steps.reshape(-1)
            continue
        solved = _solved(columns, steps.reshape(-1))
        q, c, p = (likeliest(float(x)) for x in (*solved, 0.0)[:3])
        if c is None and q is not None:
            c = _small_decay(float(solved[1]), call.lam, q)
        if q is None or c is None or p is None:
            return None
        numbers_of[key] = (p, q, c)
    told = {q for _, q, _ in numbers_of.values()}
    of_all = told.pop() if len(told) == 1 else 1.0
    for key, (columns, steps) in untold.items():
        rest = _solved(columns[:, 1:], steps - of_all * columns[:, 0])
        c, p = (0.0 if abs(x) < TINY else likeliest(float(x)) for x in (*rest, 0.0)[:2])
        if c is None or p is None:
            return None
        numbers_of[key] = (p, of_all, c)
    return numbers_of or None


def _solved(columns: Any, steps: Any) -> Any:
    """The numbers by which columns make up steps."""
    sizes = np.sqrt((columns**2).sum(axis=0))
    return np.linalg.lstsq(columns / sizes, steps, rcond=None)[0] / sizes


def _small_decay(c: float, lam: float, q: float) -> float | None:
    """λ, or λ times the gradient's factor, where c is near it: a small λ moves w too little for all digits of c."""
    return next((known for known in (lam, q * lam) if known and abs(c - known) <= 1e-3 * abs(known)), None)


def _with_numbers(call: Call) -> Running:
    p, q, c = call.number[call.layer, call.key, call.alpha, call.lam]
    numbers = f"p, q, c = {p!r}, {q!r}, {c!r}\n"
    return Steps(numbers + "v = p * v - eta * (q * g + c * w) if p else -eta * (q * g + c * w)\nw = w + v")(call)


def _other_numbers(name: str, hint: str, differ: Callable[[Numbers], bool], statements: str) -> Mistake:
    """A mistake in the numbers that the step is made with, which differ from the right ones in this way."""

    def estimate(calls: Sequence[Call]) -> Numbers | None:
        numbers = _numbers(calls)
        return numbers if numbers is not None and differ(numbers) else None

    return replace(step(name, hint, statements, estimate=estimate), formula=_with_numbers)


def _scaled_gradient(numbers: Numbers) -> bool:
    """Whether all gradients have the same factor, which is not 1."""
    factors = {q for _, q, _ in numbers.values()}
    return len(factors) == 1 and factors.isdisjoint({0.0, 1.0})


def _own_damping(numbers: Numbers) -> bool:
    """Whether old velocities are weighted by a number of their own, each α by one, and all else is right."""
    if any(q != 1 or abs(c - lam) > 1e-3 * lam for (_, _, _, lam), (_, q, c) in numbers.items()):
        return False
    weights: dict[float, set[float]] = {}
    for (_, _, alpha, _), (p, _, _) in numbers.items():
        weights.setdefault(alpha, set()).add(p)
    alone = all(len(several) == 1 for several in weights.values())
    damped = {alpha: p for alpha, (p,) in weights.items() if alpha > 0} if alone else {}
    return 0.0 not in damped.values() and any(abs(p - alpha) > 1e-9 for alpha, p in damped.items())


def _own_decay(numbers: Numbers) -> bool:
    """Whether w decays by one number, also where λ is 0."""
    decays = {c for _, _, c in numbers.values()}
    return len(decays) == 1 and 0.0 not in decays and any(lam == 0 for _, _, _, lam in numbers)


def _scaled_decay(numbers: Numbers) -> bool:
    """Whether every λ has the same factor, which is not 1, and no gradient has one."""
    if _own_decay(numbers) or any(q != 1 for _, q, _ in numbers.values()):
        return False
    factors = [c / lam for (_, _, _, lam), (_, _, c) in numbers.items() if lam]
    return bool(factors) and abs(factors[0] - 1) > 1e-9 and bool(np.allclose(factors, factors[0], rtol=1e-9, atol=0.0))


NUMBERS = (
    step(
        "the gradient is cut off beyond a largest size",
        "SGD takes the gradient as the backwards left it: what else is done to it here?",
        f"g = np.maximum(np.minimum(g, number), -number)\n{DECAYED}{UPDATE}",
        estimate=_largest,
        number=0.5,
    ),
    _other_numbers(
        "the gradient is scaled by a constant factor",
        "The mean over the mini-batch is taken already: what else multiplies or divides the gradient or η?",
        _scaled_gradient,
        f"g = (g + lam * w) / 5\n{UPDATE}",
    ),
    _other_numbers(
        "the old velocity is weighted by another number than α",
        TERMS,
        _own_damping,
        f"{DECAYED}alpha = 0.75 if alpha > 0 else alpha\n{UPDATE}",
    ),
    _other_numbers(
        "weight decay is made with a number of its own, not with λ", DECAY, _own_decay, f"g = g + 0.025 * w\n{UPDATE}"
    ),
    _other_numbers(
        "weight decay is scaled by a constant factor", DECAY, _scaled_decay, f"g = g + lam / 5 * w\n{UPDATE}"
    ),
    step(
        "η is a number of its own, not the one that is passed",
        "Which of SGD's parameters is η, and does your step use it?",
        f"eta = number\n{DECAYED}{UPDATE}",
        estimate=_own_rate,
        number=0.03,
    ),
)
