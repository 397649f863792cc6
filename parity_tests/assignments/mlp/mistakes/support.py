"""Known mistakes of what else utils.py gives students: labels, the split of the data, velocities, and the loader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.finding import NUMBER
from parity_tests.protocol.mistake import Call, Formula, Mistake, Shown, Swap

ARGMAX = "Which axis of the N×K scores are the classes, and which class is predicted?"
COLUMN = "Labels are N×1: what is compared with them must have their shape, or numpy compares all with all."
TWO = "A single column of scores belongs to two classes: which score parts them?"
SETS = "Print the shapes: which entries of the file make which set?"
AXES = "Which axis of X are the examples, and which the features?"


def _formula(operation: str, name: str, hint: str, formula: Formula, old: str, new: str) -> Mistake:
    """A mistake that a formula recognises, with what it replaces in utils.py."""
    return Mistake("utils", f"utils.{operation}", name, hint, formula, plug=(Swap(old, new),), file="utils.py")


def _of_velocity(name: str, hint: str, shown_by: Shown, new: tuple[str, str]) -> Mistake:
    """A mistake that a failure of add_momentum shows."""
    return Mistake(
        "utils", "utils.velocity sentence", name, hint, shown_by=shown_by, plug=(Swap(*new),), file="utils.py"
    )


# ---- predict_label


def _running(call: Call, values: Any) -> Running:
    return Running(np.asarray(values, np.float64), call.dtype)


def _classes(call: Call) -> Running:
    f = call.f.value
    return _running(call, f > 0 if call.K == 1 else f.argmax(axis=1).reshape(-1, 1))


def _flat(right: Formula) -> Formula:
    """The right numbers, without the second axis."""

    def formula(call: Call) -> object:
        flat = call.got is not None and call.got.ndim == 1
        return right(call) if flat or not call.wrong else None

    return formula


def _of_several(name: str, hint: str, classes: Formula, new: str) -> Mistake:
    """A mistake where there are more columns than one."""

    def formula(call: Call) -> object:
        return _classes(call) if call.K == 1 else classes(call)

    return _formula("labels", name, hint, formula, "return label.astype(float).reshape(-1, 1)", f"return {new}")


def _of_one(name: str, hint: str, classes: Formula, new: str) -> Mistake:
    """A mistake where there is one column."""

    def formula(call: Call) -> object:
        return classes(call) if call.K == 1 else _classes(call)

    return _formula("labels", name, hint, formula, "return (f > 0).astype(float)", f"return {new}")


LABELS = (
    _of_several(
        "the least likely class is predicted",
        ARGMAX,
        lambda call: _running(call, call.f.value.argmin(axis=1).reshape(-1, 1)),
        "f.argmin(axis=1).astype(float).reshape(-1, 1)",
    ),
    _of_several(
        "the largest score is looked for over the rows",
        ARGMAX,
        lambda call: _running(call, call.f.value.argmax(axis=0).reshape(-1, 1)),
        "f.argmax(axis=0).astype(float).reshape(-1, 1)",
    ),
    _of_several(
        "the largest score is returned, not its place",
        ARGMAX,
        lambda call: call.f.max(axis=1, keepdims=True),
        "f.max(axis=1, keepdims=True)",
    ),
    _of_several("labels have the shape (N,), where (N, 1) is asked", COLUMN, _flat(_classes), "label.astype(float)"),
    _of_several(
        "labels have the shape (1, N), where (N, 1) is asked",
        COLUMN,
        lambda call: _classes(call).T if call.got is not None and call.got.shape == (1, call.N) else None,
        "label.astype(float).reshape(1, -1)",
    ),
    _of_one(
        "a score of exactly 0 is put into the second of two classes",
        TWO,
        lambda call: _running(call, call.f.value >= 0),
        "(f >= 0).astype(float)",
    ),
    _of_one(
        "a single column of scores is not handled: every label is 0",
        TWO,
        lambda call: call.f.zeros(),
        "f.argmax(axis=1).astype(float).reshape(-1, 1)",
    ),
)

# ---- DataSplit and add_momentum


def _lacks_a_key(case: Case, comparison: Comparison) -> bool:
    failure = comparison.failure
    return case.probe == "velocities" and failure is not None and failure.error == "KeyError"


SIZES = "self.N, self.d = self.X.shape"
EXCHANGED = "self.d, self.N = self.X.shape"
ROWS = "return self.X[rows], self.Y[rows]"
ZEROS = "np.zeros_like(gradient)"

SPLIT = (
    _formula(
        "label of an example",
        "the labels of examples have the shape (n,), where (n, 1) is asked",
        COLUMN,
        _flat(lambda call: call.Y[call.idx]),
        ROWS,
        f"{ROWS}.reshape(-1)",
    ),
    _formula("N", "N is the number of features", AXES, lambda call: Running(call.D, call.dtype), SIZES, EXCHANGED),
    _formula("d", "d is the number of examples", AXES, lambda call: Running(call.N, call.dtype), SIZES, EXCHANGED),
)

VELOCITY = (
    _formula(
        "velocity",
        "velocities start at one",
        "What is the velocity before the first step?",
        lambda call: 0 * call.gradient + 1,
        ZEROS,
        "np.ones_like(gradient)",
    ),
    _of_velocity(
        "a velocity is one number, where it has the gradient's shape",
        "momentum['L1_W'] has one entry for each entry of W.",
        lambda case, q, comparison: comparison.finding == NUMBER and case.probe == "velocities",
        (ZEROS, "0.0"),
    ),
    _of_velocity(
        "the velocities have other names, or some are missing",
        "SGD looks for momentum['L1_W'] and so on: print the keys.",
        lambda case, q, comparison: comparison.finding == Found.OTHER_KEYS or _lacks_a_key(case, comparison),
        ('f"{name}_{key}": np', 'f"{name}{key}": np'),
    ),
)

# ---- data_loader_mnist

RETURNED = 'return (*_as_arrays(data["train"]), *_as_arrays(data["valid"]), *_as_arrays(data["test"]))'


def _sets(name: str, order: tuple[str, str, str]) -> tuple[Mistake, ...]:
    """Other sets than train, valid, test, in this order: seen in the pixels, and in the labels."""
    taken = dict(zip(("train", "valid", "test"), order, strict=True))
    new = f"return ({', '.join(f'*_as_arrays(data[{split!r}])' for split in order)})"

    def formula(call: Call) -> object:
        return call.parts[call.quantity[0] + taken[call.split]]

    return tuple(_formula(f"loaded {half}", name, SETS, formula, RETURNED, new) for half in "XY")


def _pixels(name: str, hint: str, change: Callable[[Running], Running], new: str) -> Mistake:
    """Changed pixels; those of some sets may be right."""

    def formula(call: Call) -> object:
        own = call.parts[call.quantity]
        return change(own) if call.wrong else own

    return _formula("loaded X", name, hint, formula, "return X, Y\n", f"return {new}, Y\n")


LOADED = (
    *_sets("validation and test set are exchanged", ("train", "test", "valid")),
    *_sets("the validation set is the training set", ("train", "train", "test")),
    _pixels(
        "the pixels are divided by 255", "The file holds pixels in [0, 1] already.", lambda own: own / 255, "X / 255"
    ),
    _pixels("the pixels are transposed", "Rows are examples.", lambda own: own.T, "X.T"),
)

SUPPORT = (*LABELS, *SPLIT, *VELOCITY, *LOADED)
