"""Scripts of what utils.py holds: predict_label, DataSplit, add_momentum and data_loader_mnist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.kinds.labels import labels_of
from parity_tests.assignments.mlp.kinds.loader import SPLITS
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.harness.draft import Draft, equal
from parity_tests.harness.failing_case import Arrays, FailingCase
from parity_tests.harness.script_maker import Shown
from parity_tests.protocol.kind import Params
from parity_tests.protocol.quantity import Key

Trials = Iterator[tuple[Params, Arrays]]


def _drafts(failing: FailingCase, ask: Sequence[str], expected: Any, **options: Any) -> Iterator[Draft]:
    """Drafts for both modules that the function may stand in; what is expected is known exactly."""
    for module in ("nn", "utils"):
        lines = [*(["import utils"] if module == "utils" else []), *(line.replace("MODULE", module) for line in ask)]
        yield failing.draft(lines, [f"expected = np.array({np.asarray(expected).tolist()!r})"], **options)


def _few_labels(params: Params, drawn: Arrays, key: Key) -> Trials:
    few = [[[1.0]], [[-1.0]], [[0.0]]] if params["K"] == 1 else [[[1.0, 2.0]], [[2.0, 1.0]], [[1.0, 1.0]]]
    few += [few[0] + few[1], few[0] + few[1] + few[2], *([[[1.0, 2.0, 2.0]]] if params["K"] > 1 else [])]
    yield from ((params, {"f_0": f}) for f in (*map(np.array, few), *drawn.values()))


def _labels(failing: FailingCase) -> Iterator[Draft]:
    return _drafts(failing, ["actual = MODULE.predict_label(f_0.copy())"], labels_of(failing.arrays["f_0"]))


def _few_examples(params: Params, drawn: Arrays, key: Key) -> Trials:
    for idx in ([1], [0], [2, 0], [0, 1]):
        yield (
            params,
            {"X": np.array([[1.0, -2.0], [0.5, 3.0], [2.5, -1.0]]), "Y": np.arange(3.0, 6), "idx": np.array(idx)},
        )


def _split(failing: FailingCase) -> Iterator[Draft]:
    X, Y, idx = (failing.arrays[name] for name in ("X", "Y", "idx"))
    idx, one = (idx[:1], "[:1]") if failing.key.call else (idx, "")
    name = failing.key.name
    expected = {"N": X.shape[0], "d": X.shape[1], "examples": X[idx], "labels": Y[idx, None]}[name]
    actual = f"data.{name}" if name in ("N", "d") else f"data.get_example(idx{one})[{int(name == 'labels')}]"
    return _drafts(failing, ["data = MODULE.DataSplit(X.copy(), Y.copy())", f"actual = {actual}"], expected)


def _velocities(failing: FailingCase) -> Iterator[Draft]:
    layers = failing.case.params["alike"] if failing.key.call or failing.key.name == "apart" else ("L1", "L2")
    arrays = {name: name if name in ("L1", "L2") else "L1" for name in layers}
    names = [*layers, "nonlinear1"]
    ask = ["class Module: pass", f"model = {{name: Module() for name in {names!r}}}"]
    for name, array in arrays.items():
        given = f'{{"W": {array}_W.copy(), "b": {array}_b.copy()}}'
        ask += [f'model["{name}"].params, model["{name}"].gradient = {given}, {given}']
    ask += ["momentum = MODULE.add_momentum(model)"]
    name = failing.key.name.removeprefix("velocity ")
    if name in WEIGHT_NAMES:
        ask += [f'actual = momentum["{name}"]']
        yield from _drafts(failing, ask, np.zeros(failing.arrays[name].shape), flat=True)
        return
    ask += ["actual = sorted(momentum)"]
    if name == "apart":
        ask[-1] = "actual = sum(np.shares_memory(a, b) for a in momentum.values() for b in momentum.values())"
        yield from _drafts(failing, ask, [], end=equal(f"{2 * len(layers)}  # each with itself alone"))
        return
    keys = sorted(f"{name}_{key}" for name in layers for key in ("W", "b"))
    yield from _drafts(failing, ask, keys, end=equal(repr(keys)))


def _loader(failing: FailingCase) -> Iterator[Draft]:
    name = failing.key.name
    splits = ", ".join(f'"{split}": [X{split}.tolist(), Y{split}.tolist()]' for split in SPLITS)
    position = 2 * SPLITS.index(name[1:]) + (name[0] == "Y")
    ask = ['with open("digits.json", "w") as file:', f"    json.dump({{{splits}}}, file)"]
    ask += [f'actual = np.asarray(MODULE.data_loader_mnist("digits.json")[{position}])']
    ask += ["actual = actual.reshape(-1)"] if name[0] == "Y" else []
    return _drafts(failing, ask, failing.arrays[name], in_a_folder=True, imports=["json"])


KINDS = {
    "labels": Shown(_labels, _few_labels),
    "split": Shown(_split, _few_examples),
    "velocities": Shown(_velocities, lambda p, drawn, key: [({**p, "D": 1, "M": 2, "K": 1}, {})]),
    "loader": Shown(_loader, lambda p, drawn, key: [({**p, "counts": [3, 2, 1], "D": 2}, {})]),
}
