"""`hold`: any candidate beside any torch function, forward and gradients, with a radius that nobody typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from parity_tests.pairs.agrees import assert_agrees
from parity_tests.pairs.hold import hold
from parity_tests.pairs.returned import by_name
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.pairs.layers import LAYER_NORM, layer_norm, layer_norm_inputs, softmax
from reference.flow import gradients, replay

Array = np.ndarray[Any, Any]
DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def spoilt(name: str, factor: float) -> Any:
    """The layer norm with one of its results multiplied by a number."""

    def candidate(**inputs: Array) -> dict[str, Array]:
        results = layer_norm(**inputs)
        return {**results, name: results[name] * results[name].dtype.type(factor)}

    return candidate


@DTYPES
def test_an_honest_layer_agrees_in_output_and_gradients(dtype: str) -> None:
    result = hold(layer_norm, LAYER_NORM, **layer_norm_inputs(dtype))
    assert result
    assert result.agrees
    assert list(result.frame["quantity"]) == ["output", "x", "gamma", "beta"]
    assert (result.frame["ratio"] <= 1).all()
    assert set(result.frame["radius_kind"]) <= {"bound", "sample"}
    assert "Agreement: 4 of 4" in str(result)


@DTYPES
@pytest.mark.parametrize("name", ["output", "x", "gamma", "beta"])
def test_one_result_off_by_a_thousandth_is_told(name: str, dtype: str) -> None:
    result = hold(spoilt(name, 1.001), LAYER_NORM, **layer_norm_inputs(dtype))
    assert not result
    failing = result.frame[result.frame["verdict"] == "mismatch"]
    assert list(failing["quantity"]) == [name]
    assert failing["ratio"].item() > 1


def test_a_gap_over_a_bound_is_called_certain_and_a_little_over_a_sample_improbable() -> None:
    inputs = layer_norm_inputs()
    certain = hold(spoilt("x", 1.001), LAYER_NORM, radius="bound", **inputs).frame["message"][1]
    assert "rounding alone" not in certain
    improbable = hold(spoilt("x", 1 + 1e-13), LAYER_NORM, radius="sample", **inputs).frame["message"][1]
    assert "improbable (1e-08 an element)" in improbable
    far = hold(spoilt("x", 1.001), LAYER_NORM, radius="sample", **inputs).frame["message"][1]
    assert "rounding alone" not in far


@pytest.mark.parametrize("radius", ["bound", "sample"])
def test_of_what_is_no_number_nothing_is_said_of_rounding(radius: str) -> None:
    message = hold(spoilt("x", np.nan), LAYER_NORM, radius=radius, **layer_norm_inputs()).frame["message"][1]
    assert "nan" in message
    assert "rounding alone" not in message


def test_the_first_failing_link_explains_those_after_it_and_gradients_explain_nothing() -> None:
    def reference(x: Any) -> dict[str, Any]:
        h = torch.tanh(x)
        return {"h": h, "output": h * 2}

    x = np.linspace(-1, 1, 7)
    frame = hold(lambda x: {"h": x, "output": x * 2}, reference, x=x).frame
    assert list(frame["explained_by"]) == ["", "h"]
    twice = hold(spoilt("x", 2.0), LAYER_NORM, **layer_norm_inputs())
    assert set(twice.frame["explained_by"]) == {""}


def test_results_are_matched_by_position_where_no_names_are_given() -> None:
    def reference(x: Any) -> tuple[Any, Any]:
        return torch.sin(x), torch.cos(x)

    x = np.linspace(0, 3, 5)
    assert hold(lambda x: (np.sin(x), np.cos(x)), reference, x=x)
    assert not hold(lambda x: (np.cos(x), np.sin(x)), reference, x=x)
    assert hold(lambda x: {"output[0]": np.sin(x), "output[1]": np.cos(x)}, reference, x=x)


def test_what_lies_in_dicts_and_lists_within_a_result_has_all_their_names() -> None:
    x = np.zeros(3)
    assert list(by_name({"state": {"h": x, "c": [x, x]}, "y": x})) == ["state.h", "state.c[0]", "state.c[1]", "y"]


def test_a_missing_result_and_one_too_many_are_told() -> None:
    inputs = layer_norm_inputs()
    frame = hold(lambda **i: {"output": layer_norm(**i)["output"]}, LAYER_NORM, **inputs).frame
    assert list(frame["verdict"]) == ["match", "missing", "missing", "missing"]
    frame = hold(lambda **i: {**layer_norm(**i), "more": 1.0}, LAYER_NORM, **inputs).frame
    assert "more as well, which the reference does not" in frame["message"].iloc[-1]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (np.zeros((3, 2)), r"has shape \(3, 2\), where \(2, 3\) is expected"),
        (np.full((2, 3), np.nan), "is nan"),
        (np.full((2, 3), np.inf), "is inf"),
        (np.array([["a"] * 3] * 2), "numbers are compared"),
    ],
    ids=["another shape", "NaN", "infinities", "text"],
)
def test_structure_and_finiteness_come_before_values(result: Array, said: str) -> None:
    x = np.arange(6.0).reshape(2, 3)
    assert said.replace("\\", "") in hold(lambda x: result, lambda x: torch.exp(x), x=x).frame["message"][0]


def test_a_candidate_that_raises_has_crashed() -> None:
    def candidate(x: Array) -> Array:
        raise ZeroDivisionError("no")

    result = hold(candidate, lambda x: torch.exp(x), x=np.ones(3))
    assert list(result.frame["verdict"]) == ["crashed"]
    assert result.frame["message"][0].endswith("candidate raised ZeroDivisionError: no")
    assert not result


def test_a_candidate_that_remembers_is_told() -> None:
    calls: list[int] = []

    def candidate(x: Array) -> Array:
        calls.append(1)
        return np.asarray(np.exp(x) + (len(calls) - 1) * 1e-9)

    result = hold(candidate, lambda x: torch.exp(x), x=np.ones(3))
    assert "answers differently when it is called again" in result.frame["note"][0]


def test_what_a_candidate_writes_into_its_inputs_reaches_nobody() -> None:
    def candidate(x: Array) -> Array:
        x *= 2
        return np.asarray(np.exp(x / 2))

    x = np.linspace(0, 1, 4)
    result = hold(candidate, lambda x: torch.exp(x), x=x)
    assert result
    assert "overwrites its input x" in result.frame["note"][0]
    assert x.tolist() == np.linspace(0, 1, 4).tolist()
    kept = hold(lambda x: np.exp(x), lambda x: torch.exp(x), x=x)
    assert "overwrites" not in kept.frame["note"][0]


def test_a_dropout_is_replayed_with_the_candidates_own_mask() -> None:
    def dropout(x: Array, grad: Array) -> dict[str, Any]:
        mask = (np.random.random(x.shape) >= 0.5) / 0.5
        return {"output": x * mask, "x": grad * mask, "masks": mask}

    def forward(x: Any, masks: Any) -> Any:
        return replay(masks)(x)

    rng = np.random.default_rng(0)
    inputs: dict[str, Any] = {"x": rng.standard_normal((5, 8)), "grad": rng.standard_normal((5, 8))}
    reference = gradients(forward, of=("x",), given="grad")
    assert hold(dropout, reference, **inputs)

    def without_scale(x: Array, grad: Array) -> dict[str, Any]:
        results = dropout(x, grad)
        return {**results, "x": grad * (results["masks"] > 0)}

    assert list(hold(without_scale, reference, **inputs).frame["verdict"]) == ["match", "mismatch"]


def test_a_module_takes_its_parameters_and_fresh_buffers_each_time() -> None:
    rng = np.random.default_rng(1)
    W, b, x = rng.standard_normal((3, 4)), rng.standard_normal(3), rng.standard_normal((5, 4))
    layer = torch.nn.Linear(4, 3, dtype=torch.float64)
    assert hold(lambda input: input @ W.T + b, layer, input=x, parameters={"weight": W, "bias": b})
    norm = torch.nn.BatchNorm1d(4, dtype=torch.float64).train()
    assert norm.running_mean is not None
    before = norm.running_mean.clone()

    def batch_norm(input: Array) -> Array:
        return np.asarray((input - input.mean(0)) / np.sqrt(input.var(0) + 1e-5))

    assert hold(batch_norm, norm, input=x)
    assert torch.equal(norm.running_mean, before)


def test_a_hundred_steps_of_an_optimizer_are_a_reference_like_any_other() -> None:
    def reference(w: Any, g: Any) -> dict[str, Any]:
        w = w.clone().requires_grad_()
        optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
        after = {}
        for t in range(20):
            w.grad = g[t]
            optimizer.step()
            after[f"w after {t + 1}"] = w.detach().clone()
        return after

    def sgd(w: Array, g: Array, momentum: float = 0.9) -> dict[str, Array]:
        w, v, after = w.copy(), np.zeros_like(w), {}
        for t in range(20):
            v = momentum * v + g[t]
            w = w - 0.1 * v
            after[f"w after {t + 1}"] = w.copy()
        return after

    rng = np.random.default_rng(2)
    inputs: dict[str, Any] = {"w": rng.standard_normal(6), "g": rng.standard_normal((20, 6))}
    assert hold(sgd, reference, **inputs)
    wrong = hold(lambda w, g: sgd(w, g, momentum=0.8), reference, **inputs).frame
    assert wrong["verdict"][0] == "match"  # the first step has no velocity yet
    assert (wrong["verdict"][1:] == "mismatch").all()


def test_zeros_are_no_answer_where_the_radius_says_nothing() -> None:
    x = np.array([1e8, -1e8, 1.0], np.float32)
    result = hold(lambda x: x.sum() * np.float32(0), lambda x: x.sum(), radius="bound", x=x)
    assert list(result.frame["verdict"]) == ["undecided"]
    assert "zeros would agree everywhere" in result.frame["message"][0]
    assert not result
    assert result.resolution["zeros_agree"].tolist() == [1.0]


def test_an_honest_form_that_rounds_more_is_said_to_be_that() -> None:
    def one_pass(x: Array) -> Array:
        return np.asarray((x * x).mean() - x.mean() ** 2)

    x = np.array([1000.1, 1000.2, 1000.4])
    result = hold(one_pass, lambda x: x.var(correction=0), x=x)
    assert result
    assert "times the plain form's error bound, which “one-pass variance” explains" in result.frame["note"][0]
    allowed = hold(one_pass, lambda x: x.var(correction=0), x=x, forms=[lambda x: (x * x).mean() - x.mean() ** 2])
    assert allowed


def test_what_a_form_leaves_undecided_has_its_reason() -> None:
    def norm(x: Array, variance: Array) -> Array:
        return np.asarray((x - x.mean(axis=1, keepdims=True)) / np.sqrt(variance + np.float32(1e-5)))

    x = np.random.default_rng(0).standard_normal((64, 100), np.float32) + np.float32(1000)
    one_pass = (x * x).mean(axis=1, keepdims=True) - x.mean(axis=1, keepdims=True) ** 2
    with pytest.raises(AssertionError) as told:
        assert_agrees(norm(x, one_pass), lambda x: torch.nn.functional.layer_norm(x, (100,)), x)
    said = " ".join(str(told.value).split())
    assert ("elements: “one-pass variance” may lose every digit there" in said, "inf times" in said) == (True, False)
    assert_agrees(norm(x, x.var(axis=1, keepdims=True)), lambda x: torch.nn.functional.layer_norm(x, (100,)), x)


@pytest.mark.parametrize(("value", "is_sampled"), [(None, True), (0.5, False)])
def test_a_form_is_sampled_only_where_its_bound_may_explain_the_gap(value: float | None, is_sampled: bool) -> None:
    """A form is run once for its value and once for its bound; a sample takes a run for each replica."""
    runs = []

    def form(x: torch.Tensor) -> torch.Tensor:
        runs.append(x)
        return (x * x).mean() - x.mean() ** 2

    def one_pass(x: Array) -> Array:
        return np.asarray((x * x).mean() - x.mean() ** 2 if value is None else value)

    x = np.array([1000.1, 1000.2, 1000.4])
    assert bool(hold(one_pass, lambda x: ((x - x.mean()) ** 2).mean(), x=x, forms=[form])) is is_sampled
    assert (len(runs) > 2) is is_sampled


def test_one_number_everywhere_is_held_against_a_form_only_where_it_is_near() -> None:
    """Of equal columns an honest form gives one number too."""
    runs = []

    def form(x: torch.Tensor) -> torch.Tensor:
        runs.append(x)
        return (x * x).mean(0) - x.mean(0) ** 2

    def held(candidate: Callable[[Array], Array]) -> tuple[bool, int]:
        runs.clear()
        columns = np.repeat([[1000.1], [1000.2], [1000.4]], 4, axis=1)
        result = hold(candidate, lambda x: ((x - x.mean(0)) ** 2).mean(0), x=columns, forms=[form])
        return bool(result), len(runs)

    assert held(lambda x: np.zeros(4)) == (False, 0)
    assert held(lambda x: np.array([0.0, 0.0, 0.0, 1.0])) == (False, 2)
    agrees, count = held(lambda x: np.asarray((x * x).mean(0) - x.mean(0) ** 2))
    assert agrees
    assert count > 2


def test_the_resolution_says_what_would_be_noticed() -> None:
    table = hold(layer_norm, LAYER_NORM, **layer_norm_inputs("float32")).resolution
    assert list(table["quantity"]) == ["output", "x", "gamma", "beta"]
    assert (table["median"] < 1e-3).all()
    assert (table["median"] <= table["p95"]).all()


def test_an_input_with_an_options_name_is_given_in_inputs() -> None:
    seed = np.ones(3)
    assert hold(lambda seed: np.exp(seed), lambda seed: torch.exp(seed), inputs={"seed": seed})


def test_tensors_are_given_as_tensors_and_arrays_as_arrays() -> None:
    kinds: list[str] = []

    def candidate(x: Any, y: Any) -> Any:
        kinds.extend((type(x).__name__, type(y).__name__))
        return x.numpy() + y

    assert hold(candidate, lambda x, y: x + y, x=torch.ones(3, dtype=torch.float64), y=np.ones(3))
    assert set(kinds) == {"Tensor", "ndarray"}


def test_an_operation_without_a_rule_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"bessel_j0.*Register one"):
        hold(lambda x: x, lambda x: torch.special.bessel_j0(x), x=np.ones(3))


def test_what_cannot_be_held_is_a_sentence() -> None:
    x = np.ones(3)
    with pytest.raises(UsageError, match="not a torch function or module"):
        hold(lambda x: x, 3, x=x)
    with pytest.raises(UsageError, match=r"parameters= is for a torch.nn.Module"):
        hold(lambda x: x, lambda x: x, x=x, parameters={"w": x})
    with pytest.raises(UsageError, match="compare= names nothing_such"):
        hold(lambda x: x, lambda x: x, x=x, compare=["nothing_such"])
    with pytest.raises(UsageError, match="float"):
        hold(lambda x: x, lambda x: x, x=x.astype(np.float16))


def test_a_saved_result_is_shown_and_reported_as_any_run(tmp_path: Path) -> None:
    from reports.model.run_folder import load

    hold(spoilt("gamma", 1.1), LAYER_NORM, name="my norm", **layer_norm_inputs()).save(tmp_path / "run")
    saved = load(tmp_path / "run")
    assert {(r.assignment, r.edition, r.part, r.check) for r in saved.records} == {("", "", "my norm", "hold")}
    assert "my norm" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_softmax_agrees_by_its_own_radius_where_a_typed_tolerance_would_guess() -> None:
    x = np.random.default_rng(3).standard_normal((4, 9)).astype(np.float32)
    assert hold(softmax, lambda x: torch.softmax(x, -1), x=x)
    assert not hold(lambda x: softmax(x) + np.float32(1e-6), lambda x: torch.softmax(x, -1), x=x)


WEIGHTS = torch.arange(15.0).reshape(5, 3)


@pytest.mark.parametrize(
    ("candidate", "reference", "dtype"),
    [
        (lambda x: x @ WEIGHTS.numpy(), lambda x: x @ WEIGHTS, "float32"),
        (lambda x: x, lambda x: x @ torch.eye(5), "float32"),
        (lambda x: x, lambda x: x @ torch.eye(5), "float64"),
    ],
    ids=["has a tensor beside its inputs", "makes one", "makes one, in float64"],
)
def test_a_reference_may_have_and_make_tensors_beside_its_inputs(candidate: Any, reference: Any, dtype: str) -> None:
    x = np.random.default_rng(1).standard_normal((4, 5)).astype(dtype)
    assert hold(candidate, reference, x)
    assert not hold(lambda x: candidate(x) * 1.001, reference, x)


def test_a_compiled_reference_is_followed_as_written_and_one_of_any_number_of_inputs_takes_them_in_order() -> None:
    x = np.random.default_rng(1).standard_normal((4, 5))
    compiled: Any = torch.compile(torch.nn.Tanh())
    assert hold(np.tanh, compiled, x)
    assert hold(lambda p, q: p - q, lambda *both: both[0] - both[1], x, 2 * x)
    assert not hold(lambda p, q: q - p, lambda *both: both[0] - both[1], x, 2 * x)


def sum_of_squares(x: torch.Tensor) -> torch.Tensor:
    return (x * x).sum()


class ByName(torch.nn.Module):
    def forward(self, **inputs: torch.Tensor) -> torch.Tensor:
        return inputs["p"] - inputs["q"]


def test_what_hands_its_inputs_on_gets_them_as_it_takes_them() -> None:
    x = np.random.default_rng(1).standard_normal((4, 5))
    rows = torch.vmap(lambda row: torch.tanh(row))
    assert hold(np.tanh, rows, x)
    assert hold(lambda row: np.tanh(row), rows, row=x)
    slope: Any = torch.func.grad(sum_of_squares)
    assert hold(lambda x: 2 * x, slope, x)
    assert not hold(lambda x: 3 * x, slope, x)
    assert hold(lambda p, q: p - q, ByName(), q=x, p=2 * x)
    assert not hold(lambda p, q: q - p, ByName(), q=x, p=2 * x)


def test_derivatives_forward_have_radii_too() -> None:
    """Of second ones torch works out shapes on tensors without numbers, and runs `prims`."""
    x, v = np.random.default_rng(1).standard_normal((2, 5))

    def slope(x: torch.Tensor, v: torch.Tensor) -> Any:
        return torch.func.jvp(torch.sin, (x,), (v,))[1]

    bend = torch.func.hessian(sum_of_squares)
    assert hold(lambda x, v: np.cos(x) * v, slope, x, v)
    assert hold(lambda x: 2 * np.eye(5), bend, x)
    assert not hold(lambda x, v: (1 + 1e-9) * np.cos(x) * v, slope, x, v, search=0)
    assert not hold(lambda x: (1 + 1e-9) * 2 * np.eye(5), bend, x, search=0)


def test_what_an_operation_without_a_rule_makes_of_rounding_is_sampled_with_it() -> None:
    rng = np.random.default_rng(1)
    a, b = np.tril(rng.standard_normal((8, 8))).astype(np.float32), rng.standard_normal((8, 2)).astype(np.float32)
    a[3, 3] = 1e-3  # the condition of a @ a.T is over 1e6
    options: dict[str, Any] = {"unknown": "sample", "ulps": 4}

    def inverse(a: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.linalg.inv(a).T @ np.linalg.inv(a))

    assert hold(lambda a, b: inverse(a) @ b, lambda a, b: torch.cholesky_inverse(a) @ b, a, b, **options)
    assert not hold(lambda a, b: inverse(a.T) @ b, lambda a, b: torch.cholesky_inverse(a) @ b, a, b, **options)
    with pytest.warns(UserWarning, match="each operation has a rule"):
        hold(np.exp, lambda x: torch.exp(x), b, **options)


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        (lambda x: x * 0, "one number everywhere would pass"),
        (lambda x: x * float("nan"), "torch's answer is nowhere a number"),
    ],
)
def test_inputs_that_ask_nothing_are_noted(reference: Any, why: str) -> None:
    result = hold(lambda x: reference(x), reference, np.ones((2, 3)))
    assert result
    assert result.run.records[0].note == f"these inputs ask nothing: {why}"
    assert "ask nothing" not in hold(lambda x: x.sum(), lambda x: x.sum(), np.ones(3)).run.records[0].note


@pytest.mark.parametrize(
    ("candidate", "wrong", "reference"),
    [
        (lambda x: x + f32(np.linspace(0.1, 1.7, 7)), lambda x: x + f32(np.linspace(0.1, 1.7001, 7)),
         lambda x: x + torch.linspace(0.1, 1.7, 7)),
        (lambda x: x * f32(np.logspace(0.1, 1.7, 7)), lambda x: x * f32(np.logspace(0.1, 1.7001, 7)),
         lambda x: x * torch.logspace(0.1, 1.7, 7)),
        (lambda x: f32(np.round(x.astype(float), 4)), lambda x: f32(np.round(x.astype(float), 3)),
         lambda x: torch.round(x, decimals=4)),
    ],
    ids=["linspace", "logspace", "round"],
)  # fmt: skip
def test_what_is_spaced_or_rounded_to_decimals_may_end_otherwise(candidate: Any, wrong: Any, reference: Any) -> None:
    x = f32(50 * np.random.default_rng(0).standard_normal((64, 7)))
    assert hold(candidate, reference, x)
    assert not hold(wrong, reference, x)


def f32(x: Any) -> Any:
    return x.astype(np.float32)


@pytest.mark.parametrize(("third", "verdict"), [(3.0, "undecided"), (2.0, "mismatch")])
def test_which_of_equal_numbers_comes_among_the_largest_is_undecided(third: float, verdict: str) -> None:
    x = f32(np.array([[1.0, 3.0, third, 0.0]]))
    found = hold(lambda x: np.array([[2]]), lambda x: x.topk(1).indices, x)
    assert list(found.frame["verdict"]) == [verdict]
