"""Judges what was returned where the radius flowed along torch's operations: each element against value ± radius."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.compare import compare
from parity_tests.protocol.comparison import Comparison, matched, mismatched
from parity_tests.protocol.observation import Failure, Returned
from reference.answer import Alternative, Answer, Resolution
from reports.model.notes import Note, NoteKind
from reports.model.numbers import exact_number, times
from reports.model.verdicts import PASSING, Verdict

if TYPE_CHECKING:
    from torch import Tensor

    from reference.flow import Arithmetic, Flowed

Array = NDArray[Any]
COARSE = {"float32": 1e-2, "float64": 1e-8}
"""A median resolution over this says little; the result then warns."""
WORTH_A_NOTE = 0.01
"""The share of elements from which on it is said that they have the guaranteed bound, where others have a law's."""
MOST_OF_A_FORM = 1e6
"""Times the radius of the largest number in a result that no honest form of an operation is off there, by far."""

CERTAIN = 100.0
"""Times a probable error bound beyond which nobody asks how probable it is."""


@dataclass(frozen=True)
class Held:
    """One quantity: the verdict on it, and how much of a change would have been noticed."""

    comparison: Comparison
    resolution: Resolution | None
    alone: bool = False
    """Whether elements are within their error bound, and off by more than they may be by themselves (shared.py)."""


def judge(got: Array | None, flowed: Flowed, exact: Array | None, name: str) -> Held:
    """The verdict on an array that a candidate returned as its result `name`; None is a missing one."""
    if got is None:
        return Held(Comparison(Verdict.MISSING, problem=f"the candidate returns no {name}", sentence=True), None)
    kind = "scalar" if got.ndim == 0 else "array"
    returned = Returned(kind, got, f"an array of dtype {got.dtype} and shape {got.shape}")
    return judge_returned(returned, flowed, None if exact is None else lambda: exact)


def prepared(flowed: Flowed, exact: Callable[[], Array] | None) -> Answer:
    """What judging needs of an answer, whatever is held against it; `exact` as `judge_returned` has it."""
    value = flowed.value.detach().cpu().numpy()
    radius = flowed.radius.cpu().numpy().astype(np.float64)
    return Answer(
        value=value,
        radius=radius,
        exactly=exact or (lambda: value),
        alternatives=tuple(
            Alternative(a.value.cpu().numpy(), a.radius.cpu().numpy(), a.where.cpu().numpy(), a.note)
            for a in flowed.alternatives
        ),
        radius_kind="bound" if flowed.kind == "exact" else flowed.kind,
    )


def judge_returned(
    got: Returned | Failure | None, flowed: Flowed, exact: Callable[[], Array] | None, known: Answer | None = None
) -> Held:
    """The verdict on one result. `exact` gives the same in float64 where that is wider than the result's type.

    A result of which no element, or none that is not 0, could be told from zeros is undecided as a whole. A gap over
    the radius that another honest form explains is said to be that. `known` is what `prepared` made of the answer,
    where more than one result is held against it.
    """
    known = prepared(flowed, exact) if known is None else known
    if flowed.arithmetic is not None and isinstance(got, Returned) and got.array is not None:
        return _judged_as_declared(got, got.array, flowed, flowed.arithmetic, known)
    return _judged(got, flowed, exact, known)


def _judged_as_declared(got: Returned, array: Array, flowed: Flowed, declared: Arithmetic, known: Answer) -> Held:
    """The verdict on a result in low precision, where overflow may be right and long sums may decide nothing."""
    value, radius, notes = known.value, known.radius, []
    comparable = array.shape == value.shape and array.dtype.kind == value.dtype.kind == "f"
    if comparable:
        array = array.astype(np.float64)
        returned = flowed.value.new_tensor(array)
        if not bool(declared.stores(returned).all()):
            notes.append(
                Note(NoteKind.DTYPE, f"holds numbers that {declared.store} does not have: it is not stored so")
            )
        beyond = declared.overflows(flowed.value, flowed.radius)
        over = (beyond & declared.is_overflow(returned, flowed.value) & (returned != flowed.value)).cpu().numpy()
        if over.any():
            array = np.where(over, value, array)
            largest = f"{declared.store}'s largest number, {declared.stored.largest:g}"
            said = f"{int(over.sum())} of {over.size} elements are beyond {largest}, as they may be"
            notes.append(Note(NoteKind.UNSEEN, said))
    held = _judged(replace(got, array=array), flowed, None, known)
    comparison = held.comparison
    if comparable and comparison.gap is not None and comparison.want is not None:
        ulp = 2 * float(declared.half_ulp(flowed.value.new_tensor(comparison.want)))
        comparison = replace(comparison, ulps=comparison.gap / ulp)
    if comparable and declared.stagnates and comparison.verdict in PASSING:
        open_ = int((radius >= np.abs(value))[radius > 0].sum())
        if open_ > (comparison.undecided or 0):
            problem = (
                f"is undecided at {open_} of {value.size} elements: sums in {declared.accumulate} may lose all of it"
            )
            comparison = replace(comparison, verdict=Verdict.UNDECIDED, undecided=open_, problem=problem)
    return replace(held, comparison=comparison.noting(*notes))


def _judged(got: Returned | Failure | None, flowed: Flowed, exact: Callable[[], Array] | None, known: Answer) -> Held:
    value = known.value
    array = got.array if isinstance(got, Returned) else None
    if not isinstance(got, Returned) or array is None:
        return Held(compare(got, known), None)
    if value.size == 0:
        alike = array.shape == value.shape
        shape = f"has shape {array.shape}, where {value.shape} is expected"
        return Held(matched("has no elements", kind=NoteKind.UNSEEN) if alike else mismatched(shape), None)
    comparison = compare(got, known)
    if comparison.verdict == Verdict.UNDECIDED:
        why = "no error bound holds there, as where numbers tie or a divisor may be 0"
        comparison = replace(comparison, problem=f"{comparison.problem}: {why}")
    resolution = known.resolution
    if comparison.verdict == Verdict.MISMATCH and comparison.gap is not None:
        comparison, allowed = _explained_by_a_form(comparison, got, known, flowed)
        comparison = replace(comparison, blame=comparison.blame if exact is not None else "")
        resolution = allowed.resolution
    elif comparison.verdict in PASSING and flowed.conserved:
        comparison = _conserving(comparison, array, known)
    if comparison.verdict in PASSING and array.shape == value.shape and not known.alternatives:
        beside = _beside_its_row(array, flowed, known)
        if beside is not None:
            return Held(beside, resolution, alone=True)
    known_of = comparison.verdict in PASSING and comparison.undecided != comparison.total
    if known_of and resolution.zeros_agree == 1.0 and value.any():
        problem = "is undecided: the error bound is so large that zeros would agree everywhere"
        comparison = replace(comparison, verdict=Verdict.UNDECIDED, undecided=comparison.total, problem=problem)
    elif resolution.median is not None and _coarse(flowed, value) < resolution.median < np.inf:  # else undecided
        share = resolution.median
        size = f"{100 * share:.2g} %" if share < 1 else f"{share:.2g} times the value"
        coarse = f"changes below {size} would pass"
        comparison = comparison.noting(coarse, kind=NoteKind.RESOLUTION)
    if flowed.guaranteed >= WORTH_A_NOTE:
        kept = f"{flowed.guaranteed:.2g} of its elements keep the guaranteed bound: the law of long sums says no more"
        comparison = comparison.noting(kept, kind=NoteKind.RESOLUTION)
    return Held(comparison, resolution)


def _beside_its_row(got: Array, flowed: Flowed, known: Answer) -> Comparison | None:
    """A mismatch where elements are off by what no mean and no variance of their row makes; None for none.

    Another honest form of the operations explains more, and a function that was given as one explains all.
    """
    first: Comparison | None = None
    error: Array = np.zeros(())
    tried: Any = None
    for form in ("", *flowed.forms):
        lines = flowed.lines(form)
        if lines is None:
            return None
        if lines is tried:
            continue
        tried = lines
        if first is None:
            with np.errstate(all="ignore"):
                error = np.array(got - known.value.astype(np.float64), np.float64, order="C")
            np.nan_to_num(error, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        line, allowed = (x.cpu().numpy() for x in lines.through(error))
        gap = np.abs(error - line)
        with np.errstate(all="ignore"):
            ratio = np.where(gap > 0, gap / allowed, 0.0)
        if not (ratio > 1).any():
            return None
        first = first or _alone(got, known, known.value + line, gap, allowed, ratio)
    return first


def _alone(got: Array, known: Answer, moved: Array, gap: Array, allowed: Array, ratio: Array) -> Comparison:
    """What is wrong with the element that is furthest off where torch's are `moved` as the rest of its row is."""
    at = np.unravel_index(ratio.argmax(), ratio.shape)
    bad, where = int((ratio > 1).sum()), "[" + ", ".join(str(int(i)) for i in at) + "]"
    problem = (
        f"at {where} is {exact_number(float(got[at]))}, where torch's, off as the rest of its row is, would be "
        f"{exact_number(float(moved[at]))}; the difference {gap[at]:.2g} is {times(float(ratio[at]))} times what an "
        f"element may be off by itself ({bad} of {got.size} elements differ)"
    )
    return Comparison(
        Verdict.MISMATCH,
        gap=float(gap[at]),
        radius=float(allowed[at]),
        ratio=float(ratio[at]),
        ulps=float(gap[at] / np.spacing(np.abs(known.value[at]))),
        bad=bad,
        total=got.size,
        undecided=0,
        radius_kind=known.radius_kind,
        resolution=known.median,
        got=float(got[at]),
        want=float(moved[at]),
        where=where,
        blame="submission",
        problem=problem,
        arrays=(got, moved, allowed),
    )


def _coarse(flowed: Flowed, value: Array) -> float:
    return flowed.arithmetic.coarse if flowed.arithmetic is not None else COARSE.get(str(value.dtype), np.inf)


def _conserving(comparison: Comparison, got: Array, answer: Answer) -> Comparison:
    """A mismatch where more or less than there is was given to the elements tied for a maximum.

    One of them gets its gradient, whichever: each may have all or nothing, but their sum is the same.
    """
    tied = np.any([other.where for other in answer.alternatives], axis=0)
    want = answer.value[tied].astype(np.float64)
    radius = float(answer.radius[tied].sum() + sum(other.radius[tied].sum() for other in answer.alternatives))
    allowed = radius + float(np.abs(want).sum()) * want.size * np.finfo(answer.value.dtype).eps
    found = float(got[tied].astype(np.float64).sum())
    if not abs(found - want.sum()) > allowed:
        return comparison
    problem = (
        f"sums to {found:.7g} over the {want.size} elements tied for a maximum, where one of each tie gets it all and "
        f"torch's sum is {want.sum():.7g}"
    )
    return replace(comparison, verdict=Verdict.MISMATCH, problem=problem)


def _explained_by_a_form(
    comparison: Comparison, got: Returned, answer: Answer, flowed: Flowed
) -> tuple[Comparison, Answer]:
    """The comparison, a match with a note where the rounding of another honest form explains every gap.

    Beside it the answer with the radius that was allowed.
    """
    for form in () if _is_one_number(got, answer) else flowed.forms:
        if not _may_agree(got, answer, flowed.form_bounds[form]):
            continue
        allowed = _allowing(answer, flowed.forms[form])
        again = compare(got, allowed)
        if again.verdict in PASSING:
            if again.verdict == Verdict.UNDECIDED:
                again = replace(again, problem=f"{again.problem}: “{form}” may lose every digit there")
            far = times(comparison.ratio or 0.0)
            note = f"the difference is {far} times the plain form's error bound, which “{form}” explains"
            return again.noting(note, kind=NoteKind.FORM), allowed
    if comparison.got is not None and math.isnan(comparison.got):  # it is no gap, of which rounding could be why
        return comparison, answer
    if flowed.probability is None or comparison.ratio is None or comparison.ratio > CERTAIN:
        return comparison, answer
    of_what = "an element" if flowed.kind == "sample" else "for all elements together"
    certainty = f"by rounding alone this would be improbable ({flowed.probability:.1g} {of_what})"
    return replace(comparison, problem=f"{comparison.problem}; {certainty}"), answer


def _is_one_number(got: Returned, answer: Answer) -> bool:
    """Whether a result is one number everywhere and far from the largest of those expected: no form rounds to that."""
    if got.array is None or got.array.size < 2 or got.array.shape != answer.value.shape:
        return False
    largest = np.unravel_index(np.argmax(np.abs(answer.value)), answer.value.shape)
    gap = abs(float(got.array[largest]) - float(answer.value[largest]))
    far = gap > MOST_OF_A_FORM * float(answer.radius[largest])
    return far and bool((got.array == got.array.flat[0]).all())


def _allowing(answer: Answer, radius: Tensor) -> Answer:
    return replace(answer, radius=radius.cpu().numpy().astype(np.float64))


def _may_agree(got: Returned, answer: Answer, bound: Tensor) -> bool:
    """Whether a result is not refuted by a bound of the radius alone."""
    return compare(got, _allowing(answer, bound)).verdict in PASSING


def may_pass(got: Returned | Failure | None, bounded: Flowed, known: Answer) -> bool:
    """Whether a result may be right where each radius is at most its bound, by a form of the operations too."""
    if not isinstance(got, Returned) or got.array is None or known.value.size == 0:
        return True  # which is for `judge_returned` to say
    if compare(got, known).verdict in PASSING:
        return True
    return any(_may_agree(got, known, bound) for bound in bounded.form_bounds.values())


def explain(held: Mapping[str, Held], gradients: Sequence[str]) -> dict[str, Held]:
    """The same, a failing result explained by the first failing one before it; gradients explain nothing."""
    explained: dict[str, Held] = {}
    first = ""
    for name, result in held.items():
        failing = result.comparison.verdict not in PASSING
        if failing and first:
            result = replace(result, comparison=replace(result.comparison, explained_by=first))
        elif failing and name not in gradients:
            first = name
        explained[name] = result
    return explained
