"""The records of a run by what a reader must do about them: discrepancies, Parity's own faults, warnings, notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from reports.model.notes import Note
from reports.model.records import Record
from reports.model.verdicts import FAILING, MISSING, UNDECIDED, Verdict


@dataclass(frozen=True)
class Groups:
    """Records that every report shows apart. Each note is a record of its own, whose message it is."""

    discrepancies: list[Record]
    faults: list[Record]
    undecided: list[Record]
    notes: list[tuple[Record, Note]]
    strict: bool

    @cached_property
    def costly_notes(self) -> list[Record]:
        """Those for which a run is no agreement: promotion of the dtype never is, and nothing unless it is strict."""
        return [_shown(record, note) for record, note in self.notes if self.strict and note.kind.costs]

    @cached_property
    def free_notes(self) -> list[Record]:
        """The others."""
        return [_shown(record, note) for record, note in self.notes if not (self.strict and note.kind.costs)]


def grouped(records: Sequence[Record], strict: bool = False) -> Groups:
    """These records in groups. Notes cost with `strict` alone."""
    fails = [record for record in records if record.verdict in FAILING]
    return Groups(
        discrepancies=[record for record in fails if record.verdict != Verdict.HARNESS_ERROR],
        faults=[record for record in fails if record.verdict == Verdict.HARNESS_ERROR],
        undecided=[record for record in records if record.verdict == UNDECIDED],
        notes=list(notes_in(records)),
        strict=strict,
    )


def _shown(record: Record, note: Note) -> Record:
    bare = replace(
        record, message=note.text, quantity="", verdict=Verdict.MATCH, diagnosis="", explained_by="", file=""
    )
    return bare.with_notes([note])


def notes_in(records: Sequence[Record]) -> Iterator[tuple[Record, Note]]:
    """The notes, each with its record; none where something of its case is not implemented."""
    unwritten = {record.case for record in records if record.verdict == MISSING}
    for record in records:
        if record.note and record.case not in unwritten:
            yield from ((record, note) for note in record.notes)
