"""Says of a divergence which element is off most."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.comparison import Comparison
from reports.model.numbers import exact_number, times
from reports.model.verdicts import Verdict

Array = NDArray[Any]


def worst_element(submitted: Array, wanted: Array, radius: float, step: int) -> Comparison:
    """The mismatch of two arrays of one shape, told of the element with the largest gap."""
    with np.errstate(all="ignore"):
        gaps = np.abs(np.asarray(submitted, np.float64) - np.asarray(wanted, np.float64))
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    place = np.unravel_index(int(gaps.argmax()), gaps.shape)
    where = "" if wanted.ndim == 0 else "[" + ", ".join(str(int(i)) for i in place) + "]"
    got, want = float(np.asarray(submitted)[place]), float(wanted[place])
    gap = float(gaps[place])
    ratio = gap / radius if radius else math.inf
    bad, total = int((gaps > radius).sum()), int(gaps.size)
    with np.errstate(all="ignore"):
        ulps = gap / float(np.spacing(np.abs(wanted[place])))
    return Comparison(
        Verdict.MISMATCH,
        gap=gap,
        radius=radius,
        ratio=ratio,
        ulps=ulps,
        bad=bad,
        total=total,
        where=where,
        got=got,
        want=want,
        step=step,
        problem=_sentence(where, got, want, gap, ratio, f" ({bad} of {total} elements are off)" if total > 1 else ""),
        arrays=(np.asarray(submitted), wanted.copy(), np.full(wanted.shape, radius)),
    )


def _sentence(where: str, got: float, want: float, gap: float, ratio: float, share: str) -> str:
    got_text, want_text = exact_number(got), exact_number(want)
    if got_text == want_text:
        got_text, want_text = repr(got), repr(want)
    if math.isfinite(got):
        allowance = f"the gap {gap:.2g} is {times(ratio)} times what rounding explains"
    else:
        allowance = "torch's run stays finite"
    place = f"at {where} " if where else ""
    return f"{place}is {got_text}, torch says {want_text}; {allowance}{share}"
