"""Longer sweeps, for the night: how often an honest element exceeds its radius, and pairs over many seeds.

Run by hand or by the nightly job: `python -m parity_tests.selftest.flow.nightly_sweep [ELEMENTS] [SEEDS]`. Prints a
line for each measurement and exits with 1 where an honest element of a bound, or a long sum, is over, or over 10 in 1e8
of samples.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.selftest.flow import honest, long_sums, torchs
from parity_tests.selftest.flow.comparing import drawn, ratios
from parity_tests.selftest.flow.test_pairs import LAYERS, layer_inputs
from reference.flow import evaluate

CHUNK = 200_000
"""Elements of one evaluation."""


def product(**xs: Tensor) -> Tensor:
    """x0·x1·…, in that order."""
    return math.prod(list(xs.values())[1:], start=xs["x0"])


def over(answer: Any, got: NDArray[Any]) -> int:
    """How many elements exceed their radii."""
    gap = np.abs(got.astype(np.float64) - answer.value.double().numpy())
    return int((gap > answer.radius.numpy()).sum())


def products(elements: int, replicas: int, factors: int, radius: str) -> tuple[int, int]:
    """Products in the other order: elements over their radii, and tried."""
    exceeded = tried = 0
    for chunk in range(max(1, elements // CHUNK)):
        inputs = drawn(chunk, np.float32, **{f"x{i}": (CHUNK,) for i in range(factors)})
        answer = evaluate(product, inputs, radius=radius, replicas=replicas, seed=chunk)["output"]
        backwards = list(inputs.values())[::-1]
        exceeded += over(answer, math.prod(backwards[1:], start=backwards[0]))
        tried += CHUNK
    return exceeded, tried


def matrix_products(elements: int, replicas: int, terms: int, dtype: type, radius: str) -> tuple[int, int]:
    """Two matrix products one after the other, summed in another order: elements over their radii, and tried."""
    columns = 100
    shapes = {"x": (CHUNK // columns, terms), "w": (terms, terms), "v": (terms, columns)}
    exceeded = tried = 0
    for chunk in range(max(1, elements // CHUNK)):
        inputs = drawn(chunk, dtype, **shapes)
        answer = evaluate(lambda x, w, v: x @ w @ v, inputs, radius=radius, replicas=replicas, seed=chunk)["output"]
        order, later = (np.random.default_rng(chunk).permutation(terms) for _ in range(2))
        hidden = inputs["x"][:, order] @ inputs["w"][np.ix_(order, later)]
        exceeded += over(answer, hidden @ inputs["v"][later])
        tried += CHUNK
    return exceeded, tried


def layers(seeds: int) -> dict[str, float]:
    """The largest ratio of each layer of `honest` over seeds, in both types, by bound and by sample."""
    worst: dict[str, float] = {}
    for layer in LAYERS:
        for dtype in (np.float32, np.float64):
            for radius in ("bound", "sample"):
                for seed in range(seeds):
                    inputs = layer_inputs(layer, seed, dtype)
                    answer = evaluate(getattr(torchs, layer), inputs, radius=radius, replicas=8)
                    key = f"{layer}, {dtype.__name__}, {radius}"
                    found = max(ratios(answer, getattr(honest, layer)(**inputs)).values())
                    worst[key] = max(worst.get(key, 0.0), found)
    return worst


def told(named: str, counts: tuple[int, int], radius: str) -> bool:
    """Prints how many elements were over; whether these are more than the radius promises."""
    exceeded, tried = counts
    print(f"{named}: {exceeded} of {tried:.1e} over", flush=True)
    return exceeded > (0 if radius == "bound" else 1e-7 * tried)


def main(elements: int, seeds: int) -> int:
    """All measurements; 1 where one is over what is promised."""
    torch.set_num_threads(1)
    failed = False
    for radius, replicas in (("bound", 2), ("sample", 8), ("sample", 16)):
        for factors in (3, 5, 8, 20):
            counts = products(elements, replicas, factors, radius)
            failed |= told(f"{radius}, {replicas} replicas, products of {factors}", counts, radius)
        for terms in (3, 30, 300):
            for dtype in (np.float32, np.float64):
                counts = matrix_products(elements, replicas, terms, dtype, radius)
                named = f"{radius}, {replicas} replicas, two matrix products of {terms} terms, {dtype.__name__}"
                failed |= told(named, counts, radius)
    for tried in long_sums.sweep(range(max(1, seeds // 10))):
        counts = tried.over, tried.elements
    failed |= told(f"long sums, {tried.worst:.3g} of the radius at most, {tried.at}", counts, "bound")
    for name, worst in layers(seeds).items():
        print(f"{name}: {worst:.3g} at most over {seeds} seeds", flush=True)
        failed |= worst > 1
    return int(failed)


if __name__ == "__main__":
    numbers = [int(float(word)) for word in sys.argv[1:]]
    sys.exit(main(*(numbers + [10_000_000, 100][len(numbers) :])))
