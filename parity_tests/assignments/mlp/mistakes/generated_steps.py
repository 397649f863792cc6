"""Known mistakes of SGD that nobody has written down: changed update rules that give the weights of all steps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.main.evidence import STEPS
from parity_tests.assignments.mlp.mistakes.generated import ENOUGH, of_numbers, tried
from parity_tests.assignments.mlp.mistakes.main_rates import at_right_rates
from parity_tests.assignments.mlp.mistakes.relations import RATES
from parity_tests.harness.diagnosis.running_error import Running, stack
from parity_tests.parts.changed_texts import ChangedText, changed_texts, numbered_texts
from parity_tests.parts.fingerprints import MOST_TRIED, NEAR, solved, with_number
from parity_tests.parts.right_text import FAILS, compiled
from parity_tests.parts.update_rules import OF_DESCENT, OF_MOMENTUM, decayed
from parity_tests.protocol.diagnosis import Conditions
from parity_tests.protocol.mistake import Call, Formula, Mistake

WORDS = {"μ": "α", "the rate": "η", "rate": "η", "dw": "g", "that config holds": "that are passed"}
WORDS |= {"in the config that it returns": "in the momentum that is passed"}
RULES = tuple(decayed(text).in_words(WORDS) for text in (OF_DESCENT[0], OF_MOMENTUM[0]))
"""The plain step, and the one with momentum."""
FURTHER_STEPS = 2
"""So many steps are looked at from the first that is wrong."""
LEAST = 8
"""So many of the smallest calls that are right are asked at once."""
FAR = 1e-6
PLACE = re.compile(r" (in|of) (the new w|the velocity)$")
CONDITIONS: Conditions = (
    *RATES,
    ("but for L1", lambda call: call.layer != "L1"),
    ("but for L2", lambda call: call.layer != "L2"),
    ("but for W of L1", lambda call: (call.layer, call.key) != ("L1", "W")),
)
"""What a change may hang on."""
Change = tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Rates:
    """A formula: the weights after each step, by a changed rule of plain steps and one of steps with momentum.

    Where the condition does not hold the steps are right.
    """

    changes: tuple[Change, Change]
    holds: Any = None

    def __call__(self, call: Call) -> Running:
        changed = self.holds is None or self.holds(call)
        lines = RULES[call.alpha > 0].whole(self.changes[call.alpha > 0] if changed else ())
        try:
            return stack(list(_path(lines, call, wide=True)))
        except FAILS as error:  # what no error is known of, too
            raise ValueError(f"{lines!r} cannot be run") from error


def _path(lines: str, call: Call, *, wide: bool, number: float = 0.0, count: int | None = None) -> Iterator[Any]:
    """The weights after each step, or after so many, as Running or as arrays."""

    def of(running: Running) -> Any:
        return running if wide else np.asarray(running.value, np.float64)

    w, v = of(call.w), of(call.w.zeros())
    for t, (g, eta) in enumerate(zip(call.g[:count], call.etas, strict=False)):
        w = of(call.starts[t]) if "starts" in call.inputs else w
        names = {"np": np, "w": w, "gradient": of(g), "velocity": v, "learning_rate": eta, "number": number}
        names |= {"momentum": call.alpha, "rest": 1 - call.alpha, "weight_decay": call.lam}
        names |= {"plain_step": eta * (of(g) + call.lam * w), "sign_w": 1.0 - 2.0 * (w <= 0)}
        exec(compiled(lines), names)
        w, v = names["w_next"] + 0 * w, names.get("kept_velocity", v) + 0 * w
        yield w


@cache
def _changed(with_momentum: bool, numbered: bool) -> Sequence[ChangedText]:
    """The changes of a rule, the simplest first; or those that hold a number."""
    rule = RULES[with_momentum]
    made = numbered_texts if numbered else changed_texts
    found: dict[Change, ChangedText] = {}
    for one in sorted((one for result in rule.results for one in made(rule, result)), key=lambda one: one.size):
        found.setdefault(one.statements, one)
    return list(found.values())


def _giving(call: Call | None) -> Iterator[ChangedText]:
    """The changes that give the weights of a call; at last those that hold a number."""
    if call is None:
        return
    rule, got = RULES[call.alpha > 0], np.asarray(call.got, np.float64)
    near = NEAR * max(1.0, float(np.abs(got).max()))
    right = np.abs(np.stack(list(_path(rule.whole(()), call, wide=False))) - got) > near
    count = int(right.reshape(len(got), -1).any(axis=1).argmax()) + FURTHER_STEPS
    got = got[:count]

    def path_of(changed: ChangedText, number: float = 0.0) -> Iterator[NDArray[Any]]:
        return _path(rule.whole(changed.statements), call, wide=False, number=number, count=count)

    def gives(changed: ChangedText) -> bool:
        try:
            return all(bool((np.abs(w - after) <= near).all()) for w, after in zip(path_of(changed), got, strict=True))
        except FAILS:
            return False

    def off(changed: ChangedText, number: float) -> NDArray[Any]:
        try:
            return np.asarray((np.stack(list(path_of(changed, number))) - got).ravel())
        except FAILS:
            return np.full(got.size, np.inf)

    with np.errstate(all="ignore"):
        for one in _changed(call.alpha > 0, False):
            if gives(one):
                yield one
        for one in _changed(call.alpha > 0, True) if call.operation != STEPS else ():
            number = solved(partial(off, one), near)
            if number is not None:
                yield with_number(one, number)


def _tells(call: Call) -> bool:
    """Whether numbers of all weights after each step came back."""
    shape = (len(call.g), *call.w.shape)
    return of_numbers(call) and call.got is not None and call.got.shape == shape


def _telling(calls: Sequence[Call], *, with_momentum: bool) -> list[ChangedText]:
    """The first changes that give the weights of the call that tells most: with weight decay, and of few weights."""
    told = [call for call in calls if call.wrong and _tells(call) and (call.alpha > 0) is with_momentum]
    call = min(
        told,
        key=lambda call: ("starts" in call.inputs, call.lam == 0, call.w.value.size < ENOUGH, call.w.value.size),
        default=None,
    )
    return list(islice(_giving(call), MOST_TRIED))


def _named(plain: ChangedText, moving: ChangedText) -> str:
    """What is wrong with both rules: once, where it is the same."""
    p, m = (PLACE.sub("", one.words) for one in (plain, moving))
    return p if p == m else f"{plain.words}, and where α > 0 {moving.words}"


def _found(wrong: Sequence[Call]) -> list[tuple[str, str, tuple[Change, Change]]]:
    """Names, hints and changes of both rules; those first of which the same is said of both."""
    plain, moving = (_telling(wrong, with_momentum=one) for one in (False, True))
    if all(call.alpha > 0 for call in wrong):
        ends = ("" if "velocity" in m.words else ", where α > 0" for m in moving)
        return [(f"{m.words}{end}", m.hint, ((), m.statements)) for m, end in zip(moving, ends, strict=True)]
    if all(call.alpha <= 0 for call in wrong):
        return [(f"{p.words}, where α ≤ 0", p.hint, (p.statements, ())) for p in plain]
    pairs = [(i + j, _named(p, m), p, m) for i, p in enumerate(plain) for j, m in enumerate(moving)]
    pairs.sort(key=lambda pair: (" where α > 0 " in pair[1], pair[0]))
    return [(name, p.hint, (p.statements, m.statements)) for _, name, p, m in pairs]


def _spoils(formula: Rates, right: Sequence[Call]) -> bool:
    """Whether a call that is right would not be so, by numbers that no rounding explains."""
    for call in right:
        change = formula.changes[call.alpha > 0]
        if change and (formula.holds is None or formula.holds(call)):
            rule = RULES[call.alpha > 0]
            try:
                changed, own = (np.stack(list(_path(rule.whole(lines), call, wide=False))) for lines in (change, ()))
            except FAILS:
                return True
            if np.abs(changed - own).max() > FAR * max(1.0, np.abs(own).max()):
                return True
    return False


def generated_steps(calls: Sequence[Call]) -> Iterator[Mistake]:
    """The changes that give the weights of a call with momentum and of one without, as mistakes to be tried in all."""
    wrong = [call for call in calls if call.wrong]
    found = _found(wrong)[:MOST_TRIED]
    told = [one for one in CONDITIONS if all(map(one[1], wrong)) and not all(map(one[1], calls))]
    right = sorted((c for c in calls if not c.wrong and c.dtype == np.float64), key=lambda call: call.w.value.size)
    of_main = calls[0].operation == STEPS
    for where, holds in (("", None), *told):
        for words, hint, changes in found:
            rates, name = Rates(changes, holds), f"{words}, {where}" if where else words
            if not _spoils(rates, right[:LEAST]):
                formula: Formula = at_right_rates(rates) if of_main else rates
                yield tried(Mistake("10" if of_main else "1", calls[0].operation, name, hint, formula))
