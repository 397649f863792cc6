"""Names what went wrong: known-wrong formulas that reproduce what was returned, experiments, and simple relations.

A name is claimed only where it was reproduced: a formula on every case of its part, within the rounding bound of that
formula. Where several fit, all are kept, in the order of the table, which puts the simplest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.evidence import evidence
from parity_tests.assignments.mlp.mistakes import MISTAKES
from parity_tests.assignments.mlp.mistakes.dropout import HIDDEN
from parity_tests.assignments.mlp.mistakes.init import GENERAL
from parity_tests.assignments.mlp.mistakes.main import HIDES
from parity_tests.assignments.mlp.mistakes.overwriting import HINTS as OVERWRITING_HINTS
from parity_tests.assignments.mlp.mistakes.overwriting import overwriting
from parity_tests.assignments.mlp.returned import array_of, kept_mask
from parity_tests.harness.diagnosis.mistake import ANYTHING, Asked, Estimate, Kind, Mistake
from parity_tests.harness.diagnosis.relations import relation
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.harness.make_records import message
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import PASSING, Comparison
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Quantity

Arrays = Mapping[str, NDArray[Any]]
Judged = Mapping[str, Mapping[str, Comparison]]
WHOLE = ("network", "trajectory")
PARTS = {"linear", "tanh", "relu", "dropout", "loss", "sgd"}
"""The checks of what a whole network consists of: a formula that names a link must be right there too."""

HINTS = {**OVERWRITING_HINTS, **{mistake.name: mistake.hint for mistake in MISTAKES}}


def hints(names: str) -> list[str]:
    """The hints of the names in a record's diagnosis, each once."""
    return list(dict.fromkeys(HINTS[name] for name in names.split("; ") if name in HINTS))


def diagnosed(
    plan: Sequence[Case], judged: Judged, seen: Mapping[str, Observation], draw: Callable[[Case], Arrays]
) -> dict[str, dict[str, Comparison]]:
    """The same comparisons, those that fail of causes of their own with the names of what they fail of."""
    named = {case: dict(comparisons) for case, comparisons in judged.items()}
    failing = {
        case.check for case in plan for q in case.quantities if _fails(judged[case.name][q.name]) and case.name in seen
    }
    calls: list[Asked] = []
    for case in plan:
        if case.check in failing | (PARTS if failing & set(WHOLE) else set()):
            calls += evidence(case, draw(case), seen[case.name], judged[case.name])
    known, related = _claims(calls, {case.name: case for case in plan})
    _name(named, calls, known)
    for case in plan:
        for q in case.quantities:
            comparison = named[case.name][q.name]
            if not _fails(comparison) or comparison.diagnosis:
                continue
            names = _drawn(plan, case, q, seen, draw) or _said(case, q, comparison)
            if case.check in WHOLE and not names:
                written = seen[case.name].facts.get("overwritten", {})
                names = overwriting(q.name, written, case.params["activation"])
            named[case.name][q.name] = replace(comparison, diagnosis="; ".join(names))
        named[case.name] = _causes(named[case.name])
    _name(named, calls, related)
    for case in plan:
        for q in case.quantities:
            comparison = named[case.name][q.name]
            if comparison.verdict == "crashed" and _fails(comparison) and not comparison.diagnosis:
                names = _said(case, q, comparison, crash=True)
                named[case.name][q.name] = replace(comparison, diagnosis="; ".join(names))
        named[case.name] = _causes(named[case.name])
    return _root(plan, named)


def _root(plan: Sequence[Case], named: dict[str, dict[str, Comparison]]) -> dict[str, dict[str, Comparison]]:
    """The same, what only follows from another mistake of dropout under the name of that one."""
    claimed = {c.diagnosis for comparisons in named.values() for c in comparisons.values() if c.diagnosis}
    causes = {name: hidden for name, hidden in HIDDEN.items() if name in claimed}
    for case in plan if causes else ():
        for quantity, c in named[case.name].items():
            if case.check == "dropout" and (cause := _cause(c, causes)):
                named[case.name][quantity] = replace(c, diagnosis=cause)
    return named


def _name(named: dict[str, dict[str, Comparison]], calls: Sequence[Asked], claim: Callable[[Asked], str]) -> None:
    """Give every call that fails of its own and has no name yet the one that is claimed for it."""
    for asked in calls:
        comparison = named[asked.case][asked.quantity]
        if _fails(comparison) and not comparison.diagnosis and (name := claim(asked)):
            named[asked.case][asked.quantity] = replace(comparison, diagnosis=name)


def _causes(comparisons: Mapping[str, Comparison]) -> dict[str, Comparison]:
    """Rows of one case that only follow from another's mistake get its name: of one crash, and of a hiding mistake."""
    crashes = {(c.file, c.line): c.diagnosis for c in comparisons.values() if c.verdict == "crashed" and c.diagnosis}
    found = dict(comparisons)
    names = {name for c in comparisons.values() for name in c.diagnosis.split("; ")}
    for quantity, c in comparisons.items():
        if not _fails(c):
            continue
        if c.verdict == "crashed" and not c.diagnosis:
            found[quantity] = replace(c, diagnosis=crashes.get((c.file, c.line), ""))
        if cause := _cause(c, {name: hidden for name, hidden in HIDES.items() if name in names}):
            found[quantity] = replace(c, diagnosis=cause)
    return found


def _cause(comparison: Comparison, hidden: Mapping[str, Sequence[str]]) -> str:
    """The first mistake of those that hide others from which all others that are named here follow, "" for none."""
    said = set(comparison.diagnosis.split("; ")) - {""}
    follows = (name for name, names in hidden.items() if said - {name} and said - {name} <= set(names))
    return next(follows, "")


def _fails(comparison: Comparison) -> bool:
    return comparison.verdict not in (*PASSING, "harness_error") and not comparison.explained_by


# ---- formulas ----


Claim = Callable[[Asked], str]


def _claims(calls: Sequence[Asked], cases: Mapping[str, Case]) -> tuple[Claim, Claim]:
    """What a call's part is diagnosed with: names that fit all calls of its own cases, and this call's case too.

    The second claim is for what has no name: a simple relation.
    """
    own: dict[str, list[Asked]] = {}
    other: dict[tuple[str, str], list[Asked]] = {}
    for asked in calls:
        case = cases[asked.case]
        beside = case.check in WHOLE or case.params.get("draw") == "to-1000" or case.lenient
        if beside:
            other.setdefault((asked.operation, asked.case), []).append(asked)
        else:
            own.setdefault(asked.operation, []).append(asked)
    found = {operation: reproduced(operation, asked) for operation, asked in own.items()}
    related = {operation: relation(asked) for operation, asked in own.items() if not found[operation]}
    alone = {operation for operation, asked in own.items() if any(a.wrong for a in asked)}
    # What only fails beside must be reproduced there, and be right where the part was right.
    seen_beside = {
        key: reproduced(key[0], [*asked, *own.get(key[0], ())]) for key, asked in other.items() if key[0] not in alone
    }

    def known(asked: Asked) -> str:
        beside = other.get((asked.operation, asked.case))
        if beside is None:
            return "; ".join(m.name for m in found[asked.operation])
        if asked.operation in alone:
            return "; ".join(m.name for m in found[asked.operation] if fits(m, beside))
        return "; ".join(m.name for m in seen_beside[asked.operation, asked.case])

    def simply(asked: Asked) -> str:
        beside = other.get((asked.operation, asked.case))
        said = related.get(asked.operation, "")
        if beside is None:
            return said
        # Of a part that fails on its own nothing else is said where it fails beside.
        return found_beside if (found_beside := relation(beside)) == said or asked.operation not in alone else ""

    return known, simply


def reproduced(operation: str, asked: Sequence[Asked]) -> list[Mistake]:
    """The known mistakes whose formula gives what was returned in all of these calls of a part."""
    if not any(a.wrong for a in asked):
        return []
    # What is cheapest to refute comes first.
    ordered = sorted(asked, key=lambda a: not a.wrong)
    known = [m for m in MISTAKES if m.operation == operation and m.formula is not None]
    named = [m for m in known if m.estimate is None and fits(m, ordered)]
    return named or [m for m in known if m.estimate is not None and fits(m, ordered)]


def fits(mistake: Mistake, asked: Sequence[Asked]) -> bool:
    """Whether a mistake's formula reproduces all of these calls, a wrong one among them."""
    number = None
    if mistake.estimate is not None:
        number = _estimated(mistake.estimate, asked)
        if number is None:
            return False
    explained = False
    for a in asked:
        a.found = number
        if isinstance(a.value, Failure) and a.value.kind != "crashed":
            return False
        predicted = _predicted(mistake, a)
        predictions = predicted if isinstance(predicted, list) else [predicted]
        prediction = next((p for p in predictions if _agrees(p, a)), None)
        if prediction is None:
            return False
        explained = explained or (a.wrong and prediction is not ANYTHING and not (a.free is not None and _all_free(a)))
    return explained


def _estimated(estimate: Estimate, asked: Sequence[Asked]) -> Any:
    """The number that a formula holds; None where these calls do not show it."""
    try:
        with np.errstate(all="ignore"):
            return estimate(asked)
    except (ValueError, IndexError, TypeError, AttributeError, ArithmeticError):  # of another kind or shape, infinite
        return None


def _all_free(a: Asked) -> bool:
    arrays = a.comparison.arrays
    with np.errstate(all="ignore"):
        return arrays is not None and bool((a.free | (np.abs(arrays[0] - arrays[1]) <= arrays[2])).all())


class _Raised:
    """The prediction that the call raises an exception."""


def _predicted(mistake: Mistake, a: Asked) -> Any:
    assert mistake.formula is not None
    try:
        with np.errstate(all="ignore"):
            return mistake.formula(a)
    except (ValueError, IndexError):  # shapes that do not fit together
        return _Raised()


def _agrees(prediction: Any, a: Asked) -> bool:
    if isinstance(a.value, Failure):
        return isinstance(prediction, _Raised) or prediction is ANYTHING
    if not isinstance(a.value, Returned):
        return False
    if isinstance(prediction, Kind):
        return prediction.kind in ("", a.value.kind)
    if not isinstance(prediction, Running) or a.value.array is None or a.value.array.dtype.kind not in "fiub":
        return False
    array = a.value.array
    value, allowance = prediction.value, prediction.allowance()
    if array.shape != value.shape:
        if array.size != value.size or array.squeeze().shape != value.squeeze().shape:
            return False
        array = array.reshape(value.shape)
    wide = np.asarray(array, np.longdouble)
    most = np.finfo(prediction.dtype).max
    with np.errstate(all="ignore"):
        near = np.abs(wide - value) <= allowance
        overflows = (np.abs(value) > most) & (wide == np.sign(value) * np.inf)
    same = (wide == value) | (np.isnan(wide) & np.isnan(value)) | overflows
    free = a.free if a.free is not None and a.free.shape == value.shape else False
    known = np.isfinite(allowance) | same | free
    # Where the formula is ill-conditioned it says nothing; it must say something of most elements.
    return bool((near | same | free | ~known).all()) and 2 * int(np.count_nonzero(known)) >= value.size


# ---- what experiments have said, and draws ----


def _said(case: Case, q: Quantity, comparison: Comparison, *, crash: bool = False) -> list[str]:
    """Names of known mistakes that a sentence tells of; `crash`: of those of crashes in general, else of all others."""
    if case.whole and case.process == "parts":  # what its parts do is said of them
        return []
    part = comparison.part or q.part
    sentence = message(case, q, comparison)
    known = [m for m in MISTAKES if m.said and m.part == part and (m.operation == "crash") == crash]
    return [m.name for m in known if re.search(m.said, sentence)]


def _drawn(
    plan: Sequence[Case], case: Case, q: Quantity, seen: Mapping[str, Observation], draw: Callable[[Case], Arrays]
) -> list[str]:
    """Names of the ways in which a constructor's numbers, or dropout's masks, may have been drawn instead."""
    if case.probe == "masks":
        return _drawn_masks([other for other in plan if other.probe == "masks"], seen, draw)
    if case.probe != "init" or case.params["test"] != "distribution":
        return []
    key = q.key[0]
    drawn = []
    for other in (other for other in plan if other.probe == "init"):
        D, M = other.params["D"], other.params["M"]
        for k in range(2):
            draws = array_of(seen[other.name], f"{key}@{k}", (1 if key == "b" else D, M), flat_ok=True)
            if draws is None or draws.dtype.kind != "f" or not np.isfinite(draws).all():
                return []
            drawn.append((draws, D, M))
    for operation in ("linear.init", GENERAL):
        known = [m for m in MISTAKES if m.operation == operation]
        if names := [m.name for m in known if all(m.experiment(*draws) for draws in drawn)]:  # type: ignore[misc]
            return names
    return []


def _drawn_masks(cases: Sequence[Case], seen: Mapping[str, Observation], draw: Callable[[Case], Arrays]) -> list[str]:
    stacks = []
    for case in cases:
        shape = (case.params["N"], case.params["M"])
        drawn = [array_of(seen[case.name], f"output@{k}", shape) for k in range(case.params["calls"])]
        whole = [s for s in drawn if s is not None]
        if len(whole) != len(drawn):
            return []
        s = np.stack(whole)
        stacks.append((kept_mask(s), case.params["r"], draw(case)["q"], s))
    known = [m for m in MISTAKES if m.operation == "dropout.masks" and m.experiment is not None]
    return [m.name for m in known if all(m.experiment(*stack) for stack in stacks)]  # type: ignore[misc]
