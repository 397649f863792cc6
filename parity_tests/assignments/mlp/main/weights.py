"""Judges the weights after each step, and says what moved none of them though it looked wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.main_run import MainRun, figures, wrong_argument
from parity_tests.assignments.mlp.main.steps import MOST_KINKS, Replayed, Steps
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.finding import Said
from reports.model.notes import NoteKind
from reports.model.numbers import times
from reports.model.verdicts import Verdict


def judge_weights(main: MainRun, steps: Steps) -> Comparison:
    """Whether each step is torch's; where one is not, what it did instead."""
    if main.run.malformed:
        return main.bad(main.run.malformed)
    if not main.run.updates:
        if main.failure is not None:
            return Comparison(Verdict.UNJUDGED)
        return main.bad(Said("it never changes the weights", Found.NEVER_CHANGED))
    if not steps.wrong and (lost := _not_finite(main)):
        return main.bad(lost)
    if not steps.wrong and steps.unknown:
        index, why = steps.unknown[0]
        count = f"{len(steps.unknown)} of its {len(main.run.updates)} steps cannot be replayed"
        return main.unjudged(f"{count}: the first is step {index + 1}, where {why}", step=index + 1)
    shown = steps.shown
    figures_of_all = {
        **figures(shown.worst),
        "where": f"{shown.parameter}{shown.worst.where}",
        "step": shown.index + 1,
        "bad": sum(step.bad for step in steps.known),
        "total": sum(step.total for step in steps.known),
        "undecided": sum(step.undecided for step in steps.known),
    }
    if steps.wrong:
        index, update = steps.wrong[0].index, steps.wrong[0].update
        seen, text = seen_in_calls(main, index), _text(shown)
        text = f"{seen} (step {index + 1}); {text}" if seen else text
        return main.bad(Said(text, Found.CHANGED_AGAIN if update.again else ""), **figures_of_all)
    if shown.verdict == Verdict.UNDECIDED:
        text = (
            f"after step {shown.index + 1} {shown.undecided} of {shown.total} weights cannot be decided: "
            f"more than {MOST_KINKS} pre-activations of their hidden units lie too close to 0, where relu is not "
            "differentiable"
        )
        return main.undecided(text, **figures_of_all)
    return Comparison(Verdict.MATCH, **figures_of_all).noting(*_harmless(main), kind=NoteKind.READING)


def _not_finite(main: MainRun) -> str:
    """Which step leaves weights that are not finite, though those before it are; "" where none does."""
    for number, update in enumerate(main.run.updates, 1):
        if update.after < 0 or update.before < 0:
            continue
        before, after = main.run.at(update.before), main.run.at(update.after)
        for name in WEIGHT_NAMES:
            lost = np.argwhere(~np.isfinite(after[name]))
            if len(lost) and np.isfinite(before[name]).all():
                place = "[" + ", ".join(map(str, lost[0].tolist())) + "]"
                return f"after step {number} {name} at {place} is {after[name][tuple(lost[0])]}, torch's is finite"
    return ""


def _text(shown: Replayed) -> str:
    """How far a wrong step is off."""
    worst = shown.worst
    place = f"after step {shown.index + 1} (epoch {shown.update.epoch + 1}) {shown.parameter}"
    if worst.got is None or worst.ratio is None:
        return f"{place} {worst.problem}"
    return (
        f"{place} at {worst.where} is {worst.got:.9g}, torch says {worst.want:.9g}; "
        f"the difference {worst.gap:.2g} is {times(worst.ratio)} times the error bound"
    )


def _harmless(main: MainRun) -> Iterator[str]:
    """What looked wrong, and moved no weight."""
    if any(not update.momentum for update in main.run.updates):
        yield "main updates the weights itself, without calling SGD"
    for update in main.run.updates:
        for call in update.calls:
            if call.wrong:
                yield f"{wrong_argument(call)}, which moves no weight"


# ---- what is seen of the calls of a wrong step


def seen_in_calls(main: MainRun, index: int) -> str:
    """What is seen of the calls of a wrong step, "" where they look right. It need not explain the step."""
    passed = next((wrong_argument(call) for call in main.run.updates[index].calls if call.wrong), "")
    return _order(main, index) or passed


def _order(main: MainRun, index: int) -> str:
    """A backward that was not called before the update, or calls in another order."""
    update = main.run.updates[index]
    if update.pass_ is None:
        return ""
    names = [call.name for call in update.calls]
    drop = ["drop"] if main.config.rate != 0 else []
    missing = [
        part if part.endswith(".backward") else f"{part}1.backward"
        for part in ("loss.backward", "L2.backward", *drop, "nonlinear", "L1.backward")
        if not any(name.startswith(part) and name.endswith(".backward") for name in names)
    ]
    if not missing:
        return _forward_order([name for name in names if name.endswith(".forward")])
    later = {call.name for other in main.run.updates[index + 1 :] for call in other.calls}
    if all(name in later for name in missing):
        return f"the weights are updated before {missing[-1]} is called"
    layer = missing[0].partition(".")[0]
    if main.number and layer not in main.run.used and any(built.name == layer for built in main.run.built):
        return f"{layer} of this run is never used: main goes on with another one, as with that of an earlier run"
    return f"{missing[0]} is never called before the weights are updated"


def _forward_order(names: Sequence[str]) -> str:
    if "L2.forward" in names and _late(names, "nonlinear", "L2.forward"):
        return "L2.forward is called before the activation's forward"
    if _late(names, "nonlinear", "drop"):
        return "dropout.forward is called before the activation's forward: the activation belongs before dropout"
    if "L2.forward" in names and _late(names, "drop", "L2.forward"):
        return "L2.forward is called before dropout.forward"
    if sum(name.startswith("drop") for name in names) > 1:
        return "dropout.forward is called more than once for a step: each call draws another mask"
    return ""


def _late(names: Sequence[str], early: str, late: str) -> bool:
    """Whether the first call of `early` comes after the first one of `late`."""
    first = next((i for i, name in enumerate(names) if name.startswith(early)), None)
    second = next((i for i, name in enumerate(names) if name.startswith(late)), None)
    return first is not None and second is not None and first > second
