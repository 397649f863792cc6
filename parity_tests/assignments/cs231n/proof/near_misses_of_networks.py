"""Wrong forms near the mistakes of update rules and of networks' parts: each with the names that it must not get."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.network_rows import NETWORK_ROWS, PARAMS
from parity_tests.assignments.cs231n.mistakes.network_starts import RENAMED
from parity_tests.assignments.cs231n.mistakes.rates import DIVIDED, LINES, MULTIPLIED, RATE
from parity_tests.assignments.cs231n.mistakes.wrong import CNN_FILE, FC_FILE, OPTIM_FILE
from parity_tests.assignments.cs231n.proof.near_misses import BACKWARD_RELU, DRAWN_W, FC_LOSS, FORWARD_RELU, near

LAYERS_SHARE = tuple(wrong.name for wrong in NETWORK_ROWS)
ASTYPE = "self.params = {name: value.astype(dtype) for name, value in params.items()}"
BIASES = 'params[f"b{layer}"] = np.zeros(outputs)'
TESTED = """if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
"""
NORMALISED = """        if self.normalization:
            param = self.bn_params[layer - 1]
"""
BACK_NORMALISED = """        if self.normalization:
            dh, grads[f"gamma{layer}"], grads[f"beta{layer}"] = BACKWARD[self.normalization](dh, norm)
"""

BESIDE = "self.normalization and (layer > 1 or not self.use_dropout)"

OF_NETWORKS = (
    near(
        "descent: each call takes a thousandth off config's learning_rate",
        (MULTIPLIED, DIVIDED),
        (LINES["sgd"][0], f"{LINES['sgd'][0]}\n    {RATE} -= 0.001"),
        file=OPTIM_FILE,
    ),
    near(
        "RMSprop: the second call alone multiplies config's learning_rate by 0.95",
        (MULTIPLIED, DIVIDED),
        (
            LINES["rmsprop"][0],
            f'{LINES["rmsprop"][0]}\n    n = config["calls"] = config.get("calls", 0) + 1\n'
            f"    {RATE} *= 0.95 if n == 2 else 1",
        ),
        file=OPTIM_FILE,
    ),
    near(
        "Adam: the rate is divided by t + 1",
        (MULTIPLIED, "the step is divided by the new t once too often in the new w"),
        (LINES["adam"][1].format(RATE), LINES["adam"][1].format(f"{RATE} / (t + 1)")),
        file=OPTIM_FILE,
    ),
    near(
        "networks: biases begin at ½, and at 1 in the last layer",
        ("biases are one number that is neither 0 nor 1 at first", "biases are 1 at first"),
        (BIASES, 'params[f"b{layer}"] = np.full(outputs, 0.5 if layer < self.num_layers else 1.0)'),
        file=FC_FILE,
    ),
    near(
        "networks: weights are uniform within twice weight_scale",
        (
            "weights are drawn uniformly from −weight_scale to weight_scale, not normally",
            "weights are drawn at weight_scale / √inputs",
            "weight_scale is not used",
        ),
        (DRAWN_W, 'params[f"W{layer}"] = np.random.uniform(-2 * weight_scale, 2 * weight_scale, (inputs, outputs))'),
        file=FC_FILE,
    ),
    near(
        "networks: tanh of half of its input stands for each ReLU",
        ("tanh stands for the ReLUs", "sigmoid stands for the ReLUs"),
        (FORWARD_RELU, "        h = relu = np.tanh(h / 2)\n"),
        (BACKWARD_RELU, "        dh = dh * (1 - relu**2) / 2\n"),
        file=FC_FILE,
    ),
    near(
        "networks: the second hidden layer's ReLU is left out of the backward",
        (
            "the first hidden layer's ReLU is left out of the backward",
            "the ReLUs are left out of the backward",
        ),
        (BACKWARD_RELU, "        dh = relu_backward(dh, relu) if layer != 2 else dh\n"),
        file=FC_FILE,
    ),
    near(
        "networks: logarithms of probabilities come back without labels",
        "probabilities come back without labels, not scores",
        (
            f"{TESTED}        grads: Grads = {{}}",
            f"{TESTED}        grads: Grads = {{}}".replace(
                "return scores", "return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))"
            ),
        ),
        file=FC_FILE,
    ),
    near(
        "networks: batch norm of several layers is refused",
        LAYERS_SHARE,
        (PARAMS, "[dict(mode) for _ in hidden_dims]"),
        (
            '        mode = "test" if y is None else "train"\n',
            '        mode = "test" if y is None else "train"\n'
            "        if self.normalization == 'batchnorm' and self.num_layers > 2:\n"
            "            raise ValueError('not yet')\n",
        ),
        file=FC_FILE,
    ),
    near(
        "networks: whatever has dropout is refused",
        ("dropout is left out", "dropout is left out where there is batch norm", *LAYERS_SHARE),
        (
            '        mode = "test" if y is None else "train"\n',
            '        mode = "test" if y is None else "train"\n'
            "        if self.use_dropout:\n            raise ValueError('not yet')\n",
        ),
        file=FC_FILE,
    ),
    near(
        "networks: dropout is left out of the last hidden layer where there is batch norm",
        (
            "dropout is left out",
            "dropout is left out where there is batch norm",
            "the last hidden layer's dropout is left out",
        ),
        (
            "        if self.use_dropout:\n            h, dropout",
            "        if self.use_dropout and (layer == 1 or not self.normalization):\n            h, dropout",
        ),
        ("        if self.use_dropout:\n            dh", "        if dropout:\n            dh"),
        file=FC_FILE,
    ),
    near(
        "networks: batch norm is left out of the first layer where there is dropout",
        ("batch norm is left out", "batch norm is left out where there is dropout"),
        (NORMALISED, NORMALISED.replace("if self.normalization:", f"if {BESIDE}:")),
        (BACK_NORMALISED, BACK_NORMALISED.replace("if self.normalization:", f"if {BESIDE}:")),
        file=FC_FILE,
    ),
    near(
        "networks: the batch norms of layers take gamma's first number for all",
        LAYERS_SHARE,
        ('p[f"gamma{layer}"], p[f"beta', 'p[f"gamma{layer}"][:1], p[f"beta'),
        file=FC_FILE,
    ),
    near(
        "convolutional network: the pool is 3 × 3",
        (
            "1 stands for the stride of the pool",
            "3 stands for the width of the pool",
            "0 stands for the padding of the convolution in the image after the convolution",
        ),
        ('"pool_height": 2, "pool_width": 2', '"pool_height": 3, "pool_width": 3'),
        file=CNN_FILE,
    ),
    near(
        "networks: the gamma of the first layer alone is penalised",
        ("gammas are penalised in the gradients", "gammas and betas are penalised in the gradients"),
        (
            FC_LOSS,
            "if self.normalization:\n"
            '            grads["gamma1"] = grads["gamma1"] + 2 * self.reg * self.params["gamma1"]\n'
            f"        {FC_LOSS}",
        ),
        file=FC_FILE,
    ),
    near(
        "networks: parameters are counted from 1 in twos",
        tuple(RENAMED),
        (
            ASTYPE,
            "self.params = {f\"{n.rstrip('0123456789')}{2 * int(n.lstrip('Wbgamet')) - 1}\": value.astype(dtype) "
            "for n, value in params.items()}",
        ),
        file=FC_FILE,
    ),
)
