"""The torch model: the assignment's names, masks replayed, and one step the same as the numpy network's formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from parity_tests.assignments.mlp.network.model import MLP, MaskedDropout
from parity_tests.assignments.mlp.network.weights import from_torch


def test_children_bear_the_assignments_names() -> None:
    model = MLP(4, 3, 2, activation="tanh", rate=0.5)
    assert [name for name, _ in model.named_children()] == ["L1", "nonlinear1", "drop1", "L2", "loss"]
    assert isinstance(model.nonlinear1, torch.nn.Tanh)
    assert model.drop1.rate == 0.5


def test_parameters_start_normal_with_standard_deviation_a_tenth() -> None:
    torch.manual_seed(0)
    weight = MLP(200, 100, 2).L1.W.detach()
    assert abs(float(weight.mean())) < 6 * 0.1 / 20_000**0.5
    assert abs(float(weight.std()) / 0.1 - 1) < 6 / 40_000**0.5


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_model_computes_the_assignments_formulas_with_the_mask_it_is_given(activation: str, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    model = MLP(6, 5, 4, activation=activation, rate=0.5, dtype=dtype)
    X, y = torch.randn(3, 6, dtype=dtype), torch.tensor([0, 3, 2])
    mask = torch.randint(0, 2, (3, 5)).to(dtype) * 2

    a = model(X, mask)
    loss = model.loss(a, y)
    loss.backward()

    w = from_torch(model)
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
    for parameter, gradient in (
        (model.L1.W, x.T @ grad_u),
        (model.L1.b, grad_u.sum(axis=0, keepdims=True)),
        (model.L2.W, s.T @ grad_a),
        (model.L2.b, grad_a.sum(axis=0, keepdims=True)),
    ):
        assert parameter.grad is not None
        np.testing.assert_allclose(parameter.grad.numpy(), gradient, rtol=0, atol=some)


def test_a_layer_computes_what_torchs_own_does_to_the_bit() -> None:
    torch.manual_seed(4)
    own = torch.nn.Linear(7, 5)
    layer = MLP(7, 5, 2).L1
    with torch.no_grad():
        layer.W.copy_(own.weight.T)
        layer.b.copy_(own.bias)
    X = torch.randn(3, 7)
    assert torch.equal(layer(X), own(X))
    (layer(X) ** 2).sum().backward()
    (own(X) ** 2).sum().backward()
    assert layer.W.grad is not None
    assert own.weight.grad is not None
    assert torch.equal(layer.W.grad, own.weight.grad.T)


def test_the_mask_matters_in_training_and_not_in_evaluation() -> None:
    torch.manual_seed(2)
    model = MLP(6, 5, 4, rate=0.5)
    X = torch.randn(3, 6)
    none, all_ = torch.zeros(3, 5), torch.full((3, 5), 2.0)
    assert torch.equal(model(X, none), model.L2.b.expand(3, 4))
    assert not torch.equal(model(X, none), model(X, all_))
    model.eval()
    assert torch.equal(model(X, none), model(X))


def test_without_a_mask_dropout_draws_one_of_its_rate() -> None:
    torch.manual_seed(3)
    s = MaskedDropout(0.25)(torch.ones(100, 100, dtype=torch.float64))
    assert set(s.unique().tolist()) == {0.0, 1 / 0.75}
    assert abs(float((s == 0).double().mean()) - 0.25) < 6 * (0.25 * 0.75 / 10_000) ** 0.5


def test_a_mask_of_another_shape_or_dtype_is_refused() -> None:
    drop = MaskedDropout(0.5)
    with pytest.raises(ValueError, match=r"\(1, 3\) of torch.float32, but what it masks is \(2, 3\)"):
        drop(torch.ones(2, 3), torch.ones(1, 3))
    with pytest.raises(ValueError, match=r"torch.float64, but what it masks is \(2, 3\) of torch.float32"):
        drop(torch.ones(2, 3), torch.ones(2, 3, dtype=torch.float64))


def test_an_unknown_activation_or_a_rate_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="'sigmoid'"):
        MLP(4, 3, 2, activation="sigmoid")
    for rate in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="dropout rate"):
            MLP(4, 3, 2, rate=rate)
