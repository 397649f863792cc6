"""Errors that a whole row shares: a norm's mean and 1/σ are one number each for all of its elements.

Of y = (x − μ)·s·w + b, with μ off by δ and s by a part ε of itself, each element is off by w·(A + B·z), where
z = (x − μ)·s and A = −δ·s·(1 + ε), B = ε are those of its row, and by what it rounds itself. δ and ε grow with the
length of the row, and are most of the radius of a long one; what an element rounds itself does not. So the line through
two elements that lie far apart tells, but for their own rounding, how far off each other one is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch._ops import OpOverload

if TYPE_CHECKING:
    from reference.flow.shadows import Shadows

aten = torch.ops.aten
_AVERAGES = (aten.avg_pool2d, aten.avg_pool3d, aten._adaptive_avg_pool2d, aten._adaptive_avg_pool3d, aten.mean)
_AT_ONCE = 1 << 20
"""Elements that are looked at at a time."""
_APART = 1e-2
"""How far apart in z two elements are at least that a line is drawn through, z being off by some rounding itself."""
_STEADY = 4.0
"""Times what elements of a row usually round that those may which a line goes through."""


@dataclass(frozen=True)
class Shared:
    """Of a result: where its elements lie (z), what their row's line is multiplied by (slope), its part of the radius.

    All three are of one shape, in which rows go over the axes `over`; the result has their elements in the same order.
    """

    z: Tensor
    slope: Tensor
    part: Tensor
    over: tuple[int, ...]

    def times(self, factor: Any, of: Tensor) -> Shared:
        """The same of the products by a number, or by a tensor that is seen in the shape of the result `of`."""
        if isinstance(factor, Tensor):
            factor = factor.detach().to(torch.float64).expand(of.shape).reshape(self.z.shape)
        return replace(self, slope=self.slope * factor, part=self.part * abs(factor))

    def averaged(self, average: Callable[[Tensor], Tensor]) -> Shared:
        """The same of averages within rows, whose weights are not negative."""
        slope = average(self.slope)
        return replace(self, z=average(self.z * self.slope) / slope, slope=slope, part=average(self.part))

    @property
    def terms(self) -> int:
        """Elements of one row."""
        return math.prod(self.z.shape[axis] for axis in self.over)

    def parts(self) -> Iterator[Callable[[Tensor], Tensor]]:
        """Of some rows after others, what sees them in a tensor of the result's elements, the axes of a row last."""
        across = [axis for axis in range(self.z.dim()) if axis not in self.over]
        axis = max(range(len(across)), key=lambda i: self.z.shape[across[i]], default=-1)
        count = self.z.shape[across[axis]] if across else 1
        step = max(1, _AT_ONCE * count // self.z.numel())
        for start in range(0, count, step):

            def part(x: Tensor, start: int = start) -> Tensor:
                seen = x.reshape(self.z.shape).permute(*across, *self.over)
                return seen.narrow(axis, start, min(step, count - start)) if across else seen

            yield part


@dataclass(frozen=True)
class Lines:
    """What the elements of a result share, and its radius in all."""

    shared: Shared
    radius: Tensor

    def through(self, errors: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        """How far off each element is by its row's line, and how much further it may be; both of the errors' shape.

        Infinitely further where there is no line.
        """
        error = torch.from_numpy(errors).to(self.radius.device)
        shared, found = self.shared, (torch.empty_like(error), torch.empty_like(error))
        for part in shared.parts():
            given = (shared.z, shared.slope, shared.part, self.radius, error)
            rows = (part(x).reshape(-1, shared.terms).to(torch.float64) for x in given)
            for whole, some in zip(map(part, found), _through(*rows), strict=True):
                whole.copy_(some.view(whole.shape))
        return found


def _through(z: Tensor, slope: Tensor, part: Tensor, radius: Tensor, error: Tensor) -> tuple[Tensor, Tensor]:
    """The same of rows, each in a line."""
    size = slope.abs()
    off, own = error / slope, (radius - part).clamp_(min=0.0) / size
    known = off.isfinite() & own.isfinite()
    # The ends are elements that round as little as most, which a small weight beside a large bias does not.
    usual = torch.where(known, own, torch.nan).nanmedian(1, keepdim=True).values
    steady = known & (own <= _STEADY * usual)
    ends = [torch.where(steady, side, -torch.inf).argmax(1, keepdim=True) for side in (z, -z)]
    (high, low), (above, below), (more, less) = ([x.gather(1, end) for end in ends] for x in (z, off, own))
    apart = high - low
    apart = apart.masked_fill_(apart < _APART, 0.0)
    share = ((z - low) / apart).masked_fill_(z == low, 0.0)
    line = (share * above + (1 - share) * below) * slope
    turned = ((above - below) / apart).masked_fill_(apart == 0, 0.0).abs()
    allowed = (own + share.abs() * more + (1 - share).abs() * less) * size * (1 + turned)
    known &= line.isfinite()
    return line.masked_fill_(~known, 0.0), allowed.masked_fill_(~known, torch.inf)


def carried(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, shadows: Shadows
) -> Shared | None:
    """What the elements of a sum, a product, a negative, a relu or averages share, where those of one operand do."""
    packet = func.overloadpacket
    if packet in _AVERAGES:
        return _of_averages(func, args, kwargs, shadows.shared(args[0]))
    if packet not in (aten.mul, aten.div, aten.add, aten.sub, aten.rsub, aten.neg, aten.relu):
        return None
    a, b = (args[0], 0) if len(args) == 1 else args[1::-1] if packet is aten.rsub else args[:2]
    x, y = map(shadows.shared, (a, b))
    if (x is None) == (y is None) or (a if x is not None else b).shape != out.shape or not out.is_contiguous():
        return None
    if packet in (aten.add, aten.sub, aten.rsub):
        alpha = args[2] if len(args) > 2 else kwargs.get("alpha", 1)
        return x if y is None else y.times(alpha if packet is aten.add else -alpha, out)
    if x is None:
        return y.times(a, out) if y is not None and packet is aten.mul else None
    if packet is aten.neg:
        return x.times(-1, out)
    if packet is aten.relu:
        radius = shadows.get(a)
        return None if radius is None else x.times(a > radius, out)
    if packet is aten.mul:
        return x.times(b, out)
    return None if kwargs.get("rounding_mode") else x.times(1 / b.double() if isinstance(b, Tensor) else 1 / b, out)


def _of_averages(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], known: Shared | None
) -> Shared | None:
    x = args[0]
    if known is None or known.z.shape != x.shape:
        return None
    if func.overloadpacket is aten.mean:
        axes = {axis % x.dim() for axis in args[1] or ()} if len(args) > 2 and args[2] else None
    else:
        axes = set(range(2, x.dim()))
    if not axes or not axes <= {*known.over}:
        return None
    return known.averaged(lambda y: func(y, *args[1:], **kwargs))
