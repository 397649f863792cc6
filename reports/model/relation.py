"""How the submission's numbers relate to torch's, in words that need no knowledge of rounding: "0.2 × torch's"."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reports.model.elements import arrays_of
from reports.model.phrases import capitalised, quantity_name
from reports.model.records import Record
from reports.model.run import Results

if TYPE_CHECKING:
    import numpy as np

_FEWEST = 2
"""Elements that a relation needs: between two numbers alone there always is one."""
_DIGITS = 3


def relation_of(run: Results, record: Record, *, counted: bool = True) -> str:
    """A sentence on the quantity of a mismatch, "" where the run kept no arrays of one shape or nothing simple holds.

    Where nothing holds but that some elements are off, it counts these, if `counted`.

    A factor or a difference is said only where every pair of elements has it, to the digits that are shown.
    """
    import numpy as np

    arrays = arrays_of(run, record)
    if arrays is None or arrays[0].shape != arrays[1].shape or arrays[0].dtype.kind not in "fiub":
        return ""
    got, want, radius = (np.asarray(array, np.float64).ravel() for array in arrays)
    if got.size < _FEWEST:
        return ""
    with np.errstate(all="ignore"):
        off = ~(np.abs(got - want) <= radius)
    words = _words(got, want, off)
    if not counted and words == _counted(off):
        return ""
    return f"{capitalised(quantity_name(record.quantity))} {words}." if words else ""


def _words(got: np.ndarray, want: np.ndarray, off: np.ndarray) -> str:
    import numpy as np

    odd = ~np.isfinite(got)
    if odd.any():
        return f"is not a finite number {_where(odd)}"
    if not np.isfinite(want).all():
        return ""
    if not got.any():
        return "is 0 everywhere, and torch's is not"
    everywhere = _related(got, want)
    if everywhere:
        return f"is {everywhere}, " + ("at every element" if want.all() or off.all() else "wherever torch's is not 0")
    if _FEWEST <= off.sum() < off.size:
        some = _related(got[off], want[off])
        if some:
            return f"is {some}, at the {off.sum()} of {off.size} elements that are wrong"
    if sorted(got.tolist()) == sorted(want.tolist()):
        return "has torch's numbers, but at other places"
    return _counted(off)


def _counted(off: np.ndarray) -> str:
    return f"is wrong {_where(off)}" if off.any() else ""


def _where(marked: np.ndarray) -> str:
    return "at every element" if marked.all() else f"at {marked.sum()} of {marked.size} elements"


def _related(got: np.ndarray, want: np.ndarray) -> str:
    """The factor, or else the difference, that all pairs have in common; "" for none. Two zeros have any factor."""
    some = want != 0
    if some.sum() >= _FEWEST and not got[~some].any():
        factor = _common(got[some], want[some], lambda g, w: g / w)
        if factor == "-1":
            return "torch's with the other sign"
        if factor not in ("", "1", "0", "-0"):
            return f"{factor} × torch's".replace("-", "−")
    difference = _common(got, want, lambda g, w: g - w)
    if difference in ("", "0", "-0"):
        return ""
    sign = "−" if difference.startswith("-") else "+"
    return f"torch's {sign} {difference.removeprefix('-')}"


def _common(got: np.ndarray, want: np.ndarray, of: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> str:
    """What `of` gives for every pair, if it is written the same for all."""
    import numpy as np

    with np.errstate(all="ignore"):
        values = of(got, want)
    if not np.isfinite(values).all():
        return ""
    texts = (f"{value:.{_DIGITS}g}" for value in values.tolist())
    first = next(texts, "")
    return first if all(text == first for text in texts) else ""
