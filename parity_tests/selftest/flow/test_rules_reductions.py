"""Rules of what falls into places, bags and runs, and backwards that torch has in one operation."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from mpmath import mpf
from torch import Tensor
from torch.nn import functional

from parity_tests.selftest.flow.comparing import drawn, ratio, ratios
from parity_tests.selftest.flow.soundness import DTYPES, assert_sound, flowed
from parity_tests.selftest.flow.test_rules_sums import Summed
from reference.flow import Flowed, evaluate, gradients
from reference.flow.rounding import precision

aten = torch.ops.aten
pytestmark = pytest.mark.usefixtures("one_thread")
ROWS = torch.tensor([[0, 0, 0], [0, 0, 0], [1, 1, 1]])
TWO, ONE = torch.tensor([0, 0, 1]), torch.tensor([0, 0])

RULES = [
    Summed(
        "scatter_reduce, sum",
        lambda x, y: x.scatter_reduce(0, ROWS, y, "sum"),
        lambda x, y: np.stack([x[0] + y[0] + y[1], x[1] + y[2]]),
        ((2, 3), (3, 3)),
        2,
    ),
    Summed(
        "scatter_reduce, mean",
        lambda x, y: x.scatter_reduce(0, ROWS, y, "mean"),
        lambda x, y: np.stack([(x[0] + y[0] + y[1]) / 3, (x[1] + y[2]) / 2]),
        ((2, 3), (3, 3)),
        3,
    ),
    Summed(
        "scatter_reduce, product",
        lambda x, y: x.scatter_reduce(0, ROWS, y, "prod"),
        lambda x, y: np.stack([x[0] * y[0] * y[1], x[1] * y[2]]),
        ((2, 3), (3, 3)),
        2,
    ),
    Summed(
        "index_reduce, mean of those that fall alone",
        lambda x, y: x.index_reduce(0, TWO, y, "mean", include_self=False)[:1],
        lambda x, y: np.stack([(y[0] + y[1]) / 2]),
        ((2, 3), (3, 3)),
        2,
    ),
    Summed(
        "index_reduce, product",
        lambda x, y: x.index_reduce(0, TWO, y, "prod"),
        lambda x, y: np.stack([x[0] * y[0] * y[1], x[1] * y[2]]),
        ((2, 3), (3, 3)),
        2,
    ),
    Summed(
        "embedding_bag, sum with factors",
        lambda t, f: functional.embedding_bag(
            torch.tensor([[0, 1, 2]]), t, mode="sum", per_sample_weights=f.reshape(1, 3)
        ),
        lambda t, f: (t * f[:, None]).sum(0)[None],
        ((3, 2), (3,)),
        3,
    ),
    Summed(
        "embedding_bag, mean",
        lambda t: functional.embedding_bag(torch.tensor([[0, 1, 2]]), t, mode="mean"),
        lambda t: t.sum(0)[None] / 3,
        ((3, 2),),
        3,
    ),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_radius_is_enough_and_half_of_it_is_not(rule: Summed, dtype: torch.dtype) -> None:
    """In every element; half the radius falls short in one at least."""
    assert_sound(rule.shortfalls(dtype))


@pytest.mark.parametrize("reduce", ["amax", "amin"])
def test_the_largest_that_falls_into_a_place_moves_by_the_largest_radius_there(reduce: str) -> None:
    """And by none where all are exact."""
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 3.0, 2.5])
    r, s = torch.tensor([0.125, 0.25]), torch.tensor([0.5, 0.0625, 0.75])
    for included, wanted in ((True, [0.5, 0.75]), (False, [0.5, 0.75])):
        _, radius = flowed(lambda x, y, i=included: x.scatter_reduce(0, TWO, y, reduce, include_self=i), [x, y], [r, s])
        assert radius.tolist() == wanted
    assert not flowed(lambda x, y: x.index_reduce(0, TWO, y, reduce), [x, y], [None, None])[1].any()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_running_log_sum_exp_by_mpmath(dtype: torch.dtype) -> None:
    """torch's own value lies within half of the radius, which is for two sides; a radius of the operands comes in."""
    x = torch.tensor([0.3, -40.0, 2.7, 2.7, 700.0 if dtype is torch.float64 else 80.0, -3.0], dtype=dtype)
    out, radius = flowed(lambda x: x.logcumsumexp(0), [x], [None])
    exact = [mpmath.log(sum(mpmath.exp(mpf(float(v))) for v in x[: n + 1])) for n in range(len(x))]
    for want, got, allowed in zip(exact, out, radius, strict=True):
        assert abs(want - mpf(float(got))) <= mpf(float(allowed)) / 2 + mpf(2) ** -100
    # Steps of numbers alike: each adds a logarithm of 2 or less, with the roundings of exponential and logarithm.
    u = precision(dtype).u
    assert 20 * u < float(radius[3]) < 200 * u
    moved = flowed(lambda x: x.logcumsumexp(0), [x], [torch.full_like(x, 1e-2).double()])[1] - radius
    assert torch.allclose(moved[0:1], torch.tensor([1e-2], dtype=torch.float64))
    assert (moved >= 1e-2 * (1 - 1e-6)).all()


def honest_margins(x: Any, y: Any, grad: Any) -> dict[str, Any]:
    """The SVM loss as courses write it."""
    rows = np.arange(len(x))
    margins = np.maximum(0, x - x[rows, y][:, None] + 1).astype(x.dtype)
    margins[rows, y] = 0
    slope = (margins > 0).astype(x.dtype)
    slope[rows, y] -= slope.sum(1)
    C = x.dtype.type(x.shape[1])
    return {"output": margins.sum(1) / C, "x": slope / C * grad[:, None]}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_svm_loss_and_its_gradient(dtype: type) -> None:
    """Within; a gradient that leaves out the right class, or margins of 1.001, are over."""
    inputs: dict[str, Any] = drawn(3, dtype, x=(6, 5), grad=(6,)) | {"y": np.array([0, 3, 1, 4, 2, 0])}
    reference = gradients(lambda x, y: functional.multi_margin_loss(x, y, reduction="none"), of="x", given="grad")
    answer = evaluate(reference, inputs, radius="bound")
    got = honest_margins(**inputs)
    assert max(ratios(answer, got).values()) <= 1
    got["x"][1, 3] = 0
    assert ratio(answer["x"], got["x"]) > 1


def within(answer: dict[str, Flowed], name: str, got: Any, fault: float) -> None:
    """This is within the radius, and times 1 + fault it is not."""
    assert ratio(answer[name], got) <= 1
    assert ratio(answer[name], got * (1 + fault)) > 1


def test_backwards_that_torch_has_in_one_operation_by_float64() -> None:
    """The same in float64, rounded: bicubic interpolation, sampling at a grid, margins of several labels, distances."""
    labels = torch.tensor([[1, 3, -1, 0, 0], [2, -1, 0, 0, 0]])
    cases: dict[str, tuple[Any, dict[str, Any]]] = {
        "bicubic": (
            lambda x: functional.interpolate(x, (7, 5), mode="bicubic"),
            drawn(1, np.float32, x=(1, 2, 4, 3), grad=(1, 2, 7, 5)),
        ),
        "grid": (
            lambda x, grid: functional.grid_sample(x, grid, align_corners=False),
            drawn(2, np.float32, x=(1, 2, 5, 4), grad=(1, 2, 3, 3))
            | {"grid": np.random.default_rng(0).uniform(-0.9, 0.9, (1, 3, 3, 2)).astype(np.float32)},
        ),
        "labels": (
            lambda x: functional.multilabel_margin_loss(x, labels, reduction="none"),
            drawn(4, np.float32, x=(2, 5), grad=(2,)),
        ),
        "pdist": (functional.pdist, drawn(5, np.float32, input=(4, 3), grad=(6,))),
    }
    for name, (function, inputs) in cases.items():
        of = [key for key in inputs if key != "grad"]
        answer = evaluate(gradients(function, of=tuple(of), given="grad"), inputs)
        tensors = {key: torch.tensor(value, dtype=torch.float64, requires_grad=True) for key, value in inputs.items()}
        function(**{key: tensors[key] for key in of}).backward(tensors["grad"].detach())
        for key in of:
            wanted = tensors[key].grad
            assert wanted is not None, name
            within(answer, key, wanted.numpy(), 1e-2)


def test_a_grid_that_ends_exactly_at_the_border_looks_nowhere_beyond_it() -> None:
    """The comparison with the border is the forward's, and is not taken the other way for the backward's sake."""
    grid = np.array([[[[-1.0, -1.0], [1.0, 1.0], [0.0, 1.0]]]], np.float32)
    inputs = drawn(2, np.float32, x=(1, 1, 3, 3), grad=(1, 1, 1, 3)) | {"grid": grid}
    reference = gradients(lambda x, grid: functional.grid_sample(x, grid, align_corners=True), of="x", given="grad")
    answer = evaluate(reference, inputs)
    x, g = inputs["x"][0, 0], inputs["grad"][0, 0, 0]
    within(answer, "output", np.array([x[0, 0], x[2, 2], x[2, 1]]).reshape(1, 1, 1, 3), 1e-4)
    by_image = np.zeros((1, 1, 3, 3), np.float32)
    by_image[0, 0, [0, 2, 2], [0, 2, 1]] = g
    within(answer, "x", by_image, 1e-4)
    by_grid = gradients(lambda x, grid: functional.grid_sample(x, grid, align_corners=True), of="grid", given="grad")
    assert np.isfinite(evaluate(by_grid, inputs)["grid"].radius.numpy()).all()


def test_a_grid_of_which_the_nearest_is_taken_has_a_gradient_of_exact_zeros() -> None:
    inputs = drawn(2, np.float32, x=(1, 1, 3, 3), grid=(1, 2, 2, 2), grad=(1, 1, 2, 2))

    def nearest(x: Tensor, grid: Tensor) -> Tensor:
        return functional.grid_sample(x, grid, mode="nearest", align_corners=False)

    by_grid = evaluate(gradients(nearest, of="grid", given="grad"), inputs)["grid"]
    assert ratio(by_grid, np.zeros_like(inputs["grid"])) == 0
    assert ratio(by_grid, np.full_like(inputs["grid"], 1e-30)) > 1


def test_bags_of_a_table_and_runs_of_elements() -> None:
    """Gradients too, by loops; a bag whose last word is left out is over."""
    words, offsets = torch.tensor([0, 2, 2, 1, 3]), torch.tensor([0, 3])
    inputs = drawn(6, np.float32, table=(4, 3), grad=(2, 3))

    def bags(table: Tensor) -> Tensor:
        return functional.embedding_bag(words, table, offsets, mode="mean")

    answer = evaluate(gradients(bags, of="table", given="grad"), inputs, radius="bound")
    t, g = inputs["table"], inputs["grad"]
    out = np.stack([(t[0] + t[2] + t[2]) / np.float32(3), (t[1] + t[3]) / np.float32(2)])
    third, half = g[0] / np.float32(3), g[1] / np.float32(2)
    within(answer, "output", out, 1e-4)
    within(answer, "table", np.stack([third, half, third + third, half]), 1e-4)
    runs = evaluate(
        lambda table, grad: torch.segment_reduce(table, "mean", lengths=torch.tensor([3, 1])), inputs, radius="bound"
    )
    within(runs, "output", np.stack([t[:3].sum(0) / np.float32(3), t[3]]), 1e-4)
    assert not math.isnan(float(runs["output"].radius.max()))
