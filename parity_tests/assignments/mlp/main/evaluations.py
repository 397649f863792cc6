"""The evaluations of a run: which examples `main` measured after each epoch, and what torch says of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from parity_tests.assignments.mlp.main.main_run import MainRun
from parity_tests.assignments.mlp.main.run import Pass
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.assignments.mlp.network.answers import Evaluation, evaluation
from parity_tests.protocol.comparison import Comparison

SET = {"train": "training", "valid": "validation"}
OTHER = {"train": "valid", "valid": "train"}
POSITION = {"train": 0, "valid": 1}
"""Where the record of a set stands among those that main returns, and writes."""


class Evaluations:
    """The evaluations of one run; torch is asked once for each."""

    def __init__(self, main: MainRun) -> None:
        self.main = main
        self._answers: dict[int, Evaluation] = {}

    def of(self, split: str) -> list[list[Pass]]:
        """For each epoch, the passes over `split` after its updates, with dropout on or off."""
        epochs = [[one for one in passes if one.split == split] for passes in self.main.run.evaluations]
        return epochs[: self.main.config.epochs]

    # ---- whether they can be judged, and are whole

    def unmeasured(self, quantity: str, split: str) -> Comparison | None:
        """Unjudged where the weights of an evaluation are not known, or none that torch can take: see the weights."""
        if all(self.main.sound(one.weights) for passes in self.of(split) for one in passes):
            return None
        return self.main.unjudged(
            f"the {quantity} cannot be replayed: the weights that it is measured with are not known, or not finite, "
            f"or of wrong shapes"
        )

    def coverage_problem(self, split: str) -> str:
        """What an evaluation leaves out, "" where it covers the set."""
        epochs, name, N = self.of(split), SET[split], self.main.size(split)
        if len(epochs) < self.main.config.epochs or not all(epochs):
            at = next((i for i, passes in enumerate(epochs) if not passes), len(epochs)) + 1
            return f"the {name} set is not evaluated after epoch {at}"
        for epoch, passes in enumerate(epochs, 1):
            seen = {row for one in passes for row in one.rows}
            if len(seen) < self.main.whole(split):
                return f"after epoch {epoch} only {len(seen)} of the {N} examples of the {name} set are evaluated"
            if not self.sweeps(split, passes):
                return f"after epoch {epoch} some examples of the {name} set are evaluated twice in one sweep over it"
        return ""

    def sweeps(self, split: str, passes: Sequence[Pass]) -> list[list[Pass]]:
        """The runs of passes that cover the set with no example twice: extra passes may stand before or after."""
        sweeps = []
        for start in range(len(passes)):
            seen: set[int] = set()
            sweep = []
            for one in passes[start:]:
                if seen & set(one.rows):
                    break
                seen |= set(one.rows)
                sweep.append(one)
            if len(seen) >= self.main.whole(split):
                sweeps.append(sweep)
        return sweeps

    def dropped(self, split: str) -> str:
        """Whether dropout was on in an evaluation of the set; "" where it was not."""
        if any(one.training for passes in self.of(split) for one in passes):
            return f"the {SET[split]} set is evaluated with dropout on (is_train=True), where it is off"
        return ""

    # ---- what torch says

    def answer(self, one: Pass) -> Evaluation:
        """evaluation(...) of one recorded pass: asked once, together with all that are alike."""
        if id(one) not in self._answers:
            main = self.main
            others = itertools.chain(*main.run.evaluations) if main.sound(one.weights) else ()
            alike = [one, *(other for other in others if other is not one and self._alike(other, one))]
            rows = np.array([other.rows for other in alike])
            at = [main.run.at(other.weights) for other in alike]
            evaluations = evaluation(
                {name: np.stack([weights[name] for weights in at]) for name in WEIGHT_NAMES},
                main.digits[f"{one.split}_X"][rows],
                main.labels(one.split)[rows],
                activation=main.config.activation,
                device=main.device,
            )
            self._answers |= {id(other): evaluations.of(t) for t, other in enumerate(alike)}
        return self._answers[id(one)]

    def _alike(self, other: Pass, one: Pass) -> bool:
        """Whether torch can be asked for both at once."""
        main = self.main
        same = other.split == one.split and len(other.rows) == len(one.rows)
        return same and main.sound(other.weights) and main.width(other.weights) == main.width(one.weights)

    def losses(self, passes: Sequence[Pass]) -> list[float]:
        """torch's loss of each pass."""
        return [float(self.answer(one).loss.value) for one in passes]

    def counts(self, passes: Sequence[Pass]) -> tuple[int, int, int]:
        """(at least, at most, of how many) predictions are right in these passes."""
        answers = [self.answer(one) for one in passes]
        return (
            sum(int(answer.correct_at_least) for answer in answers),
            sum(int(answer.correct_at_most) for answer in answers),
            sum(len(one.rows) for one in passes),
        )
