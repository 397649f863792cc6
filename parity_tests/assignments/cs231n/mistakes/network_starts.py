"""Known mistakes in what a network is made with that nobody has written down: names, shapes and first numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import starmap
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds.networks import SCALE
from parity_tests.assignments.cs231n.kinds.torch_networks import kind_of, number_of
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.statistics import normal_problem
from parity_tests.parts.changed_texts import ChangedText, changed_texts
from parity_tests.parts.image_sizes import IMAGE_SIZES, NUMERALS, SETTINGS, SIDES
from parity_tests.parts.right_text import FAILS, compiled
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Seen
from parity_tests.protocol.kind import Arrays, Params
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key

CALLED = "Parameters are called W1, b1, gamma1 and beta1, up to the number of layers: the Solver and others read them."
STARTS = "Weights are drawn at weight_scale; biases and betas begin at 0, gammas at 1."
SHAPES = "W is inputs × outputs, b, gamma and beta have as many numbers as a layer has outputs."
GIVEN = "The settings of a network are those that it is made with."
Check = Callable[[Case, Observation], bool | None]
PLURAL = {"W": "weights", "b": "biases", "gamma": "gammas", "beta": "betas"}


def changed_starts(part: str, asked: Sequence[Case], seen: Seen, about: str) -> Iterator[Wrong]:
    """What may be said of the parameters that a network is made with, or of its weights' scale, as mistakes."""
    cases = [case for case in asked if case.name in seen]
    found = _scales() if about == "weight scale" else _parameters(part, cases, seen)
    for name, hint, check in found:
        yield Wrong(part, "network", name, hint, check, (), about=about)


def _parameters(part: str, cases: Sequence[Case], seen: Seen) -> Iterator[tuple[str, str, Check]]:
    yield from ((name, CALLED, _called(new)) for name, new in RENAMED.items())
    for told in {tuple(_values(case, seen[case.name]).items()): None for case in cases}:
        words = " and ".join(f"{which} {how}" for which, how in told)
        if told:
            yield words, STARTS, _begins(dict(told))
    for group in dict.fromkeys(name for case in cases for name in _misshapen(part, case, seen[case.name])):
        for words, hint in _shapes(part, group, cases, seen):
            yield words, hint, _has_wrong(part, group)


# ---- what parameters are called


def _from_0(*kinds: str) -> Callable[[str, int], str]:
    return lambda name, last: f"{kind_of(name)}{number_of(name) - (kind_of(name) in kinds)}"


RENAMED: Mapping[str, Callable[[str, int], str]] = {
    "parameters are counted from 0": _from_0("W", "b", "gamma", "beta"),
    "biases, gammas and betas are counted from 0, weights from 1": _from_0("b", "gamma", "beta"),
    "biases are counted from 0": _from_0("b"),
    "weights are counted from 0": _from_0("W"),
    "gammas and betas are counted from 0": _from_0("gamma", "beta"),
    "weights have a small letter": lambda name, last: name.lower(),
    "names of parameters have a _ before their number": lambda name, last: f"{kind_of(name)}_{number_of(name)}",
    "the last layer has no parameters": lambda name, last: name if number_of(name) < last else "",
    "the last layer has a gamma and a beta, too": lambda name, last: (
        f"{name},gamma{last},beta{last}" if name == "gamma1" else name
    ),
}
"""What a parameter is called, by its right name and the number of layers; "" for one that there is not."""


def _called(new: Callable[[str, int], str]) -> Check:
    """Whether parameters are called otherwise; None where that makes no difference."""

    def check(case: Case, seen: Observation) -> bool | None:
        wanted = set(case.params["parameters"])
        other = {one for n in wanted for one in new(n, max(map(number_of, wanted))).split(",")} - {""}
        same = {str(name) for name in seen.facts.get("names", [])} == other
        return None if same and other == wanted else same

    return check


# ---- what they begin with


def made_of(case: Case, seen: Observation, name: str) -> Any:
    """A parameter that a network was made with, in float64; None where there is none."""
    made = seen.values.get(Key(f"made {name}"))
    return None if made is None or made.array is None else made.array.astype(np.float64)


def _values(case: Case, seen: Observation) -> dict[str, str]:
    """What biases, gammas and betas begin with, where that is wrong."""
    found: dict[str, str] = {}
    for kind, right in (("gamma", 1.0), ("beta", 0.0), ("b", 0.0)):
        arrays = [made_of(case, seen, name) for name in case.params["parameters"] if kind_of(name) == kind]
        if any(array is None or array.size == 0 for array in arrays):
            return {}
        wrong = [array for array in arrays if (array != right).any()]
        said = {_said_of(array) for array in wrong}
        if wrong and len(said) == 1 and len(wrong) in (1, len(arrays)):
            several = len(wrong) == len(arrays)
            which = PLURAL[kind] if several else f"one of the {PLURAL[kind]}"
            found[which] = f"{'are' if several else 'is'} {said.pop()}"
        elif wrong:
            return {}
    return found


NUMBERS = {0.0: "0", 1.0: "1", None: "one number that is neither 0 nor 1"}


def _said_of(array: Any) -> str:
    """How numbers are told from others: one number, or as many as there are."""
    if np.ptp(array) == 0:
        return f"{NUMBERS.get(float(array.flat[0]), NUMBERS[None])} at first"
    return "drawn at random" if np.unique(array).size == array.size and (array != 0).all() else "wrong at first"


def _begins(told: Mapping[str, str]) -> Check:
    """Whether that is what a network's parameters begin with; None where it has none of these."""

    def check(case: Case, seen: Observation) -> bool | None:
        kinds = {PLURAL[kind_of(name)] for name in case.params["parameters"]}
        own = {which: how for which, how in told.items() if which.rpartition(" ")[2] in kinds}
        same = _values(case, seen) == own
        return None if same and not own else same

    return check


# ---- their shapes


def _group(part: str, name: str) -> str:
    """The parameters that have one shape in words: those of a kind, or of a convolutional network each."""
    return name if part == "ThreeLayerConvNet" else kind_of(name).replace("beta", "gamma")


def _misshapen(part: str, case: Case, seen: Observation) -> list[str]:
    """The groups of which a parameter has another shape than it should."""
    shapes = case.params["parameters"]
    made = {name: made_of(case, seen, name) for name in shapes}
    return [_group(part, n) for n, one in made.items() if one is not None and list(one.shape) != list(shapes[n])]


def _sizes(part: str, params: Params, name: str) -> dict[str, int]:
    """What may stand in the shape of a parameter, in words, and as numbers."""
    if part != "ThreeLayerConvNet":
        inputs, outputs = params["parameters"][f"W{number_of(name)}"]
        return {"the number of inputs": inputs, "the number of outputs": outputs}
    settings = params["settings"]
    names = {one: settings[one] for one in ("num_filters", "filter_size", "hidden_dim", "num_classes")}
    flat = {IMAGE_SIZES.words["flat"]: flat_of(params, IMAGE_SIZES.lines)}
    return names | {"the number of channels": settings["input_dim"][0]} | flat


KINDS = {"W": "the weights", "b": "the biases", "gamma": "gammas and betas"}


def _shapes(part: str, group: str, cases: Sequence[Case], seen: Seen) -> Iterator[tuple[str, str]]:
    """What stands in the shape of a group in all cases, where it is another than it should be."""
    where = f"in the shape of {KINDS.get(group, group)}"
    axes: list[tuple[set[str], set[str], set[int]]] = []
    for case in cases:
        for name in case.params["parameters"]:
            made = made_of(case, seen[case.name], name)
            if _group(part, name) != group or made is None:
                continue
            asked, sizes = case.params["parameters"][name], _sizes(part, case.params, name)
            if len(asked) != made.ndim:
                return
            both = ({word for word, n in sizes.items() if n == size} for shape in (asked, made.shape) for size in shape)
            told = list(zip(*[iter(both)] * made.ndim, strict=True))
            axes = axes or [(right, got, {n}) for right, got, n in zip(*told, made.shape, strict=True)]
            further = zip(axes, *told, made.shape, strict=True)
            axes = [(old[0] & right, old[1] & got, old[2] | {n}) for old, right, got, n in further]
    turned = {
        min(right): min(got) if got else str(*numbers) if len(numbers) == 1 else ""
        for right, got, numbers in axes
        if right and not right & got
    }
    if len(turned) == 2 and {new: old for old, new in turned.items()} == turned:
        yield f"{' and '.join(sorted(turned, reverse=True))} are exchanged {where}", SHAPES
    elif len(turned) == 1 and all(turned.values()):
        ((old, new),) = turned.items()
        whatever = ", whatever is asked" * new.isdigit()
        yield f"{new} stands for {old} {where}{whatever}", GIVEN if whatever else SHAPES
    elif group == "W2" and list(turned.values()) == [""]:
        for one in _changed_images():
            lines = IMAGE_SIZES.whole(one.statements)
            made_flat = [made_of(case, seen[case.name], "W2") for case in cases]
            if all(w is None or w.shape[0] == flat_of(c.params, lines) for c, w in zip(cases, made_flat, strict=True)):
                yield f"{one.words} {where}", one.hint
                return


def _has_wrong(part: str, group: str) -> Check:
    """Whether the shape of a group alone is wrong, as in all cases where it is told; None where none is."""

    def check(case: Case, seen: Observation) -> bool | None:
        wrong = set(_misshapen(part, case, seen))
        return wrong == {group} if wrong else None

    return check


def _changed_images() -> list[ChangedText]:
    """The changes of the sizes of an image, the simplest first."""
    found = changed_texts(IMAGE_SIZES, "flat")
    return sorted((one for one in found if all(starmap(_is_likely, one.statements))), key=lambda one: one.size)


def _is_likely(k: int, line: str) -> bool:
    """Whether sides stand for sides alone, numbers for the settings of the layers, and other settings for filters."""
    right, words = (re.findall(r"\w+", one) for one in (IMAGE_SIZES.statements[k], line))
    new = set(Counter(words) - Counter(right)) - set(SIDES)
    numbers = NUMERALS if IMAGE_SIZES.targets[k] != "flat" else set(SETTINGS) - NUMERALS
    alike = sum(word in SIDES for word in words) == sum(word in SIDES for word in right)
    return alike and new <= numbers and "+ (two) -" not in line


def flat_of(params: Params, lines: str) -> int:
    """How many numbers of an image a pool hands on, as a text of sizes has it; 0 where that is no whole number."""
    settings = params["settings"]
    channels, *sides = settings["input_dim"]
    names: dict[str, Any] = {"np": np, "sides": np.array(sides), "channels": channels}
    names |= {"filters": settings["num_filters"], "size": settings["filter_size"], "hidden": settings["hidden_dim"]}
    names |= dict(zip(("none", "one", "two", "three"), range(4), strict=True))
    try:
        with np.errstate(all="ignore"):
            exec(compiled(lines), names)
        return int(names["flat"]) if np.shape(names["flat"]) == () else 0
    except FAILS:
        return 0


UNFIT_SIZE = re.compile(r"size (\d+) is different from (\d+)")


def changed_sizes(part: str, asked: Sequence[Case], seen: Seen) -> Iterator[Wrong]:
    """The changes of a convolution's and a pool's settings, after which W2 does not fit what the pool hands on."""
    failed = ((case, one.said) for case in asked if case.name in seen for one in seen[case.name].failures.values())
    told = next(((case, found) for case, said in failed if (found := UNFIT_SIZE.search(said))), None)
    for one in _changed_images() if told else ():
        lines = IMAGE_SIZES.whole(one.statements)
        if told and flat_of(told[0].params, lines) in map(int, told[1].groups()):
            yield Wrong(part, "network", one.words, one.hint, None, (), raises=_does_not_fit(lines))


def _does_not_fit(lines: str) -> Callable[[Params, Arrays], str]:
    def raises(params: Params, arrays: Arrays) -> str:
        asked, got = params["parameters"]["W2"][0], flat_of(params, lines)
        return "" if got == asked else f"ValueError: (size {asked} is different from {got})"

    return raises


# ---- how weights are drawn


def _inputs(shape: tuple[int, ...]) -> float:
    """How many numbers a unit sums up."""
    return float(np.prod(shape[1:])) if len(shape) == 4 else float(shape[0])


UNUSED = ", weight_scale is not used"
NORMAL: Mapping[str, Callable[[tuple[int, ...]], float]] = {
    f"weights are drawn at √(2 / inputs){UNUSED}": lambda shape: (2 / _inputs(shape)) ** 0.5,
    f"weights are drawn at 1 / √inputs{UNUSED}": lambda shape: _inputs(shape) ** -0.5,
    "weights are drawn at weight_scale / √inputs": lambda shape: SCALE * _inputs(shape) ** -0.5,
    "weights are drawn at weight_scale · √(2 / inputs)": lambda shape: SCALE * (2 / _inputs(shape)) ** 0.5,
    "weights are drawn at the square of weight_scale": lambda shape: SCALE**2,
    "weights are drawn at the root of weight_scale": lambda shape: SCALE**0.5,
}


def _scales() -> Iterator[tuple[str, str, Check]]:
    yield "weights are 0 at first", STARTS, _drawn(lambda w: bool((w == 0).all()))
    for name, scale in NORMAL.items():
        yield name, STARTS, _drawn(_normal(scale))
    mean = _drawn(lambda w: not normal_problem(w.ravel() - SCALE, 1.0, among=8))
    yield "weight_scale is the mean of the weights, not their spread", STARTS, mean
    uniform = "weights are drawn uniformly from {} to weight_scale, not normally"
    yield uniform.format("0"), STARTS, _drawn(lambda w: _is_uniform(w / SCALE))
    yield uniform.format("−weight_scale"), STARTS, _drawn(lambda w: _is_uniform((w / SCALE + 1) / 2))
    for which, at in (("first", 0), ("last", -1)):
        yield f"the {which} layer's weights alone are not drawn with weight_scale", STARTS, _is_only(at)
    yield "weight_scale is not used", STARTS, _is_unscaled


def _normal(scale: Callable[[tuple[int, ...]], float]) -> Callable[[Any], bool]:
    """Whether weights are normal at a scale of their shape."""
    return lambda w: not normal_problem(w.ravel(), scale(w.shape), among=8)


def _drawn(holds: Callable[[Any], bool]) -> Check:
    """Whether all weights of the wide network, which is made to see their scale, are so."""

    def check(case: Case, seen: Observation) -> bool:
        weights = _weights(case, seen, "wide")
        return bool(weights) and all(holds(w) for w in weights)

    return check


def _weights(case: Case, seen: Observation, which: str) -> list[Any]:
    """The weights of a network layer by layer; none where one is missing."""
    names = [name for name in case.params["parameters"] if name[0] == "W"]
    found = [seen.values.get(Key(f"{which} {name}")) for name in names]
    arrays = [w.array.astype(np.float64) for w in found if w is not None and w.array is not None and w.array.ndim > 1]
    return arrays if len(arrays) == len(names) else []


ERRORS = 6
"""By so many standard errors a mean of honest draws is off once in 5e8."""


def _is_uniform(units: Any) -> bool:
    """Whether numbers are from 0 to 1, with the mean and the spread of such, and come near both ends."""
    error = ERRORS * units.size**-0.5
    ends = 0 <= units.min() < 0.02 and 0.98 < units.max() <= 1
    apart = abs(float(units.mean()) - 0.5) < error * 12**-0.5
    return bool(ends and apart and abs(12 * float(units.var()) - 1) < error)


def _is_only(at: int) -> Check:
    """Whether the weights of one layer alone, the first or the last, are not drawn with weight_scale."""

    def check(case: Case, seen: Observation) -> bool:
        arrays = _weights(case, seen, "wide")
        wrong = [bool(normal_problem(array.ravel(), SCALE, among=len(arrays))) for array in arrays]
        return bool(wrong) and wrong[at] and sum(wrong) == 1

    return check


def _is_unscaled(case: Case, seen: Observation) -> bool:
    """Whether this network and another one, which is asked at a hundredth of its scale, are drawn at one scale."""
    drawn, other = _weights(case, seen, "made"), seen.values.get(Key("other W1"))
    wide = _weights(case, seen, "wide")
    if not drawn or not wide or other is None or other.array is None:
        return False
    if any(abs(w.mean()) > ERRORS * w.std() * w.size**-0.5 for w in wide):
        return False  # weight_scale is used, as their mean
    weights = np.concatenate([w.ravel() for w in drawn])
    scale, beside = float(weights.std()), np.ravel(other.array).astype(np.float64)
    return scale > 0 and bool(normal_problem(weights, SCALE)) and not normal_problem(beside, scale)
