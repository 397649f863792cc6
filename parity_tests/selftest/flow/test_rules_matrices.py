"""Rules of linear algebra: radii that come in, honest algorithms of several kinds, and what is free."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, linalg

from parity_tests.pairs.hold import hold
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.flow.comparing import ratio, ratios
from parity_tests.selftest.flow.soundness import flowed
from reference.flow import QuestionError, evaluate, gradients, plain

pytestmark = pytest.mark.usefixtures("one_thread")
Array = NDArray[Any]
MATRIX = torch.tensor([[2.0, -1.0], [1.0, 3.0]], dtype=torch.float64)
SYMMETRIC = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
RIGHT = torch.tensor([[1.0, -2.0], [0.5, 4.0]], dtype=torch.float64)
OF_A_MATRIX: dict[str, tuple[Callable[[Tensor], Tensor], Tensor]] = {
    "solve": (lambda a: linalg.solve(a, RIGHT), MATRIX),
    "solve from the right": (lambda a: linalg.solve(a, RIGHT, left=False), MATRIX),
    "inv": (linalg.inv, MATRIX),
    "det": (linalg.det, MATRIX),
    "slogdet": (lambda a: linalg.slogdet(a)[1], MATRIX),
    "solve_triangular": (lambda a: linalg.solve_triangular(a, RIGHT, upper=True), MATRIX),
    "cholesky": (linalg.cholesky, SYMMETRIC),
    "eigenvalues": (linalg.eigvalsh, SYMMETRIC),
    "eigenvectors": (lambda a: linalg.eigh(a)[1], SYMMETRIC),
    "singular values": (linalg.svdvals, MATRIX),
    "left vectors": (lambda a: linalg.svd(a)[0], MATRIX),
    "Q": (lambda a: linalg.qr(a)[0], MATRIX),
    "R": (lambda a: linalg.qr(a)[1], MATRIX),
    "least squares": (lambda a: linalg.lstsq(a, RIGHT).solution, MATRIX),
}
NORMWISE = ("values", "vectors", "Q", "R", "least")
"""What goes by norms, which no corner reaches: so many times less does not do."""


@pytest.mark.parametrize("name", list(OF_A_MATRIX))
def test_radii_of_a_matrix_come_in_whole_and_half_would_not_do(name: str) -> None:
    """The largest move over all corners of the neighbourhood is within the radius, and over half of it."""
    function, a = OF_A_MATRIX[name]
    r = torch.full_like(a, 1e-5)
    out, radius = flowed(function, [a], [r])
    shares = []
    for signs in itertools.product((-1, 1), repeat=4):
        moves = torch.tensor(signs).view(2, 2) * r
        moved = function(a + (torch.tril(moves) + torch.tril(moves, -1).mT if a is SYMMETRIC else moves))
        shares.append(((moved - out).abs() / radius.clamp_min(1e-300)).nan_to_num(0.0).max().item())
    assert max(shares) <= 1
    assert max(shares) > (1 / 8 if any(word in name for word in NORMWISE) else 1 / 2)


def by_elimination(a: Array, b: Array) -> Array:
    """Row by row, with the largest pivot."""
    a, b, n = a.copy(), b.copy(), len(a)
    for k in range(n):
        p = k + int(np.argmax(abs(a[k:, k])))
        a[[k, p]], b[[k, p]] = a[[p, k]], b[[p, k]]
        for i in range(k + 1, n):
            factor = a[i, k] / a[k, k]
            a[i], b[i] = a[i] - factor * a[k], b[i] - factor * b[k]
    x = np.zeros_like(b)
    for i in reversed(range(n)):
        x[i] = (b[i] - a[i, i + 1 :] @ x[i + 1 :]) / a[i, i]
    return x


def by_projections(a: Array) -> tuple[Array, Array]:
    """Modified Gram–Schmidt."""
    a, n = a.copy(), a.shape[1]
    q, r = np.zeros_like(a), np.zeros((n, n), a.dtype)
    for j in range(n):
        r[j, j] = np.sqrt(a[:, j] @ a[:, j])
        q[:, j] = a[:, j] / r[j, j]
        for k in range(j + 1, n):
            r[j, k] = q[:, j] @ a[:, k]
            a[:, k] = a[:, k] - r[j, k] * q[:, j]
    return q, r


def by_rotations(a: Array) -> tuple[Array, Array]:
    """Jacobi's eigenvalues, in the order in which they come, and vectors."""
    a, n = a.copy(), len(a)
    v = np.eye(n, dtype=a.dtype)
    for p, q in list(itertools.combinations(range(n), 2)) * 8:
        if abs(a[p, q]) < 1e-15:
            continue
        t = (a[q, q] - a[p, p]) / (2 * a[p, q])
        t = np.copysign(1, t) / (abs(t) + np.sqrt(t * t + 1))
        c = 1 / np.sqrt(t * t + 1)
        turn = np.array([[c, t * c], [-t * c, c]], a.dtype)
        a[:, [p, q]] = a[:, [p, q]] @ turn
        a[[p, q]] = turn.T @ a[[p, q]]
        v[:, [p, q]] = v[:, [p, q]] @ turn
    return np.diag(a).copy(), v


def by_columns(a: Array) -> Array:
    """Cholesky's factor, one column after the other."""
    n, found = len(a), np.zeros_like(a)
    for j in range(n):
        found[j:, j] = a[j:, j] - found[j:, :j] @ found[j, :j]
        found[j:, j] /= np.sqrt(found[j, j])
    return found


def matrix(n: int, dtype: type, *, condition: float = 10.0, seed: int = 0) -> Array:
    """A matrix of this condition number."""
    rng = np.random.default_rng(seed)
    u, v = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
    return np.asarray((u * np.geomspace(1, 1 / condition, n) @ v).astype(dtype))


def symmetric(n: int, dtype: type, *, condition: float) -> Array:
    """A symmetric one of squared condition number."""
    a = matrix(n, dtype, condition=condition**0.5)
    product = a @ a.T
    return np.asarray((product + product.T) / 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("condition", [10.0, 1e3])
def test_honest_algorithms_of_any_kind_stay_within(dtype: type, condition: float) -> None:
    """Elimination, reflections, projections, rotations, and LAPACK in float64, whatever the condition."""
    a, s, b = matrix(7, dtype, condition=condition), symmetric(7, dtype, condition=condition), matrix(7, dtype)[:, :2]
    q, r = np.linalg.qr(a)
    s64, a64 = s.astype(float), a.astype(float)
    asked: list[tuple[Callable[[Tensor, Tensor], Tensor], Array, list[Any]]] = [
        (lambda a, b: linalg.solve(a, b), a, [by_elimination(a, b), np.linalg.solve(r, q.T @ b)]),
        (lambda a, b: linalg.inv(a), a, [by_elimination(a, np.eye(7, dtype=dtype)), np.linalg.inv(a64)]),
        (lambda a, b: linalg.det(a), a, [np.linalg.det(a), r.diagonal().prod() * round(np.linalg.det(q))]),
        (lambda a, b: linalg.cholesky(a), s, [by_columns(s), np.linalg.cholesky(s64)]),
        (lambda a, b: linalg.eigvalsh(a), s, [np.sort(by_rotations(s)[0]), np.linalg.eigvalsh(s64)]),
        (lambda a, b: linalg.svdvals(a), a, [np.linalg.svd(a)[1], np.linalg.svd(a64)[1]]),
    ]
    for reference, given, answers in asked:
        answer = evaluate(reference, {"a": given, "b": b}, radius="bound")["output"]
        for got in answers:
            assert ratio(answer, got) <= 1, reference
        wrong = np.asarray(answers[0]) * (1 + 1e3 * np.finfo(dtype).eps * condition)
        assert ratio(answer, wrong) > 1, "a change of a thousand roundings times the condition is told"


@pytest.mark.parametrize("radius", ["bound", "sample"])
def test_gradients_of_factorisations_have_radii(radius: str) -> None:
    """Backwards solve with the factors of the forward, or divide by gaps: float64's gradients lie within float32's."""
    w = torch.tensor(matrix(5, np.float64, seed=1))
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "solve": lambda a: linalg.solve(a, w.to(a.dtype)),
        "inv": linalg.inv,
        "det": lambda a: linalg.det(a) * w.to(a.dtype),
        "slogdet": lambda a: linalg.slogdet(a)[1] * w.to(a.dtype),
        "cholesky": lambda a: linalg.cholesky(a @ a.mT),
        "qr": lambda a: linalg.qr(a)[1].abs(),
        "svd": lambda a: linalg.svd(a)[0].abs(),
    }
    a = matrix(5, np.float32)
    for name, function in functions.items():
        summed = gradients(lambda a, f=function: (f(a) * w.to(a.dtype)).sum(), of=("a",), given=None)
        answer = evaluate(summed, {"a": a}, radius=radius, replicas=4)
        wide = {key: x.numpy() for key, x in summed(a=torch.tensor(a.astype(float))).items()}
        assert max(ratios(answer, wide).values()) <= 1, name
        assert float((answer["a"].radius / answer["a"].value.abs()).median()) < 0.3, name


def test_a_singular_matrix_decides_nothing() -> None:
    """Its inverse is undecided whatever is returned, and so are vectors of equal eigenvalues; the values are not."""
    near = np.array([[1.0, 2.0], [2.0, 4.0 + 1e-16]])
    assert evaluate(lambda a: linalg.inv(a), {"a": matrix(3, np.float64, condition=1e17)})["output"].undecided.all()
    assert ratio(evaluate(lambda a: linalg.det(a), {"a": near})["output"], 0.0) <= 1
    values = evaluate(lambda a: tuple(linalg.eigh(a)), {"a": np.eye(3)})
    assert values["output[1]"].undecided.any()
    assert not values["output[0]"].undecided.any()


def test_signs_and_order_of_a_factorisation_are_free_together() -> None:
    """Columns of Q with rows of R, eigenvalues with their vectors; nothing that is turned alone."""
    a, s = matrix(5, np.float64), symmetric(5, np.float64, condition=10.0)
    q, r = np.linalg.qr(a)
    turn = np.array([1.0, -1.0, 1.0, -1.0, -1.0])

    def reduced(a: Tensor) -> tuple[Tensor, ...]:
        return tuple(linalg.qr(a))

    assert hold(by_projections, reduced, a)
    assert hold(lambda a: (q * turn, turn[:, None] * r), reduced, a)
    assert not hold(lambda a: (q * turn, r), reduced, a, search=0)
    assert not hold(lambda a: (q * turn[:, None], r), reduced, a, search=0)
    values, vectors = np.linalg.eigh(s)

    def eigen(a: Tensor) -> dict[str, Tensor]:
        values, vectors = linalg.eigh(a)
        return {"values": values, "vectors": vectors}

    def answered(values: Array, vectors: Array) -> Any:
        return hold(lambda a: {"values": values, "vectors": vectors}, eigen, s, search=0)

    assert answered(*by_rotations(s))
    assert "in another order" in str(answered(values[::-1], vectors[:, ::-1] * turn))
    assert not answered(values[::-1], vectors)
    assert not answered(values, vectors[:, ::-1])
    assert not answered(values, vectors * turn[:, None])
    u, sigma, v = np.linalg.svd(a)
    assert hold(
        lambda a: ((u * turn)[:, ::-1], sigma[::-1], (turn[:, None] * v)[::-1]), lambda a: tuple(linalg.svd(a)), a
    )
    assert not hold(lambda a: (u * turn, sigma, v), lambda a: tuple(linalg.svd(a)), a, search=0)


def test_what_depends_on_free_signs_is_refused_and_what_does_not_is_held() -> None:
    """float32 and float64 come with other signs from LAPACK, and so with other gradients of the vectors."""
    a = symmetric(5, np.float32, condition=10.0)
    g = np.random.default_rng(0).standard_normal((5, 5)).astype(np.float32)

    def vectors(a: Tensor) -> Tensor:
        found: Tensor = linalg.eigh((a + a.mT) / 2)[1]
        return found

    def fixed(a: Tensor) -> Tensor:
        found = vectors(a)
        return found * found[:1].sign()

    for dependent in (gradients(vectors, "a", "g"), lambda a, g: vectors(a)[:, :2]):
        with pytest.raises(QuestionError, match="depends on the signs"):
            evaluate(dependent, {"a": a, "g": g})
    for same in (fixed, lambda a: vectors(a) @ vectors(a).mT.tril(), lambda a: linalg.eigh(a)[0]):
        given = {"a": a, "g": g if same is fixed else np.ones_like(same(torch.from_numpy(a)).numpy())}
        answer = evaluate(gradients(same, "a", "g"), given)
        wide = plain(gradients(same, "a", "g"), given, dtype=torch.float64)
        assert ratio(answer["a"], wide["a"].numpy().astype(np.float32)) <= 1
        assert ratio(answer["a"], wide["a"].numpy().astype(np.float32) * np.float32(1.01)) > 1


def test_the_condition_is_measured_and_shown() -> None:
    """A note has it, beside the verdict; of what has no linear algebra there is none."""
    a = matrix(4, np.float64, condition=1e4)
    assert "condition numbers: 1" in str(hold(np.linalg.inv, lambda a: linalg.inv(a), a))
    assert "condition" not in str(hold(lambda a: a * 2, lambda a: a * 2, a))


def test_a_pseudo_inverse_has_a_radius_where_nothing_is_left_out_of_it_and_eigenvalues_of_any_matrix_have_none() -> (
    None
):
    rng = np.random.default_rng(0)
    for shape in ((6, 4), (4, 6), (2, 5, 3)):
        assert hold(np.linalg.pinv, torch.linalg.pinv, rng.standard_normal(shape))
        assert not hold(lambda a: np.linalg.pinv(a) * (1 + 1e-11), torch.linalg.pinv, rng.standard_normal(shape))
    of_rank_2 = rng.standard_normal((6, 2)) @ rng.standard_normal((2, 4))
    assert hold(np.linalg.pinv, torch.linalg.pinv, of_rank_2).run.records[0].verdict == "undecided"
    with pytest.raises(UsageError, match="eigenvalues nothing bounds"):
        hold(np.linalg.eigvals, torch.linalg.eigvals, rng.standard_normal((4, 4)))


def test_a_triangular_system_may_be_solved_by_a_solver_of_any() -> None:
    """numpy has no other; with pivots it rounds more than substitution where the diagonal is small."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(20):
        t, b = np.tril(30 * rng.standard_normal((5, 5)), -1) + np.eye(5), rng.standard_normal((5, 2))
        answer = evaluate(lambda t, b: linalg.solve_triangular(t, b, upper=False), {"t": t, "b": b}, radius="bound")
        worst = max(worst, ratio(answer["output"], np.linalg.solve(t, b)))
    assert 0 < worst <= 1


def test_a_solution_by_the_inverse_is_another_honest_form() -> None:
    """It rounds by |A⁻¹||B|, which is said where |X| is far less, and only there."""
    a, x = matrix(6, np.float32, condition=1e3), np.ones((6, 1), np.float32)
    answer = evaluate(lambda a, b: linalg.solve(a, b), {"a": a, "b": a @ x}, radius="bound")["output"]
    form = answer.forms["solution by the inverse"]
    assert (form > answer.radius).all()
