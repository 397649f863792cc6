"""Rules of fused operations, whose parts share rounding: softmax, log-softmax, log-sum-exp."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reference.flow.operation import Operation, Radius, plus, rule, wide
from reference.flow.rounding import EXP_ULPS, LOG_ULPS, TORCH_FAST_EXP_ULPS, UNSHIFTED, VECTOR_ULPS, is_power_of_two
from reference.flow.rules.arithmetic import result
from reference.flow.rules.long_sums import of_terms, probable

aten = torch.ops.aten
_LOST = -746.0
"""What float64 has no exponential of but 0."""


class Exponentials:
    """What softmax and its like share along `dim`, in float64, for a ± r.

    `p` = softmax(a); `below` = a − max; `log_sum` = log Σ e^below; `relative`: the error of e^below relative to it,
    both sides: its argument's rounding, |below|·u, and the exponential's ulps; `mean` = Σ p·relative, the sum's error
    by its terms, and what its own rounding makes.
    """

    def __init__(self, op: Operation, a: Tensor, dim: list[int]) -> None:
        u = self.u = op.unit_inside()
        x = wide(a)
        top = x.amax(dim, keepdim=True)
        top = self.top = top.masked_fill(top.isinf(), 0.0)
        self.below = x - top
        e = self.below.exp()
        total = e.sum(dim, keepdim=True)
        self.p, self.log_sum = e / total, total.log()
        self.shift = (top + self.log_sum).abs()
        argument = self.below.abs().masked_fill(self.below.isinf(), 0.0)
        self.relative = 2 * u * (argument + 2 * (op.ulps("exp", EXP_ULPS) + TORCH_FAST_EXP_ULPS) / 2)
        if op.allows(UNSHIFTED):
            self.relative = self.relative + 2 * u * self.shift
        self.terms = terms = int(max(a.numel() // max(total.numel(), 1), 1))
        self.summing = _summing(op, e, total, dim, terms)
        self.mean = (self.p * self.relative).sum(dim, keepdim=True) + self.summing
        r = op.radius(a)
        self.r = r
        self.moving = self.grown = r
        if r is not None:
            # Each p moves by the difference of two radii at most: p·(e^(r + Σ p r) − 1) bounds it (the mean of e^r).
            # What is 0 here stays so unless its radius, and the largest number's, bring it up to what float64 holds.
            reached = self.below + r + r.masked_fill(self.p == 0, 0.0).amax(dim, keepdim=True)
            self.r = r.masked_fill(x.isinf(), 0.0)
            r = self.moving = self.r.masked_fill((self.p == 0) & (reached < _LOST), 0.0)
            spread = (self.p * torch.expm1(r)).sum(dim, keepdim=True).log1p()
            self.grown = r + torch.maximum(spread, -torch.log1p(-(self.p * -torch.expm1(-r)).sum(dim, keepdim=True)))

    def apart(self, op: Operation, exact: Tensor) -> Tensor | float:
        """How far torch's result is from the exact one, where that stands for the rounding of its sum."""
        if not op.long(self.terms) or op.local or op.context.precision.dtype is torch.float64:
            return 0.0
        return (wide(op.out) - exact).abs().nan_to_num(nan=0.0)


def _summing(op: Operation, e: Tensor, total: Tensor, dim: list[int], terms: int) -> Tensor | float:
    """By how much of itself Σe rounds: of long sums in float32 the candidate's alone, what torch's is being `apart`."""
    guaranteed = op.sums(max(terms - 1, 0))
    if not op.long(terms):
        return guaranteed
    found = probable(op, total * guaranteed, of_terms(op, e, dim, total), None, result=total)
    assert found is not None
    return (found / total).clamp(max=guaranteed).nan_to_num(nan=guaranteed)


@rule(aten._softmax, aten._safe_softmax)
def softmax(op: Operation) -> Radius:
    """p = e^(a − max)/Σ: relative errors of numerator and sum, and the quotient's rounding (two, as in `divide`)."""
    x = Exponentials(op, op["self"], [op["dim"]])
    relative = x.relative + x.mean + 4 * x.u
    local = x.p * relative * (1 + relative) + (x.p > 0) * (4 * op.context.precision.tiny) + x.apart(op, x.p)
    if x.grown is None:
        return local
    return local * x.grown.exp() + x.p * torch.expm1(x.grown)


@rule(aten._log_softmax)
def log_softmax(op: Operation) -> Radius:
    """a − max − log Σ e^(a − max): both differences round, the logarithm by its ulps and by the sum's relative error.

    Another order, a − (max + log Σ), rounds by u·|max + log Σ| more, and is the same form as the unshifted one.
    """
    x = Exponentials(op, op["self"], [op["dim"]])
    below = x.below.abs()
    local = 2 * x.u * (below + 2 * op.ulps("log", LOG_ULPS) / 2 * x.log_sum.abs() + (below + x.log_sum.abs())) + x.mean
    local = local + 2 * x.u * x.log_sum.abs()
    if op.allows(UNSHIFTED):
        local = local + 4 * x.u * x.shift
    local = (local + x.apart(op, x.below - x.log_sum)).masked_fill(x.below.isinf(), 0.0)
    if x.r is None:
        return local
    assert x.moving is not None
    lowered = (x.p * x.moving.expm1()).sum([op["dim"]], keepdim=True).log1p()
    return plus(local, x.r + lowered)


@rule(aten.logsumexp)
def log_sum_exp(op: Operation) -> Radius:
    """max + log Σ e^(a − max): the sum's relative error, the logarithm's ulps, the last sum's rounding."""
    dims = [op["dim"]] if isinstance(op["dim"], int) else list(op["dim"])
    x = Exponentials(op, op["self"], dims)
    out = wide(op.out)
    local = x.mean + 2 * x.u * op.ulps("log", LOG_ULPS) * 2 * x.log_sum.abs()
    if op.allows(UNSHIFTED):
        local = local + 2 * x.u * x.shift
    if x.moving is not None:
        local = local + (x.p * x.moving.expm1()).sum(dims, keepdim=True).log1p()
    exact = x.top + x.log_sum
    local, exact = (y if op["keepdim"] else y.reshape(out.shape) for y in (local, exact))
    return local + x.apart(op, exact) + op.rounding(out, 1)


@rule(aten.logcumsumexp.default)
def running_log_sum_exp(op: Operation) -> Radius:
    """s ← max + log1p(e^(min − max)) of s and the next element, one after the other.

    A step errs by the difference's rounding, u·d·e^(−d) ≤ u/e, the exponential's and the logarithm's ulps of at most 1
    and log 2, and u·|s|; what s was off by before comes in no larger, and so does the largest radius so far.
    """
    x, dim = op["self"], op["dim"]
    u, out = op.unit_inside(), wide(op.out)
    if x.dim() == 0:
        return op.radius(x)
    sizes = out.abs().masked_fill(out.isinf(), 0.0)
    step = (
        2 * u * (1 / math.e + 2 * op.ulps("exp", EXP_ULPS) + 2 * op.ulps("log1p", VECTOR_ULPS) * math.log(2))
        + 2 * u * sizes
    )
    step = step.index_fill(dim, torch.zeros(1, dtype=torch.long, device=x.device), 0.0)
    op.rounds = True
    local = step.cumsum(dim)
    if op.allows(UNSHIFTED):
        top = wide(x).amax(dim, keepdim=True)
        local = local + 2 * u * (top - out).abs().nan_to_num(0.0, 0.0, 0.0) + 2 * u * top.abs()
    r = op.radius(x)
    return local if r is None else local + r.cummax(dim)[0]


@rule(aten._log_softmax_backward_data)
def log_softmax_backward(op: Operation) -> Radius:
    """g − p·Σg with p = e^out: the sum's γ, the exponential's ulps and its radius, product and difference."""
    g, dim = wide(op["grad_output"]), op["dim"]
    u = op.context.precision.u
    r, s = op.radius(op["grad_output"]), op.radius(op["output"])
    p = wide(op["output"]).exp()
    sizes = g.abs() if r is None else g.abs() + r
    total = sizes.sum(dim, keepdim=True)
    summed = total * op.sums(g.numel() // total.numel() - 1)
    if r is not None:
        summed = summed + r.sum(dim, keepdim=True)
    relative = 2 * u * (op.ulps("exp", EXP_ULPS) + TORCH_FAST_EXP_ULPS + 1) * torch.ones_like(p)
    if s is not None:
        relative = relative + torch.expm1(s) * (1 + relative)
    product = p * ((1 + relative) * summed + relative * g.sum(dim, keepdim=True).abs())
    carried = product if r is None else product + r
    return carried + op.rounding(result(op) + carried, 1)


@rule(aten.nll_loss_forward)
def picked(op: Operation) -> tuple[Radius, Radius]:
    """−Σ wx/Σw over the rows' labels: products, the sum's γ, the quotient's two roundings; the same of |x| + r."""
    x, labels, weight = op["self"], op["target"], op["weight"]
    rest = (op["reduction"], op["ignore_index"])
    r = op.radius(x)
    sizes = wide(x).abs() if r is None else wide(x).abs() + r
    w = None if weight is None else wide(weight).abs()
    n = 1 if op["reduction"] == 0 else max(labels.numel(), 1)
    more = (weight is not None) * 2 + 2 * (op["reduction"] == 1 and not is_power_of_two(n))
    whole = op.func(-sizes, labels, w, *rest)[0] * op.sums(n - 1 + more)
    moved = None if r is None else op.func(-r, labels, w, *rest)[0]
    if weight is None and op["reduction"] and op.long(n):
        terms = op.func(wide(x), labels, None, 0, op["ignore_index"])[0]
        counted = 1.0 if op["reduction"] == 2 else max(float(wide(op.out[1])), 1.0)
        summed = wide(op.out[0]) * counted
        law = of_terms(op, terms, [0], summed)
        narrow = probable(
            op, whole * counted, law, None if moved is None else moved * counted, result=summed, more=more
        )
        assert narrow is not None
        return narrow / counted, None
    weights = wide(op.out[1]).abs() * op.sums(max(n - 1, 0)) if weight is not None else None
    return plus(moved, whole), weights


@rule(aten.nll_loss_backward)
def picked_backward(op: Operation) -> Radius:
    """−gw/Σw at the labels: a product and a quotient, none where they are exact; linear in g."""
    g, labels, weight, total = op["grad_output"], op["target"], op["weight"], op["total_weight"]
    rest = (op["reduction"], op["ignore_index"])
    w = None if weight is None else wide(weight).abs()
    r = op.radius(g)
    given = (wide(op["self"]), labels, w, *rest, wide(total))
    moved = None if r is None else op.func(r.broadcast_to(g.shape), *given).abs()
    mean = op["reduction"] == 1
    exact = weight is None and (not mean or bool(op.scale_exact(total)))
    if exact:
        return moved
    size = result(op) if moved is None else result(op) + moved
    roundings = (weight is not None) + 2 * mean + (weight is not None) * (labels.numel() + 1) / 2
    return plus(moved, op.rounding(size, roundings, op.out == 0))
