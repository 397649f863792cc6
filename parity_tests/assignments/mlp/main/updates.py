"""Finds the steps of a run: a step is what the weights are from one training batch to the next.

So it does not matter in how many calls, in which order or by whose code they are changed, nor what is done to them and
taken back in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.main.run import Pass, SgdCall, Update
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from reference.rounding import gamma

TAKEN_BACK = 4
"""Roundings of a weight that is moved by at most 1, back by twice that, and forth again: a difference quotient's."""
Weights = Mapping[str, NDArray[Any]]
"""The recorded weights, stacked, by WEIGHT_NAMES."""


def training_passes(passes: Sequence[Pass]) -> list[Pass]:
    """Those that train: that go backward or call SGD; if none does, those with dropout on, or else all forwards."""
    return (
        [one for one in passes if one.sgd or one.backward is not None]
        or [one for one in passes if one.training]
        or [one for one in passes if one.forward]
    )


def updates_of(passes: Sequence[Pass], weights: Weights, end: int, *, epochs: int, steps: int) -> tuple[Update, ...]:
    """The steps, each from the weights at a training batch to those at the next.

    The weights at `end` are the last ones; `epochs` of `steps` steps are asked for. A training batch without SGD that
    leaves the weights as they were is none: main may look at a gradient first.
    """
    training = training_passes(passes)
    found: list[tuple[Pass, tuple[int, ...]]] = []
    for number, step in enumerate(training):
        following = training[number + 1 : number + 2]
        after = tuple(one.before for one in following) or _after_last(step, passes, weights, end)
        changed = tuple(index for index in after if index < 0 or not _unchanged(weights, step.before, index))
        if step.sgd or changed:
            found.append((step, changed or after))
    epoch_of = _epochs([one for one, _ in found], passes, epochs, steps)
    return tuple(_update(one, after, epoch, weights) for (one, after), epoch in zip(found, epoch_of, strict=True))


def _after_last(step: Pass, passes: Sequence[Pass], weights: Weights, end: int) -> tuple[int, ...]:
    """What the weights may be after the last step: after SGD, or where it changes nothing at any later time."""
    if step.sgd and step.sgd[-1].after >= 0 and not _unchanged(weights, step.before, step.sgd[-1].after):
        return (step.sgd[-1].after,)
    later = [one.weights for one in passes if one.started > step.started and one.weights >= 0]
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


def _update(step: Pass, after: tuple[int, ...], epoch: int, weights: Weights) -> Update:
    effective = [call for call in step.sgd if call.after != call.before] or step.sgd
    cut = effective[-1].index if effective else float("inf")
    ended = step.sgd[-1].index if step.sgd else step.started if step.backward is None else step.backward
    return Update(
        epoch=epoch,
        pass_=step if step.forward else None,
        before=step.before,
        after=after[0],
        later=after[1:],
        rates=step.sgd[-1].rates if step.sgd else {},
        momentum=step.sgd[0].momentum if step.sgd else "",
        calls=tuple(call for call in step.calls if call.index < cut),
        ended=ended,
        again=_again(step.sgd, weights),
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


def _epochs(steps_made: Sequence[Pass], passes: Sequence[Pass], epochs: int, steps: int) -> list[int]:
    """The epoch of each step: by counting where the number is right, else parted by passes over validation data."""
    count = len(steps_made)
    if count == epochs * steps:
        return [index // steps for index in range(count)]
    valid = [one.started for one in passes if one.split == "valid"]
    epochs_of, epoch = [], 0
    for index, step in enumerate(steps_made):
        if index and any(steps_made[index - 1].started < at < step.started for at in valid):
            epoch += 1
        epochs_of.append(epoch)
    return epochs_of if epoch else [index // max(steps, 1) for index in range(count)]
