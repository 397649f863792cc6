"""Wrong forms of main that lie near a known mistake and are another, then the parts': each with its false names."""

from __future__ import annotations

from parity_tests.assignments.mlp.mistakes.main_lines import (
    APPEND_LOSS,
    DROP_RATE,
    EPOCH,
    LOSS_CALL,
    ORDER,
    RETURN,
    ROWS,
    SGD_CALL,
    at_epoch,
    before_sgd,
    passing,
)
from parity_tests.assignments.mlp.proof.near_misses_in_parts import IN_PARTS, OF_FALSE_EVIDENCE
from parity_tests.protocol.mistake import NearMiss, Rewrite, Swap

MET = "the sum of the losses met while training stands for the loss record"


def _main(name: str, false: tuple[str, ...], *swaps: tuple[str, str]) -> NearMiss:
    return NearMiss(Rewrite(f"main: {name}", tuple(Swap(*swap) for swap in swaps)), false)


LIMITED = (
    "size = np.sqrt(sum(np.sum(g * g) for n in ('L1', 'L2') for g in model[n].gradient.values()))\n"
    "            for n in ('L1', 'L2'):\n"
    "                model[n].gradient = {k: g * min(1.0, 0.3 / size) for k, g in model[n].gradient.items()}"
)
FORWARD_1 = 'u = model["L1"].forward(x)\n            h ='

NEAR_MISSES = (
    _main("the gradient's length is limited",
          ("the gradient is multiplied by 0.7 in the gradient with weight decay",), before_sgd(LIMITED)),
    _main(
        "the gradient is scaled in the first step of an epoch alone",
        ("the gradient is the sum over the mini-batch",),
        before_sgd("if start == 0:\n                model['L2'].gradient['W'] = 5 * model['L2'].gradient['W']"),
    ),
    _main(
        "dropout is off in one step alone", ("dropout is off in training", "dropout is left out in training"),
        ("forward(h, is_train=True)", "forward(h, is_train=t + start > 0)"),
        ('grad_h = model["drop1"].backward(h, grad_s)',
         'grad_h = model["drop1"].backward(h, grad_s) if t + start > 0 else grad_s'),
    ),
    _main(
        "an epoch too few", ("too many or too few steps an epoch",),
        ('range(int(main_params["num_epoch"]))', 'range(1, int(main_params["num_epoch"]))'),
    ),
    _main("a step too few in the last epoch",
          ("too many or too few epochs", "a set is not evaluated after the epoch, or not all of it"),
          (SGD_CALL, f"if t + 1 < int(main_params['num_epoch']) or start:\n                {SGD_CALL}")),
    _main("eleven classes", ("the hidden layer has another size",), ("CLASSES = 10", "CLASSES = 11")),
    _main("η is halved at the tenth epoch", ("η is dropped too early", "η is not dropped at t = 10"),
          ("eta *= 0.1", "eta *= 0.5")),
    _main("η is dropped at every step of the tenth epoch", ("η is dropped too early", "η is not dropped at t = 10"),
          (DROP_RATE, "if False"), before_sgd("eta *= 0.1 if t % 10 == 0 and t != 0 else 1.0")),
    _main("λ is passed on in the first epoch alone", ("λ is not passed on", "another λ is passed on"),
          passing("lam * (t == 0), alpha, eta")),
    _main("α is passed on from the second epoch on", ("α is not passed on", "another α is passed on"),
          passing("lam, alpha * (t > 0), eta")),
    _main("the velocity is thrown away at the second epoch alone", ("the velocity is thrown away between epochs",),
          at_epoch("momentum = add_momentum(model) if t == 1 else momentum")),
    _main("labels of other rows in one step alone", ("the other set's loss record stands for the loss record",),
          (f"x, y = train.get_example({ROWS})", f"x, y = train.get_example({ROWS})\n"
           "            y = y[::-1] if start == 0 else y")),
    _main("the training loss record is noise", ("the loss record is doubled", MET),
          (APPEND_LOSS, "train_loss_record.append(train_loss + t)")),
    _main("one record is returned twice", ("the other set's loss record stands for the loss record",),
          (RETURN, "    return val_loss_record, val_loss_record\n")),
    _main("a removed name of numpy", ("an attribute is used that its object does not have",),
          (EPOCH, f"        t = np.int(t)\n{EPOCH}")),
    _main("an attribute of a list", ("numpy has no longer what is used",), (EPOCH, f"        [].shape\n{EPOCH}")),
    _main("half of η in the first epoch", ("another η than main_params' is passed on", "η is dropped too early"),
          passing("lam, alpha, eta * (0.5 if t == 0 else 1.0)")),
    _main("another η in the second epoch alone", ("another η than main_params' is passed on", "η is dropped too early"),
          passing("lam, alpha, 0.01 if t == 1 else eta")),
    _main("η falls a little in each epoch", ("another η than main_params' is passed on", "η is dropped too early"),
          (DROP_RATE, "if False"), before_sgd("eta *= 0.9 if start == 0 else 1.0")),
    _main("the velocity is halved between epochs", ("the velocity is thrown away between epochs",),
          at_epoch("momentum = {k: 0.5 * v for k, v in momentum.items()}")),
    _main("the order is drawn anew in every other epoch",
          ("the examples are not shuffled", "some training examples are never used"),
          (ORDER, "order = np.random.permutation(train.N) if t % 2 == 0 else order")),
    _main("the training loss is that met in the last epoch alone", (MET,),
          (LOSS_CALL, LOSS_CALL.replace("model", "met += model")), (EPOCH, f"{EPOCH}        met = 0.0\n"),
          (APPEND_LOSS, "train_loss_record.append(met if t + 1 == int(main_params['num_epoch']) else train_loss)")),
    _main("the loss record is scaled in the first epoch alone", ("the loss record is doubled",),
          (APPEND_LOSS, "train_loss_record.append(train_loss * (2 if t == 0 else 1))")),
    *IN_PARTS,
    *OF_FALSE_EVIDENCE,
    _main("the file's order in the first epoch alone", ("the examples are not shuffled",),
          (ORDER, "order = np.random.permutation(train.N) if t else np.arange(train.N)")),
    _main("the file's order backwards", ("the examples are not shuffled",),
          (ORDER, "order = np.arange(train.N)[::-1]")),
    _main("dropout is built with rate 0", ("the same dropout mask in several steps",),
          ("dropout(rate)", "dropout(0.0)")),
    _main("the input is dropped as well", ("the pixels are changed", "it trains on another set"),
          (FORWARD_1, f"x = x * (np.random.uniform(0.0, 1.0, x.shape) >= 0.2)\n            {FORWARD_1}")),
    _main("the validation set is trained on too", ("the pixels are changed", "it trains on another set"),
          ("train, valid = DataSplit(Xtrain, Ytrain)",
           "train, valid = DataSplit(np.concatenate([Xtrain, Xvalid]), np.concatenate([Ytrain, Yvalid]))")),
    _main("weights are put back where the validation loss is worse", ("it trains on another set",),
          (APPEND_LOSS, """kept = [model[n].params[k].copy() for n in ("L1", "L2") for k in "Wb"]
        if t and val_loss > val_loss_record[-1]:
            for (n, k), w in zip(((n, k) for n in ("L1", "L2") for k in "Wb"), best):
                model[n].params[k] = w.copy()
        best = kept if not t or val_loss <= val_loss_record[-1] else best
        train_loss_record.append(train_loss)""")),
)  # fmt: skip
