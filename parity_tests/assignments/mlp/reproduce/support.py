"""Reproductions of what utils.py holds: predict_label, DataSplit, add_momentum and data_loader_mnist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.kinds.labels import labels_of
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, weight_shapes
from parity_tests.harness.draft import Draft, compared, shaped
from parity_tests.harness.failing_case import (
    Arrays,
    Drafts,
    FailingCase,
    Trial,
    Trials,
    literal,
    numbers,
    sized,
)
from parity_tests.protocol.case import Case
from parity_tests.protocol.quantity import Key


def _end(failing: FailingCase, want: Any) -> list[str]:
    """The end that compares `got` with what is known exactly."""
    arrays = failing.comparison.arrays
    if arrays is None:
        return shaped(np.shape(want))
    return [f"want = np.array({np.asarray(want).tolist()!r})", *compared(arrays[2], failing.comparison.gap)]


def _drafts(failing: FailingCase, given: list[str], ask: list[str], end: list[str], **options: Any) -> Iterator[Draft]:
    """Drafts for both modules that the function may stand in."""
    for name in ("nn", "utils"):
        lines = [line.replace("MODULE.", f"{name}.") for line in ask]
        start = ["import utils"] if name == "utils" else []
        yield Draft(given, [*start, *lines], end, verdict=failing.verdict, **options)


def _label_trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    few = [[[1.0]], [[-1.0]], [[0.0]]] if drawn["f_0"].shape[1] == 1 else [[[1.0, 2.0]], [[2.0, 1.0]], [[1.0, 1.0]]]
    few += [[[1.0, 2.0, 2.0]]] if drawn["f_0"].shape[1] > 1 else []
    few += [few[0] + few[1], few[0] + few[1] + few[2]]
    for f in (*map(np.array, few), *drawn.values()):
        yield case, {"f_0": f}


def _label_drafts(failing: FailingCase) -> Iterator[Draft]:
    f = failing.arrays["f_0"]
    ask = ["got = MODULE.predict_label(f.copy())"]
    return _drafts(failing, [literal("f", f)], ask, _end(failing, labels_of(f)))


def _split_trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    for N, D, idx in ((2, 1, [1]), (2, 1, [0]), (3, 2, [2, 0]), (3, 1, [0, 1])):
        X, Y = numbers((N, D), 0), np.arange(N, dtype=np.float64) + 3
        yield case, {"X": X, "Y": Y, "idx": np.array(idx)}
    yield case, drawn


def _split_drafts(failing: FailingCase) -> Iterator[Draft]:
    X, Y, idx = (failing.arrays[name] for name in ("X", "Y", "idx"))
    name = failing.quantity.name
    want = {"N": X.shape[0], "d": X.shape[1], "examples": X[idx], "labels": Y[idx, None]}[name]
    got = {"N": "data.N", "d": "data.d", "examples": "data.get_example(idx)[0]", "labels": "data.get_example(idx)[1]"}
    given = [literal("X", X), literal("Y", Y), *([literal("idx", idx)] if "idx" in got[name] else [])]
    ask = ["data = MODULE.DataSplit(X.copy(), Y.copy())", f"got = {got[name]}"]
    return _drafts(failing, given, ask, _end(failing, want))


def _momentum_trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    shapes = weight_shapes(1, 2, 1)
    yield sized(case, D=1, M=2, K=1), {name: numbers(shape, i) for i, (name, shape) in enumerate(shapes.items())}
    yield case, drawn


def _momentum_drafts(failing: FailingCase) -> Iterator[Draft]:
    quantity, arrays = failing.quantity, failing.arrays
    given = [literal(name, arrays[name]) for name in WEIGHT_NAMES]
    ask = ["class Module: pass", "L1, L2, relu = Module(), Module(), Module()"]
    for layer in ("L1", "L2"):
        ask += [f'{layer}.params, {layer}.gradient = ({{"W": {layer}_W.copy(), "b": {layer}_b.copy()}} for _ in "pg")']
    ask += ['momentum = MODULE.add_momentum({"L1": L1, "nonlinear1": relu, "L2": L2})']
    if quantity.name == "keys":
        ask += ["got = sorted(momentum)"]
        end = [
            f"want = {sorted(WEIGHT_NAMES)!r}",
            'print("got: ", got, "\\nwant:", want)',
            "agrees = got == want",
        ]
        return _drafts(failing, given, ask, end)
    key = quantity.name.removeprefix("velocity ")
    ask += [f'got = momentum["{key}"]']
    return _drafts(failing, given, ask, _end(failing, np.zeros(arrays[key].shape)))


def _loader_trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    few: Arrays = {}
    for i, part in enumerate(("train", "valid", "test")):
        N = 3 - i
        few |= {f"X{part}": np.arange(2 * N).reshape(N, 2) / 8 + i / 4, f"Y{part}": np.arange(N, dtype=np.float64) + i}
    yield case, few
    yield case, drawn


def _loader_drafts(failing: FailingCase) -> Iterator[Draft]:
    quantity, arrays = failing.quantity, failing.arrays
    digits = {
        part: [arrays[f"X{part}"].tolist(), [int(y) for y in arrays[f"Y{part}"]]] for part in ("train", "valid", "test")
    }
    position = 2 * ("train", "valid", "test").index(quantity.key.name[1:]) + (quantity.key.name[0] == "Y")
    ask = [
        'with open("digits.json", "w") as file:',
        "    json.dump(digits, file)",
        f'got = np.asarray(MODULE.data_loader_mnist("digits.json")[{position}])',
    ]
    ask += ["got = got.reshape(-1)"] if quantity.key.name[0] == "Y" else []
    end = _end(failing, arrays[quantity.key.name])
    return _drafts(failing, [f"digits = {digits!r}"], ask, end, in_a_folder=True, imports=["json"])


KINDS: Mapping[str, tuple[Trials, Drafts]] = {
    "labels": (_label_trials, _label_drafts),
    "split": (_split_trials, _split_drafts),
    "velocities": (_momentum_trials, _momentum_drafts),
    "loader": (_loader_trials, _loader_drafts),
}
