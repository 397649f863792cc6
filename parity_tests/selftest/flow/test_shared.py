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
    "a sum": lambda y: 0.5 - y,
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


OTHERWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "written into": lambda y: y.sigmoid_(),
    "a function": torch.tanh,
    "a product by itself": lambda y: y * y,
    "a sum with itself": lambda y: y + y.flip(-1) * y,
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
