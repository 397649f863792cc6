"""How far honest runs go, as multiples of the spread of the copies: what the factor of the radius must lie above."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from reports.model.environment import Environment
from reports.model.verdicts import Verdict


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
