"""Classical momentum: equal to torch's SGD while η is constant, different once it changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from reference.optimizer import ClassicalSGD

ROUNDING = 64 * float(np.finfo(np.float64).eps)  # a few steps on values below 4


def parameter() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3))


def gradients(count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [torch.randn(2, 3, dtype=torch.float64, generator=generator) for _ in range(count)]


def run(
    optimizer: torch.optim.Optimizer, w: torch.nn.Parameter, grads: list[torch.Tensor], etas: list[float]
) -> np.ndarray:
    for g, eta in zip(grads, etas, strict=True):
        optimizer.param_groups[0]["lr"] = eta
        w.grad = g.clone()
        optimizer.step()
    return w.detach().numpy()


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 1e-4, 0.1])
def test_at_a_constant_rate_it_is_torchs_sgd(momentum: float, weight_decay: float) -> None:
    ours, theirs = parameter(), parameter()
    grads, etas = gradients(8), [0.1] * 8
    options: dict[str, Any] = {"lr": 0.1, "momentum": momentum, "weight_decay": weight_decay}
    got = run(ClassicalSGD([ours], **options), ours, grads, etas)
    want = run(torch.optim.SGD([theirs], **options), theirs, grads, etas)
    np.testing.assert_allclose(got, want, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("momentum", [-1.0, 0.0, 0.9])
def test_when_the_rate_drops_it_follows_the_assignment_and_parts_from_torch(momentum: float) -> None:
    grads, etas = gradients(6), [0.1, 0.1, 0.1, 0.01, 0.01, 0.01]
    w, v = parameter().detach().numpy().copy(), np.zeros((2, 3))
    for g, eta in zip(grads, etas, strict=True):
        g_all = g.numpy() + 0.1 * w
        v = max(momentum, 0) * v - eta * g_all
        w = w + v
    ours = parameter()
    got = run(ClassicalSGD([ours], lr=0.1, momentum=momentum, weight_decay=0.1), ours, grads, etas)
    np.testing.assert_allclose(got, w, rtol=0, atol=ROUNDING)

    theirs = parameter()
    options: dict[str, Any] = {"lr": 0.1, "momentum": max(momentum, 0), "weight_decay": 0.1}
    torchs = run(torch.optim.SGD([theirs], **options), theirs, grads, etas)
    assert (np.abs(got - torchs).max() > 1e-3) == (momentum > 0)


def test_a_parameter_without_a_gradient_stays() -> None:
    moved, idle = parameter(), parameter()
    moved.grad = torch.ones_like(moved)
    ClassicalSGD([moved, idle], lr=0.5).step()
    assert torch.equal(moved, parameter() - 0.5)
    assert torch.equal(idle, parameter())
