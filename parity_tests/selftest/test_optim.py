"""Classical momentum: equal to torch's SGD while η is constant, different once it changes, and a real optimizer."""

from __future__ import annotations

import copy
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


def test_state_survives_saving_and_loading() -> None:
    grads, etas = gradients(6), [0.1, 0.1, 0.1, 0.01, 0.01, 0.01]
    whole = parameter()
    want = run(ClassicalSGD([whole], lr=0.1, momentum=0.9), whole, grads, etas)

    halfway = parameter()
    first = ClassicalSGD([halfway], lr=0.1, momentum=0.9)
    run(first, halfway, grads[:3], etas[:3])
    state = copy.deepcopy(first.state_dict())
    resumed = torch.nn.Parameter(halfway.detach().clone())
    second = ClassicalSGD([resumed], lr=0.5)
    second.load_state_dict(state)
    assert np.array_equal(run(second, resumed, grads[3:], etas[3:]), want)


def test_groups_have_options_of_their_own_and_parameters_without_gradient_stay() -> None:
    a, b, idle = parameter(), parameter(), parameter()
    groups: list[dict[str, Any]] = [{"params": [a, idle]}, {"params": [b], "lr": 1.0}]
    optimizer = ClassicalSGD(groups, lr=0.5)
    a.grad, b.grad = torch.ones(2, 3, dtype=torch.float64), torch.ones(2, 3, dtype=torch.float64)
    optimizer.step()
    assert torch.equal(a, parameter() - 0.5)
    assert torch.equal(b, parameter() - 1.0)
    assert torch.equal(idle, parameter())


def test_closure_is_evaluated_with_gradients_and_its_loss_returned() -> None:
    w = parameter()
    optimizer = ClassicalSGD([w], lr=0.25)

    def closure() -> float:
        optimizer.zero_grad()
        loss = (w**2).sum() / 2
        torch.autograd.backward(loss)
        return loss.item()

    assert optimizer.step(closure) == ((parameter() ** 2).sum() / 2).item()
    assert torch.equal(w, 0.75 * parameter())


def test_schedulers_drive_it() -> None:
    w = parameter()
    optimizer = ClassicalSGD([w], lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.1)
    w.grad = torch.ones_like(w)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("lr", -0.1),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("momentum", 1.0),
        ("momentum", float("nan")),
        ("weight_decay", -1.0),
    ],
)
def test_options_out_of_range_are_refused_in_every_group(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        ClassicalSGD([parameter()], **{option: value})
    optimizer = ClassicalSGD([parameter()])
    with pytest.raises(ValueError, match=option):
        optimizer.add_param_group({"params": [parameter()], option: value})
