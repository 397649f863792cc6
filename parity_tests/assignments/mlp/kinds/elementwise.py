"""The activations, tanh and relu: the rows of their cases, the draw, the judge, and the calls as evidence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.names import LABELS, words
from parity_tests.harness.compare import compare
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import PASSING, Comparison
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE, Key, Quantity, quantities
from reference.answer import Answer
from reference.rounding import TANH_FORM_FORWARD, unit_roundoff

Array = NDArray[Any]


@dataclass(frozen=True)
class Row:
    """One row: the shape of X, what is drawn, how many pairs of calls, and whether a failure costs a note only."""

    shape: tuple[int, ...]
    draw: str = "normal"
    pairs: int = 1
    lenient: bool = False


ROWS = {
    "two-dimensions": Row((6, 5)),
    "one-row": Row((1, 7)),
    "one-dimension": Row((9,), lenient=True),
    "three-dimensions": Row((3, 2, 4), lenient=True),
    "zeros": Row((4, 6), "zeros"),
    "magnitudes-to-40": Row((12, 25), "to-40"),
    "two-inputs": Row((4, 5), pairs=2),
}
LARGE = Row((10, 12), "to-1000")
TODOS = {"tanh": ("5", "6"), "relu": ("7", "8")}
"""The parts of an activation: forward and backward."""


def cases(layer: str, dtype: str) -> Iterator[Case]:
    """The cases of one activation, "tanh" or "relu"."""
    forward, backward = TODOS[layer]
    first = quantities(("output", forward, Key("output")), ("gradient of X", backward, Key("gradient of X")))
    for name, row in ROWS.items():
        asked = first
        if row.pairs == 2:
            asked += tuple(Quantity(f"{q.name}, second input", q.part, replace(q.key, call=1)) for q in first)
        yield _case(layer, name, words(name), dtype, row, asked)
    large = quantities(
        (f"{layer}, large inputs", forward, Key("output")),
        (f"gradient of {layer}, large inputs", backward, Key("gradient of X")),
    )
    yield _case(layer, "large-inputs", "magnitudes from 40 to 1,000", dtype, LARGE, large)


def _case(layer: str, slug: str, title: str, dtype: str, row: Row, asked: tuple[Quantity, ...]) -> Case:
    params = {"layer": layer, "shape": list(row.shape), "pairs": row.pairs, "draw": row.draw}
    return Case(f"{layer}/{slug}/{dtype}", layer, f"{layer}, {title}", dtype, "elementwise", params, asked, row.lenient)


def draw(params: Params, rng: np.random.Generator) -> dict[str, Array]:
    """X and grad for each pair of calls; no element of grad is near 0."""
    shape = (params["pairs"], *params["shape"])
    if params["draw"] == "to-40":
        X = _log_uniform(rng, 1e-8, 40, shape)
    elif params["draw"] == "to-1000":
        X = _log_uniform(rng, 40, 1e3, shape)
    else:
        X = rng.standard_normal(shape)
    if params["draw"] == "zeros":
        zero = rng.random(shape) < 0.5
        zero.flat[:2] = True
        X = np.where(zero, np.where(rng.random(shape) < 0.5, 0.0, -0.0), X)
        X.flat[:2] = 0.0, -0.0
    return {"X": X, "grad": without_zeros(rng, shape)}


def _log_uniform(rng: np.random.Generator, low: float, high: float, shape: tuple[int, ...]) -> Array:
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
    output = Comparison("match")
    for q in case.quantities:
        X, grad = arrays["X"][q.key.call], arrays["grad"][q.key.call]
        result = result_of(observation, q.key)
        if q.key.name == "output":
            output = judged[q.name] = compare(result, forward(X, context.device))
            continue
        comparison = compare(result, backward(X, grad, context.device))
        fails = comparison.verdict not in PASSING and output.verdict not in PASSING
        if fails and _follows(comparison, layer, observation, q.key, grad):
            comparison = replace(comparison, explained_by=TODOS[layer][0])
        judged[q.name] = comparison
    return judged


def functions(layer: str) -> tuple[Callable[..., Answer], Callable[..., Answer]]:
    """Torch's forward and backward of an activation."""
    from reference import elementwise

    if layer == "tanh":
        return elementwise.tanh_forward, elementwise.tanh_backward
    return elementwise.relu_forward, elementwise.relu_backward


def _follows(back: Comparison, layer: str, observation: Observation, key: Key, grad: Array) -> bool:
    """Whether a failing backward after a failing forward comes of it: there is none, or it is right for that output."""
    if WHOLE_CASE in observation.failures or back.verdict == "missing":
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
    """All calls of the activation."""
    calls = Calls(case, judged)
    layer = case.params["layer"]
    for q in case.quantities:
        X, grad = arrays["X"][q.key.call], arrays["grad"][q.key.call]
        h = array_of(observation, Key("output", q.key.call), X.shape)
        yield activation_call(calls, layer, q.key.name, q.name, result_of(observation, q.key), X, grad, h)


def activation_call(
    calls: Calls,
    layer: str,
    word: str,
    quantity: str,
    result: Returned | Failure | None,
    X: Array,
    grad: Array,
    h: Array | None,
) -> Call:
    """The call of an activation that gave its "output" or "gradient of X"; `h` is what its forward returned, if known.

    At a pre-activation of exactly 0 relu's gradient is free to be 0 or grad.
    """
    # A backward that computes tanh anew may use another form than the forward did.
    error = TANH_FORM_FORWARD * unit_roundoff(calls.dtype) if layer == "tanh" else 0.0
    kept = calls.running(np.tanh(X) if h is None else h, error)
    call = calls.add(
        f"{layer}.{word}", quantity, result, layer, X=calls.running(X), grad=calls.running(grad), h=kept, N=len(X)
    )
    if layer == "relu" and word != "output" and call.got is not None and call.got.shape == X.shape:
        call.free = (X == 0) & ((call.got == 0) | (call.got == grad))
    return call


KIND = Kind(draw, judge, evidence, labels=LABELS)
