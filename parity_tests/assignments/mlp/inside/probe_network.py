"""How cases of the whole network are put to a submission: its parts wired as the assignment asks, step by step.

The submission's process loads this file by its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from parity_tests.assignments.mlp.inside import probe_layers
from parity_tests.assignments.mlp.inside.homework_names import WEIGHT_NAMES
from parity_tests.assignments.mlp.inside.probe_layers import goes_on, parameter, set_weights

if TYPE_CHECKING:
    from parity_tests.assignments.mlp.inside.probe_layers import Arrays, Params
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission


def network(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """The whole network, link by link, for one or more steps; with `etas`, an SGD update after each.

    Every step starts from given weights, and each link is fed what the submission's own last link returned, the very
    array, as its `main` would. What each returned is copied at once.
    """
    net = Network(submission, recorder, params, {name: arrays[name][0] for name in WEIGHT_NAMES})
    watch = probe_layers.Watch(submission, recorder)
    for t in range(len(arrays["X"])):
        net.set_weights({name: arrays[name][t].copy() for name in WEIGHT_NAMES})
        X, Y = watch.add("X", arrays["X"][t].copy()), arrays["Y"][t].copy()

        def call(name: str, function: Any, *args: Any, t: int = t) -> Any:
            result = recorder.call(name, function, *args, call=t)
            watch.look(name, t)
            return watch.add(name, result)

        grad_x = net.forward_and_backward(call, X, Y, t)
        if "etas" in params:
            net.update(grad_x, params["etas"][t], t)


def train(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Training in rounds, each one step on a given batch or an evaluation, with the same objects and velocities.

    The weights are given, and so are the batches; their random numbers are drawn all the same, in the homework's order
    (W and b of each layer, a permutation for each epoch), so that the masks that follow are the homework's.
    """
    net = Network(submission, recorder, params, {name: arrays[name].copy() for name in WEIGHT_NAMES})
    np.random.seed(params["seed"])
    for name in WEIGHT_NAMES:
        np.random.normal(0.0, 0.1, arrays[name].shape)
    while not recorder.failures and (given := recorder.next_round()) is not None:
        order, own = given
        if order["kind"] == "evaluation":
            recorder.call(None, net.evaluate, own["X"], own["Y"], order["batch"])
            continue
        if order["permute"]:
            np.random.permutation(order["permute"])
        if "L1_W" in own:
            net.set_weights(own)
        net.update(net.forward_and_backward(recorder.call, own["X"], own["Y"]), order["eta"])


class Network:
    """The submission's parts, wired as the assignment asks; it keeps them and their velocities from step to step."""

    def __init__(self, submission: Submission, recorder: CallRecorder, params: Params, weights: Arrays) -> None:
        self.submission, self.recorder, self.params = submission, recorder, params

        def make(name: str, *sizes: Any) -> Any:
            return recorder.call(None, lambda: probe_layers.construct(submission.get(name), *sizes))

        self.layers = {
            name: recorder.call(None, probe_layers.linear_with, submission, weights[f"{name}_W"], weights[f"{name}_b"])
            for name in ("L1", "L2")
        }
        self.activation, self.loss = make(params["activation"]), make("softmax_cross_entropy")
        self.dropout = make("dropout", params["r"]) if params["dropout"] else None
        self.model = {"L1": self.layers["L1"], "nonlinear1": self.activation}
        if self.dropout is not None:
            self.model["drop1"] = self.dropout
        self.model |= {"L2": self.layers["L2"], "loss": self.loss}
        self.zeros = {name: np.zeros_like(weights[name]) for name in WEIGHT_NAMES}
        self.velocities = self._no_velocities() if params.get("alpha", 0) > 0 else None

    def set_weights(self, weights: Arrays) -> None:
        """Go on from these weights."""
        for name, layer in self.layers.items():
            if layer is not self.recorder.FAILED:
                set_weights(layer, weights[f"{name}_W"], weights[f"{name}_b"])

    def forward_and_backward(self, call: Callable[..., Any], X: Any, Y: Any, step: int = 0) -> Any:
        """Every link of a training step, by call(name, function, *arguments); the gradient of X."""
        layers, activation, dropout, loss = self.layers, self.activation, self.dropout, self.loss
        method = partial(probe_layers.method_of, self.submission)
        u = call("L1 output", method(layers["L1"], "forward"), X)
        h = call("activation output", method(activation, "forward"), u)
        s = call("dropout output", method(dropout, "forward"), h, True) if dropout is not None else h
        a = call("L2 output", method(layers["L2"], "forward"), s)
        call("loss", method(loss, "forward"), a, Y)
        grad_a = call("gradient of logits", method(loss, "backward"), a, Y)
        grad_s = call("L2 gradient of X", method(layers["L2"], "backward"), s, grad_a)
        probe_layers.keep_gradients(self.recorder, layers["L2"], grad_s, step, "L2 ")
        grad_h = call("dropout gradient", method(dropout, "backward"), h, grad_s) if dropout is not None else grad_s
        grad_u = call("activation gradient", method(activation, "backward"), u, grad_h)
        grad_x = call("L1 gradient of X", method(layers["L1"], "backward"), X, grad_u)
        probe_layers.keep_gradients(self.recorder, layers["L1"], grad_x, step, "L1 ")
        return grad_x

    def update(self, grad_x: Any, eta: float, step: int = 0) -> None:
        """One call of the submission's SGD, once the backwards are done; keeps the weights after it."""
        result = self._sgd(grad_x, eta)
        if result is self.recorder.FAILED and self.velocities is None and grad_x is not self.recorder.FAILED:
            self.velocities = self._no_velocities()
            result = self._sgd(grad_x, eta)
            if result is not self.recorder.FAILED:
                self.recorder.withdraw_failure()
        if goes_on(self.model, result):
            self._go_on_with(result)
        for name in WEIGHT_NAMES:
            layer, key = name.split("_")
            self.recorder.call(
                f"{name} after the step",
                lambda _, layer=layer, key=key: self.layers[layer].params[key],
                result,
                call=step,
            )

    def _go_on_with(self, model: Any) -> None:
        """Go on with the copy that SGD has returned."""
        self.model, self.layers = model, {name: model[name] for name in self.layers}
        self.activation, self.loss, self.dropout = model["nonlinear1"], model["loss"], model.get("drop1")

    def evaluate(self, X: Any, Y: Any, batch: int) -> None:
        """Keeps the logits of X and the loss of each mini-batch, dropout off."""
        logits, losses = [], []
        for start in range(0, len(X), batch):
            x, y = X[start : start + batch].copy(), Y[start : start + batch].copy()
            h = self.activation.forward(self.layers["L1"].forward(x))
            a = self.layers["L2"].forward(h if self.dropout is None else self.dropout.forward(h, False))
            logits.append(np.array(a))
            losses.append(float(self.loss.forward(a, y)))
        self.recorder.keep("logits", np.concatenate(logits))
        self.recorder.keep("losses", np.array(losses))

    def _sgd(self, grad_x: Any, eta: float) -> Any:
        arguments = probe_layers.sgd_arguments(self.submission.edition, self.velocities, self.params, eta)
        return self.recorder.call(
            None, lambda _: probe_layers.sgd_function(self.submission)(self.model, *arguments), grad_x
        )

    def _no_velocities(self) -> dict[str, Any]:
        """Zeros in the shapes of the layers' own parameters: to a flat b belongs a flat velocity."""
        velocities = {}
        for name, zeros in self.zeros.items():
            layer, key = name.split("_")
            own = parameter(self.layers[layer], key)
            velocities[name] = np.zeros_like(own if isinstance(own, np.ndarray) else zeros)
        return velocities
