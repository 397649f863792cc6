"""What both sides of a trace are given, step by step, whatever the assignment."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from parity_tests.protocol.quantity import Key

Array = NDArray[Any]
Round = tuple[dict[str, Any], dict[str, Array]]
"""Parameters and arrays, as the submission's process takes them."""


class TraceSettings(Protocol):
    """What every trace has settings of; an assignment's own, a dataclass, has more.

    `name` is that of the one case that a trace consists of. The figures of every `every`-th step are written; each step
    is judged. `replicas` perturbed copies of torch's run measure the radius. `steps` ends the run early.
    """

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def device(self) -> str: ...
    @property
    def every(self) -> int: ...
    @property
    def replicas(self) -> int: ...
    @property
    def steps(self) -> int | None: ...


@dataclass(frozen=True)
class Step:
    """One training step, and its η. Steps and epochs count from 1."""

    number: int
    epoch: int
    eta: float


@dataclass(frozen=True)
class Evaluation:
    """Rows of one split of the data that are evaluated after `step`, in a round of their own.

    `last` says whether they are the last rows of that split.
    """

    step: int
    epoch: int
    split: str
    rows: slice
    last: bool


class Plan(ABC):
    """Weights, steps and evaluations of both sides.

    `total` steps are planned, `steps_an_epoch` to an epoch. `weights` are those that both sides begin with.
    """

    settings: TraceSettings
    total: int
    steps_an_epoch: int
    weights: Mapping[str, Array]

    @abstractmethod
    def __iter__(self) -> Iterator[Step | Evaluation]:
        """Every step and evaluation, in order. To be iterated once: it may draw."""

    @abstractmethod
    def round(self, item: Step | Evaluation, weights: Mapping[str, Array] | None = None) -> Round:
        """What the submission's process is sent for a step or an evaluation.

        `weights`: those that the step starts from, where the submission does not go on from its own.
        """

    @abstractmethod
    def key_of(self, quantity: str) -> Key:
        """The key under which the submission's process keeps a quantity."""

    @abstractmethod
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of every quantity of a step."""

    def inputs_of(self, quantity: str) -> frozenset[str] | None:
        """The quantities of the same step that this one is computed from; None where that cannot be said."""
        return None

    def is_written(self, number: int) -> bool:
        """Whether the figures of this step are written whatever they are."""
        return (number - 1) % self.settings.every == 0 or number == self.total
