"""The numpy step against an eager torch step that does the same work, and against the matrix products alone.

A step is forward, loss, backward and update of the network without dropout (D = 784, M = 1000, K = 10, relu). torch's
input requires a gradient, because the contract's first backward returns one. The limit is the step's six matrix
products through numpy's BLAS into arrays that are there already, and one pass over the weights.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
import torch

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.names import weight_shapes
from parity_tests.assignments.mlp.network.model import MLP
from parity_tests.bench.timing import Subject, Timed, Wanted, alternate, timed

D, M, K = 784, 1000, 10
BATCHES = (5, 64, 512)
DTYPES = ("float32", "float64")
ALPHAS = (0.0, 0.9)
ETA, LAMBDA = 0.01, 0.0
TARGETS = {(5, "torch"): 1.2, (64, "torch"): 0.7, (512, "torch"): 0.7, (512, "limit"): 1.2}
"""The largest ratio asked for on one thread, by batch and what the step is held against."""


def measure(wanted: Wanted) -> Iterator[Timed]:
    """The step of numpy, of torch, and the limit, in turn, for every batch, dtype and α."""
    for batch, dtype, alpha in product(BATCHES, DTYPES, ALPHAS):
        X, y = batch_of(batch, dtype)
        subjects = {"numpy step": numpy_step(X, y, alpha), "torch": torch_step(X, y, alpha), "limit": limit(X)}
        seconds = alternate(subjects, rounds=wanted.rounds, least=0.05)
        held = {("numpy step", other): wanted.asked(TARGETS.get((batch, other))) for other in ("torch", "limit")}
        yield from timed(f"batch {batch}, {dtype}, α {alpha:g}", seconds, held)


def batch_of(size: int, dtype: str) -> tuple[Any, Any]:
    """X and y of a mini-batch."""
    rng = np.random.default_rng(0)
    return rng.random((size, D)).astype(dtype), rng.integers(0, K, size)


def numpy_step(X: Any, y: Any, alpha: float = 0.0, rate: float | None = None) -> Subject:
    """One training step of the shipped network, its parts called in the order of the assignment's main.

    `rate` is dropout's; None leaves it out altogether.
    """
    folder = str(ASSIGNMENT.solution)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module: Any = import_module("neural_networks")
    model = {
        "L1": module.linear_layer(D, M),
        "nonlinear1": module.relu(),
        **({} if rate is None else {"drop1": module.dropout(rate)}),
        "L2": module.linear_layer(M, K),
        "loss": module.softmax_cross_entropy(),
    }
    rng = np.random.default_rng(2)
    for name, shape in weight_shapes(D, M, K).items():
        layer, _, key = name.partition("_")
        model[layer].params[key] = (0.1 * rng.standard_normal(shape)).astype(X.dtype)
        model[layer].gradient[key] = np.zeros_like(model[layer].params[key])
    momentum, drop = module.add_momentum(model), model.get("drop1")
    Y = y.reshape(-1, 1).astype(np.float64)

    def step() -> None:
        u = model["L1"].forward(X)
        h = model["nonlinear1"].forward(u)
        s = h if drop is None else drop.forward(h, True)
        a = model["L2"].forward(s)
        model["loss"].forward(a, Y)
        grad_a = model["loss"].backward(a, Y)
        grad_s = model["L2"].backward(s, grad_a)
        grad_h = grad_s if drop is None else drop.backward(h, grad_s)
        grad_u = model["nonlinear1"].backward(u, grad_h)
        model["L1"].backward(X, grad_u)
        module.miniBatchStochasticGradientDescent(model, momentum, _lambda=LAMBDA, _alpha=alpha, _learning_rate=ETA)

    return step


def torch_step(X: Any, y: Any, alpha: float = 0.0, rate: float | None = None) -> Subject:
    """One eager training step of the equivalent torch.nn model with torch.optim.SGD; `rate` as above."""
    rng = np.random.default_rng(2)
    weights = {n: (0.1 * rng.standard_normal(s)).astype(X.dtype) for n, s in weight_shapes(D, M, K).items()}
    model, ones = MLP(weights, activation="relu"), torch.ones(len(X), M, dtype=torch.from_numpy(X).dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=ETA, momentum=alpha, weight_decay=LAMBDA)
    inputs, labels = torch.tensor(X, requires_grad=True), torch.tensor(y)

    def step() -> None:
        optimizer.zero_grad()
        inputs.grad = None
        mask = None if rate is None else torch.dropout(ones, rate, train=True)
        torch.autograd.backward(model.loss(model(inputs, mask), labels))
        optimizer.step()

    return step


def limit(X: Any) -> Subject:
    """The step's matrix products into arrays made beforehand, and one pass over the weights."""
    rng = np.random.default_rng(1)
    batch = len(X)

    def drawn(*shape: int) -> Any:
        return (0.1 * rng.standard_normal(shape)).astype(X.dtype)

    W1, W2, s, da, du = drawn(D, M), drawn(M, K), drawn(batch, M), drawn(batch, K), drawn(batch, M)
    outputs = [np.empty(shape, X.dtype) for shape in ((batch, M), (batch, K), (batch, M), (M, K), (D, M), (batch, D))]
    weights, change = W1.copy(), 1e-6 * drawn(D, M)

    def products() -> None:
        np.matmul(X, W1, out=outputs[0])
        np.matmul(s, W2, out=outputs[1])
        np.matmul(da, W2.T, out=outputs[2])
        np.matmul(s.T, da, out=outputs[3])
        np.matmul(X.T, du, out=outputs[4])
        np.matmul(du, W1.T, out=outputs[5])
        np.subtract(weights, change, out=weights)

    return products
