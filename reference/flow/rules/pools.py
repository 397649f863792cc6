"""Rules of pooling by the largest of each window, where the windows' elements are laid out side by side."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from reference.flow.errors import UnknownOperationError
from reference.flow.operation import Operation, Radius, plus, rule, uncertain, wide
from reference.flow.rules.choices import shaped

aten = torch.ops.aten


def both(sides: Any) -> tuple[int, int]:
    """Height and width; torch may write a square's side once."""
    return (int(sides[0]), int(sides[-1]))


def windows(x: Tensor, op: Operation, fill: float) -> Tensor:
    """The windows of a pool: N×C×(places)×(positions); padding is `fill`."""
    if op["ceil_mode"]:
        raise UnknownOperationError(str(op.func), " with ceil_mode")
    kernel, padding = both(op["kernel_size"]), both(op["padding"])
    stride = both(op["stride"]) if op["stride"] else kernel
    batch = x if x.dim() == 4 else x[None]
    padded = torch.nn.functional.pad(batch, (padding[1], padding[1], padding[0], padding[0]), value=fill)
    columns = torch.nn.functional.unfold(padded, kernel, both(op["dilation"]), 0, stride)
    return columns.reshape(*batch.shape[:2], kernel[0] * kernel[1], -1)


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
    kernel = both(op["kernel_size"])
    stride = both(op["stride"]) if op["stride"] else kernel
    flat = columns.reshape(columns.shape[0], -1, columns.shape[-1])
    size = (x.shape[-2], x.shape[-1])
    folded = torch.nn.functional.fold(flat, size, kernel, both(op["dilation"]), both(op["padding"]), stride)
    return folded.reshape(x.shape)
