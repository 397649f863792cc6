"""Known mistakes of mini-batch SGD (TODO 1): what a wrong update makes of the weights, step after step."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.mistakes.sgd_numbers import NUMBERS
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
from parity_tests.protocol.finding import NOTHING
from parity_tests.protocol.mistake import RAISES, Body, Call, Mistake, Shown, Swap
from parity_tests.protocol.observation import Failure
from reference.rounding import unit_roundoff

DROP = "Change the learning rate between two steps: which gradients should the new one act on?"
KEEP = "The velocity must survive until the next call."
UPHILL = "A gradient points uphill: which way should w go?"
ORDER = "Compare the order of the parameters with the names you use in the formula."
NEVER = "the weights never move: nothing is stored, or a copy of them is changed"
STORED = "Is what you compute there stored in params?"
SET = "Is w moved, or set?"
VISITED = "Which modules, and which entries of their params, does your loop visit, and where does it end?"


def _with_momentum(name: str, hint: str, statements: str) -> Mistake:
    """A mistake where α > 0; the plain step is right."""
    branch = textwrap.indent(statements, "    ")
    return step(name, hint, f"{DECAYED}if alpha > 0:\n{branch}\nelse:\n    w = w - eta * g", editions=ALPHA)


def _decay(name: str, statements: str) -> Mistake:
    """A mistake in how the gradient gets its weight decay; both kinds of step are right."""
    return step(name, DECAY, f"{statements}\n{UPDATE}", editions=LAMBDA)


def _where(name: str, condition: str) -> Mistake:
    """Only some of the parameters are updated."""
    return step(name, VISITED, f"if {condition}:\n{textwrap.indent(DECAYED + UPDATE, '    ')}")


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
    _with_momentum("momentum has no effect: the velocity is not kept, or α is not used", KEEP, "w = w - eta * g"),
    _with_momentum("torch's momentum: η is not inside the velocity", DROP, "v = alpha * v + g\nw = w - eta * v"),
    _with_momentum(
        "momentum with damping: the gradient is weighted by 1 − α",
        TERMS,
        "v = alpha * v - (1 - alpha) * eta * g\nw = w + v",
    ),
    _with_momentum(
        "torch's momentum with damping: the gradient is weighted by 1 − α, η outside",
        DROP,
        "v = alpha * v + (1 - alpha) * g\nw = w - eta * v",
    ),
    _with_momentum(
        "Nesterov's momentum, where the classical form is asked for",
        TERMS,
        "v = alpha * v - eta * g\nw = w + alpha * v - eta * g",
    ),
    _with_momentum(
        "the step with momentum goes uphill: the velocity's sign and the step's do not go together",
        "Which of the two, velocity or step, carries the minus?",
        "v = alpha * v + eta * g\nw = w + v",
    ),
    _with_momentum("the old velocity has the wrong sign", TERMS, "v = -alpha * v - eta * g\nw = w + v"),
    _with_momentum("η is missing in the velocity", TERMS, "v = alpha * v - g\nw = w + v"),
    _with_momentum("η is applied twice: in the velocity, and to it", TERMS, "v = alpha * v - eta * g\nw = w + eta * v"),
    _with_momentum("α does not damp the old velocity", TERMS, "v = v - eta * g\nw = w + v"),
    _with_momentum("α multiplies the gradient, not the old velocity", TERMS, "v = v - alpha * eta * g\nw = w + v"),
    _with_momentum(
        "α multiplies the whole step, the new gradient included",
        "Where do the brackets stand in υ ← α υ − η g?",
        "v = alpha * (v - eta * g)\nw = w + v",
    ),
    _with_momentum("the old velocity is weighted by 1 − α", TERMS, "v = (1 - alpha) * v - eta * g\nw = w + v"),
    _with_momentum("η multiplies the old velocity, and α the gradient", TERMS, "v = eta * v - alpha * g\nw = w + v"),
    _with_momentum(
        "w is moved by the velocity of the step before",
        "In which order do the two lines of the update stand?",
        "w = w + v\nv = alpha * v - eta * g",
    ),
    _with_momentum("w is replaced by the velocity", SET, "v = alpha * v - eta * g\nw = v"),
    step(
        "b has no velocity",
        "Which entries of params does each branch handle?",
        DECAYED + UPDATE.replace("alpha > 0", "alpha > 0 and key == 'W'"),
        editions=ALPHA,
    ),
    Mistake(
        "1",
        "sgd.weights",
        "the velocities do not start at the zeros that are given",
        "Where do the velocities live? Each training must start from those that it is given.",
        _after_left_over,
        plug=plugged(f"{DECAYED}v = v if v.any() else v + 0.1\n{UPDATE}"),
        editions=ALPHA,
    ),
    step(
        "the plain step is made beside the one with momentum",
        "Should one step change w once or twice?",
        DECAYED + UPDATE.replace("w + v", "w + v - eta * g"),
        editions=ALPHA,
    ),
    _with_momentum("where α > 0 the weights do not move", STORED, "v = alpha * v - eta * g"),
)

DIRECTION = (
    step("the step goes uphill", UPHILL, f"g = -(g + lam * w)\n{UPDATE}"),
    step(
        "the plain step goes uphill", UPHILL, DECAYED + UPDATE.replace("w - eta * g", "w + eta * g"), editions=ALPHA
    ),
    step("η is not used", "Which number sets the length of a step?", f"eta = 1.0\n{DECAYED}{UPDATE}"),
    step("α and η are exchanged", ORDER, f"eta, alpha = alpha, eta\n{DECAYED}{UPDATE}", editions=ALPHA),
    Mistake(
        "1",
        "sgd.weights",
        "λ and α are exchanged",
        ORDER,
        lambda call: [Steps(f"lam, alpha = alpha, lam\n{kept}{DECAYED}{UPDATE}")(call) for kept in ("", NOT_KEPT)],
        plug=(Swap("_lambda: float, _alpha: float, _learning", "_alpha: float, _lambda: float, _learning"),),
        editions=LAMBDA,
    ),
    step("λ and η are exchanged", ORDER, f"lam, eta = eta, lam\n{DECAYED}{UPDATE}", editions=LAMBDA),
    step(NEVER, STORED, "pass"),
    step(
        "the plain step does not move the weights", STORED, DECAYED + UPDATE.replace("w = w - eta * g", "pass"),
        editions=ALPHA,
    ),
    _where("the bias is not updated", "key == 'W'"),
    _where("only the first layer is updated", "name == 'L1'"),
    _where("only the very first parameter is updated", "(name, key) == ('L1', 'W')"),
    _where("only the last layer is updated", "name == 'L2'"),
    step("the weights are set to the step, not moved by it", SET, DECAYED + UPDATE.replace("w - eta", "-eta")),
)  # fmt: skip
NOT_KEPT = "v = v if lam > 0 else 0 * v\n"
"""Where momentum is None, a velocity of 0 is made at each step; λ is the α that was passed."""

WEIGHT_DECAY = (
    _decay("weight decay is left out", "pass"),
    _decay("weight decay is applied twice", "g = g + 2 * lam * w"),
    _decay("weight decay is halved", "g = g + 0.5 * lam * w"),
    _decay("weight decay has the wrong sign", "g = g - lam * w"),
    _decay("weight decay on W only", "if key == 'W':\n    g = g + lam * w"),
    _decay("weight decay takes the sign of w", "g = g + lam * np.where(w > 0, 0 * w + 1, -1)"),
    _decay("λ multiplies the gradient, not the weight", "g = g + lam * g"),
    _decay("λ is added without w", "g = g + lam"),
    _decay("w is added without λ", "g = g + w"),
    _decay("weight decay takes w²", "g = g + lam * w * w"),
    step(
        "weight decay is applied after the step", DECAY, f"{UPDATE}\nw = w - eta * (lam * w)", editions=LAMBDA
    ),
    step(
        "weight decay is not part of the velocity", DECAY, f"old = w\n{UPDATE}\nw = w - eta * (lam * old)",
        editions=LAMBDA,
    ),
    step(
        "weight decay is in the gradient, and on the weight again",
        DECAY,
        f"old = w\n{DECAYED}{UPDATE}\nw = w - eta * (lam * old)",
        editions=LAMBDA,
    ),
    step(
        "weight decay is in the velocity, and not multiplied by η",
        DECAY,
        f"decay = lam * w\n{UPDATE.replace('eta * g', 'eta * g - decay')}",
        editions=LAMBDA,
    ),
    step("weight decay is not multiplied by η", DECAY, f"old = w\n{UPDATE}\nw = w - lam * old", editions=LAMBDA),
    _decay("weight decay in the plain step alone", "if alpha <= 0:\n    g = g + lam * w"),
    _decay("weight decay with momentum alone", "if alpha > 0:\n    g = g + lam * w"),
)  # fmt: skip


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

SGD = (*MOMENTUM, *DIRECTION, *WEIGHT_DECAY, *KEYS, *NUMBERS, *RAISED, *RETURNED)
