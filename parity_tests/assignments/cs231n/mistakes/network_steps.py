"""Known mistakes in what the layers of a network do: steps left out, others in their place, and moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from parity_tests.assignments.cs231n.kinds.networks import drawn_masks
from parity_tests.assignments.cs231n.kinds.torch_networks import (
    NORMS,
    Changed,
    Step,
    Steps,
    steps_of,
)
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Params
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import Key

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
AT_PLACES = (
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
    *((f"{words} stands for", HIDDEN, "relu", other) for other, words in OTHERS.items()),
    ("{} of the backward", BACK, "dropout", "dropout!"),
)
"""What may be wrong at each place: what is said, {} for what is left out, a hint, a step, and what stands for it."""
ONCE = (
    *(
        (f"{words} is on the scores{also}", SCORES, "", f"{other}{sign}")
        for other, words in {"relu": "a ReLU", **OTHERS}.items()
        for sign, also in (("", ""), ("!", ", and left out of the backward"))
    ),
    ("probabilities come back without labels, not scores", SCORES, "", "softmax?"),
    ("probabilities stand for the scores, in the loss as well", SCORES, "", "softmax"),
    *(
        (f"{CALLED[norm][1].removesuffix(' is')} {what}", NORMALISED, f"{norm} relu{then}", new)
        for norm in ("batchnorm", "layernorm", "NORM")
        for what, then, new in (
            ("is left out where there is dropout", " dropout", "relu dropout"),
            ("comes after the ReLU", "", f"relu {norm}"),
        )
    ),
    ("layer norm stands for batch norm", NORMALISED, "batchnorm", "layernorm"),
    ("batch norm stands for layer norm", NORMALISED, "layernorm", "batchnorm"),
    ("normalisation comes after dropout", NORMALISED, "NORM relu dropout", "relu dropout NORM"),
    ("dropout comes before the norm", DROPS, "NORM relu dropout", "dropout NORM relu"),
)
"""What may be wrong in all layers, or at the end: what is said, a hint, the steps, and those in their place."""


def _step(told: str, layer: int) -> Step:
    """A step: ! says that the backward does not go back through it, ? that it is made in tests alone, + there too."""
    does = told.rstrip("!?+")
    testing = does != "dropout" or (told != does and "!" not in told)
    return Step(does, layer, goes_back="!" not in told, training="?" not in told, testing=testing)


def instead(old: str, new: str, place: str = "") -> Changed:
    """A network with `new` steps in place of `old` ones, at a place of those that have them; at its end for none."""

    def steps(right: Steps, params: Params) -> Steps:
        found = list(right)
        for norm in NORMS if "NORM" in old else NORMS[:1]:
            olds, news = (one.replace("NORM", norm).split() for one in (old, new))
            at = [k for k in range(len(right)) if [step.does for step in right[k : k + len(olds)]] == olds]
            for k in reversed(at[PLACES[place]] if old else [len(right)]):
                found[k : k + len(olds)] = [_step(one, right[min(k, len(right) - 1)].layer) for one in news]
        return tuple(found)

    return Changed(steps=steps)


def _called(part: str, step: str, place: str) -> str:
    """Whose step it is, with the verb."""
    one, several = CALLED[step]
    hidden = "" if one == "bias" else "hidden "
    if part == "ThreeLayerConvNet" and one == "ReLU" and place in ("first", "last"):
        return f"the {'convolution' if place == 'first' else 'hidden affine layer'}'s ReLU is"
    if place in ("first", "last"):
        return f"the {place} {hidden}layer's {one} is"
    bare, _, verb = several.rpartition(" ")
    return f"{bare} of all {hidden}layers {place} {verb}" if place else several


def changed_steps(part: str, asked: Sequence[Case], seen: Seen, draw: Draw) -> Iterator[Wrong]:
    """The changes of a network's steps, each as a mistake, the simplest first."""
    for name, hint, changed in _changes(part):
        yield Wrong(part, "network", name, hint, changed)


def _changes(part: str) -> Iterator[tuple[str, str, Changed]]:
    has_norms = part == "FullyConnectedNet"
    for said, hint, old, new in AT_PLACES:
        for place in PLACES if has_norms or old in ("relu", "affine") else ():
            called = _called(part, old, place)
            left_out = said.format(f"{called} left out") if "{}" in said else f"{said} {called.rpartition(' ')[0]}"
            yield left_out, hint, instead(old, new, place)
    for name, hint, old, new in ONCE:
        if has_norms or not old:
            yield name, hint, instead(old, new)
    if has_norms:
        yield "batch norm never comes to its test mode", TESTS, Changed(never_tests=True)
        yield "the running statistics of batch norm are not kept between calls", TESTS, Changed(keeps_nothing=True)


# ---- how often dropout is applied


def drops(part: str) -> Iterator[tuple[str, str, Callable[[Case, Observation], bool | None]]]:
    """The changes of a network's dropout, each with a hint and whether the masks that calls draw show it."""
    for place in PLACES:
        called = _called(part, "dropout", place)
        yield f"{called} left out", DROPS, _shows("dropout", "", place)
        beside = _shows("batchnorm relu dropout", "batchnorm relu", place)
        yield f"{called} left out where there is batch norm", DROPS, beside
    yield "dropout is never in its test mode", TESTS, _shows("dropout", "dropout+")
    yield "the modes of dropout are exchanged", TESTS, _shows("dropout", "dropout?")
    yield "dropout is applied to the scores as well", DROPS, _shows("", "dropout")


def _shows(old: str, new: str, place: str = "") -> Callable[[Case, Observation], bool | None]:
    changed = instead(old, new, place)

    def check(case: Case, seen: Observation) -> bool | None:
        if "keep" not in case.params["settings"]:
            return None
        right = steps_of(case.params)
        wrong = changed.steps(right, case.params)
        shows = {trains: _sizes(case, wrong, trains) for trains in (True, False)}
        drawn = [_drawn(case, seen, k) == shows[trains] for k, trains in enumerate(case.params["labelled"])]
        changes = any(shows[trains] != _sizes(case, right, trains) for trains in (True, False))
        return all(drawn) and (changes or None)

    return check


def _sizes(case: Case, steps: Steps, training: bool) -> list[int]:
    """The sizes of the masks that steps draw in a mode."""
    sizes = [*case.params["settings"]["hidden_dims"], case.params["settings"]["num_classes"]]
    return [sizes[s.layer - 1] for s in steps if s.does == "dropout" and (s.training if training else s.testing)]


def _drawn(case: Case, seen: Observation, k: int) -> list[int] | None:
    """Those of the masks that a call drew; None where it raised, and nobody knows how many it would have drawn."""
    if isinstance(result_of(seen, Key("loss" if case.params["labelled"][k] else "scores", k)), Failure):
        return None
    masks = [seen.values.get(Key(f"mask {layer}", k)) for layer in range(drawn_masks(seen, k))]
    return [0 if mask is None or mask.array is None else mask.array.shape[-1] for mask in masks]
