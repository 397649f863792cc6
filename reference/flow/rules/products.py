"""Rules of products and sums: matrix products, convolutions, sums, means, norms.

A sum of n products, in any order and with fused multiply-add, errs by at most γ_n·Σ|a||b| a side (Higham, (3.5) and
(3.13)): the same operation on absolute values. Radii come in by the same operation again, and what both need is done
in as few products as can be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius, magnitude, plus, rule, wide
from reference.flow.rounding import BY_FFT, is_power_of_two
from reference.flow.rules.arithmetic import most, reach
from reference.flow.rules.long_sums import of_factors, of_prefixes, of_products, of_terms, probable
from reference.flow.rules.windows import Windows
from reference.flow.shadows import Size, is_unknown, unknown

aten = torch.ops.aten
Bilinear = Callable[[Tensor, Tensor], Tensor]


def bilinear(op: Operation, f: Bilinear, a: Tensor, b: Tensor, terms: int, more: int = 0) -> Tensor:
    """The radius of f(a, b), whose elements are sums of `terms` products; `more` further roundings of each sum.

    Products in float16 lose half of its smallest subnormal number as well; what other types lose is in `positive`.
    """
    found, declared = _of_normal_products(op, f, a, b, terms, more), op.context.arithmetic
    if declared is None or declared.summed.flushes:
        return found
    there = (f(_support(op, a), _support(op, b)) != 0).to(torch.float64)
    return found + there * (terms * declared.summed.u * declared.summed.tiny)


def _of_normal_products(op: Operation, f: Bilinear, a: Tensor, b: Tensor, terms: int, more: int) -> Tensor:
    """The same where no product underflows.

    ε|A||B| + |A|r_B + r_A|B| + r_A r_B, ε being the factor of the rounding: one product where one operand is exact.
    float32 where `positive` is.
    """
    r, s = op.factor_radius(a), op.factor_radius(b)
    e = op.sums(terms + more)
    if is_unknown(r) or is_unknown(s):
        return unknown(op.out if isinstance(op.out, Tensor) else f(a, b))
    if f is aten.mm.default and math.inf in [float(x.amax()) for x in (r, s) if x is not None and x.numel()]:
        return _of_known_rows(op, a, r, b, s, terms, more)
    if s is None and r is None:
        return positive(f, None, None, terms, op, a, b, scale=e)
    if s is None:
        assert r is not None
        return positive(f, magnitude(a).mul_(e).add_(r, alpha=1 + e), None, terms, op, a, b)
    right = magnitude(b).mul_(e).add_(s, alpha=1 + e)
    if r is None:
        return positive(f, None, right, terms, op, a, b)
    total = positive(f, magnitude(a).add_(r), right, terms, op, a, b)
    return total + positive(f, r, None, terms, op, a, b)


def _of_known_rows(op: Operation, a: Tensor, r: Radius, b: Tensor, s: Radius, terms: int, more: int) -> Tensor:
    """The same of matrices: nothing is known of a row, or a column, of which an element has an infinite radius."""
    parts, places = [], []
    for x, radius, axis in ((a, r, 0), (b, s, 1)):
        known = torch.arange(x.shape[axis], device=x.device)
        if radius is not None:
            known = (radius.amax(1 - axis) < math.inf).nonzero().squeeze(1)
        parts.append(x.index_select(axis, known))
        places.append(known)
        held = op.context.shadows.get(x)
        op.context.shadows.put(parts[-1], None if held is None else held.index_select(axis, known))
    if not all(map(len, places)):
        return unknown(op.out)
    found = _of_normal_products(op, aten.mm.default, parts[0], parts[1], terms, more)
    whole = torch.full(op.out.shape, math.inf, dtype=found.dtype, device=found.device)
    whole[places[0][:, None], places[1]] = found
    return whole


def carried(op: Operation, f: Bilinear, a: Tensor, b: Tensor, terms: int | None = None) -> Radius:
    """What the operands' radii bring: |A|r_B + r_A|B| + r_A r_B."""
    r, s = op.radius(a), op.radius(b)
    terms = a.shape[-1] if terms is None else terms
    left = None if r is None else positive(f, r, None, terms, op, a, b)
    right = None if s is None else positive(f, None if r is None else wide(a).abs() + r, s, terms, op, a, b)
    return plus(left, right)


def positive(
    f: Bilinear, left: Radius, right: Radius, terms: int, op: Operation, a: Tensor, b: Tensor, scale: float = 1.0
) -> Tensor:
    """scale·f of two tensors ≥ 0 made of a and b (|a|, |b| where None), no smaller than the exact one.

    Its own rounding is allowed for, that of a sum of two such in its own type, and what underflow takes from both
    sides. Done and left in float32, larger by what that rounds, unless the range is too wide for it: products in
    float64 would take most of the time.
    """
    if is_unknown(left) or is_unknown(right):
        return unknown(op.out if isinstance(op.out, Tensor) else f(a, b))
    sizes = [op.context.shadows.size(x) if y is None else Size(y) for x, y in ((a, left), (b, right))]
    (less, down), (near, up) = map(_into_range, sizes)
    quick = _in_float32(f, less, near, terms, scale)
    if quick is not None:
        return quick if down == up == 1 else quick.to(torch.float64).mul_(down).mul_(up)
    p = op.context.precision
    inflation = (1 + (terms + 4) * 2.0**-53) ** 2 * scale
    total = f(*(wide(size.whole) for size in sizes)).mul_(inflation)
    # Both sides may lose the smallest normal number in each product, and so may this one.
    lost = 4 * terms * p.tiny * scale
    least = float(total.amin()) if total.numel() else 1.0
    if math.isnan(least) or least > 0:
        return total.add_(lost)
    support = f(_support(op, a), _support(op, b))
    return total.add_((support != 0).to(torch.float64), alpha=lost)


_MOST_TERMS = 1 << 22
"""Terms up to which (1 + n·u)² is more than float32's rounding of n roundings, 1/(1 − u)ⁿ, with room to spare."""
_RANGE = 1e15
"""Operands up to it have products and sums of `_MOST_TERMS` that float32 holds."""


def _into_range(size: Size) -> tuple[Size, float]:
    """A tensor ≥ 0 by a power of two beneath `_RANGE`, and the power; as it is where that would underflow."""
    if not _RANGE <= size.largest < 1e300:
        return size, 1.0
    power = 2.0 ** math.frexp(size.largest)[1]
    return (Size(size.whole / power), power) if size.least / power > 1e-290 else (size, 1.0)


def _in_float32(f: Bilinear, left: Size, right: Size, terms: int, scale: float) -> Tensor | None:
    """scale·f(left, right) by float32, larger by what its rounding may take; None where its range is too small.

    Making float32 of both operands, enlarging one and the n products and sums are n + 3 roundings at most. The smaller
    operand is enlarged beforehand, which saves a pass over the result.
    """
    if not (left.largest < _RANGE and right.largest < _RANGE) or terms > _MOST_TERMS:
        return None
    inflation = ((1 + (terms + 4) * 2.0**-24) ** 2 + 1e-8) * scale
    first, second = left.single, right.single
    if first.numel() <= second.numel():
        first = first * inflation
    else:
        second = second * inflation
    total = f(first, second)
    # Where no sum is smaller than this, what underflow takes here and on both sides is less than the inflation.
    enough = 1e9 * 8 * terms * torch.finfo(torch.float32).smallest_normal * max(1.0, left.largest, right.largest)
    if first.numel() + second.numel() < total.numel() and _no_smaller(left, right, enough):
        return total
    least = float(total.amin()) if total.numel() else 1.0
    if least > enough or (least == 0 and _no_smaller(left, right, enough)):
        return total
    return None


def _no_smaller(left: Size, right: Size, than: float) -> bool:
    """Whether no product of an element of `left` and one of `right` is smaller, but for zeros."""
    return left.least * min(1.0, right.least) > than


def _support(op: Operation, x: Tensor) -> Tensor:
    """1 where an operand is not exactly 0."""
    return op.not_zero(x).to(x.dtype)


@rule(aten.mm.default, aten.bmm.default, aten.mv.default, aten.dot.default, aten.vdot.default)
def product(op: Operation) -> Radius:
    """A·B, n terms a sum (Higham, (3.13))."""
    a, b = list(op.arguments.values())[:2]
    guaranteed = bilinear(op, op.func, a, b, a.shape[-1])
    if not op.long(a.shape[-1]) or is_unknown(guaranteed):
        return guaranteed
    result = wide(op.out)
    law, moved = of_products(op, a, b, result), of_factors(op, op.func, a, b)
    return probable(op, guaranteed, law, carried(op, op.func, a, b), result=result, factors=moved)


@rule(aten.addmm.default, aten.baddbmm.default, aten.addmv.default)
def product_added(op: Operation) -> Radius:
    """βC + αA·B: n products and C, which is one term more; a factor that is no power of two rounds once more."""
    c, a, b = list(op.arguments.values())[:3]
    alpha, beta = float(op["alpha"]), float(op["beta"])
    inner = {aten.addmm.default: aten.mm, aten.baddbmm.default: aten.bmm, aten.addmv.default: aten.mv}[op.func]
    more = 1 + (not is_power_of_two(alpha)) + (not is_power_of_two(beta))
    terms = a.shape[-1]
    total = bilinear(op, inner, a, b, terms, more)
    if abs(alpha) != 1:
        total = total * (abs(alpha) * (1 if is_power_of_two(alpha) else 1 + 4 * op.context.precision.u))
    r = op.radius(c)
    size: Tensor = reach(wide(c), r) * abs(beta)
    added = None if r is None else r * abs(beta)
    of_first = size * op.sums(terms + more)
    guaranteed = total + (of_first if added is None else of_first + added)
    inside = op.stored_inside(lambda: most(op, guaranteed) + size)
    found = guaranteed if inside is None else guaranteed + inside
    if not op.long(terms) or not alpha or is_unknown(total):
        return found
    # Divided by α it is the plain sum, which may begin with C·β/α.
    by = abs(alpha)
    result = (wide(op.out) - wide(c) * beta) / alpha
    brought = plus(carried(op, inner, a, b), None if added is None else added / by)
    law = of_products(op, a, b, result, wide(c) * (beta / alpha))
    moved = of_factors(op, inner, a, b)
    own = probable(op, found / by, law, brought, result=result, more=more, factors=moved)
    return plus(own if by == 1 or own is None else own * by, inside)


@rule(aten.convolution.default)
def convolution(op: Operation) -> Radius:
    """Each output is a sum over the channels of a group and the places of the kernel, and the bias."""
    x, w, bias = op["input"], op["weight"], op["bias"]
    layout = [op[name] for name in ("stride", "padding", "dilation", "transposed", "output_padding", "groups")]
    terms = w[0].numel() if not op["transposed"] else w.numel() // w.shape[1] // op["groups"]
    more = int(bias is not None)

    def convolve(a: Tensor, b: Tensor) -> Tensor:
        with torch.backends.nnpack.flags(enabled=False):
            found: Tensor = aten.convolution(a, b, None, *layout)
            return found

    radius: Radius = bilinear(op, convolve, x, w, terms, more)
    first = r = None
    if bias is not None:
        r = op.radius(bias)
        per_channel = (-1, *[1] * (op.out.dim() - 2))
        added = reach(wide(bias), r) * op.sums(terms + more) + (0.0 if r is None else r)
        radius = plus(radius, added.reshape(per_channel))
        first, r = wide(bias).reshape(per_channel), None if r is None else r.reshape(per_channel)
    if op.long(terms):
        alone = wide(op.out) - (0.0 if first is None else first)
        windows = Windows(op, w.shape[2:])
        law = (windows.spread if op["transposed"] else windows.results)(op, "law", x, w, alone, first)
        if law is not None:
            brought = plus(carried(op, convolve, x, w, terms), r)
            moved = of_factors(op, convolve, x, w)
            radius = probable(op, radius, law, brought, result=alone, more=more, factors=moved)
    if first is not None and radius is not None:
        size = first.abs()
        radius = plus(radius, op.stored_inside(lambda: most(op, radius) + size))
    if op.allows(BY_FFT) and not op["transposed"] and op["groups"] == 1:
        radius = plus(radius, _by_fft(op, "results", x, w, wide(op.out) - (0.0 if first is None else first)))
    return plus(radius, _beyond_direct(op, lambda a, b, c: aten.convolution(a, b, c, *layout), (x, w, bias), 0))


def _norms(op: Operation, images: Tensor) -> Tensor:
    """The 2-norm of each image of a batch, channel by channel."""
    sizes: Tensor = reach(wide(images), op.radius(images)).flatten(2)
    norms: Tensor = torch.linalg.vector_norm(sizes, dim=2)
    return norms


def _by_fft(op: Operation, which: str, first: Tensor, second: Tensor, result: Tensor) -> Tensor:
    """What a convolution by three Fourier transforms errs by at most, at each place alike: it goes with the norms.

    A transform of n places errs by log₂n·η of its norm, η = u + γ₄(√2 + u) (Higham, theorem 24.2), and so does the
    product of two by as much of the product of their norms; sums over as many images as there are round as well.
    What it probably errs by is less, and known where the law of long sums is asked.
    """
    left, right = _norms(op, first), _norms(op, second)
    left, right = (left.t(), right) if which == "to weight" else (left, right.t() if which == "results" else right)
    around = 2 * max(op["padding"])
    x, w = op["input"], op["weight"]
    places = math.prod(a + n + around for a, n in zip(x.shape[2:], w.shape[2:], strict=True))
    steps = math.log2(4 * places)  # whoever pads to powers of 2 has so many at most
    u = op.context.precision.u
    eta = u + 4 * u / (1 - 4 * u) * (math.sqrt(2) + u)
    each = (left @ right) * (3 * steps * eta / (1 - 3 * steps * eta) + op.sums(left.shape[1] + 1))
    worst = each.reshape(*each.shape, *[1] * (result.dim() - 2)).expand(result.shape)
    if not op.context.probable:
        return worst
    return Windows(op, w.shape[2:]).transforms(op, which, first, second, result, worst)


def _beyond_direct(op: Operation, f: Callable[..., Any], operands: tuple[Any, ...], index: int) -> Radius:
    """What torch's kernel errs by where it is no direct one (Winograd's, which errs on patches that are all 0, too).

    Then its distance from the same in float64 comes on top. oneDNN's on the CPU is direct, as is any in float64.
    """
    result = op.out if isinstance(op.out, Tensor) else op.out[index]
    direct = torch._C._get_mkldnn_enabled() and not result.is_cuda
    if result.dtype is torch.float64 or direct:
        return None
    exact = f(*[x.double() if isinstance(x, Tensor) else x for x in operands])
    exact = exact if isinstance(exact, Tensor) else exact[index]
    return (wide(result) - exact).abs()


@rule(aten.convolution_backward.default)
def convolution_backward(op: Operation) -> tuple[Radius, Radius, Radius]:
    """Gradients of input (sums over output channels and places), weight (over batch × positions) and bias."""
    g, x, w = op["grad_output"], op["input"], op["weight"]
    names = ("bias_sizes", "stride", "padding", "dilation", "transposed", "output_padding", "groups")
    layout = [op[name] for name in names]
    mask = op["output_mask"]
    positions = g.numel() // max(g.shape[1], 1)
    places = w[0, 0].numel()
    channels = w.shape[1] if op["transposed"] else w.shape[0] // op["groups"]

    def one(a: Tensor, b: Tensor, c: Tensor, which: int) -> Tensor:
        with torch.backends.nnpack.flags(enabled=False):
            chosen = [i == which for i in range(3)]
            found: Tensor = aten.convolution_backward(a, b, c, *layout, chosen)[which]
            return found

    def apart(which: int) -> Radius:
        return _beyond_direct(op, lambda a, b, c: aten.convolution_backward(a, b, c, *layout, mask), (g, x, w), which)

    to_input: Radius = None
    to_weight: Radius = None
    to_bias: Radius = None
    by_fft = op.allows(BY_FFT) and not op["transposed"] and op["groups"] == 1
    windows = Windows(op, w.shape[2:])

    def by_law(which: int, f: Bilinear, a: Tensor, b: Tensor, terms: int) -> Radius:
        guaranteed = bilinear(op, f, a, b, terms)
        if not op.long(terms):
            return guaranteed
        result = wide(op.out[which])
        if which == 0:
            law = (windows.results if op["transposed"] else windows.spread)(op, "to input", g, w, result)
        else:
            law = windows.weights(op, "to weight", *((x, g) if op["transposed"] else (g, x)), result)
        if law is None:
            return guaranteed
        brought, moved = carried(op, f, a, b, terms), of_factors(op, f, a, b)
        return probable(op, guaranteed, law, brought, result=result, factors=moved)

    if mask[0]:
        to_input = by_law(0, lambda a, b: one(a, x.to(a.dtype), b, 0), g, w, channels * places)
        to_input = plus(to_input, apart(0))
        if by_fft:
            to_input = plus(to_input, _by_fft(op, "to input", g, w, wide(op.out[0])))
    if mask[1]:
        to_weight = by_law(1, lambda a, b: one(a, b, w.to(a.dtype), 1), g, x, positions)
        to_weight = plus(to_weight, apart(1))
        if by_fft:
            to_weight = plus(to_weight, _by_fft(op, "to weight", g, x, wide(op.out[1])))
    if mask[2]:
        dims = [i for i in range(g.dim()) if i != 1]
        to_bias = narrowed(op, g, dims, total(op, g, dims, keepdim=False), wide(op.out[2]))
    return to_input, to_weight, to_bias


def total(op: Operation, x: Tensor, dims: list[int] | None, *, keepdim: bool, more: int = 0) -> Radius:
    """The radius of a sum of x over dims: γ of one fewer than the terms that are not exactly 0, and Σ radii."""
    axes = dims if dims else list(range(x.dim()))
    r = op.radius(x)
    carried = None if r is None else (r.sum(axes, keepdim=keepdim) if axes else r)
    if carried is not None and op.context.arithmetic is None and carried.numel() and float(carried.amin()) == math.inf:
        return unknown(carried)
    sizes = reach(wide(x), r)
    whole = sizes.sum(axes, keepdim=keepdim) if axes else sizes
    terms = x.numel() // max(whole.numel(), 1)
    known = sizes if not op.local else reach(wide(x), op.known_radius(x))  # 0 where x is exactly 0, and only there
    if x.dim() and x.numel() and not float(known.amin()) > 0:
        held = torch.ne(known, 0, out=torch.empty(x.shape, dtype=torch.float64, device=x.device))
        counts = held.sum(axes, keepdim=keepdim)
        most = int(counts.max()) if counts.numel() else 0
        local = whole * op.sums(max(most - 1, 0) + more)
        local = local.masked_fill(counts <= 1, 0.0) if not more else local
    else:
        local = whole * op.sums(max(terms - 1, 0) + more)
    return plus(carried, local) if carried is not None or bool((local != 0).any()) else None


@rule(aten.sum.default, aten.sum.dim_IntList)
def summed(op: Operation) -> Radius:
    """Σx: n − 1 roundings in any order (Higham, (4.3)); none where all but one term are exactly 0, or integers."""
    x = op["self"]
    if not op.out.dtype.is_floating_point or op.sums_integers(x):
        return None
    guaranteed = total(op, x, op.arguments.get("dim"), keepdim=op.arguments.get("keepdim", False))
    return narrowed(op, x, op.arguments.get("dim"), guaranteed, wide(op.out))


@rule(aten.mean.default, aten.mean.dim)
def mean(op: Operation) -> Radius:
    """Σx/n: the sum, and two more roundings where n is no power of two (an honest program multiplies by fl(1/n))."""
    x = op["self"]
    n = x.numel() // max(op.out.numel(), 1)
    more = 0 if is_power_of_two(n) else 2
    whole = total(op, x, op.arguments.get("dim"), keepdim=op.arguments.get("keepdim", False), more=more)
    whole = narrowed(op, x, op.arguments.get("dim"), whole, wide(op.out) * n, more, mean=True)
    return None if whole is None else plus(whole / n, op.stored_inside(lambda: most(op, whole / n)))


def narrowed(
    op: Operation, x: Tensor, dims: list[int] | None, bound: Radius, result: Tensor, more: int = 0, mean: bool = False
) -> Radius:
    """The radius of a sum, or n times a mean, probable where it is a long one; `result` is torch's own in float64."""
    axes = dims if dims else list(range(x.dim()))
    if bound is None or not op.long(x.numel() // max(result.numel(), 1)) or is_unknown(bound):
        return bound
    r, law = op.radius(x), of_terms(op, x, axes, result, mean=mean)
    if mean and law.alike is not None:
        law = replace(law, root=law.root.masked_fill(law.alike, math.inf))
    brought = None if r is None else r.sum(axes).reshape(result.shape)
    return probable(op, bound, law, brought, result=result, more=more)


@rule(aten.cumsum.default)
def running_sum(op: Operation) -> Radius:
    """Σ of the first i terms: as a sum of them all rounds, times the absolute values so far."""
    x, dim = op["self"], op["dim"]
    if not op.out.dtype.is_floating_point or op.sums_integers(x):
        return None
    r = op.radius(x)
    n = x.shape[dim] if x.dim() else 1
    local = reach(wide(x), r).cumsum(dim) * op.sums(max(n - 1, 0))
    brought = None if r is None else r.cumsum(dim)
    guaranteed = plus(local, brought)
    if not op.long(n):
        return guaranteed
    result = wide(op.out)
    return probable(op, guaranteed, of_prefixes(op, x, dim, result), brought, result=result)


@rule(aten.linalg_vector_norm.default)
def norm(op: Operation) -> Radius:
    """‖x‖: 1 and 2 as sums of |x| or x² with a root, which halves the relative error; ∞ as a maximum.

    The reverse triangle inequality brings ‖r‖.
    """
    x, order = op["self"], float(op["ord"])
    rest = (op["dim"], op["keepdim"])
    r = op.radius(x)
    n = x.numel() // max(op.out.numel(), 1)
    carried = None if r is None else aten.linalg_vector_norm(r, order, *rest)
    if math.isinf(order):
        return carried
    size = wide(op.out) if carried is None else wide(op.out) + carried
    one = aten.linalg_vector_norm(op.not_zero(x).double(), 1.0, *rest) <= 1
    size = size * (1 + op.sums(n))
    p = op.context.precision
    if order == 1:
        own = (size * op.sums(max(n - 1, 0))).masked_fill(one, 0.0)
    else:
        own = size * (op.sums(n) / 2 + 6 * p.u + (4 * 4 * p.u if order != 2 else 0)) + 2 * math.sqrt(n * p.tiny)
    if order in (1, 2) and op.long(n):
        own = _norm_by_law(op, x, order, own, carried)
    return plus(carried, own, op.stored_inside(lambda: size, 2) if order != 1 else None)


def _norm_by_law(op: Operation, x: Tensor, order: float, guaranteed: Tensor, carried: Radius) -> Tensor:
    """How far ‖x‖ itself rounds, by the law of Σ|x| or of Σx², of which a root halves the relative error."""
    size: Tensor = wide(op.out)
    result = size if order == 1 else size * size
    law = of_terms(op, x.abs() if order == 1 else x * x, op["dim"] or list(range(x.dim())), result)
    found = probable(op, torch.full_like(result, torch.inf), law, None, result=result, more=2)
    assert found is not None
    if order == 2:
        found = found / (2 * size) * (1 + found / result) + size * (6 * op.context.precision.u)
    if carried is not None:  # by which each square moves twice, and V with them
        found = found * (1 + 8 * carried / size)
    return torch.fmin(guaranteed, found)


@rule(aten.prod.default, aten.prod.dim_int)
def product_of_all(op: Operation) -> Radius:
    """Πx: n − 1 roundings (Higham, lemma 3.1); radii by Π(|x| + r) − Π|x|, and what float64 rounds in both."""
    rest = [op["dim"], op["keepdim"]] if "dim" in op else []
    return _multiplied(op, lambda x: op.func(x, *rest), op["self"].numel() // max(op.out.numel(), 1))


@rule(aten.cumprod.default)
def running_product(op: Operation) -> Radius:
    """Π of the first i factors, rounded as the product of them all is."""
    return _multiplied(op, lambda x: op.func(x, op["dim"]), op["self"].shape[op["dim"]] if op["self"].dim() else 1)


def _multiplied(op: Operation, f: Callable[[Tensor], Tensor], n: int) -> Radius:
    x = op["self"]
    r = op.radius(x)
    size = f(reach(wide(x), r))
    carried = None if r is None else size - f(wide(x).abs()) + size * (2 * n * 2.0**-53)
    rounding = op.rounding(size, max(n - 1, 0), f(op.not_zero(x).double()) == 0)
    return plus(carried, rounding, op.stored_inside(lambda: size, n - 2))
