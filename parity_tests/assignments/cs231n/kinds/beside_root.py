"""Epsilon beside the root of a norm's variance, √σ² + ε in place of √(σ² + ε): right in every norm, with a note.

A backward beside such a forward is right in any of the ways in which the two deviations can meet in its formula. It is
held to the usual one where the forward has the usual one: that is settled over all cases, by `settled`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds.torch_layers import grouped, normalised, statistics
from parity_tests.harness.flow_answers import Form, answers, compared, may_agree, nearest, predicted
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.kind import Arrays, Judged, Params
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Quantity
from reports.model.notes import Note, NoteKind
from reports.model.verdicts import Verdict

BESIDE = Note(NoteKind.READING, "has eps beside the root, not under it, which is small and so is right")
NO_GRADIENT = Note(
    NoteKind.READING, "has no number as a gradient of one number alone: beside the root eps leaves 0/0 there"
)
RESULTS = ("out", "dx", "dgamma")
"""The results that a deviation goes into."""
FUSED = "out fused"


def judging_beside(case: Case, arrays: Arrays, seen: Observation, judged: Judged, device: str) -> Judged:
    """The same; an output that has epsilon beside the root matches, of gradients it is noted that they have."""
    if "gamma" not in case.params["arrays"]:
        return judged
    noted = dict(judged)
    for k in range(len(case.params["shapes"])):
        own = [q for q in case.quantities if q.key.call == k and q.key.name.removeprefix("alt ") in RESULTS]
        asked = [q for q in own if judged[q.name].verdict == Verdict.MISMATCH]
        if asked:
            inputs = {name: arrays[f"{name}_{k}"] for name in ("x", "gamma", "beta", "dout")}
            noted |= _noted(case, asked, seen, judged, inputs, device)
            noted |= {q.name: judged[q.name].noting(NO_GRADIENT) for q in asked if _is_of_one(case, q, seen, inputs)}
    return noted


def _is_of_one(case: Case, quantity: Quantity, seen: Observation, inputs: Mapping[str, Any]) -> bool:
    """Whether a dx holds no numbers, where each variance is that of one number alone, whose root has no derivative."""
    x = inputs["x"]
    result = result_of(seen, quantity.key)
    if not quantity.key.name.endswith("dx") or case.params["layer"] != "batchnorm" or len(x) != 1:
        return False
    array = result.array if isinstance(result, Returned) else None
    return array is not None and array.shape == x.shape and bool(np.isnan(array).all())


def _noted(
    case: Case, asked: Sequence[Quantity], seen: Observation, judged: Judged, inputs: Mapping[str, Any], device: str
) -> Judged:
    forms = Form(_reference(case.params), inputs, f"{BESIDE.text}, or not")
    values, chosen = predicted(case, forms, device, wide=True), {}
    for q in asked:
        names = [name for name in values if name.partition(" ")[0] == q.key.name.removeprefix("alt ")]
        near = nearest([result_of(seen, q.key)], [[values[name]] for name in names], case.dtype)
        if near:
            chosen[q] = names[near]
    if not chosen:
        return {}
    names = sorted({*chosen.values(), *(FUSED for form in chosen.values() if form.startswith("out"))})
    note = f"{BESIDE.text}: {', '.join(names)} of call {asked[0].key.call}"
    form = Form(_reference(case.params, names), inputs, note)
    known = answers(case, form, device)
    noted = {}
    for q, name in chosen.items():
        for one in (name, FUSED) if name.startswith("out") else (name,):
            result = result_of(seen, q.key)
            found = compared(result, known, one) if may_agree(result, known, one) else judged[q.name]
            if found.verdict == Verdict.MATCH:
                noted[q.name] = (found if q.key.name == "out" else judged[q.name]).noting(BESIDE)
                break
    return noted


def _reference(params: Params, names: Sequence[str] = ()) -> Any:
    """A torch function of the arrays of one call that gives each result in its forms, the usual one first.

    They are called "dx" and so on with a number behind; with `names` it gives these alone.
    """

    def reference(x: Any, gamma: Any, beta: Any, dout: Any) -> dict[str, Any]:
        forms: dict[str, dict[str, bool]] = {"out 0": {}, "out 1": {"beside": True}}
        forms |= {FUSED: {"beside": True, "fused": True}} if FUSED in names else {}
        setting, extra = params["setting"] or {}, params["extra"]
        found = {
            name: normalised(params["forward"], setting, extra, **form)(x, gamma, beta) for name, form in forms.items()
        }
        X, over = grouped(params["forward"], x, params["extra"])
        mean, variance = statistics(X, over)
        eps = (params["setting"] or {}).get("eps", 1e-5)
        under, bare = (variance + eps).sqrt(), variance.sqrt()
        beside = bare + eps
        scale = gamma if x.dim() == 2 else gamma.reshape(1, -1, 1, 1)
        g = (dout * scale).reshape(X.shape)
        spread = bare + (bare == 0) * beside  # of one number alone the derivative is 0 beside it
        axes = (0, *range(2, x.dim()))
        for number, below in enumerate((under, beside)):
            normal = (X - mean) / below
            found[f"dgamma {number}"] = (dout * normal.reshape(x.shape)).sum(axes).reshape(gamma.shape)
            along = normal * (g * normal).mean(over, keepdim=True)
            centred = g - g.mean(over, keepdim=True)
            for among, (first, second) in enumerate(product((under, beside), (under, beside, spread))):
                found[f"dx {number}{among}"] = (centred / first - along / second).reshape(x.shape)
        return {name: found[name] for name in names or found}

    return reference


def is_beside(case: Case, quantity: Quantity, judged: Judged) -> bool:
    """Whether a gradient is right since both it and the output of its call have epsilon beside the root."""
    own = [q for q in case.quantities if q.key.name == "out" and q.key.call == quantity.key.call]
    return all(BESIDE in judged[q.name].notes for q in (quantity, *own))


def settled(
    rows: Sequence[tuple[Case, Quantity]], judged: Mapping[str, Mapping[str, Comparison]]
) -> dict[str, dict[str, Comparison]]:
    """The same; gradients that have epsilon beside the root match where their forward is seen to have it there."""
    found = {case: dict(comparisons) for case, comparisons in judged.items()}
    forwards = {q.part for case, q in rows if q.key.name == "out" and BESIDE in judged[case.name][q.name].notes}
    for case, q in rows:
        comparison = judged[case.name][q.name]
        note = next((note for note in (BESIDE, NO_GRADIENT) if note in comparison.notes), None)
        if q.key.name == "out" or not note:
            continue
        if case.params["forward"] in forwards:
            found[case.name][q.name] = matched(note)
        else:
            without = tuple(one for one in comparison.notes if one != note)
            found[case.name][q.name] = replace(comparison, notes=without)
    return found
