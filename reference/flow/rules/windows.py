"""A convolution as products of matrices: the terms of each of its sums, for the law of long sums.

Each result is a sum over the channels of a group and the places of the kernel, each element of a weight's gradient one
over images and positions, in whichever order. So the terms are laid out with either of the two running faster, and the
larger spread of both counts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius
from reference.flow.rules.long_sums import SPREAD, Law, factor, of_products, part_of_root

WINOGRAD = 2.0 / SPREAD
"""The scale of a convolution at least, unless it has one place: Winograd's algorithm, which is honest, errs by up to
1.1 of the radius of its sums for 4 × 4 results and a kernel of 3 × 3 of usual data (32 to 256 channels)."""
_POINTS = ((0.0, 1.0, -1.0, 2.0, -2.0), (0.0, 1.0, -1.0, 0.5, -0.5))
"""Of six numbers of a patch, beside infinity; n numbers of a kernel give 7 − n results (A. Lavin and S. Gray, "Fast
algorithms for convolutional networks", 2016; B. Barabasz et al., "Error analysis and improving the accuracy of Winograd
convolution", 2020)."""
Scale = Callable[[Law], float]
_MOST = 1 << 26
"""Terms that are laid out at most; where there are more, sums keep the guaranteed bound."""


class Windows:
    """Where the windows of a convolution lie. `op` has stride, padding and dilation, one for all axes or each."""

    def __init__(self, op: Operation, kernel: Sequence[int]) -> None:
        def each(name: str) -> list[int]:
            given = [int(x) for x in op[name]]
            return given * len(kernel) if len(given) == 1 else given

        self.stride, self.padding, self.dilation = each("stride"), each("padding"), each("dilation")
        self.kernel, self.groups = list(kernel), int(op["groups"])

    def results(
        self, op: Operation, key: str, x: Tensor, w: Tensor, result: Tensor, first: Radius = None
    ) -> Law | None:
        """The law of x convolved by w (out × in of a group × places), `first` being the bias.

        None where there are too many terms to lay out.
        """
        if result.numel() * w[0].numel() > _MOST * max(1, len(w) // self.groups):
            return None
        spread = [1] * len(self.kernel)
        patches = self._patches(x, self.padding, self.padding, self.stride, result.shape[2:], spread)
        fast = self._faster(op, x, self.padding, self.padding, w)
        return self._of_rows(op, key, patches, w.flatten(2), result, first, fast)

    def spread(self, op: Operation, key: str, x: Tensor, w: Tensor, result: Tensor, first: Radius = None) -> Law | None:
        """The law of x convolved by w (in × out of a group × places) transposed, as the gradient in an input is."""
        if result.numel() * len(w) * math.prod(self.kernel) > _MOST * self.groups * w.shape[1]:
            return None
        before = [d * (k - 1) - p for k, p, d in zip(self.kernel, self.padding, self.dilation, strict=True)]
        after = [
            out + d * (k - 1) - at - ((n - 1) * step + 1)
            for out, k, d, at, n, step in zip(
                result.shape[2:], self.kernel, self.dilation, before, x.shape[2:], self.stride, strict=True
            )
        ]
        ones = [1] * len(self.kernel)
        patches = self._patches(x, before, after, ones, result.shape[2:], self.stride)
        flipped = w.flip(list(range(2, w.dim())))
        turned = _parted(flipped, 0, self.groups).transpose(1, 2).flatten(0, 1)
        fast = self._faster(op, x, before, after, turned)
        return self._of_rows(op, key, patches, turned.flatten(2), result, first, fast)

    def weights(self, op: Operation, key: str, g: Tensor, x: Tensor, result: Tensor) -> Law | None:
        """The law of Σ g·x over images and positions, x at the place of the window that each weight is at."""
        if g.numel() * result[0].numel() > _MOST * max(1, g.shape[1] // self.groups):
            return None
        spread = [1] * len(self.kernel)
        patches = self._patches(x, self.padding, self.padding, self.stride, g.shape[2:], spread)
        right = _parted(patches, 1, self.groups).permute(1, 0, 3, 2, 4).flatten(3)
        left = _parted(g.flatten(2), 1, self.groups).permute(1, 2, 0, 3)
        shaped = _parted(result, 0, self.groups).flatten(2)
        return _in_both_orders(
            op, key, left, right, shaped, None, lambda y: y.reshape(result.shape), lambda law: WINOGRAD
        )

    def transforms(
        self, op: Operation, which: str, left: Tensor, right: Tensor, result: Tensor, worst: Tensor
    ) -> Tensor:
        """How far a convolution in no groups by Fourier transforms probably is off, or `worst` where that is smaller.

        `which` is "results" of x and w, the gradient "to input" of g and w, or that "to weight" of g and x.
        """
        of = left if which == "results" else right if which == "to weight" else result
        grid = [n + 2 * padding for n, padding in zip(of.shape[2:], self.padding, strict=True)]
        if len(left) * math.prod(grid) * (left.shape[1] + len(right)) > _MOST:
            return worst
        here, ones = [0] * len(grid), [1] * len(grid)
        if which == "results":
            images, others = _placed(left, grid, self.padding, ones), _placed(right, grid, here, self.dilation)
            kept = [slice(0, n * step, step) for n, step in zip(result.shape[2:], self.stride, strict=True)]
            return _of_transforms(op, images, others, kept, result, worst, turned=True)
        if which == "to input":
            images = _placed(left, grid, here, self.stride)
            others = _placed(right.transpose(0, 1), grid, here, self.dilation)
            kept = [slice(at, at + n) for at, n in zip(self.padding, result.shape[2:], strict=True)]
            return _of_transforms(op, images, others, kept, result, worst, turned=False)
        images = _placed(right.transpose(0, 1), grid, self.padding, ones)
        others = _placed(left.transpose(0, 1), grid, here, self.stride)
        kept = [slice(0, d * (k - 1) + 1, d) for k, d in zip(self.kernel, self.dilation, strict=True)]
        turned = result.transpose(0, 1), worst.transpose(0, 1)
        return _of_transforms(op, images, others, kept, *turned, turned=True).transpose(0, 1)

    def _faster(self, op: Operation, x: Tensor, before: Sequence[int], after: Sequence[int], w: Tensor) -> Scale:
        """By what the radius of the sums is multiplied for Winograd's algorithm, which is honest.

        In two dimensions and steps of 1 it is done on the data, at other points and in tiles that begin elsewhere too,
        each sum in torch's order: it is three times what the worst errs by, where that is more than usual.
        """
        if max(self.kernel) == 1:
            return lambda law: 1.0
        sizes, steps = {*self.kernel}, {*self.stride, *self.dilation}
        if len(self.kernel) != 2 or steps != {1} or not sizes <= {3, 4, 5} or x.numel() * 5 > _MOST:
            return lambda law: WINOGRAD

        def scale(law: Law) -> float:
            allowed, worst = law.root * part_of_root(op, law.exact.numel()), 0.0
            rows, columns = law.exact.shape[2:]
            for points, shift in itertools.product(_POINTS, (0, 2)):
                around = (before[1] + shift, after[1], before[0] + shift, after[0])
                wide = torch.nn.functional.pad(x.detach().to(law.dtype), around)
                got = by_winograd(wide, w.detach().to(law.dtype), self.groups, points)
                got = got[..., shift : shift + rows, shift : shift + columns]
                ratio = ((got.to(torch.float64) - law.exact).abs() / allowed).nan_to_num(0.0, 0.0, 0.0)
                worst = max(worst, float(ratio.amax()))
            return max(WINOGRAD, 3 * worst)

        return scale

    def _patches(
        self,
        x: Tensor,
        before: Sequence[int],
        after: Sequence[int],
        stride: Sequence[int],
        out: Sequence[int],
        apart: Sequence[int],
    ) -> Tensor:
        """Images × channels × positions × places, of x with its elements `apart` and zeros around it."""
        sizes = [(n - 1) * step + 1 for n, step in zip(x.shape[2:], apart, strict=True)]
        wide = x.new_zeros(*x.shape[:2], *sizes)
        places: tuple[Any, ...] = (..., *[slice(None, None, step) for step in apart])
        wide[places] = x.detach()
        pads = [pad for axis in reversed(range(len(out))) for pad in (before[axis], after[axis])]
        wide = torch.nn.functional.pad(wide, pads)
        steps = wide.stride()[2:]
        strides = [*wide.stride()[:2], *[a * b for a, b in zip(steps, stride, strict=True)]]
        strides += [a * b for a, b in zip(steps, self.dilation, strict=True)]
        windows = wide.as_strided([*wide.shape[:2], *out, *self.kernel], strides)
        return windows.flatten(2, 1 + len(out)).flatten(3)

    def _of_rows(
        self, op: Operation, key: str, patches: Tensor, w: Tensor, result: Tensor, first: Radius, fast: Scale
    ) -> Law | None:
        """The law of patches (images × channels × positions × places) times w (out × in of a group × places)."""
        images, groups = len(patches), self.groups
        left = _parted(patches, 1, groups).permute(1, 0, 3, 2, 4).flatten(1, 2)
        right = _parted(w.detach(), 0, groups).permute(0, 2, 3, 1)

        def there(y: Tensor) -> Tensor:
            return _parted(y.flatten(2), 1, groups).permute(1, 0, 3, 2).flatten(1, 2)

        def back(y: Tensor) -> Tensor:
            return _parted(y, 1, images).permute(1, 0, 3, 2).reshape(result.shape)

        bias = None if first is None else there(first.expand(result.shape))
        return _in_both_orders(op, key, left, right, there(result), bias, back, fast)


def by_winograd(x: Tensor, w: Tensor, groups: int, points: Sequence[float] = _POINTS[0]) -> Tensor:
    """A convolution of images with their padding, 7 − n results an axis at a time; a few more where n does not fit."""
    sizes = list(w.shape[2:])
    at_once = [7 - n for n in sizes]
    short = [-(n - k + 1) % m for n, k, m in zip(x.shape[2:], sizes, at_once, strict=True)]
    wide = torch.nn.functional.pad(x, (0, short[1], 0, short[0]))
    patches = _parted(wide.unfold(2, 6, at_once[0]).unfold(3, 6, at_once[1]), 1, groups)
    others = [[*points[:i], *points[i + 1 :]] for i in range(len(points))]
    divisors = [math.prod(p - q for q in rest) for p, rest in zip(points, others, strict=True)]
    of_patch = x.new_tensor([[*np.poly(rest)[::-1], 0.0] for rest in others] + [[*np.poly(points)[::-1]]])
    of_kernel = [_powers(x, points, n) / x.new_tensor([*divisors, 1.0])[:, None] for n in sizes]
    kernels = torch.einsum("ap,gocpq,bq->abgoc", of_kernel[0], _parted(w, 0, groups), of_kernel[1])
    placed = torch.einsum("ap,ngctupq,bq->abgcntu", of_patch, patches, of_patch)
    products = kernels @ placed.flatten(4)
    shaped = products.view(*products.shape[:4], *placed.shape[4:])
    of_results = [_powers(x, points, m) for m in at_once]
    found = torch.einsum("ap,abgontu,bq->ngotpuq", of_results[0], shaped, of_results[1])
    return found.reshape(len(x), len(w), found.shape[3] * at_once[0], found.shape[5] * at_once[1])


def _powers(like: Tensor, points: Sequence[float], count: int) -> Tensor:
    """Of each point its first powers, and at infinity the last."""
    return like.new_tensor([*([p**k for k in range(count)] for p in points), [0.0] * (count - 1) + [1.0]])


def _of_transforms(
    op: Operation, left: Tensor, right: Tensor, kept: Sequence[slice], result: Tensor, worst: Tensor, *, turned: bool
) -> Tensor:
    """How far `result` probably is off by Fourier transforms, or `worst` where that is smaller.

    It is what is `kept` of the convolution of images on one grid, n × k and m × k, summed over k; of the correlation
    where the right ones are `turned`. Errors spread over all P places alike, with a mean near 0: each of three
    transforms errs by about u·√log₂P of the norm of what it transforms (Schatzman, 1996), the sums over k by √k·u, all
    of λ·u·√((9·log₂P + k)/P) of √Σ(‖x‖·‖w‖)². It is checked on the data: where this, done so, errs by over a third of
    that, the radius is three times the worst ratio.
    """
    places, axes = math.prod(left.shape[2:]), list(range(2, left.dim()))
    of_left, of_right = torch.fft.rfftn(left, dim=axes), torch.fft.rfftn(right, dim=axes)
    of_right = of_right.conj() if turned else of_right
    product = torch.einsum("ncp,ocp->nop", of_left.flatten(2), of_right.flatten(2))
    shaped = product.view(*product.shape[:2], *of_left.shape[2:])
    got = torch.fft.irfftn(shaped, s=list(left.shape[2:]), dim=axes)[(..., *kept)]
    squares = [y.to(torch.float64).square().sum(axes) for y in (left, right)]
    spread = (squares[0] @ squares[1].t() * ((9 * math.log2(4 * places) + left.shape[1]) / places)).sqrt()
    radius = spread * (2 * factor(result.numel()) * op.context.precision.u)
    radius = radius.reshape(*radius.shape, *[1] * len(axes)).expand(result.shape)
    ratio = ((got.to(torch.float64) - result).abs() / radius).nan_to_num(torch.inf, torch.inf, torch.inf)
    op.context.probable_calls += 1
    return torch.fmin(worst, radius * max(1.0, 3 * float(ratio.amax())))


def _placed(x: Tensor, grid: Sequence[int], first: Sequence[int], step: Sequence[int]) -> Tensor:
    """Images on a larger grid of zeros, their first element at a place and the next each a step further."""
    found = x.new_zeros(*x.shape[:2], *grid)
    ends = zip(first, x.shape[2:], step, strict=True)
    spots: tuple[Any, ...] = (..., *[slice(at, at + (n - 1) * by + 1, by) for at, n, by in ends])
    found[spots] = x.detach()
    return found


def _parted(x: Tensor, axis: int, parts: int) -> Tensor:
    """One axis as two."""
    return x.reshape(*x.shape[:axis], parts, x.shape[axis] // parts, *x.shape[axis + 1 :])


def _in_both_orders(
    op: Operation,
    key: str,
    left: Tensor,
    right: Tensor,
    result: Tensor,
    first: Radius,
    back: Callable[[Tensor], Tensor],
    fast: Scale,
) -> Law:
    """The law of Σ left·right over the two last axes of `left`, the two in the middle of `right`; `back` shapes it.

    `fast` is what its radius is multiplied by at least, for other algorithms.
    """
    known = op.memo.get(key)
    if isinstance(known, Law):
        return known
    one, other = (
        of_products(op, a.flatten(2), b.flatten(1, 2), result, first, key=f"{key}, {order}")
        for order, a, b in (("one", left, right), ("other", left.transpose(2, 3), right.transpose(1, 2)))
    )
    law = replace(
        one,
        exact=back(one.exact),
        root=back(torch.maximum(one.root, other.root)),
        squares=back(one.squares),
        scale=max(one.scale, other.scale),
        first=None if first is None else back(first),
    )
    law.scale = max(law.scale, fast(law))
    op.memo[key] = law
    return law
