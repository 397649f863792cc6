"""ReLU, forward and backward."""

from __future__ import annotations

from parity_tests.parts.right_text import RightText

RELU = "Where does ReLU pass its input on, and where is it 0?"
BACK = "ReLU's gradient is dout where x is positive, and 0 elsewhere."
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
RELU_FORWARD = [RightText(lines, NAMES, labels=LABELS, hints={"": RELU}, without=WITHOUT) for lines in FORWARD]
SAID = {
    "x stands for 1 in the mask x > 0": "dx is multiplied by ReLU's output once too often",
    "0 for negative inputs and x are exchanged in the mask x > 0": "x stands for the mask x > 0",
    "dx is multiplied by x once": "dx is multiplied by ReLU's output once",
}
RELU_BACKWARD = [
    RightText(lines, ("dout", *NAMES), labels=LABELS, hints={"": BACK}, without=WITHOUT, said=SAID)
    for lines in BACKWARD
]
