"""Arrays that show their own rounding error: what a known-wrong formula is computed with.

Each is computed in `np.longdouble`, and beside that some times in the submission's dtype, with inputs that are another
rounding off: how far these samples lie from it is what rounding may do to an honest computation of the same formula.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from reference.rounding import unit_roundoff

Array = NDArray[Any]
SAMPLES = 3
TIMES = 16
"""How many times as far as any sample another honest computation may lie, and how many roundings of itself."""


class Running(NDArrayOperatorsMixin):
    """`value` (longdouble), and `samples` of it in `dtype`, which are off by `error`, or by a rounding, at first."""

    def __init__(self, value: Any, dtype: Any, error: Any = 0.0) -> None:
        self.value: Array = np.asarray(value, np.longdouble)
        self.dtype = np.dtype(dtype)
        off = unit_roundoff(self.dtype) * np.abs(self.value) + np.asarray(error, np.longdouble) * 2 / TIMES
        draw = np.random.default_rng(zlib.crc32(np.asarray(self.value, np.float64).tobytes()))
        signs = draw.integers(0, 2, (SAMPLES, *self.value.shape)) * 2 - 1
        with np.errstate(all="ignore"):
            self.samples: list[Array] = [(self.value + sign * off).astype(self.dtype) for sign in signs]

    def allowance(self) -> Array:
        """How far an honest result may lie from `value`: as far as the worst of all elements, and an underflow."""
        with np.errstate(all="ignore"):
            off = np.max([np.abs(sample - self.value) for sample in self.samples], axis=0)
            worst = np.max(off, initial=0.0, where=np.isfinite(off))
            moved = (off > 0).any() * np.finfo(self.dtype).smallest_normal
            least = worst + moved + unit_roundoff(self.dtype) * np.abs(self.value)
            return np.asarray(np.where(np.isfinite(off), TIMES * least, np.inf), np.float64)

    # ---- shape

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def T(self) -> Running:  # noqa: N802 - numpy's name
        return self._each(lambda x: x.T)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, key: Any) -> Running:
        return self._each(lambda x: x[key])

    def reshape(self, *shape: int) -> Running:
        return self._each(lambda x: x.reshape(*shape))

    def zeros(self) -> Running:
        """Exact zeros of this shape."""
        return self._each(np.zeros_like)

    # ---- numbers

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Running:
        return self._each(lambda x: x.sum(axis=axis, keepdims=keepdims))

    def mean(self, axis: int | None = None, keepdims: bool = False) -> Running:
        return self._each(lambda x: x.mean(axis=axis, keepdims=keepdims))

    def max(self, axis: int | None = None, keepdims: bool = False) -> Running:
        return self._each(lambda x: x.max(axis=axis, keepdims=keepdims))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **_: Any) -> Any:
        if method != "__call__":
            return NotImplemented
        found = self._each(ufunc, *inputs)
        return found.value if found.value.dtype == np.bool_ else found

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return self._each(np.where, *args) if function is np.where else NotImplemented

    def _each(self, function: Callable[..., Any], *inputs: Any) -> Running:
        """What a function gives of the value, and of each sample; of itself where nothing else is given."""
        found, given = object.__new__(Running), inputs or (self,)
        found.dtype = self.dtype
        with np.errstate(all="ignore"):
            found.value = np.asarray(function(*(_wide(x) for x in given)))
            found.samples = [np.asarray(function(*(_narrow(x, k, self.dtype) for x in given))) for k in range(SAMPLES)]
        return found


def _wide(x: Any) -> Any:
    if isinstance(x, Running):
        return x.value
    return np.asarray(x, np.longdouble) if np.asarray(x).dtype.kind == "f" else x


def _narrow(x: Any, k: int, dtype: np.dtype[Any]) -> Any:
    if isinstance(x, Running):
        return x.samples[k]
    return np.asarray(x, dtype) if np.asarray(x).dtype.kind == "f" else x


def stack(values: list[Running]) -> Running:
    """np.stack along a new first axis."""
    return values[0]._each(lambda *xs: np.stack(xs), *values)
