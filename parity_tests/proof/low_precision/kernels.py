"""Kernels in low precision as people write them, step by step: orders of sums, fused or not, what is stored when."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Inputs = Mapping[str, Tensor]


def one_by_one(terms: Tensor) -> Tensor:
    """The sums over the first axis, one term after another."""
    total = terms[0].clone()
    for term in terms[1:]:
        total += term
    return total


def _apart(terms: Tensor, parts: int) -> Tensor:
    """The terms in rows of so many; zeros, which no sum rounds for, fill the last."""
    missing = terms.new_zeros(-len(terms) % parts, *terms.shape[1:])
    return torch.cat([terms, missing]).view(-1, parts, *terms.shape[1:])


def in_lanes(count: int) -> Callable[[Tensor], Tensor]:
    """Each count-th term by itself, then these one after another."""
    return lambda terms: one_by_one(one_by_one(_apart(terms, min(count, len(terms)))))


def in_blocks(count: int) -> Callable[[Tensor], Tensor]:
    """So many blocks of neighbours, then these one after another."""
    return lambda terms: one_by_one(one_by_one(_apart(terms, -(-len(terms) // count)).transpose(0, 1)))


def _pairwise(terms: Tensor) -> Tensor:
    while len(terms) > 1:
        even = terms[: len(terms) // 2 * 2]
        terms = torch.cat([even[::2] + even[1::2], terms[len(even) :]])
    return terms[0]


def in_order(terms: Tensor, order: str) -> Tensor:
    """The terms in one of their orders: as they are, backwards, or shuffled."""
    if order == "shuffled":
        return terms[torch.randperm(len(terms), generator=torch.Generator().manual_seed(len(terms)))]
    return terms.flip(0) if order == "backwards" else terms


ORDERS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "one by one": one_by_one,
    "backwards": lambda terms: one_by_one(in_order(terms, "backwards")),
    "shuffled": lambda terms: one_by_one(in_order(terms, "shuffled")),
    "pairwise": _pairwise,
    "8 lanes": in_lanes(8),
    "32 lanes": in_lanes(32),
    "split-K of 4": in_blocks(4),
    "split-K of 16": in_blocks(16),
}
"""Sums over the first axis, in the type of the terms."""


@dataclass(frozen=True)
class Kernel:
    """How a program computes: the types that it sums and stores in, the order of sums, and what it fuses.

    Where it is not `fused` each step stores its result. `fma`: products are not rounded before they are added (float32
    alone, one after another). `factors` rounds what is multiplied.
    """

    accumulate: torch.dtype
    store: torch.dtype
    order: str
    fused: bool = True
    fma: bool = False
    factors: Callable[[Tensor], Tensor] = torch.Tensor.clone

    def out(self, x: Tensor) -> Tensor:
        """What is returned."""
        return x.to(self.store)

    def keep(self, x: Tensor) -> Tensor:
        """A result on the way, in float32 and stored before that where it is not fused."""
        return (x if self.fused else x.to(self.store)).to(torch.float32)

    def sum(self, x: Tensor) -> Tensor:
        """Over the last axis, which stays."""
        terms = x.movedim(-1, 0).to(self.accumulate)
        return ORDERS[self.order](terms)[..., None].to(torch.float32)

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """A·B of matrices."""
        left, right = (self.factors(x.to(torch.float32)) for x in (a.mT, b))
        if self.fma:
            total = torch.zeros(left.shape[1], right.shape[1])
            for x, y in zip(left.double(), right.double(), strict=True):
                total = (total + x[:, None] * y).to(torch.float32)
            return total
        terms = left.to(self.accumulate)[:, :, None] * right.to(self.accumulate)[:, None, :]
        return ORDERS[self.order](terms).to(torch.float32)


Program = Callable[[Kernel, Inputs], Tensor]


def matmul(kernel: Kernel, given: Inputs) -> Tensor:
    """A·B."""
    return kernel.out(kernel.product(given["a"], given["b"]))


def linear(kernel: Kernel, given: Inputs) -> Tensor:
    """A·B + c."""
    return kernel.out(kernel.keep(kernel.product(given["a"], given["b"])) + given["c"].float())


def linear_gelu(kernel: Kernel, given: Inputs) -> Tensor:
    """gelu(A·B)."""
    return gelu(kernel, {"x": kernel.keep(kernel.product(given["a"], given["b"]))})


def scaled(kernel: Kernel, given: Inputs) -> Tensor:
    """(A·B)·s, s being a scale of each row."""
    return kernel.out(kernel.keep(kernel.product(given["a"], given["b"])) * given["s"])


def total(kernel: Kernel, given: Inputs) -> Tensor:
    """Σx."""
    return kernel.out(kernel.sum(given["x"].float())[..., 0])


def mean(kernel: Kernel, given: Inputs) -> Tensor:
    """Σx/n."""
    x = given["x"].float()
    return kernel.out(kernel.keep(kernel.sum(x))[..., 0] / x.shape[-1])


def gelu(kernel: Kernel, given: Inputs) -> Tensor:
    """x·(1 + erf(x/√2))/2."""
    x = given["x"].float()
    erf = kernel.keep(torch.erf(kernel.keep(x * math.sqrt(0.5))))
    return kernel.out(x * (kernel.keep(1 + erf) / 2))


def silu(kernel: Kernel, given: Inputs) -> Tensor:
    """x/(1 + e⁻ˣ)."""
    x = given["x"].float()
    return kernel.out(x * kernel.keep(1 / kernel.keep(1 + kernel.keep(torch.exp(-x)))))


def _softmax(kernel: Kernel, x: Tensor) -> Tensor:
    e = kernel.keep(torch.exp(kernel.keep(x - x.amax(-1, keepdim=True))))
    return e / kernel.keep(kernel.sum(e))


def softmax(kernel: Kernel, given: Inputs) -> Tensor:
    """eˣ/Σeˣ."""
    return kernel.out(_softmax(kernel, given["x"].float()))


def layer_norm(kernel: Kernel, given: Inputs) -> Tensor:
    """(x − mean)/√(variance + ε)·w."""
    x = given["x"].float()
    n = x.shape[-1]
    centred = kernel.keep(x - kernel.keep(kernel.sum(x) / n))
    variance = kernel.keep(kernel.sum(kernel.keep(centred * centred)) / n)
    return kernel.out(kernel.keep(centred * kernel.keep(torch.rsqrt(variance + 1e-5))) * given["w"].float())


def rms_norm(kernel: Kernel, given: Inputs) -> Tensor:
    """x/√(mean of x² + ε)·w."""
    x = given["x"].float()
    squares = kernel.keep(kernel.sum(kernel.keep(x * x)) / x.shape[-1])
    return kernel.out(kernel.keep(x * kernel.keep(torch.rsqrt(squares + 1e-5))) * given["w"].float())


def attention(kernel: Kernel, given: Inputs) -> Tensor:
    """softmax(QKᵀ/√d)·V: the probabilities are a factor of a product, in the type that is stored."""
    q, k, v = (given[name].float() for name in "qkv")
    scores = kernel.keep(kernel.keep(kernel.product(q, k.T)) / math.sqrt(q.shape[-1]))
    return kernel.out(kernel.product(_softmax(kernel, scores).to(kernel.store).float(), v))


def flash_attention(kernel: Kernel, given: Inputs) -> Tensor:
    """The same in blocks of keys, the largest score and the sum carried along; divided at the end."""
    q, k, v = (given[name].float() for name in "qkv")
    top = torch.full((len(q), 1), -torch.inf)
    summed, out = torch.zeros(len(q), 1), torch.zeros(len(q), v.shape[1])
    for keys, values in zip(torch.split(k, 16), torch.split(v, 16), strict=True):
        scores = kernel.product(q, keys.T) / math.sqrt(q.shape[-1])
        higher = torch.maximum(top, scores.amax(-1, keepdim=True))
        e, shrunk = torch.exp(scores - higher), torch.exp(top - higher)
        summed = summed * shrunk + kernel.sum(e)
        out = out * shrunk + kernel.product(e.to(kernel.store).float(), values)
        top = higher
    return kernel.out(out / summed)
