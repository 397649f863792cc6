"""Rules of choices: relu, clamp, maxima, comparisons, sorting, signs, and their backward.

Where the choice is sure the radius moves along. Where it lies within rounding the result may be either value, and a
truth value or an index may be either. Exactly at the kink (both sides know the operands) torch takes one side; the
other one is right as well, nothing between or beyond: `context.kinks` says which side a run takes.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from reference.flow.operation import REPEATS_FORWARD, Operation, Radius, magnitude, plus, rule, some, uncertain, wide

aten = torch.ops.aten


def in_backward() -> bool:
    """Whether the operation is one that autograd issues, and no forward that is run again for it."""
    return not REPEATS_FORWARD.get() and torch._C._current_autograd_node() is not None  # type: ignore[attr-defined,unused-ignore]


def shaped(r: Radius, x: Tensor) -> Tensor:
    """The radius, zeros where it is None."""
    return torch.zeros(x.shape, dtype=torch.float64, device=x.device) if r is None else r


def zeros_if_none(op: Operation, x: Any) -> Any:
    """The radius of an operand that may be a number: zeros for a tensor without, 0.0 for a number."""
    r = op.radius(x)
    if r is not None:
        return r
    return torch.zeros(x.shape, dtype=torch.float64, device=x.device) if isinstance(x, Tensor) else 0.0


@rule(aten.neg, aten.abs)
def mirror(op: Operation) -> Radius:
    """−x and |x|: exact; |x| does not move by more than x does."""
    return op.radius(op["self"])


@rule(aten.relu)
def relu(op: Operation) -> Radius:
    """max(x, 0) moves by no more than x, and not at all where x is below 0 by more than its radius."""
    x = op["self"]
    r = op.radius(x)
    if not op.local:
        kink = op.exactly(x, 0)
        op.context.gates.put(op.out, *([kink] if isinstance(kink, Tensor) else []))
    return None if r is None else torch.minimum(r, (wide(x) + r).clamp_min_(0.0))


@rule(aten.clamp, aten.clamp_min, aten.clamp_max, aten.hardtanh)
def clamp(op: Operation) -> Radius:
    """Moves by no more than x and its limits do, and not at all where x is outside by more than its radius."""
    x = op["self"]
    low = op.arguments.get("min", op.arguments.get("min_val"))
    high = op.arguments.get("max", op.arguments.get("max_val"))
    r = op.radius(x)
    limits = [zeros_if_none(op, limit) for limit in (low, high) if isinstance(limit, Tensor)]
    if limits and any(bool((limit != 0).any()) for limit in limits):
        total: Tensor = sum(limits, zeros_if_none(op, x))
        return total.broadcast_to(op.out.shape)
    if r is None:
        return None
    floor = wide(low) if low is not None else -math.inf
    ceiling = wide(high) if high is not None else math.inf
    outside = (wide(x) + r <= floor) | (wide(x) - r >= ceiling)
    return r.masked_fill(outside, 0.0).broadcast_to(op.out.shape)


def gate(op: Operation, g: Tensor, x: Tensor, edges: tuple[float, ...]) -> Radius:
    """A gradient that passes where x is on one side: g's radius where torch let it pass, |g| and more where unsure."""
    r = op.known_radius(x)
    near: list[Tensor] = []
    for edge in edges:
        distance = magnitude(x) if edge == 0 else (wide(x) - edge).abs_()
        left = op.context.gates.get(x) if edge == 0 else None
        if r is not None and not op.local:
            near.append(_within(r, distance))
        if left == ():
            continue  # no operand of this relu was 0
        kink = left[0] if left is not None and left[0].shape == x.shape else distance == 0
        if r is not None and some(kink):
            kink = kink & (r == 0)
        take_other(op, kink, lambda: torch.where(op.out == 0, g, torch.zeros_like(g)))
    s = op.radius(g)
    radius = None if s is None else where_passed(s, op.out)
    places = torch.cat(near) if near else torch.empty(0)
    if places.numel():
        radius = shaped(radius, g).contiguous()
        sides = wide(g.flatten()[places]).abs()
        radius.view(-1)[places] = sides if s is None else sides + s.flatten()[places]
    return radius


def _within(r: Tensor, distance: Tensor) -> Tensor:
    """The places, counted through, at which a distance is within its radius, 0 within 0 not counted.

    Most often there is none, which arithmetic tells quickly, or few, so that comparisons are made of those alone.
    """
    between = (2 * r).sub_(distance).flatten()
    if not between.numel() or float(between.amax()) <= 0:
        return torch.empty(0, dtype=torch.long, device=r.device)
    places = (~(between <= 0)).nonzero().squeeze(1)
    radii, distances = r.flatten()[places], distance.flatten()[places]
    return places[(distances <= radii) & (radii > 0)]


def where_passed(s: Tensor, out: Tensor) -> Tensor:
    """A gradient's radius, 0 where it was kept back (and so is 0)."""
    if s.numel() and float(s.amax()) < math.inf:
        passed = torch.ne(out, 0, out=torch.empty(out.shape, dtype=s.dtype, device=s.device))
        return passed.mul_(s)
    return s.masked_fill(out == 0, 0.0)


@rule(aten.softshrink_backward, aten.hardshrink_backward)
def shrink_backward(op: Operation) -> Radius:
    """g outside ±λ; at either end both are right."""
    g = op["grad_output" if "grad_output" in op else "grad_out"]
    return gate(op, g, op["self"], (-float(op["lambd"]), float(op["lambd"])))


def take_other(op: Operation, kink: Tensor, other: Any) -> None:
    """Count choices exactly at a kink, and take the other side where the run does."""
    if not some(kink):
        return
    if not op.local:
        op.context.seen_kinks += int(kink.sum())
    if op.context.kinks == "other":
        op.out = torch.where(kink, other(), op.out)


@rule(aten.threshold_backward)
def relu_backward(op: Operation) -> Radius:
    """g where x > 0 (or above the threshold); torch takes 0 at the kink, g is right as well."""
    return gate(op, op["grad_output"], op["self"], (float(op["threshold"]),))


@rule(aten.hardtanh_backward)
def clamp_backward(op: Operation) -> Radius:
    """g between both limits; at one either is right."""
    return gate(op, op["grad_output"], op["self"], (float(op["min_val"]), float(op["max_val"])))


@rule(aten.maximum, aten.minimum, aten.fmax, aten.fmin)
def larger(op: Operation) -> Radius:
    """The larger or smaller of two: moves by no more than the one taken, or either where they come within reach."""
    a, b = op["self"], op["other"]
    r, s = op.radius(a), op.radius(b)
    if r is None and s is None:
        return None
    near = (wide(a) - wide(b)).abs() <= shaped(r, a) + shaped(s, b)
    first = (op.out == a) & ~near
    chosen = torch.where(first, shaped(r, a), shaped(s, b))
    return torch.where(near, torch.maximum(shaped(r, a), shaped(s, b)), chosen)


@rule(aten.gt, aten.ge, aten.lt, aten.le, aten.eq, aten.ne)
def compare(op: Operation) -> Radius:
    """A comparison: rounding alone decides it where both come within reach of each other.

    In a backward, equality of numbers that both sides know is a kink: order comparisons are taken the other way, or
    equality as inequality, where the run asks for it. Labels and truth values have none.
    """
    a, b = op["self"], op["other"]
    reach = plus(op.known_radius(a), op.known_radius(b))
    apart = abs(wide(a) - wide(b)).broadcast_to(op.out.shape)
    unsure = None if reach is None else uncertain((apart <= reach) & (reach > 0))
    kink = apart == 0 if reach is None else (apart == 0) & (reach == 0)
    labels = not any(isinstance(x, Tensor) and x.is_floating_point() for x in (a, b))
    if labels or not bool(kink.any()):
        return None if op.local else unsure
    if not in_backward():
        op.context.ties.put(op.out, kink)
    else:
        if not op.local:
            op.context.seen_kinks += int(kink.sum())
        equal = op.func.overloadpacket in (aten.eq, aten.ne)
        if op.context.kinks == "other" or (op.context.kinks == "unequal" and equal):
            op.out = op.out ^ kink
    return None if op.local else unsure


@rule(
    aten.logical_and,
    aten.logical_or,
    aten.logical_xor,
    aten.logical_not,
    aten.bitwise_and,
    aten.bitwise_or,
    aten.bitwise_xor,
    aten.bitwise_not,
    aten.any,
    aten.all,
)
def combine(op: Operation) -> Radius:
    """Truth values made of others: unsure where one of these is."""
    radii = [op.radius(x) for x in op.arguments.values() if isinstance(x, Tensor)]
    known = [r for r in radii if r is not None]
    if not known:
        return None
    if known[0].shape != op.out.shape and len(radii) == 1:
        return torch.full(op.out.shape, math.inf, dtype=torch.float64, device=op.out.device)
    return sum(known[1:], known[0]).broadcast_to(op.out.shape)


@rule(aten.isnan, aten.isinf, aten.isfinite)
def is_finite(op: Operation) -> Radius:
    """Unsure only where the radius is infinite."""
    r = op.known_radius(op["self"])
    return None if r is None else uncertain(r == math.inf)


def take_other_branch(op: Operation, condition: Tensor, a: Any, b: Any) -> None:
    """In a backward, where the forward compared equals: the branch that was not taken gives a slope as well."""
    ties = op.context.ties.get(condition)
    if ties is None or not in_backward() or ties[0].shape != condition.shape:
        return
    other = torch.where(condition, torch.as_tensor(b), torch.as_tensor(a)).to(op.out.dtype)
    take_other(op, ties[0].broadcast_to(op.out.shape), lambda: other)


def _chosen(op: Operation, condition: Any, a: Any, b: Any) -> Radius:
    """The radius of `a` where the condition holds, else that of `b`; where it is unsure, as far as to the other."""
    unsure = op.radius(condition)
    r, s = zeros_if_none(op, a), zeros_if_none(op, b)
    take_other_branch(op, condition, a, b)
    if unsure is None and all(op.radius(x) is None for x in (a, b)):
        return None
    radius = torch.where(condition, r, s).to(torch.float64)
    if unsure is not None:
        out = wide(op.out)
        reach = torch.maximum(abs(wide(a) - out) + r, abs(wide(b) - out) + s)
        radius = torch.where(unsure > 0, reach, radius)
    return radius.broadcast_to(op.out.shape)


@rule(aten.where.self, aten.where.ScalarSelf, aten.where.ScalarOther, aten.where.Scalar)
def where(op: Operation) -> Radius:
    """One of two: its radius; where the condition is unsure, as far as the other one is away."""
    return _chosen(op, op["condition"], op["self"], op["other"])


@rule(aten.masked_fill.Scalar, aten.masked_fill.Tensor)
def fill_masked(op: Operation) -> Radius:
    """A number where the mask is True; where that is unsure, as far as the other value is away."""
    return _chosen(op, op["mask"], op["value"], op["self"])


@rule(aten.sign, aten.sgn)
def sign(op: Operation) -> Radius:
    """The sign: 2 away at most where rounding decides it. At 0 a backward (of |x|) may take either side."""
    x = op["self"]
    r = op.known_radius(x)
    kink = x == 0 if r is None else (x == 0) & (r == 0)
    if in_backward() and bool(kink.any()):
        if not op.local:
            op.context.seen_kinks += int(kink.sum())
        side = {"other": 1.0, "unequal": -1.0}.get(op.context.kinks, 0.0)
        op.out = torch.where(kink, torch.full_like(op.out, side), op.out)
    if r is None or op.local:
        return None
    near = (wide(x).abs() <= r) & (r > 0)
    reach: Tensor = near * (1.0 + wide(op.out).abs())
    return reach


@rule(aten.floor, aten.ceil, aten.trunc, aten.round)
def to_whole(op: Operation) -> Radius:
    """Whole numbers: as far as both ends of the neighbourhood lie apart. To decimals by a product and a quotient."""
    x = op["self"]
    r = op.radius(x)
    options = {"decimals": op["decimals"]} if "decimals" in op else {}
    if options:
        r = plus(r, op.rounding(wide(x).abs()))
    if r is None:
        return None
    reach: Tensor = op.func(wide(x) + r, **options) - op.func(wide(x) - r, **options)
    if options:
        return reach + op.rounding(wide(op.out).abs())
    return reach if bool(reach.any()) else None
