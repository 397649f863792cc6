"""Judges the η that SGD is passed in each epoch; where SGD is not called, the weights show it."""

from __future__ import annotations

import numpy as np

from parity_tests.assignments.mlp.main.closeness import near
from parity_tests.assignments.mlp.main.configs import Config
from parity_tests.assignments.mlp.main.main_run import MainRun, figures
from parity_tests.assignments.mlp.main.run import Update
from parity_tests.assignments.mlp.main.steps import Steps
from parity_tests.protocol.comparison import Comparison, matched
from reference.rounding import unit_roundoff
from reports.model.notes import NoteKind
from reports.model.verdicts import Verdict

UNUSED = "SGD is passed another learning rate, and uses the right one"


def judge_learning_rate(main: MainRun, steps: Steps) -> Comparison:
    """Whether each step is made with the η of its epoch."""
    updates = main.run.updates
    passed = {i: update for i, update in enumerate(updates) if "eta" in update.rates}
    if not passed:
        if main.failure is not None:  # it may have been in SGD
            return matched()
        if not updates:
            return main.bad("SGD is never called")
        return matched("SGD is not called: the learning rate is judged by the weights", kind=NoteKind.UNSEEN)
    compared = {i: _compared(main.config, i, update, len(passed)) for i, update in passed.items()}
    wrong = {i: one for i, one in compared.items() if not _ratio(one) <= 1}
    for i, comparison in wrong.items():
        if main.stand_ins or i in steps.wrong_indices:
            bad = sum(not near(other.rates["eta"], main.config.eta_of(other.epoch)) for other in passed.values())
            text = _text(main.config, passed[i].rates["eta"], passed[i].epoch)
            return main.bad(text, **{**figures(comparison), "bad": bad}, step=comparison.step)
    right = [one for i, one in compared.items() if i not in wrong]
    nothing = Comparison(Verdict.MATCH, ratio=0.0, bad=0, total=len(passed), step=1)
    return max([*reversed(right), nothing], key=_ratio).noting(UNUSED if wrong else "", kind=NoteKind.READING)


def _compared(config: Config, index: int, update: Update, total: int) -> Comparison:
    """The η that SGD was passed, as if it were right."""
    got, want = update.rates["eta"], config.eta_of(update.epoch)
    gap, radius = abs(got - want), eta_radius(config, update.epoch)
    return Comparison(
        "match", gap=gap, radius=radius, ratio=gap / radius, bad=0, total=total, got=got, want=want, step=index + 1
    )


def eta_radius(config: Config, epoch: int) -> float:
    """How far rounding takes the η of an epoch, however it is dropped: by products, in closed form, or by a table."""
    return float(4 * unit_roundoff(np.dtype(np.float64)) * config.eta_of(epoch) * (1 + epoch // 10))


def _ratio(comparison: Comparison) -> float:
    return comparison.ratio or 0.0


def _text(config: Config, got: float, epoch: int) -> str:
    """What is wrong with an η; `epoch` is counted from 0."""
    return f"η is {got:.6g} in epoch {epoch + 1} (counted from 1), where {config.eta_of(epoch):.6g} is expected"
