"""predict_label: the rows of its cases, the draw, the judge, and the calls as evidence."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.kinds.exactly import compare_exactly
from parity_tests.assignments.mlp.names import words
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.exam import settings_of
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, quantities
from reports.model.verdicts import PASSING

CLASSES = {"labels": (4, 20), "labels-of-two-classes": (1, 1)}
"""Between which K, the number of logits of a row, is drawn, by the name of the row."""
LABELS = Key("labels")
ROWS = quantities(("labels", "utils", LABELS))


def cases(seed: int) -> Iterator[Case]:
    """Several classes, and the sign of a single logit."""
    for name, bounds in CLASSES.items():
        settings = settings_of(seed, "utils", name)
        title = f"predict_label, {words(name)}"
        params = {"N": settings.randint(5, 12), "K": settings.randint(*bounds)}
        yield Case(f"utils/predict-{name}/float64", "utils", title, "float64", "labels", params, ROWS)


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Logits f_0 (N×K), with ties among them; of several classes f_1 (K×K), whose axes are alike, and one row, f_2."""
    N, K = params["N"], params["K"]
    if K == 1:
        f = rng.standard_normal((N, K))
        f[:3, 0] = 0.0, -0.0, 1e-300
        return {"f_0": f}
    return {"f_0": _of_classes(rng, N, K), "f_1": _of_classes(rng, K, K), "f_2": _one_row(rng, K)}


def _of_classes(rng: np.random.Generator, N: int, K: int) -> NDArray[Any]:
    f = rng.standard_normal((N, K))
    f[0, 1] = f[0, 3] = f[0].max() + 1  # a tie: the first of them
    f[1, :] = 0.0
    return f


def _one_row(rng: np.random.Generator, K: int) -> NDArray[Any]:
    f = rng.standard_normal((1, K))
    f[0, -1] = f.max() + 1  # neither the first, nor a label of a single logit
    return f


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The first of the largest logits, or whether the only one is positive; the first failing call stands for all."""
    compared = [
        compare_exactly(result_of(observation, Key(LABELS.name, k)), labels_of(arrays[f"f_{k}"]))
        for k in range(len(arrays))
    ]
    return {"labels": next((one for one in compared if one.verdict not in PASSING), compared[0])}


def labels_of(f: NDArray[Any]) -> NDArray[np.float64]:
    """The labels (N×1) of logits (N×K)."""
    return (f > 0 if f.shape[1] == 1 else f.argmax(axis=1).reshape(-1, 1)).astype(np.float64)


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """All calls."""
    calls = Calls(case, judged)
    for k in range(len(arrays)):
        f, result = arrays[f"f_{k}"], result_of(observation, Key(LABELS.name, k))
        right = calls.running(labels_of(f))
        given = {"f": calls.running(f), "N": len(f), "K": f.shape[1], "right": lambda right=right: right}
        yield calls.add("utils.labels", "labels", result, shape=right.shape, **given)


KIND = Kind(draw, judge, evidence)
