"""Rules of the largest and smallest, of sorting, and of what goes back to the element that was taken.

What the forward knows of rivals, elements that come within reach of the one taken, it leaves for the backward.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius, rule, uncertain, wide
from reference.flow.rules.choices import shaped

aten = torch.ops.aten


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
        op.context.seen_ties += int(tied.sum())
        if op.context.kinks == "other":
            op.out = torch.where(tied, element, op.out)
        elif op.context.kinks == "unequal":
            op.out = torch.where(tied, torch.zeros_like(op.out), op.out)
        elif op.context.kinks == "last":
            op.out = torch.where(tied, torch.where(last_of(tied, dim), element, 0), op.out)
    if op.local or not bool(near.any()):
        return radius
    return torch.where(near, reach, shaped(radius, x))


def last_of(tied: Tensor, dim: int) -> Tensor:
    """Of the true elements along a dimension the last alone."""
    return tied & (tied.flip(dim).cumsum(dim).flip(dim) == 1)


@rule(aten.sort, aten.topk)
def in_order(op: Operation) -> tuple[Radius, Radius]:
    """Sorted values: none moves by more than the largest radius; near a neighbour its place is unsure."""
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
    if "k" in op and x.dim() and op["k"] < x.shape[dim]:  # what is left out may stand in the place of what is not
        first_left = op.func(x, op["k"] + 1, dim, op["largest"])[0].narrow(dim, op["k"], 1)
        close |= (values - wide(first_left)).abs() <= reach
    if not op.local:
        tied = close & (reach == 0)
        op.context.rivals.put(op.out[1], tied, tied, tied)
    return (None if op.local else radius), uncertain(close)


@rule(aten.kthvalue.default, aten.median.dim, aten.nanmedian.dim)
def order_statistic(op: Operation) -> tuple[Radius, Radius]:
    """The k-th smallest moves by the largest radius along the dimension; its place is unsure within reach of others."""
    x, dim = op["self"], op["dim"]
    r = op.known_radius(x)
    if x.dim() == 0:
        return op.radius(x), None
    values = wide(op.out[0]) if op["keepdim"] else wide(op.out[0]).unsqueeze(dim)
    most = torch.zeros_like(values) if r is None else r.amax(dim, keepdim=True)
    several = ((wide(x) - values).abs() <= 2 * most).sum(dim, keepdim=True) > 1
    if not op["keepdim"]:
        most, several = most.squeeze(dim), several.squeeze(dim)
    return (None if r is None or op.local else most), uncertain(several)
