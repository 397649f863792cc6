"""Known mistakes in what the layers of a network do: steps left out, others in their place, and moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

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
from parity_tests.parts.network_layers import PLACES, TESTS, Instead, changed_dropout, changed_layers
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Params
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import Key


def _step(told: str, layer: int) -> Step:
    """A step as it is told."""
    does = told.rstrip("!?+")
    testing = does != "dropout" or (told != does and "!" not in told)
    return Step(does, layer, goes_back="!" not in told, training="?" not in told, testing=testing)


def instead(one: Instead) -> Changed:
    """A network with other steps."""
    old, new = one.old, one.new

    def steps(right: Steps, params: Params) -> Steps:
        found = list(right)
        for norm in NORMS if "NORM" in old else NORMS[:1]:
            olds, news = (told.replace("NORM", norm).split() for told in (old, new))
            at = [k for k in range(len(right)) if [step.does for step in right[k : k + len(olds)]] == olds]
            for k in reversed(at[PLACES[one.place]] if old else [len(right)]):
                found[k : k + len(olds)] = [_step(told, right[min(k, len(right) - 1)].layer) for told in news]
        return tuple(found)

    return Changed(steps=steps)


def changed_steps(part: str, asked: Sequence[Case], seen: Seen, draw: Draw) -> Iterator[Wrong]:
    """The changes of a network's steps, each as a mistake, the simplest first."""
    with_norms = part == "FullyConnectedNet"
    for one in changed_layers(convolutional=part == "ThreeLayerConvNet", with_norms=with_norms):
        yield Wrong(part, "network", one.words, one.hint, instead(one))
    if with_norms:
        yield Wrong(part, "network", "batch norm never comes to its test mode", TESTS, Changed(never_tests=True))
        not_kept = "the running statistics of batch norm are not kept between calls"
        yield Wrong(part, "network", not_kept, TESTS, Changed(keeps_nothing=True))


# ---- how often dropout is applied


def drops() -> Iterator[tuple[str, str, Callable[[Case, Observation], bool | None]]]:
    """The changes of a network's dropout, each with a hint and whether the masks that calls draw show it."""
    for one in changed_dropout():
        yield one.words, one.hint, partial(_shows, instead(one))
    yield "dropout stays in its test mode once scores were asked for", TESTS, _stays_in_test_mode


def _shows(changed: Changed, case: Case, seen: Observation) -> bool | None:
    if "keep" not in case.params["settings"]:
        return None
    right = steps_of(case.params)
    wrong = changed.steps(right, case.params)
    shows = {trains: _sizes(case, wrong, trains) for trains in (True, False)}
    drawn = [_drawn(case, seen, k) == shows[trains] for k, trains in enumerate(case.params["labelled"])]
    changes = any(shows[trains] != _sizes(case, right, trains) for trains in (True, False))
    return all(drawn) and (changes or None)


def _stays_in_test_mode(case: Case, seen: Observation) -> bool | None:
    labelled = case.params["labelled"]
    trains = [all(labelled[: k + 1]) for k in range(len(labelled))]
    if "keep" not in case.params["settings"] or trains == labelled:
        return None
    right = steps_of(case.params)
    return all(_drawn(case, seen, k) == _sizes(case, right, one) for k, one in enumerate(trains))


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
