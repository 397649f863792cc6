"""Known mistakes of batch norm over many calls: changes of the text of one call, and those of a single call.

What the latter make of the running statistics, and of the test mode by them, depends on how those are kept, and so on
all else that a submission does. The outputs in training do not: where they are what a mistake gives, it is made there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds.running import DICTS, MODES, STATISTICS, reference_of_calls
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.returned import array_of
from parity_tests.parts.changed_texts import ChangedText
from parity_tests.parts.fingerprints import MOST_TRIED, of_values
from parity_tests.parts.given.norms import of_call
from parity_tests.parts.in_torch import run_if_torch_can
from parity_tests.parts.running_norm import RUNNING_NORM, TESTED, TRAINED
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Arrays
from parity_tests.protocol.quantity import Key, Quantity

CALLS = (2, 1, 3, 0)
"""The calls that are made once, those first that have statistics to begin with."""
RESULTS = {"train": TRAINED, "test": TESTED}


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
                for changed in islice(known.matching(results, numbers), 3 * MOST_TRIED):
                    yield _wrong(part, changed)
                return


def _as_columns(x: Any) -> Any:
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]) if x.ndim == 4 else x


def _got(case: Case, arrays: Arrays, seen: Seen, k: int) -> list[Any] | None:
    """The output of a call and the statistics after it, None where one of them is missing or no number."""
    like = {"out": f"x_{k}", **dict.fromkeys(STATISTICS, f"gamma_{k}")}
    found = [array_of(seen[case.name], Key(name, k), arrays[one].shape) for name, one in like.items()]
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
    for case in plan:
        for k in (k for k, mode in enumerate(MODES) if mode == "train"):
            own = [q for q in case.quantities if (q.part, q.key.name, q.key.call) == (wrong.part, "out", k)]
            setting = {**case.params["dicts"][k]["own"], "mode": MODES[k]}
            single = replace(case, probe="layer", params={**case.params, "setting": setting})
            if not wrong.agrees(single, own, seen[case.name], draw(case)):
                return False
    return True
