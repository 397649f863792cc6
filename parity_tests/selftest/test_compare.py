"""The comparison: structure before values, every element in multiples of its own radius, and a sentence for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from parity_tests.harness.compare import compare
from parity_tests.protocol.comparison import Comparison, failed, matched, mismatched
from parity_tests.protocol.observation import FAILURE_KINDS, Failure, Returned
from reference.answer import Alternative, Answer, known
from reports.model.notes import Note, NoteKind
from reports.model.numbers import times

FIGURES = ("gap", "radius", "ratio", "ulps", "bad", "total", "got", "want")


def array(value: ArrayLike, dtype: str = "float64") -> Returned:
    return Returned("array", np.asarray(value, dtype), "")


def scalar(value: Any) -> Returned:
    return Returned("scalar", np.asarray(value), repr(value))


def answer(value: ArrayLike, radius: ArrayLike = 0.0, exact: ArrayLike | None = None, dtype: str = "float64") -> Answer:
    v = np.asarray(value, dtype)
    e = v.astype(np.longdouble) if exact is None else np.asarray(exact, np.longdouble)
    return Answer(v, np.broadcast_to(np.asarray(radius, np.float64), v.shape), lambda: e)


# ---- structure first ----


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (Returned("none", None, ""), "is None (nothing), where an array of shape (2, 3) is expected"),
        (Returned("list", None, "a list of length 2"), "is a list of length 2, where an array"),
        (Returned("tuple", None, "a tuple of length 2"), "is a tuple of length 2, where"),
        (Returned("str", None, "a str of length 9"), "is a str of length 9, where"),
        (Returned("matrix", None, "a matrix of dtype float64 and shape (2, 3)"), "is a matrix of dtype float64"),
        (Returned("MaskedArray", None, "a MaskedArray of shape (2, 3)"), "is a MaskedArray of shape (2, 3)"),
        (Returned("array", None, "an array of dtype object and shape (2, 3)"), "is an array of dtype object"),
        (Returned("matrix", np.zeros((2, 3)), "of shape (2, 3)"), "is a matrix of shape (2, 3)"),
        (scalar(1.0), "is a scalar 1.0, where an array of shape (2, 3) is expected"),
        (array(np.zeros((3, 2))), "has shape (3, 2), where (2, 3) is expected"),
        (array(np.zeros(6)), "has shape (6,), where (2, 3) is expected"),
        (array(np.zeros((1, 2, 3))), "has shape (1, 2, 3), where (2, 3) is expected"),
        (array(np.zeros((0, 3))), "has shape (0, 3), where (2, 3) is expected"),
        (array(0.0), "has shape (), where (2, 3) is expected"),
    ],
)
def test_another_structure_is_a_mismatch_that_says_it(got: Returned, said: str) -> None:
    comparison = compare(got, answer(np.zeros((2, 3))))
    assert comparison.verdict == "mismatch"
    assert comparison.problem.startswith(said)
    assert {getattr(comparison, name) for name in FIGURES} == {None}


def test_structure_is_judged_before_values() -> None:
    comparison = compare(array([[np.nan, 7.0]]), answer([1.0, 2.0]))
    assert comparison.problem == "has shape (1, 2), where (2,) is expected"


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_a_call_that_did_not_return_has_its_own_verdict_and_place(kind: str) -> None:
    failure = Failure(
        kind, "ValueError", "f raised ValueError (neural_networks.py, line 7)", "neural_networks.py", 7, "f"
    )
    comparison = compare(failure, answer(1.0))
    assert comparison == failed(failure)
    assert (comparison.verdict, comparison.problem, comparison.sentence) == (kind, failure.text, True)
    assert (comparison.file, comparison.line) == ("neural_networks.py", 7)


def test_what_was_never_recorded_is_the_harness_fault() -> None:
    assert compare(None, answer(1.0)).verdict == "harness_error"


def test_nothing_compared_is_no_match() -> None:
    assert compare(array(np.zeros((0, 3))), answer(np.zeros((0, 3)))).verdict == "harness_error"


@pytest.mark.parametrize("got", [scalar(1.0), scalar(np.float64(1.0)), array(1.0), array([1.0]), array([[1.0]])])
def test_a_number_may_come_in_any_array_of_one(got: Returned) -> None:
    assert compare(got, answer(1.0)).verdict == "match"


@pytest.mark.parametrize("got", [scalar(2), scalar(np.float32(2)), scalar(True)])
def test_a_numbers_type_is_no_matter(got: Returned) -> None:
    assert compare(got, answer(float(got.array or 0))) == compare(
        scalar(float(got.array or 0)), answer(float(got.array or 0))
    )


def test_a_flat_bias_is_a_match_with_a_note_only_where_it_may_be_flat() -> None:
    want = answer([[1.0, 2.0, 3.0]])
    flat = compare(array([1.0, 2.0, 3.0]), want, flat_ok=True)
    assert flat.verdict == "match"
    assert flat.notes == (Note(NoteKind.SHAPE, "shape (3,) instead of (1, 3), which broadcasts: no harm"),)
    assert compare(array([1.0, 2.0, 3.0]), want).verdict == "mismatch"
    assert (
        compare(array([[1.0], [2.0], [3.0]]), want, flat_ok=True).problem
        == "has shape (3, 1), where (1, 3) is expected"
    )
    assert compare(array([1.0, 2.0, 4.0]), want, flat_ok=True).where == "[0, 2]"
    assert compare(array([1.0, 2.0]), want, flat_ok=True).verdict == "mismatch"
    assert compare(array([1.0, 2.0, 3.0]), answer(np.ones((3, 3))), flat_ok=True).verdict == "mismatch"


@pytest.mark.parametrize(
    ("dtype", "asked", "note"),
    [
        ("float64", "float32", "promoted from float32 to float64"),
        ("longdouble", "float64", f"promoted from float64 to {np.dtype('longdouble')}"),
        ("float32", "float64", "dtype float32 where float64 is expected"),
        ("float16", "float32", "dtype float16 where float32 is expected"),
        ("int64", "float64", "dtype int64 where float64 is expected"),
        ("bool", "float32", "dtype bool where float32 is expected"),
    ],
)
def test_another_dtype_with_the_same_numbers_is_a_note(dtype: str, asked: str, note: str) -> None:
    comparison = compare(array([0, 1], dtype), answer([0, 1], dtype=asked))
    kind = NoteKind.PROMOTED if note.startswith("promoted") else NoteKind.DTYPE
    assert (comparison.verdict, comparison.notes) == ("match", (Note(kind, note),))


def test_digits_lost_to_another_dtype_are_a_mismatch() -> None:
    comparison = compare(array([0.1], "float32"), answer([0.1], 1e-16))
    assert comparison.verdict == "mismatch"
    assert comparison.notes == (Note(NoteKind.DTYPE, "dtype float32 where float64 is expected"),)
    assert comparison.blame == "submission"


# ---- values ----

eighths = st.integers(-64, 64).map(lambda n: n / 8)


@given(st.lists(st.tuples(eighths, eighths, st.integers(0, 32).map(lambda n: n / 8)), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_each_element_has_its_own_radius_and_its_edge_belongs_to_it(rows: list[tuple[float, float, float]]) -> None:
    got, value, radius = (np.array(column) for column in zip(*rows, strict=True))
    comparison = compare(array(got), answer(value, radius))
    off = np.abs(got - value) > radius
    assert comparison.verdict == ("mismatch" if off.any() else "match")
    assert (comparison.bad, comparison.total) == (off.sum(), len(rows))
    with np.errstate(all="ignore"):
        gap = np.abs(got - value)
        ratios = np.where(gap == 0, 0.0, gap / radius)
    assert comparison.ratio == ratios.max()
    index = int(comparison.where.strip("[]"))
    assert ratios[index] == ratios.max()
    assert (comparison.got, comparison.want, comparison.gap) == (got[index], value[index], gap[index])
    assert comparison.radius == radius[index]
    assert bool(comparison.problem) == bool(off.any())
    assert (comparison.arrays is not None) == bool(off.any())


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.sampled_from([np.float32, np.float64]))
@settings(deadline=None)
def test_without_a_radius_one_ulp_is_infinitely_many(x: float, dtype: Any) -> None:
    value = np.array([x], dtype)
    with np.errstate(over="ignore"):
        beside = np.nextafter(value, dtype(np.inf))
    same, other = (compare(Returned("array", a, ""), known(value)) for a in (value, beside))
    assert (same.verdict, same.ratio, same.gap) == ("match", 0.0, 0.0)
    assert (other.verdict, other.ratio) == ("mismatch", np.inf)
    assert "nothing rounds here, so no difference is explained" in other.problem or np.isinf(beside[0])


def test_minus_zero_is_zero() -> None:
    assert compare(array([-0.0]), answer([0.0])).ratio == 0.0


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_off_whatever_the_radius(wrong: float) -> None:
    comparison = compare(array([1.0, wrong]), answer([1.0, 2.0], 1e300))
    assert (comparison.verdict, comparison.ratio, comparison.where, comparison.bad) == ("mismatch", np.inf, "[1]", 1)
    assert comparison.problem == f"at [1] is {wrong}, torch says 2 (1 of 2 elements differ)"
    assert comparison.blame == "submission"


@pytest.mark.parametrize("both", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_on_both_sides_agrees(both: float) -> None:
    assert compare(array([both]), answer([both])).verdict == "match"
    assert compare(array([0.0]), answer([both])).verdict == "mismatch"


def test_infinities_of_opposite_signs_differ() -> None:
    assert compare(array([np.inf]), answer([-np.inf], 1.0)).verdict == "mismatch"


def test_an_element_without_a_usable_radius_is_undecided_and_hides_no_other() -> None:
    undecided = compare(array([1.0, 5.0]), answer([1.0, 2.0], [0.0, np.inf]))
    assert (undecided.verdict, undecided.problem) == ("undecided", "is undecided at 1 of 2 elements")
    assert undecided.ratio == 0.0
    nan_radius = compare(array([1.0, 5.0]), answer([1.0, 2.0], [0.0, np.nan]))
    assert nan_radius.verdict == "undecided"
    wrong = compare(array([3.0, 5.0]), answer([1.0, 2.0], [0.0, np.inf]))
    assert (wrong.verdict, wrong.where, wrong.bad) == ("mismatch", "[0]", 1)


def test_of_equally_bad_elements_the_largest_gap_is_shown() -> None:
    comparison = compare(array([[1.0, 9.0], [4.0, 0.0]]), answer(np.zeros((2, 2))))
    assert (comparison.where, comparison.got, comparison.bad) == ("[0, 1]", 9.0, 3)


def test_a_small_gap_of_many_radii_is_worse_than_a_large_one_of_few() -> None:
    comparison = compare(array([1.001, 150.0]), answer([1.0, 100.0], [1e-6, 40.0]))
    assert comparison.where == "[0]"
    assert comparison.bad == 2


# ---- alternatives ----

OTHER = Note(NoteKind.KINK, "the other convention")


def with_alternative(
    value: ArrayLike, radius: float, where: ArrayLike, other: ArrayLike, other_radius: float
) -> Answer:
    base = answer(value, radius)
    other_value = np.asarray(other, np.float64)
    alternative = Alternative(
        other_value, np.full(other_value.shape, other_radius), np.asarray(where, np.bool_), OTHER.text
    )
    return Answer(base.value, base.radius, base.exactly, (alternative,))


@pytest.mark.parametrize(
    ("got", "verdict", "notes"),
    [
        ([0.0, 1.0], "match", ()),
        ([5.0, 1.0], "match", (OTHER,)),
        ([5.25, 1.0], "match", (OTHER,)),
        ([5.75, 1.0], "mismatch", ()),
        ([0.0, 5.0], "mismatch", ()),
        ([5.0, 5.0], "mismatch", (OTHER,)),
        ([2.5, 1.0], "mismatch", ()),
    ],
)
def test_an_alternative_holds_where_it_may(got: list[float], verdict: str, notes: tuple[Note, ...]) -> None:
    comparison = compare(array(got), with_alternative([0.0, 1.0], 0.0, [True, False], [5.0, 5.0], 0.5))
    assert (comparison.verdict, comparison.notes) == (verdict, notes)
    if verdict == "match" and comparison.gap:
        assert comparison.want == 5.0
        assert comparison.ratio == abs(got[0] - 5.0) / 0.5


# ---- sentences ----


def test_a_sentence_says_where_what_and_how_many_times() -> None:
    comparison = compare(array([[0.25, 0.5], [1.0, 1.0]]), answer([[0.25, 0.25], [1.0, 1.0]], 2.0**-25))
    assert comparison.problem == (
        "at [0, 1] is 0.5, torch says 0.25; the difference 0.25 is 8.4e+06 times the error bound"
        " (1 of 4 elements differ)"
    )


def test_a_single_number_needs_no_place_and_no_count() -> None:
    comparison = compare(scalar(3.0), answer(2.0, 0.5))
    assert comparison.problem == "is 3, torch says 2; the difference 1 is 2 times the error bound"
    assert comparison.where == ""


def test_numbers_that_look_alike_are_written_out() -> None:
    comparison = compare(array([0.1 + 0.2]), answer([0.3]))
    assert "is 0.30000000000000004, torch says 0.3;" in comparison.problem


@pytest.mark.parametrize(
    ("ratio", "said"),
    [(1.25, "1.2"), (99.4, "99"), (123.4, "123"), (9999.0, "9999"), (8e6, "8e+06"), (np.inf, "infin")],
)
def test_ratios_are_short(ratio: float, said: str) -> None:
    assert times(ratio).startswith(said)


def test_ulps_are_those_of_the_dtype() -> None:
    for dtype in (np.float32, np.float64):
        value = np.array([1.5], dtype)
        beside = value + 3 * np.spacing(value)
        assert compare(Returned("array", beside, ""), known(value)).ulps == 3.0


@pytest.mark.parametrize(
    ("got", "value", "exact", "blame"),
    [
        (2.0, 1.0, 1.0, "submission"),
        (2.0, 1.0, 2.0, "reference"),
        (2.0, 1.0, 1.9, "reference"),
        (2, 1, 1.5, "submission"),
    ],
)
def test_blame_falls_on_the_side_that_is_farther_from_the_exact_value(
    got: float, value: float, exact: float, blame: str
) -> None:
    assert compare(array([got]), answer([value], 0.1, [exact])).blame == blame
    assert compare(array([value]), answer([value], 0.1, [exact])).blame == ""


def test_what_did_not_match_is_kept_with_its_radius() -> None:
    comparison = compare(array([1.0, 2.0]), answer([1.0, 5.0], 0.5))
    assert comparison.arrays is not None
    got, want, radius = comparison.arrays
    kept: list[NDArray[Any]] = [got, want, radius]
    assert [a.tolist() for a in kept] == [[1.0, 2.0], [1.0, 5.0], [0.5, 0.5]]


def test_notes_are_kept_once_and_empty_ones_not_at_all() -> None:
    noted = matched("a", "", "a", "b", kind=NoteKind.FORM).noting("b", "c", kind=NoteKind.FORM)
    assert noted.notes == tuple(Note(NoteKind.FORM, text) for text in "abc")
    assert mismatched("is wrong").noting() == Comparison("mismatch", problem="is wrong")
