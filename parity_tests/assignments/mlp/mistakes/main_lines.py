"""The lines of the shipped `main` that its known mistakes change, and hints that several of them share."""

from __future__ import annotations

TextSwap = tuple[str, str]

FORWARD_2 = 'a = model["L2"].forward(s)\n            model'
DROP_BACK = 'grad_h = model["drop1"].backward(h, grad_s)'
SGD_CALL = "miniBatchStochasticGradientDescent(model, momentum, lam, alpha, eta)\n"
ORDER = "order = np.random.permutation(train.N)"
ROWS = "order[start : start + minibatch_size]"
VELOCITIES = "    momentum = add_momentum(model)\n"
EPOCH = '        print(f"At epoch {t + 1}")\n'
STEPS = "range(0, train.N - minibatch_size + 1, minibatch_size)"
LEARNING_RATE = 'eta = eta_0 = float(main_params["learning_rate"])'
DROP_RATE = "if t % 10 == 0 and t != 0"
APPEND_LOSS = "train_loss_record.append(train_loss)"
RETURN = "    return train_loss_record, val_loss_record\n"

ONCE = "Which lines run once, which once an epoch, and which at every step?"
TRAINING = "What does is_train mean, and when is it True?"
SLICE = "Which rows does the slice of step s take?"
RETURNED = "What does main return, and in which order?"
COUNTED = "Which predictions are counted, and by what is their number divided?"


def passing(new: str) -> TextSwap:
    """Other rates passed to SGD."""
    return SGD_CALL, SGD_CALL.replace("lam, alpha, eta", new)


def at_epoch(lines: str) -> TextSwap:
    """Lines at the start of an epoch."""
    return f"        {ORDER}", f"        {lines}\n        {ORDER}"
