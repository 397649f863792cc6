"""Says what a student may be told of the cases that were put to a process with right parts among its files.

The submission runs in that process as well, and can read these parts. So nothing in which it could write them down goes
to its author: no text, no number, no name of its own. What is told is chosen here from what Parity itself knows.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parity_tests.harness.diagnosis.name_mistakes import all_hints
from parity_tests.harness.returned import result_of
from parity_tests.harness.source_lines import LARGEST_FILE
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE
from reports.model.environment import ForStudents
from reports.model.notes import NoteKind, noted
from reports.model.records import Record
from reports.model.verdicts import Verdict, row_of

MOST_PLACES = 5
"""So many different places or types of exceptions are told of a submission: each is a number that it may choose."""
_EXCEPTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)


def guarded(assignment: Assignment, isolation: str) -> frozenset[str]:
    """The processes of which no text and no number goes to a student: all but the first, which holds no right parts.

    At the level "none" there are none: whoever runs there reads the whole disk.
    """
    return frozenset(assignment.inside.processes) - {assignment.inside.own} if isolation != "none" else frozenset()


def told_to_students(
    assignment: Assignment,
    folder: Path,
    cases: Sequence[Case],
    records: Sequence[Record],
    seen: Mapping[str, Observation],
    *,
    isolation: str,
    printed: int,
) -> ForStudents | None:
    """What stands in place of the records of guarded processes for a student, as the environment of a run keeps it.

    These are sentences, names of mistakes and places by case and quantity, and how much of the output may be shown: the
    `printed` bytes of the first process. None where no case was put to a guarded process.
    """
    processes = guarded(assignment, isolation)
    by_name = {case.name: case for case in cases if case.process in processes}
    if not by_name:
        return None
    teller = _Teller(assignment, folder)
    told: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in by_name}
    for record in records:
        if record.case not in by_name:
            continue
        said = {}
        if record.verdict != Verdict.MATCH:
            said = teller.told(by_name[record.case], record, seen[record.case])
        if own := noted(note for note in record.notes if note.kind is NoteKind.EDITION)[0]:
            said["edition"] = own  # Parity's own words, without a number
        if said:
            told[record.case][record.quantity] = said
    return ForStudents(told, printed)


class _Teller:
    """Tells of the failures of one submission."""

    def __init__(self, assignment: Assignment, folder: Path) -> None:
        self._folder = folder
        self._names = frozenset(all_hints(assignment.diagnosis()) if assignment.diagnosis is not None else ())
        self._lengths: dict[str, int] = {}
        self._places: set[tuple[str, str, int]] = set()

    def told(self, case: Case, record: Record, seen: Observation) -> dict[str, Any]:
        """The sentence about a record, with the name of the mistake and the place where Parity itself knows them."""
        said, error = row_of(record.verdict).told, ""
        if record.verdict == Verdict.MISMATCH and _is_absent(case, record, seen):
            said = "is absent: nothing was returned for it"
        if record.verdict == Verdict.CRASHED:
            name = _error_of(case, record, seen)
            error = name if name in _EXCEPTIONS else "an exception of its own" if name else ""
        file, line = self._place(record)
        chosen = (error, file, line)
        if len(self._places - {chosen}) >= MOST_PLACES:
            error, file, line = "", "", 0
        elif file or error:
            self._places.add(chosen)
        where = f" ({file}, line {line})" if file else ""
        raised = f", because the submission raised {error}" if error else ""
        return {
            "message": f"{case.title}: {record.quantity} {said}{raised}{where}",
            "diagnosis": "; ".join(name for name in record.diagnosis.split("; ") if name in self._names),
            "file": file,
            "line": line or None,
        }

    def _place(self, record: Record) -> tuple[str, int]:
        """The place of a failure where it is a line of one of the submission's own files, "" and 0 elsewhere."""
        line = record.line or 0
        return (record.file, line) if 0 < line <= self._length(record.file) else ("", 0)

    def _length(self, name: str) -> int:
        """How many lines one of the submission's own Python files has; 0 for anything else."""
        if name not in self._lengths:
            self._lengths[name] = _lines_of(self._folder, name)
        return self._lengths[name]


def _lines_of(folder: Path, name: str) -> int:
    parts = Path(name).parts
    if not name.endswith(".py") or Path(name).is_absolute() or ".." in parts:
        return 0
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()) or path.stat().st_size > LARGEST_FILE:
            return 0
        return len(path.read_bytes().splitlines())
    except (OSError, ValueError):  # no such file, or a name that none can have
        return 0


def _found(case: Case, record: Record, seen: Observation) -> Returned | Failure | None:
    quantity = next((q for q in case.quantities if q.name == record.quantity), None)
    return result_of(seen, quantity.key) if quantity is not None else None


def _is_absent(case: Case, record: Record, seen: Observation) -> bool:
    """Whether None stands in the place of what was asked, as of a gradient that a dict lacks."""
    found = _found(case, record, seen)
    return isinstance(found, Returned) and found.kind == "none"


def _error_of(case: Case, record: Record, seen: Observation) -> str:
    """The name of the exception that a failure comes of, "" where there was none."""
    found = _found(case, record, seen)
    failures = [found, seen.failures.get(WHOLE_CASE), *seen.failures.values()]
    return next((f.error for f in failures if isinstance(f, Failure) and f.kind == record.verdict), "")
