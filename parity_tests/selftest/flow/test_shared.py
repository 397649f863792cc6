"""What elements of a norm's long row may be off by together, and how little each may be off by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from parity_tests.harness.judge_flow import judge
from parity_tests.pairs.hold import hold
from reference.flow import evaluate
from reference.flow.flowed import Flowed
from reports.model.verdicts import Verdict

pytestmark = pytest.mark.usefixtures("one_thread")
Array = NDArray[np.float32]
LONG = 1 << 16
one = np.float32(1)


def drawn(rows: int = 2, length: int = LONG, seed: int = 0, loc: float = 3.0) -> dict[str, Any]:
    """The inputs of a layer norm."""
    rng = np.random.default_rng(seed)
    x, w, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, length), length, length))
    return {"x": x + np.float32(loc), "w": w, "b": b}


def normalised(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """A layer norm over the last axis."""
    return functional.layer_norm(x, x.shape[-1:], w, b)


def one_after_another(x: Array) -> Array:
    """The sums of rows in a single float32 number each."""
    found: Array = np.add.accumulate(x, axis=-1)[..., -1:]
    return found


def pairwise(x: Array) -> Array:
    """numpy's own sums."""
    found: Array = x.sum(axis=-1, keepdims=True)
    return found


def statistics(x: Array, summed: Callable[[Array], Array], *, one_pass: bool = False) -> tuple[Array, Array]:
    """The mean and 1/σ of rows in float32."""
    n = np.float32(x.shape[-1])
    mean = summed(x) / n
    variance = summed(x * x) / n - mean * mean if one_pass else summed((x - mean) ** 2) / n
    return mean, one / np.sqrt(variance + np.float32(1e-5))


def written(x: Array, mean: Array, inverse: Array, w: Array, b: Array, form: str) -> Array:
    """The norm, as kernels put its last operations together."""
    if form == "in a product and a sum":
        scale = inverse * w
        return x * scale + (b - mean * scale)
    if form == "weights first":
        return (x - mean) * (inverse * w) + b
    return (x - mean) * inverse * w + b


FORMS = ("as it is written", "in a product and a sum", "weights first")


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1 << 16),
    loc=st.sampled_from([0.0, 3.0, -100.0]),
    summed=st.sampled_from([one_after_another, pairwise]),
    one_pass=st.booleans(),
    form=st.sampled_from(FORMS),
    length=st.sampled_from([256, 1000, 1 << 14]),
)
def test_a_correct_norm_agrees_however_it_sums_and_puts_its_parts_together(
    seed: int, loc: float, summed: Callable[[Array], Array], one_pass: bool, form: str, length: int
) -> None:
    """Its mean and 1/σ are off for all of a row alike."""

    def candidate(x: Array, w: Array, b: Array) -> Array:
        return written(x, *statistics(x, summed, one_pass=one_pass), w, b, form)

    assert hold(candidate, normalised, **drawn(3, length, seed, loc), search=0)


def off_at(place: tuple[int, int], by: float) -> Callable[..., Array]:
    """A layer norm of sums one after another, with one element off by a part of it."""

    def candidate(x: Array, w: Array, b: Array) -> Array:
        found = written(x, *statistics(x, one_after_another), w, b, FORMS[0])
        found[place] *= np.float32(1 + by)
        return found

    return candidate


def test_an_element_that_is_off_by_itself_is_told_beneath_the_error_bound_of_its_row() -> None:
    """The bound is of all that a mean and a variance may be off by; the rest of the row tells what these are."""
    inputs = drawn()
    place = 1, int(np.abs(inputs["w"] * (inputs["x"][1] - 3)).argmax())
    assert hold(off_at(place, 0.0), normalised, **inputs, search=0)
    told = hold(off_at(place, 5e-5), normalised, **inputs, search=0)
    (record,) = told.run.records
    assert record.verdict == Verdict.MISMATCH
    assert record.where == str(list(place))
    said = " ".join(str(told).split())
    assert "where torch's, off as the rest of its row is, would be" in said
    assert "times what an element may be off by itself (1 of 131072 elements differ)" in said
    flowed = evaluate(normalised, inputs)["output"]
    got = off_at(place, 5e-5)(**inputs)
    assert judge(got, replace(flowed, lines=lambda form: None), None, "output").comparison.verdict == Verdict.MATCH


def nearly_one_number(rows: int, length: int) -> Array:
    """Ones, the next number after it, and a few twos."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random((rows, length)) < 0.5, one, np.nextafter(one, np.float32(2)))
    return np.where(rng.random((rows, length)) < 4e-3, np.float32(2), x)


def with_an_outlier(rows: int, length: int) -> Array:
    """Normal numbers after a huge one."""
    x = np.random.default_rng(0).standard_normal((rows, length)).astype(np.float32)
    x[:, 0] = 1e6
    return x


@pytest.mark.parametrize("data", [nearly_one_number, with_an_outlier])
@pytest.mark.parametrize("summed", [one_after_another, pairwise])
def test_correct_norms_agree_of_rows_in_which_a_few_elements_lie_apart(
    data: Callable[[int, int], Array], summed: Callable[[Array], Array]
) -> None:
    """A line through the others says little of them."""
    x = data(2, 512)
    mean, inverse = statistics(x, summed)
    assert hold(lambda x: (x - mean) * inverse, lambda x: functional.layer_norm(x, x.shape[1:]), x=x, search=0)


def test_a_correct_norm_agrees_that_is_shifted_by_its_largest_element_first() -> None:
    """Which rounds in each element alone."""

    def shifted(x: Array) -> Any:
        x = x - x.max(axis=1, keepdims=True)
        x = x - pairwise(x) / np.float32(x.shape[1])
        return x / np.sqrt(pairwise(x * x) / np.float32(x.shape[1]) + np.float32(1e-5))

    x = np.exp(np.random.default_rng(0).standard_normal((1, LONG))).astype(np.float32)
    assert hold(shifted, lambda x: functional.layer_norm(x, x.shape[1:]), x=x, search=0)


def half_off(by: float) -> Callable[..., Array]:
    """A layer norm of which the later half of rows has another variance."""

    def candidate(x: Array, w: Array, b: Array) -> Array:
        found = written(x, *statistics(x, pairwise), w, b, FORMS[0])
        later = slice(x.shape[1] // 2, None)
        found[:, later] += (found[:, later] - b[later]) * np.float32(by)
        return found

    return candidate


def test_small_weights_where_a_row_ends_do_not_hide_what_is_off_elsewhere() -> None:
    """A line goes through elements that round as others do: a large bias beside a small weight rounds by more."""
    inputs = drawn(1, LONG)
    x, w = inputs["x"][0], np.ones_like(inputs["w"])
    w[[x.argmax(), x.argmin()]] = 1e-4
    inputs |= {"w": w, "b": np.ones_like(w)}
    assert hold(half_off(0.0), normalised, **inputs, search=0)
    assert not hold(half_off(1.5e-4), normalised, **inputs, search=0)


def test_a_variance_by_one_pass_does_not_hide_what_is_off_in_a_half_of_a_row() -> None:
    """It is off for all of a row alike."""
    inputs = drawn(1, LONG, loc=100.0)
    assert hold(half_off(0.0), normalised, **inputs, search=0)
    assert not hold(half_off(2e-3), normalised, **inputs, search=0)


def test_results_in_another_layout_are_told_too() -> None:
    """In Fortran's order."""
    place = 1, 2000
    inputs = drawn()
    inputs["w"][2000] = 3.0
    assert not hold(lambda **given: np.asfortranarray(off_at(place, 1e-3)(**given)), normalised, **inputs, search=0)
    assert hold(lambda **given: np.asfortranarray(off_at(place, 0.0)(**given)), normalised, **inputs, search=0)


def test_results_in_longdouble_are_judged_as_others_are() -> None:
    """A type that torch does not have."""
    inputs = drawn(2, 512)
    assert hold(lambda x, w, b: normalised(*map(torch.from_numpy, (x, w, b))).numpy().astype(np.longdouble), normalised,
                **inputs, search=0)  # fmt: skip


def lines_of(function: Callable[[Tensor], Tensor], *shape: int) -> tuple[Flowed, Tensor]:
    """What is known of the output of a function of normal numbers."""
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    flowed = evaluate(function, {"x": x}, radius="auto")["output"]
    return flowed, x


NORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "layer": lambda x: functional.layer_norm(x, x.shape[1:]),
    "group": lambda x: functional.group_norm(x, 2),
    "batch": lambda x: functional.batch_norm(x, None, None, training=True),
    "instance": lambda x: functional.instance_norm(x),
}
AFTER: dict[str, Callable[[Tensor], Tensor]] = {
    "nothing": lambda y: y,
    "a product by a number": lambda y: y * -3.0,
    "a quotient": lambda y: y / torch.arange(1.0, 5.0)[:, None, None],
    "a difference": lambda y: 0.5 - y,
    "a difference of thrice": lambda y: torch.rsub(y, 0.5, alpha=3),
    "a sum and the negative": lambda y: -(y + 0.5),
    "a view": lambda y: y.reshape(-1),
    "a relu": torch.relu,
    "a sum and a relu in place": lambda y: y.add_(0.25).relu_(),
}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("after", AFTER)
def test_what_float16_makes_of_a_norm_is_told_whatever_is_added_or_multiplied_after_it(norm: str, after: str) -> None:
    """And float64's results, rounded, agree: the line goes along."""

    def function(x: Tensor) -> Tensor:
        return AFTER[after](NORMS[norm](x))

    flowed, x = lines_of(function, 4, 4, 48, 48)
    assert flowed.lines("") is not None
    right, half = function(x.double()).float().numpy(), flowed.value.half().float().numpy()
    assert judge(right, flowed, None, "output").comparison.verdict == Verdict.MATCH
    assert judge(half, flowed, None, "output").comparison.verdict == Verdict.MISMATCH


AVERAGES: dict[str, Callable[[Tensor], Tensor]] = {
    "pools": lambda y: functional.avg_pool2d(functional.avg_pool2d(y, 2), 2),
    "means": lambda y: y.mean((2, 3), keepdim=True),
}


@pytest.mark.parametrize("norm", ["layer", "batch"])
@pytest.mark.parametrize("after", AVERAGES)
def test_of_averages_within_rows_those_that_are_off_by_themselves_are_told(norm: str, after: str) -> None:
    """Averages of normalised numbers are near 0, and what a mean is off by is as large for them as for any."""
    flowed, x = lines_of(lambda x: AVERAGES[after](NORMS[norm](x + 64.0)), 4, 4, 64, 64)
    right = AVERAGES[after](NORMS[norm]((x + 64.0).double())).float().numpy()
    assert judge(right, flowed, None, "output").comparison.verdict == Verdict.MATCH
    wrong = right.copy()
    wrong[1, 1, 0, 0] += flowed.radius[1, 1, 0, 0].item() / 2
    assert judge(wrong, replace(flowed, lines=lambda form: None), None, "output").comparison.verdict == Verdict.MATCH
    assert judge(wrong, flowed, None, "output").comparison.verdict == Verdict.MISMATCH


OTHERWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "written into": lambda y: y.sigmoid_(),
    "a function": torch.tanh,
    "a product by itself": lambda y: y * y,
    "a sum with itself": lambda y: y + y.flip(-1) * y,
    "means of rows and across them": lambda y: y.mean(0, keepdim=True),
    "another order": lambda y: y.transpose(-1, -2),
    "a part": lambda y: y[..., 1:],
    "broadcast": lambda y: y[None] + torch.ones(2, 1, 1, 1, 1),
}


@pytest.mark.parametrize("after", OTHERWISE)
def test_nothing_is_known_of_rows_that_something_else_was_made_of(after: str) -> None:
    """The error bound alone judges then."""
    flowed, _ = lines_of(lambda x: OTHERWISE[after](NORMS["layer"](x)), 4, 4, 48, 48)
    assert flowed.lines("") is None


def test_short_rows_and_a_function_given_as_a_form_are_judged_by_the_error_bound_alone() -> None:
    """The bound of a short row says enough, and nobody knows what a form's rows share."""
    assert lines_of(NORMS["layer"], 8, 5, 5)[0].lines("") is None
    inputs = drawn()
    place = 1, int(np.abs(inputs["w"] * (inputs["x"][1] - 3)).argmax())

    def same(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-5).sqrt() * w + b

    assert hold(off_at(place, 5e-5), normalised, **inputs, forms=[same], search=0)
    assert not hold(off_at(place, 1e-2), normalised, **inputs, forms=[same], search=0)
