"""Reads what an observation holds under a key: a value, or the failure that kept it from being there."""

import re
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE, Key


def result_of(observation: Observation, key: Key) -> Returned | Failure | None:
    """The value under `key`, its failure, or the failure that ended the case before; None where there is neither."""
    result = observation.values.get(key) or observation.failures.get(key) or observation.failures.get(WHOLE_CASE)
    if result is not None:
        return result
    for late, failure in observation.failures.items():
        if failure.kind == "timeout":
            return replace(failure, text=f"not reached: {failure.text}", because=late.name)
    return None


def array_of(
    observation: Observation, key: Key, shape: tuple[int, ...], *, flat_ok: bool = False
) -> NDArray[Any] | None:
    """The array under `key` if it is one of numbers and of this shape, else None.

    With `flat_ok` an array of shape (M,) is taken for one of shape (1, M).
    """
    value = observation.values.get(key)
    if value is None or value.array is None or value.kind != "array" or value.array.dtype.kind not in "fiub":
        return None
    if value.array.shape == shape:
        return value.array
    return value.array.reshape(shape) if flat_ok and shape == (1, *value.array.shape) else None


BEYOND = re.compile(
    r"broadcast|mismatch|cannot reshape|zero-size|empty sequence|out of bounds|must match|shapes|dimension"
)
"""What numpy says where arrays do not fit, or where there is nothing."""


def is_beyond(failure: Failure) -> bool:
    """Whether a call failed because arrays do not fit together, as where one reaches beyond another."""
    return failure.error in ("ValueError", "IndexError") and bool(BEYOND.search(failure.said))
