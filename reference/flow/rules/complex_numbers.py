"""Operations on complex numbers, as operations on their real and imaginary parts, each of which has its radius.

A part is a real number: what is made of complex numbers element by element, moved, multiplied as matrices or added up
is made of parts in operations that have rules (`IN_PARTS`), the ones that autograd issues for a backward included. A
transform or a quotient errs in both parts by as much as the whole number may (`transform`, `quotient`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload, OpOverloadPacket

from reference.flow.errors import ComplexOperationError
from reference.flow.nested import as_real
from reference.flow.operation import Operation, Radius, Rule, decomposition, plus, rule, wide

aten = torch.ops.aten
Part = Tensor | float | None
"""None is an imaginary part that is not there, exactly 0."""
_REAL_TYPES = {torch.complex64: torch.float32, torch.complex128: torch.float64}
_WHOLE_POWERS = 8
"""Exponents up to it are repeated products."""


def parts(x: Any) -> tuple[Any, Any]:
    """The real and the imaginary part of a tensor or number."""
    if isinstance(x, Tensor):
        return (torch.real(x), _imaginary(x)) if x.is_complex() else (x, None)
    return (x.real, x.imag) if isinstance(x, complex) else (x, None)


def _imaginary(x: Tensor) -> Tensor:
    """The imaginary part; of a conjugate the other's with its sign turned, which torch itself would put off."""
    return -torch.imag(x.conj()) if x.is_conj() else torch.imag(x)


def joined(real: Any, imaginary: Part) -> Tensor:
    """The complex tensor of two parts, of which one may be a number or broadcast to the other."""
    there = real if isinstance(real, Tensor) else imaginary
    assert isinstance(there, Tensor)
    both = [
        x if isinstance(x, Tensor) else there.new_full((), 0.0 if x is None else float(x)) for x in (real, imaginary)
    ]
    kind = torch.promote_types(both[0].dtype, both[1].dtype)
    shape = torch.broadcast_shapes(*(x.shape for x in both))  # type: ignore[no-untyped-call]
    return torch.complex(*(x.to(kind).expand(shape) for x in both))


@rule(aten.complex)
def complex_of(op: Operation) -> Radius:
    """Two numbers as parts of one: nothing rounds."""
    radii = op.radius(op["real"]), op.radius(op["imag"])
    if radii[0] is None and radii[1] is None:
        return None
    zeros = torch.zeros(op.out.shape, dtype=torch.float64, device=op.out.device)
    return torch.stack([zeros if r is None else r.broadcast_to(op.out.shape) for r in radii], -1)


def _distance(r: Tensor) -> Tensor:
    """How far a number moves, its parts moving by these."""
    return torch.hypot(r[..., 0], r[..., 1])


def _moved(op: Operation, x: Any) -> Radius:
    """How far an operand, complex or real, moves in the plane."""
    r = op.radius(x)
    return _distance(r) if r is not None and isinstance(x, Tensor) and x.is_complex() else r


def _size(x: Any) -> Tensor:
    """|x| in float64."""
    if isinstance(x, Tensor) and x.is_complex():
        return _distance(as_real(x).to(torch.float64))
    return wide(abs(x))


def _of_both(radius: Tensor, op: Operation) -> Tensor:
    """The radius of the whole number as that of each of its parts."""
    return radius.broadcast_to(op.out.shape).unsqueeze(-1).expand(*op.out.shape, 2)


_DIVISION = 12
"""Roundings of a part of z/w, each of |z||w|/|w|² at most: a product, a sum and a quotient, of which numerator and
denominator may hold one more quotient and product each, and two of a factor that both parts share (R. L. Smith's
algorithm, which numpy has: "Algorithm 116: Complex division", 1962)."""


def quotient(op: Operation) -> Radius:
    """z/w: (r + |z/w|·s)/(|w| − s) in either part, infinite where w may be 0, and the roundings of both sides."""
    z, w = op["self"], op["other"]
    r, s = _moved(op, z), _moved(op, w)
    size, least = _size(z), _size(w)
    ratio = size / least
    if r is not None:
        size = size + r
    if s is not None:
        least = torch.where(least > s, least - s, 0.0)
    carried = plus(r, None if s is None else ratio * s)
    local = op.rounding(size / least, _DIVISION)
    local = local.masked_fill(size.broadcast_to(local.shape) == 0, 0.0)
    return _of_both(local if carried is None else local + carried / least, op)


_STEP_ERROR = 6.7
"""η of one step of a transform in u: 1 + 4(√2 + u), the twiddle factors being right to u (Higham, theorem 24.2)."""


@rule(aten._fft_r2c, aten._fft_c2c, aten._fft_c2r)
def transform(op: Operation) -> Radius:
    """A discrete Fourier transform: by up to log₂n·η/(1 − log₂n·η) of the norm of all its results (Higham, 24.2).

    Of n places log₂(4n) steps are allowed for, since whoever pads has so many, and three times as many where n has a
    prime factor over 7, since there three transforms of another length make one (L. Bluestein, 1970). What the
    operands' radii bring is their sum, since all factors are of size 1.
    """
    x = op["self"]
    dims = [dim % x.dim() for dim in op["dim"]]
    real = not op.out.is_complex()
    lengths = [(op.out if real else x).shape[dim] for dim in dims]
    scale = {0: 1.0, 1: math.prod(lengths) ** -0.5, 2: 1 / math.prod(lengths)}[int(op["normalization"])]
    steps = 1 + sum(math.log2(4 * n) * (1 if _smooth(n) else 3) for n in lengths)
    twice = 2.0 if real else 1.0  # half of its numbers stand for two each
    size = as_real(x).to(torch.float64)
    r = op.radius(x)
    if r is not None:
        size = size.abs() + r
    squares = (size * size).sum(-1) if x.is_complex() else size * size
    norm = (squares.sum(dims, keepdim=True) * (twice * math.prod(lengths))).sqrt()
    eta = _STEP_ERROR * op.context.precision.u
    most = steps * eta / (1 - steps * eta)
    if op.local:
        op.stretch = max(op.stretch, most / (math.sqrt(steps) * eta))
        most = math.sqrt(steps) * eta
    # Both sides, and what they lose where they underflow.
    total = norm * (2 * scale * most) + (norm > 0) * (2 * steps * math.prod(lengths) * op.context.precision.tiny)
    moved = _moved(op, x)
    if moved is not None:
        total = total + moved.sum(dims, keepdim=True) * (scale * twice)
    return total.expand(op.out.shape) if real else _of_both(total, op)


def _smooth(n: int) -> bool:
    """Whether a number has no prime factor over 7."""
    for prime in (2, 3, 5, 7):
        while n > 1 and n % prime == 0:
            n //= prime
    return n <= 1


RULES_OF_COMPLEX: dict[OpOverloadPacket, Rule] = {
    aten.div: quotient,
    aten.complex: complex_of,
    aten._fft_c2c: transform,
    aten._fft_c2r: transform,
}
"""What has a rule although operands are complex."""


def _each(func: OpOverload) -> Callable[..., Any]:
    """An operation that does to the parts what it does to the whole: it moves, sums or chooses elements."""

    names = [argument.name for argument in func._schema.arguments]

    def both(*args: Any, **kwargs: Any) -> Tensor:
        given = dict(zip(names, args, strict=False)) | kwargs
        one, other = ({name: _part(x, i, name) for name, x in given.items()} for i in (0, 1))
        return joined(_called(func, one), _called(func, other))

    return both


def _called(func: OpOverload, given: dict[str, Any]) -> Any:
    keywords = {a.name for a in func._schema.arguments if a.kwarg_only}
    positional = [x for name, x in given.items() if name not in keywords]
    return func(*positional, **{name: x for name, x in given.items() if name in keywords})


def _part(x: Any, which: int, name: str) -> Any:
    """A part of what is complex, or real and as good as that; the same index, mask or size for both."""
    if isinstance(x, (list, tuple)):
        return [_part(y, which, "") for y in x]
    if isinstance(x, torch.dtype):
        return _REAL_TYPES.get(x, x)
    if isinstance(x, Tensor):
        if x.is_complex():
            return _imaginary(x) if which else torch.real(x)
        return torch.zeros_like(x) if which and x.is_floating_point() else x
    if name in _NUMBERS and isinstance(x, (int, float, complex)):
        return x.imag if which else x.real
    return x


def _sum(a: Any, b: Any, alpha: complex = 1) -> Tensor:
    if isinstance(alpha, complex):
        b, alpha = _product(b, alpha), 1
    (x, y), (v, w) = parts(a), parts(b)
    scaled = w if w is None or alpha == 1 else w * alpha
    imaginary = y if scaled is None else scaled if y is None else y + scaled
    if not isinstance(x, Tensor):
        return joined(torch.add(v, x) if alpha == 1 else v * alpha + x, imaginary)
    return joined(torch.add(x, v, alpha=alpha), imaginary)


def _difference(a: Any, b: Any, alpha: complex = 1) -> Tensor:
    return _sum(a, b, -alpha)


def _product(a: Any, b: Any) -> Tensor:
    """Each part of a product as two products and their sum or difference."""
    (x, y), (v, w) = parts(a), parts(b)
    if y is None or w is None:
        return joined(x * v, x * w if w is not None else y * v)
    return joined(x * v - y * w, x * w + y * v)


def _products(packet: OpOverloadPacket, conjugate: bool = False) -> Callable[..., Tensor]:
    """Of matrices or vectors: a part is one sum of twice as many products, of the real and of the imaginary ones."""

    def multiplied(a: Tensor, b: Tensor) -> Tensor:
        (x, y), (v, w) = parts(a), parts(b)
        y = torch.zeros_like(x) if y is None else -y if conjugate else y
        w = torch.zeros_like(v) if w is None else w
        left, right = x.dim() - 1, max(v.dim() - 2, 0)
        real = packet(torch.cat([x, -y], left), torch.cat([v, w], right))
        return joined(real, packet(torch.cat([x, y], left), torch.cat([w, v], right)))

    return multiplied


def _added(packet: OpOverloadPacket) -> Callable[..., Tensor]:
    def added(c: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return _sum(_product(c, beta), _product(_products(packet)(a, b), alpha))

    return added


def _power(z: Tensor, exponent: Any) -> Tensor:
    if not isinstance(exponent, (int, float)) or exponent not in range(1, _WHOLE_POWERS + 1):
        raise ComplexOperationError("aten.pow", ", but for small whole powers")
    found: Tensor = math.prod([z] * (int(exponent) - 1), start=z)
    return found


def _absolute(z: Tensor) -> Tensor:
    return torch.hypot(torch.real(z), _imaginary(z))


def _angle(z: Tensor) -> Tensor:
    found: Tensor = torch.atan2(_imaginary(z), torch.real(z))
    return found


def _exponential(z: Tensor) -> Tensor:
    found: Tensor = in_polar_form(torch.exp(torch.real(z)), _imaginary(z))
    return found


@decomposition(aten.polar.default)
def in_polar_form(size: Tensor, angle: Tensor) -> Tensor:
    """r·(cos φ + i·sin φ)."""
    return joined(size * torch.cos(angle), size * torch.sin(angle))


def _sign(z: Tensor) -> Tensor:
    """z/|z|, 0 where that is 0."""
    size = _absolute(z)
    there = torch.where(size == 0, 1.0, size)
    return joined(torch.real(z) / there, _imaginary(z) / there)


def _both_equal(a: Any, b: Any) -> Tensor:
    (x, y), (v, w) = parts(a), parts(b)
    same: Tensor = (x == v) & ((0.0 if y is None else y) == (0.0 if w is None else w))
    return same


def _converted(z: Tensor, *, dtype: torch.dtype | None = None, **rest: Any) -> Tensor:
    """To another type or place; a real one has the real part alone."""
    real, imaginary = parts(z)
    kind = _REAL_TYPES.get(dtype) if dtype is not None else real.dtype
    if kind is None:
        found: Tensor = aten._to_copy(real, dtype=dtype, **rest)
        return found
    both = [None if x is None else aten._to_copy(x, dtype=kind, **rest) for x in (real, imaginary)]
    return joined(both[0], both[1])


IN_PARTS: dict[OpOverloadPacket, Callable[..., Any]] = {
    aten.add: _sum,
    aten.sub: _difference,
    aten.rsub: lambda a, b, alpha=1: _difference(b, a, alpha),
    aten.mul: _product,
    aten.reciprocal: lambda z: torch.div(torch.ones_like(torch.real(z)), z),
    aten.pow: _power,
    aten.mm: _products(aten.mm),
    aten.bmm: _products(aten.bmm),
    aten.mv: _products(aten.mv),
    aten.dot: _products(aten.dot),
    aten.vdot: _products(aten.dot, conjugate=True),
    aten.addmm: _added(aten.mm),
    aten.baddbmm: _added(aten.bmm),
    aten.conj_physical: lambda z: joined(torch.real(z), -_imaginary(z)),
    aten._conj_physical: lambda z: joined(torch.real(z), -_imaginary(z)),
    aten.abs: _absolute,
    aten.angle: _angle,
    aten.exp: _exponential,
    aten.log: lambda z: joined(torch.log(_absolute(z)), _angle(z)),
    aten.sgn: _sign,
    aten.eq: _both_equal,
    aten.ne: lambda a, b: ~_both_equal(a, b),
    aten._to_copy: _converted,
    aten.linalg_vector_norm: lambda z, *rest, **named: torch.linalg.vector_norm(_absolute(z), *rest, **named),
    aten.ones_like: lambda z, **rest: joined(torch.ones_like(torch.real(z)), None),
}
"""Operations in those of real parts."""
_ALIKE = {
    aten.clone, aten.cat, aten.stack, aten.index_select, aten.gather, aten.index, aten.take, aten.flip, aten.roll,
    aten.repeat, aten.neg, aten.sum, aten.mean, aten.cumsum, aten.tril, aten.triu, aten.diag_embed, aten.slice_backward,
    aten.select_backward, aten.diagonal_backward, aten.slice_scatter, aten.select_scatter, aten.as_strided_scatter,
    aten.constant_pad_nd, aten.copy, aten.where, aten.index_put, aten.index_add, aten.scatter_add, aten._unsafe_view,
    aten._reshape_copy, aten.view_copy, aten.expand_copy, aten.zero, aten.zeros_like, aten.new_zeros, aten.empty_like,
    aten.new_empty, aten.new_empty_strided,
}  # fmt: skip
"""Operations that are done to each of the parts."""


_NUMBERS = ("self", "other", "value")
"""Arguments that are numbers among others, and no size, place or factor."""


def in_parts(func: OpOverload) -> Callable[..., Any] | None:
    """What to run in place of an operation that complex numbers go into; None where nothing is known of it."""
    if func.overloadpacket in _ALIKE:
        return _each(func)
    return IN_PARTS.get(func.overloadpacket)
