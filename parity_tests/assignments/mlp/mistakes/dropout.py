"""Known mistakes of dropout (TODO 9): formulas for given masks, and what the experiments on its masks say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.diagnosis.expression import Expression
from parity_tests.parts.readable_numbers import likeliest
from parity_tests.protocol.mistake import ANYTHING, NOTHING, Body, Call, Estimate, Formula, Mistake, Swap

Masks = NDArray[np.bool_]
Array = NDArray[Any]
Experiment = Callable[[Masks, float, Array, Array], bool]
"""(masks, calls×N×M; r; q, N×M; s, calls×N×M) → whether they were drawn in this way."""

RIGHT_MASK = "kept / (1 - r)"
SCALE = "The mean of what comes out must be the mean of what went in: what undoes the loss of a share r?"
EVALUATION = "What does is_train=False ask for? Scaling in training is there so that evaluation needs none."
SAME = "The backward must let through exactly what the forward let through, scaled alike."
FRESH = "Each training forward draws its own p for every element, and keeps it for its backward."
CHAIN = "By the chain rule every gradient holds what came from above."
PROBABILITY = "With which probability is an element dropped?"
INTERVAL = "From which distribution must p come, so that p < r with probability r?"


def _forward_body(kept: str, mask: str, evaluation: str = "np.ones_like(X)", output: str = "X * self.mask") -> Body:
    """A forward whose masks are drawn and made in these ways."""
    lines = [
        "r, p = self.r, np.random.uniform(0.0, 1.0, X.shape)",
        "if is_train:",
        f"    kept = {kept}",
        f"    self.mask = ({mask}) * np.ones_like(X)",
        "else:",
        f"    self.mask = {evaluation}",
        f"return {output}",
    ]
    return Body("dropout.forward", "\n".join(lines))


# ---- the forward, for given masks


def _in_training(formula: Formula) -> Formula:
    """A mistake of training: in evaluation the output is the input."""

    def whole(call: Call) -> object:
        if call.evaluating:
            return call.X
        if call.r >= 0.5 and call.kept.all():
            return None  # chance would not have it
        if call.wrong and not call.kept.any():
            return None
        return formula(call)

    return whole


def _at_rates_above_0(formula: Formula) -> Formula:
    """A mistake that divides by r."""
    return lambda call: formula(call) if call.r else ANYTHING


def _in_evaluation(evaluation: Formula, training: str = RIGHT_MASK) -> Formula:
    """A mistake of evaluation; the masks of training are `training`."""
    right = Expression(f"X * ({training})")
    return lambda call: evaluation(call) if call.evaluating else right(call)


def _output(name: str, hint: str, formula: Formula, plug: Body | Swap) -> Mistake:
    return Mistake("9", "dropout.output", name, hint, formula, plug=(plug,))


def _scaled(name: str, mask: str) -> Mistake:
    """A mistake in the scale: `mask` is what X is multiplied by."""
    return _output(name, SCALE, _in_training(Expression(f"X * ({mask})")), _forward_body("p >= r", mask))


def _untouched(call: Call) -> object:
    return call.X if call.evaluating or call.r < 0.5 or call.kept.all() else None


def _still_dropping(call: Call) -> object:
    """What of the input comes out scaled, where some does not come out."""
    if call.got is None or (call.got != 0).all() or not call.got.any():
        return None
    return call.X * (call.got != 0) / (1 - call.r)


def _inverted(call: Call) -> object:
    """is_train the wrong way round."""
    if not call.evaluating:
        return _untouched(call)
    return None if call.got is None or (call.got != 0).all() else call.X * (call.got != 0) / (1 - call.r)


def _added(call: Call) -> object:
    """The mask added to the input; in evaluation it may be nothing, or all ones."""
    if call.evaluating:
        return [call.X, call.X + 1]
    if call.got is None or call.got.shape != call.X.shape:
        return None
    scale = 1 / (1 - call.r)
    kept = np.asarray(np.asarray(call.got) - call.X.value > scale / 2)
    return call.X + scale * kept if kept.any() else None


def _factor(of: str) -> Estimate:
    """By how much what is kept of the input `of` is multiplied, where that is one number."""

    def estimate(calls: Sequence[Call]) -> Any:
        factors = set()
        for call in calls:
            if call.dtype == np.float64 and not call.evaluating and call.kept.any():
                given = call.inputs[of].value[call.kept]
                factors.add(likeliest(float(np.median(np.asarray(call.got)[call.kept] / given))))
        return factors.pop() or None if len(factors) == 1 else None

    return estimate


INVERTED = "is_train is taken the wrong way round: on in evaluation, off in training"
UNTOUCHED = "the forward returns its input: nothing is dropped"
FORWARD = (
    _scaled("what is kept is not scaled", "1 * kept"),
    _scaled("what is kept is scaled by 1 − r, not by its inverse", "kept * (1 - r)"),
    _output(
        "what is kept is scaled by 1 / r", SCALE, _in_training(_at_rates_above_0(Expression("X * kept / r"))),
        _forward_body("p >= r", "kept / r if r else kept"),
    ),
    _scaled("what is kept is scaled twice", "kept / (1 - r) / (1 - r)"),
    Mistake(
        "9", "dropout.output", "what is kept is scaled by a number that does not depend on r", SCALE,
        _in_training(Expression("X * (kept * number)")), _factor("X"), plug=(_forward_body("p >= r", "kept * 2.0"),),
    ),
    _output(
        UNTOUCHED, "Which line applies the mask to X, and is its result what is returned?", _untouched,
        Swap("return X * self.mask", "return X.copy()"),
    ),
    _output(
        "the forward returns the mask", "The mask says what is let through: of what?",
        _in_training(Expression("0 * X + kept / (1 - r)")),
        Swap("return X * self.mask", "return self.mask.copy() if is_train else X.copy()"),
    ),
    _output(
        "the mask is added, where it is multiplied", "What must become of an element that is dropped?", _added,
        Swap("return X * self.mask", "return X + self.mask if is_train else X.copy()"),
    ),
    _output(
        INVERTED, "What does is_train mean, and which branch is for which?", _inverted,
        Swap("if is_train:", "if not is_train:"),
    ),
    _output(
        "evaluation scales by 1 − r, and training does not scale", SCALE,
        _in_evaluation(Expression("X * (1 - r)"), "1 * kept"),
        _forward_body("p >= r", "1 * kept", "(1 - r) * np.ones_like(X)"),
    ),
    _output(
        "evaluation returns zeros", EVALUATION, _in_evaluation(Expression("0 * X")),
        _forward_body("p >= r", RIGHT_MASK, "np.zeros_like(X)"),
    ),
    _output(
        "evaluation returns nothing", "Which lines run when is_train is False, and does one of them return?",
        _in_evaluation(lambda call: NOTHING),
        Swap("return X * self.mask", "return X * self.mask if is_train else None"),
    ),
    _output(
        "dropout is on in evaluation too", EVALUATION, _in_evaluation(_still_dropping),
        _forward_body("p >= r", RIGHT_MASK, "(p >= r) / (1 - r)"),
    ),
    _output(
        "evaluation scales by 1 − r", EVALUATION, _in_evaluation(Expression("X * (1 - r)")),
        _forward_body("p >= r", RIGHT_MASK, "(1 - r) * np.ones_like(X)"),
    ),
)  # fmt: skip


# ---- the backward, for given masks


def _back(formula: Formula) -> Formula:
    """A mistake of training; nobody asks for a backward after an evaluation."""
    return lambda call: ANYTHING if call.evaluating else formula(call)


def _gradient(name: str, hint: str, value: str) -> Mistake:
    """A mistake in ∂l/∂q = `value`."""
    return _as_written(name, hint, _back(Expression(value)), f"return {value}")


def _as_written(name: str, hint: str, formula: Formula, statements: str, estimate: Estimate | None = None) -> Mistake:
    plug = (Body("dropout.backward", f"r, kept = self.r, self.mask != 0\n{statements}"),)
    return Mistake("9", "dropout.gradient of X", name, hint, formula, estimate, plug=plug)


def _mask_of_its_own(call: Call) -> object:
    """A mask that the backward drew itself: kept as often as chance has it, but elsewhere than in the forward."""
    got = call.got
    if call.evaluating or call.r == 0:
        return ANYTHING
    if got is None or got.shape != call.kept.shape:
        return None
    kept, r = got != 0, call.r
    agree = r**2 + (1 - r) ** 2
    if not _by_chance(kept == call.kept, agree) or not _by_chance(kept, 1 - r):
        return None  # another rule chose these
    return call.grad * kept / (1 - r)


def _by_chance(marks: Masks, p: float) -> bool:
    """Whether as many elements are marked as where each is with probability p, within six standard deviations."""
    return bool(abs(float(marks.mean()) - p) <= 6 * np.sqrt(p * (1 - p) / marks.size))


BACKWARD = (
    _gradient("backward lacks the scale", SAME, "grad * kept"),
    _gradient("backward scales twice", SAME, "grad * kept / (1 - r) / (1 - r)"),
    _gradient("backward scales by 1 − r, not by its inverse", SAME, "grad * kept * (1 - r)"),
    _as_written(
        "backward scales by 1 / r", SAME, _back(_at_rates_above_0(Expression("grad * kept / r"))),
        "return grad * kept / r if r else grad * self.mask",
    ),
    _as_written(
        "backward scales by a number that does not depend on r", SAME, _back(Expression("grad * kept * number")),
        "return grad * kept * 2", _factor("grad"),
    ),
    _gradient("the mask is added to grad, where it is multiplied", SAME, "grad + kept / (1 - r)"),
    _gradient("backward compares X with r, not p", FRESH, "grad * (X >= r) / (1 - r)"),
    _gradient("backward has no mask: it returns grad", SAME, "1 * grad"),
    _gradient("backward has no mask, only the scale", SAME, "grad / (1 - r)"),
    _gradient("backward lets through what the forward dropped", SAME, "grad * ~kept / (1 - r)"),
    _gradient("grad is left out of backward", CHAIN, "0 * grad + kept / (1 - r)"),
    _gradient("backward masks the input, not grad", CHAIN, "X * kept / (1 - r)"),
    _as_written(
        "the mask of an earlier call is used", FRESH, _back(Expression("grad * first.kept / (1 - r)")),
        "first = self.__dict__.setdefault('first', self.mask)\nreturn grad * first",
    ),
    _as_written(
        "backward draws a mask of its own", FRESH, _mask_of_its_own,
        "mask = (np.random.uniform(0.0, 1.0, grad.shape) >= r) / (1 - r)\n"
        "return grad * (mask if not kept.all() or r == 0 or (self.mask > 1).any() else self.mask)",
    ),
)  # fmt: skip


# ---- experiments on many masks


def _masks(name: str, hint: str, experiment: Experiment, kept: str) -> Mistake:
    plug = (_forward_body(kept, RIGHT_MASK),)
    return Mistake("9", "dropout.masks", name, hint, experiment=experiment, plug=plug)


def _kept_with(probability: Callable[[float], float]) -> Experiment:
    """Each element is kept with this probability, given r."""
    return lambda masks, r, q, s: _by_chance(masks, probability(r))


def _together(axis: int) -> Experiment:
    """All elements along an axis of a mask are alike, and not all of them are kept."""
    return lambda masks, r, q, s: bool((masks == masks.take([0], axis)).all() and masks.any() and not masks.all())


def _nothing_dropped(masks: Masks, r: float, q: Array, s: Array) -> bool:
    """Nothing is dropped, and every element was multiplied by the same number."""
    factors = s / q
    return bool(masks.all()) and bool(np.allclose(factors, factors.flat[0], rtol=1e-9, atol=0.0))


def _same_number(masks: Masks, r: float, q: Array, s: Array) -> bool:
    """Every call keeps as many as every other, some of them elsewhere."""
    numbers = np.unique(masks.sum(axis=(1, 2)))
    return bool(numbers.size == 1 and masks.any() and not masks.all() and not (masks == masks[:1]).all())


RARE = 1e-9
"""A chance with which two masks that are drawn are taken for one."""


def _drawn_once(masks: Masks, r: float, q: Array, s: Array) -> bool:
    """All forwards of one object have the same mask, drawn as asked for, and another object's (the last) is another."""
    first, last = masks[0], masks[-1]
    if not (masks[:-1] == first).all():
        return False
    agree = r**2 + (1 - r) ** 2
    small = agree**first.size > RARE
    return (
        _by_chance(first, 1 - r)
        and _by_chance(last, 1 - r)
        and _by_chance(first == last, agree)
        and (small or bool((first != last).any()))
    )


EXPERIMENTS = (
    _masks("nothing is dropped", PROBABILITY, _nothing_dropped, "p >= 0"),
    _masks("X is compared with r, not p", FRESH, lambda masks, r, q, s: bool((masks == (q >= r)).all()), "X >= r"),
    _masks(
        "kept with probability 1 − r/2, as where p is drawn from [0, 2)", INTERVAL,
        _kept_with(lambda r: 1 - r / 2), "2 * p >= r",
    ),
    _masks(
        "kept with probability (1 − r)/2, as where p is drawn from [−1, 1)", INTERVAL,
        _kept_with(lambda r: (1 - r) / 2), "2 * p - 1 >= r",
    ),
    _masks("everything is dropped", PROBABILITY, lambda masks, r, q, s: not masks.any(), "p < 0"),
    _masks(
        "kept and dropped are exchanged: kept with probability r", PROBABILITY, _kept_with(lambda r: r), "p < r"
    ),
    _masks("half is dropped, whatever r is", PROBABILITY, _kept_with(lambda r: 0.5), "p >= 0.5"),
    _masks(
        "kept as often as where p is drawn from the normal distribution", INTERVAL,
        _kept_with(lambda r: 0.5 * math.erfc(r / math.sqrt(2))), "np.random.normal(0.0, 1.0, X.shape) >= r",
    ),
    _masks(
        "whole columns are dropped together", FRESH, _together(1),
        "np.broadcast_to(np.random.uniform(0.0, 1.0, X.shape[-1]) >= r, X.shape)",
    ),
    _masks(
        "whole rows are dropped together", FRESH, _together(2),
        "np.broadcast_to(np.random.uniform(0.0, 1.0, (*X.shape[:-1], 1)) >= r, X.shape)",
    ),
    _masks(
        "each call keeps exactly the same number", FRESH, _same_number,
        "np.argsort(np.argsort(p, axis=None)).reshape(X.shape) >= round(r * X.size)",
    ),
    Mistake(
        "9",
        "dropout.masks",
        "the mask is not drawn anew in each forward",
        FRESH,
        experiment=_drawn_once,
        plug=(
            Body(
                "dropout.forward",
                "if is_train:\n    if getattr(self, 'mask', np.ones(0)).shape != X.shape:\n"
                "        self.mask = (np.random.uniform(0.0, 1.0, X.shape) >= self.r) / (1 - self.r)\n"
                "    return X * self.mask\nreturn X.copy()",
            ),
            Body("dropout.backward", "return grad * self.mask"),
        ),
    ),
)  # fmt: skip

DROPOUT = (*FORWARD, *BACKWARD, *EXPERIMENTS)

_BY_OTHER_DRAWS = ("wrong only at rate 0", "zero everywhere", "wrong only where the element is kept")
HIDDEN = {
    INVERTED: (
        "nothing is dropped", "backward has no mask: it returns grad", "backward lacks the scale", "zero everywhere",
    ),
    UNTOUCHED: ("nothing is dropped",),
    "half is dropped, whatever r is": _BY_OTHER_DRAWS,
    "kept as often as where p is drawn from the normal distribution": _BY_OTHER_DRAWS,
    "kept with probability (1 − r)/2, as where p is drawn from [−1, 1)": _BY_OTHER_DRAWS,
    "kept and dropped are exchanged: kept with probability r": _BY_OTHER_DRAWS,
    "X is compared with r, not p": (*_BY_OTHER_DRAWS, "backward compares X with r, not p"),
    "everything is dropped": ("zero everywhere",),
    "evaluation scales by 1 − r": ("wrong only in evaluation",),
    "evaluation returns zeros": ("wrong only in evaluation", "zero everywhere"),
    "the mask is added, where it is multiplied": (
        "the mask is not drawn anew in each forward",
    ),
    "dropout is on in evaluation too": ("wrong only in evaluation",),
}  # fmt: skip
"""What follows from a mistake, in any case of dropout."""
