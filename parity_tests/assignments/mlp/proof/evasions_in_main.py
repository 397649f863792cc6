"""Evasions in `main`: what cannot be judged, numbers written into it, schedules, seeds, leaks and result files."""

from __future__ import annotations

from parity_tests.assignments.mlp.mistakes.main_lines import EPOCH, FORWARD_2, RETURN, SGD_CALL
from parity_tests.assignments.mlp.proof.evasion_lines import (
    FORWARD_1,
    MODEL_BUILT,
    RESULT,
    RESULT_FILE,
    SEED,
    SGD,
    before_step,
    body,
    built,
    main,
    swapped,
)

UNJUDGED = (
    main(
        "dropout on the logits as well",
        (FORWARD_2, 'a = noise.forward(model["L2"].forward(s), True)\n            model'),
        ('grad_a = model["loss"].backward(a, y)', 'grad_a = noise.backward(a, model["loss"].backward(a, y))'),
        (MODEL_BUILT, f"    noise = dropout(rate)\n{MODEL_BUILT}"),
    ),
    main(
        "eleven classes, and λ is ignored",
        ("CLASSES = 10", "CLASSES = 11"),
        ("(model, momentum, lam,", "(model, momentum, 0.0,"),
    ),
    main(
        "all weights are set to NaN, and no backward is called",
        ('            grad_a = model["loss"].backward(a, y)\n', ""),
        ('            grad_s = model["L2"].backward(s, grad_a)\n', ""),
        ('            grad_h = model["drop1"].backward(h, grad_s)\n', ""),
        ('            grad_u = model["nonlinear1"].backward(u, grad_h)\n', ""),
        ('            model["L1"].backward(x, grad_u)\n', ""),
        (
            SGD_CALL,
            "for n in ('L1', 'L2'):\n"
            "                for w in model[n].params.values():\n"
            "                    w[...] = np.nan\n",
        ),
    ),
    main(
        "the activation is computed without the layer, and leaks",
        ('            h = model["nonlinear1"].forward(u)\n', "            h = np.where(u > 0, u, 0.1 * u)\n"),
        ('grad_u = model["nonlinear1"].backward(u, grad_h)', "grad_u = grad_h * np.where(u > 0, 1, 0.1)"),
    ),
    main(
        "the first layer starts at 0, so that every pre-activation is a kink, and b of the second never moves",
        (MODEL_BUILT, f"    for w in model['L1'].params.values():\n        w *= 0\n{MODEL_BUILT}"),
        (SGD_CALL, f"model['L2'].gradient['b'] *= 0\n            {SGD_CALL}"),
    ),
    main("no hidden unit", ("HIDDEN_UNITS = 1000", "HIDDEN_UNITS = 0")),
    main("no step, and nothing but two right lengths", (SGD_CALL, "pass\n")),
    main(
        "the weights are replaced by objects that are no arrays",
        (
            SGD_CALL,
            f"{SGD_CALL}            model['L1'].params = {{k: w.tolist() for k, w in model['L1'].params.items()}}\n",
        ),
        (FORWARD_1, "return X @ np.array(self.params['W']) + np.array(self.params['b'])"),
    ),
    main("NaN in the loss records", (RETURN, "    return [np.nan] * len(train_loss_record), val_loss_record\n")),
    main("infinite loss records", (RETURN, "    return train_loss_record, [np.inf] * len(val_loss_record)\n")),
    swapped(
        "linear: params is a property that raises where it is asked for by strangers",
        ("        self.params: dict[str, Array] = {\n", "        self._params: dict[str, Array] = {\n"),
        (
            "in self.params.items()}\n",
            "in self._params.items()}\n\n    @property\n    def params(self):\n        raise OSError\n",
        ),
    ),
    body(
        "relu: what is returned raises when it is looked at",
        "relu.forward",
        "class Array(np.ndarray):\n"
        "    @property\n"
        "    def shape(self):\n"
        "        raise KeyboardInterrupt\n"
        "self.mask = X > 0\n"
        "return np.maximum(X, 0).view(Array)",
    ),
    body(
        "tanh: raises what has no words",
        "tanh.forward",
        "class Nothing(Exception):\n    def __str__(self):\n        raise self\nraise Nothing",
    ),
    body("dropout: NaN in place of 0", "dropout.backward", "return np.where(self.mask == 0, np.nan, grad * self.mask)"),
    body("relu: infinite where it should be 0", "relu.backward", "return np.where(self.mask, grad, np.inf)"),
    main("ends the program when it is done", (RETURN, f"    sys.exit(0)\n{RETURN}")),
)

HARD_CODED = (
    main("mini-batches of 5", ('minibatch_size = int(main_params["minibatch_size"])', "minibatch_size = 5")),
    main("η is 0.01", ('eta = eta_0 = float(main_params["learning_rate"])', "eta = eta_0 = 0.01")),
    main(
        "α is 0.9 where there is one",
        ('alpha = float(main_params["alpha"])', 'alpha = 0.9 if main_params["alpha"] else 0.0'),
    ),
    main(
        "λ is 0.01 where there is one",
        ('lam = float(main_params["lambda"])', 'lam = 0.01 if main_params["lambda"] else 0.0'),
    ),
    main("the rate of dropout is 0.5", ('rate = float(main_params["dropout_rate"])', "rate = 0.5")),
    main(
        "no dropout is no rate",
        ('rate = float(main_params["dropout_rate"])', 'rate = float(main_params["dropout_rate"]) or 0.5'),
    ),
    main(
        "mini-batches of 64 at most",
        (
            'minibatch_size = int(main_params["minibatch_size"])',
            'minibatch_size = min(64, int(main_params["minibatch_size"]))',
        ),
    ),
    main("the first thousand examples alone", ("DataSplit(Xtrain, Ytrain)", "DataSplit(Xtrain[:1000], Ytrain[:1000])")),
    main("ten epochs", ('range(int(main_params["num_epoch"]))', "range(10)")),
    main(
        "twelve epochs at most",
        ('range(int(main_params["num_epoch"]))', 'range(min(12, int(main_params["num_epoch"])))'),
    ),
    main("always relu", ('{"relu": relu, "tanh": tanh}[main_params["activation"]]', "relu")),
    main(
        "the file is mnist_subset.json",
        ('data_loader_mnist(main_params["input_file"])', 'data_loader_mnist("mnist_subset.json")'),
    ),
    body(
        "SGD: λ is 0.1 where there is one",
        SGD,
        "for name, module in model.items():\n"
        '    if not hasattr(module, "params"):\n'
        "        continue\n"
        "    for key, w in module.params.items():\n"
        "        g = module.gradient[key] + (0.1 if _lambda else 0.0) * w\n"
        '        v = momentum[f"{name}_{key}"] if _alpha > 0 else 0 * w\n'
        "        v *= _alpha\n"
        "        v -= _learning_rate * g\n"
        "        w += v\n"
        "return model",
    ),
    swapped("SGD: α is 0.9 where there is one", ("                v *= _alpha\n", "                v *= 0.9\n")),
    swapped(
        "dropout: scales by 2",
        ("(np.ones_like(X) * (1.0 / (1.0 - self.r)))", "(np.ones_like(X) * (2.0 if self.r else 1.0))"),
    ),
)

SCHEDULES = (
    main("η drops at the tenth epoch alone", ("if t % 10 == 0 and t != 0", "if t == 10")),
    main("η has a floor", (EPOCH, f"        eta = max(eta, eta_0 / 10)\n{EPOCH}")),
    main(
        "early stopping",
        (EPOCH, f"        if t > 2 and val_loss_record[-1] > val_loss_record[-2]:\n            break\n{EPOCH}"),
    ),
    *(
        main(
            f"early stopping where the validation loss has not fallen for {n} epochs",
            (
                EPOCH,
                f"        if t > {n} and min(val_loss_record[-{n}:]) >= min(val_loss_record[:-{n}]):\n"
                f"            break\n{EPOCH}",
            ),
        )
        for n in range(1, 6)
    ),
    main("a mini-batch of one row makes no step", (SGD_CALL, f"if len(x) > 1:\n                {SGD_CALL}")),
    before_step(
        "gradients are clipped at 0.1",
        "for n in ('L1', 'L2'):\n"
        "                model[n].gradient = {k: np.clip(g, -0.1, 0.1) for k, g in "
        "model[n].gradient.items()}",
    ),
    before_step(
        "the gradient's length is limited",
        "size = np.sqrt(sum(np.sum(g * g) for n in ('L1', 'L2') for g in model[n].gradient.values()))\n"
        "            for n in ('L1', 'L2'):\n"
        "                model[n].gradient = {k: g * min(1.0, 0.5 / size) for k, g in "
        "model[n].gradient.items()}",
    ),
    main(
        "η warms up in the first epoch",
        (SGD_CALL, SGD_CALL.replace("eta)", "eta if t else eta * min(1.0, (start + 1) / train.N))")),
    ),
    main(
        "stops in the middle of the last epoch",
        (
            SGD_CALL,
            "if t + 1 == int(main_params['num_epoch']) and start > train.N // 2:\n"
            "                break\n"
            f"            {SGD_CALL}",
        ),
    ),
    main(
        "the last mini-batch of each epoch makes no step",
        (SGD_CALL, f"if start + 2 * minibatch_size <= train.N:\n                {SGD_CALL}"),
    ),
    main("λ only in the first two epochs", (SGD_CALL, SGD_CALL.replace("lam,", "lam * (t < 2),"))),
    main(
        "momentum is forgotten when η drops",
        ("            eta *= 0.1\n", "            eta *= 0.1\n            momentum = add_momentum(model)\n"),
    ),
)

SEEDS = (
    main("the seed is not used", (SEED, "")),
    main("another seed", (SEED, "    np.random.seed(42)\n")),
    main("the seed comes after the layers", (SEED, ""), (MODEL_BUILT, f"{SEED}{MODEL_BUILT}")),
    main(
        "the seed comes at the first epoch",
        (SEED, ""),
        (EPOCH, f"        if t == 0:\n    {SEED.replace('    np', '        np')}{EPOCH}"),
    ),
    main(
        "the seed is added to what is left of the generator",
        (SEED, SEED.replace('"random_seed"]', '"random_seed"] + np.random.randint(10**6)')),
    ),
    main(
        "another seed for each result file that lies there",
        (SEED, SEED.replace('"random_seed"]', '"random_seed"] + len(list(Path().glob("MLP*.json")))')),
    ),
    built(
        "the weights are drawn again",
        "    model['L1'].params['W'] = np.random.normal(0.0, 0.1, model['L1'].params['W'].shape)\n",
    ),
    built("b starts at 0", "    model['L1'].params['b'] *= 0\n    model['L2'].params['b'] *= 0\n"),
    built("the weights are scaled", "    model['L2'].params['W'] *= 0.5\n"),
    built(
        "the weights are those of another generator",
        "    model['L1'].params['W'] = 0.1 * np.random.default_rng(0).standard_normal((train.d, "
        "HIDDEN_UNITS))[: len(model['L1'].params['W']), : model['L1'].params['W'].shape[1]]\n",
    ),
    built("the rows of W are turned round", "    model['L1'].params['W'] = model['L1'].params['W'][::-1].copy()\n"),
)

LEAKS = (
    swapped(
        "main: velocities outlive a run",
        ("# TODO 10\ndef main", "VELOCITIES = {}\n\n\n# TODO 10\ndef main"),
        (
            "    momentum = add_momentum(model)\n",
            "    momentum = VELOCITIES or add_momentum(model)\n    VELOCITIES.update(momentum)\n",
        ),
    ),
    swapped(
        "main: η outlives a run",
        ("# TODO 10\ndef main", "ETA = []\n\n\n# TODO 10\ndef main"),
        (
            '    eta = eta_0 = float(main_params["learning_rate"])\n',
            '    eta = eta_0 = float(main_params["learning_rate"])\n    ETA.append(eta)\n    eta = ETA[0]\n',
        ),
    ),
    swapped(
        "main: the data of the first file are kept",
        ("# TODO 10\ndef main", "DATA = []\n\n\n# TODO 10\ndef main"),
        (
            '    Xtrain, Ytrain, Xvalid, Yvalid, _, _ = data_loader_mnist(main_params["input_file"])\n',
            '    DATA.append(data_loader_mnist(main_params["input_file"]))\n'
            "    Xtrain, Ytrain, Xvalid, Yvalid, _, _ = DATA[0]\n",
        ),
    ),
    swapped(
        "main: trains on where the first run ended",
        ("# TODO 10\ndef main", "ENDED = {}\n\n\n# TODO 10\ndef main"),
        (
            MODEL_BUILT,
            "    for n in ('L1', 'L2'):\n"
            "        for k, w in model[n].params.items():\n"
            "            if ENDED.get((n, k), w[:0]).shape == w.shape:\n"
            "                w[...] = ENDED[n, k]\n"
            f"{MODEL_BUILT}",
        ),
        (
            RETURN,
            f"    ENDED.update({{(n, k): w for n in ('L1', 'L2') for k, w in model[n].params.items()}})\n{RETURN}",
        ),
    ),
    main(
        "takes up the checkpoint that an earlier run left",
        (
            MODEL_BUILT,
            '    checkpoint = Path("checkpoint.npz")\n'
            "    for key, w in np.load(checkpoint).items() if checkpoint.exists() else ():\n"
            "        n, k = key.split()\n"
            "        model[n].params[k] = w if w.shape == model[n].params[k].shape else model[n].params[k]\n"
            f"{MODEL_BUILT}",
        ),
        (
            RETURN,
            "    np.savez(checkpoint, **{f'{n} {k}': w for n in ('L1', 'L2') for k, w in model[n].params.items()})\n"
            f"{RETURN}",
        ),
    ),
    swapped(
        "SGD: velocities lie in a table of the module",
        ("# TODO 1\ndef ", "KEPT = {}\n\n\n# TODO 1\ndef "),
        ('v = momentum[f"{name}_{key}"]', "v = KEPT.setdefault((name, key, w.shape), np.zeros_like(w))"),
    ),
    swapped("relu: the mask lies on the class", ("        self.mask = X > 0\n", "        relu.mask = X > 0\n")),
    swapped("tanh: h lies on the class", ("        self.h: Array = np.tanh(X)\n", "        tanh.h = np.tanh(X)\n")),
    swapped(
        "dropout: the mask lies on the class",
        ("self.mask = kept", "dropout.mask = kept"),
        ("self.mask = np.ones_like(X)", "dropout.mask = np.ones_like(X)"),
    ),
    swapped(
        "linear: the gradient lies on the class",
        ("        self.gradient: dict[str, Array] = {", "        linear_layer.gradient = {"),
    ),
    swapped(
        "linear: the first weights serve all layers of their shape",
        ("# TODO 2\n", "_first: dict = {}\n\n    # TODO 2\n"),
        (
            "        self.gradient: dict",
            "        self.params = self._first.setdefault((input_D, output_D), self.params)\n"
            "        self.gradient: dict",
        ),
    ),
)

RESULTS = (
    main("the result file holds two empty lists", (RESULT, '{"train": [], "val": []}')),
    main(
        "the result file lacks the last epoch",
        (RESULT, '{"train": train_accuracy_record[:-1], "val": val_accuracy_record[:-1]}'),
    ),
    main("the result file holds one record", (RESULT, '{"train": train_accuracy_record}')),
    main("the result file holds an empty table", (RESULT, "{}")),
    main(
        "both records are those of the training set",
        (RESULT, '{"train": train_accuracy_record, "val": train_accuracy_record}'),
    ),
    main(
        "the records are added to those of an earlier result file",
        (
            "    result.write_text(",
            '    old = json.loads(result.read_text()) if result.exists() else {"train": [], "val": []}\n'
            '    train_accuracy_record = old["train"] + train_accuracy_record\n'
            '    val_accuracy_record = old["val"] + val_accuracy_record\n'
            "    result.write_text(",
        ),
    ),
    main(
        "an earlier result file is left as it is",
        (RESULT_FILE, '    result = Path("results.json")\n'),
        ("    result.write_text(", "    result.exists() or result.write_text("),
    ),
    main(
        "the accuracies of the result file are sorted",
        (RESULT, '{"train": sorted(train_accuracy_record), "val": [1.0 for _ in val_accuracy_record]}'),
    ),
)

IN_MAIN = (*UNJUDGED, *HARD_CODED, *SCHEDULES, *SEEDS, *LEAKS, *RESULTS)
