"""The functions of utils.py but for the loss: the rows of their cases, the draws, the judge, the calls as evidence.

What is right of them numpy says, exactly. Each function has a draw of its own, and tells what is asked of a case.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from string import ascii_lowercase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.digits import CLASSES, PARTS
from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, weight_shapes, words
from parity_tests.harness.compare import compare
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, failed, matched, mismatched
from parity_tests.protocol.exam import distinct, settings_of
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key, quantities
from reference.answer import known
from reports.model.verdicts import PASSING

Array = NDArray[Any]
PREDICTED = {"labels": (4, 20), "labels-of-two-classes": (1, 1)}
"""Between which K, the number of logits of a row, is drawn, by the name of the row."""
HOMEWORKS = (5_000, 1_000, 1_000)
"""How many examples each set of the homework's own file has."""
THOUSANDS = (HOMEWORKS[0] + 10, HOMEWORKS[0] + 200)
"""How many examples a DataSplit has: a few more than the homework's, so that what leaves out the last ones shows."""
TOLD = {
    "keys": ("keys", Key("keys"), "are not {}"),
    "keys, other names": ("keys", Key("keys", 1), "are not {}"),
    "velocities apart": ("apart", Key("apart"), "share their memory, so that one step moves several of them"),
}
"""What the submission's process tells of velocities, true or false: keys of both models, and that no two share."""


@dataclass(frozen=True)
class Asked:
    """What one result must be: the quantity and the key that it has, and how formulas know its call.

    One that is only told, true or false, has a `problem` in place of what is right.
    """

    quantity: str
    key: Key
    right: Array | None
    operation: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    flat_ok: bool = False
    problem: str = ""


Asks = Callable[[Params, Arrays], Iterator[Asked]]
"""What is asked of a case, by its parameters and arrays."""


def cases(seed: int, *, given: bool) -> Iterator[Case]:
    """One row of each function, two of predict_label; add_momentum and the loader only where they are `given`."""
    for name, bounds in PREDICTED.items():
        settings = settings_of(seed, "utils", name)
        params: dict[str, Any] = {"N": settings.randint(5, 12), "K": settings.randint(*bounds)}
        yield _case(f"predict-{name}", f"predict_label, {words(name)}", "labels", params, "labels")
    settings = settings_of(seed, "utils", "data-split")
    params = {"N": settings.randint(*THOUSANDS), "D": settings.randint(2, 9)}
    several = ("examples, one index", Key("examples", 1)), ("labels, one index", Key("labels", 1))
    yield _case("data-split", "DataSplit", "split", params, "N", "d", "examples", "labels", *several)
    if given:
        settings = settings_of(seed, "utils", "add-momentum")
        sizes = dict(zip("DMK", distinct(settings, 2, 9, 3), strict=True))
        letters = zip(*(settings.sample(ascii_lowercase, 3) for _ in range(5)), strict=True)
        params = {**sizes, "alike": ["".join(one) for one in letters]}
        velocities = (f"velocity {name}" for name in WEIGHT_NAMES)
        further = [(name, TOLD[name][1]) for name in ("keys, other names", "velocities apart")]
        yield _case("add-momentum", "add_momentum", "velocities", params, "keys", *velocities, *further)
        settings = settings_of(seed, "utils", "loader")
        params = {"counts": [count + settings.randint(1, 20) for count in HOMEWORKS], "D": settings.randint(2, 5)}
        names = (f"{array}{split}" for split in PARTS for array in "XY")
        yield _case("loader", "data_loader_mnist", "loader", params, *names)


def _case(slug: str, title: str, probe: str, params: Params, *rows: str | tuple[str, Key]) -> Case:
    asked = ((row, Key(row)) if isinstance(row, str) else row for row in rows)
    own = quantities(*((name, "utils", key) for name, key in asked))
    return Case(f"utils/{slug}/float64", "utils", title, "float64", probe, params, own)


# ---- predict_label


def _logits(params: Params, rng: np.random.Generator) -> dict[str, Array]:
    """Logits f_0 (N×K), with ties among them; of several classes f_1 (K×K), whose axes are alike, and one row, f_2."""
    N, K = params["N"], params["K"]
    if K == 1:
        f = rng.standard_normal((N, K))
        f[:3, 0] = 0.0, -0.0, 1e-300
        return {"f_0": f}
    drawn = {f"f_{k}": rng.standard_normal((rows, K)) for k, rows in enumerate((N, K, 1))}
    for f in (drawn["f_0"], drawn["f_1"]):
        f[0, 1] = f[0, 3] = f[0].max() + 1  # a tie: the first of them
        f[1, :] = 0.0
    drawn["f_2"][0, -1] = drawn["f_2"].max() + 1  # neither the first, nor a label of a single logit
    return drawn


def _labels(params: Params, arrays: Arrays) -> Iterator[Asked]:
    for k in range(len(arrays)):
        f = arrays[f"f_{k}"]
        right = (f > 0 if f.shape[1] == 1 else f.argmax(axis=1).reshape(-1, 1)).astype(np.float64)
        yield Asked("labels", Key("labels", k), right, "labels", {"f": f, "N": len(f), "K": f.shape[1]})


# ---- DataSplit


def _examples(params: Params, rng: np.random.Generator) -> dict[str, Array]:
    """X (N×D), labels Y (N,), and the indices of a few examples, in no order and one of them twice."""
    N, D = params["N"], params["D"]
    Y = np.asarray(rng.integers(0, CLASSES, size=N), np.float64)
    low, middle = np.sort(rng.permutation(N // 2)[:2])
    high = N - rng.integers(1, N - HOMEWORKS[0])
    return {"X": rng.standard_normal((N, D)), "Y": Y, "idx": np.array([middle, high, low, middle])}


def _split(params: Params, arrays: Arrays) -> Iterator[Asked]:
    X, Y, idx = arrays["X"], arrays["Y"].reshape(-1, 1), arrays["idx"]
    given: dict[str, Any] = {"X": X, "Y": Y, "N": len(X), "D": X.shape[1], "idx": idx}
    yield Asked("N", Key("N"), np.asarray(len(X)), "N", given)
    yield Asked("d", Key("d"), np.asarray(X.shape[1]), "d", given)
    for k, (rows, which) in enumerate(((idx, ""), (idx[:1], ", one index"))):
        own = {**given, "idx": rows}
        yield Asked(f"examples{which}", Key("examples", k), X[rows], "examples", own)
        yield Asked(f"labels{which}", Key("labels", k), Y[rows], "label of an example", own)


# ---- add_momentum


def _gradients(params: Params, rng: np.random.Generator) -> dict[str, Array]:
    """The gradients of a small network, by WEIGHT_NAMES."""
    shapes = weight_shapes(params["D"], params["M"], params["K"])
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def _velocities(params: Params, arrays: Arrays) -> Iterator[Asked]:
    names = WEIGHT_NAMES, tuple(f"{name}_{key}" for name in params["alike"] for key in ("W", "b"))
    for quantity, (_, key, problem) in TOLD.items():
        yield Asked(quantity, key, None, problem=problem.format(", ".join(names[key.call])))
    for name in WEIGHT_NAMES:
        zeros, given = np.zeros(arrays[name].shape), {"gradient": arrays[name], "N": 0}
        yield Asked(f"velocity {name}", Key(f"velocity {name}"), zeros, "velocity", given, flat_ok=True)


# ---- data_loader_mnist


def _file(params: Params, rng: np.random.Generator) -> dict[str, Array]:
    """Grey values in 256 steps and labels: Xtrain, Ytrain, Xvalid, …"""
    arrays: dict[str, Array] = {}
    for split, count in zip(PARTS, params["counts"], strict=True):
        arrays[f"X{split}"] = rng.integers(0, 256, (count, params["D"])) / 256
        arrays[f"Y{split}"] = rng.integers(0, CLASSES, count).astype(np.float64)
    return arrays


def _loaded(params: Params, arrays: Arrays) -> Iterator[Asked]:
    """Every array as the file holds it; labels may have any shape."""
    for name, right in arrays.items():
        given = {"N": len(right), "parts": arrays, "split": name[1:]}
        yield Asked(name, Key(name), right, f"loaded {name[0]}", given)


# ---- all of them


def judge(asks: Asks, case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """Every result against what is right; of several of one quantity the first failing one stands for all."""
    judged: dict[str, Comparison] = {}
    for one in asks(case.params, arrays):
        if one.quantity not in judged or judged[one.quantity].verdict in PASSING:
            comparison = _compared(result_of(observation, one.key), one)
            if one.quantity not in judged or comparison.verdict not in PASSING:
                judged[one.quantity] = comparison
    return judged


def _compared(result: Returned | Failure | None, one: Asked) -> Comparison:
    """A result beside the exact one, as which integers or Booleans of the same numbers do; or what is told of it."""
    if one.right is not None:
        comparison = compare(result, known(one.right), flat_ok=one.flat_ok)
        return replace(comparison, problem=comparison.problem.replace("torch says", "the assignment says"))
    if isinstance(result, Failure):
        return failed(result)
    is_false = result is not None and result.array is not None and not bool(result.array)
    return mismatched(one.problem) if is_false else matched()


def evidence(asks: Asks, case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """Each result as that of a call, but for what is told."""
    calls = Calls(case, judged)
    for one in asks(case.params, arrays):
        if one.right is not None:
            given = dict(one.inputs)
            for name, value in given.items():
                if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                    given[name] = calls.running(value)
            if one.operation == "labels":
                given["right"] = partial(calls.running, one.right)
            shape = one.right.shape if "label" in one.operation else None
            yield calls.add(
                f"utils.{one.operation}", one.quantity, result_of(observation, one.key), shape=shape, **given
            )


def _kind(draw: Any, asks: Asks) -> Kind:
    return Kind(draw, partial(judge, asks), partial(evidence, asks), kept_wide=frozenset({"Y"}))


KINDS = {
    "labels": _kind(_logits, _labels),
    "split": _kind(_examples, _split),
    "velocities": _kind(_gradients, _velocities),
    "loader": _kind(_file, _loaded),
}
