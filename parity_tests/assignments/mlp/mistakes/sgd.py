"""Known mistakes of mini-batch SGD (TODO 1): what a wrong update makes of the weights, step after step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.mistakes.sgd_step import (
    ALPHA,
    DECAY,
    DECAYED,
    LAMBDA,
    RIGHT,
    TERMS,
    UPDATE,
    Steps,
    are_parallel,
    plugged,
    step,
)
from parity_tests.harness.diagnosis.running_error import Running, stack
from parity_tests.parts.readable_numbers import likeliest
from parity_tests.protocol.finding import NOTHING
from parity_tests.protocol.mistake import RAISES, Body, Call, Mistake, Shown, Swap
from parity_tests.protocol.observation import Failure
from reference.rounding import unit_roundoff

DROP = "Change the learning rate between two steps: which gradients should the new one act on?"
ORDER = "Compare the order of the parameters with the names you use in the formula."


def _after_left_over(call: Call) -> Any:
    """The weights from the second step on: the velocity before the first step is what this step shows."""
    if call.alpha <= 0 or call.got is None or len(call.etas) < 2:
        return RIGHT(call)
    w, eta, moved = call.w, call.etas[0], np.asarray(call.got[0], np.longdouble)
    error = 4 * unit_roundoff(call.dtype) * (np.abs(w.value) + np.abs(moved))
    v, step = Running(moved - w.value, call.dtype, error), eta * (call.g[0].value + call.lam * w.value)
    if (np.abs(v.value + step) <= 1e3 * error).all():
        return RIGHT(call)
    if step.size > 1 and are_parallel(v.value, step, 1e3 * error):  # a first step of another length
        return None
    path = [w + v]
    for g, rate in zip(call.g[1:], call.etas[1:], strict=True):
        v = call.alpha * v - rate * (g + call.lam * path[-1])
        path.append(path[-1] + v)
    return stack(path)


MOMENTUM = (
    step(
        "torch's momentum: η is not inside the velocity", DROP,
        f"{DECAYED}{UPDATE.replace('- eta * g', '+ g', 1).replace('w + v', 'w - eta * v')}", editions=ALPHA,
    ),
    step(
        "Nesterov's momentum, where the classical form is asked for", TERMS,
        f"{DECAYED}{UPDATE.replace('w + v', 'w + alpha * v - eta * g')}", editions=ALPHA,
    ),
    Mistake(
        "1", "sgd.weights", "the velocities do not start at the zeros that are given",
        "Where do the velocities live? Each training must start from those that it is given.", _after_left_over,
        plug=plugged(f"{DECAYED}v = v if v.any() else v + 0.1\n{UPDATE}"), editions=ALPHA,
    ),
)  # fmt: skip

NOT_KEPT = "v = v if lam > 0 else 0 * v\n"
"""Where momentum is None, a velocity of 0 is made at each step; λ is the α that was passed."""
EXCHANGED = (
    step("α and η are exchanged", ORDER, f"eta, alpha = alpha, eta\n{DECAYED}{UPDATE}", editions=ALPHA),
    Mistake(
        "1", "sgd.weights", "λ and α are exchanged", ORDER,
        lambda call: [Steps(f"lam, alpha = alpha, lam\n{kept}{DECAYED}{UPDATE}")(call) for kept in ("", NOT_KEPT)],
        plug=(Swap("_lambda: float, _alpha: float, _learning", "_alpha: float, _lambda: float, _learning"),),
        editions=LAMBDA,
    ),
    step("λ and η are exchanged", ORDER, f"lam, eta = eta, lam\n{DECAYED}{UPDATE}", editions=LAMBDA),
)  # fmt: skip

LATE_DECAY = (
    step("weight decay is applied after the step", DECAY, f"{UPDATE}\nw = w - eta * (lam * w)", editions=LAMBDA),
    *(
        step(name, DECAY, f"old = w\n{first}{UPDATE}\nw = w - {decay}", editions=LAMBDA)
        for name, first, decay in (
            ("weight decay is not part of the velocity", "", "eta * (lam * old)"),
            ("weight decay is in the gradient, and on the weight again", DECAYED, "eta * (lam * old)"),
            ("weight decay is not multiplied by η", "", "lam * old"),
        )
    ),
)


def _largest(calls: Sequence[Call]) -> float | None:
    """The largest element of what first steps without weight decay took for the gradient, where several have it."""
    own = [c for c in calls if c.dtype == np.float64 and c.lam == 0 and "starts" not in c.inputs]
    sizes = [float(np.abs((c.w.value - np.asarray(c.got, np.longdouble)[0]) / c.etas[0]).max()) for c in own]
    most = max(sizes)
    return likeliest(most) if sum(abs(size - most) <= 1e-9 * most for size in sizes) > 1 else None


CUT = step(
    "the gradient is cut off beyond a largest size",
    "SGD takes the gradient as the backwards left it: what else is done to it here?",
    f"g = np.maximum(np.minimum(g, number), -number)\n{DECAYED}{UPDATE}",
    estimate=_largest,
    number=0.5,
)


STEP_OF_W = """for name, module in model.items():
    if not hasattr(module, "params"):
        continue
    for key in module.params:
        w = module.params["W"]
        g = module.gradient[key] + _lambda * w
        if _alpha > 0:
            v = _alpha * momentum[f"{name}_{key}"] - _learning_rate * g
            momentum[f"{name}_{key}"] = v
            w = w + v
        else:
            w = w - _learning_rate * g
        module.params["W"] = w
return model"""


def _all_on_w(call: Call) -> Any:
    """Every gradient moves W, that of b broadcast over its rows; b stays."""
    if call.key != "W":
        return stack([call.w] * len(call.etas))
    w, of_b, path = call.w, call.beside[1], []
    velocities = [w.zeros(), w.zeros()]
    for t, eta in enumerate(call.etas):
        for at, g in enumerate((call.g[t], of_b[t])):
            velocities[at] = max(call.alpha, 0.0) * velocities[at] - eta * (g + call.lam * w)
            w = w + velocities[at]
        path.append(w)
    return stack(path)


KEYS = (
    Mistake(
        "1", "sgd.weights", "W's key is used for every parameter: the gradient of b moves W",
        "Which entry of params does your loop change, and with which entry of gradient?", _all_on_w,
        plug=(Body("miniBatchStochasticGradientDescent", STEP_OF_W),), shows_in=("sgd",),
    ),
)  # fmt: skip


def _raised_behind(call: Call) -> Any:
    """The first call raises an exception, and has made its step by then; a model in turn is not reached."""
    if call.training:
        return RAISES
    if call.when_raised is None:
        return None
    right = RIGHT(call.with_inputs(g=call.g[:1], etas=call.etas[:1]))[0]
    return RAISES if (np.abs(call.when_raised - right.value) <= right.allowance()).all() else None


def _first_layers_velocity(call: Call) -> Any:
    """Where α > 0, numpy refuses the shapes of L1 beside another layer's, or momentum a key of L1 that it lacks."""
    alone = [name for _, name, *_ in call.layers] == ["L1"]
    if call.alpha <= 0 or alone:
        return RIGHT(call)
    if not isinstance(call.value, Failure):
        return None
    error, said = call.value.error, call.value.said
    (_, first, D, M), (_, _, K, L) = call.layers[:2]
    if first != "L1":
        return RAISES if error == "KeyError" and said in ("'L1_W'", "'L1_b'") else None
    met = set(re.findall(r"\((\d+),(\d+)\)", said))
    pairs = ({(D, M), (K, L)}, {(1, M), (1, L)})
    fits = any(met == {(str(rows), str(columns)) for rows, columns in pair} for pair in pairs)
    return RAISES if error == "ValueError" and fits else None


RAISED = (
    Mistake(
        "1", "sgd.weights", "an exception is raised behind a right update",
        "The weights are right when it is raised: which line behind the update is left over?", _raised_behind,
        plug=tuple(
            Body(body.function, body.statements.replace("return model", "raise NotImplementedError"))
            for body in plugged(DECAYED + UPDATE)
        ),
    ),
    Mistake(
        "1", "sgd.weights", "the velocity of L1 is used for every layer",
        "Whose velocity does the step of L2 read? Print the keys.", _first_layers_velocity,
        plug=(Swap('v = momentum[f"{name}_{key}"]', 'v = momentum[f"L1_{key}"]'),), editions=ALPHA,
    ),
)  # fmt: skip


def _returning(what: str) -> tuple[Body, ...]:
    return tuple(
        Body(body.function, body.statements.replace("return model", f"return {what}"))
        for body in plugged(DECAYED + UPDATE)
    )


def _found(finding: str) -> Shown:
    return lambda case, q, comparison: comparison.finding == finding


RETURNED = (
    Mistake(
        "1",
        "sgd.model",
        "SGD returns nothing",
        "What does a function return that has no return statement?",
        shown_by=_found(NOTHING),
        plug=_returning("None"),
    ),
    Mistake(
        "1",
        "sgd.model",
        "SGD returns something else than the model it was given",
        "What does main do with what is returned?",
        shown_by=_found(Found.OTHER_MODEL),
        plug=_returning("momentum"),
    ),
    Mistake(
        "1",
        "sgd.model",
        "an entry is asked for under a name that it does not have",
        "momentum's entries are called 'L1_W' and so on, those of params and gradient 'W' and 'b': print the keys.",
        raised=r"KeyError:",
        plug=(Swap('momentum[f"{name}_{key}"]', 'momentum[f"{name}{key}"]'),),
    ),
    Mistake(
        "1",
        "sgd.model",
        "SGD takes other parameters than it is given",
        "Compare the line with def with the assignment's: names may differ, the number and the order may not.",
        shown_by=_found(Found.OTHER_SIGNATURE),
        raised=r"TypeError: .*positional argument",
        plug=(Swap("_lambda: float, _alpha: float, _learning_rate: float", "_lambda: float, _rates: float"),),
    ),
)

SGD = (*MOMENTUM, *EXCHANGED, *LATE_DECAY, CUT, *KEYS, *RAISED, *RETURNED)
