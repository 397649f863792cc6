"""Mistakes that spoil another call: a part writes over an array that the network still needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parity_tests.protocol.case import Case
from parity_tests.protocol.mistake import Body, Mistake
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity

HINT = "An operator like *=, or [...] =, changes the caller's array too: who else reads it? Make a new one."
INPUT, GRADIENT, EARLIER = "its input", "the incoming gradient", "an array that was returned before"

_TAKEN = {  # link → what its call is given as X, and as grad; L2 and what comes before it stand in for absent dropout
    "L1 output": (("X",), ()),
    "activation output": (("L1 output",), ()),
    "dropout output": (("activation output",), ()),
    "L2 output": (("dropout output", "activation output"), ()),
    "loss": (("L2 output",), ()),
    "gradient of logits": (("L2 output",), ()),
    "L2 gradient of X": (("dropout output", "activation output"), ("gradient of logits",)),
    "dropout gradient": (("activation output",), ("L2 gradient of X",)),
    "activation gradient": (("L1 output",), ("dropout gradient", "L2 gradient of X")),
    "L1 gradient of X": (("X",), ("activation gradient",)),
}
_KEPT = {"dropout gradient": ("dropout output",), "activation gradient": ("activation output",)}
"""What the layer of a backward may have kept of its forward."""
_CALLS = {
    "L1 output": "linear_layer.forward",
    "activation output": "{activation}.forward",
    "dropout output": "dropout.forward",
    "L2 output": "linear_layer.forward",
    "loss": "the loss's forward",
    "gradient of logits": "the loss's backward",
    "L2 gradient of X": "linear_layer.backward",
    "dropout gradient": "dropout.backward",
    "activation gradient": "{activation}.backward",
    "L1 gradient of X": "linear_layer.backward",
}


def _name(call: str, what: str) -> str:
    return f"{call} overwrites {what}, which is still needed"


HINTS = {
    _name(call.format(activation=activation), what): HINT
    for call in _CALLS.values()
    for activation in ("tanh", "relu")
    for what in (INPUT, GRADIENT, EARLIER)
}


def overwriting(case: Case, q: Quantity, seen: Observation) -> list[str]:
    """Names of the calls before a link that wrote over an array which it takes, or which its layer may have kept."""
    if case.probe != "network":
        return []
    return _overwriting(q.name, seen.overwritten, case.params["activation"])


def _overwriting(link: str, overwritten: Mapping[Key, Sequence[str]], activation: str) -> list[str]:
    """The same, with overwritten: key of a call → the labels of the arrays that changed during it."""
    order = list(_TAKEN)
    # The gradients of a layer come out of one call.
    own = f"{link.split(' ')[0]} gradient of X" if " gradient of " in link and link not in _TAKEN else link
    if own not in _TAKEN:
        return []
    needed = {label for taken in _TAKEN[own] for label in taken} | set(_KEPT.get(own, ()))
    names = []
    for call in order[: order.index(own)]:
        changed = {label for key, labels in overwritten.items() if key.name == call for label in labels}
        for label in sorted(changed & needed):
            X, grad = _TAKEN[call]
            what = INPUT if label in X else GRADIENT if label in grad else EARLIER
            names.append(_name(_CALLS[call].format(activation=activation), what))
    return list(dict.fromkeys(names))


def _mistake(part: str, call: str, what: str, *plug: Body, file: str = "neural_networks.py") -> Mistake:
    shows_in = ("linear", "tanh", "relu", "dropout", "loss", "network")
    return Mistake(part, "network", _name(call, what), HINT, spoils=True, shows_in=shows_in, plug=plug, file=file)


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
