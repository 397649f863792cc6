"""Linear layers, forward and backward: the rows of their cases, the draw, the judge, and the calls as evidence."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.names import LABELS, words
from parity_tests.harness.compare import compare
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key, Quantity, quantities

SHAPES = {  # N, D, M
    "one-row": (1, 4, 3),
    "one-input": (5, 1, 3),
    "one-output": (5, 4, 1),
    "square": (4, 4, 4),
    "wide": (3, 4, 12),
    "tall": (12, 5, 3),
}
FIRST = quantities(
    ("output", "3", Key("output")),
    ("gradient of X", "4", Key("gradient of X")),
    ("gradient of W", "4", Key("gradient of W")),
    ("gradient of b", "4", Key("gradient of b")),
)


def cases(dtype: str) -> Iterator[Case]:
    """One forward and backward at several shapes; two inputs in turn; and one forward with two backwards."""
    for name, (N, D, M) in SHAPES.items():
        yield _case(name, words(name), dtype, {"pairs": 1, "N": N, "D": D, "M": M}, FIRST)
    second = tuple(Quantity(f"{q.name}, second input", q.part, replace(q.key, call=1)) for q in FIRST)
    yield _case("two-inputs", "two inputs in turn", dtype, {"pairs": 2, "N": 4, "D": 5, "M": 3}, FIRST + second)
    again = tuple(Quantity(f"{q.name}, backward twice", q.part, replace(q.key, call=1)) for q in FIRST[1:])
    params = {"pairs": 1, "N": 4, "D": 5, "M": 3, "again": True}
    yield _case("backward-twice", "backward twice", dtype, params, again)


def _case(slug: str, title: str, dtype: str, params: Params, rows: tuple[Quantity, ...]) -> Case:
    return Case(f"linear/{slug}/{dtype}", "linear", f"linear, {title}", dtype, "linear", params, rows)


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """X and grad for each pair of calls, W and b once."""
    pairs, N, D, M = (params[key] for key in ("pairs", "N", "D", "M"))
    return {
        "X": rng.standard_normal((pairs, N, D)),
        "W": rng.standard_normal((D, M)),
        "b": rng.standard_normal((1, M)),
        "grad": rng.standard_normal((pairs, N, M)),
    }


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """Every result against torch's of the same inputs."""
    from reference.linear import backward, forward

    W, b = arrays["W"], arrays["b"]
    judged = {}
    for q in case.quantities:
        X, grad = _pair(arrays, q.key.call)
        if q.key.name == "output":
            answer = forward(X, W, b, context.device)
        else:
            answer = backward(X, W, b, grad, context.device)[q.key.name[-1]]
        judged[q.name] = compare(result_of(observation, q.key), answer, flat_ok=q.key.name == "gradient of b")
    return judged


def _pair(arrays: Arrays, call: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """X and grad of a call; a backward beyond the last pair repeats that."""
    pair = min(call, len(arrays["X"]) - 1)
    return arrays["X"][pair], arrays["grad"][pair]


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """All calls that a quantity is about; those before it are their past."""
    calls = Calls(case, judged)
    names = {q.key: q.name for q in case.quantities}
    for k in range(len(arrays["X"]) + bool(case.params.get("again"))):
        X, grad = _pair(arrays, k)
        for word in ("output", "gradient of W", "gradient of b", "gradient of X"):
            quantity = names.get(Key(word, k), "")
            result = result_of(observation, Key(word, k))
            call = linear_call(calls, "layer", word, quantity, result, X, grad, arrays["W"], arrays["b"])
            if quantity:
                yield call


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
