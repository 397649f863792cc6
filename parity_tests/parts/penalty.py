"""The penalty of a network: ½ reg ΣW² in the loss, reg W in the gradients, over all parameters one after the other."""

from __future__ import annotations

import re

from parity_tests.parts.right_text import RightText

HALF = "The penalty is ½ · reg · ΣW², so that its gradient is reg · W."
MEAN = "The loss is a mean over the examples, and its gradient is that of the mean."
WHICH = "Every W is penalised, in the loss and in its own gradient: the first, and the last too; biases are not."

CHOICES = {
    "weights": "all weights",
    "last": "the last layer's weights",
    "first": "the first layer's weights",
    "not_last": "the weights of all layers but the last",
    "not_first": "the weights of all layers but the first",
    "second": "the second layer's weights, where there is a third,",
    "outer": "the weights of the first layer and the last",
    "inner": "the weights between the first layer and the last",
    "firsts": "the first layer's weights, once for each layer,",
    "lasts": "the last layer's weights, once for each layer,",
    "moved": "the weights of all layers, the first layer's in place of the last layer's,",
    "biases": "biases",
    "last_bias": "the last layer's bias",
    "first_bias": "the first layer's bias",
    "gammas": "gammas",
    "scales": "gammas and betas",
    "others": "what is no weight",
    "every": "all parameters",
}
"""What may be penalised, each a number of times for each parameter."""
WEIGHTS = frozenset(CHOICES) - {"biases", "last_bias", "first_bias", "gammas", "scales", "others"}
"""Of these some are weights."""
COUNTS = {"half": "½", "reg": "reg", "examples": "the number of examples", "layers": "the number of layers"}
SIZES = {"sizes": "the number of weights"}
OF_LOSS = """
squares = members @ (w ** 2)  # the sum of squares in the loss
penalty = (half * reg * squares * counted).sum(axis=everything)  # the penalty in the loss
loss = data + penalty  # the loss
"""
OF_GRADIENTS = """
share = reg * w * counted  # the penalty's gradient
whole = graded + share  # the gradient
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
    "2 stands outside the brackets in the sum of squares in the loss": (
        "the square of the sum of each W stands for the sum of its squares in the loss"
    ),
}
WITHOUT = frozenset({"transpose", "exchanged", "term", "base", "activation", "rows", "function", "whole", "complement"})


def _counted(where: str, target: str, value: str) -> tuple[tuple[str, dict[str, str]], ...]:
    """Others that are penalised in loss or gradients: as well, once too often, or alone."""
    rows = []
    for choice, what in CHOICES.items():
        subject, comma, beside = what.partition(",")
        one = re.split(" of | between ", subject)[0]
        verb = f"{'are' if one.endswith('s') and not one.endswith('bias') else 'is'} penalised"
        ways = {f"{what} {verb}{' once too often' * (choice in WEIGHTS)}": f"(weights + {choice})"}
        if choice != "weights":
            ways[f"{subject}{' alone' * (choice != 'moved')}{comma}{beside} {verb}"] = choice
        rows += [(f"{words} in the {where}", {target: value.format(counted)}) for words, counted in ways.items()]
    return tuple(rows)


LOSS = RightText(
    OF_LOSS,
    ("w", "data", "members", "counted", "magnitudes"),
    tuple(COUNTS | SIZES),
    ("everything",),
    {**LABELS, "everything": "everything"},
    hints=HINTS,
    said=SAID,
    without=WITHOUT,
    rows=_counted("loss", "penalty", "(half * reg * squares * {}).sum(axis=everything)"),
)
GRADIENTS = RightText(
    OF_GRADIENTS,
    ("w", "graded", "counted", "sums", "signs"),
    tuple(COUNTS),
    (),
    LABELS,
    hints=HINTS,
    said=SAID,
    without=WITHOUT,
    rows=_counted("gradients", "share", "reg * w * {}"),
)
