"""A run as its student may see it: without what a process with right parts among its files may have written."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reports.model.notes import NoteKind
from reports.model.records import Column, Record, columns_of
from reports.model.run import Results, SavedRun
from reports.model.verdicts import FAILING, Verdict

if TYPE_CHECKING:
    import numpy as np

WITHHELD = (
    "Where parts are put together with right ones, only what is wrong and where is shown: numbers, texts and output of "
    "that process are withheld, because it holds right parts."
)


@dataclass(frozen=True)
class StudentRun(SavedRun):
    """A run as its student may see it: only `for_student` makes one."""


class _Told(Mapping[str, "np.ndarray"]):
    """The arrays of these names, which are read no sooner than they are asked for."""

    def __init__(self, arrays: Mapping[str, np.ndarray], names: list[str]) -> None:
        self._arrays = arrays
        self._names = dict.fromkeys(names)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(name)
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def for_student(run: Results) -> StudentRun:
    """The run, with what it says for students in place of what was recorded of guarded cases; all of any other run."""
    if isinstance(run, StudentRun):
        return run
    known, environment = run.environment.for_students, run.environment.for_student()
    if known is None:
        return StudentRun(list(run.records), environment, run.arrays, dict(run.inputs), run.output)
    told = known.told
    columns = columns_of(type(run.records[0])) if run.records else {}
    records = [_told(record, told[record.case], columns) if record.case in told else record for record in run.records]
    named = {record.diagnosis for record in records}
    hints = {name: hint for name, hint in (environment.hints or {}).items() if name in named}
    return StudentRun(
        records,
        replace(environment, hints=hints),
        _Told(run.arrays, [name for name in run.arrays if name.rsplit("/", 2)[0] not in told]),
        dict(run.inputs),
        run.output[: known.printed],
    )


def withheld_cases(run: Results) -> Container[str]:
    """The cases of which a student is not told what was recorded."""
    known = run.environment.for_students
    return () if known is None else known.told


def says_less(run: Results) -> bool:
    """Whether anything that is wrong with this run is told with less than was recorded.

    Of files that cannot be imported nothing else was.
    """
    if any(record.check == "import" and record.verdict in FAILING for record in run.records):
        return False
    cases = withheld_cases(run)
    return any(record.case in cases and record.verdict != Verdict.MATCH for record in run.records)


def _told(record: Record, told: Mapping[str, Mapping[str, Any]], columns: Mapping[str, tuple[Any, Column]]) -> Record:
    """A record of what may be told of any, and of what Parity itself knows; of nothing else that was recorded."""
    said = told.get(record.quantity, {})
    edition = str(said.get("edition", ""))
    chosen = {
        "diagnosis": str(said.get("diagnosis", "")),
        "message": str(said.get("message", "")),
        "file": str(said.get("file", "")),
        "line": said.get("line"),
        "note": edition,
        "note_kinds": NoteKind.EDITION * bool(edition),
    }
    allowed = {name: getattr(record, name) for name, (_, column) in columns.items() if column.student}
    nothing = {name: "" if of is str else None for name, (of, _) in columns.items()}
    return type(record)(**{**nothing, **allowed, **chosen})
