"""The evaluations of a run: which examples `main` measured after each epoch, and what torch says of its weights."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.main_run import MainRun
from parity_tests.assignments.mlp.main.run import SET, Pass
from parity_tests.assignments.mlp.main.steps import Steps
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.assignments.mlp.network.answers import Rows, evaluation_of_rows
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.finding import Said

OTHER = {"train": "valid", "valid": "train"}
POSITION = {"train": 0, "valid": 1}
"""Where the record of a set stands among those that main returns, and writes."""
IN_ONE = "a set is evaluated in one forward"
UNSEEN = "a set is evaluated without forwards of the layers with the weights of that epoch: by formula, or on copies"
OTHERWISE = "a set's record is right of other mini-batches than its forwards were of, as a mean over it all may be"


@dataclass(frozen=True)
class Sweep:
    """One way to go over a set: the rows of each mini-batch, and what to note of a main that goes so."""

    batches: tuple[tuple[int, ...], ...]
    note: str = ""

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """The rows of all mini-batches, one after another."""
        return np.fromiter(itertools.chain.from_iterable(self.batches), np.intp)


class Evaluations:
    """The evaluations of one run; torch is asked once for each set."""

    def __init__(self, main: MainRun, steps: Steps) -> None:
        self.main = main
        self._after = self._weights_after_epochs(steps)
        self._rows: dict[str, Rows] = {}
        self._sweeps: dict[tuple[str, int], list[Sweep]] = {}

    def _weights_after_epochs(self, steps: Steps) -> list[int]:
        """The index of the weights that each epoch asked for leaves, as far as there is one."""
        last = {update.epoch: (index, update.after) for index, update in enumerate(self.main.run.updates)}
        replayed = {step.index: step.update.after for step in steps.known}
        epochs = range(min(self.main.config.epochs, max(last, default=-1) + 1))
        return [replayed.get(last[epoch][0], last[epoch][1]) if epoch in last else -1 for epoch in epochs]

    @cached_property
    def _same(self) -> list[int]:
        """For each recorded weights the first index at which they are the same."""
        weights, first = self.main.run.weights, dict[bytes, int]()
        content = zip(*(weights[name] for name in WEIGHT_NAMES), strict=True)
        return [first.setdefault(b"".join(w.tobytes() for w in four), index) for index, four in enumerate(content)]

    # ---- what main measured

    def of(self, split: str) -> list[list[Pass]]:
        """For each epoch, the passes over `split` after its updates, with dropout on or off."""
        epochs = [[one for one in passes if one.split == split] for passes in self.main.run.evaluations]
        return epochs[: self.main.config.epochs]

    def seen(self, split: str, epoch: int) -> list[Pass]:
        """All passes over `split` that are made with the weights that an epoch leaves, whenever."""
        return self._seen.get((split, self._same[self._after[epoch]]), [])

    @cached_property
    def _seen(self) -> dict[tuple[str, int], list[Pass]]:
        """All passes but those of the training, by the set and the weights that they are made with."""
        training, seen = {id(update.pass_) for update in self.main.run.updates}, dict[tuple[str, int], list[Pass]]()
        for one in self.main.run.passes:
            if one.weights >= 0 and id(one) not in training:
                seen.setdefault((one.split, self._same[one.weights]), []).append(one)
        return seen

    def sweeps(self, split: str, epoch: int) -> list[Sweep]:
        """The ways over the set whose numbers are right: those that were seen, then those of any other main."""
        if (split, epoch) not in self._sweeps:
            self._sweeps[split, epoch] = self._sweeps_over(split, epoch)
        return self._sweeps[split, epoch]

    def _sweeps_over(self, split: str, epoch: int) -> list[Sweep]:
        N, B = self.main.size(split), self.main.config.batch
        seen = covering(self.seen(split, epoch), self.main.whole(split))
        batches = tuple(tuple(range(start, start + B)) for start in range(0, N - B + 1, B))
        sweeps = [Sweep(rows, IN_ONE if len(rows) == 1 and len(batches) > 1 else "") for rows in seen]
        note = OTHERWISE if seen else UNSEEN
        return [*sweeps, Sweep(batches, note), Sweep((tuple(range(N)),), note)]

    # ---- whether they can be judged, and are whole

    def unmeasured(self, quantity: str) -> Comparison | None:
        """Unjudged where the weights after an epoch are not known, or none that torch can take: see the weights."""
        wrong = [epoch for epoch, index in enumerate(self._after, 1) if not self.main.sound(index)]
        if not wrong:
            return None
        return self.main.unjudged(
            f"the {quantity} cannot be replayed: the weights after epoch {wrong[0]} are not known, or not finite, "
            f"or of wrong shapes"
        )

    @property
    def epochs(self) -> int:
        """After how many of the epochs asked for the weights are known."""
        return len(self._after)

    def coverage_problem(self, split: str) -> Said | None:
        """What the evaluations that were seen leave out, None where they cover the set."""
        epochs, name, N = self.of(split), SET[split], self.main.size(split)
        if len(epochs) < self.main.config.epochs or not all(epochs):
            at = next((i for i, passes in enumerate(epochs) if not passes), len(epochs))
            after = self.main.run.evaluations[at] if at < len(self.main.run.evaluations) else ()
            if any(not one.split for one in after):
                return Said(f"after epoch {at + 1} rows are evaluated that are not those of one set, the {name} set's")
            return Said(f"no pass of the network over the {name} set is seen after epoch {at + 1}", Found.NOT_EVALUATED)
        for epoch, passes in enumerate(epochs, 1):
            seen = {row for one in passes for row in one.rows}
            if len(seen) < self.main.whole(split):
                text = f"after epoch {epoch} only {len(seen)} of the {N} examples of the {name} set are evaluated"
                return Said(text, Found.NOT_EVALUATED)
            if not covering(passes, self.main.whole(split)):
                text = f"after epoch {epoch} some examples of the {name} set are evaluated twice in one sweep over it"
                return Said(text, Found.EVALUATED_TWICE)
        return None

    def dropped(self, split: str) -> str:
        """Whether dropout was on in an evaluation of the set; "" where it was not."""
        if self.main.config.rate > 0 and any(one.training for passes in self.of(split) for one in passes):
            return f"the {SET[split]} set is evaluated with dropout on (is_train=True), where it is off"
        return ""

    # ---- what torch says of the weights that each epoch leaves

    def rows(self, split: str) -> Rows:
        """The losses and predictions of all examples of a set after each epoch, E×N: asked once."""
        if split not in self._rows:
            main, E = self.main, len(self._after)
            at = [main.run.at(index) for index in self._after]
            X, y = main.digits[f"{split}_X"], main.labels(split)
            self._rows[split] = evaluation_of_rows(
                {name: np.stack([weights[name] for weights in at]) for name in WEIGHT_NAMES},
                np.ascontiguousarray(np.broadcast_to(X, (E, *X.shape))),
                np.ascontiguousarray(np.broadcast_to(y, (E, *y.shape))),
                activation=main.config.activation,
                device=main.device,
            )
        return self._rows[split]


def covering(passes: Sequence[Pass], whole: int) -> list[tuple[tuple[int, ...], ...]]:
    """The runs of passes that cover the set with no example twice: extra passes may stand before or after."""
    sweeps: dict[tuple[tuple[int, ...], ...], None] = {}
    for start in range(len(passes)):
        seen: set[int] = set()
        sweep = []
        for one in passes[start:]:
            if seen & set(one.rows):
                break
            seen |= set(one.rows)
            sweep.append(one.rows)
        if len(seen) >= whole:
            sweeps[tuple(sweep)] = None
    return list(sweeps)
