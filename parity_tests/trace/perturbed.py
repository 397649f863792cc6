"""Perturbs whatever torch computes: the result of each operation that rounds by one unit in the last place, up or down.

Monte Carlo arithmetic (D. S. Parker, 1997; the Verificarlo tool): each result is multiplied by 1 ± 2u, the sign random;
1 ± u would round to 1 or downwards, a bias. A matrix product is many products and sums: there an operand is perturbed
as well, so that terms that cancel leave behind what the rounding of each of them leaves. It works by torch's dispatch,
so the backward that autograd runs is perturbed too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
_PRODUCTS = {aten.bmm, aten.mm}
_ROUNDING = _PRODUCTS | {
    aten.add, aten.sub, aten.rsub, aten.mul, aten.div, aten.sqrt, aten.exp, aten.log, aten.sum, aten.mean, aten.pow,
    aten.reciprocal,
}  # fmt: skip
"""The operations whose results round. All others copy, choose, compare or change the sign."""


class Perturbed(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside it, everything that rounds is perturbed by signs drawn from `seed`."""

    def __init__(self, seed: int, device: str = "cpu") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generator = torch.Generator(device).manual_seed(seed)

    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        packet = func.overloadpacket
        if packet not in _ROUNDING:
            return func(*args, **(kwargs or {}))
        if packet in _PRODUCTS:
            args = (self.moved(args[0]), *args[1:])
        result = func(*args, **(kwargs or {}))
        return self.moved(result) if isinstance(result, Tensor) and result.is_floating_point() else result

    def moved(self, x: Tensor) -> Tensor:
        """Each element by one unit in the last place, up or down."""
        return x * self.factors(x)

    def factors(self, x: Tensor) -> Tensor:
        """1 ± 2u in the shape of x."""
        signs = torch.randint(0, 2, x.shape, generator=self._generator, device=x.device, dtype=torch.int8).to(x.dtype)
        return 1 + (2 * signs - 1) * torch.finfo(x.dtype).eps
