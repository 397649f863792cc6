"""The rows of SGD's cases: rates, models and numbers of steps, drawn from the exam's seed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from string import ascii_lowercase
from typing import Any

from parity_tests.assignments.mlp.inside.homework_names import FULL, PLAIN
from parity_tests.assignments.mlp.kinds.turns import distinct
from parity_tests.protocol.exam import settings_of

Settings = Mapping[str, Any]
NONE, ZERO, TINY, SMALL, LARGE, LARGEST, NEGATIVE = "none", "zero", "tiny", "small", "large", "largest", "negative"
ONE = "one"
PER_MILLE = {TINY: (1, 40), SMALL: (50, 450), LARGE: (550, 890), LARGEST: (991, 998), NEGATIVE: (-900, -100)}
"""Between which α is drawn; not ½, where 1 − α is α."""


@dataclass(frozen=True)
class Row:
    """One row: how large α and λ are, and what else it has that others have not.

    `momentum` says what is passed for the velocities: zeros, or None. With `magnitudes` gradients and weights have
    sizes far apart, with `names` the model has more layers under other names; `trainings` counts models in turn, the
    last of them the first once more, with new weights and velocities. `last` says how large η is at last. One of
    `full_size` has a single layer and one η, and is asked in one dtype, because it is large.
    """

    title: str
    alpha: str = ZERO
    lam: str = ZERO
    momentum: str = ZERO
    magnitudes: bool = False
    names: bool = False
    full_size: bool = False
    trainings: int = 1
    steps: tuple[int, int] = (2, 4)
    last: str = SMALL


ROWS = {
    "plain": Row("plain steps", momentum=NONE, last=LARGE),
    "decay": Row("weight decay", lam=SMALL),
    "momentum": Row("momentum", alpha=LARGEST),
    "momentum-and-decay": Row("momentum and weight decay", alpha=SMALL, lam=LARGE, last=LARGE),
    "negative-alpha": Row(
        "α below 0, small and large numbers, layers of other names",
        alpha=NEGATIVE,
        lam=TINY,
        magnitudes=True,
        names=True,
    ),
    "magnitudes": Row("small and large numbers", alpha=LARGE, lam=TINY, magnitudes=True),
    "more-layers": Row("more layers, of other names", alpha=TINY, lam=SMALL, names=True),
    "many-steps": Row("some hundred steps", alpha=LARGE, lam=SMALL, steps=(101, 120)),
    "in-turn": Row("models in turn", alpha=LARGE, lam=SMALL, trainings=3),
    "full-size": Row("a layer of the homework's size", alpha=SMALL, lam=ONE, full_size=True, steps=(2, 2)),
}
"""The rows by their slugs; those that only an edition with momentum or decay has are left out elsewhere."""
ALSO_PLAIN = ("plain", "magnitudes", "more-layers", "many-steps", "full-size")
"""The rows of the edition that has neither momentum nor weight decay."""


def rows(edition: str, seed: int, *, first: bool) -> Iterator[tuple[str, str, Settings]]:
    """The slug, the title and the settings of each row that an edition has; of full size only for the first dtype."""
    for slug, row in ROWS.items():
        if row.full_size and not first:
            continue
        if (edition == PLAIN and slug not in ALSO_PLAIN) or (
            edition != FULL and slug in ("decay", "momentum-and-decay")
        ):
            continue
        settings = settings_of(seed, "sgd", slug)
        drawn = _drawn(row, settings)
        if edition != FULL:
            drawn["lam"] = 0.0
        if edition == PLAIN:
            drawn["alpha"] = 0.0
        yield slug, row.title, drawn


def _drawn(row: Row, settings: Random) -> dict[str, Any]:
    """A row's settings; η falls to a tenth after some steps, and then rises, or falls further."""
    layers, modules = (_named if row.names else _one_of_full_size if row.full_size else _usual)(settings)
    first = settings.randint(4, 30) / 100
    last = (
        settings.randint(51, 95) / 100
        if row.last == LARGE
        else float(f"{settings.randint(1, 9)}e-{settings.randint(4, 6)}")
    )
    rates = (first,) if row.full_size else (first, round(first / 10, 4), last)
    etas = [[eta, settings.randint(*row.steps)] for eta in rates]
    return {
        "alpha": 0.0 if row.alpha == ZERO else settings.randint(*PER_MILLE[row.alpha]) / 1000,
        "lam": _decay(row.lam, settings),
        "etas": etas,
        "layers": layers,
        "modules": modules,
        "momentum": row.momentum,
        "magnitudes": row.magnitudes,
        "trainings": row.trainings,
    }


def _decay(size: str, settings: Random) -> float:
    """λ: 0, from 1e-5 to 0.01, from 0.1 to 0.9, or 1."""
    if size == ONE:
        return 1.0
    power = {ZERO: 0, TINY: 5, SMALL: settings.randint(3, 5), LARGE: 1}[size]
    return 0.0 if power == 0 else float(f"{settings.randint(1, 9)}e-{power}")


def _usual(settings: Random) -> tuple[list[list[Any]], list[str]]:
    """The homework's two layers: what we call each and its name in the model, its D and M; and the model's modules."""
    D, M, K = distinct(settings, 2, 6, 3)
    return [["L1", "L1", D, M], ["L2", "L2", M, K]], ["L1", "nonlinear1", "L2"]


def _one_of_full_size(settings: Random) -> tuple[list[list[Any]], list[str]]:
    """A first layer as the homework trains it, give or take a few."""
    return [["L1", "L1", settings.randint(770, 800), settings.randint(980, 1020)]], ["L1"]


def _named(settings: Random) -> tuple[list[list[Any]], list[str]]:
    """Layers among modules without parameters, of drawn names: with some hundred inputs, square, and of one unit."""
    drawn: set[str] = set()
    while len(drawn) < 10:
        drawn.add("".join(settings.choices(ascii_lowercase, k=5)))
    names = sorted(drawn)
    settings.shuffle(names)
    M, K = distinct(settings, 2, 6, 2)
    sizes = ((settings.randint(100, 200), M), (M, K), (K, K), (1, 1))
    layers = [[f"L{i + 1}", names[3 * i], D, width] for i, (D, width) in enumerate(sizes)]
    return layers, names
