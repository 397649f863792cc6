"""Judges the steps of a training run one after the other; what a judged step consists of."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Observation
from parity_tests.trace.plan import Plan, Step
from reports.model.notes import Note

Array = NDArray[Any]


@dataclass(frozen=True)
class Figures:
    """The figures of one quantity at one step; the fields are the columns of the table "quantities".

    `spread` is that of the replicas at this step, `change` the largest change of a weight in it, and `size` the largest
    absolute value. got and want are the loss's.
    """

    quantity: str
    part: str
    verdict: str
    gap: float | None = None
    radius: float | None = None
    ratio: float | None = None
    spread: float | None = None
    change: float | None = None
    size: float | None = None
    got: float | None = None
    want: float | None = None


@dataclass(frozen=True)
class Divergence:
    """The first quantity, in the order of computation, of the first step that goes beyond its radius."""

    step: int
    quantity: str
    part: str
    comparison: Comparison


@dataclass
class JudgedStep:
    """One step and what was found.

    Of the units whose mask can be seen, `masks_seen`, dropout kept `masks_kept`. `shared_kinks` are pre-activations on
    another side of 0 than torch's and within their radius of it, `other_kinks` those further off. `broken`: why the run
    cannot go on, by quantity. `divergence` is the run's first, where it is at this step. `torch_seconds` are of the
    clock, `replica_seconds` of the processor: the replicas run beside everything else.
    """

    step: Step
    figures: list[Figures] = field(default_factory=list)
    submission_seconds: float = 0.0
    torch_seconds: float = 0.0
    replica_seconds: float = 0.0
    loss: float | None = None
    torch_loss: float | None = None
    shared_kinks: int = 0
    other_kinks: int = 0
    masks_kept: int = 0
    masks_seen: int = 0
    broken: dict[str, Comparison] = field(default_factory=dict)
    divergence: Divergence | None = None


class Judge(ABC):
    """Judges step after step.

    `names` are the name and the part of what is compared at each step, in the order of computation. `shares_kinks` says
    whether torch's run takes the submission's side of kinks. `divergence` is the first one so far. `undecided` is the
    step from which on the radius tells nothing, and `undecided_because` says why.
    """

    shares_kinks: bool = False

    def __init__(self, plan: Plan, names: Sequence[tuple[str, str]]) -> None:
        self.plan = plan
        self.names = names
        self.undecided: int | None = None
        self.undecided_because = ""
        self.divergence: Divergence | None = None

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is worth knowing of the submission so far, and is not wrong."""
        return ()

    def weights_for(self, step: Step) -> dict[str, Array] | None:
        """The weights that the submission must start this step from; None where it goes on from its own."""
        return None

    @abstractmethod
    def take(self, step: Step, observation: Observation, following: Step | None) -> list[JudgedStep]:
        """Take what the submission did in this step; returns the steps that are judged by now, which may lag behind.

        `following` is the next step where it is known.
        """

    def finish(self) -> list[JudgedStep]:
        """Judge whatever has been taken; returns the steps that were not returned before."""
        return []

    @abstractmethod
    def submission_weights(self) -> Mapping[str, Array]:
        """The submission's weights after the last step."""

    @abstractmethod
    def copy_last_step(self) -> None:
        """Copy what is still needed of the submission's last step, judged or not.

        The arrays of a step stay valid for three rounds, and an evaluation takes more.
        """

    def _diverges(self, step: Step, quantity: str, part: str, comparison: Comparison) -> Divergence | None:
        """The first divergence of the run; None where there was one before."""
        if self.divergence is not None:
            return None
        self.divergence = Divergence(step.number, quantity, part, comparison)
        return self.divergence
