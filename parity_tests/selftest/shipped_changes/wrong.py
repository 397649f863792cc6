"""Changes that are wrong: one slip each, the first word of the name saying where."""

from __future__ import annotations

from dataclasses import replace

from parity_tests.selftest.shipped_changes.pieces import (
    DROPOUT_EVALUATION,
    DROPOUT_MASK,
    GONE,
    GRADIENT_B,
    GRADIENT_W,
    GRADIENT_X,
    INIT_B,
    INIT_GRADIENT,
    INIT_START,
    INIT_W,
    LABEL,
    LABEL_RETURN,
    LINEAR_FORWARD,
    LOOP,
    LOSS_MEAN,
    LOSS_RETURN,
    LOSS_SHIFT,
    NO_LAMBDA,
    PLAIN,
    RELU_BACKWARD,
    RELU_FORWARD,
    RELU_MASK,
    SGD_BODY,
    SGD_NAME,
    SGD_PARAMETERS,
    TANH_BACKWARD,
    TANH_FORWARD,
    TANH_RETURN,
    Slip,
    dropout_backward,
    dropout_kept,
    relu_backward,
    sgd,
)

WRONG: dict[str, Slip] = {
    # TODO 1
    "sgd: torch's momentum": Slip("1", sgd("v = a * v + g + _lambda * w\nw = w - eta * v"), words="after step 5"),
    "sgd: uphill": Slip("1", sgd("v = a * v + eta * (g + _lambda * w)\nw = w + v")),
    "sgd: velocity not stored": Slip("1", sgd("w = w + a * v - eta * (g + _lambda * w)"), words="after step 2"),
    "sgd: velocity of the other sign": Slip("1", sgd("v = a * v + eta * (g + _lambda * w)\nw = w - v + 2 * a * v")),
    "sgd: no decay": Slip("1", sgd("v = a * v - eta * g\nw = w + v")),
    "sgd: decay twice": Slip("1", sgd("v = a * v - eta * (g + 2 * _lambda * w)\nw = w + v")),
    "sgd: decay after the step": Slip("1", sgd("v = a * v - eta * g\nw = w + v\nw = w - eta * _lambda * w")),
    "sgd: decay without η": Slip("1", sgd("v = a * v - eta * g\nw = w + v - _lambda * w")),
    "sgd: decay beside the velocity": Slip("1", sgd("v = a * v - eta * g\nw = w + v - eta * _lambda * w")),
    "sgd: no decay of b": Slip(
        "1", sgd("v = a * v - eta * (g + (_lambda * w if key == 'W' else 0))\nw = w + v"), words="b after step 1"
    ),
    "sgd: decay of the sign": Slip("1", sgd("v = a * v - eta * (g + _lambda * np.sign(w))\nw = w + v")),
    "sgd: Nesterov": Slip("1", sgd("g = g + _lambda * w\nv = a * v - eta * g\nw = w + a * v - eta * g")),
    "sgd: dampened": Slip("1", sgd("v = a * v - (1 - a) * eta * (g + _lambda * w)\nw = w + v")),
    "sgd: no momentum": Slip("1", sgd("w = w - eta * (g + _lambda * w)")),
    "sgd: momentum from 0.6 on": Slip(
        "1",
        sgd("v = (a if a > 0.6 else 0) * v - eta * (g + _lambda * w)\nw = w + v"),
        words="SGD, momentum and weight decay",
    ),
    "sgd: b is left": Slip("1", sgd("v = a * v - eta * (g + _lambda * w) * (key == 'W')\nw = w + v")),
    "sgd: one module only": Slip(
        "1", sgd("v = a * v - eta * (g + _lambda * w)\nw = w + v", end="    return model\n    return model")
    ),
    "sgd: η twice": Slip("1", sgd("v = a * v - eta * eta * (g + _lambda * w)\nw = w + v")),
    "sgd: α and λ exchanged": Slip(
        "1", ((SGD_PARAMETERS, SGD_PARAMETERS.replace("_lambda: float, _alpha", "_alpha: float, _lambda")),)
    ),
    "sgd: float32 inside": Slip("1", sgd("v = a * v - eta * (g + _lambda * w)\nw = (w + v).astype(np.float32)")),
    "sgd: returns nothing": Slip("1", ((SGD_BODY, SGD_BODY.replace("return model", "return None")),), words="nothing"),
    "sgd: returns a copy": Slip("1", ((SGD_BODY, SGD_BODY.replace("return model", "return dict(model)")),)),
    "sgd: returns the velocities": Slip("1", ((SGD_BODY, SGD_BODY.replace("return model", "return momentum")),)),
    "sgd: updates a copy": Slip(
        "1",
        (
            (
                "    for name, module in model.items():\n        if not",
                "    import copy\n    model = copy.deepcopy(model)\n"
                "    for name, module in model.items():\n        if not",
            ),
        ),
    ),
    "sgd: weights to lists": Slip("1", sgd("w = (w - eta * np.array(g)).tolist()"), words="is a list"),
    "sgd: weights thrown away": Slip(
        "1",
        ((SGD_BODY, SGD_BODY.replace("    return model", "        module.params = {}\n    return model")),),
        verdict="crashed",
    ),
    "sgd: velocities to lists": Slip("1", sgd("v = list(v)\nw = w - eta * (g + _lambda * w)"), words="after step"),
    "sgd: not there": Slip(
        "1", ((SGD_NAME, "step(\n    model: Model, momentum"),), verdict="missing", words="defines no mini"
    ),
    "sgd: not implemented": Slip(
        "1", ((SGD_BODY, f"        {GONE}\n"),), verdict="missing", words="is not implemented"
    ),
    "sgd: a pass": Slip(
        "1",
        ((SGD_BODY, "        pass\n"),),
        words="is nothing",
    ),
    "sgd: crashes": Slip(
        "1", sgd("w = w - eta * g @ np.ones(99)"), verdict="crashed", words="neural_networks.py, line"
    ),
    "sgd: never ends": Slip("1", sgd("while True:\n    pass"), verdict="timeout", timeout=0.3),
    "sgd: six parameters": Slip(
        "1",
        ((SGD_PARAMETERS, f"{SGD_PARAMETERS}, more: int"),),
        words="(model, momentum, _lambda, _alpha, _learning_rate) is asked",
    ),
    "sgd: four parameters where 2019 is asked": Slip(
        "1",
        (
            (SGD_PARAMETERS, SGD_PARAMETERS.replace("_lambda: float, ", "")),
            (SGD_BODY, SGD_BODY.replace("_lambda", "0")),
        ),
        edition="2019",
        words="is asked",
    ),
    # TODO 2
    "init: std 0.01": Slip("2", ((INIT_W, INIT_W.replace("0.1", "0.01")),), words="standard deviation"),
    "init: std 0.11": Slip("2", ((INIT_W, INIT_W.replace("0.1", "0.11")),), words="standard deviation 0.1"),
    "init: b of std 0.11": Slip("2", ((INIT_B, INIT_B.replace("0.1", "0.11")),), words="distribution of b"),
    "init: variance 0.1": Slip("2", ((INIT_W, INIT_W.replace("0.1", "np.sqrt(0.1)")),)),
    "init: mean 0.01": Slip("2", ((INIT_W, INIT_W.replace("0.0", "0.01")),), words="has mean"),
    "init: uniform": Slip("2", ((INIT_W, "np.random.uniform(-0.1, 0.1, (input_D, output_D))"),)),
    "init: uniform of the same variance": Slip(
        "2", ((INIT_W, "0.1 * 3**0.5 * np.random.uniform(-1, 1, (input_D, output_D))"),), words="is not normal"
    ),
    "init: clipped": Slip("2", ((INIT_W, f"np.clip({INIT_W}, -0.2, 0.2)"),)),
    "init: by the layer's size": Slip("2", ((INIT_W, INIT_W.replace("0.1", "1 / np.sqrt(input_D)")),)),
    "init: b of ones": Slip("2", ((INIT_B, "np.ones((1, output_D))"),), words="distribution of b"),
    "init: W the other way round": Slip(
        "2", ((INIT_W, INIT_W.replace("input_D, output_D", "output_D, input_D")),), words="has shape"
    ),
    "init: b a column": Slip("2", ((INIT_B, INIT_B.replace("1, output_D", "output_D, 1")),), words="has shape"),
    "init: one row for all": Slip(
        "2", ((INIT_W, "np.tile(np.random.normal(0.0, 0.1, (1, output_D)), (input_D, 1))"),), words="repeats"
    ),
    "init: seeded anew": Slip(
        "2", ((INIT_START, f"        np.random.seed(1)\n{INIT_START}"),), words="two layers differ"
    ),
    "init: gradients of ones": Slip(
        "2", ((INIT_GRADIENT, INIT_GRADIENT.replace("zeros", "ones")),), words="gradient of W"
    ),
    "init: no gradients": Slip("2", ((INIT_GRADIENT, "{}"),), verdict="crashed"),
    "init: gradients None": Slip("2", ((INIT_GRADIENT, "{key: None for key in self.params}"),), words="None"),
    "init: float32": Slip("2", ((INIT_W, f"{INIT_W}.astype(np.float32)"),), words="dtype float32"),
    "init: not implemented": Slip("2", ((INIT_START, f"        {GONE}\n{INIT_START}"),), verdict="missing"),
    "init: crashes": Slip("2", ((INIT_START, f"        np.zeros(3) @ np.zeros(4)\n{INIT_START}"),), verdict="crashed"),
    # TODO 3
    "linear: no b": Slip("3", ((LINEAR_FORWARD, 'return X @ self.params["W"]'),)),
    "linear: less b": Slip("3", ((LINEAR_FORWARD, LINEAR_FORWARD.replace(" + ", " - ")),)),
    "linear: W transposed": Slip(
        "3", ((LINEAR_FORWARD, 'return X @ self.params["W"].T + self.params["b"]'),), verdict="crashed"
    ),
    "linear: W reshaped": Slip(
        "3", ((LINEAR_FORWARD, 'W = self.params["W"]\n        return X @ W.T.reshape(W.shape) + self.params["b"]'),)
    ),
    "linear: a list": Slip(
        "3", ((LINEAR_FORWARD, f"{LINEAR_FORWARD.replace('return ', 'return (')}).tolist()"),), words="is a list"
    ),
    "linear: a matrix": Slip(
        "3", ((LINEAR_FORWARD, f"{LINEAR_FORWARD.replace('return ', 'return np.asmatrix(')})"),), words="matrix"
    ),
    "linear: one row squeezed": Slip(
        "3", ((LINEAR_FORWARD, f"{LINEAR_FORWARD.replace('return ', 'return np.squeeze(')})"),), words="has shape"
    ),
    "linear: float32 inside": Slip(
        "3",
        (
            (
                LINEAR_FORWARD,
                'W, b = (self.params[k].astype(np.float32) for k in "Wb")\n'
                "        return (X.astype(np.float32) @ W + b).astype(X.dtype)",
            ),
        ),
    ),
    "linear: rounded": Slip("3", ((LINEAR_FORWARD, f"{LINEAR_FORWARD.replace('return ', 'return np.round(')}, 8)"),)),
    "linear: returns nothing": Slip(
        "3", ((LINEAR_FORWARD, LINEAR_FORWARD.replace("return ", "self.u = ")),), words="is None"
    ),
    "linear: a pass": Slip("3", ((LINEAR_FORWARD, "pass"),), verdict="missing", words="does nothing"),
    "linear: not a number": Slip("3", ((LINEAR_FORWARD, f"{LINEAR_FORWARD} + np.nan"),), words="is nan"),
    "linear: never ends": Slip("3", ((LINEAR_FORWARD, LOOP),), verdict="timeout", timeout=0.3),
    "linear: ends the process": Slip(
        "3", ((LINEAR_FORWARD, "import os\n        os._exit(0)"),), verdict="crashed", words="ended the Python process"
    ),
    # TODO 4
    "linear: mean over the batch": Slip("4", ((GRADIENT_W, f"{GRADIENT_W} / len(X)"),), words="gradient of W"),
    "linear: ∂b a mean": Slip("4", ((GRADIENT_B, GRADIENT_B.replace("sum", "mean")),), words="gradient of b"),
    "linear: ∂b not summed": Slip("4", ((GRADIENT_B, 'self.gradient["b"] = grad'),), words="has shape"),
    "linear: ∂b over columns": Slip("4", ((GRADIENT_B, GRADIENT_B.replace("axis=0", "axis=1")),)),
    "linear: ∂b a number": Slip("4", ((GRADIENT_B, 'self.gradient["b"] = grad.sum()'),)),
    "linear: gradients add up": Slip("4", ((GRADIENT_W, GRADIENT_W.replace("=", '= self.gradient["W"] +')),)),
    "linear: gradients of b add up": Slip("4", ((GRADIENT_B, GRADIENT_B.replace("=", '= self.gradient["b"] +', 1)),)),
    "linear: no transpose": Slip("4", ((GRADIENT_X, 'return grad @ self.params["W"]'),), verdict="crashed"),
    "linear: ∂W the other way round": Slip("4", ((GRADIENT_W, 'self.gradient["W"] = grad.T @ X'),)),
    "linear: ∂X reshaped": Slip(
        "4", ((GRADIENT_X, 'return grad @ self.params["W"].reshape(-1, len(self.params["W"]))'),)
    ),
    "linear: returns all three": Slip("4", ((GRADIENT_X, f'{GRADIENT_X}, self.gradient["W"]'),), words="tuple"),
    "linear: backward returns nothing": Slip(
        "4", ((GRADIENT_X, GRADIENT_X.replace("return ", "self.back = ")),), words="is None"
    ),
    "linear: stores no ∂W": Slip("4", ((GRADIENT_W, "W = X.T @ grad"),)),
    "linear: a stale X": Slip(
        "4",
        (
            (LINEAR_FORWARD, f'self.X = getattr(self, "X", X)\n        {LINEAR_FORWARD}'),
            (GRADIENT_W, 'X = self.X if self.X.shape == X.shape else X\n        self.gradient["W"] = X.T @ grad'),
        ),
    ),
    "linear: ∂W in float32": Slip("4", ((GRADIENT_W, 'self.gradient["W"] = (X.T @ grad).astype(np.float32)'),)),
    "linear: backward not implemented": Slip("4", ((GRADIENT_W, GONE),), verdict="missing"),
    "linear: backward crashes": Slip("4", ((GRADIENT_W, f"{GRADIENT_W} + np.ones(77)"),), verdict="crashed"),
    # TODO 5
    "tanh: half the exponent": Slip("5", ((TANH_FORWARD, "self.h = 2 / (1 + np.exp(-X)) - 1"),)),
    "tanh: a sigmoid": Slip("5", ((TANH_FORWARD, "self.h = 1 / (1 + np.exp(-X))"),)),
    "tanh: overflows": Slip(
        "5",
        ((TANH_FORWARD, "self.h = (np.exp(X) - np.exp(-X)) / (np.exp(X) + np.exp(-X))"),),
        words="tanh, large inputs at",
    ),
    "tanh: clipped": Slip("5", ((TANH_FORWARD, "self.h = np.tanh(np.clip(X, -5, 5))"),)),
    "tanh: Padé": Slip("5", ((TANH_FORWARD, "self.h = np.clip(X * (27 + X**2) / (27 + 9 * X**2), -1, 1)"),)),
    "tanh: LeCun's": Slip("5", ((TANH_FORWARD, "self.h = 1.7159 * np.tanh(2 * X / 3)"),)),
    "tanh: float32 inside": Slip("5", ((TANH_FORWARD, "self.h = np.tanh(X.astype(np.float32)).astype(X.dtype)"),)),
    "tanh: wrong though its backward recomputes": Slip(
        "5", ((TANH_FORWARD, "self.h = np.tanh(X / 2)"), (TANH_BACKWARD, "return grad * (1 - np.tanh(X) ** 2)"))
    ),
    "tanh: not there": Slip(
        "5 6",
        (("class tanh:", "class my_tanh:"), ('"tanh": tanh', '"tanh": my_tanh')),
        verdict="missing",
        words="defines no tanh",
    ),
    "tanh: forward crashes": Slip("5", ((TANH_FORWARD, "self.h = np.nosuch(X)"),), verdict="crashed", words="numpy is"),
    # TODO 6
    "tanh: 1 − X²": Slip("6", ((TANH_BACKWARD, "return grad * (1 - X * X)"),)),
    "tanh: without grad": Slip("6", ((TANH_BACKWARD, "return 1 - self.h * self.h"),)),
    "tanh: not squared": Slip("6", ((TANH_BACKWARD, "return grad * (1 - self.h)"),)),
    "tanh: h(1 − h)": Slip("6", ((TANH_BACKWARD, "return grad * self.h * (1 - self.h)"),)),
    "tanh: of grad": Slip("6", ((TANH_BACKWARD, "return grad * (1 - np.tanh(grad) ** 2)"),)),
    "tanh: a stale h": Slip(
        "6",
        ((TANH_FORWARD, 'h = np.tanh(X)\n        self.h = getattr(self, "h", h)'), (TANH_RETURN, "return h\n")),
        words="second input",
    ),
    "tanh: backward in float32": Slip("6", ((TANH_BACKWARD, "return grad * (1 - self.h.astype(np.float32) ** 2)"),)),
    "tanh: backward without return": Slip(
        "6", ((TANH_BACKWARD, TANH_BACKWARD.replace("return ", "self.back = ")),), words="is None"
    ),
    "tanh: overwrites its input": Slip(
        "6",
        (
            (TANH_FORWARD, "np.tanh(X, out=X)\n        self.h = X"),
            (TANH_BACKWARD, "return grad * (1 - np.tanh(X) ** 2)"),
        ),
        words="network",
    ),
    # TODO 7
    "relu: absolute": Slip("7", ((RELU_FORWARD, "return np.abs(X)"),)),
    "relu: leaky": Slip("7", ((RELU_FORWARD, "return np.where(X > 0, X, 0.01 * X)"),)),
    "relu: capped": Slip("7", ((RELU_FORWARD, "return np.clip(X, 0, 6)"),)),
    "relu: softplus": Slip("7", ((RELU_FORWARD, "return np.logaddexp(X, 0)"),)),
    "relu: the lesser": Slip("7", ((RELU_FORWARD, "return np.minimum(X, 0)"),)),
    "relu: the identity": Slip("7", ((RELU_FORWARD, "return X"),)),
    "relu: whole numbers": Slip("7", ((RELU_FORWARD, "return np.maximum(X, 0).astype(int)"),)),
    "relu: an epsilon": Slip("7", ((RELU_FORWARD, "return np.maximum(X, 1e-12)"),)),
    "relu: never ends": Slip("7", ((RELU_MASK, LOOP),), verdict="timeout", timeout=0.3),
    "relu: forward not implemented": Slip("7", ((RELU_FORWARD, GONE),), verdict="missing"),
    "relu: waits for the keyboard": Slip("7", ((RELU_MASK, f"breakpoint()\n        {RELU_MASK}"),), verdict="crashed"),
    "relu: not there": Slip(
        "7 8",
        (("class relu:", "class my_relu:"), ('"relu": relu', '"relu": my_relu')),
        verdict="missing",
        words="defines no relu",
    ),
    # TODO 8
    "relu: grad as it comes": Slip("8", relu_backward("return grad")),
    "relu: without grad": Slip("8", relu_backward("return self.mask.astype(float)")),
    "relu: where grad is positive": Slip("8", relu_backward("return grad * (grad > 0)")),
    "relu: the other side": Slip("8", relu_backward("return grad * (X < 0)")),
    "relu: leaky backward": Slip("8", relu_backward("return np.where(X > 0, grad, 0.01 * grad)")),
    "relu: ½ at 0": Slip("8", relu_backward("return grad * (0.5 * (X == 0) + (X > 0))")),
    "relu: a stale mask": Slip("8", ((RELU_MASK, 'self.mask = getattr(self, "mask", X > 0)'),), words="second input"),
    "relu: backward crashes": Slip("8", relu_backward("return grad * self.nosuch"), verdict="crashed"),
    "relu: backward a pass": Slip("8", ((RELU_BACKWARD, 'is taken."""\n'),), verdict="missing", words="does nothing"),
    "relu: backward never ends": Slip("8", relu_backward(LOOP), verdict="timeout", timeout=0.3),
    # TODO 9
    "dropout: not scaled back": Slip("9", dropout_backward("return grad * (self.mask > 0)")),
    "dropout: scaled twice": Slip("9", dropout_backward("return grad * self.mask / (1 - self.r)")),
    "dropout: a fresh mask": Slip(
        "9", dropout_backward("return grad * (np.random.uniform(0, 1, X.shape) >= self.r) / (1 - self.r)")
    ),
    "dropout: no mask": Slip("9", dropout_backward("return grad")),
    "dropout: divided by r": Slip("9", dropout_backward("return grad * (self.mask > 0) / max(self.r, 0.01)")),
    "dropout: the mask alone": Slip("9", dropout_backward("return self.mask")),
    "dropout: times X": Slip("9", dropout_backward("return grad * X * self.mask")),
    "dropout: forward not scaled": Slip("9", ((DROPOUT_MASK, "self.mask = kept.astype(X.dtype)"),)),
    "dropout: keeps what it should drop": Slip("9", dropout_kept("np.random.uniform(0.0, 1.0, X.shape) < self.r")),
    "dropout: a rate of its own": Slip(
        "9", dropout_kept("np.random.uniform(0.0, 1.0, X.shape) >= 0.9 * self.r"), words="kept fraction"
    ),
    "dropout: one mask for all rows": Slip(
        "9",
        dropout_kept("np.random.uniform(0.0, 1.0, X.shape[-1]) >= self.r + np.zeros(X.shape)"),
        words="independence",
    ),
    "dropout: one bit a row": Slip(
        "9",
        dropout_kept("np.random.uniform(0.0, 1.0, (len(X), 1)) >= self.r + np.zeros(X.shape)"),
        words="independence",
    ),
    "dropout: the same mask each time": Slip(
        "9", dropout_kept("np.random.default_rng(3).uniform(0.0, 1.0, X.shape) >= self.r"), words="same mask"
    ),
    "dropout: as many each time": Slip(
        "9",
        dropout_kept("np.random.permutation(X.size).reshape(X.shape) >= round(self.r * X.size)"),
        words="every call keeps",
    ),
    "dropout: also in evaluation": Slip(
        "9", (("        if is_train:\n", "        if True:\n"), (DROPOUT_EVALUATION, "pass"))
    ),
    "dropout: scaled in evaluation": Slip("9", ((DROPOUT_EVALUATION, "self.mask = np.ones_like(X) * (1 - self.r)"),)),
    "dropout: backward not implemented": Slip("9", dropout_backward(GONE), verdict="missing"),
    "dropout: backward crashes": Slip(
        "9", dropout_backward("return grad @ self.mask[:, :1] @ X[0]"), verdict="crashed"
    ),
    # utils
    "loss: a sum": Slip("utils", utils=((LOSS_RETURN, LOSS_RETURN.replace("np.mean", "np.sum")),)),
    "loss: gradient of a sum": Slip("utils", utils=((LOSS_MEAN, "pass"),)),
    "loss: not shifted": Slip("utils", utils=((LOSS_SHIFT, "shifted = X"),), words="offset"),
    "loss: an epsilon": Slip(
        "utils",
        utils=((LOSS_RETURN, "return -np.mean(np.log(np.take_along_axis(self.z, _as_index(Y), axis=1) + 1e-9))"),),
    ),
    "loss: not there": Slip(
        "utils",
        ((" softmax_cross_entropy,\n", "\n"), ('"loss": softmax_cross_entropy()', '"loss": None')),
        (("class softmax_cross_entropy:", "class other:"),),
        verdict="missing",
    ),
    "labels: along the wrong axis": Slip(
        "utils", utils=((LABEL, LABEL.replace("axis=1", "axis=0")),), words="has shape"
    ),
    "labels: flat": Slip("utils", utils=((LABEL_RETURN, "return label.astype(float)"),), words="has shape"),
    "labels: the last of equals": Slip("utils", utils=((LABEL, "label = f.shape[1] - 1 - f[:, ::-1].argmax(axis=1)"),)),
    "labels: two classes at 1": Slip(
        "utils", utils=(("return (f > 0).astype(float)", "return (f > 1).astype(float)"),)
    ),
    "split: the first rows": Slip(
        "utils", utils=(("return self.X[rows], self.Y[rows]", "return self.X[: len(rows)], self.Y[rows]"),)
    ),
    "momentum: other keys": Slip("utils", utils=(('f"{name}_{key}": np.zeros_like', 'f"{name}{key}": np.zeros_like'),)),
    "momentum: from one": Slip("utils", utils=(("np.zeros_like(gradient)", "np.ones_like(gradient)"),)),
    "loader: test as validation": Slip("utils", utils=(('*_as_arrays(data["valid"])', '*_as_arrays(data["test"])'),)),
}
WRONG |= {
    f"{name} at all": Slip(
        part,
        ((f"# TODO {part}\n    def {method}(", f"# TODO {part}\n    def other("),),
        verdict="missing",
        words=f"defines no {words}",
    )
    for part, name, method, words in (
        ("3", "linear: no forward", "forward", "linear_layer.forward"),
        ("4", "linear: no backward", "backward", "linear_layer.backward"),
        ("5", "tanh: no forward", "forward", "tanh.forward"),
        ("7", "relu: no forward", "forward", "relu.forward"),
        ("8", "relu: no backward", "backward", "relu.backward"),
        ("9", "dropout: no backward", "backward", "dropout.backward"),
    )
}
WRONG |= {
    "2020-22: no momentum": Slip(
        "1",
        (NO_LAMBDA[0], (SGD_BODY, NO_LAMBDA[1][1].replace("v *= _alpha", "v *= 0"))),
        words="SGD, momentum",
        edition="2020-22",
    ),
    "sgd: torch's momentum, in float32": replace(WRONG["sgd: torch's momentum"], dtype="float32"),
    "linear: mean over the batch, in float32": replace(WRONG["linear: mean over the batch"], dtype="float32"),
    "linear: 9e-6 too much, in float32": Slip(
        "4", ((GRADIENT_B, f"{GRADIENT_B} + np.float32(9e-6)"),), dtype="float32"
    ),
    "tanh: float16 inside, in float32": Slip(
        "5", ((TANH_FORWARD, "self.h = np.tanh(X.astype(np.float16)).astype(X.dtype)"),), dtype="float32"
    ),
    "tanh: 1 − X², in float32": replace(WRONG["tanh: 1 − X²"], dtype="float32"),
    "relu: an epsilon, in float32": replace(WRONG["relu: an epsilon"], dtype="float32"),
    "dropout: not scaled back, in float32": replace(WRONG["dropout: not scaled back"], dtype="float32"),
    "loss: not shifted, in float32": replace(WRONG["loss: not shifted"], dtype="float32"),
    "2022-23: uphill": Slip("1", (PLAIN[0], (SGD_BODY, PLAIN[1][1].replace("w -=", "w +="))), edition="2022-23"),
    "2022-23: relu leaks": Slip(
        "7", (*PLAIN, (RELU_FORWARD, "return np.where(X > 0, X, 0.01 * X)")), edition="2022-23"
    ),
}
