"""Mains that compute what the assignment asks, in other ways, with the note that they get."""

from __future__ import annotations

from parity_tests.selftest.shipped_changes.main_pieces import (
    ORDER,
    RETURN,
    SGD_CALL,
    TRAIN_CALLS,
)

Swap = tuple[str, str]
EVALUATION = """        u = model["L1"].forward(x)
        h = model["nonlinear1"].forward(u)
        s = model["drop1"].forward(h, is_train=False)
        a = model["L2"].forward(s)
        loss += float(model["loss"].forward(a, y))
"""
ETA_DROP = """            eta *= 0.1
"""
LOOPED = """            inputs, value = {}, x
            for name in ("L1", "nonlinear1", "drop1", "L2"):
                inputs[name] = value
                value = model[name].forward(value, True) if name == "drop1" else model[name].forward(value)
            model["loss"].forward(value, y)
            grad = model["loss"].backward(value, y)
            for name in ("L2", "drop1", "nonlinear1", "L1"):
                grad = model[name].backward(inputs[name], grad)
"""
KEYWORDS = (
    TRAIN_CALLS.replace("forward(x)", "forward(X=x)")
    .replace("forward(h, is_train=True)", "forward(is_train=True, X=h)")
    .replace("backward(s, grad_a)", "backward(grad=grad_a, X=s)")
    .replace("backward(a, y)", "backward(X=a, Y=y)")
)
SGD_INSIDE = """for layer in ("L1", "L2"):
                for key, w in model[layer].params.items():
                    g = model[layer].gradient[key] + lam * w
                    momentum[f"{layer}_{key}"] = alpha * momentum[f"{layer}_{key}"] - eta * g
                    model[layer].params[key] = w + momentum[f"{layer}_{key}"]
"""
HELPERS = """

def forward_pass(net: Any, x: Any, y: Any, training: bool) -> Any:
    u = net["L1"].forward(x)
    h = net["nonlinear1"].forward(u)
    s = net["drop1"].forward(h, training)
    a = net["L2"].forward(s)
    return u, h, s, a, net["loss"].forward(a, y)


def backward_pass(net: Any, x: Any, y: Any, u: Any, h: Any, s: Any, a: Any) -> None:
    grad = net["L2"].backward(s, net["loss"].backward(a, y))
    net["L1"].backward(x, net["nonlinear1"].backward(u, net["drop1"].backward(h, grad)))


# TODO 10
"""
OTHER_KEYS = [
    (old, old.replace("L1", "first").replace("L2", "second").replace("nonlinear1", "act").replace("drop1", "noise"))
    for old in (
        TRAIN_CALLS,
        EVALUATION,
        '"L1": linear_layer',
        '"nonlinear1": activation()',
        '"drop1": dropout(rate)',
        '"L2": linear_layer',
    )
]

HONEST: dict[str, tuple[list[Swap], str]] = {
    "as shipped": ([], ""),
    "shuffle": ([(ORDER, "order = np.arange(train.N); np.random.shuffle(order)")], ""),
    "default_rng": (
        [(ORDER, "order = np.random.default_rng((main_params['random_seed'], t)).permutation(train.N)")],
        "",
    ),
    "choice": ([(ORDER, "order = np.random.choice(train.N, train.N, replace=False)")], ""),
    "one order shuffled on": (
        [
            (ORDER, "np.random.shuffle(indices); order = indices"),
            (
                "    momentum = add_momentum(model)\n",
                "    momentum = add_momentum(model)\n    indices = list(range(train.N))\n",
            ),
        ],
        "",
    ),
    "other keys": (OTHER_KEYS, ""),
    "loop over layers": ([(TRAIN_CALLS, LOOPED)], ""),
    "keyword calls": (
        [
            (TRAIN_CALLS, KEYWORDS),
            ("linear_layer(train.d, HIDDEN_UNITS)", "linear_layer(output_D=HIDDEN_UNITS, input_D=train.d)"),
            ("dropout(rate)", "dropout(r=rate)"),
        ],
        "",
    ),
    "helper functions": (
        [
            ("# TODO 10\n", HELPERS.lstrip("\n")),
            (
                TRAIN_CALLS,
                "            u, h, s, a, _ = forward_pass(model, x, y, True)\n"
                "            backward_pass(model, x, y, u, h, s, a)\n",
            ),
        ],
        "",
    ),
    "SGD inside main": ([(SGD_CALL, SGD_INSIDE)], "without calling SGD"),
    "model returned anew": ([(SGD_CALL, "model = " + SGD_CALL)], ""),
    "SGD by keyword, from a table": (
        [
            (
                SGD_CALL,
                'SOLVERS["sgd"](model=model, momentum=momentum, _lambda=lam, _learning_rate=eta, _alpha=alpha)\n',
            ),
            ("# TODO 10\n", 'SOLVERS = {"sgd": miniBatchStochasticGradientDescent}\n\n\n# TODO 10\n'),
        ],
        "",
    ),
    "arrays returned": ([(RETURN, "    return np.array(train_loss_record), tuple(val_loss_record)\n")], ""),
    "a list returned": ([(RETURN, "    return [train_loss_record, val_loss_record]\n")], ""),
    "more returned": (
        [(RETURN, "    return train_loss_record, val_loss_record, train_accuracy_record, model\n")],
        "more than",
    ),
    "means": (
        [("    return loss, correct / count\n", "    return loss / (data.N // minibatch_size), correct / count\n")],
        "means of the mini-batch losses",
    ),
    "extra forward passes": ([(SGD_CALL, SGD_CALL + "            evaluate(model, train, minibatch_size)\n")], ""),
    "loss watched before the update": (
        [(SGD_CALL, "model['loss'].forward(model['L2'].forward(s), y)\n            " + SGD_CALL)],
        "",
    ),
    "no dropout call in evaluation": (
        [('        s = model["drop1"].forward(h, is_train=False)\n', "        s = h\n")],
        "",
    ),
    "the last few are evaluated too": (
        [
            ("range(0, data.N - minibatch_size + 1, minibatch_size)", "range(0, data.N, minibatch_size)"),
            ("np.arange(start, start + minibatch_size)", "np.arange(start, min(data.N, start + minibatch_size))"),
        ],
        "",
    ),
    "evaluated at one go": (
        [
            ("range(0, data.N - minibatch_size + 1, minibatch_size)", "(0,)"),
            ("np.arange(start, start + minibatch_size)", "np.arange(data.N)"),
        ],
        "a set is evaluated in one forward",
    ),
    "no result file": ([("    result.write_text(", "    dict(result=")], "no result file"),
    "one parameter": (
        [
            (', optimization_type: str = "minibatch_sgd"', ""),
            ('if optimization_type != "minibatch_sgd":', "if False:"),
        ],
        "",
    ),
    "wrong X for dropout's backward": (
        [('model["drop1"].backward(h, grad_s)', 'model["drop1"].backward(s, grad_s)')],
        "moves no weight",
    ),
    "backwards of elementwise parts exchanged": (
        [
            ('grad_h = model["drop1"].backward(h, grad_s)', 'grad_h = model["nonlinear1"].backward(u, grad_s)'),
            ('grad_u = model["nonlinear1"].backward(u, grad_h)', 'grad_u = model["drop1"].backward(h, grad_h)'),
        ],
        "moves no weight",
    ),
    "η in closed form": ([(ETA_DROP, "            eta = eta_0 * 0.1 ** (t // 10)\n")], ""),
    "a subclass": (
        [("# TODO 10\n", "class my_relu(relu):\n    pass\n\n\n# TODO 10\n"), ('{"relu": relu,', '{"relu": my_relu,')],
        "",
    ),
}
