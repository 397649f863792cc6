"""Known mistakes of dropout (TODO 9): formulas for given masks, and what the experiments on its masks say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.diagnosis.readable_numbers import likeliest
from parity_tests.harness.diagnosis.running_error import Running, where
from parity_tests.protocol.mistake import (
    ANYTHING,
    NOTHING,
    Body,
    Call,
    Estimate,
    Formula,
    Mistake,
    Swap,
)

Masks = NDArray[np.bool_]
Array = NDArray[Any]
Experiment = Callable[[Masks, float, Array, Array], Any]
"""(masks, calls×N×M; r; q, N×M; s, calls×N×M) → whether they were drawn in this way."""

DRAW = "p = np.random.uniform(0.0, 1.0, X.shape)\n"
SCALE = "The mean of what comes out must be the mean of what went in: what undoes the loss of a share r?"
SAME = "The backward must let through exactly what the forward let through, scaled alike."
FRESH = "Each training forward draws its own p for every element, and keeps it for its backward."


def _forward(name: str, hint: str, formula: Formula, kept: str, value: str) -> Mistake:
    body = (
        f"if is_train:\n    {DRAW}    kept = {kept}\n    self.mask = {value}\nelse:\n    self.mask = np.ones_like(X)\n"
    )
    plug = (Body("dropout.forward", body + "return X * self.mask"),)
    return Mistake("9", "dropout.output", name, hint, formula, plug=plug)


def _evaluation(name: str, hint: str, formula: Formula, value: str) -> Mistake:
    body = f"{DRAW}self.mask = (p >= self.r) / (1 - self.r) if is_train else {value}\nreturn X * self.mask"
    return Mistake("9", "dropout.output", name, hint, formula, plug=(Body("dropout.forward", body),))


def _backward(name: str, hint: str, formula: Formula, body: str) -> Mistake:
    lines = body if "return" in body else f"return {body}"
    return Mistake("9", "dropout.gradient of X", name, hint, formula, plug=(Body("dropout.backward", lines),))


def _only(mask: Masks, values: Running) -> Running:
    return where(mask, values, 0)


def _in_training(formula: Formula) -> Formula:
    """A mistake of training: in evaluation the output is the input, and backward's old mask is no mistake."""

    def whole(a: Call) -> object:
        if a.evaluating:
            return a.X
        return None if (a.wrong and not a.kept.any()) or _all_kept(a) else formula(a)

    return whole


def _all_kept(a: Call) -> bool:
    """Whether all is kept where chance would not have it."""
    return a.r >= 0.5 and bool(a.kept.all())


def _back(formula: Formula) -> Formula:
    """A mistake of training; nobody asks for a backward after an evaluation."""
    return lambda a: ANYTHING if a.evaluating else formula(a)


def _fresh(a: Call) -> object:
    """A mask that the backward drew itself: kept as often as chance has it, but elsewhere than in the forward."""
    got = a.got
    if a.evaluating or a.r == 0:
        return ANYTHING
    if got is None or got.shape != a.kept.shape:
        return None
    kept = got != 0
    share = float((kept == a.kept).mean())
    chance = a.r**2 + (1 - a.r) ** 2
    if abs(share - chance) > 6 * np.sqrt(chance * (1 - chance) / kept.size):
        return None
    if abs(float(kept.mean()) - (1 - a.r)) > 6 * np.sqrt(a.r * (1 - a.r) / kept.size):
        return None  # no draw with the right probability: another rule chose these
    return _only(kept, a.grad / (1 - a.r))


def _untouched(a: Call) -> object:
    return a.X if a.evaluating or a.r < 0.5 or a.kept.all() else None


def _inverted(a: Call) -> object:
    """is_train the wrong way round."""
    if not a.evaluating:
        return _untouched(a)
    return None if a.got is None or (a.got != 0).all() else _only(a.got != 0, a.X / (1 - a.r))


def _added(a: Call) -> object:
    if a.evaluating or a.got is None or a.got.shape != a.X.shape:
        return [a.X, a.X + 1] if a.evaluating else None
    scale = 1 / (1 - a.r)
    kept = np.asarray(np.asarray(a.got) - a.X.value > scale / 2)
    return a.X + _only(kept, 0 * a.X + scale) if kept.any() else None


def _factor(of: str) -> Estimate:
    """By how much what is kept is multiplied, where that is one number."""

    def estimate(asked: Sequence[Call]) -> Any:
        found = set()
        for a in asked:
            if a.dtype == np.float64 and not a.evaluating and a.kept.any():
                given = getattr(a, of).value[a.kept]
                found.add(likeliest(float(np.median(np.asarray(a.got)[a.kept] / given))))
        return found.pop() or None if len(found) == 1 else None

    return estimate


def _stale(a: Call) -> Call:
    return a.past[0] if a.past else a


FORMULAS = (
    _forward(
        "what is kept is not scaled",
        SCALE,
        _in_training(lambda a: _only(a.kept, a.X)),
        "p >= self.r",
        "kept.astype(X.dtype)",
    ),
    _forward(
        "what is kept is scaled by 1 − r, not by its inverse",
        SCALE,
        _in_training(lambda a: _only(a.kept, a.X * (1 - a.r))),
        "p >= self.r",
        "kept * (1 - self.r)",
    ),
    _forward(
        "what is kept is scaled by 1 / r",
        SCALE,
        _in_training(lambda a: _only(a.kept, a.X / a.r) if a.r else ANYTHING),
        "p >= self.r",
        "kept / self.r if self.r else kept * 1.0",
    ),
    _forward(
        "what is kept is scaled twice",
        SCALE,
        _in_training(lambda a: _only(a.kept, a.X / (1 - a.r) / (1 - a.r))),
        "p >= self.r",
        "kept / (1 - self.r) ** 2",
    ),
    _forward(
        "what is kept is scaled by r",
        SCALE,
        _in_training(lambda a: _only(a.kept, a.X * a.r) if a.r else ANYTHING),
        "p >= self.r",
        "kept * self.r if self.r else kept * 1.0",
    ),
    _forward(
        "what is kept is scaled by 1 / √(1 − r)",
        SCALE,
        _in_training(lambda a: _only(a.kept, a.X / np.sqrt(1 - a.r))),
        "p >= self.r",
        "kept / np.sqrt(1 - self.r)",
    ),
    replace(
        _forward(
            "what is kept is scaled by a number that does not depend on r",
            SCALE,
            _in_training(lambda a: _only(a.kept, a.number * a.X)),
            "p >= self.r",
            "kept * 2.0",
        ),
        estimate=_factor("X"),
    ),
    Mistake(
        "9",
        "dropout.output",
        "the forward returns its input: nothing is dropped",
        "Which line applies the mask to X, and is its result what is returned?",
        _untouched,
        plug=(Swap("return X * self.mask", "return X.copy()"),),
    ),
    Mistake(
        "9",
        "dropout.output",
        "the forward returns the mask",
        "The mask says what is let through: of what?",
        _in_training(lambda a: _only(a.kept, (0 * a.X + 1) / (1 - a.r))),
        plug=(Swap("return X * self.mask", "return self.mask.copy() if is_train else X.copy()"),),
    ),
    Mistake(
        "9",
        "dropout.output",
        "the mask is added, where it is multiplied",
        "What must become of an element that is dropped?",
        _added,
        plug=(Swap("return X * self.mask", "return X + self.mask if is_train else X.copy()"),),
    ),
    Mistake(
        "9",
        "dropout.output",
        "is_train is taken the wrong way round: on in evaluation, off in training",
        "What does is_train mean, and which branch is for which?",
        _inverted,
        plug=(Swap("if is_train:", "if not is_train:"),),
    ),
    _evaluation(
        "evaluation scales by 1 − r, and training does not scale",
        SCALE,
        lambda a: a.X * (1 - a.r) if a.evaluating else _only(a.kept, a.X),
        "(1 - self.r) * np.ones_like(X)\nif is_train:\n    self.mask = (self.mask != 0).astype(X.dtype)",
    ),
    _evaluation(
        "evaluation returns zeros",
        "What does is_train=False ask for?",
        lambda a: a.X.zeros() if a.evaluating else _only(a.kept, a.X / (1 - a.r)),
        "np.zeros_like(X)",
    ),
    Mistake(
        "9",
        "dropout.output",
        "evaluation returns nothing",
        "Which lines run when is_train is False, and does one of them return?",
        lambda a: NOTHING if a.evaluating else _only(a.kept, a.X / (1 - a.r)),
        plug=(Swap("return X * self.mask", "return X * self.mask if is_train else None"),),
    ),
    _evaluation(
        "dropout is on in evaluation too",
        "What does is_train=False ask for?",
        lambda a: (
            (None if a.got is None or (a.got != 0).all() or not a.got.any() else _only(a.got != 0, a.X / (1 - a.r)))
            if a.evaluating
            else _only(a.kept, a.X / (1 - a.r))
        ),
        "(p >= self.r) / (1 - self.r)",
    ),
    _evaluation(
        "evaluation scales by 1 − r",
        "Scaling in training is there so that evaluation needs none.",
        lambda a: a.X * (1 - a.r) if a.evaluating else _only(a.kept, a.X / (1 - a.r)),
        "(1 - self.r) * np.ones_like(X)",
    ),
    _evaluation(
        "evaluation scales by 1 / (1 − r)",
        "Scaling in training is there so that evaluation needs none.",
        lambda a: a.X / (1 - a.r) if a.evaluating else _only(a.kept, a.X / (1 - a.r)),
        "np.ones_like(X) / (1 - self.r)",
    ),
    _backward("backward lacks the scale", SAME, _back(lambda a: _only(a.kept, a.grad)), "grad * (self.mask != 0)"),
    _backward(
        "backward scales twice",
        SAME,
        _back(lambda a: _only(a.kept, a.grad / (1 - a.r) / (1 - a.r))),
        "grad * self.mask / (1 - self.r)",
    ),
    _backward(
        "backward scales by 1 − r, not by its inverse",
        SAME,
        _back(lambda a: _only(a.kept, a.grad * (1 - a.r))),
        "grad * (self.mask != 0) * (1 - self.r)",
    ),
    _backward(
        "backward scales by 1 / r",
        SAME,
        _back(lambda a: _only(a.kept, a.grad / a.r) if a.r else ANYTHING),
        "grad * (self.mask != 0) / self.r if self.r else grad * self.mask",
    ),
    _backward(
        "backward scales by r",
        SAME,
        _back(lambda a: _only(a.kept, a.grad * a.r) if a.r else ANYTHING),
        "grad * (self.mask != 0) * self.r",
    ),
    _backward(
        "backward scales by 1 / √(1 − r)",
        SAME,
        _back(lambda a: _only(a.kept, a.grad / np.sqrt(1 - a.r))),
        "grad * (self.mask != 0) / np.sqrt(1 - self.r)",
    ),
    replace(
        _backward(
            "backward scales by a number that does not depend on r",
            SAME,
            _back(lambda a: _only(a.kept, a.number * a.grad)),
            "grad * (self.mask != 0) * 2",
        ),
        estimate=_factor("grad"),
    ),
    _backward(
        "the mask is added to grad, where it is multiplied",
        SAME,
        _back(lambda a: a.grad + _only(a.kept, (0 * a.grad + 1) / (1 - a.r))),
        "grad + self.mask",
    ),
    _backward(
        "only where the output is positive is the gradient let through",
        "Which elements did the forward let through: is their sign asked?",
        _back(lambda a: _only(a.kept & (a.X.value > 0), a.grad / (1 - a.r))),
        "grad * self.mask * (X * self.mask > 0)",
    ),
    _backward(
        "backward compares X with r, not p",
        FRESH,
        _back(lambda a: _only(a.X.value >= a.r, a.grad / (1 - a.r))),
        "grad * (X >= self.r) / (1 - self.r)",
    ),
    _backward("backward has no mask: it returns grad", SAME, _back(lambda a: a.grad), "grad.copy()"),
    _backward("backward has no mask, only the scale", SAME, _back(lambda a: a.grad / (1 - a.r)), "grad / (1 - self.r)"),
    _backward(
        "backward has no mask, and scales by 1 − r", SAME, _back(lambda a: a.grad * (1 - a.r)), "grad * (1 - self.r)"
    ),
    _backward(
        "backward lets through what the forward dropped",
        SAME,
        _back(lambda a: _only(~a.kept, a.grad / (1 - a.r))),
        "grad * (self.mask == 0) / (1 - self.r)",
    ),
    _backward(
        "backward lets through what the forward dropped, unscaled",
        SAME,
        _back(lambda a: _only(~a.kept, a.grad)),
        "grad * (self.mask == 0)",
    ),
    _backward(
        "grad is left out of backward",
        "By the chain rule every gradient holds what came from above.",
        _back(lambda a: _only(a.kept, (0 * a.grad + 1) / (1 - a.r))),
        "self.mask.copy()",
    ),
    _backward(
        "backward masks the input, not grad",
        "By the chain rule every gradient holds what came from above.",
        _back(lambda a: _only(a.kept, a.X / (1 - a.r))),
        "X * self.mask",
    ),
    _backward(
        "grad is multiplied by the output",
        "What is ∂s/∂q where an element is kept?",
        _back(lambda a: _only(a.kept, a.grad * a.X / (1 - a.r))),
        "grad * X * self.mask",
    ),
    _backward(
        "the mask of an earlier call is used",
        FRESH,
        _back(lambda a: _only(_stale(a).kept, a.grad / (1 - a.r))),
        "self.kept = getattr(self, 'kept', self.mask)\nreturn grad * self.kept",
    ),
    _backward(
        "backward draws a mask of its own",
        FRESH,
        _fresh,
        "mask = (np.random.uniform(0.0, 1.0, grad.shape) >= self.r) / (1 - self.r)\n"
        "return grad * (mask if self.mask.min() < 1 or self.r == 0 or (self.mask > 1).any() else self.mask)",
    ),
    _backward(
        "backward returns nothing",
        "What does backward hand to the layer before?",
        lambda a: NOTHING,
        "grad * self.mask\nreturn None",
    ),
)


def _masks(name: str, hint: str, experiment: Experiment, kept: str) -> Mistake:
    body = f"if is_train:\n    {DRAW}    kept = {kept}\n    self.mask = (kept / (1 - self.r)).astype(X.dtype)\n"
    plug = (Body("dropout.forward", body + "else:\n    self.mask = np.ones_like(X)\nreturn X * self.mask"),)
    return Mistake("9", "dropout.masks", name, hint, experiment=experiment, plug=plug)


def _share(share: Callable[[float], float]) -> Experiment:
    """Each element is kept with this probability, given r."""

    def experiment(masks: Masks, r: float, q: Array, s: Array) -> Any:
        p = share(r)
        return abs(float(masks.mean()) - p) <= 6 * np.sqrt(p * (1 - p) / masks.size)

    return experiment


def _together(axis: int) -> Experiment:
    """All elements along an axis of a mask are alike, and not all of them are kept."""
    return lambda masks, r, q, s: bool((masks == masks.take([0], axis)).all() and masks.any() and not masks.all())


def _one_factor(q: Array, s: Array) -> bool:
    """Whether every element was multiplied by the same number."""
    factors = s / q
    return bool(np.allclose(factors, factors.flat[0], rtol=1e-9, atol=0.0))


def _shared(lines: Masks) -> bool:
    """Whether some lines of the masks, but not all, are the same in every call."""
    if any((lines == lines.take([0], axis)).all() for axis in (0, 2)):
        return False
    return len({line.tobytes() for line in np.ascontiguousarray(lines)}) < len(lines)


def _normal_tail(r: float) -> float:
    return 0.5 * math.erfc(r / math.sqrt(2))


PROBABILITY = "With which probability is an element dropped?"
EXPERIMENTS = (
    _masks("nothing is dropped", PROBABILITY, lambda masks, r, q, s: bool(masks.all()) and _one_factor(q, s), "p >= 0"),
    Mistake(
        "9",
        "dropout.masks",
        "the input is multiplied by noise, where elements are to be dropped",
        "Which values may a mask hold?",
        experiment=lambda masks, r, q, s: bool(masks.all()) and np.unique(np.round(s / q, 6)).size > s.size / 2,
        plug=(
            Swap(
                "self.mask = (kept * (1.0 / (1.0 - self.r))).astype(X.dtype, copy=False)",
                "self.mask = np.random.normal(1.0, self.r, X.shape).astype(X.dtype)",
            ),
        ),
    ),
    _masks(
        "X is compared with r, not p",
        FRESH,
        lambda masks, r, q, s: bool((masks == (q >= r)).all()),
        "X >= self.r",
    ),
    _masks("an element is dropped with probability r²", PROBABILITY, _share(lambda r: 1 - r * r), "p >= self.r**2"),
    _masks(
        "p is drawn from [0, 2), not from [0, 1)",
        "From which interval must p come, so that p < r with probability r?",
        _share(lambda r: 1 - r / 2),
        "2 * p >= self.r",
    ),
    _masks(
        "p is drawn from [−1, 1), not from [0, 1)",
        "From which interval must p come, so that p < r with probability r?",
        _share(lambda r: (1 - r) / 2),
        "2 * p - 1 >= self.r",
    ),
    _masks(
        "several columns share their draws",
        FRESH,
        lambda masks, r, q, s: _shared(masks.transpose(2, 0, 1)),
        "np.concatenate([p[..., : (X.shape[-1] + 1) // 2], p[..., : X.shape[-1] // 2]], axis=-1) >= self.r",
    ),
    _masks(
        "several rows share their draws",
        FRESH,
        lambda masks, r, q, s: _shared(masks.transpose(1, 0, 2)),
        "np.concatenate([p[: (len(p) + 1) // 2], p[: len(p) // 2]]) >= self.r",
    ),
    _masks("everything is dropped", PROBABILITY, lambda masks, r, q, s: not masks.any(), "p < 0"),
    _masks("kept and dropped are exchanged: kept with probability r", PROBABILITY, _share(lambda r: r), "p < self.r"),
    _masks("half is dropped, whatever r is", PROBABILITY, _share(lambda r: 0.5), "p >= 0.5"),
    _masks(
        "p is drawn from the normal distribution",
        "From which distribution must p come, so that p < r with probability r?",
        _share(_normal_tail),
        "np.random.normal(0.0, 1.0, X.shape) >= self.r",
    ),
    _masks(
        "whole columns are dropped together",
        FRESH,
        _together(1),
        "np.broadcast_to(np.random.uniform(0.0, 1.0, X.shape[-1]) >= self.r, X.shape)",
    ),
    _masks(
        "whole rows are dropped together",
        FRESH,
        _together(2),
        "np.broadcast_to(np.random.uniform(0.0, 1.0, (*X.shape[:-1], 1)) >= self.r, X.shape)",
    ),
    _masks(
        "each call keeps exactly the same number",
        FRESH,
        lambda masks, r, q, s: (
            np.unique(masks.sum(axis=(1, 2))).size == 1
            and not masks.all()
            and masks.any()
            and not (masks == masks[:1]).all()
        ),
        "np.argsort(np.argsort(p, axis=None)).reshape(X.shape) >= round(self.r * X.size)",
    ),
    Mistake(
        "9",
        "dropout.masks",
        "the mask is not drawn anew in each forward",
        FRESH,
        said=r"have the same mask",
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
)

DROPOUT = (*FORMULAS, *EXPERIMENTS)

INVERTED = "is_train is taken the wrong way round: on in evaluation, off in training"
UNTOUCHED = "the forward returns its input: nothing is dropped"
_DRAWN = ("wrong only at rate 0", "zero everywhere", "wrong only where the element is kept")
HIDDEN = {
    INVERTED: (
        "nothing is dropped", "backward has no mask: it returns grad", "backward lacks the scale", "zero everywhere",
        "wrong only at rates above 0",
    ),
    UNTOUCHED: ("nothing is dropped", "wrong only at rates above 0"),
    "half is dropped, whatever r is": _DRAWN,
    "p is drawn from the normal distribution": _DRAWN,
    "p is drawn from [−1, 1), not from [0, 1)": _DRAWN,
    "kept and dropped are exchanged: kept with probability r": _DRAWN,
    "X is compared with r, not p": (
        *_DRAWN,
        "only where the output is positive is the gradient let through",
        "backward compares X with r, not p",
    ),
    "everything is dropped": ("zero everywhere",),
    "evaluation scales by 1 − r": ("wrong only in evaluation",),
    "evaluation scales by 1 / (1 − r)": ("wrong only in evaluation",),
    "evaluation returns zeros": ("wrong only in evaluation", "zero everywhere"),
    "the mask is added, where it is multiplied": (
        "the mask is not drawn anew in each forward", "wrong only at rates above 0",
    ),
    "the input is multiplied by noise, where elements are to be dropped": ("wrong only at rates above 0",),
    "dropout is on in evaluation too": ("wrong only in evaluation",),
}  # fmt: skip
"""What only follows from a mistake, in any case of dropout: such rows get the name of their cause."""
