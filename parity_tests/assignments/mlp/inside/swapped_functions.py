"""Puts a call of our own into functions of a submission, under all names that they are bound to.

The submission's process loads this file by its path: the standard library only.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any


def swap(function: types.FunctionType, hook: Callable[..., Any], modules: Sequence[types.ModuleType]) -> None:
    """Swaps a function's code for a call of `hook(what it was, *args, **kwargs)`; a second time for the same, nothing.

    A decorated function's code cannot be swapped: it is replaced under its names in `modules`.
    """
    code = function.__code__
    if code.co_name == "trampoline":
        return
    original = types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__

    def hooked(*args: Any, **kwargs: Any) -> Any:
        return hook(original, *args, **kwargs)

    if code.co_freevars:
        for module in modules:
            for name, value in list(vars(module).items()):
                if value is function:
                    setattr(module, name, hooked)
        return

    def trampoline(*args: Any, **kwargs: Any) -> Any:
        target: Any = "HOOKED"  # replaced below: swapped code may have constants, but no free variables
        return target(*args, **kwargs)

    constants = tuple(hooked if value == "HOOKED" else value for value in trampoline.__code__.co_consts)
    function.__code__ = trampoline.__code__.replace(co_consts=constants)
    function.__defaults__ = function.__kwdefaults__ = None
