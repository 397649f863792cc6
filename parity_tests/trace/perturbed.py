"""Perturbed copies of torch's own run: how far rounding alone drives runs apart.

Monte Carlo arithmetic (D. S. Parker, 1997; the Verificarlo tool): the result of each operation that rounds is
multiplied by 1 ± 2u, the sign random; 1 ± u would round to 1 or downwards, a bias. A matrix product is many products
and sums: there an operand is perturbed as well, so that terms that cancel leave behind what the rounding of each of
them leaves. It works by torch's dispatch, so the backward that autograd runs is perturbed too, and what torch computes
in one is taken apart into what rounds. tanh is taken by the formula that courses have, which rounds more than a
library's does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from parity_tests.protocol.errors import HarnessError
from parity_tests.trace.twin import Spreads
from reference.distance import LargestDifference

aten = torch.ops.aten
_PRODUCTS = {aten.bmm, aten.mm}
_IN_PLACE = {aten.add_, aten.sub_, aten.mul_, aten.div_}
_ROUNDING = (_PRODUCTS | _IN_PLACE) | {
    aten.add, aten.sub, aten.rsub, aten.mul, aten.div, aten.sqrt, aten.exp, aten.log, aten.sum, aten.mean, aten.pow,
    aten.reciprocal, aten.nll_loss_backward,
}  # fmt: skip
"""The operations whose results round."""
_EXACT = {
    aten._unsafe_view, aten.amax, aten.clone, aten.copy_, aten.detach, aten.detach_, aten.empty, aten.eq, aten.expand,
    aten.gather, aten.gt, aten.lift_fresh, aten.neg, aten.new_empty, aten.ones, aten.ones_like, aten.permute, aten.relu,
    aten.scalar_tensor, aten.select, aten.slice, aten.split, aten.stack, aten.t, aten.threshold_backward,
    aten.transpose, aten.unsqueeze, aten.view, aten.where, aten.zeros_like,
}  # fmt: skip
"""Those that copy, choose, compare or change the sign."""
_BLOCK = 1 << 17
"""Elements that are perturbed at a time: so many stay near the processor."""
_SLACK = 1 << 16
"""Signs are drawn for the largest result and so many elements more, and read from a place that changes by as many."""
T = TypeVar("T")


def _product_added(bias: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return bias + (torch.bmm if a.ndim == 3 else torch.mm)(a, b)


def _log_softmax(x: Tensor, dim: int, half_to_float: bool) -> Tensor:
    d = x - x.amax(dim, keepdim=True)
    return d - d.exp().sum(dim, keepdim=True).log()


def _log_softmax_backward(g: Tensor, out: Tensor, dim: int, dtype: torch.dtype) -> Tensor:
    return g - out.exp() * g.sum(dim, keepdim=True)


def _nll_loss(x: Tensor, y: Tensor, weight: None, reduction: int, ignored: int) -> tuple[Tensor, Tensor]:
    losses = -x.gather(1, y[:, None])[:, 0]
    return losses.mean() if reduction else losses, x.new_tensor(float(len(y)))


def _batch_norm(
    x: Tensor, w: Tensor, b: Tensor, mean: Any, variance: Any, training: bool, momentum: float, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    if training:
        mean, centred, scale = _statistics(x, 0, eps)
        return centred * scale * w + b, mean, scale
    return (x - mean) / (variance + eps).sqrt() * w + b, x.new_empty(0), x.new_empty(0)


def _layer_norm(x: Tensor, shape: Sequence[int], w: Tensor, b: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    mean, centred, scale = _statistics(x, 1, eps)
    return centred * scale * w + b, mean, scale


def _statistics(x: Tensor, dim: int, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    mean = x.mean(dim, keepdim=True)
    centred = x - mean
    return mean, centred, 1 / ((centred * centred).mean(dim, keepdim=True) + eps).sqrt()


def _norm_backward(g: Tensor, x: Tensor, mean: Tensor, scale: Tensor, w: Tensor, dim: int) -> tuple[Tensor, ...]:
    normal, of_x = (x - mean) * scale, g * w
    along = normal * (of_x * normal).mean(dim, keepdim=True)
    return (of_x - of_x.mean(dim, keepdim=True) - along) * scale, (g * normal).sum(0), g.sum(0)


_PARTS: Mapping[Any, Callable[..., Any]] = {
    aten.addmm: _product_added,
    aten.baddbmm: _product_added,
    aten.tanh: lambda x: 2 / (1 + (-2 * x).exp()) - 1,
    aten.tanh_backward: lambda g, h: g * (1 - h * h),
    aten._log_softmax: _log_softmax,
    aten._log_softmax_backward_data: _log_softmax_backward,
    aten.nll_loss_forward: _nll_loss,
    aten.var: lambda x, dim, **_: ((x - x.mean(dim, keepdim=True)) ** 2).mean(dim),
    aten.native_batch_norm: _batch_norm,
    aten.native_batch_norm_backward: lambda g, x, w, running_mean, running_var, mean, scale, *_: _norm_backward(
        g, x, mean, scale, w, 0
    ),
    aten.cudnn_batch_norm: lambda *args: (*_batch_norm(*args), args[0].new_empty(0, dtype=torch.uint8)),
    aten.cudnn_batch_norm_backward: lambda x, g, w, running_mean, running_var, mean, scale, *_: _norm_backward(
        g, x, mean, scale, w, 0
    ),
    aten.native_layer_norm: _layer_norm,
    aten.native_layer_norm_backward: lambda g, x, shape, mean, scale, w, *_: _norm_backward(g, x, mean, scale, w, 1),
}
"""What torch computes in one, by the parts that round."""


class Perturbed(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside it, everything that rounds is perturbed by signs drawn from `seed`."""

    def __init__(self, seed: int, device: str = "cpu") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._random, self._device = random.Random(seed), device
        self._signs = torch.Generator().manual_seed(seed)
        self._drawn: dict[torch.dtype, Tensor] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to skip it, torch would import it

    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        packet = func.overloadpacket
        if packet in _PARTS:
            with self:
                return _PARTS[packet](*args, **(kwargs or {}))
        if packet not in _ROUNDING:
            if packet not in _EXACT and func.namespace == "aten":
                raise HarnessError(f"nothing is known of the rounding of {func}, which a trace's copies would need")
            return func(*args, **(kwargs or {}))
        if packet in _PRODUCTS:
            args = (args[0] * self.factors(args[0]), *args[1:])
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.is_floating_point():
            self.move(result)
        return result

    def move(self, x: Tensor) -> None:
        """Each element of a result by one unit in the last place, up or down; of a large one block by block."""
        for block in torch.split(x.view(-1), _BLOCK) if x.is_contiguous() else (x,):
            block.mul_(self.factors(block))

    def factors(self, x: Tensor) -> Tensor:
        """1 ± 2u in the shape of x: drawn once, and read from a random place each time."""
        drawn = self._drawn.get(x.dtype)
        if drawn is None or drawn.numel() < x.numel() + _SLACK:
            signs = torch.randint(0, 2, (x.numel() + _SLACK,), generator=self._signs, dtype=torch.int8)
            drawn = 1 + (2 * signs.to(x.dtype) - 1) * torch.finfo(x.dtype).eps
            drawn = self._drawn[x.dtype] = drawn.to(self._device)
        start = self._random.randrange(_SLACK)
        return drawn[start : start + x.numel()].view(x.shape)


class Copies(Generic[T]):
    """Perturbed runs, each of a copy or of several copies side by side: in one dimension more, the first.

    Rounding is not random where its operands are not: a weight that decays alone is rounded the same way each time. So
    the `steady` weights, those of half of the copies, keep the sign with which each is rounded.
    """

    def __init__(self, runs: Sequence[T], steady: Sequence[Tensor], seed: int, device: str) -> None:
        self.runs = runs
        self._mode, self._difference = Perturbed(seed, device), LargestDifference()
        self._steady = [(w, self._mode.factors(w).clone()) for w in steady]

    def step(self, take: Callable[[T], Mapping[str, Tensor]], wanted: Mapping[str, Tensor]) -> Spreads:
        """Take a step with each; the largest distance of any copy's value from one that is wanted, by its name."""
        with self._mode:
            each = [take(run) for run in self.runs]
        for w, factors in self._steady:
            w.mul_(factors)
        return self._spreads(each, wanted)

    def look(self, give: Callable[[T], Tensor], wanted: Tensor) -> float:
        """The same distance of what each gives now."""
        with self._mode, torch.no_grad():
            each = [{"": give(run)} for run in self.runs]
        return self._spreads(each, {"": wanted})[""]

    def _spreads(self, each: Sequence[Mapping[str, Tensor]], wanted: Mapping[str, Tensor]) -> Spreads:
        spreads: Spreads = {}
        for values in each:
            for name in values.keys() & wanted.keys():
                apart = self._difference.between(values[name], wanted[name].expand_as(values[name]))
                spreads[name] = float(np.maximum(apart, spreads.get(name, 0.0)))  # what is no number stays
        return spreads
