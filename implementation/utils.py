"""What the network in neural_networks.py is lent: the loss, velocities, predictions, and the data.

Shapes: N examples are N rows, D features (pixels) each; K classes.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


class DataFileError(Exception):
    """The data file is missing or damaged; the message says which file, and what to do."""


class softmax_cross_entropy:
    """Softmax and cross-entropy in one, averaged over the mini-batch.

    z_k = e^(a_k) / Σ_j e^(a_j)
    l   = −log z_y = log Σ_j e^(a_j) − a_y

    Both are unchanged when all a_k are shifted by the same amount. Shifting by the largest keeps e^(a_k) from
    overflowing, and taking l from its second form keeps it finite where z_y underflows to 0.
    """

    def forward(self, X: Array, Y: Array) -> Any:
        """The mean loss of logits X (N×K) for labels Y (N×1, whole numbers held as floats): a scalar."""
        shifted = X - X.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        total = exponentials.sum(axis=1, keepdims=True)
        self.z: Array = exponentials / total
        return np.mean(np.log(total) - np.take_along_axis(shifted, _as_index(Y), axis=1))

    def backward(self, X: Array, Y: Array) -> Array:
        """∂l/∂a = (z − onehot(y)) / N, an N×K array, for the X and Y of the last forward."""
        grad = self.z.copy()
        grad[np.arange(len(grad)), _as_index(Y)[:, 0]] -= 1
        grad /= len(grad)
        return grad


def _as_index(Y: Array) -> NDArray[np.intp]:
    """Labels (N×1 or N) as a column of integers that can index."""
    index: NDArray[np.intp] = Y.astype(np.intp)
    return index.reshape(-1, 1)


def add_momentum(model: dict[str, Any]) -> dict[str, Array]:
    """Velocities υ = 0 in the shapes of the gradients, under '<module>_<parameter>': 'L1_W' and so on."""
    return {
        f"{name}_{key}": np.zeros_like(gradient)
        for name, module in model.items()
        if hasattr(module, "params")
        for key, gradient in module.gradient.items()
    }


def predict_label(f: Array) -> Array:
    """Labels (N×1, floats) for scores f: argmax_k f_k (the first among equals); for N×1 scores 1[f > 0]."""
    if f.shape[1] == 1:
        return (f > 0).astype(float)
    label: NDArray[np.intp] = f.argmax(axis=1)
    return label.astype(float).reshape(-1, 1)


class DataSplit:
    """One set of examples: X (N×D) with labels Y (N of them, kept as an N×1 column of floats)."""

    def __init__(self, X: Array, Y: Array) -> None:
        self.X = np.asarray(X)
        self.Y = np.asarray(Y, dtype=float).reshape(-1, 1)
        self.N, self.d = self.X.shape

    def get_example(self, idx: Sequence[int] | NDArray[np.integer]) -> tuple[Array, Array]:
        """Copies of the examples numbered idx, in that order: X (len(idx)×D) and Y (len(idx)×1)."""
        rows = np.asarray(idx, dtype=np.intp)
        return self.X[rows], self.Y[rows]


def data_loader_mnist(dataset: str) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Read the homework's JSON {'train': [X, y], 'valid': [X, y], 'test': [X, y]}, pixels in [0, 1].

    Returns Xtrain, Ytrain, Xvalid, Yvalid, Xtest, Ytest: X is N×D, Y has N labels.
    Raises DataFileError where the file is missing, is not JSON, or holds something else.
    """
    try:
        data = json.loads(Path(dataset).read_text(encoding="utf-8"))
        return (*_as_arrays(data["train"]), *_as_arrays(data["valid"]), *_as_arrays(data["test"]))
    except OSError as error:
        raise DataFileError(
            f"The data file {dataset} cannot be read ({error.strerror}). Run `parity data` in this folder to make it."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataFileError(
            f"The data file {dataset} is damaged: it should hold train, valid and test, each with its pixels"
            f" and labels, as JSON. Run `parity data` in this folder to make it anew."
        ) from error


def _as_arrays(part: Any) -> tuple[Array, Array]:
    """X (N×D) and Y (N) of one part of the data file; ValueError where they are not so."""
    X, Y = (np.array(half) for half in part)
    if X.ndim != 2 or Y.shape[:1] != X.shape[:1]:
        raise ValueError(f"pixels of shape {X.shape} with labels of shape {Y.shape}")
    return X, Y
