"""Steps of SGD by the lines of a rule: the right one, its changes, and which of them gives the weights of all steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.mistakes.generated import ENOUGH, Names, of_numbers, tried
from parity_tests.assignments.mlp.mistakes.kept_rows import ONCE
from parity_tests.assignments.mlp.mistakes.relations import RATES
from parity_tests.harness.diagnosis.running_error import Running, stack
from parity_tests.parts.changed_texts import OF_ROWS, ChangedText, changed_texts
from parity_tests.parts.fingerprints import MOST_TRIED, NEAR, of_values
from parity_tests.parts.right_text import FAILS, RightText, compiled
from parity_tests.parts.update_rules import OF_DESCENT, OF_MOMENTUM, decayed
from parity_tests.protocol.diagnosis import Conditions
from parity_tests.protocol.mistake import Call, Mistake

SCALED = "The loss's backward divides by N already: what else multiplies or divides on the way?"
WORDS = {"μ": "α", "the rate": "η", "rate": "η", "dw": "g", "that config holds": "that are passed"}
WORDS |= {"in the config that it returns": "in the momentum that is passed"}
OF_MAIN = {
    "earlier": "the gradient of the step before",
    "in_epoch": "the velocity that each epoch starts at 0",
    "batch": "the size of a mini-batch",
}
HINTS = {"step before": "In which order do forward, backward and update come?", "epoch": ONCE, "mini-batch": SCALED}
SAID = {
    "the velocity that each epoch starts at 0 in place of the old velocity in the velocity":
        "the velocity is thrown away between epochs",
    "the gradient of the step before in place of the gradient in the gradient with weight decay":
        "the step is made with the gradient of the step before",
    "the gradient is multiplied by the size of a mini-batch once too often in the gradient with weight decay":
        "the gradient is the sum over the mini-batch",
}  # fmt: skip
PARTED = {
    "weight decay is applied after the step": "({}) * (1 - learning_rate * weight_decay)",
    "weight decay is not part of the velocity": "({}) - learning_rate * weight_decay * w",
    "weight decay is in the gradient, and on the weight again": "({}) - learning_rate * weight_decay * w",
    "weight decay is not multiplied by η": "({}) - weight_decay * w",
}
"""Weight decay apart from the gradient: the new w by that without, or with it."""
MOVING = {
    "λ and η are exchanged": {"decay": "learning_rate * w", "v": "momentum * velocity - weight_decay * dw"},
    "λ and α are exchanged": {"decay": "alpha * w", "v": "weight_decay * velocity - learning_rate * dw"},
    "α and η are exchanged": {"v": "learning_rate * velocity - alpha * dw"},
    "α multiplies the gradient, not the old velocity": {"v": "velocity - learning_rate * momentum * dw"},
}  # fmt: skip
"""What no operator gives, by its words."""
DROP = "Change the learning rate between two steps: which gradients should the new one act on?"
TERMS = "Work two steps out by hand for one weight, with numbers, and compare term by term."
ORDER = "Compare the order of the parameters with the names you use in the formula."
ROW_HINTS = {"without η": DROP, "Nesterov": TERMS, "α multiplies": TERMS, "are exchanged": ORDER}


def _rule(text: RightText, further: Mapping[str, Mapping[str, str]]) -> RightText:
    """A rule in the homework's words, with weight decay and what else may be wrong with it."""
    right = text.statements[text.targets.index("w_next")].partition(" = ")[2]
    once = {words: {"w_next": new.format(right), **({} if "again" in words else {"dw": "gradient"})}
            for words, new in PARTED.items()}  # fmt: skip
    rule = decayed(text).in_words(WORDS)
    return replace(rule, rows=(*rule.rows, *further.items(), *once.items()), hints={**ROW_HINTS, **rule.hints})


RULES = _rule(OF_DESCENT[0], {}), _rule(OF_MOMENTUM[0], MOVING)
"""The plain step, of which a mistake may be of where α ≤ 0 alone, and the one with momentum, which there is 0."""
FURTHER_STEPS = 2
"""So many steps are looked at from the first that is wrong."""
LEAST = 8
"""So many of the smallest calls that are right are asked at once."""
FAR = 1e-6
MOMENTUM = re.compile("velocity|momentum|^α")
"""What is said of steps with momentum alone."""
PLACE = re.compile(r" (in|of) (the new w|the velocity)$")
"""What is left out of what is said of all steps, those without momentum among them."""
CONDITIONS: Conditions = (
    *RATES,
    ("but for L1", lambda call: call.layer != "L1"),
    ("but for L2", lambda call: call.layer != "L2"),
    ("but for W of L1", lambda call: (call.layer, call.key) != ("L1", "W")),
)
"""What a change may hang on."""


RULES_OF_MAIN = tuple(rule.beside(OF_MAIN, HINTS, SAID) for rule in RULES)
"""The same with the names that `main` may take for others."""
RIGHT = RULES[True].whole(())


@dataclass(frozen=True)
class Steps:
    """A formula: the weights after each step by the lines of a rule; by the right one where the condition is not so."""

    lines: str = RIGHT
    holds: Any = None

    def __call__(self, call: Call) -> Running:
        lines = self.lines if self.holds is None or self.holds(call) else RIGHT
        try:
            return stack([names["w_next"] for names in walk(lines, call, wide=True)])
        except FAILS as error:  # what no error is known of, too
            raise ValueError(f"{lines!r} cannot be run") from error


def walk(lines: str, call: Call, *, wide: bool, count: int | None = None) -> Iterator[Names]:
    """All names after each step of a call, or after the first `count`; w_next is an array, or wide a Running."""

    def of(running: Running) -> Any:
        return running if wide else np.asarray(running.value, np.float64)

    code, w, past = compiled(lines), of(call.w), None
    v = w.zeros() if wide else np.zeros_like(w)
    momentum = max(call.alpha, 0.0)
    rates = {"momentum": momentum, "rest": 1 - momentum, "weight_decay": call.lam, "alpha": call.alpha}
    epochs, starts = call.inputs.get("epochs", [0] * len(call.g)), call.inputs.get("starts")
    for t, (one, eta) in enumerate(zip(call.g[:count], call.etas, strict=False)):
        g, w = of(one), w if starts is None else of(starts[t])
        goes_on = t > 0 and epochs[t] == epochs[t - 1]
        names = Names(
            rates, learning_rate=eta, gradient=g, w=w, velocity=v, earlier=g if past is None else past,
            batch=float(call.inputs.get("batch", 1)), in_epoch=lambda v=v, on=goes_on: v if on else 0 * v,
            plain_step=lambda w=w, g=g, eta=eta: eta * (g + call.lam * w), sign_w=lambda w=w: 1.0 - 2.0 * (w <= 0),
        )  # fmt: skip
        exec(code, {"np": np}, names)
        w, v = (
            one if getattr(one, "shape", ()) == w.shape else one + 0 * w
            for one in (names["w_next"], names.get("kept_velocity", v))
        )
        past, names["w_next"] = g, w
        yield names


def _gives(lines: str, call: Call, near: float = NEAR, count: int | None = None) -> bool:
    """Whether lines give the weights of a call, or those after its first steps."""
    try:
        return first_off(call, lines, near, count) is None
    except FAILS:
        return False


def _giving(rule: RightText, call: Call) -> Iterator[ChangedText]:
    """The changes that give the weights of a call, told by the first step that is wrong; else with a number.

    Behind the first step what is kept may be wrong, and what no operator gives may show when η changes.
    """
    t = first_off(call) or 0
    names = list(walk(rule.whole(()), call, wide=False, count=t + 1))[t]
    known = of_values(rule, {name: names[name] for name in (*rule.arrays, "alpha")})
    got = np.asarray(call.got, np.float64)[t]
    late = [one for result in rule.results for one in sorted(changed_texts(rule, result), key=lambda one: one.size)]
    kept = [one for one in late if t and all("kept" in line for _, line in one.statements)]
    unkept = [one for one in kept if one.size[0] < 2]
    rows = [one for one in late if one.size[:2] == (2 * OF_ROWS + 1, True)]
    none = True
    for one in chain(unkept, known.matching("w_next", got), kept, rows):
        if _gives(rule.whole(one.statements), call, count=t + FURTHER_STEPS):
            none = False
            yield one
    if none:
        yield from known.numbered("w_next", got)


@np.errstate(all="ignore")
def first_off(call: Call, lines: str = RIGHT, near: float = NEAR, count: int | None = None) -> int | None:
    """The first step of a call, or of its first ones, whose weights lines do not give; None where they give all."""
    got = np.asarray(call.got, np.float64)[:count]
    near *= max(1.0, float(np.abs(got).max()))
    steps = enumerate(zip(walk(lines, call, wide=False, count=count), got, strict=True))
    return next((t for t, (names, after) in steps if not (np.abs(names["w_next"] - after) <= near).all()), None)


def _of_steps(call: Call) -> bool:
    """Whether the numbers of all weights after each step came back."""
    return of_numbers(call) and call.got is not None and call.got.shape == (len(call.g), *call.w.shape)


def is_off(call: Call) -> bool:
    """Whether the numbers of all weights after each step came back and are wrong, in a run of main these themselves."""
    return call.wrong and _of_steps(call) and ("starts" not in call.inputs or first_off(call) is not None)


def _kept_in(known: list[ChangedText], found: Iterable[ChangedText]) -> Iterator[ChangedText]:
    """The same, each kept when it is asked for."""
    for one in found:
        known.append(one)
        yield one


def generated_steps(calls: Sequence[Call]) -> Iterator[Mistake]:
    """The changes that give the weights of the wrong call that tells most, with weight decay and of few weights."""
    wrong = [call for call in calls if is_off(call)]
    if not wrong:
        return
    in_main, moves = "starts" in calls[0].inputs, any(call.alpha > 0 for call in wrong)
    told = min(
        wrong,
        key=lambda call: ((call.alpha > 0) is not moves, call.lam == 0, call.w.value.size < ENOUGH, call.w.value.size),
    )
    rule = (RULES_OF_MAIN if in_main else RULES)[moves]
    found, known = islice(_giving(rule, told), 2 * MOST_TRIED), list[ChangedText]()
    places = [one for one in CONDITIONS if all(map(one[1], wrong)) and not all(map(one[1], calls))]
    others = [call for call in calls if _of_steps(call) and not any(call is one for one in wrong)]
    right = sorted(others, key=lambda call: call.w.value.size)[:LEAST]
    everywhere = moves and any(call.alpha <= 0 for call in wrong)
    for where, holds in (("", None), *places):
        for one in known if where else _kept_in(known, found):
            lines = rule.whole(one.statements)
            if all(_gives(lines, call, FAR) for call in right if holds is None or holds(call)):
                words = PLACE.sub("", one.words).replace("the velocity", "the step") if everywhere else one.words
                of_velocity = where == "where α > 0" and MOMENTUM.search(words)
                name = f"{words}, {where}" if where and not of_velocity else words
                name = f"without momentum {words}" if where == "where α ≤ 0" else name
                yield tried(Mistake(name, one.hint, Steps(lines, holds)))
