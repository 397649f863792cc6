"""The largest difference between the elements of two tensors, in one pass over both."""

import torch
from torch import Tensor

_BLOCK = 1 << 18
"""Elements that are compared at a time: so many, and their differences, stay in the processor's cache."""


class LargestDifference:
    """Measures largest differences, in a buffer that is kept from one measurement to the next."""

    def __init__(self) -> None:
        self._buffers: dict[torch.dtype, Tensor] = {}

    def between(self, a: Tensor, b: Tensor) -> float:
        """max |a − b| of two tensors of the same shape and device; NaN where a difference is not a number."""
        if a.numel() <= _BLOCK:
            return float(self._of_block(a, b))
        blocks = [self._of_block(x, y) for x, y in zip(row_blocks(a), row_blocks(b), strict=True)]
        return float(torch.stack(blocks).amax())

    def _of_block(self, a: Tensor, b: Tensor) -> Tensor:
        dtype = a.dtype if a.dtype == b.dtype else torch.promote_types(a.dtype, b.dtype)
        buffer = self._buffers.get(dtype)
        if buffer is None or buffer.numel() < a.numel() or buffer.device != a.device:
            buffer = self._buffers[dtype] = torch.empty(max(a.numel(), _BLOCK), dtype=dtype, device=a.device)
        return largest_absolute_(torch.sub(a, b, out=buffer[: a.numel()].view(a.shape)))


def largest_absolute_(tensor: Tensor) -> Tensor:
    """The largest absolute value of a tensor's elements, 0-d; NaN where one is NaN. The tensor is overwritten."""
    return tensor.abs_().amax()


def row_blocks(a: Tensor) -> tuple[Tensor, ...]:
    """Views of a tensor's rows, some rows each: so few that a block stays in the processor's cache."""
    if a.numel() <= _BLOCK:
        return (a,)
    return torch.split(a, max(1, _BLOCK * len(a) // a.numel()))
