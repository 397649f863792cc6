"""What people hold who write operations: own backwards, modules' parameters, sparse inputs, vendors' tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from parity_tests import gradients, hold, opcheck, radius
from parity_tests.pairs import causes

X = np.random.default_rng(7).standard_normal((4, 8))


class Cube(torch.autograd.Function):
    """x³, with a right backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Tensor:
        return 3 * ctx.saved_tensors[0] ** 2 * grads[0]  # type: ignore[no-any-return]


class Twice(Cube):
    """Its backward is twice too large."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Tensor:
        return 2 * Cube.backward(ctx, *grads)


class Detached(Cube):
    """Its backward is no function of x to torch."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Tensor:
        return Cube.backward(ctx, *grads).detach()


def wrong_in(result: Any) -> list[str]:
    return [record.quantity for record in result.run.records if record.verdict != "match"]


def test_an_operation_with_its_own_backward_is_held_to_second_derivatives() -> None:
    """The first by the backward that it brings, the second by differentiating that."""
    result = opcheck(Cube.apply, lambda x: x**3, X)
    assert result
    assert [record.quantity for record in result.run.records] == ["output", "d x", "d x d x"]
    assert wrong_in(opcheck(Twice.apply, lambda x: x**3, X)) == ["d x", "d x d x"]
    assert wrong_in(opcheck(Detached.apply, lambda x: x**3, X)) == ["d x d x"]
    assert opcheck(Detached.apply, lambda x: x**3, X, orders=1)
    assert wrong_in(opcheck(lambda x: x**2, lambda x: x**3, X))[0] == "output"


def test_an_operation_of_two_inputs_has_derivatives_by_both() -> None:
    """Mixed ones too; what is no number of a floating type is passed on."""
    y = X.astype(np.float32) * 2
    right = opcheck(lambda a, b, k: a * b.sin() * k, lambda a, b, k: a * torch.sin(b) * k, y / 2, y, k=3)
    assert right
    assert {"d a d b", "d b d a", "d b d b"} <= {record.quantity for record in right.run.records}

    def without_mixed(a: Tensor, b: Tensor, k: int) -> Tensor:
        """b's gradient as if a were a number."""
        return a * b.detach().sin() * k + a.detach() * (b.sin() - b.detach().sin()) * k

    wrong = wrong_in(opcheck(without_mixed, lambda a, b, k: a * torch.sin(b) * k, y / 2, y, k=3))
    assert wrong == ["d a d b", "d b d a"]


def test_gradients_in_the_parameters_of_a_module_by_their_names() -> None:
    """No input has to carry them."""
    layer = torch.nn.Linear(8, 3).double()
    w = layer.weight.detach().numpy()
    g = np.random.default_rng(1).standard_normal((4, 3))

    def mine(input: Any, grad: Any) -> dict[str, Any]:
        out = input @ w.T + layer.bias.detach().numpy()
        return {"output": out, "input": grad @ w, "weight": grad.T @ input, "bias": grad.sum(0)}

    torchs = gradients(layer, of=("input", "weight", "bias"), given="grad")
    assert hold(mine, torchs, input=X, grad=g)
    assert not hold(lambda **given: mine(**given) | {"weight": w}, torchs, input=X, grad=g)


class Keeping(torch.nn.Module):
    """Writes into a tensor that is an attribute alone."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = torch.zeros(8)

    def forward(self, x: Tensor) -> Tensor:
        self.kept.mul_(0.9).add_(x.mean(0))
        return x - self.kept


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_that_a_module_writes_into_start_anew_in_each_run(dtype: type) -> None:
    x: Any = X.astype(dtype)
    module = Keeping()
    assert hold(lambda x: x - x.mean(0), module, x, radius="sample")
    assert not bool(module.kept.any())


def test_sparse_inputs_are_dense_for_the_reference() -> None:
    """torch's and scipy's; the candidate gets what was given."""
    sparse = pytest.importorskip("scipy.sparse")
    x, w = np.where(abs(X) > 1, X, 0), np.random.default_rng(2).standard_normal((8, 3))
    given = torch.tensor(x).to_sparse()
    assert hold(lambda a, w: torch.sparse.mm(a, w), lambda a, w: torch.sparse.mm(a, w), given, torch.tensor(w))
    assert hold(lambda a, w: a @ w, lambda a, w: a @ w, sparse.csr_array(x), w)
    assert hold(lambda a: a * 2, lambda a: a * 2, given)
    assert not hold(lambda a, w: (a > 0) @ w, lambda a, w: a @ w, sparse.csr_array(x), w)


def test_a_table_of_ulps_takes_the_place_of_numpys_and_is_shown() -> None:
    """In all of the reference, the exponentials of a softmax too."""

    def off(x: Any) -> Any:
        return np.exp(x) * (1 + 3 * 2.0**-52)

    assert hold(off, lambda x: torch.exp(x), X)
    strict = hold(off, lambda x: torch.exp(x), X, ulps={"exp": 0.5})
    assert not strict
    assert "declared errors of the candidate's library in ulps: exp 0.5" in str(strict)
    assert strict.run.records[0].note_kinds == "measured"
    usual, wide = (radius(lambda x: torch.softmax(x, -1), X, **more)["output"] for more in ({}, {"ulps": {"exp": 9}}))
    assert (wide.radius > 1.5 * usual.radius).all()


def test_a_function_that_looks_at_types_itself_is_given_float64_throughout() -> None:
    """A convolution with weights of the reference's own, in the runs that are in float64."""
    x, w, b = torch.randn(2, 8, 5), torch.randn(8, 4, 1), torch.randn(8)

    def torchs(x: Tensor) -> Tensor:
        return torch.nn.functional.conv1d(x, w, b, groups=2)

    assert hold(torchs, torchs, x, radius="sample")
    assert not hold(lambda x: torchs(x) + 1e-3, torchs, x, radius="sample")


def test_nothing_but_zeros_is_said_to_be_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert causes.SECONDS > 0
    assert "Likely cause: 0 everywhere." in str(hold(lambda x: x * 0, lambda x: torch.exp(x) * 2, X))
