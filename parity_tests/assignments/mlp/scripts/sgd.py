"""Scripts of SGD: weights after a few steps of models whose gradients are given, and what the function returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.inside.homework_names import FULL, SGD_NAMES, SGD_PARAMETERS
from parity_tests.assignments.mlp.kinds.sgd import FIRST, TRAININGS, Weight, etas, weights
from parity_tests.harness.draft import Draft, equal
from parity_tests.harness.failing_case import Arrays, FailingCase
from parity_tests.harness.script_maker import Shown
from parity_tests.protocol.kind import Params
from parity_tests.protocol.quantity import Key
from reports.model.verdicts import Verdict

FIND_SGD = f'sgd = getattr(nn, "{SGD_NAMES[0]}", None) or nn.{SGD_NAMES[1]}'
FEW_STEPS = ([0.5], [0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.25], [0.5, 0.5, 0.5, 0.25])
RETURNED = '"the model" if returned is {model} else "nothing" if returned is None else type(returned).__name__'


def call(edition: str, model: str = "model", momentum: str = "momentum") -> list[str]:
    """The lines that call SGD: in other editions than this one's, with as many arguments as the function takes."""
    arguments = {len(names): ", ".join(names[1:]) for names in SGD_PARAMETERS.values()}
    if edition == FULL:
        return [f"returned = sgd({model}, {arguments[5]})".replace("momentum", momentum)]
    given = ", ".join(f"{count}: ({names},)" for count, names in arguments.items()).replace("momentum", momentum)
    lines = [f"given = {{{given}}}[sgd.__code__.co_argcount]  # by the edition"]
    return [*lines, f"returned = sgd({model}, *given)"]


def _smaller(params: Params, drawn: Arrays, key: Key) -> Iterator[tuple[Params, Arrays]]:
    """From one step with single numbers to five steps and small arrays; with the other models at last."""
    training = next((t for t, name in enumerate(TRAININGS) if name and key.name.endswith(f"_{name}")), 0)
    for trainings in sorted({1, params["trainings"]}):
        if training < trainings:
            for few in FEW_STEPS:
                for D, M in ((1, 1), (1, 2), (2, 2)):
                    layers = [[layer, name, D, M] for layer, name, *_ in params["layers"]]
                    rates = [[eta, 1] for eta in few]
                    yield {**params, "trainings": trainings, "etas": rates, "layers": layers}, {}
            yield {**params, "trainings": trainings}, {}


def _drafts(failing: FailingCase) -> Iterator[Draft]:
    """A model of one layer, or of all where that matters; with velocities of None first, where α is 0."""
    if failing.comparison.finding == Found.OTHER_SIGNATURE:
        ask = [FIND_SGD, 'actual = f"{len(inspect.signature(sgd).parameters)} parameters"']
        yield Draft([], ask, equal(f'"{len(SGD_PARAMETERS[failing.edition])} parameters"'), imports=["inspect"])
        return
    found = weights(failing.case.params)
    own = next(w for w in found if w.array == (failing.key.name or FIRST))
    for layers in ({own.name}, {w.name for w in found}):
        for zeros in (False, True) if failing.case.params["alpha"] <= 0 else (True,):
            yield _draft(failing, own, [w for w in found if w.name in layers], zeros)


def _draft(failing: FailingCase, own: Weight, asked: Sequence[Weight], zeros: bool) -> Draft:
    params, rates = failing.case.params, etas(failing.case.params)
    last = failing.comparison.step or len(rates)
    rates = rates[:last] if own.training < 2 else rates
    layers = {name for _, name, *_ in params["layers"]}
    modules = [name for name in params["modules"] if name not in layers or any(w.name == name for w in asked)]
    given = [f"alpha, lam, etas = {params['alpha']}, {params['lam']}, {rates}"]
    ask = ["class Module: pass", FIND_SGD]

    def of(t: int) -> tuple[str, str, list[Weight]]:
        """The names of a training's model and velocities, and its weights; the last goes on with the first model."""
        end = [f"_{name}" if name else "" for name in TRAININGS]
        return f"model{end[t % 2]}", f"momentum{end[t]}", [w for w in asked if w.training == t]

    def begin(t: int) -> list[str]:
        model, momentum, found = of(t)
        starts = ", ".join(f'"{w.name}_{w.key}": 0 * {w.array}' for w in found)
        return [*_set(model, "params", found, "{}.copy()"), f"{momentum} = {f'{{{starts}}}' if zeros else 'None'}"]

    def step(t: int) -> list[str]:
        model, momentum, found = of(t)
        return [*_set(model, "gradient", found, "{}_gradient[t].copy()"), *call(failing.edition, model, momentum)]

    in_turn = sorted({w.training for w in asked} & {0, 1})
    for t in in_turn:
        ask += [f"{of(t)[0]} = {{{', '.join(f'{name!r}: Module()' for name in modules)}}}", *begin(t)]
    ask += ["for t, eta in enumerate(etas):", *(f"    {line}" for t in in_turn for line in step(t))]
    if own.training == 2:
        ask += [*begin(2), f"for t, eta in enumerate(etas[:{last}]):", *(f"    {line}" for line in step(2))]
    if not failing.key.name or failing.comparison.verdict == Verdict.MISSING:
        ask += [f"actual = {RETURNED.format(model=of(own.training)[0])}"]
        return failing.draft(ask, [], given=given, end=equal('"the model"'))
    expected = [
        f"w, v = torch.tensor({own.array}), 0.0",
        f"for t, eta in enumerate(etas[:{last}]):",
        f"    g = torch.tensor({own.array}_gradient[t]) + lam * w",
        f"    v = {'alpha * v' if params['alpha'] > 0 else '0'} - eta * g",
        "    w = w + v",
        "expected = w.numpy()",
    ]
    actual = f'actual = {of(own.training)[0]}[{own.name!r}].params["{own.key}"]'
    return failing.draft([*ask, actual], expected, given=given)


def _set(model: str, attribute: str, found: Sequence[Weight], value: str) -> list[str]:
    """Lines that give each layer its arrays."""
    by_layer: dict[str, list[Any]] = {}
    for w in found:
        by_layer.setdefault(w.name, []).append(f'"{w.key}": {value.format(w.array)}')
    return [f"{model}[{name!r}].{attribute} = {{{', '.join(given)}}}" for name, given in by_layer.items()]


KINDS = {"sgd": Shown(_drafts, _smaller)}
