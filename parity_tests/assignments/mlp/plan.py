"""The plan: the cases of all kinds, in their order."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from parity_tests.assignments.mlp.inside.homework_names import PLAIN
from parity_tests.assignments.mlp.kinds import (
    dropout,
    elementwise,
    init,
    linear,
    loss,
    main,
    network,
    sgd,
    support,
)
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Kind

JOINT_CHECKS = ("network", "trajectory", "main")
"""The checks in which several parts work together."""

KINDS: Mapping[str, Kind] = {
    "linear": linear.KIND,
    "init": init.KIND,
    "elementwise": elementwise.KIND,
    "dropout": dropout.KIND,
    "masks": dropout.MASKS,
    "sgd": sgd.KIND,
    "loss": loss.KIND,
    **support.KINDS,
    "network": network.KIND,
    "main": main.KIND,
}
"""The kinds by the names that cases give as their `probe`; torch is imported when the first case is judged."""


def plan(edition: str, dtypes: Sequence[str], seed: int = 0) -> list[Case]:
    """The cases that an edition asks, in the dtypes given, with the sizes and settings of a seed."""
    return list(_planned(edition, tuple(dtypes), seed))


@lru_cache(maxsize=64)
def _planned(edition: str, dtypes: tuple[str, ...], seed: int) -> tuple[Case, ...]:
    """The same; kept, since a class is asked the same ones again and again."""
    return tuple(case for dtype in dtypes for case in _cases_in(edition, dtype, seed, first=dtype == dtypes[0]))


def _cases_in(edition: str, dtype: str, seed: int, *, first: bool) -> Iterator[Case]:
    """The cases in one dtype; with `first` also those that have no dtype. Those of main are in float64 only.

    The last edition's loader takes a thousand examples of each class from files of its own; main is lent one.
    """
    yield from linear.cases(dtype, seed, first=first)
    if first:
        yield from init.cases(seed)
    if edition != PLAIN:
        yield from elementwise.cases("tanh", dtype, seed)
    yield from elementwise.cases("relu", dtype, seed)
    if edition != PLAIN:
        yield from dropout.cases(dtype, seed)
        if first:
            yield from dropout.mask_cases(seed)
    yield from sgd.cases(edition, dtype, seed, first=first)
    yield from loss.cases(dtype, seed)
    if first:
        yield from support.cases(seed, given=edition != PLAIN)
    yield from network.cases(edition, dtype, seed)
    if dtype == "float64":
        yield from main.cases(edition, seed)
