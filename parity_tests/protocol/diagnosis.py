"""The diagnosis: what an assignment knows of mistakes, as values that name them in any submission of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.mistake import Call, Mistake
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Quantity

Arrays = Mapping[str, NDArray[Any]]
Draw = Callable[[Case], Arrays]
"""Gives the arrays of a case."""
Seen = Mapping[str, Observation]
"""What came back for each case, by its name."""
Conditions = Sequence[tuple[str, Callable[[Call], bool]]]
"""Ways in which calls differ, in words, and whether one call is so."""
Regions = Sequence[tuple[str, Callable[[Call], NDArray[np.bool_] | None]]]
"""Ways in which elements of one call differ, in words, and which are so; None for a call that has no such elements."""
Hidden = Mapping[str, Sequence[str]]
"""What else is found where a mistake is, by the mistake's name: names of mistakes, and relations."""


@dataclass(frozen=True)
class Relations:
    """What the simple relations of an assignment's parts are told by, where no known mistake fits.

    `conditions` tell calls apart. Results of the parts in `elementwise` are told apart by `regions` and by the size of
    each element of the input `sized_by`; all others by rows and columns. `own` are operations, or parts, with a
    relation of their own, in place of all others.
    """

    conditions: Conditions = ()
    elementwise: tuple[str, ...] = ()
    regions: Regions = ()
    sized_by: str = ""
    own: Mapping[str, Callable[[Sequence[Call]], str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosis:
    """What an assignment knows of mistakes.

    `composed` maps a check that puts several parts to work together to the checks of these parts: a formula that names
    a mistake there must be right in these as well. `beside(case)` tells cases that are not enough to name a mistake of
    their part by: what fails in them alone must be right where the part is.
    `generated(calls)` makes mistakes with formulas that may be what all calls of an operation show, the simplest first.
    `experiments(plan, case, quantity, seen, draw)` names what only an experiment can tell; where it names nothing, the
    first of `shown` does that sees something in the failure itself, as a finding, or what was written over.
    `reopened(plan, case, quantity, comparison, seen, draw)` gives the comparison in place of one that is left open
    because of another part, where what is known of that part's mistake settles it; None where it stays open.
    `hidden_in_case` and `hidden_in_check` say what follows from a mistake, in the same case and in all cases of a check
    (by the check): such rows get the name of their cause. `hints` are those of names.
    """

    relations: Relations = field(default_factory=Relations)
    composed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    beside: Callable[[Case], bool] = lambda case: case.lenient
    generated: Callable[[Sequence[Call]], Iterable[Mistake]] = lambda calls: ()
    experiments: Callable[[Sequence[Case], Case, Quantity, Seen, Draw], Sequence[str]] = lambda *_: ()
    shown: Sequence[Callable[[Case, Quantity, Comparison, Observation], Sequence[str]]] = ()
    reopened: Callable[[Sequence[Case], Case, Quantity, Comparison, Seen, Draw], Comparison | None] | None = None
    hidden_in_case: Hidden = field(default_factory=dict)
    hidden_in_check: Mapping[str, Hidden] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
