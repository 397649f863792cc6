"""Known mistakes of `main` (TODO 10): what the sentences of its replay are called."""

from __future__ import annotations

from parity_tests.assignments.mlp.main.foreign_rows import CHANGED
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
    TextSwap,
    at_epoch,
)
from parity_tests.assignments.mlp.mistakes.main_rates import PASSED
from parity_tests.assignments.mlp.mistakes.main_records import RECORDS_OF_MAIN
from parity_tests.assignments.mlp.mistakes.main_steps import STEPS_OF_MAIN
from parity_tests.protocol.mistake import Mistake, Swap


def _wiring(name: str, hint: str, sentence: str, *swaps: TextSwap, raised: str = "") -> Mistake:
    plug = tuple(Swap(*swap) for swap in swaps)
    return Mistake("10", "main", name, hint, sentence=sentence, raised=raised, plug=plug)


ON_THE_WAY = (
    _wiring(
        "dropout is off in training", TRAINING,
        r"in every step dropout\.forward is called with is_train=False",
        ("forward(h, is_train=True)", "forward(h, is_train=False)"), (DROP_BACK, "grad_h = grad_s"),
    ),
    _wiring(
        "dropout is left out in training", TRAINING, r"dropout\.forward is never called in training",
        ('s = model["drop1"].forward(h, is_train=True)', "s = h"), (DROP_BACK, "grad_h = grad_s"),
    ),
    _wiring(
        "the same dropout mask in several steps", "How often is the random generator seeded?",
        r"draw the same dropout mask", (EPOCH, f"{EPOCH}        np.random.seed(1)\n"),
    ),
)  # fmt: skip

BATCHES = (
    _wiring(
        "a mini-batch or an example is used twice in an epoch", SLICE, r"is used twice in epoch|in one sweep over it",
        (ROWS, "order[start // 10 * 5 : start // 10 * 5 + minibatch_size]"),
    ),
    _wiring(
        "a mini-batch has the wrong number of rows", SLICE, r"is made on \d+ rows",
        (ROWS, "order[start : start + minibatch_size - 1]"),
    ),
    _wiring(
        "too many or too few steps an epoch",
        "An epoch has ⌊N / batch⌋ steps: count yours for N = 22 and batches of 5.",
        r"it makes \d+ steps in each of (\d+) epochs, where ⌊.* steps in each of \1 epochs",
        (STEPS, STEPS.replace("train.N", "train.N - minibatch_size")),
    ),
    _wiring(
        "too many or too few epochs", "For which t does your loop over the epochs run?",
        r"it trains for \d+ epochs? of",
        ('range(int(main_params["num_epoch"]))', 'range(1, int(main_params["num_epoch"]))'),
    ),
    _wiring(
        "the labels are not those of the rows", "X and y must be taken by the same indices.",
        r"is given labels that are not those of the mini-batch's rows",
        (
            f"x, y = train.get_example({ROWS})",
            f"x, _ = train.get_example({ROWS})\n"
            "            _, y = train.get_example(range(start, start + minibatch_size))",
        ),
    ),
    _wiring("the examples are not shuffled", ONCE, r"nothing is shuffled", (ORDER, "order = np.arange(train.N)")),
    _wiring(
        "several epochs have the same order", ONCE, r"(take the training examples in the same order|same mini-batches)",
        (f"        {ORDER}\n", ""),
        ("    momentum = add_momentum(model)\n", f"    momentum = add_momentum(model)\n    {ORDER}\n"),
    ),
    _wiring(
        "some training examples are never used", "Which rows can your permutation hold?", r"are never used in",
        (ORDER, "order = np.random.permutation(train.N - 2)"),
    ),
    _wiring(
        "it trains on another set", "Which set is which?", r"trains on rows of the (validation|test) set",
        (
            "train, valid = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
            "valid, train = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
        ),
    ),
    _wiring(
        "the pixels are changed", "What is done to X between the file and the network?", CHANGED,
        ("train, valid = DataSplit(Xtrain, Ytrain)", "train, valid = DataSplit(Xtrain - 0.5, Ytrain)"),
    ),
)  # fmt: skip

UPDATES = (
    _wiring("the weights are never changed", "Which call changes them?", r"it never changes the weights",
            (SGD_CALL, "pass\n")),
    _wiring(
        "the weights are updated more than once for one mini-batch", ONCE,
        r"changes the weights again, without a new forward", (SGD_CALL, f"{SGD_CALL}            {SGD_CALL}"),
    ),
    _wiring(
        "the layers are built anew during training", ONCE, r"builds its layers anew",
        at_epoch(
            "if t:\n            model['L1'] = linear_layer(train.d, HIDDEN_UNITS)\n"
            "            model['L2'] = linear_layer(HIDDEN_UNITS, CLASSES)"
        ),
    ),
)  # fmt: skip

LAYERS = (
    _wiring(
        "the hidden layer has another size", "How many hidden units are asked for?", r"it builds \d+ hidden units",
        ("HIDDEN_UNITS = 1000", "HIDDEN_UNITS = 500"),
    ),
    _wiring(
        "the last layer has another number of classes", "How many digits are there?",
        r"its last layer has \d+ outputs", ("CLASSES = 10", "CLASSES = 11"),
    ),
    _wiring(
        "the activation is not the one asked for", "Which entry of main_params names it?",
        r"it uses (relu|tanh)|(relu|tanh) is used, where", ('"tanh": tanh}', '"tanh": relu}'),
    ),
    _wiring(
        "dropout is built with another rate", "Which entry of main_params holds it?", r"builds dropout with r =",
        ("dropout(rate)", "dropout(0.25)"),
    ),
    _wiring(
        "an entry is asked for under a name that it does not have",
        "Print the keys of main_params, and of the model.", "",
        ('main_params["alpha"]', 'main_params["_alpha"]'), raised=r"KeyError:",
    ),
)  # fmt: skip

RECORDS = (
    _wiring(
        "a set is not evaluated after the epoch, or not all of it", "Which rows does the evaluation visit?",
        r"set is not evaluated after|examples of the .* set are evaluated",
        ("evaluate(model, valid, minibatch_size)", "evaluate(model, train, minibatch_size)"),
    ),
    _wiring(
        "main returns nothing", "What does a function return that has no return statement?", r"it returns nothing",
        (RETURN, ""),
    ),
    _wiring(
        "a loss record is not returned", RETURNED, r"it does not return (train|val)_loss_record",
        (RETURN, "    return train_loss_record\n"),
    ),
    _wiring(
        "a record has not one number an epoch", ONCE, r"record.* has \d+ numbers, where one",
        (APPEND_LOSS, "train_loss_record += [train_loss, train_loss]"),
    ),
)  # fmt: skip

MAIN = (*STEPS_OF_MAIN, *PASSED, *RECORDS_OF_MAIN, *ON_THE_WAY, *BATCHES, *UPDATES, *LAYERS, *RECORDS)

_UNEVALUATED = "a set is not evaluated after the epoch, or not all of it"
_STEPS = "too many or too few steps an epoch"
_OTHER_SHAPES = ("the gradients have other shapes than the parameters",)
HIDDEN = {
    **HIDDEN_BY_CRASHES,
    "the layers are built anew during training": (
        "it trains on another set", "dropout is off in training", "a layer's backward is left out", _STEPS,
        _UNEVALUATED, "a mini-batch or an example is used twice in an epoch",
    ),
    "the weights are updated more than once for one mini-batch": (
        _STEPS, "the weights are updated before the backward is done", "a layer's backward is left out",
        "another α is passed on", "η is dropped too early",
    ),
    "the rates are passed to SGD in another order": (
        "another η than main_params' is passed on", "η is dropped too early",
        "another λ is passed on", "another α is passed on",
    ),
    "dropout is built with another rate": ("dropout is bypassed in training",),
    "the velocity of L1 is used for every layer": ("an entry is asked for under a name that it does not have",),
    "W is stored M×D": _OTHER_SHAPES,
    "b has another shape than 1×M": _OTHER_SHAPES,
    "b is stored as a column": _OTHER_SHAPES,
    "dropout stands before the activation": ("dropout is bypassed in training", "a forward is given the wrong input"),
    "it trains on another set": (_STEPS, "η is not dropped at t = 10", _UNEVALUATED),
    "the weights are never changed": (_STEPS, _UNEVALUATED),
    "several epochs have the same order": ("some training examples are never used",),
    "the examples are not shuffled": ("some training examples are never used",),
    _UNEVALUATED: (
        "the losses of the mini-batches are not added up", "the loss record is scaled by a constant factor",
    ),
    "the pixels are changed": (_UNEVALUATED,),
}  # fmt: skip
"""What follows from a mistake, in the same case."""
