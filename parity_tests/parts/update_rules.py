"""Update rules: gradient descent, with momentum, RMSprop and Adam; what is kept of a state begins with `kept_`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from parity_tests.operators.of_texts import OF_SHORT
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
ADAM = """
n = t + one  # the new t
powered1 = beta1**n  # β₁ᵗ
powered2 = beta2**n  # β₂ᵗ
root_n = n**0.5  # the root of t
old_m = beta1 * m  # what is left of the old first moment
new_m = (1 - beta1) * dw  # the share of the gradient
m_next = old_m + new_m  # the first moment
old_v = beta2 * v  # what is left of the old second moment
new_v = (1 - beta2) * dw**2  # the share of the new square
v_next = old_v + new_v  # the second moment
correction1 = 1 - beta1**n  # the first correction
correction2 = 1 - beta2**n  # the second correction
first = m_next / correction1  # the corrected first moment
second = v_next / correction2  # the corrected second moment
below = np.sqrt(second) + epsilon  # the divisor
w_next = w - learning_rate * first / below  # the new w
kept_m = m_next  # what is kept as the first moment
kept_v = v_next  # what is kept as the second moment
kept_t = t + one  # what is kept as t
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
HINTS |= {"wrong sign": SIGN, "not subtracted": SIGN, "": RATE}
SAID = {
    "the divisor is squared in the new w": "the root is left out of the divisor",
    "the step has the wrong sign in the new w": "the step is added, not subtracted",
    "the old velocity in place of what is kept as the velocity": "the velocity is not kept",
    "the old cache in place of what is kept as the cache": "the cache is not kept",
}
SHORT = frozenset({"transpose", "reduction"})
CORRECTED = "Both moments start at 0: they are divided by 1 − βᵗ."
BETAS = "beta1 belongs to the mean of the gradients, beta2 to that of their squares, of which the root is taken."
STEP = "t is counted up before it is used, and goes back into the config."
ADAM_LABELS = {
    "usual_learning_rate": "0.001",
    "usual_beta1": "0.9",
    "usual_beta2": "0.999",
    "learning_rate * first": "the step",
    "learning_rate * first / below": "the step",
    "beta1": "β₁",
    "beta2": "β₂",
    "1 - beta1": "1 − β₁",
    "1 - beta2": "1 − β₂",
    "m": "the old first moment",
    "v": "the old second moment",
    "t": "the old t",
    "one": "1",
}
TWINS = {
    ("beta1", "beta2"): "β",
    ("powered1", "powered2"): "βᵗ",
    ("m", "v"): "the old moments",
    ("m_next", "v_next"): "the moments",
    ("correction1", "correction2"): "the corrections",
    ("first", "second"): "the corrected moments",
    ("usual_beta1", "usual_beta2"): "0.9 and 0.999",
}
GROUPS: dict[tuple[str, ...], str] = {
    ("old_m", "new_m"): "the first moment",
    ("old_v", "new_v"): "the second moment",
    ("old_m", "new_m", "old_v", "new_v"): "both moments",
    ("old_m", "old_v"): "what is left of both old moments",
    ("new_m", "new_v"): "both moments' new shares",
    ("correction1", "correction2"): "the corrections",
    ("first", "second"): "the corrected moments",
    ("kept_m", "kept_v"): "what is kept as the moments",
    ("old_m", "new_m", "old_v", "new_v", "correction1", "correction2"): "averages and corrections",
}
ADAM_HINTS = {"kept": KEPT, "0.001": GIVEN, "0.9": GIVEN, " t ": STEP, "correct": CORRECTED, "βᵗ": CORRECTED}
ADAM_HINTS |= {"wrong sign": SIGN, "not subtracted": SIGN, "β": BETAS, "moment": BETAS, "": RATE}
ADAM_SAID = {
    "the old first moment in place of what is kept as the first moment": "the first moment is not kept",
    "the old second moment in place of what is kept as the second moment": "the second moment is not kept",
    "the old moments in place of what is kept as the moments": "the moments are not kept",
    "the corrected first moment in place of what is kept as the first moment": "the corrected first moment is kept",
    "the corrected second moment in place of what is kept as the second moment": "the corrected second moment is kept",
    "the corrected moments in place of what is kept as the moments": "the corrected moments are kept",
    "1 is left out of what is kept as t": "t is never counted",
    "1 is doubled in what is kept as t": "t is counted up twice in each step",
    "1 is doubled in the new t": "the corrections use t + 1 after t was counted up",
    "1 is left out of the new t": "t is counted after it is used",
    "the old t is left out of the new t": "t is 1 in every step",
    "to the power the new t in": "to the power t in",
    "the corrections are left out of the corrected moments": "the bias correction is left out",
    "the first correction is left out of the corrected first moment": "the first moment has no bias correction",
    "the second correction is left out of the corrected second moment": "the second moment has no bias correction",
    "the new t is outside the brackets in": "1 − β, not β, is raised to the power t in",
    "1 − the corrections in place of": "βᵗ in place of",
    "1 − the first correction in place of": "β₁ᵗ in place of",
    "1 − the second correction in place of": "β₂ᵗ in place of",
    "βᵗ have the wrong sign": "the corrections have 1 + βᵗ, not 1 − βᵗ",
    "1 − β₁ in place of β₁ in the first moment": "the first moment has its shares exchanged",
    "1 − β₂ in place of β₂ in the second moment": "the second moment has its shares exchanged",
    "1 − β in place of β in both moments": "both moments have their shares exchanged",
}


OF_NO_OPERATOR: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    DESCENT: {
        "the gradient is divided by its norm": {"w_next": "w - learning_rate * dw / np.sqrt((dw**2).sum())"},
        "the sign of the gradient is taken": {"w_next": "w - learning_rate * dw / np.abs(dw)"},
        "the mean of the gradient is taken": {"w_next": "w - learning_rate * (dw.mean() + 0 * dw)"},
    },
    MOMENTUM: {
        "the velocity is torch's, without the rate": {
            "v": "momentum * velocity + dw",
            "w_next": "w - learning_rate * v",
        },
        "it is Nesterov's momentum": {"w_next": "w + momentum * v - learning_rate * dw"},
        "the velocity of a vector, as a bias, begins anew at each step": {
            "v": "momentum * (len(w.shape) > 1) * velocity - learning_rate * dw"
        },
        "the velocity is the decaying mean of the gradients, without the rate": {
            "v": "momentum * velocity + (1 - momentum) * dw",
            "w_next": "w - learning_rate * v",
        },
        "the velocity has the other sign: μ v + η dw, which w loses": {
            "v": "momentum * velocity + learning_rate * dw",
            "w_next": "w - v",
        },
        "w moves by the gradient as well": {"w_next": "w + v - learning_rate * dw"},
    },
    RMSPROP: {
        "the gradients are averaged, not their squares": {"new": "(1 - decay_rate) * dw"},
        "the cache is divided by 1 − ρ": {"below": "np.sqrt(s / rest) + epsilon"},
        "the root of the cache is kept": {"kept_cache": "np.sqrt(s)"},
        "the squared gradient is kept as the cache": {"kept_cache": "dw**2"},
        "the squares are averaged over all weights": {"new": "(1 - decay_rate) * (0 * dw + (dw**2).mean())"},
        "the squares are summed over all weights": {"new": "(1 - decay_rate) * (0 * dw + (dw**2).sum())"},
        "the step is the sign of the gradient over the root": {"w_next": "w - learning_rate * dw / np.abs(dw) / below"},
    },
    ADAM: {
        "t is counted after it is used": {"n": "max(t, 1)"},
        "the corrections have β t, not β to the power t": {
            "correction1": "1 - beta1 * n",
            "correction2": "1 - beta2 * n",
        },
        "nothing is kept": {"kept_m": "m", "kept_v": "v", "kept_t": "t"},
        "the second moment is that of the gradients, not of their squares": {"new_v": "(1 - beta2) * dw"},
        "the moments are not corrected, and the root is left out": {
            "first": "m_next",
            "second": "v_next",
            "below": "v_next + epsilon",
        },
    },
}
"""By rule what no operator gives of it."""


def _rule(lines: str, rest: str, *names: str, of: str = "") -> RightText:
    arrays = ("w", "dw", "learning_rate", "usual_learning_rate", *names)
    rows = tuple(OF_NO_OPERATOR[of or lines].items())
    return RightText(lines, arrays, labels={**LABELS, "rest": rest}, hints=HINTS, without=SHORT, said=SAID, rows=rows)


def _adam(below: str) -> RightText:
    return RightText(
        ADAM.replace("np.sqrt(second) + epsilon", below),
        ("w", "dw", "learning_rate", "m", "v", "t", "one", "beta1", "beta2", "epsilon", *USUAL),
        labels={**LABELS, **ADAM_LABELS},
        groups=GROUPS,
        hints=ADAM_HINTS,
        without=SHORT | OF_SHORT | {"inner factor"},
        said={**SAID, **ADAM_SAID},
        twins=TWINS,
        rows=tuple(OF_NO_OPERATOR[ADAM].items()),
    )


USUAL = ("usual_learning_rate", "usual_beta1", "usual_beta2")
DECAYED = """
decay = weight_decay * w  # the weight decay
dw = gradient + decay  # the gradient with weight decay
"""
DECAY = "Weight decay makes the gradient larger by λ w, for every w, before anything else happens."
SAID_OF_DECAYED = {
    "what is kept as the velocity is 0 everywhere": "the velocity is not kept, or μ is not used",
    "the gradient with weight decay is 0 everywhere": "w does not move",
    "the gradient with weight decay has the wrong sign": "the step goes uphill, as the gradient does",
    "the gradient with weight decay is divided by the rate once too often": "the rate is not used",
    "the weight decay is left out of the gradient with weight decay": "the weight decay is left out",
}


def decayed(text: RightText) -> RightText:
    """A rule that decays weights by λ: the gradient is larger by λ w before anything else happens."""
    own = (name for name in text.arrays if name != "dw" and not name.startswith("usual_"))
    labels = {**text.labels, "weight_decay": "λ", "gradient": "the gradient", "plain_step": "the plain step"}
    return replace(
        text,
        lines=DECAYED.lstrip() + text.lines.lstrip(),
        arrays=("gradient", "weight_decay", "plain_step", "sign_w", *own),
        labels=labels | {"sign_w": "the sign of w"},
        hints={"λ": DECAY, "decay": DECAY, **text.hints},
        said={**text.said, **SAID_OF_DECAYED},
    )


OF_DESCENT = [_rule(DESCENT, "")]
OF_MOMENTUM = [_rule(MOMENTUM, "1 − μ", "momentum", "usual_momentum", "velocity", "rest")]
OF_RMSPROP = [
    _rule(lines, "1 − ρ", "decay_rate", "usual_decay_rate", "cache", "epsilon", "rest", of=RMSPROP)
    for lines in (RMSPROP, RMSPROP.replace("np.sqrt(s) + epsilon", "np.sqrt(s + epsilon)"))
]
BELOW = ("np.sqrt(second) + epsilon", "np.sqrt(second) + epsilon / correction2**0.5", "np.sqrt(second + epsilon)")
"""The divisor in each right form: with epsilon outside the root, before the correction, and inside the root."""
OF_ADAM = [_adam(below) for below in BELOW]
RULES: Mapping[str, Sequence[RightText]] = {
    "sgd": OF_DESCENT,
    "sgd_momentum": OF_MOMENTUM,
    "rmsprop": OF_RMSPROP,
    "adam": OF_ADAM,
}
"""The right texts of each rule: one for each place of epsilon."""
