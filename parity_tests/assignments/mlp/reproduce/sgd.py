"""Reproductions of SGD (TODO 1): weights after a few steps, what the function returns, what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity_tests.assignments.mlp.inside.homework_names import FULL, SGD_NAMES, SGD_PARAMETERS
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.assignments.mlp.reproduce.draft import Draft, compared, equal, shaped
from parity_tests.assignments.mlp.reproduce.failing_case import (
    Arrays,
    FailingCase,
    Trial,
    literal,
    numbers,
    rounded,
    sized,
)
from parity_tests.protocol.case import Case
from reference import sgd

FIND_SGD = f'sgd = getattr(nn, "{SGD_NAMES[0]}", None) or nn.{SGD_NAMES[1]}'
ARGUMENTS = {edition: ", ".join(parameters[1:]) for edition, parameters in SGD_PARAMETERS.items()}
NO_PARAMETERS = '"nonlinear1": Module()'


def call(eta: str, edition: str) -> list[str]:
    """The lines that call SGD: in other editions than this one's, with as many arguments as the function takes."""
    if edition == FULL:
        return [f"returned = sgd(model, {ARGUMENTS[FULL].replace('eta', eta)})"]
    given = []
    for other, parameters in SGD_PARAMETERS.items():
        given.append(f"{len(parameters)}: ({ARGUMENTS[other].replace('eta', eta)},)")
    return [
        f"given = {{{', '.join(given)}}}[sgd.__code__.co_argcount]  # by the edition",
        "returned = sgd(model, *given)",
    ]


def trials(case: Case, drawn: Arrays) -> Iterator[Trial]:
    """From one step with single numbers to five steps and small arrays."""
    for etas in ([0.5], [0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.25], [0.5, 0.5, 0.25], [0.5, 0.5, 0.5, 0.25]):
        for shape in ((1, 1), (1, 2), (2, 2)):
            arrays: Arrays = {}
            for i, name in enumerate(WEIGHT_NAMES):
                own = (1, shape[1]) if name.endswith("b") else shape
                arrays[name] = numbers(own, i, case.dtype)
                arrays[f"{name}_gradient"] = numbers((len(etas), *own), i + 3, case.dtype)
            yield sized(case, etas=etas), arrays
    yield from rounded(case, drawn)


def drafts(failing: FailingCase) -> Iterator[Draft]:
    """A model of one layer, or of two where that matters, whose gradients are given."""
    key = failing.quantity.key.name
    if "cannot be asked: the function takes" in failing.comparison.problem:
        want = f"{len(SGD_PARAMETERS[failing.edition])} parameters"
        ask = [FIND_SGD, 'got = f"{len(inspect.signature(sgd).parameters)} parameters"']
        yield Draft([], ask, equal(repr(want)), imports=["inspect"])
        return
    wanted = [key] if key else ["L1_W"]
    for names in ([f"{wanted[0][:2]}_W", f"{wanted[0][:2]}_b"], list(WEIGHT_NAMES)):
        for velocities in (False, True) if failing.case.params["alpha"] <= 0 else (True,):
            yield _draft(failing, names, velocities)


def _draft(failing: FailingCase, names: list[str], with_velocities: bool) -> Draft:
    p, key, arrays, comparison = failing.case.params, failing.quantity.key.name, failing.arrays, failing.comparison
    steps = comparison.step or len(p["etas"])
    alpha, lam, etas = p["alpha"], p["lam"], list(p["etas"])[:steps]
    layers = list(dict.fromkeys(name[:2] for name in names))
    one = steps == 1
    given = [f"alpha, lam, {'eta' if one else 'etas'} = {alpha}, {lam}, {etas[0] if one else etas}"]
    for name in names:
        gradients = arrays[f"{name}_gradient"][:steps]
        given += [literal(name, arrays[name])]
        given += [literal(f"{name}_gradient{'' if one else 's'}", gradients[0] if one else gradients)]
    ask = ["class Module: pass"]
    for layer in layers:
        ask += [
            f"{layer} = Module()",
            f'{layer}.params = {{"W": {layer}_W.copy(), "b": {layer}_b.copy()}}',
        ]
    modules = [f'"{layer}": {layer}' for layer in layers]
    ask += [f"model = {{{', '.join([modules[0], NO_PARAMETERS, *modules[1:]])}}}"]
    velocities = ", ".join(f'"{name}": 0 * {name}' for name in names)
    momentum = f"{{{velocities}}}" if with_velocities else "None"
    ask += [f"momentum = {momentum}", FIND_SGD]
    given_as = "gradient" if one else "gradients[t]"
    step = [
        f'{layer}.gradient = {{"W": {layer}_W_{given_as}.copy(), "b": {layer}_b_{given_as}.copy()}}' for layer in layers
    ]
    step += call("eta", failing.edition)
    ask += step if one else ["for t, eta in enumerate(etas):", *(f"    {line}" for line in step)]
    if not key:
        ask += [
            'got = "the model" if returned is model else "nothing" if returned is None else type(returned).__name__'
        ]
        end = equal('"the model"')
        return Draft(given, ask, end, verdict=failing.verdict)
    ask += [f'got = {key[:2]}.params["{key[3:]}"]']
    if failing.verdict != "mismatch":
        return Draft(given, ask, verdict=failing.verdict)
    if comparison.arrays is None and comparison.verdict != "missing":
        shape = shaped(arrays[key].shape)
        return Draft(given, ask, shape)
    if one:
        want = [
            f"w, g = torch.tensor({key}), torch.tensor({key}_gradient)",
            "want = (w - eta * (g + lam * w)).numpy()  # the velocity was 0",
        ]
    else:
        want = [
            f"w, v = torch.tensor({key}), 0.0",
            "for t, eta in enumerate(etas):",
            f"    g = torch.tensor({key}_gradients[t]) + lam * w",
            "    v = alpha * v - eta * g",
            "    w = w + v",
            "want = w.numpy()",
        ]
    lines = [*want, *compared(_radius(failing, steps), comparison.gap)]
    return Draft(given, ask, lines)


def _radius(failing: FailingCase, steps: int) -> Any:
    """What rounding explains; a function that does nothing left no numbers that it was judged by."""
    if failing.comparison.arrays is not None:
        return failing.comparison.arrays[2]
    key, arrays, params = failing.quantity.key.name, failing.arrays, failing.case.params
    alpha, lam, etas = params["alpha"], params["lam"], params["etas"][:steps]
    return sgd.steps(arrays[key], arrays[f"{key}_gradient"][:steps], etas, alpha=alpha, lam=lam).radius[-1]
