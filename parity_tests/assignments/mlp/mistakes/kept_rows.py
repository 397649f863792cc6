"""The mistakes that no change of a right text gives: what findings are called, a few formulas, what follows of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.mistakes.generated import HINTS
from parity_tests.parts.dropout import DRAWN
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.finding import DTYPE, NOTHING, NUMBER, SHAPE, TRANSPOSED, Odd
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Quantity

ONCE = "Which lines run once, which once an epoch, and which at every step?"
TRAINING = "What does is_train mean, and when is it True?"
RETURNED = "What does main return, and in which order?"
NONE = "What does a function return that has no return statement?"
ASKED = "np.random.normal takes a mean, a standard deviation and a size: which do you give it, and which is asked for?"
ROW = "b is 1×M: one row, which is added to every row of X W."
ZEROS = "Which values should gradients have before any backward?"
COUNT = "How many numbers are drawn, and how many are needed?"
OF_MAIN: Mapping[Found, str] = {
    **dict.fromkeys((Found.DROPOUT_OFF, Found.NO_DROPOUT), TRAINING),
    Found.SAME_MASK: "How often is the random generator seeded?",
    **dict.fromkeys((Found.USED_TWICE, Found.OTHER_BATCH_SIZE), "Which rows does the slice of step s take?"),
    Found.OTHER_STEPS: "An epoch has ⌊N / batch⌋ steps: count yours for N = 22 and batches of 5.",
    Found.OTHER_EPOCHS: "For which t does your loop over the epochs run?",
    Found.OTHER_LABELS: "X and y must be taken by the same indices.",
    **dict.fromkeys((Found.ALL_IN_FILE_ORDER, Found.SAME_ORDER, Found.CHANGED_AGAIN, Found.BUILT_ANEW), ONCE),
    Found.NEVER_USED: "Which rows can your permutation hold?",
    Found.OTHER_SET: "Which set is which?",
    Found.CHANGED_PIXELS: "What is done to X between the file and the network?",
    Found.NEVER_CHANGED: "Which call changes them?",
    Found.TYPED_PIXELS: "Which attribute of DataSplit holds the number of columns?",
    Found.OTHER_START: "With which spread does linear_layer's constructor draw them?",
    Found.OTHER_WIDTH: "How many hidden units are asked for?",
    Found.OTHER_CLASSES: "How many digits are there?",
    Found.OTHER_ACTIVATION: "Which entry of main_params names it?",
    Found.OTHER_RATE: "Which entry of main_params holds it?",
    Found.NOT_EVALUATED: "Which rows does the evaluation visit?",
    Found.RETURNS_NOTHING: NONE,
    Found.NOT_RETURNED: RETURNED,
    Found.OTHER_LENGTH: ONCE,
}
"""By what is found in a run of `main`, which is the mistake's name, the hint."""
GRADIENT, PARAMETER = "initial gradient", "(?!initial gradient)"
OF_PARTS = (
    ("1", "", NOTHING, "SGD returns nothing", NONE),
    ("1", "", Found.OTHER_MODEL, "SGD returns something else than the model it was given",
     "What does main do with what is returned?"),
    ("1", "", Found.OTHER_SIGNATURE, "SGD takes other parameters than it is given",
     "Compare the line with def with the assignment's: names may differ, the number and the order may not."),
    ("2", f"{PARAMETER}.*(W|two layers differ)$", TRANSPOSED, "W is stored M×D", "W is D×M, so that u = X W + b."),
    ("2", PARAMETER, DTYPE, "the parameters have another dtype than float64",
     "np.random.normal returns float64: what is done to it?"),
    ("2", f"{PARAMETER}.*b$", SHAPE, "b has another shape than 1×M", ROW),
    ("2", f"{PARAMETER}.*b$", TRANSPOSED, "b is stored as a column", ROW),
    ("2", PARAMETER, Found.SAME_DRAWS, "the weights are the same in every layer",
     "Where is the random generator seeded, and how often?"),
    ("2", PARAMETER, Odd.OTHER_MEAN, "drawn with another mean than 0", ASKED),
    ("2", PARAMETER, Odd.OTHER_SPREAD, "drawn with another standard deviation than 0.1", ASKED),
    ("2", PARAMETER, Odd.REPEATED, "the same numbers come again and again", COUNT),
    ("2", GRADIENT, f"{SHAPE}|{TRANSPOSED}|{NUMBER}", "the gradients have other shapes than the parameters", ZEROS),
    ("2", GRADIENT, NOTHING, "the gradients are None before any backward", ZEROS),
    ("9", "re-drawn masks", Odd.SAME_MASK, "the mask is not drawn anew in each forward", DRAWN),
    ("9", "independence", Odd.SAME_NUMBER, "each call keeps exactly the same number", DRAWN),
    ("2", GRADIENT, "", "the gradients do not start at zero", ZEROS),
)  # fmt: skip
"""By part, quantity and what is found in it, the mistake's name and the hint; "" where numbers are others."""
RAISED = (
    ("10", str(Found.TYPED_PIXELS), r"\w+: .*\b784\b"),
    ("1", "SGD takes other parameters than it is given", r"TypeError: .*positional argument"),
)
"""By part the names of what an exception's type and own text tell."""
LARGE, LOGITS = "overflows: NaN for large inputs", "the softmax overflows: the logits are not shifted by their largest"
KEPT: Mapping[str, str] = {
    **{name: hint for *_, name, hint in OF_PARTS},
    **{str(name): hint for name, hint in OF_MAIN.items()},
    LARGE: "e to the 1000th is no float, and ∞/∞ or ∞ − ∞ no number: which of your terms grows without bound?",
    LOGITS: "e to the 1000th is no float: what may be subtracted from all logits without changing the result?",
}
"""By name the hint."""
HINTS.update(KEPT)


def shown(case: Case, q: Quantity, comparison: Comparison, _: Observation) -> list[str]:
    """The names of what a failure shows: what was found of it, what was raised, and numbers that are none.

    What the parts of a whole do wrong is told by their own cases.
    """
    if case.whole and case.process == "parts":
        return []
    part, finding, failure, got = comparison.part or q.part, comparison.finding, comparison.failure, comparison.got
    names = [
        name
        for of, quantity, found, name, _ in OF_PARTS
        if of == part and finding in found.split("|") and re.match(quantity, q.name) and (found or got is not None)
    ]
    called = Found.SAME_ORDER if finding == Found.SAME_BATCHES else finding
    names += [str(called)] if part == "10" and called in OF_MAIN else []
    raised = f"{failure.error}: {failure.said}" if failure is not None and failure.error else ""
    names += [name for of, name, text in RAISED if of == part and re.match(text, raised)]
    if got is not None and not math.isfinite(got):
        names += [LARGE] * (part in ("5", "6") and q.name.endswith("large inputs"))
        names += [LOGITS] * (part == "utils" and case.params.get("draw") == "offset")
    return names


_OTHER_SHAPES = ("the gradients have other shapes than the parameters",)
_FOLLOWING: Mapping[str, tuple[str, ...]] = {
    Found.BUILT_ANEW: (
        Found.OTHER_SET, Found.DROPOUT_OFF, Found.OTHER_STEPS, Found.NOT_EVALUATED, Found.USED_TWICE,
    ),
    Found.CHANGED_AGAIN: (Found.OTHER_STEPS,),
    Found.OTHER_SET: (Found.OTHER_STEPS, "η is not dropped at t = 10", Found.NOT_EVALUATED),
    Found.NEVER_CHANGED: (Found.OTHER_STEPS, Found.NOT_EVALUATED),
    Found.SAME_ORDER: (Found.NEVER_USED,),
    Found.ALL_IN_FILE_ORDER: (Found.NEVER_USED,),
    Found.CHANGED_PIXELS: (Found.NOT_EVALUATED,),
    Found.NOT_EVALUATED: (
        "the sum of the losses is of the last mini-batch alone",
        "the sum of the losses is of the first mini-batch alone",
    ),
    "the loss with weights from before the epoch in place of the loss record": (Found.NOT_EVALUATED,),
    "W is stored M×D": _OTHER_SHAPES,
    "b has another shape than 1×M": _OTHER_SHAPES,
    "b is stored as a column": _OTHER_SHAPES,
}  # fmt: skip
HIDDEN = {str(name): tuple(map(str, others)) for name, others in _FOLLOWING.items()}
"""What follows from a mistake, in the same case."""
