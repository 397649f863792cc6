"""Known mistakes of tanh (TODOs 5 and 6) and relu (TODOs 7 and 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.diagnosis.readable_numbers import likeliest
from parity_tests.harness.diagnosis.running_error import where
from parity_tests.protocol.mistake import NOTHING, SEVERAL, Body, Call, Estimate, Formula, Mistake


def _tanh(name: str, hint: str, formula: Formula, value: str) -> Mistake:
    body = value if "return" in value or "self." in value else f"self.h = {value}\nreturn self.h"
    # The backward stays right: it does not use what the forward keeps.
    plug = (Body("tanh.forward", body), Body("tanh.backward", "return grad * (1 - np.tanh(X) ** 2)"))
    return Mistake("5", "tanh.output", name, hint, formula, plug=plug)


def _tanh_back(name: str, hint: str, formula: Formula, value: str) -> Mistake:
    body = value if "\n" in value or value == "pass" else f"return {value}"
    return Mistake("6", "tanh.gradient of X", name, hint, formula, plug=(Body("tanh.backward", body),))


def _relu(name: str, hint: str, formula: Formula, value: str) -> Mistake:
    body = value if "\n" in value or "self." in value else f"self.mask = X > 0\nreturn {value}"
    return Mistake("7", "relu.output", name, hint, formula, plug=(Body("relu.forward", body),))


def _relu_back(name: str, hint: str, formula: Formula, value: str) -> Mistake:
    body = value if "\n" in value or value == "pass" else f"return {value}"
    return Mistake("8", "relu.gradient of X", name, hint, formula, plug=(Body("relu.backward", body),))


def _first(a: Call) -> Call:
    return a.past[0] if a.past else a


Pick = Callable[[Call], tuple[NDArray[Any], NDArray[Any]]]


def _ratio(pick: Pick) -> Estimate:
    """One number that a quotient is everywhere, over the elements and quotients picked of all float64 calls."""

    def estimate(asked: Sequence[Call]) -> float | None:
        quotients = [
            np.asarray(over, np.float64)[inside]
            for over, inside in (pick(a) for a in asked if a.dtype == np.float64 and a.wrong and np.asarray(a.got).size)
        ]
        known = np.concatenate(quotients)
        return likeliest(float(np.median(known))) or None if known.size else None

    return estimate


def _negative_part(a: Call) -> tuple[NDArray[Any], NDArray[Any]]:
    x = np.asarray(a.X.value, np.float64)
    over = np.asarray(a.got) if a.operation == "relu.output" else np.asarray(a.got) * x / np.asarray(a.grad.value)
    return over / x, x < 0


def _steepness(a: Call) -> tuple[NDArray[Any], NDArray[Any]]:
    x = np.asarray(a.X.value, np.float64)
    return np.arctanh(np.asarray(a.got)) / x, (np.abs(x) > 0.1) & (np.abs(np.asarray(a.got)) < 0.9)


def _height_and_steepness(asked: Sequence[Call]) -> tuple[float, float] | None:
    """c and k of c tanh(k u): c is the largest output, where u goes to 40."""
    outputs = [np.abs(np.asarray(a.got)).max() for a in asked if a.dtype == np.float64 and np.abs(a.X.value).max() > 30]
    height = likeliest(float(max(outputs))) if outputs else None
    if not height:
        return None

    def quotient(a: Call) -> tuple[NDArray[Any], NDArray[Any]]:
        x, share = np.asarray(a.X.value, np.float64), np.asarray(a.got) / height
        return np.arctanh(share) / x, (np.abs(x) > 0.1) & (np.abs(share) < 0.9)

    steepness = _ratio(quotient)(asked)
    return (height, steepness) if steepness else None


def _threshold(asked: Sequence[Call]) -> float | None:
    """A number, not 0, above which inputs are let through and up to which they are not."""
    through, held = [], []
    for a in asked:
        x, got = np.asarray(a.X.value, np.float64), np.asarray(a.got)
        through += x[(got != 0) & (x != 0)].tolist()
        held += x[(got == 0) & (x != 0)].tolist()
    low, high = max(held), min(through)
    if not low < high or low < 0 < high:
        return None
    return next((c for c in (-1.0, -0.5, -0.1, 0.1, 0.5, 1.0, 2.0) if low <= c < high), low)


def _pade(a: Call) -> Any:
    return a.X * (27 + a.X * a.X) / (27 + 9 * a.X * a.X)


def _least(asked: Sequence[Call]) -> float | None:
    """The smallest output, where it is not 0."""
    return likeliest(min(float(np.asarray(a.got).min()) for a in asked if a.dtype == np.float64)) or None


def _row_sums(a: Call) -> NDArray[Any]:
    return np.asarray(a.X.value.sum(axis=-1, keepdims=True) > 0)


def _row_any(a: Call) -> NDArray[Any]:
    return np.asarray((a.X.value > 0).any(axis=-1, keepdims=True))


TERMS = "Put a number such as u = 1 into your formula and into the assignment's, and compare term by term."
KEPT = "What a layer keeps must be renewed in each forward."
CHAIN = "By the chain rule every gradient holds what came from above."
SLOPE = "Write the derivative down as a function of tanh(X), and compare with your line."

TANH_FORWARD = (
    _tanh("the output is the input", "Is the function applied at all?", lambda a: a.X, "X.copy()"),
    _tanh(
        "the factor 2 of the exponent is missing",
        TERMS,
        lambda a: 2 / (1 + np.exp(-a.X)) - 1,
        "2 / (1 + np.exp(-X)) - 1",
    ),
    _tanh("the exponent has the wrong sign", TERMS, lambda a: -np.tanh(a.X), "2 / (1 + np.exp(2 * X)) - 1"),
    _tanh("the −1 is missing", TERMS, lambda a: np.tanh(a.X) + 1, "2 / (1 + np.exp(-2 * X))"),
    _tanh(
        "the output is the sigmoid",
        "Between which two values must tanh lie, and what is it at 0?",
        lambda a: 1 / (1 + np.exp(-a.X)),
        "1 / (1 + np.exp(-X))",
    ),
    _tanh(
        "the output is the sigmoid of 2u",
        "Between which two values must tanh lie, and what is it at 0?",
        lambda a: 1 / (1 + np.exp(-2 * a.X)),
        "1 / (1 + np.exp(-2 * X))",
    ),
    _tanh(
        "the factor 2 in front is missing",
        TERMS,
        lambda a: 1 / (1 + np.exp(-2 * a.X)) - 1,
        "1 / (1 + np.exp(-2 * X)) - 1",
    ),
    _tanh("1 is added, where it is subtracted", TERMS, lambda a: np.tanh(a.X) + 2, "2 / (1 + np.exp(-2 * X)) + 1"),
    _tanh("the exponent's factor is 4", TERMS, lambda a: np.tanh(2 * a.X), "2 / (1 + np.exp(-4 * X)) - 1"),
    _tanh(
        "numerator and denominator are exchanged",
        "Which of the two grows faster? Between which values must tanh lie?",
        lambda a: 1 / np.tanh(a.X),
        "1 / np.tanh(X)",
    ),
    _tanh(
        "the denominator is 2: the output is sinh",
        "Between which two values must tanh lie?",
        lambda a: (np.exp(a.X) - np.exp(-a.X)) / 2,
        "(np.exp(X) - np.exp(-X)) / 2",
    ),
    _tanh(
        "the output is tan, the trigonometric function",
        "tan and tanh are different functions.",
        lambda a: np.tan(a.X),
        "np.tan(X)",
    ),
    _tanh("the output is arctan", "arctan and tanh are different functions.", lambda a: np.arctan(a.X), "np.arctan(X)"),
    _tanh(
        "the output is relu",
        "Which of the two activations belongs in this class?",
        lambda a: np.maximum(a.X, 0),
        "np.maximum(X, 0)",
    ),
    _tanh(
        "the output is clipped to [−1, 1], and straight between",
        "tanh bends: what is tanh(0.5)?",
        lambda a: np.maximum(np.minimum(a.X, 1), -1),
        "np.clip(X, -1, 1)",
    ),
    _tanh(
        "the output is u / (1 + |u|)",
        "That is another function of the same shape.",
        lambda a: a.X / (1 + abs(a.X)),
        "X / (1 + np.abs(X))",
    ),
    _tanh(
        "tanh is applied twice",
        "How often is the function applied?",
        lambda a: np.tanh(np.tanh(a.X)),
        "np.tanh(np.tanh(X))",
    ),
    _tanh(
        "the forward uses the input of an earlier call",
        KEPT,
        lambda a: np.tanh(_first(a).X),
        "self.kept = getattr(self, 'kept', X)\nself.h = np.tanh(self.kept)\nreturn self.h",
    ),
    _tanh(
        "the forward returns the derivative",
        "What does the forward return, and what the backward?",
        lambda a: 1 - np.tanh(a.X) * np.tanh(a.X),
        "1 - np.tanh(X) ** 2",
    ),
    _tanh(
        "the sign of u is lost: the output is tanh(|u|)",
        "What is tanh(−1)?",
        lambda a: np.tanh(abs(a.X)),
        "np.tanh(np.abs(X))",
    ),
    _tanh("the output is 1 − tanh(u)", TERMS, lambda a: 1 - np.tanh(a.X), "1 - np.tanh(X)"),
    _tanh("the output is tanh², a square", TERMS, lambda a: np.tanh(a.X) * np.tanh(a.X), "np.tanh(X) ** 2"),
    _tanh(
        "the denominator is missing: the output is e^u − e^(−u)",
        "Between which two values must tanh lie?",
        lambda a: np.exp(a.X) - np.exp(-a.X),
        "np.exp(X) - np.exp(-X)",
    ),
    _tanh(
        "the output is cosh",
        "Between which two values must tanh lie, and what is it at 0?",
        lambda a: (np.exp(a.X) + np.exp(-a.X)) / 2,
        "(np.exp(X) + np.exp(-X)) / 2",
    ),
    _tanh(
        "the output is 1 / cosh",
        "What is tanh at 0?",
        lambda a: 2 / (np.exp(a.X) + np.exp(-a.X)),
        "2 / (np.exp(X) + np.exp(-X))",
    ),
    _tanh(
        "the output is the approximation u (27 + u²) / (27 + 9 u²)",
        "Every digit is asked for: the formula is exact, or np.tanh.",
        lambda a: [_pade(a), np.maximum(np.minimum(_pade(a), 1), -1)],
        "X * (27 + X * X) / (27 + 9 * X * X)",
    ),
    _tanh(
        "the output is the approximation u − u³/3",
        "Every digit is asked for: the formula is exact, or np.tanh.",
        lambda a: a.X - a.X * a.X * a.X / 3,
        "X - X * X * X / 3",
    ),
    _tanh(
        "the forward returns several things",
        "forward returns h alone.",
        lambda a: SEVERAL,
        "self.h = np.tanh(X)\nreturn self.h, 1 - self.h**2",
    ),
    replace(
        _tanh(
            "tanh is taken of a multiple of u",
            "Which factor has u in the exponent?",
            lambda a: np.tanh(a.number * a.X),
            "np.tanh(0.25 * X)",
        ),
        estimate=_ratio(_steepness),
    ),
    replace(
        _tanh(
            "tanh is taken of a multiple of u, and scaled",
            "Between which two values must tanh lie? Which factor has u in the exponent?",
            lambda a: a.number[0] * np.tanh(a.number[1] * a.X),
            "1.7159 * np.tanh(2 / 3 * X)",
        ),
        estimate=_height_and_steepness,
    ),
    _tanh(
        "the forward returns nothing",
        "What does a function return that has no return statement?",
        lambda a: NOTHING,
        "self.h = np.tanh(X)",
    ),
)

TANH_BACKWARD = (
    _tanh_back(
        "the derivative is left out: backward returns grad",
        "What is the slope of tanh where u is large?",
        lambda a: a.grad,
        "grad.copy()",
    ),
    _tanh_back(
        "the derivative is 1 − X², of the input",
        "The square in 1 − h² is that of the output, not of the input.",
        lambda a: a.grad * (1 - a.X * a.X),
        "grad * (1 - X * X)",
    ),
    _tanh_back("grad is left out", CHAIN, lambda a: 1 - a.h * a.h, "1 - self.h * self.h"),
    _tanh_back(
        "the square is missing: the derivative is 1 − h", SLOPE, lambda a: a.grad * (1 - a.h), "grad * (1 - self.h)"
    ),
    _tanh_back("the derivative is 1 + h²", SLOPE, lambda a: a.grad * (1 + a.h * a.h), "grad * (1 + self.h * self.h)"),
    _tanh_back(
        "the derivative has the wrong sign", SLOPE, lambda a: a.grad * (a.h * a.h - 1), "grad * (self.h * self.h - 1)"
    ),
    _tanh_back("the derivative is h²", SLOPE, lambda a: a.grad * a.h * a.h, "grad * self.h * self.h"),
    _tanh_back("the derivative is h, the output", SLOPE, lambda a: a.grad * a.h, "grad * self.h"),
    _tanh_back(
        "the derivative is the sigmoid's, h (1 − h)",
        "That is the derivative of another function.",
        lambda a: a.grad * a.h * (1 - a.h),
        "grad * self.h * (1 - self.h)",
    ),
    _tanh_back(
        "the derivative is (1 − h)²",
        "Where does the square belong?",
        lambda a: a.grad * (1 - a.h) * (1 - a.h),
        "grad * (1 - self.h) ** 2",
    ),
    _tanh_back(
        "tanh is applied twice in the derivative",
        "Is what you take tanh of already a tanh?",
        lambda a: a.grad * (1 - np.tanh(a.h) * np.tanh(a.h)),
        "grad * (1 - np.tanh(self.h) ** 2)",
    ),
    _tanh_back(
        "the derivative is taken at grad",
        "Of which quantity must 1 − tanh² be taken?",
        lambda a: a.grad * (1 - np.tanh(a.grad) * np.tanh(a.grad)),
        "grad * (1 - np.tanh(grad) ** 2)",
    ),
    _tanh_back(
        "the derivative is 1 − grad²",
        "Of which quantity must the square be taken?",
        lambda a: a.grad * (1 - a.grad * a.grad),
        "grad * (1 - grad * grad)",
    ),
    _tanh_back(
        "brackets are missing: grad − h²",
        "In which order does Python evaluate this line?",
        lambda a: a.grad - a.h * a.h,
        "grad * 1 - self.h * self.h",
    ),
    _tanh_back(
        "the derivative is multiplied twice",
        "Count the factors.",
        lambda a: a.grad * (1 - a.h * a.h) * (1 - a.h * a.h),
        "grad * (1 - self.h * self.h) ** 2",
    ),
    _tanh_back(
        "the derivative is doubled",
        "Count the factors.",
        lambda a: 2 * a.grad * (1 - a.h * a.h),
        "2 * grad * (1 - self.h * self.h)",
    ),
    _tanh_back(
        "the derivative is halved",
        "Count the factors.",
        lambda a: a.grad * (1 - a.h * a.h) / 2,
        "grad * (1 - self.h * self.h) / 2",
    ),
    _tanh_back(
        "the derivative is the square root of 1 − h²",
        SLOPE,
        lambda a: a.grad * np.sqrt(1 - a.h * a.h),
        "grad * np.sqrt(1 - self.h * self.h)",
    ),
    _tanh_back(
        "the derivative is divided by, where it is multiplied",
        CHAIN,
        lambda a: a.grad / (1 - a.h * a.h),
        "grad / (1 - self.h * self.h)",
    ),
    _tanh_back(
        "grad is added, where it is multiplied",
        CHAIN,
        lambda a: a.grad + (1 - a.h * a.h),
        "grad + (1 - self.h * self.h)",
    ),
    _tanh_back(
        "h is cubed, where it is squared", SLOPE, lambda a: a.grad * (1 - a.h * a.h * a.h), "grad * (1 - self.h**3)"
    ),
    _tanh_back("the derivative is 1 − |h|", SLOPE, lambda a: a.grad * (1 - abs(a.h)), "grad * (1 - np.abs(self.h))"),
    _tanh_back("the derivative is 1 − 2h", SLOPE, lambda a: a.grad * (1 - 2 * a.h), "grad * (1 - 2 * self.h)"),
    _tanh_back("the derivative is −2h", SLOPE, lambda a: -2 * a.grad * a.h, "-2 * grad * self.h"),
    _tanh_back(
        "the derivative is arctan's, 1 / (1 + u²)",
        "That is the derivative of another function.",
        lambda a: a.grad / (1 + a.X * a.X),
        "grad / (1 + X * X)",
    ),
    _tanh_back(
        "the derivative is 1 − sigmoid²",
        "Of which function must the square be taken?",
        lambda a: a.grad * (1 - 1 / ((1 + np.exp(-a.X)) * (1 + np.exp(-a.X)))),
        "grad * (1 - (1 / (1 + np.exp(-X))) ** 2)",
    ),
    _tanh_back(
        "tanh of grad is taken",
        CHAIN,
        lambda a: np.tanh(a.grad) * (1 - a.h * a.h),
        "np.tanh(grad) * (1 - self.h * self.h)",
    ),
    _tanh_back(
        "grad is squared", CHAIN, lambda a: a.grad * a.grad * (1 - a.h * a.h), "grad * grad * (1 - self.h * self.h)"
    ),
    _tanh_back(
        "the derivative is multiplied by X, not by grad",
        CHAIN,
        lambda a: a.X * (1 - a.h * a.h),
        "X * (1 - self.h * self.h)",
    ),
    _tanh_back(
        "X stands in the product beside grad",
        CHAIN,
        lambda a: a.grad * a.X * (1 - a.h * a.h),
        "grad * X * (1 - self.h * self.h)",
    ),
    _tanh_back(
        "grad is subtracted, where it is multiplied",
        CHAIN,
        lambda a: (1 - a.h * a.h) - a.grad,
        "(1 - self.h * self.h) - grad",
    ),
    _tanh_back(
        "backward returns several things",
        "backward returns ∂l/∂X alone.",
        lambda a: SEVERAL,
        "return grad * (1 - self.h * self.h), self.h\n",
    ),
    _tanh_back(
        "the derivative is relu's",
        "Which of the two activations belongs in this class?",
        lambda a: a.grad * (a.X.value > 0),
        "grad * (X > 0)",
    ),
    _tanh_back(
        "the output of an earlier call is used",
        KEPT,
        lambda a: a.grad * (1 - _first(a).h * _first(a).h),
        "self.kept = getattr(self, 'kept', self.h)\nreturn grad * (1 - self.kept * self.kept)",
    ),
    _tanh_back(
        "backward returns nothing",
        "What does backward hand to the layer before?",
        lambda a: NOTHING,
        "grad * (1 - self.h * self.h)\nreturn None",
    ),
)

SIDE = "Which side of 0 does relu let through, and what does it do to the other?"
INDICATOR = "relu's derivative is 1 or 0: which of your factors can be anything else?"

RELU_FORWARD = (
    _relu("the output is the input", "Is the function applied at all?", lambda a: a.X, "X.copy()"),
    _relu("the smaller one is taken: min(0, u)", SIDE, lambda a: np.minimum(a.X, 0), "np.minimum(X, 0)"),
    _relu("the output is |u|", SIDE, lambda a: abs(a.X), "np.abs(X)"),
    _relu(
        "the output is 1 where u > 0, not u",
        "What does relu return for u = 3?",
        lambda a: where(a.X.value > 0, 0 * a.X + 1, 0),
        "(X > 0).astype(X.dtype)",
    ),
    _relu("the output has the wrong sign", SIDE, lambda a: -np.maximum(a.X, 0), "-np.maximum(X, 0)"),
    _relu("the output is max(0, −u)", SIDE, lambda a: np.maximum(-a.X, 0), "np.maximum(-X, 0)"),
    _relu(
        "negative inputs leak through with slope 0.01",
        SIDE,
        lambda a: where(a.X.value > 0, a.X, 0.01 * a.X),
        "np.where(X > 0, X, 0.01 * X)",
    ),
    _relu(
        "negative inputs leak through with slope 0.1",
        SIDE,
        lambda a: where(a.X.value > 0, a.X, 0.1 * a.X),
        "np.where(X > 0, X, 0.1 * X)",
    ),
    _relu(
        "the output is clipped at 1",
        "relu has no upper bound.",
        lambda a: np.minimum(np.maximum(a.X, 0), 1),
        "np.clip(X, 0, 1)",
    ),
    _relu(
        "the output is clipped at 6",
        "relu has no upper bound.",
        lambda a: np.minimum(np.maximum(a.X, 0), 6),
        "np.clip(X, 0, 6)",
    ),
    _relu(
        "the threshold is 1, not 0",
        "From which input on does relu let through?",
        lambda a: where(a.X.value > 1, a.X, 0),
        "np.where(X > 1, X, 0)",
    ),
    _relu(
        "the larger of u and 1 is taken",
        "With which number is u compared?",
        lambda a: np.maximum(a.X, 1),
        "np.maximum(X, 1)",
    ),
    _relu("negative inputs become −1", SIDE, lambda a: where(a.X.value > 0, a.X, -1), "np.where(X > 0, X, -1)"),
    _relu(
        "the output is log(1 + e^u)",
        "That is a smooth function of the same shape.",
        lambda a: np.log(1 + np.exp(-abs(a.X))) + np.maximum(a.X, 0),
        "np.logaddexp(0, X)",
    ),
    _relu(
        "the output is u² where u > 0",
        "What does relu return for u = 3?",
        lambda a: where(a.X.value > 0, a.X * a.X, 0),
        "np.where(X > 0, X * X, 0)",
    ),
    _relu(
        "negative inputs become e^u − 1",
        "That is a smooth function of the same shape.",
        lambda a: where(a.X.value > 0, a.X, np.exp(np.minimum(a.X, 0)) - 1),
        "np.where(X > 0, X, np.exp(np.minimum(X, 0)) - 1)",
    ),
    _relu(
        "the output is u times the sigmoid",
        "That is a smooth function of the same shape.",
        lambda a: a.X / (1 + np.exp(-a.X)),
        "X / (1 + np.exp(-X))",
    ),
    _relu(
        "whole rows are let through, by the sign of their sum",
        "relu looks at every element on its own.",
        lambda a: where(_row_sums(a), a.X, 0),
        "np.where(X.sum(axis=-1, keepdims=True) > 0, X, 0)",
    ),
    _relu(
        "whole rows are let through where any of their elements is positive",
        "relu looks at every element on its own.",
        lambda a: where(_row_any(a), a.X, 0),
        "np.where((X > 0).any(axis=-1, keepdims=True), X, 0)",
    ),
    _relu("negative inputs become 1", SIDE, lambda a: where(a.X.value > 0, a.X, 1), "np.where(X > 0, X, 1)"),
    _relu(
        "1 is added",
        "What does relu return for u = 3, and for u = −3?",
        lambda a: np.maximum(a.X, 0) + 1,
        "np.maximum(X, 0) + 1",
    ),
    _relu(
        "the square root of u is taken",
        "What does relu return for u = 4?",
        lambda a: np.sqrt(np.maximum(a.X, 0)),
        "np.sqrt(np.maximum(X, 0))",
    ),
    _relu(
        "the forward returns several things",
        "forward returns h alone.",
        lambda a: SEVERAL,
        "self.mask = X > 0\nreturn np.maximum(X, 0), self.mask",
    ),
    replace(
        _relu(
            "negative inputs leak through with another slope than 0",
            SIDE,
            lambda a: where(a.X.value > 0, a.X, a.number * a.X),
            "np.where(X > 0, X, 0.3 * X)",
        ),
        estimate=_ratio(_negative_part),
    ),
    replace(
        _relu(
            "the larger of u and another number than 0 is taken",
            "With which number is u compared?",
            lambda a: np.maximum(a.X, a.number),
            "np.maximum(X, 0.02)",
        ),
        estimate=_least,
    ),
    replace(
        _relu(
            "the threshold is not 0",
            "From which input on does relu let through?",
            lambda a: where(a.X.value > a.number, a.X, 0),
            "np.where(X > 0.5, X, 0)",
        ),
        estimate=_threshold,
    ),
    _relu(
        "the output is tanh",
        "Which of the two activations belongs in this class?",
        lambda a: np.tanh(a.X),
        "np.tanh(X)",
    ),
    _relu(
        "the output is the sigmoid", "Which function is this?", lambda a: 1 / (1 + np.exp(-a.X)), "1 / (1 + np.exp(-X))"
    ),
    _relu("the output is doubled", "Count the factors.", lambda a: 2 * np.maximum(a.X, 0), "2 * np.maximum(X, 0)"),
    _relu(
        "the output is halved",
        "(|u| + u) needs a factor: which?",
        lambda a: np.maximum(a.X, 0) / 2,
        "np.maximum(X, 0) / 2",
    ),
    _relu(
        "the forward uses the input of an earlier call",
        KEPT,
        lambda a: np.maximum(_first(a).X, 0),
        "self.mask = X > 0\nself.kept = getattr(self, 'kept', X)\nreturn np.maximum(self.kept, 0)",
    ),
    _relu(
        "the forward uses the mask of an earlier call",
        KEPT,
        lambda a: where(_first(a).X.value > 0, a.X, 0),
        "self.mask = X > 0\nself.kept = getattr(self, 'kept', self.mask)\nreturn X * self.kept",
    ),
    _relu(
        "the forward returns nothing",
        "What does a function return that has no return statement?",
        lambda a: NOTHING,
        "self.mask = X > 0\nself.h = np.maximum(X, 0)",
    ),
)

RELU_BACKWARD = (
    _relu_back("the derivative is left out: backward returns grad", INDICATOR, lambda a: a.grad, "grad.copy()"),
    _relu_back("grad is left out", CHAIN, lambda a: where(a.X.value > 0, 0 * a.X + 1, 0), "(X > 0).astype(X.dtype)"),
    _relu_back(
        "the derivative is of the wrong side: 1 where u < 0",
        SIDE,
        lambda a: where(a.X.value < 0, a.grad, 0),
        "grad * (X < 0)",
    ),
    _relu_back(
        "the sign of grad is asked, not that of X",
        "Which quantity decides what relu lets through?",
        lambda a: np.maximum(a.grad, 0),
        "np.maximum(grad, 0)",
    ),
    _relu_back(
        "grad is multiplied by the output, not by 1 where u > 0",
        INDICATOR,
        lambda a: a.grad * np.maximum(a.X, 0),
        "grad * np.maximum(X, 0)",
    ),
    _relu_back("grad is multiplied by the input", INDICATOR, lambda a: a.grad * a.X, "grad * X"),
    _relu_back(
        "the derivative has the wrong sign", SIDE, lambda a: where(a.X.value > 0, -a.grad, 0), "-grad * (X > 0)"
    ),
    _relu_back(
        "the derivative is −1 where u < 0", SIDE, lambda a: where(a.X.value > 0, a.grad, -a.grad), "grad * np.sign(X)"
    ),
    _relu_back(
        "the derivative leaks: 0.01 where u < 0",
        SIDE,
        lambda a: where(a.X.value > 0, a.grad, 0.01 * a.grad),
        "grad * np.where(X > 0, 1, 0.01)",
    ),
    _relu_back(
        "the derivative leaks: 0.1 where u < 0",
        SIDE,
        lambda a: where(a.X.value > 0, a.grad, 0.1 * a.grad),
        "grad * np.where(X > 0, 1, 0.1)",
    ),
    _relu_back(
        "the derivative is 1 beyond 1 alone",
        "From which input on does relu let through?",
        lambda a: where(a.X.value > 1, a.grad, 0),
        "grad * (X > 1)",
    ),
    _relu_back(
        "the derivative is doubled",
        "Count the factors.",
        lambda a: where(a.X.value > 0, 2 * a.grad, 0),
        "2 * grad * (X > 0)",
    ),
    _relu_back(
        "the derivative is halved",
        "Count the factors.",
        lambda a: where(a.X.value > 0, a.grad / 2, 0),
        "grad * (X > 0) / 2",
    ),
    _relu_back(
        "backward returns X where grad > 0",
        "Which quantity decides, and which is let through?",
        lambda a: where(a.grad.value > 0, a.X, 0),
        "X * (grad > 0)",
    ),
    _relu_back("backward returns the output", CHAIN, lambda a: np.maximum(a.X, 0), "np.maximum(X, 0)"),
    _relu_back(
        "whole rows are let through, by the sign of their sum",
        "relu looks at every element on its own.",
        lambda a: where(_row_sums(a), a.grad, 0),
        "grad * (X.sum(axis=-1, keepdims=True) > 0)",
    ),
    _relu_back(
        "whole rows are let through where any of their elements is positive",
        "relu looks at every element on its own.",
        lambda a: where(_row_any(a), a.grad, 0),
        "grad * (X > 0).any(axis=-1, keepdims=True)",
    ),
    _relu_back(
        "the absolute value of grad is taken",
        CHAIN,
        lambda a: where(a.X.value > 0, abs(a.grad), 0),
        "np.abs(grad) * (X > 0)",
    ),
    _relu_back(
        "only where both X and grad are positive is grad let through",
        "Which quantity decides what relu lets through?",
        lambda a: where((a.X.value > 0) & (a.grad.value > 0), a.grad, 0),
        "grad * (X > 0) * (grad > 0)",
    ),
    _relu_back(
        "the derivative is 1 / (1 + e^(−u)), of the smooth function of this shape",
        INDICATOR,
        lambda a: a.grad / (1 + np.exp(-a.X)),
        "grad / (1 + np.exp(-X))",
    ),
    _relu_back(
        "backward returns several things",
        "backward returns ∂l/∂X alone.",
        lambda a: SEVERAL,
        "return grad * self.mask, self.mask\n",
    ),
    replace(
        _relu_back(
            "the derivative leaks: it is not 0 where u < 0",
            SIDE,
            lambda a: where(a.X.value > 0, a.grad, a.number * a.grad),
            "grad * np.where(X > 0, 1, 0.3)",
        ),
        estimate=_ratio(_negative_part),
    ),
    replace(
        _relu_back(
            "the derivative's threshold is not 0",
            "From which input on does relu let through?",
            lambda a: where(a.X.value > a.number, a.grad, 0),
            "grad * (X > -0.5)",
        ),
        estimate=_threshold,
    ),
    _relu_back(
        "the derivative is tanh's",
        "Which of the two activations belongs in this class?",
        lambda a: a.grad * (1 - np.tanh(a.X) * np.tanh(a.X)),
        "grad * (1 - np.tanh(X) ** 2)",
    ),
    _relu_back(
        "the mask of an earlier call is used",
        KEPT,
        lambda a: where(_first(a).X.value > 0, a.grad, 0),
        "self.kept = getattr(self, 'kept', self.mask)\nreturn grad * self.kept",
    ),
    _relu_back(
        "backward returns nothing",
        "What does backward hand to the layer before?",
        lambda a: NOTHING,
        "grad * self.mask\nreturn None",
    ),
)

AT_ZERO = (
    _relu_back(
        "the derivative at exactly 0 is ½",
        "At exactly 0 take 0 or 1: a subgradient that the assignment names.",
        lambda a: where(a.X.value == 0, a.grad / 2, where(a.X.value > 0, a.grad, 0)),
        "grad * np.where(X == 0, 0.5, X > 0)",
    ),
)

OVERFLOWS = "e to the 1000th is no float, and ∞/∞ or ∞ − ∞ no number: which of your terms grows without bound?"
NAIVE = "e, f = np.exp(X), np.exp(-X)\nself.h = (e - f) / (e + f)\nreturn self.h"
LARGE = (
    Mistake(
        "5",
        "tanh.large",
        "overflows: NaN for large inputs",
        OVERFLOWS,
        said=r"tanh, magnitudes from 40 to 1,000: tanh, large inputs at .* is nan",
        plug=(Body("tanh.forward", NAIVE),),
    ),
    Mistake(
        "6",
        "tanh.large",
        "overflows: NaN for large inputs",
        OVERFLOWS,
        said=r"tanh, magnitudes from 40 to 1,000: gradient of tanh, large inputs at .* is nan",
        plug=(
            Body(
                "tanh.backward",
                NAIVE.replace("self.h = ", "h = ").replace("return self.h", "return grad * (1 - h * h)"),
            ),
        ),
    ),
)

ELEMENTWISE = (*LARGE, *TANH_FORWARD, *TANH_BACKWARD, *RELU_FORWARD, *RELU_BACKWARD, *AT_ZERO)
