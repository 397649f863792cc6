"""Mistakes that spoil another call: a part writes over an array that the network still needs."""

from __future__ import annotations

from dataclasses import dataclass

from parity_tests.protocol.case import Case
from parity_tests.protocol.mistake import Around, Mistake
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


SHOWS_IN = ("linear", "tanh", "relu", "dropout", "loss", "network")
OVERWRITING = tuple(
    Mistake(
        part, "network", _name(function, INPUT), HINT, spoils=True, shows_in=SHOWS_IN,
        plug=(Around(function, value="(value, X.fill(0.5))[0]"),),
    )
    for part, function in (("3", "linear_layer.forward"), ("9", "dropout.forward"), ("9", "dropout.backward"))
)  # fmt: skip
