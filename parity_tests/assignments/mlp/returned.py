"""Reads what an observation kept of a case: values under keys, and which part's failure kept others from being made.

A network's results have the step as the number of their call.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.comparison import PASSING, Comparison
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key


def array_of(seen: Observation, key: Key, shape: tuple[int, ...], *, flat_ok: bool = False) -> NDArray[Any] | None:
    """The array kept under `key` if it is one of this shape that later links can be judged from."""
    value = seen.values.get(key)
    if value is None or value.array is None or value.kind != "array" or value.array.dtype.kind not in "fiub":
        return None
    if value.array.shape != shape:
        return value.array.reshape(shape) if flat_ok and shape == (1, *value.array.shape) else None
    return value.array


def echoes(layer: str, h: NDArray[Any], grad: NDArray[Any], got_gradient: NDArray[Any]) -> bool:
    """Whether a gradient is what the assignment's formula gives for the (wrong) h that the forward returned."""
    with np.errstate(all="ignore"):
        wanted = [grad * (1 - h * h)] if layer == "tanh" else [grad * (h > 0), grad * (h != 0)]
        slack = 16 * np.finfo(grad.dtype).eps * np.abs(grad) * (1 + h * h)
        return any(
            bool(((np.abs(got_gradient - w) <= slack) | (np.isnan(got_gradient) & np.isnan(w))).all()) for w in wanted
        )


def kept_mask(s: NDArray[Any]) -> NDArray[np.bool_]:
    """The mask that a dropout's forward used, from its result: kept where s ≠ 0 (of q without zeros, for sure)."""
    return np.asarray(s != 0)


def over_steps(steps: list[Comparison]) -> Comparison:
    """One comparison of a quantity over several steps: the first that fails, else the one with the largest ratio."""
    for t, comparison in enumerate(steps):
        if comparison.verdict not in PASSING:
            if comparison.verdict == "missing":  # in all steps, and for the same reason
                return comparison
            later = sum(c.verdict not in PASSING for c in steps[t + 1 :])
            more = f", and in {later} later steps" if later else ""
            problem = f"after step {t + 1} {comparison.problem}{more}" if len(steps) > 1 else comparison.problem
            return replace(comparison, step=t + 1, problem=problem)
    undecided = [t for t, c in enumerate(steps) if c.verdict == "undecided"]
    worst = undecided[0] if undecided else max(range(len(steps)), key=lambda t: steps[t].ratio or 0.0)
    notes = [note for c in steps for note in c.notes]
    return replace(steps[worst], step=worst + 1 if len(steps) > 1 else None).noting(*notes)


def not_judged(name: str, part: str, cause: Comparison) -> Comparison:
    """What could not be judged, since the link `name` of TODO `part` before it failed as `cause` says."""
    return replace(
        cause,
        problem=f"was not judged, because {name} {'failed' if cause.sentence else cause.problem}",
        sentence=False,
        part=part,
        explained_by=part,
        arrays=None,
    )
