"""A run as its student may see it: without what a process with right parts among its files may have written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reports.model.records import FAILING, Record
from reports.model.run import Results, SavedRun

KEY = "for_students"
"""Under this an environment keeps what stands in place of what a student may not see."""
WITHHELD = (
    "Where parts are put together with right ones, only what is wrong and where is told: numbers, texts and output of "
    "that process are kept back, because it holds right parts."
)


def for_student(run: Results) -> SavedRun:
    """The run, with what it says for students in place of what was recorded of guarded cases; all of any other run."""
    known = run.environment.get(KEY)
    told, printed = (known.get("told"), known.get("printed")) if isinstance(known, Mapping) else (None, None)
    if not isinstance(told, Mapping) or not isinstance(printed, int):
        return SavedRun(list(run.records), dict(run.environment), dict(run.arrays), dict(run.inputs), run.output)
    records = [_told(record, told[record.case]) if record.case in told else record for record in run.records]
    named = {record.diagnosis for record in records}
    hints = run.environment.get("hints")
    kept = {name: hint for name, hint in hints.items() if name in named} if isinstance(hints, Mapping) else {}
    return SavedRun(
        records,
        {**run.environment, "hints": kept},
        {key: array for key, array in run.arrays.items() if not withheld(run, key.rsplit("/", 2)[0])},
        dict(run.inputs),
        run.output[:printed],
    )


def withheld(run: Results, case: str) -> bool:
    """Whether a student is not told what was recorded of a case."""
    known = run.environment.get(KEY)
    return isinstance(known, Mapping) and case in known.get("told", ())


def says_less(run: Results) -> bool:
    """Whether anything that is wrong with this run is told with less than was recorded.

    Of files that cannot be imported nothing else was.
    """
    if any(record.check == "import" and record.verdict in FAILING for record in run.records):
        return False
    return any(record.verdict != "match" and withheld(run, record.case) for record in run.records)


def _told(record: Record, told: Mapping[str, Mapping[str, Any]]) -> Record:
    """The record with what Parity itself knows, and of the rest only what is told."""
    said = told.get(record.quantity, {})
    return replace(
        record,
        step=None,
        gap=None,
        radius=None,
        ratio=None,
        ulps=None,
        bad=None,
        total=None,
        where="",
        got=None,
        want=None,
        blame="",
        undecided=None,
        resolution=None,
        diagnosis=str(said.get("diagnosis", "")),
        message=str(said.get("message", "")),
        note="",
        file=str(said.get("file", "")),
        line=said.get("line"),
        seconds=None,
    )
