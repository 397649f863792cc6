"""Fused functions of torch in their parts, each of which may then be changed: what a kernel writes out by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from parity_tests.operators.steps import Function, bound


def calls_within(
    name: str, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[], Tensor] | None:
    """A norm or attention in torch's calls; None for any other function."""
    formula = _FORMULAS.get(name)
    return None if formula is None else lambda: formula(*bound(func, args, kwargs)[0].values())


def backward_within(
    name: str, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[], Any] | None:
    """An operation of a backward in others, as torch itself takes it apart; None for any other operation."""
    formula = torch._decomp.decomposition_table.get(func) if "backward" in name else None  # type: ignore[call-overload]
    return None if formula is None else lambda: formula(*args, **kwargs)


def _scaled(x: Tensor, weight: Tensor | None, bias: Tensor | None = None) -> Tensor:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _layer_norm(x: Tensor, shape: Any, weight: Tensor | None, bias: Tensor | None, eps: float, *_: Any) -> Tensor:
    axes = list(range(-len(shape), 0))
    variance = torch.var(x, axes, correction=0, keepdim=True)
    return _scaled((x - x.mean(axes, keepdim=True)) * torch.rsqrt(variance + eps), weight, bias)


def _rms_norm(x: Tensor, shape: Any, weight: Tensor | None, eps: float | None) -> Tensor:
    square = x.square().mean(list(range(-len(shape), 0)), keepdim=True)
    return _scaled(x * torch.rsqrt(square + (torch.finfo(x.dtype).eps if eps is None else eps)), weight)


def _attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    dropout: float,
    causal: bool,
    scale: float | None,
    grouped: bool,
) -> Tensor:
    if grouped:
        k, v = (x.repeat_interleave(q.shape[-3] // x.shape[-3], -3) for x in (k, v))
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=q.dtype, device=q.device).tril(diagonal=0) > 0
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    return torch.dropout(torch.softmax(scores, -1), dropout, True) @ v


_FORMULAS: Mapping[str, Callable[..., Tensor]] = {
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "scaled_dot_product_attention": _attention,
}
