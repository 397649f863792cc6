"""A convolution as products of matrices: the terms of each of its sums, for the law of long sums.

Each result is a sum over the channels of a group and the places of the kernel, each element of a weight's gradient one
over images and positions, in whichever order. So the terms are laid out with either of the two running faster, and the
larger spread of both counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius
from reference.flow.rules.long_sums import SPREAD, Law, factor, of_products, part_of_root

WINOGRAD = 2.0 / SPREAD
"""The scale of a gradient in weights, and of a convolution in two dimensions of which Winograd's algorithm is known for
some machines alone (strides, other kernels). Of 3 × 3 to 5 × 5 in steps of 1 it is checked on the data."""
_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0)
_OF_PATCH = ((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
             (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1))  # fmt: skip
"""Of the six numbers of a patch, at these points and at infinity (Lavin and Gray, "Fast algorithms for convolutional
networks", 2016); n numbers of a kernel give 7 − n results."""
_DIVISORS = (4.0, -6.0, -6.0, 24.0, 24.0, 1.0)
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

    def _faster(self, op: Operation, x: Tensor, before: Sequence[int], after: Sequence[int], w: Tensor) -> Scale:
        """By what the radius of the sums is multiplied for Winograd's algorithm, which is honest.

        It errs by up to 3.6 of that radius: three times what it errs by on the data, its own sums in torch's order.
        """
        if len(self.kernel) != 2 or max(self.kernel) == 1:
            return lambda law: 1.0
        steps, sizes = {*self.stride, *self.dilation}, {*self.kernel}
        if steps != {1} or not sizes <= {3, 4, 5} or x.numel() * 5 > _MOST:
            return lambda law: WINOGRAD

        def scale(law: Law) -> float:
            wide = torch.nn.functional.pad(x.detach().to(law.dtype), (before[1], after[1], before[0], after[0]))
            got = by_winograd(wide, w.detach().to(law.dtype), self.groups)
            got = got[..., : law.exact.shape[2], : law.exact.shape[3]]
            allowed = law.root * part_of_root(op, law.exact.numel())
            ratio = ((got.to(torch.float64) - law.exact).abs() / allowed).nan_to_num(0.0, 0.0, 0.0)
            return 3 * float(ratio.amax())

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


def by_winograd(x: Tensor, w: Tensor, groups: int) -> Tensor:
    """A convolution of images with their padding, 7 − n results an axis at a time; a few more where n does not fit."""
    sizes = list(w.shape[2:])
    at_once = [7 - n for n in sizes]
    short = [-(n - k + 1) % m for n, k, m in zip(x.shape[2:], sizes, at_once, strict=True)]
    wide = torch.nn.functional.pad(x, (0, short[1], 0, short[0]))
    patches = _parted(wide.unfold(2, 6, at_once[0]).unfold(3, 6, at_once[1]), 1, groups)
    of_patch, divisors = x.new_tensor(_OF_PATCH), x.new_tensor(_DIVISORS)[:, None]
    of_kernel = [_powers(x, n) / divisors for n in sizes]
    kernels = torch.einsum("ap,gocpq,bq->abgoc", of_kernel[0], _parted(w, 0, groups), of_kernel[1])
    placed = torch.einsum("ap,ngctupq,bq->abgcntu", of_patch, patches, of_patch)
    products = kernels @ placed.flatten(4)
    shaped = products.view(*products.shape[:4], *placed.shape[4:])
    found = torch.einsum("ap,abgontu,bq->ngotpuq", _powers(x, at_once[0]), shaped, _powers(x, at_once[1]))
    return found.reshape(len(x), len(w), found.shape[3] * at_once[0], found.shape[5] * at_once[1])


def _powers(like: Tensor, count: int) -> Tensor:
    """Of each point its first powers, and at infinity the last."""
    return like.new_tensor([*([p**k for k in range(count)] for p in _POINTS), [0.0] * (count - 1) + [1.0]])


def of_transforms(op: Operation, x: Tensor, w: Tensor, first: Radius, worst: Tensor) -> Tensor:
    """How far a convolution by Fourier transforms probably is, or `worst` where that is smaller, for one in no groups.

    Errors spread over all P places alike, with a mean near 0: each of three transforms errs by about u·√log₂P of the
    norm of what it transforms (Schatzman, 1996), the sums over C channels by √C·u, all of λ·u·√((9·log₂P + C)/P) of
    √Σ(‖x‖·‖w‖)². It is checked on the data: where the convolution, done so, errs by over a third of that, the radius is
    three times the worst ratio.
    """
    windows = Windows(op, w.shape[2:])
    pads = [pad for padding in reversed(windows.padding) for pad in (padding, padding)]
    wide = torch.nn.functional.pad(x.detach(), pads)
    places, axes = math.prod(wide.shape[2:]), list(range(2, x.dim()))
    if len(wide) * places * (wide.shape[1] + len(w)) > _MOST:
        return worst
    kernel = w.new_zeros(*w.shape[:2], *wide.shape[2:])
    spots: tuple[Any, ...] = tuple(
        slice(0, d * (k - 1) + 1, d) for k, d in zip(windows.kernel, windows.dilation, strict=True)
    )
    kernel[..., *spots] = w
    of_x, of_w = torch.fft.rfftn(wide, dim=axes), torch.fft.rfftn(kernel, dim=axes)
    product = torch.einsum("ncp,ocp->nop", of_x.flatten(2), of_w.conj().flatten(2))
    shaped = product.view(*product.shape[:2], *of_x.shape[2:])
    got = torch.fft.irfftn(shaped, s=list(wide.shape[2:]), dim=axes)
    kept = [slice(0, n * step, step) for n, step in zip(op.out.shape[2:], windows.stride, strict=True)]
    squares = [y.to(torch.float64).square().sum(axes) for y in (wide, kernel)]
    spread = (squares[0] @ squares[1].t() * ((9 * math.log2(4 * places) + wide.shape[1]) / places)).sqrt()
    radius = spread * (2 * factor(op.out.numel()) * op.context.precision.u)
    radius = radius.reshape(*radius.shape, *[1] * len(axes)).expand(op.out.shape)
    right = op.out.to(torch.float64) - (0.0 if first is None else first)
    ratio = ((got[(..., *kept)].to(torch.float64) - right).abs() / radius).nan_to_num(torch.inf, torch.inf, torch.inf)
    op.context.probable_calls += 1
    return torch.fmin(worst, radius * max(1.0, 3 * float(ratio.amax())))


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
