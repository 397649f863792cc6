"""add_momentum: the row of its case, the draw, the judge, and the velocities as evidence."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.kinds.turns import distinct
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, weight_shapes
from parity_tests.harness.compare import compare
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, failed, matched, mismatched
from parity_tests.protocol.exam import settings_of
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key, Quantity
from reference.answer import known

KEYS = Quantity("keys", "utils", Key("keys"))
VELOCITIES = {name: Quantity(f"velocity {name}", "utils", Key(f"velocity {name}")) for name in WEIGHT_NAMES}
"""The quantities of the velocities, by the names of the weights."""


def cases(seed: int) -> Iterator[Case]:
    """One model."""
    rows = (KEYS, *VELOCITIES.values())
    D, M, K = distinct(settings_of(seed, "utils", "add-momentum"), 2, 9, 3)
    params = {"D": D, "M": M, "K": K}
    yield Case("utils/add-momentum/float64", "utils", "add_momentum", "float64", "velocities", params, rows)


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """The gradients of a small network, by WEIGHT_NAMES."""
    shapes = weight_shapes(params["D"], params["M"], params["K"])
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The keys, and zeros of the gradients' shapes."""
    judged = {"keys": _judge_keys(result_of(observation, KEYS.key))}
    for name, q in VELOCITIES.items():
        zeros = known(np.zeros(arrays[name].shape))
        judged[q.name] = compare(result_of(observation, q.key), zeros, flat_ok=True)
    return judged


def _judge_keys(result: Returned | Failure | None) -> Comparison:
    if isinstance(result, Failure):
        return failed(result)
    if result is not None and result.array is not None and not bool(result.array):
        return mismatched(f"are not {', '.join(WEIGHT_NAMES)}")
    return matched()


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """Each velocity as the result of a call."""
    calls = Calls(case, judged)
    for name, q in VELOCITIES.items():
        gradient = calls.running(arrays[name])
        yield calls.add("utils.velocity", q.name, result_of(observation, q.key), gradient=gradient, N=0)


KIND = Kind(draw, judge, evidence)
