"""Known mistakes of the linear layer: its forward (TODO 3) and its backward (TODO 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parity_tests.harness.diagnosis.expression import Expression
from parity_tests.harness.diagnosis.readable_numbers import likeliest
from parity_tests.protocol.mistake import NOTHING, SEVERAL, Body, Call, Estimate, Formula, Mistake

NAMES = """W, b = self.params["W"], self.params["b"]
(N, D), M = X.shape, W.shape[1]
"""
"""What an expression calls things, as lines of the layer."""
KEEP_FIRST = """first = self.__dict__.setdefault("first", type("Call", (), dict(X=X, W=W.copy(), b=b.copy())))
"""
FORWARD = "X @ W + b"
GRADIENTS = {"W": "X.T @ grad", "b": "grad.sum(axis=0, keepdims=True)", "X": "grad @ W.T"}
LAST_ROW = {"W": "X[-1:].T @ grad[-1:]", "b": "grad[-1:].sum(axis=0, keepdims=True)"}
BUT_LAST_ROW = {"W": "X[:-1].T @ grad[:-1]", "b": "grad[:-1].sum(axis=0, keepdims=True)"}

TERMS = "Compare your u with the formula term by term: is every parameter used, once, and with the right sign?"
SHAPES = "Rows are examples: write the shape of each factor beside it. A square W hides a transpose."
RENEWED = "What a layer keeps must be renewed in each forward."
ANOTHER_LAYER = "The activation is a layer of its own, and so is its derivative."
FACTOR = "Is there a factor in u that the assignment does not have?"
NO_RETURN = "What does a function return that has no return statement?"
STALE = "Which W does a layer use: the one that SGD has just changed, or one that was put aside before?"
MEAN = "Where does the division by N happen in this network, and does anything undo it?"
UPHILL = "A gradient points uphill; who subtracts it?"
LOOP = "Check the bounds of the loop over the rows."
ADD = "Does each pass of the loop add to what is there, or replace it?"
ONE_BATCH = "Each backward belongs to one mini-batch alone: = or +=?"
CHAIN = "By the chain rule every gradient holds what came from above."
STORED = "Under which name does backward store what it computes, and is it stored?"
DECAY = "Weight decay belongs to SGD, with its λ."
SHARED = "b is shared by all examples: what happens to the gradients of a shared number?"
AXIS = "gradient['b'] has one entry for each output: which axis goes away?"
BACK = "backward hands ∂l/∂X, of the shape of X, to the layer before; the others are kept in gradient."


def _share_of(own: Expression, term: Expression) -> Estimate:
    """How much of a term is in what was returned beside what belongs there, from all float64 calls."""

    def estimate(calls: Sequence[Call]) -> float | None:
        over = under = 0.0
        for call in calls:
            if call.dtype == np.float64 and call.wrong:
                got = np.asarray(call.got, np.longdouble)
                t = np.broadcast_to(term(call).value, got.shape)
                over += float(((got - own(call).value) * t).sum())
                under += float((t * t).sum())
        return likeliest(over / under) if under and over else None

    return estimate


def _lines(statements: str, number: float | None = None) -> str:
    """The lines of a method with these statements, and with what they use."""
    given = "" if number is None else f"number = {number}\n"
    return NAMES + (KEEP_FIRST if "first." in statements else "") + given + statements


def _forward(
    name: str, hint: str, value: str, plug: str = "", *, number: float | None = None, beside: str = "", term: str = "",
    shows_in: tuple[str, ...] = (),
) -> Mistake:  # fmt: skip
    """A mistake in u = `value`, which is plugged in as `plug`. With a `number`: the share that is taken of a `term`."""
    statements = _lines(f"return {plug or value}", number)
    estimate = _share_of(Expression(beside), Expression(term)) if term else None
    return Mistake(
        "3", "linear.output", name, hint, Expression(value), estimate, shows_in=shows_in,
        plug=(Body("linear_layer.forward", statements),),
    )  # fmt: skip


def _backward(
    of: str, name: str, hint: str, formula: Formula, value: str, *, number: float | None = None, term: str = "",
    shows_in: tuple[str, ...] = (),
) -> Mistake:  # fmt: skip
    """A mistake in the gradient of W, b or X, which is plugged in as `value`; with a `number` as in `_forward`."""
    values = GRADIENTS | {of: value}
    stores = [f'self.gradient["{key}"] = {values[key]}' for key in ("W", "b")]
    statements = _lines("\n".join([*stores, f"return {values['X']}"]), number)
    estimate = _share_of(Expression(GRADIENTS[of]), Expression(term)) if term else None
    return Mistake(
        "4", f"linear.gradient of {of}", name, hint, formula, estimate, shows_in=shows_in,
        plug=(Body("linear_layer.backward", statements),),
    )  # fmt: skip


def _gradient(of: str, name: str, hint: str, value: str) -> Mistake:
    return _backward(of, name, hint, Expression(value), value)


def _added_up(of: str) -> Formula:
    """The sum of this gradient over all calls until now."""
    term = Expression(GRADIENTS[of])
    return lambda call: sum((term(earlier) for earlier in call.past), term(call))


IN_FORWARD = (
    _forward("the bias is left out", TERMS, "X @ W"),
    _forward("the bias is subtracted", TERMS, "X @ W - b"),
    _forward("the output is transposed", SHAPES, "(X @ W + b).T"),
    _forward("W is transposed in the forward", SHAPES, "X @ W.T + b"),
    _forward("the forward divides by the number of rows", FACTOR, "X @ W / N + b"),
    _forward("the forward uses the input of an earlier call", RENEWED, "first.X @ W + b"),
    _forward("the linear layer applies relu to its output", ANOTHER_LAYER, "np.maximum(X @ W + b, 0)"),
    _forward("the linear layer applies tanh to its output", ANOTHER_LAYER, "np.tanh(X @ W + b)"),
    _forward("the forward multiplies by the bias", TERMS, "(X @ W) * b"),
    _forward(
        "the product is reshaped, where it should be transposed",
        "A reshape keeps the numbers in their order: write out a 2×3 example.",
        "(X @ W).T.reshape(N, M) + b",
    ),
    _forward("the last row stays zero", LOOP, "np.where(np.arange(N)[:, None] < N - 1, X @ W + b, 0)"),
    Mistake(
        "3", "linear.output", "the forward returns several things", "forward returns u alone.", lambda call: SEVERAL,
        plug=(Body("linear_layer.forward", _lines(f"return {FORWARD}, X")),),
    ),
    _forward(
        "the forward uses the weights of an earlier call", STALE, "[X @ first.W + first.b, X @ first.W + b]",
        "X @ first.W + first.b", shows_in=("linear", "trajectory"),
    ),
    _forward(
        "the bias is scaled by a constant factor", TERMS, "X @ W + number * b", number=0.7, beside="X @ W", term="b",
    ),
    _forward(
        "X W is scaled by a constant factor, the bias is not", FACTOR, "number * (X @ W) + b", number=0.7,
        beside="0 * (X @ W) + b", term="X @ W",
    ),
    Mistake(
        "3", "linear.output", "the forward returns nothing", NO_RETURN, lambda call: NOTHING,
        plug=(Body("linear_layer.forward", _lines(f"self.u = {FORWARD}")),),
    ),
)  # fmt: skip


def _of_either(of: str) -> tuple[Mistake, ...]:
    """The mistakes that are made in the gradient of W as in that of b."""
    right, it = GRADIENTS[of], f"the gradient of {of}"
    with_multiple = f"{right} + number * {of}"
    return (
        _gradient(of, f"{it} is averaged over the rows", MEAN, f"({right}) / N"),
        _gradient(of, f"{it} has the wrong sign", UPHILL, f"-({right})"),
        _backward(of, f"{it} adds up across calls", ONE_BATCH, _added_up(of), f'self.gradient["{of}"] + {right}'),
        _gradient(of, f"{it} is that of the last row alone", ADD, LAST_ROW[of]),
        _gradient(of, f"{it} leaves the last row out", LOOP, BUT_LAST_ROW[of]),
        _gradient(of, f"{it} stays zero", STORED, f"0 * {of}"),
        _gradient(of, f"{it} is multiplied by the number of rows", MEAN, f"({right}) * N"),
        _backward(
            of, f"a multiple of {of} is added to its gradient", DECAY, Expression(with_multiple), with_multiple,
            number=0.02, term=of,
        ),
    )  # fmt: skip


OF_W = (
    *_of_either("W"),
    _gradient("W", "the gradient of W is transposed", SHAPES, "grad.T @ X"),
    _gradient("W", "X is not transposed in the gradient of W", SHAPES, "X @ grad"),
    _gradient("W", "the gradient of W uses the X of an earlier call", RENEWED, "first.X.T @ grad"),
    _gradient("W", "the gradient of W does not use grad", CHAIN, "X.T @ (0 * grad + 1)"),
    _gradient("W", "the gradients of W and b are exchanged", STORED, GRADIENTS["b"]),
)

OF_B = (
    *_of_either("b"),
    _gradient("b", "the gradient of b is not summed over the rows", SHARED, "1 * grad"),
    _gradient("b", "the gradient of b is summed over the wrong axis", AXIS, "grad.sum(axis=1, keepdims=True)"),
    _gradient("b", "the gradient of b is summed over the outputs too", AXIS, "grad.sum() + 0 * b"),
    _gradient("b", "the gradient of b is one number", AXIS, "grad.sum().reshape(1, 1)"),
    _gradient("b", "the gradient of b is the mean of all numbers", AXIS, "grad.mean() + 0 * b"),
    _gradient("b", "the gradient of b does not use grad", CHAIN, "0 * b + N"),
    _gradient("b", "the gradient of b is all ones", CHAIN, "0 * b + 1"),
    _gradient("b", "the gradients of W and b are exchanged", STORED, GRADIENTS["W"]),
)

OF_X = (
    _backward("X", "backward returns nothing", BACK, lambda call: NOTHING, "None"),
    _backward(
        "X", "backward returns several things", BACK, lambda call: SEVERAL,
        'grad @ W.T, self.gradient["W"], self.gradient["b"]',
    ),
    _gradient("X", "backward returns grad itself", "What did u = X W + b do to X on the way forward?", "1 * grad"),
    _gradient("X", "backward returns the gradient of W", BACK, "X.T @ grad"),
    _gradient("X", "the gradient of X has the wrong sign", UPHILL, "-(grad @ W.T)"),
    _gradient("X", "W is not transposed in the gradient of X", SHAPES, "grad @ W"),
    _gradient("X", "the gradient of X is transposed", SHAPES, "W @ grad.T"),
    _gradient("X", "the gradient of X is divided by the number of rows", MEAN, "grad @ W.T / N"),
    _gradient("X", "the gradient of X is zero where X is not positive", ANOTHER_LAYER, "(grad @ W.T) * (X > 0)"),
    _backward(
        "X", "the gradient of X uses the weights of an earlier call", STALE, Expression("grad @ first.W.T"),
        "grad @ first.W.T", shows_in=("linear", "trajectory"),
    ),
)  # fmt: skip

LINEAR = (*IN_FORWARD, *OF_W, *OF_B, *OF_X)
