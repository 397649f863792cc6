"""Known mistakes of tanh (TODOs 5 and 6) and relu (TODOs 7 and 8)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.diagnosis.expression import Expression
from parity_tests.harness.diagnosis.readable_numbers import likeliest
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.mistake import NOTHING, SEVERAL, Body, Call, Estimate, Formula, Mistake
from parity_tests.protocol.quantity import Quantity

TODOS = {"tanh.output": "5", "tanh.gradient of X": "6", "relu.output": "7", "relu.gradient of X": "8"}
KEEP_FIRST = 'first = self.__dict__.setdefault("first", type("Call", (), dict(X=X, h=np.tanh(X))))\n'

APPLIED = "Is the function applied at all?"
TERMS = "Put a number such as u = 1 into your formula and into the assignment's, and compare term by term."
BETWEEN = "Between which two values must tanh lie, and what is it at 0?"
ANOTHER = "That is another function: which one does the assignment ask for?"
WHICH = "Which of the two activations belongs in this class?"
KEPT = "What a layer keeps must be renewed in each forward."
CHAIN = "By the chain rule every gradient holds what came from above."
SLOPE = "Write the derivative down as a function of tanh(X), and compare with your line."
SQUARE = "Of which quantity must the square be taken, and where does it belong?"
SIDE = "Which side of 0 does relu let through, and what does it do to the other?"
THREE = "What does relu return for u = 3?"
FROM = "From which input on does relu let through?"
COMPARED = "With which number is u compared?"
INDICATOR = "relu's derivative is 1 or 0: which of your factors can be anything else?"
DECIDES = "Which quantity decides what relu lets through?"
NO_RETURN = "What does a function return that has no return statement?"
HANDS_ON = "What does backward hand to the layer before?"


def _body(layer: str, value: str, number: float | None) -> tuple[Body, ...]:
    """A forward that returns this value, and keeps what the shipped backward needs; with what the value uses."""
    given = (KEEP_FIRST if "first." in value else "") + ("" if number is None else f"number = {number}\n")
    if layer == "relu":
        return (Body("relu.forward", f"{given}self.mask = X > 0\nreturn {value}"),)
    # The backward stays right: it does not use what the forward keeps.
    right = Body("tanh.backward", "return grad * (1 - np.tanh(X) ** 2)")
    return (Body("tanh.forward", f"{given}self.h = {value}\nreturn self.h"), right)


def _forward(
    layer: str, name: str, hint: str, value: str, estimate: Estimate | None = None, number: float | None = None
) -> Mistake:
    """A mistake in h = `value`; with a `number`, which stands in it and for which an estimate looks."""
    plug = _body(layer, value, number)
    return Mistake(TODOS[f"{layer}.output"], f"{layer}.output", name, hint, Expression(value), estimate, plug=plug)


def _backward(
    layer: str, name: str, hint: str, value: str, estimate: Estimate | None = None, number: float | None = None
) -> Mistake:
    """The same in ∂l/∂X = `value`."""
    lines = (KEEP_FIRST if "first." in value else "") + ("h = self.h\n" if layer == "tanh" else "")
    lines += "" if number is None else f"number = {number}\n"
    return _as_written(layer, "gradient of X", name, hint, Expression(value), f"{lines}return {value}", estimate)


def _as_written(
    layer: str, what: str, name: str, hint: str, formula: Formula, statements: str, estimate: Estimate | None = None
) -> Mistake:
    function = f"{layer}.{'forward' if what == 'output' else 'backward'}"
    operation = f"{layer}.{what}"
    return Mistake(TODOS[operation], operation, name, hint, formula, estimate, plug=(Body(function, statements),))


# ---- numbers that a formula holds

Quotient = Callable[[Call], tuple[NDArray[Any], NDArray[Any]]]
"""A quotient of each element, and at which elements it tells the number that is looked for."""


def _one_number(quotient: Quotient) -> Estimate:
    """One number that a quotient is everywhere, over the elements of all wrong float64 calls that tell it."""

    def estimate(calls: Sequence[Call]) -> float | None:
        quotients = []
        for call in calls:
            if call.dtype == np.float64 and call.wrong and np.asarray(call.got).size:
                values, tell = quotient(call)
                quotients.append(np.asarray(values, np.float64)[tell])
        known = np.concatenate(quotients)
        return likeliest(float(np.median(known))) or None if known.size else None

    return estimate


def _slope_of_negatives(call: Call) -> tuple[NDArray[Any], NDArray[Any]]:
    x, got = np.asarray(call.X.value, np.float64), np.asarray(call.got)
    return (got / x if call.operation == "relu.output" else got / np.asarray(call.grad.value)), x < 0


def _steepness(call: Call) -> tuple[NDArray[Any], NDArray[Any]]:
    x, got = np.asarray(call.X.value, np.float64), np.asarray(call.got)
    return np.arctanh(got) / x, (np.abs(x) > 0.1) & (np.abs(got) < 0.9)


def _threshold(calls: Sequence[Call]) -> float | None:
    """A number, not 0, above which inputs are let through and up to which they are not."""
    passed, stopped = [], []
    for call in calls:
        x, got = np.asarray(call.X.value, np.float64), np.asarray(call.got)
        passed += x[(got != 0) & (x != 0)].tolist()
        stopped += x[(got == 0) & (x != 0)].tolist()
    low, high = max(stopped), min(passed)
    if not low < high or low < 0 < high:
        return None
    return next((c for c in (-1.0, -0.5, -0.1, 0.1, 0.5, 1.0, 2.0) if low <= c < high), low)


def _least(calls: Sequence[Call]) -> float | None:
    """The smallest output, where it is not 0."""
    return likeliest(min(float(np.asarray(call.got).min()) for call in calls if call.dtype == np.float64)) or None


# ---- the tables

TANH_FORWARD = (
    _forward("tanh", "the output is the input", APPLIED, "1 * X"),
    _forward("tanh", "the factor 2 of the exponent is missing", TERMS, "2 / (1 + np.exp(-X)) - 1"),
    _forward("tanh", "the exponent has the wrong sign", TERMS, "-np.tanh(X)"),
    _forward("tanh", "the −1 is missing", TERMS, "np.tanh(X) + 1"),
    _forward("tanh", "the output is the sigmoid", BETWEEN, "1 / (1 + np.exp(-X))"),
    _forward("tanh", "the factor 2 in front is missing", TERMS, "1 / (1 + np.exp(-2 * X)) - 1"),
    _forward("tanh", "1 is added, where it is subtracted", TERMS, "np.tanh(X) + 2"),
    _forward(
        "tanh",
        "numerator and denominator are exchanged",
        "Which of the two grows faster? Between which values must tanh lie?",
        "1 / np.tanh(X)",
    ),
    _forward("tanh", "the denominator is 2: the output is sinh", BETWEEN, "(np.exp(X) - np.exp(-X)) / 2"),
    _forward("tanh", "the output is tan, the trigonometric function", ANOTHER, "np.tan(X)"),
    _forward("tanh", "the output is arctan", ANOTHER, "np.arctan(X)"),
    _forward("tanh", "the output is relu", WHICH, "np.maximum(X, 0)"),
    _forward(
        "tanh",
        "the forward returns the derivative",
        "What does the forward return, and what the backward?",
        "1 - np.tanh(X) * np.tanh(X)",
    ),
    _as_written(
        "tanh", "output", "the forward returns several things", "forward returns h alone.", lambda call: SEVERAL,
        "self.h = np.tanh(X)\nreturn self.h, 1 - self.h**2",
    ),
    _forward(
        "tanh", "tanh is taken of a multiple of u", "Which factor has u in the exponent?", "np.tanh(number * X)",
        _one_number(_steepness), 0.25,
    ),
    _as_written(
        "tanh", "output", "the forward returns nothing", NO_RETURN, lambda call: NOTHING, "self.h = np.tanh(X)"
    ),
)  # fmt: skip

TANH_BACKWARD = (
    _backward(
        "tanh",
        "the derivative is left out: backward returns grad",
        "What is the slope of tanh where u is large?",
        "1 * grad",
    ),
    _backward("tanh", "the derivative is 1 − X², of the input", SQUARE, "grad * (1 - X * X)"),
    _backward("tanh", "grad is left out", CHAIN, "1 - h * h"),
    _backward("tanh", "the square is missing: the derivative is 1 − h", SLOPE, "grad * (1 - h)"),
    _backward("tanh", "the derivative is 1 + h²", SLOPE, "grad * (1 + h * h)"),
    _backward("tanh", "the derivative has the wrong sign", SLOPE, "grad * (h * h - 1)"),
    _backward("tanh", "the derivative is h²", SLOPE, "grad * h * h"),
    _backward("tanh", "the derivative is the sigmoid's, h (1 − h)", ANOTHER, "grad * h * (1 - h)"),
    _backward("tanh", "the derivative is (1 − h)²", SQUARE, "grad * (1 - h) * (1 - h)"),
    _backward(
        "tanh",
        "tanh is applied twice in the derivative",
        "Is what you take tanh of already a tanh?",
        "grad * (1 - np.tanh(h) * np.tanh(h))",
    ),
    _backward("tanh", "the derivative is 1 − grad²", SQUARE, "grad * (1 - grad * grad)"),
    _backward(
        "tanh",
        "brackets are missing: grad − h²",
        "In which order does Python evaluate this line?",
        "grad * 1 - h * h",
    ),
    _backward("tanh", "the derivative is divided by, where it is multiplied", CHAIN, "grad / (1 - h * h)"),
    _backward("tanh", "grad is added, where it is multiplied", CHAIN, "grad + (1 - h * h)"),
    _backward("tanh", "the derivative is 1 − 2h", SLOPE, "grad * (1 - 2 * h)"),
    _backward("tanh", "the derivative is multiplied by X, not by grad", CHAIN, "X * (1 - h * h)"),
    _as_written(
        "tanh", "gradient of X", "backward returns several things", "backward returns ∂l/∂X alone.",
        lambda call: SEVERAL, "return grad * (1 - self.h * self.h), self.h",
    ),
    _backward("tanh", "the derivative is relu's", WHICH, "grad * (X > 0)"),
    _backward("tanh", "the output of an earlier call is used", KEPT, "grad * (1 - first.h * first.h)"),
    _as_written(
        "tanh", "gradient of X", "backward returns nothing", HANDS_ON, lambda call: NOTHING, "grad * (1 - self.h**2)"
    ),
)  # fmt: skip

RELU_FORWARD = (
    _forward("relu", "the output is the input", APPLIED, "1 * X"),
    _forward("relu", "the smaller one is taken: min(0, u)", SIDE, "np.minimum(X, 0)"),
    _forward("relu", "the output is |u|", SIDE, "np.abs(X)"),
    _forward("relu", "the output is 1 where u > 0, not u", THREE, "np.where(X > 0, 0 * X + 1, 0)"),
    _forward("relu", "the output is max(0, −u)", SIDE, "np.maximum(-X, 0)"),
    _forward("relu", "negative inputs leak through with slope 0.01", SIDE, "np.where(X > 0, X, 0.01 * X)"),
    _forward("relu", "the larger of u and 1 is taken", COMPARED, "np.maximum(X, 1)"),
    _as_written(
        "relu", "output", "the forward returns several things", "forward returns h alone.", lambda call: SEVERAL,
        "self.mask = X > 0\nreturn np.maximum(X, 0), self.mask",
    ),
    _forward(
        "relu", "negative inputs leak through with another slope than 0", SIDE, "np.where(X > 0, X, number * X)",
        _one_number(_slope_of_negatives), 0.3,
    ),
    _forward(
        "relu", "the larger of u and another number than 0 is taken", COMPARED, "np.maximum(X, number)", _least, 0.02
    ),
    _forward("relu", "the threshold is not 0", FROM, "np.where(X > number, X, 0)", _threshold, 0.5),
    _forward("relu", "the output is tanh", WHICH, "np.tanh(X)"),
    _forward("relu", "the output is the sigmoid", ANOTHER, "1 / (1 + np.exp(-X))"),
    _forward("relu", "the forward uses the mask of an earlier call", KEPT, "np.where(first.X > 0, X, 0)"),
    _as_written(
        "relu", "output", "the forward returns nothing", NO_RETURN, lambda call: NOTHING, "self.mask = X > 0"
    ),
)  # fmt: skip


def _half_at_0(call: Call) -> object:
    """½ at every 0: none of them has the derivative 0 or 1."""
    if call.free is not None and call.free.any():
        return None
    return Expression("np.where(X == 0, grad / 2, np.where(X > 0, grad, 0))")(call)


RELU_BACKWARD = (
    _backward("relu", "the derivative is left out: backward returns grad", INDICATOR, "1 * grad"),
    _backward("relu", "grad is left out", CHAIN, "np.where(X > 0, 0 * X + 1, 0)"),
    _backward("relu", "the derivative is of the wrong side: 1 where u < 0", SIDE, "np.where(X < 0, grad, 0)"),
    _backward("relu", "the sign of grad is asked, not that of X", DECIDES, "np.maximum(grad, 0)"),
    _backward("relu", "grad is multiplied by the output, not by 1 where u > 0", INDICATOR, "grad * np.maximum(X, 0)"),
    _backward("relu", "grad is multiplied by the input", INDICATOR, "grad * X"),
    _backward("relu", "the derivative has the wrong sign", SIDE, "np.where(X > 0, -grad, 0)"),
    _backward("relu", "the derivative is −1 where u < 0", SIDE, "np.where(X > 0, grad, -grad)"),
    _backward("relu", "the derivative leaks: 0.01 where u < 0", SIDE, "np.where(X > 0, grad, 0.01 * grad)"),
    _backward("relu", "the derivative is 1 beyond 1 alone", FROM, "np.where(X > 1, grad, 0)"),
    _backward(
        "relu",
        "backward returns X where grad > 0",
        "Which quantity decides, and which is let through?",
        "np.where(grad > 0, X, 0)",
    ),
    _backward("relu", "backward returns the output", CHAIN, "np.maximum(X, 0)"),
    _backward(
        "relu",
        "only where both X and grad are positive is grad let through",
        DECIDES,
        "np.where((X > 0) & (grad > 0), grad, 0)",
    ),
    _as_written(
        "relu", "gradient of X", "backward returns several things", "backward returns ∂l/∂X alone.",
        lambda call: SEVERAL, "return grad * self.mask, self.mask",
    ),
    _backward(
        "relu", "the derivative leaks: it is not 0 where u < 0", SIDE, "np.where(X > 0, grad, number * grad)",
        _one_number(_slope_of_negatives), 0.3,
    ),
    _backward("relu", "the derivative's threshold is not 0", FROM, "np.where(X > number, grad, 0)", _threshold, -0.5),
    _backward("relu", "the derivative is tanh's", WHICH, "grad * (1 - np.tanh(X) * np.tanh(X))"),
    _backward("relu", "the mask of an earlier call is used", KEPT, "np.where(first.X > 0, grad, 0)"),
    _as_written(
        "relu", "gradient of X", "backward returns nothing", HANDS_ON, lambda call: NOTHING, "grad * self.mask"
    ),
    _as_written(
        "relu", "gradient of X", "the derivative at exactly 0 is ½",
        "At exactly 0 take 0 or 1: a subgradient that the assignment names.", _half_at_0,
        "return np.where(X == 0, grad / 2, np.where(X > 0, grad, 0))",
    ),
)  # fmt: skip

OVERFLOWS = "e to the 1000th is no float, and ∞/∞ or ∞ − ∞ no number: which of your terms grows without bound?"
NAIVE = "e, f = np.exp(X), np.exp(-X)\n"


def _is_nan(case: Case, q: Quantity, comparison: Comparison) -> bool:
    return q.name.endswith("tanh, large inputs") and comparison.got is not None and math.isnan(comparison.got)


LARGE = (
    Mistake(
        "5",
        "tanh.large",
        "overflows: NaN for large inputs",
        OVERFLOWS,
        shown_by=_is_nan,
        plug=(Body("tanh.forward", f"{NAIVE}self.h = (e - f) / (e + f)\nreturn self.h"),),
    ),
    Mistake(
        "6",
        "tanh.large",
        "overflows: NaN for large inputs",
        OVERFLOWS,
        shown_by=_is_nan,
        plug=(Body("tanh.backward", f"{NAIVE}h = (e - f) / (e + f)\nreturn grad * (1 - h * h)"),),
    ),
)

ACTIVATIONS = (*LARGE, *TANH_FORWARD, *TANH_BACKWARD, *RELU_FORWARD, *RELU_BACKWARD)
