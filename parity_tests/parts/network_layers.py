"""A network's layers as steps in their order: what steps may be left out, changed and moved, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

SCORES = "The last layer is affine alone: scores may be negative."
HIDDEN = "A ReLU follows every hidden layer."
NORMALISED = "normalization may be “batchnorm” or “layernorm”: each hidden layer then has its own, before the ReLU."
TESTS = "Without labels the network is tested: batch norm and dropout are then in their test mode."
BACK = "Whatever changes a layer's output in the forward is gone back through in the backward."
DROPS = "Dropout follows the ReLU of every hidden layer, in training alone."
BIASES = "Every layer has its bias."

PLACES: Mapping[str, slice] = {
    "": slice(None),
    "first": slice(1),
    "last": slice(-1, None),
    "but the first": slice(1, None),
    "but the last": slice(-1),
}
"""Which of the steps of a kind, in their order."""
CALLED = {
    "relu": ("ReLU", "the ReLUs are"),
    "affine": ("bias", "the biases are"),
    "dropout": ("dropout", "dropout is"),
    "batchnorm": ("batch norm", "batch norm is"),
    "layernorm": ("layer norm", "layer norm is"),
    "NORM": ("norm", "normalisation is"),
}
"""What a step is called, and what all are, with their verb."""
OTHERS = {"tanh": "tanh", "sigmoid": "sigmoid", "leaky": "a leaky ReLU with a slope of 0.01"}
"""What may stand for a ReLU."""
AT_PLACES: Sequence[tuple[str, str, str, str]] = (
    *(
        (
            f"{{}}{of_back}",
            BACK if of_back else HIDDEN if step == "relu" else NORMALISED,
            step,
            f"{step}!" * bool(of_back),
        )
        for step in ("relu", "batchnorm", "layernorm", "NORM")
        for of_back in ("", " of the backward")
    ),
    ("{}", BIASES, "affine", "unbiased"),
    *((f"{words} in place of", HIDDEN, "relu", other) for other, words in OTHERS.items()),
    ("{} of the backward", BACK, "dropout", "dropout!"),
)
"""What may be wrong at each place: what is said, {} for what is left out, a hint, a step, and what stands for it."""
ONCE: Sequence[tuple[str, str, str, str]] = (
    *(
        (f"{words} is on the scores{also}", SCORES, "", f"{other}{sign}")
        for other, words in {"relu": "a ReLU", **OTHERS}.items()
        for sign, also in (("", ""), ("!", ", and left out of the backward"))
    ),
    ("probabilities come back without labels, not scores", SCORES, "", "softmax?"),
    ("probabilities in place of the scores, in the loss as well", SCORES, "", "softmax"),
    *(
        (f"{CALLED[norm][1].removesuffix(' is')} {what}", NORMALISED, f"{norm} relu{then}", new)
        for norm in ("batchnorm", "layernorm", "NORM")
        for what, then, new in (
            ("is left out where there is dropout", " dropout", "relu dropout"),
            ("comes after the ReLU", "", f"relu {norm}"),
        )
    ),
    ("layer norm in place of batch norm", NORMALISED, "batchnorm", "layernorm"),
    ("batch norm in place of layer norm", NORMALISED, "layernorm", "batchnorm"),
    ("normalisation comes after dropout", NORMALISED, "NORM relu dropout", "relu dropout NORM"),
    ("dropout comes before the norm", DROPS, "NORM relu dropout", "dropout NORM relu"),
)
"""What may be wrong in all layers, or at the end: what is said, a hint, the steps, and those in their place."""


class Instead(NamedTuple):
    """What is said of a network with `new` steps in place of `old` ones at a place, with a hint.

    `old` and `new` are names with spaces between, NORM for either; none is the end of all. A ! says that the backward
    does not go back through a new step, a ? that it is made in tests alone, a + there too.
    """

    words: str
    hint: str
    old: str
    new: str
    place: str = ""


def changed_layers(*, convolutional: bool, with_norms: bool) -> Iterator[Instead]:
    """What may be wrong with the steps of a network, the simplest first."""
    for said, hint, old, new in AT_PLACES:
        for place in PLACES if with_norms or old in ("relu", "affine") else ():
            called = _called(old, place, convolutional)
            left_out = said.format(f"{called} left out") if "{}" in said else f"{said} {called.rpartition(' ')[0]}"
            yield Instead(left_out, hint, old, new, place)
    yield from (Instead(*one) for one in ONCE if with_norms or not one[2])


def changed_dropout() -> Iterator[Instead]:
    """What may be wrong with how often dropout is applied, which shows in the masks that calls draw."""
    for place in PLACES:
        called = f"{_called('dropout', place)} left out"
        yield Instead(called, DROPS, "dropout", "", place)
        yield Instead(f"{called} where there is batch norm", DROPS, "batchnorm relu dropout", "batchnorm relu", place)
    yield Instead("dropout is never in its test mode", TESTS, "dropout", "dropout+")
    yield Instead("the modes of dropout are exchanged", TESTS, "dropout", "dropout?")
    yield Instead("dropout is applied to the scores as well", DROPS, "", "dropout")


def _called(step: str, place: str, convolutional: bool = False) -> str:
    """Whose step it is, with the verb."""
    one, several = CALLED[step]
    hidden = "" if one == "bias" else "hidden "
    if convolutional and one == "ReLU" and place in ("first", "last"):
        return f"the {'convolution' if place == 'first' else 'hidden affine layer'}'s ReLU is"
    if place in ("first", "last"):
        return f"the {place} {hidden}layer's {one} is"
    bare, _, verb = several.rpartition(" ")
    return f"{bare} of all {hidden}layers {place} {verb}" if place else several
