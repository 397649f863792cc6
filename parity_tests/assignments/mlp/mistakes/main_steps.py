"""Known mistakes in the steps of `main` (TODO 10): each a formula that must give the weights after every step."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.main.evidence import STEPS
from parity_tests.assignments.mlp.main.wiring import Wiring
from parity_tests.assignments.mlp.mistakes.main_lines import (
    ACT_BACK,
    DROP_BACK,
    FORWARD_2,
    IN_ORDER,
    L1_BACK,
    ONCE,
    PATH,
    ROWS,
    SCALED,
    SGD_CALL,
    at_epoch,
    before_sgd,
)
from parity_tests.assignments.mlp.mistakes.main_rates import at_right_rates
from parity_tests.assignments.mlp.mistakes.sgd import EXCHANGED, LATE_DECAY, MOMENTUM
from parity_tests.assignments.mlp.mistakes.sgd_step import ALPHA, DECAYED, LAMBDA, RIGHT, UPDATE, Steps, are_parallel
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.parts.readable_numbers import likeliest
from parity_tests.protocol.mistake import ANYTHING, Call, Estimate, Formula, Mistake, Swap

DRAWN = "How many masks does one step draw, and which of them does each line use?"
KEPT = "In which dtype, and with how many digits, are the weights kept?"


@dataclass(frozen=True)
class Wired:
    """A formula: right steps, made with the gradients of a wrong wiring; of several, any may be the one."""

    wirings: tuple[Wiring, ...]

    def __call__(self, call: Call) -> Iterator[Any]:
        wired = (call.wired(wiring) for wiring in self.wirings)
        return (RIGHT(call.with_inputs(g=gradients)) for gradients in wired if gradients is not None)


def _step(
    name: str, hint: str, formula: Formula, *swaps: tuple[str, str], estimate: Estimate | None = None,
    editions: tuple[str, ...] = (),
) -> Mistake:  # fmt: skip
    """A mistake in the steps of a `main` that passes SGD the right rates, or does not call it."""
    plug = tuple(Swap(*swap) for swap in swaps)
    return Mistake("10", STEPS, name, hint, at_right_rates(formula), estimate, plug=plug, editions=editions)


def _without_slope(call: Call) -> Any:
    """No slope in L1's gradients; what of a mask was not seen, because relu gave 0 there, is then not predicted."""
    return ANYTHING if call.layer == "L1" and call.unseen else Wired((Wiring(slope_at="none"),))(call)


def _wired(name: str, hint: str, wirings: Sequence[Wiring], *swaps: tuple[str, str]) -> Mistake:
    return _step(name, hint, Wired(tuple(wirings)), *swaps)


WIRED = (
    _wired(
        "dropout is bypassed in training", "Follow the arrays: what does the second linear layer get?",
        [
            Wiring(second_input="h", second_x=second_x, backward_mask=back)
            for second_x in ("h", "s")
            for back in (True, False)
        ],
        (FORWARD_2, FORWARD_2.replace("(s)", "(h)")),
    ),
    _wired(
        "the gradient does not go through dropout's backward", PATH, [Wiring(backward_mask=False)],
        (DROP_BACK, "grad_h = grad_s"),
    ),
    _step(
        "the gradient does not go through the activation's backward", PATH, _without_slope,
        (ACT_BACK, "grad_u = grad_h"),
    ),
    _wired(
        "no activation is used", PATH, [Wiring(activation="none"), Wiring(dropped="u"), Wiring(second_input="u")],
        ('s = model["drop1"].forward(h, is_train=True)', 's = model["drop1"].forward(u, is_train=True)'),
    ),
    _wired(
        "dropout stands before the activation", PATH, [Wiring(dropout_first=True)],
        (
            'h = model["nonlinear1"].forward(u)\n            s = model["drop1"].forward(h, is_train=True)',
            'h = model["drop1"].forward(u, is_train=True)\n            s = model["nonlinear1"].forward(h)',
        ),
        (DROP_BACK, 'grad_h = model["nonlinear1"].backward(h, grad_s)'),
        (ACT_BACK, 'grad_u = model["drop1"].backward(u, grad_h)'),
    ),
    _wired(
        "a backward is given the wrong X", PATH,
        [
            *(Wiring(second_x=X) for X in ("h", "u")),
            *(Wiring(slope_at=X) for X in ("h", "s")),
            Wiring(first_x="before"),
        ],
        ('model["L2"].backward(s, grad_a)', 'model["L2"].backward(h, grad_a)'),
    ),
    _wired(
        "the labels are not those of the rows", "X and y must be taken by the same indices.",
        [Wiring(given_labels=True)],
        (
            f"x, y = train.get_example({ROWS})",
            f"x, _ = train.get_example({ROWS})\n"
            "            _, y = train.get_example(range(start, start + minibatch_size))",
        ),
    ),
    _wired(
        "dropout's forward runs again before its backward", DRAWN,
        [Wiring(forward_draw=0), Wiring(backward_draw=0), Wiring(forward_draw=-2), Wiring(backward_draw=-2)],
        ("grad_a = model", "model['drop1'].forward(h, is_train=True)\n            grad_a = model"),
    ),
)  # fmt: skip


# ---- how the gradient and the velocity are used

_ONLY_L1 = "if name == 'L1':\n    g = {}\n"
_LEFT_OVER = """if starts:
    v = 0 * v
"""


def _left_over(call: Call) -> Any:
    """The velocity before the first step is what this step shows."""
    if call.alpha <= 0 or call.got is None:
        return RIGHT(call)
    g = call.g[0] + call.lam * call.w
    first = Running(np.asarray(call.got[0], np.longdouble) - call.w.value, call.dtype)
    if g.value.size > 1 and g.value.any() and are_parallel(first.value, g.value, 1e3 * first.allowance() + 1e-9):
        return None  # a first step of another length
    left = (first + call.etas[0] * g) / call.alpha
    if np.abs(left.value).max() <= 1e3 * float(np.max(left.error)) + 1e-9:
        return RIGHT(call)
    return Steps(f"{DECAYED}v = v if earlier.value.any() else v + number\n{UPDATE}")(replace(call, number=left))


def _rounding_of(right: Running, got: NDArray[Any], rounding: Any) -> Running | None:
    """What was got, where it lies as near to the right values as rounding brings them."""
    near = np.abs(got - right.value) <= right.allowance() + rounding
    return Running(got, right.dtype) if near.all() else None


def _rounded(call: Call) -> Any:
    """Right steps in float32, which hold no more digits."""
    if call.got is None or not np.array_equal(_but_last(call.got), _but_last(call.got).astype(np.float32)):
        return None
    right = RIGHT(call)
    return _rounding_of(right, call.got, 2.0**-23 * np.abs(right.value))


def _but_last(got: NDArray[Any]) -> NDArray[Any]:
    """All steps but the last, after which the weights are seen before they are rounded."""
    return got[:-1] if len(got) > 1 else got


def _decimals(call: Call) -> Any:
    """Right steps, rounded to some decimals of which all weights are."""
    if call.got is None:
        return None
    right = RIGHT(call)
    for decimals in range(9):
        if np.array_equal(np.round(_but_last(call.got), decimals), _but_last(call.got)):
            return _rounding_of(right, call.got, 0.5 * 10.0**-decimals)
    return None


STATE = (
    _step(
        "the velocity is thrown away between epochs", ONCE, Steps(f"{_LEFT_OVER}{DECAYED}{UPDATE}"),
        at_epoch("momentum = add_momentum(model)"), editions=ALPHA,
    ),
    _step(
        "the velocities do not start at zero", ONCE, _left_over,
        ("momentum = add_momentum(model)", "momentum = {k: v + 0.01 for k, v in add_momentum(model).items()}"),
        editions=ALPHA,
    ),
    _step(
        "a step is made with the gradient of the step before", IN_ORDER,
        Steps(f"g = g if not earlier.value.any() else earlier\n{DECAYED}{UPDATE}"),
        before_sgd(
            "mine = [{k: g.copy() for k, g in model[n].gradient.items()} for n in ('L1', 'L2')]\n"
            "            for n, g in zip(('L1', 'L2'), last if start or t else mine):\n"
            "                model[n].gradient = dict(g)\n"
            "            last = mine"
        ),
    ),
    _step(
        "the weights are updated before the backward is done", IN_ORDER,
        Steps(f"{_ONLY_L1.format('earlier')}{DECAYED}{UPDATE}"),
        (f"{L1_BACK}\n            {SGD_CALL}", f"            {SGD_CALL}{L1_BACK}"),
    ),
    _step(
        "the first layer's gradient is always zero: its backward is left out", PATH,
        Steps(f"{_ONLY_L1.format('0 * g')}{DECAYED}{UPDATE}"), (L1_BACK, ""),
    ),
    _step(
        "the gradient is the sum over the mini-batch", SCALED, lambda call: _scaled(call, call.batch),
        ("grad_a = model", "grad_a = minibatch_size * model"),
    ),
    _step(
        "the weights are updated more than once for one mini-batch", ONCE,
        Steps(f"taken = g\n{DECAYED}{UPDATE}\ng = taken\n{DECAYED}{UPDATE}"),
        (SGD_CALL, f"{SGD_CALL}            {SGD_CALL}"),
    ),
    _step(
        "the weights are kept in float32", KEPT, _rounded,
        (
            SGD_CALL,
            f"{SGD_CALL}            for n in ('L1', 'L2'):\n                for k, w in model[n].params.items():\n"
            "                    model[n].params[k] = w.astype(np.float32).astype(float)\n",
        ),
    ),
    _step(
        "the weights are rounded to a few decimals", KEPT, _decimals,
        (
            SGD_CALL,
            f"{SGD_CALL}            for n in ('L1', 'L2'):\n                for k, w in model[n].params.items():\n"
            "                    model[n].params[k] = np.round(w, 5)\n",
        ),
    ),
)  # fmt: skip


def _scaled(call: Call, factor: float) -> Any:
    return RIGHT(call.with_inputs(g=[factor * g for g in call.g]))


# ---- numbers that are looked for

Numbers = Mapping[tuple[str, int, str, str], tuple[float, float, float]]
"""For (case, run, layer, key): (p, q, c), where every step is p υ − η (q g + c w)."""


def _numbers(calls: Sequence[Call]) -> Numbers | None:
    """The numbers that the steps are made with, None where no readable ones explain them."""
    numbers: dict[tuple[str, int, str, str], tuple[float, float, float]] = {}
    for call in calls:
        w = np.stack([start.value for start in call.starts]).astype(np.float64)
        steps = np.asarray(call.got, np.float64) - w
        eta = np.array(call.etas).reshape(-1, *[1] * (w.ndim - 1))
        g = np.stack([g.value for g in call.g]).astype(np.float64)
        columns = [-eta * g, -eta * w]
        if call.alpha > 0 and len(w) > 1:
            columns.append(np.concatenate([np.zeros_like(steps[:1]), steps[:-1]]))
        table = np.stack([column.reshape(-1) for column in columns], axis=1)
        sizes = np.sqrt((table**2).sum(axis=0))
        if not (sizes > 0).all() or not np.isfinite(sizes).all() or not np.isfinite(steps).all():
            return None
        solved = np.linalg.lstsq(table / sizes, steps.reshape(-1), rcond=None)[0] / sizes
        q, c, p = (*(_readable(x) for x in solved), call.alpha if len(columns) == 2 else 0.0)[:3]
        if q is None or c is None or p is None:
            return None
        numbers[call.case, call.run, call.layer, call.key] = (p, q, c)
    return numbers or None


def _readable(x: float) -> float | None:
    return 0.0 if abs(x) < 1e-7 else likeliest(float(f"{x:.7g}"))


def _made_with(differs: Callable[[Call, float, float, float], bool]) -> Formula:
    """Steps made with the numbers that were found, where these differ from the right ones in one way."""

    def formula(call: Call) -> Any:
        p, q, c = call.number[call.case, call.run, call.layer, call.key]
        right = p == call.alpha and q == 1 and c == call.lam
        if not right and not differs(call, p, q, c):
            return None
        return Steps(f"v = {p!r} * v - eta * ({q!r} * g + {c!r} * w)\nw = w + v")(call)

    return formula


def _same_factor(calls: Sequence[Call]) -> Numbers | None:
    """The numbers, where all parameters of all runs have the same factor of the gradient."""
    numbers = _numbers(calls)
    return numbers if numbers is not None and len({q for _, q, _ in numbers.values()}) == 1 else None


FITTED = (
    _step(
        "the gradient is scaled by a constant factor", SCALED,
        _made_with(lambda call, p, q, c: q != 1 and p == call.alpha and c == call.lam),
        ("grad_a = model", "grad_a = 0.7 * model"), estimate=_same_factor,
    ),
    _step(
        "weight decay is made with another λ, or twice, for some parameters",
        "Where is λ w added: in SGD alone, or before it too?",
        _made_with(lambda call, p, q, c: q == 1 and p == call.alpha and c != call.lam),
        before_sgd(
            "for n in ('L1', 'L2'):\n"
            "                model[n].gradient['W'] = model[n].gradient['W'] + lam * model[n].params['W']"
        ),
        estimate=_numbers, editions=LAMBDA,
    ),
)  # fmt: skip


def _cut_off(calls: Sequence[Call]) -> Any:
    """The largest element of what first steps took for the gradient, where it is that of several elements."""
    found = set()
    for call in calls:
        taken = (call.w.value - np.asarray(call.got, np.longdouble)[0]) / call.etas[0] - call.lam * call.w.value
        most = float(np.abs(taken).max())
        if np.count_nonzero(np.abs(taken) > most * (1 - 1e-6)) > 1:
            found.add(likeliest(float(f"{most:.7g}")))
    return found.pop() if len(found) == 1 else None


CUT = (
    _step(
        "each gradient is cut off beyond a largest size", SCALED,
        Steps(f"g = np.maximum(np.minimum(g, number), -number)\n{DECAYED}{UPDATE}"),
        before_sgd(
            "for n in ('L1', 'L2'):\n"
            "                for k in ('W', 'b'):\n"
            "                    model[n].gradient[k] = np.clip(model[n].gradient[k], -0.01, 0.01)"
        ),
        estimate=_cut_off,
    ),
)  # fmt: skip

# ---- SGD written in main

_INSIDE = """rates = eta, lam, alpha
for name, module in model.items():
    if not hasattr(module, "params"):
        continue
    for key, w in module.params.items():
        eta, lam, alpha = rates
        g, v = module.gradient[key], momentum[f"{name}_{key}"]
"""
_STORE = """        module.params[key] = w
        momentum[f"{name}_{key}"] = v
eta, lam, alpha = rates
"""


def _inside_main(mistake: Mistake) -> Mistake:
    """The same mistake in a step that `main` makes itself."""
    assert isinstance(mistake.formula, Steps)
    step = textwrap.indent(mistake.formula.statements.rstrip("\n"), "        ")
    lines = textwrap.indent(f"{_INSIDE}{step}\n{_STORE}", "            ").lstrip()
    formula = at_right_rates(mistake.formula)
    return replace(mistake, part="10", operation=STEPS, formula=formula, plug=(Swap(SGD_CALL, lines),), shows_in=())


# Where α and η are exchanged some step moves nothing, and so is none.
INSIDE_MAIN = tuple(
    _inside_main(mistake)
    for mistake in (*MOMENTUM, *EXCHANGED, *LATE_DECAY)
    if isinstance(mistake.formula, Steps) and mistake.name != "α and η are exchanged"
)

STEPS_OF_MAIN = (*WIRED, *STATE, *FITTED, *CUT, *INSIDE_MAIN)
