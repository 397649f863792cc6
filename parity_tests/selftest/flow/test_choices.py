"""Choices: sure ones move radii along, near ones may go either way, at a kink either value is right, none between."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from parity_tests.selftest.flow.comparing import drawn, ratio, single
from parity_tests.selftest.flow.soundness import flowed
from reference.flow import evaluate, gradients

pytestmark = pytest.mark.usefixtures("one_thread")
KINKED = single([0.0, 1.0, -1.0, 0.0])
G = single([0.5, 0.25, 2.0, -3.0])


def slope(function: Any, **more: Any) -> Any:
    """torch's answer for the gradient of `function` at points some of which are kinks."""
    return evaluate(gradients(lambda x: function(x), "x", "g"), {"x": KINKED, "g": G} | more)["x"]


@pytest.mark.parametrize(
    "function",
    [
        torch.relu,
        lambda x: torch.maximum(x, torch.zeros_like(x)),
        lambda x: x.clamp(min=0),
        functional.leaky_relu,
        lambda x: torch.where(x > 0, x, 0.0),
        torch.abs,
        functional.hardtanh,
    ],
    ids=["relu", "maximum", "clamp", "leaky_relu", "where", "abs", "hardtanh"],
)
def test_at_a_kink_either_side_is_right_and_nothing_between_or_beyond(function: Any) -> None:
    """Both one-sided slopes are accepted at a kink, wherever torch stands; their middle is torch's at most."""
    answer = slope(function)
    x = torch.tensor(KINKED, dtype=torch.float64)
    step = 1e-6
    sides = [(function(x + s * step) - function(x)) / (s * step) for s in (1, -1)]
    for side in sides:
        got = (side.numpy().round(6) * G).astype(np.float32)
        assert ratio(answer, got) <= 1
        beyond = got + np.where(KINKED == 0, 0.3 * np.abs(G), 0).astype(np.float32)
        if function is not functional.hardtanh:
            assert ratio(answer, beyond) > 1
    assert ratio(answer, -answer.value.numpy() - G) > 1


def test_a_negative_operand_is_no_kink_although_relus_result_is_0() -> None:
    """relu's backward sees its result alone, which is 0 for all negative operands."""
    answer = slope(torch.relu, x=single([-1.0, -2.0, 3.0, 4.0]))
    assert answer.alternatives == ()
    assert answer.kind == "exact"


@pytest.mark.parametrize("ignored", [2, -100])
def test_an_ignored_label_is_no_kink(ignored: int) -> None:
    """Labels are equal or not, and have no slope; the gradient of a loss that ignores none is another one."""
    x, y = drawn(0, np.float32, x=(2, 3, 4))["x"], np.array([[0, 1, ignored, 2], [1, ignored, 2, 0]])

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(x, y, ignore_index=ignored, reduction="sum")

    answer = evaluate(gradients(loss, "x"), {"x": x, "y": y})["x"]
    assert answer.alternatives == ()
    counted = torch.from_numpy(x).requires_grad_()
    functional.cross_entropy(counted, torch.from_numpy(y).clamp_min(0), reduction="sum").backward()  # type: ignore[no-untyped-call]
    assert counted.grad is not None
    assert ratio(answer, counted.grad.numpy()) > 1


def test_a_gate_within_rounding_may_let_all_pass_or_nothing() -> None:
    """x·0.1 − y·0.1 is 0 up to rounding: the gradient is 0 or g, so that its radius is |g|."""
    x = single([0.3, 0.7])

    def gate(x: Tensor, y: Tensor) -> Tensor:
        return torch.relu((x - y) * 0.1 + (y * 0.3 - y * 0.3))

    answer = evaluate(gradients(gate, "x", "g"), {"x": x, "y": x - single([0, 0.5]), "g": G[:2]}, radius="bound")
    assert answer["x"].radius[0] >= 0.1 * 0.5
    assert answer["x"].radius[1] < 1e-7


def test_the_largest_of_a_tie_may_be_any_of_it() -> None:
    """The index is undecided; the gradient goes to any of those that are tied."""
    x = single([[1.0, 3.0, 3.0], [5.0, 2.0, 1.0]])
    answer = evaluate(lambda x: x.argmax(1), {"x": x})["output"]
    assert answer.undecided.tolist() == [True, False]
    largest = gradients(lambda x: x.max(1).values, "x", "g")
    answer = evaluate(largest, {"x": x, "g": single([0.5, 2.0])})["x"]
    for first, second in ((0.5, 0.0), (0.0, 0.5), (0.5, 0.5)):
        assert ratio(answer, [[0, first, second], [2.0, 0, 0]]) <= 1
    assert ratio(answer, [[0.5, 0, 0], [2.0, 0, 0]]) > 1
    assert ratio(answer, [[0, 0.5, 0], [0, 2.0, 0]]) > 1


def test_the_index_of_a_maximum_within_rounding_is_undecided() -> None:
    """1.1·x and 1.1·x computed otherwise: rounding alone decides which is larger."""
    x = single([[0.3, 0.3, 0.2]])
    answer = evaluate(lambda x: (x * x.new_tensor([1.1, 1.1, 1.1]) + x * 0.3).argmax(1), {"x": x}, radius="bound")
    assert answer["output"].undecided.all()


@pytest.mark.parametrize("stride", [1, 2])
def test_pooling_by_the_largest(stride: int) -> None:
    """Ties after relu are exact zeros: either of the tied may get the gradient."""
    x = drawn(1, np.float32, x=(2, 3, 6, 6))["x"]
    pool = gradients(lambda x: functional.max_pool2d(torch.relu(x), 2, stride=stride), "x", "g")
    shape = (2, 3, 6 // stride - (stride == 1), 6 // stride - (stride == 1))
    g = drawn(2, np.float32, g=shape)["g"]
    answer = evaluate(pool, {"x": x, "g": g})
    assert answer["output"].kind == "exact"
    h = np.maximum(x, 0)
    dh = np.zeros_like(h)
    for i in range(shape[2]):
        for j in range(shape[3]):
            window = h[:, :, i * stride : i * stride + 2, j * stride : j * stride + 2]
            last = window == window.max((2, 3), keepdims=True)
            dh[:, :, i * stride : i * stride + 2, j * stride : j * stride + 2] += last * g[:, :, i, j][..., None, None]
    assert ratio(answer["x"], dh * (x > 0)) <= 1
    assert ratio(answer["x"], np.roll(dh * (x > 0), 1, axis=3)) > 1


def test_sorting_near_neighbours_leaves_their_places_undecided() -> None:
    """Values stay; indices of neighbours within rounding are undecided."""
    x = single([3.0, 1.0, 1.0, 2.0])
    answer = evaluate(lambda x: torch.sort(x), {"x": x})
    assert answer["output[1]"].undecided.tolist() == [True, True, False, False]
    assert answer["output[0]"].kind == "exact"


@pytest.mark.parametrize(("compared", "unsure"), [(1.0, False), (1.5, True)])
def test_a_comparison_within_rounding_is_undecided(compared: float, unsure: bool) -> None:
    """0.3·5 is 1.5 up to rounding."""
    answer = evaluate(lambda x: x * 5 > compared, {"x": single([0.3])}, radius="bound")["output"]
    assert bool(answer.undecided.item()) == unsure


def test_a_selection_by_an_unsure_condition_reaches_to_the_other_value() -> None:
    """`where` and `masked_fill`: the radius is the distance to what the other choice gives."""
    x, r = torch.tensor([1.0]), torch.tensor([1e-6])
    assert flowed(lambda x: torch.where(x > 1, 5.0, 2.0), [x], [r])[1].item() == 3.0
    assert flowed(lambda x: x.masked_fill(x > 1, 9.0), [x], [r])[1].item() == pytest.approx(8.0, rel=1e-6)
    assert flowed(lambda x: torch.where(x > 2, 5.0, 2.0), [x], [r])[1].item() == 0.0


@pytest.mark.parametrize("function", [torch.log, torch.reciprocal, lambda x: x * math.inf], ids=["log", "1/x", "x·∞"])
def test_an_infinity_of_exact_operands_is_exact(function: Any) -> None:
    """log 0, 1/0 and inf·x: nothing that rounding could change; of operands with radii they are undecided."""
    x = single([0.0, 2.0])
    assert evaluate(lambda x: function(x), {"x": x}, radius="bound")["output"].radius[0] == 0
    near = evaluate(lambda x: function(x * 0.3 - x * 0.3), {"x": x}, radius="bound")["output"]
    assert near.undecided[1]


def test_values_that_are_infinite_on_purpose_stay_exact() -> None:
    """A mask of −∞ in attention: the weights there are exactly 0, and the rest have finite radii."""
    scores = drawn(3, np.float32, s=(4, 5))["s"]
    mask = np.triu(np.full((4, 5), -np.inf, np.float32), 1)
    answer = evaluate(lambda s, mask: torch.softmax(s * 0.3 + mask, -1), {"s": scores, "mask": mask})["output"]
    assert not answer.undecided.any()
    assert (answer.radius[mask == -np.inf] == 0).all()
    assert (answer.radius[2, :2] > 0).all()
    assert math.isfinite(float(answer.radius.max()))
