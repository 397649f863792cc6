"""`radius`: what a torch function answers, with an error bound for each element, for those who judge themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from parity_tests.pairs.door import door
from parity_tests.pairs.hold import DECLARED, Options, arithmetic_of, evaluated, function_of
from parity_tests.pairs.positions import named as by_name

if TYPE_CHECKING:
    from torch import Tensor

_OPTIONS = ("device", "radius", "replicas", "seed", "parameters", "unknown", "ulps")


class Bounded(NamedTuple):
    """One result: torch's value, and how far an honest computation may be from each element; of one shape.

    `kind` is "exact" (no element rounds), "bound" (guaranteed), "probable" or "sample" (hardly ever exceeded).
    """

    value: Tensor
    radius: Tensor
    kind: str


@door
def radius(reference: Callable[..., Any], /, *positional: Any, **named: Any) -> dict[str, Bounded]:
    """What `reference(*inputs)` answers, by the names of its results ("output", where there is one): value and radius.

    The radii flow once; any number of candidates may then be held against them: `|candidate − value|` ≤ radius. Where a
    radius is infinite nothing is promised. Inputs are given by position or by name, and the options are those of `hold`
    that say how radii are found: device, radius, replicas, seed, parameters, unknown, ulps, accumulate, store and
    products. Raises UsageError as `hold` does.
    """
    options = {key: named.pop(key) for key in _OPTIONS if key in named}
    arithmetic = arithmetic_of(**{key: named.pop(key) for key in DECLARED if key in named})
    inputs = named.pop("inputs", None)
    _, reference, given, _ = by_name(lambda *_, **__: None, reference, positional, named, inputs)
    chosen = Options(**options, arithmetic=arithmetic)
    flowed = evaluated(function_of(reference, chosen.parameters), given, chosen)
    return {name: Bounded(one.value, one.radius, one.kind) for name, one in flowed.items()}
