"""Known mistakes of what else utils.py lends: labels, the split of the data, velocities, and the loader."""

from __future__ import annotations

from typing import Any

import numpy as np

from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.protocol.mistake import Body, Call, Formula, Mistake, Swap

ARGMAX = "Which axis of the N×K scores are the classes, and which class is predicted?"
COLUMN = "Labels are N×1: what is compared with them must have their shape, or numpy compares all with all."
TWO = "A single column of scores belongs to two classes: which score parts them?"
ROWS = "get_example(idx) gives the rows that idx names, in the order of idx."
PARTS = "Print the shapes: which entries of the file make which set?"
PIXELS = "The file holds pixels in [0, 1] already."
ZEROS = "What is the velocity before the first step?"


def _plugged(operation: str, name: str, hint: str, formula: Formula, *plug: Body | Swap) -> Mistake:
    return Mistake("utils", f"utils.{operation}", name, hint, formula, plug=plug, file="utils.py")


# ---- predict_label


def _running(a: Call, values: Any) -> Running:
    return Running(np.asarray(values, np.float64), a.dtype)


def _classes(a: Call) -> Running:
    f = a.f.value
    return _running(a, f > 0 if a.K == 1 else f.argmax(axis=1).reshape(-1, 1))


def _flat(right: Formula) -> Formula:
    """The right numbers, without the second axis."""
    return lambda a: right(a) if a.wrong and a.got is not None and a.got.ndim == 1 else None if a.wrong else right(a)


def _label(name: str, hint: str, classes: Formula, statement: str) -> Mistake:
    """A mistake where there are more columns than one."""
    return _plugged(
        "labels", name, hint, lambda a: _classes(a) if a.K == 1 else classes(a),
        Swap("return label.astype(float).reshape(-1, 1)", statement),
    )  # fmt: skip


def _two(name: str, hint: str, classes: Formula, statement: str) -> Mistake:
    return _plugged(
        "labels", name, hint, lambda a: classes(a) if a.K == 1 else _classes(a),
        Swap("return (f > 0).astype(float)", statement),
    )  # fmt: skip


LABELS = (
    _label(
        "the least likely class is predicted",
        ARGMAX,
        lambda a: _running(a, a.f.value.argmin(axis=1).reshape(-1, 1)),
        "return f.argmin(axis=1).astype(float).reshape(-1, 1)",
    ),
    _label(
        "the largest score is looked for over the rows",
        ARGMAX,
        lambda a: _running(a, a.f.value.argmax(axis=0).reshape(-1, 1)),
        "return f.argmax(axis=0).astype(float).reshape(-1, 1)",
    ),
    _label(
        "labels are predicted from 1 on",
        "From which number on are the classes counted?",
        lambda a: _classes(a) + 1,
        "return label.astype(float).reshape(-1, 1) + 1",
    ),
    _label(
        "the largest score is returned, not its place",
        ARGMAX,
        lambda a: a.f.max(axis=1, keepdims=True),
        "return f.max(axis=1, keepdims=True)",
    ),
    _label(
        "labels are returned as one-hot rows",
        COLUMN,
        lambda a: _running(a, np.eye(a.K)[a.f.value.argmax(axis=1)]),
        "return np.eye(f.shape[1])[label]",
    ),
    _label(
        "the last of several largest scores is taken",
        "np.argmax takes the first among equals.",
        lambda a: _running(a, (a.K - 1 - a.f.value[:, ::-1].argmax(axis=1)).reshape(-1, 1)),
        "return f.shape[1] - 1.0 - f[:, ::-1].argmax(axis=1).reshape(-1, 1)",
    ),
    _label(
        "labels have the shape (N,), where (N, 1) is asked",
        COLUMN,
        _flat(_classes),
        "return label.astype(float)",
    ),
    _label(
        "labels have the shape (1, N), where (N, 1) is asked",
        COLUMN,
        lambda a: _classes(a).T if a.got is not None and a.got.shape == (1, a.N) else None,
        "return label.astype(float).reshape(1, -1)",
    ),
    _two(
        "two classes are parted at ½, not at 0",
        TWO,
        lambda a: _running(a, a.f.value > 0.5),
        "return (f > 0.5).astype(float)",
    ),
    _two(
        "a score of exactly 0 is put into the second of two classes",
        TWO,
        lambda a: _running(a, a.f.value >= 0),
        "return (f >= 0).astype(float)",
    ),
    _two(
        "two classes are exchanged",
        TWO,
        lambda a: _running(a, a.f.value <= 0),
        "return (f <= 0).astype(float)",
    ),
    _two(
        "a single column of scores is not handled: every label is 0",
        TWO,
        lambda a: a.f.zeros(),
        "return f.argmax(axis=1).astype(float).reshape(-1, 1)",
    ),
)


# ---- DataSplit


def _rows_of(values: str, rows: Formula) -> Formula:
    return lambda a: getattr(a, values)[rows(a)]


def _example(name: str, rows: Formula, statement: str, hint: str = ROWS) -> tuple[Mistake, ...]:
    """A mistake in which rows are taken: of X alone, or of the labels alone."""
    return (
        _plugged(
            "examples", name, hint, _rows_of("X", rows),
            Swap("return self.X[rows], self.Y[rows]", f"return self.X[{statement}], self.Y[rows]"),
        ),
        _plugged(
            "label of an example", name, hint, _rows_of("Y", rows),
            Swap("return self.X[rows], self.Y[rows]", f"return self.X[rows], self.Y[{statement}]"),
        ),
    )  # fmt: skip


SPLIT = (
    *_example("the first rows are taken, whatever idx names", lambda a: np.arange(len(a.idx)), "np.arange(len(rows))"),
    *_example("idx is sorted", lambda a: np.sort(a.idx), "np.sort(rows)"),
    *_example("idx is turned round", lambda a: a.idx[::-1], "rows[::-1]"),
    *_example("the row before is taken", lambda a: a.idx - 1, "rows - 1"),
    *_example("the row after is taken", lambda a: (a.idx + 1) % a.N, "(rows + 1) % len(self.X)"),
    *_example("one row is repeated", lambda a: np.full(len(a.idx), a.idx[0]), "np.full(len(rows), rows[0])"),
    *_example("all rows are returned", lambda a: np.arange(a.N), "np.arange(len(self.X))"),
    *_example("the last row is left out", lambda a: a.idx[:-1], "rows[:-1]"),
    _plugged(
        "label of an example",
        "the labels of examples have the shape (n,), where (n, 1) is asked",
        COLUMN,
        _flat(lambda a: a.Y[a.idx]),
        Swap("return self.X[rows], self.Y[rows]", "return self.X[rows], self.Y[rows].reshape(-1)"),
    ),
    _plugged(
        "N",
        "N is the number of features",
        "Which axis of X are the examples?",
        lambda a: Running(a.D, a.dtype),
        Swap("self.N, self.d = self.X.shape", "self.d, self.N = self.X.shape"),
    ),
    _plugged(
        "d",
        "d is the number of examples",
        "Which axis of X are the features?",
        lambda a: Running(a.N, a.dtype),
        Swap("self.N, self.d = self.X.shape", "self.d, self.N = self.X.shape"),
    ),
    _plugged(
        "N",
        "N is one too small",
        "How many rows has X?",
        lambda a: Running(a.N - 1, a.dtype),
        Swap("self.N, self.d = self.X.shape", "self.N, self.d = self.X.shape[0] - 1, self.X.shape[1]"),
    ),
)


# ---- add_momentum

VELOCITY = (
    _plugged(
        "velocity",
        "velocities start at one",
        ZEROS,
        lambda a: 0 * a.gradient + 1,
        Swap("np.zeros_like(gradient)", "np.ones_like(gradient)"),
    ),
    _plugged(
        "velocity",
        "velocities start at the gradient",
        ZEROS,
        lambda a: a.gradient,
        Swap("np.zeros_like(gradient)", "gradient.copy()"),
    ),
    _plugged(
        "velocity",
        "velocities start at minus the gradient",
        ZEROS,
        lambda a: -a.gradient,
        Swap("np.zeros_like(gradient)", "-gradient"),
    ),
    Mistake(
        "utils",
        "utils.velocity said",
        "a velocity is one number, where it has the gradient's shape",
        "momentum['L1_W'] has one entry for each entry of W.",
        said=r"add_momentum: velocity L\d_[Wb] (is a (number|scalar)|has shape \(\))",
        plug=(Swap("np.zeros_like(gradient)", "0.0"),),
        file="utils.py",
    ),
    Mistake(
        "utils",
        "utils.velocity said",
        "the velocities have other names, or some are missing",
        "SGD looks for momentum['L1_W'] and so on: print the keys.",
        said=r"add_momentum: keys are not|add_momentum: .*KeyError",
        plug=(Swap('f"{name}_{key}": np', 'f"{name}{key}": np'),),
        file="utils.py",
    ),
)


# ---- data_loader_mnist

OTHERS = {"train": ("valid", "test"), "valid": ("test", "train"), "test": ("valid", "train")}


def _own(a: Call) -> Running:
    found: Running = a.parts[a.quantity]
    return found


def _wrongly(formula: Formula) -> Formula:
    """Some of the sets may be right."""
    return lambda a: formula(a) if a.wrong else _own(a)


def _set(order: tuple[str, str, str]) -> Formula:
    """The sets in another order than train, valid, test."""
    places = dict(zip(("train", "valid", "test"), order, strict=True))
    return lambda a: a.parts[a.quantity[0] + places[a.split]]


RETURNED = 'return (*_as_arrays(data["train"]), *_as_arrays(data["valid"]), *_as_arrays(data["test"]))'


def _sets(name: str, order: tuple[str, str, str]) -> tuple[Mistake, ...]:
    """Sets in other places: seen in the pixels, and in the labels."""
    halves = ", ".join(f"*_as_arrays(data[{part!r}])" for part in order)
    swap = Swap(RETURNED, f"return ({halves})")
    return (
        _plugged("loaded X", name, PARTS, _set(order), swap),
        _plugged("loaded Y", name, PARTS, _set(order), swap),
    )


def _pixels(name: str, hint: str, formula: Formula, made: str) -> Mistake:
    return _plugged("loaded X", name, hint, _wrongly(formula), Swap("return X, Y\n", f"return {made}, Y\n"))


def _loaded(name: str, hint: str, formula: Formula, made: str) -> Mistake:
    return _plugged("loaded Y", name, hint, _wrongly(formula), Swap("return X, Y\n", f"return X, {made}\n"))


LOADED = (
    *_sets("validation and test set are exchanged", ("train", "test", "valid")),
    *_sets("training and validation set are exchanged", ("valid", "train", "test")),
    *_sets("training and test set are exchanged", ("test", "valid", "train")),
    *_sets("the validation set is the training set", ("train", "train", "test")),
    *_sets("the test set is the validation set", ("train", "valid", "valid")),
    *_sets("the validation set is the test set", ("train", "test", "test")),
    _pixels("the pixels are divided by 255", PIXELS, lambda a: _own(a) / 255, "X / 255"),
    _pixels("the pixels are divided by 256", PIXELS, lambda a: _own(a) / 256, "X / 256"),
    _pixels("the pixels are multiplied by 255", PIXELS, lambda a: _own(a) * 255, "X * 255"),
    _pixels("½ is subtracted from the pixels", PIXELS, lambda a: _own(a) - 0.5, "X - 0.5"),
    _pixels("the pixels are scaled to [−1, 1]", PIXELS, lambda a: 2 * _own(a) - 1, "2 * X - 1"),
    _pixels("the mean is subtracted from the pixels", PIXELS, lambda a: _own(a) - _own(a).mean(), "X - X.mean()"),
    _pixels(
        "the mean of each pixel is subtracted",
        PIXELS,
        lambda a: _own(a) - _own(a).mean(axis=0, keepdims=True),
        "X - X.mean(axis=0, keepdims=True)",
    ),
    _pixels("the pixels are turned into their negative", PIXELS, lambda a: 1 - _own(a), "1 - X"),
    _pixels(
        "the pixels are made 0 or 1",
        PIXELS,
        lambda a: Running(_own(a).value > 0.5, a.dtype),
        "(X > 0.5).astype(float)",
    ),
    _pixels(
        "the pixels are transposed",
        "Rows are examples.",
        lambda a: _own(a).T,
        "X.T",
    ),
    _loaded("the labels are one too large", "The file holds labels from 0 to 9.", lambda a: _own(a) + 1, "Y + 1"),
    _loaded("the labels are one too small", "The file holds labels from 0 to 9.", lambda a: _own(a) - 1, "Y - 1"),
)

LENT = (*LABELS, *SPLIT, *VELOCITY, *LOADED)
