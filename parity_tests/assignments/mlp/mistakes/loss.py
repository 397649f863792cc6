"""Known mistakes of utils.py: the softmax cross-entropy, and what else a network is lent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from parity_tests.harness.diagnosis.running_error import where
from parity_tests.protocol.mistake import NOTHING, SEVERAL, Body, Call, Formula, Mistake

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


def _log_sum(a: Call) -> Any:
    """log Σ e^a of each row, the largest added again: its rounding covers the forms that subtract it before, too."""
    top = a.X.max(axis=1, keepdims=True)
    return top + np.log(np.exp(a.X - top).sum(axis=1, keepdims=True))


def _softmax(a: Call) -> Any:
    return np.exp(a.X - _log_sum(a))


def _losses(a: Call) -> Any:
    return _log_sum(a) - where(a.hot, a.X, 0).sum(axis=1, keepdims=True)


def _shifted(a: Call) -> Any:
    return a.X - a.X.max(axis=1, keepdims=True)


def _picked(a: Call, values: Any) -> Any:
    return where(a.hot, values, 0).sum(axis=1, keepdims=True)


def _rolled(a: Call, by: int) -> Call:
    """The same with every label moved on."""
    return a.with_inputs(hot=np.roll(a.hot, by, axis=1))


def _by_column(a: Call) -> Call:
    """The same with the largest of each column subtracted."""
    return a.with_inputs(X=a.X - a.X.max(axis=0, keepdims=True))


def _predicted(a: Call) -> Call:
    """The same with the likeliest class in place of the label."""
    return a.with_inputs(hot=np.eye(a.K, dtype=bool)[a.X.value.argmax(axis=1)])


def _over_rows(a: Call) -> Any:
    e = np.exp(_shifted(a))
    return e / e.sum(axis=0, keepdims=True)


def _epsilon(asked: Sequence[Call]) -> float | None:
    """What was added to the probability before its logarithm was taken, as the float64 calls of few rows show it."""
    for a in asked:
        if a.dtype == np.float64 and a.wrong and a.N == 1:
            p = float(_picked(a, _softmax(a)).value.sum())
            added = float(np.exp(-np.longdouble(np.asarray(a.got).sum())) - p)
            return float(f"{added:.1g}") if added > 0 else None
    return None


LABELS = "Which column of the logits belongs to a label y, where labels count from 0?"
SOFTMAX = "Each row of probabilities adds up to 1: along which axis is the sum?"

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
    _forward("the losses are divided by N twice", MEAN, lambda a: _losses(a).mean() / a.N, "losses.mean() / len(X)"),
    _forward("the loss is that of the first row", MEAN, lambda a: _losses(a)[:1].sum(), "losses[0, 0]"),
    _forward("the loss is that of the last row", MEAN, lambda a: _losses(a)[-1:].sum(), "losses[-1, 0]"),
    _forward("the loss is the largest of the rows'", MEAN, lambda a: _losses(a).max(), "losses.max()"),
    _forward(
        "the losses of the rows are not averaged",
        MEAN,
        lambda a: _losses(a) if a.got is not None and a.got.ndim else None,
        "losses",
    ),
    _forward(
        "the logarithm has the base 2",
        "Of which base is the logarithm whose derivative is 1/z?",
        lambda a: _losses(a).mean() / float(np.log(2)),
        "losses.mean() / np.log(2)",
    ),
    _forward(
        "the logarithm has the base 10",
        "Of which base is the logarithm whose derivative is 1/z?",
        lambda a: _losses(a).mean() / float(np.log(10)),
        "losses.mean() / np.log(10)",
    ),
    _forward(
        "the logarithm of the sum has the base 2",
        "Of which base is the logarithm whose derivative is 1/z?",
        lambda a: ((_losses(a) + _picked(a, _shifted(a))) / float(np.log(2)) - _picked(a, _shifted(a))).mean(),
        "(np.log2(total) - np.take_along_axis(shifted, _as_index(Y), axis=1)).mean()",
    ),
    _forward(
        "the label does not enter the loss",
        "What is Y for? l = −log z_y: what does z_y's numerator become under the logarithm?",
        lambda a: (_losses(a) + _picked(a, _shifted(a))).mean(),
        "np.log(total).mean()",
    ),
    _forward(
        "the logarithm of the sum is left out",
        "l = −log z_y: what does z_y's denominator become under the logarithm?",
        lambda a: -_picked(a, _shifted(a)).mean(),
        "(losses - np.log(total)).mean()",
    ),
    _forward(
        "the logits are shifted in one of the two terms alone",
        "What is subtracted under the sum must be subtracted from the label's logit too.",
        lambda a: (_losses(a) + _picked(a, _shifted(a)) - _picked(a, a.X)).mean(),
        "(np.log(total) - np.take_along_axis(X, _as_index(Y), axis=1)).mean()",
    ),
    _forward(
        "the largest of each column is subtracted, where that of each row is",
        SOFTMAX,
        lambda a: _losses(_by_column(a)).mean(),
        "(lambda s: (np.log(np.exp(s).sum(axis=1, keepdims=True)) - np.take_along_axis(s, _as_index(Y), axis=1)).mean()"
        ")(X - X.max(axis=0))",
    ),
    _backward(
        "the largest of each column is subtracted, where that of each row is",
        SOFTMAX,
        lambda a: (_softmax(_by_column(a)) - a.hot) / a.N,
        "(np.exp(X - X.max(axis=0)) / np.exp(X - X.max(axis=0)).sum(axis=1, keepdims=True) - hot) / len(hot)",
    ),
    _forward(
        "the labels are taken as one too small",
        LABELS,
        lambda a: _losses(_rolled(a, 1)).mean(),
        "(np.log(total) - np.take_along_axis(shifted, (_as_index(Y) + 1) % X.shape[1], axis=1)).mean()",
    ),
    _forward(
        "the labels are taken as one too large",
        LABELS,
        lambda a: _losses(_rolled(a, -1)).mean(),
        "(np.log(total) - np.take_along_axis(shifted, _as_index(Y) - 1, axis=1)).mean()",
    ),
    _forward(
        "the softmax is taken over the rows",
        SOFTMAX,
        lambda a: -_picked(a, np.log(_over_rows(a))).mean(),
        "-np.log(np.take_along_axis(exponentials / exponentials.sum(axis=0), _as_index(Y), axis=1)).mean()",
    ),
    _forward(
        "the softmax is taken over all numbers",
        SOFTMAX,
        lambda a: np.log(np.exp(_shifted(a)).sum()) - _picked(a, _shifted(a)).mean(),
        "(np.log(total.sum()) - np.take_along_axis(shifted, _as_index(Y), axis=1)).mean()",
    ),
    _forward(
        "the loss is the squared error",
        "The loss is that of the log-likelihood.",
        lambda a: ((_softmax(a) - a.hot) * (_softmax(a) - a.hot)).sum(axis=1).mean(),
        "((self.z - np.eye(X.shape[1])[_as_index(Y)[:, 0]]) ** 2).sum(axis=1).mean()",
    ),
    _forward(
        "the loss is the mean squared error",
        "The loss is that of the log-likelihood.",
        lambda a: ((_softmax(a) - a.hot) * (_softmax(a) - a.hot)).mean(),
        "((self.z - np.eye(X.shape[1])[_as_index(Y)[:, 0]]) ** 2).mean()",
    ),
    replace(
        _forward(
            "something small is added to the probability before its logarithm is taken",
            "With the logits shifted by their largest, and the logarithm of the quotient taken apart, nothing is 0.",
            lambda a: -np.log(_picked(a, _softmax(a)) + a.number).mean(),
            "-np.log(picked + 1e-6).mean()",
        ),
        estimate=_epsilon,
    ),
    _forward(
        "the loss's forward returns nothing",
        "What does a function return that has no return statement?",
        lambda a: NOTHING,
        "None",
    ),
    _forward(
        "the loss's forward returns several things",
        "forward returns the loss alone.",
        lambda a: SEVERAL,
        "losses.mean(), self.z",
    ),
    _backward(
        "the gradient of the loss is divided by N twice",
        MEAN,
        lambda a: (_softmax(a) - a.hot) / a.N / a.N,
        "(self.z - hot) / len(hot) ** 2",
    ),
    _backward(
        "the gradient of the loss is multiplied by N, where it is divided",
        MEAN,
        lambda a: (_softmax(a) - a.hot) * a.N,
        "(self.z - hot) * len(hot)",
    ),
    _backward(
        "the gradient of the loss is divided by the number of all logits",
        MEAN,
        lambda a: (_softmax(a) - a.hot) / a.N / a.K,
        "(self.z - hot) / hot.size",
    ),
    _backward(
        "the one-hot labels are added in the loss's gradient",
        "What is the gradient where the prediction is perfect?",
        lambda a: (_softmax(a) + a.hot) / a.N,
        "(self.z + hot) / len(hot)",
    ),
    _backward(
        "the softmax is left out of the loss's gradient",
        "What is the gradient where the prediction is perfect?",
        lambda a: -(0 * a.X + 1) * a.hot / a.N,
        "-hot / len(hot)",
    ),
    _backward(
        "the logits take the place of the probabilities in the loss's gradient",
        "Of what is the one-hot label subtracted?",
        lambda a: (a.X - a.hot) / a.N,
        "(X - hot) / len(hot)",
    ),
    _backward(
        "the labels are taken as one too small in the loss's gradient",
        LABELS,
        lambda a: (_softmax(a) - _rolled(a, 1).hot) / a.N,
        "(self.z - np.roll(hot, 1, axis=1)) / len(hot)",
    ),
    _backward(
        "the labels are taken as one too large in the loss's gradient",
        LABELS,
        lambda a: (_softmax(a) - _rolled(a, -1).hot) / a.N,
        "(self.z - np.roll(hot, -1, axis=1)) / len(hot)",
    ),
    _backward(
        "the likeliest class takes the place of the label in the loss's gradient",
        "What is Y for?",
        lambda a: (_softmax(a) - _predicted(a).hot) / a.N,
        "(self.z - np.eye(hot.shape[1])[X.argmax(axis=1)]) / len(hot)",
    ),
    _backward(
        "the softmax of the loss's gradient is taken over the rows",
        SOFTMAX,
        lambda a: (_over_rows(a) - a.hot) / a.N,
        "(np.exp(X - X.max(axis=1, keepdims=True)) / "
        "np.exp(X - X.max(axis=1, keepdims=True)).sum(axis=0) - hot) / len(hot)",
    ),
    _backward(
        "the softmax of the loss's gradient is taken over all numbers",
        SOFTMAX,
        lambda a: (np.exp(_shifted(a)) / np.exp(_shifted(a)).sum() - a.hot) / a.N,
        "(np.exp(X - X.max(axis=1, keepdims=True)) / np.exp(X - X.max(axis=1, keepdims=True)).sum() - hot) / len(hot)",
    ),
    _backward(
        "the softmax's own derivative is multiplied once more",
        "Softmax and cross-entropy together have a simple gradient: what does z (z − y) hold too much?",
        lambda a: _softmax(a) * (_softmax(a) - a.hot) / a.N,
        "self.z * (self.z - hot) / len(hot)",
    ),
    _backward(
        "the derivative z (1 − z) is multiplied to the loss's gradient",
        "Softmax and cross-entropy together have a simple gradient: is a derivative multiplied once too often?",
        lambda a: _softmax(a) * (1 - _softmax(a)) * (_softmax(a) - a.hot) / a.N,
        "self.z * (1 - self.z) * (self.z - hot) / len(hot)",
    ),
    _backward(
        "the loss's backward returns nothing", "What does backward hand to the layer before?", lambda a: NOTHING, "None"
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
