"""What a factorisation leaves free: the signs of vectors, and the order in which they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Freedom:
    """Results whose slices along an axis may each take the other sign, all together, as (result, axis).

    `order` holds values, one a slice, that may come in another order, the slices with them.
    """

    signs: tuple[tuple[Tensor, int], ...]
    order: Tensor | None = None


@dataclass(frozen=True)
class Free:
    """The same of outputs, by name: signs by the axis that counts the slices, and the name of the values."""

    signs: tuple[tuple[str, int], ...]
    order: str | None = None


def free_outputs(freedoms: Sequence[Freedom], outputs: Mapping[str, Tensor]) -> tuple[Free, ...]:
    """What is free of the outputs that are such results as they are, or transposed."""
    found = []
    for freedom in freedoms:
        signs = []
        for name, output in outputs.items():
            for x, axis in freedom.signs:
                if _same(x, output):
                    signs.append((name, axis))
                elif _same(x.mT, output):
                    signs.append((name, -3 - axis))
        values = [
            name for name, output in outputs.items() if freedom.order is not None and _same(freedom.order, output)
        ]
        if signs or values:
            found.append(Free(tuple(signs), values[0] if values else None))
    return tuple(found)


def _same(x: Tensor, y: Tensor) -> bool:
    return x.data_ptr() == y.data_ptr() and x.shape == y.shape and x.stride() == y.stride()
