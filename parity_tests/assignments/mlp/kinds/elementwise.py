"""The activations, tanh and relu: the rows of their cases, the draw, the judge, and the calls as evidence."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds import turns
from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.names import LABELS, words
from parity_tests.harness.compare import compare
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.exam import distinct, settings_of
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE, Key, Quantity, quantities
from reference.answer import Answer
from reference.rounding import TANH_FORM_FORWARD, unit_roundoff
from reports.model.verdicts import PASSING, Verdict

Array = NDArray[Any]

DRAWS = {"zeros": "zeros", "magnitudes-to-40": "to-40", "large-inputs": "to-1000"}
"""What is drawn in the rows that are not of normal draws."""
OTHER_DIMENSIONS = ("one-dimension", "three-dimensions")
"""The rows that a submission may refuse, with a note; wrong values in them are wrong."""
TODOS = {"tanh": ("5", "6"), "relu": ("7", "8")}
"""The parts of an activation: forward and backward."""


def cases(layer: str, dtype: str, seed: int) -> Iterator[Case]:
    """The cases of one activation, "tanh" or "relu"."""
    forward, backward = (("output", TODOS[layer][0]),), (("gradient of X", TODOS[layer][1]),)

    def named(slug: str, title: str, calls: turns.Calls, inputs: Sequence[Params], asked: tuple[Quantity, ...]) -> Case:
        what, lenient = DRAWS.get(slug, "normal"), slug in OTHER_DIMENSIONS
        own: dict[str, Any] = {"layer": layer, "draw": what, "lenient": lenient}
        return turns.case(layer, slug, f"{layer}, {title}", dtype, "elementwise", calls, inputs, asked, **own)

    def case(slug: str, title: str, calls: turns.Calls, inputs: Sequence[Params], suffixes: Sequence[str]) -> Case:
        return named(slug, title, calls, inputs, turns.asked(calls, suffixes, forward, backward))

    slugs = ["two-dimensions", "one-row", "one-column", *OTHER_DIMENSIONS, "zeros", "magnitudes-to-40"]
    for slug in (*slugs, turns.MANY_ROWS) if dtype == "float64" else slugs:
        shape = _shape(slug, settings_of(seed, layer, slug))
        yield case(slug, words(slug), turns.pairs(1), [{"shape": shape}], ("",))
    settings = settings_of(seed, layer, "in-turn")
    first, other, M = distinct(settings, 2, 9, 3)
    inputs: list[dict[str, Any]] = [{"shape": [N, M]} for N in (first, first, first, other, other)]
    inputs[2]["tiny"] = True
    yield case("in-turn", "objects and inputs in turn", turns.IN_TURN, inputs, turns.TURNS)
    shape = distinct(settings_of(seed, layer, "memory"), 2, 9, 2)
    orders = (*turns.ORDERS, turns.WHOLE)
    inputs = [{"shape": shape, "memory": memory} for memory in orders]
    suffixes = [turns.IN_MEMORY[memory] for memory in orders]
    yield case("memory", "inputs in memory", turns.pairs(len(orders)), inputs, suffixes)
    large = quantities(
        (f"{layer}, large inputs", forward[0][1], Key("output")),
        (f"gradient of {layer}, large inputs", backward[0][1], Key("gradient of X")),
    )
    inputs = [{"shape": _shape("large-inputs", settings_of(seed, layer, "large-inputs"))}]
    yield named("large-inputs", "magnitudes from 40 to 1,000", turns.pairs(1), inputs, large)


def _shape(slug: str, settings: Random) -> list[int]:
    """The shape of a row's only input; one of them is square."""
    a, b, c = distinct(settings, 4, 9, 3)
    shapes = {
        "two-dimensions": [a, settings.randint(120, 320)],
        "one-row": [1, settings.randint(2, 40)],
        "one-column": [settings.randint(20, 40), 1],
        "one-dimension": [settings.randint(2, 40)],
        "three-dimensions": [a, b, c],
        "magnitudes-to-40": [settings.randint(120, 200), b],
        "zeros": [a, a],
        turns.MANY_ROWS: [turns.many_rows(settings), b],
        "large-inputs": [2 * a, b],
    }
    return shapes.get(slug, [a, b])


def draw(params: Params, rng: np.random.Generator) -> dict[str, Array]:
    """X_k and grad_k of each input; no element of grad is near 0 beside the others, but where sizes are apart."""
    arrays: dict[str, Array] = {}
    for k, given in enumerate(params["inputs"]):
        shape = tuple(given["shape"])
        is_whole = given["memory"] == turns.WHOLE
        arrays[f"X_{k}"] = turns.whole_numbers(rng, shape) if is_whole else _inputs(params["draw"], rng, shape)
        grad = log_uniform(rng, 1e-12, 1e3, shape) if params["draw"] == "to-40" else without_zeros(rng, shape)
        arrays[f"grad_{k}"] = turns.sized(grad, rng, given)
    return arrays


def _inputs(what: str, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    if what == "to-40":
        return log_uniform(rng, 1e-8, 40, shape)
    if what == "to-1000":
        return log_uniform(rng, 40, 1e3, shape)
    X = rng.standard_normal(shape)
    if what == "zeros":
        zero = rng.random(shape) < 0.5
        zero.flat[:2] = True
        X = np.where(zero, np.where(rng.random(shape) < 0.5, 0.0, -0.0), X)
        X.flat[:2] = 0.0, -0.0
    return X


def log_uniform(rng: np.random.Generator, low: float, high: float, shape: tuple[int, ...]) -> Array:
    """Draws of either sign, of sizes spread evenly over the magnitudes between two."""
    size = np.exp(rng.uniform(np.log(low), np.log(high), shape))
    return np.asarray(size * rng.choice([-1.0, 1.0], shape))


def without_zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Normal draws pushed away from 0 by 0.1, so that "kept" and "dropped" can be told apart."""
    drawn = rng.standard_normal(shape)
    return np.asarray(drawn + np.where(drawn < 0, -0.1, 0.1))


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """Every result against torch's of the same inputs; a backward that echoes a wrong forward is explained by it."""
    layer = case.params["layer"]
    forward, backward = functions(layer)
    judged: dict[str, Comparison] = {}
    outputs: dict[int, Comparison] = {}
    for q in case.quantities:
        k = q.key.call
        X, grad = turns.of_dtype(arrays[f"X_{k}"], case.dtype), arrays[f"grad_{k}"]
        answer = forward(X, context.device) if q.key.name == "output" else backward(X, grad, context.device)
        comparison = compare(result_of(observation, q.key), answer)
        if q.key.name == "output":
            outputs[k] = comparison
        elif (
            comparison.verdict not in PASSING
            and k in outputs
            and outputs[k].verdict not in PASSING
            and _follows(comparison, layer, observation, q.key, grad)
        ):
            comparison = replace(comparison, explained_by=TODOS[layer][0])
        judged[q.name] = turns.noting_memory(comparison, case.params, observation, q.key)
    return judged


def functions(layer: str) -> tuple[Callable[..., Answer], Callable[..., Answer]]:
    """Torch's forward and backward of an activation."""
    from reference import elementwise

    if layer == "tanh":
        return elementwise.tanh_forward, elementwise.tanh_backward
    return elementwise.relu_forward, elementwise.relu_backward


def _follows(back: Comparison, layer: str, observation: Observation, key: Key, grad: Array) -> bool:
    """Whether a failing backward after a failing forward comes of it: there is none, or it is right for that output."""
    if WHOLE_CASE in observation.failures or back.verdict == Verdict.MISSING:
        return False
    h, gradient = array_of(observation, Key("output", key.call), grad.shape), array_of(observation, key, grad.shape)
    return h is None or gradient is None or echoes(layer, h, grad, gradient)


def echoes(layer: str, h: Array, grad: Array, gradient: Array) -> bool:
    """Whether a gradient is what the assignment's formula gives for the (wrong) h that the forward returned."""
    with np.errstate(all="ignore"):
        wanted = [grad * (1 - h * h)] if layer == "tanh" else [grad * (h > 0), grad * (h != 0)]
        slack = 16 * np.finfo(grad.dtype).eps * np.abs(grad) * (1 + h * h)
        for want in wanted:
            near = np.abs(gradient - want) <= slack
            if bool((near | (np.isnan(gradient) & np.isnan(want))).all()):
                return True
    return False


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """All calls of the activation that are judged; those before one on the same object are its past."""
    calls = Calls(case, judged)
    for q in case.quantities:
        k = q.key.call
        if turns.is_beside(case.params, k):
            continue
        X, grad = turns.of_dtype(arrays[f"X_{k}"], case.dtype), arrays[f"grad_{k}"]
        h = array_of(observation, Key("output", k), X.shape)
        on = f"layer {turns.object_of(case.params, k)}"
        result = result_of(observation, q.key)
        yield activation_call(calls, case.params["layer"], q.key.name, q.name, result, X, grad, h, on)


def activation_call(
    calls: Calls,
    layer: str,
    word: str,
    quantity: str,
    result: Returned | Failure | None,
    X: Array,
    grad: Array,
    h: Array | None,
    on: str = "layer",
) -> Call:
    """The call of an activation that gave its "output" or "gradient of X"; `h` is what its forward returned, if known.

    At a pre-activation of exactly 0 relu's gradient is free to be 0 or grad.
    """
    # A backward that computes tanh anew may use another form than the forward did.
    error = TANH_FORM_FORWARD * unit_roundoff(calls.dtype) if layer == "tanh" else 0.0
    kept = calls.running(np.tanh(X) if h is None else h, error)
    call = calls.add(
        f"{layer}.{word}", quantity, result, on, X=calls.running(X), grad=calls.running(grad), h=kept, N=len(X)
    )
    if layer == "relu" and word != "output" and call.got is not None and call.got.shape == X.shape:
        call.free = (X == 0) & ((call.got == 0) | (call.got == grad))
    return call


KIND = Kind(draw, judge, evidence, labels=LABELS)
