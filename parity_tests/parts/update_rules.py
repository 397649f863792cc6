"""Update rules: gradient descent, with momentum, and RMSprop; what is kept of a state begins with `kept_`."""

from __future__ import annotations

from parity_tests.parts.right_text import RightText

SIGN = "A gradient points uphill; who subtracts it?"
RATE = "The step is the rate times the direction, once."
GIVEN = "Rate, momentum and decay are those that config holds."
VELOCITY = "v = μ v − η dw, and w moves by v: the rate is inside the velocity here."
KEPT = "What a rule must remember is in the config that it returns."
SQUARES = "The cache is a decaying mean of the squares of dw, and the step is divided by its root, plus ε."

DESCENT = "w_next = w - learning_rate * dw  # the new w"
MOMENTUM = """
v = momentum * velocity - learning_rate * dw  # the velocity
w_next = w + v  # the new w
kept_velocity = v  # what is kept as the velocity
"""
RMSPROP = """
old = decay_rate * cache  # what is left of the old cache
new = (1 - decay_rate) * dw**2  # the share of the new square
s = old + new  # the cache
below = np.sqrt(s) + epsilon  # the divisor
w_next = w - learning_rate * dw / below  # the new w
kept_cache = s  # what is kept as the cache
"""
LABELS = {
    "learning_rate": "the rate",
    "learning_rate * dw": "the step",
    "learning_rate * dw / below": "the step",
    "dw": "the gradient",
    "usual_learning_rate": "0.01",
    "usual_momentum": "0.9",
    "usual_decay_rate": "0.99",
    "momentum": "μ",
    "momentum * velocity": "μ times the old velocity",
    "decay_rate": "ρ",
    "1 - decay_rate": "1 − ρ",
    "dw**2": "the square of the gradient",
    "epsilon": "ε",
    "velocity": "the old velocity",
    "cache": "the old cache",
    "np.sqrt": "the root",
}
HINTS = {"kept": KEPT, "0.01": GIVEN, "0.9": GIVEN, "velocity": VELOCITY, "cache": SQUARES, "divisor": SQUARES}
HINTS |= {"wrong sign": SIGN, "": RATE}
SAID = {
    "the old velocity stands for what is kept as the velocity": "the velocity is not kept",
    "the old cache stands for what is kept as the cache": "the cache is not kept",
}
SHORT = frozenset({"transpose", "reduction"})


def _rule(lines: str, rest: str, *names: str) -> RightText:
    arrays = ("w", "dw", "learning_rate", "usual_learning_rate", *names)
    return RightText(lines, arrays, labels={**LABELS, "rest": rest}, hints=HINTS, without=SHORT, said=SAID)


OF_DESCENT = [_rule(DESCENT, "")]
OF_MOMENTUM = [_rule(MOMENTUM, "1 − μ", "momentum", "usual_momentum", "velocity", "rest")]
OF_RMSPROP = [
    _rule(lines, "1 − ρ", "decay_rate", "usual_decay_rate", "cache", "epsilon", "rest")
    for lines in (RMSPROP, RMSPROP.replace("np.sqrt(s) + epsilon", "np.sqrt(s + epsilon)"))
]
