"""The pass for fixes: of each wrong submission of a graded class, the changes of its source that make a part right.

It earns nobody a point. What was sought stays beside the result, so that it goes on where it was stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from parity_tests.grading.decode import DecodeError, from_json
from parity_tests.grading.folder import GradingFolder, Result, json_text
from parity_tests.grading.task import Task, at_work_on
from parity_tests.harness.repair import repairs, wrong_parts
from parity_tests.protocol.registry import find
from reports.model.environment import Environment
from reports.model.fixes import Fix
from reports.model.records import Record, from_table, read_table
from reports.model.run_folder import load
from reports.model.write_whole import write_whole

FIXES = "fixes.json"


class Sought(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in fixes.json: of the result with this digest, the parts that were sought in, and what was found."""

    digest: str
    parts: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    trouble: str = ""


@dataclass(frozen=True)
class Search:
    """The work on one submission: its files, and what was recorded of it."""

    task: Task
    digest: str
    records: Sequence[Record]
    environment: Environment


def sought(folder: GradingFolder, result: Result) -> Sought | None:
    """What was sought in the source of this very result; None where nothing was."""
    try:
        text = (folder.submissions / result.name / FIXES).read_text(encoding="utf-8")
        found = from_json(text, Sought)
    except (OSError, UnicodeDecodeError, DecodeError):
        return None
    return found if found.digest == result.digest else None


def searches(folder: GradingFolder, tasks: Iterator[tuple[Task, Result]], until: float) -> Iterator[Search]:
    """The work that is still to do, until a time of the monotonic clock."""
    for task, result in tasks:
        if time.monotonic() > until:
            return
        if not result.missing and sought(folder, result) is None and not folder.damage(result):
            where = folder.submissions / result.name
            records = from_table(read_table(where / "records.parquet"))
            if wrong_parts(find(task.settings.assignment), records):
                yield Search(task, result.digest, records, load(where, records).environment)


def seek(search: Search) -> Sought:
    """Look for the fixes of one submission, in the sandbox that it was checked in. What goes wrong costs its fixes."""
    settings, assignment = search.task.settings, find(search.task.settings.assignment)
    parts = tuple(wrong_parts(assignment, search.records))
    try:
        with at_work_on(search.task) as (folder, servers):
            environment = replace(
                search.environment, submission=str(folder), seed=settings.seed, isolation=settings.isolation
            )
            found = repairs(assignment, search.records, environment, allow=settings.allow, servers=servers)
    except Exception as error:  # of the harness, or of a disk that is full: no fix is claimed
        return Sought(search.digest, parts, trouble=f"{type(error).__name__}: {error}")
    return Sought(search.digest, parts, tuple(fix for repair in found for fix in repair.fixes))


def keep(folder: GradingFolder, search: Search, found: Sought) -> None:
    """Writes what was sought beside the result, whole."""
    write_whole(folder.submissions / search.task.name / FIXES, json_text(found).encode("utf-8", "backslashreplace"))
