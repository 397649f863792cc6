"""Known mistakes of the networks' penalties that are made in the loss or the gradients alone, or in one layer."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.wrong import CNN_FILE, FC_FILE, Wrong
from parity_tests.protocol.mistake import Swap

HALF = "The penalty is ½ · reg · ΣW², so that its gradient is reg · W."
ALL = "Every W is penalised, in the loss and in its own gradient: the first, and the last too."
WEIGHTS = "Weights are penalised, biases are not."

RETURNS = {
    "FullyConnectedNet": (FC_FILE, "return loss + penalty(self.params, self.reg), grads"),
    "ThreeLayerConvNet": (CNN_FILE, "return loss + penalty(p, self.reg), grads"),
    "TwoLayerNet": (FC_FILE, "return loss + penalty(p, self.reg), grads"),
}
"""Where the loss of each network ends."""
W, B = 'n[0] == "W"', 'n[0] == "b" and not n.startswith("beta")'
ROWS = (
    ("the penalty is reg · ΣW² in the loss, and half as much in the gradients", HALF,
     "half in the gradients, whole in the loss", (W, "", 1.0, -0.5)),
    ("the gradients have twice the penalty", HALF, "twice in the gradients", (W, "", 0.0, 1.0)),
    ("the first layer's gradient is without the penalty", ALL, "first weights not in the gradients",
     (W, "[:1]", 0.0, -1.0)),
    ("the last layer's gradient is without the penalty", ALL, "last weights not in the gradients",
     (W, "[-1:]", 0.0, -1.0)),
    ("the first layer's weights are not penalised", ALL, "not of the first weights", (W, "[:1]", -1.0, -1.0)),
    ("the first layer's weights are not in the loss", ALL, "first weights not in the loss", (W, "[:1]", -1.0, 0.0)),
    ("the last layer's weights are not in the loss", ALL, "last weights not in the loss", (W, "[-1:]", -1.0, 0.0)),
    ("biases are penalised in the gradients", WEIGHTS, "biases in the gradients", (B, "", 0.0, 1.0)),
    ("biases are penalised in the loss", WEIGHTS, "biases in the loss", (B, "", 1.0, 0.0)),
)  # fmt: skip
"""Names, hints, changes, and how they come about: whose part of loss and gradients is added, and how often."""


def _plug(end: str, of: str, which: str, loss: float, gradients: float) -> Swap:
    lines = f"""own = [n for n in self.params if {of}]{which}
        for n in own:
            grads[n] = grads[n] + {gradients} * self.reg * self.params[n]
        loss = loss + {loss} * 0.5 * self.reg * sum(np.sum(self.params[n] ** 2) for n in own)
        """
    return Swap(end, lines + end)


PENALTIES = tuple(
    Wrong(network, "network", name, hint, change, (_plug(end, *added),), file)
    for network, (file, end) in RETURNS.items()
    for name, hint, change, added in ROWS
)
