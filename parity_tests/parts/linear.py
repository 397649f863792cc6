"""The linear layer, forward and backward, of inputs as rows."""

from __future__ import annotations

from parity_tests.parts.right_text import RightText

FORMULA = "out = x · w + b, each term once: compare the code with it."
BACK = "dx = dout · wᵀ, dw = xᵀ · dout, db = the sum of dout over the examples; each holds dout, once."
MEAN = "The mean over the examples belongs to the loss: a layer's backward passes dout on as it comes."
SHARED = "w and b are shared by all examples: their gradients are sums over all of them."
EACH = "reshape(N, −1) keeps each example together."
ORDER = "reshape takes the last index as the fastest: order C."

FORWARD = """
product = rows @ w  # x · w
out = product + b  # out
"""
BACKWARD = """
dx = dout @ w.T  # dx
dw = rows.T @ dout  # dw
db = dout.sum(axis=axis)  # db
"""
COUNTS = {"count": "the number of examples", "inputs": "the number of inputs", "outputs": "the number of outputs"}
AXES = {"axis": "the examples", "other": "the outputs", "everything": "everything"}
LABELS = {
    "w.T": "w",
    "rows.T": "x",
    "rows": "x",
    "fortran": "x in Fortran order",
    "mixed": "x unrolled across the examples",
    **COUNTS,
    **AXES,
}
HINTS = {"Fortran": ORDER, "across": EACH}

LINEAR_FORWARD = RightText(
    FORWARD,
    ("rows", "w", "b", "fortran", "mixed"),
    tuple(COUNTS),
    (),
    LABELS,
    hints={**HINTS, "": FORMULA},
    rows=(("the bias of the first unit is added to all", {"out": "product + b[:1]"}),),
)
LINEAR_BACKWARD = RightText(
    BACKWARD,
    ("dout", "rows", "w", "b", "fortran", "mixed"),
    tuple(COUNTS),
    tuple(AXES),
    LABELS,
    hints={**HINTS, "number of examples": MEAN, "mean": MEAN, "example": SHARED, "sum": SHARED, "": BACK},
    without=frozenset({"transpose"}),
    rows=(("dx is that of the sum of dout over the examples", {"dx": "(0 * dout + dout.sum(axis=axis)) @ w.T"}),),
)
