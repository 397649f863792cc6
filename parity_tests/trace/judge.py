"""Judges the steps of a training run one after the other; what a judged step consists of."""

import math
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Observation
from parity_tests.trace.plan import Plan, Step
from reports.model.environment import Environment
from reports.model.notes import Note
from reports.model.numbers import exact_number, times
from reports.model.verdicts import Verdict

Array = NDArray[Any]


def worst_element(submitted: Array, wanted: Array, radius: float, step: int) -> Comparison:
    """The mismatch of two arrays of one shape, told of the element with the largest gap."""
    with np.errstate(all="ignore"):
        gaps = np.abs(np.asarray(submitted, np.float64) - np.asarray(wanted, np.float64))
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    place = np.unravel_index(int(gaps.argmax()), gaps.shape)
    where = "" if wanted.ndim == 0 else "[" + ", ".join(str(int(i)) for i in place) + "]"
    got, want = float(np.asarray(submitted)[place]), float(wanted[place])
    gap = float(gaps[place])
    ratio = gap / radius if radius else math.inf
    bad, total = int((gaps > radius).sum()), int(gaps.size)
    with np.errstate(all="ignore"):
        ulps = gap / float(np.spacing(np.abs(wanted[place])))
    return Comparison(
        Verdict.MISMATCH,
        gap=gap,
        radius=radius,
        ratio=ratio,
        ulps=ulps,
        bad=bad,
        total=total,
        where=where,
        got=got,
        want=want,
        step=step,
        problem=_sentence(where, got, want, gap, ratio, f" ({bad} of {total} elements differ)" if total > 1 else ""),
        arrays=(np.asarray(submitted), wanted.copy(), np.full(wanted.shape, radius)),
    )


def _sentence(where: str, got: float, want: float, gap: float, ratio: float, share: str) -> str:
    got_text, want_text = exact_number(got), exact_number(want)
    if got_text == want_text:
        got_text, want_text = repr(got), repr(want)
    if math.isfinite(got):
        allowance = f"the difference {gap:.2g} is {times(ratio)} times the error bound"
    else:
        allowance = "torch's run stays finite"
    place = f"at {where} " if where else ""
    return f"{place}is {got_text}, torch says {want_text}; {allowance}{share}"


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
    """A quantity that goes beyond its radius at a step, where nothing that it is computed from does."""

    step: int
    quantity: str
    part: str
    comparison: Comparison


@dataclass
class JudgedStep:
    """One step and what was found.

    Of the units whose mask can be seen, `masks_seen`, dropout kept `masks_kept`. `shared_kinks` are pre-activations on
    another side of 0 than torch's and within their radius of it, `other_kinks` those further off. `broken`: why the run
    cannot go on, by quantity. `divergence` is the first at this step. `torch_seconds` are of the
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
    whether torch's run takes the submission's side of kinks. `divergences` are those so far, by their quantities: the
    first one is that of the first quantity, in the order of computation, of the first step. `undecided` is the step
    from which on the radius tells nothing, and `undecided_because` says why.
    """

    shares_kinks: bool = False

    def __init__(self, plan: Plan, names: Sequence[tuple[str, str]]) -> None:
        self.plan = plan
        self.names = names
        self.undecided: int | None = None
        self.undecided_because = ""
        self.divergences: dict[str, Divergence] = {}

    @property
    def divergence(self) -> Divergence | None:
        """The first one so far."""
        return next(iter(self.divergences.values()), None)

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

    def _diverges(self, judged: JudgedStep, quantity: str, part: str, comparison: Comparison) -> None:
        """Notes a divergence at this step, the first of its quantity."""
        found = self.divergences.setdefault(quantity, Divergence(judged.step.number, quantity, part, comparison))
        judged.divergence = judged.divergence or found


class Sink(Protocol):
    """Takes rows as they come: `table` is "quantities", "steps" or "epochs". It is opened when training begins."""

    def open(self, environment: Environment) -> None: ...
    def add(self, table: str, row: Mapping[str, Any]) -> None: ...


class Tally:
    """What the steps came to so far.

    `steps` were judged whole. `worst` is the step of each quantity's largest ratio, with the figures there;
    `mismatched` its first mismatch. `totals` counts kinks, masks and seconds.
    """

    def __init__(self, plan: Plan, judge: Judge, sink: Sink) -> None:
        self._plan, self._judge, self._sink = plan, judge, sink
        self.steps = 0
        self.worst: dict[str, tuple[int, Figures]] = {}
        self.mismatched: dict[str, tuple[int, Figures]] = {}
        self.totals: dict[str, float] = defaultdict(float)

    def add(self, judged: JudgedStep) -> None:
        """Take in a step."""
        number = judged.step.number
        for figures in judged.figures:
            self._add_figures(number, figures)
        self.steps += not judged.broken
        self.totals["submission_seconds"] += judged.submission_seconds
        self.totals["torch_seconds"] += judged.torch_seconds
        self.totals["replica_seconds"] += judged.replica_seconds
        if self._judge.shares_kinks:
            self.totals["shared_kinks"] += judged.shared_kinks
            self.totals["other_kinks"] += judged.other_kinks
        self.totals["kept"] += judged.masks_kept
        self.totals["masked"] += judged.masks_seen
        is_special = judged.divergence is not None or bool(judged.broken) or self._judge.undecided == number
        if self._plan.is_written(number) or is_special:
            self._write(judged)

    def _add_figures(self, number: int, figures: Figures) -> None:
        name = figures.quantity
        if figures.verdict == Verdict.MISMATCH:
            self.mismatched.setdefault(name, (number, figures))
        if figures.verdict == Verdict.UNDECIDED:
            return
        if name not in self.worst or (figures.ratio or 0.0) > (self.worst[name][1].ratio or 0.0):
            self.worst[name] = number, figures

    def _write(self, judged: JudgedStep) -> None:
        place = {"step": judged.step.number, "epoch": judged.step.epoch}
        for figures in judged.figures:
            self._sink.add("quantities", place | vars(figures))
        row = {
            "eta": judged.step.eta,
            "loss": judged.loss,
            "torch_loss": judged.torch_loss,
            "shared_kinks": judged.shared_kinks,
            "other_kinks": judged.other_kinks,
            "kept": judged.masks_kept,
            "seen": judged.masks_seen,
            "submission_seconds": judged.submission_seconds,
            "torch_seconds": judged.torch_seconds,
            "replica_seconds": judged.replica_seconds,
        }
        self._sink.add("steps", place | row)
