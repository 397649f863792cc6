"""Judges whether the steps of `main` follow from random_seed: the same number twice, and another one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from parity_tests.assignments.mlp.main.main_run import FALSE_ALARM, MainRun, Weights
from parity_tests.assignments.mlp.main.run import Dropped
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.protocol.comparison import Comparison, matched

LATE = "(is the generator seeded, before the layers are built, with main_params['random_seed']?)"


def judge_random_seed(runs: Sequence[MainRun]) -> Comparison:
    """Whether runs of the same seed are the same, whatever the generators' state before, and those of others are not.

    And whether np.random.seed, where it is called, is called with the number that is asked for.

    What is the same or not is the weights at the start and the order of the examples, and with correct parts the masks
    of dropout: a submission's own parts may draw them in their own way.
    """
    first = runs[0]
    for one in runs:
        if one.run.seeded and one.config.seed not in one.run.seeded:
            given, asked = ", ".join(map(str, one.run.seeded)), one.config.seed
            return one.bad(f"np.random.seed is called with {given}, where main_params['random_seed'] is {asked}")
    for other in runs[1:]:
        differ = first.config.seed != other.config.seed
        problem = _repeated(first, other) if differ else _not_repeated(first, other)
        if problem:
            return other.bad(problem)
    return matched()


def step_of_another_mask(runs: Sequence[MainRun]) -> int | None:
    """The number of the first step at which a run of the first one's seed drops other elements, None for none."""
    first = runs[0]
    same = [one for one in runs[1:] if one.config.seed == first.config.seed and one.config.rate > 0]
    for number, updates in enumerate(zip(first.run.updates, *(one.run.updates for one in same), strict=False), 1):
        drops = [update.pass_.dropped for update in updates if update.pass_ is not None]
        if any(_differ(drops[0], other) for other in drops[1:]):
            return number
    return None


def _differ(one: Dropped | None, other: Dropped | None) -> bool:
    """Whether two masks differ where both are seen."""
    if one is None or other is None or one.kept is None or one.seen is None or other.kept is None or other.seen is None:
        return False
    seen = one.seen & other.seen if one.seen.shape == other.seen.shape else np.False_
    return bool((seen & (one.kept != other.kept)).any())


def _not_repeated(first: MainRun, other: MainRun) -> str:
    """What differs between two runs of the same seed and settings, "" for nothing."""
    seed = f"random_seed is {first.config.seed} in runs 1 and {other.number + 1}, but"
    if not first.run.updates or not other.run.updates:
        return ""
    starts = _sound_starts(first, other)
    if starts is not None:
        ours, theirs = starts
        if any(not np.array_equal(ours[name], theirs[name]) for name in WEIGHT_NAMES):
            return f"{seed} the weights at the start differ: they do not follow from the seed {LATE}"
    for number, (one, two) in enumerate(zip(first.run.updates, other.run.updates, strict=False), 1):
        if one.pass_ is None or two.pass_ is None:
            continue
        if one.pass_.rows != two.pass_.rows:
            return f"{seed} step {number} is made on other examples: their order does not follow from the seed {LATE}"
        masks = [mask for mask in (one.pass_.mask, two.pass_.mask) if mask is not None]
        if first.stand_ins and first.config.rate > 0 and len(masks) == 2 and not np.array_equal(masks[0], masks[1]):
            return f"{seed} step {number} has another dropout mask: the masks do not follow from the seed {LATE}"
    return ""


def _sound_starts(first: MainRun, other: MainRun) -> tuple[Weights, Weights] | None:
    """The weights that both runs start from, None where those of one are not there or not sound."""
    at, there = first.run.updates[0].before, other.run.updates[0].before
    return (first.run.at(at), other.run.at(there)) if first.sound(at) and other.sound(there) else None


def _repeated(first: MainRun, other: MainRun) -> str:
    """What is the same in two runs of different seeds, where chance makes it so with less than FALSE_ALARM."""
    seeds = f"random_seed is {first.config.seed} in run 1 and {other.config.seed} in run {other.number + 1}, but"
    if not first.run.updates or not other.run.updates:
        return ""
    starts = _sound_starts(first, other)
    if starts is not None:
        ours, theirs = starts
        if any(np.array_equal(ours[name], theirs[name]) for name in ("L1_W", "L2_W") if ours[name].any()):
            return f"{seeds} the weights at the start are the same: another seed is used"
    orders = _first_order(first), _first_order(other)
    N, count = first.size("train"), min(map(len, orders))
    if -1 in orders[0] or sorted(orders[0]) == orders[0]:  # not rows that are known, or not shuffled at all
        return ""
    sets = [orders[0][at : at + first.config.batch] for at in range(0, count, first.config.batch)]
    within = math.prod(math.factorial(len(rows)) for rows in sets if rows == sorted(rows))  # sorted: of any order
    chance = within * math.factorial(N - count) / math.factorial(N)
    if other.size("train") == N and orders[0][:count] == orders[1][:count] and chance < FALSE_ALARM:
        return f"{seeds} the examples are taken in the same order: it follows from another seed"
    return ""


def _first_order(main: MainRun) -> list[int]:
    """The rows of the first epoch, in the order in which they are taken."""
    updates = [update for update in main.run.updates if update.epoch == 0]
    return [row for update in updates if update.pass_ is not None for row in update.pass_.rows][: main.size("train")]
