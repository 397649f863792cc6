"""Known mistakes of the networks: of their penalty, mostly."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.wrong import CNN_FILE, FC_FILE, Wrong
from parity_tests.protocol.mistake import Swap

HALF = "The penalty is ½ · reg · ΣW², so that its gradient is reg · W."
ALL = "Every W is penalised, that of the last layer too."
WEIGHTS = "Weights are penalised, biases are not."

FC, CONV, TWO = "FullyConnectedNet", "ThreeLayerConvNet", "TwoLayerNet"
FC_LOSS = "return loss + penalty(self.params, self.reg), grads"
FC_GRADS = 'grads[f"W{layer}"] += self.reg * self.params[f"W{layer}"]'
CONV_LOSS = "return loss + penalty(p, self.reg), grads"
CONV_GRADS = "grads[name] += self.reg * p[name]"


def _fc(name: str, hint: str, change: str, *plug: Swap) -> Wrong:
    return Wrong(FC, "network", name, hint, change, plug, FC_FILE)


def _conv(name: str, hint: str, change: str, *plug: Swap) -> Wrong:
    return Wrong(CONV, "network", name, hint, change, plug, CNN_FILE)


NETWORKS = (
    _fc("the ½ of the penalty is left out of the loss", HALF, "no half in the loss",
        Swap(FC_LOSS, FC_LOSS.replace("penalty(", "2 * penalty("))),
    _fc("the penalty is reg · ΣW², in loss and gradients", HALF, "no half",
        Swap(FC_LOSS, FC_LOSS.replace("penalty(", "2 * penalty(")),
        Swap(FC_GRADS, FC_GRADS.replace("+= ", "+= 2 * "))),
    _fc("the gradients are without the penalty", HALF, "not in the gradients",
        Swap(FC_GRADS, "pass")),
    _fc("the loss is without the penalty", HALF, "not in the loss", Swap(FC_LOSS, "return loss, grads")),
    _fc("the last layer's weights are not penalised", ALL, "not of the last weights",
        Swap(FC_LOSS,
             'return loss + penalty({n: w for n, w in self.params.items() if n[1:] != str(last)}, self.reg), grads'),
        Swap("for layer in range(1, last + 1):\n            grads", "for layer in range(1, last):\n            grads")),
    _conv("the ½ of the penalty is left out of the loss", HALF, "no half in the loss",
          Swap(CONV_LOSS, CONV_LOSS.replace("penalty(", "2 * penalty("))),
    _conv("the penalty is reg · ΣW², in loss and gradients", HALF, "no half",
          Swap(CONV_LOSS, CONV_LOSS.replace("penalty(", "2 * penalty(")),
          Swap(CONV_GRADS, CONV_GRADS.replace("+= ", "+= 2 * "))),
    _conv("the gradients are without the penalty", HALF, "not in the gradients", Swap(CONV_GRADS, "pass")),
    _conv("the gradients have half of the penalty", HALF, "half in the gradients",
          Swap(CONV_GRADS, CONV_GRADS.replace("+= ", "+= 0.5 * "))),
    _conv("the loss is without the penalty", HALF, "not in the loss", Swap(CONV_LOSS, "return loss, grads")),
    _conv("the last layer's weights are not penalised", ALL, "not of the last weights",
          Swap(CONV_LOSS, 'return loss + penalty({n: w for n, w in p.items() if n != "W3"}, self.reg), grads'),
          Swap('for name in ("W1", "W2", "W3"):', 'for name in ("W1", "W2"):')),
)  # fmt: skip
