"""Known mistakes of the affine layer, ReLU and the losses."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.returned import array_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Arrays
from parity_tests.protocol.mistake import Body
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key

TERMS = "Compare the formula with the code term by term: is each used, once, and with the right sign?"
MEAN = "The mean over the examples belongs to the loss: a layer's backward passes dout on as it comes."
SHARED = "b is shared by all examples: its gradient is a sum over them."
CHAIN = "By the chain rule every gradient holds what came from above."
MEAN_OF_LOSS = "The loss is a mean over the examples, and its gradient is that of the mean."
RELU = "Where does ReLU pass its input on, and where is it 0?"
WRITTEN = "Of an x that is clipped in place nothing tells 0 from what was negative: mask by > 0, or clip a copy."
MARGIN = "For each example every wrong class whose margin is positive counts, the right class does not."

LEAK = "Of a negative number ReLU lets nothing through: leaky ReLU is another layer."

F, B = "affine_forward", "affine_backward"
X = "x, w, _ = cache\nflat = x.reshape(len(x), -1)\nN = len(x)\n"


def _affine(name: str, hint: str, of: str, change: Any, **pieces: str) -> Wrong:
    right = {"dx": "(dout @ w.T).reshape(x.shape)", "dw": "flat.T @ dout", "db": "dout.sum(axis=0)"} | pieces
    lines = f"{X}return {right['dx']}, {right['dw']}, {right['db']}"
    return Wrong(B, "layer", name, hint, {of: change}, (Body(B, lines),))


def _forward(name: str, hint: str, change: Any, value: str) -> Wrong:
    return Wrong(F, "layer", name, hint, {"out": change}, (Body(F, f"return {value}, (x, w, b)"),))


def _relu(part: str, name: str, change: Any, lines: str) -> Wrong:
    return Wrong(part, "layer", name, RELU, {"out" if part == "relu_forward" else "dx": change}, (Body(part, lines),))


def _leaky(x: Any, slope: float) -> Any:
    import torch.nn.functional as F  # noqa: N812 - its usual name

    return F.leaky_relu(x, slope)


def _slope(result: str, source: str, case: Case, arrays: Arrays, seen: Observation) -> float | None:
    """By what x, or dout, is multiplied where x is negative; None where that is one of the usual numbers."""
    x, of = arrays["x_0"], arrays[f"{source}_0"]
    got = array_of(seen, Key(result), x.shape)
    where = (x < 0) & (of != 0)
    if got is None or not where.any():
        return None
    slope = float(f"{np.median(got[where] / of[where]):.3g}")
    return slope if np.isfinite(slope) and slope not in (-1.0, 0.0, 1.0) else None


def _loss(part: str, name: str, hint: str, of: str, change: Any, line: str) -> Wrong:
    body = {
        "softmax_loss": "N = len(x)\nrows = np.arange(N)\ne = np.exp(x - x.max(axis=1, keepdims=True))\n"
        "p = e / e.sum(axis=1, keepdims=True)\nloss = -np.log(e[rows, y] / e.sum(axis=1)).mean()\n"
        "dx = p.copy()\ndx[rows, y] -= 1\ndx /= N\n",
        "svm_loss": "N = len(x)\nrows = np.arange(N)\nmargins = np.maximum(x - x[rows, y][:, None] + 1, 0)\n"
        "margins[rows, y] = 0\ndx = (margins > 0).astype(x.dtype)\ndx[rows, y] = -dx.sum(axis=1)\n"
        "loss, dx = margins.sum() / N, dx / N\n",
    }[part]
    return Wrong(part, "loss", name, hint, {of: change}, (Body(part, f"{body}{line}\nreturn loss, dx"),))


LAYERS = (
    _forward("the bias is left out", TERMS, lambda t, s: t.x.flatten(1) @ t.w, "x.reshape(len(x), -1) @ w"),
    _forward("the bias is subtracted", TERMS, lambda t, s: t.x.flatten(1) @ t.w - t.b, "x.reshape(len(x), -1) @ w - b"),
    _forward("the bias is added twice", TERMS, lambda t, s: t.right.out + t.b, "x.reshape(len(x), -1) @ w + b + b"),
    _forward("the bias of the first unit is added to all", TERMS, lambda t, s: t.right.out - t.b + t.b[:1],
             "x.reshape(len(x), -1) @ w + b[:1]"),
    _forward("images are flattened in Fortran order, not in C order",
             "reshape takes the last index as the fastest: order C.",
             lambda t, s: t.x.permute(0, *range(t.x.dim() - 1, 0, -1)).flatten(1) @ t.w + t.b,
             'x.reshape(len(x), -1, order="F") @ w + b'),
    _affine("dx is divided by the number of examples", MEAN, "dx", lambda t, s: t.right.dx / len(t.x),
            dx="(dout @ w.T).reshape(x.shape) / N"),
    _affine("dx keeps the flat shape of the rows", "dx has the shape of x.", "dx",
            lambda t, s: t.right.dx.flatten(1), dx="dout @ w.T"),
    _affine("dw is divided by the number of examples", MEAN, "dw", lambda t, s: t.right.dw / len(t.x),
            dw="flat.T @ dout / N"),
    _affine("dw has the wrong sign", TERMS, "dw", lambda t, s: -t.right.dw, dw="-(flat.T @ dout)"),
    _affine("dw is transposed", "dw has the shape of w.", "dw", lambda t, s: t.right.dw.T, dw="dout.T @ flat"),
    _affine("db is the mean over the examples", MEAN, "db", lambda t, s: t.right.db / len(t.x),
            db="dout.mean(axis=0)"),
    _affine("db is summed over the wrong axis", SHARED, "db", lambda t, s: t.dout.sum(1), db="dout.sum(axis=1)"),
    _affine("db is one number for all", SHARED, "db", lambda t, s: t.dout.sum() + 0 * t.b,
            db="dout.sum() + 0 * dout[0]"),
    _affine("db does not use dout", CHAIN, "db", lambda t, s: 0 * t.b + len(t.x), db="0 * dout[0] + N"),
    _relu("relu_forward", "the forward passes its input on as it is", lambda t, s: 1 * t.x, "return x + 0, x"),
    _relu("relu_forward", "the forward gives the magnitude", lambda t, s: t.x.abs(), "return np.abs(x), x"),
    Wrong("relu_forward", "layer", "negative numbers leak through, times a factor", LEAK,
          lambda slope: {"out": lambda t, s: _leaky(t.x, slope)},
          (Body("relu_forward", "return np.where(x > 0, x, 0.003 * x), x"),), estimate=partial(_slope, "out", "x")),
    Wrong("relu_backward", "layer", "the gradient leaks through at negative numbers, times a factor", LEAK,
          lambda slope: {"dx": lambda t, s: t.right.dx + slope * (t.dout - t.right.dx)},
          (Body("relu_backward", "return np.where(cache > 0, dout, 0.003 * dout)"),),
          estimate=partial(_slope, "dx", "dout")),
    _relu("relu_backward", "negative gradients are passed on at negative numbers, too",
          lambda t, s: t.dout * ((t.x > 0) | (t.dout < 0)).to(t.x.dtype),
          "return np.where((cache > 0) | (dout < 0), dout, 0)"),
    _relu("relu_backward", "the backward looks at x and at dout",
          lambda t, s: t.dout * ((t.x > 0) & (t.dout > 0)).to(t.x.dtype),
          "return np.where((cache > 0) & (dout > 0), dout, 0)"),
    _relu("relu_backward", "the backward passes dout on as it is", lambda t, s: 1 * t.dout, "return dout + 0"),
    Wrong("relu_backward", "layer",
          "every gradient passes: the forward has written over x, in which no number is negative any more", WRITTEN,
          {"dx": lambda t, s: 1 * t.dout},
          (Body("relu_forward", "x[x < 0] = 0\nreturn x, x"), Body("relu_backward", "return dout * (cache >= 0)")),
          overwriting=True),
    _relu("relu_backward", "the backward does not use dout", lambda t, s: (t.x > 0).to(t.x.dtype),
          "return (cache > 0).astype(dout.dtype)"),
    _relu("relu_backward", "the backward looks at dout in place of x", lambda t, s: t.dout.clamp(min=0),
          "return np.maximum(dout, 0)"),
    _loss("softmax_loss", "the loss is summed over the examples", MEAN_OF_LOSS, "loss",
          lambda t, s: t.right.loss * len(t.x), "loss = loss * N"),
    _loss("softmax_loss", "the gradient is not divided by the number of examples", MEAN_OF_LOSS, "dx",
          lambda t, s: t.right.dx * len(t.x), "dx = dx * N"),
    _loss("softmax_loss", "the right class is not taken off in the gradient",
          "The derivative by the right class's score has − 1 in it.", "dx",
          lambda t, s: t.x.softmax(1) / len(t.x), "dx = p / N"),
    _loss("svm_loss", "the loss is summed over the examples", MEAN_OF_LOSS, "loss",
          lambda t, s: t.right.loss * len(t.x), "loss = loss * N"),
    _loss("svm_loss", "the gradient is not divided by the number of examples", MEAN_OF_LOSS, "dx",
          lambda t, s: t.right.dx * len(t.x), "dx = dx * N"),
    _loss("svm_loss", "the right class counts with its margin of 1", MARGIN, "loss",
          lambda t, s: t.right.loss + 1, "loss = loss + 1"),
    _loss("svm_loss", "the loss is divided by the number of classes", MARGIN, "loss",
          lambda t, s: t.right.loss / t.x.shape[1], "loss = loss / x.shape[1]"),
)  # fmt: skip
