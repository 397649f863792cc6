"""Adds up the judged steps of a trace, and writes their figures down as they come."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Protocol

from parity_tests.trace.judge import Figures, Judge, JudgedStep
from parity_tests.trace.plan import Plan
from reports.model.environment import Environment
from reports.model.verdicts import Verdict


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
