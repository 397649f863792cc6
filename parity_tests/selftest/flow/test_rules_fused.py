"""Rules of softmax and its like, of losses and moves, against mpmath."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from mpmath import mpf
from torch import Tensor
from torch.nn import functional

from parity_tests.selftest.flow.soundness import DTYPES, flowed
from reference.flow.rounding import EXP_ULPS, TORCH_FAST_EXP_ULPS, precision

pytestmark = pytest.mark.usefixtures("one_thread")
LOGITS = [
    [0.3, -1.2, 2.7, 0.1],
    [50.0, -20.0, 3.0, 49.0],
    [-1000.0, -1001.0, -999.5, -1003.0],
    [1.0, 1.0, 1.0, 1.0],
    [1e-6, 0.0, -1e-6, 5.0],
]


def softmax(row: list[Any]) -> list[Any]:
    """In mpmath."""
    e = [mpmath.exp(x) for x in row]
    return [x / sum(e) for x in e]


def log_softmax(row: list[Any]) -> list[Any]:
    """In mpmath."""
    return [mpmath.log(x) for x in softmax(row)]


def log_sum_exp(row: list[Any]) -> list[Any]:
    """In mpmath."""
    return [mpmath.log(sum(mpmath.exp(x) for x in row))]


FUNCTIONS = {
    "softmax": (lambda x: torch.softmax(x, -1), softmax),
    "log_softmax": (lambda x: torch.log_softmax(x, -1), log_softmax),
    "logsumexp": (lambda x: torch.logsumexp(x, -1, keepdim=True), log_sum_exp),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_radii_of_operands_come_in_whole_and_half_would_not_do(name: str, dtype: torch.dtype) -> None:
    """All corners of the neighbourhood: the largest move is within the radius, and over half of it somewhere."""
    function, exact = FUNCTIONS[name]
    x = torch.tensor(LOGITS, dtype=dtype)
    r = torch.full_like(x, 1e-2).double()
    _, radius = flowed(function, [x], [r])
    shares = []
    for row, given in zip(x, radius, strict=True):
        centre = [mpf(float(v)) for v in row]
        middle = exact(centre)
        for corner in range(16):
            moved = [v + (1 if corner >> i & 1 else -1) * mpf(1e-2) for i, v in enumerate(centre)]
            for there, here, allowed in zip(exact(moved), middle, given, strict=True):
                shares.append(float(abs(there - here) / mpf(float(allowed))))
    assert max(shares) <= 1
    assert max(shares) > 0.5


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_rounding_of_softmax_is_enough_and_half_of_it_is_not(dtype: torch.dtype) -> None:
    """Both sides' worst: the argument rounds, the exponential errs by its ulps, sum and quotient round."""
    x = torch.tensor(LOGITS, dtype=dtype)
    _, radius = flowed(FUNCTIONS["softmax"][0], [x], [None])
    u = mpf(precision(dtype).u)
    shares = []
    for row, given in zip(x, radius, strict=True):
        top = max(float(v) for v in row)
        centre = [mpf(float(v)) - mpf(top) for v in row]
        middle = softmax(centre)
        for chosen in range(4):
            # One side moves the chosen exponential up and the rest down, the other side the opposite.
            sides = []
            for sign in (1, -1):
                e = []
                for i, v in enumerate(centre):
                    towards = sign if i == chosen else -sign
                    ulps = 2 * (EXP_ULPS if sign > 0 else TORCH_FAST_EXP_ULPS) * u
                    e.append(mpmath.exp(v * (1 - towards * u)) * (1 + towards * ulps))
                sides.append(e[chosen] / sum(e) * (1 + sign * u) ** 5)
            shares.append(
                float(abs(sides[0] - sides[1]) / mpf(float(given[chosen]))) if middle[chosen] > 1e-30 else 0.0
            )
    assert max(shares) <= 1
    assert max(shares) > 0.5


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_honest_log_softmax_and_cross_entropy_stay_within(dtype: torch.dtype) -> None:
    """torch's own value against mpmath: within half the radius, which is for two sides."""
    x = torch.tensor(LOGITS, dtype=dtype)
    for name, (function, exact) in FUNCTIONS.items():
        out, radius = flowed(function, [x], [None])
        for row, values, given in zip(x, out, radius, strict=True):
            for want, got, allowed in zip(exact([mpf(float(v)) for v in row]), values, given, strict=True):
                assert abs(want - mpf(float(got))) <= mpf(float(allowed)) / 2, name


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_gradient_of_log_softmax(dtype: torch.dtype) -> None:
    """g − e^out·Σg: the sum's γ, the exponentials' ulps, product and difference; half of that would not do."""
    out = torch.log_softmax(torch.tensor(LOGITS, dtype=dtype), -1)
    g = torch.randn(out.shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    backward = torch.ops.aten._log_softmax_backward_data
    result, radius = flowed(lambda g, out: backward(g, out, -1, dtype), [g, out], [None, None])
    u, gamma = precision(dtype).u, precision(dtype).gamma(3)
    p, total, sizes = out.double().exp(), g.double().sum(-1, keepdim=True).abs(), g.double().abs().sum(-1, keepdim=True)
    needed = p * (2 * gamma * sizes + 2 * u * (EXP_ULPS + TORCH_FAST_EXP_ULPS + 1) * total) + 2 * u * result.abs()
    assert (radius >= needed * (1 - 1e-12)).all()
    assert (radius / 2 < needed).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_nll_loss_adds_up_what_the_labels_pick(dtype: torch.dtype, reduction: str, weighted: bool) -> None:
    """−Σwx/Σw and its gradient: products, sums and a quotient, of both sides; a radius of x comes in by its weight."""
    x = torch.randn(5, 4, dtype=dtype, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 3, 3, 1, 2])
    w = torch.tensor([0.3, 1.7, 0.9, 2.3], dtype=dtype) if weighted else None
    weights = torch.ones(5, dtype=torch.float64) if w is None else w.double()[labels]
    share = weights / (weights.sum() if reduction == "mean" else 1)
    picked = x.double().gather(1, labels[:, None])[:, 0].abs()

    def loss(x: Tensor) -> Tensor:
        return functional.nll_loss(x, labels, w, reduction=reduction)

    u = precision(dtype).u
    _, radius = flowed(loss, [x], [None])
    least = 2 * u * float((share * picked).sum()) * (4 + (1 if weighted else 0))
    assert float(radius) >= least * (1 - 1e-6)
    assert float(radius) < 4 * least
    _, moved = flowed(loss, [x], [torch.full(x.shape, 1e-2)])
    assert float(moved) >= 1e-2 * float(share.sum()) * (1 - 1e-6)


MOVES = {
    "cat": lambda x: torch.cat([x, x[:1]]),
    "stack": lambda x: torch.stack([x, x]),
    "flip": lambda x: x.flip(0),
    "roll": lambda x: x.roll(1, 1),
    "gather": lambda x: x.gather(1, torch.tensor([[0, 2], [1, 1]])),
    "index": lambda x: x[[1, 0, 1]],
    "index_select": lambda x: x.index_select(1, torch.tensor([2, 0])),
    "embedding": lambda x: functional.embedding(torch.tensor([1, 1, 0]), x),
    "pad": lambda x: functional.pad(x, (1, 2), value=9.0),
    "tril": lambda x: x.tril(),
    "repeat": lambda x: x.repeat(2, 2),
    "transpose": lambda x: x.t().contiguous(),
    "reshape": lambda x: x.t().reshape(-1),
    "expand": lambda x: x[:, None].expand(2, 4, 3).clone(),
    "masked_fill": lambda x: x.masked_fill(torch.eye(2, 3, dtype=torch.bool), 7.0),
    "where": lambda x: torch.where(torch.eye(2, 3, dtype=torch.bool), x, torch.zeros(())),
    "slice": lambda x: x[:, ::2],
    "diagonal": lambda x: torch.diag_embed(x),
    "boolean index": lambda x: x[torch.tensor([[True, False, True], [False, True, False]])],
    "double": lambda x: x.double(),
    "split": lambda x: torch.cat(x.split(1)[::-1]),
    "unfold": lambda x: x.unfold(1, 2, 1).clone(),
}


@pytest.mark.parametrize("name", list(MOVES))
def test_a_move_takes_the_radius_along_and_rounds_nothing(name: str) -> None:
    """Each result's radius is that of the element that stands there; what was filled in has none."""
    x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    out, radius = flowed(MOVES[name], [x], [x.double() * 2.0**-10])
    came_from = torch.where((out >= 1) & (out <= 6), out.double(), 0.0)
    assert torch.equal(radius, came_from * 2.0**-10)


def test_writing_into_a_part_leaves_the_rest() -> None:
    """`x[i] = y`, `fill_`, `zero_`, `copy_`."""

    def write(x: Tensor) -> Tensor:
        y = x.clone()
        y[0, 1:] = x[1, :2] * 4
        y[1].fill_(0.5)
        y[1, 2:].copy_(x[0, :1])
        return y

    x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    _, radius = flowed(write, [x], [x.double()])
    assert radius.tolist() == [[1.0, 16.0, 20.0], [0.0, 0.0, 1.0]]


def test_a_function_of_float32_in_numpy_is_within_the_fused_bounds() -> None:
    """Softmax over a thousand drawn rows, numpy's way."""
    x = np.random.default_rng(0).standard_normal((1000, 7)).astype(np.float32) * 9
    out, radius = flowed(FUNCTIONS["softmax"][0], [torch.from_numpy(x)], [None])
    e = np.exp(x - x.max(1, keepdims=True))
    gap = np.abs((e / e.sum(1, keepdims=True)).astype(float) - out.double().numpy())
    assert (gap <= radius.numpy()).all()
