"""Rules of the gamma function's logarithm and its derivative, and of the CTC loss."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from parity_tests.selftest.flow.comparing import ratios
from parity_tests.selftest.flow.soundness import DTYPES, flowed
from reference.flow import evaluate, gradients

pytestmark = pytest.mark.usefixtures("one_thread")
Array = NDArray[Any]
POINTS = [1e-4, 0.3, 0.99999, 1.00001, 1.4616, 1.9999, 2.0001, 7.5, 3e4, -0.3, -2.0001, -2.9999, -7.5]
FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "lgamma": (torch.lgamma, lambda x: mpmath.log(abs(mpmath.gamma(x)))),
    "digamma": (torch.digamma, mpmath.digamma),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_gamma_functions_have_radii_near_roots_and_poles(name: str, dtype: torch.dtype) -> None:
    """torch is within half of them, which are for two sides; a radius comes in whole, and half of it would not do."""
    function, exact = FUNCTIONS[name]
    x = torch.tensor(POINTS, dtype=dtype)
    out, radius = flowed(function, [x], [None])
    r = torch.full_like(x, 1e-5)
    _, moved = flowed(function, [x], [r])
    shares = []
    for point, value, own, whole in zip(x.tolist(), out.tolist(), radius.tolist(), moved.tolist(), strict=True):
        middle = exact(mpmath.mpf(point))
        assert abs(middle - value) <= own / 2, point
        ends = [abs(exact(mpmath.mpf(point) + sign * mpmath.mpf(1e-5)) - middle) for sign in (-1, 1)]
        shares.append(float(max(ends) / whole))
    assert max(shares) <= 1
    assert max(shares) > 1 / 2
    poles = flowed(function, [torch.tensor([0.0, -1.0, -2.00001], dtype=dtype)], [torch.full((3,), 1e-4)])[1]
    assert poles.isinf().all()
    assert float((radius / out.abs())[POINTS.index(7.5)]) < 100 * torch.finfo(dtype).eps


def by_recursion(x: Array, target: list[int], steps: int, *, skips: bool = True) -> tuple[Any, Array]:
    """The loss of one sequence and its gradient as torch has it; without `skips` a blank lies between all labels."""
    labels = [0, *(part for label in target for part in (label, 0))]
    a = np.full((2, steps, len(labels)), -np.inf, x.dtype)  # from the front, and from the end
    for way, row in enumerate((a[0], a[1])):
        order, there = (range(steps), labels) if way == 0 else (range(steps - 1, -1, -1), labels[::-1])
        for t in order:
            for s, label in enumerate(there):
                if t == order[0]:
                    row[t, s] = x[t, label] if s < 2 else -np.inf
                    continue
                before = row[t - 1 if way == 0 else t + 1]
                terms = [before[s - k] for k in range(min(s, 1) + 1)]
                if skips and s > 1 and label not in (0, there[s - 2]):
                    terms.append(before[s - 2])
                row[t, s] = np.logaddexp.reduce(terms) + x[t, label]
    back = a[1][:, ::-1]
    loss = -np.logaddexp.reduce(a[0][-1, -2:])
    g = np.exp(x)
    g[steps:] = 0
    for s, label in enumerate(labels):
        g[:steps, label] -= np.exp(a[0][:, s] + back[:, s] + loss - x[:steps, label])
    return loss, g


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_ctc_loss_by_forward_and_backward_recursion(dtype: type) -> None:
    """Sequences and targets of several lengths, one with equal labels, one empty; a recursion without skips is told."""
    rng = np.random.default_rng(0)
    x: Array = rng.standard_normal((14, 3, 5)).astype(dtype)
    x -= np.logaddexp.reduce(x, -1, keepdims=True)
    targets = np.array([[2, 2, 3], [1, 4, 0], [0, 0, 0]])
    lengths: Any = [3, 2, 0]
    steps: Any = [14, 12, 13]
    g: Array = rng.standard_normal(3).astype(dtype)

    def loss(x: Tensor) -> Tensor:
        return functional.ctc_loss(x, torch.tensor(targets), steps, lengths, reduction="none")

    answer = evaluate(gradients(loss, of=("x",), given="g"), {"x": x, "g": g}, radius="bound")

    def answered(**how: Any) -> dict[str, Array]:
        rows = zip(targets, lengths, steps, strict=True)
        found = [by_recursion(x[:, i], list(row[:n]), t, **how) for i, (row, n, t) in enumerate(rows)]
        return {
            "output": np.array([one[0] for one in found]),
            "x": np.stack([one[1] for one in found], 1) * g[:, None],
        }

    assert max(ratios(answer, answered()).values()) <= 1
    assert min(ratios(answer, answered(skips=False)).values()) > 1e3
    off = answered()
    off["x"] = off["x"] + dtype(100 * np.finfo(dtype).eps)
    assert ratios(answer, off)["x"] > 1
