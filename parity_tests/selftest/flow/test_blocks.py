"""Large operations, whose radii are made block by block, and large radii, which stay as small as they can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from parity_tests.selftest.flow.soundness import flowed
from reference.flow import Arithmetic, evaluate

ROWS, COLUMNS = 600, 512
OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "a·b": lambda x, w: x * w,
    "a − b": lambda x, w: x - w,
    "layer norm": lambda x, w: torch.nn.functional.layer_norm(x, (COLUMNS,), w),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_large_operation_has_the_radii_of_its_rows(name: str) -> None:
    """Each row's, that is, and no other row's: they differ in size, and the last block is a short one."""
    operation = OPERATIONS[name]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(ROWS, COLUMNS, generator=generator) * torch.arange(1.0, ROWS + 1)[:, None]
    w = torch.randn(COLUMNS, generator=generator)
    radii = [x.abs().double() * 1e-5, w.abs().double() * 1e-5]
    _, whole = flowed(operation, [x, w], radii)
    for row in (0, 127, 128, ROWS - 1):
        _, alone = flowed(operation, [x[row : row + 1], w], [radii[0][row : row + 1], radii[1]])
        assert torch.allclose(whole[row], alone[0], rtol=1e-12, atol=0.0)
        assert not torch.allclose(whole[row - 1], alone[0], rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("saturating", [torch.tanh, torch.sigmoid])
def test_what_saturates_moves_by_no_more_than_its_range(saturating: Callable[[Tensor], Tensor]) -> None:
    """However large the radius is; half of the radius is not enough for what moves from one end to the other."""
    x = torch.tensor([-20.0, -0.3, 0.0, 2.0, 20.0])
    for r in (3.0, 50.0, 1e30):
        out, radius = flowed(saturating, [x], [torch.full_like(x, r)])
        moved = torch.stack([(saturating(x.double() + s * r) - out.double()).abs() for s in (-1, 1)]).amax(0)
        assert bool((moved <= radius).all())
        assert float(radius.max()) <= 2.001
        assert bool((moved > radius / 2).any())


def test_products_of_huge_radii_are_those_of_small_ones_made_huge() -> None:
    """Beyond float32's range, in which they are made, and not beyond: the same but for the last digits, and enough."""
    a, b = torch.rand(20, 30) + 0.5, torch.rand(30, 10) + 0.5
    spread = 10.0 ** torch.linspace(-6, 0, 30).double().expand(20, 30)
    for huge in (1e30, 1e200):
        radius: Any = flowed(torch.mm, [a, b], [spread * huge, None])[1]
        brought = (spread * huge) @ b.double()
        assert bool((radius >= brought).all())
        assert bool((radius * 0.999 < brought).all())


def test_large_results_in_low_precision_are_stored_as_small_ones_are() -> None:
    """The radius of each is that of storing it, and not that of float32, in which it would be a thousandth."""
    x = torch.rand(ROWS, COLUMNS) + 1
    declared = Arithmetic("float32", "bfloat16")
    whole, few = (evaluate(lambda x: x * 3, {"x": x[:n]}, radius="bound", arithmetic=declared) for n in (ROWS, 1))
    assert torch.equal(whole["output"].radius[:1], few["output"].radius)
    assert bool((few["output"].radius > 1e-3).all())


@pytest.mark.parametrize("operation", [torch.mul, torch.add, torch.mm])
def test_where_nothing_is_known_of_an_operand_nothing_is_of_the_result(operation: Callable[..., Tensor]) -> None:
    """And where something is known of one of its elements it is of the result, but for products of matrices."""
    x, y = torch.rand(130, 130) + 1, torch.rand(130, 130) + 1
    radii = torch.full((130, 130), torch.inf, dtype=torch.float64)
    assert bool((flowed(operation, [x, y], [radii, None])[1] == torch.inf).all())
    radii[0] = 1e-3
    known = torch.isfinite(flowed(operation, [x, y], [radii, None])[1])
    assert bool(known[0].all())
    assert not bool(known[1:].any())


def test_an_exponential_that_underflows_moves_by_what_it_may_become() -> None:
    """0 times e^r is no bound, nor is a number that has lost its digits."""
    x, r = torch.tensor([-200.0, -103.5, -1e30, -1.0]), torch.tensor([150.0, 60.0, 1e25, 1e-3])
    _, radius = flowed(torch.exp, [x], [r])
    assert bool((radius >= (x.double() + r).exp() - x.double().exp()).all())
    assert bool((radius <= (x.double() + r).exp() * 1.01 + 1e-37).all())


@pytest.mark.parametrize("function", [torch.softmax, torch.log_softmax, torch.logsumexp])
def test_a_mask_of_the_least_number_leaves_the_rest_its_radius(function: Callable[..., Tensor]) -> None:
    """Its own radius is huge, and so is that of its logarithm; not where it reaches what is not masked."""
    x, r = torch.tensor([0.5, 1.0, -3e38]), torch.tensor([1e-3, 1e-3, 1e32])
    _, radius = flowed(lambda x: function(x, -1), [x], [r])
    _, alone = flowed(lambda x: function(x, -1), [x[:2]], [r[:2]])
    assert torch.allclose(radius.flatten()[: alone.numel()], alone, rtol=1e-3)
    of_mask = {torch.softmax: 0.0, torch.log_softmax: 1e32}
    assert function not in of_mask or of_mask[function] <= float(radius[2]) <= of_mask[function] * 3
    _, reached = flowed(lambda x: function(x, -1), [torch.tensor([0.5, 1.0, -800.0])], [torch.tensor([0.0, 0.0, 799])])
    assert bool((reached > 0.1).all())
