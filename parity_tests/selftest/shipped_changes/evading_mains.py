"""Mains that are right at some settings and wrong at others: the changes, the case that shows it, and the quantity."""

from __future__ import annotations

from parity_tests.selftest.shipped_changes.main_pieces import ORDER, RETURN, SGD_CALL

Swap = tuple[str, str]
SEED = '    np.random.seed(int(main_params["random_seed"]))\n'
VELOCITIES = "    momentum = add_momentum(model)\n"
DROP = "            eta *= 0.1\n"
CONDITION = "        if t % 10 == 0 and t != 0:\n"
EPOCHS = 'range(int(main_params["num_epoch"]))'
LOOP = f"    for t in {EPOCHS}:\n"
FILE = 'json.dumps({"train": train_accuracy_record, "val": val_accuracy_record})'
UPDATE = f"            {SGD_CALL}"
DROPS = "        if is_train"
WRITE = "    result.write_text("
LOAD = 'data_loader_mnist(main_params["input_file"])'
TODO = "# TODO 10\n"
RECORDED = "        val_accuracy_record.append(val_accuracy)\n"
BUILT = '        "loss": softmax_cross_entropy(),\n    }\n'
WEIGHTS = 'for n in ("L1", "L2") for k in ("W", "b")'


def _clipped(most: float) -> list[Swap]:
    lines = '            for n in ("L1", "L2"):\n                g = model[n].gradient\n                for k in g:\n'
    return [(UPDATE, f"{lines}                    g[k] = np.clip(g[k], -{most}, {most})\n{UPDATE}")]


def _norm_clipped(most: float) -> list[Swap]:
    lines = (
        f"            gradients = [(model[n].gradient, k) {WEIGHTS}]\n"
        "            norm = np.sqrt(sum((g[k] ** 2).sum() for g, k in gradients))\n"
        "            for g, k in gradients:\n"
        f"                g[k] = g[k] * min(1, {most} / norm)\n"
    )
    return [(UPDATE, lines + UPDATE)]


def _stopping(condition: str) -> list[Swap]:
    return [(RECORDED, f"{RECORDED}        if {condition}:\n            break\n")]


def _patient(epochs: int) -> list[Swap]:
    """Stops where the validation loss has not fallen for so many epochs."""
    lately, before = f"val_loss_record[-{epochs}:]", f"val_loss_record[:-{epochs}]"
    return _stopping(f"{before} and min({lately}) >= min({before})")


def _floor(least: float) -> list[Swap]:
    return [(DROP, f"            eta = max(eta * 0.1, {least})\n")]


def _start(line: str) -> list[Swap]:
    return [(BUILT, f"{BUILT}    {line}\n")]


def _file(content: str) -> list[Swap]:
    return [(FILE, content)]


RELU, TANH, MANY = "main/relu-wiring/float64", "main/tanh-own/float64", "main/many-epochs-wiring/float64"
SCRIPT = "main/relu-own/float64"
LARGE, DEFAULTS, DECAY = "main/large-steps-wiring/float64", "main/defaults-wiring/float64", "main/decay-own/float64"

EVADING: dict[str, tuple[list[Swap], str, str]] = {
    "η of 0.01": ([('eta = eta_0 = float(main_params["learning_rate"])', "eta = eta_0 = 0.01")], RELU, "learning rate"),
    "α of 0.9": ([('alpha = float(main_params["alpha"])', "alpha = 0.9")], RELU, "weights"),
    "λ of 0.001": ([('lam = float(main_params["lambda"])', "lam = 0.001")], RELU, "weights"),
    "a rate of 0.5": ([('rate = float(main_params["dropout_rate"])', "rate = 0.5")], RELU, "layers"),
    "a batch of 5": ([('minibatch_size = int(main_params["minibatch_size"])', "minibatch_size = 5")], RELU, "batches"),
    "a data file of its own": ([(LOAD, 'data_loader_mnist("mnist_subset.json")')], RELU, "run"),
    "a fixed seed": ([(SEED, "    np.random.seed(42)\n")], RELU, "random seed"),
    "no seed": ([(SEED, "")], RELU, "random seed"),
    "seed 0 for no seed": ([(SEED, SEED.replace("))", ") or None)"))], RELU, "random seed"),
    "the number after the seed": ([(SEED, SEED.replace("))", ") + 1)"))], RELU, "random seed"),
    "a late seed": ([(SEED, ""), (VELOCITIES, VELOCITIES + SEED)], RELU, "random seed"),
    "a fixed order": ([(LOOP, f"    np.random.seed(0)\n{LOOP}")], RELU, "random seed"),
    "ten epochs": ([(EPOCHS, "range(10)")], TANH, "number of steps"),
    "at most 20 epochs": ([(EPOCHS, 'range(min(20, int(main_params["num_epoch"])))')], TANH, "number of steps"),
    "at most 30 epochs": ([(EPOCHS, 'range(min(30, int(main_params["num_epoch"])))')], MANY, "number of steps"),
    "one drop of η": ([(CONDITION, "        if t == 10:\n")], TANH, "learning rate"),
    "two drops of η": ([(CONDITION, "        if t in (10, 20):\n")], MANY, "learning rate"),
    "no drop of η after epoch 40": ([(CONDITION, "        if t % 10 == 0 and 0 < t < 40:\n")], MANY, "learning rate"),
    "no dropout in a script": ([(DROPS, f'{DROPS} and __name__ != "__main__"')], SCRIPT, "as a script"),
    "dropout by who calls it": (
        [(DROPS, f'{DROPS} and sys._getframe(1).f_code.co_name != "main"')], SCRIPT, "as a script"
    ),
    "other accuracies when Python ends": (
        [
            (WRITE, "    import atexit\n\n    better = json.dumps(dict.fromkeys((\"train\", \"val\"), [1.0] * 2))\n"
             f"    atexit.register(Path(result.name).write_text, better)\n{WRITE}"),
        ],
        SCRIPT, "as a script",
    ),
    "a stop when all is learnt": (_stopping("train_accuracy == 1.0"), TANH, "number of steps"),
    "a stop when nothing gets better": (
        _stopping("t and abs(train_loss_record[-1] - train_loss_record[-2]) < 1e-5"), MANY, "number of steps"
    ),
    **{
        f"a stop when the validation loss has not fallen for {n} epochs": (_patient(n), case, "number of steps")
        for n, case in zip((1, 5, 3, 2, 4), (DECAY, MANY, MANY, MANY, DECAY), strict=True)
    },
    "a batch of 64 at most": (
        [('= int(main_params["minibatch_size"])', '= min(64, int(main_params["minibatch_size"]))')], LARGE, "batches"
    ),
    **{
        f"the first {n} examples": (
            [("DataSplit(Xtrain, Ytrain)", f"DataSplit(Xtrain[:{n}], Ytrain[:{n}])")], LARGE, "number of steps"
        )
        for n in (1000, 4000)
    },
    "another seed for each result that lies there": (
        [(SEED, SEED.replace('"random_seed"]', '"random_seed"] + len(list(Path().glob("MLP*.json")))'))],
        RELU, "random seed",
    ),
    "no step on a mini-batch of one": (
        [(UPDATE, f"            if len(x) > 1:\n                {SGD_CALL}")], MANY, "number of steps"
    ),
    "the weights of a checkpoint that lies there": (
        [
            (VELOCITIES, VELOCITIES + '    kept = Path("checkpoint.npz")\n    if kept.exists():\n'
             "        for key, w in np.load(kept).items():\n            model[key[:2]].params[key[2:]] = w\n"),
            (RETURN, f"    np.savez(kept, **{{n + k: model[n].params[k] {WEIGHTS}}})\n{RETURN}"),
        ],
        RELU, "layers",
    ),
    "the records of a result file that lies there, and its own": (
        [
            (WRITE, '    if result.exists():\n        old = json.loads(result.read_text())\n'
             '        train_accuracy_record = old["train"] + train_accuracy_record\n'
             f'        val_accuracy_record = old["val"] + val_accuracy_record\n{WRITE}'),
        ],
        RELU, "training accuracy",
    ),
    "a result file that lies there stays": (
        [(WRITE, f'    result = Path("results.json")\n    if not result.exists():\n    {WRITE}')],
        RELU, "training accuracy",
    ),
    "η of 1e-3 at least": (_floor(1e-3), MANY, "learning rate"),
    "η of 1e-7 at least": (_floor(1e-7), MANY, "learning rate"),
    "gradients of 1 at most": (_clipped(1), LARGE, "weights"),
    "gradients of 5 at most": (_clipped(5), LARGE, "weights"),
    "a norm of 5 at most": (_norm_clipped(5), LARGE, "weights"),
    "a norm of 10 at most": (_norm_clipped(10), LARGE, "weights"),
    "no step where the loss is small": (
        [(UPDATE, f'            if model["loss"].forward(a, y) > 0.5:\n                {SGD_CALL}')],
        TANH, "number of steps",
    ),
    "velocities thrown away when η drops": (
        [(DROP, DROP + "            momentum = add_momentum(model)\n")], TANH, "weights"
    ),
    "velocities of the run before": (
        [
            (VELOCITIES, "    momentum = KEPT\n    for key, value in add_momentum(model).items():\n"
             "        momentum.setdefault(key, value)\n"),
            (TODO, f"KEPT: dict[str, Any] = {{}}\n\n\n{TODO}"),
        ],
        RELU, "weights",
    ),
    "data of the run before": (
        [(LOAD, f"KEPT.setdefault(0, {LOAD})"), (TODO, f"KEPT: dict[int, Any] = {{}}\n\n\n{TODO}")], RELU, "batches"
    ),
    "records of the run before": (
        [
            ('optimization_type: str = "minibatch_sgd")', 'optimization_type: str = "minibatch_sgd", kept: Any = [])'),
            ("    train_loss_record: list[float] = []\n", "    train_loss_record = kept\n"),
        ],
        RELU, "training losses",
    ),
    "other weights": (
        _start('model["L1"].params["W"] = np.random.normal(0, 0.1, model["L1"].params["W"].shape)'), DEFAULTS, "layers"
    ),
    "weights halved": (_start('model["L1"].params["W"] *= 0.5'), DEFAULTS, "layers"),
    "biases of 0": (_start('model["L2"].params["b"][:] = 0'), DEFAULTS, "layers"),
    "weights in other rows": (
        _start('model["L1"].params["W"] = model["L1"].params["W"][::-1].copy()'), DEFAULTS, "layers"
    ),
    "the rest of the examples as a short batch": (
        [("range(0, train.N - minibatch_size + 1, minibatch_size)", "range(0, train.N, minibatch_size)")],
        TANH, "batches",
    ),
    "no shuffling late": ([(ORDER, f"{ORDER} if t < 5 else np.arange(train.N)")], TANH, "shuffle"),
    "no dropout late": (
        [
            ("forward(h, is_train=True)", "forward(h, is_train=t < 12)"),
            ("backward(h, grad_s)", "backward(h, grad_s) if t < 12 else grad_s"),
        ],
        DECAY, "dropout",
    ),
    "the best weights put back in each epoch": (
        [
            (RECORDED, f"{RECORDED}        if val_accuracy >= max(val_accuracy_record):\n"
             f"            best = {{(n, k): model[n].params[k].copy() {WEIGHTS}}}\n"
             "        for (n, k), w in best.items():\n            model[n].params[k] = w.copy()\n"),
        ],
        TANH, "weights",
    ),
    "decay without momentum alone": (
        [(SGD_CALL, SGD_CALL.replace("lam,", "0.0 if alpha > 0 else lam,"))], RELU, "weights"
    ),
    "smaller weights for the evaluation": (
        [
            ("        train_loss, train_accuracy = ", '        W = model["L1"].params["W"]\n'
             '        model["L1"].params["W"] = 0.5 * W\n        train_loss, train_accuracy = '),
            (RECORDED, RECORDED + '        model["L1"].params["W"] = W\n'),
        ],
        RELU, "training losses",
    ),
    "losses of four digits": (
        [(RETURN, RETURN.replace("train_loss_record,", "[round(v, 4) for v in train_loss_record],"))],
        RELU, "training losses",
    ),
    "an empty result file": (_file('json.dumps({"train": [], "val": []})'), DEFAULTS, "validation accuracy"),
    "one record in the file": (_file('json.dumps({"train": train_accuracy_record})'), DEFAULTS, "validation accuracy"),
    "last numbers in the file": (
        _file('json.dumps({"train": train_accuracy_record[-1], "val": val_accuracy_record[-1]})'),
        DEFAULTS, "training accuracy",
    ),
    "short records in the file": (
        _file('json.dumps({"train": train_accuracy_record[1:], "val": val_accuracy_record[1:]})'),
        DEFAULTS, "training accuracy",
    ),
    "losses in the file": (
        _file('json.dumps({"train": train_loss_record, "val": val_loss_record})'), DEFAULTS, "training accuracy"
    ),
    "a file that is cut off": (_file(f"{FILE}[:-3]"), DEFAULTS, "training accuracy"),
    "an empty dict in the file": (_file('"{}"'), DEFAULTS, "validation accuracy"),
}  # fmt: skip
