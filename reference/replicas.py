"""Perturbed copies of a training run, all at once in one further dimension: how far rounding alone drives runs apart.

Monte Carlo arithmetic (D. S. Parker, 1997; the Verificarlo tool): the result of every operation is multiplied by
1 ± 2u, the sign random. That is one unit in the last place either way; 1 ± u would round to 1 or downwards, a bias.
A matrix product is many products and sums: there the operand is perturbed as well, so that terms that cancel leave
behind what the rounding of each of them leaves. tanh is taken by the assignment's own formula, which rounds more than
a library's does. And rounding is random only where its operands change: weight decay alone, on a pixel that is always
0, moves a weight by the same fraction of a unit at each step, and is rounded the same way each time. So with weight
decay half of the copies keep the sign with which each weight is rounded.
"""

import math
import random
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from reference.trainer import QUANTITIES
from reference.weights import NAMES

_SLACK = 1 << 16
_TILE = 1 << 18
"""Signs that are drawn: `_TILE` of them are read at a time, from a place that changes by up to `_SLACK`."""
_BLOCK = 1 << 20
"""Bytes of a weight, of all copies together, that are worked on at a time: so much stays near the processor."""


class Replicas:
    """`count` perturbed copies of a run from the same weights; its tensors have the copies as first dimension.

    Weights {"L1_W": D×M, "L1_b": 1×M, "L2_W": M×K, "L2_b": 1×K}, all of one dtype, which the copies compute in.
    """

    def __init__(
        self,
        weights: Mapping[str, NDArray[Any]],
        count: int,
        *,
        activation: str,
        alpha: float,
        lam: float,
        seed: int,
        device: str = "cpu",
    ) -> None:
        self._activation, self._alpha, self._lam = activation, alpha, lam
        self.weights = {
            name: torch.tensor(weights[name], device=device).expand(count, -1, -1).clone() for name in NAMES
        }
        self._velocity = {name: torch.zeros_like(w) for name, w in self.weights.items()} if alpha > 0 else {}
        self._draw = random.Random(seed)
        self._factors = self._drawn(torch.Generator().manual_seed(seed))
        self._scratch: dict[tuple[torch.Size, str], Tensor] = {}
        self._u = torch.empty(0)
        self._X = torch.empty(0)

    def hidden(self, X: Tensor) -> Tensor:
        """The first half of a step: u of each copy (R×N×M) for X (N×D)."""
        self._X = X
        w = self.weights
        operand = self._operand(X.expand(len(w["L1_W"]), -1, -1), "inputs")
        u = torch.bmm(operand, w["L1_W"], out=self._room(torch.Size((*operand.shape[:2], w["L1_W"].shape[2])), "u"))
        self._u = self._rounded(self._rounded(u).add_(w["L1_b"]))
        return self._u

    def step(
        self, y: Tensor, keep: Tensor, side: Tensor | None, eta: float, beside: Mapping[str, Tensor]
    ) -> dict[str, float]:
        """The second half, arguments as those of Trainer.step: the spread of each of QUANTITIES but the first.

        Every copy stands on the same side of a kink. `beside` is what the unperturbed run's step gave.
        """
        r, w, room = self._rounded, self.weights, partial(self._room, self._u.shape)
        N = len(y)
        slope = None if side is None else side.to(keep.dtype)
        h = self._tanh(self._u) if slope is None else torch.mul(self._u, slope, out=room("h"))
        s = h if bool((keep == 1).all()) else r(torch.mul(h, keep, out=room("s")))
        a = r(r(torch.bmm(self._operand(s, "operand"), w["L2_W"])).add_(w["L2_b"]))
        d = r(a - a.amax(dim=2, keepdim=True))
        e = r(d.exp())
        total = r(e.sum(dim=2, keepdim=True))
        labels = y.expand(len(a), N)[..., None]
        losses = r(r(total.log()) - d.gather(2, labels))
        loss = r(losses.mean(dim=(1, 2)))
        one_hot = (torch.arange(a.shape[2], device=y.device) == y[:, None]).to(a.dtype)
        da = r(r(r(e / total) - one_hot).div_(N))
        ds = r(torch.bmm(self._operand(da, "operand"), w["L2_W"].transpose(1, 2), out=room("ds")))
        dh = ds if s is h else r(torch.mul(ds, keep, out=room("dh")))
        du = r(dh * r(1 - r(h * h))) if slope is None else torch.mul(dh, slope, out=room("du"))
        values = (h, s, a, loss, da, ds, dh, du)
        names = (*QUANTITIES[1:7], "dropout gradient", "activation gradient")
        spreads = {name: self.spread(value, beside[name]) for name, value in zip(names, values, strict=True)}
        ones = torch.ones(1, 1, N, dtype=a.dtype, device=y.device)
        for layer, inputs, grad in (("L1", self._X.T[None], du), ("L2", s.transpose(1, 2), da)):
            noisy = self._operand(grad, "operand")
            spreads |= self._descend(f"{layer}_W", inputs, noisy, eta, beside)
            spreads |= self._descend(f"{layer}_b", ones, noisy, eta, beside)
        return spreads

    def spread(self, copies: Tensor, value: Tensor) -> float:
        """The largest distance of any copy's element from that of the unperturbed run; NaN where one is not finite."""
        return float(torch.sub(copies, value, out=self._room(copies.shape, "spread")).abs_().amax())

    # ---- inside

    def _rounded(self, result: Tensor, start: int | None = None) -> Tensor:
        """The result of an operation, in place, each element by one unit in the last place up or down.

        With `start` the signs are the same each time.
        """
        if result.numel() > _TILE:
            each = result[0].numel()
            rows = max(1, _TILE // each)
            for first in range(0, len(result), rows):
                part = result[first] if each > _TILE else result[first : first + rows]
                self._rounded(part, None if start is None else start + first * each)
            return result
        start = self._draw.randrange(_SLACK) if start is None else start % _SLACK
        return result.mul_(self._factors[start : start + result.numel()].view(result.shape))

    def _drawn(self, generator: torch.Generator) -> Tensor:
        """1 ± 2u, signs at random: drawn once, and read from a random place at each operation."""
        w = self.weights["L1_W"]
        signs = torch.randint(0, 2, (_TILE + _SLACK,), generator=generator, dtype=torch.int8).to(w)
        return 1 + (2 * signs - 1) * torch.finfo(w.dtype).eps

    def _operand(self, matrix: Tensor, use: str) -> Tensor:
        """A matrix as a product is given it, perturbed; valid until the next one for the same use."""
        return self._rounded(self._room(matrix.shape, use).copy_(matrix))

    def _room(self, shape: torch.Size, use: str) -> Tensor:
        """Memory of this shape that is kept, for one use."""
        if (shape, use) not in self._scratch:
            w = self.weights["L1_W"]
            self._scratch[shape, use] = torch.empty(shape, dtype=w.dtype, device=w.device)
        return self._scratch[shape, use]

    def _tanh(self, u: Tensor) -> Tensor:
        """2/(1 + e^(−2u)) − 1, as the assignment writes it."""
        r = self._rounded
        e = r((-2 * u).exp_())
        return r(r(2 / r(e.add_(1))) - 1)

    def _descend(
        self, name: str, inputs: Tensor, grad: Tensor, eta: float, beside: Mapping[str, Tensor]
    ) -> dict[str, float]:
        """The gradient of a weight or bias, inputs @ grad, and its update; the spreads of both.

        A weight is large: its rows are taken a few at a time, and all is done to them at once.
        """
        w = self.weights[name]
        copies, D, M = w.shape
        of_gradient, updated = f"{name[:2]} gradient of {name[3:]}", f"updated {name.replace('_', ' ')}"
        rows = max(grad.shape[1], _BLOCK // (copies * M * w.element_size()))
        found = {of_gradient: 0.0, updated: 0.0}
        for first in range(0, D, rows):
            block = slice(first, min(first + rows, D))
            g = self._room(w[:, block].shape, "gradient")
            g = self._rounded(torch.bmm(inputs[:, block].expand(copies, -1, -1), grad, out=g))
            found[of_gradient] = _larger(found[of_gradient], self.spread(g, beside[of_gradient][block]))
            self._update(name, block, g, eta)
            found[updated] = _larger(found[updated], self.spread(w[:, block], beside[updated][block]))
        return found

    def _update(self, name: str, block: slice, g: Tensor, eta: float) -> None:
        w = self.weights[name][:, block]
        if self._lam != 0:
            g = self._rounded(g.add_(w, alpha=self._lam))
        if self._alpha > 0:
            v = self._velocity[name][:, block]
            w.add_(self._rounded(self._rounded(v.mul_(self._alpha)).sub_(g, alpha=eta)))
        else:
            w.sub_(g, alpha=eta)
        steady = len(w) // 2 if self._lam != 0 else 0
        if steady:
            self._rounded(w[:steady], start=block.start * w.shape[2])
        self._rounded(w[steady:])


def _larger(a: float, b: float) -> float:
    """The larger of two; NaN where one is."""
    return a if math.isnan(a) or a > b else b
