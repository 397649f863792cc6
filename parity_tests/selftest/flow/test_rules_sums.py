"""Rules of products and sums against mpmath: the radius is enough, half of it is not, and what is exact stays so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from mpmath import mpf
from numpy.typing import NDArray
from torch import Tensor

from parity_tests.selftest.flow.soundness import DTYPES, SHARES, Shortfalls, assert_sound, flowed
from reference.flow.rounding import precision

aten = torch.ops.aten
Objects = NDArray[Any]
"""Of mpmath's numbers."""
pytestmark = pytest.mark.usefixtures("one_thread")


def objects(x: Tensor) -> Objects:
    """The same numbers, exactly, in mpmath."""
    exact: Objects = np.vectorize(lambda value: mpf(float(value)), otypes=[object])(x.double().numpy())
    return exact


def convolved(x: Objects, w: Objects) -> Objects:
    """A convolution without padding, as loops: x N×C×L, w K×C×S."""
    N, K, S = len(x), len(w), w.shape[2]
    places = x.shape[2] - S + 1
    out = np.zeros((N, K, places), dtype=object)
    for n in range(N):
        for k in range(K):
            for i in range(places):
                out[n, k, i] = (x[n, :, i : i + S] * w[k]).sum()
    return out


@dataclass(frozen=True)
class Summed:
    """An operation whose results are sums of operands, or of products of two, with coefficients ≥ 0.

    `exact` is the same on mpmath's numbers; `roundings` is how often a term is rounded on one side at most, in a chain.
    """

    name: str
    function: Callable[..., Tensor]
    exact: Callable[..., Objects]
    shapes: tuple[tuple[int, ...], ...]
    roundings: int

    def __str__(self) -> str:
        return self.name

    def operands(self, dtype: torch.dtype, seed: int) -> list[Tensor]:
        """Numbers of magnitudes far apart, zeros and subnormal ones among them; the second half cancels the first."""
        generator = torch.Generator().manual_seed(seed)
        found = []
        for shape in self.shapes:
            x = torch.randn(shape, generator=generator, dtype=torch.float64)
            x = x * 10.0 ** torch.randint(-3, 4, shape, generator=generator)
            flat = x.view(-1)
            half = len(flat) // 2
            if half:
                flat[half : 2 * half] = -flat[:half] * (1 + 1e-6)
            if len(flat) > 5:
                flat[1], flat[4] = 0.0, torch.finfo(dtype).smallest_normal / 8
            found.append(x.to(dtype))
        return found

    def shortfalls(self, dtype: torch.dtype) -> Shortfalls:
        """Where each share of the radius is not enough; γ of both sides, and what the operands' radii bring."""
        gamma = mpf(precision(dtype).gamma(self.roundings))
        found: Shortfalls = {share: [] for share in SHARES}
        for seed, scales in enumerate([(0.0, 0.0), (1e-3, 0.0), (0.0, 1e-3), (1e-3, 1e-2)]):
            operands = self.operands(dtype, seed)
            radii = [x.abs().double() * k for x, k in zip(operands, scales, strict=False)]
            _, radius = flowed(self.function, operands, radii)
            sizes = [objects(x.abs()) for x in operands]
            wider = [x + objects(r) for x, r in zip(sizes, radii, strict=True)]
            most, here = self.exact(*wider), self.exact(*sizes)
            needed = most - here + gamma * (most + here)
            for got, wanted in zip(radius.reshape(-1).tolist(), np.ravel(needed), strict=True):
                # A sum of subnormal numbers is exact, which the model does not know.
                subnormal = torch.finfo(dtype).smallest_normal
                for share, short in found.items():
                    if wanted > mpf(got) * share * (1 + mpf(2) ** -40) + subnormal * 1e-3:
                        at = f"{self.name} with radii {scales}"
                        short.append(f"{at}: needs {float(wanted):.6g}, has {got * share:.6g}")
        return found


def blocks(x: Objects) -> Objects:
    """The sums of squares of four."""
    *rest, height, width = x.shape
    found: Objects = x.reshape(*rest, height // 2, 2, width // 2, 2).sum((-3, -1))
    return found


BETWEEN = np.array([[mpf(1), mpf(0)], [mpf(3) / 4, mpf(1) / 4], [mpf(1) / 4, mpf(3) / 4], [mpf(0), mpf(1)]])
"""What each of four results takes of two elements."""

RULES = [
    Summed("mm", torch.mm, lambda a, b: a @ b, ((2, 4), (4, 3)), 4),
    Summed("mm of one term", torch.mm, lambda a, b: a @ b, ((3, 1), (1, 3)), 1),
    Summed(
        "bmm", torch.bmm, lambda a, b: np.stack([x @ y for x, y in zip(a, b, strict=True)]), ((2, 2, 5), (2, 5, 2)), 5
    ),
    Summed("mv", torch.mv, lambda a, b: a @ b, ((3, 4), (4,)), 4),
    Summed("dot", torch.dot, lambda a, b: np.asarray((a * b).sum()), ((6,), (6,)), 6),
    Summed("addmm", lambda a, b: torch.addmm(a, b, b.T), lambda a, b: a + b @ b.T, ((2, 2), (2, 4)), 5),
    Summed(
        "baddbmm",
        lambda a, b: torch.baddbmm(a, b, b),
        lambda a, b: a + np.stack([b[0] @ b[0]]),
        ((1, 3, 3), (1, 3, 3)),
        4,
    ),
    Summed("conv1d", torch.conv1d, convolved, ((2, 2, 5), (3, 2, 3)), 6),
    Summed("sum", lambda x: x.sum(1), lambda x: x.sum(1), ((3, 6),), 5),
    Summed("sum of all", torch.sum, lambda x: np.asarray(x.sum()), ((3, 6),), 16),
    Summed("mean", lambda x: x.mean(0), lambda x: x.sum(0) / len(x), ((6, 3),), 7),
    Summed("cumsum", lambda x: x.cumsum(0), lambda x: x.cumsum(0), ((4, 2),), 3),
    Summed(
        "index_add",
        lambda x, y: x.index_add(0, torch.tensor([0, 0, 1]), y),
        lambda x, y: np.stack([x[0] + y[0] + y[1], x[1] + y[2]]),
        ((2, 3), (3, 3)),
        1,
    ),
    Summed(
        "embedding_dense_backward",
        lambda g: aten.embedding_dense_backward(g, torch.tensor([1, 1, 1]), 2, -1, False)[1:],
        lambda g: g.sum(0, keepdims=True),
        ((3, 4),),
        2,
    ),
    Summed(
        "avg_pool1d", lambda x: torch.avg_pool1d(x, 3), lambda x: x.reshape(1, 2, 2, 3).sum(-1) / 3, ((1, 2, 6),), 4
    ),
    Summed(
        "index_put",
        lambda x, y: x.index_put((torch.tensor([0, 0, 1]),), y, accumulate=True),
        lambda x, y: np.stack([x[0] + y[0] + y[1], x[1] + y[2]]),
        ((2, 3), (3, 3)),
        2,
    ),
    Summed(
        "scatter_add",
        lambda x, y: x.scatter_add(0, torch.tensor([[0, 0, 0], [0, 0, 0], [1, 1, 1]]), y),
        lambda x, y: np.stack([x[0] + y[0] + y[1], x[1] + y[2]]),
        ((2, 3), (3, 3)),
        2,
    ),
    Summed("prod", lambda x: x.prod(1), lambda x: x.prod(1), ((3, 5),), 4),
    Summed("cumprod", lambda x: x.cumprod(0), lambda x: np.cumprod(x, 0), ((4, 2),), 3),
    Summed("avg_pool2d", lambda x: torch.nn.functional.avg_pool2d(x, 2), lambda x: blocks(x) / 4, ((1, 1, 4, 4),), 5),
    Summed(
        "avg_pool3d",
        lambda x: torch.nn.functional.avg_pool3d(x, (1, 2, 2)),
        lambda x: blocks(x) / 4,
        ((1, 1, 2, 4, 4),),
        5,
    ),
    Summed(
        "replication_pad1d_backward",
        lambda g: aten.replication_pad1d_backward(g, g.new_zeros(1, 2, 3), [2, 1]),
        lambda g: np.stack([g[..., :3].sum(-1), g[..., 3], g[..., 4:].sum(-1)], -1),
        ((1, 2, 6),),
        2,
    ),
    Summed(
        "reflection_pad1d_backward",
        lambda g: aten.reflection_pad1d_backward(g, g.new_zeros(1, 2, 4), [1, 1]),
        lambda g: np.stack([g[..., 1], g[..., 0] + g[..., 2], g[..., 3] + g[..., 5], g[..., 4]], -1),
        ((1, 2, 6),),
        1,
    ),
    Summed(
        "upsample_nearest2d_backward",
        lambda g: aten.upsample_nearest2d_backward(g, [4, 4], [1, 1, 2, 2], 2.0, 2.0),
        lambda g: blocks(g),
        ((1, 1, 4, 4),),
        3,
    ),
    Summed(
        "upsample_bilinear2d_backward",
        lambda g: aten.upsample_bilinear2d_backward(g, [4, 4], [1, 1, 2, 2], False, 2.0, 2.0),
        lambda g: np.einsum("hi,abhw,wj->abij", BETWEEN, g, BETWEEN),
        ((1, 1, 4, 4),),
        8 * 4 + 9,
    ),
    Summed(
        "max_pool2d_backward",
        lambda g: aten.max_pool2d_with_indices_backward(
            g,
            torch.eye(3, dtype=g.dtype)[None, None],
            [2, 2],
            [1, 1],
            [0, 0],
            [1, 1],
            False,
            torch.full((1, 1, 2, 2), 4),
        ),
        lambda g: np.array([[[[0, 0, 0], [0, g.sum(), 0], [0, 0, 0]]]], dtype=object),
        ((1, 1, 2, 2),),
        3,
    ),
    Summed(
        "bilinear",
        lambda x, y: torch.nn.functional.bilinear(x, y, torch.ones(1, 3, 3, dtype=x.dtype)),
        lambda x, y: np.array([[np.outer(x, y).sum()]], dtype=object),
        ((1, 3), (1, 3)),
        10,
    ),
    Summed("norm of order 1", lambda x: torch.linalg.vector_norm(x, 1, 1), lambda x: x.sum(1), ((3, 5),), 4),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_radius_is_enough_and_half_of_it_is_not(rule: Summed, dtype: torch.dtype) -> None:
    """In every element; half the radius falls short in one at least."""
    assert_sound(rule.shortfalls(dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_gradients_of_a_convolution(dtype: torch.dtype) -> None:
    """Sums over channels and places, over batch × positions, and over all but the channels, by mpmath's products."""
    g, x, w = (
        torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(1))
        for shape in ((2, 3, 4), (2, 2, 6), (3, 2, 3))
    )
    gamma = mpf(precision(dtype).gamma(8))

    def gradient(which: int) -> Callable[..., Tensor]:
        chosen = [i == which for i in range(3)]
        return lambda g, x, w: aten.convolution_backward(g, x, w, [3], [1], [0], [1], False, [0], 1, chosen)[which]

    G, X, W = (objects(y.abs()) for y in (g, x, w))
    to_w = np.zeros((3, 2, 3), dtype=object)
    to_x = np.zeros((2, 2, 6), dtype=object)
    for s in range(3):
        for i in range(4):
            to_w[:, :, s] += G[:, :, i].T @ X[:, :, i + s]
            to_x[:, :, i + s] += G[:, :, i] @ W[:, :, s]
    for which, (roundings, sizes) in {0: (3 * 3, to_x), 1: (8, to_w), 2: (7, G.sum((0, 2)))}.items():
        _, radius = flowed(gradient(which), (g, x, w), (None, None, None))
        needed = 2 * gamma / 8 * roundings * sizes
        given = np.vectorize(mpf, otypes=[object])(radius.numpy())
        assert (given * (1 + mpf(2) ** -20) >= needed).all()
        assert (given / 2 < needed).all()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_euclidean_norm(dtype: torch.dtype) -> None:
    """√Σx²: half of γ_n, and the root's own; a radius comes in as its norm does."""
    x = Summed("norm", torch.linalg.vector_norm, np.sum, ((7,),), 7).operands(dtype, 3)[0]
    u = mpf(precision(dtype).u)
    short: dict[float, list[bool]] = {share: [] for share in SHARES}
    for scale in (0.0, 1e-3):
        r = x.abs().double() * scale
        _, radius = flowed(torch.linalg.vector_norm, [x], [r])
        norm = mpmath.sqrt((objects(x) ** 2).sum())
        moved = mpmath.sqrt((objects(r) ** 2).sum())
        # Both sides: the sum's relative error halves in the root, which rounds by an ulp of torch's and half of IEEE's.
        needed = moved + (norm + moved) * (7 * u + 3 * u)
        for share, found in short.items():
            found.append(needed > mpf(radius.item()) * share)
    assert not any(short[1.0])
    assert any(short[0.5])


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        *[(torch.float32, scale) for scale in (1.0, 1e-12, 1e20)],
        *[(torch.float64, scale) for scale in (1.0, 1e-12, 1e-40, 1e20, 1e200)],
    ],
    ids=str,
)
def test_a_product_is_bounded_in_float32_where_its_range_allows(dtype: torch.dtype, scale: float) -> None:
    """By blocks and at once, with either operand uncertain: enough, and no more than a thousandth over what is needed.

    What float32 does not hold, in which the bound would be 0 or infinite, is bounded in float64.
    """
    generator = torch.Generator().manual_seed(0)
    for n, columns in ((40, 3), (601, 499)):
        a = torch.randn(2, n, dtype=dtype, generator=generator) * scale
        b = torch.randn(n, columns, dtype=dtype, generator=generator)
        a[0, 3], b[2, 1] = 0.0, 0.0
        for r, s in ((0.0, 0.0), (1e-3, 0.0), (0.0, 1e-9), (1e-3, 1e-2)):
            _, radius = flowed(torch.mm, [a, b], [a.abs().double() * r, b.abs().double() * s])
            gamma = 2 * mpf(precision(dtype).gamma(n))
            for column in (0, 1, columns - 1):
                size = objects(a.abs()) @ objects(b[:, column].abs())
                most = size * (1 + mpf(r)) * (1 + mpf(s))
                needed = (most - size + gamma * most) * (1 - mpf(2) ** -48)  # radii are rounded to float64
                for wanted, got in zip(needed, radius[:, column].tolist(), strict=True):
                    assert mpf(got) / 2 < wanted <= mpf(got)
                    assert mpf(got) <= wanted * (1 + mpf(10) ** -3)


def test_a_sum_of_one_term_and_exact_zeros_rounds_nothing() -> None:
    """One-hot sums, masks, integers: known exactly, whatever the order."""
    one_hot = torch.tensor([[0.0, 0.3, 0.0], [0.7, 0.0, 0.0]])
    assert (flowed(lambda x: x.sum(1), [one_hot], [None])[1] == 0).all()
    whole = torch.arange(12.0).view(3, 4)
    assert (flowed(lambda x: x.sum(1) * 3 + 1, [whole], [None])[1] == 0).all()


def test_a_product_is_exactly_zero_only_because_of_its_operands() -> None:
    """1e-30·1e-30 underflows to 0 in float32, which is not exact; 0·x is."""
    a, b = torch.tensor([[1e-30, 0.0]]), torch.tensor([[1e-30], [5.0]])
    out, radius = flowed(torch.mm, [a, b], [None, None])
    assert out.item() == 0
    assert radius.item() > 0
    assert flowed(torch.mm, [torch.zeros(1, 2), b], [None, None])[1].item() == 0
    assert flowed(torch.mm, [torch.zeros(1, 2), b], [torch.full((1, 2), 1e-3), None])[1].item() >= 5e-3


def test_a_zero_that_rounding_left_is_not_exact() -> None:
    """x − y = 0 within a radius, plus z, rounds z; an exact 0 does not."""
    zero, z = torch.tensor([0.0]), torch.tensor([0.3])
    assert flowed(torch.add, [zero, z], [None, None])[1].item() == 0
    assert flowed(torch.add, [zero, z], [torch.tensor([1e-9]), None])[1].item() > 2**-24 * 0.3


@pytest.mark.parametrize("factor", [0.5, 4.0, -1.0])
def test_powers_of_two_round_nothing(factor: float) -> None:
    """As numbers, as tensors, as divisors."""
    x = torch.tensor([0.3, -0.7])
    for operation in (lambda x: x * factor, lambda x: x / factor, lambda x: x * torch.full((2,), factor)):
        assert (flowed(operation, [x], [None])[1] == 0).all()


def test_a_number_that_the_type_does_not_hold_rounds_once_more_a_side() -> None:
    """0.1 is another number in float32; 0.25 is not."""
    x = torch.tensor([3.0])
    u = 2**-24
    assert flowed(lambda x: x * 0.1, [x], [None])[1].item() == pytest.approx(4 * u * 0.3, rel=1e-5)
    assert flowed(lambda x: x * 0.375, [x], [None])[1].item() == pytest.approx(2 * u * 1.125, rel=1e-5)


def test_a_radius_spreads_through_extremes() -> None:
    """Operands near the ends of float32: the radius is finite and not below the exact one."""
    a, b = torch.tensor([[1e30, 1e-30]]), torch.tensor([[1e-35], [1e35]])
    _, radius = flowed(torch.mm, [a, b], [torch.tensor([[1e20, 1e-40]]), None])
    least = mpmath.mpf(1e20) * mpf(float(b[0, 0])) + mpf(1e-40) * mpf(float(b[1, 0]))
    assert least <= mpf(radius.item()) < mpmath.mpf("inf")
