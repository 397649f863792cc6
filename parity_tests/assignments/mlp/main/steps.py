"""Replays the steps of a run: each update compared with torch's, from the weights recorded before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.main.main_run import Array, MainRun, Weights
from parity_tests.assignments.mlp.main.run import Update
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.assignments.mlp.network.answers import Step, training_step
from parity_tests.harness.compare import compare, compare_each, shape_text
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Returned
from reference.answer import Answer
from reports.model.verdicts import Verdict

MOST_KINKS = 4
"""At how many pre-activations of one hidden unit within their radius of 0 both sides of each are tried."""

OF_UNITS = ("L1_W", "L1_b")
"""The weights whose columns are those of one hidden unit each."""


@dataclass(frozen=True)
class Replayed:
    """One update compared with the step that the assignment asks for; the worst parameter stands for all four."""

    index: int
    update: Update
    verdict: str  # match, mismatch or undecided
    worst: Comparison
    parameter: str
    bad: int
    total: int
    undecided: int = 0


@dataclass(frozen=True)
class Steps:
    """The updates of a run that can be replayed, in order; `unknown` says of each other one why it cannot."""

    known: tuple[Replayed, ...]
    unknown: tuple[tuple[int, str], ...] = ()

    @cached_property
    def wrong(self) -> list[Replayed]:
        """Those that are not torch's step."""
        return [step for step in self.known if step.verdict == Verdict.MISMATCH]

    @cached_property
    def wrong_indices(self) -> set[int]:
        """The indices of those among all updates."""
        return {step.index for step in self.wrong}

    def at(self, index: int) -> Replayed | None:
        """The update of an index among all, None where it cannot be replayed."""
        return next((step for step in self.known if step.index == index), None)

    @property
    def shown(self) -> Replayed:
        """What stands for all: the first wrong one, else the first undecided one, else that of the largest ratio."""
        undecided = [step for step in self.known if step.verdict == Verdict.UNDECIDED]
        return (self.wrong or undecided or [max(self.known, key=lambda step: _size(step.worst))])[0]


def replayed(main: MainRun) -> Steps:
    """Every update that can be replayed, compared with torch's step; torch makes those of one shape side by side.

    A `main` that does not stop is judged by its first steps; their number is a quantity of its own.
    """
    known: list[Replayed] = []
    unknown: list[tuple[int, str]] = []
    by_shapes: dict[tuple[Any, ...], list[_Question]] = {}
    for index, update in enumerate(main.run.updates[: 2 * main.config.epochs * main.steps]):
        question = _question(main, index, update)
        if isinstance(question, str):
            unknown.append((index, question))
        else:
            shapes = question.X.shape, question.mask is None, question.weights["L1_W"].shape
            by_shapes.setdefault(shapes, []).append(question)
    for group in by_shapes.values():
        step = _step(main, _stacked(group), None)
        by_name = {
            name: compare_each([Returned("array", question.got[name], "") for question in group], step.weights[name])
            for name in WEIGHT_NAMES
        }
        for t, question in enumerate(group):
            replayed = _compared(question, {name: by_name[name][t] for name in WEIGHT_NAMES})
            if replayed.verdict == Verdict.MISMATCH:
                replayed = _otherwise(main, question, step.kinks[t], replayed)
            known.append(replayed)
    return Steps(tuple(sorted(known, key=lambda step: step.index)), tuple(unknown))


def _otherwise(main: MainRun, question: _Question, kinks: NDArray[np.bool_], replayed: Replayed) -> Replayed:
    """The same update, explained by the sides of kinks, or found in weights that were seen later, where it is."""
    if kinks.any():
        replayed = _on_some_side(main, question, kinks)
    for after in question.update.later if replayed.verdict == Verdict.MISMATCH else ():
        update = replace(question.update, after=after, later=())
        found = _on_some_side(main, replace(question, update=update, got=main.run.at(after)), kinks)
        if found.verdict != Verdict.MISMATCH:
            return found
    return replayed


@dataclass(frozen=True)
class _Question:
    """What torch is asked for an update, and the weights after it; or the same of many, with a leading dimension."""

    index: int
    update: Update
    weights: Weights
    X: Array
    y: Array
    mask: Array | None
    eta: Array
    velocity: Weights
    previous: Weights
    got: Weights


def _question(main: MainRun, index: int, update: Update) -> _Question | str:
    """What torch is asked for an update, or why that is not known."""
    inputs, last = main.inputs(update), main.last_change(index)
    if inputs is None:
        return "no forward of rows of the training set belongs to it"
    if not main.sound(update.before):
        return "the weights before it are not finite, or not of the shapes that are expected"
    if update.after < 0 or (index and last is None):
        return "the weights around it, or around the step before it, are not known"
    X, y, mask = inputs
    shape = (len(X), main.width(update.before))
    if mask is not None and mask.shape != shape:
        return f"dropout gives an array of shape {shape_text(mask.shape)}, where {shape_text(shape)} belongs"
    weights, got = main.run.at(update.before), main.run.at(update.after)
    zeros = {name: np.zeros_like(w) for name, w in weights.items()}
    velocity, previous = last or (zeros, zeros)
    eta = np.array(main.config.eta_of(update.epoch))
    return _Question(index, update, weights, X, y, mask, eta, velocity, previous, got)


def _stacked(group: Sequence[_Question]) -> _Question:
    def tensors(field: str) -> Weights:
        return {name: np.stack([getattr(one, field)[name] for one in group]) for name in WEIGHT_NAMES}

    masks = [one.mask for one in group if one.mask is not None]
    return replace(
        group[0],
        X=np.stack([one.X for one in group]),
        y=np.stack([one.y for one in group]),
        eta=np.stack([one.eta for one in group]),
        mask=np.stack(masks) if masks else None,
        weights=tensors("weights"),
        velocity=tensors("velocity"),
        previous=tensors("previous"),
    )


def _step(main: MainRun, question: _Question, side: NDArray[np.bool_] | None) -> Step:
    config, eta = main.config, question.eta
    return training_step(
        question.weights,
        question.X,
        question.y,
        question.mask,
        activation=config.activation,
        alpha=config.alpha,
        lam=config.lam,
        eta=eta if eta.ndim else float(eta),
        velocity=question.velocity,
        previous=question.previous,
        side=side,
        device=main.device,
    )


def _on_some_side(main: MainRun, question: _Question, kinks: NDArray[np.bool_]) -> Replayed:
    """The same update compared with torch's step on that side of each kink which explains it, where one does.

    A kink moves the weights of its own hidden unit in L1 and no others, so each unit is held against its own sides.
    Those of a unit with more kinks than are tried cannot be told right from wrong.
    """
    of_unit, number = kinks.sum(axis=0), np.maximum(np.cumsum(kinks, axis=0) - 1, 0)
    answers: dict[str, Answer] = {}
    unexplained = np.ones(len(of_unit), np.bool_)
    for sides in (None, *range(2 ** int(of_unit[of_unit <= MOST_KINKS].max(initial=0)))):  # None: torch's own
        step = _step(main, question, None if sides is None else kinks & ((sides >> number) & 1).astype(np.bool_))
        answers = answers or {
            name: replace(answer, value=answer.value.copy(), radius=answer.radius.copy())
            for name, answer in step.weights.items()
        }
        now = unexplained & np.all([_near(question.got[name], step.weights[name]) for name in OF_UNITS], axis=0)
        for name in OF_UNITS:
            answers[name].value[:, now] = step.weights[name].value[:, now]
            answers[name].radius[:, now] = step.weights[name].radius[:, now]
        unexplained &= ~now
    for name in OF_UNITS:
        answers[name].radius[:, unexplained & (of_unit > MOST_KINKS)] = np.inf
    return _compared(
        question, {name: compare(Returned("array", question.got[name], ""), answers[name]) for name in WEIGHT_NAMES}
    )


def _near(got: Array, answer: Answer) -> NDArray[np.bool_]:
    """For each hidden unit, whether its weights in L1 are within their radii."""
    return np.asarray((np.abs(got - answer.value) <= answer.radius).all(axis=0))


def _compared(question: _Question, parameters: Mapping[str, Comparison]) -> Replayed:
    """One update, of which the four parameters were compared."""
    worst = max(parameters, key=lambda name: (_RANKS[parameters[name].verdict], _size(parameters[name])))
    return Replayed(
        question.index,
        question.update,
        parameters[worst].verdict,
        parameters[worst],
        worst,
        sum(one.bad or 0 for one in parameters.values()),
        sum(value.size for value in question.got.values()),
        sum(one.undecided or 0 for one in parameters.values()),
    )


_RANKS: dict[str, int] = {Verdict.MATCH: 0, Verdict.UNDECIDED: 1, Verdict.MISMATCH: 2}
"""The verdicts on a parameter, the one that stands for all four last."""


def _size(comparison: Comparison) -> float:
    """A ratio for comparing: NaN and None are the largest."""
    ratio = comparison.ratio
    return float("inf") if ratio is None or not np.isfinite(ratio) else ratio
