"""Reproductions of SGD (TODO 1): weights after a few steps, what the function returns, what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.inside.homework_names import FULL, SGD_NAMES, SGD_PARAMETERS
from parity_tests.assignments.mlp.kinds.sgd import FIRST, TRAININGS, Weight, etas, weights
from parity_tests.harness.draft import Draft, compared, equal, shaped
from parity_tests.harness.failing_case import Arrays, FailingCase, Trial, literal, numbers, sized
from parity_tests.protocol.case import Case
from parity_tests.protocol.quantity import Key
from reference import sgd
from reports.model.verdicts import Verdict

FIND_SGD = f'sgd = getattr(nn, "{SGD_NAMES[0]}", None) or nn.{SGD_NAMES[1]}'
ARGUMENTS = {edition: ", ".join(parameters[1:]) for edition, parameters in SGD_PARAMETERS.items()}
FEW_STEPS = ([0.5], [0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.25], [0.5, 0.5, 0.25], [0.5, 0.5, 0.5, 0.25])


def call(eta: str, edition: str, model: str = "model", momentum: str = "momentum") -> list[str]:
    """The lines that call SGD: in other editions than this one's, with as many arguments as the function takes."""
    if edition == FULL:
        arguments = ARGUMENTS[FULL].replace("eta", eta).replace("momentum", momentum)
        return [f"returned = sgd({model}, {arguments})"]
    given = []
    for other, parameters in SGD_PARAMETERS.items():
        arguments = ARGUMENTS[other].replace("eta", eta).replace("momentum", momentum)
        given.append(f"{len(parameters)}: ({arguments},)")
    return [
        f"given = {{{', '.join(given)}}}[sgd.__code__.co_argcount]  # by the edition",
        f"returned = sgd({model}, *given)",
    ]


def trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    """From one step with single numbers to five steps and small arrays; with the other models at last."""
    training = _training(key)
    for trainings in sorted({1, case.params["trainings"]}):
        if training >= trainings:
            continue
        for few in FEW_STEPS:
            for shape in ((1, 1), (1, 2), (2, 2)):
                layers = [[layer, name, *shape] for layer, name, *_ in case.params["layers"]]
                smaller = _of_trainings(sized(case, etas=[[eta, 1] for eta in few], layers=layers), trainings)
                yield smaller, _arrays(smaller)
    alone = _of_trainings(case, 1)
    if training == 0:
        yield alone, {name: array if array.dtype.kind != "f" else np.round(array, 1) for name, array in drawn.items()}
        yield alone, drawn
    yield case, drawn


def _training(key: Key) -> int:
    return next((t for t, name in enumerate(TRAININGS) if name and key.name.endswith(f"_{name}")), 0)


def _of_trainings(case: Case, count: int) -> Case:
    """The case with so many trainings, and what they are asked."""
    smaller = sized(case, trainings=count)
    arrays = {w.array for w in weights(smaller.params)}
    return replace(smaller, quantities=tuple(q for q in case.quantities if not q.key.name or q.key.name in arrays))


def _arrays(case: Case) -> Arrays:
    arrays: Arrays = {}
    for i, w in enumerate(weights(case.params)):
        arrays[w.array] = numbers(w.shape, i, case.dtype)
        arrays[f"{w.array}_gradient"] = numbers((len(etas(case.params)), *w.shape), i + 3, case.dtype)
    return arrays


def drafts(failing: FailingCase) -> Iterator[Draft]:
    """A model of one layer, or of all where that matters, whose gradients are given."""
    if failing.comparison.finding == Found.OTHER_SIGNATURE:
        want = f"{len(SGD_PARAMETERS[failing.edition])} parameters"
        ask = [FIND_SGD, 'got = f"{len(inspect.signature(sgd).parameters)} parameters"']
        yield Draft([], ask, equal(repr(want)), imports=["inspect"])
        return
    params = failing.case.params
    own = next(w for w in weights(params) if w.array == (failing.quantity.key.name or FIRST))
    every = {w.name for w in weights(params)}
    for names in ({own.name}, every):
        for velocities in (False, True) if params["alpha"] <= 0 else (True,):
            yield _Script(failing, own, names, velocities).draft()


class _Script:
    """The lines of one draft: a model for each training, whose layers are those of these names."""

    def __init__(self, failing: FailingCase, own: Weight, names: set[str], velocities: bool) -> None:
        self._failing, self._own, self._velocities = failing, own, velocities
        params = failing.case.params
        rates = etas(params)
        last = failing.comparison.step or len(rates)
        self._etas = rates[:last] if params["trainings"] == 1 else rates
        self._last = last
        self._weights = [w for w in weights(params) if w.name in names]
        self._modules = [name for name in params["modules"] if name in names or not self._is_layer(name)]

    def draft(self) -> Draft:
        """The draft: what is given, what is asked, and torch's side."""
        failing, own, one = self._failing, self._own, len(self._etas) == 1
        key = failing.quantity.key.name
        ask = ["class Module: pass", FIND_SGD]
        trainings = sorted({w.training for w in self._weights})
        for t in trainings[:2]:
            ask += self._model(t)
        steps = [line for t in trainings[:2] for line in self._step(t, keep=t == own.training)]
        ask += steps if one else ["for t, eta in enumerate(etas):", *(f"    {line}" for line in steps)]
        if own.training == 2:
            ask += self._begin(2)
            steps = self._step(2, keep=True)
            ask += steps if one else ["for t, eta in enumerate(etas):", *(f"    {line}" for line in steps)]
        if not key:
            ask += [
                'got = "the model" if returned is model else "nothing" if returned is None else type(returned).__name__'
            ]
            return Draft(self._given(), ask, equal('"the model"'), verdict=failing.verdict)
        if failing.verdict != Verdict.MISMATCH:
            return Draft(self._given(), ask, verdict=failing.verdict)
        if failing.comparison.arrays is None and failing.comparison.verdict != Verdict.MISSING:
            return Draft(self._given(), ask, shaped(own.shape))
        lines = [*self._want(), *compared(self._radius(), failing.comparison.gap)]
        return Draft(self._given(), ask, lines)

    def _given(self) -> list[str]:
        p, arrays, one = self._failing.case.params, self._failing.arrays, len(self._etas) == 1
        rates = self._etas[0] if one else self._etas
        given = [f"alpha, lam, {'eta' if one else 'etas'} = {p['alpha']}, {p['lam']}, {rates}"]
        for w in self._weights:
            if w.training == 2 and self._own.training != 2:
                continue
            gradients = arrays[f"{w.array}_gradient"][: len(self._etas)]
            given += [literal(w.array, arrays[w.array])]
            given += [literal(f"{w.array}_gradient{'' if one else 's'}", gradients[0] if one else gradients)]
        return given

    def _model(self, t: int) -> list[str]:
        """The model of a training; those after the first have an ending."""
        model = f"model{self._end(t)}"
        made = ", ".join(f"{name!r}: Module()" for name in self._modules)
        return [f"{model} = {{{made}}}", *self._begin(t)]

    def _begin(self, t: int) -> list[str]:
        """Weights and velocities at the beginning of a training; the last one goes on with the first model."""
        of_training = [w for w in self._weights if w.training == t]
        model = f"model{self._end(t % 2)}"
        lines = []
        for name in dict.fromkeys(w.name for w in of_training):
            params = ", ".join(f'"{w.key}": {w.array}.copy()' for w in of_training if w.name == name)
            lines += [f"{model}[{name!r}].params = {{{params}}}"]
        velocities = ", ".join(f'"{w.name}_{w.key}": 0 * {w.array}' for w in of_training)
        return [*lines, f"momentum{self._end(t)} = {f'{{{velocities}}}' if self._velocities else 'None'}"]

    def _step(self, t: int, *, keep: bool) -> list[str]:
        """A step of a training, which gives its model the gradients; `keep` what becomes of the weight in question."""
        one = len(self._etas) == 1
        of_training = [w for w in self._weights if w.training == t]
        model = f"model{self._end(t % 2)}"
        lines = []
        for name in dict.fromkeys(w.name for w in of_training):
            at = "gradient" if one else "gradients[t]"
            gradient = ", ".join(f'"{w.key}": {w.array}_{at}.copy()' for w in of_training if w.name == name)
            lines += [f"{model}[{name!r}].gradient = {{{gradient}}}"]
        lines += call("eta", self._failing.edition, model, f"momentum{self._end(t)}")
        if keep and self._failing.quantity.key.name:
            got = f'{model}[{self._own.name!r}].params["{self._own.key}"]'
            is_last = one or self._last == len(self._etas)
            lines += [f"got = {got}"] if is_last else [f"if t == {self._last - 1}:", f"    got = {got}.copy()"]
        return lines

    def _want(self) -> list[str]:
        own = self._own.array
        if len(self._etas) == 1:
            return [
                f"w, g = torch.tensor({own}), torch.tensor({own}_gradient)",
                "want = (w - eta * (g + lam * w)).numpy()  # the velocity was 0",
            ]
        until = "" if self._last == len(self._etas) else f"[:{self._last}]"
        return [
            f"w, v = torch.tensor({own}), 0.0",
            f"for t, eta in enumerate(etas{until}):",
            f"    g = torch.tensor({own}_gradients[t]) + lam * w",
            f"    v = {'alpha * v' if self._failing.case.params['alpha'] > 0 else '0'} - eta * g",
            "    w = w + v",
            "want = w.numpy()",
        ]

    def _radius(self) -> Any:
        """What rounding explains; a function that does nothing left no numbers that it was judged by."""
        if self._failing.comparison.arrays is not None:
            return self._failing.comparison.arrays[2]
        arrays, params, own = self._failing.arrays, self._failing.case.params, self._own.array
        gradients, rates = arrays[f"{own}_gradient"][: self._last], self._etas[: self._last]
        answers = sgd.steps(arrays[own], gradients, rates, alpha=params["alpha"], lam=params["lam"])
        return answers.radius[-1]

    def _is_layer(self, name: str) -> bool:
        return any(name == other for _, other, *_ in self._failing.case.params["layers"])

    def _end(self, t: int) -> str:
        return f"_{TRAININGS[t]}" if TRAININGS[t] else ""
