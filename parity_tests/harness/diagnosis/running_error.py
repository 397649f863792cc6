"""Arrays that carry a bound on their own rounding error: what a known-wrong formula is computed with.

Running error analysis (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 3.3): each operation
adds the roundings it makes in the submission's dtype to what its operands bring. Values are of `np.longdouble`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from reference.rounding import NUMPY_EXP_ULPS, NUMPY_LOG_ULPS, TANH_FORM_FORWARD, gamma, unit_roundoff

Array = NDArray[Any]
COMPARISONS = (np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal)


class Running(NDArrayOperatorsMixin):
    """`value` (longdouble) within `error` of what one honest computation in `dtype` gives; arrays of one shape."""

    def __init__(self, value: Any, dtype: Any, error: Any = 0.0) -> None:
        self.value: Array = np.asarray(value, np.longdouble)
        self.dtype = np.dtype(dtype)
        bound = np.asarray(error, np.longdouble)
        self.error: Array = bound if bound.shape == self.value.shape else np.broadcast_to(bound, self.value.shape)

    def allowance(self) -> Array:
        """How far an honest result may lie from `value`: both sides' errors, as everywhere else, and an underflow."""
        tiny = np.finfo(self.dtype).smallest_normal
        with np.errstate(over="ignore"):
            return np.asarray(2 * self.error + 2 * tiny * (self.error > 0), np.float64)

    # ---- shape

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def T(self) -> Running:  # noqa: N802 - numpy's name
        return self._like(self.value.T, self.error.T)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, key: Any) -> Running:
        return self._like(self.value[key], self.error[key])

    def reshape(self, *shape: int) -> Running:
        return self._like(self.value.reshape(*shape), self.error.reshape(*shape))

    def zeros(self) -> Running:
        """Exact zeros of this shape."""
        return self._like(np.zeros(self.shape), 0.0)

    # ---- sums

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Running:
        terms = self.value.size if axis is None else self.shape[axis]
        size = np.abs(self.value).sum(axis=axis, keepdims=keepdims)
        carried = self.error.sum(axis=axis, keepdims=keepdims)
        return self._like(self.value.sum(axis=axis, keepdims=keepdims), carried + gamma(terms + 1, self.dtype) * size)

    def mean(self, axis: int | None = None, keepdims: bool = False) -> Running:
        count = self.value.size if axis is None else self.shape[axis]
        total: Running = self.sum(axis, keepdims) / count
        return total

    def max(self, axis: int | None = None, keepdims: bool = False) -> Running:
        return self._like(self.value.max(axis=axis, keepdims=keepdims), self.error.max(axis=axis, keepdims=keepdims))

    # ---- arithmetic

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **_: Any) -> Any:
        if method != "__call__":
            return NotImplemented
        operands = [self._of(value) for value in inputs]
        with np.errstate(all="ignore"):
            value = ufunc(*(operand.value for operand in operands))
            if ufunc in COMPARISONS:
                return value
            rule = _RULES.get(ufunc)
            if rule is None:
                return NotImplemented
            u = unit_roundoff(self.dtype)
            return self._like(value, rule(value, u, self.dtype, *operands))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return where(*args) if function is np.where else NotImplemented

    def _of(self, value: Any) -> Running:
        """An operand: a rate that is no whole number may itself have been rounded to the dtype."""
        if isinstance(value, Running):
            return value
        array = np.asarray(value, np.longdouble)
        rounded = unit_roundoff(self.dtype) * np.abs(array) * (array != np.rint(array))
        return self._like(array, rounded)

    def _like(self, value: Any, error: Any) -> Running:
        return Running(value, self.dtype, error)


def _product(v: Any, u: float, dtype: Any, a: Running, b: Running) -> Any:
    if b.value.ndim == 0:
        a, b = b, a
    if a.value.ndim == 0:  # a rate: what stands before an array is taken together, for most of the time goes here
        size, carried = abs(a.value[()]), a.error[()]
        return (size + carried) * b.error + (carried + u * size) * np.abs(b.value)
    return np.abs(a.value) * b.error + a.error * (np.abs(b.value) + b.error) + u * np.abs(v)


def _quotient(v: Any, u: float, dtype: Any, a: Running, b: Running) -> Any:
    least = np.maximum(np.abs(b.value) - b.error, 0)
    return (a.error + np.abs(v) * b.error) / least + u * np.abs(v)


def _matrices(v: Any, u: float, dtype: Any, a: Running, b: Running) -> Any:
    A, B = np.abs(a.value), np.abs(b.value)
    return A @ b.error + a.error @ (B + b.error) + gamma(a.shape[-1] + 1, dtype) * (A @ B)


def _sum(v: Any, u: float, dtype: Any, a: Running, b: Running) -> Any:
    return a.error + b.error + u * np.abs(v)


def _widest(v: Any, u: float, dtype: Any, a: Running, b: Running) -> Any:
    return np.maximum(a.error, b.error)


def _power(v: Any, u: float, dtype: Any, a: Running, b: Running) -> Any:
    """How far the power moves where its base and exponent do: it is monotonous in both, so that corners are enough."""
    base, size = np.abs(a.value), np.abs(v)
    corners = [np.maximum(base + s * a.error, 0) ** (b.value + t * b.error) for s in (-1, 1) for t in (-1, 1)]
    return np.maximum.reduce([np.abs(corner - size) for corner in corners]) + 2 * NUMPY_EXP_ULPS * u * size


def _logarithm(v: Any, u: float, dtype: Any, a: Running) -> Any:
    """Of any base: the natural one's error, which is the largest."""
    return a.error / np.maximum(a.value - a.error, 0) + u * (1 + 2 * NUMPY_LOG_ULPS * np.abs(v))


def _carried(v: Any, u: float, dtype: Any, a: Running) -> Any:
    return a.error


def _smooth(v: Any, u: float, dtype: Any, a: Running) -> Any:
    """Functions of slope at most 1 like tanh, in any of their forms: an absolute error beside a relative one."""
    return a.error + u * (TANH_FORM_FORWARD + 2 * np.abs(v))


_RULES: dict[Any, Callable[..., Any]] = {
    np.add: _sum,
    np.subtract: _sum,
    np.multiply: _product,
    np.divide: _quotient,
    np.matmul: _matrices,
    np.maximum: _widest,
    np.minimum: _widest,
    np.negative: _carried,
    np.absolute: _carried,
    np.tanh: _smooth,
    np.arctan: _smooth,
    np.square: lambda v, u, dtype, a: 2 * np.abs(a.value) * a.error + a.error**2 + u * np.abs(v),
    np.sqrt: lambda v, u, dtype, a: a.error / np.maximum(v, u) + u * np.abs(v),
    np.exp: lambda v, u, dtype, a: v * (np.expm1(a.error) + 2 * NUMPY_EXP_ULPS * u),
    np.power: _power,
    np.log: _logarithm,
    np.log10: _logarithm,
    np.log2: lambda v, u, dtype, a: 1.5 * _logarithm(v, u, dtype, a),
    np.tan: lambda v, u, dtype, a: (a.error + 4 * u) * (1 + v * v),
}


def where(condition: Any, a: Any, b: Any) -> Running:
    """np.where for Running values; the condition is a plain Boolean array."""
    x, y = (a, b) if isinstance(a, Running) else (b, a)
    other = x._of(y)
    a, b = (x, other) if isinstance(a, Running) else (other, x)
    return x._like(np.where(condition, a.value, b.value), np.where(condition, a.error, b.error))


def stack(values: list[Running]) -> Running:
    """np.stack along a new first axis."""
    return values[0]._like(np.stack([v.value for v in values]), np.stack([v.error for v in values]))
