"""The multiclass SVM loss, a mean over the examples, and its gradient."""

from __future__ import annotations

from dataclasses import replace

from parity_tests.parts.right_text import RightText
from parity_tests.parts.softmax_loss import AXES, COUNTS, MEAN, SAID

MARGIN = "For each example every wrong class whose margin is positive counts, the right class does not."
HINGE = "A margin is x_j − x_y + 1; where it is positive it adds to the loss, 1 to x_j's gradient and −1 to x_y's."

LINES = """
own = (x * right).sum(axis=axis, keepdims=True)  # the right class's score
raw = x - own + one  # the margins with negative ones
hinge = np.maximum(raw, zero)  # the margins with the right class's
margins = others * hinge  # the margins
positive = 1.0 * (margins > zero)  # the 1s of positive margins
number = positive.sum(axis=axis, keepdims=True)  # the number of positive margins
each = margins.sum(axis=axis, keepdims=True)  # the sum of each example's margins
loss = each.sum(axis=everything) / count  # the loss
"""
PARTED = """
share = positive / count  # the gradient of wrong classes
part = right * number / count  # the gradient of the right class
dx = share - part  # the gradient
"""
WHOLE = """
taken = positive - right * number  # the numbers of margins
dx = taken / count  # the gradient
"""
CLASSES = {
    "right": "the choice of the right class",
    "others": "the choice of wrong classes",
    "zero": "0",
    "one": "the margin of 1",
}
ALL = {**COUNTS, "wrong": "the number of wrong classes"}
LABELS = {**CLASSES, **ALL, **AXES, "x": "the scores", "x - own": "x_j − x_y"}
AT = {"raw": "the margins"}
HINTS = {"number of examples": MEAN, "the loss": MARGIN, "": HINGE}
ROWS_OF = (
    ("the loss is half of squared margins", {"each": "(margins**2).sum(axis=axis, keepdims=True) / 2"}),
    ("margins count where they are over 1, not over 0", {"hinge": "np.where(raw > 1, raw, 0 * x)"}),
    ("the right class's gradient is +1", {"taken": "positive + right"}),
    ("the gradient is that of squared margins", {"positive": "2 * margins"}),
)
"""What no operator gives."""
_ALONE, _PARTED = RightText(
    LINES,
    ("x", *CLASSES),
    tuple(ALL),
    tuple(AXES),
    LABELS,
    at=AT,
    hints=HINTS,
    without=frozenset({"complement"}),
    said=SAID,
).ending_in(WHOLE, PARTED)
SVM_LOSS = [replace(_ALONE, rows=ROWS_OF), _PARTED]
