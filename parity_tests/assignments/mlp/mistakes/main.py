"""Known mistakes of `main` (TODO 10): what the sentences of its replay are called."""

from __future__ import annotations

from parity_tests.assignments.mlp.mistakes.crashes import HIDDEN as HIDDEN_BY_CRASHES
from parity_tests.protocol.mistake import Mistake, Swap

TextSwap = tuple[str, str]

FORWARD_2 = 'a = model["L2"].forward(s)\n            model'
DROP_BACK = 'grad_h = model["drop1"].backward(h, grad_s)'
ACT_BACK = 'grad_u = model["nonlinear1"].backward(u, grad_h)'
L1_BACK = '            model["L1"].backward(x, grad_u)\n'
LOSS_CALL = '            model["loss"].forward(a, y)\n'
SGD_CALL = "miniBatchStochasticGradientDescent(model, momentum, lam, alpha, eta)\n"
ORDER = "order = np.random.permutation(train.N)"
ROWS = "order[start : start + minibatch_size]"
EPOCH = '        print(f"At epoch {t + 1}")\n'
STEPS = "range(0, train.N - minibatch_size + 1, minibatch_size)"
DROP_RATE = "if t % 10 == 0 and t != 0"
APPEND_LOSS = "train_loss_record.append(train_loss)"
ACCURACY = "return loss, correct / count"
RETURN = "    return train_loss_record, val_loss_record\n"

PATH = "Draw the arrows of the forward pass, and give each backward the X of its own forward."
ONCE = "Which lines run once, which once an epoch, and which at every step?"
TRAINING = "What does is_train mean, and when is it True?"
IN_ORDER = "In which order do forward, backward and update come?"
SLICE = "Which rows does the slice of step s take?"
DROPPED = "For which epochs t, counted from 0, does your condition hold?"
RATES = "Compare the call with the order of SGD's parameters."
SCALED = "The loss's backward divides by N already: what else multiplies or divides on the way?"
RETURNED = "What does main return, and in which order?"
COUNTED = "Which predictions are counted, and by what is their number divided?"


def _wiring(name: str, hint: str, sentence: str, *swaps: TextSwap) -> Mistake:
    return Mistake("10", "main", name, hint, sentence=sentence, plug=tuple(Swap(*swap) for swap in swaps))


def _before_sgd(lines: str) -> TextSwap:
    return SGD_CALL, f"{lines}\n            {SGD_CALL}"


def _passing(new: str) -> TextSwap:
    """Other rates passed to SGD."""
    return SGD_CALL, SGD_CALL.replace("lam, alpha, eta", new)


def _at_epoch(lines: str) -> TextSwap:
    return f"        {ORDER}", f"        {lines}\n        {ORDER}"


ON_THE_WAY = (
    _wiring(
        "dropout is bypassed in training", "Follow the arrays: what does the second linear layer get?",
        r"dropout is (bypassed|skipped)|dropout\.forward is not called|to L2\.forward as X, where drop",
        (FORWARD_2, FORWARD_2.replace("(s)", "(h)")),
    ),
    _wiring(
        "dropout is off in training", TRAINING,
        r"dropout is off in training|drop1\.backward was called before any drop1\.forward in training",
        ("forward(h, is_train=True)", "forward(h, is_train=False)"), (DROP_BACK, "grad_h = grad_s"),
    ),
    _wiring(
        "dropout's backward is left out", PATH,
        r"drop1\.backward is never called|does not go through dropout's backward", (DROP_BACK, "grad_h = grad_s"),
    ),
    _wiring(
        "the activation's backward is left out", PATH,
        r"nonlinear1\.backward is never called|does not go through the activation's backward",
        (ACT_BACK, "grad_u = grad_h"),
    ),
    _wiring(
        "evaluation runs with dropout on", TRAINING, r"evaluated with dropout on", ("is_train=False", "is_train=True")
    ),
    _wiring(
        "the same dropout mask in several steps", "How often is the random generator seeded?",
        r"draw the same dropout mask", (EPOCH, f"{EPOCH}        np.random.seed(1)\n"),
    ),
    _wiring(
        "dropout stands before the activation", PATH, r"the activation belongs before dropout",
        (
            'h = model["nonlinear1"].forward(u)\n            s = model["drop1"].forward(h, is_train=True)',
            'h = model["drop1"].forward(u, is_train=True)\n            s = model["nonlinear1"].forward(h)',
        ),
        (DROP_BACK, 'grad_h = model["nonlinear1"].backward(h, grad_s)'),
        (ACT_BACK, 'grad_u = model["drop1"].backward(u, grad_h)'),
    ),
    _wiring(
        "a backward is given the wrong X", PATH,
        r"(backward is given .* as X|to (L1|L2|nonlinear\d|drop\d)\.backward as X|\.backward was given X)",
        ('model["L2"].backward(s, grad_a)', 'model["L2"].backward(h, grad_a)'),
    ),
    _wiring(
        "a backward is given the wrong gradient",
        "Follow the gradient from the loss down: each backward hands on what the next one takes.",
        r"(to (L1|L2|nonlinear\d|drop\d)\.backward as grad|\.backward was given grad)",
        ('model["L1"].backward(x, grad_u)', 'model["L1"].backward(x, grad_h)'),
    ),
    _wiring(
        "a forward is given the wrong input", PATH,
        r"to (L1|L2|nonlinear\d|drop\d|loss)\.forward as X(?!, where drop)|\.forward was given X",
        ('s = model["drop1"].forward(h, is_train=True)', 's = model["drop1"].forward(u, is_train=True)'),
    ),
    _wiring(
        "the weights are updated before the backward is done", IN_ORDER, r"weights are updated before .* is called",
        (f"{L1_BACK}\n            {SGD_CALL}", f"            {SGD_CALL}{L1_BACK}"),
    ),
    _wiring("a layer's backward is left out", PATH, r"(L1|L2|loss)\.backward is never called", (L1_BACK, "")),
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
        r"it makes .* steps? .*where ⌊", (STEPS, STEPS.replace("train.N", "train.N - minibatch_size")),
    ),
    _wiring("the examples are not shuffled", ONCE, r"nothing is shuffled", (ORDER, "order = np.arange(train.N)")),
    _wiring(
        "every epoch has the same order", ONCE, r"(in the same order|same mini-batches)", (f"        {ORDER}\n", ""),
        ("    momentum = add_momentum(model)\n", f"    momentum = add_momentum(model)\n    {ORDER}\n"),
    ),
    _wiring(
        "some training examples are never used", "Which rows can your permutation hold?", r"are never used in",
        (ORDER, "order = np.random.permutation(train.N - 2)"),
    ),
    _wiring(
        "the labels are not those of the rows", "X and y must be taken by the same indices.", r"labels that are not",
        (
            f"x, y = train.get_example({ROWS})",
            f"x, _ = train.get_example({ROWS})\n"
            "            _, y = train.get_example(range(start, start + minibatch_size))",
        ),
    ),
    _wiring(
        "it trains on another set", "Which set is which?", r"trains on rows of the (validation|test) set",
        (
            "train, valid = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
            "valid, train = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
        ),
    ),
    _wiring(
        "the pixels are changed", "What is done to X between the file and the network?", r"were the pixels changed",
        ("train, valid = DataSplit(Xtrain, Ytrain)", "train, valid = DataSplit(Xtrain - 0.5, Ytrain)"),
    ),
)  # fmt: skip

UPDATES = (
    _wiring(
        "η is dropped too early", DROPPED, r"dropped too early|η is 0\.001 in epoch 1",
        (DROP_RATE, "if t % 5 == 0 and t != 0"),
    ),
    _wiring(
        "η is not dropped at t = 10", DROPPED, r"is not dropped at the tenth epoch", (DROP_RATE, "if t % 10 == 10")
    ),
    _wiring(
        "η has another value than main_params and the epoch ask for",
        "Print η in each epoch, and compare with the assignment.",
        r"η is [\d.e+-]+ in epoch \d+ \(counted from 1\), where [\d.e+-]+ is asked for(;|$)",
        ("eta *= 0.1", "eta *= 0.5"),
    ),
    _wiring(
        "the velocity is thrown away between epochs", ONCE, r"thrown away at (the start|step)",
        _at_epoch("momentum = add_momentum(model)"),
    ),
    _wiring(
        "momentum has no effect in main: α is not passed on, or the velocity is made anew at each step", ONCE,
        r"thrown away at every step", _passing("lam, 0.0, eta"),
    ),
    _wiring(
        "the velocities do not start at zero", ONCE, r"velocities that SGD is given at the first step are not zero",
        ("momentum = add_momentum(model)", "momentum = {k: v + 0.01 for k, v in add_momentum(model).items()}"),
    ),
    _wiring("λ is not passed on", RATES, r"weight decay is left out:", _passing("0.0, alpha, eta")),
    _wiring("another λ is passed on", RATES, r"weight decay is made with λ =", _passing("2 * lam, alpha, eta")),
    _wiring("another α is passed on", RATES, r"is carried on with α =", _passing("lam, alpha / 2, eta")),
    _wiring(
        "the rates are passed to SGD in another order", RATES, r"passed its rates in another order",
        _passing("alpha, lam, eta"),
    ),
    _wiring(
        "weight decay is made with another λ, or twice, for some parameters",
        "Where is λ w added: in SGD alone, or before it too?", r"weight decay of .* is made with λ",
        _before_sgd(
            "for n in ('L1', 'L2'):\n"
            "                model[n].gradient['W'] = model[n].gradient['W'] + lam * model[n].params['W']"
        ),
    ),
    _wiring("the weights are never changed", "Which call changes them?", r"it never changes the weights",
            (SGD_CALL, "pass\n")),
    _wiring(
        "the weights are updated more than once for one mini-batch", ONCE,
        r"changes the weights again, without a new forward", (SGD_CALL, f"{SGD_CALL}            {SGD_CALL}"),
    ),
    _wiring(
        "the gradient is the sum over the mini-batch", SCALED, r"gradient is the sum over the mini-batch",
        ("grad_a = model", "grad_a = minibatch_size * model"),
    ),
    _wiring(
        "the gradient is scaled by a constant factor", SCALED, r"the gradient is [\d.e+-]+ times what it should be",
        ("grad_a = model", "grad_a = 1 / minibatch_size * model"),
    ),
    _wiring(
        "a step is made with the gradient of the step before", IN_ORDER,
        r"made with the gradient of the mini-batch before",
        _before_sgd(
            "mine = [{k: g.copy() for k, g in model[n].gradient.items()} for n in ('L1', 'L2')]\n"
            "            for n, g in zip(('L1', 'L2'), last if start or t else mine):\n"
            "                model[n].gradient = dict(g)\n"
            "            last = mine"
        ),
    ),
    _wiring(
        "dropout's forward runs again before its backward",
        "How many masks does one step draw, and which of them does each line use?",
        r"forward is called again before its backward",
        ("grad_a = model", "model['drop1'].forward(h, is_train=True)\n            grad_a = model"),
    ),
    _wiring(
        "the layers are built anew during training", ONCE, r"builds its layers anew",
        _at_epoch(
            "if t:\n            model['L1'] = linear_layer(train.d, HIDDEN_UNITS)\n"
            "            model['L2'] = linear_layer(HIDDEN_UNITS, CLASSES)"
        ),
    ),
)  # fmt: skip

LAYERS = (
    _wiring(
        "the hidden layer has another size", "How many hidden units are asked for?", r"it builds linear layers of",
        ("HIDDEN_UNITS = 1000", "HIDDEN_UNITS = 500"),
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
        "Print the keys of main_params, and of the model.", r"main raised KeyError",
        ('main_params["alpha"]', 'main_params["_alpha"]'),
    ),
)  # fmt: skip

RECORDS = (
    _wiring(
        "the losses of the mini-batches are not added up", "= or +=?", r"mini-batch losses are not added up",
        ("        loss += float", "        loss = float"),
    ),
    _wiring(
        "the sum of the losses is not set back to 0", ONCE, r"sum of the losses is not set back to 0",
        (APPEND_LOSS, "train_loss_record.append(train_loss + sum(train_loss_record[-1:]))"),
    ),
    _wiring(
        "the training loss is that met while training",
        "When is the training set evaluated, and with which weights?", r"met while training(?! are added in)",
        (LOSS_CALL, LOSS_CALL.replace("model", "met += model")), (EPOCH, f"{EPOCH}        met = 0.0\n"),
        (APPEND_LOSS, "train_loss_record.append(met)"),
    ),
    _wiring(
        "a set is not evaluated after the epoch, or not all of it", "Which rows does the evaluation visit?",
        r"set is not evaluated after|examples of the .* set are evaluated",
        ("evaluate(model, valid, minibatch_size)", "evaluate(model, train, minibatch_size)"),
    ),
    _wiring(
        "the two loss records are exchanged", RETURNED, r"loss record holds the losses of the",
        (RETURN, "    return val_loss_record, train_loss_record\n"),
    ),
    _wiring(
        "main returns nothing", "What does a function return that has no return statement?", r"it returns nothing",
        (RETURN, ""),
    ),
    _wiring(
        "the loss record holds accuracies", RETURNED, r"the record holds accuracies",
        (RETURN, RETURN.replace("loss", "accuracy")),
    ),
    _wiring(
        "the loss record is scaled by a constant factor", "What is each sum divided by, or multiplied with?",
        r"the record holds [\d.e+-]+ times the sums", (APPEND_LOSS, "train_loss_record.append(2 * train_loss)"),
    ),
    _wiring(
        "a loss record is not returned", RETURNED, r"it does not return (train|val)_loss_record",
        (RETURN, "    return train_loss_record\n"),
    ),
    _wiring(
        "a record has not one number an epoch", ONCE, r"record.* has \d+ numbers, where one",
        (APPEND_LOSS, "train_loss_record += [train_loss, train_loss]"),
    ),
    _wiring(
        "the accuracy is a number of predictions, not a share", COUNTED, r"it is the number of right predictions, not",
        (ACCURACY, "return loss, correct"),
    ),
    _wiring(
        "the share of wrong predictions is recorded", COUNTED, r"it is the share of wrong predictions",
        (ACCURACY, "return loss, 1 - correct / count"),
    ),
    _wiring(
        "the accuracy is divided by another number than that of the examples predicted", COUNTED,
        r"it is divided by the (number of|mini-batch size)", (ACCURACY, "return loss, correct / minibatch_size"),
    ),
    _wiring(
        "the accuracy is that of the last mini-batch", "= or +=?", r"it is that of the last mini-batch",
        ("correct += int", "correct = int"), (ACCURACY, "return loss, correct / minibatch_size"),
    ),
    _wiring(
        "the accuracy is that of the other set", "Which record is which?", r"it is that of the other set",
        (
            '{"train": train_accuracy_record, "val": val_accuracy_record}',
            '{"train": val_accuracy_record, "val": train_accuracy_record}',
        ),
    ),
    _wiring(
        "the counts of right predictions are not set back to 0", ONCE,
        r"counts? (of right predictions )?(is|are) not set back to 0",
        (
            "train_accuracy_record.append(train_accuracy)",
            "train_accuracy_record.append(train_accuracy + sum(train_accuracy_record[-1:]))",
        ),
    ),
)  # fmt: skip

MAIN = (*ON_THE_WAY, *BATCHES, *UPDATES, *LAYERS, *RECORDS)

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
        "η has another value than main_params and the epoch ask for", "η is dropped too early",
        "another λ is passed on", "another α is passed on",
    ),
    "W is stored M×D": _OTHER_SHAPES,
    "b has another shape than 1×M": _OTHER_SHAPES,
    "b is stored as a column": _OTHER_SHAPES,
    "dropout stands before the activation": ("dropout is bypassed in training", "a forward is given the wrong input"),
    "it trains on another set": (_STEPS, "η is not dropped at t = 10", _UNEVALUATED),
    "the weights are never changed": (_STEPS, _UNEVALUATED),
    "every epoch has the same order": ("some training examples are never used",),
    "the examples are not shuffled": ("some training examples are never used",),
    _UNEVALUATED: (
        "the losses of the mini-batches are not added up", "the loss record is scaled by a constant factor",
    ),
    "the pixels are changed": (_UNEVALUATED,),
}  # fmt: skip
"""What follows from a mistake, in the same case."""
