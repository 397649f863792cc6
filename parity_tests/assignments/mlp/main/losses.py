"""Judges the loss records that `main` returns: for each epoch the sum of the losses of the mini-batches of a set."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from parity_tests.assignments.mlp.main.evaluations import POSITION, SET, Evaluations
from parity_tests.assignments.mlp.main.loss_reasons import loss_reason
from parity_tests.assignments.mlp.main.main_run import Array, figures
from parity_tests.harness.compare import compare
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.observation import Returned
from parity_tests.protocol.quantity import Key
from reference.answer import Answer
from reference.rounding import gamma

RECORD = {"train": "train_loss_record", "valid": "val_loss_record"}
FORMS = (
    "",
    "the loss record holds means of the mini-batch losses, where their sum is usual",
    "the loss record holds means over the examples, where the sum of the mini-batch losses is usual",
)
"""The forms of a loss record that are right, the usual one first, by the note that they get."""
Choices = Sequence[Mapping[str, Sequence[Answer]]]
"""For each epoch and each form of the record that is right, the answer of each sweep over the set."""


def judge_losses(evaluations: Evaluations, split: str) -> Comparison:
    """Whether a record holds the losses of a set, each within the radius of its sum."""
    main, quantity = evaluations.main, f"{SET[split]} losses"
    returned = main.observation.values.get(Key("main"))
    if main.failure is not None:
        return matched()
    if returned is not None and returned.kind == "none":
        return main.bad("it returns nothing, where train_loss_record and val_loss_record are asked for")
    unmeasured = evaluations.unmeasured(quantity, split)
    if unmeasured is not None:
        return unmeasured
    records = [values for _, values in main.run.returned]
    if len(records) <= POSITION[split]:
        return main.bad(f"it does not return {RECORD[split]}: records of numbers returned: {len(records)}")
    uncovered = evaluations.coverage_problem(split)
    choices = [] if uncovered else _choices(evaluations, split)
    right = _right(split, records, choices) if choices else None
    return right or _wrong(evaluations, split, records[POSITION[split]], choices, uncovered)


def _choices(evaluations: Evaluations, split: str) -> Choices:
    choices = []
    for passes in evaluations.of(split):
        forms: dict[str, list[Answer]] = {form: [] for form in FORMS}
        for sweep in evaluations.sweeps(split, passes):
            losses = [evaluations.answer(one).loss for one in sweep]
            values = np.array([float(loss.value) for loss in losses])
            # Both sides add up n numbers, and scale them.
            rounding = 2 * gamma(len(losses) + 3, np.dtype(np.float64))
            radii = np.array([float(loss.radius) for loss in losses]) + rounding * np.abs(values)
            sizes = np.array([len(one.rows) for one in sweep], dtype=np.float64)
            weights = np.ones(len(sweep)), np.full(len(sweep), 1 / len(sweep)), sizes / sizes.sum()
            for form, w in zip(FORMS, weights, strict=True):
                exactly = partial(_weighted_exact, w, losses)
                forms[form].append(Answer(np.sum(w * values), np.sum(w * radii), exactly))
        choices.append(forms)
    return choices


def _weighted_exact(weights: Array, losses: Sequence[Answer]) -> Array:
    return np.asarray(np.sum(weights * np.array([loss.exact for loss in losses])))


def _nearest(got: Array, choices: Sequence[Sequence[Answer]]) -> Answer:
    """For each number the answer that is nearest to it, of those that are all right, as one answer."""
    chosen = [
        min(answers, key=lambda answer: abs(value - float(answer.value)) if np.isfinite(value) else 0.0)
        for value, answers in zip(got.tolist(), choices, strict=True)
    ]
    value, radius = (np.array([getattr(one, name) for one in chosen]) for name in ("value", "radius"))
    return Answer(value, radius, lambda: np.array([one.exact for one in chosen]))


def _right(split: str, records: Sequence[Array], choices: Choices) -> Comparison | None:
    """The match of a set's record; it may stand elsewhere where main returns more than two."""
    position = POSITION[split]
    positions = [position, *(range(len(records)) if len(records) > 2 else ())]
    for form, at in itertools.product(FORMS, positions):
        got = records[at]
        if len(got) != len(choices):
            continue
        comparison = compare(Returned("array", got, ""), _nearest(got, [choice[form] for choice in choices]))
        if comparison.verdict == "match":
            more = "main returns more than the two loss records" if len(records) > 2 else ""
            moved = f"{RECORD[split]} is returned as number {at + 1}" if at != position else ""
            return replace(matched(form, more, moved), **figures(comparison))
    return None


def _wrong(evaluations: Evaluations, split: str, got: Array, choices: Choices, uncovered: str) -> Comparison:
    main = evaluations.main
    epochs = main.config.epochs
    if len(got) != epochs:
        text = f"the {SET[split]} loss record has {len(got)} numbers, where one an epoch ({epochs}) is asked for"
        return main.bad(text, got=float(len(got)), want=float(epochs))
    reason = loss_reason(evaluations, split, got)
    if not choices:
        return main.bad(f"{reason}; {uncovered}" if reason else uncovered)
    answer = _nearest(got, [choice[FORMS[0]] for choice in choices])
    comparison = compare(Returned("array", got, ""), answer)
    epoch = int(np.argmax(~(np.abs(got - answer.value) <= answer.radius)))
    text = (
        f"the {SET[split]} loss after epoch {epoch + 1} is {got[epoch]:.9g}, where the mini-batch losses add up "
        f"to {answer.value[epoch]:.9g}"
    )
    return main.bad(f"{reason}; {text}" if reason else text, **figures(comparison))
