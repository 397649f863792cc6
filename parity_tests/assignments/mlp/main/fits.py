"""Fits a step's change of weights by the right formula or a wrong one, to see whether that explains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from parity_tests.assignments.mlp.main.closeness import EXPLAINS
from parity_tests.assignments.mlp.main.main_run import CLASSES, Array, MainRun, Weights
from parity_tests.assignments.mlp.main.steps import Replayed
from parity_tests.assignments.mlp.main.wiring import RIGHT, Wiring, gradients
from parity_tests.assignments.mlp.names import WEIGHT_NAMES


@dataclass(frozen=True)
class Fit:
    """The change of weights as a·υ − b·g − c·w, and whether that explains it."""

    a: float
    b: float
    c: float
    explains: bool


NOTHING = Fit(0, 0, 0, False)


def explained(main: MainRun, step: Replayed, wiring: Wiring = RIGHT, of: Replayed | None = None) -> Fit:
    """The fit of a step's change, its gradient wired as `wiring` says (`of`: the gradient of another step)."""
    source = (of or step).update
    inputs = main.inputs(source)
    if inputs is None or source.pass_ is None:
        return NOTHING
    X, y, mask = inputs
    labels = source.pass_.labels if wiring.given_labels else None
    if labels is not None:
        if len(labels) != len(X) or not all(0 <= label < CLASSES for label in labels):
            return NOTHING
        y = np.array(labels)
    weights = main.run.at(source.before)
    return fitted(main, step, gradients(weights, X, y, mask, main.config.activation, wiring))


def fitted(main: MainRun, step: Replayed, gradient: Mapping[str, Array]) -> Fit:
    """The fit of a step's change by this gradient."""
    weights = _flat(main.run.at(step.update.before))
    with np.errstate(all="ignore"):
        change = _flat(main.run.at(step.update.after)) - weights
        return _fit(change, _flat(velocity(main, step)), _flat(gradient), weights)


def velocity(main: MainRun, step: Replayed) -> Weights:
    """The velocity that a step starts with: the change of weights before it, zero at the first and without α."""
    last = main.last_change(step.index)
    if last is None or main.config.alpha <= 0:
        return {name: np.zeros_like(w) for name, w in main.run.at(step.update.before).items()}
    return last[0]


def _flat(tensors: Mapping[str, Array]) -> Array:
    return np.concatenate([np.asarray(tensors[name], np.float64).reshape(-1) for name in WEIGHT_NAMES])


def _fit(change: Array, velocity: Array, gradient: Array, weights: Array) -> Fit:
    """Least squares over all parameters; a coefficient whose regressor is zero is 0."""
    regressors = np.stack([velocity, -gradient, -weights], axis=1)
    norms = np.sqrt((regressors**2).sum(axis=0))
    used = norms > 0
    coefficients = np.zeros(3)
    if used.any() and np.isfinite(regressors).all() and np.isfinite(change).all():
        solved = np.linalg.lstsq(regressors[:, used] / norms[used], change, rcond=None)[0]
        coefficients[used] = solved / norms[used]
    left = float(np.linalg.norm(change - regressors @ coefficients))
    a, b, c = (float(value) for value in coefficients)
    return Fit(a, b, c, bool(left <= EXPLAINS * float(np.linalg.norm(change))))
