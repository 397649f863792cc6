"""The exit statuses, and which of them a list of records means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.model.records import Record

AGREEMENT, DISCREPANCIES, UNUSABLE, OWN_FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def status_of(records: Sequence[Record], strict: bool) -> int:
    """The exit status of a run with these records; with `strict`, notes count as discrepancies."""
    from reports.model.records import failing

    if any(record.of_harness for record in records):
        return OWN_FAULT
    return DISCREPANCIES if any(failing(record, strict) for record in records) else AGREEMENT
