"""Known mistakes of utils.py: the softmax cross-entropy, and what else a network is lent."""

from __future__ import annotations

from typing import Any

import numpy as np

from parity_tests.assignment.diagnoses.base import Asked, Body, Formula, Mistake
from parity_tests.assignment.running import where

FORWARD = """shifted = X - X.max(axis=1, keepdims=True)
exponentials = np.exp(shifted)
total = exponentials.sum(axis=1, keepdims=True)
self.z: Array = exponentials / total
losses = np.log(total) - np.take_along_axis(shifted, _as_index(Y), axis=1)
picked = np.take_along_axis(self.z, _as_index(Y), axis=1)
"""
BACKWARD = """hot = np.zeros_like(self.z)
hot[np.arange(len(hot)), _as_index(Y)[:, 0]] = 1
"""
MEAN = "The loss is the mean over the mini-batch; its gradient is that of the mean."


def _forward(name: str, hint: str, formula: Formula, value: str) -> Mistake:
    plug = (Body("softmax_cross_entropy.forward", f"{FORWARD}return {value}"),)
    return Mistake("utils", "loss.output", name, hint, formula, plug=plug, file="utils.py")


def _backward(name: str, hint: str, formula: Formula, value: str) -> Mistake:
    plug = (Body("softmax_cross_entropy.backward", f"{BACKWARD}return {value}"),)
    return Mistake("utils", "loss.gradient of X", name, hint, formula, plug=plug, file="utils.py")


def _softmax(a: Asked) -> Any:
    e = np.exp(a.X - a.X.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _losses(a: Asked) -> Any:
    shifted = a.X - a.X.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - where(a.hot, shifted, 0).sum(axis=1, keepdims=True)


LOSS = (
    _forward("the loss is the sum over the rows", MEAN, lambda a: _losses(a).sum(), "losses.sum()"),
    _forward(
        "the loss has the wrong sign",
        "A probability is below 1: which sign has its logarithm?",
        lambda a: -_losses(a).mean(),
        "-losses.mean()",
    ),
    _forward(
        "the logarithm is left out of the loss",
        "The loss is that of the log-likelihood.",
        lambda a: -where(a.hot, _softmax(a), 0).sum(axis=1).mean(),
        "-picked.mean()",
    ),
    _forward(
        "the loss is divided by the number of classes too",
        MEAN,
        lambda a: _losses(a).mean() / a.K,
        "losses.mean() / X.shape[1]",
    ),
    _backward(
        "the gradient of the loss is not divided by the number of rows",
        MEAN,
        lambda a: _softmax(a) - a.hot,
        "self.z - hot",
    ),
    _backward(
        "the gradient of the loss has the wrong sign",
        "A gradient points uphill; who subtracts it?",
        lambda a: (a.hot - _softmax(a)) / a.N,
        "(hot - self.z) / len(hot)",
    ),
    _backward(
        "the one-hot labels are left out of the loss's gradient",
        "What is the gradient where the prediction is perfect?",
        lambda a: _softmax(a) / a.N,
        "self.z / len(hot)",
    ),
    _backward(
        "the gradient of the loss is divided by the number of classes",
        MEAN,
        lambda a: (_softmax(a) - a.hot) / a.K,
        "(self.z - hot) / hot.shape[1]",
    ),
    Mistake(
        "utils",
        "loss.output",
        "the softmax overflows: the logits are not shifted by their largest",
        "e to the 1000th is no float: what may be subtracted from all logits without changing the result?",
        said=r"softmax cross-entropy, offset: .* is (nan|inf|-inf)",
        file="utils.py",
        plug=(
            Body(
                "softmax_cross_entropy.forward",
                "exponentials = np.exp(X)\nself.z: Array = exponentials / exponentials.sum(axis=1, keepdims=True)\n"
                "return -np.log(np.take_along_axis(self.z, _as_index(Y), axis=1)).mean()",
            ),
        ),
    ),
)
