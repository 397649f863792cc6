"""The run: what one `main` did, in order: passes, steps, epochs, masks, weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.protocol.finding import Said

Array = NDArray[Any]
SET = {"train": "training", "valid": "validation", "test": "test"}
SPLITS = tuple(SET)


@dataclass(frozen=True)
class Call:
    """A call that `main` made to a part, by its index in the log.

    `wrong`: (argument, what was passed, what belongs there).
    """

    index: int
    name: str
    wrong: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Dropped:
    """One forward of dropout: whether is_train was true, what it kept, and where that was seen (its input not 0).

    Where it was not seen, `kept` is True.
    """

    train: bool
    kept: NDArray[np.bool_] | None
    seen: NDArray[np.bool_] | None


@dataclass(frozen=True)
class SgdCall:
    """A call of SGD: its index in the log, the indices of the weights around it, and what it was passed."""

    index: int
    before: int
    after: int
    rates: Mapping[str, float]
    momentum: str


@dataclass(eq=False)
class Pass:
    """One forward through the network, from its L1.forward to the next one, with the calls and updates in between.

    `split` is "train", "valid", "test", or "" where the rows are not all of one of them, and `foreign` what they are
    then, as far as that is known; `rows` are indices in it, `weights` an index in Run.weights (−1: unknown), `labels`
    what the loss was given, `started` its index in the log; `forward` is False for one that begins before any
    L1.forward. It grows while the log is read.
    """

    split: str
    rows: tuple[int, ...]
    shape: tuple[int, ...] | None
    weights: int
    started: int
    forward: bool = True
    foreign: Said | None = None
    calls: list[Call] = field(default_factory=list)
    drops: list[Dropped] = field(default_factory=list)
    labels: tuple[float, ...] | None = None
    sgd: list[SgdCall] = field(default_factory=list)

    @property
    def before(self) -> int:
        """The index of the weights that it begins with, −1 where they are not known."""
        return self.sgd[0].before if self.weights < 0 and self.sgd else self.weights

    @property
    def backward(self) -> int | None:
        """The index in the log of its last backward, None where it has none."""
        return next((call.index for call in reversed(self.calls) if call.name.endswith(".backward")), None)

    @property
    def dropped(self) -> Dropped | None:
        """The last forward of dropout with is_train=True."""
        return next((drop for drop in reversed(self.drops) if drop.train), None)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """What the last training dropout kept."""
        return None if self.dropped is None else self.dropped.kept

    @property
    def training(self) -> bool:
        """Whether dropout was on."""
        return any(drop.train for drop in self.drops)


@dataclass(frozen=True)
class Update:
    """One step: the pass it is made on, the weights at it and at the next one, and what SGD was passed.

    Of the last step the weights after it may also be those at one of `later`. `rates` are SGD's lam, alpha and eta.
    `momentum` is "none", "zero" or "nonzero" (velocities before the step), and "" where the step was made without
    calling SGD. `calls` are those from the pass's forward to the last change by SGD. `again` says whether SGD changed
    the same parameter more than once.
    """

    epoch: int
    pass_: Pass | None
    before: int
    after: int
    rates: Mapping[str, float]
    momentum: str
    calls: tuple[Call, ...]
    ended: int
    later: tuple[int, ...] = ()
    again: bool = False


@dataclass(frozen=True)
class Built:
    """An object that `main` built: its name, its class, and the sizes or the rate asked for."""

    name: str
    cls: str
    sizes: tuple[int | None, ...] = ()
    rate: float | None = None


@dataclass(frozen=True)
class Run:
    """What one `main` did, in order.

    `evaluations[t]` are the passes between the updates of epochs t and t + 1. `drawn` are the weights that the
    constructors of the layers drew, by WEIGHT_NAMES. `files` are the result files that it wrote, each with what is
    wrong with it as a whole, and `written` the records in them. `changes_params` says
    whether main_params came out changed. `seeded` are the numbers that np.random.seed was called with.
    """

    built: tuple[Built, ...]
    used: frozenset[str]
    passes: tuple[Pass, ...]
    updates: tuple[Update, ...]
    evaluations: tuple[tuple[Pass, ...], ...]
    weights: Mapping[str, Array]
    returned: tuple[tuple[str, Array], ...]
    written: tuple[tuple[str, str, Array], ...]
    files: tuple[tuple[str, str], ...]
    drawn: Mapping[str, Array]
    malformed: str
    endless: bool
    flat_bias: bool
    changes_params: bool
    seeded: tuple[int, ...]

    def at(self, index: int) -> dict[str, Array]:
        """The four parameters at an index of `weights`."""
        return {name: self.weights[name][index] for name in WEIGHT_NAMES}

    @property
    def trains(self) -> bool:
        """Whether any weight was ever another than at first, and a step came after a backward: decay moves them too."""
        moved = any(bool((stack[1:] != stack[:1]).any()) for stack in self.weights.values() if len(stack) > 1)
        return moved and any(call.name.endswith(".backward") for update in self.updates for call in update.calls)
