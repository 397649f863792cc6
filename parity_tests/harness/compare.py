"""Holds what a submission returned against an answer: structure first, then every value in multiples of its radius."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.protocol.comparison import Comparison, failed, mismatched
from parity_tests.protocol.finding import NOTHING, NUMBER, SHAPE, TRANSPOSED
from parity_tests.protocol.observation import Failure, Returned
from reference.answer import Alternative, Answer, medians
from reports.model.notes import Note, NoteKind
from reports.model.numbers import exact_number, times
from reports.model.verdicts import PASSING, Verdict

Array = NDArray[Any]


def shape_text(shape: tuple[int, ...]) -> str:
    """(3, 4) as the field writes it."""
    return str(tuple(int(n) for n in shape))


def compare(got: Returned | Failure | None, answer: Answer, *, flat_ok: bool = False) -> Comparison:
    """Compare one returned value with one answer. `flat_ok`: (M,) may stand for (1, M), with a note."""
    if got is None or isinstance(got, Failure):
        return not_returned(got)
    want = answer.value
    scalar = want.ndim == 0
    asked = "a number" if scalar else f"an array of shape {shape_text(want.shape)}"
    if got.array is None:
        what = "None (nothing)" if got.kind == "none" else f"{got.detail or got.kind}"
        finding = NOTHING if got.kind == "none" else f"a {got.kind}"
        return mismatched(f"is {what}, where {asked} is expected", finding=finding)
    if got.kind not in ("array", "scalar") or (got.kind == "scalar" and not scalar):
        problem = f"is a {got.kind} {got.detail}".rstrip() + f", where {asked} is expected"
        return mismatched(problem, finding=NUMBER if got.kind == "scalar" else f"a {got.kind}")
    array = got.array
    notes: list[Note] = []
    if array.shape != want.shape:
        if scalar and array.size == 1:
            array = array.reshape(())
        elif flat_ok and want.shape == (1, *array.shape):
            flat = f"shape {shape_text(array.shape)} instead of {shape_text(want.shape)}, which broadcasts: no harm"
            notes.append(Note(NoteKind.SHAPE, flat))
            array = array.reshape(want.shape)
        else:
            finding = NUMBER if not array.shape else TRANSPOSED if array.shape == want.shape[::-1] else SHAPE
            shapes = f"has shape {shape_text(array.shape)}, where {shape_text(want.shape)} is expected"
            return mismatched(shapes, finding=finding)
    if not (scalar and got.kind == "scalar" and not _is_promoted(array, want)):
        notes += _dtype_notes(array, want)
    others = tuple(Alternative(a.value[None], a.radius[None], a.where[None], a.note) for a in answer.alternatives)
    radius = np.broadcast_to(np.asarray(answer.radius, np.float64), want.shape)
    compared = _compare_values(
        array[None],
        want[None],
        radius[None],
        others,
        lambda: answer.exact[None],
        answer.radius_kind,
        lambda: [answer.median],
    )
    return compared[0].noting(*notes)


def not_returned(failure: Failure | None) -> Comparison:
    """The comparison of what failed, or was never recorded: no answer is needed for it."""
    if failure is None:
        return Comparison(Verdict.HARNESS_ERROR, problem="was planned, but nothing was recorded for it")
    return failed(failure)


def compare_each(
    got: Sequence[Returned | Failure | None], answers: Answer, *, flat_ok: bool = False
) -> list[Comparison]:
    """`compare` of T values with T answers of one shape, which have a leading T: all at once where they are alike."""
    value = answers.value
    arrays = [one.array for one in got if isinstance(one, Returned) and one.kind == "array" and one.array is not None]
    kinds = {(array.shape, array.dtype) for array in arrays}
    if len(arrays) < len(got) or len(kinds) > 1 or arrays[0].shape != value.shape[1:]:
        return [compare(one, answers.of(t), flat_ok=flat_ok) for t, one in enumerate(got)]
    notes = _dtype_notes(arrays[0], value)
    compared = _compare_values(
        np.stack(arrays), value, answers.radius, answers.alternatives, lambda: answers.exact, answers.radius_kind,
        lambda: medians(value, answers.radius),
    )  # fmt: skip
    return [comparison.noting(*notes) for comparison in compared]


def over_steps(steps: Sequence[Comparison]) -> Comparison:
    """The comparison of a quantity over all of its steps: the first that fails, else the one with the largest ratio."""
    for t, comparison in enumerate(steps):
        if comparison.verdict not in PASSING:
            if comparison.sentence and all(c.sentence and c.failure == comparison.failure for c in steps):
                return comparison  # of the case as a whole
            if len(steps) == 1:
                return replace(comparison, step=1)
            later = sum(c.verdict not in PASSING for c in steps[t + 1 :])
            more = f", and in {later} later steps" if later else ""
            return replace(comparison, step=t + 1, problem=f"after step {t + 1} {comparison.problem}{more}")
    undecided = [t for t, c in enumerate(steps) if c.verdict == Verdict.UNDECIDED]
    worst = undecided[0] if undecided else max(range(len(steps)), key=lambda t: steps[t].ratio or 0.0)
    notes = [note for c in steps for note in c.notes]
    shown = replace(steps[worst], step=worst + 1 if len(steps) > 1 else None).noting(*notes)
    if undecided and len(steps) > 1:
        count, total = (sum(getattr(c, name) or 0 for c in steps) for name in ("undecided", "total"))
        problem = f"is undecided at {count} of {total} elements over all steps"
        return replace(shown, undecided=count, total=total, problem=problem)
    return shown


def _is_promoted(got: Array, want: Array) -> bool:
    return got.dtype.kind == "f" and got.dtype.itemsize > want.dtype.itemsize


def _dtype_notes(got: Array, want: Array) -> list[Note]:
    if got.dtype == want.dtype:
        return []
    if _is_promoted(got, want):
        return [Note(NoteKind.PROMOTED, f"promoted from {want.dtype} to {got.dtype}")]
    return [Note(NoteKind.DTYPE, f"dtype {got.dtype} where {want.dtype} is expected")]


def _ratios(got: Array, value: Array, radius: Array) -> tuple[Array, Array]:
    """gap and gap/radius per element: 0/0 is 0, x/0 and whatever is not finite is ∞."""
    # The difference of two float64 as close as these is exact (Sterbenz), or so large that its rounding is no matter.
    precision: Any = np.longdouble if got.dtype == np.longdouble else np.float64
    wide_got, wide_value = np.asarray(got, precision), np.asarray(value, precision)
    with np.errstate(all="ignore"):
        gap = np.abs(wide_got - wide_value).astype(np.float64)
        if not np.isfinite(gap).all():
            gap = np.where((wide_got == wide_value) | (np.isnan(wide_got) & np.isnan(wide_value)), 0.0, gap)
            gap = np.where(np.isnan(gap), np.inf, gap)
        ratio = gap / radius
    if value.dtype.kind in "iu" and (gap == 0).any():
        gap = np.where((gap == 0) & _unequal_integers(got, value), 1.0, gap)
        with np.errstate(all="ignore"):
            ratio = gap / radius
    unknown = np.isnan(ratio)  # 0/0, and a gap in a radius that is
    return gap, np.where(unknown, np.where(gap == 0, 0.0, np.inf), ratio) if unknown.any() else ratio


def _unequal_integers(got: Array, value: Array) -> NDArray[np.bool_]:
    """Where integers differ that float64 may not tell apart."""
    if not (np.abs(np.asarray(value, np.float64)) >= 2.0**53).any():
        return np.zeros(value.shape, bool)
    exactly = [int(a) != int(b) if np.isfinite(a) else False for a, b in zip(got.flat, value.flat, strict=True)]
    return np.array(exactly, bool).reshape(value.shape)


def _compare_values(
    got: Array,
    value: Array,
    radius: Array,
    alternatives: Sequence[Alternative],
    exact: Callable[[], Array],
    radius_kind: str,
    resolutions: Callable[[], Sequence[float | None]],
) -> list[Comparison]:
    """Every value (T×…) with its answer; the figures are those of its worst element."""
    T, shape = len(value), value.shape[1:]
    total = value[0].size
    if total == 0:
        return [Comparison(Verdict.HARNESS_ERROR, problem="has no elements: nothing was compared")] * T
    gap, ratio = _ratios(got, value, radius)
    # What is not finite where torch's own is finite is wrong, however far two honest sides may differ there, and what
    # is as torch's own, which is not finite, is right.
    undecided = ~np.isfinite(radius)
    is_undecided = bool(undecided.any())
    if is_undecided:
        undecided &= np.where(np.isfinite(value), np.isfinite(got), gap != 0)
        is_undecided = bool(undecided.any())
    unknown = undecided.reshape(T, -1).sum(axis=1) if is_undecided else np.zeros(T, int)
    resolution = resolutions()
    want = value
    explained: list[list[Note]] = [[] for _ in range(T)]
    for alternative in alternatives:
        other_gap, other_ratio = _ratios(got, alternative.value, alternative.radius)
        better = alternative.where & (other_ratio < ratio) & (other_ratio <= 1)
        for t in np.flatnonzero((better & (ratio > 1)).reshape(T, -1).any(axis=1)).tolist():
            explained[t].append(Note(NoteKind.KINK, alternative.note))
        gap, ratio = np.where(better, other_gap, gap), np.where(better, other_ratio, ratio)
        radius, want = np.where(better, alternative.radius, radius), np.where(better, alternative.value, want)
    if is_undecided:
        ratio = np.where(undecided, 0.0, ratio)
    flat_gap, flat_ratio = gap.reshape(T, -1), ratio.reshape(T, -1)
    # Of the elements with the largest ratio, which is often ∞, the one with the largest gap says most.
    largest = flat_ratio == flat_ratio.max(axis=1, keepdims=True)
    if np.count_nonzero(largest) == T:  # one in each, as most often
        worst = np.argmax(largest, axis=1)
    else:
        worst = total - 1 - np.argmax(np.where(largest, flat_gap, -1.0)[:, ::-1], axis=1)
    bad = (flat_ratio > 1).sum(axis=1)
    each = np.arange(T)
    at = [array.reshape(T, -1)[each, worst] for array in (gap, radius, ratio, got, want, value)]
    with np.errstate(all="ignore"):
        ulps = at[0] / np.spacing(np.abs(at[5])).astype(np.float64)
    compared = []
    for t in range(T):
        worst_gap, worst_radius, worst_ratio, worst_got, worst_want = (float(array[t]) for array in at[:5])
        place = np.unravel_index(worst[t], shape)
        figures: dict[str, Any] = {
            "gap": worst_gap, "radius": worst_radius, "ratio": worst_ratio, "ulps": float(ulps[t]),
            "bad": int(bad[t]), "total": total, "undecided": int(unknown[t]), "radius_kind": radius_kind,
            "resolution": resolution[t], "got": worst_got, "want": worst_want,
            "where": "[" + ", ".join(str(int(i)) for i in place) + "]" if shape else "",
        }  # fmt: skip
        if bad[t]:
            true = float(np.asarray(exact()[t], np.longdouble)[place])
            comparison = Comparison(
                Verdict.MISMATCH,
                **figures,
                blame="submission" if not abs(worst_want - true) > abs(worst_got - true) else "reference",
                problem=_sentence(got[t], value[t], figures),
                arrays=(got[t], value[t], radius[t]),
            )
        elif unknown[t]:
            problem = f"is undecided at {int(unknown[t])} of {total} elements"
            comparison = Comparison(Verdict.UNDECIDED, **figures, problem=problem)
        else:
            comparison = Comparison(Verdict.MATCH, **figures)
        compared.append(comparison.noting(*explained[t]))
    return compared


def _sentence(got: Array, value: Array, figures: Mapping[str, Any]) -> str:
    bad, total, gap, ratio = (figures[name] for name in ("bad", "total", "gap", "ratio"))
    place = f"at {figures['where']} " if figures["where"] else ""
    not_finite = ~np.isfinite(np.asarray(got, np.float64)) & np.isfinite(np.asarray(value, np.float64))
    share = f" ({bad} of {total} elements differ)" if total > 1 else ""
    got_text, want_text = exact_number(figures["got"]), exact_number(figures["want"])
    if not_finite.any():
        return f"{place}is {got_text}, torch says {want_text}{share}"
    if got_text == want_text:
        got_text, want_text = repr(figures["got"]), repr(figures["want"])
    allowance = (
        "nothing rounds here, so no difference is explained"
        if np.isinf(ratio)
        else f"the difference {gap:.2g} is {times(ratio)} times the error bound"
    )
    return f"{place}is {got_text}, torch says {want_text}; {allowance}{share}"
