"""The settings at which an exam asks for `main`: the corners are the same in every exam, the numbers are drawn.

The corners are crossed in pairs, not all with all: of the activation, α, λ and the rate (each 0 or not), and the epochs
(within the first ten, or past 20 and so over two drops of η), any two meet in some setting, and each of them is met by
correct parts and by a submission's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

from parity_tests.assignments.mlp.inside.homework_names import FULL, PLAIN, WITHOUT_DECAY
from parity_tests.assignments.mlp.main.configs import DEFAULT_FILE, HIDDEN, Config
from parity_tests.protocol.exam import settings_of

WIRING, OWN = "wiring", "own"
"""With correct parts in place of the submission's, or with its own."""
OTHER = "other_"
"""The prefix of the arrays of a second lot of digits."""


@dataclass(frozen=True)
class Lot:
    """A lot of digits: how many are in the training, the validation and the test set, and the length of their sides."""

    sizes: tuple[int, int, int]
    pixels: int = 4


@dataclass(frozen=True)
class Setting:
    """One setting: its name, what titles say of it, with which parts it is asked, its runs, and its digits.

    `lot` are the digits of the runs that have no prefix for theirs, `other` those of the OTHER ones.
    With `labels_apart` no label of the validation set is one of the training set's. The runs have a working folder
    each, or `one_folder`, in which what a run wrote lies there for the next ones. With `decoy` another data file lies
    beside the one that is asked for, under the name that is usual. With its own parts, the first run is made once more
    as a script, of `as_script` epochs.
    """

    name: str
    title: str
    parts: tuple[str, ...]
    runs: tuple[Config, ...]
    lot: Lot
    other: Lot | None = None
    labels_apart: bool = False
    one_folder: bool = False
    decoy: bool = False
    as_script: int = 0


def settings(edition: str, seed: int) -> Iterator[Setting]:
    """The settings that the exam of a seed asks in an edition."""
    for name, make in _CORNERS.items():
        if edition == PLAIN and name not in _PLAIN:
            continue
        setting = make(settings_of(seed, "main", name))
        runs = tuple(_in_edition(config, edition) for config in setting.runs)
        if edition == PLAIN:
            setting = replace(setting, parts=_PLAIN[name], as_script=0)
            if name == "relu":
                runs += _stopped_early(runs[0])
                train, *_ = setting.lot.sizes
                setting = replace(setting, lot=replace(setting.lot, sizes=(train, 2 * train, 2 * train)))
        yield replace(setting, runs=runs)


def _defaults(random: Random) -> Setting:
    """The homework's own defaults, with all hidden units, in ten steps."""
    config = Config("relu", alpha=0.0, rate=0.5, lam=0.0, epochs=10, eta=0.01, units=HIDDEN)
    sizes = (config.batch + random.randint(1, 4), config.batch + random.randint(1, 4), config.batch)
    return Setting("defaults", "main as it is by default", (WIRING, OWN), (config,), Lot(sizes))


def _relu(random: Random) -> Setting:
    """All of it, of sizes that the batch divides: twice with one seed, and then otherwise, in one process and folder.

    The seed of the two is 0, which is none the less a seed. A run that takes up what one before it wrote shows. A loop
    that ends too early leaves out a whole batch; the examples are many enough to tell orders apart.
    """
    batch = random.choice((3, 4, 6, 7))
    first = Config(
        "relu",
        alpha=_drawn(random, 0.6, 0.95, 2),
        rate=_drawn(random, 0.3, 0.48, 2),
        lam=_drawn(random, 0.005, 0.05, 3),
        epochs=3,
        eta=_drawn(random, 0.011, 0.05, 3),
        batch=batch,
        seed=0,
    )
    other = replace(
        first,
        activation="tanh",
        alpha=_drawn(random, 0.3, 0.55, 2),
        rate=_drawn(random, 0.52, 0.7, 2),
        lam=0.0,
        epochs=2,
        eta=_drawn(random, 0.06, 0.1, 3),
        batch=batch + 1,
        seed=random.randint(100_000, 999_999),
        file=_file(random),
        digits=OTHER,
    )
    lot = Lot((5 * batch, 3 * batch, 2 * batch))
    runs = (first, first, other)
    return Setting("relu", "main with relu", (WIRING, OWN), runs, lot, lot, one_folder=True, as_script=first.epochs)


def _tanh(random: Random) -> Setting:
    """Momentum over two drops of η, without dropout, of sizes one less than a multiple of the batch.

    A loop that ends too late makes a short batch; in so many epochs no example is left out by chance, and all are
    learnt by heart: whatever stops when nothing is left to learn shows.
    """
    batch = random.choice((3, 4))
    config = Config(
        "tanh",
        alpha=_drawn(random, 0.8, 0.9, 2),
        rate=0.0,
        lam=0.0,
        epochs=random.randint(21, 24),
        eta=_drawn(random, 0.25, 0.35, 3),
        batch=batch,
        seed=random.randint(1000, 99999),
        file=_file(random),
    )
    lot = Lot((3 * batch - 1, 2 * batch - 1, batch + 1), pixels=6)
    return Setting("tanh", "main with tanh", (OWN,), (config,), lot)


def _many_epochs(random: Random) -> Setting:
    """Four drops of an η that is small already, after which hardly anything gets better; then the same η anew.

    The second run is made by mini-batches of one. The labels are apart, so that the validation loss rises in each
    epoch: a run that stops there shows. A part that is right in its first calls alone is called often enough with relu
    too, and an η that has dropped must not have dropped in the next run.
    """
    batch = random.choice((3, 4, 6))
    config = Config(
        "relu",
        alpha=0.0,
        rate=0.0,
        lam=_drawn(random, 0.01, 0.1, 3),
        epochs=random.randint(41, 44),
        eta=_drawn(random, 0.00002, 0.00009, 6),
        batch=batch,
        seed=random.randint(1000, 99999),
    )
    sizes = (batch + random.randint(1, batch - 1), batch + random.randint(1, batch - 1), batch)
    runs = (config, replace(config, epochs=2, batch=1, seed=random.randint(100, 999)))
    return Setting("many-epochs", "main for many epochs", (WIRING, OWN), runs, Lot(sizes), labels_apart=True)


def _decay(random: Random) -> Setting:
    """Weight decay and dropout over two drops of η, without momentum; the labels are apart, as for many epochs."""
    batch = random.choice((3, 4, 6))
    config = Config(
        "tanh",
        alpha=0.0,
        rate=_drawn(random, 0.15, 0.45, 2),
        lam=_drawn(random, 0.005, 0.05, 3),
        epochs=random.randint(21, 23),
        eta=_drawn(random, 0.02, 0.2, 3),
        batch=batch,
        seed=random.randint(1000, 99999),
        file=_file(random),
    )
    sizes = (2 * batch + random.randint(1, batch - 1), batch + random.randint(1, batch - 1), batch)
    words = "main with weight decay and tanh"
    return Setting("decay", words, (OWN,), (config,), Lot(sizes), labels_apart=True, decoy=True)


def _large_steps(random: Random) -> Setting:
    """An η so large that gradients get large, beyond 5 an element and 10 together: what cuts them off shows.

    Then more examples than the homework has, by large mini-batches: what leaves out all but the first thousands, or
    makes smaller ones.
    """
    batch = random.choice((2, 3))
    config = Config(
        "relu",
        alpha=_drawn(random, 0.35, 0.45, 2),
        rate=0.0,
        lam=0.0,
        epochs=3,
        eta=_drawn(random, 1.9, 2.3, 2),
        batch=batch,
        seed=random.randint(1000, 99999),
        file=_file(random),
        units=256,
    )
    lot = Lot((4 * batch + random.randint(1, batch - 1), 2 * batch + 1, batch), pixels=10)
    many = replace(
        config,
        activation="tanh",
        epochs=2,
        eta=_drawn(random, 0.02, 0.2, 3),
        batch=random.randint(1_001, 1_010),
        seed=random.randint(100, 999),
        units=5,
        digits=OTHER,
    )
    other = Lot((5 * many.batch, many.batch, many.batch), pixels=2)
    return Setting("large-steps", "main with a large learning rate", (WIRING,), (config, many), lot, other)


_CORNERS: dict[str, Callable[[Random], Setting]] = {
    "defaults": _defaults,
    "relu": _relu,
    "tanh": _tanh,
    "many-epochs": _many_epochs,
    "decay": _decay,
    "large-steps": _large_steps,
}
_PLAIN = {"defaults": (WIRING, OWN), "relu": (WIRING, OWN), "many-epochs": (WIRING, OWN), "large-steps": (WIRING,)}
"""The corners that an edition without tanh, dropout, momentum and weight decay has, and with which parts."""


def _in_edition(config: Config, edition: str) -> Config:
    """The same without what an edition does not have."""
    if edition == FULL:
        return config
    if edition == WITHOUT_DECAY:
        return replace(config, lam=0.0)
    return replace(config, activation="relu", alpha=0.0, rate=0.0, lam=0.0, edition=edition)


def _stopped_early(config: Config) -> tuple[Config, ...]:
    """Runs that early stopping ends: by so large an η the accuracy soon goes up and down, and the loss otherwise."""
    return tuple(replace(config, epochs=25, eta=0.5, patience=patience, seed=patience) for patience in (2, 3, 4))


def _drawn(random: Random, low: float, high: float, digits: int) -> float:
    """A number between two, of so many digits after the point."""
    return round(low + (high - low) * random.random(), digits)


def _file(random: Random) -> str:
    """The name of a data file, which is not the usual one."""
    return DEFAULT_FILE.replace("mnist_subset", f"digits_{random.randint(10, 99)}")
