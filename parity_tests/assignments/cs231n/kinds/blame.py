"""Blames a layer's failure on the function that it comes of: its forward, whose cache it works on, or one it calls.

A backward that is right for its own wrong forward is not to blame, and open: what a process says of itself proves
nothing, so that it is right only where the diagnosis knows the forward's mistake and computes its derivative. Any other
one beside a wrong forward cannot be judged where its cache holds more than what the forward was given; nor can a
function that calls another one which is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.kinds.beside_root import settled
from parity_tests.assignments.cs231n.kinds.handed_on import HANDED_ON
from parity_tests.assignments.cs231n.kinds.rows import CALLED, to_rows
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, left_open
from parity_tests.protocol.finding import SHAPE, TRANSPOSED
from parity_tests.protocol.kind import Judged
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key, Quantity
from reports.model.notes import Note, NoteKind
from reports.model.verdicts import PASSING, Verdict

KINDS = ("layer", "running")
"""The kinds of cases that may have causes elsewhere."""
STEP = 1e-6
"""By how much inputs are moved for a derivative of the submission's own forward: so little that hardly a maximum moves
to another place, of which the differences would tell another slope."""
OWN = Note(NoteKind.OWN_FORWARD, "is the derivative of its own forward, which is what is wrong")
SAID = Note(NoteKind.OWN_FORWARD, "is said to be the derivative of its own forward")
NO_DERIVATIVE = Note(NoteKind.OWN_FORWARD, "is no derivative of its own forward")
FOUND_ALONE = (SAID, NO_DERIVATIVE)
"""What is noted of one case for `blamed`, which settles it over all cases and takes the note away."""
NO_PROOF = "it seems to be the derivative of that one, which only a known mistake of that one can prove"
AS_CALLED = "is what the submission's {} makes of the same places, which is what is wrong"
FAILED_IN_CALL = (Verdict.MISMATCH, Verdict.CRASHED)
"""How a forward that is there may fail."""
OF_BIASES = ("db", "dbeta")
WORKS_ON, CALLS = "its input is that one's output", "it calls that one"


def with_causes(case: Case, seen: Observation, judged: Judged) -> Judged:
    """The same; what fails says which other function may be why: that is borne out, or not, by `blamed`."""
    found = dict(judged)
    outs = {q.key.call: judged[q.name] for q in case.quantities if q.key.name == "out"}
    called = _called(seen)
    for q in case.quantities:
        comparison = judged[q.name]
        if comparison.verdict not in FAILED_IN_CALL or comparison.explained_by:
            continue
        cause = next(iter(called.get(q.part, ())), "")
        if q.part != case.params["forward"]:
            out = outs.get(q.key.call)
            told = out is not None and (
                out.verdict in (*FAILED_IN_CALL, Verdict.MISSING) or HANDED_ON in comparison.notes
            )
            if told and _may_be_spoiled(case, q, seen, judged):
                cause = case.params["forward"]
        if cause:
            found[q.name] = replace(comparison, explained_by=cause)
    return found


def _called(seen: Observation) -> dict[str, list[str]]:
    """Which other functions each function called, as the process says."""
    told = seen.facts.get("calls", {})
    known = told.items() if isinstance(told, dict) else ()
    return {str(name): [str(one) for one in others] for name, others in known if isinstance(others, list)}


def _may_be_spoiled(case: Case, quantity: Quantity, seen: Observation, judged: Judged) -> bool:
    """Whether a backward's failure may come of its cache: not of one that holds what the forward was given alone.

    Nor where a norm's dx is right, or right for what was handed on, which uses all that such a cache holds. What a bias
    gets is of the incoming gradient alone.
    """
    comparison = judged[quantity.name]
    if comparison.verdict == Verdict.MISMATCH and quantity.key.name.removeprefix("alt ") in OF_BIASES:
        return False
    if seen.facts.get(f"given {quantity.key.call}") is True and HANDED_ON not in comparison.notes:
        return False
    siblings = [q for q in case.quantities if q.part == quantity.part and q.key.call == quantity.key.call]
    dx = next((q for q in siblings if q.key.name.endswith("dx")), None)
    is_norm = "gamma" in case.params["arrays"]
    if HANDED_ON in comparison.notes or not is_norm or dx is None:
        return True
    return not (judged[dx.name].verdict in PASSING or HANDED_ON in judged[dx.name].notes)


def derivatives(case: Case, arrays: Mapping[str, Any], seen: Observation) -> Iterator[tuple[str, Note]]:
    """The backwards, each with what the submission's process says that its gradients are to its own forward.

    That can leave a backward open, and no more. One that copies dout is of no forward that does something.
    """
    for number, function in enumerate(case.params["backward"]):
        dx = seen.values.get(Key(f"{'alt ' * number}dx"))
        copied = dx is not None and _is_copy(dx.array, arrays["dout_0"])
        said = seen.facts.get(f"derivative {number}")
        if _is_derivative(said) and not copied:
            yield function, SAID
        elif said:
            yield function, NO_DERIVATIVE


def _is_copy(dx: NDArray[Any] | None, dout: NDArray[Any]) -> bool:
    return dx is not None and dx.shape == dout.shape and np.array_equal(dx, dout)


def _is_derivative(said: Any) -> bool:
    """Whether gradients agree with central differences, within what the two of these differ by, and rounding."""
    if not (isinstance(said, list) and len(said) == 4 and all(isinstance(x, float) for x in said)):
        return False
    gradient, first, second, scale = said
    rounding = 64 * float(np.finfo(np.float64).eps) * scale / STEP
    return bool(abs(gradient - second) <= abs(first - second) + rounding < abs(gradient))


def blamed(plan: Sequence[Case], judged: Mapping[str, Mapping[str, Comparison]]) -> dict[str, dict[str, Comparison]]:
    """The same: open are the backwards that are right for their own wrong forward, and what has a true cause.

    A function that calls a wrong one fails only because of that where it returns what that one did; else of its own.
    """
    rows = [(case, q) for case in plan if case.probe in KINDS for q in case.quantities]
    judged = settled(rows, judged)
    found = {case: dict(comparisons) for case, comparisons in judged.items()}
    own = _said_to_be_right(rows, judged)
    wrong: dict[str, set[int]] = {case.name: set() for case in plan}
    for case, q in rows:
        if q.key.name == "out" and _fails(judged[case.name][q.name]):
            wrong[case.name].add(q.key.call)
    guilty = {q.part for case, q in rows if _fails(judged[case.name][q.name]) and _is_own(judged[case.name][q.name])}
    outs = {(case.name, q.key.call): judged[case.name][q.name] for case, q in rows if q.key.name == "out"}
    shown = own | {q.part for case, q in rows if HANDED_ON in judged[case.name][q.name].notes}
    partly = _right_in_part(rows, judged)
    in_rows = {case.params["rows_of"]: case for case in plan if "rows_of" in case.params}
    for case, q in rows:
        comparison, cause = judged[case.name][q.name], judged[case.name][q.name].explained_by
        spoiled = q.key.call in wrong[case.name]
        handed_on = HANDED_ON in comparison.notes and (spoiled or cause in guilty)
        comparison = replace(
            comparison, notes=tuple(note for note in comparison.notes if note not in (HANDED_ON, *FOUND_ALONE))
        )
        found[case.name][q.name] = comparison
        if handed_on:
            one = replace(HANDED_ON, text=f"gives a {q.key.name} that {HANDED_ON.text}")
            note = one if q.part in partly else HANDED_ON
            found[case.name][q.name] = opened(comparison.noting(note), case.params["forward"])
        elif comparison.verdict == Verdict.MISMATCH and q.part in own and spoiled:
            found[case.name][q.name] = opened(comparison, case.params["forward"], NO_PROOF)
        elif comparison.verdict not in FAILED_IN_CALL or not cause:
            continue
        elif comparison.verdict == Verdict.MISMATCH and cause in CALLED.get(q.part, ()) and case.name in in_rows:
            called = in_rows[case.name]
            same = _is_what_was_called(comparison, q, called, judged[called.name])
            found[case.name][q.name] = (
                opened(comparison.noting(AS_CALLED.format(cause), kind=NoteKind.OWN_FORWARD), cause, CALLS)
                if same
                else replace(comparison, explained_by="")
            )
        elif q.part in shown and spoiled and not _is_finite(outs[case.name, q.key.call]):
            continue  # of what is no number nothing can be made
        elif cause in guilty or (spoiled and cause == case.params["forward"]):
            of_forward = cause == case.params["forward"]
            missing = of_forward and outs[case.name, q.key.call].verdict == Verdict.MISSING
            found[case.name][q.name] = opened(
                comparison, cause, WORKS_ON if of_forward else CALLS, "not implemented" if missing else "wrong"
            )
        elif comparison.failure is None:
            found[case.name][q.name] = replace(comparison, explained_by="")
    return found


def _right_in_part(rows: Sequence[tuple[Case, Quantity]], judged: Mapping[str, Mapping[str, Comparison]]) -> set[str]:
    """The backwards of which one gradient is right for what was handed on in a call, and another one is not."""
    wrong = {
        noted: {
            (q.part, case.name, q.key.call)
            for case, q in rows
            if judged[case.name][q.name].verdict == Verdict.MISMATCH
            and (HANDED_ON in judged[case.name][q.name].notes) == noted
        }
        for noted in (True, False)
    }
    return {part for part, _, _ in wrong[True] & wrong[False]}


def _said_to_be_right(
    rows: Sequence[tuple[Case, Quantity]], judged: Mapping[str, Mapping[str, Comparison]]
) -> set[str]:
    """The backwards that are said to be the derivative of their own forward in every case that shows it to be wrong."""
    noted: dict[Note, set[str]] = {note: set() for note in FOUND_ALONE}
    for case, q in rows:
        for note, parts in noted.items():
            if note in judged[case.name][q.name].notes:
                parts.add(q.part)
    return noted[SAID] - noted[NO_DERIVATIVE]


def _is_what_was_called(
    comparison: Comparison, quantity: Quantity, called: Case, judged: Mapping[str, Comparison]
) -> bool:
    """Whether a wrong result for images is that of a function of this case, which works on their places as rows."""
    alike = [q for q in called.quantities if q.key.name.removeprefix("alt ") == quantity.key.name]
    # A sum over the rows in another order rounds otherwise: by at most so many units of its largest number.
    units = max(shape["x"][0] for shape in called.params["shapes"]) * float(np.finfo(called.dtype).eps)
    return any(_is_same(comparison, judged[q.name], units) for q in alike if q.key.call == quantity.key.call)


def _is_same(images: Comparison, rows: Comparison, units: float) -> bool:
    if images.arrays is None or rows.arrays is None:  # of another shape, or no array at all
        return images.arrays is rows.arrays and _fails_alike(images, rows)
    got, want, radius = (to_rows(array) if array.ndim == 4 else array for array in images.arrays)
    other = rows.arrays[0]
    if got.shape != other.shape:
        return False
    with np.errstate(all="ignore"):
        larger = np.fmax(np.abs(other / want), 1.0)  # what is larger is rounded more
        allowed = np.fmax(radius * larger, units * np.abs(other).max(axis=0, initial=0.0))
        same = (np.abs(got - other) <= allowed) | (got == other) | (np.isnan(got) & np.isnan(other))
        return bool(same.all())


def _fails_alike(one: Comparison, other: Comparison) -> bool:
    """Whether both raise the same, or return the same that is no array."""
    if one.failure is not None and other.failure is not None:
        return (one.failure.error, one.failure.said) == (other.failure.error, other.failure.said)
    alike = one.failure is other.failure and one.finding == other.finding
    return alike and one.finding not in ("", SHAPE, TRANSPOSED)


def _is_finite(comparison: Comparison) -> bool:
    return comparison.arrays is None or bool(np.isfinite(comparison.arrays[0]).all())


def _is_own(comparison: Comparison) -> bool:
    return not comparison.explained_by


def _fails(comparison: Comparison) -> bool:
    return comparison.verdict not in PASSING


def opened(comparison: Comparison, cause: str, why: str = WORKS_ON, what: str = "wrong") -> Comparison:
    """A comparison that leaves open whether the function is right, because of the cause: that is `what` it is."""
    return left_open(comparison, cause, f"is not judged, because {cause} is {what}: {why}")
