"""ReLU, forward and backward."""

from __future__ import annotations

from parity_tests.parts.right_text import RightText

RELU = "Where does ReLU pass its input on, and where is it 0?"
BACK = "ReLU's gradient is the incoming one where x is positive, and 0 elsewhere."
NAMES = ("x", "zero", "one", "negatives")
LABELS = {"negatives": "0 for negative inputs", "zero": "0", "one": "1", "x > zero": "the mask x > 0"}
WITHOUT = frozenset(("complement", "count"))
FORWARD = (
    """
mask = np.where(x > zero, one, negatives)  # the mask x > 0
out = x * mask  # out
""",
    "out = np.maximum(x, zero)  # out",
)
BACKWARD = (
    """
mask = np.where(x > zero, one, negatives)  # the mask x > 0
dx = dout * mask  # dx
""",
    "dx = dout * (x > zero)  # dx",
)
OTHERS = (
    ("what is over 1 is cut off", "np.minimum(np.maximum(x, 0), 1)"),
    ("it is an ELU", "np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)"),
    ("it is a tanh", "np.tanh(x)"),
    ("it is a sigmoid", "1 / (1 + np.exp(-x))"),
)
"""What stands for ReLU."""
OTHER_GRADIENTS = (
    ("negative gradients are passed on at negative numbers, too", "np.where((x > 0) | (dout < 0), dout, 0 * x)"),
    ("the backward looks at x and at dout", "np.where((x > 0) & (dout > 0), dout, 0 * x)"),
    ("−dout passes where x is negative", "np.where(x > 0, dout, np.where(x < 0, -dout, 0 * dout))"),
    ("−dout passes where x is not positive", "np.where(x > 0, dout, -dout)"),
    ("the larger of x and dout is given", "np.maximum(dout, x)"),
    ("the backward gives 1 where dout is positive", "np.where(dout > 0, 1 + 0 * dout, 0 * dout)"),
    ("the gradient is cut off below 0 after it is multiplied by x", "np.maximum(dout * x, 0)"),
)
RELU_FORWARD = [
    RightText(
        lines,
        NAMES,
        labels=LABELS,
        hints={"": RELU},
        without=WITHOUT,
        rows=tuple((words, {"out": value}) for words, value in OTHERS),
    )
    for lines in FORWARD
]
SAID = {
    "x in place of 1 in the mask x > 0": "dx is multiplied by ReLU's output once too often",
    "0 for negative inputs and x are exchanged in the mask x > 0": "x in place of the mask x > 0",
    "dx is multiplied by x once": "dx is multiplied by ReLU's output once",
}
RELU_BACKWARD = [
    RightText(
        lines,
        ("dout", *NAMES),
        labels=LABELS,
        hints={"": BACK},
        without=WITHOUT,
        said=SAID,
        rows=tuple((words, {"dx": value}) for words, value in OTHER_GRADIENTS),
    )
    for lines in BACKWARD
]
