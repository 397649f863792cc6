"""What a known mistake is: its TODO, its name, a hint, the formula that predicts it, and how it is plugged in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple


class Asked(SimpleNamespace):
    """One call of a part, as formulas see it: its inputs as Running arrays, and what was called on the object before.

    Always there: `operation`, `case`, `quantity`, `value` (what was returned, or how it failed), `wrong` (whether it
    was judged so), `want` (torch's answer), `N` (rows), `past` (earlier calls of this part on the same object).
    Beside them what the part takes: X, W, b, grad; h or kept; w, g, etas, alpha, lam, key.
    """

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


@dataclass(frozen=True)
class Kind:
    """A prediction of no array: "none" or "tuple"; "" leaves open what comes."""

    kind: str


NOTHING, SEVERAL, ANYTHING = Kind("none"), Kind("tuple"), Kind("")
Formula = Callable[[Asked], Any]
Estimate = Callable[[Sequence[Asked]], Any]
"""The number that a formula holds, from all calls of a part; None where there is none."""


class Swap(NamedTuple):
    """A replacement of a text that stands in the shipped network exactly once."""

    old: str
    new: str


class Body(NamedTuple):
    """New statements for a function of the shipped network, named as `linear_layer.forward`."""

    function: str
    statements: str


@dataclass(frozen=True)
class Mistake:
    """A mistake that is known by name.

    `operation` is what it is a mistake of (a key of the evidence, such as "linear.gradient of W"). A `formula`
    predicts what is returned; one with an `estimate` holds a number that is first looked for (`found` of the call),
    and is claimed only where no formula without one fits. An `experiment` says whether the draws of a constructor, or
    the masks of dropout, came about in this way; `said` is a regular expression that matches the sentence about a
    failure which has already told what happened; `overwrites` is the link of the network whose call writes over an
    array that is still needed, and which one. `plug` puts the mistake into `file` of the shipped network, for the
    selftest, which asks the cases of its TODO, or of `shows_in`.
    """

    part: str
    operation: str
    name: str
    hint: str
    formula: Formula | None = None
    estimate: Estimate | None = None
    experiment: Callable[..., Any] | None = None
    said: str = ""
    overwrites: tuple[str, str] | None = None
    shows_in: tuple[str, ...] = ()
    plug: tuple[Body | Swap, ...] = ()
    file: str = "neural_networks.py"
