"""Judges the accuracies that `main` writes into a file of its own, or returns beside the losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.evaluations import OTHER, POSITION, Evaluations
from parity_tests.assignments.mlp.main.main_run import Array, MainRun
from parity_tests.assignments.mlp.main.run import SET
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.finding import Said
from reference.rounding import gamma
from reports.model.notes import NoteKind

WORD = {"train": "train", "valid": "val"}
"""What a key of a result file holds for its set."""
TEST = "test"
"""What a key of the last edition's result file holds for the accuracy of its best model."""
UNSEEN = "main wrote no result file, so that accuracies were not seen"
PER_CENT = "the accuracies are written in per cent"
Record = tuple[str, Array]
"""Where a record stands, in words, and its numbers."""
Bounds = Sequence[tuple[int, int, int]]
"""(at least, at most, of how many) predictions are right, in each sweep over the set after an epoch."""


def judge_accuracy(evaluations: Evaluations, split: str) -> Comparison:
    """Whether the file that main wrote holds the share of right predictions after each epoch; none is asked for."""
    main, quantity = evaluations.main, f"{SET[split]} accuracy"
    if main.failure is not None:
        return matched()
    written, files = records_written(main, split), _result_files(main)
    records = written if files else [("", values) for _, values in main.run.returned[2:]]
    if not records:
        return _no_record(main, quantity, files) if files else matched(UNSEEN, kind=NoteKind.UNSEEN)
    unmeasured = evaluations.unmeasured(quantity)
    if unmeasured is not None:
        return unmeasured
    whole = evaluations.epochs == main.config.epochs
    bounds = [bounds_of(evaluations, split, epoch) for epoch in range(evaluations.epochs)] if whole else []
    for _, got in records:
        for scale, note in ((1.0, ""), (100.0, PER_CENT)):
            if whole and len(got) == len(bounds) and _first_wrong(got / scale, bounds) is None:
                return replace(matched(note, kind=NoteKind.READING), total=len(got), bad=0)
    if not files:
        return matched(UNSEEN, kind=NoteKind.UNSEEN)
    position = POSITION[split] if len(written) > POSITION[split] else 0
    return _wrong(evaluations, split, written[position], bounds)


def _result_files(main: MainRun) -> list[tuple[str, str]]:
    """The JSON files that main wrote, but for those of losses that say so; each with what is wrong with it."""
    records = {
        file: [(key, values) for name, key, values in main.run.written if name == file] for file, _ in main.run.files
    }
    return [
        (file, problem)
        for file, problem in main.run.files
        if not records[file] or not all(_is_losses(main, f"{file} {key}", values) for key, values in records[file])
    ]


def _is_losses(main: MainRun, name: str, values: Array) -> bool:
    """Whether a record of this name is one of the losses that main returns."""
    return "loss" in name.lower() and any(np.array_equal(values, loss) for _, loss in main.run.returned[:2])


def _no_record(main: MainRun, quantity: str, files: Sequence[tuple[str, str]]) -> Comparison:
    """A result file without a list for a set."""
    broken = next((f"{file} {problem}" for file, problem in files if problem), "")
    names = ", ".join(file for file, _ in files)
    return main.bad(broken or f"the result file ({names}) holds no record of the {quantity}, a number an epoch")


def records_written(main: MainRun, split: str) -> list[Record]:
    """The records in files that may be those of this set, losses left out."""
    other = WORD[OTHER[split]]
    losses = [values for _, values in main.run.returned[:2]]
    return [
        (f"{file}, {key!r}", values)
        for file, key, values in main.run.written
        if not (other in key.lower() or _is_of_test(key) or any(np.array_equal(values, loss) for loss in losses))
    ]


def _is_of_test(key: str) -> bool:
    """Whether a key says that what it holds is of the test set."""
    return TEST in key.lower() and not any(word in key.lower() for word in WORD.values())


def bounds_of(evaluations: Evaluations, split: str, epoch: int) -> Bounds:
    """Of each way over the set, how many predictions are right with the weights that an epoch leaves."""
    rows = evaluations.rows(split)
    bounds = []
    for sweep in evaluations.sweeps(split, epoch):
        surely, maybe = (int(right[epoch][sweep.rows].sum()) for right in (rows.surely, rows.maybe))
        bounds.append((surely, maybe, len(sweep.rows)))
    return bounds


def _first_wrong(got: Array, bounds: Sequence[Bounds]) -> int | None:
    """The first epoch whose share is that of none of the sweeps."""
    right = [any(counted(value, *bound) for bound in sweeps) for value, sweeps in zip(got, bounds, strict=True)]
    return right.index(False) if False in right else None


def counted(value: float, low: int, high: int, count: int) -> bool:
    """Whether a rate is k/count for a k between low and high, within the rounding of a few operations."""
    k = round(float(value) * count) if np.isfinite(value) and count else -1
    return low <= k <= high and abs(value - k / count) <= gamma(count + 2, np.dtype(np.float64))


def _wrong(evaluations: Evaluations, split: str, record: Record, bounds: Sequence[Bounds]) -> Comparison:
    main, quantity = evaluations.main, f"{SET[split]} accuracy"
    key, got = record
    epochs = main.config.epochs
    if len(got) != epochs:
        text = f"the {quantity} record ({key}) has {len(got)} numbers, where one for each of {epochs} epochs"
        return main.bad(Said(f"{text} is expected", Found.OTHER_LENGTH), got=float(len(got)), want=float(epochs))
    if not bounds:
        return main.bad(Said(f"after epoch {evaluations.epochs + 1} no step was seen", Found.NO_STEP_SEEN))
    if uncovered := evaluations.coverage_problem(split):
        return main.bad(uncovered)
    epoch = _first_wrong(got, bounds) or 0
    low, high, count = bounds[epoch][0]
    shown = f"{low}" if low == high else f"{low} to {high}"
    text = (
        f"the {quantity} after epoch {epoch + 1} ({key}) is {got[epoch]:.6g}, where {shown} of {count} "
        f"examples are right"
    )
    value, want = float(got[epoch]), low / count
    return main.bad(text, got=value, want=want, gap=abs(value - want), where=f"[{epoch}]")
