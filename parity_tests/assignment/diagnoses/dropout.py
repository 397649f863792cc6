"""Known mistakes of dropout (TODO 9): formulas for given masks, and what the experiments on its masks say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignment.diagnoses.base import ANYTHING, NOTHING, Asked, Body, Formula, Mistake
from parity_tests.assignment.running import Running, where

Masks = NDArray[np.bool_]
Experiment = Callable[[Masks, float], Any]
"""(masks, calls×N×M; r) → whether they were drawn in this way."""

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

    def whole(a: Asked) -> object:
        if a.evaluating:
            return a.X
        return None if a.wrong and not a.kept.any() else formula(a)

    return whole


def _back(formula: Formula) -> Formula:
    """A mistake of training; nobody asks for a backward after an evaluation."""
    return lambda a: ANYTHING if a.evaluating else formula(a)


def _fresh(a: Asked) -> object:
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


def _stale(a: Asked) -> Asked:
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
    _evaluation(
        "dropout is on in evaluation too",
        "What does is_train=False ask for?",
        lambda a: (
            (None if a.got is None or (a.got != 0).all() else _only(a.got != 0, a.X / (1 - a.r)))
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

    def experiment(masks: Masks, r: float) -> Any:
        p = share(r)
        return abs(float(masks.mean()) - p) <= 6 * np.sqrt(p * (1 - p) / masks.size)

    return experiment


def _together(axis: int) -> Experiment:
    """All elements along an axis of a mask are alike, and not all of them are kept."""
    return lambda masks, r: bool((masks == masks.take([0], axis)).all() and masks.any() and not masks.all())


def _normal_tail(r: float) -> float:
    return 0.5 * math.erfc(r / math.sqrt(2))


PROBABILITY = "With which probability is an element dropped?"
EXPERIMENTS = (
    _masks("nothing is dropped", PROBABILITY, lambda masks, r: bool(masks.all()), "p >= 0"),
    _masks("everything is dropped", PROBABILITY, lambda masks, r: not masks.any(), "p < 0"),
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
        lambda masks, r: (
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
