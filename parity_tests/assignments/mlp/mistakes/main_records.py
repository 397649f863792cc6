"""Known mistakes in the records of `main` (TODO 10): each a formula of the numbers of all epochs and runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.main.closeness import EXPLAINS
from parity_tests.assignments.mlp.main.evidence import ACCURACY as ACCURACY_OF
from parity_tests.assignments.mlp.main.evidence import LOSSES as LOSSES_OF
from parity_tests.assignments.mlp.main.measured import Measured
from parity_tests.assignments.mlp.mistakes.main_lines import (
    ACCURACY,
    APPEND_LOSS,
    COUNTED,
    EPOCH,
    LOSS_CALL,
    ONCE,
    RETURN,
    RETURNED,
    TRAINING,
)
from parity_tests.assignments.mlp.mistakes.sgd_step import LAMBDA
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.parts.readable_numbers import likeliest
from parity_tests.protocol.mistake import ANYTHING, Call, Estimate, Formula, Mistake, Swap

Numbers = Sequence[float] | NDArray[Any]
Candidates = Callable[[Call, Measured], Sequence[Numbers | None] | None]
"""What the record of a set may hold, one number an epoch; of several, any may be the one. None where nobody knows."""
DIGITS = "With how many digits is the record kept?"


def _formula(candidates: Candidates, right: Callable[[Measured], Numbers]) -> Formula:
    """One of the candidates, or the right record: of several runs a mistake may show in some."""

    def formula(call: Call) -> Any:
        measured: Measured = call.measured
        if measured.weights is None:
            return None
        found = candidates(call, measured)
        if found is None:
            return ANYTHING
        numbers = [*found, right(measured)]
        return [_near(one, call) for one in numbers if one is not None and len(one)]

    return formula


def _by_given_labels(call: Call, m: Measured) -> Sequence[Numbers] | None:
    """The losses of the labels that the loss was given, which are not kept of large mini-batches."""
    by_epoch = m.losses_of_given_labels(m.weights or ())
    return [[sum(losses) for losses in by_epoch]] if by_epoch else None


def _near(numbers: Numbers, call: Call) -> Running:
    values = np.asarray(numbers, np.float64)
    return Running(values, call.dtype, EXPLAINS * np.abs(values))


def _of_losses(
    name: str, hint: str, candidates: Candidates, *swaps: tuple[str, str], only: str = "",
    estimate: Estimate | None = None, editions: tuple[str, ...] = (),
) -> tuple[Mistake, ...]:  # fmt: skip
    return _of_both(LOSSES_OF, name, hint, _formula(candidates, Measured.sums), swaps, only, estimate, editions)


def _of_accuracy(name: str, hint: str, candidates: Candidates, *swaps: tuple[str, str]) -> tuple[Mistake, ...]:
    return _of_both(ACCURACY_OF, name, hint, _formula(candidates, Measured.shares), swaps)


def _of_both(
    operations: dict[str, str], name: str, hint: str, formula: Formula, swaps: Sequence[tuple[str, str]],
    only: str = "", estimate: Estimate | None = None, editions: tuple[str, ...] = (),
) -> tuple[Mistake, ...]:  # fmt: skip
    """The mistake in the record of either set. Swaps are written for the training set, or change both records."""
    return tuple(
        Mistake(
            "10", operation, name, hint, formula, estimate, editions=editions,
            plug=tuple(Swap(*(_of_set(text, split, both="val" in old) for text in (old, new))) for old, new in swaps),
        )
        for split, operation in operations.items()
        if only in ("", split)
    )  # fmt: skip


def _of_set(text: str, split: str, *, both: bool) -> str:
    """A line about the training set's record, about the other set's."""
    return text if both or split == "train" else text.replace("train_", "val_")


# ---- losses


def _not_added(call: Call, m: Measured) -> Sequence[Numbers]:
    losses = m.losses(m.weights or ())
    return [[one[-1] for one in losses], [one[0] for one in losses]]


def _met(call: Call, m: Measured) -> Sequence[Numbers]:
    of_epochs = [sum, lambda met: float(np.mean(met)), lambda met: met[-1]]
    return [[float(of(met)) for met in m.met] for of in of_epochs]


def _met_as_well(call: Call, m: Measured) -> Sequence[Numbers]:
    return [[a + sum(b) for a, b in zip(m.sums(), m.met, strict=True)]] if m.met else []


def _stale(call: Call, m: Measured) -> Sequence[Numbers]:
    found = []
    for old in (WEIGHT_NAMES, WEIGHT_NAMES[:2], WEIGHT_NAMES[2:]):
        weights = m.stale(old)
        if weights is not None:
            found.append([sum(losses) for losses in m.losses(weights)])
    return found


def _exchanged(call: Call, m: Measured) -> Sequence[Numbers]:
    theirs, mine = call.other.sums(), m.sums()
    if call.other_record is None or len(call.other_record) != len(mine):
        return []
    return [theirs] if np.allclose(call.other_record, mine, rtol=EXPLAINS, atol=0.0) else []


def _decayed(call: Call, m: Measured) -> Sequence[Numbers]:
    """λ‖w‖² or its half is added, of all weights or of W alone, to the loss of each mini-batch or once."""
    if not call.lam:
        return []
    sums, batches = np.array(m.sums()), np.array([len(sweep) for sweep in m.sweeps])
    return [
        sums + share * call.lam * m.squares(names) * times
        for share in (0.5, 1.0)
        for names in (("L1_W", "L2_W"), WEIGHT_NAMES)
        for times in (batches, 1)
    ]


def _multiple(calls: Sequence[Call]) -> float | None:
    """The readable number that is the ratio of all records to the right ones."""
    ratios = {
        likeliest(float(f"{x:.8g}"))
        for call in calls
        if call.wrong and call.measured.weights is not None
        for x in np.asarray(call.got) / np.array(call.measured.sums())
    }
    return ratios.pop() if len(ratios) == 1 else None


def _rounded(right: Callable[[Measured], Numbers]) -> Candidates:
    """The right record, rounded to some decimals or to float32, as all of its numbers are."""

    def candidates(call: Call, m: Measured) -> Sequence[Numbers]:
        wanted = np.array(right(m))
        forms = [wanted.astype(np.float32).astype(np.float64), *(np.round(wanted, decimals) for decimals in range(7))]
        return [form for form in forms if not np.array_equal(form, wanted)]

    return candidates


def _drops(m: Measured) -> bool:
    """Whether every mini-batch of every evaluation is seen with a mask."""
    return all(one.mask is not None for sweep in m.sweeps for one in sweep)


def _masked(call: Call, m: Measured) -> Sequence[Numbers]:
    return [[sum(losses) for losses in m.losses(m.weights or (), masked=True)]] if _drops(m) else []


def _masked_shares(call: Call, m: Measured) -> Sequence[Numbers]:
    right = m.right(masked=True) if _drops(m) else []
    return [[sum(one) / seen for one, seen in zip(right, m.seen, strict=True)]] if right else []


LOSSES = (
    *_of_losses(
        "the losses of the mini-batches are not added up", "= or +=?", _not_added,
        ("        loss += float", "        loss = float"),
    ),
    *_of_losses(
        "the sum of the losses is not set back to 0", ONCE, lambda call, m: [np.cumsum(m.sums())],
        (APPEND_LOSS, "train_loss_record.append(train_loss + sum(train_loss_record[-1:]))"),
    ),
    *_of_losses(
        "the training loss is that met while training",
        "When is the training set evaluated, and with which weights?", _met,
        (LOSS_CALL, LOSS_CALL.replace("model", "met += model")), (EPOCH, f"{EPOCH}        met = 0.0\n"),
        (APPEND_LOSS, "train_loss_record.append(met)"), only="train",
    ),
    *_of_losses(
        "the losses met while training are added to those of the evaluation", ONCE, _met_as_well,
        (LOSS_CALL, LOSS_CALL.replace("model", "met += model")), (EPOCH, f"{EPOCH}        met = 0.0\n"),
        (APPEND_LOSS, "train_loss_record.append(met + train_loss)"), only="train",
    ),
    *_of_losses(
        "a set is evaluated with weights from before the epoch", "Which weights does the evaluation use?", _stale,
        (EPOCH, f"{EPOCH}        train_before, _ = evaluate(model, train, minibatch_size)\n"
         "        val_before, _ = evaluate(model, valid, minibatch_size)\n"),
        (APPEND_LOSS, "train_loss_record.append(train_before)"),
    ),
    *_of_losses(
        "the two loss records are exchanged", RETURNED, _exchanged,
        (RETURN, "    return val_loss_record, train_loss_record\n"),
    ),
    *_of_losses(
        "the loss record holds accuracies", RETURNED, lambda call, m: [m.shares()],
        (APPEND_LOSS, "train_loss_record.append(train_accuracy)"),
    ),
    *_of_losses(
        "weight decay is added to the recorded loss", "Is λ asked for in the loss record?", _decayed,
        (
            APPEND_LOSS,
            'train_loss_record.append(train_loss + 0.5 * lam * sum(\n'
            '            np.sum(model[n].params["W"] ** 2) for n in ("L1", "L2")\n        ))',
        ),
        editions=LAMBDA,
    ),
    *_of_losses(
        "the recorded losses are rounded", DIGITS, _rounded(Measured.sums),
        (APPEND_LOSS, "train_loss_record.append(round(train_loss, 3))"),
    ),
    *_of_losses("evaluation runs with dropout on", TRAINING, _masked, ("is_train=False", "is_train=True")),
    *_of_losses(
        "the loss of an evaluation is given labels of other rows", "X and y must be taken by the same indices.",
        _by_given_labels,
        ('loss += float(model["loss"].forward(a, y))', 'loss += float(model["loss"].forward(a, y[::-1]))'),
    ),
    *_of_losses(
        "the loss record is scaled by a constant factor", "What is each sum divided by, or multiplied with?",
        lambda call, m: [call.number * np.array(m.sums())], (APPEND_LOSS, "train_loss_record.append(2 * train_loss)"),
        estimate=_multiple,
    ),
)  # fmt: skip


# ---- accuracies


def _divided(call: Call, m: Measured) -> Sequence[Numbers]:
    """Divided by another number than that of the predictions, or by another set's."""
    right, seen = np.array([sum(one) for one in m.right()]), np.array(m.seen)
    batches = np.array([len(sweep) for sweep in m.sweeps])
    divisors = [batches, call.batch, call.other.size, np.array(call.other.seen)]
    candidates = [right / divisor for divisor in divisors]
    return [*candidates, right / m.size] if (seen != m.size).any() else candidates


def _all_with_all(call: Call, m: Measured) -> Sequence[Numbers]:
    """Labels N×1 are compared with predictions (N,), which numpy does for all pairs: their number, or their share."""
    pairs = m.right(all_with_all=True)
    sizes = [[len(one.rows) for one in sweep] for sweep in m.sweeps]
    by_rows = [sum(equal) / sum(n) for equal, n in zip(pairs, sizes, strict=True)]
    by_pairs = [sum(equal) / sum(k * k for k in n) for equal, n in zip(pairs, sizes, strict=True)]
    of_whole = [sum(equal) / sum(k for k in n) ** 2 for equal, n in zip(pairs, sizes, strict=True)]
    return [by_rows, by_pairs, of_whole]


ACCURACIES = (
    *_of_accuracy("evaluation runs with dropout on", TRAINING, _masked_shares, ("is_train=False", "is_train=True")),
    *_of_accuracy(
        "the accuracy is a number of predictions, not a share", COUNTED,
        lambda call, m: [[float(sum(right)) for right in m.right()]],
        (ACCURACY, "return loss, correct"),
    ),
    *_of_accuracy(
        "the share of wrong predictions is recorded", COUNTED, lambda call, m: [1 - np.array(m.shares())],
        ("train_accuracy_record.append(train_accuracy)", "train_accuracy_record.append(1 - train_accuracy)"),
    ),
    *_of_accuracy(
        "the accuracy is divided by another number than that of the examples predicted", COUNTED, _divided,
        (ACCURACY, "return loss, correct / minibatch_size"),
    ),
    *_of_accuracy(
        "the accuracy is that of the last mini-batch", "= or +=?",
        lambda call, m: [[right[-1] / call.batch for right in m.right()]],
        ("correct += int", "correct = int"), (ACCURACY, "return loss, correct / minibatch_size"),
    ),
    *_of_accuracy(
        "the accuracy is that of the other set", "Which record is which?", lambda call, m: [call.other.shares()],
        (
            '{"train": train_accuracy_record, "val": val_accuracy_record}',
            '{"train": val_accuracy_record, "val": train_accuracy_record}',
        ),
    ),
    *_of_accuracy(
        "the counts of right predictions are not set back to 0", ONCE,
        lambda call, m: [
            np.cumsum(m.shares()), np.cumsum([sum(right) for right in m.right()]) / np.cumsum(m.seen),
        ],
        (
            "train_accuracy_record.append(train_accuracy)",
            "train_accuracy_record.append(train_accuracy + sum(train_accuracy_record[-1:]))",
        ),
    ),
    *_of_accuracy(
        "labels in a column are compared with flat predictions: each with all",
        "Print the shapes of both sides of ==: what does numpy make of (N,) == (N, 1)?", _all_with_all,
        ("correct += int(np.sum(predict_label(a) == y))", "correct += int(np.sum(predict_label(a).reshape(-1) == y))"),
    ),
    *_of_accuracy(
        "the recorded accuracies are rounded", DIGITS, _rounded(Measured.shares),
        ("train_accuracy_record.append(train_accuracy)", "train_accuracy_record.append(round(train_accuracy, 1))"),
    ),
)  # fmt: skip

RECORDS_OF_MAIN = (*LOSSES, *ACCURACIES)
