"""The loss, softmax cross-entropy: the rows of its cases, the draw, the judge, and the calls as evidence."""

from collections.abc import Iterator
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
from parity_tests.protocol.quantity import Key, quantities

CLASSES = 10
DRAWS = {"mini-batch": "normal", "one-row": "one", "offset": "offset", "far-apart": "far"}
"""What is drawn, by the name of the row."""
LOSS, GRADIENT = Key("loss"), Key("gradient of X")
ROWS = quantities(("loss", "utils", LOSS), ("gradient of logits", "utils", GRADIENT))


def cases(dtype: str) -> Iterator[Case]:
    """Logits near 0, of one row, near 1,000, and far apart."""
    for name, draw in DRAWS.items():
        params = {"N": 1 if draw == "one" else 6, "K": CLASSES, "draw": draw}
        yield Case(f"loss/{name}/{dtype}", "loss", f"softmax cross-entropy, {words(name)}", dtype, "loss", params, ROWS)


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Logits X (N×K) and labels Y (N×1)."""
    N, K = params["N"], params["K"]
    X = 3 * rng.standard_normal((N, K))
    Y = rng.integers(0, K, (N, 1))
    if params["draw"] == "offset":
        X += 1000.0
    elif params["draw"] == "far":
        # As far apart as float32 allows without underflow of any probability: e^(−80) is a normal number.
        X = -rng.uniform(0, 80, (N, K))
        X[np.arange(N), (Y[:, 0] + rng.integers(0, K, N)) % K] = 0.0
        # A label so far ahead that all others underflow: its loss is 0, unless something overflows.
        X[0] = -rng.uniform(200, 1000, K)
        X[0, Y[0, 0]] = 0.0
    return {"X": X, "Y": Y.astype(np.float64)}


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The mean loss and its gradient against torch's."""
    from reference import cross_entropy

    X, y = arrays["X"], arrays["Y"].reshape(-1).astype(np.int64)
    return {
        "loss": compare(result_of(observation, LOSS), cross_entropy.forward(X, y, context.device)),
        "gradient of logits": compare(result_of(observation, GRADIENT), cross_entropy.backward(X, y, context.device)),
    }


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """The forward and the backward."""
    calls = Calls(case, judged)
    X, y = arrays["X"], arrays["Y"].reshape(-1).astype(int)
    for q, word in zip(ROWS, ("output", "gradient of X"), strict=True):
        yield loss_call(calls, word, q.name, result_of(observation, q.key), X, y)


def loss_call(
    calls: Calls, word: str, quantity: str, result: Returned | Failure | None, X: NDArray[Any], y: NDArray[Any]
) -> Call:
    """The call of the loss that gave its "output" or "gradient of X", of logits X (N×K) and labels y (N,)."""
    N, K = X.shape
    hot = np.eye(K, dtype=bool)[y]
    return calls.add(f"loss.{word}", quantity, result, X=calls.running(X), hot=hot, N=N, K=K)


KIND = Kind(draw, judge, evidence, labels=LABELS, kept_wide=frozenset({"Y"}))
