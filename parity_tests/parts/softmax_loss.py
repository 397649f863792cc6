"""The softmax loss, a mean over the examples, and its gradient."""

from __future__ import annotations

from dataclasses import replace

from parity_tests.parts.right_text import RightText

LOG = "The loss of each example is minus the natural logarithm of its right class's probability."
ROWS = "The probabilities in a row add up to 1."
ONE = "In the gradient 1 is taken off the probability at each example's right class, before the mean."
MEAN = "The loss is a mean over the examples: the gradient is that of the mean."

LINES = """
shifted = x - x.max(axis=axis, keepdims=True)  # the shifted scores
e = np.exp(shifted)  # the exponentials
total = np.exp(shifted).sum(axis=axis, keepdims=True)  # the sum of the exponentials
softmax = e / total  # the probabilities
logs = np.log(softmax)  # the log-probabilities
loss = -(chosen * logs).sum(axis=everything) / count  # the loss
"""
PARTED = """
share = softmax / count  # the part of the probabilities
part = right / count  # the part of the right class
dx = share - part  # the gradient
"""
WHOLE = """
taken = softmax - right  # the probabilities less 1 at the right class
dx = taken / count  # the gradient
"""
CLASSES = {
    "chosen": "the choice of the right class",
    "right": "1 at the right class",
    "likeliest": "the likeliest class",
    "column": "the column of each label",
    "label": "every example's label",
    "others": "the choice of wrong classes",
    "one": "1 at every class",
}
COUNTS = {"count": "the number of examples", "classes": "the number of classes"}
AXES = {"axis": "the classes", "other": "the examples", "everything": "everything"}
LABELS = {
    **CLASSES,
    **COUNTS,
    **AXES,
    "x": "the scores",
    "np.exp": "the exponential",
    "np.log": "the logarithm",
    "np.log(total)": "the logarithm of the sum",
}
HINTS = {
    "number of": MEAN,
    "averaged": MEAN,
    "sum of the exponentials": ROWS,
    "shifted": ROWS,
    "exponential": ROWS,
    "log": LOG,
    "the loss": LOG,
    "": ONE,
}
SAID = {
    "multiplied by 1 at the right class once too often": "there at the right class alone",
    "multiplied by the choice of the right class once too often": "there at the right class alone",
    "multiplied by the choice of wrong classes once too often": "left out at the right class",
}
TWO_TERMS = LINES.replace("np.log(softmax)", "shifted - np.log(total)")
"""The logarithm of the quotient taken apart, as that does not overflow."""
_LOSS = RightText(
    LINES,
    ("x", *CLASSES),
    tuple(COUNTS),
    tuple(AXES),
    LABELS,
    hints=HINTS,
    without=frozenset({"function"}),
    said=SAID,
)
OWN = "(right * softmax).sum(axis=axis, keepdims=True)"
ROWS_OF = (
    ("the loss is the logarithm of the mean probability",
     {"loss": "-np.log((right * softmax).sum(axis=everything) / count)"}),
    ("the loss is the mean of 1 − p", {"loss": "(right * (1 - softmax)).sum(axis=everything) / count"}),
    ("the losses of the examples are not averaged", {"loss": "-(chosen * logs).sum(axis=axis, keepdims=True)"}),
    ("the loss is a mean over all examples and classes", {"loss": "-logs.sum(axis=everything) / (count * classes)"}),
    ("the gradient is that of the right class's probability, not of its logarithm",
     {"taken": f"{OWN} * (right - softmax)"}),
    ("the gradient is minus that of the right class's probability, without its logarithm",
     {"taken": f"{OWN} * (softmax - right)"}),
    ("the gradient is softmax's own derivative, p times 1 − p", {"taken": "softmax * (1 - softmax)"}),
    ("the exponential is left out", {"e": "x", "total": "x.sum(axis=axis, keepdims=True)"}),
)  # fmt: skip
"""What no operator gives."""
_ALONE, _PARTED = _LOSS.ending_in(WHOLE, PARTED)
SOFTMAX_LOSS = [replace(_ALONE, rows=ROWS_OF), _PARTED, replace(_LOSS, lines=TWO_TERMS)]
