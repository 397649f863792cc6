"""The interface: names of results, inputs, references made of other things, what is refused, and in which words."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from parity_tests.selftest.flow.comparing import drawn, ratio, single
from reference.flow import (
    FORMS,
    ClashError,
    DataDependentError,
    Operation,
    QuestionError,
    UnknownOperationError,
    UnsupportedTypeError,
    asked,
    evaluate,
    gradients,
    module_reference,
    replay,
    rule,
)
from reference.flow.operation import RULES
from reference.flow.plain import AllDouble
from reference.flow.student import exceeding, factor
from reference.flow.walk import Walk

pytestmark = pytest.mark.usefixtures("one_thread")
X = {"x": single([0.3, -0.7, 1.9])}


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda x: x, ["output"]),
        (lambda x: (x, x + 1), ["output[0]", "output[1]"]),
        (lambda x: {"b": x, "a": [x, x]}, ["b", "a[0]", "a[1]"]),
        (lambda x: (x, {"k": x}), ["output[0]", "output[1].k"]),
    ],
)
def test_results_have_names_in_the_functions_own_order(function: Any, names: list[str]) -> None:
    """A bare result, a tuple, a dict, nested."""
    assert list(evaluate(function, X)) == names


def test_gradients_stand_beside_the_outputs() -> None:
    """Several outputs are "output[0]" or "output.key", each with its gradient; an input that is not used has zeros."""
    g = single([1.0, 2.0, 3.0])
    one = evaluate(gradients(lambda x, y: x * x, ("x", "y"), "g"), {**X, "y": X["x"], "g": g})
    assert list(one) == ["output", "x", "y"]
    assert torch.equal(one["x"].value, torch.tensor(2 * X["x"] * g))
    assert not one["y"].value.any()
    several = evaluate(gradients(lambda x: {"a": x * x, "b": 3 * x}, "x", "g"), {**X, "g": {"a": g, "b": g}})
    assert list(several) == ["output.a", "output.b", "x"]
    assert several["x"].value.numpy() == pytest.approx((2 * X["x"] + 3) * g, rel=1e-6)
    total = evaluate(gradients(lambda x: (x * x).sum(), "x", None), X)
    assert total["output"].value.shape == ()


def test_a_clash_of_names_is_said() -> None:
    """An input called "output" would hide the result."""
    with pytest.raises(ClashError, match="output"):
        evaluate(gradients(lambda output: output * 2, "output", None), {"output": np.float32(1)})
    with pytest.raises(ValueError, match="given="):
        evaluate(gradients(lambda x: x * 2, "x", None), X)
    with pytest.raises(QuestionError, match="no input 'z'"):
        evaluate(gradients(lambda x: x * 2, "z", None), X)


def test_inputs_are_copied_and_keep_their_types() -> None:
    """Integers, truth values and what is no array arrive as they are; what the function writes is not seen outside."""
    seen: dict[str, Any] = {}

    def look(x: Tensor, i: Tensor, b: Tensor, n: int, listed: list[Tensor]) -> Tensor:
        seen.update(x=x.dtype, i=i.dtype, b=b.dtype, n=n, listed=listed[0].dtype)
        return x.mul_(2)

    inputs = {**X, "i": np.arange(3), "b": np.array([True]), "n": 5, "listed": [np.zeros(2)]}
    before = X["x"].copy()
    evaluate(look, inputs, radius="bound")
    assert seen == {"x": torch.float32, "i": torch.int64, "b": torch.bool, "n": 5, "listed": torch.float64}
    assert (X["x"] == before).all()
    read_only = X["x"].copy()
    read_only.flags.writeable = False
    assert evaluate(lambda x: x, {"x": read_only})["output"].kind == "exact"
    assert evaluate(lambda x: x, {"x": X["x"].astype(">f4")})["output"].value.dtype is torch.float32
    assert evaluate(lambda x: x, {"x": np.asfortranarray(np.eye(3, 2))})["output"].value.shape == (3, 2)


@pytest.mark.parametrize("change", ["writes", "empties a list", "asks for a gradient", "changes nothing"])
def test_every_run_is_given_the_same(change: str) -> None:
    """Copies go from run to run only where a run left them as they were."""
    seen: list[tuple[Tensor, int, bool]] = []

    def f(x: Tensor, more: list[Tensor] | None = None) -> Tensor:
        seen.append((x.detach().clone(), len(more or ()), x.requires_grad))
        out = x.detach() * 2
        if change == "writes":
            x.mul_(3)
        if change == "empties a list" and more:
            out = out + more.pop()
        if change == "asks for a gradient":
            x.requires_grad_()
        return out

    more = {"more": [np.ones(X["x"].shape, np.float32)]} if change == "empties a list" else {}
    evaluate(f, {**X, **more}, radius="bound")
    first, *others = seen
    assert others
    assert all(torch.equal(x, first[0]) and (length, graph) == first[1:] for x, length, graph in others)


@pytest.mark.parametrize("x", [np.ones(2, np.float16), torch.ones(2, dtype=torch.bfloat16), np.ones(2, np.clongdouble)])
def test_other_types_are_refused_with_a_sentence(x: Any) -> None:
    """float32 and float64 only."""
    with pytest.raises(UnsupportedTypeError, match="x is"):
        evaluate(lambda x: x, {"x": x})


def test_options_are_checked() -> None:
    """A word that is none of the known ones is an error, not a default."""
    for options in (
        {"radius": "narrow"},
        {"unknown": "accept"},
        {"unknown": "sample"},
        {"replicas": 1},
        {"forms": ["f"]},
    ):
        with pytest.raises(ValueError, match=r"is|needs|are"):
            evaluate(lambda x: x, X, **options)


def test_the_bound_is_taken_where_it_says_enough_and_the_sample_where_it_does_not() -> None:
    """By each output: the sum of one row and a chain of twelve products."""
    weights = drawn(0, np.float32, w=(12, 20, 20))["w"]

    def chain(w: Tensor) -> dict[str, Tensor]:
        h = w[0]
        for W in w[1:]:
            h = torch.tanh(h @ W)
        return {"first": w[0] * 0.3, "last": h, "exact": w[0]}

    answer = evaluate(chain, {"w": weights}, replicas=8)
    assert [answer[name].kind for name in ("first", "last", "exact")] == ["bound", "sample", "exact"]
    assert answer["first"].probability is None
    assert answer["last"].probability == factor(8)[1]
    again = evaluate(chain, {"w": weights}, replicas=8)
    assert torch.equal(answer["last"].radius, again["last"].radius)
    assert not torch.equal(answer["last"].radius, evaluate(chain, {"w": weights}, replicas=8, seed=1)["last"].radius)
    bound = evaluate(chain, {"w": weights}, radius="bound")["last"].radius
    assert (answer["last"].radius <= bound).all()


def test_the_stated_probability_is_students() -> None:
    """Figures worked out beforehand: (K, c) = (8, 3), (8, 6), (16, 4), (16, 6)."""
    for k, c, chance in ((8, 3, 8e-5), (8, 6, 5e-7), (16, 4, 4e-8), (16, 6, 1e-10)):
        assert exceeding(c / 0.41, k) == pytest.approx(chance, rel=0.35)
    assert exceeding(2.306, 8) == pytest.approx(0.05, rel=1e-3)
    assert factor(16)[1] <= 1e-8
    assert factor(8)[0] > factor(16)[0] > factor(64)[0]


def test_a_module_with_its_parameters_and_buffers() -> None:
    """Parameters by name, as numpy arrays; `gradients` differentiates by one that is an input."""
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    W = drawn(1, np.float32, W=(2, 3))["W"]
    x = drawn(2, np.float32, x=(6, 3))
    reference = module_reference(module, {"0.weight": W})
    answer = evaluate(reference, x, replicas=8)["output"]
    h = x["x"] @ W.T + dict(module.named_parameters())["0.bias"].detach().numpy()
    assert ratio(answer, (h - h.mean(0)) / np.sqrt(h.var(0) + np.float32(1e-5))) <= 1
    by_weight = evaluate(gradients(reference, "0.weight", "g"), x | {"0.weight": W, "g": np.ones((6, 2), np.float32)})
    assert by_weight["0.weight"].value.shape == (2, 3)
    with pytest.raises(QuestionError, match="no parameter nothing"):
        module_reference(module, {"nothing": W})


def test_a_mask_is_replayed() -> None:
    """Dropout by the candidate's own mask, scale included; survivors round once a side."""
    mask = single([2.0, 0.0, 2.0])
    reference = gradients(lambda x, masks: replay(masks)(x), "x", "g")
    answer = evaluate(reference, X | {"masks": mask, "g": X["x"]})
    assert answer["output"].kind == answer["x"].kind == "exact"
    scaled = evaluate(lambda x, masks: replay(masks)(x), X | {"masks": mask / np.float32(1.4)})["output"]
    assert scaled.radius[1] == 0
    assert (scaled.radius[[0, 2]] > 0).all()


def test_a_rule_of_ones_own() -> None:
    """Registered, it answers for an operation that was refused."""
    bessel = torch.ops.aten.special_bessel_j0.default

    @rule(bessel)
    def four_ulps(operation: Operation) -> Tensor:
        """Four ulps a side, for positive operands far from the root; for exact ones only."""
        assert operation.radius(operation["self"]) is None
        return operation.rounding(operation.out.double(), 8)

    try:
        answer = evaluate(torch.special.bessel_j0, {"input": single([3.0])})["output"]
        assert answer.kind == "bound"
        assert answer.radius.item() == pytest.approx(16 * 2**-24 * abs(answer.value.item()), rel=1e-5)
    finally:
        del RULES[bessel]
    with pytest.raises(UnknownOperationError):
        evaluate(torch.special.bessel_j0, {"input": single([3.0])})


def test_forms_are_offered_where_the_function_has_such_an_operation() -> None:
    """By name, and computed when asked for."""
    assert list(evaluate(lambda x: torch.softmax(x, -1), X)["output"].forms) == ["unshifted log-sum-exp"]
    assert dict(evaluate(lambda x: x * 0.3, X)["output"].forms) == {}
    with pytest.raises(KeyError):
        evaluate(lambda x: x * 0.3, X)["output"].forms[FORMS[0]]


def test_an_assignments_answer_is_sampled_where_its_bound_is_wide_beside_the_usual_size_alone() -> None:
    """A pair's is sampled where more than one element in a hundred cancels to less than its bound says of it."""
    given = drawn(0, np.float32, x=(40, 100), w=(100, 50))

    def product(x: Tensor, w: Tensor) -> Tensor:
        return x @ w

    def cancelling(x: Tensor, w: Tensor) -> Tensor:
        return (x @ w + 1e6) - 1e6

    for function, kind in ((product, "bound"), (cancelling, "sample")):
        answer = asked(function, given, "cpu", 8, ())
        assert answer.flowed(answer.bounded())["output"].kind == kind
        assert evaluate(function, given)["output"].kind != "bound"


@pytest.mark.parametrize(("dtype", "mean"), [(np.float32, 30), (np.float64, 1000)])
def test_no_radius_exceeds_its_bound_with_any_form(dtype: Any, mean: int) -> None:
    """A gap over the bound needs no sample: it is over the radius too."""

    def deviation(x: Tensor) -> Tensor:
        return x.var(0, correction=0).sqrt()

    def one_pass(x: Tensor) -> Tensor:
        return ((x * x).mean(0) - x.mean(0) ** 2).sqrt()

    x = {"x": (mean + drawn(3, dtype, x=(9, 4))["x"]).astype(dtype)}
    answer = asked(deviation, x, "cpu", 16, [one_pass])
    bounded = answer.bounded()["output"]
    found = answer.flowed({"output": bounded})["output"]
    assert (found.radius <= bounded.radius).all()
    assert found.radius.equal(evaluate(deviation, x)["output"].radius)
    assert set(found.forms) == set(found.form_bounds) == {"one-pass variance", "one_pass"}
    for form, radius in found.forms.items():
        assert (radius <= bounded.form_bounds[form]).all()
        assert (radius >= found.radius).all()
    assert evaluate(one_pass, x)["output"].kind == "sample"


def test_what_the_function_itself_raises_comes_through() -> None:
    """An error of the reference is the reference's."""
    with pytest.raises(RuntimeError, match="size"):
        evaluate(lambda x: x + torch.ones(2), X)


def test_a_tensor_of_the_functions_own_must_not_be_written_into_by_replicas() -> None:
    """It would keep what one run wrote; said, with what to do."""
    kept = torch.zeros(3)
    with pytest.raises(DataDependentError, match="pass it as"):
        evaluate(lambda x: kept.add_(x), X, radius="sample")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_indices_alone_take_the_precision_of_the_results(dtype: torch.dtype) -> None:
    """An embedding with a layer above it, by a module of either type."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Embedding(5, 4), torch.nn.Linear(4, 3)).to(dtype)
    answer = evaluate(module_reference(module), {"input": np.array([1, 4])}, radius="sample", replicas=8)["output"]
    share = float((answer.radius / answer.value.abs()).max())
    assert torch.finfo(dtype).eps < share < 1e4 * torch.finfo(dtype).eps


def test_an_empty_input_and_a_number() -> None:
    """Arrays without elements, and of no dimensions."""
    assert evaluate(lambda x: x.sum() * 3, {"x": np.zeros((0, 3), np.float32)})["output"].radius.item() == 0
    assert evaluate(lambda x: x @ x.T, {"x": np.zeros((3, 0), np.float32)})["output"].value.shape == (3, 3)
    assert evaluate(lambda x: x * 0.3, {"x": np.float32(1.5)})["output"].radius.item() > 0


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda x: torch.softmax(x, -1), ()),
        (lambda x: torch.log_softmax(x, 0), ()),
        (lambda x: x.mean(-1) + x.sum(0), ()),
        (lambda x: torch.nn.functional.multi_margin_loss(x, torch.tensor(0)), ()),
        (lambda x: torch.nn.functional.multilabel_margin_loss(x, torch.tensor(0)), ()),
        (lambda x: torch.softmax(x, -1), (5, 0, 0)),
        (torch.linalg.pinv, (0, 3)),
        (lambda x: torch.cdist(x, torch.zeros(0, 3, 5)), (4, 5)),
        (lambda x: torch.cdist(x, torch.zeros(3, 0), float("inf")), (4, 0)),
        (lambda x: torch.pdist(x, float("inf")), (4, 0)),
        (torch.sgn, (3,)),
        (lambda x: torch.lerp(x[0], x[1:], torch.sigmoid(x[0, 0])), (3, 5)),
    ],
)
def test_numbers_without_dimensions_or_none_at_all_have_gradients(function: Any, shape: tuple[int, ...]) -> None:
    """Of what torch defines for them, and a weight of no dimensions."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    given = {"x": x, "g": np.ones_like(function(torch.from_numpy(x.copy())).numpy())}
    answer = evaluate(gradients(function, "x", "g"), given, radius="bound")
    for one in answer.values():
        assert torch.isfinite(one.value).all()
        assert (one.radius < 0.5).all()


def test_no_mode_loads_torchs_compiler_which_takes_a_second() -> None:
    class Guarded(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return func(*args, **(kwargs or {}))

    assert hasattr(Guarded.__torch_dispatch__, "__wrapped__")  # torch puts its guard around those that do not say no
    assert not any(hasattr(mode.__torch_dispatch__, "__wrapped__") for mode in (Walk, AllDouble))


def test_what_torch_takes_apart_loads_no_compiler_either() -> None:
    """The SVM loss, which torch checks by symbolic shapes, and GELU, which it keeps from being compiled."""
    program = """
import sys, torch
from torch.nn import functional as F
from reference.flow import evaluate
x = torch.tensor([[1.0, 2.0, -1.0]])
evaluate(F.multi_margin_loss, {"input": x, "target": torch.tensor([1])})
print("sympy" in sys.modules)
evaluate(F.gelu, {"input": x})
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
