"""The penalty of a network: ½ reg ΣW² in the loss, reg W in the gradients, over all parameters one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from parity_tests.parts.right_text import RightText

HALF = "The penalty is ½ · reg · ΣW², so that its gradient is reg · W."
MEAN = "The loss is a mean over the examples, and its gradient is that of the mean."
WHICH = "Every W is penalised, in the loss and in its own gradient: the first, and the last too; biases are not."

CHOICES: Mapping[str, tuple[Callable[[str, int, int], float], str]] = {
    "weights": (lambda kind, n, L: kind == "W", "all weights"),
    "last": (lambda kind, n, L: kind == "W" and n == L, "the last layer's weights"),
    "first": (lambda kind, n, L: kind == "W" and n == 1, "the first layer's weights"),
    "not_last": (lambda kind, n, L: kind == "W" and n < L, "the weights of all layers but the last"),
    "not_first": (lambda kind, n, L: kind == "W" and n > 1, "the weights of all layers but the first"),
    "second": (lambda kind, n, L: kind == "W" and n == 2 < L, "the second layer's weights, where there is a third,"),
    "outer": (lambda kind, n, L: kind == "W" and n in (1, L), "the weights of the first layer and the last"),
    "inner": (lambda kind, n, L: kind == "W" and 1 < n < L, "the weights between the first layer and the last"),
    "firsts": (lambda kind, n, L: L * (kind == "W" and n == 1), "the first layer's weights, once for each layer,"),
    "lasts": (lambda kind, n, L: L * (kind == "W" and n == L), "the last layer's weights, once for each layer,"),
    "moved": (
        lambda kind, n, L: (kind == "W") * (1 + (n == 1) - (n == L)),
        "the weights of all layers, the first layer's in place of the last layer's,",
    ),
    "biases": (lambda kind, n, L: kind == "b", "biases"),
    "last_bias": (lambda kind, n, L: kind == "b" and n == L, "the last layer's bias"),
    "first_bias": (lambda kind, n, L: kind == "b" and n == 1, "the first layer's bias"),
    "gammas": (lambda kind, n, L: kind == "gamma", "gammas"),
    "scales": (lambda kind, n, L: kind in ("gamma", "beta"), "gammas and betas"),
    "others": (lambda kind, n, L: kind != "W", "what is no weight"),
}
"""What may be penalised: how often a parameter is, by its kind, its layer and the number of layers; and the words."""
NO_WEIGHTS = ("biases", "last_bias", "first_bias", "gammas", "scales", "others")
COUNTS = {"half": "½", "reg": "reg", "examples": "the number of examples", "layers": "the number of layers"}
GRADED = ("reg", "examples", "layers")
SIZES = {"sizes": "the number of weights"}
OF_LOSS = """
squares = members @ (w ** 2)  # the sum of squares in the loss
penalty = (half * reg * squares * counted).sum(axis=everything)  # the penalty in the loss
result = data + penalty  # the loss
"""
OF_GRADIENT = """
share = reg * w  # the penalty's gradient
result = graded + share  # the gradient
"""
LABELS = {
    **COUNTS,
    **SIZES,
    "w": "W",
    "w ** 2": "the square of W",
    "half * reg": "½ reg",
    "counted": "what is penalised",
    "members": "whose they are",
    "sums": "the sum of each W",
    "signs": "the signs of W",
    "magnitudes": "twice the sum of magnitudes",
    "data": "the loss without its penalty",
    "graded": "the data's gradient",
}
HINTS = {"examples": MEAN, " penalised": WHICH, "": HALF}
SAID = {
    "the penalty in the loss is left out of the loss": "the loss is without the penalty",
    "the penalty's gradient is left out of the gradient": "the gradient is without the penalty",
    "2 is outside the brackets in the sum of squares in the loss": (
        "the square of the sum of each W in place of the sum of its squares in the loss"
    ),
}
WITHOUT = frozenset({"transpose", "exchanged", "term", "base", "activation", "rows", "function", "whole", "complement"})


def _counted() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Others that are penalised in the loss: as well, once too often, or alone."""
    for choice, (_, what) in CHOICES.items():
        subject, comma, beside = what.partition(",")
        one = re.split(" of | between ", subject)[0]
        verb = f"{'are' if one.endswith('s') and not one.endswith('bias') else 'is'} penalised"
        often = " once too often" * (choice not in NO_WEIGHTS)
        alone = " alone" * (choice != "moved")
        for words, counted in (
            (f"{what} {verb}{often}", f"(weights + {choice})"),
            (f"{subject}{alone}{comma}{beside} {verb}", choice),
        ):
            yield f"{words} in the loss", {"penalty": f"(half * reg * squares * {counted}).sum(axis=everything)"}


LOSS = RightText(
    OF_LOSS,
    ("w", "data", "members", "counted", "magnitudes"),
    tuple(COUNTS | SIZES),
    ("everything",),
    {**LABELS, "everything": "everything"},
    hints=HINTS,
    said=SAID,
    without=WITHOUT,
    rows=tuple(_counted()),
)
GRADIENT = RightText(
    OF_GRADIENT, ("w", "graded", "sums", "signs"), GRADED, (), LABELS, hints=HINTS, said=SAID, without=WITHOUT
)
UNPENALISED = RightText(
    "result = graded  # the gradient",
    ("w", "graded"),
    GRADED,
    (),
    LABELS,
    hints=HINTS,
    without=WITHOUT,
    rows=(
        ("what is no weight is penalised in the gradients", {"result": "graded + reg * w"}),
        ("the gradients of gamma and beta are exchanged", {"result": "twin"}),
    ),
)
"""The gradient of what is no weight."""
