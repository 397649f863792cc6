"""How near numbers must lie to be taken for the same where something wrong is explained.

No verdict uses this, but for that on two runs of the same program with the same numbers, which rounding does not part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.rounding import unit_roundoff

Array = NDArray[Any]
EXPLAINS = float(np.sqrt(unit_roundoff(np.dtype(np.float64))))
"""A formula explains a change if it leaves less than half of its digits unexplained."""
CLOSE = 1e-7
"""Numbers this near one another, relative to the larger, are taken for the same."""
FITTED = 1e-5
"""And these, where one of them is a fitted coefficient."""


def same(one: Sequence[float] | Array, other: Sequence[float] | Array, within: float = CLOSE) -> bool:
    """Whether all numbers of two records are the same, `within` relative to the other's."""
    return bool(np.allclose(one, other, rtol=within, atol=0.0))


def near(one: float, other: float) -> bool:
    """Equal but for what a fit leaves open."""
    return abs(one - other) <= FITTED * max(abs(one), abs(other), 1e-12)
