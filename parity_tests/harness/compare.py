"""Holds what a submission returned against an answer: structure first, then every value in multiples of its radius."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.observation import Failure, Returned

Array = NDArray[Any]


class Alternative(Protocol):
    """Another right result at the elements `where`."""

    @property
    def value(self) -> Array: ...
    @property
    def radius(self) -> Array: ...
    @property
    def where(self) -> NDArray[np.bool_]: ...
    @property
    def note(self) -> str: ...


class Answer(Protocol):
    """`value ± radius` per element, and the same in higher precision."""

    @property
    def value(self) -> Array: ...
    @property
    def radius(self) -> Array: ...
    @property
    def exact(self) -> Array: ...
    @property
    def alternatives(self) -> Any: ...


PASSING = ("match", "undecided")
"""The verdicts that fail nobody."""


@dataclass(frozen=True)
class Comparison:
    """One quantity's verdict and figures. `problem` is the predicate of a sentence, "" for a match.

    gap, radius, ulps, got and want are those of the element with the largest ratio = gap/radius, which lies at `where`;
    `bad` of `total` elements have a ratio over 1.
    """

    verdict: str
    gap: float | None = None
    radius: float | None = None
    ratio: float | None = None
    ulps: float | None = None
    bad: int | None = None
    total: int | None = None
    where: str = ""
    got: float | None = None
    want: float | None = None
    blame: str = ""
    problem: str = ""
    notes: tuple[str, ...] = ()
    file: str = ""
    line: int | None = None
    step: int | None = None
    explained_by: str = ""
    diagnosis: str = ""
    todo: str = ""
    sentence: bool = False
    """Whether `problem` is a whole sentence, with a subject of its own."""
    arrays: tuple[Array, Array, Array] | None = None
    """got, want and radius, kept of what did not match."""

    def noting(self, *notes: str) -> "Comparison":
        """The same with further notes, each once, empty ones left out."""
        further = [note for note in notes if note]
        return replace(self, notes=tuple(dict.fromkeys((*self.notes, *further)))) if further else self


def matched(*notes: str) -> Comparison:
    """A match without figures: of something that is yes or no."""
    return Comparison("match").noting(*notes)


def mismatched(problem: str, **figures: Any) -> Comparison:
    """A mismatch without elements: of something that is yes or no."""
    return Comparison("mismatch", problem=problem, **figures)


def failed(failure: Failure) -> Comparison:
    """The verdict on a call that did not return."""
    return Comparison(failure.kind, problem=failure.text, sentence=True, file=failure.file, line=failure.line or None)


def times(ratio: float) -> str:
    """A ratio for a sentence: "3.2", "8e+06", "infinitely many"."""
    if np.isinf(ratio):
        return "infinitely many"
    return f"{ratio:.2g}" if ratio < 100 or ratio >= 1e4 else f"{ratio:.0f}"


def shape_text(shape: tuple[int, ...]) -> str:
    """(3, 4) as the field writes it."""
    return str(tuple(int(n) for n in shape))


def compare(got: Returned | Failure | None, answer: Answer, *, flat_ok: bool = False) -> Comparison:
    """Compare one returned value with one answer. `flat_ok`: (M,) may stand for (1, M), with a note."""
    if got is None:
        return Comparison("harness_error", problem="was planned, but nothing was recorded for it")
    if isinstance(got, Failure):
        return failed(got)
    want = answer.value
    scalar = want.ndim == 0
    asked = "a number" if scalar else f"an array of shape {shape_text(want.shape)}"
    if got.array is None:
        what = "None (nothing)" if got.kind == "none" else f"{got.detail or got.kind}"
        return mismatched(f"is {what}, where {asked} is asked")
    if got.kind not in ("array", "scalar") or (got.kind == "scalar" and not scalar):
        return mismatched(f"is a {got.kind} {got.detail}".rstrip() + f", where {asked} is asked")
    array = got.array
    notes: list[str] = []
    if array.shape != want.shape:
        if scalar and array.size == 1:
            array = array.reshape(())
        elif flat_ok and want.shape == (1, *array.shape):
            notes.append(
                f"shape {shape_text(array.shape)} where {shape_text(want.shape)} is asked: broadcasts to the same"
            )
            array = array.reshape(want.shape)
        else:
            return mismatched(f"has shape {shape_text(array.shape)}, where {shape_text(want.shape)} is asked")
    if array.dtype != want.dtype:
        if array.dtype.kind == "f" and array.dtype.itemsize > want.dtype.itemsize:
            notes.append(f"promoted from {want.dtype} to {array.dtype}")
        elif not (scalar and got.kind == "scalar"):
            notes.append(f"dtype {array.dtype} where {want.dtype} is asked")
    return _compare_values(array, answer).noting(*notes)


def _ratios(got: Array, value: Array, radius: Array) -> tuple[Array, Array]:
    """gap and gap/radius per element: 0/0 is 0, x/0 and whatever is not finite is ∞."""
    # The difference of two float64 as close as these is exact (Sterbenz), or so large that its rounding is no matter.
    precision: Any = np.longdouble if got.dtype == np.longdouble else np.float64
    wide_got, wide_value = np.asarray(got, precision), np.asarray(value, precision)
    with np.errstate(all="ignore"):
        gap = np.abs(wide_got - wide_value).astype(np.float64)
        gap = np.where((wide_got == wide_value) | (np.isnan(wide_got) & np.isnan(wide_value)), 0.0, gap)
        gap = np.where(np.isnan(gap), np.inf, gap)
        ratio = np.where(gap == 0, 0.0, np.where(radius > 0, gap / radius, np.inf))
    return gap, np.where(np.isnan(ratio), np.inf, ratio)


def _compare_values(got: Array, answer: Answer) -> Comparison:
    value, radius = answer.value, np.broadcast_to(np.asarray(answer.radius, np.float64), answer.value.shape)
    total = int(value.size)
    if total == 0:
        return Comparison("harness_error", problem="has no elements: nothing was compared")
    gap, ratio = _ratios(got, value, radius)
    undecided = ~np.isfinite(radius)
    notes: list[str] = []
    want = np.asarray(value)
    for alternative in answer.alternatives:
        other_gap, other_ratio = _ratios(got, alternative.value, alternative.radius)
        better = alternative.where & (other_ratio < ratio) & (other_ratio <= 1)
        if (better & (ratio > 1)).any():
            notes.append(alternative.note)
        gap, ratio = np.where(better, other_gap, gap), np.where(better, other_ratio, ratio)
        radius, want = np.where(better, alternative.radius, radius), np.where(better, alternative.value, want)
    ratio = np.where(undecided, 0.0, ratio)
    # Of the elements with the largest ratio, which is often ∞, the one with the largest gap says most.
    largest = np.flatnonzero(ratio == ratio.max())
    worst = int(largest[len(largest) - 1 - np.argmax(gap.ravel()[largest][::-1])])
    place = np.unravel_index(worst, value.shape)
    at = "" if value.ndim == 0 else "[" + ", ".join(str(int(i)) for i in place) + "]"
    worst_gap, worst_ratio, worst_radius = (float(a[place]) for a in (gap, ratio, radius))
    worst_got, worst_want = float(np.asarray(got)[place]), float(want[place])
    bad = int((ratio > 1).sum())
    with np.errstate(all="ignore"):
        ulps = worst_gap / float(np.spacing(np.abs(value[place])))
    figures: dict[str, Any] = {
        "gap": worst_gap, "radius": worst_radius, "ratio": worst_ratio, "ulps": ulps, "bad": bad, "total": total,
        "where": at, "got": worst_got, "want": worst_want,
    }  # fmt: skip
    if bad == 0:
        verdict = "undecided" if undecided.any() else "match"
        problem = f"is undecided at {int(undecided.sum())} of {total} elements" if undecided.any() else ""
        return Comparison(verdict, **figures, problem=problem).noting(*notes)
    exact = float(np.asarray(answer.exact, np.longdouble)[place])
    return Comparison(
        "mismatch",
        **figures,
        blame="submission" if not abs(worst_want - exact) > abs(worst_got - exact) else "reference",
        problem=_sentence(got, value, at, worst_got, worst_want, worst_gap, worst_ratio, bad, total),
        arrays=(np.asarray(got), np.asarray(value), radius),
    ).noting(*notes)


def number(x: float) -> str:
    """A number for a sentence, with as many digits as tell most values apart."""
    return f"{x + 0.0:.7g}"  # + 0.0 turns −0 into 0


def _sentence(
    got: Array,
    value: Array,
    at: str,
    worst_got: float,
    worst_want: float,
    gap: float,
    ratio: float,
    bad: int,
    total: int,
) -> str:
    place = f"at {at} " if at else ""
    not_finite = ~np.isfinite(np.asarray(got, np.float64)) & np.isfinite(np.asarray(value, np.float64))
    share = f" ({bad} of {total} elements are off)" if total > 1 else ""
    if not_finite.any():
        return f"{place}is {number(worst_got)}, torch says {number(worst_want)}{share}"
    got_text, want_text = number(worst_got), number(worst_want)
    if got_text == want_text:
        got_text, want_text = repr(worst_got), repr(worst_want)
    allowance = (
        "nothing rounds here, so no gap is explained"
        if np.isinf(ratio)
        else f"the gap {gap:.2g} is {times(ratio)} times what rounding explains"
    )
    return f"{place}is {got_text}, torch says {want_text}; {allowance}{share}"
