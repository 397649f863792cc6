"""Mistakes that spoil another call: a part writes over an array that the network still needs."""

from __future__ import annotations

from dataclasses import dataclass

from parity_tests.protocol.case import Case
from parity_tests.protocol.mistake import Body, Mistake
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Quantity

HINT = "An operator like *=, or [...] =, changes the caller's array too: who else reads it? Make a new one."
INPUT, GRADIENT, EARLIER = "its input", "the incoming gradient", "an array that was returned before"
DROPPED = ("dropout output", "activation output")
"""What L2 is given: the second, where there is no dropout."""


@dataclass(frozen=True)
class Link:
    """A call of a training step: its function, and the links whose results it is given as X and as grad.

    `kept` are those that its layer may have kept of its forward.
    """

    function: str
    X: tuple[str, ...]
    grad: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def needed(self) -> set[str]:
        """The links whose results it reads."""
        return {*self.X, *self.grad, *self.kept}


LINKS = {
    "L1 output": Link("linear_layer.forward", ("X",)),
    "activation output": Link("{activation}.forward", ("L1 output",)),
    "dropout output": Link("dropout.forward", ("activation output",)),
    "L2 output": Link("linear_layer.forward", DROPPED),
    "loss": Link("the loss's forward", ("L2 output",)),
    "gradient of logits": Link("the loss's backward", ("L2 output",)),
    "L2 gradient of X": Link("linear_layer.backward", DROPPED, ("gradient of logits",)),
    "dropout gradient": Link("dropout.backward", ("activation output",), ("L2 gradient of X",), ("dropout output",)),
    "activation gradient": Link(
        "{activation}.backward", ("L1 output",), ("dropout gradient", "L2 gradient of X"), ("activation output",)
    ),
    "L1 gradient of X": Link("linear_layer.backward", ("X",), ("activation gradient",)),
}
"""The calls of a training step, in order."""


def _name(function: str, what: str) -> str:
    return f"{function} overwrites {what}, which is still needed"


HINTS = {
    _name(link.function.format(activation=activation), what): HINT
    for link in LINKS.values()
    for activation in ("tanh", "relu")
    for what in (INPUT, GRADIENT, EARLIER)
}


def overwriting(case: Case, q: Quantity, seen: Observation) -> list[str]:
    """Names of the calls before a link that wrote over an array which it is given, or which its layer may have kept."""
    if case.probe != "network":
        return []
    # The gradients of a layer come out of one call.
    own = q.name if q.name in LINKS or " gradient of " not in q.name else f"{q.name.partition(' ')[0]} gradient of X"
    if own not in LINKS:
        return []
    names = []
    for name, link in LINKS.items():
        if name == own:
            break
        written = {label for key, labels in seen.overwritten.items() if key.name == name for label in labels}
        for label in sorted(written & LINKS[own].needed):
            what = INPUT if label in link.X else GRADIENT if label in link.grad else EARLIER
            names.append(_name(link.function.format(activation=case.params["activation"]), what))
    return list(dict.fromkeys(names))


def _mistake(part: str, function: str, what: str, *plug: Body, file: str = "") -> Mistake:
    shows_in = ("linear", "tanh", "relu", "dropout", "loss", "network")
    return Mistake(part, "network", _name(function, what), HINT, spoils=True, shows_in=shows_in, plug=plug, file=file)


OVERWRITING = (
    _mistake(
        "3",
        "linear_layer.forward",
        INPUT,
        Body("linear_layer.forward", "u = X @ self.params['W'] + self.params['b']\nX *= 0.5\nreturn u"),
    ),
    _mistake(
        "5",
        "tanh.forward",
        INPUT,
        Body("tanh.forward", "np.tanh(X, out=X)\nreturn X"),
        Body("tanh.backward", "return grad * (1 - np.tanh(X) ** 2)"),
    ),
    _mistake(
        "9",
        "dropout.forward",
        INPUT,
        Body(
            "dropout.forward",
            "if is_train:\n    kept = np.random.uniform(0.0, 1.0, X.shape) >= self.r\n"
            "    self.mask = (kept / (1 - self.r)).astype(X.dtype)\n    X *= self.mask\nreturn X",
        ),
    ),
    _mistake("9", "dropout.backward", INPUT, Body("dropout.backward", "X *= self.mask\nreturn grad * self.mask")),
    _mistake(
        "utils",
        "the loss's forward",
        INPUT,
        Body(
            "softmax_cross_entropy.forward",
            "X -= X.max(axis=1, keepdims=True)\nown = np.take_along_axis(X, _as_index(Y), axis=1)\n"
            "np.exp(X, out=X)\nreturn np.mean(np.log(X.sum(axis=1, keepdims=True)) - own)",
        ),
        Body(
            "softmax_cross_entropy.backward",
            "e = np.exp(X - X.max(axis=1, keepdims=True))\ngrad = e / e.sum(axis=1, keepdims=True)\n"
            "grad[np.arange(len(grad)), _as_index(Y)[:, 0]] -= 1\nreturn grad / len(grad)",
        ),
        file="utils.py",
    ),
)
