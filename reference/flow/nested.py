"""Tensors among the nested arguments and results of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload


def tensors(values: Any) -> list[Tensor]:
    """All tensors in nested lists, tuples and dicts, in their order."""
    if isinstance(values, Tensor):
        return [values]
    found: list[Tensor] = []
    _collect(values, found)
    return found


def as_real(x: Tensor) -> Tensor:
    """The numbers that a complex tensor is made of, real and imaginary ones along a last axis; a real one as it is."""
    return torch.view_as_real(x.conj() if x.is_conj() else x) if x.is_complex() else x


def any_complex(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether an operation gets complex numbers, or is to make them of real ones."""
    for x in args:
        if isinstance(x, Tensor):
            if x.is_complex():
                return True
        elif isinstance(x, complex) or (isinstance(x, (list, tuple)) and any_complex(tuple(x), {})):
            return True
    if not kwargs:
        return False
    to = kwargs.get("dtype")
    return (isinstance(to, torch.dtype) and to.is_complex) or any_complex(tuple(kwargs.values()), {})


def holds_any(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a tensor among the arguments has numbers; most often the first one."""
    if args and isinstance(args[0], Tensor):
        return not args[0].is_meta
    return any(not x.is_meta for x in tensors((args, kwargs)))


def _collect(values: Any, found: list[Tensor]) -> None:
    if isinstance(values, (tuple, list)):
        for value in values:
            if isinstance(value, Tensor):
                found.append(value)
            elif isinstance(value, (tuple, list, dict)):
                _collect(value, found)
    elif isinstance(values, dict):
        if values:
            _collect(list(values.values()), found)
    elif isinstance(values, Tensor):
        found.append(values)


def changed(values: Any, change: Callable[[Any], Any]) -> Any:
    """Nested lists, tuples and dicts with `change` applied to all that they hold."""
    kind = type(values)
    if kind is tuple:  # most often, and most are flat
        return tuple([changed(x, change) if isinstance(x, (tuple, list, dict)) else change(x) for x in values])
    if kind is dict:
        return {key: changed(value, change) for key, value in values.items()} if values else values
    if isinstance(values, (tuple, list)):
        return kind([changed(value, change) for value in values])
    if isinstance(values, dict):
        return {key: changed(value, change) for key, value in values.items()}
    return change(values)


def replaced(values: Any, by: dict[int, Tensor]) -> Any:
    """Nested `values` with the tensors whose id is a key of `by` replaced."""
    return changed(values, lambda x: by.get(id(x), x) if isinstance(x, Tensor) else x)


def bound_arguments(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What is given, by the names of the operation's schema."""
    return {a.name: value for a, value in zip(func._schema.arguments, args, strict=False)} | kwargs


def written(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """The tensors that an operation writes into, as its schema says."""
    if not func._schema.is_mutable:
        return []
    given = bound_arguments(func, args, kwargs)
    names = [a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    return tensors([given.get(name) for name in names])


def same_storage(x: Tensor, y: Tensor) -> bool:
    """Whether one lies in the other's memory, as views do."""
    return bool(x.untyped_storage()._cdata == y.untyped_storage()._cdata)


def is_float_conversion(func: OpOverload, x: Any, out: Any) -> bool:
    """Whether one floating type becomes another, which in a replica, all in float64, need not happen at all."""
    return bool(func is torch.ops.aten._to_copy.default and x.is_floating_point() and out.is_floating_point())
