"""Honest mains of many shapes match; wrong ones are named in a sentence, by wiring alone and with their own parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.assignments.mlp.main.configs import Config, configs, main_quantities
from parity_tests.assignments.mlp.main.verdicts import judge_main
from parity_tests.harness.process.runner import Runner
from parity_tests.protocol.comparison import Comparison

SHIPPED = ASSIGNMENT.solution
RELU, TANH = configs("2019")
Swap = tuple[str, str]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def digits() -> dict[str, NDArray[Any]]:
    """22 / 11 / 10 real digits of 10×10 pixels."""
    few = small_digits(22, 11, 10)
    return {name: getattr(few, name) for name in ("train_X", "train_y", "valid_X", "valid_y", "test_X", "test_y")}


def changed(folder: Path, swaps: Sequence[Swap], utils: Sequence[Swap] = ()) -> Path:
    """A copy of the shipped network with each swap made, which must be there to be made exactly once."""
    for name, wanted in (("neural_networks.py", swaps), ("utils.py", utils)):
        source = (SHIPPED / name).read_text()
        for old, new in wanted:
            assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {name}"
            source = source.replace(old, new)
        (folder / name).write_text(source)
    return folder


def findings(
    folder: Path, config: Config, digits: Mapping[str, NDArray[Any]], *, stand_ins: bool, seconds: float = 10.0
) -> dict[str, Comparison]:
    """What is found when the `main` in `folder` runs in a worker of its own."""
    inside = ASSIGNMENT.inside
    params = {"stand_ins": stand_ins, "main_params": config.main_params()}
    with Runner(
        folder, probe=inside.probes, layout=ASSIGNMENT.layout, editions=ASSIGNMENT.editions,
        companions=inside.processes["wiring" if stand_ins else "parts"], fixture=SHIPPED / "utils.py",
    ) as runner:  # fmt: skip
        seen = runner.ask(f"main/{config.name}", "main", params, digits, seed=1, seconds=seconds)
    found = judge_main(seen, config=config, digits=digits, stand_ins=stand_ins)
    assert tuple(found) == main_quantities(config)
    for comparison in found.values():
        assert (comparison.verdict == "match") or comparison.problem.startswith("main ("), comparison
    return found


# ---- honest mains: anything that computes what the assignment asks ----

ORDER = "order = np.random.permutation(train.N)"
TRAIN_CALLS = """            u = model["L1"].forward(x)
            h = model["nonlinear1"].forward(u)
            s = model["drop1"].forward(h, is_train=True)
            a = model["L2"].forward(s)
            model["loss"].forward(a, y)

            grad_a = model["loss"].backward(a, y)
            grad_s = model["L2"].backward(s, grad_a)
            grad_h = model["drop1"].backward(h, grad_s)
            grad_u = model["nonlinear1"].backward(u, grad_h)
            model["L1"].backward(x, grad_u)
"""
SGD_CALL = "miniBatchStochasticGradientDescent(model, momentum, lam, alpha, eta)\n"
EVALUATION = """        u = model["L1"].forward(x)
        h = model["nonlinear1"].forward(u)
        s = model["drop1"].forward(h, is_train=False)
        a = model["L2"].forward(s)
        loss += float(model["loss"].forward(a, y))
"""
RETURN = "    return train_loss_record, val_loss_record\n"
ETA_DROP = """            eta *= 0.1
"""
EPOCH = """        print(f"At epoch {t + 1}")
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
    "default_rng": ([(ORDER, "order = np.random.default_rng(t).permutation(train.N)")], ""),
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
        "",
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


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_main_matches_by_its_wiring(name: str, tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    swaps, note = HONEST[name]
    config = TANH if name in ("as shipped", "η in closed form", "backwards of elementwise parts exchanged") else RELU
    found = findings(changed(tmp_path, swaps), config, digits, stand_ins=True)
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}
    notes = "; ".join(note for comparison in found.values() for note in comparison.notes)
    assert note in notes
    assert bool(notes) == bool(note)


@pytest.mark.parametrize("name", ["as shipped", "SGD inside main", "loop over layers", "extra forward passes"])
@pytest.mark.parametrize("config", [RELU, TANH], ids=lambda config: config.name)
def test_an_honest_main_matches_with_its_own_parts(
    name: str, config: Config, tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    found = findings(changed(tmp_path, HONEST[name][0]), config, digits, stand_ins=False)
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}
    assert 0.01 < (found["weights"].ratio or 0) <= 1


@pytest.mark.parametrize("stand_ins", [True, False])
def test_momentum_may_be_none_without_alpha(stand_ins: bool, tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    folder = changed(tmp_path, [("momentum = add_momentum(model)", "momentum = None")])
    found = findings(folder, replace(RELU, alpha=0.0), digits, stand_ins=stand_ins)
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}


PLAIN_SGD = [
    ("momentum: dict[str, Array], _lambda: float, _alpha: float, _learning_rate", "_learning_rate"),
    ("            if _lambda != 0:\n                g = g + _lambda * w\n", ""),
    ("                v *= _alpha\n", ""),
    (
        '            if _alpha > 0:\n                v = momentum[f"{name}_{key}"]\n',
        "            if False:\n                v = g\n",
    ),
    (SGD_CALL, "miniBatchStochasticGradientDescent(model, eta)\n"),
    ('            s = model["drop1"].forward(h, is_train=True)\n', "            s = h\n"),
    ('            grad_h = model["drop1"].backward(h, grad_s)\n', "            grad_h = grad_s\n"),
    ('        s = model["drop1"].forward(h, is_train=False)\n', "        s = h\n"),
    ('        "drop1": dropout(rate),\n', ""),
]
NO_LAMBDA = [
    ("_lambda: float, _alpha", "_alpha"),
    ("            if _lambda != 0:\n                g = g + _lambda * w\n", ""),
    (SGD_CALL, "miniBatchStochasticGradientDescent(model, momentum, alpha, eta)\n"),
]


@pytest.mark.parametrize("stand_ins", [True, False])
@pytest.mark.parametrize(("edition", "swaps"), [("2020-22", NO_LAMBDA), ("2022-23", PLAIN_SGD)])
def test_the_mains_of_other_editions_match(
    edition: str, swaps: list[Swap], stand_ins: bool, tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    found = findings(changed(tmp_path, swaps), configs(edition)[-1], digits, stand_ins=stand_ins)
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}


def test_wiring_is_right_though_every_part_is_missing(tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    source = (SHIPPED / "neural_networks.py").read_text()
    head, main = source[: source.index("# TODO 1\n")], source[source.index("def evaluate") :]
    (tmp_path / "neural_networks.py").write_text(head + main)
    (tmp_path / "utils.py").write_text((SHIPPED / "utils.py").read_text())
    found = findings(tmp_path, RELU, digits, stand_ins=True)
    assert {q: f.problem for q, f in found.items() if f.verdict != "match"} == {}
    own = findings(tmp_path, RELU, digits, stand_ins=False)
    assert {f.verdict for f in own.values()} == {"crashed"}
    assert "is not defined" in own["run"].problem
    assert own["run"].file == "neural_networks.py"
    assert (own["run"].line or 0) > 0


def test_wrong_parts_show_with_its_own_parts_alone(tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    folder = changed(tmp_path, [("return grad * (1 - self.h * self.h)", "return grad * (1 - X * X)")])
    assert {f.verdict for f in findings(folder, TANH, digits, stand_ins=True).values()} == {"match"}
    assert findings(folder, TANH, digits, stand_ins=False)["weights"].verdict == "mismatch"


# ---- wrong mains: (config, swaps, the quantity that must mismatch, words of its sentence) ----

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
        "dropout is skipped",
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
        "evaluated with dropout on",
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
        "nonlinear1.backward is given nonlinear1's output as X, where L1's output belongs",
    ),
    "L2's backward given h": (
        RELU,
        [('model["L2"].backward(s, grad_a)', 'model["L2"].backward(h, grad_a)')],
        "weights",
        "L2.backward is given nonlinear1's output as X",
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
        "L2.backward was given X of shape (5, 100), where (N, 16) belongs",
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
        "the weights are updated before L1.backward is called",
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
        "batches are shuffled",
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
        "4 steps in each of 2 epochs",
    ),
    "η dropped too early": (
        TANH,
        [("if t % 10 == 0 and t != 0", "if t % 5 == 0 and t != 0")],
        "learning rate",
        "epoch 6 (counted from 1), where 0.01 is asked for: it is dropped too early",
    ),
    "η not dropped": (
        TANH,
        [("if t % 10 == 0 and t != 0", "if t % 10 == 10")],
        "learning rate",
        "it is not dropped at the tenth epoch",
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
        "the velocity is thrown away at the start of each epoch",
    ),
    "velocity thrown away at each step": (
        RELU,
        [(SGD_CALL, "momentum = add_momentum(model)\n            " + SGD_CALL)],
        "weights",
        "thrown away at every step",
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
        "not zero",
    ),
    "λ left out": (
        RELU,
        [(SGD_CALL, "miniBatchStochasticGradientDescent(model, momentum, 0.0, alpha, eta)\n")],
        "weights",
        "weight decay is left out",
    ),
    "λ twice": (
        RELU,
        [(SGD_CALL, "miniBatchStochasticGradientDescent(model, momentum, 2 * lam, alpha, eta)\n")],
        "weights",
        "weight decay is made with λ = 0.02",
    ),
    "α left out": (
        RELU,
        [(SGD_CALL, "miniBatchStochasticGradientDescent(model, momentum, lam, 0.0, eta)\n")],
        "weights",
        "without momentum",
    ),
    "half of α": (
        RELU,
        [(SGD_CALL, "miniBatchStochasticGradientDescent(model, momentum, lam, alpha / 2, eta)\n")],
        "weights",
        "α = 0.45, where 0.9 is asked for",
    ),
    "500 hidden units": (
        RELU,
        [("HIDDEN_UNITS = 1000", "HIDDEN_UNITS = 500")],
        "layers",
        "100×500 and 500×10, where 100×1000 and 1000×10 are asked for",
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
        "the mini-batch losses are not added up: the record holds the last one",
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
        "not set back to 0",
    ),
    "training losses met while training": (
        RELU,
        [
            ('            model["loss"].forward(a, y)\n', '            met += model["loss"].forward(a, y)\n'),
            (EPOCH, EPOCH + "        met = 0.0\n"),
            ("train_loss_record.append(train_loss)", "train_loss_record.append(met)"),
        ],
        "training losses",
        "the losses met while training are added up",
    ),
    "records exchanged": (
        RELU,
        [(RETURN, "    return val_loss_record, train_loss_record\n")],
        "training losses",
        "the training loss record holds the losses of the validation set",
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
        "the validation set is not evaluated after epoch 1",
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


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_main_is_named_by_its_wiring(name: str, tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    config, swaps, quantity, words = WRONG[name]
    found = findings(changed(tmp_path, swaps), config, digits, stand_ins=True)
    assert found[quantity].verdict not in ("match", "undecided"), {q: f.problem for q, f in found.items() if f.problem}
    assert words in found[quantity].problem


OWN = ["dropout computed and not used", "velocity thrown away", "η dropped too early", "evaluation with dropout on"]


@pytest.mark.parametrize("name", OWN)
def test_a_wrong_main_is_named_with_its_own_parts(name: str, tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    config, swaps, quantity, words = WRONG[name]
    found = findings(changed(tmp_path, swaps), config, digits, stand_ins=False)
    assert found[quantity].verdict == "mismatch", {q: f.problem for q, f in found.items() if f.problem}
    assert words in found[quantity].problem


def test_what_main_did_before_its_time_ran_out_is_still_judged(tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    swaps = [(ORDER, "order = np.arange(train.N)"), (RETURN, "    while True:\n        pass\n")]
    found = findings(changed(tmp_path, swaps), RELU, digits, stand_ins=True, seconds=0.5)
    assert found["run"].verdict == "timeout"
    assert (found["run"].line or 0) > 0
    assert found["shuffle"].verdict == "mismatch"
    assert found["weights"].total == 12 * 1786
