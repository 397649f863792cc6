"""One step of SGD as statements: what a mistake makes of the weights, and the function that has it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from functools import cached_property
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.inside.homework_names import FULL, WITHOUT_DECAY
from parity_tests.harness.diagnosis.running_error import Running, stack
from parity_tests.protocol.mistake import Body, Call, Estimate, Mistake

LOOP = """for name, module in model.items():
    if not hasattr(module, "params"):
        continue
    for key, w in module.params.items():
        g = module.gradient[key]
        momentum = momentum if momentum is not None else {}
        v = momentum.get(f"{name}_{key}", np.zeros_like(w))
        eta, lam, alpha = _learning_rate, _lambda, _alpha
"""
STORE = """        module.params[key] = w
        momentum[f"{name}_{key}"] = v
return model"""

ALPHA, LAMBDA = (FULL, WITHOUT_DECAY), (FULL,)
"""The editions that have momentum, and those that have weight decay."""
DECAYED = "g = g + lam * w\n"
UPDATE = "if alpha > 0:\n    v = alpha * v - eta * g\n    w = w + v\nelse:\n    w = w - eta * g"

TERMS = "Work two steps out by hand for one weight, with numbers, and compare term by term."
DECAY = "Weight decay makes the gradient larger by λ w, for every w, before anything else happens."


@dataclass(frozen=True)
class Steps:
    """A formula: the weights after each step of an update, written as the statements of one step.

    The statements use and set w, v and g, and use eta, lam, alpha, `name` (of the layer), `key` (of the parameter),
    `earlier` (the gradient of the step before, at first 0) and `starts` (whether an epoch starts); `number` is what an
    estimate found.
    """

    statements: str

    @cached_property
    def _code(self) -> CodeType:
        return compile(self.statements, "<step>", "exec")

    def __call__(self, call: Call) -> Running:
        rates = {"lam": call.lam, "alpha": call.alpha, "name": call.layer, "key": call.key, "number": call.number}
        w, v, earlier, path = call.w, call.w.zeros(), call.w.zeros(), []
        epochs = call.inputs.get("epochs")
        for t, (g, eta) in enumerate(zip(call.g, call.etas, strict=True)):
            w = call.starts[t] if "starts" in call.inputs else w
            starts = epochs is not None and (t == 0 or epochs[t] != epochs[t - 1])
            names = {**rates, "w": w, "v": v, "g": g, "eta": eta, "earlier": earlier, "starts": starts}
            exec(self._code, {"np": np}, names)
            w, v, earlier = names["w"], names["v"], g
            path.append(w)
        return stack(path)


RIGHT = Steps(DECAYED + UPDATE)
"""The steps that the assignment asks for."""


def are_parallel(a: NDArray[Any], b: NDArray[Any], error: NDArray[Any] | float) -> bool:
    """Whether an array is a multiple of another, within an error of its elements."""
    factor = (a * b).sum() / (b * b).sum()
    return bool((np.abs(a - factor * b) <= error).all())


def plugged(statements: str) -> tuple[Body, ...]:
    """The function that makes every step by these statements."""
    step = textwrap.indent(statements, "        ")
    return (Body("miniBatchStochasticGradientDescent", f"{LOOP}{step}\n{STORE}"),)


def step(
    name: str, hint: str, statements: str, *, estimate: Estimate | None = None, number: float | None = None,
    editions: tuple[str, ...] = (),
) -> Mistake:  # fmt: skip
    """A mistake in the whole step. With a `number`: what stands in it and is looked for."""
    plug = plugged(statements if number is None else f"number = {number}\n{statements}")
    return Mistake("1", "sgd.weights", name, hint, Steps(statements), estimate, plug=plug, editions=editions)
