"""torch's side of a free run, and its perturbed copies: what an assignment gives so that a free run can be judged."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key
from parity_tests.trace.judge import JudgedStep
from parity_tests.trace.plan import Step
from reports.model.notes import Note


def side_of_kinks(
    u: torch.Tensor, submitted: torch.Tensor | None, radius: Callable[[float], float], judged: JudgedStep
) -> torch.Tensor:
    """Where relu's slope is 1 (N×M): torch's own view, but the submission's where u lies within its radius of 0.

    u and `submitted` are both sides' pre-activations. The radius is asked for only where the two views differ, and is
    told how far from 0 u is there at most: whatever covers that serves as well. Counts the kinks in `judged`.
    """
    own_side = u > 0
    if submitted is None:
        return own_side
    other_side = submitted > 0
    differ = own_side != other_side
    if not differ.any():
        return own_side
    size = u.abs()
    near = size <= radius(float(size[differ].max()))
    judged.shared_kinks += int((differ & near).sum())
    judged.other_kinks += int((differ & ~near).sum())
    return torch.where(near, other_side, own_side)


Array = NDArray[Any]
T = TypeVar("T")
Spreads = dict[str, float]
"""How far the copies are from torch's own run, by quantity."""


@dataclass(frozen=True)
class Weights:
    """Both sides' weights at one time, torch's and the submission's."""

    torch: Mapping[str, Tensor]
    submission: Mapping[str, Array]


@dataclass(frozen=True)
class Both:
    """Both sides' values in a step by quantity, and their weights before it and before the last."""

    submitted: Mapping[str, Array | None]
    wanted: Mapping[str, Tensor]
    before: Weights
    earlier: Weights


def nobody(quantity: str, both: Both) -> tuple[str, str]:
    """Says of nobody that it is off."""
    return "", ""


@dataclass(frozen=True)
class Taken:
    """A step as torch has taken it.

    `wanted` are its values by quantity; those of weights after the update may change with the next step. `copies` takes
    the same step with the copies, given these values and whether their spreads are asked for, and may do so in another
    thread while the next step is taken here. `blame` gives the side that is further off in a quantity, "submission" or
    "reference", and the sentence that says so; "" for both where it cannot tell.
    """

    wanted: dict[str, Tensor]
    copies: Callable[[Mapping[str, Tensor], bool], Spreads]
    blame: Callable[[str, Both], tuple[str, str]] = nobody


class CannotTake(Exception):  # noqa: N818 - what the submission did, not an error here
    """torch cannot take a step as the submission did; `broken` says why, by quantity."""

    def __init__(self, broken: Mapping[str, Comparison]) -> None:
        super().__init__(", ".join(broken))
        self.broken = broken


class Submitted:
    """What the submission returned in one step, in dtypes and shapes that torch can take."""

    def __init__(self, twin: Twin, observation: Observation, key_of: Callable[[str], Key]) -> None:
        self.observation = observation
        self.values: dict[str, Array | None] = {}
        self._twin, self._key_of = twin, key_of

    def get(self, name: str, shape: tuple[int, ...]) -> Array | None:
        """The array of a quantity, of this shape; None where the submission returned something else."""
        if name not in self.values:
            self.values[name] = self._read(name, shape)
        return self.values[name]

    def _read(self, name: str, shape: tuple[int, ...]) -> Array | None:
        value = self.observation.values.get(self._key_of(name))
        if not isinstance(value, Returned) or value.array is None or value.kind not in ("array", "scalar"):
            return None
        array = value.array
        if array.shape != shape:
            if not (self._twin.takes(name, array.shape, shape) or (shape == () and array.size == 1)):
                return None
            array = array.reshape(shape)
        return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


class Twin(ABC):
    """torch's own run, and perturbed copies of it.

    `updated` maps each weight that is compared to what it is called after the update of a step. `remembers` says
    whether an update depends on the weights before the last step, as one with momentum does, where `blame` asks
    for these. `notes` are what is worth knowing of the submission so far.
    """

    updated: Mapping[str, str]
    remembers: bool
    notes: tuple[Note, ...] = ()

    @abstractmethod
    def take(
        self,
        step: Step,
        following: Step | None,
        submitted: Submitted,
        judged: JudgedStep,
        radius: Callable[[str, Callable[[], float], float], float],
    ) -> Taken:
        """Take a step as the submission took it, with its masks and its side of kinks; `judged` counts these.

        `following` is the next step where it is known. `radius(quantity, spread, enough)` is the radius of a quantity
        at this step, or a lower one that is known already and `enough`; `spread()` is asked for once the copies have
        taken all steps before. Raises CannotTake.
        """

    def takes(self, name: str, shape: tuple[int, ...], asked: tuple[int, ...]) -> bool:
        """Whether an array of this shape is as good as one of the shape that is asked for, if it is reshaped."""
        return False


def timed(function: Callable[..., T], *arguments: Any, clock: Callable[[], float] = time.monotonic) -> tuple[T, float]:
    """What a function returns, and the seconds that it took by this clock."""
    start = clock()
    result = function(*arguments)
    return result, clock() - start
