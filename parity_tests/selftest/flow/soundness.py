"""The largest gap that a rule has to allow for, by mpmath, and the radius that it gives.

Two honest sides may each be off by the documented rounding, in opposite directions, and their operands by the radii.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import torch
from torch import Tensor

from reference.flow.bound import Bound
from reference.flow.operation import CURRENT, Context
from reference.flow.rounding import precision
from reference.flow.shadows import Shadows

mpmath.mp.dps = 60
DTYPES = (torch.float32, torch.float64)
SHARES = (1.0, 0.5)
"""Of the radius: all of it has to be enough, and half of it has not to be."""
Shortfalls = dict[float, list[str]]
"""Where each of the shares is not enough, as sentences."""


def assert_sound(short: Shortfalls) -> None:
    """The whole radius is enough everywhere, and half of it falls short somewhere."""
    assert short[1.0] == [], "\n".join(short[1.0][:9])
    assert short[0.5] != [], "half of the radius is enough"


def flowed(
    function: Callable[..., Any],
    operands: Sequence[Tensor],
    radii: Sequence[Tensor | None],
    form: str | None = None,
    *,
    probable: bool = False,
) -> tuple[Tensor, Tensor]:
    """What `function` gives and the radius that flows out, for operands of these radii; of long sums the probable."""
    forms = frozenset() if form is None else frozenset({form})
    context = Context(precision(operands[0].dtype), Shadows(), forms, probable=probable)
    copies = [x.clone() for x in operands]
    for x, r in zip(copies, radii, strict=True):
        context.shadows.put(x, None if r is None or not bool(r.any()) else r.double())
    token = CURRENT.set(context)
    try:
        with Bound(context):
            out = function(*copies)
    finally:
        CURRENT.reset(token)
    radius = context.shadows.get(out)
    return out, torch.zeros(out.shape, dtype=torch.float64) if radius is None else radius


@dataclass(frozen=True)
class Pointwise:
    """An operation that works element by element.

    `exact` is the same in mpmath. `rounding` gives for the operands and the result what both sides together may err
    by, in u. `points` are operands; they are taken in both types and with several radii each.
    """

    name: str
    function: Callable[..., Any]
    exact: Callable[..., Any]
    rounding: Callable[..., Any]
    points: Sequence[tuple[float, ...]]
    relative_radii: tuple[float, ...] = (0.0, 1e-3)

    def __str__(self) -> str:
        return self.name

    def cases(self, dtype: torch.dtype) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
        """Operands as tensors of all points, once for each way to choose which of them have radii."""
        operands = [torch.tensor(list(column), dtype=dtype) for column in zip(*self.points, strict=True)]
        for scales in itertools.product(self.relative_radii, repeat=len(operands)):
            yield operands, [x.abs().double() * scale for x, scale in zip(operands, scales, strict=True)]

    def allowance(self, operands: Sequence[Tensor], radii: Sequence[Tensor], i: int, u: float) -> Any:
        """The largest gap at the i-th point: over the corners of the operands' neighbourhood, and rounding there."""
        centre = [mpmath.mpf(float(x[i])) for x in operands]
        middle = self.exact(*centre)
        widest = mpmath.mpf(0)
        corners = itertools.product(*[(0,) if float(r[i]) == 0 else (-1, 0, 1) for r in radii])
        for signs in corners:
            moved = [x + s * mpmath.mpf(float(r[i])) for x, s, r in zip(centre, signs, radii, strict=True)]
            there = self.exact(*moved)
            widest = max(widest, abs(there - middle) + self.rounding(*moved, there) * u)
        return widest

    def shortfalls(self, dtype: torch.dtype) -> Shortfalls:
        """Where each share of the radius is not enough."""
        u = precision(dtype).u
        found: Shortfalls = {share: [] for share in SHARES}
        for operands, radii in self.cases(dtype):
            out, radius = flowed(self.function, operands, radii)
            for i in range(len(self.points)):
                if not bool(torch.isfinite(out[i])):
                    continue  # it overflows, and so does any other computation in this type
                needed = self.allowance(operands, radii, i, u)
                at = ", ".join(f"{float(x[i])!r} ± {float(r[i]):.3g}" for x, r in zip(operands, radii, strict=True))
                for share, short in found.items():
                    # What float64 itself rounds in the rule's own arithmetic is no more than this.
                    given = mpmath.mpf(float(radius[i])) * share * (1 + mpmath.mpf(2) ** -44)
                    if needed > given:
                        times = float(needed / given) if given else "inf"
                        short.append(f"{self.name}({at}) needs {times} of {float(given):.6g}")
        return found
