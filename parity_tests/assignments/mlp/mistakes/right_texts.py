"""The right texts of the homework's parts: which each operation has, and what their names are in a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.main.evidence import STEPS
from parity_tests.assignments.mlp.mistakes.dropout import generated_dropout
from parity_tests.assignments.mlp.mistakes.generated import SHARED, Names, Written, generated
from parity_tests.assignments.mlp.mistakes.main_records import RECORDS
from parity_tests.assignments.mlp.mistakes.main_steps import OF_RATES, generated_main_steps
from parity_tests.assignments.mlp.mistakes.steps import generated_steps
from parity_tests.parts.linear import LINEAR_BACKWARD, LINEAR_FORWARD
from parity_tests.parts.relu import RELU_BACKWARD, RELU_FORWARD
from parity_tests.parts.right_text import RightText
from parity_tests.parts.softmax_loss import SOFTMAX_LOSS
from parity_tests.parts.tanh import TANH_BACKWARD, TANH_FORWARD
from parity_tests.protocol.mistake import Call, Mistake

ONE_BATCH = "Each backward belongs to one mini-batch alone: = or +=?"
ANOTHER_LAYER = "The activation is a layer of its own, and so is its derivative."
AVERAGED = "the gradient of {} is averaged over the rows"
GRADIENTS = {"dx": "the gradient of X", "dw": "the gradient of W", "db": "the gradient of b"}
WORDS = {"x": "X", "w": "W", "dout": "grad", "examples": "rows", "example": "row"}
EARLIER = {"earlier_x": "the X of an earlier call", "earlier_w": "the W of an earlier call"}
STALE = "Which W does a layer use: the one that SGD has just changed, or one that was put aside before?"


def _of_linear(call: Call) -> Names:
    X, grad, W, b, past = call.X, call.grad, call.W, call.b, call.past
    return Names(
        rows=X, w=W, b=b, dout=grad, earlier_x=call.first.X, earlier_w=call.first.W,
        earlier_u=lambda: X @ call.first.W + call.first.b, positive=1.0 * (X > 0),
        own_dw=lambda: X.T @ grad, own_db=lambda: grad.sum(axis=0, keepdims=True),
        sum_dw=lambda: sum((one.X.T @ one.grad for one in past), 0 * W),
        sum_db=lambda: sum((one.grad.sum(axis=0, keepdims=True) for one in past), 0 * b),
        axis=0, other=1, everything=None, count=float(call.N), inputs=float(call.D), outputs=float(call.M),
    )  # fmt: skip


_OF_FORWARD = {**EARLIER, "earlier_u": "what W and b of an earlier call give"}
_FORWARD = LINEAR_FORWARD.in_words({**WORDS, "out": "u"}, "rows", "w", "b")
_FORWARD = _FORWARD.beside(_OF_FORWARD, {"earlier call give": STALE})
OTHERS = {"own_dw": GRADIENTS["dw"], "own_db": GRADIENTS["db"], "positive": "1 where X is positive"}
OTHERS |= dict.fromkeys(("sum_dw", "sum_db"), "the sum of all earlier ones")
SAID_BACKWARD = {
    "multiplied by 1 where X is positive once too often": "0 where X is not positive",
    "the gradient of W is divided by the number of rows once too often": AVERAGED.format("W"),
    "a mean in place of a sum in the gradient of b": AVERAGED.format("b"),
}
_BACKWARD = replace(LINEAR_BACKWARD, without=frozenset()).in_words({**WORDS, **GRADIENTS}, "dout", "rows", "w", "b")
_BACKWARD = _BACKWARD.beside(
    {**EARLIER, **OTHERS}, {"earlier ones": ONE_BATCH, "1 where": ANOTHER_LAYER}, SAID_BACKWARD
)


def _above(call: Call) -> Any:
    """1 where X is above the number that parts what a call let through, as 0 should; NaN where none does."""
    x, got = np.asarray(call.X.value, np.float64), call.got
    if got is None or got.shape != x.shape:
        return np.full(x.shape, np.nan)
    stopped, passed = x[(got == 0) & (x != 0)], x[(got != 0) & (x != 0)]
    at, least = np.max(stopped, initial=-np.inf), np.min(passed, initial=np.inf)
    return np.where(at < least, 1.0 * (x > (0 if at < 0 < least else at)), np.nan)


def _of_activation(call: Call) -> Names:
    """The names of tanh and relu: their inputs, and other functions that take their places."""
    X, h, first, latest = call.X, call.h, call.first, call.latest
    positive = 1.0 * (X > 0)
    return Names(
        x=X, dout=call.grad, h=h, latest_h=latest.h, latest_mask=1.0 * (latest.X > 0),
        earlier_h=first.h, earlier_x=first.X, zero=0.0, one=1.0, two=2.0, negatives=0.0,
        tanh=np.tanh(X), sigmoid=1 / (1 + np.exp(-X)), tan=np.tan(X), arctan=np.arctan(X), relu=np.maximum(X, 0),
        derivative=1 - np.tanh(X) * np.tanh(X), leak=0.01 * X, of_sigmoid=h * (1 - h), square=h * h, again=np.tanh(h),
        of_relu=positive, sign=2 * positive - 1, leaky=0.01 + 0.99 * positive, upstream=1.0 * (call.grad > 0),
        above=lambda: _above(call), half=np.where(X == 0, 0.5, positive),
    )  # fmt: skip


def _of_loss(call: Call) -> Names:
    """The names of the loss: 1 at the classes of each row that one may take for its label."""
    right, top = 1.0 * call.hot, call.X.value.max(axis=1, keepdims=True)
    label = right.sum(axis=0, keepdims=True) + 0 * right
    return Names(
        x=call.X, right=right, chosen=right, others=1 - right, label=label, column=np.minimum(label, 1), one=1.0,
        likeliest=1.0 * (call.X.value == top), axis=1, other=0, everything=None, count=float(call.N),
        classes=float(call.K),
    )  # fmt: skip


ABOVE = {"above": "1 where X is above another number than 0"}
LEAKS = {**ABOVE, "leak": "0.01 X", "tanh": "tanh", "sigmoid": "the sigmoid"}
LATEST = {
    "latest_h": "what the latest forward of any object gave",
    "latest_mask": "the mask of the latest forward of any object",
}
SLOPES = {
    **ABOVE,
    "half": "1 where X is positive, ½ where it is 0",
    "latest_mask": LATEST["latest_mask"],
    "sign": "the sign of X",
    "leaky": "1 where X is positive, 0.01 elsewhere",
    "upstream": "1 where grad is positive",
    "relu": "relu's output",
    "derivative": "tanh's derivative",
}
_EARLIER_X = {"earlier_x": EARLIER["earlier_x"]}
_RELU = {**WORDS, "ReLU": "relu", "out": "relu's output", "dx": "relu's gradient"}
_OTHER_MASK = {f"{ABOVE['above']} in place of the mask X > 0 in": "the mask compares X with a number other than 0 in"}
_TANH = {**WORDS, "out": "tanh's output", "dx": "tanh's gradient"}
_RELU_FORWARD = [text.in_words(_RELU).beside({**LEAKS, **_EARLIER_X}, said=_OTHER_MASK) for text in RELU_FORWARD]
_RELU_BACKWARD = [text.in_words(_RELU).beside({**SLOPES, **_EARLIER_X}, SHARED, _OTHER_MASK) for text in RELU_BACKWARD]
_TANH_BACKWARD = [text.in_words(_TANH).beside({"latest_h": LATEST["latest_h"]}, SHARED) for text in TANH_BACKWARD]
_LOSS = [text.in_words({**WORDS, "scores": "logits", "gradient": "gradient of the loss"}) for text in SOFTMAX_LOSS]

# ---- what utils.py gives students: each a statement, beside what may stand in its place

ARGMAX = "Which axis of the N×K scores are the classes, and which class is predicted?"
TWO = "A single column of scores belongs to two classes: which score parts them?"
SETS = "Print the shapes: which entries of the file make which set?"
PIXELS = "The file holds pixels in [0, 1] already, and its rows are examples."
AXES = "Which axis of X are the examples, and which the features?"
LABELS = {
    "largest": "the place of the largest score of a row",
    "least": "the place of the least score of a row",
    "over_rows": "the place of the largest score of a column",
    "top": "the largest score itself",
    "closed": "1 where a single score is at least 0",
}
FILED = {
    "own": "the file's own set",
    "other": "the other one of validation and test set",
    "trained": "the training set",
    "turned": "the set, transposed,",
}
SAID = {"1 − the velocity in place of": "1 in place of"}
SIZES = {"rows": "the number of examples", "columns": "the number of features"}


def _of_labels(call: Call) -> Names:
    """Of several classes the places in rows, of one score whether it is positive."""
    f, one = call.f.value, call.K == 1
    largest = 1.0 * (f > 0) if one else 1.0 * f.argmax(axis=1)[:, None]
    least, over_rows = (1.0 * f.argmin(axis=1), 1.0 * f.argmax(axis=0)) if not one else (largest, largest)
    return Names(
        largest=largest, least=least.reshape(-1, 1), over_rows=over_rows.reshape(-1, 1),
        top=largest if one else f.max(axis=1, keepdims=True), closed=1.0 * (f >= 0) if one else largest,
    )  # fmt: skip


def _of_file(call: Call) -> Names:
    kind, split = call.quantity[0], call.split
    sets = {name: call.parts[f"{kind}{name}"] for name in ("train", "valid", "test")}
    own, other = sets[split], {"train": "train", "valid": "test", "test": "valid"}[split]
    trained = sets["train"] if split == "valid" else own
    return Names(own=own, other=sets[other], trained=trained, turned=own.T if kind == "X" else own)


def _sizes(call: Call) -> Names:
    return Names(rows=float(call.N), columns=float(call.D))


def _line(line: str, labels: Mapping[str, str], given: Callable[[Call], Names], **hints: str) -> Written:
    """What one line gives, with the hints of words, and the one of all else."""
    by_word = {"" if word == "else_" else word.replace("_", " "): hint for word, hint in hints.items()}
    return Written([RightText(line, tuple(labels), labels=labels, hints=by_word, said=SAID)], line.split()[0], given)


_FILED = _line("loaded = own  # the set", FILED, _of_file, set=SETS, else_=PIXELS)
UTILS: Mapping[str, Written] = {
    "utils.labels": _line("label = largest  # the label", LABELS, _of_labels, at_least_0=TWO, else_=ARGMAX),
    "utils.N": _line("N = rows  # N", SIZES, _sizes, else_=AXES),
    "utils.d": _line("d = columns  # d", SIZES, _sizes, else_=AXES),
    "utils.velocity": _line(
        "velocity = zeros  # the velocity",
        {"zeros": "the zeros"},
        lambda call: Names(zeros=0 * call.gradient.value.astype(float)),
        else_="What is the velocity before the first step?",
    ),
    "utils.loaded X": _FILED,
    "utils.loaded Y": _FILED,
}

# ---- all of them

WRITTEN: Mapping[str, Written] = {
    "linear.output": Written([_FORWARD], "out", _of_linear),
    "linear.gradient of X": Written([_BACKWARD], "dx", _of_linear),
    "linear.gradient of W": Written([_BACKWARD], "dw", _of_linear),
    "linear.gradient of b": Written([_BACKWARD], "db", _of_linear),
    "loss.output": Written(_LOSS, "loss", _of_loss),
    "loss.gradient of X": Written(_LOSS, "dx", _of_loss),
    "tanh.output": Written([text.in_words(_TANH) for text in TANH_FORWARD], "out", _of_activation),
    "tanh.gradient of X": Written(_TANH_BACKWARD, "dx", _of_activation),
    "relu.output": Written(_RELU_FORWARD, "out", _of_activation),
    "relu.gradient of X": Written(_RELU_BACKWARD, "dx", _of_activation),
    **UTILS,
    **RECORDS,
    **OF_RATES,
}


def of_calls(calls: Sequence[Call]) -> Iterator[Mistake]:
    """The changed right texts that may be what calls of one operation show."""
    if calls[0].operation == "sgd.weights":
        return generated_steps(calls)
    if calls[0].operation == STEPS:
        return generated_main_steps(calls)
    if calls[0].operation.startswith("dropout."):
        return generated_dropout(calls)
    written = WRITTEN.get(calls[0].operation)
    return iter(()) if written is None else generated(written, calls)
