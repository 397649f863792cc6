"""Layer, group and batch norm as a whole: what their parts make of radii, in closed form, block by block.

With c = x − μ, s = 1/√(v + ε), z = c·s and y = z·w + b, the radius is that of the two passes that courses teach. Both
sides' means differ by δ at most, which moves c by δ and v = Σc²/n by δ² alone, since Σc is 0; v rounds γ_{n+4} (Higham,
lemma 3.1), and s moves by a part ρ of itself, the same for all z. So z moves by |z|ρ + s(1 + ρ)(δ + r), r being the
radius of x, and rounds a few times. Gradients are s·(h − H − z·K), h being g·w, H the mean of h and K that of h·z.

A variance by one pass, Σx²/n − μ², is off by what that rounds besides. Replicas, in which each rounding is to be an
element's own, follow the parts themselves (decompositions.py), and so do what is stored in low precision, and the law
of long sums in gradients. Where only float32 goes in, and none with a radius, all is made in float32 and enlarged by
what that rounds. How far torch's result is from the same in its parts comes on top, twice (`to_either_side`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reference.flow.operation import BLOCK, Operation, Radius, closed, plus, wide
from reference.flow.rounding import ONE_PASS, is_power_of_two
from reference.flow.rules.long_sums import of_terms, probable
from reference.flow.rules.products import narrowed
from reference.flow.shared import Shared

aten = torch.ops.aten
UPDATED = 2.0
"""Times the law of long sums of a variance that each element updates (B. P. Welford, 1962): √(S² + (2D²/k)²) is twice
S + D²/k at most, the sum of the first k squares about the mean of all, D being their elements' sum about it."""
_MANY = 1 << 12
"""Elements from which on it pays to follow these sums about the mean, and not only where that lies far from 0."""
Part = Callable[[Tensor], Tensor]


@dataclass
class _Rows:
    """How x lies: the axes that statistics go over, and one along which rows go their own ways (−1: none).

    All else has its number of axes, 1 long where one number is for all.
    """

    x: Tensor
    over: list[int]
    split: int

    @property
    def terms(self) -> int:
        """Elements of one row."""
        return math.prod(self.x.shape[axis] for axis in self.over)

    def parts(self, *, whole: bool) -> Iterator[Part]:
        """Of each block of rows, what takes its part of a tensor."""
        length = self.x.shape[self.split] if self.split >= 0 else 1
        step = length if whole else max(1, 2 * BLOCK * length // self.x.numel())
        for start in range(0, length, step):
            count = min(step, length - start)

            def part(y: Tensor, start: int = start, count: int = count) -> Tensor:
                return y if self.split < 0 or y.shape[self.split] == 1 else y.narrow(self.split, start, count)

            yield part

    def mean(self, x: Tensor) -> Tensor:
        """Of each row."""
        return x.mean(self.over, keepdim=True)


@dataclass
class _Statistics:
    """The mean and 1/σ of rows, how far the candidate's mean is from it, and its 1/σ, as a part of itself; σ²."""

    mean: Tensor
    inverse: Tensor
    around: Tensor
    relative: Tensor
    variance: Tensor
    of_variance: Tensor
    """How far that is."""


@closed(aten.native_layer_norm.default)
def layer_norm(op: Operation) -> Any:
    """Over the last axes; weight and bias are of their shape."""
    x, inner = op["input"], len(op["normalized_shape"])
    outer = x.dim() - inner
    per_place = [None if op[name] is None else op[name][(None,) * outer] for name in ("weight", "bias")]
    return _forward(op, _Rows(x, list(range(outer, x.dim())), 0 if outer else -1), *per_place)


@closed(aten.native_group_norm.default)
def group_norm(op: Operation) -> Any:
    """Over the channels of a group and all places; weight and bias are one for each channel."""
    rows, shape = _groups(op, op["input"])
    per_channel = [None if op[name] is None else op[name].view(1, *shape[1:3], 1) for name in ("weight", "bias")]
    return _forward(op, rows, *per_channel)


def _groups(op: Operation, x: Tensor) -> tuple[_Rows, tuple[int, int, int, int]]:
    shape = (op["N"], op["group"], op["C"] // op["group"], op["HxW"])
    return _Rows(_seen_as(op, x, shape), [2, 3], 0), shape


def _seen_as(op: Operation, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor in another shape, with its radius."""
    seen = x.reshape(shape)
    if seen.data_ptr() != x.data_ptr():
        known = op.context.shadows.get(x)
        op.context.shadows.put(seen, None if known is None else known.reshape(shape))
    return seen


@closed(aten.native_batch_norm.default, aten._native_batch_norm_legit.default, aten._native_batch_norm_legit.no_stats)
def batch_norm(op: Operation) -> Any:
    """Over all but the channels, or by statistics that are given, and in training become the batch's by a share."""
    x = op["input"]
    rows = _Rows(x, [0, *range(2, x.dim())], 1)
    w, b = (None if op[name] is None else _channels(op[name], x) for name in ("weight", "bias"))
    if op["training"] or op.arguments.get("running_mean") is None:
        return _forward(op, rows, w, b)
    return _forward(op, rows, w, b, (_channels(op["running_mean"], x), _channels(op["running_var"], x)))


def _channels(y: Tensor, x: Tensor) -> Tensor:
    return y.view(1, -1, *[1] * (x.dim() - 2))


def _forward(
    op: Operation, rows: _Rows, w: Tensor | None, b: Tensor | None, given: tuple[Tensor, Tensor] | None = None
) -> Any:
    """The radii of y, μ and s."""
    if not rows.x.numel():
        return NotImplemented
    long = given is None and op.long(rows.terms)
    out = _seen_as(op, op.out[0], tuple(rows.x.shape))
    radius = torch.empty(out.shape, dtype=_working(op, rows.x, w, b, *given or ()), device=out.device)
    found = []
    for part in rows.parts(whole=long):
        x = part(rows.x)
        if given is None:
            known = _of_rows(op, rows, x, radius.dtype)
        else:
            known = _of_given(op, part(given[0]), part(given[1]), radius.dtype)
        found.append(known)
        of_w, of_b = (None if y is None else part(y) for y in (w, b))
        torch.mul(_of_results(op, x, part(out), of_w, of_b, known), _enlarged(radius.dtype), out=part(radius))
    if given is not None:
        return radius.view(op.out[0].shape), *[None] * (len(op.out) - 1)
    whole = _joined(found, max(rows.split, 0))
    if long:
        op.shared = _shared(op, rows, whole, w, b)
    for name, value, moved in (("mean", whole.mean, whole.around), ("var", whole.variance, whole.of_variance)):
        if op.arguments.get(f"running_{name}") is not None:
            _averaged(op, op[f"running_{name}"], value, moved, rows.terms if name == "var" else 0)
    of_inverse = wide(whole.inverse) * whole.relative
    beside = zip(op.out[1:3], (whole.mean, whole.inverse), (whole.around, of_inverse), strict=True)
    return radius.view(op.out[0].shape), *[
        r.reshape(y.shape) + 2 * (wide(y) - wide(z).reshape(y.shape)).abs() for y, z, r in beside
    ]


def _shared(op: Operation, rows: _Rows, known: _Statistics, w: Tensor | None, b: Tensor | None) -> Shared:
    """What the elements of rows share: what μ and s make of the radius, but for what further forms round in each.

    They are x·(s·w) + (b − μ·s·w), and (x − k) − (μ − k) for any number k of the row.
    """
    u, working = op.context.precision.u, known.mean.dtype
    x, near = rows.x.to(working), known.inverse * ((1 + known.relative) * known.around)
    z = (x - known.mean).mul_(known.inverse)
    part = z.abs().mul_(known.relative.to(working)).add_(near.to(working)).div_(_enlarged(working))
    furthest = x.abs().amax(rows.over, keepdim=True) + known.mean.abs()
    part.sub_(furthest * (known.inverse * (4 * u)))
    if w is not None:
        part.mul_(w.abs())
    if b is not None:
        part.sub_(b.abs(), alpha=4 * u)
    slope = z.new_ones(()) if w is None else w.detach().to(working)
    return Shared(z, slope.expand(z.shape), part.clamp_(min=0.0).nan_to_num_(0.0, 0.0, 0.0), tuple(rows.over))


def _working(op: Operation, *operands: Tensor | None) -> torch.dtype:
    """float32 where none is of more, and none has a radius."""
    single = all(x is None or (x.dtype is torch.float32 and op.radius(x) is None) for x in operands)
    return torch.float32 if single else torch.float64


def _joined(found: list[_Statistics], axis: int) -> _Statistics:
    names = ("mean", "inverse", "around", "relative", "variance", "of_variance")
    return _Statistics(*[torch.cat([getattr(one, name) for one in found], dim=axis) for name in names])


def _averaged(op: Operation, running: Tensor, value: Any, radius: Any, count: int) -> None:
    """Running statistics moved by a share towards the batch's, variances as those of a sample of `count`."""
    share = float(op["momentum"])
    by = share * (count / max(count - 1, 1) if count else 1.0)
    old, r = wide(running), op.context.shadows.get(running)
    new = wide(value).reshape(running.shape) * by
    rounds = op.rounding(old.abs() * abs(1 - share) + new.abs(), 6)
    running.copy_(old * (1 - share) + new)
    carried = plus(None if r is None else r * abs(1 - share), radius.reshape(running.shape) * abs(by))
    op.context.shadows.put(running, plus(carried, rounds))


def _of_rows(op: Operation, rows: _Rows, given: Tensor, working: torch.dtype) -> _Statistics:
    """The statistics that rows have themselves."""
    p, n, r = op.context.precision, rows.terms, op.radius(given)
    more = 0 if is_power_of_two(n) else 2
    enough = 1 + 2 * p.gamma(n + 2)
    x = given.to(working)
    size, mean = wide(rows.mean(x.abs())), rows.mean(x)
    carried = torch.zeros_like(size) if r is None else rows.mean(r)
    bound = (size + carried) * (2 * p.gamma(n - 1 + more) * enough) + carried
    op.memo.clear()
    summed = narrowed(op, given, rows.over, bound * n, wide(mean) * n, more, mean=True)
    around = (bound if summed is None else torch.fmin(bound, summed / n)) + 2 * p.tiny
    of_sum = narrowed(op, given, rows.over, bound * n, wide(mean) * n, more) if op.allows(ONE_PASS) else None
    own_around = (around - carried).clamp_(min=0.0)
    moved = x - mean
    squares = moved * moved
    variance = rows.mean(squares)
    v = wide(variance)
    off = (v + around * around) * (2 * p.gamma(n + 4) * enough)
    alike = of_terms(op, given, rows.over, wide(mean) * n).alike if op.long(n) else None
    if alike is not None:
        op.memo.clear()
        law = of_terms(op, squares, rows.over, v * n)
        # Both sides' squares differ by six roundings each, and by what δ makes of them: (1 + δ/√v)² of V at most.
        own = probable(op, torch.full_like(v, math.inf), law, None, result=v * n, more=10)
        assert own is not None
        once = own / n * (1 + around / v.sqrt()) ** 2
        off = torch.fmin(off, (once * UPDATED).masked_fill_(alike, math.inf))
    # Updates bring 2·Σ ρ·D besides, ρ being what the mean rounds: u·n·(π/4)·|μ|σ at most, as |D| ≤ σ√(k(n − k)).
    size = wide(mean).abs() + around
    beside = torch.fmin(size * (p.gamma(n + 4) * math.pi / 4), 2 * own_around) * (v.sqrt() + around)
    if alike is not None and (n > _MANY or float((beside / off).median()) > 1 / 8):
        op.memo.clear()
        law = of_terms(op, moved, rows.over, wide(rows.mean(moved)) * n)
        own = probable(op, beside / size * (n / 2), law, None, result=law.exact)
        assert own is not None
        turned, furthest = own * (2 / n), wide(moved.abs().amax(rows.over, keepdim=True))
        # And |m| is |μ| + max|x − μ| at most. A third where a mean's roundings are nearly alike, in blocks or lanes.
        off = torch.where(alike, off, torch.fmin(off, once + turned * furthest))
        beside = torch.where(alike, beside, torch.maximum(turned * size, beside / 3))
    off = off + beside + around * around * (1 + 1e-3)
    if r is not None:
        off = off + (rows.mean((moved.abs() + around) * r) * 2 + rows.mean(r * r)) * enough
    if op.allows(ONE_PASS):
        own_around = own_around if of_sum is None else (of_sum / n - carried).clamp_(min=0.0)
        off = off + _of_one_pass(op, rows, x, wide(mean), own_around)
    return _normalised(op, mean, variance, around, off)


def _of_one_pass(op: Operation, rows: _Rows, x: Tensor, mean: Tensor, around: Tensor) -> Tensor:
    """How far Σx²/n − μ² is off besides (Higham, 1.9): by its sum, by what the mean's rounding makes, and three times.

    What x is off by moves both alike.
    """
    p, n = op.context.precision, rows.terms
    squares = x * x
    size = wide(rows.mean(squares))
    off = size * p.gamma(n + 2)
    if op.long(n):
        op.memo.clear()
        law = of_terms(op, squares, rows.over, size * n)
        own = probable(op, torch.full_like(size, math.inf), law, None, result=law.exact, more=2)
        assert own is not None
        off = torch.fmin(off, own / n)
    return off * (1 + 2 * p.gamma(n + 2)) + 2 * mean.abs() * around + around * around + (size + mean * mean) * (4 * p.u)


def _of_given(op: Operation, mean: Tensor, variance: Tensor, working: torch.dtype) -> _Statistics:
    """Statistics that are given."""
    radii = [op.radius(y) for y in (mean, variance)]
    around, off = (torch.zeros_like(mean, dtype=torch.float64) if r is None else r for r in radii)
    return _normalised(op, mean.to(working), variance.to(working), around, off)


def _normalised(op: Operation, mean: Tensor, variance: Tensor, around: Tensor, off: Tensor) -> _Statistics:
    """1/√(v + ε) of variances that are known but for `off`: ε and the sum round once, the root twice a side."""
    p, eps = op.context.precision, float(op["eps"])
    total = variance + eps
    moved = (off + wide(total) * (2 * p.u) + (2 * p.u * eps + 4 * p.tiny)) / wide(total)
    relative = torch.where(moved < 1, torch.expm1(-0.5 * torch.log1p(-moved)), math.inf)
    return _Statistics(mean, total.rsqrt(), around, relative + 4 * p.u * (1 + relative), variance, off)


def _enlarged(working: torch.dtype) -> float:
    """More than some forty roundings in the type that radii are made in, and than the roundings of roundings."""
    return 1 + 1e-5 if working is torch.float32 else 1 + 1e-13


def _of_results(
    op: Operation, x: Tensor, out: Tensor, w: Tensor | None, b: Tensor | None, known: _Statistics
) -> Tensor:
    """Of z·w + b: difference, product by s and by w round, and the sum."""
    p, working, r = op.context.precision, known.mean.dtype, op.radius(x)
    wider = 1 + known.relative
    near, of_size = known.inverse * wider * known.around, known.relative + wider * (2 * p.u * (2 + (w is not None)))
    z = (x.to(working) - known.mean).mul_(known.inverse)
    size = z.abs()
    radius = (size * of_size.to(working)).add_(near.to(working))
    if r is not None:
        radius.add_(known.inverse * wider * r)
    if w is not None:
        of_w = op.radius(w)
        radius.mul_(w.abs() if of_w is None else w.abs() + of_w)
        if of_w is not None:
            radius.add_(size * of_w)
        z.mul_(w)
    if b is not None:
        z.add_(b)
        radius.add_(out.abs(), alpha=2 * p.u)
        of_b = op.radius(b)
        radius = radius if of_b is None else radius.add_(of_b)
    return radius.add_(z.sub_(out).abs_(), alpha=2).add_(6 * p.tiny)


@closed(aten.native_layer_norm_backward.default)
def layer_norm_backward(op: Operation) -> Any:
    """Gradients in x, weight and bias."""
    x, inner = op["input"], len(op["normalized_shape"])
    outer = x.dim() - inner
    w = None if op["weight"] is None else op["weight"][(None,) * outer]
    rows = _Rows(x, list(range(outer, x.dim())), 0 if outer else -1)
    return _backward(op, rows, op["grad_out"], w, op["mean"], op["rstd"], list(range(outer)))


@closed(aten.native_group_norm_backward.default)
def group_norm_backward(op: Operation) -> Any:
    """Gradients in x, weight and bias."""
    rows, shape = _groups(op, op["input"])
    w = None if op["weight"] is None else op["weight"].view(1, *shape[1:3], 1)
    mean, inverse = (op[name].view(*shape[:2], 1, 1) for name in ("mean", "rstd"))
    return _backward(op, rows, _seen_as(op, op["grad_out"], shape), w, mean, inverse, [0, 3])


@closed(aten.native_batch_norm_backward.default)
def batch_norm_backward(op: Operation) -> Any:
    """Gradients in x, weight and bias, where the statistics were the batch's own."""
    x = op["input"]
    if not op["train"]:
        return NotImplemented
    rows = _Rows(x, [0, *range(2, x.dim())], 1)
    w = None if op["weight"] is None else _channels(op["weight"], x)
    mean, inverse = (_channels(op[name], x) for name in ("save_mean", "save_invstd"))
    return _backward(op, rows, op["grad_out"], w, mean, inverse, rows.over)


def _backward(
    op: Operation, rows: _Rows, g: Tensor, w: Tensor | None, mean: Tensor, inverse: Tensor, outer: list[int]
) -> Any:
    """The radii of the gradients in x, and in weight and bias, which are sums over the axes `outer`."""
    p, x, mask = op.context.precision, rows.x, op["output_mask"]
    many = math.prod(x.shape[axis] for axis in outer)
    if not x.numel() or any([op.long(rows.terms), op.long(many)]):
        return NotImplemented
    working = _working(op, x, g, w)
    around, of_inverse = (
        torch.zeros_like(y, dtype=torch.float64) if r is None else r
        for y, r in ((mean, op.radius(mean)), (inverse, op.radius(inverse)))
    )
    known = (mean.to(working), inverse.to(working), around, of_inverse / wide(inverse))
    out = _seen_as(op, op.out[0], tuple(x.shape)) if mask[0] else None
    to_x = torch.empty(x.shape, dtype=working, device=x.device)
    shape = [1 if axis in outer else length for axis, length in enumerate(x.shape)]
    sums = [torch.zeros(shape, dtype=torch.float64, device=x.device) for _ in range(4)]
    for part in rows.parts(whole=False):
        of_w = None if w is None else part(w)
        gradient = _Gradient(op, rows, part(x), part(g), of_w, tuple(map(part, known)))
        if out is not None:
            torch.mul(gradient.to_x(part(out)), _enlarged(working), out=part(to_x))
        if mask[1] or mask[2]:
            for whole, found in zip(sums, gradient.to_parameters(outer, many), strict=True):
                part(whole).add_(found)
    radii: list[Radius] = [to_x.view(op.out[0].shape) if mask[0] else None, None, None]
    # Sums of blocks are added in float64, those within them in the type that all is made in.
    enough = (1 + p.gamma(many)) * _enlarged(working)
    for i in (1, 2):
        if mask[i]:
            value, radius = (y.reshape(op.out[i].shape) for y in sums[2 * i - 2 : 2 * i])
            radii[i] = radius * enough + 2 * (wide(op.out[i]) - value).abs() + 4 * many * p.tiny
    return radii


class _Gradient:
    """Of some rows: z and h, and how far the candidate's may be."""

    def __init__(
        self, op: Operation, rows: _Rows, x: Tensor, g: Tensor, w: Tensor | None, known: tuple[Tensor, ...]
    ) -> None:
        mean, self.inverse, around, self.relative = known
        self.op, self.rows, self.working = op, rows, mean.dtype
        u, r, of_g = op.context.precision.u, op.radius(x), op.radius(g)
        of_w = None if w is None else op.radius(w)
        self.largest = self.inverse * (1 + self.relative)
        self.bend = self.relative + 4 * u * (1 + self.relative)
        """How far z moves, as a part of itself, and …"""
        self.near = self.largest * around
        """… beside that: δ·s, and what the radius of x makes."""
        self.of_x = None if r is None else self.largest * r
        self.g, self.of_g = g.to(self.working), of_g
        self.z = (x.to(self.working) - mean).mul_(self.inverse)
        self.h, self.rounds = (self.g, 0.0) if w is None else (self.g * w, 2 * u)
        self.of_h = None if of_g is None else of_g if w is None else of_g * w.abs()
        if w is not None and of_w is not None:
            self.of_h = plus(self.of_h, of_w * (wide(g).abs() if of_g is None else wide(g).abs() + of_g))

    def to_x(self, out: Tensor) -> Tensor:
        """The radius of s·(h − H − z·K), a product by n, two differences, and products by z, s and 1/n rounding."""
        p, mean, n = self.op.context.precision, self.rows.mean, self.rows.terms
        enough, six = 1 + 2 * p.gamma(n + 2), 12 * p.u
        h, z = self.h.abs(), self.z.abs()
        product = self.h * self.z
        of_h, of_k, middle, turn = (wide(mean(y)) for y in (h, product.abs(), self.h, product))
        to_middle = of_h * (2 * p.gamma(n + 1) + self.rounds)
        to_turn = turn.abs() * self.relative + self.near * of_h * (1 + self.rounds)
        to_turn = to_turn + of_k * (2 * p.gamma(n + 2) + self.bend - self.relative + self.rounds * (1 + self.bend))
        if self.of_h is not None:
            to_middle = to_middle + mean(self.of_h)
            to_turn = to_turn + mean(self.of_h * (z * (1 + self.bend) + self.near))
        if self.of_x is not None:
            moved = h if self.of_h is None else h + self.of_h
            to_turn = to_turn + mean(moved * self.of_x) * (1 + self.rounds)
        to_middle, to_turn = to_middle * enough + 4 * p.tiny, to_turn * enough**2 + 4 * p.tiny
        reached = turn.abs() + to_turn
        rest = to_middle + middle.abs() * six + reached * 2 * self.near
        of_z = to_turn * (1 + self.bend) + turn.abs() * (self.bend + six)
        s = self.largest
        value = (self.h - middle.to(self.working)).sub_(self.z * turn.to(self.working)).mul_(self.inverse)
        radius = h.mul_((s * (self.rounds + six)).to(self.working)).add_((s * rest).to(self.working))
        radius.add_(z.mul_((s * of_z).to(self.working)))
        radius.add_(value.abs().mul_(self.relative.to(self.working)))
        for beside, times in ((self.of_h, s), (self.of_x, s * reached)):
            if beside is not None:
                radius.add_(beside * times)
        return radius.add_(value.sub_(out).abs_(), alpha=2).add_(8 * p.tiny)

    def to_parameters(self, outer: list[int], many: int) -> tuple[Tensor, ...]:
        """Σ g·z over rows with its radius, and Σ g with its."""
        p = self.op.context.precision
        rounds, sums = 2 * p.gamma(many + 1), 2 * p.gamma(many - 1)
        size, moved = self.g.abs(), self.z.abs()
        whole = moved * (self.bend + rounds * (1 + self.bend)).to(self.working)
        whole.add_((self.near * (1 + rounds)).to(self.working))
        if self.of_x is not None:
            whole.add_(self.of_x * (1 + rounds))
        radius = whole.mul_(size)
        if self.of_g is not None:
            radius.add_(self.of_g * (moved + whole))
        summed = [y.sum(outer, keepdim=True) if outer else y for y in (self.g * self.z, radius, self.g, size)]
        beside = summed[3] * sums
        return *summed[:3], beside if self.of_g is None else beside + self.of_g.sum(outer, keepdim=True)
