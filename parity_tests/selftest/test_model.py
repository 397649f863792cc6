"""The torch model: the assignment's names, masks replayed, and one step the same as the numpy network's formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from parity_tests.assignments.mlp.names import weight_shapes
from parity_tests.assignments.mlp.network.model import MLP
from reference.optimizer import ClassicalSGD


def weights(d: int, m: int, k: int, dtype: Any = np.float64, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in weight_shapes(d, m, k).items()}


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_model_computes_the_assignments_formulas_with_the_mask_it_is_given(activation: str, kind: Any) -> None:
    torch.manual_seed(1)
    model = MLP(weights(6, 5, 4, kind), activation=activation)
    dtype = model.get_parameter("L1_W").dtype
    X, y = torch.randn(3, 6, dtype=dtype), torch.tensor([0, 3, 2])
    mask = torch.randint(0, 2, (3, 5)).to(dtype) * 2

    a = model(X, mask)
    loss = model.loss(a, y)
    torch.autograd.backward(loss)

    w = model.arrays()
    x, q = X.numpy(), mask.numpy()
    u = x @ w["L1_W"] + w["L1_b"]
    h = np.maximum(u, 0) if activation == "relu" else np.tanh(u)
    s = h * q
    logits = s @ w["L2_W"] + w["L2_b"]
    z = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    grad_a = (z - np.eye(4)[y.numpy()]) / 3
    grad_h = grad_a @ w["L2_W"].T * q
    grad_u = grad_h * (u > 0) if activation == "relu" else grad_h * (1 - h**2)

    some = 64 * np.finfo(x.dtype).eps  # all values here are below 4, and sums are of 6 terms at most
    np.testing.assert_allclose(a.detach().numpy(), logits, rtol=0, atol=some)
    np.testing.assert_allclose(loss.item(), -np.log(z[np.arange(3), y.numpy()]).mean(), rtol=0, atol=some)
    gradients = x.T @ grad_u, grad_u.sum(axis=0, keepdims=True), s.T @ grad_a, grad_a.sum(axis=0, keepdims=True)
    for parameter, gradient in zip(model.weights().values(), gradients, strict=True):
        assert parameter.grad is not None
        np.testing.assert_allclose(parameter.grad.numpy(), gradient, rtol=0, atol=some)


def test_a_layer_computes_what_torchs_own_does_to_the_bit() -> None:
    torch.manual_seed(4)
    own, given = torch.nn.Linear(7, 5, dtype=torch.float64), weights(7, 5, 2)
    with torch.no_grad():
        own.weight.copy_(torch.from_numpy(given["L1_W"]).T)
        own.bias.copy_(torch.from_numpy(given["L1_b"][0]))
    model, X = MLP(given, activation="relu"), torch.randn(3, 7, dtype=torch.float64)
    assert torch.equal(model.first_layer(X), own(X))
    torch.autograd.backward((model.first_layer(X) ** 2).sum())
    (own(X) ** 2).sum().backward()
    W = model.get_parameter("L1_W")
    assert W.grad is not None
    assert own.weight.grad is not None
    assert torch.equal(W.grad, own.weight.grad.T)


def test_weights_of_any_layout_are_copied_there_and_back() -> None:
    odd = weights(4, 3, 2)
    odd |= {"L1_W": np.asfortranarray(odd["L1_W"]), "L2_W": odd["L2_W"][::-1]}
    odd["L2_b"].flags.writeable = False
    model, kept = MLP(odd, activation="relu"), {name: w.copy() for name, w in odd.items()}
    odd["L1_W"][:] = model.arrays()["L1_b"][:] = 7
    assert all(np.array_equal(w, kept[name]) and w.flags.c_contiguous for name, w in model.arrays().items())
    unit = torch.eye(4, dtype=torch.float64)[:1]  # whose picture is a row of W plus b: it tells a transpose
    assert np.array_equal(model.first_layer(unit).detach().numpy()[0], kept["L1_W"][0] + kept["L1_b"][0])


def test_a_model_of_several_networks_has_the_weights_of_each() -> None:
    both = [weights(4, 3, 2, np.float32, seed) for seed in (1, 2)]
    net = MLP({name: np.stack([one[name] for one in both]) for name in both[0]}, activation="relu")
    X = torch.eye(4)
    for t, own in enumerate(both):
        assert torch.allclose(net(X.expand(2, 4, 4))[t], MLP(own, activation="relu")(X), rtol=1e-5)


# ---- the optimizer


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
