"""The largest distance between the elements of two tensors, in one pass over both."""

import torch
from torch import Tensor

_PIECE = 1 << 18
"""Elements that are compared at a time: so many, and their differences, stay near the processor."""


class Gauge:
    """Measures distances in memory that is kept from one to the next."""

    def __init__(self) -> None:
        self._rooms: dict[torch.dtype, Tensor] = {}

    def distance(self, a: Tensor, b: Tensor) -> float:
        """max |a − b| of two tensors of the same shape and device; NaN where a difference is not a number."""
        pieces = [self._largest(x, y) for x, y in zip(rows(a), rows(b), strict=True)]
        return float(pieces[0] if len(pieces) == 1 else torch.stack(pieces).amax())

    def _largest(self, a: Tensor, b: Tensor) -> Tensor:
        dtype = a.dtype if a.dtype == b.dtype else torch.promote_types(a.dtype, b.dtype)
        room = self._rooms.get(dtype)
        if room is None or room.numel() < a.numel() or room.device != a.device:
            room = self._rooms[dtype] = torch.empty(max(a.numel(), _PIECE), dtype=dtype, device=a.device)
        return largest(torch.sub(a, b, out=room[: a.numel()].view(a.shape)))


def largest(difference: Tensor) -> Tensor:
    """The largest absolute value, NaN where one is; what is given is overwritten."""
    return difference.abs_().amax()


def rows(a: Tensor) -> tuple[Tensor, ...]:
    """A tensor in pieces along its first dimension, each small enough to stay near the processor."""
    if a.numel() <= _PIECE:
        return (a,)
    return torch.split(a, max(1, _PIECE * len(a) // a.numel()))
