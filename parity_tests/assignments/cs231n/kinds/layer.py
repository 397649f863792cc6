"""Layers, forward and backward: their cases, the draw, and the judge, which holds each call against torch's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds.beside_root import judging_beside
from parity_tests.assignments.cs231n.kinds.blame import STEP, derivatives, with_causes
from parity_tests.assignments.cs231n.kinds.handed_on import noting_handed_on
from parity_tests.assignments.cs231n.kinds.layer_rows import LAYERS, Layer
from parity_tests.assignments.cs231n.kinds.rows import CALLED, arrays_as_rows, as_rows
from parity_tests.assignments.cs231n.kinds.torch_layers import Function, function_of, normalised
from parity_tests.assignments.cs231n.names import LABELS
from parity_tests.assignments.cs231n.parts import FUNCTIONS
from parity_tests.harness.flow_answers import Form, Question, judge_all
from parity_tests.harness.given import Given
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import matched, mismatched
from parity_tests.protocol.exam import settings_of
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind, Params
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import Key, Quantity
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING, Verdict

BEYOND_NAME = " (beyond)"
"""What ends the names of quantities that the notebooks do not ask, by which a rubric leaves them out."""
AT_KINKS = ("zeros", "magnitudes")
"""The rows whose inputs lie so near a kink that two differences tell no derivative there."""
AGAIN = ("", " of the second", " of the third")
"""What the quantities of each input are called after their names."""


def cases(edition: str, asked: frozenset[str], dtype: str, seed: int) -> Iterator[Case]:
    """The cases of all layers whose forward an edition asks for."""
    for layer in LAYERS:
        if layer.forward in asked:
            for slug, (title, drawn) in layer.rows.items():
                settings = settings_of(seed, layer.check, slug)
                case = _case(layer, slug, title, drawn(settings), dtype, settings.getrandbits(32))
                yield case
                if layer.forward in CALLED:
                    yield as_rows(case)


def _case(layer: Layer, slug: str, title: str, drawn: Any, dtype: str, seed: int) -> Case:
    n = len(drawn.inputs)
    calls = [["forward", k] for k in range(n)] + [["backward", k] for k in range(n)]
    params: dict[str, Any] = {
        "layer": layer.check,
        "slug": slug,
        "forward": layer.forward,
        "backward": list(layer.backward),
        "arrays": list(layer.arrays),
        "shapes": list(drawn.inputs),
        "setting": drawn.setting,
        "modes": [{}] * n,
        "extra": list(drawn.extra),
        "dicts": [{"of": k, "own": {}, "starts": []} for k in range(n)],
        "derivative": STEP if slug not in AT_KINKS and dtype == "float64" else 0.0,
        "kept": [],
        "parts": [*FUNCTIONS],
        "memory": [drawn.memory[k % len(drawn.memory)] for k in range(n)],
        "calls": calls,
        **({"arrays_from": seed} if layer.forward in CALLED else {}),
    }
    beyond = slug in layer.beyond
    check = f"{layer.check}_beyond" if beyond else layer.check
    params["suffixes"] = [f"{again}{BEYOND_NAME * beyond}" for again in AGAIN[:n]]
    suffixes = params["suffixes"]
    rows = [Quantity(f"out{suffixes[k]}", layer.forward, Key("out", k)) for k in range(n)]
    for k in range(n):
        for number, function in enumerate(layer.backward):
            names = (f"{'alt ' * number}d{name}" for name in layer.arrays)
            rows += [Quantity(f"{name}{suffixes[k]}", function, Key(name, k)) for name in names]
    return Case(f"{layer.check}/{slug}/{dtype}", check, f"{layer.title} {title}", dtype, "layer", params, tuple(rows))


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """The arrays x_k, w_k … of each input, and dout_k, the gradient in its output.

    They are drawn from `arrays_from`, where that is given: images are the same in whatever form they are given.
    """
    arrays: dict[str, NDArray[Any]] = {}
    rng = np.random.default_rng(params["arrays_from"]) if "arrays_from" in params else rng
    for k, shapes in enumerate(params.get("images", params["shapes"])):
        for name, shape in shapes.items():
            arrays[f"{name}_{k}"] = drawn_array(name, shape, rng)
        if params["slug"] == "zeros":
            arrays[f"x_{k}"] = np.round(arrays[f"x_{k}"])
        if params["slug"] == "magnitudes":
            arrays[f"x_{k}"] *= 10.0 ** rng.uniform(-12, 12, shapes["x"])
        if params["setting"] is not None and params["layer"] in ("batchnorm", "layernorm", "spatial_batchnorm"):
            arrays[f"x_{k}"] = 1.5 * arrays[f"x_{k}"] + 0.75
        if params["layer"] == "pool":  # a maximum that begins at some number below 0 shows
            arrays[f"x_{k}"] = 2 * arrays[f"x_{k}"] - 2
        arrays[f"dout_{k}"] = rng.standard_normal(output_shape(params, shapes))
    return arrays_as_rows(params, arrays)


def drawn_array(name: str, shape: list[int], rng: np.random.Generator) -> NDArray[Any]:
    """A scale is drawn about 1, all others about 0."""
    return rng.uniform(0.5, 1.5, shape) if name == "gamma" else rng.standard_normal(shape)


def output_shape(params: Params, shapes: Mapping[str, list[int]]) -> list[int]:
    """The shape of the output for an input's shapes."""
    N, *rest = shapes["x"]
    setting = params["setting"] or {}
    if params["layer"] == "affine":
        return [N, shapes["w"][1]]
    if params["layer"] in ("conv", "pool"):
        C, *image = rest
        conv = params["layer"] == "conv"
        window = shapes["w"][2:] if conv else [setting["pool_height"], setting["pool_width"]]
        pad = setting["pad"] if conv else 0
        sizes = [1 + (n + 2 * pad - w) // setting["stride"] for n, w in zip(image, window, strict=True)]
        return [N, shapes["w"][0] if conv else C, *sizes]
    return list(shapes["x"])


def judge(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """Each output, and each gradient by the submission's own cache, against torch's."""
    asked = questions(case, arrays)
    judged = _refusing(case, seen, judge_all(case, seen, asked, context.device))
    judged = _sparing(case, seen, judging_beside(case, arrays, seen, judged, context.device))
    out_name = f"out{case.params['suffixes'][0]}"
    if case.params["derivative"] and judged[out_name].verdict not in PASSING:
        found = dict(derivatives(case, arrays, seen))
        judged |= {q.name: judged[q.name].noting(found[q.part]) for q in case.quantities if q.part in found}
    judged = _saying_what_changed(case, seen, judged)
    return with_causes(case, seen, noting_handed_on(case, arrays, seen, judged, context.device))


Change = Mapping[str, Callable[..., Any]]
"""Wrong results by name: functions of a case's tensors, by attributes, and of its setting that give tensors."""


def questions(case: Case, arrays: Arrays) -> list[Question]:
    """What is expected of each input."""
    params, found = case.params, []
    for k, inputs in _inputs(params, arrays):
        own = [q for q in case.quantities if q.key.call == k]
        suffix = params["suffixes"][k]
        fused = [_fused(params, suffix)] if "gamma" in params["arrays"] else []
        found.append(Question(own, [Form(_reference(params, suffix), inputs, rounded=fused)]))
    return found


def mistaken(
    case: Case,
    arrays: Arrays,
    change: Change,
    note: str,
    asked: Collection[Quantity],
    further: Callable[[int], Mapping[str, Any]] = lambda k: {},
) -> list[Question]:
    """What is expected of the quantities asked, of who makes a mistake; `further` are more values of each input."""
    found = []
    for k, inputs in _inputs(case.params, arrays):
        if own := [q for q in asked if q.key.call == k]:
            found.append(Question(own, [Form(_mistaken(case.params, change, own), {**inputs, **further(k)}, note)]))
    return found


def derived(case: Case, arrays: Arrays, change: Change, note: str, quantity: Quantity) -> Question:
    """What is expected of a gradient that is the derivative of a forward with this change."""
    inputs = dict(_inputs(case.params, arrays))[quantity.key.call]
    inner = _derivative(case.params, change)

    def reference(**inputs: Any) -> dict[str, Any]:
        return {quantity.name: inner(**inputs)[quantity.key.name.removeprefix("alt ").removeprefix("d")]}

    return Question([quantity], [Form(reference, inputs, note)])


def asks_less(case: Case, arrays: Arrays, change: Change) -> bool:
    """Whether a gradient of the changed forward does not hang on x, where that of the right one does.

    Such a forward does nothing of what is asked, or something far simpler, and so does its derivative.
    """
    from reference.flow import plain

    _, inputs = next(_inputs(case.params, arrays))
    other = {**inputs, "x": np.random.default_rng(0).standard_normal(inputs["x"].shape).astype(inputs["x"].dtype)}
    moved = []
    for reference in (_derivative(case.params), _derivative(case.params, change)):
        here, there = plain(reference, inputs), plain(reference, other)
        moved.append({name: bool((here[name] != there[name]).any()) for name in case.params["arrays"]})
    right, changed = moved
    return any(right[name] and not changed[name] for name in right)


def _derivative(params: Params, change: Change | None = None) -> Any:
    """The gradients of a layer by the names of its arrays: of the right one, or with a change of its output."""
    from reference.flow import gradients

    right = function_of(params["forward"], params["setting"] or {}, params["extra"])

    def forward(**inputs: Any) -> Any:
        given = Given(lambda: {"out": right(**inputs)}, **inputs, extra=params["extra"])
        return change["out"](given, params["setting"] or {}) if change else given.right.out

    return gradients(forward, of=tuple(params["arrays"]), given="dout")


def _inputs(params: Params, arrays: Arrays) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number of each input, and its arrays by their names."""
    for k in range(len(params["shapes"])):
        yield k, {name: arrays[f"{name}_{k}"] for name in [*params["arrays"], "dout"]}


def _fused(params: Params, suffix: str) -> Any:
    """A norm as one scale and one shift of x, which rounds more where x varies little beside its mean."""
    function = normalised(params["forward"], params["setting"] or {}, params["extra"], fused=True)
    reference = _reference(params, suffix, function)
    reference.__name__ = "x · scale + (β − mean · scale)"
    return reference


def _reference(params: Params, suffix: str, function: Function | None = None) -> Any:
    from reference.flow import gradients

    function = function or function_of(params["forward"], params["setting"] or {}, params["extra"])
    arrays = tuple(params["arrays"])
    inner = gradients(function, of=arrays, given="dout")

    def reference(**inputs: Any) -> dict[str, Any]:
        found = inner(**inputs)
        named = {f"out{suffix}": found["output"]}
        for number in range(len(params["backward"])):
            named |= {f"{'alt ' * number}d{name}{suffix}": found[name] for name in arrays}
        return named

    return reference


def _mistaken(params: Params, change: Change, asked: Sequence[Quantity]) -> Any:
    """A torch function of the arrays of one input that gives these quantities as who makes the mistake returns them."""
    right, of_right = _reference(params, ""), (*params["arrays"], "dout")

    def reference(**inputs: Any) -> dict[str, Any]:
        given = Given(lambda: right(**{name: inputs[name] for name in of_right}), **inputs, extra=params["extra"])
        return changed(given, change, params["setting"] or {}, asked)

    return reference


def changed(given: Given, change: Change, setting: Mapping[str, Any], asked: Sequence[Quantity]) -> dict[str, Any]:
    """The quantities asked, each as the change has it, or else as is right."""
    return {
        q.name: change[q.key.name](given, setting) if q.key.name in change else vars(given.right)[q.key.name]
        for q in asked
    }


def _refusing(case: Case, seen: Observation, judged: Judged) -> Judged:
    """The same; where the stride does not divide an assertion is right too."""
    if case.params["slug"] != "floor":
        return judged
    result = result_of(seen, Key("out"))
    if not (isinstance(result, Failure) and result.error == "AssertionError"):
        return judged
    forward, refuses = case.params["forward"], "refuses a stride that does not divide, which is right too"
    parts = {q.name: q.part for q in case.quantities}
    beside = f"is not asked where {forward} {refuses}"
    notes = {name: refuses if part == forward else beside for name, part in parts.items()}
    return {
        name: one if one.verdict in PASSING else matched(notes[name], kind=NoteKind.READING)
        for name, one in judged.items()
    }


def _saying_what_changed(case: Case, seen: Observation, judged: Judged) -> Judged:
    """The same; of what is wrong because a later call has changed it, that is said."""
    later = seen.facts.get("changed later")
    changed = [one for one in later if isinstance(one, list)] if isinstance(later, list) else []
    said = dict(judged)
    for q in case.quantities:
        if [q.key.name, q.key.call] in changed and judged[q.name].verdict == Verdict.MISMATCH:
            problem = f"is changed by a later call of {q.part}, with another input: {judged[q.name].problem}"
            said[q.name] = replace(judged[q.name], problem=problem)
    return said


def _sparing(case: Case, seen: Observation, judged: Judged) -> Judged:
    """The same, where a call that writes over weights is wrong: to write over x or dout is not."""
    spared = dict(judged)
    for q in case.quantities:
        written = sorted({"w", "b", "gamma", "beta"}.intersection(seen.overwritten.get(q.key, ())))
        if written and judged[q.name].verdict in PASSING:
            problem = f"is right, but {q.part} writes over {' and '.join(written)}: update rules alone change weights"
            spared[q.name] = mismatched(problem)
    return spared


KIND = Kind(draw, judge, labels=LABELS)
