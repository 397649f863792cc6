"""Rules of operations that look for, count or compare: exact where their operands are, else nothing can be promised."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from reference.flow.errors import DataDependentError
from reference.flow.nested import tensors
from reference.flow.operation import Operation, Radius, rule

aten = torch.ops.aten


def moves(r: Radius) -> bool:
    """Whether some element is not exact."""
    return r is not None and bool((r != 0).any())


@rule(
    aten.nonzero.default,
    aten.nonzero_static.default,
    aten.signbit.default,
    aten.searchsorted,
    aten.bucketize,
    aten._unique2.default,
    aten.unique_dim.default,
    aten.unique_consecutive.default,
    aten.mode.default,
    aten.frexp.Tensor,
    aten.nextafter.default,
    aten.equal.default,
)
def of_exact(op: Operation) -> Any:
    """Places, counts, orders and parts of numbers that both sides know; of others a shape, even, may be another."""
    for x in tensors(list(op.arguments.values())):
        if moves(op.known_radius(x)):
            raise DataDependentError(f"{op.func} looks for values that rounding may change")
    return [None for _ in tensors(op.out)] if isinstance(op.out, tuple) else None


@rule(aten.cummax.default, aten.cummin.default)
def running_extreme(op: Operation) -> tuple[Radius, Radius]:
    """The largest so far moves by no more than the largest radius so far; which one it is, only exact operands tell."""
    r, known = op.radius(op["self"]), op.known_radius(op["self"])
    index = None if not moves(known) else torch.full(op.out[0].shape, torch.inf, dtype=torch.float64)
    return None if r is None else r.cummax(op["dim"])[0], None if op.local else index


@rule(aten.median.default, aten.nanmedian.default)
def middle(op: Operation) -> Radius:
    """An order statistic moves by no more than the largest radius."""
    r = op.radius(op["self"])
    return None if r is None or not r.numel() else r.amax()


@rule(aten.masked_scatter_backward.default)
def unmasked(op: Operation) -> Radius:
    """The elements under a mask, then zeros."""
    r = op.radius(op["grad_output"])
    if r is None:
        return None
    found: Tensor = op.func(r, op["mask"], op["sizes"])
    return found
