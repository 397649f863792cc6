"""The root-mean-square norm, forward and backward, of inputs as rows."""

from __future__ import annotations

from parity_tests.parts.right_text import RightText

SCALED = "x is divided by the root of the mean of its squares + eps; gamma scales the result."
EPS = "eps is added to the mean of the squares, under the root."
CHAIN = "x is in the root as well: dx = (dx̂ − x̂ · the mean of dx̂ · x̂) / root, where dx̂ = dout · gamma."
SHARED = "gamma is shared by all examples: its gradient is a sum over all of them."

FORWARD_LINES = """
square = (x ** 2).mean(axis=axis, keepdims=True)  # the mean square
root = np.sqrt(square + eps)  # the root mean square
normal = x / root  # the normalised x
out = gamma * normal  # the output
"""
BACKWARD_LINES = """
root = np.sqrt((x ** 2).mean(axis=axis, keepdims=True) + eps)  # the root mean square
normal = x / root  # the normalised x
scaled = dout * gamma  # the gradient in the normalised x
share = (scaled * normal).mean(axis=axis, keepdims=True)  # the mean in the gradient through the root
through = normal * share  # the gradient through the root
dx = (scaled - through) / root  # dx
dgamma = (dout * normal).sum(axis=other)  # dgamma
"""
COUNTS = {"count": "the number of features", "examples": "the number of examples"}
AXES = {"axis": "the features", "other": "the examples", "everything": "everything"}
LABELS = {"np.sqrt": "the root", "mean": "the mean", **COUNTS, **AXES}
"""Names of a question: `count, examples, axis, other, everything`, beside x, gamma, eps and dout."""
RMS_FORWARD = RightText(
    FORWARD_LINES, ("x", "gamma", "eps"), tuple(COUNTS), tuple(AXES), LABELS,
    hints={"eps": EPS, "": SCALED},
)  # fmt: skip
RMS_BACKWARD = RightText(
    BACKWARD_LINES, ("dout", "x", "gamma", "eps"), tuple(COUNTS), tuple(AXES), LABELS,
    hints={"dgamma": SHARED, "eps": EPS, "": CHAIN},
)  # fmt: skip
