"""Finds the steps of a run: a step is what the weights are from one training batch to the next.

So it does not matter in how many calls, in which order or by whose code they are changed, nor what is done to them and
taken back in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.main.run import Pass, Update
from parity_tests.assignments.mlp.main.spans import SgdCall, Span
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from reference.rounding import gamma

TAKEN_BACK = 4
"""Roundings of a weight that is moved by at most 1, back by twice that, and forth again: a difference quotient's."""
Weights = Mapping[str, NDArray[Any]]
"""The recorded weights, stacked, by WEIGHT_NAMES."""


def training_spans(spans: Sequence[Span]) -> list[Span]:
    """Those that train: that go backward or call SGD; if none does, those with dropout on, or else all forwards."""
    return (
        [span for span in spans if span.sgd or span.backward is not None]
        or [span for span in spans if span.trains]
        or [span for span in spans if span.forward]
    )


def updates_of(
    spans: Sequence[Span], passes: Mapping[int, Pass], weights: Weights, end: int, *, epochs: int, steps: int
) -> tuple[Update, ...]:
    """The steps, each from the weights at a training batch to those at the next.

    `passes` are the spans' own, by where they start in the log, and the weights at `end` are the last ones; `epochs` of
    `steps` steps are asked for. A training batch without SGD that leaves the weights as they were is none: main may
    look at a gradient first.
    """
    training = training_spans(spans)
    found: list[tuple[Span, tuple[int, ...]]] = []
    for number, span in enumerate(training):
        following = training[number + 1 : number + 2]
        after = tuple(one.before for one in following) or _after_last(span, spans, weights, end)
        changed = tuple(index for index in after if index < 0 or not _unchanged(weights, span.before, index))
        if span.sgd or changed:
            found.append((span, changed or after))
    epoch_of = _epochs([span for span, _ in found], spans, epochs, steps)
    return tuple(
        _update(span, after, epoch, passes.get(span.started), weights)
        for (span, after), epoch in zip(found, epoch_of, strict=True)
    )


def _after_last(span: Span, spans: Sequence[Span], weights: Weights, end: int) -> tuple[int, ...]:
    """What the weights may be after the last step: after SGD, or where it changes nothing at any later time."""
    if span.sgd and span.sgd[-1].after >= 0 and not _unchanged(weights, span.before, span.sgd[-1].after):
        return (span.sgd[-1].after,)
    later = [one.weights for one in spans if one.started > span.started and one.weights >= 0]
    return tuple(dict.fromkeys([*later, end]))


def _unchanged(weights: Weights, one: int, other: int) -> bool:
    """Whether two recorded weights are the same, but for what was taken back."""
    if one == other or one < 0 or other < 0:
        return one == other
    return all(taken_back(weights[name][one], weights[name][other]) for name in WEIGHT_NAMES)


def taken_back(before: NDArray[Any], after: NDArray[Any]) -> bool:
    """Whether two arrays of a shape are the same, or what moving some elements and taking it back leaves."""
    rounding = gamma(TAKEN_BACK, np.dtype(np.float64)) * (np.abs(before) + 1)
    return bool(np.all((np.abs(before - after) <= rounding) | (np.isnan(before) & np.isnan(after))))


def _update(span: Span, after: tuple[int, ...], epoch: int, one: Pass | None, weights: Weights) -> Update:
    effective = [call for call in span.sgd if call.after != call.before] or span.sgd
    cut = effective[-1].index if effective else float("inf")
    ended = span.sgd[-1].index if span.sgd else span.started if span.backward is None else span.backward
    return Update(
        epoch=epoch,
        pass_=one,
        before=span.before,
        after=after[0],
        later=after[1:],
        rates=span.sgd[-1].rates if span.sgd else {},
        momentum=span.sgd[0].momentum if span.sgd else "",
        calls=tuple(call for index, call in span.calls if index < cut),
        ended=ended,
        again=_again(span.sgd, weights),
    )


def _again(calls: Sequence[SgdCall], weights: Weights) -> bool:
    """Whether several calls of SGD after one forward change the same parameter."""
    changed: set[str] = set()
    for call in calls:
        if call.before < 0 or call.after < 0:
            continue
        around = {name: (weights[name][call.before], weights[name][call.after]) for name in WEIGHT_NAMES}
        now = {name for name, (before, after) in around.items() if not np.array_equal(before, after)}
        if changed & now:
            return True
        changed |= now
    return False


def _epochs(steps_made: Sequence[Span], spans: Sequence[Span], epochs: int, steps: int) -> list[int]:
    """The epoch of each step: by counting where the number is right, else parted by passes over validation data."""
    count = len(steps_made)
    if count == epochs * steps:
        return [index // steps for index in range(count)]
    valid = [span.started for span in spans if span.split == "valid"]
    epochs_of, epoch = [], 0
    for index, span in enumerate(steps_made):
        if index and any(steps_made[index - 1].started < at < span.started for at in valid):
            epoch += 1
        epochs_of.append(epoch)
    return epochs_of if epoch else [index // max(steps, 1) for index in range(count)]
