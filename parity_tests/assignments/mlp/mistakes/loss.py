"""Known mistakes of utils.py's softmax cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.diagnosis.expression import Expression
from parity_tests.harness.diagnosis.running_error import Running, where
from parity_tests.protocol.mistake import NOTHING, SEVERAL, Body, Call, Estimate, Formula, Mistake

NAMES = """(N, K), labels = X.shape, _as_index(Y)
hot = np.eye(K)[labels[:, 0]]
shifted = X - X.max(axis=1, keepdims=True)
own = np.take_along_axis(shifted, labels, axis=1)
log_total = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
losses = log_total - own
self.z: Array = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
z = self.z
"""
"""What an expression calls things, as lines of utils.py: `own` is the shifted logit of each row's label."""

MEAN = "The loss is the mean over the mini-batch; its gradient is that of the mean."
LIKELIHOOD = (
    "The loss is that of the log-likelihood, l = −log z_y: what becomes of z_y's two terms under the logarithm?"
)
PERFECT = "What is the gradient where the prediction is perfect?"
SOFTMAX = "Each row of probabilities adds up to 1: along which axis is the sum?"
NO_RETURN = "What does a function return that has no return statement?"


def _with_names(call: Call) -> Call:
    """The call with what an expression calls things. The rounding of `losses` covers other forms of it, too."""
    X, hot = call.X, call.hot
    top = X.max(axis=1, keepdims=True)
    log_sum = top + np.log(np.exp(X - top).sum(axis=1, keepdims=True))
    own = _of_labels(X - top, hot)
    losses = log_sum - _of_labels(X, hot)
    return call.with_inputs(
        shifted=X - top, own=own, losses=losses, log_total=losses + own, z=np.exp(X - log_sum)
    )  # fmt: skip


def _of_labels(values: Running, hot: NDArray[np.bool_]) -> Running:
    """In each row, that of its label."""
    return where(hot, values, 0).sum(axis=1, keepdims=True)


def _formula(value: str) -> Formula:
    expression = Expression(value)
    return lambda call: expression(_with_names(call))


def _mistake(
    what: str, name: str, hint: str, formula: Formula, value: str, estimate: Estimate | None = None
) -> Mistake:
    function = f"softmax_cross_entropy.{'forward' if what == 'output' else 'backward'}"
    plug = (Body(function, f"{NAMES}return {value}"),)
    return Mistake("utils", f"loss.{what}", name, hint, formula, estimate, plug=plug, file="utils.py")


def _forward(name: str, hint: str, value: str) -> Mistake:
    return _mistake("output", name, hint, _formula(value), value)


def _backward(name: str, hint: str, value: str) -> Mistake:
    return _mistake("gradient of X", name, hint, _formula(value), value)


def _not_averaged(call: Call) -> object:
    return _with_names(call).losses if call.got is not None and call.got.ndim else None


def _epsilon(calls: Sequence[Call]) -> float | None:
    """What was added to the probability before its logarithm was taken, as the float64 calls of one row show it."""
    for call in calls:
        if call.dtype == np.float64 and call.wrong and call.N == 1:
            p = float(_of_labels(_with_names(call).z, call.hot).value.sum())
            added = float(np.exp(-np.longdouble(np.asarray(call.got).sum())) - p)
            return float(f"{added:.1g}") if added > 0 else None
    return None


FORWARD = (
    _forward("the loss is the sum over the rows", MEAN, "losses.sum()"),
    _forward(
        "the loss has the wrong sign", "A probability is below 1: which sign has its logarithm?", "-losses.mean()"
    ),
    _forward("the logarithm is left out of the loss", LIKELIHOOD, "-(z * hot).sum(axis=1).mean()"),
    _mistake("output", "the losses of the rows are not averaged", MEAN, _not_averaged, "losses"),
    _forward("the label does not enter the loss", LIKELIHOOD, "log_total.mean()"),
    _forward("the logarithm of the sum is left out", LIKELIHOOD, "-own.mean()"),
    _forward(
        "the logits are shifted in one of the two terms alone",
        "What is subtracted under the sum must be subtracted from the label's logit too.",
        "(log_total - (X * hot).sum(axis=1, keepdims=True)).mean()",
    ),
    _forward(
        "the softmax is taken over the rows",
        SOFTMAX,
        "-np.log((np.exp(shifted) / np.exp(shifted).sum(axis=0, keepdims=True) * hot).sum(axis=1)).mean()",
    ),
    _forward(
        "the softmax is taken over all numbers", SOFTMAX, "np.log(np.exp(shifted).sum()) - own.mean()"
    ),
    _mistake(
        "output",
        "something small is added to the probability before its logarithm is taken",
        "With the logits shifted by their largest, and the logarithm of the quotient taken apart, nothing is 0.",
        _formula("-np.log((z * hot).sum(axis=1) + number).mean()"),
        "-np.log((z * hot).sum(axis=1) + 1e-6).mean()",
        _epsilon,
    ),
    _mistake("output", "the loss's forward returns nothing", NO_RETURN, lambda call: NOTHING, "None"),
    _mistake(
        "output", "the loss's forward returns several things", "forward returns the loss alone.",
        lambda call: SEVERAL, "losses.mean(), z",
    ),
    Mistake(
        "utils",
        "loss.output",
        "the softmax overflows: the logits are not shifted by their largest",
        "e to the 1000th is no float: what may be subtracted from all logits without changing the result?",
        shown_by=lambda case, q, comparison: (
            case.params.get("draw") == "offset" and comparison.got is not None and not math.isfinite(comparison.got)
        ),
        file="utils.py",
        plug=(
            Body(
                "softmax_cross_entropy.forward",
                "exponentials = np.exp(X)\nself.z: Array = exponentials / exponentials.sum(axis=1, keepdims=True)\n"
                "return -np.log(np.take_along_axis(self.z, _as_index(Y), axis=1)).mean()",
            ),
        ),
    ),
)  # fmt: skip

BACKWARD = (
    _backward("the gradient of the loss is not divided by the number of rows", MEAN, "z - hot"),
    _backward(
        "the gradient of the loss has the wrong sign", "A gradient points uphill; who subtracts it?", "(hot - z) / N"
    ),
    _backward("the one-hot labels are left out of the loss's gradient", PERFECT, "z / N"),
    _backward("the gradient of the loss is multiplied by N, where it is divided", MEAN, "(z - hot) * N"),
    _backward("the one-hot labels are added in the loss's gradient", PERFECT, "(z + hot) / N"),
    _backward(
        "the logits take the place of the probabilities in the loss's gradient",
        "Of what is the one-hot label subtracted?",
        "(X - hot) / N",
    ),
    _backward(
        "the softmax of the loss's gradient is taken over the rows",
        SOFTMAX,
        "(np.exp(shifted) / np.exp(shifted).sum(axis=0, keepdims=True) - hot) / N",
    ),
    _backward(
        "the softmax of the loss's gradient is taken over all numbers",
        SOFTMAX,
        "(np.exp(shifted) / np.exp(shifted).sum() - hot) / N",
    ),
    _mistake(
        "gradient of X", "the loss's backward returns nothing", "What does backward hand to the layer before?",
        lambda call: NOTHING, "None",
    ),
)  # fmt: skip

LOSS = (*FORWARD, *BACKWARD)
