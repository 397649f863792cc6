"""data_loader_mnist: the row of its case, the draw, the judge, and the arrays as evidence."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.digits import CLASSES
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

SPLITS = ("train", "valid", "test")
HOMEWORKS = (5_000, 1_000, 1_000)
"""How many examples the homework's own file has."""
NAMES = tuple(f"{array}{split}" for split in SPLITS for array in "XY")
ROWS = tuple(Quantity(name, "utils", Key(name)) for name in NAMES)


def cases(seed: int) -> Iterator[Case]:
    """One file, of a few more examples than the homework's, and of few pixels."""
    settings = settings_of(seed, "utils", "loader")
    params = {"counts": [count + settings.randint(1, 20) for count in HOMEWORKS], "D": settings.randint(2, 5)}
    yield Case("utils/loader/float64", "utils", "data_loader_mnist", "float64", "loader", params, ROWS)


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Grey values in 256 steps and labels: Xtrain, Ytrain, Xvalid, …"""
    arrays: dict[str, NDArray[Any]] = {}
    for split, count in zip(SPLITS, params["counts"], strict=True):
        arrays[f"X{split}"] = rng.integers(0, 256, (count, params["D"])) / 256
        arrays[f"Y{split}"] = rng.integers(0, CLASSES, count).astype(np.float64)
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
