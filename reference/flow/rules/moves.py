"""Rules of operations that only move elements: the same operation moves the radii; nothing rounds.

Values that such an operation fills in (padding, masks) are exact: their radius is 0.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from reference.flow.errors import UnsupportedTypeError
from reference.flow.nested import changed, tensors
from reference.flow.operation import Operation, Radius, plus, rule, uncertain, wide

aten = torch.ops.aten


def moved(op: Operation, **filled: Any) -> Any:
    """The operation done to the radii, integers and truth values as they are; `filled` replaces numbers it fills in."""
    floats = [x for x in tensors(list(op.arguments.values())) if x.is_floating_point()]
    chosen = [x for x in tensors(list(op.arguments.values())) if not x.is_floating_point()]
    for index in chosen:
        if op.known_radius(index) is not None:
            return torch.full(op.out.shape, torch.inf, dtype=torch.float64, device=op.out.device)
    if all(op.radius(x) is None for x in floats):
        return None

    def radius_of(x: Any) -> Any:
        if not isinstance(x, Tensor) or not x.is_floating_point():
            return x
        radius = op.radius(x)
        return torch.zeros(x.shape, dtype=torch.float64, device=x.device) if radius is None else radius

    given = changed(op.arguments | filled, radius_of)
    names = [a for a in op.func._schema.arguments if a.name in given]
    positional = [given[a.name] for a in names if not a.kwarg_only]
    keywords = {a.name: given[a.name] for a in names if a.kwarg_only and a.name not in ("dtype", "out_dtype")}
    return op.func(*positional, **keywords)


@rule(
    aten.clone,
    aten.cat,
    aten.stack,
    aten.index_select,
    aten.gather,
    aten.index,
    aten.take,
    aten.flip,
    aten.roll,
    aten.repeat,
    aten.repeat_interleave,
    aten.tril,
    aten.triu,
    aten.diag_embed,
    aten.slice_scatter,
    aten.select_scatter,
    aten.diagonal_scatter,
    aten.as_strided_scatter,
    aten.select_backward,
    aten.slice_backward,
    aten.diagonal_backward,
    aten.embedding,
    aten.im2col,
    aten.pixel_shuffle,
    aten.pixel_unshuffle,
    aten.masked_select,
    aten.upsample_nearest1d.default,
    aten.upsample_nearest2d.default,
    aten.reflection_pad1d,
    aten.reflection_pad2d,
    aten.replication_pad1d,
    aten.replication_pad2d,
    aten.replication_pad3d,
    aten.reflection_pad3d,
    aten.upsample_nearest3d.default,
    aten._upsample_nearest_exact1d.default,
    aten._upsample_nearest_exact2d.default,
    aten._upsample_nearest_exact3d.default,
    aten._unsafe_view,
    aten._reshape_copy,
    aten.contiguous,
    aten.copy,
    aten.masked_scatter,
    aten.channel_shuffle,
    aten.view_copy,
    aten.expand_copy,
    aten.lift,
    aten.rot90,
    aten.trace_backward,
)
def move(op: Operation) -> Any:
    """Elements at other places, none changed."""
    if op.func is aten.copy.default:
        return converted(op, op["src"])
    return moved(op)


@rule(aten.constant_pad_nd, aten.scatter.value, aten.index_fill.int_Scalar)
def move_and_fill(op: Operation) -> Any:
    """Elements at other places, and an exact number at the rest."""
    return moved(op, value=0)


@rule(
    aten.fill,
    aten.zero,
    aten.zeros_like,
    aten.ones_like,
    aten.full_like,
    aten.empty_like,
    aten.new_zeros,
    aten.new_ones,
    aten.new_full,
    aten.new_empty,
    aten.empty_strided,
    aten.new_empty_strided,
    aten.normal_functional,
    aten._new_zeros_with_same_feature_meta,  # torch's forward derivatives run these two
    aten._has_same_storage_numel,
)
def filled(op: Operation) -> Radius:
    """Numbers that no tensor gave; one that the type does not hold rounds once a side."""
    value = op.arguments.get("value", op.arguments.get("fill_value"))
    radius = op.known_radius(value)
    return None if radius is None else radius.broadcast_to(op.out.shape)


@rule(aten._to_copy)
def convert(op: Operation) -> Radius:
    """Another type or place."""
    return converted(op, op["self"])


def converted(op: Operation, x: Tensor) -> Radius:
    """The radius, and where the new type does not hold the value a rounding a side; a truncation is a decision."""
    r = op.radius(x)
    r = None if r is None else r.broadcast_to(op.out.shape)
    if not op.out.dtype.is_floating_point:
        known = op.known_radius(x)
        return None if known is None else uncertain((known != 0).broadcast_to(op.out.shape))
    if x.dtype == op.out.dtype or (x.is_floating_point() and op.out.dtype is torch.float64):
        return r
    exact = wide(x).broadcast_to(op.out.shape) == wide(op.out)
    if bool(exact.all()):
        return r
    if torch.finfo(op.out.dtype).eps > 2 * op.context.precision.u:
        raise UnsupportedTypeError(
            f"the reference rounds to {str(op.out.dtype).removeprefix('torch.')}, less than the inputs' precision; "
            "it has to compute in float32 or float64, as its inputs are"
        )
    return plus(r, op.rounding(wide(op.out), 1, exact))
