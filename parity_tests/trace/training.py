"""What an assignment gives so that a submission of it can be trained beside torch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.errors import AssignmentError, UsageError, asking
from parity_tests.protocol.observation import Hello, Observation
from parity_tests.trace.judge import Judge, Sink
from parity_tests.trace.plan import Evaluation, Plan, TraceSettings


class Evaluations(ABC):
    """The evaluations of a run so far, which its submission answers in rounds of their own.

    `comparison` is that of the first results that are off, or else of those with the largest ratio; they are called
    `quantity`, and belong to `part`. `epochs` has a row of each epoch that was evaluated whole. `ended_at` is the step
    after which the submission's evaluation could not be used, None so far.
    """

    quantity: str
    part: str

    def __init__(self) -> None:
        self.comparison: Comparison | None = None
        self.epochs: list[dict[str, Any]] = []
        self.ended_at: int | None = None

    @abstractmethod
    def add(self, item: Evaluation, observation: Observation) -> None:
        """Take in what the submission answered to an evaluation."""


@dataclass(frozen=True)
class Lockstep:
    """A training run that is about to begin, for a submission of a known edition.

    The probe `train` of the submission's process is given `params` and `arrays`, and then goes on in the plan's rounds.
    Where `evaluations` is None there are none that have rounds of their own. `text` says what trains beside what, and
    how: a piece of a sentence; `advice` what to try where rounding drives honest runs apart: a sentence. `panels` are
    pictures, and the quantities whose gap and radius each of them shows.
    """

    plan: Plan
    judge: Judge
    params: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    text: str
    advice: str
    panels: Mapping[str, list[str]]
    evaluations: Evaluations | None = None


class Training(ABC):
    """One way to train the submissions of an assignment.

    `wide` says whether the network is so large that it pays to share its work out among the cores; such a run may be
    kept apart from its replicas, where it has any. `lent` are files of modules that a submission lacks, beside those
    that the assignment lends.
    """

    settings: TraceSettings
    wide: bool = False
    has_replicas: bool = True
    lent: Mapping[str, Path] = {}

    @abstractmethod
    def begin(self, hello: Hello, sink: Sink, replica_cores: AbstractSet[int] | None) -> Lockstep:
        """The run of a submission that is this; it imports torch. Raises UsageError for what its edition has not.

        `replica_cores` are those that the replicas run on; None: whichever are free.
        """


@dataclass(frozen=True)
class Tracing:
    """How an assignment's submissions are trained.

    `options` maps those options of `parity trace` that it takes, beside those of every trace, to the names of its
    settings, and `first` is how many steps are taken where nobody says how many, None for all.
    `training(settings, data)` makes one of them, on the data of a file or folder, None for the usual ones; it
    raises UsageError for what cannot be.
    """

    training: Callable[[Mapping[str, Any], Path | None], Training]
    options: Mapping[str, str] = field(default_factory=dict)
    first: int | None = None


def training_of(
    assignment: Assignment, common: Mapping[str, Any], options: Mapping[str, Any], data: Path | None
) -> Training:
    """How to train with the settings that every trace has, and with those of these options of `parity trace`.

    Raises UsageError where the assignment cannot be traced, or does not take one of the options.
    """
    if assignment.tracing is None:
        raise UsageError(f"the assignment {assignment.name} brings no training, so it cannot be traced.")
    with asking(assignment.name, "the tracing"):
        tracing = assignment.tracing()
    if not isinstance(tracing, Tracing):
        raise AssignmentError(f"the tracing of the assignment {assignment.name} is a {type(tracing).__name__}")
    for option in options:
        if option not in tracing.options:
            raise UsageError(
                f"a trace of {assignment.name} takes no {option}; it takes {', '.join(sorted(tracing.options))}, and "
                "the options of every trace."
            )
    settings = {tracing.options[option]: value for option, value in options.items()}
    if common["steps"] is None and "epochs" not in settings:
        common = {**common, "steps": tracing.first}
    with asking(assignment.name, "the training"):
        return tracing.training({**common, **settings}, data)
