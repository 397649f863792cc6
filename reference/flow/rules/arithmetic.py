"""Rules of the four basic operations, element by element, and of what is made of two or three of them.

Each rounds once a side (Higham, (2.4)); the radii of operands come in exactly, products of radii included. Where a
result is sure to round nothing it has no rounding: a sum with an exact 0, a product with an exact 0 or power of two.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius, by_blocks, linear_in, magnitude, plus, rule, wide
from reference.flow.rounding import is_power_of_two

aten = torch.ops.aten


def most(op: Operation, carried: Radius) -> Tensor:
    """|result| over the neighbourhood: float64, |out| and what the operands' radii add to it."""
    size = magnitude(op.out)
    return size if carried is None else size.add_(carried)


def reach(x: Tensor, r: Radius) -> Tensor:
    """|x| + r in float64; |x| in its own type where there is no radius."""
    return x.abs() if r is None else magnitude(x).add_(r)


def result(op: Operation) -> Tensor:
    """|result| as it may be without its own rounding: float64, larger by 32u, more than any rule here brings."""
    return magnitude(op.out).mul_(1 + 32 * op.context.precision.u)


def shaped(radius: Radius, op: Operation) -> Radius:
    """The radius in the shape of the result."""
    return radius if radius is None or radius.shape == op.out.shape else radius.broadcast_to(op.out.shape)


def either(a: Tensor | bool, b: Tensor | bool) -> Tensor | bool:
    """Where one of both is True."""
    if isinstance(a, bool):
        return True if a else b
    if isinstance(b, bool):
        return True if b else a
    return a | b


def times(x: Any, r: Radius, y: Any, s: Radius) -> Radius:
    """The radius of the exact product of x ± r and y ± s: |x|s + r|y| + rs."""
    first: Radius = None
    if s is not None:
        reached = magnitude(x) if r is None else magnitude(x).add_(r)
        first = reached.mul_(s) if reached.shape == s.shape else reached * s
    if r is None:
        return first
    size = magnitude(y)
    if first is None:
        return size.mul_(r) if size.shape == r.shape else size * r
    return first.addcmul_(r, size) if first.shape == r.shape == size.shape else first + r * size


def over_infinite(op: Operation, radius: Radius, *operands: Any) -> Radius:
    """0 where an operand is exactly infinite and so the result: an infinity does not move."""
    if radius is None or op.out.numel() == 0 or math.isfinite(float(op.out.sum())):
        return radius
    infinite = op.out.isinf()
    sure: Tensor | bool = False
    for x in operands:
        if isinstance(x, Tensor):
            known = op.known_radius(x)
            sure = either(sure, x.isinf() if known is None else x.isinf() & (known == 0))
    return radius if isinstance(sure, bool) else radius.masked_fill(infinite & sure, 0.0)


def sum_of_two(op: Operation, a: Any, b: Any, factor: Any) -> Radius:
    """a + factor·b: one rounding a side, another where the factor is no power of two."""
    if op.out.dtype.is_floating_point is False:
        return None
    scales = is_power_of_two(factor)
    if scales and op.integers(a, b):
        return None
    scaled = op.radius(b) if abs(factor) == 1 else times(factor, op.radius(float(factor)), b, op.radius(b))
    carried = shaped(plus(op.radius(a), scaled), op)
    radius = op.rounded(carried, 1, either(op.exactly(b, 0), op.exactly(a, 0) if scales else False))
    if not scales:
        term = magnitude(b) * abs(factor)
        radius = plus(radius, op.rounding(term if scaled is None else term + scaled, 1))
    return over_infinite(op, radius, a, b)


@rule(aten.add.Tensor, aten.add.Scalar, aten.sub.Tensor, aten.sub.Scalar)
@linear_in("self", "other")
def add(op: Operation) -> Radius:
    """a ± αb (Higham, (2.4))."""
    return sum_of_two(op, op["self"], op["other"], op["alpha"])


@rule(aten.rsub.Tensor, aten.rsub.Scalar)
@linear_in("self", "other")
def subtract_from(op: Operation) -> Radius:
    """b − αa (Higham, (2.4))."""
    return sum_of_two(op, op["other"], op["self"], op["alpha"])


@rule(aten.mul.Tensor, aten.mul.Scalar)
@linear_in("self", "other")
def multiply(op: Operation) -> Radius:
    """a·b (Higham, (2.4))."""
    a, b = op["self"], op["other"]
    if not op.out.dtype.is_floating_point or op.integers(a, b):
        return None
    carried = shaped(times(a, op.radius(a), b, op.radius(b)), op)
    return op.rounded(carried, 1, product_exact(op, a, b))


def product_exact(op: Operation, a: Any, b: Any) -> Tensor | bool:
    """Where a·b rounds nothing. A tensor is searched only where it is a mask or the like: its first element tells."""
    exact: Tensor | bool = False
    for x in (a, b):
        if not isinstance(x, Tensor) or x.numel() == 1 or op.known_radius(x) is None:
            exact = either(exact, op.scale_exact(x))
        else:
            exact = either(exact, op.exactly(x, 0))
    return exact


@rule(aten.div.Tensor, aten.div.Scalar)
@linear_in("self", "other")
def divide(op: Operation) -> Radius:
    """a/b: two roundings a side, since an honest program may multiply by fl(1/b) (Higham, (2.4))."""
    return quotient(op, op["self"], op["other"])


@rule(aten.reciprocal)
def reciprocal(op: Operation) -> Radius:
    """1/b, rounded once a side."""
    return quotient(op, 1.0, op["self"], roundings=1)


def quotient(op: Operation, a: Any, b: Any, roundings: int = 2) -> Radius:
    """a/b: (r_a + |a/b|·r_b)/(|b| − r_b), infinite where b may be 0."""
    r, s = op.radius(a), op.radius(b)
    carried: Radius = None
    if s is not None:
        least = abs(wide(b)) - s
        carried = plus(r, result(op) * s)
        assert carried is not None
        carried = torch.where(least > 0, carried / least, torch.where(carried == 0, 0.0, torch.inf))
    elif r is not None:
        carried = r / abs(wide(b))
    carried = shaped(carried, op)
    exact = either(op.scale_exact(b) if s is None else False, op.exactly(a, 0))
    return op.rounded(carried, roundings, exact)


@rule(aten.addcmul)
@by_blocks
def add_product(op: Operation) -> Radius:
    """a + v·b·c: each product and the sum round, all in all γ_3 of |a| + |vbc| at most (Higham, lemma 3.1)."""
    a, b, c, v = op["self"], op["tensor1"], op["tensor2"], op["value"]
    term = times(b, op.radius(b), c, op.radius(c))
    return with_term(op, a, v, wide(b) * wide(c), term)


@rule(aten.addcdiv)
@by_blocks
def add_quotient(op: Operation) -> Radius:
    """a + v·b/c: quotient, product and sum round (Higham, lemma 3.1)."""
    a, b, c, v = op["self"], op["tensor1"], op["tensor2"], op["value"]
    ratio = wide(b) / wide(c)
    r, s = op.radius(b), op.radius(c)
    term: Radius = None
    if r is not None or s is not None:
        least = wide(c).abs() if s is None else wide(c).abs() - s
        term = plus(r, None if s is None else ratio.abs() * s)
        assert term is not None
        term = torch.where(least > 0, term / least, torch.where(term == 0, 0.0, torch.inf))
    return with_term(op, a, v, ratio, term, roundings=3)


def with_term(op: Operation, a: Tensor, v: float, term: Tensor, radius: Radius, roundings: int = 2) -> Radius:
    """a + v·term: the term brings `roundings` and its radius, the sum one more."""
    scaled = times(float(v), op.radius(float(v)), term, radius)
    carried = shaped(plus(op.radius(a), scaled), op)
    size = term.abs() * abs(v)
    if scaled is not None:
        size = size + scaled
    nothing = term == 0 if radius is None else (term == 0) & (radius == 0)
    inner = plus(op.rounding(size, roundings, nothing), op.stored_inside(lambda: size, roundings))
    assert inner is not None
    return plus(op.rounded(carried, 1, op.exactly(a, 0)), inner.broadcast_to(op.out.shape))


@rule(aten.lerp.Scalar, aten.lerp.Tensor)
@by_blocks
def interpolate(op: Operation) -> Radius:
    """a + w(b − a), b + (1 − w)(a − b) or (1 − w)·a + w·b: of two terms or a difference, three roundings at most.

    1 − w is exact or rounds once; of numbers that the type does not hold both w and 1 − w round.
    """
    a, b, w = op["self"], op["end"], op["weight"]
    r, s, t = op.radius(a), op.radius(b), op.radius(w)
    size = (1 - wide(w) if isinstance(w, Tensor) else torch.tensor(1 - w, dtype=torch.float64)).abs()
    weight = abs(wide(w))
    apart = (wide(b) - wide(a)).abs()
    carried = plus(None if r is None else size * r, None if s is None else weight * s)
    if t is not None:
        carried = plus(carried, *[t * x for x in (apart, r, s) if x is not None])
    either = torch.maximum(size, weight) if isinstance(weight, Tensor) else size.clamp(min=weight)
    for radius in (r, s):
        apart = apart if radius is None else apart + radius
    terms = torch.maximum(size * wide(a).abs() + weight * wide(b).abs(), either * apart)
    if carried is not None:
        terms = terms + carried
    # w itself, where the type does not hold it, is rounded on each side for both terms.
    nothing = op.exactly(a, 0)
    nothing = nothing & op.exactly(b, 0) if isinstance(nothing, Tensor) else False
    return plus(shaped(carried, op), op.rounding(terms.broadcast_to(op.out.shape), 3, nothing))
