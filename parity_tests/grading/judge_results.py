"""Judges the results of a class, and writes what each student gets: here, or in several processes for a large class."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec

from parity_tests.grading.class_files import ClassFiles
from parity_tests.grading.class_table import mistakes_of
from parity_tests.grading.fix_pass import sought
from parity_tests.grading.flags import Flag, record_flags
from parity_tests.grading.folder import GradingFolder, Result, Together
from parity_tests.grading.process_pool import local_processes, run_all
from parity_tests.grading.scoring import nothing_to_run, score, with_overrides
from parity_tests.grading.student_page import saved_run, student_page
from parity_tests.harness.machine import cores
from parity_tests.protocol.errors import HarnessError, UsageError
from reports.files.feedback import feedback_page
from reports.files.gradescope import results_json
from reports.model.fixes import Fix, to_rows
from reports.model.for_student import StudentRun, for_student
from reports.model.parts import Parts
from reports.model.points import Points
from reports.model.records import Record, from_table, read_table

if TYPE_CHECKING:
    import pyarrow as pa

ENOUGH = 150
"""Submissions from which on several processes are done sooner than one: each takes half a second to start."""
_AHEAD = 4
"""Results in flight for each process."""


@dataclass(frozen=True)
class Judging:
    """What judging takes beside a result: the folder of the class, a stage for what is put there, and the rules."""

    folder: Path
    stage: Path
    files: ClassFiles
    labels: Parts


@dataclass(frozen=True)
class Judged:
    """What came of a result, which now says whether a file of it is damaged: then it has no points, and no pages.

    `mistakes` are those of each item, `written` the files that wait on the stage, by their names in the class's folder.
    `fixes` are those that were found where they were sought.
    """

    result: Result
    points: Points
    flags: Sequence[Flag] = ()
    mistakes: Mapping[str, set[str]] = field(default_factory=dict)
    written: Sequence[str] = ()
    table: pa.Table | None = None
    fixes: Sequence[Fix] = ()


def judge_all(
    results: list[Result],
    judging: Judging,
    done: Callable[[Judged], None],
    most: int | None,
    pool: Callable[[], Executor] | None = None,
) -> None:
    """Judge each result, and call `done` for each in their order, in `most` processes at most; None for all the cores.

    Those of a small class are judged in a `pool` that is there, or else in this process. Results are taken out of their
    list: each is in memory once. Raises UsageError, OSError, and whatever else goes wrong with the submission's name
    before it.
    """
    jobs, enough = most or cores(), len(results) >= ENOUGH
    names = iter([result.name for result in results])
    results.reverse()
    taken = iter(lambda: results.pop() if results else None, None)
    if jobs == 1 or not (enough or pool):
        for result in taken:
            try:
                judged = judge(result, judging)
            except Exception as error:
                _tell(result, error)
            done(judged)
        return
    early: dict[str, Judged] = {}
    due = next(names, "")

    def take(result: Result, judged: Judged) -> None:
        nonlocal due
        early[result.name] = replace(judged, result=msgspec.structs.replace(result, damage=judged.result.damage))
        while due in early:
            done(early.pop(due))
            due = next(names, "")

    with local_processes(jobs, judging.stage, partial(_begin, judging)) as own:
        work, executor = (partial(judge, judging=judging), pool) if pool and not enough else (_judge, own)
        run_all(taken, work, executor, ahead=_AHEAD * jobs, done=take, lost=_tell)


def _tell(result: Result, error: BaseException) -> NoReturn:
    """Raises what went wrong, so that it is told of which submission."""
    if isinstance(error, UsageError | OSError):  # these say where
        raise error
    if isinstance(error, BrokenExecutor):
        raise HarnessError(f"the process that judged {result.name} was killed, twice")
    raise PageError(f"{result.name} cannot be judged: {type(error).__name__}: {error}") from error


class PageError(Exception):
    """Judging a result failed, or making its page, through Parity's own fault; the message says of which submission."""


_judging: list[Judging] = []
"""What a process of the pool judges by."""


def _begin(judging: Judging) -> None:
    _judging[:] = [judging]
    gc.set_threshold(200_000)


def _judge(result: Result) -> Judged:
    return judge(result, _judging[0])


def judge(result: Result, judging: Judging) -> Judged:
    """The points of a result and what else the tables of the class say of it; writes its files onto the stage.

    Raises UsageError.
    """
    folder, files = GradingFolder(judging.folder), judging.files
    result = msgspec.structs.replace(result, damage=folder.damage(result))
    if result.damage:
        return Judged(result, points_of(result, [], files))
    where = folder.submissions / result.name
    table = read_table(where / "records.parquet")
    records = from_table(table)
    points = points_of(result, records, files)
    known = sought(folder, result)
    fixes = () if known is None else known.fixes
    told = fixes if files.rubric.show_fixes else [fix.place_alone() for fix in fixes]
    run = for_student(saved_run(where, records))
    run = replace(run, environment=replace(run.environment, fixes=to_rows(told)))
    comments = files.comments.get(result.name, ())
    new = Together(folder, judging.stage)
    _write_student_files(new, result, run, points, comments)
    page = student_page(run, where, points, (), who=_who(result), comments=comments)
    new.write(f"submissions/{result.name}/report.html", page)
    return Judged(
        result,
        points,
        record_flags(result.name, records, judging.labels),
        {} if result.missing else mistakes_of(records, points, judging.labels),
        new.names,
        table,
        fixes,
    )


def points_of(result: Result, records: Sequence[Record], files: ClassFiles) -> Points:
    """The points of a submission: by the rubric, then by the late policy, last by what a human gave.

    A damaged result has none.
    """
    points = score(records, files.rubric)
    if result.missing or result.import_problem:
        points = nothing_to_run(points)
    if result.damage:
        return replace(points, faults=1)
    if files.late is not None:
        points = replace(points, late=files.late.lateness(files.known(result.hand_in)))
    return with_overrides(points, [override for override in files.overrides if override.submission == result.name])


def _who(result: Result) -> str:
    return result.hand_in.student or result.name


def _write_student_files(
    new: Together, result: Result, run: StudentRun, points: Points, comments: Sequence[str]
) -> None:
    """Write feedback.md for the student, and results.json for Gradescope."""
    run = replace(run, records=[]) if result.missing else run
    remarks = [result.missing] if result.missing else list(result.notes)
    new.write(f"submissions/{result.name}/feedback.md", feedback_page(_who(result), run, points, remarks, comments))
    results = results_json(run, points, remarks, result.seconds or None, comments)
    new.write(f"submissions/{result.name}/results.json", results)
