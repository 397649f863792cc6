"""Rules of the CTC loss: the logarithm of a sum over all alignments, step by step, and its gradient.

Steps add the logarithm of a sum of up to three terms of one sign to a logarithm of a probability: what a step rounds
and what its operands' radii bring comes in no larger, as a mean weighted by the shares of the alignments.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius, rule, wide
from reference.flow.rounding import EXP_ULPS, LOG_ULPS, TORCH_FAST_EXP_ULPS

aten = torch.ops.aten


def _lengths(x: list[int] | Tensor) -> list[int]:
    return x.tolist() if isinstance(x, Tensor) else list(x)


def _one_step(op: Operation, sizes: Tensor) -> Tensor:
    """What a step rounds where numbers are so large: two sums in it, a difference in each exponent, and a logarithm."""
    u = op.context.precision.u
    return 2 * u * (4 * sizes + 2 * (EXP_ULPS + TORCH_FAST_EXP_ULPS) + 2 * LOG_ULPS * math.log(3) + 4)


def _along(op: Operation, table: Tensor) -> Tensor:
    """For each sequence what the loss moves by: Σ over its steps of the step's own and of the operands' radii."""
    log_probs, r = op["log_probs"], op.radius(op["log_probs"])
    found = torch.zeros(table.shape[0], dtype=torch.float64, device=table.device)
    places = zip(_lengths(op["input_lengths"]), _lengths(op["target_lengths"]), strict=True)
    for i, (steps, labels) in enumerate(places):
        part = wide(table[i, :steps, : 2 * labels + 1])
        sizes = part.abs().masked_fill(~part.isfinite(), 0.0).amax(-1) if part.numel() else part.new_zeros(steps)
        own = _one_step(op, sizes)
        if op.local:
            root, whole = float((own**2).sum().sqrt()), float(own.sum())
            op.stretch = max(op.stretch, whole / root if root else 1.0)
            found[i] = root
            continue
        if r is not None:
            own = own + r.view(log_probs.shape[0], -1, log_probs.shape[-1])[:steps, i].amax(-1)
        found[i] = own.sum()
    return found


@rule(aten._ctc_loss)
def alignment_loss(op: Operation) -> tuple[Radius, Radius]:
    """−log Σ over alignments of Π p; the table is there for the backward, which rounds as this does."""
    loss, table = op.out
    moved = _along(op, table).masked_fill(~loss.view(-1).isfinite(), 0.0)
    rest = None if op.local else moved[:, None, None].expand(table.shape)
    return moved.view(loss.shape), rest


@rule(aten._ctc_loss_backward)
def alignment_loss_backward(op: Operation) -> Radius:
    """g·(e^x − share), torch taking x for logarithms of a softmax's results: shares move by factors e^(±4 losses)."""
    g, x, r = op["grad"], wide(op["log_probs"]), op.radius(op["log_probs"])
    p = x.exp()
    s = op.radius(g)
    upstream = wide(g).reshape(1, -1, 1)
    share = torch.where(upstream == 0, p, p - wide(op.out) / upstream).clamp_min(0.0)
    loss = op["neg_log_likelihood"].reshape(-1)
    apart = torch.expm1(4 * _along(op, op["log_alpha"]) + 4 * _one_step(op, wide(loss).abs().nan_to_num(posinf=0.0)))
    known = op.known_radius(op["neg_log_likelihood"])
    if known is not None and not op.local and not op.alone:
        apart = apart + torch.expm1(2 * known.reshape(-1)) * (1 + apart)
    moved = torch.zeros_like(x) if r is None else torch.expm1(r)
    u = op.context.precision.u
    off = p * (moved + 2 * u * (EXP_ULPS + 3)) + share * (apart.reshape(1, -1, 1) + moved) * (1 + moved)
    sizes = upstream.abs() if s is None else upstream.abs() + s.reshape(1, -1, 1)
    found = off * sizes + (0.0 if s is None else (p + share) * s.reshape(1, -1, 1))
    found = found + op.rounding(wide(op.out), 3)
    # Beyond its sequence's length nothing is computed.
    for i, steps in enumerate(_lengths(op["input_lengths"])):
        found[steps:, i] = 0.0
    if op["zero_infinity"]:
        found = found.masked_fill(loss.isinf().reshape(1, -1, 1), 0.0)
    return found.nan_to_num(nan=torch.inf, posinf=torch.inf).reshape(op.out.shape)
