"""Evasions in `main`: what cannot be judged, numbers written into it, schedules, seeds, leaks and result files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parity_tests.assignments.mlp.proof.correct_mains import (
    LOOP,
    ORDER,
    RECORDED,
    RESULT,
    RETURN,
    SGD_CALL,
    STEPS,
    VELOCITIES,
    Pair,
    of_main,
)
from parity_tests.assignments.mlp.proof.nulls import WIRING
from parity_tests.protocol.mistake import Body, Rewrite, evading, swapped

SEED = '    np.random.seed(int(main_params["random_seed"]))\n'
BACKWARDS = WIRING.partition("\n\n")[2]
WRITE = "    result.write_text("
FORWARD_1 = 'return X @ self.params["W"] + self.params["b"]'


DROPS = "        if is_train"
WEIGHTS = "{(n, k): model[n].params[k].copy() for n in ('L1', 'L2') for k in ('W', 'b')}"
STOPS = (
    "train_accuracy == 1.0",
    "t and abs(train_loss_record[-1] - train_loss_record[-2]) < 1e-5",
    *(f"t >= {n} and min(val_loss_record[-{n}:]) >= min(val_loss_record[:-{n}])" for n in range(1, 6)),
)

INSTEAD: Mapping[str, Sequence[str]] = {
    '= int(main_params["minibatch_size"])': ('= min(64, int(main_params["minibatch_size"]))',),
    'float(main_params["alpha"])': ('0.9 if main_params["alpha"] else 0.0',),
    'float(main_params["lambda"])': ('0.01 if main_params["lambda"] else 0.0',),
    'float(main_params["dropout_rate"])': ('float(main_params["dropout_rate"]) or 0.5',),
    'int(main_params["num_epoch"])': [f'min({most}, int(main_params["num_epoch"]))' for most in (12, 20, 30)],
    "DataSplit(Xtrain, Ytrain)": [f"DataSplit(Xtrain[:{n}], Ytrain[:{n}])" for n in (1000, 4000)],
    "                v *= _alpha\n": ("                v *= 0.9\n",),
    "g = g + _lambda * w": ("g = g + 0.1 * w",),
    "1.0 / (1.0 - self.r)": ("2.0 if self.r else 1.0",),
    "if t % 10 == 0 and t != 0": ("if t == 10", "if t in (10, 20)", "if t % 10 == 0 and 0 < t < 40"),
    "eta *= 0.1": (
        *(f"eta = max(eta * 0.1, {least})" for least in ("1e-3", "1e-7", "eta_0 / 10")),
        "eta *= 0.1\n            momentum = add_momentum(model)",
    ),
    ORDER: (f"{ORDER} if t < 5 else np.arange(train.N)",),
    STEPS: ("range(0, train.N, minibatch_size)",),
    SEED: (
        *(SEED.replace('int(main_params["random_seed"])', seed)
          for seed in ('int(main_params["random_seed"]) or None', 'int(main_params["random_seed"]) + 1')),
        SEED.replace('"random_seed"]', '"random_seed"] + np.random.randint(10**6)'),
        SEED.replace('"random_seed"]', '"random_seed"] + len(list(Path().glob("MLP*.json")))'),
    ),
    LOOP: (f"    np.random.seed(0)\n{LOOP}",),
    DROPS: (f'{DROPS} and __name__ != "__main__"', f'{DROPS} and sys._getframe(1).f_code.co_name != "main"'),
    RECORDED: (
        *(f"{RECORDED}        if {enough}:\n            break\n" for enough in STOPS),
        f"{RECORDED}        if val_accuracy >= max(val_accuracy_record):\n            best = {WEIGHTS}\n"
        "        for (n, k), w in best.items():\n            model[n].params[k] = w.copy()\n",
    ),
    "(model, momentum, lam, alpha, eta)\n": (
        "(model, momentum, lam, alpha, eta if t else eta * min(1.0, (start + 1) / train.N))\n",
        "(model, momentum, lam * (t < 2), alpha, eta)\n",
        "(model, momentum, 0.0 if alpha > 0 else lam, alpha, eta)\n",
    ),
    SGD_CALL: (
        *(f"if {condition}:\n                {SGD_CALL}" for condition in (
            "len(x) > 1", "model['loss'].forward(a, y) > 0.5", "start + 2 * minibatch_size <= train.N")),
        "if t + 1 == int(main_params['num_epoch']) and start > train.N // 2:\n                break\n"
        f"            {SGD_CALL}",
        *(f"for n in ('L1', 'L2'):\n                model[n].gradient = {{k: np.clip(g, -{most}, {most}) "
          f"for k, g in model[n].gradient.items()}}\n            {SGD_CALL}" for most in (0.1, 1, 5)),
        *(f"size = np.sqrt(sum((model[n].gradient[k] ** 2).sum() for n in ('L1', 'L2') for k in ('W', 'b')))\n"
          "            for n in ('L1', 'L2'):\n                model[n].gradient = {k: g * min(1.0, "
          f"{most} / size) for k, g in model[n].gradient.items()}}\n            {SGD_CALL}" for most in (0.5, 5, 10)),
    ),
    VELOCITIES: [f"    {line}\n{VELOCITIES}" for line in (
        "model['L1'].params['W'] = np.random.normal(0.0, 0.1, model['L1'].params['W'].shape)",
        "model['L1'].params['b'] *= 0; model['L2'].params['b'] *= 0",
        "model['L2'].params['W'] *= 0.5",
        "model['L1'].params['W'] = 0.1 * np.random.default_rng(0).standard_normal((train.d, 1000))"
        "[:, : model['L1'].params['W'].shape[1]]",
        "model['L1'].params['W'] = model['L1'].params['W'][::-1].copy()")],
    RETURN: (RETURN.replace("train_loss_record,", "[round(v, 4) for v in train_loss_record],"),),
    f"json.dumps({RESULT})": (
        f"json.dumps({RESULT})[:-3]",
        *(f"json.dumps({content})" for content in (
            '{"train": [], "val": []}', '{"train": train_accuracy_record}', "{}",
            '{"train": train_accuracy_record[:-1], "val": val_accuracy_record[:-1]}',
            '{"train": train_accuracy_record[1:], "val": val_accuracy_record[1:]}',
            '{"train": train_accuracy_record[-1], "val": val_accuracy_record[-1]}',
            '{"train": train_loss_record, "val": val_loss_record}',
            '{"train": train_accuracy_record, "val": train_accuracy_record}',
            '{"train": sorted(train_accuracy_record), "val": [1.0 for _ in val_accuracy_record]}')),
    ),
    WRITE: (
        f"    if result.exists():\n        old = json.loads(result.read_text())\n"
        '        train_accuracy_record = old["train"] + train_accuracy_record\n'
        f'        val_accuracy_record = old["val"] + val_accuracy_record\n{WRITE}',
        f'    result = Path("results.json")\n    if not result.exists():\n    {WRITE}',
        '    import atexit\n\n    better = json.dumps(dict.fromkeys(("train", "val"), [1.0] * 2))\n'
        f"    atexit.register(Path(result.name).write_text, better)\n{WRITE}",
    ),
}  # fmt: skip
"""Lines, and those that take their place: numbers written into `main`, schedules, seeds, weights, result files."""


MAINS: Mapping[str, Sequence[Pair]] = {
    # what cannot be judged
    "dropout on the logits as well": [
        (
            'a = model["L2"].forward(s)\n            model',
            'a = noise.forward(model["L2"].forward(s), True)\n            model',
        ),
        ('grad_a = model["loss"].backward(a, y)', 'grad_a = noise.backward(a, model["loss"].backward(a, y))'),
        (VELOCITIES, f"    noise = dropout(rate)\n{VELOCITIES}"),
    ],
    "all weights are set to NaN, and no backward is called": [
        (BACKWARDS, ""),
        (
            SGD_CALL,
            "for n in ('L1', 'L2'):\n"
            "                for w in model[n].params.values():\n"
            "                    w[...] = np.nan\n",
        ),
    ],
    "the activation is computed without the layer, and leaks": [
        ('            h = model["nonlinear1"].forward(u)\n', "            h = np.where(u > 0, u, 0.1 * u)\n"),
        ('grad_u = model["nonlinear1"].backward(u, grad_h)', "grad_u = grad_h * np.where(u > 0, 1, 0.1)"),
    ],
    "the first layer starts at 0, so that every pre-activation is a kink, and b of the second never moves": [
        (VELOCITIES, f"    for w in model['L1'].params.values():\n        w *= 0\n{VELOCITIES}"),
        (SGD_CALL, f"model['L2'].gradient['b'] *= 0\n            {SGD_CALL}"),
    ],
    "the weights are replaced by objects that are no arrays": [
        (
            SGD_CALL,
            f"{SGD_CALL}            model['L1'].params = {{k: w.tolist() for k, w in model['L1'].params.items()}}\n",
        ),
        (FORWARD_1, "return X @ np.array(self.params['W']) + np.array(self.params['b'])"),
    ],
    "NaN in the loss records": [(RETURN, "    return [np.nan] * len(train_loss_record), val_loss_record\n")],
    "infinite loss records": [(RETURN, "    return train_loss_record, [np.inf] * len(val_loss_record)\n")],
    # several lines
    "the seed comes after the layers": [(SEED, ""), (VELOCITIES, f"{SEED}{VELOCITIES}")],
    "the seed comes at the first epoch": [(SEED, ""), (LOOP, f"{LOOP}        if t == 0:\n        {SEED}")],
    "no dropout late": [
        ("forward(h, is_train=True)", "forward(h, is_train=t < 12)"),
        ("backward(h, grad_s)", "backward(h, grad_s) if t < 12 else grad_s"),
    ],
    "smaller weights for the evaluation": [
        (
            "        train_loss, train_accuracy = ",
            '        W = model["L1"].params["W"]\n'
            '        model["L1"].params["W"] = 0.5 * W\n        train_loss, train_accuracy = ',
        ),
        (RECORDED, RECORDED + '        model["L1"].params["W"] = W\n'),
    ],
    # what an earlier run leaves
    "takes up the checkpoint that an earlier run left": [
        (
            VELOCITIES,
            '    checkpoint = Path("checkpoint.npz")\n'
            "    for key, w in np.load(checkpoint).items() if checkpoint.exists() else ():\n"
            "        n, k = key.split()\n"
            "        model[n].params[k] = w if w.shape == model[n].params[k].shape else model[n].params[k]\n"
            f"{VELOCITIES}",
        ),
        (
            RETURN,
            "    np.savez(checkpoint, **{f'{n} {k}': w for n in ('L1', 'L2') for k, w in model[n].params.items()})\n"
            f"{RETURN}",
        ),
    ],
}
LAYERS = (
    Rewrite(
        "dropout: NaN in place of 0",
        (Body("dropout.backward", "return np.where(self.mask, grad * self.mask, np.nan)"),),
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
IN_MAIN = (*of_main(MAINS), *evading(in_place_of=INSTEAD), *LAYERS)
