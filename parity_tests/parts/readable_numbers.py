"""Numbers that a submission may hold: which of the readable ones lies beside one that was measured."""

from __future__ import annotations

import math
from fractions import Fraction

CLOSE = 1e-9
"""How near a measured number must lie to the readable one, relative to it: a float64 fit is better than that."""
DIGITS = 5
LARGEST = 2000
"""The largest denominator: sizes of arrays and batches divide, and some are as large as a hidden layer."""


def likeliest(x: float) -> float | None:
    """The readable number that x is: 0, a short decimal, a fraction of whole numbers, or a square root of those.

    None where none lies near enough.
    """
    if not math.isfinite(x):
        return None
    if abs(x) <= CLOSE * 1e-3:
        return 0.0
    sign = 1.0 if x > 0 else -1.0
    for power in (1, 2):
        size = abs(x) ** power
        for number in (float(f"{size:.{DIGITS}g}"), float(Fraction(size).limit_denominator(LARGEST))):
            if number and abs(size - number) <= CLOSE * number:
                return sign * float(number ** (1 / power))
    return None
