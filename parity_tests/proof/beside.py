"""What watches a changed function while questions are asked: this text is put behind that of a variant."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from operator import setitem
from typing import Any

import numpy as np

NUMBERS = np.ndarray, np.generic, int, float
Put = Callable[[Any], None]


class Unusable:
    """Stands for what nobody may read."""

    def _fail(self, *_: Any) -> Any:
        raise AssertionError("this is read")

    __array__ = __bool__ = __eq__ = __hash__ = __iter__ = _fail


def beside(right: Callable[..., Any], changed: Callable[..., Any], how: str) -> Callable[..., Any]:
    """The changed function, which fails where it gives, or leaves in what it is given, anything but the right one does.

    It may be "rounded" otherwise; or all that is otherwise is made unusable, to be "unread". Both draw the same.
    """

    def both(*given: Any, **named: Any) -> Any:
        state, own = np.random.get_state(), copy.deepcopy((given, named))
        expected = [right(*own[0], **own[1])], *own[0], *own[1].values()
        np.random.set_state(state)
        found = [changed(*given, **named)], *given, *named.values()
        for one, other, put in pairs(expected, found):
            if not same(one, other, rounded=how == "rounded"):
                if how == "unread" and isinstance(other, np.ndarray) and other.dtype.kind == "f":
                    other[...] = np.nan
                elif how == "unread" and put:
                    put(Unusable())
                else:
                    raise AssertionError("it gives or leaves anything but the right one does")
        return found[0][0]

    return both


def pairs(one: Any, other: Any, put: Put | None = None) -> Iterator[tuple[Any, Any, Put | None]]:
    """What two values are made of, and how anything is put in the place of the other's; None for what a tuple holds."""
    if type(one) is not type(other) or isinstance(one, (type, *NUMBERS)) or type(one).__module__ == "functools":
        yield one, other, put
    elif isinstance(one, list | tuple) and len(one) == len(other):
        for k, pair in enumerate(zip(one, other, strict=True)):
            yield from pairs(*pair, partial(setitem, other, k) if isinstance(other, list) else None)
    elif isinstance(one, dict) or (hasattr(one, "__dict__") and type(one).__module__ != "builtins"):
        a, b = (one, other) if isinstance(one, dict) else (vars(one), vars(other))
        for key in {**a, **b}:
            yield from pairs(a.get(key, Unusable), b.get(key, Unusable), partial(setitem, b, key))
    else:
        yield one, other, put


def same(one: Any, other: Any, *, rounded: bool) -> bool:
    """Whether two values are the same to the bit, or as arrays without axes of 1 up to rounding."""
    if not (isinstance(one, NUMBERS) and isinstance(other, NUMBERS)):
        return one is other or (type(one) is type(other) and bool(one == other))
    a, b = np.asarray(one), np.asarray(other)
    if not rounded:
        return type(one) is type(other) and (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    half = np.finfo(a.dtype).eps ** 0.5 if a.dtype.kind == "f" else 0.0  # of all digits
    a, b = 1.0 * a.squeeze(), 1.0 * b.squeeze()
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= half * np.abs(a).max(initial=0)))


def alone(kind: type) -> None:
    """Has the methods of a class fail where one object of it is called again after another has been."""
    called: list[Any] = []

    def watched(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, *given: Any, **named: Any) -> Any:
            if any(one is self for one in called[:-1]):
                raise AssertionError("two objects are asked in turn")
            called.extend([] if called and called[-1] is self else [self])
            return method(self, *given, **named)

        return call

    for name, method in [*vars(kind).items()]:
        if callable(method):
            setattr(kind, name, watched(method))
