"""The quantity: one thing that is compared."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """One thing compared: its name in records, the part it belongs to, and the key under which the probe keeps it."""

    name: str
    part: str
    key: str


def quantities(*rows: tuple[str, str, str]) -> tuple[Quantity, ...]:
    """Quantities from rows of name, part, key."""
    return tuple(Quantity(*row) for row in rows)
