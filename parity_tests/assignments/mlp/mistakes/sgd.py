"""Known mistakes of mini-batch SGD (TODO 1): what a wrong update makes of the weights, step after step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from parity_tests.harness.diagnosis.readable_numbers import likeliest
from parity_tests.harness.diagnosis.running_error import Running, stack, where
from parity_tests.protocol.mistake import ANYTHING, Body, Call, Estimate, Formula, Mistake, Swap
from reference.rounding import unit_roundoff

Step = Callable[[Any, Any, Any, float, Call], tuple[Any, Any]]
"""(w, υ, g, η, the call) → (w, υ) after one step."""

LOOP = """for name, module in model.items():
    if not hasattr(module, "params"):
        continue
    for key, w in module.params.items():
        g = module.gradient[key]
        momentum = momentum if momentum is not None else {}
        v = momentum.get(f"{name}_{key}", np.zeros_like(w))
        eta, lam, alpha = _learning_rate, _lambda, _alpha
"""
PLAIN = "w = w - eta * (g + lam * w)"
STORE = """        module.params[key] = w
        momentum[f"{name}_{key}"] = v
return model"""

TERMS = "Work two steps out by hand for one weight, with numbers, and compare term by term."
DROP = "Change the learning rate between two steps: which gradients should the new one act on?"
DECAY = "Weight decay makes the gradient larger by λ w, for every w, before anything else happens."
KEEP = "The velocity must survive until the next call."


def _steps(step: Step) -> Formula:
    def formula(a: Call) -> Any:
        w, v, path = a.w, a.w.zeros(), []
        for t, (g, eta) in enumerate(zip(a.g, a.etas, strict=True)):
            w = a.starts[t] if "starts" in a.inputs else w
            w, v = step(w, v, g, eta, a.with_inputs(t=t))
            path.append(w)
        return stack(path)

    return formula


def _decayed(w: Any, g: Any, a: Call) -> Any:
    return g + a.lam * w if a.lam else g


def _plain(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    return w - eta * _decayed(w, g, a), v


def _classical(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    """The step of a g that holds its weight decay already."""
    if a.alpha <= 0:
        return w - eta * g, v
    v = a.alpha * v - eta * g
    return w + v, v


def _momentum(name: str, hint: str, step: Step, body: str) -> Mistake:
    """A mistake where α > 0; the plain step is right."""

    def whole(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
        if a.alpha <= 0:
            return _plain(w, v, g, eta, a)
        return step(w, v, _decayed(w, g, a), eta, a)

    lines = f"if alpha > 0:\n    g = g + lam * w\n{_shifted(body)}\nelse:\n    {PLAIN}"
    return Mistake("1", "sgd.weights", name, hint, _steps(whole), plug=(_plug(lines),))


def _both(name: str, hint: str, change: Callable[[Any, Any, Call], Any], body: str) -> Mistake:
    """A mistake in g, before plain step or momentum."""

    def whole(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
        return _classical(w, v, change(w, g, a), eta, a)

    lines = f"{body}\nif alpha > 0:\n    v = alpha * v - eta * g\n    w = w + v\nelse:\n    w = w - eta * g"
    return Mistake("1", "sgd.weights", name, hint, _steps(whole), plug=(_plug(lines),))


def _any(name: str, hint: str, step: Step, body: str) -> Mistake:
    return Mistake("1", "sgd.weights", name, hint, _steps(step), plug=(_plug(body),))


def _without_decay(a: Call) -> Call:
    return a.with_inputs(lam=0.0)


def _shifted(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.split("\n"))


def _plug(lines: str) -> Body:
    inner = "\n".join(f"        {line}" for line in lines.split("\n"))
    return Body("miniBatchStochasticGradientDescent", f"{LOOP}{inner}\n{STORE}")


def _after(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    w, v = _classical(w, v, g, eta, a)
    return w - eta * (a.lam * w), v


def _beside(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    new, v = _classical(w, v, g, eta, a)
    return new - eta * (a.lam * w), v


def _unscaled(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    new, v = _classical(w, v, g, eta, a)
    return new - a.lam * w, v


def _still(key: str) -> Step:
    def step(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
        return (w, v) if a.key == key else _classical(w, v, _decayed(w, g, a), eta, a)

    return step


def _layer(layer: str) -> Step:
    def step(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
        return (w, v) if a.layer != layer else _classical(w, v, _decayed(w, g, a), eta, a)

    return step


def _twice(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    if a.alpha <= 0:
        return _plain(w, v, g, eta, a)
    g = _decayed(w, g, a)
    v = a.alpha * v - eta * g
    return w + v - eta * g, v


def _ascent(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    return _classical(w, v, -_decayed(w, g, a), eta, a)


def _plain_ascent(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    if a.alpha <= 0:
        return w + eta * _decayed(w, g, a), v
    return _classical(w, v, _decayed(w, g, a), eta, a)


def _right(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    return _classical(w, v, _decayed(w, g, a), eta, a)


def _only_where(plain: bool) -> Step:
    """Weight decay in one of the two branches alone."""

    def step(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
        decays = (a.alpha <= 0) == plain
        return _right(w, v, g, eta, a if decays else _without_decay(a))

    return step


def _squared_rate(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    return _classical(w, v, g + eta * a.lam * w, eta, a)


def _after_unscaled(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    w, v = _classical(w, v, g, eta, a)
    return w - a.lam * w, v


def _in_both(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    """Weight decay in the gradient, and once more on the weight."""
    new, v = _right(w, v, g, eta, a)
    return new - eta * (a.lam * w), v


def _in_velocity_unscaled(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    if a.alpha <= 0:
        return w - eta * g - a.lam * w, v
    v = a.alpha * v - eta * g - a.lam * w
    return w + v, v


def _in_both_with_momentum(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    return _in_both(w, v, g, eta, a) if a.alpha > 0 else _plain(w, v, g, eta, a)


def _after_both_with_momentum(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    new, v = _right(w, v, g, eta, a)
    return (new - eta * (a.lam * new), v) if a.alpha > 0 else (new, v)


def _on_velocity(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    return _classical(w, v, g + a.lam * v, eta, a) if a.alpha > 0 else _plain(w, v, g, eta, a)


def _exchanged(alpha: str, eta: str, lam: str) -> Step:
    """The three rates in each other's places."""

    def step(w: Any, v: Any, g: Any, rate: float, a: Call) -> tuple[Any, Any]:
        given = {"α": a.alpha, "η": rate, "λ": a.lam}
        swapped = a.with_inputs(alpha=given[alpha], lam=given[lam])
        return _right(w, v, g, given[eta], swapped)

    return step


def _exchanged_without_memory(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    """λ and α in each other's places; where momentum is None, a velocity of 0 is made at each step."""
    return _exchanged("λ", "η", "α")(w, v if a.alpha > 0 else v.zeros(), g, eta, a)


def _first_parameter(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    return _right(w, v, g, eta, a) if (a.layer, a.key) == ("L1", "W") else (w, v)


def _velocity_for_weights_alone(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    return _right(w, v, g, eta, a) if a.key == "W" else _plain(w, v, g, eta, a)


def _shared(a: Call) -> Any:
    """W and b of a layer with one velocity, W first: that of b takes the shape of W, and so does b."""
    if a.alpha <= 0:
        return _steps(_right)(a)
    if a.key == "b" or "beside" not in a.inputs:
        return ANYTHING
    w, v, path, (b, gradients) = a.w, a.w.zeros(), [], a.beside
    for g, gb, eta in zip(a.g, gradients, a.etas, strict=True):
        w, v = _right(w, v, g, eta, a)
        b, v = _right(b, v, gb, eta, a)
        path.append(w)
    return stack(path)


def _left_over(a: Call) -> Any:
    """From the second step on: the velocity before the first is what the first step shows."""
    if a.alpha <= 0 or a.got is None:
        return _steps(_right)(a)
    w, eta = a.w, a.etas[0]
    error = 4 * unit_roundoff(a.dtype) * (np.abs(w.value) + np.abs(np.asarray(a.got[0], np.longdouble)))
    v = Running(np.asarray(a.got[0], np.longdouble) - w.value, a.dtype, error)
    if np.abs(v.value + eta * (a.g[0].value + a.lam * w.value)).max() <= 1e3 * float(np.max(error)):
        return _steps(_right)(a)
    path = [w + v]
    for g, rate in zip(a.g[1:], a.etas[1:], strict=True):
        w, v = _right(path[-1], v, g, rate, a)
        path.append(w)
    return stack(path)


UPDATE = "if alpha > 0:\n    v = alpha * v - eta * g\n    w = w + v\nelse:\n    w = w - eta * g"

MOMENTUM = (
    _momentum(
        "momentum has no effect: the velocity is not kept, or α is not used",
        KEEP,
        lambda w, v, g, eta, a: (w - eta * g, v),
        "w = w - eta * g",
    ),
    _momentum(
        "torch's momentum: η is not inside the velocity",
        DROP,
        lambda w, v, g, eta, a: (w - eta * (a.alpha * v + g), a.alpha * v + g),
        "v = alpha * v + g\nw = w - eta * v",
    ),
    _momentum(
        "momentum with damping: the gradient is weighted by 1 − α",
        TERMS,
        lambda w, v, g, eta, a: (w + (a.alpha * v - (1 - a.alpha) * eta * g), a.alpha * v - (1 - a.alpha) * eta * g),
        "v = alpha * v - (1 - alpha) * eta * g\nw = w + v",
    ),
    _momentum(
        "torch's momentum with damping: the gradient is weighted by 1 − α, η outside",
        DROP,
        lambda w, v, g, eta, a: (w - eta * (a.alpha * v + (1 - a.alpha) * g), a.alpha * v + (1 - a.alpha) * g),
        "v = alpha * v + (1 - alpha) * g\nw = w - eta * v",
    ),
    _momentum(
        "Nesterov's momentum, where the classical form is asked for",
        TERMS,
        lambda w, v, g, eta, a: (w + a.alpha * (a.alpha * v - eta * g) - eta * g, a.alpha * v - eta * g),
        "v = alpha * v - eta * g\nw = w + alpha * v - eta * g",
    ),
    _momentum(
        "the step with momentum goes uphill: the velocity's sign and the step's do not go together",
        "Which of the two, velocity or step, carries the minus?",
        lambda w, v, g, eta, a: (w + (a.alpha * v + eta * g), a.alpha * v + eta * g),
        "v = alpha * v + eta * g\nw = w + v",
    ),
    _momentum(
        "the old velocity has the wrong sign",
        TERMS,
        lambda w, v, g, eta, a: (w + (-a.alpha * v - eta * g), -a.alpha * v - eta * g),
        "v = -alpha * v - eta * g\nw = w + v",
    ),
    _momentum(
        "η is missing in the velocity",
        TERMS,
        lambda w, v, g, eta, a: (w + (a.alpha * v - g), a.alpha * v - g),
        "v = alpha * v - g\nw = w + v",
    ),
    _momentum(
        "η is applied twice: in the velocity, and to it",
        TERMS,
        lambda w, v, g, eta, a: (w + eta * (a.alpha * v - eta * g), a.alpha * v - eta * g),
        "v = alpha * v - eta * g\nw = w + eta * v",
    ),
    _momentum(
        "α does not damp the old velocity",
        TERMS,
        lambda w, v, g, eta, a: (w + (v - eta * g), v - eta * g),
        "v = v - eta * g\nw = w + v",
    ),
    _momentum(
        "α multiplies the gradient, not the old velocity",
        TERMS,
        lambda w, v, g, eta, a: (w + (v - a.alpha * eta * g), v - a.alpha * eta * g),
        "v = v - alpha * eta * g\nw = w + v",
    ),
    _momentum(
        "α multiplies the whole step, the new gradient included",
        "Where do the brackets stand in υ ← α υ − η g?",
        lambda w, v, g, eta, a: (w + a.alpha * (v - eta * g), a.alpha * (v - eta * g)),
        "v = alpha * (v - eta * g)\nw = w + v",
    ),
    _momentum(
        "the old velocity is weighted by 1 − α",
        TERMS,
        lambda w, v, g, eta, a: (w + ((1 - a.alpha) * v - eta * g), (1 - a.alpha) * v - eta * g),
        "v = (1 - alpha) * v - eta * g\nw = w + v",
    ),
    _momentum(
        "η multiplies the old velocity, and α the gradient",
        TERMS,
        lambda w, v, g, eta, a: (w + (eta * v - a.alpha * g), eta * v - a.alpha * g),
        "v = eta * v - alpha * g\nw = w + v",
    ),
    _momentum(
        "w is moved by the velocity of the step before",
        "In which order do the two lines of the update stand?",
        lambda w, v, g, eta, a: (w + v, a.alpha * v - eta * g),
        "w = w + v\nv = alpha * v - eta * g",
    ),
    _momentum(
        "w takes the gradient's place in the velocity",
        TERMS,
        lambda w, v, g, eta, a: (w + (a.alpha * v - eta * w), a.alpha * v - eta * w),
        "v = alpha * v - eta * w\nw = w + v",
    ),
    _any(
        "w takes the gradient's place",
        TERMS,
        lambda w, v, g, eta, a: _right(w, v, w, eta, a),
        "g = w + lam * w\n" + UPDATE,
    ),
    _momentum(
        "w is replaced by the velocity",
        "Is w moved, or set?",
        lambda w, v, g, eta, a: (a.alpha * v - eta * g, a.alpha * v - eta * g),
        "v = alpha * v - eta * g\nw = v",
    ),
    _any(
        "b has no velocity",
        "Which entries of params does each branch handle?",
        _velocity_for_weights_alone,
        "g = g + lam * w\n" + UPDATE.replace("alpha > 0", "alpha > 0 and key == 'W'"),
    ),
    Mistake(
        "1",
        "sgd.weights",
        "the velocity is shared by W and b of a layer",
        "How many velocities does momentum hold, and which of them belongs to b?",
        _shared,
        plug=(Swap('momentum[f"{name}_{key}"]', 'momentum[f"{name}_W"]'), Swap("w += v", "module.params[key] = w + v")),
    ),
    _any(
        "momentum works for large α alone",
        "From which α on is there momentum? Put α = 0.5 into your condition.",
        lambda w, v, g, eta, a: _right(w, v, g, eta, a) if a.alpha > 0.5 else _plain(w, v, g, eta, a),
        "g = g + lam * w\n" + UPDATE.replace("alpha > 0", "alpha > 0.5"),
    ),
    Mistake(
        "1",
        "sgd.weights",
        "the velocities do not start at the zeros that are given",
        "Where do the velocities live? Each training must start from those that it is given.",
        _left_over,
        plug=(_plug("g = g + lam * w\nv = v if v.any() else v + 0.1\n" + UPDATE),),
    ),
    _momentum(
        "w itself takes the place of the old velocity",
        TERMS,
        lambda w, v, g, eta, a: (w + (a.alpha * w - eta * g), v),
        "w = w + (alpha * w - eta * g)",
    ),
    _any(
        "the plain step is made beside the one with momentum",
        "Should one step change w once or twice?",
        _twice,
        "g = g + lam * w\n" + UPDATE.replace("w + v", "w + v - eta * g"),
    ),
    _momentum(
        "where α > 0 the weights do not move",
        "Is what you compute there stored in params?",
        lambda w, v, g, eta, a: (w, v),
        "v = alpha * v - eta * g",
    ),
)

DIRECTION = (
    _any(
        "the step goes uphill",
        "A gradient points uphill: which way should w go?",
        _ascent,
        "g = -(g + lam * w)\n" + UPDATE,
    ),
    _any(
        "the plain step goes uphill",
        "A gradient points uphill: which way should w go?",
        _plain_ascent,
        "g = g + lam * w\nif alpha > 0:\n    v = alpha * v - eta * g\n    w = w + v\nelse:\n    w = w + eta * g",
    ),
    _any(
        "η is not used",
        "Which number sets the length of a step?",
        lambda w, v, g, eta, a: _right(w, v, g, 1.0, a),
        "eta = 1.0\ng = g + lam * w\n" + UPDATE,
    ),
    _any(
        "η is squared",
        "Count the factors η.",
        lambda w, v, g, eta, a: _right(w, v, g, eta * eta, a),
        "eta = eta * eta\ng = g + lam * w\n" + UPDATE,
    ),
    _any(
        "α and η are exchanged",
        "Compare the order of the parameters with the names you use in the formula.",
        _exchanged("η", "α", "λ"),
        "eta, alpha = alpha, eta\ng = g + lam * w\n" + UPDATE,
    ),
    Mistake(
        "1",
        "sgd.weights",
        "λ and α are exchanged",
        "Compare the order of the parameters with the names you use in the formula.",
        lambda a: [_steps(_exchanged("λ", "η", "α"))(a), _steps(_exchanged_without_memory)(a)],
        plug=(Swap("_lambda: float, _alpha: float, _learning", "_alpha: float, _lambda: float, _learning"),),
    ),
    _any(
        "λ and η are exchanged",
        "Compare the order of the parameters with the names you use in the formula.",
        _exchanged("α", "λ", "η"),
        "lam, eta = eta, lam\ng = g + lam * w\n" + UPDATE,
    ),
    _any(
        "the η of the first call is used in all",
        "η changes during training: which one does your step use?",
        lambda w, v, g, eta, a: _right(w, v, g, a.etas[0], a),
        "first = module.__dict__.setdefault('first', eta)\neta = first\ng = g + lam * w\n" + UPDATE,
    ),
    _any(
        "η shrinks from call to call",
        "Who changes η in this assignment, and when?",
        lambda w, v, g, eta, a: _right(w, v, g, eta / (a.t + 1), a),
        "calls = module.__dict__.setdefault('calls', {})\ncalls[key] = calls.get(key, 0) + 1\n"
        "eta = eta / calls[key]\ng = g + lam * w\n" + UPDATE,
    ),
    _any("the weights never move", "Is what you compute stored in params?", lambda w, v, g, eta, a: (w, v), "pass"),
    _any(
        "the plain step does not move the weights",
        "Is what you compute there stored in params?",
        lambda w, v, g, eta, a: (w, v) if a.alpha <= 0 else _right(w, v, g, eta, a),
        "g = g + lam * w\nif alpha > 0:\n    v = alpha * v - eta * g\n    w = w + v",
    ),
    _any(
        "the bias is not updated",
        "Which entries of params does your loop visit?",
        _still("b"),
        "if key == 'W':\n    g = g + lam * w\n" + _shifted(UPDATE),
    ),
    _any(
        "W is not updated",
        "Which entries of params does your loop visit?",
        _still("W"),
        "if key == 'b':\n    g = g + lam * w\n" + _shifted(UPDATE),
    ),
    _any(
        "only the first layer is updated",
        "Where does the loop over the modules end?",
        _layer("L1"),
        "if name == 'L1':\n    g = g + lam * w\n" + _shifted(UPDATE),
    ),
    _any(
        "only the very first parameter is updated",
        "In which line does the function return, and in which loop does that line stand?",
        _first_parameter,
        "if (name, key) == ('L1', 'W'):\n    g = g + lam * w\n" + _shifted(UPDATE),
    ),
    _any(
        "only the last layer is updated",
        "Which modules does the loop visit?",
        _layer("L2"),
        "if name == 'L2':\n    g = g + lam * w\n" + _shifted(UPDATE),
    ),
    _any(
        "the weights are set to the step, not moved by it",
        "Is w moved, or set?",
        lambda w, v, g, eta, a: (-eta * _decayed(w, g, a), v) if a.alpha <= 0 else _right(w, v, g, eta, a),
        "g = g + lam * w\nif alpha > 0:\n    v = alpha * v - eta * g\n    w = w + v\nelse:\n    w = -eta * g",
    ),
)

WEIGHT_DECAY = (
    _both("weight decay is left out", DECAY, lambda w, g, a: g, "pass"),
    _both("weight decay is applied twice", DECAY, lambda w, g, a: g + 2 * (a.lam * w), "g = g + 2 * lam * w"),
    _both("weight decay is halved", DECAY, lambda w, g, a: g + 0.5 * (a.lam * w), "g = g + 0.5 * lam * w"),
    _both("weight decay has the wrong sign", DECAY, lambda w, g, a: g - a.lam * w, "g = g - lam * w"),
    _both(
        "weight decay on W only",
        DECAY,
        lambda w, g, a: g + a.lam * w if a.key == "W" else g,
        "if key == 'W':\n    g = g + lam * w",
    ),
    _both(
        "weight decay on b only",
        DECAY,
        lambda w, g, a: g + a.lam * w if a.key == "b" else g,
        "if key == 'b':\n    g = g + lam * w",
    ),
    _both(
        "weight decay on the first layer only",
        DECAY,
        lambda w, g, a: g + a.lam * w if a.layer == "L1" else g,
        "if name == 'L1':\n    g = g + lam * w",
    ),
    _both(
        "weight decay on the last layer only",
        DECAY,
        lambda w, g, a: g + a.lam * w if a.layer == "L2" else g,
        "if name == 'L2':\n    g = g + lam * w",
    ),
    _both(
        "weight decay takes the sign of w",
        DECAY,
        lambda w, g, a: g + a.lam * where(w.value > 0, 0 * w + 1, -1),
        "g = g + lam * np.sign(w)",
    ),
    _both(
        "weight decay takes w divided by its norm",
        DECAY,
        lambda w, g, a: g + a.lam * (w / np.sqrt((w * w).sum())),
        "g = g + lam * (w / np.sqrt((w * w).sum()))",
    ),
    _both("λ multiplies the gradient, not the weight", DECAY, lambda w, g, a: g + a.lam * g, "g = g + lam * g"),
    _both("λ is added without w", DECAY, lambda w, g, a: g + a.lam, "g = g + lam"),
    _both("w is added without λ", DECAY, lambda w, g, a: g + w, "g = g + w"),
    _both("λ is squared", DECAY, lambda w, g, a: g + a.lam * a.lam * w, "g = g + lam * lam * w"),
    _both(
        "weight decay takes the absolute value of w",
        DECAY,
        lambda w, g, a: g + a.lam * abs(w),
        "g = g + lam * np.abs(w)",
    ),
    _both("weight decay takes w²", DECAY, lambda w, g, a: g + a.lam * w * w, "g = g + lam * w * w"),
    _any("weight decay is applied after the step", DECAY, _after, UPDATE + "\nw = w - eta * (lam * w)"),
    _any(
        "weight decay is not part of the velocity",
        DECAY,
        lambda w, v, g, eta, a: _beside(w, v, g, eta, a),
        "old = w\n" + UPDATE + "\nw = w - eta * (lam * old)",
    ),
    _any(
        "weight decay is multiplied by η twice",
        DECAY,
        _squared_rate,
        "g = g + eta * lam * w\n" + UPDATE,
    ),
    _any(
        "weight decay is in the gradient, and on the weight again",
        DECAY,
        _in_both,
        "old = w\ng = g + lam * w\n" + UPDATE + "\nw = w - eta * (lam * old)",
    ),
    Mistake(
        "1",
        "sgd.weights",
        "with momentum, weight decay is in the velocity, and on the weight again",
        DECAY,
        lambda a: [_steps(_in_both_with_momentum)(a), _steps(_after_both_with_momentum)(a)],
        plug=(_plug("old = w\ng = g + lam * w\n" + UPDATE + "\nw = w - eta * (lam * old) * (alpha > 0)"),),
    ),
    _any(
        "weight decay is in the velocity, and not multiplied by η",
        DECAY,
        _in_velocity_unscaled,
        "decay = lam * w\n" + UPDATE.replace("eta * g", "eta * g - decay"),
    ),
    _any(
        "the velocity decays, not the weight",
        DECAY,
        _on_velocity,
        "g = g + lam * (v if alpha > 0 else w)\n" + UPDATE,
    ),
    _any(
        "weight decay is applied after the step, and not multiplied by η",
        DECAY,
        _after_unscaled,
        UPDATE + "\nw = w - lam * w",
    ),
    _any("weight decay is not multiplied by η", DECAY, _unscaled, "old = w\n" + UPDATE + "\nw = w - lam * old"),
    _any(
        "weight decay in the plain step alone",
        DECAY,
        _only_where(True),
        "if alpha <= 0:\n    g = g + lam * w\n" + UPDATE,
    ),
    _any(
        "weight decay with momentum alone", DECAY, _only_where(False), "if alpha > 0:\n    g = g + lam * w\n" + UPDATE
    ),
)


# ---- what the gradient may have been made into


def _cut(g: Any, most: float) -> Any:
    return np.maximum(np.minimum(g, most), -most)


def _shortened(g: Any, most: Any) -> Any:
    length = np.sqrt((g * g).sum())
    return g * (most / length) if float(length.value) > most else g


def _moved(a: Call) -> Any:
    """What the first step took for the gradient (α ≤ 0, or a velocity of 0)."""
    return (a.w.value - np.asarray(a.got, np.longdouble)[0]) / a.etas[0]


def _largest(size: Callable[[Any], float]) -> Estimate:
    """The largest size of what first steps took for the gradient, where several have it."""

    def estimate(asked: Sequence[Call]) -> Any:
        sizes = [size(_moved(a)) for a in asked if a.dtype == np.float64 and a.lam == 0 and "starts" not in a.inputs]
        most = max(sizes)
        return likeliest(most) if sum(abs(s - most) <= 1e-9 * most for s in sizes) > 1 else None

    return estimate


def _gradient(name: str, hint: str, change: Callable[[Any, Call], Any], body: str, estimate: Any = None) -> Mistake:
    """A mistake in the gradient alone, before weight decay."""
    made = _both(name, hint, lambda w, g, a: _decayed(w, change(g, a), a), f"g = {body}\ng = g + lam * w")
    return replace(made, estimate=estimate)


def _slope(name: str, hint: str, change: Callable[[Any, Call], Any], body: str, estimate: Any = None) -> Mistake:
    """A mistake in the gradient with its weight decay."""
    made = _both(name, hint, lambda w, g, a: change(_decayed(w, g, a), a), f"g = g + lam * w\ng = {body}")
    return replace(made, estimate=estimate)


AS_IT_IS = "SGD takes the gradient as the backwards left it: what else is done to it here?"
CHANGED = (
    _gradient(
        "the sign of the gradient is taken",
        AS_IT_IS,
        lambda g, a: where(g.value > 0, 0 * g + 1, -1),
        "np.sign(g)",
    ),
    _gradient(
        "the gradient is divided by its norm",
        AS_IT_IS,
        lambda g, a: g / np.sqrt((g * g).sum()),
        "g / np.linalg.norm(g)",
    ),
    _slope(
        "the gradient with its weight decay is divided by its norm",
        AS_IT_IS,
        lambda g, a: g / np.sqrt((g * g).sum()),
        "g / np.linalg.norm(g)",
    ),
    _gradient(
        "the gradient is cut off beyond a largest size",
        AS_IT_IS,
        lambda g, a: _cut(g, a.number),
        "np.clip(g, -0.5, 0.5)",
        _largest(lambda g: float(np.abs(g).max())),
    ),
    _slope(
        "the gradient with its weight decay is cut off beyond a largest size",
        AS_IT_IS,
        lambda g, a: _cut(g, a.number),
        "np.clip(g, -0.5, 0.5)",
        _largest(lambda g: float(np.abs(g).max())),
    ),
    _gradient(
        "the gradient is shortened to a largest norm",
        AS_IT_IS,
        lambda g, a: _shortened(g, a.number),
        "g * min(1.0, 1.0 / np.linalg.norm(g))",
        _largest(lambda g: float(np.sqrt((g * g).sum()))),
    ),
)


# ---- other numbers in the right places


def _numbers(asked: Sequence[Call]) -> Any:
    """(layer, key, α, λ) → (p, q, c), where every step is p υ − η (q g + c w), from all float64 calls."""
    found = {}
    for a in (a for a in asked if a.dtype == np.float64 and "starts" not in a.inputs):
        path = np.concatenate([a.w.value[None], np.asarray(a.got, np.longdouble)]).astype(np.float64)
        if not np.isfinite(path).all():
            return None
        steps = np.diff(path, axis=0)
        eta = np.array(a.etas).reshape(-1, *[1] * (path.ndim - 1))
        g = np.stack([g.value for g in a.g]).astype(np.float64)
        regressors = [-eta * g, -eta * path[:-1]]
        if a.alpha > 0:
            regressors.append(np.concatenate([np.zeros_like(steps[:1]), steps[:-1]]))
        columns = np.stack([r.reshape(-1) for r in regressors], axis=1)
        sizes = np.sqrt((columns**2).sum(axis=0))
        solved = np.linalg.lstsq(columns / sizes, steps.reshape(-1), rcond=None)[0] / sizes
        numbers = [likeliest(float(x)) for x in solved]
        if any(x is None for x in numbers):
            return None
        found[a.layer, a.key, a.alpha, a.lam] = (numbers[2] if a.alpha > 0 else 0.0, numbers[0], numbers[1])
    return found or None


def _where_numbers(differ: Callable[[dict[Any, Any]], bool]) -> Estimate:
    def estimate(asked: Sequence[Call]) -> Any:
        found = _numbers(asked)
        return found if found is not None and differ(found) else None

    return estimate


def _with_numbers(w: Any, v: Any, g: Any, eta: float, a: Call) -> tuple[Any, Any]:
    p, q, c = a.number[a.layer, a.key, a.alpha, a.lam]
    v = p * v - eta * (q * g + c * w) if p else -eta * (q * g + c * w)
    return w + v, v


def _another(name: str, hint: str, differ: Callable[[dict[Any, Any]], bool], body: str) -> Mistake:
    return replace(_any(name, hint, _with_numbers, body), estimate=_where_numbers(differ))


def _decays(found: dict[Any, Any]) -> dict[float, set[float]]:
    """λ → how w is weighted, relative to the gradient."""
    rates: dict[float, set[float]] = {}
    for (_, _, _, lam), (_, _, c) in found.items():
        rates.setdefault(lam, set()).add(c)
    return rates


def _own_decay(found: dict[Any, Any]) -> bool:
    rates = _decays(found)
    return rates.get(0.0, {0.0}) != {0.0}


def _scaled_decay(found: dict[Any, Any]) -> bool:
    return not _own_decay(found) and any(
        min(abs(c - lam * q), abs(c - lam)) > 1e-9 * lam for (_, _, _, lam), (_, q, c) in found.items() if lam
    )


def _own_damping(found: dict[Any, Any]) -> bool:
    """Whether old velocities are weighted by a number of their own, each α by one."""
    weights: dict[float, set[float]] = {}
    for (_, _, alpha, _), (p, _, _) in found.items():
        weights.setdefault(alpha, set()).add(p)
    alone = all(len(numbers) == 1 for numbers in weights.values())
    return alone and any(abs(p - alpha) > 1e-9 for alpha, (p,) in weights.items() if alpha > 0)


NUMBERS = (
    _another(
        "the gradient is scaled by a constant factor",
        "The mean over the mini-batch is taken already: what else multiplies or divides the gradient or η?",
        lambda found: any(abs(q - 1) > 1e-9 for _, q, _ in found.values()) and all(q for _, q, _ in found.values()),
        "g = (g + lam * w) / 5\n" + UPDATE,
    ),
    _another(
        "the old velocity is weighted by another number than α",
        TERMS,
        _own_damping,
        "g = g + lam * w\nalpha = 0.75 if alpha > 0 else alpha\n" + UPDATE,
    ),
    _another(
        "weight decay is made with a number of its own, not with λ",
        DECAY,
        _own_decay,
        "g = g + 0.025 * w\n" + UPDATE,
    ),
    _another(
        "weight decay is scaled by a constant factor",
        DECAY,
        _scaled_decay,
        "g = g + lam / 5 * w\n" + UPDATE,
    ),
    replace(
        _any(
            "η is a number of its own, not the one that is passed",
            "Which of SGD's parameters is η, and does your step use it?",
            lambda w, v, g, eta, a: _right(w, v, g, a.number, a),
            "eta = 0.03\ng = g + lam * w\n" + UPDATE,
        ),
        estimate=lambda asked: _own_rate(asked),
    ),
)


def _own_rate(asked: Sequence[Call]) -> Any:
    """The η of the first step, of the float64 calls without weight decay."""
    for a in asked:
        if a.dtype == np.float64 and a.lam == 0 and "starts" not in a.inputs:
            g = a.g[0].value
            return likeliest(float((_moved(a) * g).sum() / (g * g).sum()) * a.etas[0])
    return None


def _returning(name: str, hint: str, said: str, what: str) -> Mistake:
    body = _plug("g = g + lam * w\n" + UPDATE)
    plug = Body(body.function, body.statements.replace("return model", f"return {what}"))
    return Mistake("1", "sgd.model", name, hint, said=said, plug=(plug,))


RETURNED = (
    _returning(
        "SGD returns nothing",
        "What does a function return that has no return statement?",
        r"model returned is nothing",
        "None",
    ),
    _returning(
        "SGD returns something else than the model it was given",
        "What does main do with what is returned?",
        r"model returned is a .* not the model",
        "momentum",
    ),
    Mistake(
        "1",
        "sgd.model",
        "an entry is asked for under a name that it does not have",
        "momentum's entries are called 'L1_W' and so on, those of params and gradient 'W' and 'b': print the keys.",
        said=r"raised KeyError",
        plug=(Swap('momentum[f"{name}_{key}"]', 'momentum[f"{name}{key}"]'),),
    ),
    Mistake(
        "1",
        "sgd.model",
        "SGD takes other parameters than it is given",
        "Compare the line with def with the assignment's: names may differ, the number and the order may not.",
        said=r"cannot be asked: the function takes|raised TypeError: .*positional argument",
        plug=(Swap("_lambda: float, _alpha: float, _learning_rate: float", "_lambda: float, _rates: float"),),
    ),
)

SGD = (*MOMENTUM, *DIRECTION, *WEIGHT_DECAY, *CHANGED, *NUMBERS, *RETURNED)
