"""Known mistakes in what a network is made with: names, shapes and first numbers of its parameters, and its dropout."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds.networks import SCALE
from parity_tests.assignments.cs231n.kinds.torch_networks import kind_of
from parity_tests.assignments.cs231n.mistakes.network_steps import drops
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.returned import result_of
from parity_tests.harness.statistics import may_be_normal, may_be_uniform, normal_problem
from parity_tests.parts.changed_texts import ChangedText, changed_texts
from parity_tests.parts.fingerprints import MOST_TRIED, of_values
from parity_tests.parts.in_torch import run_in_numpy
from parity_tests.parts.network_shapes import GIVEN, IMAGE_SHAPES, LAYER_SHAPES, RESULTS, of_images, of_layers
from parity_tests.parts.right_text import FAILS
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Seen
from parity_tests.protocol.kind import Params
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import WHOLE_CASE, Key

STARTS = "Weights are drawn at weight_scale; biases and betas begin at 0, gammas at 1."
Check = Callable[[Case, Observation], bool | None]
"""Whether a case shows a mistake; None where it cannot."""
SEEN_AT = ("parameters", "weight scale", "dropout")
"""The quantities of networks that hold no numbers of a formula."""
Told = tuple[str, str, Check]
"""What is said, a hint, and its check."""
PLURAL = {"W": "weights", "b": "biases", "gamma": "gammas", "beta": "betas"}


def of_starts(part: str, asked: Sequence[Case], seen: Seen, about: str) -> Iterator[Wrong]:
    """What is said of a quantity that holds no numbers of a formula, with a hint; or of what calls fail of, for ""."""
    cases = [case for case in asked if case.name in seen]
    sources: Mapping[str, Callable[[], Iterator[Told]]] = {
        "parameters": lambda: chain(_begin(cases, seen), _shapes(part, cases, seen)),
        "weight scale": _scales,
        "dropout": drops,
        "": lambda: _unfit(cases, seen),
    }
    own = [case for case in cases if not about or any(q.name.partition(" (")[0] == about for q in case.quantities)]
    for name, hint, check in sources[about]():
        shown = [check(case, seen[case.name]) for case in own]
        if any(shown) and all(told is None or told for told in shown):
            yield Wrong(part, "network", name, hint, None)


# ---- what they begin with


def _arrays(case: Case, seen: Observation, kinds: str = "", which: str = "made") -> dict[str, Any]:
    """The parameters of these kinds that a network was made with, in float64; none where one is missing."""
    names = [name for name in case.params["parameters"] if not kinds or kind_of(name) == kinds]
    found = {name: seen.values.get(Key(f"{which} {name}")) for name in names}
    arrays = {n: one.array.astype(np.float64) for n, one in found.items() if one is not None and one.array is not None}
    return arrays if len(arrays) == len(names) else {}


def _values(case: Case, seen: Observation) -> dict[str, str]:
    """What biases, gammas and betas begin with, where that is wrong."""
    found: dict[str, str] = {}
    for kind, right in (("gamma", 1.0), ("beta", 0.0), ("b", 0.0)):
        arrays = list(_arrays(case, seen, kind).values())
        wrong = [array for array in arrays if (array != right).any()]
        said = {_said_of(array) for array in wrong}
        if wrong and len(said) == 1 and len(wrong) in (1, len(arrays)):
            several = len(wrong) == len(arrays)
            which = PLURAL[kind] if several else f"one of the {PLURAL[kind]}"
            found[which] = f"{'are' if several else 'is'} {said.pop()}"
        elif wrong:
            return {}
    return found


def _said_of(array: Any) -> str:
    """How numbers are told from others: one number, or as many as there are."""
    if np.ptp(array) == 0:
        return f"{array.flat[0]:g} at first"
    return "drawn at random" if np.unique(array).size == array.size and (array != 0).all() else "wrong at first"


def _begin(cases: Sequence[Case], seen: Seen) -> Iterator[Told]:
    """What parameters begin with, as all cases tell it that have such."""
    told = {which: how for case in cases for which, how in _values(case, seen[case.name]).items()}

    def check(case: Case, seen: Observation) -> bool | None:
        kinds = {PLURAL[kind_of(name)] for name in case.params["parameters"]}
        own = {which: how for which, how in told.items() if which.rpartition(" ")[2] in kinds}
        same = _values(case, seen) == own
        return None if same and not own else same

    if told:
        yield " and ".join(f"{which} {how}" for which, how in told.items()), STARTS, check


# ---- their shapes


def _given(params: Params) -> dict[str, Any]:
    """The names of the text of shapes: the numbers of all layers, or the settings of a convolutional network."""
    if params["class"] == "ThreeLayerConvNet":
        return of_images(params["settings"])
    return of_layers([shape for name, shape in params["parameters"].items() if name[0] == "W"])


def _shape_of(params: Params, lines: str, results: str) -> list[Any] | None:
    """What a text makes of the shape of some parameters; None where it fails."""
    try:
        names = run_in_numpy(lines, _given(params))
        return [np.asarray(names[one]).tolist() for one in results.split()]
    except FAILS:
        return None


def _made(case: Case, seen: Observation, results: str) -> tuple[list[Any] | None, bool]:
    """The shape of the parameters that a text calls so, as it has it, and whether theirs alone is wrong."""
    of_layers = case.params["class"] != "ThreeLayerConvNet"
    own, alone, wrong = [], True, False
    made = _arrays(case, seen)
    for name, shape in case.params["parameters"].items():
        array = made.get(name)
        if array is None or array.ndim != len(shape):
            return None, False
        is_meant = RESULTS[kind_of(name) if of_layers else name] == results
        own += [list(array.shape)] if is_meant and kind_of(name) != "beta" else []
        alone &= is_meant or list(array.shape) == list(shape)
        wrong |= is_meant and list(array.shape) != list(shape)
    axes = [list(axis) for axis in zip(*own, strict=True)] if of_layers else (own[0] if own else [])
    return axes, alone and wrong


def _shapes(part: str, cases: Sequence[Case], seen: Seen) -> Iterator[Told]:
    """The changes of the text of shapes that give those of one group of parameters, which alone are wrong."""
    text = IMAGE_SHAPES if part == "ThreeLayerConvNet" else LAYER_SHAPES
    for group, results in RESULTS.items():
        wrong = [case for case in cases if _made(case, seen[case.name], results)[1]]
        if not wrong or (len(group) > 1 and group[-1].isdigit()) != (text is IMAGE_SHAPES):
            continue
        case, targets = wrong[0], results.split()
        right, got = _shape_of(case.params, text.whole(()), results), _made(case, seen[case.name], results)[0]
        off = {n: g for n, g, r in zip(targets, got or [], right or [], strict=True) if g != r}
        known = of_values(text, _given(case.params))
        found = known.matching(" ".join(off), np.ravel(np.array(list(off.values()), np.float64)))
        for one in islice(filter(_is_likely, found), MOST_TRIED):
            words = one.words if " the shape of" in one.words else f"{one.words} in the shape of {group}"
            yield words, one.hint, partial(_is_shape, text.whole(one.statements), results)
        for name, number in off.items() if len(off) == 1 else ():
            k = text.targets.index(name)
            size = text.statements[k].partition(" * ")[2]
            words = f"{number} in place of {size} in {text.words[name]}, whatever is expected"
            yield words, GIVEN, partial(_is_shape, text.whole([(k, f"{name} = {number}")]), results)


def _is_likely(one: ChangedText) -> bool:
    """Whether a change is none of half of the padding on both sides, which would be 1 in number by chance."""
    return all("+ two -" not in re.sub("[()]", "", line) for _, line in one.statements)


def _is_shape(lines: str, results: str, case: Case, seen: Observation) -> bool | None:
    """Whether a text makes the shape of some parameters, which alone are wrong; None where it has the right one."""
    got, wrong = _made(case, seen, results)
    if got == []:
        return None
    if got is None or got != _shape_of(case.params, lines, results):
        return False
    return True if wrong else None


UNFIT_SIZE = re.compile(r"size (\d+) is different from (\d+)")


def _unfit(cases: Sequence[Case], seen: Seen) -> Iterator[Told]:
    """The changes of a convolution's and a pool's settings, after which W2 does not fit what the pool hands on."""
    for case in cases if cases and cases[0].params["class"] == "ThreeLayerConvNet" else ():
        said = [found for one in seen[case.name].failures.values() if (found := UNFIT_SIZE.search(one.said))]
        if said:
            for one in sorted(filter(_is_likely, changed_texts(IMAGE_SHAPES, "flat")), key=lambda one: one.size):
                lines = IMAGE_SHAPES.whole(one.statements)
                if (flat := _shape_of(case.params, lines, "flat")) and flat[0] in map(int, said[0].groups()):
                    yield one.words, one.hint, partial(_does_not_fit, lines)
            return


def _does_not_fit(lines: str, case: Case, seen: Observation) -> bool | None:
    """Whether all results fail as where W2 does not fit; None where it does fit."""
    asked, flat = case.params["parameters"]["W2"][0], (_shape_of(case.params, lines, "flat") or [0])[0]
    results = [result_of(seen, q.key) for q in case.quantities if q.key != WHOLE_CASE]
    if flat == asked:
        return None if not any(isinstance(one, Failure) for one in results) else False
    return all(isinstance(one, Failure) and f"(size {asked} is different from {flat})" in one.said for one in results)


# ---- how weights are drawn


def _inputs(w: Any) -> float:
    """How many numbers a unit sums up."""
    return float(np.prod(w.shape[1:])) if w.ndim == 4 else float(w.shape[0])


UNUSED = ", weight_scale is not used"
UNIFORM = "weights are drawn uniformly from {} to weight_scale, not normally"
DRAWN: Mapping[str, Callable[[Any], bool]] = {
    f"weights are drawn at √(2 / inputs){UNUSED}": lambda w: may_be_normal(w, 0, (2 / _inputs(w)) ** 0.5),
    f"weights are drawn at 1 / √inputs{UNUSED}": lambda w: may_be_normal(w, 0, _inputs(w) ** -0.5),
    "weights are drawn at weight_scale / √inputs": lambda w: may_be_normal(w, 0, SCALE * _inputs(w) ** -0.5),
    "weights are drawn at weight_scale · √(2 / inputs)": lambda w: may_be_normal(w, 0, SCALE * (2 / _inputs(w)) ** 0.5),
    "weights are drawn at the square of weight_scale": lambda w: may_be_normal(w, 0, SCALE**2),
    "weights are drawn at the root of weight_scale": lambda w: may_be_normal(w, 0, SCALE**0.5),
    "weights are 0 at first": lambda w: bool((w == 0).all()),
    "weight_scale is the mean of the weights, not their spread": lambda w: may_be_normal(w, SCALE, 1.0),
    UNIFORM.format("0"): lambda w: may_be_uniform(w, 0.0, SCALE),
    UNIFORM.format("−weight_scale"): lambda w: may_be_uniform(w, -SCALE, SCALE),
}
"""How else weights may be drawn."""
ERRORS = 6
"""By so many standard errors a mean of honest draws is off once in 5e8."""


def _scales() -> Iterator[Told]:
    for name, holds in DRAWN.items():
        yield name, STARTS, partial(_drawn, holds)
    for which, at in (("first", 0), ("last", -1)):
        yield f"the {which} layer's weights alone are not drawn with weight_scale", STARTS, partial(_is_only, at)
    yield "weight_scale is not used", STARTS, _is_unscaled


def _drawn(holds: Callable[[Any], bool], case: Case, seen: Observation) -> bool:
    """Whether all weights of the wide network, which is made to see their scale, are so."""
    weights = _arrays(case, seen, "W", "wide").values()
    return bool(weights) and all(w.ndim > 1 and holds(w) for w in weights)


def _is_only(at: int, case: Case, seen: Observation) -> bool:
    """Whether the weights of one layer alone, the first or the last, are not drawn with weight_scale."""
    wrong = [bool(normal_problem(w.ravel(), SCALE, among=8)) for w in _arrays(case, seen, "W", "wide").values()]
    return wrong.count(True) == 1 and wrong[at]


def _is_unscaled(case: Case, seen: Observation) -> bool:
    """Whether this network and another one, which is asked at a hundredth of its scale, are drawn at one scale."""
    drawn, wide = (list(_arrays(case, seen, "W", which).values()) for which in ("made", "wide"))
    other = seen.values.get(Key("other W1"))
    if not drawn or not wide or other is None or other.array is None:
        return False
    if any(abs(w.mean()) > ERRORS * w.std() * w.size**-0.5 for w in wide):
        return False  # weight_scale is used, as their mean
    weights = np.concatenate([w.ravel() for w in drawn])
    scale, beside = float(weights.std()), np.ravel(other.array).astype(np.float64)
    return scale > 0 and bool(normal_problem(weights, SCALE)) and not normal_problem(beside, scale)
