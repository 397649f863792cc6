"""add_momentum: the row of its case, the draw, the judge, and the velocities as evidence."""

from collections.abc import Iterator
from string import ascii_lowercase
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
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import Key, Quantity
from reference.answer import known

KEYS = Quantity("keys", "utils", Key("keys"))
VELOCITIES = {name: Quantity(f"velocity {name}", "utils", Key(f"velocity {name}")) for name in WEIGHT_NAMES}
"""The quantities of the velocities, by the names of the weights."""
ALIKE = Quantity("keys, other names", "utils", Key("keys", 1))
APART = Quantity("velocities apart", "utils", Key("apart"))
"""Of a model whose layers are of one shape and have other names: the keys, and that no two share their memory."""


def cases(seed: int) -> Iterator[Case]:
    """The homework's model, and one of layers that are alike."""
    rows = (KEYS, *VELOCITIES.values(), ALIKE, APART)
    settings = settings_of(seed, "utils", "add-momentum")
    D, M, K = distinct(settings, 2, 9, 3)
    alike = ["".join(letters) for letters in zip(*(settings.sample(ascii_lowercase, 3) for _ in range(5)), strict=True)]
    params = {"D": D, "M": M, "K": K, "alike": alike}
    yield Case("utils/add-momentum/float64", "utils", "add_momentum", "float64", "velocities", params, rows)


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """The gradients of a small network, by WEIGHT_NAMES."""
    shapes = weight_shapes(params["D"], params["M"], params["K"])
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The keys, and zeros of the gradients' shapes."""
    names = (f"{name}_{key}" for name in case.params["alike"] for key in ("W", "b"))
    judged = {
        KEYS.name: _judged(observation, KEYS, f"are not {', '.join(WEIGHT_NAMES)}"),
        ALIKE.name: _judged(observation, ALIKE, f"are not {', '.join(names)}"),
        APART.name: _judged(observation, APART, "share their memory, so that one step moves several of them"),
    }
    for name, q in VELOCITIES.items():
        zeros = known(np.zeros(arrays[name].shape))
        judged[q.name] = compare(result_of(observation, q.key), zeros, flat_ok=True)
    return judged


def _judged(observation: Observation, q: Quantity, problem: str) -> Comparison:
    """Whether the submission's process found it so."""
    result = result_of(observation, q.key)
    if isinstance(result, Failure):
        return failed(result)
    if result is not None and result.array is not None and not bool(result.array):
        return mismatched(problem)
    return matched()


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """Each velocity as the result of a call."""
    calls = Calls(case, judged)
    for name, q in VELOCITIES.items():
        gradient = calls.running(arrays[name])
        yield calls.add("utils.velocity", q.name, result_of(observation, q.key), gradient=gradient, N=0)


KIND = Kind(draw, judge, evidence)
