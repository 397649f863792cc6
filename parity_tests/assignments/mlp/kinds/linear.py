"""Linear layers, forward and backward: the rows of their cases, the draw, the judge, and the calls as evidence."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds import turns
from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.kinds.elementwise import log_uniform
from parity_tests.assignments.mlp.names import LABELS, words
from parity_tests.harness.compare import compare
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.exam import distinct, settings_of
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key, Quantity
from reports.model.verdicts import PASSING

MAGNITUDES = "magnitudes"
"""The row of numbers from a thousandth to a thousand."""
SHAPES = ("one-row", "one-input", "one-output", "square", "wide", "tall", MAGNITUDES)
FULL_SIZE = "full-size"
"""The row of a first layer as the homework trains it, give or take a few; in one dtype, because it is large."""
SOME = (2, 9)
HUNDREDS = (120, 320)
OUTPUT = (("output", "3"),)
GRADIENTS = tuple((f"gradient of {key}", "4") for key in "XWb")
HELD = " kept"
"""How the key of a gradient ends that is looked at again after other layers' backwards."""
KEPT = (1, 1)
"""The object whose gradients are looked at again at last, and the input that they are of; the other object goes on."""
AGAIN: turns.Calls = (*turns.IN_TURN, (turns.BACKWARD, 0, 5))
"""The last input is the one before once more: one forward with two backwards."""

CHANGED = "changed"
"""The row of one layer whose weights change while the array of its input stays; at last its gradients are to be 0."""
CHANGES: turns.Calls = tuple((method, i, k) for i, k in ((0, 0), (1, 1), (1, 2)) for method in turns.BOTH)


def cases(dtype: str, seed: int, *, first: bool) -> Iterator[Case]:
    """One forward and backward at several shapes; objects, inputs and weights in turn; inputs in memory.

    With `first`, the dtype is the first of those that are asked for.
    """
    rows = (*SHAPES, *((FULL_SIZE,) if first else ()), *((turns.MANY_ROWS,) if dtype == "float64" else ()))
    for slug in rows:
        N, D, M = _sizes(slug, seed)
        yield _case(slug, words(slug), dtype, (D, M), turns.pairs(1), [{"N": N}], ("",))
    settings = settings_of(seed, "linear", "in-turn")
    N, other = distinct(settings, *SOME, 2)
    D = M = settings.randint(*SOME)  # what takes grad for X by its shape shows
    inputs: list[dict[str, Any]] = [{"N": N}, {"N": N}, {"N": N, "tiny": True}, {"N": other}, {"N": other}]
    inputs.append({"N": other, "as": 4})
    yield _case("in-turn", "objects and inputs in turn", dtype, (D, M), AGAIN, inputs, turns.TURNS, KEPT)
    if dtype == "float64":
        settings = settings_of(seed, "linear", CHANGED)
        N, D, M = distinct(settings, *SOME, 3)
        inputs = [{"N": N, "memory": turns.ONE}, {"N": N, "memory": turns.ONE, "as": 0}, {"N": N, "zero": True}]
        yield _case(CHANGED, "weights that change", dtype, (D, M), CHANGES, inputs, turns.CHANGED)
    settings = settings_of(seed, "linear", "memory")
    N, D, M = distinct(settings, *SOME, 3)
    kinds = (*turns.ORDERS, turns.WHOLE)
    inputs = [{"N": N, "memory": memory} for memory in kinds]
    suffixes = [turns.IN_MEMORY[memory] for memory in kinds]
    yield _case("memory", "inputs in memory", dtype, (D, M), turns.pairs(len(kinds)), inputs, suffixes)


def _sizes(slug: str, seed: int) -> tuple[int, int, int]:
    """N, D and M: one of them as the row's name says or in the hundreds, the others small and different."""
    settings = settings_of(seed, "linear", slug)
    a, b, c = distinct(settings, *SOME, 3)
    hundreds = settings.randint(*HUNDREDS)
    sizes = {
        "one-row": (1, hundreds, a),
        "one-input": (a, 1, b),
        "one-output": (a, b, 1),
        "square": (a, a, a),
        "wide": (a, b, hundreds),
        "tall": (hundreds, b, c),
        MAGNITUDES: (a, b, c),
        turns.MANY_ROWS: (turns.many_rows(settings), b, c),
        FULL_SIZE: (a, settings.randint(770, 800), settings.randint(980, 1020)),
    }
    return sizes[slug]


def _case(
    slug: str,
    title: str,
    dtype: str,
    sizes: tuple[int, int],
    calls: turns.Calls,
    inputs: Sequence[dict[str, Any]],
    suffixes: Sequence[str],
    kept: tuple[int, int] | None = None,
) -> Case:
    rows = turns.asked(calls, suffixes, OUTPUT, GRADIENTS)
    params: dict[str, Any] = {"one_layer": True} if slug == CHANGED else {}
    if kept is not None:
        params["kept"] = list(kept)
        rows += tuple(
            Quantity(f"gradient of {key}, after another layer's", "4", Key(f"gradient of {key}{HELD}", kept[1]))
            for key in "Wb"
        )
    what = slug if slug == MAGNITUDES else "normal"
    D, M = sizes
    return turns.case(
        "linear", slug, f"linear, {title}", dtype, "linear", calls, inputs, rows, draw=what, D=D, M=M, **params
    )


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """X_k (N×D) and grad_k (N×M) of each input, W_i (D×M) and b_i (1×M) of each object."""
    D, M = params["D"], params["M"]
    far = params["draw"] == MAGNITUDES
    drawn = partial(log_uniform, rng, 1e-3, 1e3) if far else rng.standard_normal
    arrays: dict[str, NDArray[Any]] = {}
    for i in sorted({i for _, i, _ in params["calls"]}):
        arrays |= {f"W_{i}": drawn((D, M)), f"b_{i}": drawn((1, M))}
    for k, given in enumerate(params["inputs"]):
        if "as" in given:
            arrays |= {f"{name}_{k}": arrays[f"{name}_{given['as']}"] for name in ("X", "grad")}
            continue
        shape = (given["N"], D)
        is_whole = given["memory"] == turns.WHOLE
        arrays[f"X_{k}"] = turns.whole_numbers(rng, shape) if is_whole else drawn(shape)
        grad = rng.standard_normal((given["N"], M)) * _sizes_apart(given["N"], M) if far else drawn((given["N"], M))
        arrays[f"grad_{k}"] = turns.sized(grad, rng, given)
    return arrays


def _sizes_apart(N: int, M: int) -> NDArray[Any]:
    """N×M sizes, from a thousand to 1e-15 by rows, and from 1 to 1e-15 by columns.

    So the gradient in X has rows, those of W and b have columns, in which no larger number hides that small ones count.
    """
    return np.outer(np.logspace(3, -15, N), np.logspace(0, -15, M))


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """Every result against torch's of the same inputs."""
    from reference.linear import backward, forward

    @cache
    def gradients(k: int) -> Any:
        X, grad, W, b = _given(case, arrays, k)
        return backward(X, W, b, grad, context.device)

    judged = {}
    for q in case.quantities:
        if q.key.name == "output":
            X, _, W, b = _given(case, arrays, q.key.call)
            answer = forward(X, W, b, context.device)
        else:
            answer = gradients(q.key.call)[q.key.name.removesuffix(HELD)[-1]]
        flat_ok = q.key.name.startswith("gradient of b")
        comparison = compare(result_of(observation, q.key), answer, flat_ok=flat_ok)
        if q.key.name.endswith(HELD) and observation.facts.get("shared") and comparison.verdict not in PASSING:
            comparison = replace(comparison, part="2", explained_by="2")
        judged[q.name] = turns.noting_memory(comparison, case.params, observation, q.key)
    return judged


def _given(case: Case, arrays: Arrays, k: int) -> tuple[NDArray[Any], ...]:
    """X and grad of an input, and W and b of the object that is called with it."""
    i = turns.object_of(case.params, k)
    return turns.of_dtype(arrays[f"X_{k}"], case.dtype), arrays[f"grad_{k}"], arrays[f"W_{i}"], arrays[f"b_{i}"]


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """All calls that are judged; those before one on the same object are its past."""
    calls = Calls(case, judged)
    names = {q.key: q.name for q in case.quantities}
    for method, i, k in case.params["calls"]:
        if turns.is_beside(case.params, k):
            continue
        given = _given(case, arrays, k)
        for word in ("gradient of W", "gradient of b", "gradient of X") if method == turns.BACKWARD else ("output",):
            key = Key(word, k)
            on = f"layer {0 if 'one_layer' in case.params else i}"
            yield linear_call(calls, on, word, names[key], result_of(observation, key), *given)
    for q in case.quantities:
        if q.key.name.endswith(HELD) and not judged[q.name].explained_by:  # of an object that was called this once
            word, given = q.key.name.removesuffix(HELD), _given(case, arrays, q.key.call)
            if isinstance(result_of(observation, Key(word, q.key.call)), Failure):
                continue  # what is there then is none of that call's
            yield linear_call(calls, "the one kept", word, q.name, result_of(observation, q.key), *given)


def linear_call(
    calls: Calls,
    layer: str,
    word: str,
    quantity: str,
    result: Returned | Failure | None,
    X: NDArray[Any],
    grad: NDArray[Any],
    W: NDArray[Any],
    b: NDArray[Any],
) -> Call:
    """The call of a linear layer that gave its "output" or one of its gradients."""
    (N, D), M = X.shape, W.shape[1]
    shapes = {"output": (N, M), "gradient of W": (D, M), "gradient of X": (N, D)}
    return calls.add(
        f"linear.{word}",
        quantity,
        result,
        layer,
        shapes.get(word),
        X=calls.running(X),
        grad=calls.running(grad),
        W=calls.running(W),
        b=calls.running(b),
        N=N,
        D=D,
        M=M,
    )


KIND = Kind(draw, judge, evidence, labels=LABELS)
