"""DataSplit: the row of its case, the draw, the judge, and the results as evidence."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.kinds.exactly import compare_exactly
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.exam import settings_of
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity

ROWS = (
    *(Quantity(name, "utils", Key(name)) for name in ("N", "d", "examples", "labels")),
    *(Quantity(f"{name}, one index", "utils", Key(name, 1)) for name in ("examples", "labels")),
)
FIRST_OF_THE_LAST = 5_000
THOUSANDS = (5_010, 5_200)
"""How many examples there are: a few more than the homework's 5,000, so that what leaves out the last ones shows."""
OPERATIONS = {"labels": "label of an example"}
"""What a diagnosis calls a quantity where that is not its name: labels are also what predict_label returns."""


def cases(seed: int) -> Iterator[Case]:
    """One set of examples, more than the homework has."""
    settings = settings_of(seed, "utils", "data-split")
    N, D = settings.randint(*THOUSANDS), settings.randint(2, 9)
    yield Case("utils/data-split/float64", "utils", "DataSplit", "float64", "split", {"N": N, "D": D}, ROWS)


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """X (N×D), labels Y (N,), and the indices of a few examples, in no order and one of them twice."""
    N, D = params["N"], params["D"]
    Y = np.asarray(rng.integers(0, 10, size=N), np.float64)
    low, middle = np.sort(rng.permutation(N // 2)[:2])
    high = N - rng.integers(1, N - FIRST_OF_THE_LAST)
    return {"X": rng.standard_normal((N, D)), "Y": Y, "idx": np.array([middle, high, low, middle])}


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The sizes, and the examples with their labels: of several indices, and of one."""
    X, Y = arrays["X"], arrays["Y"]
    wanted = {Key("N"): X.shape[0], Key("d"): X.shape[1]}
    for k, idx in enumerate(_indices(arrays)):
        wanted |= {Key("examples", k): X[idx], Key("labels", k): Y[idx, None]}
    return {q.name: compare_exactly(result_of(observation, q.key), wanted[q.key]) for q in ROWS}


def _indices(arrays: Arrays) -> tuple[NDArray[Any], NDArray[Any]]:
    return arrays["idx"], arrays["idx"][:1]


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """Each result as that of a call."""
    calls = Calls(case, judged)
    N, D = arrays["X"].shape
    X, Y = calls.running(arrays["X"]), calls.running(arrays["Y"].reshape(-1, 1))
    for q in ROWS:
        operation = f"utils.{OPERATIONS.get(q.key.name, q.key.name)}"
        idx = _indices(arrays)[q.key.call]
        shape = (np.size(idx), 1) if operation.startswith("utils.label") else None
        result = result_of(observation, q.key)
        yield calls.add(operation, q.name, result, shape=shape, X=X, Y=Y, idx=idx, N=N, D=D)


KIND = Kind(draw, judge, evidence, kept_wide=frozenset({"Y"}))
