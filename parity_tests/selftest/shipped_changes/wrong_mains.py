"""Mains that are wrong: the run, the changes, the quantity that must not match, and words of its sentence or name."""

from __future__ import annotations

from parity_tests.assignments.mlp.main.configs import Config
from parity_tests.selftest.shipped_changes.main_pieces import (
    EPOCH,
    ORDER,
    RELU,
    RETURN,
    SGD_CALL,
    TANH,
    TRAIN_CALLS,
)

Swap = tuple[str, str]

WRONG: dict[str, tuple[Config, list[Swap], str, str]] = {
    "dropout computed and not used": (
        RELU,
        [
            (
                '            a = model["L2"].forward(s)\n            model',
                '            a = model["L2"].forward(h)\n            model',
            )
        ],
        "dropout",
        "main passes nonlinear1.forward's output to L2.forward as X, where drop1.forward's output belongs",
    ),
    "dropout not called": (
        RELU,
        [
            ('s = model["drop1"].forward(h, is_train=True)', "s = h"),
            ('grad_h = model["drop1"].backward(h, grad_s)', "grad_h = grad_s"),
        ],
        "dropout",
        "dropout is left out in training",
    ),
    "dropout off in training": (
        RELU,
        [("is_train=True", "is_train=False"), ('grad_h = model["drop1"].backward(h, grad_s)', "grad_h = grad_s")],
        "dropout",
        "dropout is off in training",
    ),
    "dropout's backward left out": (
        RELU,
        [('grad_h = model["drop1"].backward(h, grad_s)', "grad_h = grad_s")],
        "weights",
        "drop1.backward is never called",
    ),
    "evaluation with dropout on": (
        TANH,
        [("is_train=False", "is_train=True")],
        "validation losses",
        "evaluation runs with dropout on",
    ),
    "the same masks in every epoch": (
        TANH,
        [(EPOCH, EPOCH + "        np.random.seed(1)\n")],
        "dropout",
        "the same dropout mask",
    ),
    "activation's backward given its output": (
        TANH,
        [('model["nonlinear1"].backward(u, grad_h)', 'model["nonlinear1"].backward(h, grad_h)')],
        "weights",
        "a backward is given the wrong X",
    ),
    "L2's backward given h": (
        RELU,
        [('model["L2"].backward(s, grad_a)', 'model["L2"].backward(h, grad_a)')],
        "weights",
        "a backward is given the wrong X",
    ),
    "L1's backward given the batch before": (
        RELU,
        [
            (
                '            model["L1"].backward(x, grad_u)\n',
                '            model["L1"].backward(last, grad_u)\n            last = x\n',
            ),
            ("        " + ORDER, "        last = np.zeros((5, train.d))\n        " + ORDER),
        ],
        "weights",
        "to L1.backward as X, where the mini-batch belongs",
    ),
    "L2's backward given x": (
        RELU,
        [('model["L2"].backward(s, grad_a)', 'model["L2"].backward(x, grad_a)')],
        "run",
        "L2.backward was given X of shape (5, 100), where (N, 1000) belongs",
    ),
    "activation's backward left out": (
        RELU,
        [('grad_u = model["nonlinear1"].backward(u, grad_h)', "grad_u = grad_h")],
        "weights",
        "nonlinear1.backward is never called",
    ),
    "dropout before the activation": (
        TANH,
        [
            (
                TRAIN_CALLS,
                TRAIN_CALLS.replace('["nonlinear1"]', "[@]")
                .replace('["drop1"].forward(h, is_train=True)', '["nonlinear1"].forward(h)')
                .replace("[@].forward(u)", '["drop1"].forward(u, True)')
                .replace('["drop1"].backward', '["nonlinear1"].backward')
                .replace("[@].backward", '["drop1"].backward'),
            )
        ],
        "weights",
        "the activation belongs before dropout",
    ),
    "update before the backward": (
        RELU,
        [
            (TRAIN_CALLS, TRAIN_CALLS.replace("\n\n", "\n            " + SGD_CALL, 1)),
            ("            " + SGD_CALL + "\n        train_loss", "\n        train_loss"),
        ],
        "weights",
        "loss.backward is never called before the weights are updated (step 1)",
    ),
    "a batch used twice": (
        RELU,
        [("order[start : start + minibatch_size]", "order[start // 10 * 5 : start // 10 * 5 + minibatch_size]")],
        "batches",
        "a mini-batch is used twice in epoch 1",
    ),
    "drawn with replacement": (
        RELU,
        [(ORDER, "order = np.random.choice(train.N, train.N)")],
        "batches",
        "is used twice",
    ),
    "examples never seen": (
        TANH,
        [(ORDER, "order = np.random.permutation(train.N - 2)")],
        "batches",
        "training examples 20, 21 are never used in 12 epochs",
    ),
    "labels shuffled apart": (
        RELU,
        [
            (
                "x, y = train.get_example(order[start : start + minibatch_size])",
                "x, _ = train.get_example(order[start : start + minibatch_size])\n"
                "            _, y = train.get_example(range(start, start + minibatch_size))",
            )
        ],
        "batches",
        "labels that are not those of the mini-batch's rows",
    ),
    "trained on the validation set": (
        RELU,
        [
            (
                "train, valid = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
                "valid, train = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)",
            )
        ],
        "batches",
        "trains on rows of the validation set",
    ),
    "no shuffle": (RELU, [(ORDER, "order = np.arange(train.N)")], "shuffle", "in the order of the file"),
    "one order for all epochs": (
        RELU,
        [
            ("        " + ORDER + "\n", ""),
            ("    momentum = add_momentum(model)\n", "    momentum = add_momentum(model)\n    " + ORDER + "\n"),
        ],
        "shuffle",
        "epochs 1 and 2 take the training examples in the same order",
    ),
    "batches shuffled": (
        RELU,
        [(ORDER, "order = (5 * np.random.permutation(4)[:, None] + np.arange(5)).reshape(-1)")],
        "shuffle",
        "the same mini-batches in another order",
    ),
    "⌈N/B⌉ steps": (
        RELU,
        [("range(0, train.N - minibatch_size + 1, minibatch_size)", "range(0, train.N, minibatch_size)")],
        "number of steps",
        "it makes 5 steps in each of 3 epochs, where ⌊22/5⌋ = 4 steps",
    ),
    "a short batch": (
        RELU,
        [("range(0, train.N - minibatch_size + 1, minibatch_size)", "range(0, train.N, minibatch_size)")],
        "batches",
        "is made on 2 rows, not 5",
    ),
    "an epoch too few": (
        RELU,
        [('range(int(main_params["num_epoch"]))', 'range(1, int(main_params["num_epoch"]))')],
        "number of steps",
        "it trains for 2 epochs of 4 steps, where 3 epochs are asked for",
    ),
    "η dropped too early": (
        TANH,
        [("if t % 10 == 0 and t != 0", "if t % 5 == 0 and t != 0")],
        "learning rate",
        "η is dropped too early",
    ),
    "η not dropped": (
        TANH,
        [("if t % 10 == 0 and t != 0", "if t % 10 == 10")],
        "learning rate",
        "η is not dropped at t = 10",
    ),
    "η dropped at the first": (
        RELU,
        [("if t % 10 == 0 and t != 0", "if t % 10 == 0")],
        "learning rate",
        "η is 0.001 in epoch 1",
    ),
    "velocity thrown away": (
        RELU,
        [("        " + ORDER, "        momentum = add_momentum(model)\n        " + ORDER)],
        "weights",
        "the velocity is thrown away between epochs",
    ),
    "velocity thrown away at each step": (
        RELU,
        [(SGD_CALL, "momentum = add_momentum(model)\n            " + SGD_CALL)],
        "weights",
        "the velocity is not kept, or α is not used",
    ),
    "velocity not from zero": (
        RELU,
        [
            (
                "momentum = add_momentum(model)",
                "momentum = {key: value + 0.01 for key, value in add_momentum(model).items()}",
            )
        ],
        "weights",
        "the velocities do not start at zero",
    ),
    "λ left out": (
        RELU,
        [(SGD_CALL, "miniBatchStochasticGradientDescent(model, momentum, 0.0, alpha, eta)\n")],
        "weights",
        "λ is not passed on",
    ),
    "λ twice": (
        RELU,
        [(SGD_CALL, "miniBatchStochasticGradientDescent(model, momentum, 2 * lam, alpha, eta)\n")],
        "weights",
        "another λ is passed on",
    ),
    "α left out": (
        RELU,
        [(SGD_CALL, "miniBatchStochasticGradientDescent(model, momentum, lam, 0.0, eta)\n")],
        "weights",
        "α is not passed on",
    ),
    "half of α": (
        RELU,
        [(SGD_CALL, "miniBatchStochasticGradientDescent(model, momentum, lam, alpha / 2, eta)\n")],
        "weights",
        "another α is passed on",
    ),
    "500 hidden units": (
        RELU,
        [("HIDDEN_UNITS = 1000", "HIDDEN_UNITS = 500")],
        "layers",
        "it builds 500 hidden units, where 1000 are asked for",
    ),
    "always relu": (
        TANH,
        [('"tanh": tanh}', '"tanh": relu}')],
        "layers",
        "it uses relu, where main_params['activation'] is 'tanh'",
    ),
    "a rate of its own": (
        RELU,
        [("dropout(rate)", "dropout(0.25)")],
        "layers",
        "r = 0.25, where main_params['dropout_rate'] is 0.5",
    ),
    "loss not added up": (
        RELU,
        [("        loss += float", "        loss = float")],
        "training losses",
        "the losses of the mini-batches are not added up",
    ),
    "the sum goes on": (
        RELU,
        [
            (
                "        train_loss_record.append(train_loss)",
                "        train_loss_record.append(train_loss + sum(train_loss_record[-1:]))",
            )
        ],
        "training losses",
        "the sum of the losses is not set back to 0",
    ),
    "training losses met while training": (
        RELU,
        [
            ('            model["loss"].forward(a, y)\n', '            met += model["loss"].forward(a, y)\n'),
            (EPOCH, EPOCH + "        met = 0.0\n"),
            ("train_loss_record.append(train_loss)", "train_loss_record.append(met)"),
        ],
        "training losses",
        "the training loss is that met while training",
    ),
    "records exchanged": (
        RELU,
        [(RETURN, "    return val_loss_record, train_loss_record\n")],
        "training losses",
        "the two loss records are exchanged",
    ),
    "returns nothing": (RELU, [(RETURN, "")], "validation losses", "it returns nothing"),
    "returns one record": (
        RELU,
        [(RETURN, "    return train_loss_record\n")],
        "validation losses",
        "it does not return val_loss_record",
    ),
    "no validation": (
        RELU,
        [("evaluate(model, valid, minibatch_size)", "evaluate(model, train, minibatch_size)")],
        "validation losses",
        "no pass of the network over the validation set is seen after epoch 1",
    ),
    "half an evaluation": (
        RELU,
        [("range(0, data.N - minibatch_size + 1, minibatch_size)", "range(0, 10, minibatch_size)")],
        "training losses",
        "only 10 of the 22 examples",
    ),
    "accuracy over too many": (
        RELU,
        [("    return loss, correct / count\n", "    return loss, correct / (count + 3)\n")],
        "validation accuracy",
        "of 10 examples are right",
    ),
    "an error of its own": (RELU, [(SGD_CALL, "model['L3'].forward(x)\n")], "run", "main raised KeyError"),
    "pixels changed": (
        RELU,
        [("valid = DataSplit(Xtrain, Ytrain)", "valid = DataSplit(Xtrain - 0.5, Ytrain)")],
        "batches",
        "not rows of the training set",
    ),
    "never updated": (RELU, [(SGD_CALL, "pass\n")], "weights", "it never changes the weights"),
    "no main": (
        RELU,
        [("def main(", "def train("), ("        main(read_command_line())", "        train(read_command_line())")],
        "run",
        "neural_networks.py defines no main",
    ),
}
