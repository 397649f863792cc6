"""Rules of the logarithm of the gamma function and of its derivative.

Near their roots no bound in ulps holds, whoever computes them; an absolute one does: so many u of the terms that are
added, those of Stirling's series and, below 0, of the reflection π/sin πx, whose argument rounds as well.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius, by_blocks, plus, rule, wide

aten = torch.ops.aten
TERMS = 8.0
"""Roundings a side, in units of the largest terms: those of a dozen terms of a series, most of them far smaller."""


def _reflected(x: Tensor) -> tuple[Tensor, Tensor]:
    """What stands for x in the series, at least 1/2, and where it is another than x."""
    below = x < 0.5
    return torch.where(below, 1 - x, x), below


def _apart(x: Tensor, r: Tensor) -> Tensor:
    """Where no pole, 0 or a whole number below, lies within the radius."""
    low, high = x - r, x + r
    return (low > 0) | ((low.floor() == high.floor()) & (low != low.floor()) & (high != high.floor()))


def _carried(x: Tensor, r: Tensor, slope: Tensor) -> Tensor:
    """r·slope where no pole is within, 0 where r is 0."""
    found = torch.where(_apart(x, r), r * slope, torch.inf).masked_fill(r == 0, 0.0)
    return found.nan_to_num(nan=torch.inf, posinf=torch.inf)


@rule(aten.lgamma)
@by_blocks
def log_gamma(op: Operation) -> Radius:
    """Terms (x − ½)·log x, x and ½·log 2π; convex between poles, so that the slope is largest at an end."""
    x = wide(op["self"])
    z, below = _reflected(x)
    size = (z + 1) * (1 + z.log().abs())
    turned = (math.pi * (x - x.round())).tan()
    size = size + torch.where(below, (torch.sin(math.pi * x)).abs().log().abs() + x.abs() * math.pi / turned.abs(), 0.0)
    local = op.rounding((wide(op.out).abs() + size).masked_fill(op.out.isinf(), 0.0), TERMS)
    r = op.radius(op["self"])
    if r is None:
        return local
    return plus(local, _carried(x, r, torch.maximum(torch.digamma(x - r).abs(), torch.digamma(x + r).abs())))


@rule(aten.digamma)
@by_blocks
def digamma(op: Operation) -> Radius:
    """Terms log x and 1/x; its slope, Σ 1/(x + k)², is convex between poles as well."""
    x = wide(op["self"])
    z, below = _reflected(x)
    size = 1 + z.log().abs() + 1 / x.abs().clamp_max(1.0)
    turned = torch.sin(math.pi * (x - x.round())).abs()
    size = size + torch.where(below, math.pi / turned + x.abs() * (math.pi / turned) ** 2, 0.0)
    local = op.rounding((wide(op.out).abs() + size).masked_fill(~op.out.isfinite(), 0.0), TERMS)
    r = op.radius(op["self"])
    if r is None:
        return local
    slope = torch.maximum(torch.polygamma(1, x - r).abs(), torch.polygamma(1, x + r).abs())
    return plus(local, _carried(x, r, slope))
