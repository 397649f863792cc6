"""Remembers what was judged right: in a class, much comes back alike to the byte, and need not be judged again."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping

import numpy as np

from parity_tests.assignment.cases import Case
from parity_tests.harness.compare import PASSING, Comparison
from parity_tests.harness.observation import Observation

MOST = 4096
"""How many are kept: about 40 MB."""


class Precedents:
    """Passing verdicts on cases, by the case with its inputs and everything that the submission did.

    A verdict depends on nothing else. Failing ones are not kept: they hold arrays, and are few of a kind.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Mapping[str, Comparison]] = OrderedDict()

    def judge(
        self, case: Case, seed: int, device: str, seen: Observation, judge: Callable[[], Mapping[str, Comparison]]
    ) -> dict[str, Comparison]:
        """What `judge` says, or said of the same answers to the same case."""
        key = _digest(case, seed, device, seen)
        if key in self._kept:
            self._kept.move_to_end(key)
            return dict(self._kept[key])
        judged = judge()
        if all(comparison.verdict in PASSING for comparison in judged.values()):
            self._kept[key] = dict(judged)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return dict(judged)


def _digest(case: Case, seed: int, device: str, seen: Observation) -> bytes:
    described = {
        "case": [case.name, case.dtype, dict(case.params), seed, device],
        "values": [
            [
                name,
                value.kind,
                value.detail,
                *(("", ()) if value.array is None else (value.array.dtype.str, value.array.shape)),
            ]
            for name, value in seen.values.items()
        ],
        "failures": {name: vars(failure) for name, failure in seen.failures.items()},
        "facts": dict(seen.facts),
        "warnings": seen.warnings,
    }
    # Processors have instructions for this one, and megabytes of answers pass through it.
    digest = hashlib.sha256(repr(described).encode("utf-8", "backslashreplace"))
    for value in seen.values.values():
        if value.array is not None:
            digest.update(np.ascontiguousarray(value.array).data)
    return digest.digest()
