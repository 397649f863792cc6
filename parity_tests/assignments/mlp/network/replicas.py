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
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.assignments.mlp.names import FORWARD, WEIGHT_NAMES, gradient_name, updated_name
from reference.distance import largest_absolute_

_BLOCK = 3 << 20
"""Bytes of a weight, of all copies together, that are worked on at a time: so many stay near the processor."""
_SLACK = 1 << 16
"""Signs are drawn for a block and so many elements more, and read from a place that changes by up to as many."""


class Replicas:
    """`count` perturbed copies (R of them) of a run from the same weights.

    Weights are given by WEIGHT_NAMES, all of one dtype, which the copies compute in. Theirs have the copies as second
    dimension, so that some rows of all copies lie in one piece of memory: D×R×M and so on.
    """

    def __init__(
        self,
        weights: Mapping[str, NDArray[Any]],
        count: int,
        *,
        alpha: float,
        lam: float,
        seed: int,
        device: str = "cpu",
    ) -> None:
        self._alpha, self._lam = alpha, lam
        given = {name: torch.tensor(weights[name], device=device) for name in WEIGHT_NAMES}
        self.weights = {name: w[:, None].repeat(1, count, 1) for name, w in given.items()}
        self._velocity = {name: torch.zeros_like(w) for name, w in self.weights.items()} if alpha > 0 else {}
        self._random = random.Random(seed)
        self._block = _BLOCK // self.weights["L1_W"].element_size()
        self._factors = self._draw_factors(torch.Generator().manual_seed(seed))
        self._buffers: dict[tuple[tuple[int, ...], str], Tensor] = {}
        self._u = torch.empty(0)
        self._X: Tensor | None = None

    def hidden(self, X: Tensor) -> Tensor:
        """The first half of a step: u of each copy (R×N×M) for X (N×D), valid until the second half."""
        if X is not self._X:
            self._X, w = X, self.weights["L1_W"].transpose(0, 1)
            operand = self._operand(X.expand(len(w), -1, -1), "inputs")
            self._u = self._biased(torch.bmm(operand, w, out=self._buffer((*operand.shape[:2], w.shape[2]), "u")))
        return self._u

    def step(
        self,
        X: Tensor,
        y: Tensor,
        mask: Tensor,
        slope_one: Tensor | None,
        eta: float,
        unperturbed: Mapping[str, Tensor] | None,
        following: Tensor | None = None,
    ) -> dict[str, float]:
        """A step: the spread of each of QUANTITIES by name. Every copy stands on the same side of a kink.

        X (N×D), and y, mask and eta as for Trainer.step; slope_one is None for tanh alone. `unperturbed` are the
        values of torch's own step, None where no spread is asked for. `following` is the next step's X where it is
        known: its first half is then done on the way.
        """
        r, w, u = self._rounded, self.weights, self.hidden(X)
        self._X = None  # u belongs to the weights before
        buffer = partial(self._buffer, u.shape)
        N = len(y)
        slope = None if slope_one is None else slope_one.to(mask.dtype)
        h = self._tanh(u) if slope is None else torch.mul(u, slope, out=buffer("h"))
        s = h if bool((mask == 1).all()) else r(torch.mul(h, mask, out=buffer("s")))
        W2 = w["L2_W"].transpose(0, 1)
        a = r(r(torch.bmm(self._operand(s, "operand"), W2)).add_(w["L2_b"].transpose(0, 1)))
        d = r(a - a.amax(dim=2, keepdim=True))
        e = r(d.exp())
        total = r(e.sum(dim=2, keepdim=True))
        labels = y.expand(len(a), N)[..., None]
        losses = r(r(total.log()) - d.gather(2, labels))
        loss = r(losses.mean(dim=(1, 2)))
        one_hot = (torch.arange(a.shape[2], device=y.device) == y[:, None]).to(a.dtype)
        da = r(r(r(e / total) - one_hot).div_(N))
        ds = r(torch.bmm(self._operand(da, "operand"), W2.transpose(1, 2), out=buffer("ds")))
        dh = ds if s is h else r(torch.mul(ds, mask, out=buffer("dh")))
        du = r(dh * r(1 - r(h * h))) if slope is None else torch.mul(dh, slope, out=buffer("du"))
        values = (u, h, s, a, loss, da, ds, dh, du)
        names = (*FORWARD, "gradient of logits", "L2 gradient of X", "dropout gradient", "activation gradient")
        spreads: dict[str, float] = {}
        if unperturbed is not None:
            spreads = {name: self.spread(value, unperturbed[name]) for name, value in zip(names, values, strict=True)}
        ones = torch.ones(1, N, dtype=a.dtype, device=y.device)
        noisy = self._operand(da.transpose(0, 1), "operand")
        spreads |= self._descend("L2_W", s.transpose(1, 2), noisy, eta, unperturbed)
        spreads |= self._descend("L2_b", ones, noisy, eta, unperturbed)
        noisy = self._operand(du.transpose(0, 1), "operand")
        spreads |= self._descend("L1_b", ones, noisy, eta, unperturbed)
        spreads |= self._descend("L1_W", X.T, noisy, eta, unperturbed, self._begin(following))
        if self._X is not None:
            self._u = self._biased(self._u)
        elif following is not None:
            self.hidden(following)
        return spreads

    def spread(self, copies: Tensor, value: Tensor) -> float:
        """The largest distance of any copy's element from that of the unperturbed run; NaN where one is not finite."""
        return float(largest_absolute_(torch.sub(copies, value, out=self._buffer(copies.shape, "spread"))))

    # ---- roundings

    def _rounded(self, result: Tensor, start: int | None = None) -> Tensor:
        """The result of an operation, in place, each element by one unit in the last place up or down.

        With `start` the signs are the same each time.
        """
        if result.numel() > self._block:
            each = result[0].numel()
            rows = max(1, self._block // each)
            for first in range(0, len(result), rows):
                part = result[first] if each > self._block else result[first : first + rows]
                self._rounded(part, None if start is None else start + first * each)
            return result
        start = self._random.randrange(_SLACK) if start is None else start % _SLACK
        return result.mul_(self._factors[start : start + result.numel()].view(result.shape))

    def _draw_factors(self, generator: torch.Generator) -> Tensor:
        """1 ± 2u, signs at random: drawn once, and read from a random place at each operation."""
        w = self.weights["L1_W"]
        signs = torch.randint(0, 2, (self._block + _SLACK,), generator=generator, dtype=torch.int8).to(w)
        return 1 + (2 * signs - 1) * torch.finfo(w.dtype).eps

    def _operand(self, matrix: Tensor, use: str) -> Tensor:
        """A matrix as a product is given it, perturbed; valid until the next one for the same use."""
        return self._rounded(self._buffer(matrix.shape, use).copy_(matrix))

    def _buffer(self, shape: tuple[int, ...], use: str) -> Tensor:
        """Memory of this shape for one use, the same each time."""
        if (shape, use) not in self._buffers:
            w = self.weights["L1_W"]
            self._buffers[shape, use] = torch.empty(shape, dtype=w.dtype, device=w.device)
        return self._buffers[shape, use]

    # ---- parts of a step

    def _biased(self, u: Tensor) -> Tensor:
        return self._rounded(self._rounded(u).add_(self.weights["L1_b"].transpose(0, 1)))

    def _tanh(self, u: Tensor) -> Tensor:
        """2/(1 + e^(−2u)) − 1, as the assignment writes it."""
        r = self._rounded
        e = r((-2 * u).exp_())
        return r(r(2 / r(e.add_(1))) - 1)

    def _begin(self, following: Tensor | None) -> Callable[[int], None] | None:
        """What adds the product of the next step's X with the k-th rows of L1's weight to u, while they are at hand.

        None where X has so many rows that adding takes longer than to read the whole weight once more.
        """
        w = self.weights["L1_W"]
        rows = self._rows_in_a_block(w)
        if following is None or 2 * len(following) >= rows:
            return None
        operand = self._operand(following.expand(w.shape[1], -1, -1), "inputs")
        u = self._buffer((*operand.shape[:2], w.shape[2]), "u").zero_()
        self._X, self._u = following, u
        pairs = list(zip(torch.split(operand, rows, dim=2), torch.split(w.transpose(0, 1), rows, dim=1), strict=True))

        def add(k: int) -> None:
            torch.baddbmm(u, *pairs[k], out=u)

        return add

    def _rows_in_a_block(self, w: Tensor) -> int:
        return max(1, self._block // w[0].numel())

    def _descend(
        self,
        name: str,
        inputs: Tensor,
        grad: Tensor,
        eta: float,
        unperturbed: Mapping[str, Tensor] | None,
        each: Callable[[int], None] | None = None,
    ) -> dict[str, float]:
        """The gradient of a weight or bias, inputs (D×N, or R×D×N) @ grad (N×R×M), and its update; the spreads of both.

        A weight is large: a block of its rows is taken at a time, and all is done to it at once, `each` at the end.
        """
        weight, quantities = self.weights[name], (gradient_name(name), updated_name(name))
        rows = max(len(grad), self._rows_in_a_block(weight))
        velocities = torch.split(self._velocity[name], rows) if self._velocity else ()
        blocks = zip(
            torch.split(weight, rows),
            torch.split(inputs, rows, dim=-2),
            *(torch.split(unperturbed[quantity][:, None], rows) for quantity in quantities if unperturbed is not None),
            strict=True,
        )
        largest: list[list[Tensor]] = []
        for k, (w, x, *wanted) in enumerate(blocks):
            g = self._rounded(self._product(x, grad))
            self._update(w, g, velocities[k] if velocities else None, eta, start=k * rows * w.shape[2])
            if wanted:
                of_gradient = largest_absolute_(g.sub_(wanted[0]))
                largest.append([of_gradient, largest_absolute_(torch.sub(w, wanted[1], out=g))])
            if each is not None:
                each(k)
        spreads = (float(torch.stack(of_blocks).amax()) for of_blocks in zip(*largest, strict=True))
        return dict(zip(quantities, spreads, strict=bool(largest)))

    def _product(self, inputs: Tensor, grad: Tensor) -> Tensor:
        """inputs @ grad of each copy: D×R×M."""
        N, copies, M = grad.shape
        g = self._buffer((inputs.shape[-2], copies, M), "gradient")
        if inputs.ndim == 2:  # all copies have the same
            torch.mm(inputs, grad.view(N, -1), out=g.view(len(g), -1))
        else:
            torch.bmm(inputs, grad.transpose(0, 1), out=g.transpose(0, 1))
        return g

    def _update(self, w: Tensor, g: Tensor, v: Tensor | None, eta: float, *, start: int) -> None:
        """The update of some rows of a weight and its velocity; steady signs are those from `start` on."""
        if self._lam != 0:
            g = self._rounded(torch.add(g, w, alpha=self._lam, out=self._buffer(g.shape, "decayed")))
        if v is not None:
            w.add_(self._rounded(self._rounded(v.mul_(self._alpha)).sub_(g, alpha=eta)))
        else:
            w.sub_(g, alpha=eta)
        if self._lam != 0:
            steady = w.shape[1] // 2
            self._rounded(w[:, :steady], start=start)
            w = w[:, steady:]
        self._rounded(w)
