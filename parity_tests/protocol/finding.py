"""The finding: what a failure was found to be, as a value; the sentence beside it tells the same."""

from enum import StrEnum, auto
from typing import NamedTuple

NOTHING, NUMBER, SHAPE, TRANSPOSED, DTYPE = "nothing", "number", "shape", "transposed", "dtype"
"""What is found in place of the array that is asked for: `Comparison.finding`."""


class Odd(StrEnum):
    """What random draws were found to be in place of those that are asked for."""

    NOT_FINITE = auto()
    OTHER_MEAN = auto()
    OTHER_SPREAD = auto()
    NOT_NORMAL = auto()
    NO_TAILS = auto()
    IN_AN_ORDER = auto()
    EXACT_MEAN = auto()
    EXACT_SPREAD = auto()
    REPEATED = auto()
    SHARED = auto()

    # ---- of masks
    OTHER_SHARE = auto()
    ROWS_ALIKE = auto()
    COLUMNS_ALIKE = auto()
    SAME_NUMBER = auto()
    OTHER_NUMBERS = auto()
    SAME_MASK = auto()
    CALLS_ALIKE = auto()
    TURNS_ALIKE = auto()


class Said(NamedTuple):
    """A sentence about a failure, and what it was found to be; "" where no mistake and no script asks for that."""

    text: str
    found: str = ""
