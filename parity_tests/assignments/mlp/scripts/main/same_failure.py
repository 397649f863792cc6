"""Whether a smaller run of main fails in the same way: its quantity, its verdict, and what it is called."""

from __future__ import annotations

from collections.abc import Mapping

from parity_tests.assignments.mlp.mistakes.main import HIDDEN, NAMES
from parity_tests.protocol.comparison import Comparison
from reports.model.records import Record
from reports.model.verdicts import Verdict

Judged = Mapping[str, Comparison]


def fails_alike(record: Record, judged: Judged) -> bool:
    """Whether the verdicts on a smaller run show the failure of a record."""
    comparison = judged.get(record.quantity)
    if comparison is None or comparison.verdict != record.verdict:
        return False
    if record.verdict in (Verdict.CRASHED, Verdict.MISSING, Verdict.TIMEOUT):
        return record.verdict == Verdict.TIMEOUT or comparison.line == (record.line or None)
    names = set(record.diagnosis.split("; ")) if record.diagnosis else set()
    known = names & set().union(*NAMES.values())
    of_this = _names(comparison)
    alike = _figures(comparison) == _figures(record)
    if not known:
        return alike and (bool(record.diagnosis) or not of_this)  # another way of naming may have come first
    # A row that only follows from another mistake of the run has that one's name.
    wrong = [one for one in judged.values() if one.verdict == Verdict.MISMATCH]
    of_all = {name for one in wrong for name in _names(one)}
    hidden = {name for cause in known for name in HIDDEN.get(cause, ())}
    follows = alike or bool(of_this & hidden)
    return known <= of_this or (follows and (known <= of_all or of_this <= hidden))


def causes(record: Record, judged: Judged) -> list[str]:
    """Of a row that only follows from another mistake of the run: the quantities that this one shows itself in."""
    known = set(record.diagnosis.split("; ")) & set(HIDDEN)
    return [
        quantity
        for quantity, one in judged.items()
        if one.verdict == Verdict.MISMATCH and quantity != record.quantity and known & _names(one)
    ]


def _names(comparison: Comparison) -> frozenset[str]:
    """The names of the mistakes that what was found shows; of several none is true of it alone."""
    names = NAMES.get(comparison.finding, frozenset())
    return names if len(names) == 1 else frozenset()


def _figures(one: Record | Comparison) -> tuple[bool, ...]:
    """Which figures a failure has: a record has no finding, and these tell a wrong number from a wrong way."""
    return one.gap is None, one.step is None, one.got is None


def words(quantity: str, comparison: Comparison) -> str:
    """What is wrong with a quantity, in few words."""
    if comparison.verdict == Verdict.CRASHED:
        return "main crashes"
    numbers = comparison.got is not None and quantity.split()[-1] in ("weights", "losses", "accuracy")
    return "it is not what torch says" if numbers else "it is not what is asked for"
