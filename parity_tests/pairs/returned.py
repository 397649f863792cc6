"""What a candidate returned: its arrays by name, whatever library they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.pairs.inputs import in_numpy, is_array

MASKS = "masks"
"""The entry of a candidate's result that is handed to the reference instead of being compared."""
_IMPROBABLE = 1e-7
"""Masks that dropout would draw less often than this are refused."""
_LOWEST_RATE = 0.1
"""A mask that keeps nothing says nothing of its rate; it is taken to keep at least so many."""


class UnreadableError(Exception):
    """What a candidate returned is not made of numbers; the message says which part of it, without a full stop."""


def by_name(result: Any) -> dict[str, NDArray[Any]]:
    """The arrays of a result by name: "output", "output[0]", "output.key"; a dict's own keys at the top.

    Entries that are None are left out. The arrays are copies. Raises UnreadableError for what is no array.
    """
    found: dict[str, NDArray[Any]] = {}
    if isinstance(result, Mapping):
        for key, value in result.items():
            _collect(value, str(key), found)
    else:
        _collect(result, "output", found)
    return found


def _collect(value: Any, name: str, found: dict[str, NDArray[Any]]) -> None:
    if value is None:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _collect(inner, f"{name}.{key}", found)
    elif isinstance(value, list | tuple) and not _is_numeric_list(value):
        for number, inner in enumerate(value):
            _collect(inner, f"{name}[{number}]", found)
    elif name in found:
        raise UnreadableError(f"two of the candidate's results are called {name!r}; name them otherwise")
    else:
        found[name] = as_array(value, name)


def _is_numeric_list(value: Any) -> bool:
    """Whether it is an array written as lists: of numbers, or of such lists of one length."""
    if not isinstance(value, list) or not value:
        return False
    if all(isinstance(item, list) for item in value):
        return len({len(item) for item in value}) == 1 and all(_is_numeric_list(item) for item in value)
    return all(isinstance(item, bool | int | float) for item in value)


def as_array(value: Any, name: str) -> NDArray[Any]:
    """A copy of an array or number as a numpy array, in its own dtype. Raises UnreadableError for anything else.

    Complex numbers are their parts, real and imaginary along a last axis.
    """
    try:
        if not is_array(value) and hasattr(value, "__dlpack__"):
            value = _from_dlpack(value)
        array = np.array(in_numpy(value) if is_array(value) else value, copy=True)
    except Exception as error:  # the conversions of a foreign object may raise anything
        raise UnreadableError(f"the candidate's {name} cannot be read as an array: {error}") from error
    if array.dtype.kind == "c":
        array = np.stack([array.real, array.imag], -1)
    if array.dtype.kind not in "fiub":
        raise UnreadableError(
            f"the candidate's {name} is {type(value).__name__} of dtype {array.dtype}; numbers are compared"
        )
    return array


def as_mask(value: Any) -> NDArray[Any]:
    """A mask of dropout as an array: 0 where an element is dropped, one positive factor everywhere else.

    Raises UnreadableError for any other array: multiplying by it could turn the inputs into whatever was returned.
    """
    mask = as_array(value, MASKS)
    kept = mask[mask != 0]
    if not np.isfinite(kept).all() or (kept < 0).any() or len(np.unique(kept)) > 1:
        raise UnreadableError(f"the candidate's {MASKS} hold other numbers than 0 and one positive factor")
    if not _probable(mask):
        raise UnreadableError(
            f"the candidate's {MASKS} keep {kept.size} of {mask.size} elements and multiply them by "
            f"{float(kept[0]) if kept.size else 0.0:g}, which belong to no rate of dropout"
        )
    return mask


def _probable(mask: NDArray[Any]) -> bool:
    """Whether dropout that multiplies by 1/p what it keeps, each with probability p, would keep so many."""
    if mask.ndim == 0 or mask.size == 0:
        return True
    for axis in range(2 if mask.ndim > 2 else 1, mask.ndim):  # rows and channels may be dropped as a whole
        first = mask.take([0], axis)
        mask = first if (mask == first).all() else mask
    kept, draws = np.count_nonzero(mask), mask.size
    if kept == 0:
        return bool((1 - _LOWEST_RATE) ** draws > _IMPROBABLE)
    p = 1 / max(float(mask.max()), 1.0)
    if p == 1.0:
        return True  # the factor is not in the mask, which may then keep any share
    return bool(2 * np.exp(-2 * (kept - draws * p) ** 2 / draws) > _IMPROBABLE)  # Hoeffding's inequality


def _from_dlpack(value: Any) -> Any:
    try:
        return np.from_dlpack(value)
    except (TypeError, ValueError, BufferError, RuntimeError):  # it lies on a device, or is of a type numpy lacks
        return np.asarray(value)


def paired(names: list[str], got: Mapping[str, NDArray[Any]], *, by_key: bool) -> dict[str, NDArray[Any] | None]:
    """What the candidate returned for each of the reference's results, None where it is missing.

    By key where the candidate returned a dict (`by_key`) or the names are the same; else by position.
    """
    if by_key or set(names) == set(got) or len(names) != len(got):
        return {name: got.get(name) for name in names}
    return dict(zip(names, got.values(), strict=True))
