"""A reproduction as lines of Python: those that call the submission, and those that ask torch.

The two halves can be run apart, the first where the submission runs and the second here: so a script is only handed out
after its very lines have shown the failure on the submission, and nothing on the shipped network. Nothing of what a
submission wrote gets into a line, but for numbers.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity_tests.protocol.case import Case
from parity_tests.protocol.observation import Failure, Returned
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from parity_tests.protocol.reproduction import Ask
from reports.model.verdicts import Verdict

Results = dict[str, Any]
"""What the first half left: arrays, numbers, texts and lists, by the names of its variables."""
AS_THE_SOLUTION = ("as the solution",)
"""In place of a second half: what the solution leaves is expected."""
SEED = 1
SEEDED = [f"np.random.seed({SEED})"]


@dataclass(frozen=True)
class Draft:
    """`given` are lines of numbers, `ask` calls the submission and leaves `keeps`, `judge` ends with `agrees = …`.

    `verdict` is what the first half does on the submission: "mismatch" (it comes to its end), "crashed" or
    "timeout".
    """

    given: Sequence[str]
    ask: Sequence[str]
    judge: Sequence[str] = ()
    keeps: Sequence[str] = ("actual",)
    verdict: str = Verdict.MISMATCH
    imports: Sequence[str] = ()
    in_a_folder: bool = False


@dataclass(frozen=True)
class Outcome:
    """What the two halves did: whether they agree, what the first one left, and how it failed."""

    agrees: bool
    results: Results
    failure: Failure | None = None


# ---- running the halves ----


def run(draft: Draft, ask: Ask, judge: Sequence[str] | None = None) -> Outcome:
    """Run the first half by `ask`, and the second, `judge` or the draft's own, on what it left."""
    imports = [f"import {name}" for name in draft.imports]
    source = "\n".join([*imports, *SEEDED, *draft.given, *draft.ask])
    case = Case("reproduction", "reproduction", "", "", "script", {"source": source, "names": list(draft.keeps)}, ())
    seen = ask(case, {}, SEED)
    failure = seen.failures.get(WHOLE_CASE) or next(iter(seen.failures.values()), None)
    if failure is not None:
        return Outcome(False, {}, failure)
    texts = seen.facts.get("texts", [])
    results = {name: _value(seen.values.get(Key(name)), json_text=name in texts) for name in draft.keeps}
    return judged(draft, results, draft.judge if judge is None else judge)


def judged(draft: Draft, results: Results, judge: Sequence[str]) -> Outcome:
    """Run the second half on what the first one left."""
    names = {"np": np, **results}
    lines = [*imports_of(judge), *draft.given, *judge]
    try:
        with np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
            exec(compile("\n".join(lines), "<reproduction>", "exec"), names)
    except Exception as error:  # as in the script, where what is not as it should be ends it
        return Outcome(False, results, Failure("crashed", type(error).__name__, f"{type(error).__name__}: {error}"))
    return Outcome(bool(names.get("agrees", True)), results)


def imports_of(judge: Sequence[str]) -> list[str]:
    """The lines that import what a second half needs."""
    torch = ["import torch"] if any("torch" in line or "F." in line for line in judge) else []
    return torch + (["import torch.nn.functional as F"] if any("F." in line for line in judge) else [])


class _Other:
    """A value that is neither an array nor a number."""


def _value(returned: Returned | None, *, json_text: bool) -> Any:
    if json_text and returned is not None and returned.array is not None:
        try:
            return json.loads(returned.array.astype(np.uint8).tobytes())
        except (ValueError, RecursionError):  # it comes from the submission's process
            return None
    if returned is None or returned.kind == "none":
        return None
    if returned.array is None:
        return type(returned.kind, (_Other,), {})()
    return returned.array if returned.kind == "array" else returned.array[()]


# ---- the second half's ends ----

SHOWN = 'print("actual:     ", actual, "\\nexpected:   ", expected'


def largest(radius: Any, gap: float | None = None) -> str:
    """An error bound as a literal: one number where the largest does, else one for each element."""
    array = np.asarray(radius, np.float64)
    top = float(array.max()) if array.size else 0.0
    if array.size <= 1 or gap is None or gap > top or not np.isfinite(top):
        return repr(top)
    return f"np.array({array.tolist()!r})"


def compared(radius: Any, gap: float | None = None) -> list[str]:
    """The end that holds `actual` against `expected`, value by value; a dimension of one more or less is right too."""
    bound = largest(radius, gap)
    what = "the most that" if np.asarray(radius).size > 1 and bound[:2] != "np" else "what"
    return [
        f"bound = {bound}  # {what} rounding explains here, by Parity's bounds for both sides",
        "difference = np.abs(np.reshape(actual, np.shape(expected)) - expected)",
        f'{SHOWN}, "\\ndifference: ", difference, "\\nerror bound:", bound)',
        "agrees = bool(np.all(difference <= bound))",
    ]


def by_chance(expected: str, deviation: float) -> list[str]:
    """The end that holds a number drawn against the one that is expected, of which it has this standard deviation."""
    return [
        f"expected, bound = {expected}, {6 * float(deviation)!r}  # six standard deviations",
        f'{SHOWN}, "\\nerror bound:", bound)',
        "agrees = bool(abs(actual - expected) <= bound)",
    ]


def equal(expected: str) -> list[str]:
    """The end that holds `actual` against something that is exact."""
    return [f"expected = {expected}", f"{SHOWN})", "agrees = actual == expected"]


def shaped(*, flat: bool = False, dtype: bool = False) -> list[str]:
    """The end that looks at the type and the shape of `actual` alone: those of `expected`.

    One row may be `flat`. The `dtype` may be any of numbers, unless it is asked for.
    """
    also = " or np.shape(actual) == expected.shape[1:]" if flat else ""
    kind = "actual.dtype == expected.dtype" if dtype else 'np.asarray(actual).dtype.kind in "fiub"'
    return [
        "expected = np.asarray(expected)",
        'for name, value in (("actual:  ", actual), ("expected:", expected)):',
        '    print(name, type(value).__name__, getattr(value, "shape", ""), getattr(value, "dtype", ""))',
        "is_array = type(actual) is np.ndarray or (expected.ndim == 0 and isinstance(actual, (float, np.floating)))",
        f"agrees = is_array and (np.shape(actual) == expected.shape{also}) and {kind}",
    ]
