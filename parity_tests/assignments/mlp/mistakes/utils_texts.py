"""The right texts of what utils.py gives students: each a statement, beside what may stand in its place."""

from __future__ import annotations

from collections.abc import Mapping

from parity_tests.assignments.mlp.mistakes.generated import Names, Written
from parity_tests.parts.right_text import RightText
from parity_tests.protocol.mistake import Call

ARGMAX = "Which axis of the N×K scores are the classes, and which class is predicted?"
TWO = "A single column of scores belongs to two classes: which score parts them?"
SETS = "Print the shapes: which entries of the file make which set?"
PIXELS = "The file holds pixels in [0, 1] already, and its rows are examples."
AXES = "Which axis of X are the examples, and which the features?"
ZEROS = "What is the velocity before the first step?"
LABELS = {
    "largest": "the place of the largest score of a row",
    "least": "the place of the least score of a row",
    "over_rows": "the place of the largest score of a column",
    "top": "the largest score itself",
    "closed": "1 where a single score is at least 0",
}
FILED = {
    "own": "the file's own set",
    "other": "the other one of validation and test set",
    "trained": "the training set",
    "turned": "the set, transposed,",
}
SAID = {"1 − the velocity in place of": "1 in place of"}
SIZES = {"rows": "the number of examples", "columns": "the number of features"}


def _text(lines: str, labels: Mapping[str, str], **hints: str) -> list[RightText]:
    by_word = {word.replace("_", " "): hint for word, hint in hints.items() if word != "else_"}
    return [RightText(lines, tuple(labels), labels=labels, hints=by_word | {"": hints["else_"]}, said=SAID)]


def _of_labels(call: Call) -> Names:
    """Of several classes the places in rows, of one score whether it is positive."""
    f, one = call.f.value, call.K == 1
    largest = 1.0 * (f > 0) if one else 1.0 * f.argmax(axis=1)[:, None]
    least, over_rows = (1.0 * f.argmin(axis=1), 1.0 * f.argmax(axis=0)) if not one else (largest, largest)
    return Names(
        largest=largest, least=least.reshape(-1, 1), over_rows=over_rows.reshape(-1, 1),
        top=largest if one else f.max(axis=1, keepdims=True), closed=1.0 * (f >= 0) if one else largest,
    )  # fmt: skip


def _of_file(call: Call) -> Names:
    kind, split = call.quantity[0], call.split
    sets = {name: call.parts[f"{kind}{name}"] for name in ("train", "valid", "test")}
    own, other = sets[split], {"train": "train", "valid": "test", "test": "valid"}[split]
    trained = sets["train"] if split == "valid" else own
    return Names(own=own, other=sets[other], trained=trained, turned=own.T if kind == "X" else own)


def _sizes(call: Call) -> Names:
    return Names(rows=float(call.N), columns=float(call.D))


_FILED = _text("loaded = own  # the set", FILED, set=SETS, else_=PIXELS)
UTILS: Mapping[str, Written] = {
    "utils.labels": Written(
        "utils", _text("label = largest  # the label", LABELS, at_least_0=TWO, else_=ARGMAX), "label", _of_labels
    ),
    "utils.N": Written("utils", _text("N = rows  # N", SIZES, else_=AXES), "N", _sizes),
    "utils.d": Written("utils", _text("d = columns  # d", SIZES, else_=AXES), "d", _sizes),
    "utils.velocity": Written(
        "utils",
        _text("velocity = zeros  # the velocity", {"zeros": "the zeros"}, else_=ZEROS),
        "velocity",
        lambda call: Names(zeros=0 * call.gradient.value.astype(float)),
    ),
    "utils.loaded X": Written("utils", _FILED, "loaded", _of_file),
    "utils.loaded Y": Written("utils", _FILED, "loaded", _of_file),
}
