"""Rules of functions of one number: exp, log, roots, powers, circular and hyperbolic functions, erf.

The own rounding is a documented number of ulps a side, of torch's library and of the candidate's; the operand's radius
comes in through the largest slope within it. Slopes are those of any table of derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius, by_blocks, linear_in, plus, rule, wide
from reference.flow.rounding import (
    EXP_ULPS,
    LOG_ULPS,
    SIGMOID_BY_TANH,
    TANH_BY_EXP,
    TANH_ULPS,
    TORCH_CUDA_ULPS,
    TORCH_FAST_EXP_ULPS,
    TORCH_ULPS,
    VECTOR_ULPS,
)
from reference.flow.rules.arithmetic import most, quotient, reach, result, times

aten = torch.ops.aten
Slope = Callable[[Tensor, Tensor], Tensor]
"""Of x and r: the function's largest slope between x − r and x + r."""


def library(op: Operation, candidate: float, carried: Radius, exact: Tensor | bool | None = None) -> Radius:
    """What is carried, and errors of torch's library and of the candidate's, in ulps of the result: 2u each at most."""
    torch_ulps = TORCH_CUDA_ULPS if op.out.is_cuda else TORCH_ULPS
    name = op.func._schema.name.removeprefix("aten::").removeprefix("special_")
    return op.rounded(carried, torch_ulps + op.ulps(name, candidate), exact)


@rule(aten.linspace, aten.logspace)
def spaced(op: Operation) -> Radius:
    """Numbers from one end to the other, counted from either: three roundings of what both ends are together."""
    if not op.out.is_floating_point():
        return None
    start, end = (wide(torch.as_tensor(op[name])).abs() for name in ("start", "end"))
    moved = op.rounding((start + end).expand(op.out.shape), 3)
    for r in (op.radius(op["start"]), op.radius(op["end"])):
        moved = moved if r is None else moved + r
    if "base" not in op:
        return moved
    return library(op, VECTOR_ULPS, stretched(moved, wide(op.out).abs() * abs(math.log(op["base"]))))


def nearest(x: Tensor, r: Tensor) -> Tensor:
    """How near to 0 the neighbourhood comes."""
    return (x.abs() - r).clamp_min(0.0)


def farthest(x: Tensor, r: Tensor) -> Tensor:
    """How far from 0 the neighbourhood reaches."""
    return x.abs() + r


def stretched(r: Tensor, slope: Tensor) -> Tensor:
    """r·slope, 0 where r is 0 however steep the function."""
    return torch.where(r == 0, 0.0, r * slope)


def _slope_of_sigmoid(x: Tensor) -> Tensor:
    """e⁻ˣ/(1 + e⁻ˣ)² for x ≥ 0, by which tanh's slope is 4 of 2x."""
    power = torch.exp(-x)
    return power.div_((1 + power).square_())


def _inverse_root(square: Tensor) -> Tensor:
    """1/√square, infinite where it is not positive."""
    return torch.where(square > 0, square.clamp_min(0.0).rsqrt(), torch.inf)


def _inverse(x: Tensor) -> Tensor:
    """1/x, infinite where it is not positive."""
    return torch.where(x > 0, 1 / x, torch.inf)


_SLOPES: dict[object, Slope] = {
    aten.sin: lambda x, r: (x.cos().abs() + r).clamp_max(1.0),
    aten.cos: lambda x, r: (x.sin().abs() + r).clamp_max(1.0),
    aten.tan: lambda x, r: _inverse(x.cos().abs() - r) ** 2,
    aten.asin: lambda x, r: _inverse_root(1 - farthest(x, r) ** 2),
    aten.acos: lambda x, r: _inverse_root(1 - farthest(x, r) ** 2),
    aten.atan: lambda x, r: 1 / (1 + nearest(x, r) ** 2),
    aten.sinh: lambda x, r: farthest(x, r).cosh(),
    aten.cosh: lambda x, r: farthest(x, r).sinh(),
    aten.asinh: lambda x, r: (1 + nearest(x, r) ** 2).rsqrt(),
    aten.acosh: lambda x, r: _inverse_root((x - r) ** 2 - 1),
    aten.atanh: lambda x, r: _inverse(1 - farthest(x, r) ** 2),
    aten.erf: lambda x, r: 2 / math.sqrt(math.pi) * (-(nearest(x, r) ** 2)).exp(),
    aten.erfc: lambda x, r: 2 / math.sqrt(math.pi) * (-(nearest(x, r) ** 2)).exp(),
}
"""Functions whose rule is: VECTOR_ULPS, and the largest slope."""
FUNCTIONS = frozenset(str(packet).removeprefix("aten.") for packet in _SLOPES) | {
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "tanh", "pow", "atan2", "hypot"
}  # fmt: skip
"""Functions of a library, of which a caller may say by how many ulps the candidate's errs."""


@rule(*_SLOPES)  # type: ignore[arg-type]
@by_blocks
def by_slope(op: Operation) -> Radius:
    """Circular and hyperbolic functions, their inverses, erf: "under 4 ulp" (numpy's SVML), SLEEF's 1 ulp."""
    x = op["self"]
    r = op.radius(x)
    carried = None if r is None else stretched(r, _SLOPES[op.func.overloadpacket](wide(x), r))
    odd = op.func.overloadpacket not in (aten.cos, aten.acos, aten.cosh, aten.erfc)
    return library(op, VECTOR_ULPS, carried, op.exactly(x, 0) if odd else None)


@rule(aten.exp, aten.exp2)
@by_blocks
def exponential(op: Operation) -> Radius:
    """eˣ, 2ˣ: numpy's documented 2.52 ulp; a radius r multiplies by e^(±r): |out|·(eʳ − 1).

    Where that is 0·∞, far below 0 (what masks with the least number there is leave), or the result underflows, which
    is no e^x any more, it is no more than e^(x + r).
    """
    r = op.radius(op["self"])
    step = math.log(2) if op.func.overloadpacket is aten.exp2 else 1.0
    carried = None if r is None else result(op) * torch.expm1(r * step)
    if carried is not None and r is not None:
        tiny = op.context.precision.tiny
        if not bool(carried.isfinite().all()) or float(op.out.amin()) < tiny:
            known = carried.isfinite() & (op.out >= tiny)
            carried = torch.where(known, carried, ((wide(op["self"]) + r) * step).exp())
    ulps = VECTOR_ULPS if op.func.overloadpacket is aten.exp2 else EXP_ULPS
    return library(op, ulps, carried, op.exactly(op["self"], 0))


@rule(aten.expm1)
@by_blocks
def exponential_less_one(op: Operation) -> Radius:
    """eˣ − 1: slope eˣ, so eˣ·(eʳ − 1)."""
    x = op["self"]
    r = op.radius(x)
    carried = None if r is None else wide(x).exp() * torch.expm1(r)
    return library(op, VECTOR_ULPS, carried, op.exactly(x, 0))


@rule(aten.log, aten.log2, aten.log10, aten.log1p)
@by_blocks
def logarithm(op: Operation) -> Radius:
    """log x: numpy's documented 3.83 ulp; downwards x − r lies −log(1 − r/x) away, infinite where r reaches 0."""
    x = op["self"]
    r = op.radius(x)
    packet = op.func.overloadpacket
    base = {aten.log2: math.log(2), aten.log10: math.log(10)}.get(packet, 1.0)
    inner = wide(x) + 1 if packet is aten.log1p else wide(x)
    carried: Radius = None
    if r is not None:
        carried = torch.where(r == 0, 0.0, torch.where(r < inner, -torch.log1p(-r / inner), torch.inf) / base)
    ulps = LOG_ULPS if packet is aten.log else VECTOR_ULPS
    return library(op, ulps, carried, op.exactly(x, 0 if packet is aten.log1p else 1))


@rule(aten.sqrt)
@by_blocks
def square_root(op: Operation) -> Radius:
    """√x: the candidate rounds once (IEEE 754), torch's vector library errs by under 1 ulp (seen on the CPU: 1 ulp).

    √x − √(x − r) = r/(√x + √(x − r)), not below the root of 0.
    """
    x = op["self"]
    r = op.radius(x)
    carried: Radius = None
    if r is not None:
        root = wide(x).clamp_min(0.0).sqrt()
        carried = torch.where(r == 0, 0.0, r / (root + (wide(x) - r).clamp_min(0.0).sqrt()).clamp_min(1e-300))
        carried = torch.where(r >= wide(x), torch.maximum(root, (wide(x) + r).sqrt() - root), carried)
        carried = torch.where(r == 0, 0.0, carried)
    exact = op.exactly(x, 0)
    return op.rounded(carried, 1.5, exact)


@rule(aten.rsqrt)
@by_blocks
def inverse_square_root(op: Operation) -> Radius:
    """1/√x: two roundings a side (CUDA's rsqrt: 2 ulp); out·(√(x/(x − r)) − 1), infinite where r reaches 0."""
    x = op["self"]
    r = op.radius(x)
    carried: Radius = None
    if r is not None:
        part = r / wide(x)
        carried = torch.where(
            r == 0, 0.0, torch.where(part < 1, result(op) * torch.expm1(-0.5 * torch.log1p(-part)), torch.inf)
        )
    return plus(op.rounded(carried, 2), op.stored_inside(lambda: most(op, carried)))


@rule(aten.tanh)
@by_blocks
def tanh(op: Operation) -> Radius:
    """tanh: up to 7 ulp (JAX's table), slope 1 − tanh² at its nearest to 0.

    Made of exponentials, as courses write it, it errs by up to 6u absolute (2/(1 + e^(−2u)) − 1 with an exp of 2.52
    ulp: 2.52u of the exponential, u each of sum and quotient, u/2 of the difference), which is a form of its own.
    """
    x = op["self"]
    r = op.radius(x)
    carried = None
    if r is not None:  # from one end of its range to the other it is 2
        carried = torch.minimum(_slope_of_sigmoid(2 * nearest(wide(x), r)).mul_(4).mul_(r), 1 + result(op))
    radius = library(op, TANH_ULPS, carried, op.exactly(x, 0))
    assert radius is not None
    return radius + 6 * op.context.precision.u if op.allows(TANH_BY_EXP) else radius


@rule(aten.sigmoid)
@by_blocks
def sigmoid(op: Operation) -> Radius:
    """1/(1 + e⁻ˣ) or eˣ/(1 + eˣ): e's error counts (1 − s) times, sum and quotient round, all relative to s.

    By tanh, (1 + tanh(x/2))/2, it errs by u absolute and more: half of tanh's ulps, and the sum's rounding.
    """
    x = op["self"]
    s = wide(op.out)
    r = op.radius(x)
    carried: Radius = None
    if r is not None:
        near = nearest(wide(x), r)
        carried = _slope_of_sigmoid(near).mul_(r).clamp_max_(1.0)
    exp = 2 * (op.ulps("exp", EXP_ULPS) + (TORCH_CUDA_ULPS if op.out.is_cuda else TORCH_FAST_EXP_ULPS))
    size = s if carried is None else s + carried
    per_side = s.mul(-exp / 2).add_(exp / 2 + 2)
    radius = plus(carried, op.rounding(per_side.mul_(size), 1), op.stored_inside(lambda: size, 2))
    assert radius is not None
    return radius + (TANH_ULPS + 1) * op.context.precision.u if op.allows(SIGMOID_BY_TANH) else radius


@rule(aten.pow.Tensor_Scalar)
@by_blocks
def power(op: Operation) -> Radius:
    """x^p: small whole powers by repeated products (p − 1 roundings), roots; else "under 4 ulp" of a library's pow."""
    x, p = op["self"], float(op["exponent"])
    r = op.radius(x)
    if p == 1 or not op.out.dtype.is_floating_point:
        return r
    if p == 0:
        return None
    if p == -1:
        return quotient(op, 1.0, x)
    if p == 2:
        carried = times(x, r, x, r)
        return op.rounded(carried, 1, op.scale_exact(x) if r is None else op.exactly(x, 0))
    carried = None if r is None else stretched(r, _power_slope(wide(x), r, p))
    whole = p == int(p)
    roundings = max(abs(p) if whole and abs(p) <= 8 else 0.0, 2 * TORCH_ULPS, 1.0)
    inside = op.stored_inside(lambda: most(op, carried), int(abs(p)) - 2) if whole and abs(p) <= 8 else None
    own = roundings + op.ulps("pow", VECTOR_ULPS)
    return plus(op.rounded(carried, own, op.exactly(x, 0) if p > 0 else None), inside)


def _power_slope(x: Tensor, r: Tensor, p: float) -> Tensor:
    """|p|·|x|^(p − 1) at its largest: at the far end where p ≥ 1, else at the near one; infinite past a root's 0."""
    if p >= 1:
        return p * farthest(x, r) ** (p - 1)
    return abs(p) * nearest(x, r) ** (p - 1)


@rule(aten.pow.Tensor_Tensor, aten.pow.Scalar)
@by_blocks
def power_of_both(op: Operation) -> Radius:
    """x^y: "under 4 ulp" of a library's pow; its logarithm moves by s·|log x| + (|y| + s)·|log(1 − r/x)|."""
    x, y = op["self"], op["exponent"]
    r, s = op.radius(x), op.radius(y)
    moved = plus(
        None if s is None else s * wide(x).log().abs(), None if r is None else _log_moved(x, r) * reach(wide(y), s)
    )
    carried = None if moved is None else torch.where(moved == 0, 0.0, result(op) * torch.expm1(moved))
    return library(op, VECTOR_ULPS, carried)


def _log_moved(x: Tensor, r: Tensor) -> Tensor:
    """By how much log x moves at most, infinite where r reaches 0."""
    return torch.where(r < wide(x), -torch.log1p(-r / wide(x)), torch.where(r == 0, 0.0, torch.inf))


@rule(aten.atan2)
@by_blocks
def angle(op: Operation) -> Radius:
    """atan2(y, x): the point moves by ρ = √(r² + s²) at most, so that its angle does by asin(ρ/√(x² + y²)).

    Beyond the negative real axis lie angles of the other sign: where rounding alone decides y's, nothing is promised.
    """
    y, x = op["self"], op["other"]
    r, s = op.radius(y), op.radius(x)
    carried: Radius = None
    if r is not None or s is not None:
        moved = torch.hypot(wide(0.0) if r is None else r, wide(0.0) if s is None else s)
        share = moved / torch.hypot(wide(y), wide(x))
        carried = torch.where(share < 1, share.clamp_max(1.0).asin(), torch.where(moved == 0, 0.0, torch.inf))
        if r is not None:
            carried = carried.masked_fill((r > 0) & (wide(y).abs() <= r) & (wide(x) < 0), torch.inf)
    return library(op, VECTOR_ULPS, carried)


@rule(aten.hypot)
@by_blocks
def hypotenuse(op: Operation) -> Radius:
    """√(x² + y²) moves by no more than the point does: √(r² + s²)."""
    r, s = op.radius(op["self"]), op.radius(op["other"])
    carried: Radius = None
    if r is not None or s is not None:
        carried = torch.hypot(wide(0.0) if r is None else r, wide(0.0) if s is None else s)
    return library(op, VECTOR_ULPS, carried)


@rule(aten.tanh_backward)
@linear_in("grad_output")
def tanh_backward(op: Operation) -> Radius:
    """g·(1 − h²): square and difference round absolutely, the product relatively, 3 roundings of at most |g|."""
    g, h = op["grad_output"], op["output"]
    slope = (1 - wide(h)) * (1 + wide(h))  # 1 − h² would cancel
    square = times(h, op.radius(h), h, op.radius(h))
    carried = times(g, op.radius(g), slope, square)
    size = reach(wide(g), op.radius(g))
    inner = size * (wide(h) ** 2 + slope)
    if square is not None:
        inner = inner + size * square
    form = 12 * op.context.precision.u * size if op.allows(TANH_BY_EXP) else None
    parts = op.stored_inside(lambda: size, 2)
    return plus(op.rounding(inner, 1, op.exactly(g, 0)), op.rounded(carried), form, parts)


@rule(aten.sigmoid_backward)
@linear_in("grad_output")
def sigmoid_backward(op: Operation) -> Radius:
    """g·s·(1 − s): the difference rounds relatively to 1 − s, and two products."""
    g, s = op["grad_output"], op["output"]
    rest = 1 - wide(s)
    inner = times(s, op.radius(s), rest, op.radius(s))
    carried = times(g, op.radius(g), wide(s) * rest, inner)
    return plus(op.rounded(carried, 3, op.exactly(g, 0)), op.stored_inside(lambda: most(op, carried), 2))
