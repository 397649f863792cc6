"""The run of `main` that is judged: what was asked of it, what it did, and how a verdict on it is worded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.main.configs import Config
from parity_tests.assignments.mlp.main.run import Call, Run, Update
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, weight_shapes
from parity_tests.protocol.comparison import Comparison, mismatched, unjudged
from parity_tests.protocol.finding import Said
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from reports.model.verdicts import Verdict

Array = NDArray[Any]
Weights = dict[str, Array]
CLASSES = 10
FALSE_ALARM = 1e-9
"""An event that an honest run brings about less often than this is taken for a mistake."""


@dataclass(frozen=True)
class MainRun:
    """One run under `config`; `stand_ins` says whether correct parts were swapped in for the submission's own.

    It is the run of this `number`, from 0, `of` those that are made one after another in one process.
    """

    observation: Observation
    run: Run
    config: Config
    digits: Mapping[str, Array]
    stand_ins: bool
    device: str
    number: int = 0
    of: int = 1

    def key(self, name: str) -> Key:
        """The key under which something of this run is kept."""
        return Key(name, self.number)

    @property
    def failure(self) -> Failure | None:
        """How main failed, None where it came to its end."""
        return self.observation.failures.get(self.key("main")) or self.observation.failures.get(WHOLE_CASE)

    @property
    def pixels(self) -> int:
        """D, the width of X."""
        return int(self.digits["train_X"].shape[1])

    def size(self, split: str) -> int:
        """N, how many examples a set has."""
        return len(self.digits[f"{split}_X"])

    def whole(self, split: str) -> int:
        """How many of a set's examples its whole mini-batches hold."""
        return self.size(split) // self.config.batch * self.config.batch

    @property
    def steps(self) -> int:
        """How many steps an epoch has, ⌊N/B⌋."""
        return self.size("train") // self.config.batch

    def labels(self, split: str) -> Array:
        """The labels of a set, (N,)."""
        return self.digits[f"{split}_y"].reshape(-1)

    # ---- what an update starts from

    def sound(self, index: int) -> bool:
        """Whether the recorded weights at an index are finite, and of the shapes that a network of this kind has."""
        if index < 0:
            return False
        w, M = self.run.at(index), self.width(index)
        shapes = weight_shapes(self.pixels, M, CLASSES)
        return M > 0 and all(
            w[name].shape == shapes[name] and bool(np.isfinite(w[name]).all()) for name in WEIGHT_NAMES
        )

    def width(self, index: int) -> int:
        """M, the number of hidden units of the recorded weights at an index."""
        return int(self.run.at(index)["L1_W"].shape[1])

    def inputs(self, update: Update) -> tuple[Array, Array, Array | None] | None:
        """X, the rows' own labels and the mask of a step, or None where its rows are not known."""
        step = update.pass_
        if step is None or step.split != "train" or not step.rows:
            return None
        rows = list(step.rows)
        scaled = None if step.mask is None or self.config.rate == 0 else self.scaled(step.mask)
        return self.digits["train_X"][rows], self.labels("train")[rows], scaled

    def scaled(self, kept: NDArray[np.bool_]) -> Array:
        """The mask of 0 and 1/(1 − r) of what a dropout kept."""
        return kept / (1.0 - self.config.rate)

    def last_change(self, index: int) -> tuple[Weights, Weights] | None:
        """The change of weights at the step before, and what they were before that; None where it is not known."""
        if index == 0:
            return None
        last = self.run.updates[index - 1]
        if last.before < 0 or last.after < 0:
            return None
        before, after = self.run.at(last.before), self.run.at(last.after)
        return {name: after[name] - before[name] for name in WEIGHT_NAMES}, before

    # ---- verdicts

    def say(self, text: str) -> str:
        """A sentence about this run."""
        which = f", run {self.number + 1} of {self.of} in one process" if self.of > 1 else ""
        return f"main ({self.config.activation}, {self.config.epochs} epochs{which}): {text}"

    def bad(self, what: Said | str, **figures: Any) -> Comparison:
        """A mismatch, of which `what` says what it is."""
        said = Said(what) if isinstance(what, str) else what
        return mismatched(self.say(said.text), blame="submission", sentence=True, finding=said.found, **figures)

    def undecided(self, text: str, **figures: Any) -> Comparison:
        """What rounding alone cannot tell right from wrong, of which `text` says where."""
        return Comparison(Verdict.UNDECIDED, problem=self.say(text), sentence=True, **figures)

    def unjudged(self, text: str, **figures: Any) -> Comparison:
        """What cannot be judged because of what main did, of which `text` says what that is: it fails."""
        return unjudged(self.say(text), blame="submission", sentence=True, **figures)

    def ended(self, quantity: str, comparison: Comparison) -> Comparison:
        """What was in order as far as `main` got is not in order where it failed."""
        failure = self.failure
        if failure is None or comparison.verdict not in (Verdict.MATCH, Verdict.UNDECIDED, Verdict.UNJUDGED):
            return comparison
        return replace(
            comparison,
            verdict=failure.kind,
            problem=self.say(failure.text if quantity == "run" else f"not seen to its end: {failure.text}"),
            sentence=True,
            failure=failure,
            blame="submission",
            file=failure.file,
            line=failure.line or None,
        )


def figures(comparison: Comparison) -> dict[str, Any]:
    """The figures of the worst element of a comparison."""
    names = ("gap", "radius", "ratio", "ulps", "bad", "total", "where", "got", "want")
    return {name: getattr(comparison, name) for name in names}


def wrong_argument(call: Call) -> str:
    """main passes nonlinear1.forward's output to L2.forward as X, where drop1.forward's output belongs."""
    what, got, want = call.wrong[0]
    return f"main passes {got} to {call.name} as {what}, where {want} belongs"
