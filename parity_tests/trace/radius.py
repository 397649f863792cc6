"""The radius of a free run: the largest spread of the perturbed replicas so far, times a factor."""

import math
from collections import defaultdict, deque
from collections.abc import Mapping
from functools import cache
from typing import Any

from reports.model.environment import Environment
from reports.model.verdicts import Verdict

ENOUGH, LEAST = 6, 4.0
"""Times the largest spread of so many replicas, or more: the radius. `python -m
parity_tests.bench.trace_factor` measures what it must cover, over seeds, dtypes, activations, widths and
honest ways to write each part."""
USEFUL = 0.5
"""The radius tells a bug from rounding while, in every weight, it is below this share of what a step changes: an update
that is lost, made twice or made with a velocity of another kind is off by about as much as it changes."""
LOOK_BACK = 100
"""Steps over which the largest change that a step makes is taken."""


@cache
def factor_for(replicas: int) -> float:
    """Times the largest spread of so many replicas: the radius.

    Fewer replicas are more likely to stay near torch's run all together, and least unlikely where runs part along one
    direction: what a run is off by is one number then. Of fewer than ENOUGH, the factor is that by which one more of
    them goes beyond the radius there as seldom as one more of ENOUGH, with LEAST, does.
    """
    if replicas >= ENOUGH:
        return LEAST
    low, high, wanted = LEAST, 16 * LEAST, chance_beyond(ENOUGH, LEAST)
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if chance_beyond(replicas, middle) > wanted else (low, middle)
    return round(high, 2)


def chance_beyond(replicas: int, factor: float) -> float:
    """The chance that a normal number is over `factor` times the largest of so many others, all without their signs."""
    width = 0.02
    middles = ((k + 0.5) * width for k in range(400))
    density = math.sqrt(2 / math.pi) * width
    return density * sum(math.exp(-(x**2) / 2) * math.erf(x / (factor * math.sqrt(2))) ** replicas for x in middles)


class MeasuredRadius:
    """The radius of each quantity, as the spreads of the replicas come in step by step."""

    def __init__(self, updated: Mapping[str, str], replicas: int) -> None:
        """`updated` maps each weight to what it is called after the update of a step."""
        self._updated, self._factor = updated, factor_for(replicas)
        self._largest_spread: dict[str, float] = {}
        self._changes: dict[str, deque[float]] = {name: deque(maxlen=LOOK_BACK) for name in updated}

    def add(self, spreads: Mapping[str, float]) -> None:
        """Take in the spreads of a step, by quantity."""
        for quantity, spread in spreads.items():
            self._largest_spread[quantity] = self._with(quantity, spread)

    def of(self, quantity: str) -> float:
        """The radius of a quantity, ∞ once a spread was not a number; 0 where none was asked for yet."""
        return self._factor * self._largest_spread.get(quantity, 0.0)

    def explains(self, gaps: Mapping[str, float]) -> bool:
        """Whether the spreads so far explain all these gaps, whatever those of a further step may be."""
        return all(ratio_of(gap, self.of(name)) <= 1 for name, gap in gaps.items())

    def at_least(self, quantity: str, spread: float) -> float:
        """The radius that a quantity would have with a further spread."""
        return self._factor * self._with(quantity, spread)

    def why_useless(self, changes: Mapping[str, float]) -> str:
        """Take in the largest change of each weight in a step; why the radius tells nothing from here on, or "".

        It tells nothing where a weight's radius exceeds a share of the largest change that the last steps made.
        """
        reasons = [self._why_useless(name, changes[name]) for name in self._updated]
        return next(filter(None, reasons), "")

    def _with(self, quantity: str, spread: float) -> float:
        before = self._largest_spread.get(quantity, 0.0)
        return math.inf if math.isnan(spread) or math.isinf(before) else max(before, spread)

    def _why_useless(self, weight: str, change: float) -> str:
        changes, quantity = self._changes[weight], self._updated[weight]
        changes.append(change)
        largest, radius = max(changes), self.of(quantity)
        if not math.isfinite(radius) or not math.isfinite(largest):
            return f"torch's own run is no longer finite in {quantity}"
        if radius > USEFUL * largest > 0:
            return (
                f"rounding alone moves {quantity} by up to {radius:.2g} there, over {USEFUL:.0%} of the largest "
                f"change that one of the last {len(changes)} steps made to it ({largest:.2g})"
            )
        return ""


def ratio_of(gap: float, radius: float) -> float:
    """gap/radius: 0/0 is 0; a gap that is not finite is ∞; a radius that is not finite explains anything."""
    if math.isinf(radius):
        return 0.0
    if math.isnan(gap) or math.isinf(gap):
        return math.inf
    if gap == 0:
        return 0.0
    return gap / radius if radius > 0 else math.inf


class LargestMultiples:
    """Keeps, for each quantity, the largest gap as a multiple of the spread so far, and the step at which it was."""

    def __init__(self) -> None:
        self.multiples: dict[str, tuple[float, int]] = {}
        self._spread: dict[str, float] = defaultdict(float)

    def open(self, environment: Environment) -> None:
        """Nothing is written."""

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Take a row of the trace."""
        if table != "quantities" or row["verdict"] == Verdict.UNDECIDED:
            return
        name = row["quantity"]
        self._spread[name] = max(self._spread[name], row["spread"])
        multiple = row["gap"] / self._spread[name] if row["gap"] else 0.0
        self.multiples[name] = max(self.multiples.get(name, (0.0, 0)), (multiple, row["step"]))
