"""Known mistakes of `main` (TODO 10): what the findings of its replay are called."""

from __future__ import annotations

from collections.abc import Mapping

from parity_tests.assignments.mlp.findings import Found
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
from parity_tests.protocol.mistake import Mistake, Shown, Swap

FOUND: Mapping[Found, tuple[str, TextSwap, *tuple[TextSwap, ...]]] = {
    Found.DROPOUT_OFF: (
        TRAINING, ("forward(h, is_train=True)", "forward(h, is_train=False)"), (DROP_BACK, "grad_h = grad_s")
    ),
    Found.NO_DROPOUT: (
        TRAINING, ('s = model["drop1"].forward(h, is_train=True)', "s = h"), (DROP_BACK, "grad_h = grad_s")
    ),
    Found.SAME_MASK: ("How often is the random generator seeded?", (EPOCH, f"{EPOCH}        np.random.seed(1)\n")),
    Found.USED_TWICE: (SLICE, (ROWS, "order[start // 10 * 5 : start // 10 * 5 + minibatch_size]")),
    Found.OTHER_BATCH_SIZE: (SLICE, (ROWS, "order[start : start + minibatch_size - 1]")),
    Found.OTHER_STEPS: (
        "An epoch has ⌊N / batch⌋ steps: count yours for N = 22 and batches of 5.",
        (STEPS, STEPS.replace("train.N", "train.N - minibatch_size")),
    ),
    Found.OTHER_EPOCHS: (
        "For which t does your loop over the epochs run?",
        ('range(int(main_params["num_epoch"]))', 'range(1, int(main_params["num_epoch"]))'),
    ),
    Found.OTHER_LABELS: (
        "X and y must be taken by the same indices.",
        (
            f"x, y = train.get_example({ROWS})",
            f"x, _ = train.get_example({ROWS})\n"
            "            _, y = train.get_example(range(start, start + minibatch_size))",
        ),
    ),
    Found.ALL_IN_FILE_ORDER: (ONCE, (ORDER, "order = np.arange(train.N)")),
    Found.SAME_ORDER: (ONCE, (f"        {ORDER}\n", ""), (VELOCITIES, f"{VELOCITIES}    {ORDER}\n")),
    Found.NEVER_USED: ("Which rows can your permutation hold?", (ORDER, "order = np.random.permutation(train.N - 2)")),
    Found.OTHER_SET: (
        "Which set is which?",
        (
            "train, valid = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
            "valid, train = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
        ),
    ),
    Found.CHANGED_PIXELS: (
        "What is done to X between the file and the network?",
        ("train, valid = DataSplit(Xtrain, Ytrain)", "train, valid = DataSplit(Xtrain - 0.5, Ytrain)"),
    ),
    Found.NEVER_CHANGED: ("Which call changes them?", (SGD_CALL, "pass\n")),
    Found.CHANGED_AGAIN: (ONCE, (SGD_CALL, f"{SGD_CALL}            {SGD_CALL}")),
    Found.BUILT_ANEW: (
        ONCE,
        at_epoch(
            "if t:\n            model['L1'] = linear_layer(train.d, HIDDEN_UNITS)\n"
            "            model['L2'] = linear_layer(HIDDEN_UNITS, CLASSES)"
        ),
    ),
    Found.TYPED_PIXELS: (
        "Which attribute of DataSplit holds the number of columns?",
        ("linear_layer(train.d, HIDDEN_UNITS)", "linear_layer(784, HIDDEN_UNITS)"),
    ),
    Found.OTHER_START: (
        "With which spread does linear_layer's constructor draw them?",
        (VELOCITIES, f'{VELOCITIES}    model["L1"].params["W"] *= 2\n'),
    ),
    Found.OTHER_WIDTH: ("How many hidden units are asked for?", ("HIDDEN_UNITS = 1000", "HIDDEN_UNITS = 500")),
    Found.OTHER_CLASSES: ("How many digits are there?", ("CLASSES = 10", "CLASSES = 11")),
    Found.OTHER_ACTIVATION: ("Which entry of main_params names it?", ('"tanh": tanh}', '"tanh": relu}')),
    Found.OTHER_RATE: ("Which entry of main_params holds it?", ("dropout(rate)", "dropout(0.25)")),
    Found.NOT_EVALUATED: (
        "Which rows does the evaluation visit?",
        ("evaluate(model, valid, minibatch_size)", "evaluate(model, train, minibatch_size)"),
    ),
    Found.RETURNS_NOTHING: ("What does a function return that has no return statement?", (RETURN, "")),
    Found.NOT_RETURNED: (RETURNED, (RETURN, "    return train_loss_record\n")),
    Found.OTHER_LENGTH: (ONCE, (APPEND_LOSS, "train_loss_record += [train_loss, train_loss]")),
}  # fmt: skip
"""By what is found, which is the mistake's name, the hint and what brings it about."""
RAISED = {Found.TYPED_PIXELS: r"\w+: .*\b784\b"}


def called(finding: str) -> str:
    """What a finding is called; "" where it is no name."""
    name = Found.SAME_ORDER if finding == Found.SAME_BATCHES else finding
    return str(name) if name in FOUND else ""


def _is_found(found: Found) -> Shown:
    return lambda case, quantity, comparison: called(comparison.finding) == found


MAIN = (
    *PASSED,
    *(
        Mistake(
            "10", "main", str(found), hint, shown_by=_is_found(found), raised=RAISED.get(found, ""),
            plug=tuple(Swap(*swap) for swap in swaps),
        )
        for found, (hint, *swaps) in FOUND.items()
    ),
)  # fmt: skip

_UNEVALUATED, _STEPS = str(Found.NOT_EVALUATED), str(Found.OTHER_STEPS)
_OTHER_SHAPES = ("the gradients have other shapes than the parameters",)
HIDDEN: dict[str, tuple[str, ...]] = {
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
    "the loss with weights from before the epoch in place of the loss record": (_UNEVALUATED,),
    _UNEVALUATED: (
        "the sum of the losses is of the last mini-batch alone",
        "the sum of the losses is of the first mini-batch alone",
    ),
    "the pixels are changed": (_UNEVALUATED,),
}  # fmt: skip
"""What follows from a mistake, in the same case."""
