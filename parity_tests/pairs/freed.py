"""What a factorisation leaves free, signs and order, brought to torch's before results are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from reference.flow import Flowed

Arrays = dict[str, NDArray[Any]]


def as_torch_has_them(arrays: Mapping[str, NDArray[Any] | None], flowed: Mapping[str, Flowed]) -> tuple[Arrays, str]:
    """The arrays, by the reference's names for them, in the order and with the signs of torch's; what was changed.

    All slices that belong together are exchanged, or turned, together: Q's columns with R's rows. What has another
    shape is left as it is.
    """
    found = {name: x for name, x in arrays.items() if x is not None and name in flowed}
    want = {name: flowed[name].value.detach().cpu().numpy() for name in found}
    fit = {name for name, x in found.items() if x.shape == want[name].shape and np.isfinite(x).all() and x.size}
    said = []
    for free in next(iter(flowed.values())).free:
        signs = [(name, axis) for name, axis in free.signs if name in fit]
        if free.order in fit and len(signs) == len(free.signs):
            values = found[free.order]
            order = np.empty(values.shape, np.int64)
            ranks = np.argsort(want[free.order], -1, kind="stable")
            np.put_along_axis(order, ranks, np.argsort(values, -1, kind="stable"), -1)
            taken = np.take_along_axis(values, order, -1)
            if (taken != values).any():
                said.append("in another order")
                found[free.order] = taken
                for name, axis in signs:
                    count = found[name].shape[axis]
                    if count == values.shape[-1]:
                        found[name] = np.take_along_axis(found[name], _along(order, axis), axis)
        if signs:
            least = min(found[name].shape[axis] for name, axis in signs)
            with np.errstate(all="ignore"):
                alike = sum(_product(found[name], want[name], axis)[..., :least] for name, axis in signs)
            turn = np.where(np.asarray(alike) < 0, -1, 1)
            if (turn < 0).any():
                said.append("with other signs")
                for name, axis in signs:
                    found[name] = found[name].copy()
                    part = np.moveaxis(found[name], axis, -1)[..., :least]
                    part *= np.expand_dims(turn, -2).astype(part.dtype)
    return found, " and ".join(dict.fromkeys(said))


def _along(order: NDArray[Any], axis: int) -> NDArray[Any]:
    """Places along an axis of matrices."""
    return np.expand_dims(order, -2 if axis == -1 else -1)


def _product(x: NDArray[Any], y: NDArray[Any], axis: int) -> NDArray[Any]:
    """Of each slice along an axis of matrices with the other's."""
    return np.asarray((x * y).sum(-2 if axis == -1 else -1))
