"""What is run instead of operations for which torch's own list of decompositions has nothing fit."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from reference.flow.errors import UnknownOperationError
from reference.flow.operation import BLOCK, allows, decomposition
from reference.flow.rounding import ONE_PASS

aten = torch.ops.aten


@decomposition(aten.native_batch_norm.default, aten.cudnn_batch_norm.default, aten._native_batch_norm_legit.default)
def batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch norm, with running statistics in place.

    Mean and variance as sums over all but the channels, the variance of what was centred, as courses have it.
    """
    channels = [1, -1] + [1] * (x.dim() - 2)
    dims = [0, *range(2, x.dim())]
    count = x.numel() // x.shape[1]
    if training or mean is None or var is None:
        centre = x.mean(dims)
        moved = x - centre.view(channels)
        spread = (x * x).mean(dims) - centre * centre if allows(ONE_PASS) else (moved * moved).mean(dims)
        if mean is not None and var is not None:
            mean.copy_(mean * (1 - momentum) + centre * momentum)
            var.copy_(var * (1 - momentum) + spread * (momentum * count / max(count - 1, 1)))
    else:
        centre, spread = mean, var
        moved = x - centre.view(channels)
    inverse = (spread + eps).rsqrt()
    out = moved * inverse.view(channels)
    if weight is not None:
        out = out * weight.view(channels)
    if bias is not None:
        out = out + bias.view(channels)
    kept = training or mean is None
    return out, centre if kept else x.new_empty(0), inverse if kept else x.new_empty(0)


@decomposition(aten.native_layer_norm.default)
def layer_norm(
    x: Tensor, shape: list[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Layer norm over the last dimensions, as torch's own list has it, which imports symbolic shapes for it."""
    within = x.dim() - len(shape)

    def of_rows(x: Tensor) -> tuple[Tensor, ...]:
        variance, mean = _variance(x, list(range(within, x.dim())), 0, keepdim=True)
        inverse = (variance + eps).rsqrt()
        out = (x - mean) * inverse
        if weight is not None:
            out = out * weight
        if bias is not None:
            out = out + bias
        return out, mean, inverse

    out, mean, inverse = _by_rows(of_rows, within, x)
    return out, mean, inverse


@decomposition(aten.native_layer_norm_backward.default)
def layer_norm_backward(
    g: Tensor,
    x: Tensor,
    shape: list[int],
    mean: Tensor,
    inverse: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    wanted: list[bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Its gradients, as torch's own list has them."""
    outer, inner = list(range(x.dim() - len(shape))), list(range(x.dim() - len(shape), x.dim()))
    count = math.prod(shape)
    if not x.numel():
        none = [x.new_zeros(shape) if one else None for one in wanted[1:]]
        return x.new_zeros(x.shape), none[0], none[1]

    def of_rows(g: Tensor, x: Tensor, mean: Tensor, inverse: Tensor) -> tuple[Tensor, ...]:
        normal = (x - mean) * inverse
        scaled = g if weight is None else g * weight
        rest = scaled * count - scaled.sum(inner, True) - normal * (scaled * normal).sum(inner, True)
        return (inverse / count) * rest, *([g * normal] if wanted[1] else [])

    to_x, *turned = _by_rows(of_rows, len(outer), g, x, mean, inverse)
    summed = [y.sum(outer) if outer else y for y in (*turned, *([g] if wanted[2] else []))]
    return to_x, summed[0] if wanted[1] else None, summed[-1] if wanted[2] else None


def _by_rows(f: Callable[..., tuple[Tensor, ...]], outer: int, x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """f of tensors whose rows along the first axis go their own ways, `outer` of them being before what f looks over.

    A few rows at a time, so that what it makes in between stays near the processor.
    """
    if not outer or x.numel() <= 4 * BLOCK:
        return f(x, *others)
    rows = max(1, 2 * BLOCK * len(x) // x.numel())
    parts = [f(*each) for each in zip(*(torch.split(y, rows) for y in (x, *others)), strict=True)]
    return tuple(torch.cat(each) for each in zip(*parts, strict=True))


def _variance(x: Tensor, dim: list[int] | None, correction: float | None, keepdim: bool) -> tuple[Tensor, Tensor]:
    """Variance and mean by two passes, or by one where that form is allowed for (Higham, 1.9)."""
    dims = dim if dim else list(range(x.dim()))
    count = 1
    for axis in dims:
        count *= x.shape[axis]
    mean = x.mean(dims, keepdim=True)
    if allows(ONE_PASS):
        squares = (x * x).sum(dims, keepdim=True) - mean * mean * count
    else:
        centred = x - mean
        squares = (centred * centred).sum(dims, keepdim=True)
    squares = squares if keepdim else squares.squeeze(dims)
    return squares / (count - (1 if correction is None else correction)), mean if keepdim else mean.squeeze(dims)


@decomposition(aten.var.correction)
def variance(
    x: Tensor, dim: list[int] | None = None, *, correction: float | None = None, keepdim: bool = False
) -> Tensor:
    """The variance."""
    return _variance(x, dim, correction, keepdim)[0]


@decomposition(aten.std.correction)
def deviation(
    x: Tensor, dim: list[int] | None = None, *, correction: float | None = None, keepdim: bool = False
) -> Tensor:
    """The standard deviation."""
    return _variance(x, dim, correction, keepdim)[0].sqrt()


@decomposition(aten.var_mean.correction)
def variance_and_mean(
    x: Tensor, dim: list[int] | None = None, *, correction: float | None = None, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    """The variance and the mean."""
    return _variance(x, dim, correction, keepdim)


@decomposition(aten._native_batch_norm_legit.no_stats)
def batch_norm_without_statistics(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, training: bool, momentum: float, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch norm that keeps nothing."""
    out, mean, inverse = batch_norm(x, weight, bias, None, None, training, momentum, eps)
    return out, mean, inverse


@decomposition(aten.addbmm.default)
def products_added(x: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """βC + αΣAB over a batch."""
    product = torch.bmm(a, b).sum(0)
    return x * beta + product * alpha


@decomposition(aten._sparse_addmm.default)
def sparse_product_added(x: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """βC + αAB, of what is dense by now."""
    return torch.addmm(x, a, b, beta=beta, alpha=alpha)


@decomposition(aten.put.default)
def put(x: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Elements put, or added, at places of the flattened tensor."""
    flat: Tensor = aten.index_put(x.reshape(-1), [index.reshape(-1)], source.reshape(-1), accumulate)
    return flat.reshape(x.shape)


@decomposition(aten._cdist_forward.default)
def distances(x: Tensor, y: Tensor, p: float, mode: int | None) -> Tensor:
    """‖xᵢ − yⱼ‖ by differences, 0 of none; torch may take ‖x‖² − 2xy + ‖y‖², which lies apart: that is allowed for."""
    found: Tensor = torch.linalg.vector_norm(x.unsqueeze(-2) - y.unsqueeze(-3), p if x.shape[-1] else 2.0, -1)
    return found


@decomposition(aten._cdist_backward.default)
def distances_backward(g: Tensor, x: Tensor, y: Tensor, p: float, distance: Tensor) -> Tensor:
    """Σⱼ g·sign(d)·(|d|/‖d‖)^(p − 1) with d = xᵢ − yⱼ, 0 where that is 0."""
    if p == 0 or not g.numel():
        return torch.zeros_like(x)
    apart = x.unsqueeze(-2) - y.unsqueeze(-3)
    return (slope_of_norm(apart, distance, p, "aten._cdist_backward.default") * g.unsqueeze(-1)).sum(-2)


def slope_of_norm(apart: Tensor, distance: Tensor, p: float, operation: str) -> Tensor:
    """sign(d)·(|d|/‖d‖)^(p − 1) along the last dimension, 0 where ‖d‖ is 0; p = ∞ is refused."""
    if p == math.inf and apart.numel():
        raise UnknownOperationError(operation, " with p = inf")
    length = distance.unsqueeze(-1)
    share = torch.where(length == 0, torch.zeros_like(apart), apart / length)
    return share if p == 2 else share.sign() * share.abs() ** (p - 1)
