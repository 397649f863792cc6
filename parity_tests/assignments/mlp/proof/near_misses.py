"""Wrong forms that lie near a known mistake and are another: each with the name that it must not get."""

from __future__ import annotations

from parity_tests.assignments.mlp.mistakes.main_lines import (
    APPEND_LOSS,
    DROP_RATE,
    EPOCH,
    FORWARD_2,
    RETURN,
    ROWS,
    SGD_CALL,
    at_epoch,
    before_sgd,
    passing,
)
from parity_tests.protocol.mistake import Body, NearMiss, Rewrite, Swap


def _main(name: str, false: tuple[str, ...], *swaps: tuple[str, str]) -> NearMiss:
    return NearMiss(Rewrite(f"main: {name}", tuple(Swap(*swap) for swap in swaps)), false)


def _part(name: str, function: str, statements: str, *false: str) -> NearMiss:
    return NearMiss(Rewrite(name, (Body(function, statements),)), false)


LIMITED = (
    "size = np.sqrt(sum(np.sum(g * g) for n in ('L1', 'L2') for g in model[n].gradient.values()))\n"
    "            for n in ('L1', 'L2'):\n"
    "                model[n].gradient = {k: g * min(1.0, 0.3 / size) for k, g in model[n].gradient.items()}"
)
STALE_ONCE = (
    FORWARD_2,
    'a = model["L2"].forward(h if t == 1 and start == 0 else s)\n            model',
)

NEAR_MISSES = (
    _main(
        "the gradient's length is limited", ("the gradient is scaled by a constant factor",), before_sgd(LIMITED),
    ),
    _main(
        "the gradient is scaled in the first step of an epoch alone",
        ("the gradient is scaled by a constant factor", "the gradient is the sum over the mini-batch"),
        before_sgd("if start == 0:\n                model['L2'].gradient['W'] = 5 * model['L2'].gradient['W']"),
    ),
    _main("dropout is bypassed in one step alone", ("dropout is bypassed in training",), STALE_ONCE),
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
    _main("labels of other rows in one step alone", ("the two loss records are exchanged",),
          (f"x, y = train.get_example({ROWS})", f"x, y = train.get_example({ROWS})\n"
           "            y = y[::-1] if start == 0 else y")),
    _main("the training loss record is noise", ("the loss record is scaled by a constant factor",
          "the training loss is that met while training"), (APPEND_LOSS, "train_loss_record.append(train_loss + t)")),
    _main("one record is returned twice", ("the two loss records are exchanged",),
          (RETURN, "    return val_loss_record, val_loss_record\n")),
    _main("a removed name of numpy", ("an attribute is used that its object does not have",),
          (EPOCH, f"        t = np.int(t)\n{EPOCH}")),
    _main("an attribute of a list", ("numpy has no longer what is used",), (EPOCH, f"        [].shape\n{EPOCH}")),
    _part(
        "linear: the gradient of W is averaged where there are several rows and doubled where there is one",
        "linear_layer.backward",
        'self.gradient["W"] = X.T @ grad * (1 / len(X) if len(X) > 1 else 2)\n'
        'self.gradient["b"] = grad.sum(axis=0, keepdims=True)\nreturn grad @ self.params["W"].T',
        "the gradient of W is averaged over the rows",
    ),
    _part(
        "linear: the bias is left out in float32 alone", "linear_layer.forward",
        'u = X @ self.params["W"]\nreturn u if X.dtype == np.float32 else u + self.params["b"]',
        "the bias is left out",
    ),
)  # fmt: skip
