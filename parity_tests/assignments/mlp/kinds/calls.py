"""Gathers the calls of one case, as the formulas of known mistakes see them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Returned
from reports.model.verdicts import Verdict

Judged = Mapping[str, Comparison]


class Calls:
    """The calls of one case so far; each knows those before it of the same operation on the same object."""

    def __init__(self, case: Case, judged: Judged) -> None:
        self.dtype = np.dtype(case.dtype)
        self._case, self._judged = case, judged
        self._past: dict[tuple[str, str], list[Call]] = {}
        self._forward: Call | None = None

    def running(self, array: NDArray[Any], error: float = 0.0) -> Running:
        """An array of the case's dtype for formulas to compute with, and the error of its elements."""
        return Running(array, self.dtype, error)

    def add(
        self,
        operation: str,
        quantity: str,
        result: Returned | Failure | None,
        on: str | None = None,
        shape: tuple[int, ...] | None = None,
        **inputs: Any,
    ) -> Call:
        """Add a call: its operation, the quantity that it is judged by ("" for none), its result and its inputs.

        `on` names the object that was called, None for one without a past. Among the inputs is the `latest` forward, of
        whichever object, else the call itself: what objects share shows by it.
        """
        past = [] if on is None else self._past.setdefault((on, operation), [])
        comparison = self._judged[quantity] if quantity else Comparison(Verdict.MATCH)
        call = Call(
            operation, self._case.name, self.dtype, quantity, result, comparison, inputs, list(past), shape=shape
        )
        past.append(call)
        if operation.endswith(".output"):
            self._forward = call
        call.inputs = {**inputs, "latest": self._forward or call}
        return call
