"""Puts weights and gradients into a layer, however it keeps them: in dicts, slots or attributes behind a property.

The submission's process loads this file by its path: numpy and the standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

import numpy as np


def parameter(layer: Any, key: str) -> Any:
    """params[key] of a layer; None where there is none."""
    return _entry(layer, "params", key)


def set_weights(layer: Any, W: np.ndarray, b: np.ndarray) -> None:
    """Give the layer these weights (b 1×M, or flat where its own constructor made a flat one)."""
    own = parameter(layer, "b")
    flat = isinstance(own, np.ndarray) and own.shape == (b.size,)
    put(layer, "params", "W", W)
    put(layer, "params", "b", b.reshape(-1) if flat else b)


def own(layer: Any, attribute: str) -> None:
    """Give the layer a dict of its own where its class holds the one that it has, for all layers together."""
    entries = getattr(layer, attribute, None)
    held = (value for base in type(layer).__mro__ for value in vars(base).values())
    if type(entries) is dict and any(value is entries for value in held):
        with suppress(AttributeError, TypeError):
            setattr(layer, attribute, dict(entries))


def goes_on(model: Any, returned: Any) -> bool:
    """Whether SGD returned another model, of the same modules by name, with which its caller may go on."""
    if returned is model or not isinstance(returned, Mapping):
        return False
    return list(returned) == list(model) and all(type(returned[name]) is type(model[name]) for name in model)


def shared(one: Any, other: Any, attribute: str) -> bool:
    """Whether two layers have one dict under this attribute, or an array in common in theirs."""
    entries = [getattr(layer, attribute, None) for layer in (one, other)]
    if entries[0] is entries[1]:
        return entries[0] is not None
    arrays = [
        [value for value in entry.values() if isinstance(value, np.ndarray)]
        if isinstance(entry, MutableMapping)
        else []
        for entry in entries
    ]
    return any(np.may_share_memory(mine, yours) for mine in arrays[0] for yours in arrays[1])


def put(layer: Any, attribute: str, key: str, array: np.ndarray) -> bool:
    """Let layer.<attribute>[key] be `array`, and so all else in which the layer keeps the very same array.

    Returns whether it is: where the layer gives no way to put it there, its numbers are put into the array there.
    """
    entries = getattr(layer, attribute, None)
    if not isinstance(entries, MutableMapping):
        entries = {}
        with suppress(AttributeError, TypeError):
            setattr(layer, attribute, entries)
    old = entries.get(key)
    with suppress(TypeError):
        entries[key] = array
    for name, value in list(_attributes(layer)):
        if old is not None and value is old:
            with suppress(AttributeError):
                setattr(layer, name, array)
    now = _entry(layer, attribute, key)
    if now is not array and isinstance(now, np.ndarray) and now.shape == array.shape:
        now[...] = array
    return bool(now is array)


def _entry(layer: Any, attribute: str, key: str) -> Any:
    entries = getattr(layer, attribute, None)
    return entries.get(key) if isinstance(entries, MutableMapping) else None


def _attributes(layer: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that the layer itself keeps, in its dict and in its slots."""
    yield from getattr(layer, "__dict__", {}).items()
    for cls in type(layer).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            with suppress(AttributeError):
                yield name, getattr(layer, name)
