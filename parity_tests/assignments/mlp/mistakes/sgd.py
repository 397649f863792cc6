"""Known mistakes of mini-batch SGD (TODO 1) that no change of its rule gives, and of what it returns."""

from __future__ import annotations

import textwrap

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.inside.homework_names import FULL, SGD_NAMES, WITHOUT_DECAY
from parity_tests.assignments.mlp.mistakes.steps import RIGHT, Steps
from parity_tests.protocol.finding import NOTHING
from parity_tests.protocol.mistake import Around, Mistake, Shown, Swap

ALPHA, LAMBDA = (FULL, WITHOUT_DECAY), (FULL,)
"""The editions that have momentum, and those that have weight decay."""
ORDER = "Compare the order of the parameters with the names you use in the formula."


def _exchanged(name: str, one: str, other: str, editions: tuple[str, ...]) -> Mistake:
    """Two rates that change places in the signature; `one` stands before the other."""
    of_text = {"_alpha": "momentum", "_lambda": "weight_decay", "_learning_rate": "learning_rate"}
    exchange = "{1}, {0} = {0}, {1}".format(of_text[one], of_text[other])
    plain, moving = (textwrap.indent(rule, "    ") for rule in RIGHT)
    steps = Steps((f"{exchange}\nif momentum > 0:\n{moving}\nelse:\n{plain}",) * 2)
    signature = "_lambda: float, _alpha: float, _learning_rate: float"
    new = signature.replace(one, "_").replace(other, one).replace("_:", f"{other}:")
    return Mistake("1", "sgd.weights", name, ORDER, steps, plug=(Swap(signature, new),), editions=editions)


EXCHANGED = (
    _exchanged("λ and η are exchanged", "_lambda", "_learning_rate", LAMBDA),
    _exchanged("λ and α are exchanged", "_lambda", "_alpha", LAMBDA),
    _exchanged("α and η are exchanged", "_alpha", "_learning_rate", ALPHA),
)


def _found(finding: str) -> Shown:
    return lambda case, q, comparison: comparison.finding == finding


RETURNED = (
    Mistake(
        "1", "sgd.model", "SGD returns nothing", "What does a function return that has no return statement?",
        shown_by=_found(NOTHING), plug=(Around(SGD_NAMES[0], value="None"),),
    ),
    Mistake(
        "1", "sgd.model", "SGD returns something else than the model it was given",
        "What does main do with what is returned?", shown_by=_found(Found.OTHER_MODEL),
        plug=(Around(SGD_NAMES[0], value="momentum"),),
    ),
    Mistake(
        "1", "sgd.model", "SGD takes other parameters than it is given",
        "Compare the line with def with the assignment's: names may differ, the number and the order may not.",
        shown_by=_found(Found.OTHER_SIGNATURE), raised=r"TypeError: .*positional argument",
        plug=(Swap("_lambda: float, _alpha: float, _learning_rate: float", "_lambda: float, _rates: float"),),
    ),
)  # fmt: skip

SGD = (*EXCHANGED, *RETURNED)
