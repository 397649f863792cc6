"""Rules of looking up, of windows with margins, of rearranging in place, and of large products made by blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from parity_tests.selftest.flow.comparing import drawn, ratio, ratios, single
from parity_tests.selftest.flow.soundness import DTYPES, flowed
from reference.flow import DataDependentError, evaluate, gradients
from reference.flow.operation import RULES
from reference.flow.rounding import precision

pytestmark = pytest.mark.usefixtures("one_thread")
LOOKUPS: dict[str, Callable[[Tensor], Any]] = {
    "nonzero": torch.nonzero,
    "signbit": torch.signbit,
    "unique": lambda x: torch.unique(x),
    "unique_consecutive": lambda x: torch.unique_consecutive(x),
    "searchsorted": lambda x: torch.searchsorted(x.new_tensor([0.0, 1.0]), x),
    "mode": lambda x: torch.mode(x)[0],
    "equal": lambda x: x.new_tensor(float(torch.equal(x, x + 0))),
}


@pytest.mark.parametrize("name", list(LOOKUPS))
def test_what_is_looked_up_is_exact_of_exact_numbers_and_refused_of_others(name: str) -> None:
    """A place, a count or an order may be another one where rounding may change the numbers."""
    x = {"x": single([0.3, 0.0, -1.5, 0.3])}
    assert evaluate(lambda x: LOOKUPS[name](x), x, radius="bound")["output"].kind == "exact"
    with pytest.raises(DataDependentError):
        evaluate(lambda x: LOOKUPS[name](x * 1.1), x, radius="bound")


def test_the_largest_so_far_and_the_middle_move_as_their_operands_do() -> None:
    """cummax by the largest radius so far, a median by the largest of all."""
    x, r = torch.tensor([1.0, 3.0, 2.0, 5.0]), torch.tensor([0.125, 0.375, 0.25, 0.5])
    assert flowed(lambda x: x.cummax(0)[0], [x], [r])[1].tolist() == [0.125, 0.375, 0.375, 0.5]
    assert flowed(torch.median, [x], [r])[1].item() == 0.5


@pytest.mark.parametrize("name", ["squeeze_", "unsqueeze_", "transpose_", "t_"])
def test_rearranging_in_place_leaves_the_radii_where_they_are(name: str) -> None:
    """Shape and strides change, the storage does not."""
    x = torch.tensor([[1.0, 2.0, 3.0]])
    arguments = {"unsqueeze_": (0,), "transpose_": (0, 1)}.get(name, ())
    out, radius = flowed(lambda x: getattr(x, name)(*arguments), [x], [x.double() / 8])
    assert torch.equal(radius, out.double() / 8)


def test_a_max_pool_whose_last_windows_reach_over_the_end() -> None:
    """`ceil_mode`, and an element that is the largest of several windows adds up their gradients in any order."""
    inputs = drawn(3, np.float32, x=(2, 3, 6, 7), grad=(2, 3, 4, 4))
    inputs["x"][:, :, 3, 3] = 9.0

    def pool(x: Tensor) -> Tensor:
        return functional.max_pool2d(x, 3, 2, 1, ceil_mode=True)

    answer = evaluate(gradients(pool, "x", "grad"), inputs, radius="bound")
    x = np.pad(inputs["x"], ((0, 0), (0, 0), (1, 2), (1, 2)), constant_values=-np.inf)
    out, dx = np.zeros((2, 3, 4, 4), np.float32), np.zeros_like(x)
    for n, c, i, j in reversed(list(np.ndindex(2, 3, 4, 4))):
        window = x[n, c, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        out[n, c, i, j] = window.max()
        a, b = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, 2 * i + a, 2 * j + b] += inputs["grad"][n, c, i, j]
    got = {"output": out, "x": dx[:, :, 1:7, 1:8]}
    assert max(ratios(answer, got).values()) <= 1
    assert float(answer["x"].radius[0, 0, 3, 3]) > 0
    got["x"][0, 0, 3, 3] *= 1 + np.float32(1e-5)
    assert ratio(answer["x"], got["x"]) > 1


def test_pools_of_three_dimensions() -> None:
    """Adaptive and plain: values within, and a tenth of a thousandth more is over."""
    x = drawn(4, np.float32, x=(1, 2, 4, 6, 4))
    blocks = x["x"].reshape(1, 2, 2, 2, 3, 2, 2, 2)
    answers = {
        "max": (lambda x: functional.max_pool3d(x, 2), blocks.max((3, 5, 7))),
        "adaptive": (lambda x: functional.adaptive_max_pool3d(x, (2, 3, 2)), blocks.max((3, 5, 7))),
        "mean": (lambda x: functional.avg_pool3d(x, 2), blocks.mean((3, 5, 7))),
        "adaptive mean": (lambda x: functional.adaptive_avg_pool3d(x, (2, 3, 2)), blocks.mean((3, 5, 7))),
    }
    for name, (pool, got) in answers.items():
        answer = evaluate(pool, x, radius="bound")["output"]
        assert ratio(answer, got) <= 1, name
        assert ratio(answer, got * np.float32(1 + 1e-4)) > 1, name


def test_a_divisor_below_0_makes_no_radius_below_0() -> None:
    """Such a radius would accept anything; a rule that gives one is refused as Parity's own fault."""
    inputs = drawn(7, np.float32, x=(1, 1, 4, 4), grad=(1, 1, 2, 2))

    def pool(x: Tensor) -> Tensor:
        return functional.avg_pool2d(x, 2, divisor_override=-3)

    answer = evaluate(gradients(pool, "x", "grad"), inputs, radius="bound")
    for flowing in answer.values():
        assert (flowing.radius > 0).all()
        assert ratio(flowing, flowing.value.numpy() * np.float32(1 + 1e-4)) > 1
    operation = torch.ops.aten.special_bessel_j0
    RULES[operation] = lambda op: -op.out.double().abs()
    try:
        with pytest.raises(AssertionError, match="below 0"):
            evaluate(torch.special.bessel_j0, {"input": single([1.5])}, radius="bound")
    finally:
        del RULES[operation]


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_distances_and_their_gradients(p: float) -> None:
    """By differences, as courses write them; torch may have taken products."""
    inputs = drawn(5, np.float32, x=(7, 4), y=(5, 4), grad=(7, 5))
    answer = evaluate(gradients(lambda x, y: torch.cdist(x, y, p), ("x", "y"), "grad"), inputs, radius="bound")
    d = inputs["x"][:, None] - inputs["y"][None]
    distance = (np.abs(d) ** np.float32(p)).sum(-1) ** np.float32(1 / p)
    slope = np.sign(d) * (np.abs(d) / distance[..., None]) ** np.float32(p - 1) * inputs["grad"][..., None]
    got = {"output": distance, "x": slope.sum(1), "y": -slope.sum(0)}
    assert max(ratios(answer, got).values()) <= 1
    assert ratio(answer["x"], got["x"] * np.float32(1 + 1e-3)) > 1


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_large_absolute_values_are_made_by_blocks(dtype: torch.dtype, turned: bool) -> None:
    """2γ_n·|A||B| is not undercut, and not exceeded by a part in a thousand, in either layout."""
    generator = torch.Generator().manual_seed(6)
    a = torch.randn(3, 600, dtype=dtype, generator=generator)
    b = torch.randn(600, 500, dtype=dtype, generator=generator)
    given = b.t().contiguous().t() if turned else b
    _, radius = flowed(torch.mm, [a, given], [None, None])
    exact = np.abs(a.numpy().astype(np.longdouble)) @ np.abs(b.numpy().astype(np.longdouble))
    needed = exact * (2 * precision(dtype).gamma(600))
    assert (radius.numpy() >= needed).all()
    assert (radius.numpy() <= needed * (1 + 1e-3)).all()
