"""Known mistakes of the networks: of their penalty, of what is left out or put in, of what they are made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds.networks import SCALE, drawn_masks
from parity_tests.assignments.cs231n.mistakes.wrong import CNN_FILE, FC_FILE, Wrong
from parity_tests.harness.returned import result_of
from parity_tests.harness.statistics import normal_problem
from parity_tests.protocol.case import Case
from parity_tests.protocol.mistake import Swap
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import Key

HALF = "The penalty is ½ · reg · ΣW², so that its gradient is reg · W."
ALL = "Every W is penalised, that of the last layer too."
WEIGHTS = "Weights are penalised, biases are not."
SCORES = "The last layer is affine alone: scores may be negative."
HIDDEN = "A ReLU follows every hidden layer."
NORMS = "normalization may be “batchnorm” or “layernorm”: each hidden layer then has its own, before the ReLU."
TESTS = "Without labels the network is tested: batch norm and dropout are then in their test mode."
BACK = "Whatever changes a layer's output in the forward is gone back through in the backward."
OWN = "Each gradient goes under the name of its own parameter."
DROPS = "Dropout follows the ReLU of every hidden layer, in training alone."
STARTS = "Weights are drawn at weight_scale; biases and betas begin at 0, gammas at 1."

FC, CONV, TWO = "FullyConnectedNet", "ThreeLayerConvNet", "TwoLayerNet"
FC_LOSS = "return loss + penalty(self.params, self.reg), grads"
FC_GRADS = 'grads[f"W{layer}"] += self.reg * self.params[f"W{layer}"]'
CONV_LOSS = "        return loss + penalty(p, self.reg), grads\n"
CONV_GRADS = "grads[name] += self.reg * p[name]"
TWO_GRADS = 'grads = {"W1": dW1 + self.reg * p["W1"], "b1": db1, "W2": dW2 + self.reg * p["W2"], "b2": db2}'
TWO_LOSS = f"        {TWO_GRADS}\n{CONV_LOSS}"


def _fc(name: str, hint: str, change: Any, *plug: Swap, about: str = "") -> Wrong:
    return Wrong(FC, "network", name, hint, change, plug, FC_FILE, about)


def _conv(name: str, hint: str, change: Any, *plug: Swap, about: str = "") -> Wrong:
    return Wrong(CONV, "network", name, hint, change, plug, CNN_FILE, about)


def _two(name: str, hint: str, change: Any, *plug: Swap, about: str = "") -> Wrong:
    return Wrong(TWO, "network", name, hint, change, plug, FC_FILE, about)


def _two_loss(loss: str = "penalty(p, self.reg)", by: str = "self.reg", biases: str = "") -> Swap:
    """The end of the two-layer network's loss with another penalty, and other factors in the gradients."""
    grads = f'"W1": dW1 + {by} * p["W1"], "b1": db1{biases % 1 if biases else ""}, '
    grads += f'"W2": dW2 + {by} * p["W2"], "b2": db2{biases % 2 if biases else ""}'
    return Swap(TWO_LOSS, f"        grads = {{{grads}}}\n        return loss + {loss}, grads\n")


PENALTY = (
    _fc("the ½ of the penalty is left out of the loss", HALF, "no half in the loss",
        Swap(FC_LOSS, FC_LOSS.replace("penalty(", "2 * penalty("))),
    _fc("the penalty is reg · ΣW², in loss and gradients", HALF, "no half",
        Swap(FC_LOSS, FC_LOSS.replace("penalty(", "2 * penalty(")),
        Swap(FC_GRADS, FC_GRADS.replace("+= ", "+= 2 * "))),
    _fc("the gradients are without the penalty", HALF, "not in the gradients",
        Swap(FC_GRADS, "pass")),
    _fc("the gradients have half of the penalty", HALF, "half in the gradients",
        Swap(FC_GRADS, FC_GRADS.replace("+= ", "+= 0.5 * "))),
    _fc("the loss is without the penalty", HALF, "not in the loss", Swap(FC_LOSS, "return loss, grads")),
    _fc("there is no penalty", HALF, "not at all", Swap(FC_LOSS, "return loss, grads"), Swap(FC_GRADS, "pass")),
    _fc("the last layer's weights are not penalised", ALL, "not of the last weights",
        Swap(FC_LOSS,
             'return loss + penalty({n: w for n, w in self.params.items() if n[1:] != str(last)}, self.reg), grads'),
        Swap("for layer in range(1, last + 1):\n            grads", "for layer in range(1, last):\n            grads")),
    _fc("biases are penalised too", WEIGHTS, "biases too",
        Swap(FC_LOSS, 'loss += 0.5 * self.reg * sum(np.sum(self.params[f"b{n + 1}"] ** 2) for n in range(last))\n'
             f"        {FC_LOSS}"),
        Swap(FC_GRADS, f'{FC_GRADS}\n            grads[f"b{{layer}}"] += self.reg * self.params[f"b{{layer}}"]')),
    _fc("the penalty's gradient is one number, reg · ΣW", HALF, "sums in the gradients",
        Swap(FC_GRADS, 'grads[f"W{layer}"] += self.reg * np.sum(self.params[f"W{layer}"])')),
    _conv("the penalty's gradient is one number, reg · ΣW", HALF, "sums in the gradients",
          Swap(CONV_GRADS, "grads[name] += self.reg * np.sum(p[name])")),
    _conv("the ½ of the penalty is left out of the loss", HALF, "no half in the loss",
          Swap(CONV_LOSS, CONV_LOSS.replace("penalty(", "2 * penalty("))),
    _conv("the penalty is reg · ΣW², in loss and gradients", HALF, "no half",
          Swap(CONV_LOSS, CONV_LOSS.replace("penalty(", "2 * penalty(")),
          Swap(CONV_GRADS, CONV_GRADS.replace("+= ", "+= 2 * "))),
    _conv("the gradients are without the penalty", HALF, "not in the gradients", Swap(CONV_GRADS, "pass")),
    _conv("the gradients have half of the penalty", HALF, "half in the gradients",
          Swap(CONV_GRADS, CONV_GRADS.replace("+= ", "+= 0.5 * "))),
    _conv("the loss is without the penalty", HALF, "not in the loss",
          Swap(CONV_LOSS, "        return loss, grads\n")),
    _conv("there is no penalty", HALF, "not at all",
          Swap(CONV_LOSS, "        return loss, grads\n"), Swap(CONV_GRADS, "pass")),
    _conv("the last layer's weights are not penalised", ALL, "not of the last weights",
          Swap(CONV_LOSS,
               '        return loss + penalty({n: w for n, w in p.items() if n != "W3"}, self.reg), grads\n'),
          Swap('for name in ("W1", "W2", "W3"):', 'for name in ("W1", "W2"):')),
    _conv("biases are penalised too", WEIGHTS, "biases too",
          Swap(CONV_LOSS, '        loss += 0.5 * self.reg * sum(np.sum(p[n] ** 2) for n in ("b1", "b2", "b3"))\n'
               f"{CONV_LOSS}"),
          Swap('("W1", "W2", "W3"):', '("W1", "W2", "W3", "b1", "b2", "b3"):')),
    _two("the ½ of the penalty is left out of the loss", HALF, "no half in the loss",
         _two_loss("2 * penalty(p, self.reg)")),
    _two("the penalty is reg · ΣW², in loss and gradients", HALF, "no half",
         _two_loss("2 * penalty(p, self.reg)", "2 * self.reg")),
    _two("the gradients are without the penalty", HALF, "not in the gradients", _two_loss(by="0")),
    _two("the gradients have half of the penalty", HALF, "half in the gradients", _two_loss(by="0.5 * self.reg")),
    _two("the loss is without the penalty", HALF, "not in the loss", _two_loss("0")),
    _two("there is no penalty", HALF, "not at all", _two_loss("0", "0")),
    _two("the last layer's weights are not penalised", ALL, "not of the last weights",
         Swap(TWO_LOSS, f'        {TWO_GRADS.replace(" + self.reg * p[" + chr(34) + "W2" + chr(34) + "]", "")}\n'
              '        return loss + penalty({n: w for n, w in p.items() if n != "W2"}, self.reg), grads\n')),
    _two("biases are penalised too", WEIGHTS, "biases too",
         _two_loss('penalty(p, self.reg) + 0.5 * self.reg * (np.sum(p["b1"] ** 2) + np.sum(p["b2"] ** 2))',
                   biases=' + self.reg * p["b%d"]')),
)  # fmt: skip

FC_SCORES = 'scores, last_cache = affine_forward(h, self.params[f"W{last}"], self.params[f"b{last}"])\n'
FC_BACK = 'dh, grads[f"W{last}"], grads[f"b{last}"] = affine_backward(dscores, last_cache)'
FORWARD_RELU, BACKWARD_RELU = "        h, relu = relu_forward(h)\n", "        dh = relu_backward(dh, relu)\n"
NORMALISED = """        if self.normalization:
            param = self.bn_params[layer - 1]
            h, norm = FORWARD[self.normalization](h, p[f"gamma{layer}"], p[f"beta{layer}"], param)
        h, relu = relu_forward(h)
"""
BACK_NORMALISED = """        dh = relu_backward(dh, relu)
        if self.normalization:
            dh, grads[f"gamma{layer}"], grads[f"beta{layer}"] = BACKWARD[self.normalization](dh, norm)
"""
CONV_SECOND = 'h, second = affine_relu_forward(h, p["W2"], p["b2"])'
CONV_SCORES = 'scores, third = affine_forward(h, p["W3"], p["b3"])'
CONV_LAST = "affine_backward(dscores, third)"


def _without(norm: str) -> tuple[Swap, ...]:
    test = f"if self.normalization not in (None, '{norm}'):"
    return tuple(Swap(lines, lines.replace("if self.normalization:", test)) for lines in (NORMALISED, BACK_NORMALISED))


WIRING = (
    _fc("a ReLU is on the scores", SCORES, "relu on the scores",
        Swap(FC_SCORES, f"{FC_SCORES}        scores, on_scores = relu_forward(scores)\n"),
        Swap(FC_BACK, FC_BACK.replace("dscores,", "relu_backward(dscores, on_scores),"))),
    _fc("the ReLUs are left out", HIDDEN, "no relu",
        Swap(FORWARD_RELU, "        relu = None\n"), Swap(BACKWARD_RELU, "")),
    _fc("batch norm is left out", NORMS, "no batchnorm", *_without("batchnorm")),
    _fc("layer norm is left out", NORMS, "no layernorm", *_without("layernorm")),
    _fc("batch norm is left out where there is dropout", NORMS, "no batchnorm beside dropout",
        *(Swap(lines, lines.replace("if self.normalization:", "if self.normalization and not self.use_dropout:"))
          for lines in (NORMALISED, BACK_NORMALISED))),
    _fc("the norm comes after the ReLU", NORMS, "norm after relu",
        Swap(NORMALISED, FORWARD_RELU + NORMALISED.replace(FORWARD_RELU, "")),
        Swap(BACK_NORMALISED, BACK_NORMALISED.replace(BACKWARD_RELU, "") + BACKWARD_RELU)),
    _fc("batch norm never comes to its test mode", TESTS, "never tests",
        Swap('bn_param["mode"] = mode', 'bn_param["mode"] = "train"')),
    _fc("dropout is left out of the backward", BACK, "masks not in the backward",
        Swap("dh = dropout_backward(dh, dropout)", "pass")),
    _fc("the gradients of gamma and beta are exchanged", OWN, "gammas are betas",
        Swap('dh, grads[f"gamma{layer}"], grads[f"beta{layer}"] =',
             'dh, grads[f"beta{layer}"], grads[f"gamma{layer}"] =')),
    _conv("a ReLU is on the scores", SCORES, "relu on the scores",
          Swap(CONV_SCORES, CONV_SCORES.replace("affine_", "affine_relu_")),
          Swap(CONV_LAST, CONV_LAST.replace("affine_", "affine_relu_"))),
    _conv("the hidden affine layer has no ReLU", HIDDEN, "no relu after the affine layer",
          Swap(CONV_SECOND, CONV_SECOND.replace("affine_relu_", "affine_")),
          Swap("affine_relu_backward(dh, second)", "affine_backward(dh, second)")),
    _two("a ReLU is on the scores", SCORES, "relu on the scores",
         Swap('scores, second = affine_forward(hidden, p["W2"], p["b2"])',
              'scores, second = affine_relu_forward(hidden, p["W2"], p["b2"])'),
         Swap("affine_backward(dscores, second)", "affine_relu_backward(dscores, second)")),
    _two("the ReLUs are left out", HIDDEN, "no relu",
         Swap('hidden, first = affine_relu_forward(X, p["W1"], p["b1"])',
              'hidden, first = affine_forward(X, p["W1"], p["b1"])'),
         Swap("affine_relu_backward(dhidden, first)", "affine_backward(dhidden, first)")),
)  # fmt: skip


def dropped_counts(case: Case, seen: Observation, training: bool) -> list[tuple[int, int]]:
    """How often dropout was applied in the calls of one mode, and how often it is to be in training.

    Of a call that raised nobody knows how often it would have been: that counts as −1.
    """
    hidden = len(case.params["settings"]["hidden_dims"])
    result = "loss" if training else "scores"
    counts = []
    for k, trains in enumerate(case.params["labelled"]):
        if trains == training:
            raised = isinstance(result_of(seen, Key(result, k)), Failure)
            counts.append((-1 if raised else drawn_masks(seen, k), hidden))
    return counts


def _never_drops(case: Case, seen: Observation) -> bool:
    return all(count == 0 for training in (True, False) for count, _ in dropped_counts(case, seen, training))


def _drops_without_norm(case: Case, seen: Observation) -> bool | None:
    """Whether dropout is left out beside batch norm; None without that, where it is as it should be."""
    training = dropped_counts(case, seen, True)
    if case.params["settings"].get("normalization"):
        return _never_drops(case, seen)
    return None if all(count == hidden for count, hidden in training) else False


def _always_drops(case: Case, seen: Observation) -> bool:
    return all(count == hidden for training in (True, False) for count, hidden in dropped_counts(case, seen, training))


def misses_layer(at: int) -> Callable[[Case, Observation], bool]:
    """Whether in training the masks are those of all hidden layers but one, the first or the last, by their sizes."""

    def check(case: Case, seen: Observation) -> bool:
        sizes = list(case.params["settings"]["hidden_dims"])
        missed = sizes.pop(at)
        for k, (count, hidden) in enumerate(dropped_counts(case, seen, True)):
            masks = [seen.values.get(Key(f"mask {layer}", k)) for layer in range(hidden - 1)]
            drawn = [None if mask is None or mask.array is None else mask.array.shape[-1] for mask in masks]
            if count != hidden - 1 or drawn != sizes or missed in sizes:
                return False
        return True

    return check


def _drops_scores(case: Case, seen: Observation) -> bool:
    return all(count == hidden + 1 for count, hidden in dropped_counts(case, seen, True))


def _is_unscaled(case: Case, seen: Observation) -> bool:
    """Whether this network and another one, which is asked at a hundredth of its scale, are drawn at one scale."""
    names = [name for name in case.params["parameters"] if name[0] == "W"]
    own = [seen.values.get(Key(f"made {name}")) for name in names]
    drawn = [np.ravel(w.array).astype(np.float64) for w in own if w is not None and w.array is not None]
    other = seen.values.get(Key("other W1"))
    if len(drawn) < len(names) or other is None or other.array is None:
        return False
    weights, beside = np.concatenate(drawn), np.ravel(other.array).astype(np.float64)
    scale = float(weights.std())
    wide = [seen.values.get(Key(f"wide {name}")) for name in names]
    if not all(w is not None and w.array is not None and _has_mean_0(w.array) for w in wide):
        return False  # weight_scale is used, as their mean
    return scale > 0 and bool(normal_problem(weights, SCALE)) and not normal_problem(beside, scale)


STANDARD_ERRORS = 6
"""By so many a mean of honest draws is off once in 5e8."""


def _has_mean_0(array: Any) -> bool:
    return bool(abs(array.mean()) <= STANDARD_ERRORS * array.std() * array.size**-0.5)


def kind_of(name: str) -> str:
    """What a parameter is called without the number of its layer."""
    return name.rstrip("0123456789")


def number_of(name: str) -> int:
    """The number of a parameter's layer."""
    return int(name.removeprefix(kind_of(name)))


def _counts_from_0(case: Case, seen: Observation) -> bool:
    known = {str(name) for name in seen.facts.get("names", [])}
    return known == {f"{kind_of(name)}{number_of(name) - 1}" for name in case.params["parameters"]}


def _is_square(case: Case, seen: Observation) -> bool:
    """Whether W2 is of the size that a square image of the same height, or width, would need."""
    _, H, W = case.params["settings"]["input_dim"]
    made, filters = seen.values.get(Key("made W2")), case.params["settings"]["num_filters"]
    sizes = [filters * (side // 2) ** 2 for side in (H, W)]
    return made is not None and made.array is not None and made.array.shape[:1] in [(size,) for size in sizes]


DRAWN = 'params[f"W{layer}"] = weight_scale * np.random.randn(inputs, outputs)'
MADE = (
    _fc("dropout is left out", DROPS, _never_drops,
        Swap("        if self.use_dropout:\n            h, dropout", "        if False:\n            h, dropout"),
        Swap("        if self.use_dropout:\n            dh", "        if False:\n            dh"), about="dropout"),
    _fc("dropout is left out where there is batch norm", DROPS, _drops_without_norm,
        Swap("        if self.use_dropout:\n            h, dropout",
             "        if self.use_dropout and not self.normalization:\n            h, dropout"),
        Swap("        if self.use_dropout:\n            dh",
             "        if self.use_dropout and not self.normalization:\n            dh"), about="dropout"),
    _fc("dropout is left out after the last hidden layer", DROPS, misses_layer(-1),
        Swap("        if self.use_dropout:\n            h, dropout",
             "        if self.use_dropout and layer < self.num_layers - 1:\n            h, dropout"),
        Swap("        if self.use_dropout:\n            dh",
             "        if self.use_dropout and layer < self.num_layers - 1:\n            dh"), about="dropout"),
    _fc("dropout is never in its test mode", TESTS, _always_drops,
        Swap('self.dropout_param["mode"] = mode', 'self.dropout_param["mode"] = "train"'), about="dropout"),
    _fc("the scores are dropped as well", DROPS, _drops_scores,
        Swap(FC_SCORES, f"{FC_SCORES}        if self.use_dropout:\n"
             "            scores, on_scores = dropout_forward(scores, self.dropout_param)\n"),
        Swap(FC_BACK, FC_BACK.replace(
            "dscores,", "dropout_backward(dscores, on_scores) if self.use_dropout else dscores,")), about="dropout"),
    _fc("weight_scale is not used", STARTS, _is_unscaled, Swap(DRAWN, DRAWN.replace("weight_scale", "0.01")),
        about="weight scale"),
    _fc("parameters are counted from 0", STARTS, _counts_from_0,
        Swap("self.params = {name: value.astype(dtype) for name, value in params.items()}",
             'self.params = {f"{n.rstrip(\'0123456789\')}{int(n.lstrip(\'Wbgamet\')) - 1}": value.astype(dtype) '
             "for n, value in params.items()}"), about="parameters"),
    _conv("weight_scale is not used", STARTS, _is_unscaled,
          Swap('"W1": weight_scale *', '"W1": 0.01 *'), Swap('"W2": weight_scale *', '"W2": 0.01 *'),
          Swap('"W3": weight_scale *', '"W3": 0.01 *'), about="weight scale"),
    _conv("W2 fits square images alone", "After the pool an image has H/2 · W/2 places.", _is_square,
          Swap("pooled = num_filters * (H // 2) * (W // 2)", "pooled = num_filters * (H // 2) * (H // 2)"),
          about="parameters"),
    _two("weight_scale is not used", STARTS, _is_unscaled,
         Swap('"W1": weight_scale *', '"W1": 0.01 *'), Swap('"W2": weight_scale *', '"W2": 0.01 *'),
         about="weight scale"),
)  # fmt: skip

NETWORKS = (*PENALTY, *WIRING, *MADE)
