"""Texts in numpy, run by torch: what they use of numpy, for tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from parity_tests.parts.right_text import compiled


class NumpyInTorch:
    """What texts use of numpy, for tensors."""

    def zeros(self, shape: Sequence[int], dtype: Any) -> Any:
        import torch

        return torch.zeros(tuple(shape), dtype=dtype)

    def arange(self, count: int) -> Any:
        import torch

        return torch.arange(count)

    def maximum(self, x: Any, other: Any) -> Any:
        import torch

        return x.clamp(min=other) if isinstance(other, (int, float)) else torch.maximum(x, other)

    def minimum(self, x: Any, other: Any) -> Any:
        import torch

        return x.clamp(max=other) if isinstance(other, (int, float)) else torch.minimum(x, other)

    def where(self, condition: Any, x: Any, other: Any) -> Any:
        import torch

        return torch.where(condition, x, other)

    def max(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return x.amax(tuple(range(x.dim())) if axis is None else axis, keepdim=keepdims)

    def min(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return x.amin(tuple(range(x.dim())) if axis is None else axis, keepdim=keepdims)

    def sqrt(self, x: Any) -> Any:
        return x**0.5 if isinstance(x, float) else x.sqrt()

    def exp(self, x: Any) -> Any:
        return x.exp()

    def log(self, x: Any) -> Any:
        return x.log()

    def log2(self, x: Any) -> Any:
        return x.log2()

    def log10(self, x: Any) -> Any:
        return x.log10()

    def abs(self, x: Any) -> Any:
        return x.abs()

    def tanh(self, x: Any) -> Any:
        return x.tanh()

    def flip(self, x: Any, axis: Any) -> Any:
        return x.flip(axis)

    def transpose(self, x: Any, axes: Sequence[int]) -> Any:
        return x.permute(tuple(axes))

    def pad(self, x: Any, widths: Sequence[tuple[int, int]], mode: str = "constant", constant_values: float = 0) -> Any:
        import torch.nn.functional as F  # noqa: N812 - its usual name

        if mode == "constant":
            flat = [width for pair in reversed(widths) for width in pair]
            return F.pad(x, flat, value=constant_values)
        for axis, (before, after) in enumerate(widths):
            x = x.index_select(axis, _places(x.shape[axis], before, after, mode))
        return x


def _places(count: int, before: int, after: int, mode: str) -> Any:
    """Where the numbers of a padded axis come from."""
    import torch

    places = torch.arange(-before, count + after)
    if mode == "edge":
        return places.clamp(0, count - 1)
    period = 2 * count if mode == "symmetric" else max(2 * count - 2, 1)
    if mode == "wrap":
        return places % count
    places = places % period
    beyond = 2 * count - 1 if mode == "symmetric" else 2 * count - 2
    return torch.where(places < count, places, beyond - places)


IN_TORCH = NumpyInTorch()


def numpy_of(x: Any) -> Any:
    """numpy, or what stands for it where x is a tensor."""
    return np if isinstance(x, np.ndarray) else IN_TORCH


def run_in_numpy(lines: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """What a text leaves of names, beside those that it is given."""
    found = {"np": np, **names}
    with np.errstate(all="ignore"):
        exec(compiled(lines), found)
    return found


def run_in_torch(lines: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """What a text leaves of names, beside those that it is given; the largest along axes is another method in torch."""
    found = {"np": IN_TORCH, **names}
    exec(compiled(lines.replace(".max(axis", ".amax(axis").replace(".min(axis", ".amin(axis")), found)
    return found


def run_if_torch_can(lines: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a text that nobody wrote. Raises ValueError, which refutes it, where torch has no such operation."""
    try:
        return run_in_torch(lines, names)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"torch does not run {lines!r}") from error
