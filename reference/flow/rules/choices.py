"""Rules of choices: relu, clamp, maxima, comparisons, sorting, signs, and their backward.

Where the choice is sure the radius moves along. Where it lies within rounding the result may be either value, and a
truth value or an index may be either. Exactly at the kink (both sides know the operands) torch takes one side; the other
one is right as well, nothing between or beyond: `context.kinks` says which side a run takes.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from reference.flow.errors import UnknownOperationError
from reference.flow.operation import Operation, Radius, plus, rule, uncertain, wide

aten = torch.ops.aten


def in_backward() -> bool:
    """Whether the operation is one that autograd issues."""
    return torch._C._current_autograd_node() is not None  # type: ignore[attr-defined,unused-ignore]


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
    r, known = op.radius(x), op.known_radius(x)
    if not op.local:
        kink = x == 0
        op.context.gates.put(op.out, kink if known is None else kink & (known == 0))
    return None if r is None else torch.minimum(r, (wide(x) + r).clamp_min(0.0))


@rule(aten.clamp, aten.clamp_min, aten.clamp_max, aten.hardtanh)
def clamp(op: Operation) -> Radius:
    """Moves by no more than x and its limits do, and not at all where x is outside by more than its radius."""
    x = op["self"]
    low = op.arguments.get("min", op.arguments.get("min_val"))
    high = op.arguments.get("max", op.arguments.get("max_val"))
    r = op.radius(x)
    limits = [zeros_if_none(op, limit) for limit in (low, high) if isinstance(limit, Tensor)]
    if limits and any(bool((limit != 0).any()) for limit in limits):
        return sum(limits, zeros_if_none(op, x)).broadcast_to(op.out.shape)
    if r is None:
        return None
    floor = wide(low) if low is not None else -math.inf
    ceiling = wide(high) if high is not None else math.inf
    outside = (wide(x) + r <= floor) | (wide(x) - r >= ceiling)
    return r.masked_fill(outside, 0.0).broadcast_to(op.out.shape)


def gate(op: Operation, g: Tensor, x: Tensor, edges: tuple[float, ...]) -> Radius:
    """A gradient that passes where x is on one side: g's radius where torch let it pass, |g| and more where unsure."""
    r = op.known_radius(x)
    near: Tensor | None = None
    for edge in edges:
        distance = (wide(x) - edge).abs()
        left = op.context.gates.get(x) if edge == 0 else None
        kink = left[0] if left is not None and left[0].shape == x.shape else distance == 0
        if r is not None:
            kink = kink & (r == 0)
            reached = (distance <= r) & ~kink & (r > 0)
            near = reached if near is None else near | reached
        take_other(op, kink, lambda: torch.where(op.out == 0, g, torch.zeros_like(g)))
    s = op.radius(g)
    radius = None if s is None else s.masked_fill(op.out == 0, 0.0)
    if not op.local and near is not None and bool(near.any()):
        radius = torch.where(near, wide(g).abs() + shaped(s, g), shaped(radius, g))
    return radius


def take_other(op: Operation, kink: Tensor, other: Any) -> None:
    """Count choices exactly at a kink, and take the other side where the run does."""
    if not bool(kink.any()):
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

    In a backward, equality of what both sides know is a kink: order comparisons are taken the other way, or equality
    as inequality, where the run asks for it.
    """
    a, b = op["self"], op["other"]
    reach = plus(op.known_radius(a), op.known_radius(b))
    apart = abs(wide(a) - wide(b)).broadcast_to(op.out.shape)
    unsure = None if reach is None else uncertain((apart <= reach) & (reach > 0))
    kink = apart == 0 if reach is None else (apart == 0) & (reach == 0)
    if not bool(kink.any()):
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


@rule(aten.logical_and, aten.logical_or, aten.logical_xor, aten.logical_not, aten.bitwise_and, aten.bitwise_or,
      aten.bitwise_xor, aten.bitwise_not, aten.any, aten.all)
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


@rule(aten.where.self, aten.where.ScalarSelf, aten.where.ScalarOther, aten.where.Scalar)
def where(op: Operation) -> Radius:
    """One of two: its radius; where the condition is unsure, as far as the other one is away."""
    condition, a, b = op["condition"], op["self"], op["other"]
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


@rule(aten.masked_fill.Scalar, aten.masked_fill.Tensor)
def fill_masked(op: Operation) -> Radius:
    """A number where the mask is True; where that is unsure, as far as the other value is away."""
    x, mask, value = op["self"], op["mask"], op["value"]
    unsure = op.radius(mask)
    r, s = zeros_if_none(op, x), zeros_if_none(op, value)
    take_other_branch(op, mask, value, x)
    if unsure is None and op.radius(x) is None and op.radius(value) is None:
        return None
    radius = torch.where(mask, s, r).to(torch.float64)
    if unsure is not None:
        out = wide(op.out)
        reach = torch.maximum(abs(wide(x) - out) + r, abs(wide(value) - out) + s)
        radius = torch.where(unsure > 0, reach, radius)
    return radius.broadcast_to(op.out.shape)


@rule(aten.amax, aten.amin, aten.max.default, aten.min.default)
def extreme(op: Operation) -> Radius:
    """The largest element moves by no more than the largest radius among those that can be it."""
    dims = op.arguments.get("dim", [])
    return extreme_radius(op, op["self"], dims or None, op.arguments.get("keepdim", False), op.out)


def extreme_radius(op: Operation, x: Tensor, dims: Any, keepdim: bool, out: Tensor) -> Radius:
    """Of the largest or smallest over dims: the largest radius within reach of it."""
    r = op.radius(x)
    if r is None:
        return None
    axes = list(range(x.dim())) if dims is None else ([dims] if isinstance(dims, int) else list(dims))
    held = out
    if not keepdim:
        for axis in sorted(axis % max(x.dim(), 1) for axis in axes):
            held = held.unsqueeze(axis) if x.dim() else held
    best = (wide(x) - wide(held)).abs() <= r + (r.amax(axes, keepdim=True) if axes else r)
    inside = torch.where(best, r, 0.0)
    return inside.amax(axes, keepdim=keepdim) if axes else inside


def unsure_index(op: Operation, x: Tensor, index: Tensor, dim: int, keepdim: bool, sign: float) -> Radius:
    """Where another element comes within reach of the largest one: rounding alone decides the index, or it is a tie.

    Leaves for the backward which elements come within reach, and which are exactly tied.
    """
    if op.local or x.dim() == 0 or x.shape[dim] < 2:
        return None
    r = op.known_radius(x)
    values = wide(x) * sign
    top = values.amax(dim, keepdim=True)
    if r is None:
        near = values == top
        tied = near
    else:
        near = values + r >= (values - r).amax(dim, keepdim=True)
        sure = (r == 0) | ~near
        tied = near & (values == top) & sure.all(dim, keepdim=True)
    several = near.sum(dim, keepdim=True) > 1
    if not bool(several.any()):
        return None
    tied = tied & several
    of_a_tie = tied.any(dim, keepdim=keepdim)
    op.context.rivals.put(index, near & several & ~tied, tied, of_a_tie.reshape(index.shape))
    return uncertain(several if keepdim else several.squeeze(dim))


@rule(aten.max.dim, aten.min.dim)
def extreme_and_index(op: Operation) -> tuple[Radius, Radius]:
    """The largest along a dimension, and where it is."""
    x, dim, keepdim = op["self"], op["dim"], op["keepdim"]
    sign = 1.0 if op.func is aten.max.dim else -1.0
    return extreme_radius(op, x, dim, keepdim, op.out[0]), unsure_index(op, x, op.out[1], dim, keepdim, sign)


@rule(aten.argmax, aten.argmin)
def index_of_extreme(op: Operation) -> Radius:
    """Where the largest is."""
    x, dim = op["self"], op["dim"]
    sign = 1.0 if op.func.overloadpacket is aten.argmax else -1.0
    if dim is not None:
        return unsure_index(op, x, op.out, dim, op["keepdim"], sign)
    flat = x.reshape(-1)
    op.context.shadows.put(flat, None if (r := op.known_radius(x)) is None else r.reshape(-1))
    unsure = unsure_index(op, flat, op.out, 0, False, sign)
    return None if unsure is None else unsure.reshape(op.out.shape)


@rule(aten.scatter.src)
def scatter(op: Operation) -> Radius:
    """Elements put where indices say. Where a maximum's index is unsure each of its rivals may get the element."""
    x, dim, index, source = op["self"], op["dim"], op["index"], op["src"]
    r, s = op.radius(x), op.radius(source)
    radius: Radius = None
    if r is not None or s is not None:
        radius = aten.scatter.src(shaped(r, x), dim, index, shaped(s, source))
    rivals = op.context.rivals.get(index)
    if op.known_radius(index) is None:
        return radius
    if rivals is None or rivals[0].shape != x.shape:
        return torch.full(x.shape, math.inf, dtype=torch.float64, device=x.device)
    near, tied, _ = rivals
    reach = (wide(source).abs() + shaped(s, source)).amax(dim, keepdim=True) + shaped(radius, x)
    element = source.amax(dim, keepdim=True)
    if bool(tied.any()) and not op.local:
        op.context.seen_kinks += int(tied.sum())
        if op.context.kinks == "other":
            op.out = torch.where(tied, element, op.out)
        elif op.context.kinks == "unequal":
            op.out = torch.where(tied, torch.zeros_like(op.out), op.out)
    if op.local or not bool(near.any()):
        return radius
    return torch.where(near, reach, shaped(radius, x))


@rule(aten.sort, aten.topk)
def in_order(op: Operation) -> tuple[Radius, Radius]:
    """Sorted values: the i-th largest moves by no more than the largest radius; its place is unsure near a neighbour."""
    x, dim = op["self"], op["dim"]
    r = op.known_radius(x)
    values = wide(op.out[0])
    if x.dim() == 0 or r is None:
        radius: Radius = None
        reach = torch.zeros_like(values)
    else:
        radius = r.amax(dim, keepdim=True).broadcast_to(values.shape).contiguous()
        reach = 2 * radius
    close = torch.zeros(values.shape, dtype=torch.bool, device=values.device)
    if values.dim() and values.shape[dim] > 1:
        gap = values.diff(dim=dim).abs()
        n = values.shape[dim]
        near = gap <= reach.narrow(dim, 0, n - 1)
        close.narrow(dim, 0, n - 1).logical_or_(near)
        close.narrow(dim, 1, n - 1).logical_or_(near)
    if not op.local:
        tied = close & (reach == 0)
        op.context.rivals.put(op.out[1], tied, tied, tied)
    return (None if op.local else radius), uncertain(close)




def windows(x: Tensor, op: Operation, fill: float) -> Tensor:
    """The windows of a pool: N×C×(places)×(positions); padding is `fill`."""
    kernel = list(op["kernel_size"]) * (2 if len(op["kernel_size"]) == 1 else 1)
    padding = list(op["padding"]) * (2 if len(op["padding"]) == 1 else 1)
    stride = list(op["stride"]) or kernel
    if op["ceil_mode"]:
        raise UnknownOperationError(f"{op.func} with ceil_mode")
    batch = x if x.dim() == 4 else x[None]
    padded = torch.nn.functional.pad(batch, (padding[1], padding[1], padding[0], padding[0]), value=fill)
    columns = torch.nn.functional.unfold(padded, kernel, list(op["dilation"]), 0, stride)
    return columns.reshape(*batch.shape[:2], math.prod(kernel), -1)


def pooled_rivals(op: Operation, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """By window and place: which elements may be the largest, and which are exactly tied; and by window, if several."""
    r = op.known_radius(x)
    values = windows(wide(x), op, -math.inf)
    if r is None:
        near = values == values.amax(2, keepdim=True)
        tied = near
    else:
        reach = windows(r, op, 0.0)
        near = values + reach >= (values - reach).amax(2, keepdim=True)
        sure = (reach == 0) | ~near
        tied = near & (values == values.amax(2, keepdim=True)) & sure.all(2, keepdim=True)
    several = near.sum(2, keepdim=True) > 1
    return near & several & ~tied, tied & several, several


@rule(aten.max_pool2d_with_indices.default)
def max_pool(op: Operation) -> tuple[Radius, Radius]:
    """The largest of each window: moves by no more than the largest radius in it; which one it is may be unsure."""
    x = op["self"]
    r = op.radius(x)
    several = pooled_rivals(op, x)[2]
    values = None if r is None else windows(r, op, 0.0).amax(2).reshape(op.out[0].shape)
    return values, None if op.local else uncertain(several.reshape(op.out[0].shape))


@rule(aten.max_pool2d_with_indices_backward.default)
def max_pool_backward(op: Operation) -> Radius:
    """Each window's gradient goes to its largest; where rounding decides which, to any that comes within reach."""
    g, x = op["grad_output"], op["self"]
    s = op.radius(g)
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    radius = None if s is None else op.func(s, wide(x), *[op[name] for name in names], op["indices"])
    near, tied, several = pooled_rivals(op, x)
    if op.local or not bool(several.any()):
        return radius
    by_window = (wide(g).abs() + shaped(s, g)).reshape(near.shape[0], near.shape[1], 1, -1)
    if bool(tied.any()):
        op.context.seen_kinks += int(tied.sum())
        share = _fold(op, tied * wide(g).reshape(by_window.shape), x)
        touched = _fold(op, tied.double(), x) > 0
        if op.context.kinks == "other":
            op.out = torch.where(touched, share.to(g.dtype), op.out)
        elif op.context.kinks == "unequal":
            op.out = torch.where(touched, torch.zeros_like(op.out), op.out)
    return plus(radius, _fold(op, near * by_window, x)) if bool(near.any()) else radius


def _fold(op: Operation, columns: Tensor, x: Tensor) -> Tensor:
    """What lies in windows added where it belongs, of the shape of x."""
    kernel = list(op["kernel_size"]) * (2 if len(op["kernel_size"]) == 1 else 1)
    padding = list(op["padding"]) * (2 if len(op["padding"]) == 1 else 1)
    flat = columns.reshape(columns.shape[0], -1, columns.shape[-1])
    folded = torch.nn.functional.fold(
        flat, x.shape[-2:], kernel, list(op["dilation"]), padding, list(op["stride"]) or kernel
    )
    return folded.reshape(x.shape)


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
    return near * (1.0 + wide(op.out).abs())


@rule(aten.floor, aten.ceil, aten.trunc, aten.round)
def to_whole(op: Operation) -> Radius:
    """Whole numbers: as far as both ends of the neighbourhood lie apart."""
    x = op["self"]
    r = op.radius(x)
    if r is None:
        return None
    rest = [op["decimals"]] if "decimals" in op else []
    return op.func(wide(x) + r, *rest) - op.func(wide(x) - r, *rest)
