"""What a network of edition 2022–23 is lent: the loss, predictions, and the data. It has no momentum.

Shapes: N examples are N rows, D features (pixels) each; K classes. The data lie in a folder, `main_params['data_dir']`.
"""

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
CLASSES = 10


class softmax_cross_entropy:
    """Softmax and cross-entropy in one: l = log Σ_j e^(a_j) − a_y, averaged over the mini-batch."""

    def forward(self, X: Array, Y: Array) -> Any:
        """The mean loss of logits X (N×K) for labels Y (N×1, whole numbers held as floats): a scalar."""
        shifted = X - X.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        total = exponentials.sum(axis=1, keepdims=True)
        self.z: Array = exponentials / total
        return np.mean(np.log(total) - np.take_along_axis(shifted, _column(Y), axis=1))

    def backward(self, X: Array, Y: Array) -> Array:
        """∂l/∂a = (z − onehot(y)) / N, an N×K array, for the X and Y of the last forward."""
        grad = self.z.copy()
        grad[np.arange(len(grad)), _column(Y)[:, 0]] -= 1
        return grad / len(grad)


def _column(Y: Array) -> NDArray[np.intp]:
    """Labels (N×1 or N) as a column of integers that can index."""
    return np.asarray(Y).astype(np.intp).reshape(-1, 1)


def predict_label(f: Array) -> Array:
    """Labels (N×1, floats) for scores f (N×K): argmax_k f_k; for N×1 scores 1[f > 0]."""
    if f.shape[1] == 1:
        return (f > 0).astype(float)
    return np.asarray(f.argmax(axis=1), dtype=float).reshape(-1, 1)


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


def data_loader_mnist(data_dir: str) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Read the four gzipped IDX files of a folder: of each class the first 1,000 to train on, the last 200 to validate.

    Returns Xtrain, Ytrain, Xvalid, Yvalid, Xtest, Ytest: X is N×D in [0, 1], Y has N labels; the training set is
    shuffled. Raises OSError where there is no such file, ValueError where it holds something else.
    """
    X, Y = _read(data_dir, "train")
    of_class = [np.flatnonzero(label == Y) for label in range(CLASSES)]
    train, valid = (np.concatenate(part) for part in zip(*((of[:1000], of[-200:]) for of in of_class), strict=True))
    order = np.random.permutation(train)
    return X[order], Y[order], X[valid], Y[valid], *_read(data_dir, "t10k")


def _read(data_dir: str, name: str) -> tuple[Array, Array]:
    """The images (N×D, in [0, 1]) and labels (N) of a pair of files."""
    images, labels = (
        gzip.decompress(Path(data_dir, f"{name}-{what}-ubyte.gz").read_bytes())
        for what in ("images-idx3", "labels-idx1")
    )
    N, rows, columns = struct.unpack(">3i", images[4:16])
    X = np.frombuffer(images, np.uint8, offset=16).reshape(N, rows * columns) / 255
    return X, np.frombuffer(labels, np.uint8, offset=8).astype(float)
