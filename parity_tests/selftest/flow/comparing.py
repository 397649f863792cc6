"""How far a candidate's answer is from torch's, in radii."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.flow import Flowed

Arrays = Mapping[str, NDArray[Any]]


def ratio(flowed: Flowed, got: Any) -> float:
    """The largest gap ÷ radius over the decided elements, at a kink to the nearest value that is right; 0 ÷ 0 is 0."""
    got = np.asarray(got, dtype=np.float64)
    assert got.shape == tuple(flowed.value.shape), f"{got.shape} against {tuple(flowed.value.shape)}"
    best = _ratios(got, flowed.value.numpy(), flowed.radius.numpy())
    for other in flowed.alternatives:
        also = _ratios(got, other.value.numpy(), other.radius.numpy())
        best = np.where(other.where.numpy(), np.minimum(best, also), best)
    decided = best[~flowed.undecided.numpy()]
    return float(decided.max()) if decided.size else 0.0


def _ratios(got: NDArray[Any], want: NDArray[Any], radius: NDArray[Any]) -> NDArray[Any]:
    gap = np.abs(got - want.astype(np.float64))
    gap = np.where(np.isnan(gap), np.where(np.isnan(got) & np.isnan(want) | (got == want), 0.0, np.inf), gap)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(gap == 0, 0.0, gap / radius)


def ratios(answer: Mapping[str, Flowed], got: Arrays) -> dict[str, float]:
    """`ratio` of each output that the candidate gives."""
    assert set(got) == set(answer)
    return {name: ratio(answer[name], got[name]) for name in got}


def drawn(seed: int, dtype: type, **shapes: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """Standard normal inputs of these shapes."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def single(values: Any) -> NDArray[np.float32]:
    """These numbers as float32."""
    return np.array(values, dtype=np.float32)
