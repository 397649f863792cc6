"""Mains that do more than is usual, or otherwise, and leave the training what it is: the changes, words of the note."""

from __future__ import annotations

from parity_tests.assignments.mlp.mistakes.main_lines import ORDER, SGD_CALL, VELOCITIES
from parity_tests.assignments.mlp.proof.evasion_lines import LOOP, RECORDED, RESULT

FILE = f"json.dumps({RESULT})"
TODO, WEIGHTS = "# TODO 10\n", 'for n in ("L1", "L2") for k in ("W", "b")'
BUILT = '        "loss": softmax_cross_entropy(),\n    }\n'
Swap = tuple[str, str]
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
ROWS = "order[start : start + minibatch_size]"
DRAWN = "np.random.permutation(train.N)"
SETTINGS = '    Path("all.json").write_text(json.dumps(main_params))\n'
ALL = ("L1_W", "(train.d, 1000)"), ("L1_b", "(1, 1000)"), ("L2_W", "(1000, 10)"), ("L2_b", "(1, 10)")

ODD: dict[str, tuple[list[Swap], str]] = {
    "evaluated by formula": ([(TODO, FORMULA + TODO), (EVALUATIONS, BY_FORMULA)], "by formula, or on copies"),
    "evaluated afterwards": (
        [
            (VELOCITIES, VELOCITIES + "    copies = []\n"),
            (EVALUATIONS, f"{NOT_YET}        copies += [{COPY}]\n"),
            ("    result = Path", AFTERWARDS + "    result = Path"),
        ],
        "",
    ),
    "evaluated on a copy of the network": (
        [
            (EVALUATIONS, "        net = deepcopy(model)\n" + EVALUATIONS.replace("evaluate(model", "evaluate(net")),
            ("import argparse\n", "import argparse\nfrom copy import deepcopy\n"),
        ],
        "by formula, or on copies",
    ),
    "the best weights put back at the end": ([(RECORDED, RECORDED + BEST), ("    result = Path", PUT_BACK)], ""),
    "a gradient checked first": (
        [
            (TODO, CHECK.replace("RESTORE", "w[i, 0] = old") + TODO),
            (LOOP, f"    check_gradient(model, {EXAMPLES})\n{LOOP}"),
        ],
        "",
    ),
    "a gradient checked first, and taken back by adding": (
        [
            (TODO, CHECK.replace("RESTORE", "w[i, 0] += eps") + TODO),
            (LOOP, f"    check_gradient(model, {EXAMPLES})\n{LOOP}"),
        ],
        "",
    ),
    "a gradient checked in each epoch": (
        [
            (TODO, CHECK.replace("RESTORE", "w[i, 0] = old") + TODO),
            (f"        {ORDER}\n", f"        check_gradient(model, {EXAMPLES})\n        {ORDER}\n"),
        ],
        "",
    ),
    **{
        f"a gradient checked on a layer of its own, {when}": ([(place, ALONE + place)], "")
        for when, place in (("before the network", MODEL), ("before training", LOOP))
    },
    **{
        f"a gradient checked on layers of the network's sizes, {when}": (
            [(place, THROWAWAY + place)], "builds its linear layers more than once"
        )
        for when, place in (("before the network", MODEL), ("before training", LOOP))
    },
    "SGD once a layer": (
        [(SGD_CALL, f'for n in ("L1", "L2"):\n                {SGD_CALL.replace("(model", "({n: model[n]}")}')], ""
    ),
    "L2 updated as soon as L1's gradient is on its way": (
        [
            (
                '            grad_h = model["drop1"]',
                f"            {OF_L2}" + '            grad_h = model["drop1"]',
            ),
            (f"\n            {SGD_CALL}\n", f"\n            {OF_L1}\n"),
        ],
        "",
    ),
    "velocities of its own, for 1,000 units": (
        [(VELOCITIES, f"    momentum = {{{', '.join(f'{k!r}: np.zeros({s})' for k, s in ALL)}}}\n")], ""
    ),
    "the rows of each mini-batch sorted": ([(ROWS, f"np.sort({ROWS})")], ""),
    "validated between backward and update": (
        [(f"            {SGD_CALL}", f"            evaluate(model, valid, minibatch_size)\n            {SGD_CALL}")], ""
    ),
    "the test set evaluated": (
        [
            ("Yvalid, _, _ = ", "Yvalid, Xtest, Ytest = "),
            ("    result = Path", "    evaluate(model, DataSplit(Xtest, Ytest), minibatch_size)\n    result = Path"),
        ],
        "",
    ),
    "1,000 units asserted": ([(BUILT, BUILT + '    assert model["L1"].params["W"].shape[1] == 1000\n')], ""),
    "all orders drawn first": (
        [
            (VELOCITIES, VELOCITIES + f"    orders = [{DRAWN} for _ in range(main_params['num_epoch'])]\n"),
            (ORDER, "order = orders[t]"),
        ],
        "",
    ),
    "main_params changed": ([(LOOP, '    main_params["seen"] = True\n' + LOOP)], "main changes the main_params"),
    "all records in one file": (
        [(FILE, FILE.replace("{", '{"train_loss": train_loss_record, "val_loss": val_loss_record, "lr": eta_0, ', 1))],
        "",
    ),
    "a file of its settings": ([("    print(f\"The acc", SETTINGS + '    print(f"The acc')], ""),
    "a file of losses alone": (
        [(FILE, 'json.dumps({"train_loss": train_loss_record, "val_loss": val_loss_record})')], "no result file"
    ),
}  # fmt: skip
