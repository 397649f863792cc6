"""The arrays of a quantity that did not match: where in them the worst element is, and how to tell numbers apart."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from reports.model.records import RENAMED, Record
from reports.model.run import Results

if TYPE_CHECKING:
    import numpy as np


ARRAYS = ("actual", "expected", "radius")
"""The words that end the names of a quantity's arrays."""
_BEFORE = {now: then for then, now in RENAMED.items()}


def arrays_of(run: Results, record: Record) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Actual and expected values of a quantity and their radius, in one shape; None where the run did not keep them."""
    import numpy as np

    def kept(word: str) -> np.ndarray | None:
        name = f"{record.case}/{record.quantity}"
        found = run.arrays.get(f"{name}/{word}")
        return run.arrays.get(f"{name}/{_BEFORE[word]}") if found is None and word in _BEFORE else found

    actual, expected, radius = map(kept, ARRAYS)
    if actual is None or expected is None:
        return None
    return actual, expected, np.zeros_like(expected) if radius is None else np.broadcast_to(radius, expected.shape)


def position(where: str, shape: tuple[int, ...]) -> int:
    """The flat index of a place such as "[0, 3]"; 0 where it names none inside `shape`."""
    import numpy as np

    index = tuple(map(int, re.findall(r"\d+", where)))
    try:
        return int(np.ravel_multi_index(index, shape)) if index else 0
    except ValueError:
        return 0


def multiples(got: np.ndarray, want: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """The error of every element as a multiple of its error bound; infinite where it is no number."""
    import numpy as np

    with np.errstate(all="ignore"):
        times = np.abs(got - want) / radius
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    return np.where(same, 0.0, np.nan_to_num(times, nan=np.inf, posinf=np.inf))


def told_apart(actual: float, expected: float) -> tuple[tuple[str, str], tuple[str, str]]:
    """Both numbers in the digits that tell them apart, each in two pieces: what they have in common, and the rest."""
    digits = digits_apart(actual, expected)
    texts = [f"{value + 0.0:.{digits}g}".replace("-", "−") for value in (actual, expected)]
    common = next((at for at, (ours, theirs) in enumerate(zip(*texts, strict=False)) if ours != theirs), len(texts[0]))
    common = common if _scale(texts[0]) == _scale(texts[1]) else 0
    first, second = ((text[:common], text[common:]) for text in texts)
    return first, second


def _scale(text: str) -> tuple[int, str]:
    """How many digits stand before the point, and the exponent: digits of two numbers compare where these are alike."""
    mantissa, _, exponent = text.partition("e")
    return len(mantissa.partition(".")[0]), exponent


def digits_apart(got: float, want: float) -> int:
    """How many significant digits tell two numbers apart, and three more; at least 6, at most 17."""
    gap = abs(got - want)
    if not (math.isfinite(gap) and gap > 0):
        return 6
    apart = math.log10(max(abs(got), abs(want))) - math.log10(gap)
    return min(max(math.ceil(apart) + 3, 6), 17)
