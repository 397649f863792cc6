"""How the inputs of each kind of case are drawn, in numpy."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.digits import Digits, shipped_digits, small_digits
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, weight_shapes

Arrays = dict[str, NDArray[Any]]
Params = Mapping[str, Any]


def _linear(params: Params, rng: np.random.Generator) -> Arrays:
    pairs, N, D, M = (params[key] for key in ("pairs", "N", "D", "M"))
    return {
        "X": rng.standard_normal((pairs, N, D)),
        "W": rng.standard_normal((D, M)),
        "b": rng.standard_normal((1, M)),
        "grad": rng.standard_normal((pairs, N, M)),
    }


def _nothing(params: Params, rng: np.random.Generator) -> Arrays:
    return {}


def _log_uniform(rng: np.random.Generator, low: float, high: float, shape: tuple[int, ...]) -> NDArray[Any]:
    size = np.exp(rng.uniform(np.log(low), np.log(high), shape))
    return np.asarray(size * rng.choice([-1.0, 1.0], shape))


def _elementwise(params: Params, rng: np.random.Generator) -> Arrays:
    shape = (params["pairs"], *params["shape"])
    if params["draw"] == "to-40":
        X = _log_uniform(rng, 1e-8, 40, shape)
    elif params["draw"] == "to-1000":
        X = _log_uniform(rng, 40, 1e3, shape)
    else:
        X = rng.standard_normal(shape)
    if params["draw"] == "zeros":
        zero = rng.random(shape) < 0.5
        zero.flat[:2] = True
        X = np.where(zero, np.where(rng.random(shape) < 0.5, 0.0, -0.0), X)
        X.flat[:2] = 0.0, -0.0
    return {"X": X, "grad": _without_zeros(rng, shape)}


def _without_zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    """Normal draws pushed away from 0 by 0.1, so that "kept" and "dropped" can be told apart."""
    drawn = rng.standard_normal(shape)
    return np.asarray(drawn + np.where(drawn < 0, -0.1, 0.1))


def _dropout(params: Params, rng: np.random.Generator) -> Arrays:
    shape = (params["pairs"], params["N"], params["M"])
    return {"q": _without_zeros(rng, shape), "grad": _without_zeros(rng, shape)}


def _masks(params: Params, rng: np.random.Generator) -> Arrays:
    return {"q": _without_zeros(rng, (params["N"], params["M"]))}


SGD_SHAPES = weight_shapes(3, 4, 2)


def _sgd(params: Params, rng: np.random.Generator) -> Arrays:
    arrays = {name: rng.standard_normal(shape) for name, shape in SGD_SHAPES.items()}
    for name, shape in SGD_SHAPES.items():
        arrays[f"{name}_gradient"] = rng.standard_normal((len(params["etas"]), *shape))
    return arrays


def _loss(params: Params, rng: np.random.Generator) -> Arrays:
    N, K = params["N"], params["K"]
    X = 3 * rng.standard_normal((N, K))
    Y = rng.integers(0, K, (N, 1))
    if params["draw"] == "offset":
        X += 1000.0
    elif params["draw"] == "far":
        # As far apart as float32 allows without underflow of any probability: e^(−80) is a normal number.
        X = -rng.uniform(0, 80, (N, K))
        X[np.arange(N), (Y[:, 0] + rng.integers(0, K, N)) % K] = 0.0
        # A label so far ahead that all others underflow: its loss is 0, unless something overflows.
        X[0] = -rng.uniform(200, 1000, K)
        X[0, Y[0, 0]] = 0.0
    return {"X": X, "Y": Y.astype(np.float64)}


def _labels(params: Params, rng: np.random.Generator) -> Arrays:
    f = rng.standard_normal((params["N"], params["K"]))
    if params["K"] > 1:
        f[0, 1] = f[0, 3] = f[0].max() + 1  # a tie: the first of them
        f[1, :] = 0.0
    else:
        f[:3, 0] = 0.0, -0.0, 1e-300
    return {"f": f}


def _split(params: Params, rng: np.random.Generator) -> Arrays:
    N, D = params["N"], params["D"]
    Y = np.asarray(rng.integers(0, 10, size=N), np.float64)
    return {"X": rng.standard_normal((N, D)), "Y": Y, "idx": rng.permutation(N)[:4]}


def _momentum(params: Params, rng: np.random.Generator) -> Arrays:
    return {name: rng.standard_normal(shape) for name, shape in SGD_SHAPES.items()}


def _loader(params: Params, rng: np.random.Generator) -> Arrays:
    digits = _few_digits(4, 3, 2)
    return {
        f"{a}{part}": array for part, X, y in digits.parts() for a, array in (("X", X), ("Y", y.astype(np.float64)))
    }


@cache
def _few_digits(train: int, valid: int, test: int) -> Digits:
    return small_digits(train, valid, test)


def _network(params: Params, rng: np.random.Generator) -> Arrays:
    """Real digits; weights as the assignment draws them, and for a trajectory those of a plain training run."""
    steps, N, D, M, K = (params[key] for key in ("steps", "N", "D", "M", "K"))
    digits = shipped_digits() if D == 784 else _few_digits(200, 1, 1)
    rows = np.stack([rng.permutation(len(digits.train_y))[:N] for _ in range(steps)])
    shapes = weight_shapes(D, M, K)
    start = {name: 0.1 * rng.standard_normal(shape) for name, shape in shapes.items()}
    X, y = digits.train_X[rows], digits.train_y[rows]
    path = [start] if steps == 1 else _reference_path(start, X, y, params, rng)
    return {
        "X": X,
        "Y": y[..., None].astype(np.float64),
        **{name: np.stack([weights[name] for weights in path]) for name in WEIGHT_NAMES},
    }


def _reference_path(
    start: Arrays, X: NDArray[Any], y: NDArray[Any], params: Params, rng: np.random.Generator
) -> list[Arrays]:
    """The weights before each step of torch's own training, with masks of its own."""
    import torch  # takes a second: imported only where it is used

    from parity_tests.assignments.mlp.network.weights import from_torch, model_of
    from reference.optimizer import (
        update,  # the optimizer itself takes half a second for its first step
    )

    M, r = params["M"], params["r"]
    model = model_of(start, activation=params["activation"])
    velocities = [torch.zeros_like(w) for w in model.parameters()]
    path = [start]
    for t, eta in enumerate(params["etas"][:-1]):
        mask = (rng.random((X.shape[1], M)) >= r) / (1 - r)
        loss = model.loss(model(torch.tensor(X[t]), torch.tensor(mask)), torch.tensor(y[t]))
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        for w, g, velocity in zip(model.parameters(), gradients, velocities, strict=True):
            update(w, g, velocity, lr=eta, momentum=params["alpha"], weight_decay=params["lam"])
        path.append(from_torch(model))
    return path


def _main(params: Params, rng: np.random.Generator) -> Arrays:
    """Digits of few pixels: multiples of the mini-batch of 5 for one run, one less than a multiple for the other.

    A loop that ends too early leaves out a whole batch where the number divides, one that ends too late makes a short
    one where it nearly does; and 34 are enough to tell examples that are never used from those left out by chance. A
    validation set of three mini-batches is more than a loop covers that takes the size of one for that of the set.
    """
    digits = _few_digits(*((34, 19, 10) if params["config"] == "tanh" else (25, 15, 10)))
    return {f"{part}_{a}": array for part, X, y in digits.parts() for a, array in (("X", X), ("y", y))}


DRAWS: dict[str, Callable[[Params, np.random.Generator], Arrays]] = {
    "linear": _linear,
    "init": _nothing,
    "elementwise": _elementwise,
    "dropout": _dropout,
    "masks": _masks,
    "sgd": _sgd,
    "loss": _loss,
    "labels": _labels,
    "split": _split,
    "momentum": _momentum,
    "loader": _loader,
    "network": _network,
    "main": _main,
}
