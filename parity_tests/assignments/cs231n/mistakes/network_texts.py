"""Known mistakes of the networks' penalties in a text of their end, of their wiring, and of what they are made with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds.networks import SCALE
from parity_tests.assignments.cs231n.mistakes.networks import (
    BACK,
    BACKWARD_RELU,
    CONV,
    DRAWN,
    DROPS,
    FC,
    FORWARD_RELU,
    HALF,
    HIDDEN,
    NORMS,
    OWN,
    STARTS,
    TWO,
)
from parity_tests.assignments.cs231n.mistakes.penalties import ALL, RETURNS, WEIGHTS
from parity_tests.assignments.cs231n.mistakes.wrong import CNN_FILE, FC_FILE, Wrong
from parity_tests.harness.statistics import normal_problem
from parity_tests.protocol.case import Case
from parity_tests.protocol.mistake import Swap
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key

END = """p, reg, N, data, loss = self.params, self.reg, len(X), loss, loss + penalty(self.params, self.reg)
W = [n for n in p if n[0] == "W"]
b = [n for n in p if n[0] == "b" and not n.startswith("beta")]
"""
"""What stands in the texts: the loss without its penalty as `data`, the names of weights and biases as `W` and `b`."""
HALF_REG = "loss = data + 0.5 * reg *"
PENALTIES = (
    (
        "the penalty in the loss is the square of the sum of the weights",
        HALF,
        f"{HALF_REG} sum(p[n].sum() ** 2 for n in W)",
    ),
    (
        "the penalty in the loss is the sum of the weights, not of their squares",
        HALF,
        f"{HALF_REG} sum(p[n].sum() for n in W)",
    ),
    ("the penalty in the loss is the sum of magnitudes", HALF, f"{HALF_REG} sum(abs(p[n]).sum() for n in W)"),
    (
        "the penalty in the loss is the sum of magnitudes, without the ½",
        HALF,
        "loss = data + reg * sum(abs(p[n]).sum() for n in W)",
    ),
    (
        "the penalty in the loss is the norm of the weights, not its square",
        HALF,
        f"{HALF_REG} sum((p[n] ** 2).sum() ** 0.5 for n in W)",
    ),
    (
        "the penalty in the loss is the mean of squares, not their sum",
        HALF,
        f"{HALF_REG} sum((p[n] ** 2).mean() for n in W)",
    ),
    ("the penalty in the loss is that of the last layer alone", ALL, f"{HALF_REG} (p[W[-1]] ** 2).sum()"),
    ("the penalty in the loss is that of the first layer alone", ALL, f"{HALF_REG} (p[W[0]] ** 2).sum()"),
    (
        "the penalty in the loss counts the first layer's weights twice",
        ALL,
        "loss = loss + 0.5 * reg * (p[W[0]] ** 2).sum()",
    ),
    (
        "the penalty in the loss counts the last layer's weights twice",
        ALL,
        "loss = loss + 0.5 * reg * (p[W[-1]] ** 2).sum()",
    ),
    (
        "the penalty in the loss counts the second layer's weights twice, where there is a third",
        ALL,
        "loss = loss + 0.5 * reg * sum((p[n] ** 2).sum() for n in W[1:-1][:1])",
    ),
    (
        "the penalty in the loss counts the first layer's weights in place of the last layer's",
        ALL,
        "loss = loss + 0.5 * reg * ((p[W[0]] ** 2).sum() - (p[W[-1]] ** 2).sum())",
    ),
    ("the penalty in the loss is divided by the number of examples", HALF, "loss = data + (loss - data) / N"),
    ("the penalty in the loss is multiplied by the number of layers", HALF, "loss = data + (loss - data) * len(W)"),
    ("the penalty in the loss is subtracted", HALF, "loss = data - (loss - data)"),
    ("the penalty in the loss is without reg", HALF, "loss = data + 0.5 * sum((p[n] ** 2).sum() for n in W)"),
    ("the penalty in the loss is without reg and ½", HALF, "loss = data + sum((p[n] ** 2).sum() for n in W)"),
    ("the penalty in the loss has reg squared", HALF, "loss = data + (loss - data) * reg"),
    ("the penalty in the loss has ¼, not ½", HALF, "loss = data + (loss - data) / 2"),
    (
        "gammas are penalised in the loss",
        WEIGHTS,
        'loss = loss + 0.5 * reg * sum((p[n] ** 2).sum() for n in p if n.startswith("gamma"))',
    ),
    (
        "gammas and betas are penalised in the loss",
        WEIGHTS,
        'loss = loss + 0.5 * reg * sum((p[n] ** 2).sum() for n in p if n.startswith(("gamma", "beta")))',
    ),
    ("all parameters are penalised in the loss", WEIGHTS, f"{HALF_REG} sum((v**2).sum() for v in p.values())"),
    (
        "the ½ of the penalty is left out of the loss for all layers but the last",
        HALF,
        "loss = loss + 0.5 * reg * sum((p[n] ** 2).sum() for n in W[:-1])",
    ),
    (
        "the penalty in the loss counts the last layer's weights once for each layer, and no others",
        ALL,
        f"{HALF_REG} len(W) * (p[W[-1]] ** 2).sum()",
    ),
    (
        "the penalty in the loss counts the first layer's weights once for each layer, and no others",
        ALL,
        f"{HALF_REG} len(W) * (p[W[0]] ** 2).sum()",
    ),
    ("the last layer's gradient has half of the penalty", HALF, "grads[W[-1]] = grads[W[-1]] - 0.5 * reg * p[W[-1]]"),
    ("the last layer's gradient has twice the penalty", HALF, "grads[W[-1]] = grads[W[-1]] + reg * p[W[-1]]"),
    ("the first layer's gradient has half of the penalty", HALF, "grads[W[0]] = grads[W[0]] - 0.5 * reg * p[W[0]]"),
    ("the first layer's gradient has twice the penalty", HALF, "grads[W[0]] = grads[W[0]] + reg * p[W[0]]"),
    (
        "the gradients have twice the penalty in all layers but the last",
        HALF,
        "for n in W[:-1]:\n    grads[n] = grads[n] + reg * p[n]",
    ),
    (
        "gammas are penalised, in loss and gradients",
        WEIGHTS,
        'for n in p:\n    if n.startswith("gamma"):\n'
        "        grads[n], loss = grads[n] + reg * p[n], loss + 0.5 * reg * (p[n] ** 2).sum()",
    ),
    (
        "gammas are penalised in the gradients",
        WEIGHTS,
        'for n in p:\n    if n.startswith("gamma"):\n        grads[n] = grads[n] + reg * p[n]',
    ),
    (
        "gammas and betas are penalised, in loss and gradients",
        WEIGHTS,
        'for n in p:\n    if n.startswith(("gamma", "beta")):\n'
        "        grads[n], loss = grads[n] + reg * p[n], loss + 0.5 * reg * (p[n] ** 2).sum()",
    ),
    (
        "all parameters are penalised, in loss and gradients",
        WEIGHTS,
        "for n in p:\n    if n not in W:\n"
        "        grads[n], loss = grads[n] + reg * p[n], loss + 0.5 * reg * (p[n] ** 2).sum()",
    ),
    (
        "the penalty is that of the first layer alone, in loss and gradients",
        ALL,
        f"{HALF_REG} (p[W[0]] ** 2).sum()\nfor n in W[1:]:\n    grads[n] = grads[n] - reg * p[n]",
    ),
    (
        "the penalty is that of the last layer alone, in loss and gradients",
        ALL,
        f"{HALF_REG} (p[W[-1]] ** 2).sum()\nfor n in W[:-1]:\n    grads[n] = grads[n] - reg * p[n]",
    ),
    (
        "the penalty's gradient is that of the last layer alone",
        ALL,
        "for n in W[:-1]:\n    grads[n] = grads[n] - reg * p[n]",
    ),
    (
        "the penalty's gradient is that of the first layer alone",
        ALL,
        "for n in W[1:]:\n    grads[n] = grads[n] - reg * p[n]",
    ),
    (
        "the penalty is in neither gradients nor loss between the first layer and the last",
        ALL,
        "for n in W[1:-1]:\n    grads[n], loss = grads[n] - reg * p[n], loss - 0.5 * reg * (p[n] ** 2).sum()",
    ),
    (
        "the penalty's gradient is left out between the first layer and the last",
        ALL,
        "for n in W[1:-1]:\n    grads[n] = grads[n] - reg * p[n]",
    ),
    ("the penalty's gradient is subtracted", HALF, "for n in W:\n    grads[n] = grads[n] - 2 * reg * p[n]"),
    (
        "the penalty is subtracted, in loss and gradients",
        HALF,
        "loss = data - (loss - data)\nfor n in W:\n    grads[n] = grads[n] - 2 * reg * p[n]",
    ),
    (
        "the penalty's gradient is divided by the number of examples",
        HALF,
        "for n in W:\n    grads[n] = grads[n] - reg * p[n] + reg * p[n] / N",
    ),
    (
        "the penalty is divided by the number of examples, in loss and gradients",
        HALF,
        "loss = data + (loss - data) / N\nfor n in W:\n    grads[n] = grads[n] - reg * p[n] + reg * p[n] / N",
    ),
    ("the penalty's gradient is without reg", HALF, "for n in W:\n    grads[n] = grads[n] - reg * p[n] + p[n]"),
    ("the penalty's gradient is reg · W²", HALF, "for n in W:\n    grads[n] = grads[n] - reg * p[n] + reg * p[n] ** 2"),
    (
        "the penalty's gradient is reg times the signs of W",
        HALF,
        "for n in W:\n    grads[n] = grads[n] - reg * p[n] + reg * (p[n] / abs(p[n]))",
    ),
    ("the penalty's gradient is reg, without W", HALF, "for n in W:\n    grads[n] = grads[n] - reg * p[n] + reg"),
    (
        "biases are penalised in the gradients in place of weights",
        WEIGHTS,
        "for n in W:\n    grads[n] = grads[n] - reg * p[n]\nfor n in b:\n    grads[n] = grads[n] + reg * p[n]",
    ),
    ("the last layer's bias has no gradient, it is 0", OWN, "grads[b[-1]] = 0 * grads[b[-1]]"),
    ("the last layer's weights have no gradient, it is 0", OWN, "grads[W[-1]] = 0 * grads[W[-1]]"),
    ("the first layer's weights have no gradient, it is 0", OWN, "grads[W[0]] = 0 * grads[W[0]]"),
    ("the first layer's bias has no gradient, it is 0", OWN, "grads[b[0]] = 0 * grads[b[0]]"),
    (
        "the gradients of the biases are divided by the number of examples",
        BACK,
        "for n in b:\n    grads[n] = grads[n] / N",
    ),
    ("the last bias's gradient is divided by the number of examples", BACK, "grads[b[-1]] = grads[b[-1]] / N"),
    ("the first bias's gradient is divided by the number of examples", BACK, "grads[b[0]] = grads[b[0]] / N"),
    (
        "loss and gradients are summed over the examples, not averaged",
        BACK,
        "loss = data * N + (loss - data)\nfor n in grads:\n    of = reg * p[n] if n in W else 0 * p[n]\n"
        "    grads[n] = (grads[n] - of) * N + of",
    ),
    ("all gradients have the wrong sign", BACK, "for n in grads:\n    grads[n] = -grads[n]"),
    ("all gradients are divided by the number of examples", BACK, "for n in grads:\n    grads[n] = grads[n] / N"),
    ("all gradients are multiplied by the number of examples", BACK, "for n in grads:\n    grads[n] = grads[n] * N"),
    ("the loss is divided by the number of examples", BACK, "loss = data / N + (loss - data)"),
    ("the loss is multiplied by the number of examples", BACK, "loss = data * N + (loss - data)"),
)
OF_GAMMAS = ("gammas are", "gammas and betas", "all parameters are")
OF_THREE = (
    "between the first",
    "where there is a third",
    "layer alone",
    "multiplied by the number of layers",
    "all layers but",
    "once for each layer",
)
"""What is another mistake as well, or none, where there are two layers."""


def _ends(network: str) -> list[Wrong]:
    file, end = RETURNS[network]
    found = []
    for name, hint, lines in PENALTIES:
        if name.startswith(OF_GAMMAS) and network != FC:
            continue
        if any(words in name for words in OF_THREE) and network == TWO:
            continue
        text = "\n        ".join(f"{END}{lines}\nreturn loss, grads".split("\n"))
        found.append(Wrong(network, "network", name, hint, f"text: {lines}", (Swap(end, text),), file))
    return found


DROPPED = "            h, dropout = dropout_forward(h, self.dropout_param)\n"


def _fc(name: str, hint: str, change: str, *plug: Swap) -> Wrong:
    return Wrong(FC, "network", name, hint, change, plug, FC_FILE)


def _without_norm(of: str) -> tuple[Swap, ...]:
    """The norm of some hidden layers alone, as a condition on the layer says."""
    return (
        Swap(
            "        if self.normalization:\n            param",
            f"        if self.normalization and {of}:\n            param",
        ),
        Swap(
            "        if self.normalization:\n            dh, grads",
            f"        if self.normalization and not ({of}):\n"
            '            for name in (f"gamma{layer}", f"beta{layer}"):\n'
            "                grads[name] = 0 * self.params[name]\n"
            "        elif self.normalization:\n            dh, grads",
        ),
    )


def _without_relu(of: str) -> tuple[Swap, ...]:
    return (
        Swap(FORWARD_RELU, f"        h, relu = relu_forward(h) if {of} else (h, None)\n"),
        Swap(BACKWARD_RELU, f"        dh = relu_backward(dh, relu) if {of} else dh\n"),
    )


CONV_FORWARD = 'h, first = conv_relu_pool_forward(X.astype(self.dtype), p["W1"], p["b1"], conv_param, pool_param)'
CONV_BACKWARD = '_, grads["W1"], grads["b1"] = conv_relu_pool_backward(dh, first)'
WIRING = (
    _fc("the ReLUs are left out of the backward", BACK, "no relu in the backward", Swap(BACKWARD_RELU, "")),
    _fc(
        "the last hidden layer has no ReLU",
        HIDDEN,
        "no relu in the last hidden layer",
        *_without_relu("layer < self.num_layers - 1"),
    ),
    _fc("the first hidden layer has no ReLU", HIDDEN, "no relu in the first hidden layer", *_without_relu("layer > 1")),
    _fc(
        "the first hidden layer alone has a ReLU",
        HIDDEN,
        "relu in the first hidden layer alone",
        *_without_relu("layer == 1"),
    ),
    _fc(
        "the first hidden layer alone is normalised",
        NORMS,
        "norm in the first hidden layer alone",
        *_without_norm("layer == 1"),
    ),
    _fc(
        "the last hidden layer is not normalised",
        NORMS,
        "no norm in the last hidden layer",
        *_without_norm("layer < self.num_layers - 1"),
    ),
    _fc(
        "dropout comes before the norm",
        DROPS,
        "dropout before the norm",
        Swap(
            "        norm = dropout = None\n        if self.normalization:\n",
            "        norm = dropout = None\n        if self.use_dropout:\n"
            + DROPPED
            + "        if self.normalization:\n",
        ),
        Swap(f"        if self.use_dropout:\n{DROPPED}        return h", "        return h"),
        Swap(
            "        if self.use_dropout:\n            dh = dropout_backward(dh, dropout)\n        dh = relu_backward",
            "        dh = relu_backward",
        ),
        Swap(
            '        dh, grads[f"W{layer}"], grads[f"b{layer}"] = affine_backward(dh, affine)',
            "        if self.use_dropout:\n            dh = dropout_backward(dh, dropout)\n"
            '        dh, grads[f"W{layer}"], grads[f"b{layer}"] = affine_backward(dh, affine)',
        ),
    ),
    Wrong(
        TWO,
        "network",
        "the ReLUs are left out of the backward",
        BACK,
        "no relu in the backward",
        (Swap("affine_relu_backward(dhidden, first)", "affine_backward(dhidden, first[0])"),),
        FC_FILE,
    ),
    Wrong(
        CONV,
        "network",
        "the hidden affine layer's ReLU is left out of the backward",
        BACK,
        "no relu in the backward after the affine layer",
        (Swap("affine_relu_backward(dh, second)", "affine_backward(dh, second[0])"),),
        CNN_FILE,
    ),
    Wrong(
        CONV,
        "network",
        "the convolution has no ReLU",
        HIDDEN,
        "no relu after the convolution",
        (
            Swap(
                CONV_FORWARD,
                "from .. import layers\n\n"
                '        image, conv = layers.conv_forward_naive(X.astype(self.dtype), p["W1"], p["b1"], conv_param)\n'
                "        h, pool = layers.max_pool_forward_naive(image, pool_param)",
            ),
            Swap(
                CONV_BACKWARD,
                '_, grads["W1"], grads["b1"] = layers.conv_backward_naive(\n'
                "            layers.max_pool_backward_naive(dh, pool), conv)",
            ),
        ),
        CNN_FILE,
    ),
)


# ---- what networks are made with


def made_as(case: Case, seen: Observation, first: str) -> dict[str, Any]:
    """What a network was made with under names that begin so, as numbers."""
    found = {}
    for name in case.params["parameters"]:
        made = seen.values.get(Key(f"made {name}"))
        if name.rstrip("0123456789") == first and made is not None and made.array is not None:
            found[name] = made.array.astype(np.float64)
    return found


def all_are(first: str, holds: Callable[[Any], bool]) -> Callable[[Case, Observation], bool | None]:
    """Whether all parameters of one kind are so, and no parameter of another kind is wrong at its start.

    None where there are none of that kind.
    """
    starts = {"b": 0.0, "beta": 0.0, "gamma": 1.0}

    def check(case: Case, seen: Observation) -> bool | None:
        wanted = [n for n in case.params["parameters"] if n.rstrip("0123456789") == first]
        made = made_as(case, seen, first)
        others = [
            bool((array == start).all())
            for other, start in starts.items()
            if other != first
            for array in made_as(case, seen, other).values()
        ]
        if not (all(others) and len(made) == len(wanted) and all(holds(a) for a in made.values())):
            return False
        return True if wanted else None

    return check


def _one(holds: Callable[[Any], bool]) -> Callable[[Case, Observation], bool]:
    """Whether one bias alone is so, and all others are 0, gammas and betas right."""
    right = all_are("b", lambda array: True)

    def check(case: Case, seen: Observation) -> bool:
        wrong = [array for array in made_as(case, seen, "b").values() if (array != 0).any()]
        return bool(right(case, seen)) and len(wrong) == 1 and holds(wrong[0])

    return check


def is_random(array: Any) -> bool:
    return bool(array.size < 2 or (np.unique(array).size == array.size and (array != 0).all()))


def has_shape(name: str, shape: Callable[[dict[str, Any]], Sequence[int]]) -> Callable[[Case, Observation], bool]:
    """Whether a parameter has this shape, by the settings."""

    def check(case: Case, seen: Observation) -> bool:
        made = seen.values.get(Key(f"made {name}"))
        return made is not None and made.array is not None and made.array.shape == tuple(shape(case.params["settings"]))

    return check


def drawn_at(scale: Callable[[tuple[int, ...]], float], uniform: bool = False) -> Callable[[Case, Observation], bool]:
    """Whether weights are drawn at a scale of their shape: normal numbers, or uniform ones from 0 to it."""

    def check(case: Case, seen: Observation) -> bool:
        units = [array / scale(array.shape) for array in wide_weights(case, seen)]
        if uniform:
            return bool(units) and all(_is_uniform(one) for one in units)
        return bool(units) and not any(normal_problem(one.ravel(), 1.0, among=len(units)) for one in units)

    return check


def wide_weights(case: Case, seen: Observation) -> list[Any]:
    """The weights of the wide network that is made to see their scale, layer by layer; none where one is missing."""
    names = [name for name in case.params["parameters"] if name[0] == "W"]
    found = [seen.values.get(Key(f"wide {name}")) for name in names]
    arrays = [w.array.astype(np.float64) for w in found if w is not None and w.array is not None and w.array.ndim > 1]
    return arrays if len(arrays) == len(names) else []


def _is_uniform(units: Any) -> bool:
    """Whether numbers are from 0 to 1 with a mean of ½, within six standard errors."""
    inside = bool(units.min() >= 0 and units.max() <= 1)
    return inside and abs(float(units.mean()) - 0.5) < 6 * float(12 * units.size) ** -0.5


def _is_only(at: int) -> Callable[[Case, Observation], bool]:
    """Whether the weights of one layer alone, the first or the last, are not drawn with weight_scale."""

    def check(case: Case, seen: Observation) -> bool:
        arrays = wide_weights(case, seen)
        wrong = [bool(normal_problem(array.ravel(), SCALE, among=len(arrays))) for array in arrays]
        return bool(wrong) and wrong[at] and sum(wrong) == 1

    return check


def inputs_of(shape: tuple[int, ...]) -> float:
    """How many numbers a unit sums up."""
    return float(np.prod(shape[1:])) if len(shape) == 4 else float(shape[0])


SCALES: tuple[tuple[str, str, Callable[[tuple[int, ...]], float]], ...] = (
    (
        "weights are drawn at √(2 / inputs), weight_scale is not used",
        "np.sqrt(2 / inputs)",
        lambda s: (2 / inputs_of(s)) ** 0.5,
    ),
    (
        "weights are drawn at 1 / √inputs, weight_scale is not used",
        "1 / np.sqrt(inputs)",
        lambda s: inputs_of(s) ** -0.5,
    ),
    ("weights are drawn at the square of weight_scale", "weight_scale**2", lambda s: SCALE**2),
    ("weights are drawn at the root of weight_scale", "np.sqrt(weight_scale)", lambda s: SCALE**0.5),
)
ONLY = (
    ("the first layer's weights alone are not drawn with weight_scale", 0),
    ("the last layer's weights alone are not drawn with weight_scale", -1),
)
UNIFORM = "weights are drawn uniformly from 0 to weight_scale, not normally"
FC_BIAS, FC_NORM = 'params[f"b{layer}"] = np.zeros(outputs)', "np.ones(outputs), np.zeros(outputs)"
ZEROS = {
    TWO: ('"b1": np.zeros(hidden_dim)', '"b2": np.zeros(num_classes)'),
    CONV: ('"b1": np.zeros(num_filters)', '"b2": np.zeros(hidden_dim)', '"b3": np.zeros(num_classes)'),
}
RANDOM, ONES = "biases are drawn at random", "biases are 1 at first"


def _at_first(network: str, name: str, check: Any, *plug: Swap, about: str = "parameters") -> Wrong:
    return Wrong(network, "network", name, STARTS, check, plug, CNN_FILE if network == CONV else FC_FILE, about)


def weights_with(network: str, words: str, new: str) -> tuple[Swap, ...]:
    """Other words where each of the weights is drawn."""
    names = ("W1", "W2", "W3") if network == CONV else ("W1", "W2")
    return tuple(Swap(old := f'"{n}": weight_scale * np.random.randn(', old.replace(words, new)) for n in names)


MADE = (
    _at_first(
        FC,
        RANDOM,
        all_are("b", is_random),
        Swap(FC_BIAS, FC_BIAS.replace("np.zeros(", "weight_scale * np.random.randn(")),
    ),
    _at_first(FC, ONES, all_are("b", lambda a: bool((a == 1).all())), Swap(FC_BIAS, FC_BIAS.replace("zeros", "ones"))),
    *(
        _at_first(
            net,
            RANDOM,
            all_are("b", is_random),
            *(Swap(z, z.replace("np.zeros(", "weight_scale * np.random.randn(")) for z in zeros),
        )
        for net, zeros in ZEROS.items()
    ),
    *(
        _at_first(
            net,
            ONES,
            all_are("b", lambda a: bool((a == 1).all())),
            *(Swap(z, z.replace("zeros", "ones")) for z in zeros),
        )
        for net, zeros in ZEROS.items()
    ),
    *(
        _at_first(net, name, _one(holds), Swap(zeros[-1], zeros[-1].replace("np.zeros(", new)))
        for net, zeros in ZEROS.items()
        for name, holds, new in (
            ("one of the biases is drawn at random", is_random, "weight_scale * np.random.randn("),
            ("one of the biases is 1 at first", lambda a: bool((a == 1).all()), "np.ones("),
        )
    ),
    _at_first(
        CONV,
        "filter_size is not used: filters are 7 × 7",
        has_shape("W1", lambda s: (s["num_filters"], s["input_dim"][0], 7, 7)),
        Swap("num_filters, C, filter_size, filter_size)", "num_filters, C, 7, 7)"),
    ),
    _at_first(
        CONV,
        "W2 is of the image before the pool",
        has_shape("W2", lambda s: (s["num_filters"] * s["input_dim"][1] * s["input_dim"][2], s["hidden_dim"])),
        Swap("pooled = num_filters * (H // 2) * (W // 2)", "pooled = num_filters * H * W"),
    ),
    _at_first(
        CONV,
        "W2 is of one side halved, not of both",
        has_shape("W2", lambda s: (s["num_filters"] * s["input_dim"][1] * s["input_dim"][2] // 2, s["hidden_dim"])),
        Swap("pooled = num_filters * (H // 2) * (W // 2)", "pooled = num_filters * (H // 2) * W"),
    ),
    _at_first(
        CONV,
        "W2 is of the channels of the image, not of the filters",
        has_shape(
            "W2", lambda s: (s["input_dim"][0] * (s["input_dim"][1] // 2) * (s["input_dim"][2] // 2), s["hidden_dim"])
        ),
        Swap("pooled = num_filters * (H // 2)", "pooled = C * (H // 2)"),
    ),
    _at_first(
        FC,
        "gammas are 0 at first",
        all_are("gamma", lambda a: bool((a == 0).all())),
        Swap(FC_NORM, "np.zeros(outputs), np.zeros(outputs)"),
    ),
    _at_first(
        FC,
        "betas are 1 at first",
        all_are("beta", lambda a: bool((a == 1).all())),
        Swap(FC_NORM, "np.ones(outputs), np.ones(outputs)"),
    ),
    _at_first(
        FC,
        "gammas are drawn at random",
        all_are("gamma", is_random),
        Swap(FC_NORM, "np.random.randn(outputs), np.zeros(outputs)"),
    ),
    _at_first(
        FC,
        "the last layer has a gamma and a beta, too",
        lambda case, seen: (
            f"gamma{len(case.params['settings']['hidden_dims']) + 1}" in map(str, seen.facts.get("names", []))
            if case.params["settings"].get("normalization")
            else None
        ),
        Swap("if normalization and layer < self.num_layers:", "if normalization:"),
    ),
    *(
        _at_first(FC, name, drawn_at(scale), Swap(DRAWN, DRAWN.replace("weight_scale", new)), about="weight scale")
        for name, new, scale in SCALES
    ),
    _at_first(
        FC,
        UNIFORM,
        drawn_at(lambda s: SCALE, uniform=True),
        Swap(DRAWN, DRAWN.replace("random.randn(", "random.rand(")),
        about="weight scale",
    ),
    *(
        _at_first(
            net,
            UNIFORM,
            drawn_at(lambda s: SCALE, uniform=True),
            *weights_with(net, "randn", "rand"),
            about="weight scale",
        )
        for net in (TWO, CONV)
    ),
    *(
        _at_first(
            net,
            name,
            drawn_at(scale),
            *weights_with(net, "weight_scale", new),
            about="weight scale",
        )
        for net in (TWO, CONV)
        for name, new, scale in SCALES
        if "inputs" not in name
    ),
    *(
        _at_first(
            net,
            name,
            _is_only(at),
            weights_with(net, "weight_scale", "0.01")[at],
            about="weight scale",
        )
        for net in (TWO, CONV)
        for name, at in ONLY
    ),
    *(
        _at_first(
            FC,
            name,
            _is_only(at),
            Swap(DRAWN, DRAWN.replace("weight_scale", f"(0.01 if {when} else weight_scale)")),
            about="weight scale",
        )
        for (name, at), when in zip(ONLY, ("layer == 1", "layer == self.num_layers"), strict=True)
    ),
)
NETWORK_TEXTS = (*_ends(FC), *_ends(TWO), *_ends(CONV), *WIRING, *MADE)
