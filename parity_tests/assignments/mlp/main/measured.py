"""What `main` could have recorded after each epoch: losses and predictions by its weights. For explanations only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from parity_tests.assignments.mlp.main.main_run import CLASSES, Array, MainRun
from parity_tests.assignments.mlp.main.run import Pass, Update
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.assignments.mlp.network import formula
from reference.cross_entropy import loss_of


class Swept(NamedTuple):
    """A mini-batch of an evaluation: its rows, the labels that the loss was given, and the mask of its dropout."""

    rows: tuple[int, ...]
    given: tuple[float, ...] | None
    mask: Array | None


class Measured:
    """The numbers of one set in one run; each is asked for once an epoch. None of a run whose epochs are not all known.

    A set is gone over as the run did, where it did so by whole mini-batches, else in the order of the file.
    """

    def __init__(self, main: MainRun, split: str) -> None:
        self._main, self.split = main, split
        self._X, self._y = main.digits[f"{split}_X"], main.labels(split)
        self.size = main.size(split)

    @cached_property
    def weights(self) -> list[dict[str, Array]] | None:
        """Those that each epoch leaves."""
        last: dict[int, Update] = {update.epoch: update for update in self._main.run.updates}
        epochs = self._main.config.epochs
        if sorted(last) != list(range(epochs)) or not all(self._main.sound(update.after) for update in last.values()):
            return None
        return [self._main.run.at(last[epoch].after) for epoch in range(epochs)]

    @cached_property
    def sweeps(self) -> list[list[Swept]]:
        """The mini-batches of each epoch's evaluation."""
        batch, whole = self._main.config.batch, self._main.whole(self.split)
        by_file = [Swept(tuple(range(at, at + batch)), None, None) for at in range(0, whole, batch)]
        seen = [[one for one in passes if one.split == self.split] for passes in self._main.run.evaluations]
        epochs = [seen[t] if t < len(seen) else [] for t in range(self._main.config.epochs)]
        return [[self._swept(one) for one in passes] if _covers(passes, whole) else by_file for passes in epochs]

    def _swept(self, one: Pass) -> Swept:
        kept = next((drop.kept for drop in reversed(one.drops) if drop.train), None)
        return Swept(one.rows, one.labels, None if kept is None else self._main.scaled(kept))

    # ---- losses

    def losses(self, weights: Sequence[dict[str, Array]], *, masked: bool = False) -> list[list[float]]:
        """The loss of each mini-batch in each epoch; `masked`: with the masks that dropout drew in the evaluation."""
        return [
            [self._loss(w, one, one.mask if masked else None) for one in sweep]
            for w, sweep in zip(weights, self.sweeps, strict=True)
        ]

    def _loss(self, weights: dict[str, Array], one: Swept, mask: Array | None) -> float:
        rows = list(one.rows)
        return self._mean_loss(weights, self._X[rows], self._y[rows], mask)

    def _mean_loss(self, weights: dict[str, Array], X: Array, y: Array, mask: Array | None) -> float:
        """The loss of rows X with labels y; NaN where the mask does not fit."""
        if mask is not None and mask.shape != (len(X), weights["L1_W"].shape[1]):
            return float("nan")
        return float(loss_of(self._logits_of(weights, X, mask), y.astype(np.int64)))

    def losses_of_given_labels(self, weights: Sequence[dict[str, Array]]) -> list[list[float]]:
        """The same with the labels that the loss was given; empty where these are not known."""
        if not all(_usable(one) for sweep in self.sweeps for one in sweep):
            return []
        return [
            [
                float(loss_of(self._logits(w, one), np.array(one.given or (), dtype=np.int64)))
                for one in sweep
            ]
            for w, sweep in zip(weights, self.sweeps, strict=True)
        ]  # fmt: skip

    def stale(self, old: Sequence[str]) -> list[dict[str, Array]] | None:
        """The weights that each epoch leaves, the `old` ones of them those that it began with."""
        first: dict[int, Update] = {}
        for update in self._main.run.updates:
            first.setdefault(update.epoch, update)
        if self.weights is None or not all(self._main.sound(update.before) for update in first.values()):
            return None
        return [
            {**w, **{name: self._main.run.at(first[epoch].before)[name] for name in old}}
            for epoch, w in enumerate(self.weights)
        ]

    @cached_property
    def met(self) -> list[list[float]]:
        """For each epoch, the losses of its steps, each before its update; empty where a step is not known."""
        by_epoch: list[list[float]] = [[] for _ in range(self._main.config.epochs)]
        for update in self._main.run.updates:
            inputs = self._main.inputs(update)
            if inputs is None or not self._main.sound(update.before) or update.epoch >= len(by_epoch):
                return []
            by_epoch[update.epoch].append(self._mean_loss(self._main.run.at(update.before), *inputs))
        return by_epoch if all(by_epoch) else []

    def squares(self, names: Sequence[str] = WEIGHT_NAMES) -> Array:
        """The sum of the squares of the weights that each epoch leaves."""
        return np.array([sum(float((w[name] ** 2).sum()) for name in names) for w in self.weights or ()])

    def sums(self) -> list[float]:
        """The sum of the losses of each epoch: what is asked for."""
        return [sum(losses) for losses in self.losses(self.weights or ())]

    # ---- predictions

    def shares(self) -> list[float]:
        """The share of right predictions in each epoch: what is asked for."""
        return [sum(right) / seen for right, seen in zip(self.right(), self.seen, strict=True)]

    @cached_property
    def seen(self) -> list[int]:
        """How many predictions are made in each epoch."""
        return [sum(len(one.rows) for one in sweep) for sweep in self.sweeps]

    def right(self, *, all_with_all: bool = False, masked: bool = False) -> list[list[int]]:
        """How many predictions are right in each mini-batch of each epoch.

        `all_with_all`: how many of all pairs of a prediction and a label are equal. `masked` as in `losses`.
        """
        counts = []
        for w, sweep in zip(self.weights or (), self.sweeps, strict=True):
            epoch = []
            for one in sweep:
                predicted = self._logits(w, one, one.mask if masked else None).argmax(axis=1)
                labels = self._y[list(one.rows)]
                equal = predicted[:, None] == labels if all_with_all else predicted == labels
                epoch.append(int(equal.sum()))
            counts.append(epoch)
        return counts

    def _logits(self, weights: dict[str, Array], one: Swept, mask: Array | None = None) -> Array:
        return self._logits_of(weights, self._X[list(one.rows)], mask)

    def _logits_of(self, weights: dict[str, Array], X: Array, mask: Array | None) -> Array:
        return formula.forward(weights, X, 1 if mask is None else mask, self._main.config.activation).a


def _covers(passes: Sequence[Pass], whole: int) -> bool:
    """Whether passes go over a set once, by mini-batches, with no example twice."""
    rows: list[int] = [row for one in passes for row in one.rows]
    return len(rows) == len(set(rows)) >= whole


def _usable(one: Swept) -> bool:
    given: tuple[float, ...] = one.given or ()
    return len(given) == len(one.rows) and all(0 <= label < CLASSES for label in given)
