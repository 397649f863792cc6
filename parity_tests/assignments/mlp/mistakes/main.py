"""Known mistakes of `main` (TODO 10): what the sentences of its replay are called."""

from __future__ import annotations

from parity_tests.assignments.mlp.mistakes.crashes import HIDDEN
from parity_tests.protocol.mistake import Mistake, Swap

FORWARD_2 = 'a = model["L2"].forward(s)\n            model'
DROP_BACK = 'grad_h = model["drop1"].backward(h, grad_s)'
ACT_BACK = 'grad_u = model["nonlinear1"].backward(u, grad_h)'
SGD_CALL = "miniBatchStochasticGradientDescent(model, momentum, lam, alpha, eta)\n"
ORDER = "order = np.random.permutation(train.N)"
EPOCH = '        print(f"At epoch {t + 1}")\n'
STEPS = "range(0, train.N - minibatch_size + 1, minibatch_size)"
RETURN = "    return train_loss_record, val_loss_record\n"

PATH = "Draw the arrows of the forward pass, and give each backward the X of its own forward."
ONCE = "Which lines run once, which once an epoch, and which at every step?"


def _wiring(name: str, hint: str, said: str, *swaps: tuple[str, str]) -> Mistake:
    return Mistake("10", "main", name, hint, said=said, plug=tuple(Swap(*swap) for swap in swaps))


WIRING = (
    _wiring(
        "dropout is bypassed in training",
        "Follow the arrays: what does the second linear layer get?",
        r"dropout is (bypassed|skipped)|dropout\.forward is not called|to L2\.forward as X, where drop",
        (FORWARD_2, FORWARD_2.replace("(s)", "(h)")),
    ),
    _wiring(
        "dropout is off in training",
        "What does is_train mean, and when is it True?",
        r"dropout is off in training|drop1\.backward was called before any drop1\.forward in training",
        ("forward(h, is_train=True)", "forward(h, is_train=False)"),
        (DROP_BACK, "grad_h = grad_s"),
    ),
    _wiring(
        "dropout's backward is left out",
        PATH,
        r"drop1\.backward is never called|does not go through dropout's backward",
        (DROP_BACK, "grad_h = grad_s"),
    ),
    _wiring(
        "the activation's backward is left out",
        PATH,
        r"nonlinear1\.backward is never called|does not go through the activation's backward",
        (ACT_BACK, "grad_u = grad_h"),
    ),
    _wiring(
        "evaluation runs with dropout on",
        "What does is_train mean, and when is it True?",
        r"evaluated with dropout on",
        ("is_train=False", "is_train=True"),
    ),
    _wiring(
        "the same dropout mask in several steps",
        "How often is the random generator seeded?",
        r"draw the same dropout mask",
        (EPOCH, EPOCH + "        np.random.seed(1)\n"),
    ),
    _wiring(
        "dropout stands before the activation",
        PATH,
        r"the activation belongs before dropout",
        (
            'h = model["nonlinear1"].forward(u)\n            s = model["drop1"].forward(h, is_train=True)',
            'h = model["drop1"].forward(u, is_train=True)\n            s = model["nonlinear1"].forward(h)',
        ),
        (DROP_BACK, 'grad_h = model["nonlinear1"].backward(h, grad_s)'),
        (ACT_BACK, 'grad_u = model["drop1"].backward(u, grad_h)'),
    ),
    _wiring(
        "a backward is given the wrong X",
        PATH,
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
        "a forward is given the wrong input",
        PATH,
        r"to (L1|L2|nonlinear\d|drop\d|loss)\.forward as X(?!, where drop)|\.forward was given X",
        ('s = model["drop1"].forward(h, is_train=True)', 's = model["drop1"].forward(u, is_train=True)'),
    ),
    _wiring(
        "the weights are updated before the backward is done",
        "In which order do forward, backward and update come?",
        r"weights are updated before .* is called",
        (
            '            model["L1"].backward(x, grad_u)\n\n            ' + SGD_CALL,
            "            " + SGD_CALL + '            model["L1"].backward(x, grad_u)\n',
        ),
    ),
    _wiring(
        "a layer's backward is left out",
        PATH,
        r"(L1|L2|loss)\.backward is never called",
        ('            model["L1"].backward(x, grad_u)\n', ""),
    ),
    _wiring(
        "a mini-batch or an example is used twice in an epoch",
        "Which rows does the slice of step s take?",
        r"is used twice in epoch|in one sweep over it",
        ("order[start : start + minibatch_size]", "order[start // 10 * 5 : start // 10 * 5 + minibatch_size]"),
    ),
    _wiring(
        "a mini-batch has the wrong number of rows",
        "Which rows does the slice of step s take?",
        r"is made on \d+ rows",
        ("order[start : start + minibatch_size]", "order[start : start + minibatch_size - 1]"),
    ),
    _wiring(
        "too many or too few steps an epoch",
        "An epoch has ⌊N / batch⌋ steps: count yours for N = 22 and batches of 5.",
        r"it makes .* steps? .*where ⌊",
        (STEPS, "range(0, train.N - 2 * minibatch_size + 1, minibatch_size)"),
    ),
    _wiring("the examples are not shuffled", ONCE, r"nothing is shuffled", (ORDER, "order = np.arange(train.N)")),
    _wiring(
        "every epoch has the same order",
        ONCE,
        r"(in the same order|same mini-batches)",
        ("        " + ORDER + "\n", ""),
        ("    momentum = add_momentum(model)\n", f"    momentum = add_momentum(model)\n    {ORDER}\n"),
    ),
    _wiring(
        "some training examples are never used",
        "Which rows can your permutation hold?",
        r"are never used in",
        (ORDER, "order = np.random.permutation(train.N - 2)"),
    ),
    _wiring(
        "the labels are not those of the rows",
        "X and y must be taken by the same indices.",
        r"labels that are not",
        (
            "x, y = train.get_example(order[start : start + minibatch_size])",
            "x, _ = train.get_example(order[start : start + minibatch_size])\n"
            "            _, y = train.get_example(range(start, start + minibatch_size))",
        ),
    ),
    _wiring(
        "it trains on another set",
        "Which set is which?",
        r"trains on rows of the (validation|test) set",
        (
            "train, valid = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
            "valid, train = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
        ),
    ),
    _wiring(
        "η is dropped too early",
        "For which epochs t, counted from 0, does your condition hold?",
        r"dropped too early|η is 0\.001 in epoch 1",
        ("if t % 10 == 0 and t != 0", "if t % 5 == 0 and t != 0"),
    ),
    _wiring(
        "η is not dropped at t = 10",
        "For which epochs t, counted from 0, does your condition hold?",
        r"is not dropped at the tenth epoch",
        ("if t % 10 == 0 and t != 0", "if t % 10 == 10"),
    ),
    _wiring(
        "the velocity is thrown away between epochs",
        ONCE,
        r"thrown away at (the start|step)",
        ("        " + ORDER, "        momentum = add_momentum(model)\n        " + ORDER),
    ),
    _wiring(
        "λ is not passed on",
        "Compare the call with the order of SGD's parameters.",
        r"weight decay is left out:",
        (SGD_CALL, SGD_CALL.replace("lam", "0.0")),
    ),
    _wiring(
        "momentum has no effect in main: α is not passed on, or the velocity is made anew at each step",
        ONCE,
        r"thrown away at every step",
        (SGD_CALL, SGD_CALL.replace("alpha", "0.0")),
    ),
    _wiring(
        "another λ is passed on",
        "Compare the call with the order of SGD's parameters.",
        r"weight decay is made with λ =",
        (SGD_CALL, SGD_CALL.replace("lam", "2 * lam")),
    ),
    _wiring(
        "another α is passed on",
        "Compare the call with the order of SGD's parameters.",
        r"is carried on with α =",
        (SGD_CALL, SGD_CALL.replace("alpha", "alpha / 2")),
    ),
    _wiring(
        "the hidden layer has another size",
        "How many hidden units are asked for?",
        r"it builds linear layers of",
        ("HIDDEN_UNITS = 1000", "HIDDEN_UNITS = 500"),
    ),
    _wiring(
        "the activation is not the one asked for",
        "Which entry of main_params names it?",
        r"it uses (relu|tanh)|(relu|tanh) is used, where",
        ('"tanh": tanh}', '"tanh": relu}'),
    ),
    _wiring(
        "dropout is built with another rate",
        "Which entry of main_params holds it?",
        r"builds dropout with r =",
        ("dropout(rate)", "dropout(0.25)"),
    ),
    _wiring(
        "the losses of the mini-batches are not added up",
        "= or +=?",
        r"mini-batch losses are not added up",
        ("        loss += float", "        loss = float"),
    ),
    _wiring(
        "the sum of the losses is not set back to 0",
        ONCE,
        r"sum of the losses is not set back to 0",
        (
            "        train_loss_record.append(train_loss)",
            "        train_loss_record.append(train_loss + sum(train_loss_record[-1:]))",
        ),
    ),
    _wiring(
        "the training loss is that met while training",
        "When is the training set evaluated, and with which weights?",
        r"met while training(?! are added in)",
        ('            model["loss"].forward(a, y)\n', '            met += model["loss"].forward(a, y)\n'),
        (EPOCH, EPOCH + "        met = 0.0\n"),
        ("train_loss_record.append(train_loss)", "train_loss_record.append(met)"),
    ),
    _wiring(
        "the two loss records are exchanged",
        "In which order are they returned?",
        r"loss record holds the losses of the",
        (RETURN, "    return val_loss_record, train_loss_record\n"),
    ),
    _wiring(
        "main returns nothing",
        "What does a function return that has no return statement?",
        r"it returns nothing",
        (RETURN, ""),
    ),
    _wiring(
        "a set is not evaluated after the epoch, or not all of it",
        "Which rows does the evaluation visit?",
        r"set is not evaluated after|examples of the .* set are evaluated",
        ("evaluate(model, valid, minibatch_size)", "evaluate(model, train, minibatch_size)"),
    ),
    _wiring(
        "the weights are never changed",
        "Which call changes them?",
        r"it never changes the weights",
        (SGD_CALL, "pass\n"),
    ),
    _wiring(
        "the pixels are changed",
        "What is done to X between the file and the network?",
        r"were the pixels changed",
        ("valid = DataSplit(Xtrain, Ytrain)", "valid = DataSplit(Xtrain - 0.5, Ytrain)"),
    ),
    _wiring(
        "the gradient is the sum over the mini-batch",
        "Is the mean of the loss scaled up again somewhere?",
        r"gradient is the sum over the mini-batch",
        (
            SGD_CALL,
            "model['L1'].gradient['W'] *= 5\n            model['L1'].gradient['b'] *= 5\n            "
            "model['L2'].gradient['W'] *= 5\n            model['L2'].gradient['b'] *= 5\n            " + SGD_CALL,
        ),
    ),
    _wiring(
        "a step is made with the gradient of the step before",
        "In which order do forward, backward and update come?",
        r"made with the gradient of the mini-batch before",
        (
            SGD_CALL,
            "mine = [{k: g.copy() for k, g in model[n].gradient.items()} for n in ('L1', 'L2')]\n"
            "            for n, g in zip(('L1', 'L2'), last if start or t else mine):\n"
            "                model[n].gradient = dict(g)\n"
            "            last = mine\n            " + SGD_CALL,
        ),
    ),
    _wiring(
        "the gradient is scaled by a constant factor",
        "The loss's backward divides by N already: what else multiplies or divides on the way?",
        r"the gradient is [\d.e+-]+ times what it should be",
        (
            SGD_CALL,
            "for n in ('L1', 'L2'):\n                for k in ('W', 'b'):\n"
            "                    model[n].gradient[k] = model[n].gradient[k] / minibatch_size\n            " + SGD_CALL,
        ),
    ),
    _wiring(
        "η has another value than main_params and the epoch ask for",
        "Print η in each epoch, and compare with the assignment.",
        r"η is [\d.e+-]+ in epoch \d+ \(counted from 1\), where [\d.e+-]+ is asked for(;|$)",
        ("eta *= 0.1", "eta *= 0.5"),
    ),
    _wiring(
        "the weights are updated more than once for one mini-batch",
        ONCE,
        r"changes the weights again, without a new forward",
        (SGD_CALL, SGD_CALL + "            " + SGD_CALL),
    ),
    _wiring(
        "the layers are built anew during training",
        ONCE,
        r"builds its layers anew",
        (
            "        " + ORDER,
            "        if t:\n            model['L1'] = linear_layer(train.d, HIDDEN_UNITS)\n"
            "            model['L2'] = linear_layer(HIDDEN_UNITS, CLASSES)\n        " + ORDER,
        ),
    ),
    _wiring(
        "the rates are passed to SGD in another order",
        "Compare the call with the order of SGD's parameters.",
        r"passed its rates in another order",
        (SGD_CALL, SGD_CALL.replace("lam, alpha, eta", "alpha, lam, eta")),
    ),
    _wiring(
        "dropout's forward runs again before its backward",
        "How many masks does one step draw, and which of them does each line use?",
        r"forward is called again before its backward",
        (
            "            grad_a = model",
            "            model['drop1'].forward(h, is_train=True)\n            grad_a = model",
        ),
    ),
    _wiring(
        "weight decay is made with another λ, or twice, for some parameters",
        "Where is λ w added: in SGD alone, or before it too?",
        r"weight decay of .* is made with λ",
        (
            SGD_CALL,
            "for n in ('L1', 'L2'):\n                g, w = model[n].gradient, model[n].params\n"
            "                g['W'] = g['W'] + lam * w['W']\n            " + SGD_CALL,
        ),
    ),
    _wiring(
        "weight decay is left out for some parameters",
        "Where is λ w added: in SGD alone, or before it too?",
        r"weight decay is left out of",
        (
            SGD_CALL,
            "for n in ('L1', 'L2'):\n                g, w = model[n].gradient, model[n].params\n"
            "                g['b'] = g['b'] - lam * w['b']\n            " + SGD_CALL,
        ),
    ),
    _wiring(
        "the gradient of some parameters is scaled by a constant factor",
        "What is done to the gradients between the backwards and SGD?",
        r"the gradient of L\d_[Wb].* times what it should be",
        (
            SGD_CALL,
            "model['L1'].gradient['W'] = model['L1'].gradient['W'] * 3\n            " + SGD_CALL,
        ),
    ),
    _wiring(
        "the gradients are cut off before SGD is called",
        "What is done to the gradients between the backwards and SGD?",
        r"the gradient of .* is cut off beyond|the sign of the gradient of",
        (
            SGD_CALL,
            "for n in ('L1', 'L2'):\n                g = model[n].gradient\n"
            "                g['W'] = np.clip(g['W'], -0.01, 0.01)\n            " + SGD_CALL,
        ),
    ),
    _wiring(
        "the losses met while training are added in as well",
        "Where is the sum of the losses set to 0, and which loop adds to it?",
        r"losses met while training are added in as well",
        ('            model["loss"].forward(a, y)\n', '            met += float(model["loss"].forward(a, y))\n'),
        (EPOCH, EPOCH + "        met = 0.0\n"),
        ("train_loss_record.append(train_loss)", "train_loss_record.append(train_loss + met)"),
    ),
    _wiring(
        "the evaluation uses weights from before the epoch",
        "When is the copy made that is evaluated?",
        r"evaluated with weights from before the epoch",
        (EPOCH, EPOCH + "        import copy\n        old = copy.deepcopy(model['L2'])\n"),
        ("evaluate(model, train, minibatch_size)", "evaluate({**model, 'L2': old}, train, minibatch_size)"),
    ),
    _wiring(
        "the loss record holds accuracies",
        "Which two records are returned?",
        r"the record holds accuracies",
        ("    return train_loss_record, val_loss_record\n", "    return train_accuracy_record, val_accuracy_record\n"),
    ),
    _wiring(
        "the loss record is scaled by a constant factor",
        "What is each sum divided by, or multiplied with?",
        r"the record holds [\d.e+-]+ times the sums",
        ("train_loss_record.append(train_loss)", "train_loss_record.append(2 * train_loss)"),
    ),
    _wiring(
        "a loss record is not returned",
        "What does main return, and in which order?",
        r"it does not return (train|val)_loss_record",
        ("    return train_loss_record, val_loss_record\n", "    return train_loss_record\n"),
    ),
    _wiring(
        "a record has not one number an epoch",
        ONCE,
        r"record.* has \d+ numbers, where one",
        (
            "        train_loss_record.append(train_loss)",
            "        train_loss_record += [train_loss, train_loss]",
        ),
    ),
    _wiring(
        "the accuracy is a number of predictions, not a share",
        "By what must the count be divided?",
        r"it is the number of right predictions, not",
        ("return loss, correct / count", "return loss, correct"),
    ),
    _wiring(
        "the share of wrong predictions is recorded",
        "Which predictions are counted?",
        r"it is the share of wrong predictions",
        ("return loss, correct / count", "return loss, 1 - correct / count"),
    ),
    _wiring(
        "the accuracy is divided by another number than that of the examples predicted",
        "How many examples were predicted, and by what is the count divided?",
        r"it is divided by the (number of|mini-batch size)",
        ("return loss, correct / count", "return loss, correct / minibatch_size"),
    ),
    _wiring(
        "the accuracy is that of the last mini-batch",
        "= or +=?",
        r"it is that of the last mini-batch",
        ("correct += int", "correct = int"),
        ("return loss, correct / count", "return loss, correct / minibatch_size"),
    ),
    _wiring(
        "the accuracy is that of the other set",
        "Which record is which?",
        r"it is that of the other set",
        (
            '{"train": train_accuracy_record, "val": val_accuracy_record}',
            '{"train": val_accuracy_record, "val": train_accuracy_record}',
        ),
    ),
    _wiring(
        "the counts of right predictions are not set back to 0",
        ONCE,
        r"counts? (of right predictions )?(is|are) not set back to 0",
        (
            "        train_accuracy_record.append(train_accuracy)",
            "        train_accuracy_record.append(train_accuracy + sum(train_accuracy_record[-1:]))",
        ),
    ),
    _wiring(
        "an entry is asked for under a name that it does not have",
        "Print the keys of main_params, and of the model.",
        r"main raised KeyError",
        ('main_params["alpha"]', 'main_params["_alpha"]'),
    ),
    _wiring(
        "the velocities do not start at zero",
        ONCE,
        r"velocities that SGD is given at the first step are not zero",
        (
            "momentum = add_momentum(model)",
            "momentum = {key: value + 0.01 for key, value in add_momentum(model).items()}",
        ),
    ),
)

HIDES = {
    **HIDDEN,
    "the layers are built anew during training": (
        "it trains on another set",
        "dropout is off in training",
        "a layer's backward is left out",
        "too many or too few steps an epoch",
        "a set is not evaluated after the epoch, or not all of it",
        "a mini-batch or an example is used twice in an epoch",
    ),
    "the weights are updated more than once for one mini-batch": (
        "too many or too few steps an epoch",
        "the weights are updated before the backward is done",
        "a layer's backward is left out",
        "another α is passed on",
        "η is dropped too early",
    ),
    "the rates are passed to SGD in another order": (
        "η has another value than main_params and the epoch ask for",
        "η is dropped too early",
        "another λ is passed on",
        "another α is passed on",
    ),
    "W is stored M×D": ("the gradients have other shapes than the parameters",),
    "b has another shape than 1×M": ("the gradients have other shapes than the parameters",),
    "b is stored as a column": ("the gradients have other shapes than the parameters",),
    "dropout stands before the activation": ("dropout is bypassed in training", "a forward is given the wrong input"),
    "it trains on another set": (
        "too many or too few steps an epoch",
        "η is not dropped at t = 10",
        "a set is not evaluated after the epoch, or not all of it",
    ),
    "the weights are never changed": (
        "too many or too few steps an epoch",
        "a set is not evaluated after the epoch, or not all of it",
    ),
    "every epoch has the same order": ("some training examples are never used",),
    "the examples are not shuffled": ("some training examples are never used",),
    "a set is not evaluated after the epoch, or not all of it": (
        "the losses of the mini-batches are not added up",
        "the loss record is scaled by a constant factor",
    ),
    "the pixels are changed": ("a set is not evaluated after the epoch, or not all of it",),
}
"""What only follows from a mistake, in the same run: the rows that tell of it get the name of their cause."""
