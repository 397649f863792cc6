"""What a candidate returned: its arrays by name, whatever library they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.errors import UsageError

MASKS = "masks"
"""The entry of a candidate's result that is handed to the reference instead of being compared."""


def by_name(result: Any) -> dict[str, NDArray[Any]]:
    """The arrays of a result by name: "output", "output[0]", "output.key"; a dict's own keys at the top.

    Entries that are None are left out. Raises UsageError for what is no array.
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
        raise UsageError(f"two of the candidate's results are called {name!r}; name them otherwise.")
    else:
        found[name] = as_array(value, name)


def _is_numeric_list(value: list[Any] | tuple[Any, ...]) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, bool | int | float) for item in value)


def as_array(value: Any, name: str) -> NDArray[Any]:
    """A copy of an array or number as a numpy array, in its own dtype. Raises UsageError for anything else."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # a torch tensor, without importing torch
        value = value.detach().cpu().numpy()
    elif not isinstance(value, np.ndarray | np.generic) and hasattr(value, "__dlpack__"):
        value = _from_dlpack(value, name)
    array = np.array(value, copy=True)
    if array.dtype.kind not in "fiub":
        raise UsageError(
            f"the candidate's {name} is {type(value).__name__} of dtype {array.dtype}; numbers are compared."
        )
    return array


def _from_dlpack(value: Any, name: str) -> Any:
    try:
        return np.from_dlpack(value)
    except (TypeError, ValueError, BufferError, RuntimeError):  # it lies on a device, or is of a type numpy lacks
        try:
            return np.asarray(value)
        except (TypeError, ValueError) as error:
            raise UsageError(f"the candidate's {name} cannot be read as an array: {error}.") from error


def paired(names: list[str], got: Mapping[str, NDArray[Any]], *, by_key: bool) -> dict[str, NDArray[Any] | None]:
    """What the candidate returned for each of the reference's results, None where it is missing.

    By key where the candidate returned a dict (`by_key`) or the names are the same; else by position.
    """
    if by_key or set(names) == set(got) or len(names) != len(got):
        return {name: got.get(name) for name in names}
    return dict(zip(names, got.values(), strict=True))
