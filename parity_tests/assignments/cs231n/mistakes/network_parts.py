"""Known mistakes of the networks: what parameters are called and begin with, other activations, what layers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds.networks import SCALE
from parity_tests.assignments.cs231n.mistakes.network_texts import (
    CONV_BACKWARD,
    CONV_FORWARD,
    ZEROS,
    all_are,
    drawn_at,
    has_shape,
    inputs_of,
    is_random,
    made_as,
    weights_with,
    wide_weights,
)
from parity_tests.assignments.cs231n.mistakes.networks import (
    BACK,
    BACKWARD_RELU,
    CONV,
    CONV_LAST,
    CONV_SCORES,
    DRAWN,
    DROPS,
    FC,
    FC_SCORES,
    FORWARD_RELU,
    HIDDEN,
    NORMS,
    SCORES,
    STANDARD_ERRORS,
    STARTS,
    TESTS,
    TWO,
    dropped_counts,
    kind_of,
    misses_layer,
    number_of,
)
from parity_tests.assignments.cs231n.mistakes.wrong import CNN_FILE, FC_FILE, Wrong
from parity_tests.harness.statistics import normal_problem
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Arrays, Params
from parity_tests.protocol.mistake import Swap
from parity_tests.protocol.observation import Observation

CALLED = "Parameters are called W1, b1, gamma1 and beta1, up to the number of layers: the Solver and others read them."
SHAPES = "W is inputs × outputs, b, gamma and beta have as many numbers as a layer has outputs."
GIVEN = "The settings of a network are those that it is made with."
Check = Callable[[Case, Observation], bool | None]


def _row(network: str, name: str, hint: str, change: Any, *plug: Swap, about: str = "", raises: Any = None) -> Wrong:
    file = CNN_FILE if network == CONV else FC_FILE
    return Wrong(network, "network", name, hint, change, plug, file, about, raises)


# ---- what parameters are called


def _called(new: Callable[[str], str]) -> Check:
    """Whether parameters are called otherwise; None where that makes no difference."""

    def check(case: Case, seen: Observation) -> bool | None:
        wanted = set(case.params["parameters"])
        other = {new(name) for name in wanted}
        if other == wanted:
            return None
        return {str(name) for name in seen.facts.get("names", [])} == other

    return check


def _from_0(*kinds: str) -> Callable[[str], str]:
    return lambda name: f"{kind_of(name)}{number_of(name) - (kind_of(name) in kinds)}"


def _without_last(case: Case, seen: Observation) -> bool:
    wanted = set(case.params["parameters"])
    last = max(number_of(name) for name in wanted)
    return {str(name) for name in seen.facts.get("names", [])} == {n for n in wanted if number_of(n) < last}


ASTYPE = "self.params = {name: value.astype(dtype) for name, value in params.items()}"


def _renamed(expression: str) -> Swap:
    """Parameters under the name that an expression gives, of a `name`, its `kind` and its `number`."""
    return Swap(
        ASTYPE,
        "self.params = {}\n        for name, value in params.items():\n"
        "            kind = name.rstrip('0123456789')\n            number = int(name.removeprefix(kind))\n"
        f"            self.params[{expression}] = value.astype(dtype)",
    )


NAMES = (
    _row(FC, "biases, gammas and betas are counted from 0, weights from 1", CALLED,
         _called(_from_0("b", "gamma", "beta")),
         _renamed("f'{kind}{number - (kind != \"W\")}'"), about="parameters"),
    _row(FC, "biases are counted from 0", CALLED, _called(_from_0("b")),
         _renamed("f'{kind}{number - (kind == \"b\")}'"), about="parameters"),
    _row(FC, "weights are counted from 0", CALLED, _called(_from_0("W")),
         _renamed("f'{kind}{number - (kind == \"W\")}'"), about="parameters"),
    _row(FC, "gammas and betas are counted from 0", CALLED, _called(_from_0("gamma", "beta")),
         _renamed("f'{kind}{number - (kind not in \"Wb\")}'"), about="parameters"),
    _row(FC, "weights have a small letter", CALLED, _called(str.lower), _renamed("name.lower()"), about="parameters"),
    _row(FC, "names of parameters have a _ before their number", CALLED,
         _called(lambda name: f"{kind_of(name)}_{number_of(name)}"), _renamed("f'{kind}_{number}'"),
         about="parameters"),
    _row(FC, "the last layer has no parameters", CALLED, _without_last,
         Swap("for layer in range(1, self.num_layers + 1):\n            inputs",
              "for layer in range(1, self.num_layers):\n            inputs"), about="parameters"),
)  # fmt: skip
OF_NAMES = frozenset({"parameters are counted from 0", *(wrong.name for wrong in NAMES)})
"""The mistakes by which loss fails, as it does not find what it looks for."""


# ---- what parameters begin with, and their shapes


def _constant(array: Any) -> bool:
    return bool(np.ptp(array) == 0 and array.flat[0] not in (0.0, 1.0))


def _exchanged(case: Case, seen: Observation) -> bool | None:
    """Whether gammas are 0 and betas 1, and biases right."""
    gammas, betas = (made_as(case, seen, kind).values() for kind in ("gamma", "beta"))
    if not case.params["settings"].get("normalization"):
        return None
    zero = all(bool((a == 0).all()) for a in (*gammas, *made_as(case, seen, "b").values()))
    return bool(gammas) and zero and all(bool((a == 1).all()) for a in betas)


def _zero(case: Case, seen: Observation) -> bool:
    weights = wide_weights(case, seen)
    return bool(weights) and all(bool((w == 0).all()) for w in weights)


def _about_0(case: Case, seen: Observation) -> bool:
    """Whether weights are uniform from −SCALE to SCALE: within these, with the mean and the spread of such."""
    weights = wide_weights(case, seen)

    def uniform(w: Any) -> bool:
        error = STANDARD_ERRORS * w.size**-0.5
        apart = abs(float(w.mean())) < error * SCALE * 3**-0.5 and abs(float((w**2).mean()) * 3 / SCALE**2 - 1) < error
        return apart and 0.98 * SCALE < float(np.abs(w).max()) <= SCALE

    return bool(weights) and all(uniform(w) for w in weights)


def _as_mean(case: Case, seen: Observation) -> bool:
    weights = wide_weights(case, seen)
    return bool(weights) and not any(normal_problem(w.ravel() - SCALE, 1.0, among=len(weights)) for w in weights)


def _shaped(kind: str, shape: Callable[[Sequence[int]], Sequence[int]]) -> Check:
    """Whether all parameters of a kind have another shape, by that of their layer's weights."""

    def check(case: Case, seen: Observation) -> bool | None:
        made, shapes = made_as(case, seen, kind), case.params["parameters"]
        if kind == "gamma" and not case.params["settings"].get("normalization"):
            return None
        other = {name: tuple(shape(shapes[f"W{number_of(name)}"])) for name in made}
        return bool(made) and all(a.shape == other[name] for name, a in made.items())

    return check


def _unless(right: Check, same: Callable[[Params], bool]) -> Check:
    """The check, None where settings are such that nothing is to be seen."""
    return lambda case, seen: None if same(case.params["settings"]) else right(case, seen)


BIASES, NORMED = 'params[f"b{layer}"] = np.zeros(outputs)', "np.ones(outputs), np.zeros(outputs)"
AT_ONE_NUMBER, ALL_ZERO = "biases begin at one number that is neither 0 nor 1", "weights are 0 at first"
ABOUT_0 = "weights are drawn uniformly from −weight_scale to weight_scale, not normally"
BY_INPUTS = "weights are drawn at weight_scale / √inputs"
BY_INPUTS_ALONE = "weights are drawn at 1 / √inputs, weight_scale is not used"
MEAN = "weight_scale is the mean of the weights, not their spread"
OF_INPUTS = "biases have as many numbers as their layer has inputs"
TURNED = "weights are outputs × inputs, not inputs × outputs"
POOLED = "pooled = num_filters * (H // 2) * (W // 2)"
TWO_SIZES = {"W1": "input_dim", "W2": "hidden_dim"}
CONV_SIZES = {"W1": "(C * filter_size**2)", "W2": "pooled", "W3": "hidden_dim"}


def _each(network: str, new: Callable[[str], str]) -> tuple[Swap, ...]:
    """Other factors for the weights of a network, by what its layer has as inputs."""
    sizes = CONV_SIZES if network == CONV else TWO_SIZES
    return tuple(Swap(f'"{n}": weight_scale * np', f'"{n}": {new(inputs)} * np') for n, inputs in sizes.items())


BEGINNINGS = (
    _row(FC, "gammas are 0 and betas 1 at first", STARTS, _exchanged,
         Swap(NORMED, "np.zeros(outputs), np.ones(outputs)"), about="parameters"),
    _row(FC, "betas are drawn at random", STARTS, all_are("beta", is_random),
         Swap(NORMED, "np.ones(outputs), np.random.randn(outputs)"), about="parameters"),
    _row(FC, "gammas have as many numbers as their layer has inputs", SHAPES, _shaped("gamma", lambda s: s[:1]),
         Swap(NORMED, "np.ones(inputs), np.zeros(inputs)"), about="parameters"),
    _row(FC, AT_ONE_NUMBER, STARTS, all_are("b", _constant),
         Swap(BIASES, BIASES.replace("np.zeros(", "weight_scale * np.ones(")), about="parameters"),
    _row(FC, OF_INPUTS, SHAPES, _shaped("b", lambda s: s[:1]), Swap(BIASES, BIASES.replace("outputs", "inputs")),
         about="parameters"),
    _row(FC, TURNED, SHAPES, _shaped("W", lambda s: s[::-1]),
         Swap(DRAWN, DRAWN.replace("inputs, outputs", "outputs, inputs")), about="parameters"),
    _row(FC, ALL_ZERO, STARTS, _zero, Swap(DRAWN, DRAWN.replace("weight_scale", "0")), about="weight scale"),
    _row(FC, ABOUT_0, STARTS, _about_0,
         Swap(DRAWN, 'params[f"W{layer}"] = np.random.uniform(-weight_scale, weight_scale, (inputs, outputs))'),
         about="weight scale"),
    _row(FC, MEAN, STARTS, _as_mean, Swap(DRAWN, DRAWN.replace("weight_scale *", "weight_scale +")),
         about="weight scale"),
    _row(FC, BY_INPUTS, STARTS, drawn_at(lambda s: SCALE * inputs_of(s) ** -0.5),
         Swap(DRAWN, f"{DRAWN} / np.sqrt(inputs)"), about="weight scale"),
    *(row for net in (TWO, CONV) for row in (
        _row(net, AT_ONE_NUMBER, STARTS, all_are("b", _constant),
             *(Swap(z, z.replace("np.zeros(", "weight_scale * np.ones(")) for z in ZEROS[net]), about="parameters"),
        _row(net, ALL_ZERO, STARTS, _zero, *weights_with(net, "weight_scale", "0"), about="weight scale"),
        _row(net, MEAN, STARTS, _as_mean, *weights_with(net, "weight_scale *", "weight_scale +"), about="weight scale"),
        _row(net, BY_INPUTS, STARTS, drawn_at(lambda s: SCALE * inputs_of(s) ** -0.5),
             *_each(net, lambda inputs: f"weight_scale / np.sqrt({inputs})"), about="weight scale"),
        _row(net, BY_INPUTS_ALONE, STARTS, drawn_at(lambda s: inputs_of(s) ** -0.5),
             *_each(net, lambda inputs: f"1 / np.sqrt({inputs})"), about="weight scale"),
    )),
    _row(TWO, TURNED, SHAPES, _shaped("W", lambda s: s[::-1]),
         Swap("np.random.randn(input_dim, hidden_dim)", "np.random.randn(hidden_dim, input_dim)"),
         Swap("np.random.randn(hidden_dim, num_classes)", "np.random.randn(num_classes, hidden_dim)"),
         about="parameters"),
    _row(CONV, "filters have 3 channels, whatever input_dim says", GIVEN,
         _unless(has_shape("W1", lambda s: (s["num_filters"], 3, s["filter_size"], s["filter_size"])),
                 lambda s: s["input_dim"][0] == 3),
         Swap("num_filters, C, filter_size, filter_size)", "num_filters, 3, filter_size, filter_size)"),
         about="parameters"),
    _row(CONV, "the first two axes of W1 are exchanged", SHAPES,
         _unless(has_shape("W1", lambda s: (s["input_dim"][0], s["num_filters"], s["filter_size"], s["filter_size"])),
                 lambda s: s["input_dim"][0] == s["num_filters"]),
         Swap("num_filters, C, filter_size, filter_size)", "C, num_filters, filter_size, filter_size)"),
         about="parameters"),
    _row(CONV, "W2 is without the number of filters", SHAPES,
         has_shape("W2", lambda s: ((s["input_dim"][1] // 2) * (s["input_dim"][2] // 2), s["hidden_dim"])),
         Swap(POOLED, "pooled = (H // 2) * (W // 2)"), about="parameters"),
    _row(CONV, "W2 is of an image that the convolution makes smaller, as without padding", SHAPES,
         has_shape("W2", lambda s: (s["num_filters"] * int(np.prod([(n - s["filter_size"] + 1) // 2
                                                                     for n in s["input_dim"][1:]])), s["hidden_dim"])),
         Swap(POOLED, "pooled = num_filters * ((H - filter_size + 1) // 2) * ((W - filter_size + 1) // 2)"),
         about="parameters"),
    _row(CONV, "W3 is classes × hidden units", SHAPES,
         has_shape("W3", lambda s: (s["num_classes"], s["hidden_dim"])),
         Swap("np.random.randn(hidden_dim, num_classes)", "np.random.randn(num_classes, hidden_dim)"),
         about="parameters"),
)  # fmt: skip


# ---- what layers do


Shapes = Callable[[int, int, int], str]
"""The shapes that numpy names, by the number of examples and the sizes of the layer's own and the other one's."""


def _exchanged_in_norm(layer: int, training: Shapes, testing: Shapes) -> Callable[[Params, Arrays], str]:
    """What is raised where a layer's batch norm, the first one's or the second one's, has what is the other one's."""

    def raises(params: Params, arrays: Arrays) -> str:
        sizes = params["settings"].get("hidden_dims", ())
        if len(sizes) < 2 or params["settings"].get("normalization") != "batchnorm":
            return ""
        own, other = sizes[layer - 1], sizes[2 - layer]
        calls = zip(params["numbers"], params["labelled"], strict=True)
        said = [(training if trains else testing)(N, own, other) for N, trains in calls]
        return f"ValueError: {' or '.join(f'shapes {shapes}' for shapes in said)}"

    return raises


def _of_gamma(N: int, own: int, other: int) -> str:
    return f"({other},) ({N},{own})"


def _of_shift(N: int, own: int, other: int) -> str:
    return f"({N},{own}) ({other},)"


def _of_averages(N: int, own: int, other: int) -> str:
    return f"({other},) ({own},)"


def _flattened(side: Callable[[int, int], int]) -> Callable[[Params, Arrays], str]:
    """What is raised where a side of an image, and of a filter, leaves another side than half of it for W2."""

    def raises(params: Params, arrays: Arrays) -> str:
        settings = params["settings"]
        size = settings["num_filters"] * int(np.prod([side(n, settings["filter_size"]) for n in params["image"][1:]]))
        asked = params["parameters"]["W2"][0]
        return "" if size == asked else f"ValueError: (size {asked} is different from {size})"

    return raises


def _padded_by(pad: int) -> Callable[[int, int], int]:
    return lambda n, filter_size: (n + 2 * pad - filter_size + 1) // 2


def _exchanges_modes(case: Case, seen: Observation) -> bool:
    return all(count == (0 if training else hidden) for training in (True, False)
               for count, hidden in dropped_counts(case, seen, training))  # fmt: skip


ACTIVATIONS = (
    ("tanh", "np.tanh({})", "(1 - {}**2)"),
    ("sigmoid", "(1 / (1 + np.exp(-{})))", "({0} * (1 - {0}))"),
)
"""Names, functions, and derivatives by the output."""
TWO_FIRST = 'hidden, first = affine_relu_forward(X, p["W1"], p["b1"])'
TWO_AFFINE = TWO_FIRST.replace("_relu", "")
TWO_BACK = "affine_relu_backward(dhidden, first)"
PARAMS = "[dict(mode) for _ in hidden_dims]"
HIDDEN_AFFINE = 'affine_forward(h, p[f"W{layer}"], p[f"b{layer}"])'
MASKED = "        if self.use_dropout:\n            "
TESTED = """if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
"""
PROBABILITIES = "e = np.exp(scores)\n            return e / e.sum(axis=1, keepdims=True)"
UNPOOLED = "from ..layer_utils import conv_relu_backward as backward, conv_relu_forward as forward\n\n        "
LEAKY = "the ReLUs are leaky, with a slope of 0.01"
SHARED_PARAM = "the second hidden layer's batch norm is given the first one's bn_param"
OTHERS = {
    (kind, layer): f"the {own} hidden layer's batch norm is given the {other} one's {kind}"
    for kind in ("gamma", "beta")
    for layer, own, other in ((1, "first", "second"), (2, "second", "first"))
}
ON_SCORES = "a ReLU is on the scores, and left out of the backward"
LAYERS = (
    *(_row(FC, f"{name} stands for the ReLUs", HIDDEN, name,
           Swap(FORWARD_RELU, f"        h = relu = {forward.format('h')}\n"),
           Swap(BACKWARD_RELU, f"        dh = dh * {back.format('relu')}\n")) for name, forward, back in ACTIVATIONS),
    *(_row(TWO, f"{name} stands for the ReLUs", HIDDEN, name,
           Swap(TWO_FIRST, f"{TWO_AFFINE}\n        hidden = {forward.format('hidden')}"),
           Swap(TWO_BACK, f"affine_backward(dhidden * {back.format('hidden')}, first)"))
      for name, forward, back in ACTIVATIONS),
    _row(FC, LEAKY, HIDDEN, "leaky", Swap(FORWARD_RELU, "        h, relu = np.where(h > 0, h, 0.01 * h), h\n"),
         Swap(BACKWARD_RELU, "        dh = np.where(relu > 0, dh, 0.01 * dh)\n")),
    _row(TWO, LEAKY, HIDDEN, "leaky",
         Swap(TWO_FIRST, f"{TWO_AFFINE}\n"
              "        positive, hidden = hidden > 0, np.where(hidden > 0, hidden, 0.01 * hidden)"),
         Swap(TWO_BACK, "affine_backward(np.where(positive, dhidden, 0.01 * dhidden), first)")),
    _row(FC, ON_SCORES, SCORES, "relu on the scores, not in the backward",
         Swap(FC_SCORES, f"{FC_SCORES}        scores, _ = relu_forward(scores)\n")),
    _row(TWO, ON_SCORES, SCORES, "relu on the scores, not in the backward",
         Swap('scores, second = affine_forward(hidden, p["W2"], p["b2"])',
              'scores, second = affine_forward(hidden, p["W2"], p["b2"])\n        scores = np.maximum(scores, 0)')),
    _row(CONV, ON_SCORES, SCORES, "relu on the scores, not in the backward",
         Swap(CONV_SCORES, CONV_SCORES.replace("affine_", "affine_relu_")),
         Swap(CONV_LAST, CONV_LAST.replace("third", "third[0]"))),
    _row(FC, "the last layer's bias is left out", SCORES, "no bias in the last layer",
         Swap(FC_SCORES, FC_SCORES.replace('self.params[f"b{last}"]', '0 * self.params[f"b{last}"]'))),
    _row(FC, "the first layer's bias is left out", HIDDEN, "no bias in the first layer",
         Swap(HIDDEN_AFFINE, HIDDEN_AFFINE.replace('p[f"b{layer}"]', '(layer > 1) * p[f"b{layer}"]'))),
    _row(TWO, "the last layer's bias is left out", SCORES, "no bias in the last layer",
         Swap('affine_forward(hidden, p["W2"], p["b2"])', 'affine_forward(hidden, p["W2"], 0 * p["b2"])')),
    _row(TWO, "the first layer's bias is left out", HIDDEN, "no bias in the first layer",
         Swap(TWO_FIRST, TWO_FIRST.replace('p["b1"]', '0 * p["b1"]'))),
    *(_row(FC, f"the {which} hidden layer's ReLU is left out of the backward", BACK,
           f"no relu in the backward of the {which} hidden layer",
           Swap(BACKWARD_RELU, f"        dh = relu_backward(dh, relu) if {of} else dh\n"))
      for which, of in (("first", "layer > 1"), ("last", "layer < self.num_layers - 1"))),
    _row(FC, "the running statistics of batch norm are not kept between calls", TESTS,
         "running statistics are not kept",
         Swap("param = self.bn_params[layer - 1]", "param = dict(self.bn_params[layer - 1])")),
    *(_row(net, "probabilities come back without labels, not scores", SCORES, "probabilities",
           Swap(f"{TESTED}{after}", f"{TESTED.replace('return scores', PROBABILITIES)}{after}"))
      for net, after in ((FC, "        grads: Grads = {}"), (TWO, "        dhidden"), (CONV, ""))),
    _row(CONV, "the convolution's ReLU is left out of the backward", BACK,
         "no relu in the backward after the convolution",
         Swap(CONV_BACKWARD, "from .. import layers\n\n        (conv, _), pool = first\n"
              '        _, grads["W1"], grads["b1"] = layers.conv_backward_naive('
              "layers.max_pool_backward_naive(dh, pool), conv)")),
    _row(FC, SHARED_PARAM, NORMS, "", Swap(PARAMS, "[mode] * len(hidden_dims)"),
         raises=_exchanged_in_norm(2, _of_averages, _of_shift)),
    *(_row(FC, name, NORMS, "", Swap(f'p[f"{kind}{{layer}}"]', f'p[f"{kind}{number}"]'),
           raises=_exchanged_in_norm(layer, shapes, shapes))
      for (kind, layer), name in OTHERS.items()
      for shapes in (_of_gamma if kind == "gamma" else _of_shift,)
      for number in ("1" if layer == 2 else "{self.num_layers - 1}",)),
    _row(CONV, "the padding of the convolution is always 1", GIVEN, "",
         Swap('"pad": (p["W1"].shape[2] - 1) // 2', '"pad": 1'), raises=_flattened(_padded_by(1))),
    _row(CONV, "the pool is left out", GIVEN, "",
         Swap(CONV_FORWARD, CONV_FORWARD.replace("h, first = conv_relu_pool_forward(", f"{UNPOOLED}h, first = forward(")
              .replace(", pool_param)", ")")),
         Swap(CONV_BACKWARD, CONV_BACKWARD.replace("conv_relu_pool_backward", "backward")),
         raises=_flattened(lambda n, filter_size: n)),
    _row(CONV, "the stride of the pool is 1", GIVEN, "",
         Swap('"pool_width": 2, "stride": 2', '"pool_width": 2, "stride": 1'),
         raises=_flattened(lambda n, filter_size: n - 1)),
    *(_row(CONV, name, GIVEN, "", Swap('"pad": (p["W1"].shape[2] - 1) // 2', f'"pad": {pad}'),
           raises=_flattened(_padded_by(pad)))
      for name, pad in (("the convolution is not padded", 0), ("the padding of the convolution is always 2", 2),
                        ("the padding of the convolution is always 3", 3))),
    _row(FC, "dropout is left out after the first hidden layer", DROPS, misses_layer(0),
         Swap(f"{MASKED}h, dropout", f"{MASKED}h, dropout".replace("dropout:", "dropout and layer > 1:")),
         Swap(f"{MASKED}dh", f"{MASKED}dh".replace("dropout:", "dropout and layer > 1:")), about="dropout"),
    _row(FC, "the modes of dropout are exchanged", TESTS, _exchanges_modes,
         Swap('self.dropout_param["mode"] = mode', 'self.dropout_param["mode"] = "train" if y is None else "test"'),
         Swap("dh = dropout_backward(dh, dropout)", "dh = dh"), about="dropout"),
)  # fmt: skip
NETWORK_PARTS = (*NAMES, *BEGINNINGS, *LAYERS)
