"""Tensors among the nested arguments and results of operations."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch._ops import OpOverload
from torch.utils._pytree import tree_flatten, tree_map_only


def tensors(values: Any) -> list[Tensor]:
    """All tensors in nested lists, tuples and dicts, in their order."""
    return [x for x in tree_flatten(values)[0] if isinstance(x, Tensor)]


def replaced(values: Any, by: dict[int, Tensor]) -> Any:
    """Nested `values` with the tensors whose id is a key of `by` replaced."""
    return tree_map_only(Tensor, lambda x: by.get(id(x), x), values)


def bound_arguments(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What is given, by the names of the operation's schema."""
    return {a.name: value for a, value in zip(func._schema.arguments, args, strict=False)} | kwargs


def same_storage(x: Tensor, y: Tensor) -> bool:
    """Whether one lies in the other's memory, as views do."""
    return x.untyped_storage()._cdata == y.untyped_storage()._cdata
