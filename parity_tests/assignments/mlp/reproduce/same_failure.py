"""Whether a smaller case fails in the same way as a record: quantity, verdict, and what it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parity_tests.assignments.mlp.kinds.turns import plain
from parity_tests.assignments.mlp.mistakes.relations import RELATIONS
from parity_tests.assignments.mlp.plan import KINDS
from parity_tests.harness.diagnosis.formulas import fits
from parity_tests.harness.diagnosis.relations import relation
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.diagnosis import Arrays
from parity_tests.protocol.finding import Odd
from parity_tests.protocol.mistake import Call, Mistake
from parity_tests.protocol.observation import Observation
from reports.model.records import Record
from reports.model.verdicts import Verdict

BY_FINDING = ("init", "masks", "labels", "split", "velocities", "loader")
"""The kinds of cases whose failures are told apart by what they are found to be."""
IN_OTHER_SIZES: Mapping[str, str] = {Odd.COLUMNS_ALIKE: Odd.ROWS_ALIKE, Odd.TURNS_ALIKE: Odd.CALLS_ALIKE}
"""What the same masks may be found to be where there are more of them, or fewer."""
SHOWN_BY_SMALL_NUMBERS = ("right up to the sign", "right to float32 digits only")
"""Relations that small readable numbers show as well as those of the case do."""


def same_failure(record: Record) -> tuple[str, ...]:
    """The part, name and quantity of a failure: records that share them are one discrepancy.

    A call of `main` that does not come to its end fails all its quantities at once, and is one discrepancy; so is a
    function that does not come back.
    """
    word = plain(record.quantity)
    if record.check == "sgd" and record.quantity != "model returned":
        word = "weights"
    if record.verdict == Verdict.TIMEOUT or (
        record.check == "main" and record.verdict in (Verdict.CRASHED, Verdict.MISSING)
    ):
        word = f"{record.check} {record.verdict}"
    return record.part, record.diagnosis, word


def fails_alike(
    record: Record,
    mistakes: Sequence[Mistake],
    found: str,
    case: Case,
    arrays: Arrays,
    seen: Observation,
    judged: Mapping[str, Comparison],
) -> bool:
    """Whether a smaller case fails as a record does.

    `mistakes` are those of its names that must be seen there, too, and `found` is what its own case was found to be.
    """
    comparison = judged[record.quantity]
    if comparison.verdict != record.verdict or comparison.explained_by:
        return False
    if record.verdict == Verdict.CRASHED:
        return (comparison.line or None) == (record.line or None)
    if record.verdict != Verdict.MISMATCH:
        return True
    if (comparison.gap is None) != (record.gap is None):
        return False
    if case.probe in BY_FINDING:
        return IN_OTHER_SIZES.get(comparison.finding, comparison.finding) == IN_OTHER_SIZES.get(found, found)
    calls = list(KINDS[case.probe].evidence(case, arrays, seen, judged))
    if mistakes:
        return all(reproduces(mistake, calls, record.quantity) for mistake in mistakes)
    related = relation([call for call in calls if call.quantity == record.quantity], RELATIONS)
    return record.diagnosis not in SHOWN_BY_SMALL_NUMBERS or related == record.diagnosis


def reproduces(mistake: Mistake, calls: Sequence[Call], quantity: str) -> bool:
    """Whether a formula gives what was returned: for this quantity, or in all calls of its part."""
    own = [call for call in calls if call.quantity == quantity]
    if not own or own[0].operation != mistake.operation:
        return False
    return fits(mistake, own) or fits(mistake, [call for call in calls if call.operation == mistake.operation])
