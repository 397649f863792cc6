"""Judges the weights after each step, and says what moved none of them though it looked wrong."""

from __future__ import annotations

from collections.abc import Iterator

from parity_tests.assignments.mlp.main.step_reasons import step_reason
from parity_tests.assignments.mlp.main.steps import MOST_KINKS, Replayed, Steps
from parity_tests.assignments.mlp.main.watched import Watched, figures, wrong_argument
from parity_tests.protocol.comparison import Comparison
from reports.model.numbers import times


def judge_weights(watched: Watched, steps: Steps) -> Comparison:
    """Whether each step is torch's; where one is not, what it did instead."""
    if watched.run.malformed:
        return watched.bad(watched.run.malformed)
    if not steps.known:
        if watched.run.updates:
            return watched.undecided("its steps cannot be replayed: see the layers and the batches")
        return watched.bad("it never changes the weights") if watched.failure is None else Comparison("undecided")
    shown = steps.shown
    found = {
        **figures(shown.worst),
        "where": f"{shown.parameter}{shown.worst.where}",
        "step": shown.index + 1,
        "bad": sum(step.bad for step in steps.known),
        "total": sum(step.total for step in steps.known),
    }
    if steps.wrong:
        reason, text = step_reason(watched, steps), _text(shown)
        return watched.bad(f"{reason}; {text}" if reason else text, **found)
    if shown.verdict == "undecided":
        text = f"in step {shown.index + 1} more than {MOST_KINKS} pre-activations lie within their radius of 0"
        return watched.undecided(text, **found)
    return Comparison("match", **found).noting(*_harmless(watched))


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


def _harmless(watched: Watched) -> Iterator[str]:
    """What looked wrong, and moved no weight."""
    if any(not update.momentum for update in watched.run.updates):
        yield "main updates the weights itself, without calling SGD"
    for update in watched.run.updates:
        for call in update.calls:
            if call.wrong:
                yield f"{wrong_argument(call)}, which moves no weight"
