"""Makes the tables of a class, and each student's page, from the results that there are: nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from parity_tests.grading.alike import PAGE, alike_of, lines_given, side_by_side
from parity_tests.grading.class_files import ClassFiles
from parity_tests.grading.class_table import ClassTable
from parity_tests.grading.flags import (
    Flag,
    FlagKind,
    concealed_flags,
    flags_frame,
    flags_of,
    given_flags,
    likeness_flags,
    roster_flags,
    twice_flags,
    version_flags,
)
from parity_tests.grading.folder import GradingFolder, Result
from parity_tests.grading.gradebook import gradebook_frame, gradebook_rows, names_of
from parity_tests.grading.intake.take_in import IntakeSummary
from parity_tests.grading.judge_results import Judged, Judging, judge_all
from reports.model.csv_table import csv_text
from reports.model.fixes import COLUMNS as FIX_COLUMNS
from reports.model.fixes import to_rows
from reports.model.points import is_unjudged_zero

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


_OFTEN_ALIKE = ("versions", "given")
"""What of a result others have as well."""
_GROUP = 32
"""Submissions in a row group of records.parquet: what is known of each group stays in memory to the end."""


class ClassRecords(ExitStack):
    """Writes the records of one submission after the other into one file, if there are any."""

    def __init__(self, target: Path) -> None:
        super().__init__()
        self._target = target
        self._writer: Any = None
        self._unwritten: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """Take the records of one submission."""
        self._unwritten.append(table)
        if len(self._unwritten) == _GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._unwritten:
            return
        if self._writer is None:
            self._writer = self.enter_context(pq.ParquetWriter(self._target, self._unwritten[0].schema))
        self._writer.write_table(pa.concat_tables(table.cast(self._writer.schema) for table in self._unwritten))
        self._unwritten.clear()


@dataclass(frozen=True)
class Tables:
    """What the tables say: the points of each submission in all, and the flags.

    `faults` counts those without points because Parity itself failed, or the assignment as `assignment` says of each;
    `unchecked` counts those that were not checked yet, `untimed` those of which nobody says how late they are although
    a late policy asks. `rows` are those of the gradebook; `damaged` are the files that are not as they were written,
    each of a submission without points; `former` are submissions with a result in the folder that were not handed in
    any more when it was last graded. `late` counts those that are where no late policy says what that costs.
    """

    totals: Mapping[str, float | None]
    flags: Sequence[Flag]
    faults: int
    unchecked: int
    untimed: int = 0
    rows: Sequence[Mapping[str, Any]] = ()
    damaged: Sequence[str] = ()
    former: Sequence[str] = ()
    assignment: Sequence[str] = ()
    late: int = 0

    @property
    def unjudged_zeros(self) -> int:
        """Submissions that have 0 points although nothing of them was judged."""
        return len({row["submission"] for row in self.rows if is_unjudged_zero(row)})


FIXES = "fixes.csv"
LITTLE = 0.05
"""The share of all points up to which nobody need know whose code it is."""
_NO_TIME = (
    "it is marked as late, but not by how much, so nothing was taken off; [hours_late] in the late policy can say it"
)


def make_tables(
    folder: GradingFolder,
    files: ClassFiles,
    *,
    jobs: int | None = None,
    pool: Callable[[], Executor] | None = None,
) -> Tables:
    """Write every table and page of the folder; those that come out the same are left alone.

    Those of a large class are made in so many processes, as many as there are cores for None; those of another in a
    `pool`, where there is one.
    """
    import pandas as pd
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())  # others keep what was freed: of a class of 1,000 some 40 MiB
    info = folder.info()
    edition = info.settings.edition
    intake = folder.intake()
    intake = msgspec.structs.replace(intake, attempts=tuple(map(files.known, intake.attempts)))
    untimed = [hand_in for hand_in in intake.attempts if files.late and files.late.seconds_late(hand_in) is None]
    results = []
    once: dict[str, Any] = {}  # thousands of results stay in memory
    for hand_in in intake.attempts:
        result = folder.result(hand_in.name) or folder.unreadable(hand_in)
        if result is not None:
            values = {name: getattr(result, name) for name in _OFTEN_ALIKE}
            alike = {name: once.setdefault(repr(value), value) for name, value in values.items()}
            results.append(msgspec.structs.replace(result, hand_in=hand_in, **alike))
    class_table = ClassTable(files.rubric)
    judged: list[Result] = []
    rows: list[dict[str, Any]] = []
    fixes: list[dict[str, Any]] = []
    flags: list[Flag] = []
    faults = 0
    with folder.together() as new:
        with ClassRecords(new.place_for("records.parquet")) as all_records:

            def done(one: Judged) -> None:
                nonlocal faults
                result, points = one.result, one.points
                judged.append(msgspec.structs.replace(result, checksums={}))
                faults += bool(points.faults)
                flags.extend(flags_of(result, points, edition))
                rows.extend(gradebook_rows(result, points, edition, files.people[result.name]))
                fixes.extend({"submission": result.name, **row} for row in to_rows(one.fixes))
                if one.table is not None:
                    all_records.add(one.table)
                    flags.extend(one.flags)
                    class_table.add(points, one.mistakes)
                    new.names.extend(one.written)

            judge_all(results, Judging(folder.path, new.stage, files, info.labels), done, jobs, pool)
            all_records.flush()
        results = judged
        totals = {row["submission"]: row["total"] for row in rows}
        worth = {row["submission"] for row in rows if (row["total"] or 0) > LITTLE * row["maximum"]}
        given = lines_given(results, info, files.starter)
        found = alike_of(results, info, given, worth)
        called = names_of(rows)
        flags += [*concealed_flags(results, worth), *likeness_flags(found, called)]
        flags += given_flags(results, worth, files.starter, info.asked)
        flags += version_flags(results, info.versions)
        flags += roster_flags(files.roster, intake.attempts, files.people)
        flags += twice_flags(intake.attempts, files.people)
        flags += [Flag(hand_in.name, FlagKind.LATE, _NO_TIME) for hand_in in untimed if hand_in.late]
        gradebook = gradebook_frame(rows, files.rubric.names)
        new.write("grades.csv", csv_text(gradebook))
        new.write("grades.parquet", bytes(gradebook.to_parquet(engine="pyarrow", index=False)))
        new.write("class.csv", csv_text(class_table.frame()))
        if fixes or (folder.path / FIXES).exists():
            new.write(FIXES, csv_text(pd.DataFrame(fixes, columns=["submission", *FIX_COLUMNS])))
        new.write(PAGE, side_by_side(folder, found, info, given, called))
        new.write("look.csv", csv_text(flags_frame(flags, called)))
        new.write("handed_in.csv", csv_text(_handed_in(intake)))
    damaged = tuple(f"submissions/{result.name}/{result.damage}" for result in results if result.damage)
    unchecked = len(intake.attempts) - len(results)
    former = tuple(folder.former({hand_in.name for hand_in in intake.attempts}))
    late = sum(bool(hand_in.late) for hand_in in intake.attempts if files.late is None)
    assignment = tuple(result.trouble for result in results if result.of_assignment)
    return Tables(totals, flags, faults, unchecked, len(untimed), tuple(rows), damaged, former, assignment, late)


def _handed_in(intake: IntakeSummary) -> pd.DataFrame:
    """Every attempt, and whether it counts."""
    import pandas as pd

    attempts = [(hand_in, "yes") for hand_in in intake.attempts]
    attempts += [(hand_in, "no: a later attempt does") for hand_in in intake.replaced]
    rows = [
        (hand_in.name, hand_in.source, hand_in.student, hand_in.late, hand_in.when, counts)
        for hand_in, counts in attempts
    ]
    rows += [("", name, "", "", "", "no: it is no submission") for name in intake.ignored]
    columns = ["submission", "source", "student", "late", "when", "counts"]
    return pd.DataFrame(rows, columns=columns).astype("string")
