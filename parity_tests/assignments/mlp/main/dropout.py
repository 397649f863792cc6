"""Judges how `main` uses dropout in training: called at each step, with is_train=True, and with a fresh mask."""

from __future__ import annotations

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.main_run import FALSE_ALARM, Array, MainRun, wrong_argument
from parity_tests.assignments.mlp.main.steps import Steps
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.finding import Said


def judge_dropout(main: MainRun, steps: Steps) -> Comparison:
    """Whether each step drops what goes from the activation to L2, by a mask of its own; at rate 0 nothing shows it."""
    if main.config.rate == 0:
        return matched()
    passes = [update.pass_ for update in main.run.updates if update.pass_ is not None]
    for index, update in enumerate(main.run.updates):
        step, number = update.pass_, index + 1
        if step is None:
            continue
        if not step.drops:
            never = not any(one.drops for one in passes)
            if never:
                return main.bad(Said("dropout.forward is never called in training", Found.NO_DROPOUT), step=number)
            said = Said(f"step {number} is made without dropout", Found.A_STEP_WITHOUT_DROPOUT)
            return main.bad(said, step=number)
        if not step.training:
            never = not any(one.training for one in passes)
            where = "in every step" if never else f"in step {number}"
            found = Found.DROPOUT_OFF if never else Found.DROPOUT_OFF_IN_A_STEP
            return main.bad(Said(f"{where} dropout.forward is called with is_train=False", found), step=number)
        for call in step.calls:
            bypassed = any(got != want and want.startswith("drop") for _, got, want in call.wrong)
            if call.name == "L2.forward" and bypassed and index in steps.wrong_indices:
                return main.bad(f"{wrong_argument(call)} (step {number})", step=number)
    return _repeated_mask(main) or matched()


def _repeated_mask(main: MainRun) -> Comparison | None:
    """The two steps that drew the same mask, where chance would do that with less than FALSE_ALARM."""
    r = main.config.rate
    drops = [(i, update.pass_.dropped) for i, update in enumerate(main.run.updates, 1) if update.pass_ is not None]
    pairs = max(len(drops) * (len(drops) - 1) / 2, 1)
    agree = r**2 + (1 - r) ** 2
    alike: dict[tuple[int, ...], dict[int, tuple[int, Array, Array]]] = {}
    for number, drop in drops:
        if drop is not None and drop.kept is not None and drop.seen is not None:
            alike.setdefault(drop.kept.shape, {}).setdefault(id(drop), (number, drop.kept, drop.seen))
    for group in alike.values():
        numbers, kept, seen = (list(field) for field in zip(*group.values(), strict=True))
        seen_of = np.stack(seen).reshape(len(group), -1)
        kept_of = np.stack(kept).reshape(len(group), -1) & seen_of
        seen_by_both, kept_by_both, dropped_by_both = (
            marks.astype(float) @ marks.T for marks in (seen_of, kept_of, seen_of & ~kept_of)
        )
        same = (kept_by_both + dropped_by_both == seen_by_both) & (pairs * agree**seen_by_both < FALSE_ALARM)
        for one, other in np.argwhere(np.triu(same, 1)):
            steps = f"steps {numbers[one]} and {numbers[other]}"
            if kept_by_both[one, other] == seen_by_both[one, other]:
                return main.bad(f"dropout drops nothing in {steps}, where r = {r:g}")
            if not kept_by_both[one, other]:
                return main.bad(f"dropout drops everything in {steps}, where r = {r:g}")
            text = f"{steps} draw the same dropout mask, where each forward draws a fresh one"
            return main.bad(Said(text, Found.SAME_MASK), step=numbers[other])
    return None
