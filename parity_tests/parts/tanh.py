"""tanh, forward by exponentials and backward by what the forward gave."""

from __future__ import annotations

from parity_tests.parts.right_text import RightText

TERMS = "Put a number such as x = 1 into your formula and into the assignment's, and compare term by term."
BETWEEN = "Between which two values must tanh lie, and what is it at 0?"
WHICH = "That is another function: which one does the assignment ask for?"
SLOPE = "Write the derivative down as a function of tanh(x), and compare with your line."
CHAIN = "By the chain rule every gradient holds what came from above."
RENEWED = "What a layer keeps must be renewed in each forward."

FORWARD = (
    """
e = np.exp(-(two * x))  # the exponential
below = one + e  # the denominator
ratio = two / below  # the quotient
out = ratio - one  # out
""",
    """
up = np.exp(x)  # eˣ
down = np.exp(-x)  # e⁻ˣ
above = up - down  # the numerator
below = up + down  # the denominator
out = above / below  # out
""",
)
BACKWARD = (
    """
slope = one - h**2  # the derivative
dx = dout * slope  # dx
""",
    "dx = dout * (one - h**2)  # dx",
)
NUMBERS = {"one": "1", "two": "2"}
OTHERS = {
    "sigmoid": "the sigmoid",
    "tan": "tan, the trigonometric function,",
    "arctan": "arctan",
    "relu": "relu",
    "derivative": "the derivative 1 − tanh²",
}
"""Other functions of x, which take tanh's place."""
SLOPES = {
    "of_sigmoid": "the sigmoid's derivative h (1 − h)",
    "square": "h²",
    "of_relu": "relu's derivative",
    "again": "tanh of h",
    "earlier_h": "the output of an earlier call",
}
LABELS = {**NUMBERS, **OTHERS, **SLOPES, "h**2": "h²", "two * x": "the exponent", "np.exp": "the exponential"}
SAID = {
    "the exponential has the wrong sign": "numerator and denominator are exchanged: eᶻ has the wrong sign",
    "dout and 1 are exchanged in dx": "brackets are missing: dout · 1 − h²",
    "2 is outside the brackets in the derivative": "the derivative is (1 − h)²",
    "h² is outside the brackets": "brackets are missing around 1 − h²",
}
HINTS = {"earlier": RENEWED, "dout": CHAIN, "sigmoid": WHICH, "relu": WHICH, "tan": WHICH, "quotient": BETWEEN}
TANH_FORWARD = [
    RightText(
        lines,
        ("x", *NUMBERS, *OTHERS),
        labels=LABELS,
        hints={**HINTS, "": TERMS},
        said=SAID,
        without=frozenset({"nothing"}),
    )
    for lines in FORWARD
]
TANH_BACKWARD = [
    RightText(lines, ("dout", "x", "h", *NUMBERS, *SLOPES), labels=LABELS, hints={**HINTS, "": SLOPE}, said=SAID)
    for lines in BACKWARD
]
