"""Judges the loss records that `main` returns: for each epoch the sum of the losses of the mini-batches of a set."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.evaluations import POSITION, Evaluations, Sweep
from parity_tests.assignments.mlp.main.main_run import Array, figures
from parity_tests.assignments.mlp.main.run import SET
from parity_tests.assignments.mlp.network.answers import Rows
from parity_tests.harness.compare import compare
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.finding import Said
from parity_tests.protocol.observation import Returned
from reference.answer import Answer
from reference.rounding import gamma
from reports.model.notes import NoteKind
from reports.model.verdicts import Verdict

RECORD = {"train": "train_loss_record", "valid": "val_loss_record"}
SUM = ""
MEAN = "the loss record holds means of the mini-batch losses, where their sum is usual"
FORMS = (
    SUM,
    MEAN,
    "the loss record holds means over the examples, where the sum of the mini-batch losses is usual",
)
"""The forms of a loss record that are right, the usual one first, by the note that they get."""
Choice = tuple[Answer, str]
"""What a number of a record may be, and what to note of a main that got it so."""
Choices = Sequence[Callable[[], Iterator[Choice]]]
"""For each epoch the answers of the sweeps over the set, in one form of the record that is right."""


def judge_losses(evaluations: Evaluations, split: str) -> Comparison:
    """Whether a record holds the losses of a set, each within the radius of its sum."""
    main, quantity = evaluations.main, f"{SET[split]} losses"
    returned = main.observation.values.get(main.key("main"))
    if main.failure is not None:
        return matched()
    if returned is not None and returned.kind == "none":
        text = "it returns nothing, where train_loss_record and val_loss_record are expected"
        return main.bad(Said(text, Found.RETURNS_NOTHING))
    unmeasured = evaluations.unmeasured(quantity)
    if unmeasured is not None:
        return unmeasured
    records = [values for _, values in main.run.returned]
    if len(records) <= POSITION[split]:
        text = f"it does not return {RECORD[split]}: records of numbers returned: {len(records)}"
        return main.bad(Said(text, Found.NOT_RETURNED))
    choices = cache(partial(_choices, evaluations, split))
    whole = evaluations.epochs == main.config.epochs
    right = _right(split, records, evaluations.epochs, choices) if whole else None
    return right or _wrong(evaluations, split, records[POSITION[split]], choices(FORMS[0]) if whole else [])


def _choices(evaluations: Evaluations, split: str, form: str) -> Choices:
    return [partial(_of_epoch, evaluations, split, form, epoch) for epoch in range(evaluations.epochs)]


def _of_epoch(evaluations: Evaluations, split: str, form: str, epoch: int) -> Iterator[Choice]:
    for sweep in evaluations.sweeps(split, epoch):
        yield _total(evaluations, split, epoch, sweep, form), sweep.note


def _total(evaluations: Evaluations, split: str, epoch: int, sweep: Sweep, form: str) -> Answer:
    """The number of a record of this form, for an epoch and a way over the set."""
    rows, every = evaluations.rows(split), sweep.rows
    values, radii = rows.loss.value[epoch][every], rows.loss.radius[epoch][every]
    sizes = np.array([len(batch) for batch in sweep.batches], dtype=np.float64)
    counts = sizes.astype(int)
    # Both sides take the mean of each mini-batch, add up n numbers, and scale them.
    rounding = 2 * gamma(int(sizes.max()) + len(sizes) + 4, np.dtype(np.float64))
    scale = 1.0 if form == SUM else 1 / len(sizes) if form == MEAN else np.repeat(sizes / sizes.sum(), counts)
    w = np.repeat(1 / sizes, counts) * scale
    radius = np.sum(w * (radii + rounding * np.abs(values)))
    return Answer(np.sum(w * values), radius, partial(_weighted_exact, w, rows, epoch, every))


def _weighted_exact(weights: Array, rows: Rows, epoch: int, every: NDArray[np.intp]) -> Array:
    return np.asarray(np.sum(weights * rows.loss.exact[epoch, every]))


def _nearest(got: Array, choices: Choices) -> tuple[Answer, tuple[str, ...]]:
    """For each number the answer that is nearest to it, of those that are all right, as one; and their notes."""
    chosen = [_nearest_of(value, options()) for value, options in zip(got.tolist(), choices, strict=True)]
    value, radius = (np.array([getattr(one, name) for one, _ in chosen]) for name in ("value", "radius"))
    return Answer(value, radius, lambda: np.array([one.exact for one, _ in chosen])), tuple(note for _, note in chosen)


def _nearest_of(value: float, options: Iterator[Choice]) -> Choice:
    """The first option that a number is within the radius of, or else the nearest."""
    found: list[tuple[float, Choice]] = []
    for option in options:
        found.append((_distance(value, option[0]), option))
        if not found[-1][0]:
            break
    return min(found, key=lambda one: one[0])[1]


def _distance(value: float, answer: Answer) -> float:
    """How far a number is from an answer, 0 within its radius: of several that it may be, the first is taken."""
    gap = abs(value - float(answer.value))
    return gap if np.isfinite(value) and not gap <= float(answer.radius) else 0.0


def _right(split: str, records: Sequence[Array], epochs: int, choices: Callable[[str], Choices]) -> Comparison | None:
    """The match of a set's record; it may stand elsewhere where main returns more than two."""
    position = POSITION[split]
    positions = [position, *(range(len(records)) if len(records) > 2 else ())]
    for form, at in itertools.product(FORMS, positions):
        got = records[at]
        if len(got) != epochs:
            continue
        answer, notes = _nearest(got, choices(form))
        comparison = compare(Returned("array", got, ""), answer)
        if comparison.verdict == Verdict.MATCH:
            more = "main returns more than the two loss records" if len(records) > 2 else ""
            moved = f"{RECORD[split]} is returned as number {at + 1}" if at != position else ""
            return replace(matched(form, more, moved, *notes, kind=NoteKind.READING), **figures(comparison))
    return None


def _wrong(evaluations: Evaluations, split: str, got: Array, choices: Choices) -> Comparison:
    main = evaluations.main
    epochs = main.config.epochs
    if len(got) != epochs:
        text = f"the {SET[split]} loss record has {len(got)} numbers, where one an epoch ({epochs}) is expected"
        return main.bad(Said(text, Found.OTHER_LENGTH), got=float(len(got)), want=float(epochs))
    if not choices:
        return main.bad(Said(f"after epoch {evaluations.epochs + 1} no step was seen", Found.NO_STEP_SEEN))
    if uncovered := evaluations.coverage_problem(split):
        return main.bad(uncovered)
    answer, _ = _nearest(got, choices)
    comparison = compare(Returned("array", got, ""), answer)
    epoch = int(np.argmax(~(np.abs(got - answer.value) <= answer.radius)))
    text = (
        f"the {SET[split]} loss after epoch {epoch + 1} is {got[epoch]:.9g}, where the mini-batch losses add up "
        f"to {answer.value[epoch]:.9g}"
    )
    told = {"where": f"[{epoch}]", "got": float(got[epoch]), "want": float(answer.value[epoch])}
    return main.bad(text, **(figures(comparison) | told))
