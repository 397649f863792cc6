"""Correct variants of `main`: it computes what is asked in another way, or does more; with the note that it gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parity_tests.assignments.mlp.proof.nulls import WIRING
from parity_tests.protocol.mistake import Rewrite, swapped

SGD_CALL = "miniBatchStochasticGradientDescent(model, momentum, lam, alpha, eta)\n"
ORDER = "order = np.random.permutation(train.N)"
VELOCITIES = "    momentum = add_momentum(model)\n"
STEPS = "range(0, train.N - minibatch_size + 1, minibatch_size)"
RETURN = "    return train_loss_record, val_loss_record\n"
LOOP = '    for t in range(int(main_params["num_epoch"])):\n'
RECORDED = "        val_accuracy_record.append(val_accuracy)\n"
RESULT = '{"train": train_accuracy_record, "val": val_accuracy_record}'
FILE, ENDED, TODO = f"json.dumps({RESULT})", "    result = Path", "# TODO 10\n"
WEIGHTS = 'for n in ("L1", "L2") for k in ("W", "b")'
BUILT = '        "loss": softmax_cross_entropy(),\n    }\n'
TRAIN_CALLS = WIRING.removeprefix("\n")
LOOPED = """            inputs, value = {}, x
            for name in ("L1", "nonlinear1", "drop1", "L2"):
                inputs[name] = value
                value = model[name].forward(value, True) if name == "drop1" else model[name].forward(value)
            model["loss"].forward(value, y)
            grad = model["loss"].backward(value, y)
            for name in ("L2", "drop1", "nonlinear1", "L1"):
                grad = model[name].backward(inputs[name], grad)
"""
SGD_INSIDE = """for layer in ("L1", "L2"):
                for key, w in model[layer].params.items():
                    g = model[layer].gradient[key] + lam * w
                    momentum[f"{layer}_{key}"] = alpha * momentum[f"{layer}_{key}"] - eta * g
                    model[layer].params[key] = w + momentum[f"{layer}_{key}"]
"""
EVALUATIONS = """        train_loss, train_accuracy = evaluate(model, train, minibatch_size)
        val_loss, val_accuracy = evaluate(model, valid, minibatch_size)
"""
FORMULA = """def formula(model: Any, data: Any, activation: str) -> Any:
    u = data.X @ model["L1"].params["W"] + model["L1"].params["b"]
    h = np.tanh(u) if activation == "tanh" else np.maximum(u, 0)
    a = h @ model["L2"].params["W"] + model["L2"].params["b"]
    d = a - a.max(axis=1, keepdims=True)
    losses = np.log(np.exp(d).sum(axis=1)) - d[np.arange(len(d)), data.Y[:, 0].astype(int)]
    return losses.mean(), (a.argmax(axis=1) == data.Y[:, 0]).mean()


"""
BY_FORMULA = EVALUATIONS.replace("evaluate(", "formula(").replace("minibatch_size", 'main_params["activation"]')
CHECK = """def loss_of(model: Any, x: Any, y: Any) -> Any:
    h = model["nonlinear1"].forward(model["L1"].forward(x))
    return model["loss"].forward(model["L2"].forward(h), y)


def check_gradient(model: Any, x: Any, y: Any) -> None:
    u = model["L1"].forward(x)
    h = model["nonlinear1"].forward(u)
    a = model["L2"].forward(h)
    model["loss"].forward(a, y)
    grad = model["L2"].backward(h, model["loss"].backward(a, y))
    model["L1"].backward(x, model["nonlinear1"].backward(u, grad))
    for name in ("L1", "L2"):
        w, eps = model[name].params["W"], 1e-5
        for i in range(3):
            old = w[i, 0]
            w[i, 0] += eps
            up = loss_of(model, x, y)
            w[i, 0] -= 2 * eps
            down = loss_of(model, x, y)
            RESTORE
            assert abs((up - down) / (2 * eps) - model[name].gradient["W"][i, 0]) < 1e-3


"""
CHECKED = CHECK.replace("RESTORE", "w[i, 0] = old")
MODEL = "    model: Model = {\n"
ALONE = """    x, y = train.get_example(np.arange(3))
    alone, alone_loss = linear_layer(train.d, CLASSES), softmax_cross_entropy()
    alone_loss.forward(alone.forward(x), y)
    alone.backward(x, alone_loss.backward(alone.forward(x), y))
    w = alone.params["b"]
    w[0, 3] += 1e-5
    up = alone_loss.forward(alone.forward(x), y)
    w[0, 3] -= 2e-5
    down = alone_loss.forward(alone.forward(x), y)
    print("gradient check", alone.gradient["b"][0, 3], (up - down) / 2e-5)
"""
THROWAWAY = """    x, y = train.get_example(np.arange(3))
    one, two = linear_layer(train.d, HIDDEN_UNITS), linear_layer(HIDDEN_UNITS, CLASSES)
    its_loss = softmax_cross_entropy()
    its_loss.forward(two.forward(one.forward(x)), y)
    one.backward(x, two.backward(one.forward(x), its_loss.backward(two.forward(one.forward(x)), y)))
    one.params["W"][0, 1] += 1e-5
    its_loss.forward(two.forward(one.forward(x)), y)
"""
NOT_YET = "        train_loss = train_accuracy = val_loss = val_accuracy = 0.0\n"
EXAMPLES = "*train.get_example(np.arange(minibatch_size))"
COPY = f"{{(n, k): model[n].params[k].copy() {WEIGHTS}}}"
AFTERWARDS = """    train_loss_record, val_loss_record, train_accuracy_record, val_accuracy_record = [], [], [], []
    for copy in copies:
        for (n, k), w in copy.items():
            model[n].params[k] = w
        for data, losses, accuracies in (
            (train, train_loss_record, train_accuracy_record), (valid, val_loss_record, val_accuracy_record)
        ):
            loss, accuracy = evaluate(model, data, minibatch_size)
            losses.append(loss)
            accuracies.append(accuracy)
"""
BEST = f"        if val_accuracy >= max(val_accuracy_record):\n            best = {COPY}\n"
PUT_BACK = "    for (n, k), w in best.items():\n        model[n].params[k] = w\n    result = Path"
OF_L1, OF_L2 = (SGD_CALL.replace("(model", f'({{"{name}": model["{name}"]}}') for name in ("L1", "L2"))
ROWS, DRAWN = "order[start : start + minibatch_size]", "np.random.permutation(train.N)"
ALL = ("L1_W", "(train.d, 1000)"), ("L1_b", "(1, 1000)"), ("L2_W", "(1000, 10)"), ("L2_b", "(1, 10)")
KEYWORDS = TRAIN_CALLS.replace("forward(x)", "forward(X=x)").replace("(h, is_train=True)", "(is_train=True, X=h)")
KEYWORDS = KEYWORDS.replace("(s, grad_a)", "(grad=grad_a, X=s)").replace("(a, y)", "(X=a, Y=y)")
BATCHES, TAKEN = "range(0, data.N - minibatch_size + 1, minibatch_size)", "np.arange(start, start + minibatch_size)"
EVALUATION = """        u = model["L1"].forward(x)
        h = model["nonlinear1"].forward(u)
        s = model["drop1"].forward(h, is_train=False)
        a = model["L2"].forward(s)
        loss += float(model["loss"].forward(a, y))
"""


def _renamed(text: str) -> tuple[str, str]:
    """A text, and the same with other keys for the layers."""
    new = text
    for key, other in (("L1", "first"), ("L2", "second"), ("nonlinear1", "act"), ("drop1", "noise")):
        new = new.replace(key, other)
    return text, new


Pair = tuple[str, str]
_OTHERWISE: Mapping[str, Sequence[Pair]] = {
    "one order shuffled on": [
        (ORDER, "np.random.shuffle(indices); order = indices"),
        (VELOCITIES, f"{VELOCITIES}    indices = list(range(train.N))\n"),
    ],
    "other keys": [
        *map(_renamed, (TRAIN_CALLS, EVALUATION, '"L1": linear_layer', '"L2": linear_layer')),
        *map(
            _renamed,
            ('"nonlinear1": activation()', '"drop1": dropout(rate)'),
        ),
    ],
    "loop over layers": [(TRAIN_CALLS, LOOPED)],
    "keyword calls": [
        (TRAIN_CALLS, KEYWORDS),
        ("linear_layer(train.d, HIDDEN_UNITS)", "linear_layer(output_D=HIDDEN_UNITS, input_D=train.d)"),
        ("dropout(rate)", "dropout(r=rate)"),
    ],
    "SGD inside main": [(SGD_CALL, SGD_INSIDE)],
    "SGD by keyword, from a table, and the model returned anew": [
        (
            SGD_CALL,
            "model = SOLVERS['sgd'](model, momentum=momentum, _lambda=lam, _learning_rate=eta, _alpha=alpha)\n",
        ),
        (TODO, f"SOLVERS = {{'sgd': miniBatchStochasticGradientDescent}}\n\n\n{TODO}"),
    ],
    "arrays returned": [(RETURN, "    return [np.array(train_loss_record), tuple(val_loss_record)]\n")],
    "more returned": [(RETURN, "    return train_loss_record, val_loss_record, train_accuracy_record, model\n")],
    "means": [
        ("    return loss, correct / count\n", "    return loss / (data.N // minibatch_size), correct / count\n")
    ],
    "extra forward passes": [(SGD_CALL, f"{SGD_CALL}            evaluate(model, train, minibatch_size)\n")],
    "loss watched before the update": [
        (SGD_CALL, f"model['loss'].forward(model['L2'].forward(s), y)\n            {SGD_CALL}")
    ],
    "no dropout call in evaluation": [('s = model["drop1"].forward(h, is_train=False)', "s = h")],
    "the last few are evaluated too": [
        (BATCHES, "range(0, data.N, minibatch_size)"),
        (TAKEN, "np.arange(start, min(data.N, start + minibatch_size))"),
    ],
    "evaluated at one go": [(BATCHES, "(0,)"), (TAKEN, "np.arange(data.N)")],
    "no result file": [("    result.write_text(", "    dict(result=")],
    "one parameter": [
        (', optimization_type: str = "minibatch_sgd"', ""),
        ('if optimization_type != "minibatch_sgd":', "if False:"),
    ],
    "wrong X for dropout's backward": [('model["drop1"].backward(h, grad_s)', 'model["drop1"].backward(s, grad_s)')],
    "backwards of elementwise parts exchanged": [
        ('grad_h = model["drop1"].backward(h, grad_s)', 'grad_h = model["nonlinear1"].backward(u, grad_s)'),
        ('grad_u = model["nonlinear1"].backward(u, grad_h)', 'grad_u = model["drop1"].backward(h, grad_h)'),
    ],
    "η in closed form": [("            eta *= 0.1\n", "            eta = eta_0 * 0.1 ** (t // 10)\n")],
}
"""Mains that compute the same in other ways: by name texts of `main`, and what stands in their place."""
_BESIDES: Mapping[str, Sequence[Pair]] = {
    "evaluated by formula": [(TODO, FORMULA + TODO), (EVALUATIONS, BY_FORMULA)],
    "evaluated afterwards": [
        (VELOCITIES, f"{VELOCITIES}    copies = []\n"),
        (EVALUATIONS, f"{NOT_YET}        copies += [{COPY}]\n"),
        (ENDED, AFTERWARDS + ENDED),
    ],
    "evaluated on a copy of the network": [
        (EVALUATIONS, f"        net = deepcopy(model)\n{EVALUATIONS.replace('evaluate(model', 'evaluate(net')}"),
        ("import argparse\n", "import argparse\nfrom copy import deepcopy\n"),
    ],
    "the best weights put back at the end": [(RECORDED, RECORDED + BEST), (ENDED, PUT_BACK)],
    "a gradient checked first, and taken back by adding": [
        (TODO, CHECK.replace("RESTORE", "w[i, 0] += eps") + TODO),
        (LOOP, f"    check_gradient(model, {EXAMPLES})\n{LOOP}"),
    ],
    "a gradient checked in each epoch": [
        (TODO, CHECKED + TODO),
        (f"        {ORDER}\n", f"        check_gradient(model, {EXAMPLES})\n        {ORDER}\n"),
    ],
    "a gradient checked on a layer of its own, before the network": [(MODEL, ALONE + MODEL)],
    "a gradient checked on a layer of its own, before training": [(LOOP, ALONE + LOOP)],
    **{
        f"a gradient checked on layers of the network's sizes, {when}": [(place, THROWAWAY + place)]
        for when, place in (("before the network", MODEL), ("before training", LOOP))
    },
    "SGD once a layer": [
        (SGD_CALL, f'for n in ("L1", "L2"):\n                {SGD_CALL.replace("(model", "({n: model[n]}")}')
    ],
    "L2 updated as soon as L1's gradient is on its way": [
        ('            grad_h = model["drop1"]', f'            {OF_L2}            grad_h = model["drop1"]'),
        (f"\n            {SGD_CALL}\n", f"\n            {OF_L1}\n"),
    ],
    "velocities of its own, for 1,000 units": [
        (VELOCITIES, f"    momentum = {{{', '.join(f'{k!r}: np.zeros({s})' for k, s in ALL)}}}\n")
    ],
    "the rows of each mini-batch sorted": [(ROWS, f"np.sort({ROWS})")],
    "validated between backward and update": [
        (SGD_CALL, "evaluate(model, valid, minibatch_size)\n            " + SGD_CALL)
    ],
    "the test set evaluated": [
        ("Yvalid, _, _ = ", "Yvalid, Xtest, Ytest = "),
        (ENDED, f"    evaluate(model, DataSplit(Xtest, Ytest), minibatch_size)\n{ENDED}"),
    ],
    "1,000 units asserted": [(BUILT, f'{BUILT}    assert model["L1"].params["W"].shape[1] == 1000\n')],
    "all orders drawn first": [
        (VELOCITIES, f"{VELOCITIES}    orders = [{DRAWN} for _ in range(main_params['num_epoch'])]\n"),
        (ORDER, "order = orders[t]"),
    ],
    "main_params changed": [(LOOP, '    main_params["seen"] = True\n' + LOOP)],
    "all records in one file": [
        (FILE, FILE.replace("{", '{"train_loss": train_loss_record, "val_loss": val_loss_record, "lr": eta_0, ', 1))
    ],
    "a file of its settings": [(ENDED, '    Path("all.json").write_text(json.dumps(main_params))\n' + ENDED)],
    "a file of losses alone": [(FILE, 'json.dumps({"train_loss": train_loss_record, "val_loss": val_loss_record})')],
}
"""Mains that do more than is usual, and leave the training what it is."""
NOTES: Mapping[str, str] = {
    "SGD inside main": "without calling SGD",
    "more returned": "more than",
    "means": "means of the mini-batch losses",
    "evaluated at one go": "a set is evaluated in one forward",
    "no result file": "no result file",
    "wrong X for dropout's backward": "moves no weight",
    "backwards of elementwise parts exchanged": "moves no weight",
    "evaluated by formula": "by formula, or on copies",
    "evaluated on a copy of the network": "by formula, or on copies",
    "main_params changed": "main changes the main_params",
    "a file of losses alone": "no result file",
    **dict.fromkeys(
        (one for one in _BESIDES if one.startswith("a gradient checked on layers")),
        "builds its linear layers more than once",
    ),
}
"""What is noted of some of them."""


def of_main(forms: Mapping[str, Sequence[Pair]]) -> tuple[Rewrite, ...]:
    """Forms of main, by their swaps."""
    return tuple(swapped(f"main: {name}", *swaps, note=NOTES.get(name, "")) for name, swaps in forms.items())


OTHERWISE, BESIDES = of_main(_OTHERWISE), of_main(_BESIDES)
CORRECT_MAINS = (*OTHERWISE, *BESIDES)
