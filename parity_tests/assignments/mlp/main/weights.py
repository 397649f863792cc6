"""Judges the weights after each step, and says what moved none of them though it looked wrong."""

from __future__ import annotations

from collections.abc import Iterator

from parity_tests.assignments.mlp.main.main_run import MainRun, figures, wrong_argument
from parity_tests.assignments.mlp.main.step_reasons import step_reason
from parity_tests.assignments.mlp.main.steps import MOST_KINKS, Replayed, Steps
from parity_tests.protocol.comparison import Comparison
from reports.model.numbers import times


def judge_weights(main: MainRun, steps: Steps) -> Comparison:
    """Whether each step is torch's; where one is not, what it did instead."""
    if main.run.malformed:
        return main.bad(main.run.malformed)
    if not steps.known:
        if main.run.updates:
            return main.undecided("its steps cannot be replayed: see the layers and the batches")
        return main.bad("it never changes the weights") if main.failure is None else Comparison("undecided")
    shown = steps.shown
    figures_of_all = {
        **figures(shown.worst),
        "where": f"{shown.parameter}{shown.worst.where}",
        "step": shown.index + 1,
        "bad": sum(step.bad for step in steps.known),
        "total": sum(step.total for step in steps.known),
    }
    if steps.wrong:
        reason, text = step_reason(main, steps), _text(shown)
        return main.bad(f"{reason}; {text}" if reason else text, **figures_of_all)
    if shown.verdict == "undecided":
        text = f"in step {shown.index + 1} more than {MOST_KINKS} pre-activations lie within their radius of 0"
        return main.undecided(text, **figures_of_all)
    return Comparison("match", **figures_of_all).noting(*_harmless(main))


def _text(shown: Replayed) -> str:
    """How far a wrong step is off."""
    worst = shown.worst
    place = f"after step {shown.index + 1} (epoch {shown.update.epoch + 1}) {shown.parameter}"
    if worst.got is None or worst.ratio is None:
        return f"{place} {worst.problem}"
    return (
        f"{place} at {worst.where} is {worst.got:.9g}, torch says {worst.want:.9g}; "
        f"the gap {worst.gap:.2g} is {times(worst.ratio)} times what rounding explains"
    )


def _harmless(main: MainRun) -> Iterator[str]:
    """What looked wrong, and moved no weight."""
    if any(not update.momentum for update in main.run.updates):
        yield "main updates the weights itself, without calling SGD"
    for update in main.run.updates:
        for call in update.calls:
            if call.wrong:
                yield f"{wrong_argument(call)}, which moves no weight"
