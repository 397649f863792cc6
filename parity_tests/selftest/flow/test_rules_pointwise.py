"""Rules of element by element operations against mpmath: the radius is enough, and half of it is not."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from mpmath import mpf

from parity_tests.selftest.flow.soundness import DTYPES, Pointwise, assert_sound
from reference.flow.rounding import (
    EXP_ULPS,
    LOG_ULPS,
    TANH_ULPS,
    TORCH_FAST_EXP_ULPS,
    TORCH_ULPS,
    VECTOR_ULPS,
    precision,
)

aten = torch.ops.aten
pytestmark = pytest.mark.usefixtures("one_thread")

ANY = [(1.1,), (-3.7,), (0.01,), (1e-30,), (-1e30,), (7.25,)]
SMALL = [(0.3,), (-0.9,), (1e-5,), (2.1,), (-5.5,), (0.7,)]
POSITIVE = [(1.1,), (0.01,), (1e-30,), (1e30,), (7.25,), (3.0,)]
INSIDE = [(0.3,), (-0.9,), (1e-5,), (0.7,)]
PAIRS = [(1.3, 0.1), (0.1, -0.1000001), (1e8, 3.3), (3e-30, 1e30), (-2.7, 7.1), (5.1, 5.1), (0.3, -1.1)]
"""Among them cancellation and magnitudes far apart."""


QUOTIENTS = [(5.3, 2.0), (-5.3, 2.0), (7.9995, 2.0), (-0.3, 7.0), (100.7, -0.9), (6.0, 3.0), (1e-3, 5.0)]
"""Among them one that a radius takes past a whole number, and one that is whole."""


def times_u(k: float) -> Any:
    """k roundings on both sides together, relative to the result."""
    return lambda *values: k * abs(values[-1])


def ulps(candidate: float) -> Any:
    """torch's ulp and the candidate's: 2u each."""
    return times_u(2 * (TORCH_ULPS + candidate))


def sigmoid_rounding(x: Any, s: Any) -> Any:
    """Of e^(−x) counted (1 − s) times, and of sum and quotient: two roundings a side."""
    return s * (2 * (EXP_ULPS + TORCH_FAST_EXP_ULPS) * (1 - s) + 4)


def truncated_remainder(a: Any, b: Any) -> Any:
    """a − b·q with a/b truncated to q."""
    return a - b * int(a / b)


RULES = [
    Pointwise("add", torch.add, lambda a, b: a + b, times_u(2), PAIRS),
    Pointwise("sub", torch.sub, lambda a, b: a - b, times_u(2), PAIRS),
    Pointwise("rsub", torch.rsub, lambda a, b: b - a, times_u(2), PAIRS),
    Pointwise(
        "add scaled",
        lambda a, b: torch.add(a, b, alpha=3),
        lambda a, b: a + 3 * b,
        lambda a, b, out: 2 * abs(out) + 2 * abs(3 * b),
        PAIRS,
    ),
    Pointwise("mul", torch.mul, lambda a, b: a * b, times_u(2), PAIRS),
    Pointwise("div", torch.div, lambda a, b: a / b, times_u(4), PAIRS),
    Pointwise("reciprocal", torch.reciprocal, lambda x: 1 / x, times_u(2), ANY),
    Pointwise(
        "addcmul",
        lambda a, b: torch.addcmul(a, b, b, value=3),
        lambda a, b: a + 3 * b * b,
        lambda a, b, out: 2 * abs(out) + 4 * abs(3 * b * b),
        PAIRS,
    ),
    Pointwise(
        "addcdiv",
        lambda a, b: torch.addcdiv(a, a, b, value=3),
        lambda a, b: a + 3 * a / b,
        lambda a, b, out: 2 * abs(out) + 6 * abs(3 * a / b),
        [(1.3, 0.1), (1e8, 3.3), (-2.7, 7.1), (0.3, -1.1)],
        relative_radii=(0.0,),
    ),
    Pointwise(
        "lerp",
        lambda a, b: torch.lerp(a, b, 0.25),
        lambda a, b: a + (b - a) / 4,
        lambda a, b, out: 6 * max(abs(a) * 3 / 4 + abs(b) / 4, abs(b - a) * 3 / 4),
        PAIRS,
    ),
    Pointwise(
        "lerp by a rounded weight",
        lambda a, b: torch.lerp(a, b, 0.1),
        lambda a, b: a + (b - a) / 10,
        lambda a, b, out: 6 * max(abs(a) * 9 / 10 + abs(b) / 10, abs(b - a) * 9 / 10),
        [(1e-6, 3e-6), (0.0, 2e-5)],
    ),
    Pointwise("square", torch.square, lambda x: x * x, times_u(2), SMALL),
    Pointwise("cube", lambda x: x**3, lambda x: x**3, times_u(2 * (3 + VECTOR_ULPS)), SMALL),
    Pointwise("power", lambda x: x**1.7, lambda x: x ** mpf(1.7), times_u(2 * (2 + VECTOR_ULPS)), POSITIVE),
    Pointwise("inverse power", lambda x: x**-0.5, lambda x: 1 / mpmath.sqrt(x), times_u(12), POSITIVE),
    Pointwise("sqrt", torch.sqrt, mpmath.sqrt, times_u(3), POSITIVE),
    Pointwise("rsqrt", torch.rsqrt, lambda x: 1 / mpmath.sqrt(x), times_u(4), POSITIVE),
    Pointwise("exp", torch.exp, mpmath.exp, ulps(EXP_ULPS), [*SMALL, (-80.0,), (80.0,)]),
    Pointwise("exp2", torch.exp2, lambda x: mpf(2) ** x, ulps(VECTOR_ULPS), SMALL),
    Pointwise("expm1", torch.expm1, mpmath.expm1, ulps(VECTOR_ULPS), SMALL),
    Pointwise("log", torch.log, mpmath.log, ulps(LOG_ULPS), [*POSITIVE, (1.0000001,)]),
    Pointwise("log2", torch.log2, lambda x: mpmath.log(x, 2), ulps(VECTOR_ULPS), POSITIVE),
    Pointwise("log10", torch.log10, mpmath.log10, ulps(VECTOR_ULPS), POSITIVE),
    Pointwise("log1p", torch.log1p, mpmath.log1p, ulps(VECTOR_ULPS), INSIDE),
    Pointwise("sin", torch.sin, mpmath.sin, ulps(VECTOR_ULPS), SMALL),
    Pointwise("cos", torch.cos, mpmath.cos, ulps(VECTOR_ULPS), SMALL),
    Pointwise("tan", torch.tan, mpmath.tan, ulps(VECTOR_ULPS), INSIDE),
    Pointwise("asin", torch.asin, mpmath.asin, ulps(VECTOR_ULPS), INSIDE),
    Pointwise("acos", torch.acos, mpmath.acos, ulps(VECTOR_ULPS), INSIDE),
    Pointwise("atan", torch.atan, mpmath.atan, ulps(VECTOR_ULPS), SMALL),
    Pointwise("sinh", torch.sinh, mpmath.sinh, ulps(VECTOR_ULPS), SMALL),
    Pointwise("cosh", torch.cosh, mpmath.cosh, ulps(VECTOR_ULPS), SMALL),
    Pointwise("asinh", torch.asinh, mpmath.asinh, ulps(VECTOR_ULPS), SMALL),
    Pointwise("acosh", torch.acosh, mpmath.acosh, ulps(VECTOR_ULPS), [(1.5,), (7.0,), (1e10,)]),
    Pointwise("atanh", torch.atanh, mpmath.atanh, ulps(VECTOR_ULPS), INSIDE),
    Pointwise("erf", torch.erf, mpmath.erf, ulps(VECTOR_ULPS), SMALL),
    Pointwise("erfc", torch.erfc, mpmath.erfc, ulps(VECTOR_ULPS), SMALL),
    Pointwise("tanh", torch.tanh, mpmath.tanh, ulps(TANH_ULPS), SMALL),
    Pointwise("sigmoid", torch.sigmoid, lambda x: 1 / (1 + mpmath.exp(-x)), sigmoid_rounding, [*SMALL, (-60.0,)]),
    Pointwise(
        "tanh_backward",
        aten.tanh_backward,
        lambda g, h: g * (1 - h * h),
        lambda g, h, out: 2 * abs(g) * h * h + 2 * abs(g) * (1 - h * h) + 2 * abs(out),
        [(1.3, 0.1), (-2.0, 0.9999), (0.3, -0.5)],
    ),
    Pointwise(
        "sigmoid_backward",
        aten.sigmoid_backward,
        lambda g, s: g * s * (1 - s),
        times_u(6),
        [(1.3, 0.1), (-2.0, 0.9), (0.3, 0.5)],
    ),
    Pointwise(
        "power of both",
        torch.pow,
        lambda x, y: x**y,
        ulps(VECTOR_ULPS),
        [(1.3, 0.7), (0.01, 2.5), (7.25, -1.1), (1.1, 30.0)],
    ),
    Pointwise(
        "atan2", torch.atan2, mpmath.atan2, ulps(VECTOR_ULPS), [(1.3, 0.1), (0.1, -0.5), (-2.7, 7.1), (3e-3, 1.0)]
    ),
    Pointwise("hypot", torch.hypot, mpmath.hypot, ulps(VECTOR_ULPS), PAIRS),
    Pointwise("fmod", torch.fmod, truncated_remainder, times_u(0), QUOTIENTS, (0.0, 1e-3)),
    Pointwise(
        "remainder",
        torch.remainder,
        lambda a, b: a - b * mpmath.floor(a / b),
        lambda a, b, out: 2 * abs(out) if truncated_remainder(a, b) != out else 0,
        QUOTIENTS,
        (0.0, 1e-3),
    ),
    Pointwise("floor_divide", torch.floor_divide, lambda a, b: mpmath.floor(a / b), times_u(0), QUOTIENTS, (0.0, 1e-3)),
    Pointwise(
        "trunc_divide",
        lambda a, b: torch.div(a, b, rounding_mode="trunc"),
        lambda a, b: mpmath.mpf(int(a / b)),
        times_u(0),
        QUOTIENTS,
        (0.0, 1e-3),
    ),
    Pointwise(
        "copysign",
        torch.copysign,
        lambda a, b: abs(a) if b > 0 else -abs(a),
        times_u(0),
        [(1.3, 0.1), (-2.0, 0.5), (0.7, -3.0)],
        (0.0, 1e-3, 1.5),
    ),
    Pointwise("relu", torch.relu, lambda x: max(x, mpf(0)), times_u(0), SMALL, (1e-3, 1.5)),
    Pointwise("abs", torch.abs, abs, times_u(0), SMALL, (1e-3, 1.5)),
    Pointwise("neg", torch.neg, lambda x: -x, times_u(0), SMALL, (1e-3,)),
    Pointwise(
        "clamp", lambda x: x.clamp(-1, 1), lambda x: min(max(x, mpf(-1)), mpf(1)), times_u(0), SMALL, (1e-3, 0.5)
    ),
    Pointwise("maximum", torch.maximum, lambda a, b: max(a, b), times_u(0), [*PAIRS, (1.0, 1.0005)], (1e-3,)),
    Pointwise("minimum", torch.minimum, lambda a, b: min(a, b), times_u(0), [*PAIRS, (1.0, 1.0005)], (1e-3,)),
    Pointwise("floor", torch.floor, mpmath.floor, times_u(0), [(2.0001,), (-0.9999,), (3.5,)], (1e-3,)),
    Pointwise("round", torch.round, lambda x: mpmath.nint(x), times_u(0), [(2.5001,), (-0.4999,), (3.2,)], (1e-3,)),
    Pointwise("sign", torch.sign, mpmath.sign, times_u(0), [(0.1,), (-0.2,), (0.3,)], (0.0, 1.5)),
    Pointwise(
        "threshold_backward",
        lambda g, x: aten.threshold_backward(g, x, 0),
        lambda g, x: g if x > 0 else mpf(0),
        times_u(0),
        [(1.3, 0.1), (-2.0, -0.9), (0.3, 5.0)],
        (0.0, 1.5),
    ),
    Pointwise(
        "where",
        lambda a, b: torch.where(a > 1, a, b),
        lambda a, b: a if a > 1 else b,
        times_u(0),
        [(1.3, 0.1), (1.0004, 7.0), (-2.0, 3.0)],
        (1e-3,),
    ),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_radius_is_enough_and_half_of_it_is_not(rule: Pointwise, dtype: torch.dtype) -> None:
    """At every point, with and without radii; half the radius falls short at one of them at least."""
    assert_sound(rule.shortfalls(dtype))


LIBRARY = [
    ("exp", torch.exp, np.exp, mpmath.exp, EXP_ULPS, (-80, 80)),
    ("log", torch.log, np.log, mpmath.log, LOG_ULPS, (1e-3, 80)),
    ("log near 1", torch.log, np.log, mpmath.log, LOG_ULPS, (0.99, 1.01)),
    ("tanh", torch.tanh, np.tanh, mpmath.tanh, TANH_ULPS, (-5, 5)),
    ("sin", torch.sin, np.sin, mpmath.sin, VECTOR_ULPS, (-7, 7)),
    ("cos", torch.cos, np.cos, mpmath.cos, VECTOR_ULPS, (-7, 7)),
    ("log1p", torch.log1p, np.log1p, mpmath.log1p, VECTOR_ULPS, (-0.9, 3)),
    ("expm1", torch.expm1, np.expm1, mpmath.expm1, VECTOR_ULPS, (-5, 5)),
    ("atan", torch.atan, np.arctan, mpmath.atan, VECTOR_ULPS, (-9, 9)),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("name", "of_torch", "of_numpy", "exact", "candidate", "ends"), LIBRARY, ids=[row[0] for row in LIBRARY]
)
def test_torch_and_numpy_keep_to_the_documented_ulps(
    name: str, of_torch: Any, of_numpy: Any, exact: Any, candidate: float, ends: tuple[float, float], dtype: torch.dtype
) -> None:
    """What the rules are built on, at 300 points against mpmath."""
    x = torch.linspace(*ends, 300, dtype=dtype)
    u = precision(dtype).u
    for at, ours, theirs in zip(x, of_torch(x), of_numpy(x.numpy()), strict=True):
        true = exact(mpf(float(at)))
        assert abs(mpf(float(ours)) - true) <= 2 * u * TORCH_ULPS * abs(true), f"torch's {name} at {float(at)!r}"
        assert abs(mpf(float(theirs)) - true) <= 2 * u * candidate * abs(true), f"numpy's {name} at {float(at)!r}"
