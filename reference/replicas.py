"""Perturbed copies of a training run, all at once in one further dimension: how far rounding alone drives runs apart.

Monte Carlo arithmetic (D. S. Parker, 1997; the Verificarlo tool): the result of every operation is multiplied by
1 ± 2u, the sign random. That is one unit in the last place either way; 1 ± u would round to 1 or downwards, a bias.
A matrix product is many products and sums: there the operand is perturbed as well, so that terms that cancel leave
behind what the rounding of each of them leaves. tanh is taken by the assignment's own formula, which rounds more than
a library's does. And rounding is random only where its operands change: weight decay alone, on a pixel that is always
0, moves a weight by the same fraction of a unit at each step, and is rounded the same way each time. So with weight
decay half of the copies keep the sign with which each weight is rounded.
"""

import random
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from reference.trainer import QUANTITIES
from reference.weights import NAMES

_SLACK = 1 << 16


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
        self._generator = torch.Generator().manual_seed(seed)
        self._factors = self._drawn(max(w.numel() for w in self.weights.values()) + _SLACK)
        self._scratch: dict[torch.Size, Tensor] = {}
        self._u = torch.empty(0)
        self._X = torch.empty(0)

    def hidden(self, X: Tensor) -> Tensor:
        """The first half of a step: u of each copy (R×N×M) for X (N×D)."""
        self._X = X
        u = torch.bmm(self._operand(X.expand(len(self.weights["L1_W"]), -1, -1)), self.weights["L1_W"])
        self._u = self._rounded(self._rounded(u).add_(self.weights["L1_b"]))
        return self._u

    def step(self, y: Tensor, keep: Tensor, side: Tensor | None, eta: float) -> dict[str, Tensor]:
        """The second half, arguments as those of Trainer.step: QUANTITIES of each copy. Valid until the next step.

        Every copy stands on the same side of a kink.
        """
        r, w = self._rounded, self.weights
        N = len(y)
        h = self._tanh(self._u) if side is None else self._u * side
        s = h if bool((keep == 1).all()) else r(h * keep)
        a = r(r(torch.bmm(self._operand(s), w["L2_W"])).add_(w["L2_b"]))
        d = r(a - a.amax(dim=2, keepdim=True))
        e = r(d.exp())
        total = r(e.sum(dim=2, keepdim=True))
        labels = y.expand(len(a), N)[..., None]
        losses = r(r(total.log()) - d.gather(2, labels))
        loss = r(losses.mean(dim=(1, 2)))
        one_hot = (torch.arange(a.shape[2], device=y.device) == y[:, None]).to(a.dtype)
        da = r(r(r(e / total) - one_hot).div_(N))
        W2_t = w["L2_W"].transpose(1, 2)
        ds = r(torch.bmm(self._operand(da), W2_t))
        dh = ds if s is h else r(ds * keep)
        du = r(dh * r(1 - r(h * h))) if side is None else dh * side
        noisy_da, noisy_du = self._operand(da), self._operand(du)
        gradients = {
            "L1_W": self._product(self._X.T.expand(len(a), -1, -1), noisy_du),
            "L1_b": r(noisy_du.sum(dim=1, keepdim=True)),
            "L2_W": r(torch.bmm(s.transpose(1, 2), noisy_da)),
            "L2_b": r(noisy_da.sum(dim=1, keepdim=True)),
        }
        backward = (da, ds, gradients["L2_W"], gradients["L2_b"], dh, du, gradients["L1_W"], gradients["L1_b"])
        for name in NAMES:
            self._update(name, gradients[name], eta)
        return dict(zip(QUANTITIES, (self._u, h, s, a, loss, *backward, *(w[n] for n in NAMES)), strict=True))

    def spread(self, name: str, copies: Tensor, value: Tensor) -> float:
        """The largest distance of any copy's element from that of the unperturbed run; NaN where one is not finite."""
        scratch = self._room(copies.shape, "spread") if copies.ndim == 3 else torch.empty_like(copies)
        return float(torch.sub(copies, value, out=scratch).abs_().amax())

    # ---- inside

    def _rounded(self, result: Tensor, start: int | None = None) -> Tensor:
        """The result of an operation, in place, each element by one unit in the last place up or down.

        With `start` the signs are the same each time.
        """
        if result.numel() + _SLACK > len(self._factors):
            self._factors = self._drawn(result.numel() + _SLACK)
        start = self._draw.randrange(_SLACK) if start is None else start
        return result.mul_(self._factors[start : start + result.numel()].view(result.shape))

    def _drawn(self, size: int) -> Tensor:
        """1 ± 2u, signs at random: drawn once, and read from a random place at each operation."""
        w = self.weights["L1_W"]
        signs = torch.randint(0, 2, (size,), generator=self._generator, dtype=torch.int8).to(w)
        return 1 + (2 * signs - 1) * torch.finfo(w.dtype).eps

    def _operand(self, matrix: Tensor) -> Tensor:
        return self._rounded(matrix.clone(memory_format=torch.contiguous_format))

    def _product(self, A: Tensor, B: Tensor) -> Tensor:
        """A @ B into memory that is kept: the largest of all."""
        room = self._room(torch.Size((len(A), A.shape[1], B.shape[2])), "product")
        return self._rounded(torch.bmm(A, B, out=room))

    def _room(self, shape: torch.Size, use: str) -> Tensor:
        key = torch.Size((*shape, len(use)))
        if key not in self._scratch:
            w = self.weights["L1_W"]
            self._scratch[key] = torch.empty(shape, dtype=w.dtype, device=w.device)
        return self._scratch[key]

    def _tanh(self, u: Tensor) -> Tensor:
        """2/(1 + e^(−2u)) − 1, as the assignment writes it."""
        r = self._rounded
        e = r((-2 * u).exp_())
        return r(r(2 / r(e.add_(1))) - 1)

    def _update(self, name: str, g: Tensor, eta: float) -> None:
        w = self.weights[name]
        if self._lam != 0:
            g = self._rounded(g.add(w, alpha=self._lam))
        if self._alpha > 0:
            v = self._rounded(self._velocity[name].mul_(self._alpha))
            w.add_(self._rounded(v.sub_(g, alpha=eta)))
        else:
            w.sub_(g, alpha=eta)
        steady = len(w) // 2 if self._lam != 0 else 0
        self._rounded(w[:steady], start=0)
        self._rounded(w[steady:])
