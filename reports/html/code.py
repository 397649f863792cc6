"""The submission's own lines on a page: those of the part that a card is about, with the place marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.model.records import Record
from reports.model.run import Results


@dataclass(frozen=True)
class CodeLine:
    """A line of code: its number, None where lines are left out, its text, and whether it is the place."""

    number: int | None
    text: str
    here: bool


@dataclass(frozen=True)
class Code:
    """Lines of one file of the submission."""

    file: str
    lines: list[CodeLine]


def code_of(run: Results, records: Sequence[Record]) -> list[Code]:
    """The lines that the run kept of the parts of these records, by file; the places that they name are marked."""
    kept: dict[str, dict[int, str]] = {}
    for part in dict.fromkeys(record.part for record in records):
        for file, lines in (run.environment.excerpts or {}).get(part, {}).items():
            kept.setdefault(file, {}).update(lines)
    places = {(record.file, record.line) for record in records}
    return [Code(file, _lines(file, numbered, places)) for file, numbered in kept.items() if numbered]


def _lines(file: str, numbered: dict[int, str], places: set[tuple[str, int | None]]) -> list[CodeLine]:
    """The lines in order, a mark where some are left out; empty ones only between others."""
    lines: list[CodeLine] = []
    written = sorted(number for number, text in numbered.items() if text.strip())
    for before, number in zip([None, *written], written, strict=False):
        between = range((before or number) + 1, number)
        if all(empty in numbered for empty in between):
            lines += [CodeLine(empty, "", here=False) for empty in between]
        else:
            lines.append(CodeLine(None, "", here=False))
        lines.append(CodeLine(number, numbered[number], here=(file, number) in places))
    return lines
