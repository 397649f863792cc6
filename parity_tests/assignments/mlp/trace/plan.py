"""What both sides of a trace are given: weights, batches and rates, in the homework's order of draws."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.digits import CLASSES, Digits
from parity_tests.assignments.mlp.kinds.network import LINKS, links
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, gradient_name, key_after_step, updated_name, weight_shapes
from parity_tests.assignments.mlp.trace.settings import Settings
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.quantity import Key
from parity_tests.trace.plan import Evaluation, Plan, Round, Step

Array = NDArray[Any]
CHUNK = 500
"""Rows that are evaluated at a time."""


@dataclass(frozen=True)
class BatchStep(Step):
    """A step, and the rows of its mini-batch; `opens` an epoch or not."""

    rows: NDArray[np.int64]
    opens: bool


def quantities(activation: str, dropout: bool) -> list[tuple[str, str]]:
    """Name and part of what is compared at each step, in the order of computation.

    The gradient of X is left out: it trains nothing.
    """
    inside = [(name, part) for name, part in links(activation, dropout) if name != "L1 gradient of X"]
    return inside + [(updated_name(name), "1") for name in WEIGHT_NAMES]


_KEYS = {updated_name(name): key_after_step(name) for name in WEIGHT_NAMES}
_INPUTS: Mapping[str, frozenset[str]] = {
    **{name: link.inputs - {"X"} for name, link in LINKS.items()},
    **{updated_name(name): frozenset({gradient_name(name)}) for name in WEIGHT_NAMES},
}
"""What each quantity of a step is computed from, beside the weights, with dropout or without."""


class MlpPlan(Plan):
    """Weights, batches and learning rates for both sides, drawn from the settings' seed.

    Raises UsageError where a split of the digits does not fill a mini-batch.
    """

    def __init__(self, settings: Settings, digits: Digits) -> None:
        self.settings: Settings = settings
        self.digits = digits
        self.steps_an_epoch = len(digits.train_X) // settings.batch
        smallest = min(len(digits.train_X), len(digits.valid_X))
        if not 1 <= settings.batch <= smallest:
            raise UsageError(f"--batch is {settings.batch}; to fill a batch it must lie in 1..{smallest}.")
        whole = settings.epochs * self.steps_an_epoch
        self.total = whole if settings.steps is None else min(settings.steps, whole)
        self._random = np.random.RandomState(settings.seed)  # the homework's generator, whose draws it publishes
        D, M = digits.train_X.shape[1], settings.hidden
        shapes = weight_shapes(D, M, CLASSES)
        self.weights: dict[str, Array] = {
            n: self._random.normal(0.0, 0.1, shapes[n]).astype(settings.dtype) for n in WEIGHT_NAMES
        }

    def __iter__(self) -> Iterator[Step | Evaluation]:
        """Every step, and the evaluations after every epoch and after the last step. To be iterated once: it draws."""
        s, N = self.settings, len(self.digits.train_X)
        eta, number = s.eta, 0
        for epoch in range(1, s.epochs + 1):
            if epoch > 1 and (epoch - 1) % s.drop_every == 0:
                eta *= 0.1
            order = self._random.permutation(N)
            for k in range(self.steps_an_epoch):
                if number == self.total:
                    break
                number += 1
                yield BatchStep(number, epoch, eta, order[k * s.batch : (k + 1) * s.batch], k == 0)
                self._random.random_sample(s.batch * s.hidden)  # the dropout's mask, drawn at rate 0 as well
            yield from self._evaluations(number, epoch)
            if number == self.total:
                return

    def _evaluations(self, step: int, epoch: int) -> Iterator[Evaluation]:
        """Whole mini-batches, as the homework evaluates them."""
        rows = max(self.settings.batch, CHUNK // self.settings.batch * self.settings.batch)
        for split, X in (("train", self.digits.train_X), ("valid", self.digits.valid_X)):
            end = len(X) // self.settings.batch * self.settings.batch
            for start in range(0, end, rows):
                yield Evaluation(step, epoch, split, slice(start, min(start + rows, end)), start + rows >= end)

    def key_of(self, quantity: str) -> Key:
        return _KEYS.get(quantity) or Key(quantity)

    def inputs_of(self, quantity: str) -> frozenset[str] | None:
        return _INPUTS.get(quantity)

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        N, M, K = self.settings.batch, self.settings.hidden, self.weights["L2_b"].size
        hidden = ("L1 output", "activation output", "dropout output", "L2 gradient of X", "dropout gradient")
        shape_of: dict[str, tuple[int, ...]] = dict.fromkeys((*hidden, "activation gradient"), (N, M))
        shape_of |= {"L2 output": (N, K), "gradient of logits": (N, K), "loss": ()}
        for name, w in self.weights.items():
            shape_of[gradient_name(name)] = shape_of[updated_name(name)] = w.shape
        return shape_of

    def data(self, item: Step | Evaluation) -> tuple[Array, NDArray[np.int64]]:
        """X (N×D, in the trace's dtype) and the labels (N,) of a step or an evaluation."""
        assert isinstance(item, BatchStep | Evaluation)
        train = isinstance(item, Step) or item.split == "train"
        X, y = (self.digits.train_X, self.digits.train_y) if train else (self.digits.valid_X, self.digits.valid_y)
        return X[item.rows].astype(self.settings.dtype), y[item.rows]

    def round(self, item: Step | Evaluation, weights: Mapping[str, Array] | None = None) -> Round:
        X, y = self.data(item)
        arrays = {"X": X, "Y": y[:, None].astype(np.float64), **(weights or {})}
        if isinstance(item, Evaluation):
            return {"kind": "evaluation", "batch": self.settings.batch}, arrays
        assert isinstance(item, BatchStep)
        return {"kind": "step", "eta": item.eta, "permute": len(self.digits.train_X) if item.opens else 0}, arrays
