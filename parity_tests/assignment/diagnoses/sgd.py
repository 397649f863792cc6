"""Known mistakes of mini-batch SGD (TODO 1): what a wrong update makes of the weights, step after step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity_tests.assignment.diagnoses.base import Asked, Body, Formula, Mistake
from parity_tests.assignment.running import stack

Step = Callable[[Any, Any, Any, float, Asked], tuple[Any, Any]]
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
    def formula(a: Asked) -> Any:
        w, v, path = a.w, a.w.zeros(), []
        for g, eta in zip(a.g, a.etas, strict=True):
            w, v = step(w, v, g, eta, a)
            path.append(w)
        return stack(path)

    return formula


def _decayed(w: Any, g: Any, a: Asked) -> Any:
    return g + a.lam * w if a.lam else g


def _plain(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
    return w - eta * _decayed(w, g, a), v


def _classical(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
    """The step of a g that holds its weight decay already."""
    if a.alpha <= 0:
        return w - eta * g, v
    v = a.alpha * v - eta * g
    return w + v, v


def _momentum(name: str, hint: str, step: Step, body: str) -> Mistake:
    """A mistake where α > 0; the plain step is right."""

    def whole(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
        if a.alpha <= 0:
            return _plain(w, v, g, eta, a)
        return step(w, v, _decayed(w, g, a), eta, a)

    lines = f"if alpha > 0:\n    g = g + lam * w\n{_shifted(body)}\nelse:\n    {PLAIN}"
    return Mistake("1", "sgd.weights", name, hint, _steps(whole), plug=(_plug(lines),))


def _both(name: str, hint: str, change: Callable[[Any, Any, Asked], Any], body: str) -> Mistake:
    """A mistake in g, before plain step or momentum."""

    def whole(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
        return _classical(w, v, change(w, g, a), eta, a)

    lines = f"{body}\nif alpha > 0:\n    v = alpha * v - eta * g\n    w = w + v\nelse:\n    w = w - eta * g"
    return Mistake("1", "sgd.weights", name, hint, _steps(whole), plug=(_plug(lines),))


def _any(name: str, hint: str, step: Step, body: str) -> Mistake:
    return Mistake("1", "sgd.weights", name, hint, _steps(step), plug=(_plug(body),))


def _without_decay(a: Asked) -> Asked:
    return Asked(**{**vars(a), "lam": 0.0})


def _shifted(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.split("\n"))


def _plug(lines: str) -> Body:
    inner = "\n".join(f"        {line}" for line in lines.split("\n"))
    return Body("miniBatchStochasticGradientDescent", f"{LOOP}{inner}\n{STORE}")


def _after(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
    w, v = _classical(w, v, g, eta, a)
    return w - eta * (a.lam * w), v


def _beside(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
    new, v = _classical(w, v, g, eta, a)
    return new - eta * (a.lam * w), v


def _unscaled(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
    new, v = _classical(w, v, g, eta, a)
    return new - a.lam * w, v


def _still(key: str) -> Step:
    def step(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
        return (w, v) if a.key == key else _classical(w, v, _decayed(w, g, a), eta, a)

    return step


def _layer(layer: str) -> Step:
    def step(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
        return (w, v) if a.layer != layer else _classical(w, v, _decayed(w, g, a), eta, a)

    return step


def _twice(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
    if a.alpha <= 0:
        return _plain(w, v, g, eta, a)
    g = _decayed(w, g, a)
    v = a.alpha * v - eta * g
    return w + v - eta * g, v


def _ascent(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
    return _classical(w, v, -_decayed(w, g, a), eta, a)


def _plain_ascent(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
    if a.alpha <= 0:
        return w + eta * _decayed(w, g, a), v
    return _classical(w, v, _decayed(w, g, a), eta, a)


def _right(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
    return _classical(w, v, _decayed(w, g, a), eta, a)


def _only_where(plain: bool) -> Step:
    """Weight decay in one of the two branches alone."""

    def step(w: Any, v: Any, g: Any, eta: float, a: Asked) -> tuple[Any, Any]:
        decays = (a.alpha <= 0) == plain
        return _right(w, v, g, eta, a if decays else _without_decay(a))

    return step


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
        "w is replaced by the velocity",
        "Is w moved, or set?",
        lambda w, v, g, eta, a: (a.alpha * v - eta * g, a.alpha * v - eta * g),
        "v = alpha * v - eta * g\nw = v",
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
)

SGD = (*MOMENTUM, *DIRECTION, *WEIGHT_DECAY, *RETURNED)
