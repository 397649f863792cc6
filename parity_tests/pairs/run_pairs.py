"""Runs the pairs of a file: every case of each, and whether the inputs ask anything at all."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from parity_tests.pairs.cases import PairCase, cases, draws_the_same
from parity_tests.pairs.hold import CHECK, CaseHeld, hold_case, run_of, with_cause
from parity_tests.pairs.pair import Pair
from parity_tests.pairs.result import HoldResult
from parity_tests.protocol.errors import UsageError
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING, Verdict

Progress = Callable[[int, int, str], None]
ASKS = "asks something"
"""The quantity that says whether a result of zeros, or a constant, would pass in every case."""


def pairs_in(file: Path) -> list[Pair]:
    """The pairs that a file defines, in their order. Raises UsageError where it cannot be run or defines none."""
    if file.is_dir():
        raise UsageError(f"{file} is a folder: `parity check {file}` takes one, and this a file of pairs.")
    if not file.is_file():
        raise UsageError(f"there is no file {file}.")
    name = f"parity_pairs_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error
    except (Exception, SystemExit) as error:  # a file that ends the process has been held to nothing
        raise UsageError(f"{file} cannot be run: {type(error).__name__}: {error}.") from error
    finally:
        sys.path.remove(str(file.resolve().parent))
    defined = [getattr(value, "parity_pair", None) for value in vars(module).values()]
    found = list(
        {id(made): made for made in defined if isinstance(made, Pair)}.values()
    )  # each once, also by two names
    if not found:
        raise UsageError(f"{file} defines no pair: decorate a function with @pair(reference=…, shapes=…).")
    names = [pair.name for pair in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{file} defines {', '.join(twice)} more than once; give the pairs names of their own.")
    return found


def run_pairs(
    pairs: Sequence[Pair],
    *,
    seed: int = 0,
    device: str = "cpu",
    dtypes: Sequence[str] | None = None,
    radius: str | None = None,
    progress: Progress | None = None,
) -> HoldResult:
    """Puts every case to every pair. `dtypes` and `radius` take the place of what the pairs say, where given."""
    started = time.monotonic()
    found: dict[str, list[CaseHeld]] = {}
    inputs: dict[str, dict[str, Any]] = {}
    refused: dict[str, str] = {}
    spent: dict[str, float] = {}
    planned = [(pair, case) for pair in map(lambda p: _in(p, dtypes), pairs) for case in cases(pair, seed)]  # noqa: C417
    for number, (pair, case) in enumerate(planned, 1):
        if progress is not None:
            progress(number, len(planned), case.name)
        options = replace(pair.options, seed=seed, device=device, radius=radius or pair.options.radius)
        began = time.process_time()
        held = _held(pair, case, options, refused)
        spent[pair.name] = spent.get(pair.name, 0.0) + time.process_time() - began
        if held is not None:
            found.setdefault(pair.name, []).append(held)
            inputs[case.name] = dict(case.calls[-1])
    for pair in pairs:
        if pair.name not in found:
            why = next((text for name, text in refused.items() if name.startswith(f"{pair.name}/")), "")
            called = ", ".join(next(case.calls[-1] for one, case in planned if one.name == pair.name))
            todo = (
                f" It is called with {called} by name: where it takes others, write lambda {called}: f({called}); "
                "what is no array is given by fixed=, such as fixed={'dim': -1}."
            ) * why.startswith("TypeError")
            if re.search(r"\b(long|int64)\b", why, re.IGNORECASE):
                todo = ' Whole numbers, such as classes from 0 to 9, are drawn by shapes={"y": labels("N", 10)}.'
            raise UsageError(f"the reference of {pair.name} raises in every case: {why}.{todo}")
        found[pair.name] = with_cause(found[pair.name], replace(pair.options, device=device), spent[pair.name])
        found[pair.name].append(_asked(pair, found[pair.name]))
    options = replace(pairs[0].options, seed=seed, device=device)
    sources = {pair.name: source for pair in pairs if (source := _source(pair)) is not None}
    run = run_of(found, options, inputs, time.monotonic() - started, refused, sources)
    return HoldResult(run, found)


def _source(pair: Pair) -> tuple[str, dict[int, str]] | None:
    """The file of a pair's candidate and its lines by number; None where it is no function of Python's."""
    try:
        plain = inspect.unwrap(pair.candidate)
        lines, first = inspect.getsourcelines(plain)
        return os.path.relpath(inspect.getsourcefile(plain) or "."), dict(enumerate(map(str.rstrip, lines), first))
    except (OSError, TypeError, ValueError):
        return None


def _in(pair: Pair, dtypes: Sequence[str] | None) -> Pair:
    return pair if dtypes is None else replace(pair, dtypes=tuple(dtypes))


def _held(pair: Pair, case: PairCase, options: Any, refused: dict[str, str]) -> CaseHeld | None:
    """What the last call of the case showed; None, with the reason kept, where the reference itself raises."""
    try:
        for call in case.calls:
            held = hold_case(pair.candidate, pair.reference, call, options, pair=pair.name, case=case.name)
        return held
    except UsageError:
        raise
    except Exception as error:  # the reference's: the candidate's are verdicts
        refused[case.name] = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        return None


def _asked(pair: Pair, found: Sequence[CaseHeld]) -> CaseHeld:
    """Whether some case could tell each result of a right candidate from one and the same number everywhere."""
    from parity_tests.harness.make_records import Setting, record_of
    from parity_tests.protocol.case import Case
    from parity_tests.protocol.comparison import Comparison, matched
    from parity_tests.protocol.quantity import Quantity

    idle = []
    for name in dict.fromkeys(name for case in found for name in case.held):
        held = [case.held[name] for case in found if name in case.held]
        known = [one.resolution for one in held if one.resolution is not None]
        if not known and all(one.comparison.verdict in PASSING for one in held):
            idle.append(name)  # it has no elements in any case
        elif known and max(r.lowest for r in known) <= min(r.highest for r in known):
            idle.append(name)
    case = f"{pair.name}/all cases"
    comparison = matched()
    if pair.draw is not None and draws_the_same(pair.draw):
        same = "the inputs are the same in every draw, so that one answer learnt by heart would pass"
        comparison = matched(same, kind=NoteKind.UNSEEN)
    if idle:
        problem = (
            f"the inputs ask nothing of {', '.join(idle)}: one number everywhere, such as 0, would pass in every case"
        )
        comparison = Comparison(Verdict.UNJUDGED, problem=problem, sentence=True)
    quantity = Quantity(ASKS, pair.name)
    asked = Case(case, CHECK, case, "", CHECK, {}, (quantity,))
    setting = Setting(pair.name, "", "", "", "in_process")
    return CaseHeld([record_of(setting, asked, quantity, comparison, None)], {}, {})
