"""Rules of remainders, whole quotients and signs: exact pieces with jumps between, at which rounding alone decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius, plus, rule, wide
from reference.flow.rules.arithmetic import quotient

aten = torch.ops.aten


def _operands(op: Operation) -> tuple[Any, Any, Tensor, Tensor]:
    """Numerator and denominator, as they are and in float64 of the result's shape."""
    a, b = list(op.arguments.values())[:2]
    return a, b, wide(a).broadcast_to(op.out.shape), wide(b).broadcast_to(op.out.shape)


def _quotient_reach(op: Operation, a: Any, b: Any) -> Tensor | None:
    """How far a/b may be from its value because of the operands' radii; None where both are exact."""
    r, s = op.radius(a), op.radius(b)
    if r is None and s is None:
        return None
    x, y = wide(a), wide(b).abs()
    moved = (0.0 if r is None else r) + (0.0 if s is None else s * (x / y).abs())
    least = y if s is None else y - s
    return torch.where(least > 0, moved / least, torch.inf).broadcast_to(op.out.shape)


@rule(aten.fmod, aten.remainder)
def remainder(op: Operation) -> Radius:
    """a − b·q, q being a/b truncated or floored: exact by fmod (IEEE 754); `remainder` adds b, which may round once.

    Within a piece it moves by r_a + |q|·r_b; where a/b may pass a whole number it may be anything up to |b|.
    """
    a, b, x, y = _operands(op)
    r, s = op.radius(a), op.radius(b)
    reach = _quotient_reach(op, a, b)
    whole = torch.floor if op.func.overloadpacket is aten.remainder else torch.trunc
    carried: Radius = None
    if reach is not None:
        q = x / y
        inside = plus(r, None if s is None else s * whole(q).abs())
        assert inside is not None
        jumps = whole(q + reach) != whole(q - reach)
        beyond = wide(op.out).abs() + y.abs() + (0.0 if s is None else s)
        carried = torch.where(jumps, beyond, inside.broadcast_to(op.out.shape))
    if op.func.overloadpacket is aten.fmod or not op.out.is_floating_point():
        return carried
    added = torch.fmod(x, y) != wide(op.out)
    return op.rounded(carried, 1, ~added)


@rule(aten.div.Tensor_mode, aten.div.Scalar_mode, aten.floor_divide)
def whole_quotient(op: Operation) -> Radius:
    """⌊a/b⌋ or a/b truncated: as far as both ends of the quotient's neighbourhood lie apart.

    The quotient of exact operands rounds once, so that it may reach a whole number that it is not.
    """
    a, b, x, y = _operands(op)
    mode = op.arguments.get("rounding_mode", "floor")
    if mode is None:
        return quotient(op, a, b)
    if not op.out.is_floating_point() and _quotient_reach(op, a, b) is None:
        return None
    q = x / y
    rounding = 2 * op.context.precision.u * q.abs()
    rounding = rounding.masked_fill(torch.fmod(x, y) == 0, 0.0)
    carried = _quotient_reach(op, a, b)
    reach = rounding if carried is None else rounding + carried
    whole = torch.floor if mode == "floor" else torch.trunc
    apart = whole(q + reach) - whole(q - reach)
    return torch.where(reach == 0, 0.0, apart).nan_to_num(nan=torch.inf)


@rule(aten.copysign)
def with_sign(op: Operation) -> Radius:
    """|a| with b's sign: moves as a does, and to the other side where b's sign is unsure."""
    a, b, x, y = _operands(op)
    r = op.radius(a)
    carried = None if r is None else r.broadcast_to(op.out.shape)
    s = op.known_radius(b)
    if s is None or op.local:
        return carried
    unsure = ((y.abs() <= s) & (s > 0)).broadcast_to(op.out.shape)
    return plus(carried, torch.where(unsure, 2 * (x.abs() + (0.0 if r is None else r)), 0.0))


@rule(aten._trilinear)
def trilinear(op: Operation) -> Radius:
    """Σ abc, of tensors that lack the expanded dimensions: γ of the terms and two products (Higham, lemma 3.1)."""
    given = dict(op.arguments)
    names = ("i1", "i2", "i3")
    rest = [value for name, value in given.items() if name not in names]
    sizes = [wide(given[name]).abs() for name in names]
    radii = [op.radius(given[name]) for name in names]
    reach = [x if r is None else x + r for x, r in zip(sizes, radii, strict=True)]
    largest: Tensor = op.func(*reach, *rest)
    local = largest * op.sums(_terms(op) + 1)
    if all(r is None for r in radii):
        return local
    # Π(|x| + r) − Π|x|, and what float64 rounds in both.
    return plus(local, largest - op.func(*sizes, *rest) + largest * (4 * (_terms(op) + 3) * 2.0**-53))


def _terms(op: Operation) -> int:
    """How many products are added up for an element."""
    expanded = [_unsqueezed(op[f"i{k}"], op[f"expand{k}"]) for k in (1, 2, 3)]
    shape = np.broadcast_shapes(*expanded)
    count = 1
    for axis in op["sumdim"]:
        count *= shape[axis]
    return count


def _unsqueezed(x: Tensor, dims: list[int]) -> tuple[int, ...]:
    for dim in dims:
        x = x.unsqueeze(dim)
    return tuple(x.shape)
