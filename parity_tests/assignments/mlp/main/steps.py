"""Replays the steps of a run: each update held against torch's, from the weights recorded before it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.main.replay import Update
from parity_tests.assignments.mlp.main.watched import Array, Watched, Weights
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.assignments.mlp.network.answers import Step, training_step
from parity_tests.harness.compare import compare, compare_each
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.observation import Returned

MOST_KINKS = 4
"""At how many pre-activations within their radius of 0 both sides of each are tried."""


@dataclass(frozen=True)
class Replayed:
    """One update held against the step that the assignment asks for; the worst parameter stands for all four."""

    index: int
    update: Update
    verdict: str  # "match", "mismatch" or "undecided"
    worst: Comparison
    parameter: str
    bad: int
    total: int


@dataclass(frozen=True)
class Steps:
    """The updates of a run that can be replayed, in order."""

    known: tuple[Replayed, ...]

    @cached_property
    def wrong(self) -> list[Replayed]:
        """Those that are not torch's step."""
        return [step for step in self.known if step.verdict == "mismatch"]

    @cached_property
    def wrong_indices(self) -> set[int]:
        """The places of those among all updates."""
        return {step.index for step in self.wrong}

    def at(self, index: int) -> Replayed | None:
        """The update at a place among all, None where it cannot be replayed."""
        return next((step for step in self.known if step.index == index), None)

    @property
    def shown(self) -> Replayed:
        """What stands for all: the first wrong one, else the first undecided one, else that of the largest ratio."""
        undecided = [step for step in self.known if step.verdict == "undecided"]
        return (self.wrong or undecided or [max(self.known, key=lambda step: _size(step.worst))])[0]


def replayed(watched: Watched) -> Steps:
    """Every update that can be replayed held against torch's step, those of one shape side by side.

    A `main` that does not stop is judged by its first steps; their number is a quantity of its own.
    """
    known: list[Replayed] = []
    alike: dict[tuple[Any, ...], list[_Asked]] = {}
    for index, update in enumerate(watched.run.updates[: 2 * watched.config.epochs * watched.steps]):
        asked = _asked(watched, index, update)
        if asked is not None:
            alike.setdefault((asked.X.shape, asked.mask is None, asked.weights["L1_W"].shape), []).append(asked)
    for group in alike.values():
        step = _step(watched, _stacked(group), None)
        by_name = {
            name: compare_each([Returned("array", asked.got[name], "") for asked in group], step.weights[name])
            for name in WEIGHT_NAMES
        }
        for t, asked in enumerate(group):
            held = _held(asked, {name: by_name[name][t] for name in WEIGHT_NAMES})
            if held.verdict == "mismatch" and step.kinks[t].any():
                held = _on_some_side(watched, asked, step.kinks[t], held)
            known.append(held)
    return Steps(tuple(sorted(known, key=lambda held: held.index)))


@dataclass(frozen=True)
class _Asked:
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


def _asked(watched: Watched, index: int, update: Update) -> _Asked | None:
    """What torch is asked for an update, None where that is not known."""
    inputs, last = watched.inputs(update), watched.last_change(index)
    if inputs is None or not watched.sound(update.before) or update.after < 0 or (index and last is None):
        return None
    X, y, mask = inputs
    if mask is not None and mask.shape != (len(X), watched.width(update.before)):
        return None
    weights, got = watched.run.at(update.before), watched.run.at(update.after)
    zeros = {name: np.zeros_like(w) for name, w in weights.items()}
    velocity, previous = last or (zeros, zeros)
    eta = np.array(watched.config.eta_of(update.epoch))
    return _Asked(index, update, weights, X, y, mask, eta, velocity, previous, got)


def _stacked(group: Sequence[_Asked]) -> _Asked:
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


def _step(watched: Watched, asked: _Asked, side: NDArray[np.bool_] | None) -> Step:
    config, eta = watched.config, asked.eta
    return training_step(
        asked.weights,
        asked.X,
        asked.y,
        asked.mask,
        activation=config.activation,
        alpha=config.alpha,
        lam=config.lam,
        eta=eta if eta.ndim else float(eta),
        velocity=asked.velocity,
        previous=asked.previous,
        side=side,
        device=watched.device,
    )


def _on_some_side(watched: Watched, asked: _Asked, kinks: NDArray[np.bool_], held: Replayed) -> Replayed:
    """The same update held against torch's step on either side of each kink, where one side of each fits."""
    places = np.argwhere(kinks)
    if len(places) > MOST_KINKS:
        return replace(held, verdict="undecided")
    for sides in itertools.product((False, True), repeat=len(places)):
        side = np.zeros(kinks.shape, np.bool_)
        side[tuple(places.T)] = sides
        step = _step(watched, asked, side)
        found = {name: compare(Returned("array", asked.got[name], ""), step.weights[name]) for name in WEIGHT_NAMES}
        tried = _held(asked, found)
        if tried.verdict == "match":
            return tried
    return held


def _held(asked: _Asked, found: Mapping[str, Comparison]) -> Replayed:
    """The four parameters compared."""
    parameter = max(found, key=lambda name: (found[name].verdict != "match", _size(found[name])))
    return Replayed(
        asked.index,
        asked.update,
        "match" if all(one.verdict == "match" for one in found.values()) else "mismatch",
        found[parameter],
        parameter,
        sum(one.bad or 0 for one in found.values()),
        sum(value.size for value in asked.got.values()),
    )


def _size(found: Comparison) -> float:
    """A ratio for comparing: NaN and None are the largest."""
    return float("inf") if found.ratio is None or not np.isfinite(found.ratio) else found.ratio
