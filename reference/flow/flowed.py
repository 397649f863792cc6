"""What torch answers for one output: value ± radius, element by element."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from reference.flow.freedom import Free
from reference.flow.low_precision import Arithmetic
from reference.flow.shared import Lines


@dataclass(frozen=True)
class Alternative:
    """Another value that is right where a choice is exactly at its kink (relu's slope at 0, a tie of a maximum).

    `value` ± `radius` holds where `where` is True; all three are of the output's shape.
    """

    value: Tensor
    radius: Tensor
    where: Tensor
    note: str


@dataclass(frozen=True)
class Flowed:
    """One output: `value` as the plain call gave it, and how far an honest computation may be from each element.

    `radius` is float64, or float32 where that is the output's type, and infinite where nothing can be promised.
    `kind` is "exact" (all radii are 0), "bound" (guaranteed), "probable" (a bound but for long sums, see
    rules/long_sums.py) or "sample". `probability` is the stated chance that any honest element exceeds its radius, of a
    sample that one does. Of a probable one `guaranteed` is the share of the elements, of those that round, at which the
    guaranteed bound is no larger.
    `forms` has, by the name of another honest form of an operation (see `rounding.FORMS`), the radius where that form
    is allowed for, and `form_bounds` what that does not exceed, which is known in a tenth of the time; both are
    computed when they are asked for.
    """

    value: Tensor
    radius: Tensor
    kind: str
    alternatives: tuple[Alternative, ...] = ()
    forms: Mapping[str, Tensor] = field(default_factory=dict)
    form_bounds: Mapping[str, Tensor] = field(default_factory=dict)
    probability: float | None = None
    guaranteed: float = 0.0
    arithmetic: Arithmetic | None = None
    """What was declared of a candidate in low precision; `value` is then in float64."""
    conserved: bool = False
    """Whether every choice between elements tied for a maximum gives results of one sum over `alternatives`."""
    free: tuple[Free, ...] = ()
    """What a factorisation leaves free of all the outputs, signs of vectors and their order."""
    lines: Callable[[str], Lines | None] = lambda form: None
    """Of a norm of long rows what its elements share, by the name of a form that is allowed for, or ""; else None."""
    conditions: Mapping[str, float] = field(default_factory=dict)
    """By operation of linear algebra on the way to all the outputs its largest condition number."""

    @property
    def undecided(self) -> Tensor:
        """Where rounding alone decides what an element is."""
        return self.radius == math.inf
