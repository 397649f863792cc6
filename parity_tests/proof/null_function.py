"""The null function: it gives what a right one gives, and nothing of its numbers; its source goes into submissions."""

import copy
import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np


def null_of(function: Any, kind: str, among: dict[str, Any]) -> Callable[..., Any]:
    """A function of this kind: it takes and keeps what the right one does, `among` right ones, with other numbers."""
    right = FunctionType(function.__code__, among, function.__name__, function.__defaults__, function.__closure__)
    right.__kwdefaults__ = function.__kwdefaults__

    def numbers(shape: tuple[int, ...], inputs: list[Any]) -> Any:
        if kind == "random numbers":
            return np.random.standard_normal(shape)
        fitting = [one for one in inputs if one.size == np.prod(shape)]
        if kind in ("its input", "its last input") and fitting:
            return fitting[0 if kind == "its input" else -1].reshape(shape)
        return np.full(shape, {"NaN": np.nan, "ones": 1.0, "a constant": 0.3719}.get(kind, 0.0))

    def arrays(value: Any) -> list[Any]:
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        own = [value] if isinstance(value, np.ndarray) and value.dtype.kind == "f" else []
        return own + [array for one in values for array in arrays(one)]

    def filled(value: Any, was: Any, inputs: list[Any], own: dict[int, Any]) -> Any:
        if id(value) in own:
            return own[id(value)]
        if isinstance(value, dict):
            before = was if isinstance(was, dict) else {}
            return {key: filled(one, before.get(key), inputs, own) for key, one in value.items()}
        if isinstance(value, list):
            alike = was if isinstance(was, list) and len(was) == len(value) else [None] * len(value)
            return [filled(one, before, inputs, own) for one, before in zip(value, alike, strict=True)]
        if hasattr(value, "__dict__") and not callable(value):  # an object that this one works with
            own[id(value)] = value
            before = vars(was) if type(was) is type(value) else {}
            vars(value).update({name: filled(one, before.get(name), inputs, own) for name, one in vars(value).items()})
            return value
        if isinstance(value, np.ndarray | float) and np.asarray(value).dtype.kind == "f":
            same = np.shape(was) == np.shape(value) and was is not None and np.array_equal(was, value, equal_nan=True)
            return was if same else numbers(np.shape(value), inputs) if np.ndim(value) else float(numbers((), []))
        return value

    def counted(value: Any, inputs: list[Any]) -> Any:
        """Numbers in the place of whole ones and of masks as well."""
        is_whole = isinstance(value, np.ndarray | int) and np.asarray(value).dtype.kind in "bi"
        return numbers(np.shape(value), inputs) if is_whole else value

    @functools.wraps(function)
    def null(*args: Any, **named: Any) -> Any:
        if kind == "an error":
            raise NotImplementedError(function.__name__)
        if kind == "None":
            return None
        given, further = copy.deepcopy((args, named))
        everything, copied = [*args, *named.values()], [*given, *further.values()]
        own = {id(new): one for one, new in zip(everything, copied, strict=True)}
        inputs = arrays(everything)
        try:
            value = right(*given, **further)
        except Exception:  # another null function gave it nothing
            return None
        for one, new in zip(args, given, strict=True):
            for name, kept in getattr(new, "__dict__", {}).items():
                vars(one)[name] = filled(kept, vars(one).get(name), inputs, own)
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            return [tuple(filled(array, None, inputs, own) for array in one) for one in value]
        if isinstance(value, tuple):  # a tuple in it is a cache, on which the backward is to be judged
            return tuple(counted(filled(one, None, inputs, own), inputs) for one in value)
        return counted(filled(value, None, inputs, own), inputs)

    return null
