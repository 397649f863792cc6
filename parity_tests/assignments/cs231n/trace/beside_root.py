"""Norms with epsilon beside the root, (a − μ) / (σ + ε), which is right too, and their right gradients."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

EPS = 1e-5
"""Of norms: the number that FullyConnectedNet leaves as it is."""


@dataclass(frozen=True)
class Beside:
    """The norm, whose gradient divides its first term by the deviation `first`, the one along x̂ by `second`.

    Either is "under" or "beside", by where epsilon stands, the second may be "bare", which has none.
    """

    first: str = "beside"
    second: str = "bare"

    def __call__(self, a: Tensor, dim: int) -> Tensor:
        """x̂ of a, with the mean and the deviation along one of its axes."""
        normed = _Normed.apply(a, dim, self)  # type: ignore[no-untyped-call]
        assert isinstance(normed, Tensor)
        return normed


FORMS = tuple(Beside(*pair) for pair in product(("beside", "under"), ("bare", "beside", "under")))
"""The right ways, as those of kinds/beside_root.py."""


class _Normed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, dim: int, form: Beside) -> Tensor:
        centred = a - a.mean(dim, keepdim=True)
        variance = (centred * centred).mean(dim, keepdim=True)
        bare = torch.sqrt(variance)
        normed = centred / (bare + EPS)
        ctx.save_for_backward(normed, variance, bare)
        ctx.dim, ctx.form = dim, form
        return normed

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, None, None]:
        (g,) = given
        normed, variance, bare = ctx.saved_tensors
        below = {"beside": bare + EPS, "under": torch.sqrt(variance + EPS), "bare": bare}
        along = normed * (g * normed).mean(ctx.dim, keepdim=True)
        dx = (g - g.mean(ctx.dim, keepdim=True)) / below[ctx.form.first] - along / below[ctx.form.second]
        return dx, None, None
