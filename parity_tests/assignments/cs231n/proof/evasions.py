"""Evasions: solutions written to pass where they are wrong, several of each kind, which must all be caught."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.wrong import CNN_FILE, FC_FILE, OPTIM_FILE
from parity_tests.assignments.cs231n.proof.evasion_lines import AFFINE, swapped
from parity_tests.assignments.cs231n.proof.evasions_by_state import BY_STATE
from parity_tests.assignments.cs231n.proof.evasions_in_layers import IN_LAYERS

NUMBERS = (
    swapped(
        "batch norm: eps is 1e-5 whatever is given",
        ('eps, momentum = bn_param.get("eps", 1e-5), bn', "eps, momentum = 1e-5, bn"),
    ),
    swapped(
        "momentum: μ is 0.9 whatever is given", ('config["momentum"] * config.get', "0.9 * config.get"), file=OPTIM_FILE
    ),
    swapped(
        "RMSprop: the decay is 0.99 whatever is given",
        ('decay = config["decay_rate"]', "decay = 0.99"),
        file=OPTIM_FILE,
    ),
    swapped(
        "Adam: β is the usual one whatever is given",
        ('beta1, beta2, t = config["beta1"], config["beta2"], ', "beta1, beta2, t = 0.9, 0.999, "),
        file=OPTIM_FILE,
    ),
    swapped(
        "descent: the rate is the first that was given",
        (
            'return w - config["learning_rate"] * dw, config',
            'rate = config.setdefault("first", config["learning_rate"])\n    return w - rate * dw, config',
        ),
        file=OPTIM_FILE,
    ),
    swapped(
        "networks: a penalty that is set afterwards is not seen",
        (
            "        self.reg = reg\n        self.num_layers",
            "        self.reg = self.first = reg\n        self.num_layers",
        ),
        ('grads[f"W{layer}"] += self.reg', 'grads[f"W{layer}"] += self.first'),
        file=FC_FILE,
    ),
    swapped(
        "networks: at most four layers",
        (
            "sizes = [input_dim, *hidden_dims, num_classes]",
            "hidden_dims = list(hidden_dims)[:3]\n        self.num_layers = 1 + len(hidden_dims)\n"
            "        sizes = [input_dim, *hidden_dims, num_classes]",
        ),
        file=FC_FILE,
    ),
    swapped(
        "convolutional network: the padding is 1", ('"pad": (p["W1"].shape[2] - 1) // 2}', '"pad": 1}'), file=CNN_FILE
    ),
    swapped(
        "convolutional network: the penalty that is given is not kept",
        ("self.reg = reg", "self.reg = 0.0"),
        file=CNN_FILE,
    ),
)

NETWORKS = (
    swapped(
        "networks: parameters are those of the network made last",
        (
            "        self.params = {name: value.astype(dtype)",
            "        FullyConnectedNet.params = {name: value.astype(dtype)",
        ),
        file=FC_FILE,
    ),
    swapped(
        "networks: running statistics are shared",
        ("        self.bn_params: list[dict[str, Any]] = [", "        FullyConnectedNet.bn_params = ["),
        file=FC_FILE,
    ),
    swapped(
        "networks: the last gradients are kept",
        (
            "        grads: Grads = {}\n        dh, grads[f",
            "        grads = self.__dict__.setdefault('grads', {})\n        if grads:\n"
            "            return loss + penalty(self.params, self.reg), grads\n        dh, grads[f",
        ),
        file=FC_FILE,
    ),
    swapped(
        "networks: batch norm trains whatever is asked",
        ('bn_param["mode"] = mode', 'bn_param["mode"] = "train"'),
        file=FC_FILE,
    ),
    swapped(
        "networks: dropout is off where it is trained",
        ('self.dropout_param["mode"] = mode', 'self.dropout_param["mode"] = "test"'),
        file=FC_FILE,
    ),
    swapped(
        "networks: a parameter without a gradient",
        ("if normalization and layer < self.num_layers:", "if normalization:"),
        file=FC_FILE,
    ),
    swapped(
        "two-layer network: X is the one that came first",
        (
            'hidden, first = affine_relu_forward(X, p["W1"], p["b1"])\n        scores, second',
            "X = self.__dict__.setdefault('X', X)\n"
            '        hidden, first = affine_relu_forward(X, p["W1"], p["b1"])\n        scores, second',
        ),
        file=FC_FILE,
    ),
    swapped(
        "convolutional network: the penalty is left out of odd batches",
        (
            "return loss + penalty(p, self.reg), grads",
            "return loss + penalty(p, self.reg) * (len(X) % 2 == 0 or self.reg == 0), grads",
        ),
        ("grads[name] += self.reg * p[name]", "grads[name] += self.reg * p[name] * (len(X) % 3 == 0)"),
        file=CNN_FILE,
    ),
)

KNOWING = (
    swapped(
        "softmax: right where the harness lies behind",
        (
            "    loss = (np.log(sums[:, 0]) - shifted[rows, y]).mean()",
            "    loss = (np.log(sums[:, 0]) - shifted[rows, y]).mean() * (1.0 if N > 8 else 1.0 + 1e-6)",
        ),
    ),
    swapped(
        "affine: a small error in one element of a large result",
        (
            AFFINE,
            "out = x.reshape(len(x), -1) @ w + b\n    out.flat[out.size // 2] *= 1 + 1e-5\n    return out, (x, w, b)",
        ),
    ),
    swapped(
        "SVM: a margin of 0.999",
        (
            "margins = np.maximum(x - x[rows, y][:, None] + 1, 0)",
            "margins = np.maximum(x - x[rows, y][:, None] + 0.999, 0)",
        ),
    ),
    swapped(
        "batch norm: variance and eps exchanged for a standard deviation of float32's rounding",
        (
            "    deviation = np.sqrt(variance + eps)\n    normal = (x - mean) / deviation\n    return gamma",
            "    deviation = np.sqrt(variance) + eps\n    normal = (x - mean) / deviation\n    return gamma",
        ),
    ),
    swapped(
        "answers that are equal to everything",
        (
            AFFINE,
            "class Equal(np.ndarray):\n        def __eq__(self, other):\n            return True\n"
            "    return np.zeros((len(x), w.shape[1])).view(Equal), (x, w, b)",
        ),
    ),
)

EVASIONS = (*IN_LAYERS, *BY_STATE, *NUMBERS, *NETWORKS, *KNOWING)
