"""A function is blamed for its own mistakes: not a backward for its forward's, nor one for those that it calls."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.mistakes import WRONG
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.variants import rewritten
from parity_tests.protocol.mistake import Body, Rewrite, Swap
from parity_tests.selftest.nightly import one_in
from reports.model.records import FAILING, Record

pytestmark = pytest.mark.usefixtures("one_thread")

FORWARDS = [wrong for wrong in WRONG if wrong.part.removesuffix("_naive").endswith("_forward")]


def judged(*changes: Body | Swap, parts: set[str]) -> list[Record]:
    return records(ASSIGNMENT, rewritten(ASSIGNMENT, Rewrite("changed", changes)), parts=parts)


def blamed(found: Sequence[Record]) -> set[str]:
    return {record.part for record in failures(found)}


def explained(found: Sequence[Record]) -> set[tuple[str, str]]:
    return {(r.part, r.explained_by) for r in found if r.verdict in FAILING and r.explained_by}


@pytest.mark.parametrize("wrong", one_in(5, FORWARDS), ids=lambda wrong: f"{wrong.part}: {wrong.name}")
def test_a_wrong_forward_is_blamed_alone(wrong: object) -> None:
    part, plug = wrong.part, wrong.plug  # type: ignore[attr-defined]
    backward = {part.replace("forward", "backward"), "spatial_batchnorm_forward", "spatial_batchnorm_backward"}
    assert blamed(judged(*plug, parts={part, *backward})) == {part}


UNBIASED = Swap("batch_mean, batch_variance = x.mean(axis=0), x.var(axis=0)",
                "batch_mean, batch_variance = x.mean(axis=0), x.var(axis=0, ddof=1)")  # fmt: skip
BATCHNORM = {"batchnorm_forward", "batchnorm_backward"}


def test_a_backward_beside_a_wrong_forward_is_not_judged_where_its_cache_may_be_spoiled() -> None:
    found = judged(UNBIASED, parts=BATCHNORM)
    assert blamed(found) == {"batchnorm_forward"}
    assert ("batchnorm_backward", "batchnorm_forward") in explained(found)
    message = next(r.message for r in found if r.explained_by == "batchnorm_forward")
    assert "is not judged, because batchnorm_forward is wrong: it works on what that one hands on" in message


def test_a_backward_whose_cache_cannot_be_spoiled_is_judged_beside_a_wrong_forward() -> None:
    forward = Swap("return x.reshape(len(x), -1) @ w + b, (x, w, b)", "return x.reshape(len(x), -1) @ w - b, (x, w, b)")
    backward = Swap("x.reshape(len(x), -1).T @ dout, dout", "2 * x.reshape(len(x), -1).T @ dout, dout")
    assert blamed(judged(forward, backward, parts={"affine_forward"})) == {"affine_forward", "affine_backward"}
    assert blamed(judged(forward, parts={"affine_forward"})) == {"affine_forward"}


def test_a_norm_whose_dx_is_right_had_a_right_cache() -> None:
    forward = Swap("out, cache = _normalised(x, batch_mean, batch_variance, gamma, beta, eps, axis=0)",
                   "out, cache = _normalised(x, batch_mean, batch_variance, gamma, 0 * beta, eps, axis=0)")  # fmt: skip
    backward = Swap("return dx, (dout * normal).sum(axis=0), dout", "return dx, (dout * normal).mean(axis=0), dout")
    assert blamed(judged(forward, backward, parts=BATCHNORM)) == BATCHNORM
    assert blamed(judged(forward, parts=BATCHNORM)) == {"batchnorm_forward"}


SPATIAL = {"batchnorm_forward", "spatial_batchnorm_forward"}


def test_who_calls_a_wrong_function_is_not_blamed_for_it() -> None:
    found = judged(UNBIASED, parts=SPATIAL)
    assert blamed(found) == {"batchnorm_forward"}
    assert ("spatial_batchnorm_forward", "batchnorm_forward") in explained(found)


def test_who_calls_a_right_function_is_blamed_for_its_own_mistakes() -> None:
    own = Swap("return _rows_as_places(out, x.shape), cache", "return 2 * _rows_as_places(out, x.shape), cache")
    assert blamed(judged(own, parts=SPATIAL)) == {"spatial_batchnorm_forward"}


@pytest.mark.parametrize(
    ("mask", "verdict"),
    [("(np.random.rand(*x.shape) < p)", "match"), ("np.ones(x.shape)", "mismatch")],
    ids=["not-inverted", "nothing-dropped"],
)
def test_dropouts_backward_is_judged_by_its_forwards_own_mask(mask: str, verdict: str) -> None:
    forward = Swap("((np.random.rand(*x.shape) < p) / p)", mask)
    found = judged(forward, parts={"dropout_forward"})
    assert "dropout_forward" in blamed(found)
    assert {record.verdict for record in found if record.quantity == "dx"} == {verdict}
    wrong = Swap("return dout if mask is None else dout * mask", "return dout if mask is None else 2 * dout * mask")
    assert "dropout_backward" in blamed(judged(forward, wrong, parts={"dropout_forward"}))


GROUPED = {"spatial_groupnorm_forward", "spatial_groupnorm_backward"}
WITHOUT_EPS = Swap('np.sqrt(variance + gn_param.get("eps", 1e-5))', "np.sqrt(variance)")


def test_a_backward_is_not_blamed_where_its_wrong_forward_is_within_its_radius() -> None:
    """In float32 the output of one case does not show that eps is missing, but the gradient does."""
    found = records(ASSIGNMENT, rewritten(ASSIGNMENT, Rewrite("changed", (WITHOUT_EPS,))), parts=GROUPED)
    wrong = {record.case for record in failures(found) if record.quantity == "out"}
    assert {record.case for record in found if record.quantity == "out"} - wrong
    assert blamed(found) == {"spatial_groupnorm_forward"}


def test_a_gap_that_is_too_wide_for_its_forward_is_the_backwards_own() -> None:
    twice = Swap("return dx.reshape(dout.shape), (dout * normal)", "return dx.reshape(dout.shape), (2 * dout * normal)")
    assert blamed(judged(WITHOUT_EPS, twice, parts=GROUPED)) == GROUPED
