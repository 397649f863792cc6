"""Mistakes in the records of `main` (TODO 10): changes of a right text of either record, and rows beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.main.closeness import EXPLAINS
from parity_tests.assignments.mlp.main.evidence import ACCURACY, LOSSES
from parity_tests.assignments.mlp.main.measured import Measured
from parity_tests.assignments.mlp.mistakes.generated import Names, Written
from parity_tests.assignments.mlp.mistakes.kept_rows import ONCE, RETURNED, TRAINING
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.parts.right_text import RightText
from parity_tests.protocol.mistake import Call

Array = NDArray[Any]
LOSS_TEXT = """
summed = factor * losses.sum(axis=0)  # the sum of the losses
record = summed  # the loss record
"""
SHARE_TEXT = """
counted = right.sum(axis=0)  # the number of right predictions
share = counted / seen  # the share of right predictions
record = share  # the accuracy record
"""
OF_LOSSES = {
    "losses": "the losses of the mini-batches",
    "factor": "1",
    "so_far": "the sum over all epochs so far",
    "met": "the sum of the losses met while training",
    "mean_met": "the mean of the losses met while training",
    "last_met": "the last loss met while training",
    "stale": "the loss with weights from before the epoch",
    "masked": "the loss with dropout on",
    "given": "the loss of other rows' labels, as it was given them,",
    "others": "the other set's loss record",
    "share": "the accuracy",
    "half_W": "½ λ ‖W‖²",
    "all_W": "λ ‖W‖²",
    "batches": "the number of mini-batches",
    "batch": "the size of a mini-batch",
    "size": "the size of the set",
}
OF_SHARES = {
    "right": "the right predictions of the mini-batches",
    "seen": "the number of predictions",
    "so_far": "the sum over all epochs so far",
    "mean_so_far": "the share of all epochs so far",
    "masked": "the share with dropout on",
    "others": "the other set's accuracy",
    "last": "the share of the last mini-batch",
    "pairs": "the number of equal pairs of any label and any prediction",
    "batches": "the number of mini-batches",
    "batch": "the size of a mini-batch",
    "size": "the size of the set",
    "other_size": "the size of the other set",
    "other_seen": "the number of the other set's predictions",
}
PAIRS = "Print the shapes of both sides of ==: what does numpy make of (N,) == (N, 1)?"
HINTS = {
    "so far": ONCE, "met while training": "When is the training set evaluated, and with which weights?",
    "before the epoch": "Which weights does the evaluation use?", "dropout": TRAINING,
    "labels, as": "X and y must be taken by the same indices.", "other set": "Which record is which?",
    "λ": "Is λ asked for in the record?",
    "last mini": "= or +=?", "first mini": "= or +=?", "pairs": PAIRS,
}  # fmt: skip
SAID = {"example": "mini-batch", "in place of 1 in the sum": "multiplies the sum"}
SAID |= {
    f"the sum is {how} in {where}": f"{where} is {how}"
    for where in ("the sum of the losses", "the number of right predictions")
    for how in (f"{part}{end}" for one in ("first", "last") for part, end in (
        (f"of the {one} mini-batch", " alone"), (f"without the {one} mini-batch", "")))
}  # fmt: skip


def _losses(call: Call) -> Names:
    """Numbers of each epoch, or of each mini-batch of each epoch, that the loss record may hold."""
    m: Measured = call.measured
    weights = m.weights or ()
    losses = m.losses(weights)
    sums = _near([sum(one) for one in losses], call)

    stale = m.stale(WEIGHT_NAMES)
    penalty = call.lam * m.squares(("L1_W", "L2_W"))
    others = np.asarray(call.other_record if call.other_record is not None else [], np.float64)
    exchanged = others.shape == sums.shape and bool(np.allclose(others, sums.value, rtol=EXPLAINS, atol=0.0))
    return Names(
        losses=_near(_in_columns(losses), call), so_far=_near(np.cumsum(sums.value), call),
        met=_near([sum(one) for one in m.met], call), mean_met=_near([float(np.mean(one)) for one in m.met], call),
        last_met=_near([one[-1] for one in m.met], call),
        stale=_near([sum(one) for one in m.losses(stale)] if stale else [], call),
        others=_near(call.other.sums() if exchanged else [], call), share=_near(m.shares(), call),
        masked=_near([sum(one) for one in m.losses(weights, masked=True)] if _drops(m) else [], call),
        given=_near([sum(one) for one in m.losses_of_given_labels(weights)], call),
        half_W=_near(penalty / 2, call), all_W=_near(penalty, call),
        factor=1.0, batches=_near([len(one) for one in losses], call), **_sizes(call),
    )  # fmt: skip


def _shares(call: Call) -> Names:
    """The same of the accuracy record."""
    m: Measured = call.measured
    right, seen = m.right(), np.array(m.seen)
    counted = np.array([sum(one) for one in right])
    masked = [sum(one) for one in m.right(masked=True)] if _drops(m) else []
    given = {
        "right": _in_columns(right), "seen": seen, "so_far": np.cumsum(counted / seen),
        "mean_so_far": np.cumsum(counted) / np.cumsum(seen), "masked": np.array(masked) / seen if masked else [],
        "others": call.other.shares(), "last": [one[-1] / call.batch for one in right],
        "pairs": [sum(one) for one in m.right(all_with_all=True)],
        "batches": [len(sweep) for sweep in m.sweeps], "other_seen": call.other.seen,
    }  # fmt: skip
    found = {name: _near(numbers, call) for name, numbers in given.items()}
    return Names(**found, **_sizes(call), other_size=float(call.other.size))


def _sizes(call: Call) -> dict[str, float]:
    return {"batch": float(call.batch), "size": float(call.measured.size)}


def _near(numbers: Sequence[float] | Array, call: Call) -> Running:
    """Numbers within half of their digits; NaN where they are not known."""
    known = np.asarray(numbers, np.float64)
    values = known if known.size else np.full(len(call.measured.seen), np.nan)
    return Running(values, call.dtype, EXPLAINS * np.abs(values))


def _in_columns(of_epochs: Sequence[Sequence[float]]) -> Array:
    """What is known of each mini-batch, a column an epoch; an epoch of fewer ends with zeros."""
    return np.array(list(zip_longest(*of_epochs, fillvalue=0.0)), np.float64)


def _drops(m: Measured) -> bool:
    """Whether every mini-batch of every evaluation is seen with a mask."""
    return all(one.mask is not None for sweep in m.sweeps for one in sweep)


def _text(lines: str, labels: Mapping[str, str], hint: str) -> RightText:
    return RightText(lines, tuple(labels), labels=labels, hints={**HINTS, "": hint}, said=SAID)


_LOSS = _text(LOSS_TEXT, OF_LOSSES, RETURNED)
_SHARE = _text(SHARE_TEXT, OF_SHARES, "Which predictions are counted, and by what is their number divided?")
RECORDS: Mapping[str, Written] = {
    operation: Written([text], "record", given, numbered="" if operations is LOSSES else None)
    for operations, text, given in ((LOSSES, _LOSS, _losses), (ACCURACY, _SHARE, _shares))
    for operation in operations.values()
}
