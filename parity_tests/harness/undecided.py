"""Says where too much is undecided to be let pass: a part of which rounding leaves more than a tenth open."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from reports.model.records import Record

MOST = 0.1
"""The share of a part's elements up to which undecided ones are let pass."""


def refused(records: Sequence[Record], labels: dict[str, str]) -> list[Record]:
    """The records, of which those that are undecided are unjudged where too many elements of their part are.

    `labels` are the names of the parts by their ids.
    """
    undecided: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for record in records:
        total[record.part] += record.total or 1
        undecided[record.part] += record.undecided or (record.total or 1) * (record.verdict == "undecided")
    return [
        replace(record, verdict="unjudged", message=_message(record, labels, undecided, total))
        if record.verdict == "undecided" and undecided[record.part] > MOST * total[record.part]
        else record
        for record in records
    ]


def _message(record: Record, labels: dict[str, str], undecided: Counter[str], total: Counter[str]) -> str:
    part = record.part
    return (
        f"{record.message.rstrip('.')}; {undecided[part]} of the {total[part]} elements of {labels.get(part, part)} "
        f"are undecided, more than a tenth: that is no agreement until a human has looked"
    )
