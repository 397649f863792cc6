"""Backwards that torch computes in one operation: written out, or as the derivative of a forward that is written out.

The latter runs the forward again in operations that have rules, and lets autograd go back through them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._decomp import decomposition_table
from torch.overrides import enable_reentrant_dispatch

from reference.flow.errors import UnknownOperationError
from reference.flow.operation import REPEATS_FORWARD, decomposition
from reference.flow.rules.decompositions import slope_of_norm

aten = torch.ops.aten
NONE, MEAN = 0, 1
"""torch's numbers for the reductions of a loss."""


def derivative(forward: Callable[..., Tensor], g: Tensor, *operands: Tensor) -> tuple[Tensor, ...]:
    """The gradients by the operands of `forward(*operands)`, for the gradient g of its result."""
    # Below a dispatch mode autograd records nothing.
    with enable_reentrant_dispatch(), torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in operands]
        token = REPEATS_FORWARD.set(True)
        try:
            out = forward(*leaves)
        finally:
            REPEATS_FORWARD.reset(token)
        # Zeros by an operand that does not move the result, as the grid does not where the nearest is taken.
        found: tuple[Tensor, ...] = torch.autograd.grad(out, leaves, g, allow_unused=True, materialize_grads=True)
        return found


@decomposition(aten.upsample_bicubic2d_backward.default)
def bicubic_backward(
    g: Tensor,
    output_size: Sequence[int],
    input_size: Sequence[int],
    align_corners: bool,
    scales_h: float | None = None,
    scales_w: float | None = None,
) -> Tensor:
    """Interpolation is linear: its derivative is the same everywhere, at 0 too."""
    forward = decomposition_table[aten.upsample_bicubic2d.default]

    def interpolated(x: Tensor) -> Tensor:
        out: Tensor = forward(x, output_size, align_corners, scales_h, scales_w)
        return out

    return derivative(interpolated, g, g.new_zeros(input_size))[0]


@decomposition(aten.grid_sampler_2d_backward.default)
def grid_sample_backward(
    g: Tensor, x: Tensor, grid: Tensor, mode: int, padding: int, align_corners: bool, wanted: Sequence[bool]
) -> tuple[Tensor | None, Tensor]:
    """By the image, where it is wanted, and by the grid, which torch gives in any case."""
    forward = decomposition_table[aten.grid_sampler_2d.default]

    def sampled(x: Tensor, grid: Tensor) -> Tensor:
        out: Tensor = forward(x, grid, mode, padding, align_corners)
        return out

    by_image, by_grid = derivative(sampled, g, x, grid)
    return (by_image if wanted[0] else None), by_grid


@decomposition(aten.multi_margin_loss.default)
def multi_margin(
    x: Tensor, target: Tensor, p: float = 1, margin: float = 1, weight: Tensor | None = None, reduction: int = MEAN
) -> Tensor:
    """Σ_{j≠y} w_y max(0, margin − x_y + x_j)^p / C, as torch has it, which imports symbolic shapes for it."""
    rows, y = _rows(x, target)
    own = y.unsqueeze(1)
    over = (margin - rows.gather(1, own) + rows).clamp_min(0)
    over = over if p == 1 else over * over
    if weight is not None:
        over = over * weight[y].unsqueeze(1)
    others = torch.where(torch.arange(rows.shape[1], device=x.device) != own, over, 0.0)
    if reduction == NONE:
        return others.mean(1).reshape(target.shape)
    return others.mean() if reduction == MEAN else others.sum() / rows.shape[1]


@decomposition(aten.multi_margin_loss_backward.default)
def multi_margin_backward(
    g: Tensor,
    x: Tensor,
    target: Tensor,
    p: float,
    margin: float,
    weight: Tensor | None = None,
    reduction: int = MEAN,
) -> Tensor:
    """Of Σ_{j≠y} w_y max(0, margin − x_y + x_j)^p / C: each j over the margin gets its slope, y minus their sum."""
    rows, y = _rows(x, target)
    own = y.unsqueeze(1)
    over = margin - rows.gather(1, own) + rows
    others = torch.ones_like(rows).scatter(1, own, 0.0)
    slope = torch.where(over > 0, others if p == 1 else 2 * over * others, 0.0)
    if weight is not None:
        slope = slope * weight[y].unsqueeze(1)
    slope = slope / rows.shape[1]
    slope = slope - torch.zeros_like(rows).scatter(1, own, slope.sum(1, keepdim=True))
    return (slope * _by_example(g, rows, reduction)).reshape(x.shape)


@decomposition(aten.multilabel_margin_loss_backward.default)
def multilabel_margin_backward(g: Tensor, x: Tensor, target: Tensor, reduction: int, is_target: Tensor) -> Tensor:
    """Of Σ_j Σ_i max(0, 1 − x_j + x_i) / C over the labels j before the first −1 and all i that are no label."""
    rows, _ = _rows(x, target)
    labels = target.reshape(rows.shape)
    listed = (labels >= 0).cumprod(1).bool()
    j = torch.where(listed, labels, 0)
    over = 1 - rows.gather(1, j).unsqueeze(2) + rows.unsqueeze(1)
    counted = listed.unsqueeze(2) & (is_target.reshape(rows.shape) == 0).unsqueeze(1)
    slope = torch.where(over > 0, counted.to(x.dtype), 0.0) / rows.shape[1]
    by_label = torch.zeros_like(rows).scatter_add(1, j, slope.sum(2))
    return ((slope.sum(1) - by_label) * _by_example(g, rows, reduction)).reshape(x.shape)


def _rows(x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Scores N×C and labels (N,), of one example too, and of one class."""
    return x.reshape(-1, *x.shape[-1:] or (1,)), target.reshape(-1)


def _by_example(g: Tensor, rows: Tensor, reduction: int) -> Tensor:
    """The gradient of each example's loss, N×1."""
    if reduction == NONE:
        return g.reshape(-1, 1)
    share = g / len(rows) if reduction == MEAN else g
    return share.expand(len(rows)).unsqueeze(1)


@decomposition(aten._pdist_forward.default)
def pairwise_distances(x: Tensor, p: float = 2) -> Tensor:
    """‖xᵢ − xⱼ‖ for each i < j."""
    i, j = _pairs(x)
    found: Tensor = torch.linalg.vector_norm(x[i] - x[j], p if x.shape[-1] else 2.0, -1)
    return found


@decomposition(aten._pdist_backward.default)
def pairwise_distances_backward(g: Tensor, x: Tensor, p: float, distance: Tensor) -> Tensor:
    """Each pair's g·sign(d)·(|d|/‖d‖)^(p − 1) with d = xᵢ − xⱼ, added to i and taken from j; 0 where d is 0."""
    if p == 0:
        return torch.zeros_like(x)
    i, j = _pairs(x)
    moved = slope_of_norm(x[i] - x[j], distance, p, "aten._pdist_backward.default") * g.unsqueeze(-1)
    return torch.zeros_like(x).index_add(0, i, moved).index_add(0, j, -moved)


def _pairs(x: Tensor) -> tuple[Tensor, Tensor]:
    i, j = torch.triu_indices(len(x), len(x), 1, device=x.device)
    return i, j


@decomposition(aten.segment_reduce.default)
def segments(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Any = None,
) -> Tensor:
    """The sum, mean, product, maximum or minimum of each run of elements along the axis."""
    sizes = offsets.diff() if lengths is None and offsets is not None else lengths
    assert sizes is not None
    rows = data.reshape(-1, *data.shape[axis:])
    found = [
        torch.stack([_reduced(run, reduce, initial) for run in row[: sum(parts)].split(parts)])
        for row, parts in zip(rows, sizes.reshape(len(rows), -1).tolist(), strict=True)
    ]
    return torch.stack(found).reshape(*data.shape[:axis], *found[0].shape)


@decomposition(aten._segment_reduce_backward.default)
def segments_backward(
    g: Tensor,
    output: Tensor,
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    initial: Any = None,
) -> Tensor:
    """The derivative of the same."""

    def reduced(data: Tensor) -> Tensor:
        out: Tensor = segments(data, reduce, lengths=lengths, offsets=offsets, axis=axis, initial=initial)
        return out

    return derivative(reduced, g, data)[0]


_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": torch.sum, "mean": torch.mean, "prod": torch.prod, "max": torch.amax, "min": torch.amin,
}  # fmt: skip
_EMPTY = {"sum": 0.0, "mean": math.nan, "prod": 1.0, "max": -math.inf, "min": math.inf}


def _reduced(run: Tensor, reduce: str, initial: Any) -> Tensor:
    if initial is not None and reduce == "mean":
        raise UnknownOperationError("aten.segment_reduce.default", " of a mean with an initial value")
    if initial is not None:
        run = torch.cat([run.new_full((1, *run.shape[1:]), initial), run])
    if not len(run):
        return run.new_full(run.shape[1:], _EMPTY[reduce])
    found: Tensor = _REDUCTIONS[reduce](run, 0)
    return found


@decomposition(aten._embedding_bag_backward.default)
def embedding_bag_backward(
    g: Tensor,
    words: Tensor,
    offsets: Tensor,
    bags: Tensor,
    sizes: Tensor,
    largest: Tensor,
    rows: int,
    by_frequency: bool,
    mode: int,
    sparse: bool,
    factors: Tensor | None,
    padding: int = -1,
) -> Tensor:
    """As a dense gradient of the whole table."""
    if sparse:
        raise UnknownOperationError("aten._embedding_bag_backward.default", " with a sparse gradient")
    bags = bags if bags.numel() else _bag_of_each(words, offsets)
    found: Tensor = aten._embedding_bag_dense_backward(
        g, words, bags, sizes, largest, rows, by_frequency, mode, factors, padding
    )
    return found


@decomposition(aten._embedding_bag_per_sample_weights_backward.default)
def factors_backward(
    g: Tensor, table: Tensor, words: Tensor, offsets: Tensor, bags: Tensor, mode: int, padding: int = -1
) -> Tensor:
    """Each factor's gradient is its row times its bag's gradient."""
    bags = bags if bags.numel() else _bag_of_each(words, offsets)
    found = (g[bags] * table[words]).sum(-1)
    return torch.where(words == padding, 0.0, found)


def _bag_of_each(words: Tensor, offsets: Tensor) -> Tensor:
    begins = torch.zeros(len(words) + 1, dtype=torch.long, device=words.device)
    return begins.index_add(0, offsets, torch.ones_like(offsets))[:-1].cumsum(0) - 1
