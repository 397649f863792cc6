"""Known mistakes of the linear layer: its forward (TODO 3) and its backward (TODO 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from parity_tests.harness.diagnosis.readable_numbers import likeliest
from parity_tests.harness.diagnosis.running_error import Running, where
from parity_tests.protocol.mistake import NOTHING, SEVERAL, Body, Call, Estimate, Formula, Mistake

RIGHT_W = 'self.gradient["W"] = X.T @ grad'
RIGHT_B = 'self.gradient["b"] = grad.sum(axis=0, keepdims=True)'
RIGHT_X = 'return grad @ self.params["W"].T'


def _forward(name: str, hint: str, formula: Formula, body: str) -> Mistake:
    plug = body.replace("W", 'self.params["W"]').replace("B", 'self.params["b"]')
    return Mistake("3", "linear.output", name, hint, formula, plug=(Body("linear_layer.forward", plug),))


def _backward(operation: str, name: str, hint: str, formula: Formula, body: str) -> Mistake:
    lines = {"W": RIGHT_W, "b": RIGHT_B, "X": RIGHT_X} | {operation: body}
    statements = "\n".join(lines[key] for key in ("W", "b", "X"))
    return Mistake(
        "4", f"linear.gradient of {operation}", name, hint, formula, plug=(Body("linear_layer.backward", statements),)
    )


def _first(a: Call) -> Call:
    return a.past[0] if a.past else a


def _above(rows: np.ndarray[Any, Any], values: Running) -> Running:
    """The values in the rows told, 0 in the others."""
    return where(np.asarray(rows)[:, None], values, 0)


def _but_last(count: int) -> np.ndarray[Any, Any]:
    return np.arange(count) < count - 1


def _share_of(own: Formula, term: Formula) -> Estimate:
    """How much of a term is in what was returned beside what belongs there, from all float64 calls."""

    def estimate(asked: Sequence[Call]) -> float | None:
        over = under = 0.0
        for a in (a for a in asked if a.dtype == np.float64 and a.wrong):
            t = np.broadcast_to(term(a).value, np.asarray(a.got).shape)
            over += float(((np.asarray(a.got, np.longdouble) - own(a).value) * t).sum())
            under += float((t * t).sum())
        return likeliest(over / under) if under and over else None

    return estimate


def _stale_weights(name: str, operation: str, formula: Formula, forward: str, gradient: str) -> Mistake:
    """What only a training run shows: no layer's own case changes its weights."""
    keep = 'self.kept = getattr(self, "kept", None) or {k: v.copy() for k, v in self.params.items()}\n'
    plug = [Body("linear_layer.forward", keep + forward)]
    if gradient:
        lines = (RIGHT_W, RIGHT_B, f"return grad @ {gradient}.T")
        plug.append(Body("linear_layer.backward", "\n".join(lines)))
    hint = "Which W does a layer use: the one that SGD has just changed, or one that was put aside before?"
    part = "3" if operation == "output" else "4"
    return Mistake(
        part, f"linear.{operation}", name, hint, formula, shows_in=("linear", "trajectory"), plug=tuple(plug)
    )


FORWARD = (
    _forward(
        "the bias is left out",
        "Compare your u with the formula term by term: is every parameter used?",
        lambda a: a.X @ a.W,
        "return X @ W",
    ),
    _forward(
        "the bias is subtracted", "Check the sign of each term of u.", lambda a: a.X @ a.W - a.b, "return X @ W - B"
    ),
    _forward(
        "the bias is added twice",
        "Count how often each parameter enters u.",
        lambda a: a.X @ a.W + 2 * a.b,
        "return X @ W + 2 * B",
    ),
    _forward(
        "all biases are summed into one",
        "The bias has one entry for each output, and each belongs to its own column.",
        lambda a: a.X @ a.W + a.b.sum(),
        "return X @ W + B.sum()",
    ),
    _forward(
        "only the first bias is used",
        "The bias has one entry for each output, and each belongs to its own column.",
        lambda a: a.X @ a.W + a.b[0, 0],
        "return X @ W + B[0, 0]",
    ),
    _forward(
        "the output has the wrong sign",
        "Follow the sign through the whole expression.",
        lambda a: -(a.X @ a.W + a.b),
        "return -(X @ W + B)",
    ),
    _forward(
        "the output is transposed",
        "Rows are examples: write the shape of each factor beside it.",
        lambda a: (a.X @ a.W + a.b).T,
        "return (X @ W + B).T",
    ),
    _forward(
        "W is transposed in the forward",
        "W is stored D×M. A square W hides a transpose: try D and M that differ.",
        lambda a: a.X @ a.W.T + a.b,
        "return X @ W.T + B",
    ),
    _forward(
        "the forward divides by the number of inputs",
        "u is a sum over the inputs: is a mean taken anywhere?",
        lambda a: a.X @ a.W / a.D + a.b,
        "return X @ W / X.shape[1] + B",
    ),
    _forward(
        "the forward divides by the number of rows",
        "One example's u must not depend on how many others there are.",
        lambda a: a.X @ a.W / a.N + a.b,
        "return X @ W / X.shape[0] + B",
    ),
    _forward(
        "the forward uses the input of an earlier call",
        "What a layer keeps must be renewed in each forward.",
        lambda a: _first(a).X @ a.W + a.b,
        "self.kept = getattr(self, 'kept', X)\nreturn self.kept @ W + B",
    ),
    _forward(
        "the linear layer applies relu to its output",
        "The activation is a layer of its own.",
        lambda a: np.maximum(a.X @ a.W + a.b, 0),
        "return np.maximum(X @ W + B, 0)",
    ),
    _forward(
        "the linear layer applies tanh to its output",
        "The activation is a layer of its own.",
        lambda a: np.tanh(a.X @ a.W + a.b),
        "return np.tanh(X @ W + B)",
    ),
    _forward(
        "the forward is scaled by the length of the sum",
        "Is there a factor in u that the assignment does not have?",
        lambda a: a.X @ a.W / np.sqrt(float(a.D)) + a.b,
        "return X @ W / np.sqrt(X.shape[1]) + B",
    ),
    _forward(
        "the forward multiplies by the bias",
        "How does b enter u: what is the operation between X W and b?",
        lambda a: (a.X @ a.W) * a.b,
        "return (X @ W) * B",
    ),
    _forward(
        "the product is reshaped, where it should be transposed",
        "A reshape keeps the numbers in their order: write out a 2×3 example.",
        lambda a: (a.X @ a.W).T.reshape(a.N, a.M) + a.b,
        "return (W.T @ X.T).reshape(len(X), -1) + B",
    ),
    _forward(
        "the mean of the biases is added",
        "The bias has one entry for each output, and each belongs to its own column.",
        lambda a: a.X @ a.W + a.b.mean(),
        "return X @ W + B.mean()",
    ),
    _forward(
        "the bias is added to the first row alone",
        "Every example gets the bias: where does your loop add it?",
        lambda a: a.X @ a.W + _above(np.arange(a.N) == 0, 0 * (a.X @ a.W) + a.b),
        "return X @ W + np.where(np.arange(len(X))[:, None] == 0, B, 0)",
    ),
    _forward(
        "the bias is added to the last row alone",
        "Every example gets the bias: where does your loop add it?",
        lambda a: a.X @ a.W + _above(~_but_last(a.N), 0 * (a.X @ a.W) + a.b),
        "return X @ W + np.where(np.arange(len(X))[:, None] == len(X) - 1, B, 0)",
    ),
    _forward(
        "the last row stays zero",
        "Check the bounds of the loop over the rows.",
        lambda a: _above(_but_last(a.N), a.X @ a.W + a.b),
        "u = X @ W + B\nu[-1] = 0\nreturn u",
    ),
    _forward(
        "the last input is left out",
        "Check the bounds of the sum over the inputs.",
        lambda a: a.X[:, :-1] @ a.W[:-1] + a.b,
        "return X[:, :-1] @ W[:-1] + B",
    ),
    _forward(
        "the first input is left out",
        "Check the bounds of the sum over the inputs: where do Python's indices begin?",
        lambda a: a.X[:, 1:] @ a.W[1:] + a.b,
        "return X[:, 1:] @ W[1:] + B",
    ),
    _forward(
        "the linear layer applies the sigmoid to its output",
        "The activation is a layer of its own.",
        lambda a: 1 / (1 + np.exp(-(a.X @ a.W + a.b))),
        "return 1 / (1 + np.exp(-(X @ W + B)))",
    ),
    _forward(
        "the absolute value of W is taken",
        "What is done to W before it is multiplied?",
        lambda a: a.X @ abs(a.W) + a.b,
        "return X @ np.abs(W) + B",
    ),
    _forward(
        "the forward returns several things",
        "forward returns u alone.",
        lambda a: SEVERAL,
        "return X @ W + B, X",
    ),
    _stale_weights(
        "the forward uses the weights of an earlier call",
        "output",
        lambda a: [a.X @ _first(a).W + b for b in (_first(a).b, a.b)],
        'return X @ self.kept["W"] + self.kept["b"]',
        "",
    ),
    replace(
        _forward(
            "the bias is scaled by a constant factor",
            "Count how often each parameter enters u, and with which factor.",
            lambda a: a.X @ a.W + a.number * a.b,
            "return X @ W + 0.7 * B",
        ),
        estimate=_share_of(lambda a: a.X @ a.W, lambda a: a.b),
    ),
    replace(
        _forward(
            "X W is scaled by a constant factor, the bias is not",
            "Is there a factor in u that the assignment does not have?",
            lambda a: a.number * (a.X @ a.W) + a.b,
            "return 0.7 * (X @ W) + B",
        ),
        estimate=_share_of(lambda a: 0 * (a.X @ a.W) + a.b, lambda a: a.X @ a.W),
    ),
    replace(
        _forward(
            "a constant is added to u",
            "Is there a term in u that the assignment does not have?",
            lambda a: a.X @ a.W + a.b + a.number,
            "return X @ W + B + 0.7",
        ),
        estimate=_share_of(lambda a: a.X @ a.W + a.b, lambda a: 0 * (a.X @ a.W) + 1),
    ),
    _forward(
        "the forward returns nothing",
        "What does a function return that has no return statement?",
        lambda a: NOTHING,
        "self.u = X @ W + B",
    ),
)


def _sum_of_past(a: Call, term: Formula) -> object:
    total = term(a)
    for earlier in a.past:
        total = total + term(earlier)
    return total


GRADIENT_OF_W = (
    _backward(
        "W",
        "the gradient of W is averaged over the rows",
        "Where does the division by N happen in this network?",
        lambda a: a.X.T @ a.grad / a.N,
        'self.gradient["W"] = X.T @ grad / X.shape[0]',
    ),
    _backward(
        "W",
        "the gradient of W has the wrong sign",
        "A gradient points uphill; who subtracts it?",
        lambda a: -(a.X.T @ a.grad),
        'self.gradient["W"] = -(X.T @ grad)',
    ),
    _backward(
        "W",
        "the gradient of W is transposed",
        "gradient['W'] has the shape of W.",
        lambda a: a.grad.T @ a.X,
        'self.gradient["W"] = grad.T @ X',
    ),
    _backward(
        "W",
        "X is not transposed in the gradient of W",
        "Write the shapes beside each factor; a square case hides it.",
        lambda a: a.X @ a.grad,
        'self.gradient["W"] = X @ grad',
    ),
    _backward(
        "W",
        "the gradient of W adds up across calls",
        "Each backward belongs to one mini-batch alone: = or +=?",
        lambda a: _sum_of_past(a, lambda c: c.X.T @ c.grad),
        'self.gradient["W"] = self.gradient["W"] + X.T @ grad',
    ),
    _backward(
        "W",
        "the gradient of W uses the X of an earlier call",
        "What a layer keeps must be renewed in each forward.",
        lambda a: _first(a).X.T @ a.grad,
        'self.kept = getattr(self, "kept", X)\nself.gradient["W"] = self.kept.T @ grad',
    ),
    _backward(
        "W",
        "the gradient of W uses the grad of an earlier call",
        "What a layer keeps must be renewed in each call.",
        lambda a: a.X.T @ _first(a).grad,
        'self.kept = getattr(self, "kept", grad)\nself.gradient["W"] = X.T @ self.kept',
    ),
    _backward(
        "W",
        "the gradient of W is that of the last row alone",
        "Does each pass of the loop add to what is there, or replace it?",
        lambda a: a.X[-1:].T @ a.grad[-1:],
        'self.gradient["W"] = X[-1:].T @ grad[-1:]',
    ),
    _backward(
        "W",
        "the gradient of W is that of the first row alone",
        "Every example of the mini-batch contributes: where does the loop stop?",
        lambda a: a.X[:1].T @ a.grad[:1],
        'self.gradient["W"] = X[:1].T @ grad[:1]',
    ),
    _backward(
        "W",
        "the gradient of W leaves the last row out",
        "Check the bounds of the loop over the rows.",
        lambda a: a.X[:-1].T @ a.grad[:-1],
        'self.gradient["W"] = X[:-1].T @ grad[:-1]',
    ),
    _backward(
        "W",
        "the gradient of W is doubled",
        "Count the factors, and how often it is added.",
        lambda a: 2 * (a.X.T @ a.grad),
        'self.gradient["W"] = 2 * (X.T @ grad)',
    ),
    _backward(
        "W",
        "the gradient of W does not use X",
        "How does u depend on W: what multiplies W in u?",
        lambda a: (0 * a.X + 1).T @ a.grad,
        'self.gradient["W"] = np.ones_like(X).T @ grad',
    ),
    _backward(
        "W",
        "the gradient of W does not use grad",
        "By the chain rule every gradient holds what came from above.",
        lambda a: a.X.T @ (0 * a.grad + 1),
        'self.gradient["W"] = X.T @ np.ones_like(grad)',
    ),
    _backward(
        "W",
        "the gradient of W is divided by the number of outputs",
        "Is a mean taken over the wrong axis?",
        lambda a: a.X.T @ a.grad / a.M,
        'self.gradient["W"] = X.T @ grad / grad.shape[1]',
    ),
    _backward(
        "W",
        "the gradient of W is divided by the number of inputs",
        "Is a mean taken over the wrong axis?",
        lambda a: a.X.T @ a.grad / a.D,
        'self.gradient["W"] = X.T @ grad / X.shape[1]',
    ),
    _backward(
        "W",
        "the gradient of W is multiplied by W",
        "What is ∂u/∂W? Does it depend on W?",
        lambda a: (a.X.T @ a.grad) * a.W,
        'self.gradient["W"] = (X.T @ grad) * self.params["W"]',
    ),
    _backward(
        "W",
        "W is added to its gradient",
        "Weight decay belongs to SGD, with its λ.",
        lambda a: a.X.T @ a.grad + a.W,
        'self.gradient["W"] = X.T @ grad + self.params["W"]',
    ),
    _backward(
        "W",
        "the gradients of W and b are exchanged",
        "Under which name does backward store which of the two?",
        lambda a: a.grad.sum(axis=0, keepdims=True),
        'self.gradient["W"] = grad.sum(axis=0, keepdims=True)',
    ),
    _backward(
        "W",
        "the gradient of W stays zero",
        "Under which name does backward store what it computes, and is it stored?",
        lambda a: a.W.zeros(),
        "dW = X.T @ grad",
    ),
    _backward(
        "W",
        "the gradient of W leaves the first row out",
        "Check the bounds of the loop over the rows: where do Python's indices begin?",
        lambda a: a.X[1:].T @ a.grad[1:],
        'self.gradient["W"] = X[1:].T @ grad[1:]',
    ),
    _backward(
        "W",
        "the gradient of W is multiplied by the number of rows",
        "Where does the division by N happen in this network, and does anything undo it?",
        lambda a: a.X.T @ a.grad * a.N,
        'self.gradient["W"] = X.T @ grad * X.shape[0]',
    ),
    _backward(
        "W",
        "X and grad are summed before they are multiplied",
        "Is the sum of products the product of the sums?",
        lambda a: a.X.sum(axis=0, keepdims=True).T @ a.grad.sum(axis=0, keepdims=True),
        'self.gradient["W"] = X.sum(axis=0, keepdims=True).T @ grad.sum(axis=0, keepdims=True)',
    ),
    _backward(
        "W",
        "the absolute value of X is taken",
        "What is done to X before it is multiplied?",
        lambda a: abs(a.X).T @ a.grad,
        'self.gradient["W"] = np.abs(X).T @ grad',
    ),
    _backward(
        "W",
        "the absolute value of grad is taken",
        "What is done to grad before it is multiplied?",
        lambda a: a.X.T @ abs(a.grad),
        'self.gradient["W"] = X.T @ np.abs(grad)',
    ),
    _backward(
        "W",
        "the gradient of W uses the output, not the input",
        "How does u depend on W: what multiplies W in u?",
        lambda a: (a.X @ a.W + a.b).T @ a.grad,
        'u = X @ self.params["W"] + self.params["b"]\nself.gradient["W"] = u.T @ grad',
    ),
    replace(
        _backward(
            "W",
            "a multiple of W is added to its gradient",
            "Weight decay belongs to SGD, with its λ.",
            lambda a: a.X.T @ a.grad + a.number * a.W,
            'self.gradient["W"] = X.T @ grad + 0.02 * self.params["W"]',
        ),
        estimate=_share_of(lambda a: a.X.T @ a.grad, lambda a: a.W),
    ),
)

GRADIENT_OF_B = (
    _backward(
        "b",
        "the gradient of b is averaged over the rows",
        "Where does the division by N happen in this network?",
        lambda a: a.grad.mean(axis=0, keepdims=True),
        'self.gradient["b"] = grad.mean(axis=0, keepdims=True)',
    ),
    _backward(
        "b",
        "the gradient of b has the wrong sign",
        "A gradient points uphill; who subtracts it?",
        lambda a: -a.grad.sum(axis=0, keepdims=True),
        'self.gradient["b"] = -grad.sum(axis=0, keepdims=True)',
    ),
    _backward(
        "b",
        "the gradient of b is not summed over the rows",
        "b is shared by all examples: what happens to the gradients of a shared number?",
        lambda a: a.grad,
        'self.gradient["b"] = grad.copy()',
    ),
    _backward(
        "b",
        "the gradient of b is summed over the wrong axis",
        "gradient['b'] has one entry for each output: which axis goes away?",
        lambda a: a.grad.sum(axis=1, keepdims=True),
        'self.gradient["b"] = grad.sum(axis=1, keepdims=True)',
    ),
    _backward(
        "b",
        "the gradient of b is summed over the outputs too",
        "gradient['b'] has one entry for each output: which axis goes away?",
        lambda a: a.grad.sum() + 0 * a.b,
        'self.gradient["b"] = grad.sum() + 0 * self.params["b"]',
    ),
    _backward(
        "b",
        "the gradient of b is one number",
        "gradient['b'] has one entry for each output: which axis goes away?",
        lambda a: a.grad.sum().reshape(1, 1),
        'self.gradient["b"] = grad.sum(keepdims=True)',
    ),
    _backward(
        "b",
        "the gradient of b adds up across calls",
        "Each backward belongs to one mini-batch alone: = or +=?",
        lambda a: _sum_of_past(a, lambda c: c.grad.sum(axis=0, keepdims=True)),
        'self.gradient["b"] = self.gradient["b"] + grad.sum(axis=0, keepdims=True)',
    ),
    _backward(
        "b",
        "the gradient of b uses the grad of an earlier call",
        "What a layer keeps must be renewed in each call.",
        lambda a: _first(a).grad.sum(axis=0, keepdims=True),
        'self.kept = getattr(self, "kept", grad)\nself.gradient["b"] = self.kept.sum(axis=0, keepdims=True)',
    ),
    _backward(
        "b",
        "the gradient of b is that of the last row alone",
        "Does each pass of the loop add to what is there, or replace it?",
        lambda a: a.grad[-1:],
        'self.gradient["b"] = grad[-1:].copy()',
    ),
    _backward(
        "b",
        "the gradient of b is that of the first row alone",
        "Every example of the mini-batch contributes: where does the loop stop?",
        lambda a: a.grad[:1],
        'self.gradient["b"] = grad[:1].copy()',
    ),
    _backward(
        "b",
        "the gradient of b leaves the last row out",
        "Check the bounds of the loop over the rows.",
        lambda a: a.grad[:-1].sum(axis=0, keepdims=True),
        'self.gradient["b"] = grad[:-1].sum(axis=0, keepdims=True)',
    ),
    _backward(
        "b",
        "the gradient of b is doubled",
        "Count the factors, and how often it is added.",
        lambda a: 2 * a.grad.sum(axis=0, keepdims=True),
        'self.gradient["b"] = 2 * grad.sum(axis=0, keepdims=True)',
    ),
    _backward(
        "b",
        "the gradient of b is divided by the number of outputs",
        "Is a mean taken over the wrong axis?",
        lambda a: a.grad.sum(axis=0, keepdims=True) / a.M,
        'self.gradient["b"] = grad.sum(axis=0, keepdims=True) / grad.shape[1]',
    ),
    _backward(
        "b",
        "the gradient of b is multiplied by b",
        "What is ∂u/∂b? Does it depend on b?",
        lambda a: a.grad.sum(axis=0, keepdims=True) * a.b,
        'self.gradient["b"] = grad.sum(axis=0, keepdims=True) * self.params["b"]',
    ),
    _backward(
        "b",
        "the gradient of b does not use grad",
        "By the chain rule every gradient holds what came from above.",
        lambda a: 0 * a.b + a.N,
        'self.gradient["b"] = 0 * self.params["b"] + X.shape[0]',
    ),
    _backward(
        "b",
        "the gradient of b is all ones",
        "By the chain rule every gradient holds what came from above.",
        lambda a: 0 * a.b + 1,
        'self.gradient["b"] = np.ones_like(self.params["b"])',
    ),
    _backward(
        "b",
        "b is added to its gradient",
        "Weight decay belongs to SGD, with its λ.",
        lambda a: a.grad.sum(axis=0, keepdims=True) + a.b,
        'self.gradient["b"] = grad.sum(axis=0, keepdims=True) + self.params["b"]',
    ),
    _backward(
        "b",
        "the gradients of W and b are exchanged",
        "Under which name does backward store which of the two?",
        lambda a: a.X.T @ a.grad,
        'self.gradient["b"] = X.T @ grad',
    ),
    _backward(
        "b",
        "the gradient of b stays zero",
        "Under which name does backward store what it computes, and is it stored?",
        lambda a: a.b.zeros(),
        "db = grad.sum(axis=0, keepdims=True)",
    ),
    _backward(
        "b",
        "the gradient of b is the largest of the rows",
        "How do several rows' gradients of one number go together?",
        lambda a: a.grad.max(axis=0, keepdims=True),
        'self.gradient["b"] = grad.max(axis=0, keepdims=True)',
    ),
    _backward(
        "b",
        "the gradient of b leaves the first row out",
        "Check the bounds of the loop over the rows: where do Python's indices begin?",
        lambda a: a.grad[1:].sum(axis=0, keepdims=True),
        'self.gradient["b"] = grad[1:].sum(axis=0, keepdims=True)',
    ),
    _backward(
        "b",
        "the gradient of b is multiplied by the number of rows",
        "Where does the division by N happen in this network, and does anything undo it?",
        lambda a: a.grad.sum(axis=0, keepdims=True) * a.N,
        'self.gradient["b"] = grad.sum(axis=0, keepdims=True) * X.shape[0]',
    ),
    _backward(
        "b",
        "the gradient of b is the mean of all numbers",
        "gradient['b'] has one entry for each output: which axis goes away?",
        lambda a: a.grad.mean() + 0 * a.b,
        'self.gradient["b"] = grad.mean() + 0 * self.params["b"]',
    ),
    _backward(
        "b",
        "the absolute value of grad is taken",
        "What is done to grad before it is summed?",
        lambda a: abs(a.grad).sum(axis=0, keepdims=True),
        'self.gradient["b"] = np.abs(grad).sum(axis=0, keepdims=True)',
    ),
    _backward(
        "b",
        "the squares of grad are summed",
        "What is ∂u/∂b? Does it hold grad?",
        lambda a: (a.grad * a.grad).sum(axis=0, keepdims=True),
        'self.gradient["b"] = (grad * grad).sum(axis=0, keepdims=True)',
    ),
    _backward(
        "b",
        "X is summed, not grad",
        "b enters u alone: what is ∂u/∂b, and does it hold X?",
        lambda a: a.X.sum() + 0 * a.b,
        'self.gradient["b"] = X.sum() + 0 * self.params["b"]',
    ),
    _backward(
        "b",
        "the gradient of b is the gradient of W, summed",
        "b enters u alone: what is ∂u/∂b, and does it hold X?",
        lambda a: (a.X.T @ a.grad).sum(axis=0, keepdims=True),
        'self.gradient["b"] = (X.T @ grad).sum(axis=0, keepdims=True)',
    ),
    replace(
        _backward(
            "b",
            "a multiple of b is added to its gradient",
            "Weight decay belongs to SGD, with its λ.",
            lambda a: a.grad.sum(axis=0, keepdims=True) + a.number * a.b,
            'self.gradient["b"] = grad.sum(axis=0, keepdims=True) + 0.02 * self.params["b"]',
        ),
        estimate=_share_of(lambda a: a.grad.sum(axis=0, keepdims=True), lambda a: a.b),
    ),
)

GRADIENT_OF_X = (
    _backward(
        "X",
        "backward returns nothing",
        "What does backward hand to the layer before?",
        lambda a: NOTHING,
        'grad @ self.params["W"].T',
    ),
    _backward(
        "X",
        "backward returns several things",
        "backward returns ∂l/∂X alone; the others are kept in gradient.",
        lambda a: SEVERAL,
        'return grad @ self.params["W"].T, self.gradient["W"], self.gradient["b"]',
    ),
    _backward(
        "X",
        "backward returns grad itself",
        "What did u = X W + b do to X on the way forward?",
        lambda a: a.grad,
        "return grad.copy()",
    ),
    _backward(
        "X",
        "backward returns the gradient of W",
        "backward hands ∂l/∂X to the layer before.",
        lambda a: a.X.T @ a.grad,
        'return self.gradient["W"].copy()',
    ),
    _backward(
        "X",
        "the gradient of X has the wrong sign",
        "A gradient points uphill; who subtracts it?",
        lambda a: -(a.grad @ a.W.T),
        'return -(grad @ self.params["W"].T)',
    ),
    _backward(
        "X",
        "W is not transposed in the gradient of X",
        "Write the shapes beside each factor; a square case hides it.",
        lambda a: a.grad @ a.W,
        'return grad @ self.params["W"]',
    ),
    _backward(
        "X",
        "the gradient of X is transposed",
        "∂l/∂X has the shape of X.",
        lambda a: a.W @ a.grad.T,
        'return self.params["W"] @ grad.T',
    ),
    _backward(
        "X",
        "the gradient of X is divided by the number of rows",
        "Where does the division by N happen in this network?",
        lambda a: a.grad @ a.W.T / a.N,
        'return grad @ self.params["W"].T / X.shape[0]',
    ),
    _backward(
        "X",
        "the gradient of X is doubled",
        "Count the factors, and how often it is added.",
        lambda a: 2 * (a.grad @ a.W.T),
        'return 2 * (grad @ self.params["W"].T)',
    ),
    _backward(
        "X",
        "the gradient of X uses the grad of an earlier call",
        "What a layer keeps must be renewed in each call.",
        lambda a: _first(a).grad @ a.W.T,
        'self.kept = getattr(self, "kept", grad)\nreturn self.kept @ self.params["W"].T',
    ),
    _backward(
        "X",
        "the gradient of X adds up across calls",
        "Each backward belongs to one mini-batch alone: = or +=?",
        lambda a: _sum_of_past(a, lambda c: c.grad @ c.W.T),
        'self.total = getattr(self, "total", 0) + grad @ self.params["W"].T\nreturn self.total',
    ),
    _backward(
        "X",
        "b is added to the gradient of X",
        "Which parameters does ∂u/∂X hold?",
        lambda a: (a.grad + a.b) @ a.W.T,
        'return (grad + self.params["b"]) @ self.params["W"].T',
    ),
    _backward(
        "X",
        "the gradient of X is multiplied by X",
        "What is ∂u/∂X? Does it depend on X?",
        lambda a: (a.grad @ a.W.T) * a.X,
        'return (grad @ self.params["W"].T) * X',
    ),
    _backward(
        "X",
        "the gradient of X does not use grad",
        "By the chain rule every gradient holds what came from above.",
        lambda a: (0 * a.grad + 1) @ a.W.T,
        'return np.ones_like(grad) @ self.params["W"].T',
    ),
    _backward(
        "X",
        "the gradient of X is divided by the number of outputs",
        "Is a mean taken over the wrong axis?",
        lambda a: a.grad @ a.W.T / a.M,
        'return grad @ self.params["W"].T / grad.shape[1]',
    ),
    _backward(
        "X",
        "the gradient of X is all zeros",
        "What does backward hand to the layer before?",
        lambda a: a.X.zeros(),
        "return np.zeros_like(X)",
    ),
    _backward(
        "X",
        "the gradient of X is multiplied by the number of rows",
        "Where does the division by N happen in this network, and does anything undo it?",
        lambda a: a.grad @ a.W.T * a.N,
        'return grad @ self.params["W"].T * X.shape[0]',
    ),
    _backward(
        "X",
        "the gradient of X is divided by the number of inputs",
        "Is a mean taken over the wrong axis?",
        lambda a: a.grad @ a.W.T / a.D,
        'return grad @ self.params["W"].T / X.shape[1]',
    ),
    _backward(
        "X",
        "the gradient of X does not use W",
        "How does u depend on X: what multiplies X in u?",
        lambda a: a.grad @ (0 * a.W + 1).T,
        'return grad @ np.ones_like(self.params["W"]).T',
    ),
    _backward(
        "X",
        "the gradient of W takes the place of W",
        "How does u depend on X: what multiplies X in u?",
        lambda a: a.grad @ (a.X.T @ a.grad).T,
        'return grad @ self.gradient["W"].T',
    ),
    _backward(
        "X",
        "the absolute value of W is taken",
        "What is done to W before it is multiplied?",
        lambda a: a.grad @ abs(a.W).T,
        'return grad @ np.abs(self.params["W"]).T',
    ),
    _backward(
        "X",
        "the gradient of X is zero where X is not positive",
        "The activation is a layer of its own, and so is its derivative.",
        lambda a: where(a.X.value > 0, a.grad @ a.W.T, 0),
        'return (grad @ self.params["W"].T) * (X > 0)',
    ),
    _backward(
        "X",
        "backward returns the gradient of b",
        "backward hands ∂l/∂X to the layer before.",
        lambda a: a.grad.sum(axis=0, keepdims=True),
        'return self.gradient["b"].copy()',
    ),
    _stale_weights(
        "the gradient of X uses the weights of an earlier call",
        "gradient of X",
        lambda a: a.grad @ _first(a).W.T,
        'return X @ self.params["W"] + self.params["b"]',
        'self.kept["W"]',
    ),
)

LINEAR = (*FORWARD, *GRADIENT_OF_W, *GRADIENT_OF_B, *GRADIENT_OF_X)
