"""Long sums: how far the roundings of one sum probably take it, in any usual order, with the law checked on the data.

The guaranteed bound of a sum of n terms, γ_n·Σ|t|, supposes that all its roundings have the same sign. It is 9e-2 of
the typical value for a product of normal matrices with n = 8,192 in float32, where honest programs err by 6e-7. Each
rounding to nearest errs by at most u·|s|, s being the partial sum that it rounds, most often with a mean near 0, and
spread as a uniform number is, whose standard deviation is u·|s|/√3. With so much the error exceeds λ·u·√(Σ s²/3)
with a chance of at most 2·exp(−λ²/2) (Hoeffding's inequality; N. J. Higham and T. Mary, 2019 and 2020, have λ·u·√(Σ s²)
for roundings of any spread). For the N sums of one call λ = √(2·ln(2N/p)), p = 1e-9 a call.

What Σ s² is depends on the order of summation. V is the largest of these, S being the sum, P the sums of the first k
terms, Q the sum of the squares, and a range one of P with 0 among them:

- random orders: its mean, (n + 1)(2n + 1)/(6n)·S² + (n + 1)/6·(Q − S²/n);
- as the terms stand, backwards, and in blocks of neighbours (split-K, pairwise): Σ of the squares of how far each P is
  from the furthest of those before it, or of those after it (of all, in matrix products of numbers of both signs);
- in lanes, each L-th term, L = 4, 8, …, 64 (and each axis first, where a sum goes over several):
  2·Σ P² + 2·(n/L)·Σ S² of the lanes, and L·(range of the lanes' totals)² on top;

and 3Q on top, for the rounding of products without fused multiply-add, and for terms whose last bits are those that a
sum just leaves out: of b such bits roundings have (1 + 2·4⁻ᵇ)/3 of u²s², s being less than 2ᵇ⁺¹·|t|. Of terms that end
in zeros V is half as much more, as of b = 1, where every other rounding is a tie. Of matrix products P is known at
checkpoints alone, every c terms: between them it moves by at most √(c/2·Q of these terms), which adds √(Q·c(c + 2)/8)
to √(Σ P²).

The radius is scale·λ·u·√(V/3) for the candidate, and as far as torch's own result is from the sum in float64: that is
known in float32, in float64 torch's side is allowed as much as the candidate's. It covers one call's own roundings.
What the operands' radii bring comes linearly on top, since these may have one sign; they move P by no more, so V
is allowed it too. n times the smallest normal number is what underflow takes.

The law fails where few distinct numbers are summed: within a binade they round alike (n equal terms err 13 radii at n
= 131,072). So it is checked on the data: some sums, at least one of each row and column of the result, those whose
partial sums run furthest (the largest V/Q, as of terms that are alike) and those where torch erred most, are made one
term after another in the working precision, in `ORDERS` and in all lanes. Where one errs by more than 0.32 of its
radius, `scale` is four times the worst ratio, for all of the call: other orders, and sums that are not checked, err by
up to 3.1 times as much (a ramp times equal numbers, where a quarter of the sums was checked). No radius is larger than
the guaranteed bound: it is the smaller of both, element by element.

Cost: for products of matrices some 20 times the same product in float64, about what sixteen replicas take, and 40 to
80 ns for each term of a sum. Memory is bounded by tiles, and sums of more than 2²⁴ terms keep the guaranteed bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reference.flow.low_precision import FORMATS, half_ulp, rounded
from reference.flow.operation import BLOCK, Operation, Radius, plus
from reference.flow.student import ONE_SIDE

CHANCE = 1e-9
"""That any element of one call exceeds its radius, where the law holds."""
SPREAD = 3**-0.5
"""The standard deviation of one rounding, as a uniform number's is."""
_TIES = 1.5**0.5
"""Times that of terms that end in zeros: where a sum just leaves out their last bit every other rounding is a tie."""
LANES = (4, 8, 16, 32, 64)
_TILE = 1 << 14
"""Elements of a result that are worked on at a time."""
_TILE_COLUMNS = 1 << 7
_STEP = 32
"""Terms between two checkpoints of matrix products."""
_TERMS = 1 << 21
"""Terms that are worked on at a time where each is looked at."""
_FEW = 8
"""Elements of a matrix product up to which all of its terms are made."""
_CHECKED = 64
"""Sums of the largest V/Q, and as many where torch erred most, that the law is checked on at least; …"""
_CHECKED_TERMS = 1 << 18
"""… as many as have so many terms together, where that is more."""

Terms = NDArray[np.floating]
"""n×m: a column for each of m sums."""


def _one_by_one(terms: Terms) -> Terms:
    """The sums over the first axis, one term after another in the terms' own type.

    numpy sums pairwise along the last axis of an array alone; `accumulate`, which cannot, takes ten times as long.
    """
    if terms[0].size == 1:
        return np.add.accumulate(terms, axis=0)[-1]  # type: ignore[no-any-return]
    return terms.sum(axis=0)  # type: ignore[no-any-return]


@lru_cache(2)
def _places(count: int) -> NDArray[np.int32]:
    return np.random.default_rng(0).permutation(np.arange(count, dtype=np.int32))


def _in_lanes(lanes: int) -> Callable[[Terms], Terms]:
    def summed(terms: Terms) -> Terms:
        padded = _padded(terms, lanes)
        return _one_by_one(_one_by_one(padded.reshape(len(padded) // lanes, lanes, -1)))

    return summed


def _in_blocks(blocks: int) -> Callable[[Terms], Terms]:
    def summed(terms: Terms) -> Terms:
        padded = _padded(terms, blocks)
        each = padded.reshape(blocks, len(padded) // blocks, -1)
        return _one_by_one(np.stack([_one_by_one(block) for block in each]))

    return summed


def _padded(terms: Terms, multiple: int) -> Terms:
    short = -len(terms) % multiple
    return np.concatenate([terms, np.zeros((short, terms.shape[1]), terms.dtype)]) if short else terms


ORDERS: dict[str, Callable[[Terms], Terms]] = {
    "the terms in order": _one_by_one,
    "backwards": lambda terms: _one_by_one(np.ascontiguousarray(terms[::-1])),
    "shuffled": lambda terms: _one_by_one(terms[_places(len(terms))]),
    "16 blocks": _in_blocks(16),
}
"""Orders that the law is checked in, beside the lanes."""


@dataclass
class Law:
    """What the data of one call say: each sum in float64, √V and Q of each, the number of terms, and the scale.

    `first` is a further term that each sum may begin with (the C of C + A·B), of any size beside the others.
    """

    exact: Tensor
    root: Tensor
    squares: Tensor
    terms: int
    dtype: torch.dtype
    """The type that sums are made in."""
    scale: float = 1.0
    first: Tensor | None = None
    alike: Tensor | None = None
    """Which means' updates round with one sign (`_alike`)."""

    @property
    def spread(self) -> Tensor:
        """√V where each sum may begin with `first`, which moves all partial sums."""
        return self.root if self.first is None else self.root + self.first.abs() * (_TIES * math.sqrt(self.terms + 1))


def factor(sums: int) -> float:
    """λ for so many sums of one call."""
    return math.sqrt(2 * math.log(2 * max(sums, 1) / CHANCE))


def part_of_root(op: Operation, sums: int) -> float:
    """What √V is multiplied by for so many sums of one call, before it is scaled."""
    return factor(sums) * op.context.precision.u * SPREAD


def probable(
    op: Operation,
    guaranteed: Radius,
    law: Law,
    carried: Radius,
    *,
    result: Tensor,
    more: int = 0,
    factors: Radius = None,
) -> Radius:
    """The radius by the law, or the guaranteed bound where that is smaller.

    `carried` is what the operands' radii bring, linearly; `factors` is what their rounding does (`of_factors`).
    `result` is torch's own in float64, of what `law.exact` is the sum of. `more` are roundings of the whole. Where the
    operation asks for a standard deviation it is 2u√V for both sides, without λ.
    """
    if guaranteed is None:
        return None
    p = op.context.precision
    spread = law.spread
    if op.local:
        moves = plus(spread * (2 * p.u * max(1.0, law.scale * SPREAD)), factors)
        assert moves is not None
        # √n·u·Σ|t|, which is what is guaranteed here, is of roundings that have no sign in common.
        alike = moves.isinf() | (law.scale * SPREAD > 1)
        return torch.fmin(guaranteed * torch.where(alike, math.sqrt(law.terms), 1.0), moves)
    sides = 1 if p.dtype is torch.float32 else 2
    part = law.scale * part_of_root(op, sides * result.numel())
    size = law.exact.abs() if law.first is None else law.exact.abs() + law.first.abs()
    own = spread * part + size * (more * p.u) + law.terms * p.tiny
    if sides > 1:
        own = own * sides
    else:  # what float64 itself rounds on top, Σ|t| being √(nQ) at most
        own = own + (result - law.exact).abs() + law.squares.sqrt() * (law.terms**1.5 * 2.0**-53)
    if carried is not None:
        # Partial sums reach further by that much, in √n·u·λ of which the law makes its share.
        own = own + carried * (1 + 2 * sides * (part * math.sqrt(law.terms) + more * p.u))
    own = own if factors is None else own + factors
    found = torch.fmin(guaranteed, own * (1 + 1e-6))
    op.context.probable_calls += 1
    return found


def of_factors(op: Operation, f: Callable[[Tensor, Tensor], Tensor], a: Tensor, b: Tensor) -> Radius:
    """What declared rounding of the factors of A·B probably makes of it; None where none is declared.

    Rounding to nearest moves each by half a unit in the last place, h, at most and with a mean near 0, so that
    λ·√Σ(h_a²b² + a²h_b²) is exceeded as rarely as the law of long sums. It is checked on the data, too: it is three
    times what the product moves by with either or both of the factors rounded, where that is more.
    """
    declared = op.context.arithmetic
    if declared is None or declared.products is None:
        return None
    of = FORMATS[declared.products]
    x, y = a.detach().to(torch.float64), b.detach().to(torch.float64)
    h, k = (half_ulp(of, z).masked_fill_(z == 0, 0.0) for z in (x, y))
    root = (f(h * h, y * y) + f(x * x, k * k)).sqrt_()
    if op.local:
        return root * ONE_SIDE
    radius = root * factor(root.numel())
    near, close, exact = rounded(of, x), rounded(of, y), f(x, y)
    moved = [f(near, close) - exact, f(near, y) - exact, f(x, close) - exact]
    return radius * _scale(max(float(_ratios(one, radius).amax()) for one in moved))


def of_products(op: Operation, a: Tensor, b: Tensor, result: Tensor, first: Radius = None, *, key: str = "law") -> Law:
    """The law of A·B, of vectors, matrices or batches of them; `result` is torch's own in float64, of A·B alone.

    `first` is a further term that each sum may begin with. `key` tells laws of one operation apart.
    """
    known = op.memo.get(key)
    if isinstance(known, Law):
        return known
    left, right = a.detach(), b.detach()
    left = left.reshape(-1, *left.shape[-2:]) if left.dim() > 1 else left[None, None]
    right = right.reshape(-1, *right.shape[-2:]) if right.dim() > 1 else right[None, :, None]
    parts = [_of_matrices(x, y) for x, y in zip(left, right, strict=True)]
    exact, root, squares = (torch.stack(each) for each in zip(*parts, strict=True))
    few = _few_bits(left, op)[:, :, None] & _few_bits(right.transpose(1, 2), op)[:, None]
    law = Law(exact, root * _TIES**few, squares, a.shape[-1], op.context.precision.dtype)
    if first is not None:
        first = first.detach().expand(result.shape)
        law.first = first.reshape(exact.shape)
    ratio = _worst_of_products(law, left, right, result.reshape(exact.shape), part_of_root(op, exact.numel()))
    law.scale, law.first = _scale(ratio), first
    law.exact, law.root, law.squares = (x.reshape(result.shape) for x in (exact, law.root, squares))
    op.memo[key] = law
    return law


def of_terms(op: Operation, x: Tensor, axes: Sequence[int], result: Tensor, *, mean: bool = False) -> Law:
    """The law of Σx over axes; `result` is torch's own in float64, and its shape that of the law's tensors."""
    known = op.memo.get("law")
    if isinstance(known, Law):
        return known
    places = [axis % x.dim() for axis in axes]
    kept = [i for i in range(x.dim()) if i not in places]
    over = [i for i in range(x.dim()) if i in places]
    sizes = [x.shape[i] for i in over]
    n = math.prod(sizes)
    rows = x.detach().permute(*kept, *over).reshape(-1, n)
    strides = {math.prod(sizes[i:]) for i in range(1, len(sizes))}
    lanes = [lane for lane in sorted({*LANES, *strides}) if 1 < lane < n]
    share = max(1, BLOCK // n)
    parts = [_of_rows(rows[i : i + share].double(), lanes) for i in range(0, len(rows), share)]
    exact, root, squares = (torch.cat(each) for each in zip(*parts, strict=True))
    root = root * _TIES ** _few_bits(rows, op)
    law = Law(exact, root, squares, n, op.context.precision.dtype)
    allowed = root * part_of_root(op, len(rows))
    ratio, alike = 0.0, torch.zeros_like(root, dtype=torch.bool)
    for i in range(0, len(rows), share):
        here = slice(i, i + share)
        terms = rows[here].t().to(law.dtype).contiguous().cpu().numpy()
        ratio = max(ratio, _worst(terms, exact[here], allowed[here], lanes))
        if mean:
            alike[here] = _alike(rows[here].to(law.dtype), allowed[here] / op.context.precision.u)
    doubtful = alike.nonzero()[:, 0]
    for i in range(0, len(doubtful), share):
        some = doubtful[i : i + share]
        alike[some] = _alike(rows[some].to(law.dtype), allowed[some] / op.context.precision.u, 4)
    ratio = max(ratio, float(_ratios(result.reshape(-1) - exact, allowed).amax()))
    law.scale = _scale(ratio)
    law.exact, law.root, law.squares, law.alike = (y.reshape(result.shape) for y in (exact, root, squares, alike))
    op.memo["law"] = law
    return law


def of_prefixes(op: Operation, x: Tensor, dim: int, result: Tensor) -> Law:
    """The law of each sum of the first k terms; the check is by the sums one after another, and in sixteen blocks."""
    known = op.memo.get("law")
    if isinstance(known, Law):
        return known
    rows = x.detach().to(torch.float64).movedim(dim, -1)
    n = rows.shape[-1]
    k = torch.arange(1, n + 1, dtype=torch.float64, device=x.device)
    exact, squares = rows.cumsum(-1), (rows * rows).cumsum(-1)
    within = exact.cummax(-1)[0].clamp_(min=0) - exact.cummin(-1)[0].clamp_(max=0)
    shuffled = exact * exact * ((k + 1) / 3) + squares * ((k + 1) / 6)
    root = (torch.maximum(shuffled, within * within * k) + 3 * squares).sqrt_()
    root.masked_fill_(squares < 1e-280, torch.inf)
    root = root * _TIES ** _few_bits(rows, op)[..., None]
    sums, spread, of_squares = (y.movedim(-1, dim) for y in (exact, root, squares))
    law = Law(sums, spread, of_squares, n, op.context.precision.dtype)
    allowed = root * part_of_root(op, x.numel())
    worst = float(_ratios(result.movedim(dim, -1) - exact, allowed).amax())
    terms = rows.to(law.dtype).cpu().numpy()
    size = n // 16
    for one in (terms, terms[..., : size * 16].reshape(*terms.shape[:-1], 16, size)):
        so_far = np.add.accumulate(one, axis=-1)
        if one is not terms:
            totals = np.add.accumulate(so_far[..., -1], axis=-1)
            so_far[..., 1:, :] += totals[..., :-1, None]
            so_far = so_far.reshape(*terms.shape[:-1], size * 16)
        here = slice(0, so_far.shape[-1])
        error = torch.from_numpy(so_far.astype(np.float64)).to(exact.device) - exact[..., here]
        worst = max(worst, float(_ratios(error, allowed[..., here]).amax()))
    law.scale = _scale(worst)
    op.memo["law"] = law
    return law


def _roots(n: int, exact: Tensor, squares: Tensor, neighbours: Tensor, lanes: Sequence[Tensor], least: float) -> Tensor:
    """√V of the largest: random orders, neighbours' √V, lanes' V; infinite where Q tells that squares underflow."""
    shuffled = (exact * exact) * ((n + 1) / 3) + squares * ((n + 1) / 6)
    largest = torch.maximum(shuffled, neighbours * neighbours)
    for each in lanes:
        largest = torch.maximum(largest, each)
    root = (largest + 3 * squares).sqrt_()
    return root.masked_fill_(squares < least, torch.inf)


def _few_bits(x: Tensor, op: Operation) -> Tensor:
    """Of each row of the last axis, whether three eighths of some 256 numbers end in four zeros.

    A sixteenth is usual, three sixteenths of multiples of 2⁻²⁴ below 1, as `torch.rand` draws them.
    """
    bits = x.detach()[..., :: x.shape[-1] // 256 | 1].to(op.context.precision.dtype).contiguous()
    there, last = bits != 0, bits.view(torch.int32 if bits.dtype is torch.float32 else torch.int64) & 15
    return ((last == 0) & there).sum(-1) * 8 > there.sum(-1) * 3


def _so_far(x: Tensor, lanes: int) -> Tensor:
    """The sums of each lane so far."""
    return x.reshape(len(x), -1, lanes).cumsum(1).view(x.shape)


def _alike(x: Tensor, allowed: Tensor, rounds: int = 1) -> Tensor:
    """Whether rows' m += (x − m)/k (B. P. Welford, 1962) err by more than seven tenths of `allowed`, in units of u.

    n·m errs by Σ k·ρ, ρ being what the k-th step rounds. Elements that grow steadily have equal increments, which round
    alike. All ρ are found at once, from the mean so far, which where they add up to half of that is put off by them,
    again and again. In order, backwards, in blocks and in lanes errors of eight parts are added up as if they had one
    sign, early ones times √((n − k)/k): a variance errs by 2σ times as much. More lanes are too short to err so.
    """
    found, n = torch.zeros_like(allowed, dtype=torch.bool), x.shape[1]
    weights = (8 / torch.arange(0.5, 8, dtype=x.dtype, device=x.device) - 1).sqrt_().clamp_(min=1)[:, None]
    rows = [(x, 1), (x.flip(1), 1), *((x, lane) for lane in (2, *LANES) if 4 * lane * lane < n)]
    if n > 4 * 16 * 16:
        rows.append((x[:, : n // 16 * 16].reshape(-1, n // 16), 1))
    for y, lane in rows:
        size = (y.shape[1] // lane - 1) // 8
        y = y[:, : (8 * size + 1) * lane]
        k = torch.arange(1, 8 * size + 2, dtype=x.dtype, device=x.device).repeat_interleave(lane)
        share, times = 1 / k, k[lane:]
        lost = mean = exact = (_so_far(y, lane) * share)[:, :-lane]
        for i in range(rounds):
            if i:
                mean = exact + (_so_far(lost, lane) - lost) * share[:-lane]
            away = y[:, lane:] - mean
            lost = torch.addcmul(away, torch.addcmul(mean, away, share[lane:]).sub_(mean), times, value=-1).neg_()
            error = (lost.view(len(x), -1, 8, size, lane).sum(3).abs_() * weights).double().sum((1, 2, 3))
            found |= error * (2 / torch.finfo(x.dtype).eps) > allowed * (0.35 if rounds == 1 else 0.7)
    return found


def _of_rows(x: Tensor, lanes: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    """The sum, √V and Q of each row, a few terms at a time."""
    n = x.shape[1]
    partial, last, squares = torch.empty_like(x), x.new_zeros(len(x), 1), x.new_zeros(len(x))
    parts, given = (torch.split(y, max(1, BLOCK // len(x)), 1) for y in (partial, x))
    for terms, sums in zip(given, parts, strict=True):
        last = torch.cumsum(terms, 1, out=sums).add_(last)[:, -1:]
        squares += torch.linalg.vecdot(terms, terms)
    exact = last[:, 0].clone()
    # Forwards each sum of neighbours ends at P and begins at one before, backwards it begins there.
    before, after = _furthest(parts, torch.zeros_like(last)), _furthest([y.flip(1) for y in parts[::-1]], last)
    found = [_of_lanes(x, lane) for lane in lanes]
    return exact, _roots(n, exact, squares, torch.maximum(before, after).sqrt_(), found, 1e-280), squares


def _furthest(parts: Sequence[Tensor], top: Tensor) -> Tensor:
    """Σ of the squares of how far each number of a row is from the furthest of `top` and those before it."""
    bottom, found = top, top.new_zeros(len(top))
    for x in parts:
        high, low = x.cummax(1)[0].clamp_(min=top), x.cummin(1)[0].clamp_(max=bottom)
        top, bottom = high[:, -1:].clone(), low[:, -1:].clone()
        found += high.sub_(x).clamp_(min=torch.sub(x, low, out=low)).square_().sum(1)
    return found


def _of_lanes(x: Tensor, lane: int) -> Tensor:
    """V of each row's sums in lanes."""
    n = x.shape[1]
    padded = (torch.nn.functional.pad(x, (0, -n % lane)) if n % lane else x).view(len(x), -1, lane)
    broad = max(256, BLOCK // (len(x) * padded.shape[1]))
    squared, totals = x.new_zeros(len(x)), []
    for some in torch.split(padded, broad, 2):
        total = some.new_zeros(len(x), 1, some.shape[2])
        for part in torch.split(some, max(1, BLOCK // (len(x) * some.shape[2])), 1):
            within = part.cumsum(1).add_(total)
            total = within[:, -1:].clone()
            squared += torch.linalg.vecdot(within.flatten(1), within.flatten(1))
        totals.append(total[:, 0])
    whole = torch.cat(totals, 1)
    upto = whole.cumsum(1)
    across = upto.amax(1).clamp_(min=0) - upto.amin(1).clamp_(max=0)
    return 2 * squared + (whole * whole).sum(1) * (2 * n / lane) + across * across * lane


def _of_matrices(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The sum, √V and Q of each element of A·B, tile by tile."""
    rows, columns = len(a), b.shape[1]
    if rows * columns <= _FEW:
        terms = a.to(torch.float64)[:, None] * b.t().to(torch.float64)
        exact, root, squares = (x.view(rows, columns) for x in _of_rows(terms.flatten(0, 1), LANES))
        return exact, root, squares
    (a, down), (b, up) = _near_one(a), _near_one(b)
    most = max(1, _TERMS // a.shape[1])
    broad = min(columns, max(_TILE_COLUMNS, _TILE // rows), most)
    high = max(1, min(_TILE // broad, most))
    whole = [torch.empty(rows, columns, dtype=torch.float64, device=a.device) for _ in range(3)]
    for j in range(0, columns, broad):
        right = b[:, j : j + broad].contiguous()
        precise = right.to(torch.float64)
        squared = precise * precise
        for i in range(0, rows, high):
            left = a[i : i + high].to(torch.float64)
            exact, squares = left @ precise, (left * left) @ squared
            root = _root_of_tile(a[i : i + high].t().contiguous(), right, exact, squares)
            for one, part in zip(whole, (exact, root, squares), strict=True):
                one[i : i + high, j : j + broad] = part
    back = down * up
    exact, root, squares = whole
    return exact.mul_(back), root.mul_(back), squares.mul_(back * back)


def _near_one(x: Tensor) -> tuple[Tensor, float]:
    """Its numbers by a power of two, so that their squares are in range, and the power that brings them back."""
    top = float(x.abs().amax())
    if not 0 < top < math.inf:
        return x, 1.0
    power = 2.0 ** math.frexp(top)[1]
    return x / power, power


def _root_of_tile(a: Tensor, b: Tensor, exact: Tensor, squares: Tensor) -> Tensor:
    """√V of Aᵀ·B, of which terms are rows. Partial sums are in their type, which rounds them by less than counts."""
    n, points = len(a), math.ceil(len(a) / _STEP)
    partial, top, bottom, summed, squared = (a.new_zeros(exact.shape) for _ in range(5))
    ends = (x.aminmax() for x in sorted((a, b), key=torch.numel))
    rising = all(bool(low >= 0) or bool(high <= 0) for low, high in ends)
    for k in range(0, n, _STEP):
        partial.addmm_(a[k : k + _STEP].t(), b[k : k + _STEP])
        if not rising:
            torch.maximum(top, partial, out=top)
            torch.minimum(bottom, partial, out=bottom)
        summed.add_(partial)
        squared.addcmul_(partial, partial)
    if rising:  # each P is as far from 0 as the next checkpoint at most, and as far from S as the one before
        behind = squared - 2 * exact * summed + (points + 1) * exact * exact
        neighbours = (behind.clamp(min=squared.to(torch.float64)) * _STEP).sqrt_()
    else:
        top, bottom = top.to(torch.float64), bottom.to(torch.float64)
        middle = (top + bottom) / 2
        around = (squared - 2 * middle * summed) / points + middle * middle
        neighbours = (around.clamp(min=0).sqrt() + (top - bottom) / 2) * math.sqrt(n) + squares.sqrt() * _beyond(_STEP)
    in_lanes = [_in_lanes_of(a, b, lanes, exact, squares, rising=rising) for lanes in LANES]
    return _roots(n, exact, squares, neighbours, in_lanes, 1e-28)


def _beyond(step: int) -> float:
    """√Σe² ÷ √Q, e being how far a partial sum is from that at the nearest of checkpoints `step` terms apart."""
    return math.sqrt(step * (step + 2) / 8)


def _in_lanes_of(a: Tensor, b: Tensor, lanes: int, exact: Tensor, squares: Tensor, *, rising: bool) -> Tensor:
    """V of a tile's sums in lanes, lane by lane; of few lanes the totals' range is √(L·Σ of their squares) at most."""
    n = len(a)
    step = n if rising else max(4, round(math.sqrt(n)))  # which makes of the checkpoints' share of V n²/8 at most
    lane, partial, total, across, top, bottom = (a.new_zeros(exact.shape) for _ in range(6))
    few, parted = rising or lanes * lanes <= n / 2, n > step * lanes
    for first in range(lanes):
        x, y = a[first::lanes], b[first::lanes]
        for k in range(0, len(x), step):
            lane.addmm_(x[k : k + step].t(), y[k : k + step], beta=int(k > 0))
            partial.addcmul_(lane, lane)
        if parted:
            total.addcmul_(lane, lane)
        if not few:
            across.add_(lane)
            torch.maximum(top, across, out=top)
            torch.minimum(bottom, across, out=bottom)
    totals = (total if parted else partial).to(torch.float64)
    if rising:
        return totals * math.ceil(n / lanes) + exact * exact * lanes
    inside = (partial.to(torch.float64) * step).sqrt_() + squares.sqrt() * _beyond(step)
    reached = totals * lanes if few else (top - bottom).to(torch.float64).square_()
    return 2 * inside * inside + totals * (2 * n / lanes) + reached * lanes


def _worst_of_products(law: Law, left: Tensor, right: Tensor, result: Tensor, times: float) -> float:
    """The largest error ÷ radius among the sums that are made one by one, and torch's own."""
    batches, rows, columns = law.exact.shape
    across = right.transpose(1, 2).contiguous()
    allowed = law.spread * times
    torchs = _ratios(result - law.exact, allowed)
    run = (law.root * law.root / law.squares).nan_to_num_(0.0, 0.0, 0.0)
    along = torch.arange(max(rows, columns), device=left.device)
    diagonal = (along % rows) * columns + along % columns
    every = (torch.arange(batches, device=left.device)[:, None] * (rows * columns) + diagonal).flatten()
    count = max(_CHECKED, _CHECKED_TERMS // law.terms) if _CHECKED else 0
    chosen = [every, *[x.flatten().topk(min(count, x.numel())).indices for x in (torchs, run)]]
    places = torch.unique(torch.cat(chosen))
    worst = float(torchs.amax())
    for here in places.split(max(1, _TERMS // law.terms)):
        batch, row, column = here // (rows * columns), here // columns % rows, here % columns
        terms = left[batch, row] * across[batch, column]
        exact, most = law.exact.flatten()[here], allowed.flatten()[here]
        if law.first is not None:
            first = law.first.flatten()[here].to(terms.dtype)
            terms, exact = torch.cat([first[:, None], terms], dim=1), exact + first
        terms = terms.t().to(law.dtype).contiguous()
        worst = max(worst, _worst(terms.cpu().numpy(), exact, most, LANES))
    return worst


def _worst(terms: Terms, exact: Tensor, allowed: Tensor, lanes: Sequence[int]) -> float:
    """The largest error ÷ radius of these sums, made in each of `ORDERS` and in these lanes."""
    worst = 0.0
    with np.errstate(all="ignore"):
        for summed in (*ORDERS.values(), *map(_in_lanes, lanes)):
            got = torch.from_numpy(summed(terms).astype(np.float64)).to(exact.device)
            worst = max(worst, float(_ratios(got - exact, allowed).amax()))
    return worst


def _ratios(error: Tensor, allowed: Tensor) -> Tensor:
    """|error| ÷ radius; 0 where there is no number or the radius is infinite."""
    return (error.abs() / allowed).nan_to_num_(0.0, 0.0, 0.0)


def _scale(ratio: float) -> float:
    """What the law's radius is multiplied by: nothing where 3.1 times the worst ratio is still within it."""
    return 1.0 if ratio <= 0.32 else 4 * ratio
