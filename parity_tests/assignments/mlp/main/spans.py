"""The spans of a log: from one L1.forward to the next, with the calls and the updates in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from parity_tests.assignments.mlp.main.run import Call, Dropped, Pass
from parity_tests.protocol.finding import Said


@dataclass(frozen=True)
class SgdCall:
    """A call of SGD: its index in the log, the indices of the weights around it, and what it was passed."""

    index: int
    before: int
    after: int
    rates: Mapping[str, float]
    momentum: str


@dataclass
class Span:
    """One span, while the log is read; `forward` is False for one that begins before any L1.forward."""

    split: str
    rows: tuple[int, ...]
    shape: tuple[int, ...] | None
    weights: int
    started: int
    forward: bool = True
    calls: list[tuple[int, Call]] = field(default_factory=list)
    drops: list[Dropped] = field(default_factory=list)
    labels: tuple[float, ...] | None = None
    sgd: list[SgdCall] = field(default_factory=list)
    foreign: Said | None = None

    @property
    def before(self) -> int:
        """The index of the weights that it begins with, −1 where they are not known."""
        return self.sgd[0].before if self.weights < 0 and self.sgd else self.weights

    @property
    def backward(self) -> int | None:
        """The index in the log of its last backward, None where it has none."""
        return next((index for index, call in reversed(self.calls) if call.name.endswith(".backward")), None)

    @property
    def trains(self) -> bool:
        """Whether dropout was on."""
        return any(drop.train for drop in self.drops)

    def finished(self) -> Pass:
        """The pass that it is, frozen."""
        calls = tuple(call for _, call in self.calls)
        return Pass(
            self.split,
            self.rows,
            self.shape,
            self.weights,
            self.started,
            calls,
            tuple(self.drops),
            self.labels,
            self.foreign,
        )
