"""The inputs of both sides: the candidate gets numpy copies, the reference tensors of the same values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_tensor(value: Any) -> bool:
    """Whether it is a torch tensor; torch is not imported to find out."""
    return type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach")


def is_array(value: Any) -> bool:
    """Whether it is numpy's or torch's, or a sparse matrix of scipy's."""
    return isinstance(value, np.ndarray | np.generic) or is_tensor(value) or is_sparse(value)


def is_sparse(value: Any) -> bool:
    """Whether it is a sparse matrix of scipy's; scipy is not imported to find out."""
    return type(value).__module__.startswith("scipy.sparse") and hasattr(value, "toarray")


def in_numpy(value: Any) -> Any:
    """A tensor, or an array of a type that numpy has from elsewhere, as an array of numpy's own, dense, exactly."""
    if is_sparse(value):
        return value.toarray()
    kind = str(value.dtype).removeprefix("torch.")
    lower = kind == "bfloat16" or kind.startswith("float8_")
    if is_tensor(value):
        value = value.detach() if str(value.layout) == "torch.strided" else value.detach().to_dense()
        value = value.cpu().resolve_conj().resolve_neg()
        return (value.float() if lower else value).numpy()
    return np.asarray(value, np.float32) if lower else value


def for_candidate(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Fresh copies of the arrays among the inputs, in their own layout; what is no array is passed on as it is."""
    return {name: _copied(value) for name, value in inputs.items()}


def _copied(value: Any) -> Any:
    if is_tensor(value):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return _like(value)
    if is_sparse(value):
        return value.copy()
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return value


def _like(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy with the same strides and the same flag of being read-only, so that every call meets the same array."""
    if array.base is None or array.flags.c_contiguous or array.flags.f_contiguous:
        copy = array.copy(order="K")
    else:
        wide = np.empty([2 * n for n in array.shape], array.dtype)
        copy = wide[tuple(slice(None, None, 2) for _ in array.shape)]
        copy[...] = array
    copy.flags.writeable = array.flags.writeable
    return copy


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of the inputs, lists and dicts of arrays included, that a call has written to."""
    return [name for name, value in before.items() if not _same(value, after[name])]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if not is_array(one):
        return True
    return same_numbers(in_numpy(one), in_numpy(other))


def same_numbers(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two arrays are equal, also in what is no number, which takes ten times as long to look for."""
    return np.array_equal(one, other) or (
        one.shape == other.shape and one.dtype.kind in "fc" and np.array_equal(one, other, equal_nan=True)
    )
