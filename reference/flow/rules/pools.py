"""Rules of pooling by the largest of each window, where the windows' elements are laid out side by side."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius, plus, rule, uncertain, wide
from reference.flow.rules.arithmetic import reach
from reference.flow.rules.choices import shaped
from reference.flow.rules.extremes import last_of
from reference.flow.rules.lookups import moves

aten = torch.ops.aten


def both(sides: Any) -> tuple[int, int]:
    """Height and width; torch may write a square's side once."""
    return (int(sides[0]), int(sides[-1]))


def window(op: Operation) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Kernel, stride and dilation."""
    kernel = both(op["kernel_size"])
    return kernel, both(op["stride"]) if op["stride"] else kernel, both(op["dilation"])


def margins(op: Operation, x: Tensor, positions: tuple[int, ...]) -> list[int]:
    """Padding left, right, above and below, so that all positions fit: with `ceil_mode` windows reach over the end."""
    kernel, stride, dilation = window(op)
    padding = both(op["padding"])
    found = []
    for axis in (1, 0):
        reached = (positions[axis] - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1
        missing = reached - x.shape[axis - 2] - padding[axis]
        found += [padding[axis], max(missing, -padding[axis]) if op["ceil_mode"] else padding[axis]]
    return found


def windows(x: Tensor, op: Operation, fill: float) -> Tensor:
    """The windows of a pool: N×C×(places)×(positions); padding is `fill`."""
    kernel, stride, dilation = window(op)
    batch = x if x.dim() == 4 else x[None]
    result = op["grad_output"] if "grad_output" in op else op.out[0]
    padded = torch.nn.functional.pad(batch, margins(op, x, tuple(result.shape[-2:])), value=fill)
    columns = torch.nn.functional.unfold(padded, kernel, dilation, 0, stride)
    return columns.reshape(*batch.shape[:2], kernel[0] * kernel[1], -1)


def pooled_rivals(op: Operation, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """By window and place: which elements may be the largest, and which are exactly tied; and by window, if several."""
    r = op.known_radius(x)
    values = windows(wide(x), op, -math.inf)
    if r is None:
        near = values == values.amax(2, keepdim=True)
        tied = near
    else:
        around = windows(r, op, 0.0)
        near = values + around >= (values - around).amax(2, keepdim=True)
        sure = (around == 0) | ~near
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
    """Each window's gradient goes to its largest; where rounding decides which, to any that comes within reach.

    An element that is the largest of several windows adds up their gradients.
    """
    g, x = op["grad_output"], op["self"]
    s = op.radius(g)
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    rest = [*[op[name] for name in names], op["indices"]]
    radius = plus(
        None if s is None else op.func(s, wide(x), *rest), added_windows(op, g, lambda y: op.func(y, wide(x), *rest))
    )
    near, tied, several = pooled_rivals(op, x)
    if op.local or not bool(several.any()):
        return radius
    by_window = (wide(g).abs() + shaped(s, g)).reshape(near.shape[0], near.shape[1], 1, -1)
    if bool(tied.any()):
        op.context.seen_kinks += int(tied.sum())
        op.context.seen_ties += int(tied.sum())
        share = _fold(op, tied * wide(g).reshape(by_window.shape), x)
        touched = _fold(op, tied.double(), x) > 0
        if op.context.kinks == "other":
            op.out = torch.where(touched, share.to(g.dtype), op.out)
        elif op.context.kinks == "unequal":
            op.out = torch.where(touched, torch.zeros_like(op.out), op.out)
        elif op.context.kinks == "last":
            sole = (near | tied).sum(2, keepdim=True) == 0  # windows with one largest element, which keeps its gradient
            top = windows(wide(x), op, -math.inf)
            taken = last_of(tied, 2) | (sole & (top == top.amax(2, keepdim=True)))
            moved = _fold(op, taken * wide(g).reshape(by_window.shape), x)
            op.out = torch.where(touched, moved.to(g.dtype), op.out)
    return plus(radius, _fold(op, near * by_window, x)) if bool(near.any()) else radius


def added_windows(op: Operation, g: Tensor, back: Callable[[Tensor], Tensor]) -> Radius:
    """The rounding of sums over the windows that one element is the largest of; none where it is of one at most."""
    counts = back(op.not_zero(g).to(torch.float64))
    most = int(counts.max()) if counts.numel() else 0
    if most <= 1:
        return None
    return (back(reach(wide(g), op.radius(g))) * op.sums(most - 1)).masked_fill(counts <= 1, 0.0)


def _fold(op: Operation, columns: Tensor, x: Tensor) -> Tensor:
    """What lies in windows added where it belongs, of the shape of x."""
    kernel, stride, dilation = window(op)
    flat = columns.reshape(columns.shape[0], -1, columns.shape[-1])
    left, right, above, below = margins(op, x, tuple(op["grad_output"].shape[-2:]))
    height, width = x.shape[-2] + above + below, x.shape[-1] + left + right
    folded = torch.nn.functional.fold(flat, (height, width), kernel, dilation, 0, stride)
    inner = folded[..., above : above + x.shape[-2], left : left + x.shape[-1]]
    return torch.nn.functional.pad(inner, (0, x.shape[-1] - inner.shape[-1], 0, x.shape[-2] - inner.shape[-2])).reshape(
        x.shape
    )


@rule(aten.adaptive_max_pool2d.default, aten.adaptive_max_pool3d.default, aten.max_pool3d_with_indices.default)
def largest_of_windows(op: Operation) -> tuple[Radius, Radius]:
    """The largest of each window moves by no more than the largest radius in it.

    Which one it is, only exact operands tell.
    """
    given = dict(op.arguments)
    x = given.pop("self")
    r, known = op.radius(x), op.known_radius(x)
    unsure = None if op.local or not moves(known) else torch.full(op.out[0].shape, math.inf, dtype=torch.float64)
    return None if r is None else op.func(r, *given.values())[0], unsure


@rule(
    aten.adaptive_max_pool2d_backward.default,
    aten.adaptive_max_pool3d_backward.default,
    aten.max_pool3d_with_indices_backward.default,
)
def largest_of_windows_backward(op: Operation) -> Radius:
    """Gradients go where the indices say, and add up; nothing is known where these are unsure."""
    given = dict(op.arguments)
    g, x = given.pop("grad_output"), given.pop("self")
    if moves(op.known_radius(given["indices"])):
        return None if op.local else torch.full(x.shape, math.inf, dtype=torch.float64)
    s = op.radius(g)

    def back(y: Tensor) -> Tensor:
        found: Tensor = op.func(y, wide(x), *given.values())
        return found

    return plus(None if s is None else back(s), added_windows(op, g, back))
