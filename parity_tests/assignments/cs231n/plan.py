"""The plan: the cases of all kinds, in their order."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from parity_tests.assignments.cs231n.editions import asked
from parity_tests.assignments.cs231n.kinds import dropout, layer, losses, networks, running, steps
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Kind

KINDS: Mapping[str, Kind] = {
    "layer": layer.KIND,
    "running": running.KIND,
    "loss": losses.KIND,
    "dropout": dropout.KIND,
    "steps": steps.KIND,
    "network": networks.KIND,
}
"""The kinds by the names that cases give as their `probe`; torch is imported when the first case is judged."""


def plan(edition: str, dtypes: Sequence[str], seed: int = 0) -> list[Case]:
    """The cases that an edition asks, in the dtypes given, with the sizes and settings of a seed."""
    return list(_planned(edition, tuple(dtypes), seed))


@lru_cache(maxsize=64)
def _planned(edition: str, dtypes: tuple[str, ...], seed: int) -> tuple[Case, ...]:
    """The same; kept, since a class is asked the same ones again and again."""
    return tuple(case for dtype in dtypes for case in _cases_in(edition, dtype, seed))


def _cases_in(edition: str, dtype: str, seed: int) -> Iterator[Case]:
    wanted = asked(edition)
    for kind in (layer, running, losses, dropout, steps, networks):
        yield from kind.cases(edition, wanted, dtype, seed)
