"""The radii hold: honest forms of each operation stay within them, in both dtypes, and they are not needlessly wide."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from parity_tests.assignments.mlp.network.answers import evaluation_of_rows, training_step
from parity_tests.harness.compare import compare
from parity_tests.protocol.observation import Returned
from reference import cross_entropy, dropout, elementwise, linear, rounding, sgd
from reference.answer import Answer

Array = NDArray[Any]
DTYPES = (np.float64, np.float32)
CASES = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
scales = st.sampled_from([1e-6, 1e-2, 1.0, 30.0, 1e4])


def ratio(got: Array, answer: Answer) -> float:
    """The largest gap in radii; a failing comparison's sentence is the test's message."""
    comparison = compare(Returned("array", np.asarray(got), ""), answer)
    assert comparison.verdict == "match", comparison.problem
    assert comparison.ratio is not None
    return comparison.ratio


def one_side(answer: Answer) -> None:
    """torch itself lies within the radius of the value in higher precision."""
    gap = np.abs(answer.value.astype(np.longdouble) - answer.exact.astype(np.longdouble))
    assert (gap <= answer.radius).all()


# ---- sums of products ----


def backwards(A: Array, B: Array) -> Array:
    """A @ B, each sum in the opposite order."""
    return np.asarray(A[:, ::-1] @ B[::-1])


def one_by_one(A: Array, B: Array) -> Array:
    """A @ B, each sum from the first term to the last, in the arrays' dtype."""
    total = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for k in range(A.shape[1]):
        total = total + A[:, k : k + 1] * B[k : k + 1]
    return total


def rounded_once(A: Array, B: Array) -> Array:
    """A @ B in extended precision, rounded at the end."""
    return np.asarray(A.astype(np.longdouble) @ B.astype(np.longdouble)).astype(A.dtype)


def by_einsum(A: Array, B: Array) -> Array:
    """A @ B by np.einsum."""
    return np.asarray(np.einsum("ik,kj->ij", A, B))


PRODUCTS: tuple[Callable[[Array, Array], Array], ...] = (np.matmul, backwards, one_by_one, rounded_once, by_einsum)


@pytest.mark.parametrize("dtype", DTYPES)
@CASES
@given(seed=seeds, sizes=st.tuples(*[st.integers(1, 40)] * 3), scale=scales)
def test_every_order_of_summation_stays_within_the_radius_of_a_linear_layer(
    dtype: Any, seed: int, sizes: tuple[int, int, int], scale: float
) -> None:
    N, D, M = sizes
    rng = np.random.default_rng(seed)
    X, W, b, grad = ((scale * rng.standard_normal(shape)).astype(dtype) for shape in ((N, D), (D, M), (1, M), (N, M)))
    forward, backward = linear.forward(X, W, b), linear.backward(X, W, b, grad)
    for product in PRODUCTS:
        ratio(product(X, W) + b, forward)
        ratio(product(X.T, grad), backward["W"])
        ratio(product(np.ones((1, N), dtype), grad), backward["b"])
        ratio(product(grad, W.T), backward["X"])
    ratio(np.asarray(grad.mean(axis=0, keepdims=True) * dtype(N)), backward["b"])
    for answer in (forward, *backward.values()):
        one_side(answer)


@pytest.mark.parametrize("dtype", DTYPES)
@CASES
@given(seed=seeds, scale=st.sampled_from([1e-30, 1.0, 1e4]))
def test_what_is_made_of_zeros_alone_rounds_nothing(dtype: Any, seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    X, W, grad = ((scale * rng.standard_normal(shape)).astype(dtype) for shape in ((6, 9), (9, 5), (6, 5)))
    b = np.zeros((1, 5), dtype)
    for array in (X, W, grad):
        array *= rng.random(array.shape) < 0.4
    X[0], W[:, 0], grad[:, 1] = 0, 0, 0
    forward, backward = linear.forward(X, W, b), linear.backward(X, W, b, grad)
    assert not forward.radius[0].any()
    assert not forward.radius[:, 0].any()
    assert not backward["W"].radius[:, 1].any()
    assert not backward["b"].radius[:, 1].any()
    terms = (X != 0).astype(int) @ (W != 0).astype(int)
    assert ((forward.radius > 0) == (terms > 0)).all()
    for product in PRODUCTS:
        ratio(product(X, W) + b, forward)
        ratio(product(X.T, grad), backward["W"])


def test_products_that_underflow_are_no_zeros() -> None:
    tiny = np.full((1, 3), 1e-200)
    assert (rounding.product_of_matrices(tiny, tiny.T, np.float64) >= 3 * np.finfo(np.float64).smallest_normal).all()
    assert not rounding.product_of_matrices(tiny, np.zeros((3, 1)), np.float64).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_step_that_moves_nothing_has_no_floor_but_one_that_underflows_has(dtype: Any) -> None:
    w, g = np.zeros((1, 3), dtype), np.array([[0.0, 1.0, float(np.finfo(dtype).smallest_normal)]], dtype)
    answer = sgd.step(w, g, alpha=0.9, lam=0.1, eta=0.1)
    assert (answer.radius > 0).tolist() == [[False, True, True]]


def test_a_linear_layer_is_exact_against_arbitrary_precision() -> None:
    rng = np.random.default_rng(0)
    X, W, b = (rng.standard_normal(shape) for shape in ((3, 50), (50, 4), (1, 4)))
    answer = linear.forward(X, W, b)
    with mpmath.workdps(60):
        for i, j in np.ndindex(3, 4):
            true = mpmath.fsum([mpmath.mpf(X[i, k]) * mpmath.mpf(W[k, j]) for k in range(50)]) + mpmath.mpf(b[0, j])
            assert abs(mpmath.mpf(answer.value[i, j]) - true) <= answer.radius[i, j] / 2
            assert abs(mpmath.mpf(float(answer.exact[i, j])) - true) <= answer.radius[i, j] / 2


@pytest.mark.parametrize(("terms", "least"), [(4, 0.01), (32, 0.01), (784, 3e-4)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_radius_of_a_sum_is_not_needlessly_wide(dtype: Any, terms: int, least: float) -> None:
    ratios = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X, W, b = (rng.standard_normal(shape).astype(dtype) for shape in ((5, terms), (terms, 6), (1, 6)))
        ratios.append(ratio(one_by_one(X, W) + b, linear.forward(X, W, b)))
    assert np.median([r for r in ratios if r > 0]) >= least


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_lost_digit_is_outside_the_radius_of_a_linear_layer(dtype: Any) -> None:
    rng = np.random.default_rng(1)
    X, W, b = (rng.standard_normal(shape).astype(dtype) for shape in ((5, 8), (8, 6), (1, 6)))
    answer = linear.forward(X, W, b)
    fewer = (answer.value * (1 + 64 * np.finfo(dtype).eps)).astype(dtype)
    assert compare(Returned("array", fewer, ""), answer).verdict == "mismatch"


def test_gamma_needs_a_sum_short_enough_for_the_dtype() -> None:
    assert rounding.gamma(784, np.float32) == pytest.approx(4.67e-5, rel=1e-2)
    with pytest.raises(ValueError, match="not below 1"):
        rounding.gamma(2**24, np.float32)


# ---- tanh ----

TANH_FORMS: tuple[Callable[[Array], Array], ...] = (
    np.tanh,
    lambda x: 2 / (1 + np.exp(-2 * x)) - 1,
    lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
    lambda x: (1 - np.exp(-2 * x)) / (1 + np.exp(-2 * x)),
    lambda x: np.expm1(2 * x) / (np.expm1(2 * x) + 2),
    lambda x: np.vectorize(math.tanh)(x).astype(x.dtype),
)


@pytest.mark.parametrize("dtype", DTYPES)
@CASES
@given(seed=seeds, exponent=st.floats(-8, 1.25))
def test_every_form_of_tanh_stays_within_its_radius(dtype: Any, seed: int, exponent: float) -> None:
    rng = np.random.default_rng(seed)
    X = (rng.uniform(0.5, 1, 60) * 10.0**exponent * rng.choice([-1, 1], 60)).astype(dtype)
    grad = rng.standard_normal(60).astype(dtype)
    forward, backward = elementwise.tanh_forward(X), elementwise.tanh_backward(X, grad)
    for h in (form(X) for form in TANH_FORMS):
        ratio(h, forward)
        ratio(grad * (1 - h * h), backward)
        ratio(grad * (1 - h) * (1 + h), backward)
    one_side(forward)
    one_side(backward)


def test_the_radius_of_tanhs_derivative_widens_with_what_the_library_may_be_off() -> None:
    one = np.ones(1)
    narrow, wide = (
        rounding.tanh_backward(one, one, rounding.Library(exp=1.0, log=1.0, tanh=ulps)) for ulps in (1.0, 2.0)
    )
    assert np.allclose(wide - narrow, 4 * rounding.unit_roundoff(np.float64), rtol=1e-12, atol=0)  # h² · 2 · 2 ulps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: np.clip(x - x**3 / 3, -1, 1),
        lambda x: x * (27 + x * x) / (27 + 9 * x * x),
        lambda x: np.tanh(x.astype(np.float32) * np.float32(1.000001)).astype(x.dtype),
    ],
    ids=["series", "Padé", "almost"],
)
def test_an_approximation_of_tanh_is_outside_its_radius(dtype: Any, wrong: Callable[[Array], Array]) -> None:
    X = np.linspace(0.05, 2, 200).astype(dtype)
    assert compare(Returned("array", wrong(X), ""), elementwise.tanh_forward(X)).verdict == "mismatch"


# ---- softmax cross-entropy ----


def losses(X: Array, y: Array) -> Iterator[Any]:
    """The mean loss in forms that students write; an unshifted one only where it cannot overflow."""
    rows = np.arange(len(X))
    d = X - X.max(axis=1, keepdims=True)
    e = np.exp(d)
    z = e / e.sum(axis=1, keepdims=True)
    one_hot = np.zeros_like(X)
    one_hot[rows, y] = 1
    yield -np.log(z[rows, y]).mean()
    yield (np.log(e.sum(axis=1)) - d[rows, y]).mean()
    yield -(one_hot * (d - np.log(e.sum(axis=1, keepdims=True)))).sum() / X.dtype.type(len(X))
    if np.abs(X).max() < 40:
        others = np.exp(X - X[rows, y][:, None]) * (1 - one_hot)
        yield np.log(1 + others.sum(axis=1)).mean()
        yield (np.log(np.exp(X).sum(axis=1)) - X[rows, y]).mean()


@pytest.mark.parametrize("dtype", DTYPES)
@CASES
@given(seed=seeds, N=st.integers(1, 12), K=st.integers(2, 12), scale=st.sampled_from([0.01, 1.0, 5.0, 25.0]))
def test_every_form_of_the_loss_and_its_gradient_stays_within_its_radius(
    dtype: Any, seed: int, N: int, K: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    X = np.clip(scale * rng.standard_normal((N, K)), -40, 40).astype(dtype)
    y = rng.integers(0, K, N)
    forward, backward = cross_entropy.forward(X, y), cross_entropy.backward(X, y)
    for loss in losses(X, y):
        ratio(np.asarray(loss), forward)
    z = np.exp(X - X.max(axis=1, keepdims=True))
    z = z / z.sum(axis=1, keepdims=True)
    z[np.arange(N), y] -= 1
    ratio(z / dtype(N), backward)
    ratio(z * dtype(1 / N), backward)
    one_side(forward)
    one_side(backward)


def test_an_epsilon_in_the_log_is_outside_the_radius_of_the_loss() -> None:
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((6, 10)), rng.integers(0, 10, 6)
    z = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    wrong = -np.log(z[np.arange(6), y] + 1e-12).mean()
    assert compare(Returned("scalar", np.asarray(wrong), ""), cross_entropy.forward(X, y)).verdict == "mismatch"


# ---- dropout and SGD ----


@pytest.mark.parametrize("dtype", DTYPES)
@CASES
@given(seed=seeds, r=st.floats(0.01, 0.95))
def test_both_ways_of_scaling_stay_within_the_radius_of_dropout(dtype: Any, seed: int, r: float) -> None:
    rng = np.random.default_rng(seed)
    q = rng.standard_normal((5, 7)).astype(dtype)
    kept = rng.random((5, 7)) >= r
    answer = dropout.forward(q, kept, r)
    ratio(q * (kept / (1 - r)), answer)
    ratio((q * kept / (1 - r)).astype(dtype), answer)
    ratio(q * kept.astype(dtype) * dtype(1 / (1 - r)), answer)
    ratio(q * kept.astype(dtype) / dtype(1 - dtype(r)), answer)
    one_side(answer)


def updates(w: Array, g: Array, v: Array, alpha: Any, lam: Any, eta: Any) -> list[tuple[Array, Array]]:
    """One SGD update in four orders that students write: the new weights and velocity."""
    decayed = alpha * v - eta * (g + lam * w)
    flipped = alpha * -v + eta * (g + lam * w)
    return [
        (w + decayed, decayed),
        (w - flipped, -flipped),
        (w - eta * g - eta * lam * w + alpha * v, decayed),
        (w * (1 - eta * lam) - eta * g + alpha * v, decayed),
    ]


@pytest.mark.parametrize("dtype", DTYPES)
@CASES
@given(
    seed=seeds, alpha=st.sampled_from([0.0, 0.5, 0.9]), lam=st.sampled_from([0.0, 1e-4, 0.1]), scale=st.floats(0.1, 100)
)
def test_every_order_of_an_update_stays_within_the_radius_over_twelve_steps(
    dtype: Any, seed: int, alpha: float, lam: float, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    start = rng.standard_normal((3, 4)).astype(dtype)
    gradients = (scale * rng.standard_normal((12, 3, 4))).astype(dtype)
    etas = [0.1] * 6 + [0.01] * 6
    orders = [(start, np.zeros_like(start))] * 4
    wanted = sgd.steps(start, gradients, etas, alpha=alpha, lam=lam)
    for t, answer in enumerate(map(wanted.of, range(len(etas)))):
        rates = dtype(alpha), dtype(lam), dtype(etas[t])
        orders = [updates(w, gradients[t], v, *rates)[n] for n, (w, v) in enumerate(orders)]
        for w, _ in orders:
            ratio(w, answer)
        one_side(answer)


def test_torchs_own_momentum_parts_from_the_classical_form_when_the_rate_drops() -> None:
    rng = np.random.default_rng(3)
    w = start = rng.standard_normal((3, 4))
    gradients, etas = rng.standard_normal((6, 3, 4)), [0.1] * 3 + [0.01] * 3
    v = np.zeros_like(w)
    verdicts = []
    wanted = sgd.steps(start, gradients, etas, alpha=0.9, lam=0.0)
    for t, answer in enumerate(map(wanted.of, range(len(etas)))):
        v = 0.9 * v + gradients[t]
        w = w - etas[t] * v
        verdicts.append(compare(Returned("array", w, ""), answer).verdict)
    assert verdicts == ["match"] * 3 + ["mismatch"] * 3


# ---- a whole step ----


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("dtype", DTYPES)
@CASES
@given(seed=seeds, r=st.sampled_from([0.0, 0.5]), alpha=st.sampled_from([0.0, 0.9]))
def test_an_honest_step_of_the_network_stays_within_its_first_order_radius(
    dtype: Any, activation: str, seed: int, r: float, alpha: float
) -> None:
    rng = np.random.default_rng(seed)
    N, D, M, K = 5, 30, 8, 4
    shapes = {"L1_W": (D, M), "L1_b": (1, M), "L2_W": (M, K), "L2_b": (1, K)}
    w = {name: (0.3 * rng.standard_normal(shape)).astype(dtype) for name, shape in shapes.items()}
    v = {name: (0.01 * rng.standard_normal(shape)).astype(dtype) for name, shape in shapes.items()}
    X, y = rng.random((N, D)).astype(dtype), rng.integers(0, K, N)
    mask = ((rng.random((N, M)) >= r) / (1 - r)).astype(dtype)
    step = training_step(w, X, y, mask, activation=activation, alpha=alpha, lam=0.01, eta=0.1, velocity=v, previous=w)
    if step.kinks.any():
        return
    u = one_by_one(X, w["L1_W"]) + w["L1_b"]
    h = 2 / (1 + np.exp(-2 * u)) - 1 if activation == "tanh" else np.maximum(u, 0)
    s = h * mask
    a = backwards(s, w["L2_W"]) + w["L2_b"]
    z = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    ratio(np.asarray(-np.log(z[np.arange(N), y]).mean()), step.loss)
    z[np.arange(N), y] -= 1
    da = z / dtype(N)
    dh = one_by_one(da, w["L2_W"].T) * mask
    du = dh * (1 - h * h) if activation == "tanh" else dh * (u > 0)
    gradients = {"L1_W": X.T @ du, "L1_b": du.sum(axis=0, keepdims=True)}
    gradients |= {"L2_W": s.T @ da, "L2_b": da.sum(axis=0, keepdims=True)}
    for name, answer in step.weights.items():
        moved = updates(w[name], gradients[name], v[name], dtype(alpha), dtype(0.01), dtype(0.1))
        for after, _ in moved:
            ratio(after, answer)
        one_side(answer)


def test_pre_activations_of_exactly_0_are_no_kinks() -> None:
    w = {"L1_W": np.zeros((3, 2)), "L1_b": np.zeros((1, 2)), "L2_W": np.ones((2, 2)), "L2_b": np.zeros((1, 2))}
    X, y = np.random.default_rng(0).random((4, 3)), np.array([0, 1, 0, 1])
    step = training_step(w, X, y, None, activation="relu", alpha=0.0, lam=0.0, eta=0.1)
    assert not step.kinks.any()
    w["L1_W"][0, 0], w["L1_W"][1, 0], X[0] = 1.0, -0.1, [0.1, 1.0, 0.0]
    assert training_step(w, X, y, None, activation="relu", alpha=0.0, lam=0.0, eta=0.1).kinks.tolist() == [
        [True, False], *[[False, False]] * 3,
    ]  # fmt: skip


def test_a_prediction_that_rounding_decides_may_count_either_way() -> None:
    w = {"L1_W": np.eye(2), "L1_b": np.zeros((1, 2)), "L2_W": np.eye(2), "L2_b": np.zeros((1, 2))}
    tie = np.array([[1.0, 1.0], [3.0, 1.0]])
    found = evaluation_of_rows(w, tie, np.array([0, 0]), activation="relu")
    assert (found.surely.tolist(), found.maybe.tolist()) == ([False, True], [True, True])
