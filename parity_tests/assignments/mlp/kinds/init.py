"""The constructor of linear layers: the rows of its cases and the judge; nothing is drawn, and no formula is known."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.names import words
from parity_tests.harness.compare import compare
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, failed, matched, mismatched
from parity_tests.protocol.exam import settings_of
from parity_tests.protocol.finding import DTYPE
from parity_tests.protocol.kind import Arrays, Context, Kind, nothing
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key, quantities
from reference.answer import known
from reports.model.notes import NoteKind
from reports.model.verdicts import Verdict

SIZES = {
    "small": ((2, 60), (2, 60)),
    "distribution": ((10, 13), (10_000, 12_000)),
    "many-inputs": ((770, 800), (100, 130)),
}
"""Between which D and M are drawn: of a layer whose shapes are judged, and of two whose numbers are."""
STD = 0.1
ZEROS = "b starts at zeros, where it is usually drawn as W is"
ROWS = {
    "small": quantities(
        ("W", "2", Key("W")),
        ("b", "2", Key("b")),
        ("initial gradient of W", "2", Key("gradient of W")),
        ("initial gradient of b", "2", Key("gradient of b")),
        *((f"{attribute} of two layers", "2", Key(f"{attribute} apart")) for attribute in ("params", "gradient")),
    ),
    "distribution": quantities(
        ("distribution of W", "2", Key("W")),
        ("distribution of b", "2", Key("b")),
        ("two layers differ", "2", Key("W", 1)),
    ),
    "many-inputs": quantities(("distribution of W, many inputs", "2", Key("W"))),
}


def cases(seed: int) -> Iterator[Case]:
    """The shapes of a small layer, and the numbers of a large one; the constructor is given no dtype."""
    for test, bounds in SIZES.items():
        settings = settings_of(seed, "init", test)
        D, M = (settings.randint(*bound) for bound in bounds)
        M += D == M
        yield Case(
            f"linear/init-{test}/float64",
            "linear",
            f"linear, init, {words(test)}",
            "float64",
            "init",
            {"D": D, "M": M, "test": test},
            ROWS[test],
        )


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The shapes of a layer and its gradients of 0, or whether its numbers are normal draws and drawn anew."""
    D, M = case.params["D"], case.params["M"]
    if case.params["test"] == "many-inputs":
        return {case.quantities[0].name: _distribution(result_of(observation, Key("W")), (D, M))}
    return (_judge_shapes if case.params["test"] == "small" else _judge_draws)(observation, D, M)


def _judge_shapes(observation: Observation, D: int, M: int) -> dict[str, Comparison]:
    judged = {}
    for key, shape in (("W", (D, M)), ("b", (1, M))):
        judged[key] = _shaped(result_of(observation, Key(key)), shape)
        gradient = result_of(observation, Key(f"gradient of {key}"))
        judged[f"initial gradient of {key}"] = compare(gradient, known(np.zeros(shape)), flat_ok=key == "b")
    for attribute, held in (("params", "W"), ("gradient", "gradient of W")):
        results = [result_of(observation, Key(name)) for name in (held, f"{attribute} apart")]
        failure = next((result for result in results if isinstance(result, Failure)), None)
        apart = results[-1]
        if failure is not None:  # of layers that hold nothing, neither shares anything
            judged[f"{attribute} of two layers"] = failed(failure)
        elif isinstance(apart, Returned) and apart.array is not None and bool(apart.array):
            judged[f"{attribute} of two layers"] = matched()
        else:
            problem = f"fails: two layers share their {attribute}, so that what is put into one is in the other"
            judged[f"{attribute} of two layers"] = mismatched(problem)
    return judged


def _judge_draws(observation: Observation, D: int, M: int) -> dict[str, Comparison]:
    first, second = (array_of(observation, Key("W", k), (D, M)) for k in range(2))
    judged = {
        "distribution of W": _distribution(result_of(observation, Key("W")), (D, M)),
        "distribution of b": _distribution_of_b(result_of(observation, Key("b")), (1, M), first),
    }
    if first is None or second is None:
        judged["two layers differ"] = _shaped(result_of(observation, Key("W", 1)), (D, M))
    elif np.array_equal(first, second):
        problem = "fails: the weights of two layers are the same, so they are not drawn anew"
        judged["two layers differ"] = mismatched(problem, finding=Found.SAME_DRAWS)
    else:
        judged["two layers differ"] = matched()
    return judged


def _shaped(value: Returned | Failure | None, shape: tuple[int, ...]) -> Comparison:
    """Whether a parameter has the shape and dtype that the assignment asks; its numbers are not compared."""
    if isinstance(value, Returned) and value.array is not None and value.kind == "array":
        if value.array.dtype != np.float64:
            return mismatched(f"has dtype {value.array.dtype}, where float64 is expected", finding=DTYPE)
        itself = value.array.reshape(shape) if value.array.size == np.prod(shape) else np.zeros(shape)
        return compare(value, known(itself), flat_ok=True)
    return compare(value, known(np.zeros(shape)))


def _distribution_of_b(
    value: Returned | Failure | None, shape: tuple[int, ...], others: NDArray[Any] | None
) -> Comparison:
    """The same of b, which may start at zeros: the handout speaks of W."""
    if isinstance(value, Returned) and value.array is not None and value.array.size and not value.array.any():
        shaped = _shaped(value, shape)
        return shaped.noting(ZEROS, kind=NoteKind.READING) if shaped.verdict == Verdict.MATCH else shaped
    return _distribution(value, shape, others)


def _distribution(
    value: Returned | Failure | None, shape: tuple[int, ...], others: NDArray[Any] | None = None
) -> Comparison:
    """Whether a parameter has its shape and is made of independent normal draws, none of which stands in `others`."""
    from parity_tests.harness import statistics

    shaped = _shaped(value, shape)
    if shaped.verdict != Verdict.MATCH or not isinstance(value, Returned) or value.array is None:
        return shaped
    problem = statistics.normal_problem(value.array, STD)
    problem = problem or statistics.repeats_problem(np.abs(value.array))
    problem = problem or statistics.order_problem(value.array) or statistics.moments_problem(value.array, STD)
    if not problem and others is not None:
        problem = statistics.shared_problem(value.array, others)
    return mismatched(problem) if problem else matched()


KIND = Kind(nothing, judge)
