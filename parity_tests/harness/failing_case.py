"""A case that fails, made smaller and smaller: what the lines of a script are about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.draft import Draft, compared, shaped
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity
from reports.model.verdicts import Verdict

Arrays = dict[str, NDArray[Any]]
Trial = tuple[Case, Arrays]
Trials = Callable[[Case, Arrays, Key], Iterator[Trial]]
"""Ever larger cases with their arrays, for a case, those that were drawn for it, and the key of what fails; at last
the case itself."""
NUMBERS = (1.0, -2.0, 3.0, 0.5, -1.0, 2.0, -0.5, 4.0, 1.5, -3.0, 2.5, -1.5)


@dataclass(frozen=True)
class FailingCase:
    """A case that fails, the quantity that a script is to show, and what came back in the edition asked for."""

    case: Case
    quantity: Quantity
    arrays: Arrays
    comparison: Comparison
    observation: Observation
    edition: str

    @property
    def verdict(self) -> str:
        """What the first half of a script does: "crashed", "timeout" or "mismatch" (it comes to its end)."""
        return (
            self.comparison.verdict
            if self.comparison.verdict in (Verdict.CRASHED, Verdict.TIMEOUT)
            else Verdict.MISMATCH
        )

    def draft(
        self, given: Sequence[str], ask: Sequence[str], want: Sequence[str], shape: Sequence[int], *, flat: bool = False
    ) -> Draft:
        """A draft of one call: by torch's lines, which leave `want`, where values are compared, else by the shape."""
        if self.verdict != Verdict.MISMATCH:
            return Draft(given, ask, verdict=self.verdict)
        arrays = self.comparison.arrays
        judge = shaped(shape, flat=flat) if arrays is None else [*want, *compared(arrays[2], self.comparison.gap)]
        return Draft(given, ask, judge)


Drafts = Callable[[FailingCase], Iterator[Draft]]
"""Drafts of scripts that may show a failing case, the plainest first."""


def numbers(shape: Sequence[int], start: int, dtype: str = "float64") -> NDArray[Any]:
    """Small readable numbers, none of them 0."""
    count = int(np.prod(shape))
    values = [NUMBERS[(start + 5 * i) % len(NUMBERS)] for i in range(count)]
    return np.array(values, dtype).reshape(shape)


def literal(name: str, array: Any) -> str:
    """A line that gives an array its name."""
    array = np.asarray(array)
    dtype = f", np.{array.dtype}" if array.dtype == np.float32 else ""
    return f"{name} = np.array({array.tolist()!r}{dtype})"


def sized(case: Case, **params: Any) -> Case:
    """The case with other parameters."""
    return replace(case, params={**case.params, **params})
