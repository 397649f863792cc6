"""The records of a run by what a reader must do about them: discrepancies, Parity's own faults, warnings, notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reports.model.records import FAILING, Record, costs_when_strict, note_parts


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
    notes = [
        replace(record, message=note, quantity="", verdict="match", diagnosis="", explained_by="", file="")
        for record in records
        for note in note_parts(record)
    ]
    costly = [note for note in notes if strict and costs_when_strict(note.message)]
    return Groups(
        discrepancies=[record for record in records if record.verdict in FAILING - {"harness_error"}],
        costly_notes=costly,
        faults=[record for record in records if record.verdict == "harness_error"],
        undecided=[record for record in records if record.verdict == "undecided"],
        free_notes=[note for note in notes if not (strict and costs_when_strict(note.message))],
    )
