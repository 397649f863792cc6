"""data_loader_mnist: the row of its case, the draw, the judge, and the arrays as evidence."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.kinds.exactly import compare_exactly
from parity_tests.assignments.mlp.kinds.turns import distinct
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.exam import settings_of
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity

NAMES = tuple(f"{array}{split}" for split in ("train", "valid", "test") for array in "XY")
ROWS = tuple(Quantity(name, "utils", Key(name)) for name in NAMES)


def cases(seed: int) -> Iterator[Case]:
    """One small file."""
    settings = settings_of(seed, "utils", "loader")
    params = {"counts": distinct(settings, 2, 6, 3), "pixels": settings.randint(2, 5)}
    yield Case("utils/loader/float64", "utils", "data_loader_mnist", "float64", "loader", params, ROWS)


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """A few digits: Xtrain, Ytrain, Xvalid, …"""
    arrays: dict[str, NDArray[Any]] = {}
    train, valid, test = params["counts"]
    for split, X, y in small_digits(train, valid, test, params["pixels"]).parts():
        arrays |= {f"X{split}": X, f"Y{split}": y.astype(np.float64)}
    return arrays


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """Every array as the file holds it; labels may have any shape."""
    return {q.name: compare_exactly(result_of(observation, q.key), arrays[q.name]) for q in ROWS}


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """Each array as the result of a call, which knows what the file holds."""
    calls = Calls(case, judged)
    parts = {name: calls.running(array) for name, array in arrays.items()}
    for q in ROWS:
        kind, split = q.name[0], q.name[1:]
        result = result_of(observation, q.key)
        yield calls.add(f"utils.loaded {kind}", q.name, result, N=len(parts[q.name]), parts=parts, split=split)


KIND = Kind(draw, judge, evidence)
