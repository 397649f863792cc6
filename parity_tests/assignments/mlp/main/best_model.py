"""Judges the test accuracy that `main` of the last edition writes: that of the best model by validation accuracy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.accuracies import PER_CENT, TEST, bounds_of, counted
from parity_tests.assignments.mlp.main.configs import Config
from parity_tests.assignments.mlp.main.evaluations import Evaluations
from parity_tests.assignments.mlp.main.main_run import MainRun
from parity_tests.assignments.mlp.main.replay import replay
from parity_tests.assignments.mlp.main.steps import replayed
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.finding import Said
from reports.model.notes import NoteKind

QUANTITY = "test accuracy"
UNSEEN = "main wrote no test accuracy, so that it was not seen"


def judge_test_accuracy(evaluations: Evaluations) -> Comparison:
    """Whether the file holds the share of the test set that the best model tells right; none is asked for.

    The best is that of an epoch after which the validation accuracy is highest, whichever of several such.
    """
    main = evaluations.main
    written = [(f"{file}, {key!r}", got) for file, key, got in main.run.written if TEST in key.lower()]
    single = [(key, float(got[0])) for key, got in written if len(got) == 1]
    if main.failure is not None or not single:
        return matched(UNSEEN if main.failure is None else "", kind=NoteKind.UNSEEN)
    unmeasured = evaluations.unmeasured(QUANTITY)
    if unmeasured is not None:
        return unmeasured
    best = sorted(best_epochs(evaluations))
    for _, got in single:
        for scale, note in ((1.0, ""), (100.0, PER_CENT)):
            if any(_is_share(evaluations, "test", epoch, got / scale) for epoch in best):
                return matched(note, kind=NoteKind.READING)
    key, got = single[0]
    low, high, count = bounds_of(evaluations, "test", best[0])[0]
    shown = f"{low}" if low == high else f"{low} to {high}"
    text = (
        f"the test accuracy ({key}) is {got:.6g}, where the best model by validation accuracy, that of epoch "
        f"{best[0] + 1}, has {shown} of {count} right"
    )
    others = list(_others(evaluations, got))
    said = Said(f"{text}: {others[0].text}", others[0].found) if len(others) == 1 else Said(text)
    return main.bad(said, got=got, want=low / count, gap=abs(got - low / count))


def best_epochs(evaluations: Evaluations) -> set[int]:
    """After which epochs the validation accuracy is highest, whichever way the set is gone over."""
    best: set[int] = set()
    epochs = range(evaluations.epochs)
    ways = [bounds_of(evaluations, "valid", epoch) for epoch in epochs]
    for way in range(min(map(len, ways))):
        least = max(ways[epoch][way][0] for epoch in epochs)
        best |= {epoch for epoch in epochs if ways[epoch][way][1] >= least}
    return best


def _is_share(evaluations: Evaluations, split: str, epoch: int, value: float) -> bool:
    return any(counted(value, *bound) for bound in bounds_of(evaluations, split, epoch))


def _others(evaluations: Evaluations, got: float) -> Iterator[Said]:
    """What else the number is."""
    last = evaluations.epochs - 1
    losses = evaluations.rows("valid").loss.value.mean(axis=1)
    if _is_share(evaluations, "test", last, got):
        yield Said("it is that of the last epoch", Found.TEST_OF_LAST)
    if _is_share(evaluations, "test", int(losses.argmin()), got):
        yield Said("it is that of the epoch with the smallest validation loss", Found.TEST_BY_LOSS)
    if any(_is_share(evaluations, "valid", epoch, got) for epoch in range(last + 1)):
        yield Said("it is an accuracy of the validation set", Found.TEST_OF_VALIDATION)


def stopped_early(main: MainRun) -> MainRun:
    """The same run, asked for as many epochs as its accuracies leave it, where it made others than all.

    The handout's words leave open whether an accuracy that is only reached again is a new best one, and whether the
    epoch after the last one of the patience is still made: any reading is right.
    """
    made, rest = divmod(len(main.run.updates), main.steps)
    if main.failure is not None or rest or not made:
        return main
    run = replay(main.observation, main.digits, epochs=made, batch=main.config.batch, number=main.number)
    seen = replace(main, run=run, config=replace(main.config, epochs=made))
    ends = set(_ends(_right(seen), main.config))
    if made in ends or not ends:
        return seen if made in ends else main
    return replace(main, config=replace(main.config, epochs=max(ends)))


def _right(main: MainRun) -> list[int]:
    """How many examples of the validation set the weights after each epoch tell right."""
    evaluations = Evaluations(main, replayed(main))
    if evaluations.unmeasured("validation accuracy") is not None:
        return []
    return [int(right.sum()) for right in evaluations.rows("valid").surely]


def _ends(right: Sequence[int], config: Config) -> Iterator[int]:
    """After how many epochs training may end, by each reading of the handout; none by one that leads on."""
    for again, late in itertools.product((True, False), (0, 1)):
        best = 0
        for epoch, count in enumerate(right):
            if count > right[best] or (again and count == right[best]):
                best = epoch
            elif epoch - best >= config.patience + late:
                yield epoch + 1
                break
        else:
            if len(right) == config.epochs:
                yield config.epochs
