"""What a wrong loss record holds instead: a sentence that its numbers, or the calls, confirm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from parity_tests.assignments.mlp.main.closeness import EXPLAINS, same
from parity_tests.assignments.mlp.main.evaluations import OTHER, SET, Evaluations
from parity_tests.assignments.mlp.main.main_run import Array, MainRun
from parity_tests.assignments.mlp.main.run import Pass, Update
from parity_tests.assignments.mlp.main.wiring import mean_loss
from parity_tests.assignments.mlp.names import WEIGHT_NAMES

Candidates = Iterator[tuple[str, Sequence[float] | Array]]
"""What a record may hold, in words, and its numbers."""


def loss_reason(evaluations: Evaluations, split: str, got: Array) -> str:
    """What a wrong loss record holds instead, "" where nothing explains it."""
    if reason := evaluations.dropped(split) or _labels_reason(evaluations, split):
        return reason
    met = _met(evaluations.main)
    sums = _sums(evaluations, split)
    for candidates in (
        _of_the_set(evaluations, split, sums, met) if sums else (),
        _of_the_other_set(evaluations, split),
        _of_training(met),
    ):
        for reason, values in candidates:
            if len(values) == len(got) and same(got, values, EXPLAINS):
                return reason
    return _multiple(got, sums) if sums else ""


def _labels_reason(evaluations: Evaluations, split: str) -> str:
    labels = evaluations.main.labels(split)
    for one in (one for passes in evaluations.of(split) for one in passes):
        if one.labels is not None and not np.array_equal(np.array(one.labels), labels[list(one.rows)]):
            return f"in the evaluation of the {SET[split]} set the loss is given labels that are not its rows' own"
    return ""


def _sums(evaluations: Evaluations, split: str) -> list[float]:
    """The sum of the losses of each epoch, empty where not every epoch is evaluated."""
    epochs = evaluations.of(split)
    if not all(epochs) or len(epochs) != evaluations.main.config.epochs:
        return []
    return [sum(evaluations.losses(passes)) for passes in epochs]


def _of_the_set(evaluations: Evaluations, split: str, sums: Sequence[float], met: Sequence[list[float]]) -> Candidates:
    epochs = evaluations.of(split)
    losses = [evaluations.losses(passes) for passes in epochs]
    yield "the mini-batch losses are not added up: the record holds the last one", [v[-1] for v in losses]
    yield "the mini-batch losses are not added up: the record holds the first one", [v[0] for v in losses]
    yield "the sum of the losses is not set back to 0 at each epoch", np.cumsum(sums)
    both = [a + sum(b) for a, b in zip(sums, met, strict=True)]
    yield "the losses met while training are added in as well", both
    for old in (WEIGHT_NAMES, WEIGHT_NAMES[:2], WEIGHT_NAMES[2:]):
        stale = _stale(evaluations.main, split, epochs, old)
        yield "the set is evaluated with weights from before the epoch", stale
    least, most, seen = np.array([evaluations.counts(passes) for passes in epochs], np.float64).T
    for right in (least, most):
        yield "the record holds accuracies, not losses", right / seen


def _of_the_other_set(evaluations: Evaluations, split: str) -> Candidates:
    other = OTHER[split]
    if sums := _sums(evaluations, other):
        yield f"the {SET[split]} loss record holds the losses of the {SET[other]} set", sums


def _of_training(met: Sequence[list[float]]) -> Candidates:
    added = "the losses met while training are added up, where the set is evaluated after the epoch"
    yield added, [sum(v) for v in met]
    yield "the record holds the losses met while training", [float(np.mean(v)) for v in met]
    yield "the record holds the last loss met while training", [v[-1] for v in met]


def _met(main: MainRun) -> list[list[float]]:
    """For each epoch, the losses of its steps, each before its update."""
    by_epoch: dict[int, list[float]] = {}
    for update in main.run.updates:
        value = _training_loss(main, update)
        if value is not None:
            by_epoch.setdefault(update.epoch, []).append(value)
    return [by_epoch.get(epoch, [0.0]) for epoch in range(main.config.epochs)]


def _training_loss(main: MainRun, update: Update) -> float | None:
    inputs = main.inputs(update)
    if inputs is None or not main.sound(update.before):
        return None
    X, y, mask = inputs
    return mean_loss(main.run.at(update.before), X, y, mask, main.config.activation)


def _stale(main: MainRun, split: str, epochs: Sequence[Sequence[Pass]], old: Sequence[str]) -> list[float]:
    """The sum of the losses of each epoch, the `old` ones of its weights those from before its first step."""
    first: dict[int, int] = {}
    for update in main.run.updates:
        first.setdefault(update.epoch, update.before)
    X, y = main.digits[f"{split}_X"], main.labels(split)
    sums = []
    for epoch, passes in enumerate(epochs):
        if not main.sound(first.get(epoch, -1)):
            return []
        stale = main.run.at(first[epoch])
        losses = [
            mean_loss(
                {**main.run.at(p.weights), **{name: stale[name] for name in old}},
                X[list(p.rows)], y[list(p.rows)], None, main.config.activation,
            )
            for p in passes
        ]  # fmt: skip
        sums.append(sum(loss for loss in losses if loss is not None))
    return sums


def _multiple(got: Array, sums: Sequence[float]) -> str:
    """Whether a record is a constant multiple of the sums of losses."""
    ratios = got / np.array(sums)
    if not np.isfinite(ratios).all() or not same(ratios, np.full(len(ratios), ratios[0])):
        return ""
    return f"the record holds {ratios[0]:.6g} times the sums of the mini-batch losses"
