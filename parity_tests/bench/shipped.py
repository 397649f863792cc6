"""The shipped numpy network in training: its parts with given weights, called in the order of the assignment's main."""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT

Array = NDArray[Any]


def shipped() -> Any:
    """The shipped network as a module, imported as a student's would be."""
    folder = str(ASSIGNMENT.solution)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return import_module("neural_networks")


class ShippedNetwork:
    """The network with relu, from weights by their names ("L1_W" ...), in whose dtype it computes."""

    def __init__(
        self, weights: Mapping[str, Array], *, rate: float | None, alpha: float, lam: float, eta: float
    ) -> None:
        """`rate` is dropout's; None leaves it out altogether."""
        self._module = shipped()
        self._options = {"_lambda": lam, "_alpha": alpha, "_learning_rate": eta}
        self._model = {
            "L1": self._module.linear_layer(*weights["L1_W"].shape),
            "nonlinear1": self._module.relu(),
            **({} if rate is None else {"drop1": self._module.dropout(rate)}),
            "L2": self._module.linear_layer(*weights["L2_W"].shape),
            "loss": self._module.softmax_cross_entropy(),
        }
        for name, w in weights.items():
            layer, _, key = name.partition("_")
            self._model[layer].params[key] = w.copy()
            self._model[layer].gradient[key] = np.zeros_like(w)
        self._momentum = self._module.add_momentum(self._model)

    def step(self, X: Array, Y: Array) -> None:
        """One training step on X (N×D) with labels Y (N×1)."""
        model, drop = self._model, self._model.get("drop1")
        u = model["L1"].forward(X)
        h = model["nonlinear1"].forward(u)
        s = h if drop is None else drop.forward(h, True)
        a = model["L2"].forward(s)
        model["loss"].forward(a, Y)
        grad_a = model["loss"].backward(a, Y)
        grad_s = model["L2"].backward(s, grad_a)
        grad_h = grad_s if drop is None else drop.backward(h, grad_s)
        grad_u = model["nonlinear1"].backward(u, grad_h)
        model["L1"].backward(X, grad_u)
        self._module.miniBatchStochasticGradientDescent(model, self._momentum, **self._options)

    def evaluate(self, X: Array, Y: Array, batch: int) -> None:
        """Losses and accuracy over whole mini-batches of X (N×D) with labels Y (N×1), as main takes them."""
        self._module.evaluate(self._model, self._module.DataSplit(X, Y), batch)
