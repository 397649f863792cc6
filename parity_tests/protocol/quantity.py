"""The quantity: one thing that is compared, and the key under which a probe keeps what a submission gave for it."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Key:
    """What an observation calls a result: the name that the probe gives it, and the number of the call, from 0."""

    name: str
    call: int = 0


WHOLE_CASE = Key("")
"""The key of the case as a whole: of a failure that is no single call's, and of a quantity made of many results."""


@dataclass(frozen=True)
class Quantity:
    """One thing compared: its name in records, the part it belongs to, and its key.

    Where the results of several calls are compared together, the key is that of the first.
    """

    name: str
    part: str
    key: Key = WHOLE_CASE


def quantities(*rows: tuple[str, str, Key]) -> tuple[Quantity, ...]:
    """Quantities from rows of name, part, key."""
    return tuple(Quantity(*row) for row in rows)
