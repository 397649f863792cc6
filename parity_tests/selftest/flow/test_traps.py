"""Thirteen ways in which a radius made of torch's own run goes wrong, each seen once, each mended."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from parity_tests.selftest.flow import honest, torchs
from parity_tests.selftest.flow.comparing import drawn, ratio, ratios, single
from reference.flow import (
    DataDependentError,
    UnknownOperationError,
    evaluate,
    gradients,
    module_reference,
    plain,
)

pytestmark = pytest.mark.usefixtures("one_thread")
U = 2.0**-24
"""float32's unit roundoff."""


def output(function: Any, inputs: dict[str, Any], **options: Any) -> Any:
    """What torch answers for the only output."""
    return evaluate(function, inputs, **options)["output"]


@pytest.mark.parametrize("factors", [3, 8, 20])
def test_1_moves_that_cancel_leave_no_honest_element_without_a_radius(factors: int) -> None:
    """A product in another order: with random signs and the largest of 8 a few in 1e5 elements had radius 0."""
    inputs = drawn(factors, np.float32, **{f"x{i}": (100_000,) for i in range(factors)})

    def product(**xs: Tensor) -> Tensor:
        return math.prod(list(xs.values())[1:], start=xs["x0"])

    backwards = list(inputs.values())[::-1]
    answer = output(product, inputs, radius="sample", replicas=8)
    assert answer.kind == "sample"
    assert answer.probability <= 1e-8
    assert ratio(answer, math.prod(backwards[1:], start=backwards[0])) <= 1


def test_2_a_move_far_below_one_unit_in_the_last_place_is_not_swallowed() -> None:
    """In float32 a move of x·1.1 near 0.01 vanishes beside 1, and all replicas are the same; in float64 it does not."""
    x = np.linspace(0.01, 0.02, 50, dtype=np.float32)
    answer = output(lambda x: x * 1.1 + 1, {"x": x}, radius="sample", replicas=8)
    last = 2 * U * answer.value.double()
    from_upstream = answer.radius - last
    assert (from_upstream > 2 * U * 0.01).all()
    assert (from_upstream < U).all()


@pytest.mark.parametrize("steps", [100, 1000])
def test_3_errors_of_one_sign_add_up(steps: int) -> None:
    """Equal SGD steps are rounded the same way each time: 47 % (100 steps) and 83 % were rejected."""

    def descend(w: Tensor, g: Tensor) -> Tensor:
        for _ in range(steps):
            w = w - 0.1 * g
        return w

    inputs = drawn(3, np.float32, w=(400,), g=(400,))
    accumulated = inputs["w"].astype(np.float64)
    for _ in range(steps):
        accumulated = accumulated - 0.1 * inputs["g"].astype(np.float64)
    answer = output(descend, inputs, radius="sample", replicas=8)
    assert ratio(answer, accumulated.astype(np.float32)) <= 1


def test_4_a_radius_that_is_not_finite_decides_nothing_and_accepts_nothing() -> None:
    """The logarithm of a difference that rounding may make 0: undecided, and only there."""
    inputs = {"x": single([1.0, 0.3]), "y": single([3.0, 0.9]) / np.float32(3)}

    def cross(x: Tensor, y: Tensor) -> Tensor:
        return torch.log((x * 0.7 - y * 0.7).abs() + torch.tensor([0.0, 1.0]))

    answer = output(cross, inputs, radius="bound")
    assert answer.undecided.tolist() == [True, False]


def test_4_what_is_unknown_of_one_row_leaves_the_others_known() -> None:
    """Row 0 comes of logarithms of what may be 0: of its products and what is added nothing is known, of tanh some."""
    x = np.array([[0.0, 0.0], [0.25, 0.5]], np.float32)
    scale = np.array([1 / 3, 1 / 7], np.float32)

    def products(x: Tensor, scale: Tensor) -> dict[str, Tensor]:
        moved = (x + 1) * scale
        row = (moved - moved + x + 1e-30).log()
        both = row @ torch.eye(2, dtype=x.dtype)
        return {"products": both, "sums": row[:1] + both[:1] * 3, "bounded": (row[:1] * 3).tanh()}

    flowed = evaluate(products, {"x": x, "scale": scale}, radius="bound")
    assert torch.isfinite(flowed["products"].radius).tolist() == [[False, False], [True, True]]
    assert flowed["products"].undecided.tolist() == [[True, True], [False, False]]
    assert torch.isinf(flowed["sums"].radius).all()
    assert torch.isfinite(flowed["bounded"].radius).all()


def test_4_moved_values_stay_where_the_operation_is_defined() -> None:
    """√(1 − x²) at x = 1: replicas would take roots of negative numbers, of which no radius can be made."""
    x = single([0.0, 0.5, 0.99999, 1.0])
    answer = output(lambda x: torch.sqrt(1 - x * x), {"x": x}, radius="sample", replicas=8)
    assert torch.isfinite(answer.radius).all()
    assert ratio(answer, np.sqrt((1 - x) * (1 + x))) <= 1


def test_5_torchs_kernel_is_not_its_decomposition() -> None:
    """Batch norm in evaluation at mean 1000 errs by 25,000 bounds of its parts; want is the plain call's."""
    inputs: dict[str, Any] = drawn(
        5, np.float32, x=(16, 30), mean=(30,), var=(30,), gamma=(30,), beta=(30,), g=(16, 30)
    )
    inputs["x"] += 1000
    inputs["mean"] += 1000
    inputs["var"] = np.abs(inputs["var"]) + np.float32(0.1)
    answer = evaluate(torchs.batch_norm_evaluated, inputs)
    x, mean, var, gamma, beta = (torch.from_numpy(inputs[name]) for name in ("x", "mean", "var", "gamma", "beta"))
    called = functional.batch_norm(x, mean, var, gamma, beta)
    assert torch.equal(answer["output"].value, called)
    assert max(ratios(answer, honest.batch_norm_evaluated(**inputs)).values()) <= 1


def test_6_a_view_has_the_radius_of_what_was_written_in_place() -> None:
    """After `mul_` the view made before has the new radius, and the other half of the storage its old one."""

    def write(x: Tensor) -> dict[str, Tensor]:
        y = x + 0  # exact
        left = y[:2]
        whole = y.view(2, 2)
        left.mul_(1.1).add_(0.3)
        return {"left": left, "whole": whole, "right": y[2:]}

    answer = evaluate(write, {"x": single([1.0, 2.0, 3.0, 4.0])}, radius="bound")
    assert (answer["left"].radius > 0).all()
    assert torch.equal(answer["whole"].radius[0], answer["left"].radius)
    assert (answer["right"].radius == 0).all()


def test_6_a_weight_that_was_written_in_place_has_the_radius_of_its_new_values_in_products() -> None:
    def again(x: Tensor, w: Tensor, larger: Tensor) -> Tensor:
        mine = w.clone()
        before = x @ mine
        mine.t()[1:].copy_(larger)
        return before * 0 + x @ mine

    def once(x: Tensor, w: Tensor, larger: Tensor) -> Tensor:
        return x @ torch.cat([w.t()[:1], larger]).t()

    inputs = {"x": np.ones((2, 3)), "w": np.arange(1.0, 10.0).reshape(3, 3) / 7, "larger": np.full((2, 3), 7e9)}
    second, first = (evaluate(f, inputs, radius="bound")["output"] for f in (again, once))
    assert torch.equal(second.value, first.value)
    assert bool((second.radius >= first.radius).all())
    assert bool((second.radius <= first.radius * 1.5).all())


def test_6_lists_of_tensors_in_place() -> None:
    """Clipping by a norm runs `_foreach_norm` and `_foreach_mul_`."""

    def clip(w: Tensor, g: Tensor) -> Tensor:
        p = w.clone().requires_grad_()
        p.grad = g.clone()
        torch.nn.utils.clip_grad_norm_([p], 1.0, foreach=True)
        return p.grad

    inputs = drawn(6, np.float32, w=(50,), g=(50,))
    g = inputs["g"]
    clipped = g * (np.float32(1) / (np.sqrt((g * g).sum()) + np.float32(1e-6)))
    answer = output(clip, inputs)
    assert answer.kind == "bound"
    assert 0 < ratio(answer, clipped[::1]) <= 1 or np.array_equal(answer.value.numpy(), clipped)
    assert ratio(answer, clipped * np.float32(1 + 1e-4)) > 1


def test_7_an_operation_without_a_rule_is_refused_by_name() -> None:
    """It must not count as exact; a Bessel function has no bound in ulps near its roots."""
    with pytest.raises(UnknownOperationError, match=r"aten\.special_bessel_j0") as raised:
        evaluate(torch.special.bessel_j0, {"input": single([1.5])})
    assert "@rule(torch.ops.aten.special_bessel_j0.default)" in str(raised.value)
    with pytest.raises(UnknownOperationError, match=r"aten\.igamma"):  # which torch makes of itself
        evaluate(torch.special.gammainc, {"input": single([1.5]), "other": single([0.5])})


def test_7_or_is_allowed_a_stated_number_of_ulps() -> None:
    """`unknown="sample"`: the move is that of the stated ulps; a bound cannot be given."""
    answer = output(lambda x: torch.special.bessel_j0(x) * 3, {"x": single([1.5, 2.5])}, unknown="sample", ulps=4)
    assert answer.kind == "sample"
    honest_value = 3 * (answer.value.numpy() / 3) * (1 + 4 * U)
    assert ratio(answer, honest_value) <= 1
    assert ratio(answer, answer.value.numpy() * (1 + 1e-4)) > 1


def test_7_a_value_that_rounding_may_change_must_not_steer_a_bound() -> None:
    """`.item()` of a computed value is refused; of an exact one it is not."""
    x = {"x": single([0.3, 0.4])}
    with pytest.raises(DataDependentError, match="item"):
        evaluate(lambda x: x * (x * 1.1).sum().item(), x, radius="bound")
    assert output(lambda x: x * x.new_ones(4).sum().item(), x, radius="bound").kind == "exact"
    assert output(lambda x: x * (x * 1.1).sum().item(), x).kind == "sample"


def test_8_a_recurrent_layer_in_one_operation() -> None:
    """In float32 torch runs one of oneDNN's: its parts are run instead, and the distance is added."""
    inputs = drawn(8, np.float32, x=(6, 3, 4), h=(3, 5), c=(3, 5), Wx=(4, 20), Wh=(5, 20), b=(20,), g=(6, 3, 5))
    answer = evaluate(torchs.lstm, inputs, replicas=8)
    assert max(ratios(answer, honest.lstm(**inputs)).values()) <= 1


def test_8_fused_attention_and_a_fused_encoder() -> None:
    """torch's flash kernel, and the whole layer that an encoder is in evaluation."""
    inputs = drawn(8, np.float32, q=(8, 16), k=(8, 16), v=(8, 16), g=(8, 16))
    assert max(ratios(evaluate(torchs.attention, inputs, replicas=8), honest.attention(**inputs)).values()) <= 1

    torch.manual_seed(8)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    with torch.no_grad():
        src = torch.randn(2, 3, 8)
        answer = output(module_reference(layer), {"src": src.numpy()}, replicas=8)
        assert torch.equal(answer.value, layer(src))
    unfused = layer(src).detach().numpy()
    assert ratio(answer, unfused) <= 1
    assert ratio(answer, unfused + np.float32(1e-3)) > 1


def test_9_zeros_are_exact_only_where_the_kernel_makes_them_so() -> None:
    """Without oneDNN a convolution of patches that are all 0 may come out as 1e-4 (Winograd's); numpy's 0 is right."""
    rng = np.random.default_rng(9)
    x = rng.standard_normal((16, 8, 16, 16)).astype(np.float32)
    x[:, :, 4:12, 4:12] = 0
    inputs = {"x": x, "w": rng.standard_normal((16, 8, 3, 3)).astype(np.float32), "b": np.zeros(16, np.float32)}
    inputs["g"] = rng.standard_normal((16, 16, 16, 16)).astype(np.float32)
    with torch.backends.mkldnn.flags(enabled=False):
        answer = evaluate(torchs.convolution, inputs)
    assert max(ratios(answer, honest.convolution(**inputs)).values()) <= 1


def test_10_replicas_lie_in_memory_as_the_recorded_run_does() -> None:
    """Else a linear layer after a layer norm of what was transposed takes another kernel, and nothing rounds there."""
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 8, 6), (5, 8), 5))

    def layers(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return functional.linear(functional.layer_norm(x.transpose(1, 2), (8,)), w, b)

    assert output(layers, {"x": x, "w": w, "b": b}, radius="sample").kind == "sample"


def test_10_a_product_of_an_input_that_a_run_has_moved_is_none_of_the_inputs() -> None:
    """Of inputs alone it is the same in each replica; of one that was written into it moves, as of what was made."""

    def written(x: Tensor, w: Tensor) -> Tensor:
        w.mul_(0.3)
        return x @ w

    inputs = drawn(0, np.float32, x=(3, 4), w=(4, 5))
    made = evaluate(lambda x, w: x @ (w * 0.3), inputs, radius="sample")["output"]
    assert (evaluate(written, inputs, radius="sample")["output"].radius == made.radius).all()


def test_10_a_run_that_takes_another_way_is_refused() -> None:
    """A loop whose length rounding decides cannot be repeated."""

    def shrink(x: Tensor) -> Tensor:
        y = x * 1.1
        while float(y.sum()) >= 0.33:
            y = y - 1e-8
        return y

    with pytest.raises(DataDependentError, match="depends on rounding"):
        evaluate(shrink, {"x": single([0.1, 0.2])}, radius="sample", replicas=8)


def test_10_generators_and_buffers_are_the_same_for_each_run() -> None:
    """Dropout draws what the plain call drew; running statistics start anew, and the module's own stay."""
    torch.manual_seed(10)
    module = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.BatchNorm1d(5), torch.nn.Dropout(0.5))
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    x = drawn(10, np.float32, x=(8, 6))
    answers = [output(module_reference(module), x, radius=radius, replicas=8) for radius in ("bound", "sample")]
    assert torch.equal(answers[0].value, answers[1].value)
    for answer in answers:
        assert float((answer.radius / answer.value.abs()).nanmedian()) < 1e-4
    for name, buffer in module.named_buffers():
        assert torch.equal(buffer, before[name])


def test_11_an_error_that_torch_shares_does_not_cancel_in_the_radius() -> None:
    """d log(eˣ)/dx = eˣ/eˣ: torch uses one eˣ twice; a candidate may compute it twice, once 2 ulp too large."""
    reference = gradients(lambda x: torch.log(torch.exp(x)), of="x", given="g")
    inputs = {"x": np.linspace(0.1, 2, 40, dtype=np.float32), "g": np.ones(40, np.float32)}
    answer = evaluate(reference, inputs, radius="sample", replicas=16)["x"]
    e = np.exp(inputs["x"].astype(np.float64))
    assert ratio(answer, (e * (1 + 4 * U)) / (e * (1 - 4 * U))) <= 1


def test_11_a_result_that_flows_on_is_moved_though_its_sibling_is_the_last() -> None:
    """A convolution's backward gives both gradients: that of the weight is returned, that of the input goes on."""

    def padded(x: Tensor, w: Tensor) -> Tensor:
        return functional.conv1d(functional.pad(x, (1, 1)), w)

    inputs = drawn(11, np.float32, x=(2, 3, 40), w=(4, 3, 3), g=(2, 4, 40))
    answer = evaluate(gradients(padded, ("x", "w"), "g"), inputs, radius="sample", replicas=8)
    wide = plain(gradients(padded, ("x", "w"), "g"), inputs, dtype=torch.float64)
    assert (answer["x"].radius > 0).all()
    for name, value in wide.items():
        assert ratio(answer[name], value.float().numpy()) <= 1, name


def test_5_a_kernel_of_torchs_may_err_to_either_side() -> None:
    """A candidate as far from the exact value as torch's batch norm at mean 1000, on the other side, is honest too."""
    inputs = drawn(5, np.float32, x=(16, 30), mean=(30,), var=(30,), gamma=(30,), beta=(30,), g=(16, 30))
    inputs["x"] += 1000
    inputs["mean"] += 1000
    inputs["var"] = np.abs(inputs["var"]) + np.float32(0.1)
    answer = evaluate(torchs.batch_norm_evaluated, inputs)["output"]
    exact = plain(torchs.batch_norm_evaluated, inputs, dtype=torch.float64)["output"].numpy()
    assert ratio(answer, exact + (exact - answer.value.double().numpy())) <= 1


@pytest.mark.parametrize(
    ("form", "function", "other", "x"),
    [
        (
            "unshifted log-sum-exp",
            lambda x: torch.log_softmax(x, -1),
            lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
            80 + drawn(12, np.float32, x=(200, 3))["x"],
        ),
        (
            "sigmoid by tanh",
            torch.sigmoid,
            lambda x: np.float32(0.5) * (1 + np.tanh(np.float32(0.5) * x)),
            np.linspace(-12, -5, 100, dtype=np.float32),
        ),
        (
            "tanh by exponentials",
            torch.tanh,
            lambda x: 2 / (1 + np.exp(-2 * x)) - 1,
            np.linspace(1e-4, 1e-2, 100, dtype=np.float32),
        ),
        (
            "one-pass variance",
            lambda x: functional.layer_norm(x, (30,)),
            lambda x: (
                (x - (m := x.mean(-1, keepdims=True)))
                / np.sqrt((x * x).mean(-1, keepdims=True) - m * m + np.float32(1e-5))
            ),
            30 + drawn(12, np.float32, x=(20, 30))["x"],
        ),
        (
            "convolution by FFT",
            lambda x: functional.conv2d(x, torch.ones(1, 1, 3, 3)),
            lambda x: np.fft.irfft2(
                np.fft.rfft2(x) * np.conj(np.fft.rfft2(np.ones((1, 1, 3, 3), np.float32), (16, 16))), (16, 16)
            )[:, :, :14, :14],
            np.where(np.arange(256) == 0, np.float32(1e4), drawn(13, np.float32, x=(256,))["x"]).reshape(1, 1, 16, 16),
        ),
    ],
)
def test_12_other_honest_forms_are_offered_by_name(form: str, function: Any, other: Any, x: NDArray[Any]) -> None:
    """They round more than the usual form, so that they are over its radius, and within that of their own."""
    answer = output(lambda x: function(x), {"x": x}, radius="bound")
    got = other(x)
    assert ratio(answer, got) > 1
    allowed = answer.forms[form]
    gap = np.abs(got.astype(np.float64) - answer.value.double().numpy())
    assert (gap <= allowed.numpy()).all()
    assert (np.abs(np.zeros_like(gap) - answer.value.double().numpy()) > allowed.numpy()).any()


def test_12_a_function_given_as_a_form_is_allowed_for() -> None:
    """Any function of the same inputs: the radius is that of both."""
    x = {"x": single([1.3, 2.7, 1000.1])}

    def expanded(x: Tensor) -> Tensor:
        return x * x + 2 * x + 1

    answer = output(lambda x: (x + 1) * (x + 1), x, forms=[expanded], radius="bound")
    assert (answer.forms["expanded"] > answer.radius).all()


def test_13_the_precision_is_the_inputs_where_torch_computes_in_a_wider_one() -> None:
    """A float32 candidate rounds as float32 does, also where torch sums in float64."""
    x = drawn(13, np.float32, x=(50, 200))
    answer = output(lambda x: x.double().sum(1).float(), x)
    backwards = np.zeros(50, np.float32)
    for column in x["x"].T[::-1]:
        backwards += column
    assert 0 < ratio(answer, backwards) <= 1
