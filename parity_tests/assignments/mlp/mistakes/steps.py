"""Steps of SGD by the lines of a rule: the right one, its changes, and which of them gives the weights of all steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.mistakes.generated import ENOUGH, OUTLIVES, of_numbers, tried
from parity_tests.assignments.mlp.mistakes.relations import RATES
from parity_tests.harness.diagnosis.running_error import Running, stack
from parity_tests.parts.changed_texts import RANKS, ChangedText, numbered_texts, texts_of_rank
from parity_tests.parts.fingerprints import MOST_TRIED, NEAR, solved, with_number
from parity_tests.parts.right_text import FAILS, RightText, compiled
from parity_tests.parts.update_rules import OF_DESCENT, OF_MOMENTUM, decayed
from parity_tests.protocol.diagnosis import Conditions
from parity_tests.protocol.mistake import ANYTHING, Call, Mistake

ONCE = "Which lines run once, which once an epoch, and which at every step?"
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
    "torch's momentum: η is not inside the velocity":
        {"v": "momentum * velocity + dw", "w_next": "w - learning_rate * v"},
    "torch's momentum with damping: the gradient is weighted by 1 − α, η outside":
        {"v": "momentum * velocity + rest * dw", "w_next": "w - learning_rate * v"},
    "Nesterov's momentum, where the classical form is expected": {"w_next": "w + momentum * v - learning_rate * dw"},
    "α multiplies the gradient, not the old velocity": {"v": "velocity - learning_rate * momentum * dw"},
}  # fmt: skip
"""What no operator gives, by its words."""
DROP = "Change the learning rate between two steps: which gradients should the new one act on?"
TERMS = "Work two steps out by hand for one weight, with numbers, and compare term by term."


def _rule(text: RightText, further: Mapping[str, Mapping[str, str]]) -> RightText:
    """A rule in the homework's words, with weight decay and what else may be wrong with it."""
    right = text.statements[-1 if not further else -2].partition(" = ")[2]
    once = {words: {"w_next": new.format(right), **({} if "again" in words else {"dw": "gradient"})}
            for words, new in PARTED.items()}  # fmt: skip
    rule = decayed(text).in_words(WORDS)
    hints = {"torch's": DROP, "Nesterov": TERMS, "α multiplies": TERMS, **rule.hints}
    return replace(rule, rows=tuple({**further, **once}.items()), hints=hints)


RULES = _rule(OF_DESCENT[0], {}), _rule(OF_MOMENTUM[0], MOVING)
"""The plain step, and the one with momentum."""
OUTLIVING = "the velocities outlive the model, and go on with another: they are kept outside of what is passed"
FURTHER_STEPS = 2
"""So many steps are looked at from the first that is wrong."""
LEAST = 8
"""So many of the smallest calls that are right are asked at once."""
FAR = 1e-6
MOMENTUM = re.compile("velocity|momentum|^α")
"""What is said of steps with momentum alone."""
PLACE = re.compile(r" (in|of) (the new w|the velocity)$")
CONDITIONS: Conditions = (
    *RATES,
    ("but for L1", lambda call: call.layer != "L1"),
    ("but for L2", lambda call: call.layer != "L2"),
    ("but for W of L1", lambda call: (call.layer, call.key) != ("L1", "W")),
)
"""What a change may hang on."""
AND = ", and where α > 0 "
"""What stands between the words for both rules where these differ."""
Array = NDArray[Any]


def _in_main(rule: RightText) -> RightText:
    """A rule with the names that `main` may take for others."""
    labels, hints, said = {**rule.labels, **OF_MAIN}, {**HINTS, **rule.hints}, {**rule.said, **SAID}
    return replace(rule, arrays=(*rule.arrays, *OF_MAIN), labels=labels, hints=hints, said=said)


RULES_OF_MAIN = tuple(_in_main(rule) for rule in RULES)
RIGHT = tuple(rule.whole(()) for rule in RULES)


@dataclass(frozen=True)
class Steps:
    """A formula: the weights after each step, by the lines of plain steps and those of steps with momentum.

    Where the condition does not hold the steps are right. The lines may also set w and v by the names g, w, v, eta,
    lam and alpha.
    """

    lines: tuple[str, str] = (RIGHT[0], RIGHT[1])
    holds: Any = None

    def __call__(self, call: Call) -> Running:
        lines = self.of(call)
        try:
            return stack(list(path(lines, call, wide=True)))
        except FAILS as error:  # what no error is known of, too
            raise ValueError(f"{lines!r} cannot be run") from error

    def of(self, call: Call) -> str:
        """The lines that a call's steps are made by."""
        changed = self.holds is None or self.holds(call)
        return (self.lines if changed else (RIGHT[0], RIGHT[1]))[bool(call.alpha > 0)]


@dataclass(frozen=True)
class _Step:
    """What one step is given: the names that no rule changes, where it starts, and whether the velocity goes on."""

    names: Mapping[str, Any]
    start: Any
    goes_on: bool


def _given(call: Call, *, wide: bool, count: int | None = None) -> tuple[Any, list[_Step]]:
    """The weights before the first step, and each step or so many, as Running or as arrays."""

    def of(running: Running) -> Any:
        return running if wide else np.asarray(running.value, np.float64)

    rates = {"momentum": call.alpha, "rest": 1 - call.alpha, "weight_decay": call.lam}
    rates |= {"alpha": call.alpha, "lam": call.lam, "batch": float(call.inputs.get("batch", 1)), "np": np}
    epochs, steps, past = call.inputs.get("epochs", [0] * len(call.g)), list[_Step](), None
    for t, (one, eta) in enumerate(zip(call.g[:count], call.etas, strict=False)):
        g = of(one)
        names = {
            **rates,
            "gradient": g,
            "learning_rate": eta,
            "g": g,
            "eta": eta,
            "earlier": g if past is None else past,
        }
        start = of(call.starts[t]) if "starts" in call.inputs else None
        steps.append(_Step(names, start, t > 0 and epochs[t] == epochs[t - 1]))
        past = g
    return of(call.w), steps


def path(
    lines: str, call: Call, *, wide: bool, number: float = 0.0, given: tuple[Any, list[_Step]] | None = None
) -> Iterator[Any]:
    """The weights after each step of a call, or of those that are `given`, as Running or as arrays."""
    w, steps = given or _given(call, wide=wide)
    v, code = w.zeros() if wide else np.zeros_like(w), compiled(lines)
    for step in steps:
        w = w if step.start is None else step.start
        names = {**step.names, "number": number, "w": w, "velocity": v, "v": v}
        if "plain_step" in lines:
            names["plain_step"] = names["eta"] * (names["g"] + call.lam * w)
        if "in_epoch" in lines:
            names["in_epoch"] = v if step.goes_on else 0 * v
        if "sign_w" in lines:
            names["sign_w"] = 1.0 - 2.0 * (w <= 0)
        exec(code, names)
        w, v = (
            one if getattr(one, "shape", ()) == w.shape else one + 0 * w
            for one in (names.get("w_next", names["w"]), names.get("kept_velocity", names["v"]))
        )
        yield w


def _changed(rule: RightText) -> Iterator[list[ChangedText]]:
    """The changes of a rule in RANKS lists, each made when asked for, the simplest first and each once."""
    made, known = list[ChangedText](), set[tuple[tuple[int, str], ...]]()
    for rank in range(RANKS):
        made += [one for result in rule.results for one in texts_of_rank(rule, result, rank)]
        made.sort(key=lambda one: one.size)
        simple = [one for one in made if one.size[0] < 2 * (rank + 1) or rank == RANKS - 1]
        made = made[len(simple) :]
        yield [one for one in _each_once(simple) if one.statements not in known]
        known.update(one.statements for one in simple)


def _each_once(ones: Iterable[ChangedText]) -> Iterable[ChangedText]:
    """Of those that change a rule in the same way the first."""
    found: dict[tuple[tuple[int, str], ...], ChangedText] = {}
    for one in ones:
        found.setdefault(one.statements, one)
    return found.values()


def _giving(call: Call) -> Iterator[list[ChangedText]]:
    """The changes that give the weights of a call, rank by rank; where there are none, those that hold a number."""
    rule = (RULES_OF_MAIN if "starts" in call.inputs else RULES)[call.alpha > 0]
    got = np.asarray(call.got, np.float64)
    near = NEAR * max(1.0, float(np.abs(got).max()))
    count = (first_off(call) or 0) + FURTHER_STEPS
    got, none, given = got[:count], True, _given(call, wide=False, count=count)

    def path_of(changed: ChangedText, number: float = 0.0) -> Iterator[Array]:
        return path(rule.whole(changed.statements), call, wide=False, number=number, given=given)

    def gives(changed: ChangedText) -> bool:
        try:
            return all(bool((np.abs(w - after) <= near).all()) for w, after in zip(path_of(changed), got, strict=True))
        except FAILS:
            return False

    def off(changed: ChangedText, number: float) -> Array:
        try:
            return np.asarray((np.stack(list(path_of(changed, number))) - got).ravel())
        except FAILS:
            return np.full(got.size, np.inf)

    for ones in _changed(rule):
        with np.errstate(all="ignore"):
            found = [one for one in ones if gives(one)]
        none = none and not found
        yield found
    if none:
        numbered = (one for result in rule.results for one in numbered_texts(rule, result))
        solutions = (
            (one, solved(partial(off, one), near)) for one in _each_once(sorted(numbered, key=lambda one: one.size))
        )
        yield [with_number(one, number) for one, number in solutions if number is not None]


def first_off(call: Call) -> int | None:
    """The first step of a call whose weights are not the right ones; None where all are."""
    got = np.asarray(call.got, np.float64)
    near = NEAR * max(1.0, float(np.abs(got).max()))
    right = path(RIGHT[call.alpha > 0], call, wide=False)
    return next(
        (t for t, (w, after) in enumerate(zip(right, got, strict=True)) if (np.abs(w - after) > near).any()), None
    )


def is_off(call: Call) -> bool:
    """Whether the numbers of all weights after each step came back and are wrong, in a run of main these themselves."""
    shape = (len(call.g), *call.w.shape)
    if not call.wrong or not of_numbers(call) or call.got is None or call.got.shape != shape:
        return False
    return "starts" not in call.inputs or first_off(call) is not None


def _telling(calls: Sequence[Call], *, with_momentum: bool) -> Iterator[list[ChangedText]]:
    """The changes that give the weights of the call that tells most: with weight decay, and of few weights."""
    told = [call for call in calls if (call.alpha > 0) is with_momentum]
    call = min(
        told,
        key=lambda call: ("starts" in call.inputs, call.lam == 0, call.w.value.size < ENOUGH, call.w.value.size),
        default=None,
    )
    return iter(()) if call is None else _giving(call)


Found = tuple[str, str, tuple[str, str]]
"""A name, its hint, and the changed lines of both rules."""


def _found(wrong: Sequence[Call], calls: Sequence[Call]) -> Iterator[Found]:
    """Those first of which the same is said of both rules, rank by rank."""
    by_rank = [_telling(wrong, with_momentum=one) for one in (False, True)]
    if all(call.alpha > 0 for call in wrong):
        moves = all(call.alpha > 0 for call in calls)
        for m in chain.from_iterable(by_rank[1]):
            end = "" if moves or MOMENTUM.search(m.words) else ", where α > 0"
            yield f"{m.words}{end}", m.hint, (RIGHT[0], RULES[1].whole(m.statements))
        return
    if all(call.alpha <= 0 for call in wrong):
        for p in chain.from_iterable(by_rank[0]):
            yield f"{p.words}, where α ≤ 0", p.hint, (RULES[0].whole(p.statements), RIGHT[1])
        return
    plain, moving, names = list[ChangedText](), list[ChangedText](), dict[tuple[int, int], str]()
    for further in zip_longest(*by_rank, fillvalue=list[ChangedText]()):
        before = set(names)
        plain, moving = ([*own, *more][:MOST_TRIED] for own, more in zip((plain, moving), further, strict=True))
        names = {(i, j): _named(p, m) for i, p in enumerate(plain) for j, m in enumerate(moving)}
        alike = sorted((pair for pair in names if pair not in before and AND not in names[pair]), key=sum)
        yield from (_of_both(names[i, j], plain[i], moving[j]) for i, j in alike)
    unlike = sorted((pair for pair in names if AND in names[pair]), key=sum)
    yield from (_of_both(names[i, j], plain[i], moving[j]) for i, j in unlike)


def _of_both(name: str, plain: ChangedText, moving: ChangedText) -> Found:
    return name, plain.hint, (RULES[0].whole(plain.statements), RULES[1].whole(moving.statements))


def _named(plain: ChangedText, moving: ChangedText) -> str:
    """What is wrong with both rules: once, where it is the same."""
    p, m = (PLACE.sub("", one.words) for one in (plain, moving))
    return p if p == m else f"{plain.words}{AND}{moving.words}"


def _spoils(steps: Steps, right: Sequence[Call]) -> bool:
    """Whether a call that is right would not be so, by numbers that no rounding explains."""
    for call in right:
        lines, own = steps.of(call), RIGHT[call.alpha > 0]
        if lines != own:
            try:
                changed, kept = (np.stack(list(path(one, call, wide=False))) for one in (lines, own))
            except FAILS:
                return True
            if np.abs(changed - kept).max() > FAR * max(1.0, np.abs(kept).max()):
                return True
    return False


@dataclass(frozen=True)
class _Outliving:
    """A formula: the weights after each step where one velocity a name serves every model, one after the other."""

    def __call__(self, call: Call) -> Any:
        models, path = call.in_turn(), list[Running]()
        if call.alpha <= 0:
            return ANYTHING
        weights, v = [start for start, _ in models], models[0][0].zeros()
        steps = range(len(call.every_eta))
        turns = [(t, k) for t in steps for k in range(min(2, len(models)))]
        for t, k in (*turns, *((t, 2) for t in steps if len(models) > 2)):
            g = models[k][1][t] + call.lam * weights[k]
            v = (call.alpha * v if v.value.shape == g.value.shape else g.zeros()) - call.every_eta[t] * g
            weights[k] = weights[k] + v
            path += [weights[k]] * (k == call.training)
        return stack(path[: len(call.etas)])


def _kept_in(known: list[Found], found: Iterable[Found]) -> Iterator[Found]:
    """The same, each kept when it is asked for."""
    for one in found:
        known.append(one)
        yield one


def generated_steps(calls: Sequence[Call]) -> Iterator[Mistake]:
    """The changes that give the weights of a call with momentum and of one without, as mistakes to be tried in all."""
    off = [is_off(call) for call in calls]
    wrong = [call for call, wrong in zip(calls, off, strict=True) if wrong]
    if any(call.inputs.get("training") for call in wrong):
        yield tried(Mistake("1", calls[0].operation, OUTLIVING, OUTLIVES, _Outliving()))
    found = islice(_found(wrong, calls), 2 * MOST_TRIED) if wrong else ()
    told = [one for one in CONDITIONS if all(map(one[1], wrong)) and not all(map(one[1], calls))]
    others = [call for call, wrong in zip(calls, off, strict=True) if not wrong and call.dtype == np.float64]
    right = sorted(others, key=lambda call: call.w.value.size)
    known: list[Found] = []
    for where, holds in (("", None), *told):
        for words, hint, lines in known if where else _kept_in(known, found):
            steps, name = Steps(lines, holds), f"{words}, {where}" if where else words
            if not _spoils(steps, right[:LEAST]):
                part = "10" if "starts" in calls[0].inputs else "1"
                yield tried(Mistake(part, calls[0].operation, name, hint, steps))
