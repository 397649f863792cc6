"""Mistakes that spoil another call: a part writes over an array that the network still needs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile

from parity_tests.protocol.case import Case
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Quantity

HINT = "An operator like *=, or [...] =, changes the caller's array too: who else reads it? Make a new one."
INPUT, GRADIENT, EARLIER = "its input", "the incoming gradient", "an array that was returned before"
DROPPED = ("dropout output", "activation output")
"""What L2 is given: the second, where there is no dropout."""


LINKS: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "L1 output": ("linear_layer.forward", ("X",), (), ()),
    "activation output": ("{activation}.forward", ("L1 output",), (), ()),
    "dropout output": ("dropout.forward", ("activation output",), (), ()),
    "L2 output": ("linear_layer.forward", DROPPED, (), ()),
    "loss": ("the loss's forward", ("L2 output",), (), ()),
    "gradient of logits": ("the loss's backward", ("L2 output",), (), ()),
    "L2 gradient of X": ("linear_layer.backward", DROPPED, ("gradient of logits",), ()),
    "dropout gradient": ("dropout.backward", ("activation output",), ("L2 gradient of X",), ("dropout output",)),
    "activation gradient": (
        "{activation}.backward", ("L1 output",), ("dropout gradient", "L2 gradient of X"), ("activation output",)
    ),
    "L1 gradient of X": ("linear_layer.backward", ("X",), ("activation gradient",), ()),
}  # fmt: skip
"""The calls of a training step, in order: its function, the links whose results it is given as X and as grad, and
those of which its layer may have kept something."""


def _name(function: str, what: str) -> str:
    return f"{function} overwrites {what}, which is still needed"


HINTS = {
    _name(function.format(activation=activation), what): HINT
    for function, *_ in LINKS.values()
    for activation in ("tanh", "relu")
    for what in (INPUT, GRADIENT, EARLIER)
}


def overwriting(case: Case, q: Quantity, seen: Observation) -> list[str]:
    """Names of the calls before a link that wrote over an array which it is given, or which its layer may have kept."""
    # The gradients of a layer come out of one call.
    own = q.name if q.name in LINKS or " gradient of " not in q.name else f"{q.name.partition(' ')[0]} gradient of X"
    if case.probe != "network" or own not in LINKS:
        return []
    needed = {name for names in LINKS[own][1:] for name in names}
    found = dict[str, None]()
    for name in takewhile(lambda name: name != own, LINKS):
        function, given, upstream, _ = LINKS[name]
        written = {label for key, labels in seen.overwritten.items() if key.name == name for label in labels}
        for label in sorted(written & needed):
            what = INPUT if label in given else GRADIENT if label in upstream else EARLIER
            found[_name(function.format(activation=case.params["activation"]), what)] = None
    return list(found)
