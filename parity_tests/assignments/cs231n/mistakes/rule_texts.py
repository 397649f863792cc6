"""Known mistakes of the update rules, in a text of each rule that has one thing wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS, STATES, Update
from parity_tests.assignments.cs231n.mistakes.as_written import Words, rewritten, run_in_torch
from parity_tests.assignments.cs231n.mistakes.rules import (
    BETAS,
    CORRECTED,
    KEPT,
    SIGN,
    SQUARES,
    STEP,
    VELOCITY,
    A,
    M,
    R,
)
from parity_tests.assignments.cs231n.mistakes.wrong import OPTIM_FILE, Wrong
from parity_tests.protocol.mistake import Body

GIVEN = "Rate, momentum and decay are those that config holds."
RATE = "The step is the rate times the direction, once."


def _updating(rule: str, lines: str) -> Update:
    def update(config: dict[str, Any], w: Any, dw: Any) -> Any:
        names = {**dict.fromkeys(STATES[rule], 0 * w), **config, "config": config, "w": w, "dw": dw}
        return run_in_torch(lines, names)["w_next"]

    return update


@dataclass(frozen=True)
class Rule:
    """A rule as written, and its right forms: what else may stand in place of words of it."""

    name: str
    lines: str
    forms: Sequence[Words] = ()

    def wrong(self, name: str, hint: str, *words: Words) -> Wrong:
        """A mistake of this rule, in each of its right forms."""
        lines = rewritten(self.lines, words)
        texts = [lines, *(lines.replace(*form) for form in self.forms if form[0] in lines)]
        changes = tuple(_updating(self.name, text) for text in texts)
        settings = DEFAULTS[self.name]
        head = f"config = {{**{dict(settings)!r}, **(config or {{}})}}\n"
        head += "".join(f"{setting} = config[{setting!r}]\n" for setting in settings)
        head += "".join(f"{state} = config.get({state!r}, np.zeros_like(w))\n" for state in STATES[self.name])
        return Wrong(
            self.name,
            "steps",
            name,
            hint,
            changes,
            (Body(self.name, f"{head}{lines}\nreturn w_next, config"),),
            OPTIM_FILE,
        )


DESCENT = Rule("sgd", "w_next = w - learning_rate * dw")
V_LINE, V_STEP, V_KEPT = "v = momentum * velocity - learning_rate * dw", "w_next = w + v", 'config["velocity"] = v'
MOMENTUM = Rule(M, f"{V_LINE}\n{V_STEP}\n{V_KEPT}")
S_LINE, BELOW, S_STEP = (
    "s = decay_rate * cache + (1 - decay_rate) * dw**2",
    "below = np.sqrt(s) + epsilon",
    "w_next = w - learning_rate * dw / below",
)
RMSPROP = Rule(R, f'{S_LINE}\n{BELOW}\n{S_STEP}\nconfig["cache"] = s', ((BELOW, "below = np.sqrt(s + epsilon)"),))
FIRST, SECOND = "m = beta1 * m + (1 - beta1) * dw", "v = beta2 * v + (1 - beta2) * dw**2"
FIRST_HAT, SECOND_HAT = "first = m / (1 - beta1**t)", "second = v / (1 - beta2**t)"
ADAM_BELOW, ADAM_STEP = "below = np.sqrt(second) + epsilon", "w_next = w - learning_rate * first / below"
ADAM_KEPT = 'config["m"], config["v"], config["t"] = m, v, t'
ADAM = Rule(
    A,
    "\n".join(("t = t + 1", FIRST, SECOND, FIRST_HAT, SECOND_HAT, ADAM_BELOW, ADAM_STEP, ADAM_KEPT)),
    (
        (ADAM_BELOW, "below = np.sqrt(second + epsilon)"),
        (ADAM_BELOW, "below = np.sqrt(second) + epsilon / (1 - beta2**t + 0 * dw) ** 0.5"),
    ),
)

RULE_TEXTS = (
    DESCENT.wrong(
        "the gradient is divided by its norm",
        RATE,
        ("learning_rate * dw", "learning_rate * dw / np.sqrt((dw**2).sum())"),
    ),
    DESCENT.wrong("the sign of the gradient is taken", RATE, ("learning_rate * dw", "learning_rate * dw / np.abs(dw)")),
    DESCENT.wrong(
        "the mean of the gradient is taken", RATE, ("learning_rate * dw", "learning_rate * (dw.mean() + 0 * dw)")
    ),
    MOMENTUM.wrong(
        "the velocity is the decaying mean of the gradients, without the rate",
        VELOCITY,
        (V_LINE, "v = momentum * velocity + (1 - momentum) * dw"),
        (V_STEP, "w_next = w - learning_rate * v"),
    ),
    MOMENTUM.wrong(
        "the velocity has the other sign: μ v + η dw, which w loses",
        VELOCITY,
        (V_LINE, V_LINE.replace(" - ", " + ")),
        (V_STEP, "w_next = w - v"),
    ),
    MOMENTUM.wrong("w moves by the gradient as well", VELOCITY, (V_STEP, "w_next = w + v - learning_rate * dw")),
    RMSPROP.wrong("the gradients are averaged, not their squares", SQUARES, (S_LINE, S_LINE.replace("dw**2", "dw"))),
    RMSPROP.wrong("the cache is divided by 1 − ρ", SQUARES, (BELOW, "below = np.sqrt(s / (1 - decay_rate)) + epsilon")),
    RMSPROP.wrong("the root of the cache is kept", KEPT, ('config["cache"] = s', 'config["cache"] = np.sqrt(s)')),
    RMSPROP.wrong(
        "the squared gradient is kept as the cache", KEPT, ('config["cache"] = s', 'config["cache"] = dw**2')
    ),
    RMSPROP.wrong(
        "the squares are averaged over all weights",
        SQUARES,
        (S_LINE, S_LINE.replace("dw**2", "(0 * dw + (dw**2).mean())")),
    ),
    RMSPROP.wrong(
        "the squares are summed over all weights",
        SQUARES,
        (S_LINE, S_LINE.replace("dw**2", "(0 * dw + (dw**2).sum())")),
    ),
    RMSPROP.wrong(
        "the step is the sign of the gradient over the root",
        SQUARES,
        (S_STEP, S_STEP.replace("dw /", "dw / np.abs(dw) /")),
    ),
    ADAM.wrong(
        "beta1 is the share of v, 1 − beta2 that of dw²", BETAS, (SECOND, SECOND.replace("beta2 * v", "beta1 * v"))
    ),
    ADAM.wrong(
        "beta2 is the share of v, 1 − beta1 that of dw²", BETAS, (SECOND, SECOND.replace("(1 - beta2)", "(1 - beta1)"))
    ),
    ADAM.wrong(
        "beta2 is the share of m, 1 − beta1 that of dw", BETAS, (FIRST, FIRST.replace("beta1 * m", "beta2 * m"))
    ),
    ADAM.wrong(
        "beta1 is the share of m, 1 − beta2 that of dw", BETAS, (FIRST, FIRST.replace("(1 - beta1)", "(1 - beta2)"))
    ),
    ADAM.wrong("ε is left out", BETAS, (ADAM_BELOW, "below = np.sqrt(second)")),
    ADAM.wrong(
        "the corrections have (1 − β) to the power t, not 1 − βᵗ",
        CORRECTED,
        (FIRST_HAT, FIRST_HAT.replace("1 - beta1**t", "(1 - beta1) ** t")),
        (SECOND_HAT, SECOND_HAT.replace("1 - beta2**t", "(1 - beta2) ** t")),
    ),
    ADAM.wrong(
        "the second correction has (1 − β₂) to the power t, not 1 − β₂ᵗ",
        CORRECTED,
        (SECOND_HAT, SECOND_HAT.replace("1 - beta2**t", "(1 - beta2) ** t")),
    ),
    ADAM.wrong(
        "the first correction has (1 − β₁) to the power t, not 1 − β₁ᵗ",
        CORRECTED,
        (FIRST_HAT, FIRST_HAT.replace("1 - beta1**t", "(1 - beta1) ** t")),
    ),
    ADAM.wrong("the first moment is corrected twice", CORRECTED, (FIRST_HAT, "first = m / (1 - beta1**t) ** 2")),
    ADAM.wrong("the step is doubled", RATE, (ADAM_STEP, ADAM_STEP.replace("learning_rate", "2 * learning_rate"))),
    ADAM.wrong(
        "the step holds the gradient times its mean", BETAS, (ADAM_STEP, ADAM_STEP.replace("first", "first * dw"))
    ),
    ADAM.wrong(
        "t is counted after it is used, so that the first correction divides by 0",
        STEP,
        ("t = t + 1\n", ""),
        (ADAM_KEPT, ADAM_KEPT.replace("v, t", "v, t + 1")),
    ),
    ADAM.wrong(
        "the corrections use t + 1 after t was counted up",
        STEP,
        (FIRST_HAT, FIRST_HAT.replace("**t", "**(t + 1)")),
        (SECOND_HAT, SECOND_HAT.replace("**t", "**(t + 1)")),
    ),
    ADAM.wrong("t is counted up twice in each step", STEP, (ADAM_KEPT, ADAM_KEPT.replace("v, t", "v, t + 1"))),
    ADAM.wrong(
        "the exponent t is left out of the corrections",
        CORRECTED,
        (FIRST_HAT, "first = m / (1 - beta1)"),
        (SECOND_HAT, "second = v / (1 - beta2)"),
    ),
    ADAM.wrong(
        "the corrections have β t, not β to the power t",
        CORRECTED,
        (FIRST_HAT, FIRST_HAT.replace("**t", " * t")),
        (SECOND_HAT, SECOND_HAT.replace("**t", " * t")),
    ),
    ADAM.wrong(
        "the moments are multiplied by their corrections, not divided",
        CORRECTED,
        (FIRST_HAT, FIRST_HAT.replace("/", "*")),
        (SECOND_HAT, SECOND_HAT.replace("/", "*")),
    ),
    ADAM.wrong(
        "the moments are divided by βᵗ, not by 1 − βᵗ",
        CORRECTED,
        (FIRST_HAT, "first = m / beta1**t"),
        (SECOND_HAT, "second = v / beta2**t"),
    ),
    ADAM.wrong(
        "the corrections have 1 + βᵗ, not 1 − βᵗ",
        CORRECTED,
        (FIRST_HAT, FIRST_HAT.replace("1 -", "1 +")),
        (SECOND_HAT, SECOND_HAT.replace("1 -", "1 +")),
    ),
    ADAM.wrong(
        "the moments are corrected twice",
        CORRECTED,
        (FIRST_HAT, "first = m / (1 - beta1**t) ** 2"),
        (SECOND_HAT, "second = v / (1 - beta2**t) ** 2"),
    ),
    ADAM.wrong("the corrected moments are kept", KEPT, (ADAM_KEPT, ADAM_KEPT.replace("m, v, t", "first, second, t"))),
    ADAM.wrong("the corrected first moment is kept", KEPT, (ADAM_KEPT, ADAM_KEPT.replace("= m,", "= first,"))),
    ADAM.wrong("the corrected second moment is kept", KEPT, (ADAM_KEPT, ADAM_KEPT.replace(" v, t", " second, t"))),
    ADAM.wrong("the first moment is not kept", KEPT, (ADAM_KEPT, 'config["v"], config["t"] = v, t')),
    ADAM.wrong("the second moment is not kept", KEPT, (ADAM_KEPT, 'config["m"], config["t"] = m, t')),
    ADAM.wrong("the moments are not kept", KEPT, (ADAM_KEPT, 'config["t"] = t')),
    ADAM.wrong("nothing is kept", KEPT, (f"\n{ADAM_KEPT}", "")),
    ADAM.wrong(
        "the second moment is that of the gradients, not of their squares",
        BETAS,
        (SECOND, SECOND.replace("dw**2", "dw")),
    ),
    ADAM.wrong(
        "the second moment is that of the magnitudes, not of squares",
        BETAS,
        (SECOND, SECOND.replace("dw**2", "np.abs(dw)")),
    ),
    ADAM.wrong("the second moment is that of m², not of dw²", BETAS, (SECOND, SECOND.replace("dw**2", "m**2"))),
    ADAM.wrong("the first moment is that of the squares", BETAS, (FIRST, f"{FIRST}**2")),
    ADAM.wrong("the first moment has its shares exchanged", BETAS, (FIRST, "m = (1 - beta1) * m + beta1 * dw")),
    ADAM.wrong("the second moment has its shares exchanged", BETAS, (SECOND, "v = (1 - beta2) * v + beta2 * dw**2")),
    ADAM.wrong(
        "both moments have their shares exchanged",
        BETAS,
        (FIRST, "m = (1 - beta1) * m + beta1 * dw"),
        (SECOND, "v = (1 - beta2) * v + beta2 * dw**2"),
    ),
    ADAM.wrong("1 − β₁ is left out of the first moment", BETAS, (FIRST, "m = beta1 * m + dw")),
    ADAM.wrong("1 − β₂ is left out of the second moment", BETAS, (SECOND, "v = beta2 * v + dw**2")),
    ADAM.wrong(
        "1 − β is left out of both moments", BETAS, (FIRST, "m = beta1 * m + dw"), (SECOND, "v = beta2 * v + dw**2")
    ),
    ADAM.wrong("β₁ is left out of the first moment", BETAS, (FIRST, "m = m + (1 - beta1) * dw")),
    ADAM.wrong("β₂ is left out of the second moment", BETAS, (SECOND, "v = v + (1 - beta2) * dw**2")),
    ADAM.wrong("β₁ is always 0.9 and β₂ 0.999", GIVEN, ("t = t + 1", "t, beta1, beta2 = t + 1, 0.9, 0.999")),
    ADAM.wrong("the gradient is added", SIGN, (ADAM_STEP, ADAM_STEP.replace("w - ", "w + "))),
    ADAM.wrong("the rate is left out", RATE, (ADAM_STEP, ADAM_STEP.replace("learning_rate * ", ""))),
    ADAM.wrong("the rate is always 0.001", GIVEN, (ADAM_STEP, ADAM_STEP.replace("learning_rate", "0.001"))),
    ADAM.wrong("the step holds the gradient, not its mean", BETAS, (ADAM_STEP, ADAM_STEP.replace("first", "dw"))),
    ADAM.wrong(
        "the step is multiplied by the root, not divided", BETAS, (ADAM_STEP, ADAM_STEP.replace("/ below", "* below"))
    ),
    ADAM.wrong("the step does not divide by the root", BETAS, (ADAM_STEP, ADAM_STEP.replace(" / below", ""))),
    ADAM.wrong(
        "the rate is divided by the root of t",
        RATE,
        (ADAM_STEP, ADAM_STEP.replace("learning_rate", "learning_rate / t**0.5")),
    ),
    ADAM.wrong(
        "the moments are not corrected, and the root is left out",
        CORRECTED,
        (FIRST_HAT, "first = m"),
        (SECOND_HAT, "second = v"),
        (ADAM_BELOW, "below = second + epsilon"),
    ),
    ADAM.wrong(
        "the correction of the second moment is not under the root",
        CORRECTED,
        (SECOND_HAT, "second = v"),
        (ADAM_BELOW, "below = np.sqrt(second) / (1 - beta2**t) + epsilon"),
    ),
)
