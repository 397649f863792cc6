"""A reproduction as lines of Python: those that call the submission, and those that ask torch.

The two halves can be run apart, the first where the submission runs and the second here: so a script is only handed out
after its very lines have shown the failure on the submission, and nothing on the shipped network. Nothing of what a
submission wrote gets into a line, but for numbers.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Sequence
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
Judge = Sequence[str] | Callable[[Results], Sequence[str]]
"""The lines of the second half, or what makes them of what the first half left."""
SEED = 1
SEEDED = [f"np.random.seed({SEED})"]


class Unfit(Exception):  # noqa: N818 - not an error
    """A draft that does not suit what the first half left."""


@dataclass(frozen=True)
class Draft:
    """`given` are lines of numbers, `ask` calls the submission and leaves `keeps`, `judge` ends with `agrees = …`.

    `judge` may depend on what the first half left on the submission, so that the allowance can be that of the script's
    own numbers. `verdict` is what the first half does on the submission: "mismatch" (it comes to its end), "crashed" or
    "timeout". `process` says which one is asked: that of the parts, or that which may hold correct ones.
    """

    given: Sequence[str]
    ask: Sequence[str]
    judge: Judge = ()
    keeps: Sequence[str] = ("got",)
    verdict: str = Verdict.MISMATCH
    imports: Sequence[str] = ()
    in_a_folder: bool = False
    process: str = "parts"


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
    seen = ask(_of_process(case, draft.process), {}, SEED)
    failure = seen.failures.get(WHOLE_CASE) or next(iter(seen.failures.values()), None)
    if failure is not None:
        return Outcome(False, {}, failure)
    texts = seen.facts.get("texts", [])
    results = {name: _value(seen.values.get(Key(name)), json_text=name in texts) for name in draft.keeps}
    return judged(draft, results, lines_for(draft, results) if judge is None else judge)


def lines_for(draft: Draft, results: Results) -> Sequence[str]:
    """The second half for what the first one left. Raises Unfit where that is not what the draft is about."""
    try:
        return draft.judge(results) if callable(draft.judge) else draft.judge
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise Unfit from error


def judged(draft: Draft, results: Results, judge: Sequence[str]) -> Outcome:
    """Run the second half on what the first one left."""
    names = {"np": np, **results}
    lines = ["import torch", *draft.given, *judge] if any("torch" in line for line in judge) else [*draft.given, *judge]
    try:
        with np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
            exec(compile("\n".join(lines), "<reproduction>", "exec"), names)
    except Exception as error:  # as in the script, where what is not as it should be ends it
        return Outcome(False, results, Failure("crashed", type(error).__name__, f"{type(error).__name__}: {error}"))
    return Outcome(bool(names.get("agrees", True)), results)


def _of_process(case: Case, process: str) -> Case:
    return Case(case.name, case.check, case.title, case.dtype, case.probe, case.params, (), process=process)


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


def largest(radius: Any, gap: float | None = None) -> str:
    """An allowance as a literal: one number where the largest does, else one for each element."""
    array = np.asarray(radius, np.float64)
    top = float(array.max()) if array.size else 0.0
    if array.size <= 1 or gap is None or gap > top or not np.isfinite(top):
        return repr(top)
    return f"np.array({array.tolist()!r})"


def compared(radius: Any, gap: float | None = None) -> list[str]:
    """The end that holds `got` against `want`, value by value."""
    many = np.asarray(radius).size > 1
    what = "the most that" if many and largest(radius, gap)[:2] != "np" else "what"
    return [
        f"allowance = {largest(radius, gap)}  # {what} rounding explains here, by Parity's bounds for both sides",
        'print("got: ", got, "\\nwant:", want, "\\nallowance:", allowance)',
        "agrees = bool(np.all(np.abs(got - want) <= allowance))",
    ]


def equal(want: str) -> list[str]:
    """The end that holds `got` against something that is exact."""
    return [f"want = {want}", 'print("got: ", got, "\\nwant:", want)', "agrees = got == want"]


def shaped(shape: Sequence[int], *, flat: bool = False, dtype: str = "") -> list[str]:
    """The end that looks at the type and the shape of `got` alone."""
    if not shape:
        return [
            'print("got: ", type(got).__name__, getattr(got, "shape", ""), "\\nwant: a number")',
            "agrees = isinstance(got, (float, np.floating, np.ndarray)) and np.size(got) == 1",
        ]
    shape_text = f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"
    also = f" or got.shape == {(shape[1],)}" if flat and shape[0] == 1 else ""
    kind = f"got.dtype == np.{dtype}" if dtype else 'got.dtype.kind in "fiub"'
    return [
        'print("got: ", type(got).__name__, getattr(got, "shape", ""), getattr(got, "dtype", ""))',
        f'print("want: ndarray {shape_text}{f" {dtype}" if dtype else ""}")',
        f"agrees = type(got) is np.ndarray and (got.shape == {shape_text}{also}) and {kind}",
    ]
