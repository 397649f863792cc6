"""A multi-layer perceptron for handwritten digits, by hand: forward, backward, and mini-batch SGD.

    input → linear(1) → tanh or relu → dropout → linear(2) → softmax → argmax

Examples are rows: X is N×D, W is D×M, b is 1×M. Every layer has a forward, which gives its output, and a
backward, which is given grad = ∂l/∂output (of the output's shape) and gives ∂l/∂input. A backward belongs
to the forward just before it. Arrays come out in the dtype in which they come in, and no layer writes to
its arguments.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from utils import (
    DataFileError,
    DataSplit,
    add_momentum,
    data_loader_mnist,
    predict_label,
    softmax_cross_entropy,
)

Array = NDArray[np.floating[Any]]
Model = dict[str, Any]  # name → module, in the order of the forward pass

HIDDEN_UNITS = 1000
CLASSES = 10


# TODO 1
def miniBatchStochasticGradientDescent(
    model: Model, momentum: dict[str, Array], _lambda: float, _alpha: float, _learning_rate: float
) -> Model:
    """One step of SGD on every parameter w of every module that has some, W and b alike.

    g = ∂l/∂w + λ w
    α ≤ 0:  w ← w − η g
    α > 0:  υ ← α υ − η g,  w ← w + υ      (η is inside the velocity, so a new η acts on new gradients only)

    momentum['L1_W'] and so on hold the velocities υ, and are updated; at α ≤ 0 it is not looked at.
    Returns the model it was given, its parameters updated in place.
    """
    for name, module in model.items():
        if not hasattr(module, "params"):
            continue
        for key, w in module.params.items():
            g = module.gradient[key]
            if _lambda != 0:
                g = g + _lambda * w
            if _alpha > 0:
                v = momentum[f"{name}_{key}"]
                v *= _alpha
                v -= _learning_rate * g
                w += v
            else:
                w -= _learning_rate * g
    return model


class linear_layer:
    """u = X W + b, with params['W'] (D×M) and params['b'] (1×M), and their gradients under the same keys."""

    # TODO 2
    def __init__(self, input_D: int, output_D: int) -> None:
        """Draw W, then b, from the normal distribution of mean 0, standard deviation 0.1; gradients are 0."""
        self.params: dict[str, Array] = {
            "W": np.random.normal(0.0, 0.1, (input_D, output_D)),
            "b": np.random.normal(0.0, 0.1, (1, output_D)),
        }
        self.gradient: dict[str, Array] = {key: np.zeros_like(value) for key, value in self.params.items()}

    # TODO 3
    def forward(self, X: Array) -> Array:
        """u = X W + b: X is N×D, u is N×M."""
        return X @ self.params["W"] + self.params["b"]

    # TODO 4
    def backward(self, X: Array, grad: Array) -> Array:
        """Store ∂l/∂W = Xᵀ grad and ∂l/∂b = Σ_rows grad in `gradient`, and return ∂l/∂X = grad Wᵀ (N×D).

        X (N×D) is the input of the forward, grad is ∂l/∂u (N×M).
        """
        self.gradient["W"] = X.T @ grad
        self.gradient["b"] = grad.sum(axis=0, keepdims=True)
        return grad @ self.params["W"].T


class tanh:
    """h = tanh(u) = 2 / (1 + e^(−2u)) − 1, element by element, for any shape."""

    # TODO 5
    def forward(self, X: Array) -> Array:
        """h = tanh(X), kept for the backward. np.tanh does not cancel near 0 as the formula above does."""
        self.h: Array = np.tanh(X)
        return self.h

    # TODO 6
    def backward(self, X: Array, grad: Array) -> Array:
        """∂l/∂X = grad · (1 − tanh²(X))."""
        return grad * (1 - self.h * self.h)


class relu:
    """h = max(0, u), element by element, for any shape."""

    # TODO 7
    def forward(self, X: Array) -> Array:
        """h = max(0, X); where X > 0 is kept for the backward."""
        self.mask = X > 0
        return np.maximum(X, 0)

    # TODO 8
    def backward(self, X: Array, grad: Array) -> Array:
        """∂l/∂X = grad · 1[X > 0]: at exactly 0, where relu has no derivative, 0 is taken."""
        return grad * self.mask


class dropout:
    """s_j = 1[p_j ≥ r] q_j / (1 − r), with p_j uniform on [0, 1): drops a share r ∈ [0, 1) of q in training.

    What is kept is scaled so that the mean of s_j is q_j; so outside training there is nothing to do: s = q.
    """

    def __init__(self, r: float) -> None:
        self.r = r

    def forward(self, X: Array, is_train: bool) -> Array:
        """s for q = X of any shape. The p are drawn anew at each training forward, and kept as mask."""
        if is_train:
            kept = np.random.uniform(0.0, 1.0, X.shape) >= self.r
            self.mask = kept * (np.ones_like(X) * (1.0 / (1.0 - self.r)))
        else:
            self.mask = np.ones_like(X)
        return X * self.mask

    # TODO 9
    def backward(self, X: Array, grad: Array) -> Array:
        """∂l/∂q_j = grad_j · 1[p_j ≥ r] / (1 − r), with the p of the last forward."""
        return grad * self.mask


def evaluate(model: Model, data: DataSplit, minibatch_size: int) -> tuple[float, float]:
    """The sum of the mini-batch losses, and the accuracy, over ⌊N / batch⌋ whole batches; without dropout."""
    loss, correct, count = 0.0, 0, 0
    for start in range(0, data.N - minibatch_size + 1, minibatch_size):
        x, y = data.get_example(np.arange(start, start + minibatch_size))
        u = model["L1"].forward(x)
        h = model["nonlinear1"].forward(u)
        s = model["drop1"].forward(h, is_train=False)
        a = model["L2"].forward(s)
        loss += float(model["loss"].forward(a, y))
        correct += int(np.sum(predict_label(a) == y))
        count += len(y)
    return loss, correct / count


# TODO 10
def main(main_params: dict[str, Any], optimization_type: str = "minibatch_sgd") -> tuple[list[float], list[float]]:
    """Train the network, print losses and accuracies per epoch, and write the accuracies to a JSON file.

    main_params: random_seed, learning_rate (η), alpha (α), lambda (λ), dropout_rate (r), num_epoch,
    minibatch_size, activation ('relu' or 'tanh'), input_file (what data_loader_mnist reads).
    Returns the training and validation loss records, a number an epoch: the sum of the mini-batch losses.
    Raises ValueError for another optimization_type or a minibatch_size that a set cannot fill,
    DataFileError for a data file that cannot be read.
    """
    if optimization_type != "minibatch_sgd":
        raise ValueError(f"optimization_type is {optimization_type!r}, but only 'minibatch_sgd' is known.")
    np.random.seed(int(main_params["random_seed"]))
    Xtrain, Ytrain, Xvalid, Yvalid, _, _ = data_loader_mnist(main_params["input_file"])
    train, valid = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)

    eta = eta_0 = float(main_params["learning_rate"])
    alpha = float(main_params["alpha"])
    lam = float(main_params["lambda"])
    rate = float(main_params["dropout_rate"])
    minibatch_size = int(main_params["minibatch_size"])
    activation = {"relu": relu, "tanh": tanh}[main_params["activation"]]
    smaller = min(train.N, valid.N)
    if not 1 <= minibatch_size <= smaller:
        raise ValueError(f"minibatch_size is {minibatch_size}; to fill a batch it must lie in 1..{smaller}.")

    model: Model = {
        "L1": linear_layer(train.d, HIDDEN_UNITS),
        "nonlinear1": activation(),
        "drop1": dropout(rate),
        "L2": linear_layer(HIDDEN_UNITS, CLASSES),
        "loss": softmax_cross_entropy(),
    }
    momentum = add_momentum(model)

    train_loss_record: list[float] = []
    val_loss_record: list[float] = []
    train_accuracy_record: list[float] = []
    val_accuracy_record: list[float] = []

    for t in range(int(main_params["num_epoch"])):
        print(f"At epoch {t + 1}")
        if t % 10 == 0 and t != 0:
            eta *= 0.1

        order = np.random.permutation(train.N)
        for start in range(0, train.N - minibatch_size + 1, minibatch_size):
            x, y = train.get_example(order[start : start + minibatch_size])

            u = model["L1"].forward(x)
            h = model["nonlinear1"].forward(u)
            s = model["drop1"].forward(h, is_train=True)
            a = model["L2"].forward(s)
            model["loss"].forward(a, y)

            grad_a = model["loss"].backward(a, y)
            grad_s = model["L2"].backward(s, grad_a)
            grad_h = model["drop1"].backward(h, grad_s)
            grad_u = model["nonlinear1"].backward(u, grad_h)
            model["L1"].backward(x, grad_u)

            miniBatchStochasticGradientDescent(model, momentum, lam, alpha, eta)

        train_loss, train_accuracy = evaluate(model, train, minibatch_size)
        val_loss, val_accuracy = evaluate(model, valid, minibatch_size)
        train_loss_record.append(train_loss)
        val_loss_record.append(val_loss)
        train_accuracy_record.append(train_accuracy)
        val_accuracy_record.append(val_accuracy)
        print(f"Training loss at epoch {t + 1} is {train_loss:.6f}")
        print(f"Training accuracy at epoch {t + 1} is {train_accuracy}")
        print(f"Validation loss at epoch {t + 1} is {val_loss:.6f}")
        print(f"Validation accuracy at epoch {t + 1} is {val_accuracy}")

    result = Path(f"MLP_lr{eta_0}_m{alpha}_w{lam}_d{rate}_b{minibatch_size}_a{main_params['activation']}.json")
    result.write_text(json.dumps({"train": train_accuracy_record, "val": val_accuracy_record}), encoding="utf-8")
    print(f"The accuracies are in {result}")
    return train_loss_record, val_loss_record


def read_command_line() -> dict[str, Any]:
    """main_params, as given on the command line or else the assignment's own."""
    parser = argparse.ArgumentParser(description="Train the network on the homework's digits.")
    parser.add_argument("--random_seed", type=int, default=42)
    parser.add_argument("--learning_rate", type=float, default=0.01)
    parser.add_argument("--alpha", type=float, default=0.0, help="momentum's discount; 0 is none")
    parser.add_argument("--lambda", type=float, default=0.0, help="weight decay")
    parser.add_argument("--dropout_rate", type=float, default=0.5, help="in [0, 1)")
    parser.add_argument("--num_epoch", type=int, default=10)
    parser.add_argument("--minibatch_size", type=int, default=5)
    parser.add_argument("--activation", choices=["relu", "tanh"], default="relu")
    parser.add_argument("--input_file", default="mnist_subset.json")
    main_params = vars(parser.parse_args())
    if not 0 <= main_params["dropout_rate"] < 1:
        parser.error(f"--dropout_rate is {main_params['dropout_rate']}, but it must lie in [0, 1).")
    if main_params["minibatch_size"] < 1:
        parser.error(f"--minibatch_size is {main_params['minibatch_size']}, but it must be 1 or more.")
    return main_params


if __name__ == "__main__":
    try:
        main(read_command_line())
    except DataFileError as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
