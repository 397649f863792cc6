"""The records of a run by what a reader must do about them: discrepancies, Parity's own faults, warnings, notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reports.model.notes import Note
from reports.model.records import Record
from reports.model.verdicts import FAILING, Verdict


@dataclass(frozen=True)
class Groups:
    """Records that every report shows apart. Each note is a record of its own, whose message it is."""

    discrepancies: list[Record]
    costly_notes: list[Record]
    faults: list[Record]
    undecided: list[Record]
    free_notes: list[Record]


def grouped(records: Sequence[Record], strict: bool = False) -> Groups:
    """These records in groups. Notes cost with `strict` alone, promotion of the dtype never."""
    costly: list[Record] = []
    free: list[Record] = []
    for record, note in notes_in(records):
        shown = replace(
            record,
            message=note.text,
            quantity="",
            verdict=Verdict.MATCH,
            diagnosis="",
            explained_by="",
            file="",
        ).with_notes([note])
        (costly if strict and note.kind.costs else free).append(shown)
    return Groups(
        discrepancies=[record for record in records if record.verdict in FAILING - {Verdict.HARNESS_ERROR}],
        costly_notes=costly,
        faults=[record for record in records if record.verdict == Verdict.HARNESS_ERROR],
        undecided=[record for record in records if record.verdict == Verdict.UNDECIDED],
        free_notes=free,
    )


def notes_in(records: Sequence[Record]) -> Iterator[tuple[Record, Note]]:
    """The notes, each with its record; none where something of its case is not implemented."""
    unwritten = {record.case for record in records if record.verdict == Verdict.MISSING}
    for record in records:
        if record.case not in unwritten:
            yield from ((record, note) for note in record.notes)
