"""ReLU, forward and backward."""

from __future__ import annotations

from parity_tests.parts.right_text import RightText

RELU = "Where does ReLU pass its input on, and where is it 0?"
BACK = "ReLU's gradient is dout where x is positive, and 0 elsewhere."
LABELS = {"zero": "0", "one": "1", "x > zero": "the mask x > 0"}
WITHOUT = frozenset(("complement", "count"))
FORWARD = (
    """
mask = 1.0 * (x > zero)  # the mask x > 0
out = x * mask  # out
""",
    "out = np.maximum(x, zero)  # out",
)
BACKWARD = """
mask = 1.0 * (x > zero)  # the mask x > 0
dx = dout * mask  # dx
"""
RELU_FORWARD = [
    RightText(lines, ("x", "zero", "one"), labels=LABELS, hints={"": RELU}, without=WITHOUT) for lines in FORWARD
]
SAID = {"dx is multiplied by x once": "dx is multiplied by ReLU's output once"}
RELU_BACKWARD = [
    RightText(BACKWARD, ("dout", "x", "zero", "one"), labels=LABELS, hints={"": BACK}, without=WITHOUT, said=SAID)
]
