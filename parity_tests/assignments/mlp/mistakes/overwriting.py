"""Mistakes that spoil another call: a part writes over an array that the network still needs."""

from __future__ import annotations

from itertools import takewhile

from parity_tests.assignments.mlp.kinds.network import LINKS
from parity_tests.assignments.mlp.mistakes.generated import HINTS
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Quantity

HINT = "An operator like *=, or [...] =, changes the caller's array too: who else reads it? Make a new one."
INPUT, GRADIENT, EARLIER = "its input", "the incoming gradient", "an array that was returned before"


def overwriting(case: Case, q: Quantity, _: Comparison, seen: Observation) -> list[str]:
    """Names of the calls before a link that wrote over an array which it is given, or which its layer may have kept."""
    if case.probe != "network" or q.name not in LINKS:
        return []
    needed = LINKS[q.name].inputs
    found = list[str]()
    for name, link in takewhile(lambda pair: pair[0] != q.name, LINKS.items()):
        written = {label for key, labels in seen.overwritten.items() if key.name == name for label in labels}
        for label in sorted(written & needed):
            what = INPUT if label in link.given else GRADIENT if label in link.upstream else EARLIER
            function = link.function.format(activation=case.params["activation"])
            found.append(f"{function} overwrites {what}, which is still needed")
    HINTS.update(dict.fromkeys(found, HINT))
    return found
