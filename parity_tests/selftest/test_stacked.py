"""Networks side by side answer what each of them answers alone, within the rounding of both, and no other answer."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from parity_tests.assignments.mlp.network.answers import evaluation_of_rows, training_step
from parity_tests.harness.compare import compare, compare_each
from parity_tests.protocol.observation import Returned
from reference import cross_entropy, linear
from reference.answer import Answer

Array = NDArray[Any]
CASES = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
sizes = st.tuples(*[st.integers(1, 12)] * 4, st.integers(2, 12))
DTYPES = (np.float64, np.float32)


def agree(stacked: Answer, alone: list[Answer]) -> None:
    """Every network's own answer lies within the radius of the one side by side, and the radii are the same."""
    for t, answer in enumerate(alone):
        comparison = compare(Returned("array", answer.value, ""), stacked.of(t))
        assert comparison.verdict == "match", comparison.problem
        np.testing.assert_allclose(stacked.radius[t], answer.radius, rtol=1e-3)
        np.testing.assert_allclose(
            np.asarray(stacked.exact[t], np.float64), np.asarray(answer.exact, np.float64), rtol=1e-6, atol=1e-12
        )


@pytest.mark.parametrize("dtype", DTYPES)
@CASES
@given(seed=seeds, sizes=sizes)
def test_linear_layers_and_losses_side_by_side_answer_as_torchs_own_do(
    dtype: Any, seed: int, sizes: tuple[int, int, int, int, int]
) -> None:
    T, N, D, M, K = sizes
    rng = np.random.default_rng(seed)
    shapes = ((T, N, D), (T, D, M), (T, 1, M), (T, N, M), (T, N, K))
    X, W, b, grad, logits = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    labels = rng.integers(0, K, (T, N))
    each = range(T)
    agree(linear.forward(X, W, b), [linear.forward(X[t], W[t], b[t]) for t in each])
    backward = linear.backward(X, W, b, grad)
    for key in ("W", "b", "X"):
        agree(backward[key], [linear.backward(X[t], W[t], b[t], grad[t])[key] for t in each])
    for answer in (cross_entropy.forward, cross_entropy.backward):
        agree(answer(logits, labels), [answer(logits[t], labels[t]) for t in each])


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@CASES
@given(seed=seeds, sizes=sizes, alpha=st.sampled_from([0.0, 0.9]), masked=st.booleans())
def test_steps_and_evaluations_side_by_side_answer_as_those_of_one_network_do(
    activation: str, seed: int, sizes: tuple[int, int, int, int, int], alpha: float, masked: bool
) -> None:
    T, N, D, M, K = sizes
    rng = np.random.default_rng(seed)
    shapes = {"L1_W": (T, D, M), "L1_b": (T, 1, M), "L2_W": (T, M, K), "L2_b": (T, 1, K)}
    weights = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    velocity = {name: 0.01 * rng.standard_normal(shape) for name, shape in shapes.items()}
    X, y = rng.random((T, N, D)), rng.integers(0, K, (T, N))
    mask = (rng.random((T, N, M)) >= 0.5) / 0.5 if masked else None
    etas = 10.0 ** -rng.integers(1, 4, T)

    def one(tensors: dict[str, Array], t: int) -> dict[str, Array]:
        return {name: tensor[t] for name, tensor in tensors.items()}

    common: dict[str, Any] = {"activation": activation, "alpha": alpha, "lam": 0.01}
    step = training_step(weights, X, y, mask, eta=etas, velocity=velocity, previous=weights, **common)
    alone = [
        training_step(
            one(weights, t),
            X[t],
            y[t],
            None if mask is None else mask[t],
            eta=float(etas[t]),
            velocity=one(velocity, t),
            previous=one(weights, t),
            **common,
        )
        for t in range(T)
    ]
    if step.kinks.any():
        return
    agree(step.loss, [single.loss for single in alone])
    for name in shapes:
        agree(step.weights[name], [single.weights[name] for single in alone])
    found = evaluation_of_rows(weights, X, y, activation=activation)
    singles = [evaluation_of_rows(one(weights, t), X[t], y[t], activation=activation) for t in range(T)]
    agree(found.loss, [single.loss for single in singles])
    for t, single in enumerate(singles):
        assert np.array_equal(found.surely[t], single.surely)
        assert np.array_equal(found.maybe[t], single.maybe)


def test_a_value_is_held_against_the_answer_of_its_own_network() -> None:
    rng = np.random.default_rng(0)
    X, W, b = (rng.standard_normal(shape) for shape in ((3, 2, 4), (3, 4, 2), (3, 1, 2)))
    wanted = linear.forward(X, W, b)
    right = [Returned("array", x @ w + c, "") for x, w, c in zip(X, W, b, strict=True)]
    assert [c.verdict for c in compare_each(right, wanted)] == ["match"] * 3
    exchanged = compare_each([right[1], right[0], right[2]], wanted)
    assert [c.verdict for c in exchanged] == ["mismatch", "mismatch", "match"]


def test_values_of_different_kinds_are_compared_one_by_one_and_say_the_same() -> None:
    rng = np.random.default_rng(0)
    X, W, b = (rng.standard_normal(shape) for shape in ((3, 2, 4), (3, 4, 2), (3, 1, 2)))
    wanted = linear.forward(X, W, b)
    values = [
        Returned("array", np.zeros((2, 2)), ""),
        Returned("array", np.zeros((2, 2), np.float32), ""),
        Returned("none", None, ""),
    ]
    together = compare_each(values, wanted)
    alone = [compare(value, wanted.of(t)) for t, value in enumerate(values)]
    assert [(c.verdict, c.problem, c.notes) for c in together] == [(c.verdict, c.problem, c.notes) for c in alone]
