"""Known mistakes in what the layers of a network do that nobody has written down: steps left out, changed and moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from parity_tests.assignments.cs231n.kinds.networks import drawn_masks
from parity_tests.assignments.cs231n.kinds.torch_networks import (
    NORMS,
    Changed,
    Step,
    Steps,
    Tensors,
    kind_of,
    number_of,
    steps_of,
)
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Params
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import Key

SCORES = "The last layer is affine alone: scores may be negative."
HIDDEN = "A ReLU follows every hidden layer."
NORMALISED = "normalization may be “batchnorm” or “layernorm”: each hidden layer then has its own, before the ReLU."
TESTS = "Without labels the network is tested: batch norm and dropout are then in their test mode."
BACK = "Whatever changes a layer's output in the forward is gone back through in the backward."
DROPS = "Dropout follows the ReLU of every hidden layer, in training alone."
OWN = "Each gradient goes under the name of its own parameter."
BIASES = "Every layer has its bias."

PLACES: Mapping[str, slice] = {
    "": slice(None),
    "first": slice(1),
    "last": slice(-1, None),
    "but the first": slice(1, None),
    "but the last": slice(-1),
}
"""Which of the steps of a kind, in their order."""
Kind = tuple[str, tuple[str, ...], str, str]
"""What steps do, with the words for one and for all, and a hint."""
RELU: Kind = ("ReLU", ("relu",), "the ReLUs are", HIDDEN)
BIAS: Kind = ("bias", ("affine",), "the biases are", BIASES)
DROPOUT: Kind = ("dropout", ("dropout",), "dropout is", DROPS)
NORM: tuple[Kind, ...] = (
    ("batch norm", ("batchnorm",), "batch norm is", NORMALISED),
    ("layer norm", ("layernorm",), "layer norm is", NORMALISED),
    ("norm", NORMS, "normalisation is", NORMALISED),
)
OTHERS = {"tanh": "tanh", "sigmoid": "sigmoid", "leaky": "a leaky ReLU with a slope of 0.01"}
"""What may stand for a ReLU."""
Edit = Callable[[Step], Step | None]


def _at(kind: Kind, place: str, edit: Edit, *, moved: int = 0, beside: str = "") -> Changed:
    """A network with other steps of a kind at a place, None for none; moved by so many; where a setting is, too."""

    def steps(right: Steps, params: Params) -> Steps:
        own = [k for k, step in enumerate(right) if step.does in kind[1]][PLACES[place]]
        if beside and beside not in (params["settings"].get("normalization"), *params["settings"]):
            return right
        found: list[Step] = []
        for k, step in enumerate(right):
            after = edit(step) if k in own else step
            if after is None:
                continue
            if k in own and moved < 0:
                found.insert(len(found) + moved, after)
            else:
                found.append(after)
        for k in reversed(own) if moved > 0 else ():
            found.insert(k + moved, found.pop(k))
        return tuple(found)

    return Changed(steps=steps)


def _called(part: str, kind: Kind, place: str) -> str:
    """Whose step it is, with the verb."""
    one, _, several, _ = kind
    hidden = "" if one == "bias" else "hidden "
    if part == "ThreeLayerConvNet" and one == "ReLU" and place in ("first", "last"):
        return f"the {'convolution' if place == 'first' else 'hidden affine layer'}'s ReLU is"
    if place in ("first", "last"):
        return f"the {place} {hidden}layer's {one} is"
    bare, _, verb = several.rpartition(" ")
    return f"{bare} of all {hidden}layers {place} {verb}" if place else several


def _added(*steps: Step) -> Changed:
    """A network with further steps at its end."""
    return Changed(steps=lambda right, params: (*right, *(replace(step, layer=right[-1].layer) for step in steps)))


def _same(step: Step) -> Step:
    return step


def _without(step: Step) -> None:
    return None


def changed_steps(part: str) -> Iterator[Wrong]:
    """The changes of a network's steps, each as a mistake, the simplest first."""
    for name, hint, changed in _changes(part):
        yield Wrong(part, "network", name, hint, changed, ())


def _changes(part: str) -> Iterator[tuple[str, str, Changed]]:
    has_norms = part == "FullyConnectedNet"
    for kind in (RELU, *NORM) if has_norms else (RELU,):
        for place in PLACES:
            called = _called(part, kind, place)
            yield f"{called} left out", kind[3], _at(kind, place, _without)
            yield f"{called} left out of the backward", BACK, _at(kind, place, _not_back)
    for place in PLACES:
        unbiased = _at(BIAS, place, _does("affine without its bias"))
        yield f"{_called(part, BIAS, place)} left out", BIASES, unbiased
        for other, words in OTHERS.items():
            where = _called(part, RELU, place).rpartition(" ")[0]
            yield f"{words} stands for {where}", HIDDEN, _at(RELU, place, _does(other))
    for other, words in {"relu": "a ReLU", **OTHERS}.items():
        yield f"{words} is on the scores", SCORES, _added(Step(other, 0))
        yield f"{words} is on the scores, and left out of the backward", SCORES, _added(Step(other, 0, goes_back=False))
    yield "probabilities come back without labels, not scores", SCORES, _added(Step("softmax", 0, training=False))
    yield "probabilities stand for the scores, in the loss as well", SCORES, _added(Step("softmax", 0))
    if has_norms:
        yield from _of_norms_and_dropout(part)


def _does(other: str) -> Edit:
    return lambda step: replace(step, does=other)


def _not_back(step: Step) -> Step:
    return replace(step, goes_back=False)


def _of_norms_and_dropout(part: str) -> Iterator[tuple[str, str, Changed]]:
    for kind, other in zip(NORM, ("layernorm", "batchnorm", ""), strict=True):
        called, bare = _called(part, kind, ""), kind[2].removesuffix(" is")
        yield f"{called} left out where there is dropout", NORMALISED, _at(kind, "", _without, beside="keep")
        yield f"{bare} comes after the ReLU", NORMALISED, _at(kind, "", _same, moved=1)
        if other:
            stands = f"{other.removesuffix('norm')} norm stands for {bare}"
            yield stands, NORMALISED, _at(kind, "", _does(other))
    yield "normalisation comes after dropout", NORMALISED, _at(NORM[2], "", _same, moved=2, beside="keep")
    yield "batch norm never comes to its test mode", TESTS, Changed(never_tests=True)
    yield "the running statistics of batch norm are not kept between calls", TESTS, Changed(keeps_nothing=True)
    yield "dropout comes before the norm", DROPS, _at(DROPOUT, "", _same, moved=-2, beside="normalization")
    yield "the gradients of gamma and beta are exchanged", OWN, Changed(ends=_scales_exchanged)
    for place in PLACES:
        yield f"{_called(part, DROPOUT, place)} left out of the backward", BACK, _at(DROPOUT, place, _not_back)


def _scales_exchanged(params: Params, own: Tensors, right: Tensors, N: int) -> Tensors:
    twins = {"dgamma": "dbeta", "dbeta": "dgamma"}
    return {name: right[twins[kind_of(name)] + str(number_of(name))] for name in right if kind_of(name) in twins}


# ---- how often dropout is applied


def changed_dropout(part: str) -> Iterator[Wrong]:
    """The changes of a network's dropout that show in the masks which its calls draw."""
    for name, hint, changed in _drops(part):
        yield Wrong(part, "network", name, hint, _shows(changed), (), about="dropout")


def _drops(part: str) -> Iterator[tuple[str, str, Changed]]:
    for place in PLACES:
        called = _called(part, DROPOUT, place)
        yield f"{called} left out", DROPS, _at(DROPOUT, place, _without)
        yield f"{called} left out where there is batch norm", DROPS, _at(DROPOUT, place, _without, beside="batchnorm")
    yield "dropout is never in its test mode", TESTS, _at(DROPOUT, "", lambda step: replace(step, testing=True))
    exchanged = _at(DROPOUT, "", lambda step: replace(step, training=False, testing=True))
    yield "the modes of dropout are exchanged", TESTS, exchanged
    yield "dropout is applied to the scores as well", DROPS, _added(Step("dropout", 0, testing=False))


def _shows(changed: Changed) -> Callable[[Case, Observation], bool | None]:
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
