"""Known mistakes of batch norm over many calls: changes of the text of one call, and those of a single call.

What the latter make of the running statistics, and of the test mode by them, depends on how those are kept, and so on
all else that a submission does. The outputs in training do not: where they are what a mistake gives, it is made there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds import layer
from parity_tests.assignments.cs231n.kinds.running import DICTS, MODES, STATISTICS, reference_of_calls
from parity_tests.assignments.cs231n.mistakes.wrong import UNFIT, Wrong
from parity_tests.harness.flow_answers import is_refuted, judge_all
from parity_tests.harness.returned import array_of
from parity_tests.parts.changed_texts import ChangedText
from parity_tests.parts.fingerprints import MOST_TRIED, of_values
from parity_tests.parts.in_torch import run_if_torch_can
from parity_tests.parts.running_norm import RUNNING_NORM, TESTED, TRAINED
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Arrays
from parity_tests.protocol.quantity import Key, Quantity
from reports.model.verdicts import PASSING

CALLS = (2, 1, 3, 0)
"""The calls that are made once, those first that have statistics to begin with."""
RESULTS = {"train": TRAINED, "test": TESTED}


def of_call(names: Mapping[str, Any], lines: str | None = None) -> dict[str, Any]:
    """The names of the text, or of some lines of it, by those that a call has: arrays of numpy or of torch, of rows."""
    x = names["x"]
    found = {**names, "rest": 1 - names["momentum"], "usual": 0.9, "usual_rest": 1 - 0.9}
    if lines is None or "batch_" in lines or "unbiased" in lines:
        found["batch_mean"] = x.mean(0)
        found["batch_variance"] = ((x - found["batch_mean"]) ** 2).mean(0)
    if lines is None or "unbiased" in lines:
        found["unbiased"] = found["batch_variance"] * (len(x) / (len(x) - 1) if len(x) > 1 else float("nan"))
    if lines is None or "squares" in lines:
        found["squares"] = (x**2).mean(0)
    return found


def changed_calls(part: str, asked: Sequence[Case], seen: Seen, draw: Draw) -> Iterator[Wrong]:
    """The changes that give what one call returned and kept, the simplest first, as mistakes to be tried in all."""
    for case in asked:
        arrays = draw(case)
        for k in CALLS if case.dtype == "float64" and case.name in seen else ():
            given, got = _given(case, arrays, seen, k), _got(case, arrays, seen, k)
            if given is None or got is None:
                continue
            known, results = of_values(RUNNING_NORM, of_call(given)), RESULTS[MODES[k]]
            numbers = np.concatenate([one.ravel() for one in got])
            if not known.is_right(results, numbers):
                for changed in known.matching(results, numbers)[: 3 * MOST_TRIED]:
                    yield _wrong(part, changed)
                return


def _as_columns(x: Any) -> Any:
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]) if x.ndim == 4 else x


def _got(case: Case, arrays: Arrays, seen: Seen, k: int) -> list[Any] | None:
    """The output of a call and the statistics after it, None where one of them is missing or no number."""
    shapes = [arrays[f"x_{k}"].shape, *(arrays[f"gamma_{k}"].shape,) * 2]
    found = [
        array_of(seen[case.name], Key(name, k), shape) for name, shape in zip(("out", *STATISTICS), shapes, strict=True)
    ]
    if any(one is None or not np.isfinite(one).all() for one in found):
        return None
    return [_as_columns(np.asarray(one, np.float64)) for one in found]


def _given(case: Case, arrays: Arrays, seen: Seen, k: int) -> dict[str, Any] | None:
    """What a call is given, with the statistics that the last one with its bn_param has kept."""
    last = max((one for one in range(k) if DICTS[one] == DICTS[k]), default=None)
    if last is not None:
        kept = _got(case, arrays, seen, last)
        if kept is None:
            return None
        _, mean, variance = kept
    elif DICTS[k]:
        mean, variance = (arrays[f"{name}_of_1"] for name in STATISTICS)
    else:
        mean = variance = np.zeros(arrays[f"gamma_{k}"].shape)
    own = {name: _as_columns(arrays[f"{name}_{k}"]) for name in ("x", "gamma", "beta")}
    return {"momentum": 0.9, "eps": 1e-5, **case.params["dicts"][k]["own"], **own, "mean": mean, "variance": variance}


def _wrong(part: str, changed: ChangedText) -> Wrong:
    lines = {
        mode: RUNNING_NORM.whole(changed.statements, RUNNING_NORM.towards(results, changed.statements))
        for mode, results in RESULTS.items()
    }
    change = partial(reference_of_calls, call=partial(_called, lines), prepared=partial(_prepared, lines))
    return Wrong(part, "running", changed.words, changed.hint, change, lines=RUNNING_NORM.whole(changed.statements))


def _prepared(lines: Mapping[str, str], names: dict[str, Any]) -> dict[str, Any]:
    """The names of a call's lines, with channels as columns, and the shape of x."""
    x = names["x"]
    rows = x.movedim(1, -1).reshape(-1, x.shape[1]) if x.dim() == 4 else x
    return of_call({**names, "x": rows, "shape": x.shape}, lines[names["mode"]])


def _called(lines: Mapping[str, str], names: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The output, the running mean and the running variance of one call, by the lines of each mode, in torch."""
    N, C, *places = names["shape"]
    found = run_if_torch_can(lines[names["mode"]], names)
    out, mean, variance = (found[name] for name in RESULTS[names["mode"]].split())
    out = out.reshape(N, *places, C).movedim(-1, 1) if places else out
    return 1 * out, mean + 0 * names["mean"], variance + 0 * names["mean"]


def of_single_calls(wrong: Wrong, plan: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> bool:
    """Whether a mistake of single calls may be why a result of many calls fails: all outputs in training are its own.

    Of the running statistics it is where it makes them those of other numbers.
    """
    if "out" not in wrong.change or (quantity.key.name != "out" and not wrong.mixes):
        return False
    return all(_gives(wrong, case, k, seen, draw) for case in plan for k, mode in enumerate(MODES) if mode == "train")


def _gives(wrong: Wrong, case: Case, call: int, seen: Seen, draw: Draw) -> bool:
    """Whether one call in training of a case gives what the mistake makes of it."""
    own = [q for q in case.quantities if q.part == wrong.part and q.key.name == "out" and q.key.call == call]
    setting = {**case.params["dicts"][call]["own"], "mode": MODES[call]}
    single = replace(case, params={**case.params, "setting": setting})
    note = f"{wrong.note} in call {call}"
    try:
        asked = layer.mistaken(single, draw(case), wrong.change, note, own)
        if is_refuted(single, seen[case.name], asked, own, "cpu"):
            return False
        judged = judge_all(single, seen[case.name], asked, "cpu")
    except UNFIT:
        return False
    return all(judged[q.name].verdict in PASSING for q in own)
