"""Known mistakes of `main` (TODO 10): what the findings of its replay are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.mistakes.crashes import HIDDEN as HIDDEN_BY_CRASHES
from parity_tests.assignments.mlp.mistakes.main_lines import (
    APPEND_LOSS,
    DROP_BACK,
    EPOCH,
    ONCE,
    ORDER,
    RETURN,
    RETURNED,
    ROWS,
    SGD_CALL,
    SLICE,
    STEPS,
    TRAINING,
    VELOCITIES,
    TextSwap,
    at_epoch,
)
from parity_tests.assignments.mlp.mistakes.main_steps import PASSED
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.mistake import Mistake, Swap
from parity_tests.protocol.quantity import Quantity


@dataclass(frozen=True)
class Finds:
    """Shows a mistake where one of these was found."""

    findings: tuple[Found, ...]

    def __call__(self, case: Case, quantity: Quantity, comparison: Comparison) -> bool:
        return comparison.finding in self.findings


def _wiring(name: str, hint: str, found: Sequence[Found], *swaps: TextSwap, raised: str = "") -> Mistake:
    plug = tuple(Swap(*swap) for swap in swaps)
    shown_by = Finds(tuple(found)) if found else None
    return Mistake("10", "main", name, hint, shown_by=shown_by, raised=raised, plug=plug)


ON_THE_WAY = (
    _wiring(
        "dropout is off in training", TRAINING,
        (Found.DROPOUT_OFF,),
        ("forward(h, is_train=True)", "forward(h, is_train=False)"), (DROP_BACK, "grad_h = grad_s"),
    ),
    _wiring(
        "dropout is left out in training", TRAINING, (Found.NO_DROPOUT,),
        ('s = model["drop1"].forward(h, is_train=True)', "s = h"), (DROP_BACK, "grad_h = grad_s"),
    ),
    _wiring(
        "the same dropout mask in several steps", "How often is the random generator seeded?",
        (Found.SAME_MASK,), (EPOCH, f"{EPOCH}        np.random.seed(1)\n"),
    ),
)  # fmt: skip

BATCHES = (
    _wiring(
        "a mini-batch or an example is used twice in an epoch", SLICE, (Found.USED_TWICE, Found.EVALUATED_TWICE),
        (ROWS, "order[start // 10 * 5 : start // 10 * 5 + minibatch_size]"),
    ),
    _wiring(
        "a mini-batch has the wrong number of rows", SLICE, (Found.OTHER_BATCH_SIZE,),
        (ROWS, "order[start : start + minibatch_size - 1]"),
    ),
    _wiring(
        "too many or too few steps an epoch",
        "An epoch has ⌊N / batch⌋ steps: count yours for N = 22 and batches of 5.",
        (Found.OTHER_STEPS,),
        (STEPS, STEPS.replace("train.N", "train.N - minibatch_size")),
    ),
    _wiring(
        "too many or too few epochs", "For which t does your loop over the epochs run?",
        (Found.OTHER_EPOCHS,),
        ('range(int(main_params["num_epoch"]))', 'range(1, int(main_params["num_epoch"]))'),
    ),
    _wiring(
        "the labels are not those of the rows", "X and y must be taken by the same indices.",
        (Found.OTHER_LABELS,),
        (
            f"x, y = train.get_example({ROWS})",
            f"x, _ = train.get_example({ROWS})\n"
            "            _, y = train.get_example(range(start, start + minibatch_size))",
        ),
    ),
    _wiring("the examples are not shuffled", ONCE, (Found.ALL_IN_FILE_ORDER,), (ORDER, "order = np.arange(train.N)")),
    _wiring(
        "several epochs have the same order", ONCE, (Found.SAME_ORDER, Found.SAME_BATCHES),
        (f"        {ORDER}\n", ""),
        (VELOCITIES, f"{VELOCITIES}    {ORDER}\n"),
    ),
    _wiring(
        "some training examples are never used", "Which rows can your permutation hold?", (Found.NEVER_USED,),
        (ORDER, "order = np.random.permutation(train.N - 2)"),
    ),
    _wiring(
        "it trains on another set", "Which set is which?", (Found.OTHER_SET,),
        (
            "train, valid = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
            "valid, train = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
        ),
    ),
    _wiring(
        "the pixels are changed", "What is done to X between the file and the network?", (Found.CHANGED_PIXELS,),
        ("train, valid = DataSplit(Xtrain, Ytrain)", "train, valid = DataSplit(Xtrain - 0.5, Ytrain)"),
    ),
)  # fmt: skip

UPDATES = (
    _wiring("the weights are never changed", "Which call changes them?", (Found.NEVER_CHANGED,),
            (SGD_CALL, "pass\n")),
    _wiring(
        "the weights are updated more than once for one mini-batch", ONCE,
        (Found.CHANGED_AGAIN,), (SGD_CALL, f"{SGD_CALL}            {SGD_CALL}"),
    ),
    _wiring(
        "the layers are built anew during training", ONCE, (Found.BUILT_ANEW,),
        at_epoch(
            "if t:\n            model['L1'] = linear_layer(train.d, HIDDEN_UNITS)\n"
            "            model['L2'] = linear_layer(HIDDEN_UNITS, CLASSES)"
        ),
    ),
)  # fmt: skip

LAYERS = (
    _wiring(
        "the number of pixels is typed", "Which attribute of DataSplit holds the number of columns?",
        (Found.TYPED_PIXELS,), ("linear_layer(train.d, HIDDEN_UNITS)", "linear_layer(784, HIDDEN_UNITS)"),
        raised=r"\w+: .*\b784\b",
    ),
    _wiring(
        "main changes the weights that the layers drew", "With which spread does linear_layer's constructor draw them?",
        (Found.OTHER_START,),
        (VELOCITIES, f'{VELOCITIES}    model["L1"].params["W"] *= 2\n'),
    ),
    _wiring(
        "the hidden layer has another size", "How many hidden units are asked for?", (Found.OTHER_WIDTH,),
        ("HIDDEN_UNITS = 1000", "HIDDEN_UNITS = 500"),
    ),
    _wiring(
        "the last layer has another number of classes", "How many digits are there?",
        (Found.OTHER_CLASSES,), ("CLASSES = 10", "CLASSES = 11"),
    ),
    _wiring(
        "the activation is not the one asked for", "Which entry of main_params names it?",
        (Found.OTHER_ACTIVATION,), ('"tanh": tanh}', '"tanh": relu}'),
    ),
    _wiring(
        "dropout is built with another rate", "Which entry of main_params holds it?", (Found.OTHER_RATE,),
        ("dropout(rate)", "dropout(0.25)"),
    ),
    _wiring(
        "an entry is asked for under a name that it does not have",
        "Print the keys of main_params, and of the model.", (),
        ('main_params["alpha"]', 'main_params["_alpha"]'), raised=r"KeyError:",
    ),
)  # fmt: skip

RECORDS = (
    _wiring(
        "a set is not evaluated after the epoch, or not all of it", "Which rows does the evaluation visit?",
        (Found.NOT_EVALUATED, Found.EVALUATED_TWICE),
        ("evaluate(model, valid, minibatch_size)", "evaluate(model, train, minibatch_size)"),
    ),
    _wiring(
        "main returns nothing", "What does a function return that has no return statement?", (Found.RETURNS_NOTHING,),
        (RETURN, ""),
    ),
    _wiring(
        "a loss record is not returned", RETURNED, (Found.NOT_RETURNED,),
        (RETURN, "    return train_loss_record\n"),
    ),
    _wiring(
        "a record has not one number an epoch", ONCE, (Found.OTHER_LENGTH,),
        (APPEND_LOSS, "train_loss_record += [train_loss, train_loss]"),
    ),
)  # fmt: skip

BY_FINDING = (*ON_THE_WAY, *BATCHES, *UPDATES, *LAYERS, *RECORDS)
NAMES: Mapping[str, frozenset[str]] = {
    found: frozenset(m.name for m in BY_FINDING if isinstance(m.shown_by, Finds) and found in m.shown_by.findings)
    for found in Found
}
"""Of what may be found the names of the mistakes that it shows."""
MAIN = (*PASSED, *BY_FINDING)

_UNEVALUATED = "a set is not evaluated after the epoch, or not all of it"
_STEPS = "too many or too few steps an epoch"
_OTHER_SHAPES = ("the gradients have other shapes than the parameters",)
HIDDEN = {
    **HIDDEN_BY_CRASHES,
    "the layers are built anew during training": (
        "it trains on another set", "dropout is off in training", _STEPS, _UNEVALUATED,
        "a mini-batch or an example is used twice in an epoch",
    ),
    "the weights are updated more than once for one mini-batch": (
        _STEPS, "another α is passed on", "η is dropped too early",
    ),
    "the rates are passed to SGD in another order": (
        "another η than main_params' is passed on", "η is dropped too early",
        "another λ is passed on", "another α is passed on",
    ),
    "W is stored M×D": _OTHER_SHAPES,
    "b has another shape than 1×M": _OTHER_SHAPES,
    "b is stored as a column": _OTHER_SHAPES,
    "it trains on another set": (_STEPS, "η is not dropped at t = 10", _UNEVALUATED),
    "the weights are never changed": (_STEPS, _UNEVALUATED),
    "several epochs have the same order": ("some training examples are never used",),
    "the examples are not shuffled": ("some training examples are never used",),
    "the loss with weights from before the epoch stands for the loss record": (_UNEVALUATED,),
    _UNEVALUATED: (
        "the sum of the losses is of the last mini-batch alone",
        "the sum of the losses is of the first mini-batch alone",
    ),
    "the pixels are changed": (_UNEVALUATED,),
}  # fmt: skip
"""What follows from a mistake, in the same case."""
