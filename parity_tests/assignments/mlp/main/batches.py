"""Judges what the steps of a run are made on: mini-batches, the order in which they are drawn, and how many."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.main_run import FALSE_ALARM, MainRun
from parity_tests.assignments.mlp.main.run import SET, Pass, Update
from parity_tests.assignments.mlp.main.steps import Steps
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.finding import Said
from reports.model.verdicts import Verdict

Epochs = Mapping[int, Mapping[int, int]]
"""For each epoch, the rows that were used in it, and the step of each."""

# ---- mini-batches ----


def judge_batches(main: MainRun, steps: Steps) -> Comparison:
    """Whether each step is made on B rows of the training set, none of them twice in an epoch, with their labels."""
    epochs: dict[int, dict[int, int]] = {}
    for number, update in enumerate(main.run.updates, 1):
        step = update.pass_
        problem = None if step is None else _rows_problem(main, update, step, number)
        if problem is None and update.again and number - 1 in steps.wrong_indices:
            problem = Said(f"step {number} changes the weights again, without a new forward", Found.CHANGED_AGAIN)
        if step is None:
            return main.bad(f"step {number} changes the weights before any forward", step=number)
        if problem is not None:
            return main.bad(problem, step=number)
        used = epochs.setdefault(update.epoch, {})
        again = _again(step.rows, used)
        if again is not None:
            return main.bad(_twice(update.epoch, step, again, used, number), step=number, where=f"[{again}]")
        used.update(dict.fromkeys(step.rows, number))
        if problem := _labels_problem(main, step, number):
            return main.bad(problem, step=number)
    return _unseen(main, epochs)


def _again(rows: Sequence[int], used: Mapping[int, int]) -> int | None:
    """The first row that was used in the epoch, or stands here more than once."""
    if used.keys().isdisjoint(rows) and len(set(rows)) == len(rows):
        return None
    return next((row for row in rows if row in used or rows.count(row) > 1), None)


def _rows_problem(main: MainRun, update: Update, step: Pass, number: int) -> Said | None:
    """What is wrong with the rows of a step as they are, or None for B rows of the training set."""
    B = main.config.batch
    if step.split != "train":
        what, found = _foreign(main, step)
        return Said(f"step {number} {what}", found)
    if len(step.rows) != B:
        text = f"step {number} (epoch {update.epoch + 1}) is made on {len(step.rows)} rows, not {B}"
        return Said(text, Found.OTHER_BATCH_SIZE)
    return None


def _foreign(main: MainRun, step: Pass) -> Said:
    if step.split:
        name = f"rows of the {SET[step.split]} set"
        alone = {update.pass_.split for update in main.run.updates if update.pass_ is not None} == {step.split}
        if alone:
            return Said(f"trains on {name}", "" if step.split == "train" else Found.OTHER_SET)
        return Said(f"is made on {name}, and others on rows of other sets")
    width = main.pixels
    if step.shape is None or len(step.shape) != 2 or step.shape[1] != width:
        return Said(f"gives L1.forward X of shape {step.shape}, where ({main.config.batch}, {width}) is expected")
    text = "gives L1.forward rows that are not rows of the training set"
    return Said(f"{text}: {step.foreign.text}", step.foreign.found) if step.foreign else Said(text)


def _twice(epoch: int, step: Pass, again: int, used: Mapping[int, int], number: int) -> Said:
    at = used.get(again, number)
    where = f"in step {at} and again in step {number}" if at != number else f"twice in step {number}"
    what = "a mini-batch" if set(step.rows) <= set(used) else f"training example {again}"
    return Said(f"{what} is used twice in epoch {epoch + 1}: {where}", Found.USED_TWICE)


def _labels_problem(main: MainRun, step: Pass, number: int) -> Said | None:
    labels = main.labels("train")[list(step.rows)]
    if step.labels is None or np.array_equal(np.array(step.labels), labels.astype(np.float64)):
        return None
    text = (
        f"in step {number} loss.forward is given labels that are not those of the mini-batch's rows "
        f"({_shown(step.labels)} where {_shown(tuple(labels))} belong)"
    )
    return Said(text, Found.OTHER_LABELS)


def _shown(labels: Sequence[float]) -> str:
    return "[" + ", ".join(f"{label:g}" for label in labels[:10]) + "]"


def _unseen(main: MainRun, epochs: Epochs) -> Comparison:
    """Examples that are never drawn, where an honest order would leave one out with less than FALSE_ALARM."""
    N = main.size("train")
    if main.failure is not None or len(main.run.updates) < main.config.epochs * main.steps:
        return matched()
    left_out = (N - main.whole("train")) / N
    never = sorted(set(range(N)).difference(*epochs.values()))
    if not never or N * left_out ** len(epochs) >= FALSE_ALARM:
        return matched()
    text = f"training examples {', '.join(map(str, never[:10]))} are never used in {len(epochs)} epochs"
    return main.bad(Said(text, Found.NEVER_USED), where=f"[{never[0]}]")


# ---- their order ----

Batches = tuple[tuple[int, ...], ...]
"""The rows of each mini-batch of an epoch, in order."""


def judge_shuffle(main: MainRun) -> Comparison:
    """Whether the examples are shuffled, anew in each epoch."""
    orders: dict[int, list[tuple[int, ...]]] = {}
    for update in main.run.updates:
        if update.pass_ is not None and update.pass_.split == "train":
            orders.setdefault(update.epoch, []).append(update.pass_.rows)
    if not orders and main.failure is None:
        text = "no step was made on rows of the training set, so that there is no order"
        return main.bad(Said(text, Found.NO_TRAINING_ROWS))
    problem = _order_problem(main, [tuple(batches) for batches in orders.values()]) if orders else None
    return main.bad(problem) if problem else matched()


def _order_problem(main: MainRun, epochs: Sequence[Batches]) -> Said | None:
    """What the orders of several epochs have in common, where chance brings it about with less than FALSE_ALARM."""
    N, flat = main.size("train"), [tuple(itertools.chain(*batches)) for batches in epochs]
    in_order = [number for number, rows in enumerate(flat) if _strides(rows, N) in ({1}, {N - 1})]
    # Rows of a mini-batch may be sorted: then its order says nothing.
    of_order = _of_sorted if _sorted(epochs) else _of_order
    if in_order:
        one = 2 * N * of_order(epochs[in_order[0]], N)
        if _chance(len(flat), len(in_order), one, given=0) < FALSE_ALARM:
            which = f"epoch {in_order[0] + 1}"
            if all(list(rows) == list(range(len(rows))) for rows in flat):
                text = "every epoch takes the training examples in the order of the file: nothing is shuffled"
                return Said(text, Found.ALL_IN_FILE_ORDER)
            text = f"{which} takes the training examples one after the other, in the order of the file, or backwards"
            return Said(text, Found.IN_FILE_ORDER)
    same_batches = _most_alike([frozenset(map(frozenset, batches)) for batches in epochs])
    same_order = _most_alike(flat)
    first, second, count = same_batches
    fewer = same_order[2] < count
    used = len(set(itertools.chain(*flat)))
    if fewer and _chance(len(flat), count, _of_batches(epochs[first], N)) < FALSE_ALARM:
        if _chance(len(flat), count, _of_batches(epochs[first], used)) >= FALSE_ALARM:
            return _few(used, N)
        which = f"epochs {first + 1} and {second + 1}"
        text = f"{which} are made of the same mini-batches in another order: each epoch needs fresh ones"
        return Said(text, Found.SAME_BATCHES)
    first, second, count = same_order
    if count > 1 and _chance(len(flat), count, of_order(epochs[first], N)) < FALSE_ALARM:
        if count < len(flat) and _chance(len(flat), count, of_order(epochs[first], used)) >= FALSE_ALARM:
            return _few(used, N)
        which = f"epochs {first + 1} and {second + 1}"
        text = f"{which} take the training examples in the same order: each epoch needs a fresh one"
        return Said(text, Found.SAME_ORDER)
    return None


def _few(used: int, N: int) -> Said:
    """What explains epochs that are alike: they draw from a part of the examples, and from that by chance."""
    return Said(
        f"all epochs take the same {used} of {N} training examples: the others are never used", Found.NEVER_USED
    )


def _strides(rows: Sequence[int], N: int) -> set[int]:
    return {(after - before) % N for before, after in itertools.pairwise(rows)}


def _most_alike(orders: Sequence[Hashable]) -> tuple[int, int, int]:
    """The first two of those that are the same, and how many of them there are."""
    commonest, count = Counter(orders).most_common(1)[0]
    at = [number for number, order in enumerate(orders) if order == commonest]
    return at[0], at[-1] if count == 1 else at[1], count


def _sorted(epochs: Sequence[Batches]) -> bool:
    """Whether the rows of every mini-batch are in ascending order."""
    return all(list(batch) == sorted(batch) for batches in epochs for batch in batches)


def _of_order(batches: Batches, N: int) -> float:
    """The chance of one order of so many of N examples."""
    return 1 / math.perm(N, min(sum(map(len, batches)), N))


def _of_sorted(batches: Batches, N: int) -> float:
    """The same where the rows of each mini-batch are sorted."""
    orders = math.prod(math.factorial(len(batch)) for batch in batches)  # may be larger than any float
    return orders / math.perm(N, min(sum(map(len, batches)), N))


def _of_batches(batches: Batches, N: int) -> float:
    """The chance of the same mini-batches, in any order, each of the same rows."""
    orders = math.factorial(len(batches)) * math.prod(math.factorial(len(batch)) for batch in batches)
    return orders / math.perm(N, min(sum(map(len, batches)), N))


def _chance(epochs: int, alike: int, one: float, given: int = 1) -> float:
    """The chance that so many of some epochs have what each has with the chance `one`; `given` of them free."""
    return math.comb(epochs, alike) * min(one, 1.0) ** (alike - given)


# ---- their number ----


def judge_number_of_steps(main: MainRun) -> Comparison:
    """Whether each of the epochs asked for makes ⌊N/B⌋ steps."""
    config, N, steps = main.config, main.size("train"), main.steps
    want, got = config.epochs * steps, len(main.run.updates)
    figures = {"got": float(got), "want": float(want), "gap": float(abs(got - want)), "total": 1}
    if got == want or (main.failure is not None and got < want):
        return Comparison(Verdict.MATCH, bad=0, ratio=0.0, **figures)  # type: ignore[arg-type]
    counts = Counter(update.epoch for update in main.run.updates)
    each = set(counts.values())
    recorded = {len(values) for _, values in main.run.returned[:2]}
    if each == {steps} and recorded == {len(counts)}:
        early = f" with an early_stopping_patience of {config.patience}" if config.patience else ""
        text = f"it trains for {len(counts)} epochs of {steps} steps, where {config.epochs} epochs are expected{early}"
        return main.bad(Said(text, Found.OTHER_EPOCHS), **figures, bad=1)
    found = Found.OTHER_STEPS if len(each) == 1 and len(counts) == config.epochs else ""
    shown = f"{each.pop()} steps in each of {len(counts)} epochs" if len(each) == 1 else f"{got} steps in all"
    if got == 0:
        shown = "no step that changes the weights"
    text = (
        f"it makes {shown}, where ⌊{N}/{config.batch}⌋ = {steps} steps in each of {config.epochs} epochs are expected"
    )
    return main.bad(Said(text, found), **figures, bad=1)
