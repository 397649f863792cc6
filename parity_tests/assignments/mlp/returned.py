"""Reads what an observation kept of a case: values under keys, and which part's failure kept others from being made.

A network's results are named "<link>@<step>", those of a part "<what>@<call>".
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.cases import Case
from parity_tests.assignments.mlp.parts import FUNCTIONS
from parity_tests.harness.compare import PASSING, Comparison
from parity_tests.harness.observation import Failure, Observation, Returned

UNREACHED = "unreached"


def got(seen: Observation, key: str) -> Returned | Failure | None:
    """What was kept under `key`: a value, its failure, or the failure that ended the case before."""
    found = seen.values.get(key) or seen.failures.get(key) or seen.failures.get("")
    if found is None and (stop := stopped(seen)) is not None:
        name, failure = stop
        text = f"not reached: {failure.text}"
        return Failure(failure.kind, UNREACHED, text, failure.file, failure.line, function=name)
    return found


def stopped(seen: Observation) -> tuple[str, Failure] | None:
    """The call at which the case ran out of time, and how."""
    return next(((name, failure) for name, failure in seen.failures.items() if failure.kind == "timeout"), None)


def array_of(seen: Observation, key: str, shape: tuple[int, ...], *, flat_ok: bool = False) -> NDArray[Any] | None:
    """The array kept under `key` if it is one of this shape that later links can be judged from."""
    value = seen.values.get(key)
    if value is None or value.array is None or value.kind != "array" or value.array.dtype.kind not in "fiub":
        return None
    if value.array.shape != shape:
        return value.array.reshape(shape) if flat_ok and shape == (1, *value.array.shape) else None
    return value.array


def cause_of(case: Case, value: Returned | Failure | None) -> str:
    """The TODO of the call whose failure this is, which may be why others were never made; "" for none."""
    if not isinstance(value, Failure):
        return ""
    if value.error == UNREACHED:
        word = value.function.split("@")[0]
        named = next((q.part for q in case.quantities if q.key.split("@")[0] == word), "")
        if named:
            return named
    # A failure's sentence begins with the function that was called: the outermost of the submission's own.
    called = value.text.removeprefix("not asked: ").removeprefix("not reached: ").split(" ", 1)[0]
    return FUNCTIONS.get(called, "")


def owed(comparison: Comparison, part: str, cause: str) -> Comparison:
    """A failing comparison of `part`, explained by the TODO that caused it where that is another one."""
    if cause in ("", part) or comparison.verdict in PASSING or comparison.explained_by:
        return comparison
    return replace(comparison, explained_by=cause)


def echoes(layer: str, h: NDArray[Any], grad: NDArray[Any], got_gradient: NDArray[Any]) -> bool:
    """Whether a gradient is what the assignment's formula gives for the (wrong) h that the forward returned."""
    with np.errstate(all="ignore"):
        wanted = [grad * (1 - h * h)] if layer == "tanh" else [grad * (h > 0), grad * (h != 0)]
        slack = 16 * np.finfo(grad.dtype).eps * np.abs(grad) * (1 + h * h)
        return any(
            bool(((np.abs(got_gradient - w) <= slack) | (np.isnan(got_gradient) & np.isnan(w))).all()) for w in wanted
        )


def kept_mask(s: NDArray[Any]) -> NDArray[np.bool_]:
    """The mask that a dropout's forward used, from its result: kept where s ≠ 0 (of q without zeros, for sure)."""
    return np.asarray(s != 0)


def over_steps(steps: list[Comparison]) -> Comparison:
    """One comparison of a quantity over several steps: the first that fails, else the one with the largest ratio."""
    for t, comparison in enumerate(steps):
        if comparison.verdict not in PASSING:
            if comparison.verdict == "missing":  # in all steps, and for the same reason
                return comparison
            later = sum(c.verdict not in PASSING for c in steps[t + 1 :])
            more = f", and in {later} later steps" if later else ""
            problem = f"after step {t + 1} {comparison.problem}{more}" if len(steps) > 1 else comparison.problem
            return replace(comparison, step=t + 1, problem=problem)
    undecided = [t for t, c in enumerate(steps) if c.verdict == "undecided"]
    worst = undecided[0] if undecided else max(range(len(steps)), key=lambda t: steps[t].ratio or 0.0)
    notes = [note for c in steps for note in c.notes]
    return replace(steps[worst], step=worst + 1 if len(steps) > 1 else None).noting(*notes)


def not_judged(name: str, part: str, cause: Comparison) -> Comparison:
    """What could not be judged, since the link `name` of TODO `part` before it failed as `cause` says."""
    return replace(
        cause,
        problem=f"was not judged, because {name} {'failed' if cause.sentence else cause.problem}",
        sentence=False,
        part=part,
        explained_by=part,
        arrays=None,
    )
