"""The loss, softmax cross-entropy: the rows of its cases, the draw, the judge, and the calls as evidence."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds import turns
from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.names import LABELS, words
from parity_tests.harness.compare import compare
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.exam import settings_of
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned

FORWARD, BACKWARD = (("loss", "utils"),), (("gradient of X", "utils"),)
GRADIENT = "gradient of logits"
DRAWS = {"offset": "offset", "far-apart": "far", "rows-apart": "rows"}
"""What is drawn in the rows that are not of logits near 0."""


def cases(dtype: str, seed: int) -> Iterator[Case]:
    """Logits near 0, of one row, of two classes, near 1,000, far apart in a row and between rows, many; in turn."""
    slugs = ("one-row", "two-classes", *DRAWS)
    for slug in (*slugs, turns.MANY_ROWS) if dtype == "float64" else slugs:
        settings = settings_of(seed, "loss", slug)
        N = {"one-row": 1, turns.MANY_ROWS: turns.many_rows(settings)}.get(slug) or settings.randint(3, 9)
        K = 2 if slug == "two-classes" else settings.randint(3, 20)
        yield _case(slug, words(slug), dtype, K, turns.pairs(1), [N], ("",))
    settings = settings_of(seed, "loss", "mini-batch")
    first, K = settings.randint(2, 9), settings.randint(11, 30)
    sizes = [first, first, first, settings.randint(60, 200), K]  # the last logits are square
    yield _case("mini-batch", "mini-batch", dtype, K, turns.IN_TURN, sizes, turns.TURNS)


def _case(
    slug: str, title: str, dtype: str, K: int, calls: turns.Calls, sizes: Sequence[int], suffixes: Sequence[str]
) -> Case:
    orders = dict(zip(range(1, len(sizes)), (turns.USUAL, turns.FORTRAN, turns.VIEW, turns.READ_ONLY), strict=False))
    inputs = [{"N": N, "memory": orders.get(k, turns.USUAL)} for k, N in enumerate(sizes)]
    asked = turns.asked(calls, suffixes, FORWARD, BACKWARD)
    asked = tuple(replace(q, name=q.name.replace("gradient of X", GRADIENT)) for q in asked)
    title, what = f"softmax cross-entropy, {title}", DRAWS.get(slug, "normal")
    return turns.case("loss", slug, title, dtype, "loss", calls, inputs, asked, K=K, draw=what)


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Logits X_k (N×K) and labels Y_k (N×1) of each input; one of the labels is K − 1, and of several not all are."""
    arrays: dict[str, NDArray[Any]] = {}
    for k, given in enumerate(params["inputs"]):
        X, y = _rows(params["draw"], rng, given["N"], params["K"])
        arrays |= {f"X_{k}": X, f"Y_{k}": y.astype(np.float64)}
    return arrays


def _rows(what: str, rng: np.random.Generator, N: int, K: int) -> tuple[NDArray[Any], NDArray[Any]]:
    X = 3 * rng.standard_normal((N, K))
    Y = rng.integers(0, K, (N, 1))
    Y[rng.integers(0, N)] = K - 1
    if N > 1 and (Y == K - 1).all():
        Y[0] = 0
    if what == "offset":
        X += 1000.0
    elif what == "rows":
        # Two rows 1,600 apart and others between them: what one maximum shifts for all rows underflows in some.
        X += 1600.0 * rng.permutation(np.linspace(-0.5, 0.5, N))[:, None]
    elif what == "far":
        # As far apart as float32 allows without underflow of any probability: e^(−80) is a normal number.
        X = -rng.uniform(0, 80, (N, K))
        X[np.arange(N), (Y[:, 0] + rng.integers(0, K, N)) % K] = 0.0
        # A label so far ahead that all others underflow: its loss is 0, unless something overflows, as it does in
        # float64 as well where what is farthest behind is taken for the shift.
        X[0] = -rng.uniform(200, 1000, K)
        X[0, (Y[0, 0] + 1) % K] = -rng.uniform(800, 1000)
        X[0, Y[0, 0]] = 0.0
    return X, Y


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The mean loss and its gradient against torch's."""
    from reference import cross_entropy

    judged = {}
    for q in case.quantities:
        X, y = _given(arrays, q.key.call)
        of = cross_entropy.forward if q.key.name == "loss" else cross_entropy.backward
        comparison = compare(result_of(observation, q.key), of(X, y, context.device))
        judged[q.name] = turns.noting_memory(comparison, case.params, observation, q.key)
    return judged


def _given(arrays: Arrays, k: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The logits (N×K) and the labels (N,) of input k."""
    return arrays[f"X_{k}"], arrays[f"Y_{k}"].reshape(-1).astype(np.int64)


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """All forwards and backwards."""
    calls = Calls(case, judged)
    for q in case.quantities:
        word = "output" if q.key.name == "loss" else q.key.name
        yield loss_call(calls, word, q.name, result_of(observation, q.key), *_given(arrays, q.key.call))


def loss_call(
    calls: Calls, word: str, quantity: str, result: Returned | Failure | None, X: NDArray[Any], y: NDArray[Any]
) -> Call:
    """The call of the loss that gave its "output" or "gradient of X", of logits X (N×K) and labels y (N,)."""
    N, K = X.shape
    hot = np.eye(K, dtype=bool)[y]
    return calls.add(f"loss.{word}", quantity, result, X=calls.running(X), hot=hot, N=N, K=K)


KIND = Kind(draw, judge, evidence, labels=LABELS, kept_wide=frozenset(f"Y_{k}" for k in range(len(turns.TURNS))))
