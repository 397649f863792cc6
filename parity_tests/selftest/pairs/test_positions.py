"""Inputs of `hold` by position and by name: each side may call them as it likes, or is said to call them otherwise."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it

from parity_tests import gradients, hold
from parity_tests.protocol.errors import UsageError

X = np.random.default_rng(3).standard_normal((6, 5))
LINEAR = torch.nn.Linear(5, 3, dtype=torch.float64)


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def affine(a: Any, w: Any, b: Any = 0.0) -> Any:
    return a @ w.T + b


def relu_sum(q: Any) -> Any:
    return {"output": relu(q).sum(), "q": (q > 0).astype(q.dtype)}


@pytest.mark.parametrize(
    ("candidate", "reference", "inputs", "named"),
    [
        (relu, F.relu, (X,), {}),
        (relu, torch.relu, (X,), {}),
        (lambda *x: relu(*x), torch.relu, (X,), {}),
        (relu_sum, gradients(lambda q: F.relu(q).sum(), of="q", given=None), (X,), {}),
        (affine, F.linear, (X, X[:4]), {}),
        (lambda x: affine(x, LINEAR.weight.detach().numpy(), LINEAR.bias.detach().numpy()), LINEAR, (X,), {}),
        (lambda x, dim: np.exp(x) / np.exp(x).sum(dim, keepdims=True), torch.softmax, (X,), {"dim": 1}),
    ],
    ids=["a function", "not in Python", "no name at all", "gradients", "two inputs", "a module", "and by name"],
)
def test_inputs_by_position_need_no_common_names(candidate: Any, reference: Any, inputs: Any, named: Any) -> None:
    result = hold(candidate, reference, *inputs, **named)
    agreed = {record.quantity: record.verdict for record in result.run.records}
    assert agreed["output"] == "match"

    @functools.wraps(candidate)
    def moved(*given: Any, **more: Any) -> Any:
        return _moved(candidate(*given, **more))

    assert not hold(moved, reference, *inputs, **named)


def _moved(answer: Any) -> Any:
    return {**answer, "output": answer["output"] + 1e-9} if isinstance(answer, dict) else answer + 1e-9


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: hold(relu, F.relu, x=X), r"relu has no input x: inputs go to both sides by name, and its are called "),
        (lambda: hold(relu, F.relu, x=X), r"called input, inplace\. Call them so, or give them by position"),
        (lambda: hold(relu, torch.matmul, x=X), r"matmul does not take inputs called x .*; give them by position"),
        (lambda: hold(relu, torch.relu, X, rplicas=8), r"take inputs called rplicas .* position; is replicas meant\?$"),
        (lambda: hold(relu, torch.nn.ReLU(), X, rplicas=8), "ReLU has no input rplicas"),
        (lambda: hold(relu, torch.Tensor.relu, X, more=8), r"relu does not take inputs called more .*; give them by"),
        (lambda: hold(relu, lambda x: F.relu(x), X, x=X), "x is given twice, by position and by name"),
        (lambda: hold(relu, lambda x: F.relu(x), X, X), "takes 1 inputs; 2 were given"),
    ],
)
def test_names_that_the_reference_does_not_have_are_a_sentence(call: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        call()
