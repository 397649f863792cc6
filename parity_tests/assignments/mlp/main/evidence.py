"""The steps of a run of `main` as calls, which the formulas of known mistakes are held against, all steps together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.main.accuracies import records_written
from parity_tests.assignments.mlp.main.closeness import EXPLAINS
from parity_tests.assignments.mlp.main.evaluations import OTHER, POSITION
from parity_tests.assignments.mlp.main.main_run import Array, MainRun
from parity_tests.assignments.mlp.main.measured import Measured
from parity_tests.assignments.mlp.main.seen_calls import seen_in_calls
from parity_tests.assignments.mlp.main.wiring import gradients
from parity_tests.assignments.mlp.mistakes.steps import Steps
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.protocol.case import Case
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Returned
from reports.model.verdicts import Verdict

STEPS = "main.weights"
"""The operation of a parameter's calls: all steps of a run."""
RATES = "main.learning rate"
"""The operation of the calls that show which η SGD was passed at each step."""
LOSSES = {"train": "main.training losses", "valid": "main.validation losses"}
ACCURACY = {"train": "main.training accuracy", "valid": "main.validation accuracy"}
"""The operations of the calls that show a record of a set."""
SMALLEST_FIRST = ("L2_b", "L1_b", "L2_W", "L1_W")
"""The order in which parameters are looked at: what is wrong is told by few numbers first."""


def calls_of_runs(case: Case, runs: Sequence[MainRun], judged: Judged) -> Iterator[Call]:
    """The η that SGD was passed, the records, and for each parameter its steps: up to the first wrong one, and all.

    A call's `value` are the weights after each step (T×…), `starts` those before. `g` are the right gradients, each
    within half of its digits, and `seen(t)` says what is seen in the calls of a step. No calls of steps that are not
    all known.
    """
    calls = Calls(case, judged)
    for main in runs:
        yield from _calls_of_run(calls, main, judged)


def _calls_of_run(calls: Calls, main: MainRun, judged: Judged) -> Iterator[Call]:
    updates = main.run.updates
    if not updates or main.run.endless:
        return
    yield from _calls_of_rates(calls, main)
    yield from _calls_of_records(calls, main)
    of_steps = _gradients(main)
    if of_steps is None:
        return
    first = judged["weights"].step or len(updates)
    for count in dict.fromkeys((min(first, len(updates)), len(updates))):
        for name in SMALLEST_FIRST:
            g = [_near_all(one[name]) for one in of_steps[:count]]
            yield _call_of_steps(calls, main, g, name)
            if "dropout" in judged and judged["dropout"].verdict == Verdict.MISMATCH and name == SMALLEST_FIRST[-1]:
                yield _call_of_steps(calls, main, g, name, "dropout")


def _whole(main: MainRun) -> bool:
    """Whether as many steps are made as are asked for; else nobody knows which epoch each is of."""
    return len(main.run.updates) == main.config.epochs * main.steps


def _calls_of_rates(calls: Calls, main: MainRun) -> Iterator[Call]:
    updates = main.run.updates
    if all("eta" in update.rates for update in updates):
        passed = np.array([update.rates["eta"] for update in updates], dtype=np.float64)
        asked = [main.config.eta_of(update.epoch) for update in updates]
        epochs = [update.epoch for update in updates]
        value = Returned("array", passed, "")
        yield calls.add(
            RATES, "learning rate", value, asked=asked, epochs=epochs, eta=main.config.eta, whole=_whole(main), N=0
        )


def _calls_of_records(calls: Calls, main: MainRun) -> Iterator[Call]:
    """The records of both sets, as they were returned and written, where they have a number for each epoch."""
    returned = dict(zip(LOSSES, (values for _, values in main.run.returned), strict=False))
    measured = {split: Measured(main, split) for split in LOSSES}
    for split, other in OTHER.items():
        known: dict[str, Any] = {
            "measured": measured[split], "other": measured[other], "other_record": returned.get(other),
            "lam": main.config.lam, "batch": main.config.batch, "N": 0,
        }  # fmt: skip
        for operations, record in ((LOSSES, returned.get(split)), (ACCURACY, _written(main, split))):
            if record is not None and len(record) == main.config.epochs:
                operation = operations[split]
                value = Returned("array", record, "")
                quantity = operation.partition(".")[2]
                numbers = measured[split].sums if operations is LOSSES else measured[split].shares
                yield calls.add(operation, quantity, value, right=partial(_near, numbers), **known)


def _near(numbers: Callable[[], Sequence[float]]) -> Running:
    """Numbers of a record, within half of their digits."""
    values = np.array(numbers())
    return Running(values, np.float64, EXPLAINS * np.abs(values))


def _written(main: MainRun, split: str) -> Array | None:
    """The record of a set's accuracies in a file; None where there is none."""
    written = [values for _, values in records_written(main, split)]
    return written[POSITION[split] if len(written) > POSITION[split] else 0] if written else None


def _call_of_steps(calls: Calls, main: MainRun, g: Sequence[Running], name: str, quantity: str = "weights") -> Call:
    config, updates = main.config, main.run.updates[: len(g)]
    layer, _, key = name.partition("_")
    starts = [calls.running(main.run.at(update.before)[name]) for update in updates]
    after = np.stack([main.run.at(update.after)[name] for update in updates])
    epochs = [update.epoch for update in updates]
    call = calls.add(
        STEPS,
        quantity,
        Returned("array", after, ""),
        w=starts[0],
        starts=starts,
        g=g,
        seen=partial(seen_in_calls, main),
        etas=[config.eta_of(epoch) for epoch in epochs],
        alpha=config.alpha,
        lam=config.lam,
        layer=layer,
        key=key,
        epochs=epochs,
        batch=config.batch,
        passed=[dict(update.rates) for update in updates],
        whole=_whole(main),
        N=0,
    )
    return call.with_inputs(right=cache(partial(Steps(), call)))


def _gradients(main: MainRun) -> list[dict[str, Array]] | None:
    """The right gradients of all steps, by the parameters' names; None where what a step is made on is not known."""
    found = []
    for update in main.run.updates:
        inputs = main.inputs(update)
        if inputs is None or not main.sound(update.before) or not main.sound(update.after):
            return None
        of_step = gradients(main.run.at(update.before), *inputs, main.config.activation)
        if of_step is None:
            return None
        found.append(of_step)
    return found


def _near_all(value: Array) -> Running:
    return Running(value, np.float64, EXPLAINS * float(np.abs(value).max(initial=0.0)))
