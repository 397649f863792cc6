"""Puts the arguments of a call in the order in which a function of the submission declares them.

The submission's process loads this file by its path: the standard library only.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

_GATHERING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def in_order(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], *, method: bool) -> list[Any]:
    """The arguments of a call in the order in which `function` declares them, whatever it names them."""
    if not kwargs:
        return list(args)
    plain = [*([None] if method else []), *args]
    try:
        order = _order(function, len(plain), tuple(kwargs))
        if order:
            given = [*plain, *kwargs.values()]
            values = [given[index] for index in order]
        else:
            bound = _signature(function).bind(*plain, **kwargs)
            if any(
                one.kind in _GATHERING for name, one in bound.signature.parameters.items() if name in bound.arguments
            ):
                return [*args, *kwargs.values()]
            values = list(bound.arguments.values())
    except (TypeError, ValueError):
        return [*args, *kwargs.values()]
    return values[1 if method else 0 :]


def default_of(method: Any, position: int) -> Any:
    """The default of a method's parameter at `position` (self not counted); True where it has none."""
    try:
        default = list(_signature(method).parameters.values())[position + 1].default
    except (TypeError, ValueError, IndexError):
        return True
    return True if default is inspect.Parameter.empty else default


def accepts(function: Any, *args: Any) -> bool:
    """Whether a function can be called with these arguments."""
    try:
        inspect.signature(function).bind(*args)
    except (TypeError, ValueError):
        return False
    return True


def forget_functions() -> None:
    """Empties the caches, which hold functions of the submission."""
    _signature.cache_clear()
    _order.cache_clear()


@lru_cache(maxsize=64)
def _signature(function: Any) -> inspect.Signature:
    return inspect.signature(function)


@lru_cache(maxsize=64)
def _order(function: Any, plain: int, names: tuple[str, ...]) -> tuple[int, ...]:
    """Which argument of such a call, with so many `plain` ones and then these by name, comes first, second, … .

    That is the same in every call of its form. () where `function` gathers some of them in one parameter. Raises
    TypeError, ValueError where it cannot be called so.
    """
    given = range(plain + len(names))
    bound = _signature(function).bind(*given[:plain], **dict(zip(names, given[plain:], strict=True)))
    order = tuple(bound.arguments.values())
    return order if all(type(index) is int for index in order) else ()
