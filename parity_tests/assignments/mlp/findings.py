"""What the judges of this homework find: the mistakes, the blame and the scripts know a failure by it, not by words."""

from __future__ import annotations

from enum import StrEnum, auto


class Found(StrEnum):
    """What a failure was found to be, as `Comparison.finding` has it; the sentence beside it tells the same."""

    SAME_DRAWS = auto()
    REPEATED = auto()
    OTHER_KEYS = auto()
    OTHER_MODEL = auto()
    OTHER_SIGNATURE = auto()
