"""Known mistakes of the update rules that no single change of a right text gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS, STATES, Update
from parity_tests.assignments.cs231n.mistakes.as_written import Words, rewritten
from parity_tests.assignments.cs231n.mistakes.wrong import OPTIM_FILE, Wrong
from parity_tests.parts.in_torch import run_in_torch
from parity_tests.parts.update_rules import BELOW, BETAS, CORRECTED, KEPT, RATE, SQUARES, STEP, VELOCITY
from parity_tests.protocol.mistake import Body


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
MOMENTUM = Rule("sgd_momentum", f"{V_LINE}\n{V_STEP}\n{V_KEPT}")
S_LINE, R_BELOW, S_STEP = (
    "s = decay_rate * cache + (1 - decay_rate) * dw**2",
    "below = np.sqrt(s) + epsilon",
    "w_next = w - learning_rate * dw / below",
)
RMSPROP = Rule(
    "rmsprop", f'{S_LINE}\n{R_BELOW}\n{S_STEP}\nconfig["cache"] = s', ((R_BELOW, "below = np.sqrt(s + epsilon)"),)
)
SECOND = "v = beta2 * v + (1 - beta2) * dw**2"
CORRECTIONS = "correction1, correction2 = 1 - beta1**t, 1 - beta2**t + 0 * dw"
DIVIDED, ADAM_BELOW = "first, second = m / correction1, v / correction2", f"below = {BELOW[0]}"
ADAM_KEPT = 'config["m"], config["v"], config["t"] = m, v, t'
ADAM = Rule(
    "adam",
    "\n".join(
        (
            "t = t + 1",
            "m = beta1 * m + (1 - beta1) * dw",
            SECOND,
            CORRECTIONS,
            DIVIDED,
            ADAM_BELOW,
            "w_next = w - learning_rate * first / below",
            ADAM_KEPT,
        )
    ),
    tuple((ADAM_BELOW, f"below = {other}") for other in BELOW[1:]),
)

RULE_ROWS = (
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
        "the velocity is torch's, without the rate",
        VELOCITY,
        (V_LINE, "v = momentum * velocity + dw"),
        (V_STEP, "w_next = w - learning_rate * v"),
    ),
    MOMENTUM.wrong("it is Nesterov's momentum", VELOCITY, (V_STEP, "w_next = w + momentum * v - learning_rate * dw")),
    MOMENTUM.wrong(
        "the velocity of a vector, as a bias, begins anew at each step",
        KEPT,
        (V_LINE, V_LINE.replace("momentum *", "momentum * (len(w.shape) > 1) *")),
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
    RMSPROP.wrong(
        "the cache is divided by 1 − ρ", SQUARES, (R_BELOW, "below = np.sqrt(s / (1 - decay_rate)) + epsilon")
    ),
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
        "t is counted after it is used",
        STEP,
        (CORRECTIONS, CORRECTIONS.replace("**t", "**max(t - 1, 1)")),
    ),
    ADAM.wrong(
        "the corrections have β t, not β to the power t",
        CORRECTED,
        (CORRECTIONS, CORRECTIONS.replace("**t", " * t")),
    ),
    ADAM.wrong("nothing is kept", KEPT, (f"\n{ADAM_KEPT}", "")),
    ADAM.wrong(
        "the second moment is that of the gradients, not of their squares",
        BETAS,
        (SECOND, SECOND.replace("dw**2", "dw")),
    ),
    ADAM.wrong(
        "the moments are not corrected, and the root is left out",
        CORRECTED,
        (DIVIDED, "first, second = m, v"),
        (ADAM_BELOW, "below = second + epsilon"),
    ),
)
