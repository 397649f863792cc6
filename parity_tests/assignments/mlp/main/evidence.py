"""The steps of a run of `main` as calls, which the formulas of known mistakes are held against, all steps together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.main.accuracies import records_written
from parity_tests.assignments.mlp.main.closeness import EXPLAINS
from parity_tests.assignments.mlp.main.evaluations import OTHER, POSITION
from parity_tests.assignments.mlp.main.main_run import Array, MainRun
from parity_tests.assignments.mlp.main.measured import Measured
from parity_tests.assignments.mlp.main.weights import seen_in_calls
from parity_tests.assignments.mlp.mistakes.steps import Steps, first_off
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, gradient_name
from parity_tests.assignments.mlp.network import formula
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.protocol.case import Case
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Returned
from reports.model.verdicts import Verdict

STEPS = "main.weights"
"""The operation of a parameter's calls: all steps of a run."""
RATES = {"eta": "main.learning rate", "lam": "main.λ", "alpha": "main.α"}
"""By rate the operation of the calls that show which SGD was passed, where it is another than main_params'."""
SEVERAL = "main.rates"
"""The operation of those that show all three, one after the other, where several are others."""
LOSSES = {"train": "main.training losses", "valid": "main.validation losses"}
ACCURACY = {"train": "main.training accuracy", "valid": "main.validation accuracy"}
"""The operations of the calls that show a record of a set."""
SMALLEST_FIRST = ("L2_b", "L1_b", "L2_W", "L1_W")
"""The order in which parameters are looked at: what is wrong is told by few numbers first."""


def calls_of_runs(case: Case, runs: Sequence[MainRun], judged: Judged) -> Iterator[Call]:
    """For each parameter its steps, up to the first wrong one, and all; and the rates and records that are others.

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
    yield from _calls_of_records(calls, main)
    of_steps = _gradients(main)
    steps = list[Call]()
    if of_steps is not None:
        first = judged["weights"].step or len(updates)
        for count in dict.fromkeys((min(first, len(updates)), len(updates))):
            for name in SMALLEST_FIRST:
                g = [_near_all(one[name]) for one in of_steps[:count]]
                steps.append(_call_of_steps(calls, main, g, name))
                if "dropout" in judged and judged["dropout"].verdict == Verdict.MISMATCH and name == SMALLEST_FIRST[-1]:
                    steps.append(_call_of_steps(calls, main, g, name, "dropout"))
    yield from _calls_of_rates(calls, main, steps[-len(SMALLEST_FIRST) :])
    yield from steps


def _calls_of_rates(calls: Calls, main: MainRun, steps: Sequence[Call]) -> Iterator[Call]:
    """The rates that SGD was passed and that are not those asked for, where its steps are made with these.

    None of a run in which too many or too few steps are made, so that nobody knows which epoch each is of, or in which
    λ or α are not the same at each step. What an edition's SGD does not take is as it is asked for.
    """
    config, updates = main.config, main.run.updates
    epochs = [update.epoch for update in updates]
    asked: dict[str, Any] = {
        "eta": np.array([config.eta_of(t) for t in epochs]),
        "lam": config.lam,
        "alpha": config.alpha,
    }
    passed = {rate: [update.rates.get(rate, asked[rate]) for update in updates] for rate in ("lam", "alpha")}
    whole = len(updates) == config.epochs * main.steps and all("eta" in update.rates for update in updates)
    if not whole or any(len(set(rates)) > 1 for rates in passed.values()):
        return
    got = {"eta": np.array([update.rates["eta"] for update in updates])}
    got |= {rate: np.array(rates[:1], np.float64) for rate, rates in passed.items()}
    off = [rate for rate in RATES if not np.allclose(got[rate], asked[rate], rtol=1e-7, atol=0.0)]
    if not off:
        return
    lam, alpha = (float(got[rate][0]) for rate in ("lam", "alpha"))
    made = [step.with_inputs(lam=lam, alpha=alpha, etas=got["eta"].tolist()) for step in steps]
    operation = RATES[off[0]] if len(off) == 1 else SEVERAL
    value = Returned("array", got[off[0]] if len(off) == 1 else np.concatenate([*got.values()]), "")
    given: dict[str, Any] = {
        "asked": asked["eta"],
        "epochs": np.array(epochs),
        "lam": config.lam,
        "alpha": config.alpha,
        "N": 0,
    }
    if "eta" in off:
        yield calls.add(operation, "learning rate", value, **given)
    if made and all(first_off(step) is None for step in made):
        yield calls.add(operation, "weights", value, **given)


def _calls_of_records(calls: Calls, main: MainRun) -> Iterator[Call]:
    """The records of both sets, as they were returned and written, that have a number for each epoch, not the right."""
    returned = dict(zip(LOSSES, (values for _, values in main.run.returned), strict=False))
    measured = {split: Measured(main, split) for split in LOSSES}
    for split, other in OTHER.items():
        known: dict[str, Any] = {
            "measured": measured[split], "other": measured[other], "other_record": returned.get(other),
            "lam": main.config.lam, "batch": main.config.batch, "N": 0,
        }  # fmt: skip
        for operations, record in ((LOSSES, returned.get(split)), (ACCURACY, _written(main, split))):
            if record is not None and len(record) == main.config.epochs and measured[split].weights is not None:
                right = np.array(measured[split].sums() if operations is LOSSES else measured[split].shares())
                if not np.allclose(record, right, rtol=EXPLAINS, atol=0.0):
                    operation = operations[split]
                    yield calls.add(operation, operation.partition(".")[2], Returned("array", record, ""), **known)


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
        weights, (X, y, mask) = main.run.at(update.before), inputs
        if mask is not None and mask.shape != (len(X), main.width(update.before)):
            return None
        with np.errstate(all="ignore"):
            values = formula.quantities(weights, X, y.astype(int), 1 if mask is None else mask, main.config.activation)
        found.append({name: values[gradient_name(name)] for name in WEIGHT_NAMES})
    return found


def _near_all(value: Array) -> Running:
    return Running(value, np.float64, EXPLAINS * float(np.abs(value).max(initial=0.0)))
