"""Honest long sums: kinds of data that rounding treats differently, and orders that programs sum in, as plain loops.

`python -m parity_tests.selftest.flow.long_sums [ELEMENTS]` tries so many (1e8 if left out), kind by kind over one seed
after another, says after each seed how far it is, and exits with 1 where one is over its radius.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.proof.low_precision import kernels
from parity_tests.proof.low_precision.kernels import in_blocks, in_lanes, in_order
from parity_tests.selftest.flow.soundness import flowed
from reference.flow import Arithmetic, evaluate

Array = NDArray[Any]
Kind = Callable[[np.random.Generator, int, int], Array]


def _channels(count: int) -> Kind:
    """Interleaved channels of constants that add up to 0: each lane runs away, and their sum does not."""

    def draw(rng: np.random.Generator, rows: int, n: int) -> Array:
        each = rng.standard_normal((rows, count))
        each -= each.mean(1, keepdims=True)
        found: Array = np.tile(each, n // count + 1)[:, :n]
        return found

    return draw


def _one_huge(rng: np.random.Generator, rows: int, n: int) -> Array:
    x = rng.standard_normal((rows, n))
    x[np.arange(rows), rng.integers(0, n, rows)] = 1e4 * n**0.5
    return x


def _two_values(rng: np.random.Generator, rows: int, n: int) -> Array:
    one, other = rng.uniform(0.1, 1, (2, rows, 1))
    found: Array = np.where(rng.random((rows, n)) < 0.5, one, other)
    return found


def _blocks_of_zeros(rng: np.random.Generator, rows: int, n: int) -> Array:
    found: Array = rng.standard_normal((rows, n)) * (np.arange(n) // 64 % 4 == 0)
    return found


def _one_constant_row(rng: np.random.Generator, rows: int, n: int) -> Array:
    x = rng.standard_normal((rows, n))
    x[rng.integers(0, rows)] = rng.uniform(0.1, 1)
    return x


KINDS: dict[str, Kind] = {
    "normal": lambda rng, rows, n: rng.standard_normal((rows, n)),
    "sorted normal": lambda rng, rows, n: np.sort(rng.standard_normal((rows, n))),
    "uniform": lambda rng, rows, n: rng.uniform(0, 1, (rows, n)),
    "ramp": lambda rng, rows, n: rng.uniform(0.5, 1, (rows, 1)) * np.arange(n) / n,
    "one huge": _one_huge,
    "8 channels": _channels(8),
    "16 channels": _channels(16),
    "64 channels": _channels(64),
    "sine": lambda rng, rows, n: np.sin(np.arange(n) * (32 * np.pi / n) + rng.uniform(0, 6, (rows, 1))),
    "two values": _two_values,
    "one value": lambda rng, rows, n: np.broadcast_to(rng.uniform(0.1, 1, (rows, 1)), (rows, n)),
    "powers of two": lambda rng, rows, n: 2.0 ** rng.integers(-12, 12, (rows, n)),
    "ties": lambda rng, rows, n: np.where(np.arange(n) == 0, 2.0**24, rng.choice([1, 3], (rows, n))),
    "blocks of zeros": _blocks_of_zeros,
    "quantised image": lambda rng, rows, n: rng.integers(0, 256, (rows, n)) / 255,
    "one constant row": _one_constant_row,
    "alternating": lambda rng, rows, n: rng.uniform(0.5, 1, (rows, 1)) * (-1.0) ** np.arange(n) + 1e-3,
}
ORDERS: Mapping[str, Callable[[Tensor], Tensor]] = {
    **kernels.ORDERS,
    **{f"{count} lanes": in_lanes(count) for count in (16, 64)},
    "64 blocks": in_blocks(64),
}


def summed(terms: Array, order: str) -> Array:
    """The sums over the first axis, in the type of the terms."""
    found: Array = ORDERS[order](torch.from_numpy(terms)).numpy()
    return found


def fused(a: Array, b: Array, order: str) -> Array:
    """Σ a·b with fused multiply-add, one after another: the product is exact in float64."""
    places = in_order(torch.arange(len(a)), order).numpy()
    total = np.zeros(a.shape[1:], np.float32)
    for x, y in zip(a[places], b[places], strict=True):
        total = (total + x.astype(np.float64) * y).astype(np.float32)
    return total


@dataclass
class Tried:
    """How many honest elements were tried, how many exceed their radius, and by how much the furthest is out.

    Beside it of how many radii how many are no smaller than the guaranteed bound.
    """

    elements: int = 0
    over: int = 0
    radii: int = 0
    guaranteed: int = 0
    worst: float = 0.0
    at: str = ""
    ratios: dict[str, float] = field(default_factory=dict)

    def hold(self, named: str, got: Array, value: Tensor, radius: Tensor) -> None:
        """Count the elements of one honest answer."""
        gap = np.abs(got.astype(np.float64) - value.double().numpy())
        with np.errstate(all="ignore"):
            ratio = np.where(gap == 0, 0.0, gap / radius.numpy())
        self.elements += ratio.size
        self.over += int((ratio > 1).sum())
        here = float(ratio.max())
        self.ratios[named] = max(self.ratios.get(named, 0.0), here)
        if here > self.worst:
            self.worst, self.at = here, named

    def fall_back(self, radius: Tensor, bound: Tensor) -> None:
        """Count the radii that the guaranteed bound is no larger than."""
        self.radii += radius.numel()
        self.guaranteed += int((radius >= bound.to(radius.dtype)).sum())


def radius_of(function: Callable[..., Tensor], *operands: Tensor, probable: bool = True) -> tuple[Tensor, Tensor]:
    """What the function gives and the radius that flows out, long sums by their law."""
    return flowed(function, operands, [None] * len(operands), probable=probable)


def try_sums(kind: str, rows: int, n: int, seed: int, tried: Tried, orders: tuple[str, ...] = tuple(ORDERS)) -> None:
    """Sums of one kind of data, in these orders."""
    x = KINDS[kind](np.random.default_rng(seed), rows, n).astype(np.float32)
    value, radius = radius_of(lambda x: x.sum(1), torch.from_numpy(x))
    tried.fall_back(radius, radius_of(lambda x: x.sum(1), torch.from_numpy(x), probable=False)[1])
    terms = np.ascontiguousarray(x.T)
    for order in orders:
        tried.hold(f"sums of {kind}, {order}", summed(terms, order), value, radius)


def try_products(
    kind: str, rows: int, n: int, seed: int, tried: Tried, orders: tuple[str, ...] = tuple(ORDERS)
) -> None:
    """Products of one kind of data with normal numbers, with two equal ones and with its own kind, in these orders."""
    rng = np.random.default_rng(seed)
    a = KINDS[kind](rng, rows, n).astype(np.float32)
    others = [rng.standard_normal((n, 3)), np.broadcast_to(rng.uniform(0.1, 1, 2), (n, 2)), KINDS[kind](rng, 3, n).T]
    b = np.concatenate(others, axis=1).astype(np.float32)
    value, radius = radius_of(torch.mm, torch.from_numpy(a), torch.from_numpy(b))
    tried.fall_back(radius, radius_of(torch.mm, torch.from_numpy(a), torch.from_numpy(b), probable=False)[1])
    value, radius = value.flatten(), radius.flatten()
    left = np.repeat(a.T, b.shape[1], axis=1)
    right = np.tile(b, (1, rows))
    terms = left * right
    for order in orders:
        tried.hold(f"products of {kind}, {order}", summed(terms, order), value, radius)
        if order in ("one by one", "backwards", "shuffled"):
            tried.hold(f"products of {kind}, {order}, fused", fused(left, right, order), value, radius)


def try_halves(kind: str, rows: int, n: int, seed: int, tried: Tried, orders: tuple[str, ...] = tuple(ORDERS)) -> None:
    """Sums of one kind of data in float16, rounded after each term, where they stay in its range."""
    x = np.clip(KINDS[kind](np.random.default_rng(seed), rows, n), -1e4, 1e4).astype(np.float16)
    answer = evaluate(lambda x: x.sum(1), {"x": x}, radius="bound", arithmetic=Arithmetic("float16", "float16"))
    value, radius = answer["output"].value, answer["output"].radius
    for order in orders:
        with np.errstate(over="ignore", invalid="ignore"):
            got = summed(np.ascontiguousarray(x.T), order).astype(np.float64)
        got = np.where(np.isfinite(got), got, value.numpy())
        tried.hold(f"sums of {kind} in float16, {order}", got, value, radius)


SIZES = ((256, 4096), (1000, 1024), (8192, 96))
"""Numbers of terms, and of sums of each."""


def sweep(seeds: Iterable[int]) -> Iterator[Tried]:
    """All kinds, orders and numbers of terms, one seed after another; what was tried until then."""
    tried = Tried()
    for seed in seeds:
        for kind, (n, rows) in itertools.product(KINDS, SIZES):
            try_sums(kind, rows, n, seed, tried)
            try_products(kind, rows // 8, n, seed, tried)
            try_halves(kind, rows // 8, n, seed, tried)
        yield tried


def main(elements: int) -> int:
    """Tries so many; 1 where one is over."""
    torch.set_num_threads(1)
    for seed, tried in enumerate(sweep(itertools.count())):
        print(
            f"{seed + 1} seeds: {tried.over} of {tried.elements:.3e} over, {tried.worst:.3g} of the radius at most "
            f"({tried.at}); {tried.guaranteed / tried.radii:.2%} of {tried.radii} radii are the guaranteed bound",
            flush=True,
        )
        if tried.elements >= elements:
            return int(tried.over > 0)
    return 1


if __name__ == "__main__":
    sys.exit(main(int(float((sys.argv[1:] or ["1e8"])[0]))))
