"""Checks a class: takes in what was handed in, checks each submission once, and makes the tables of what there is."""

from __future__ import annotations

import errno
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from parity_tests.grading.class_files import ClassFiles, FilePaths, read_class_files
from parity_tests.grading.cluster import Certificates, cluster
from parity_tests.grading.fix_pass import Search, Sought, keep, searches, seek
from parity_tests.grading.flags import Flag, flags_of, record_flags
from parity_tests.grading.folder import GradingFolder, Result, json_text
from parity_tests.grading.gradebook import names_of
from parity_tests.grading.intake.attempt import Attempt, HandIn
from parity_tests.grading.intake.prepare import Prepared, prepare
from parity_tests.grading.intake.take_in import Intake, files_in, take_in
from parity_tests.grading.intake.tell import Told, told_by
from parity_tests.grading.judge_results import points_of
from parity_tests.grading.process_pool import ahead, local_processes, run_all
from parity_tests.grading.roster import spellings, submission_called
from parity_tests.grading.settings import ClassInfo, Settings, seed_of_hand_in, telling
from parity_tests.grading.tables import Tables, make_tables
from parity_tests.grading.task import Outcome, Task, broken, lost, warm_up, work
from parity_tests.harness.process.available_levels import choose
from parity_tests.harness.sandbox.isolation import LEVELS, Level
from parity_tests.harness.sandbox.packages import closure
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.registry import find
from reports.model.environment import Environment
from reports.model.escape import path_text, printable
from reports.model.numbers import duration
from reports.model.reasons import total_text
from reports.model.records import from_table, read_table

_NAMED = 2
"""Names that the sentence lists where there are more."""


def refuse_another_class(folder: GradingFolder, hand_ins: Sequence[HandIn], source: Path) -> None:
    """Raises UsageError where the folder has results, and none of them is of somebody in these hand-ins."""
    known = folder.known()
    keys = {key for hand_in in hand_ins for key in _keys(hand_in)}
    names_alone = {hand_in.name for hand_in in hand_ins if not _keys(hand_in)}
    every_name = {hand_in.name for hand_in in hand_ins}

    def is_there(before: HandIn) -> bool:
        # A name decides where one of the two has neither address nor number: two people may bear one.
        return bool(_keys(before) & keys) or before.name in (names_alone if _keys(before) else every_name)

    if not known or any(map(is_there, known)):
        return
    names = [printable(hand_in.name) for hand_in in known]
    if len(names) == 1:
        held = f"the result of 1 submission ({names[0]}), and it is not"
    else:
        few = len(names) <= _NAMED + 1
        listed = ", ".join(names) if few else f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
        held = f"the results of {len(names)} submissions ({listed}), and none of them is"
    raise UsageError(f"{path_text(folder.path)} holds {held} in {path_text(source)}: name another folder with --out.")


def _keys(hand_in: HandIn) -> set[str]:
    """The addresses, or else numbers, of those who handed it in."""
    return {person.key for person in hand_in.people} - {""}


AHEAD = 2
"""Tasks in flight for each process: one at work, one waiting for it."""
PREPARED = 4
"""Submissions that are made ready in advance, with all their files in memory."""


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    `assignment` is the name of one, or module:NAME, or None where the files that were handed in tell it; `edition`
    None is its default, `format` None what the files show. `seed` None is drawn, or that of an earlier run into `out`.
    `isolation` is the least level that will do, the strongest there is but never `none` where it is None. `only` names
    submissions to check again whatever is there, and no others. `other_versions` goes on in a folder that was begun
    with others of Parity, numpy or torch. `fix_minutes` is how long fixes may be sought, None where none are asked for.
    `jobs` processes work here, or the workers of a Dask `scheduler`, which is
    spoken to in TLS where there are `certificates`.
    """

    source: Path
    out: Path
    assignment: str | None = None
    edition: str | None = None
    dtypes: tuple[str, ...] = ("float64",)
    timeout: float = 10.0
    allow: tuple[str, ...] = ()
    isolation: str | None = None
    seed: int | None = None
    format: str | None = None
    paths: FilePaths = field(default_factory=FilePaths)
    only: tuple[str, ...] = ()
    jobs: int = 1
    scheduler: str | None = None
    other_versions: bool = False
    fix_minutes: float | None = None
    certificates: Certificates = field(default_factory=Certificates)


class Progress(Protocol):
    """Whom to tell how far it is."""

    def begin(self, submissions: int, isolation: str, remarks: Sequence[str], called: Mapping[str, str]) -> None:
        """So many submissions are checked, so isolated and so called; the remarks are on what was taken for what."""

    def begin_fixes(self, submissions: int) -> None:
        """In so many submissions at most, fixes are to be sought."""

    def finished(self, name: str, *, new: bool, found: str = "") -> None:
        """A submission has a result: a new one, of which `found` tells, or that of an earlier run."""

    def flagged(self, flag: Flag) -> None:
        """A submission needs a human look."""


@dataclass(frozen=True)
class Asked:
    """What a request comes to: the assignment, what was handed in, the isolation, and what grading.json is to say.

    `remarks` are sentences on what was taken for what.
    """

    assignment: Assignment
    intake: Intake
    level: Level
    info: ClassInfo
    remarks: tuple[str, ...]


def understand(request: Request) -> Asked:
    """What a request comes to; nothing is written.

    Raises UsageError for what cannot be started, HarnessError where the assignment is at fault.
    """
    request.certificates.refuse_wrong(request.scheduler)
    _refuse_among(request.out, request.source)
    _refuse_graded(request.source)
    entries = files_in(request.source)
    told = Told(find(request.assignment)) if request.assignment else told_by(entries, request.source)
    assignment = told.assignment
    edition = assignment.editions.default if request.edition is None else request.edition
    assignment.refuse_edition(edition)
    assignment.in_folder(assignment.solution)  # refuses what torch cannot answer
    intake = take_in(entries, request.source, assignment.layout, request.format)
    closure(request.allow)  # refuses what is not installed
    level = choose(request.isolation)
    settings = Settings(
        assignment=request.assignment or assignment.name,
        seed=0,
        edition=edition,
        dtypes=request.dtypes,
        timeout=request.timeout,
        allow=request.allow,
        isolation=level.name,
    )
    remarks = filter(None, (told.because, intake.left_aside))
    return Asked(assignment, intake, level, ClassInfo.of(assignment, settings), tuple(remarks))


def judge(request: Request, asked: Asked) -> ClassFiles:
    """What the user gave beside the submissions. Nothing is written.

    Raises UsageError where that is wrong, and where the folder holds something else, other results, or another class.
    """
    folder = GradingFolder(request.out)
    folder.refuse_foreign()
    folder.refuse_other_settings(asked.info, request.seed, other_versions=request.other_versions)
    hand_ins = [attempt.hand_in for attempt in asked.intake.attempts]
    refuse_another_class(folder, hand_ins, request.source)
    vocabulary = (folder.info() if folder.begun else asked.info).vocabulary
    return read_class_files(folder, request.paths, vocabulary, hand_ins, asked.assignment.rubric_text)


def check_class(request: Request, progress: Progress) -> Tables:
    """Check what was handed in and make the tables, or go on where an earlier run into the same folder was stopped.

    Raises UsageError for what cannot be started, HarnessError where workers are lost or the assignment is at fault.
    """
    asked = understand(request)
    assignment, intake, level = asked.assignment, asked.intake, asked.level
    folder = GradingFolder(request.out)
    only = asked_alone(request, asked, judge(request, asked))
    folder.make()
    with folder.locked():
        files = judge(request, asked)  # again, now that nobody else writes there
        settings = folder.begin(asked.info, request.seed).settings
        folder.write("intake.json", json_text(intake.summary()))
        files.keep(folder)

        def total(result: Result) -> float | None:
            records = from_table(read_table(folder.submissions / result.name / "records.parquet"))
            return points_of(result, records, files).total

        unchecked = _Unchecked(folder, intake, assignment, settings, only, total)
        isolation = f"isolation {level.name}{'' if level.name == LEVELS[-1] else f': {level.guarantee}'}"
        hand_ins = (files.known(attempt.hand_in) for attempt in intake.attempts)
        called = names_of({"submission": one.name, "student": one.student} for one in hand_ins)
        progress.begin(len(only) or len(intake.attempts), isolation, asked.remarks, called)

        def done(task: Task, outcome: Outcome) -> None:
            result = unchecked.keep(task, outcome)
            points = points_of(result, outcome.records, files)
            undecided = record_flags(task.name, outcome.records, asked.info.labels)
            for flag in (*flags_of(result, points, settings.edition), *undecided):
                progress.flagged(flag)
            late = f", {points.late.words} late" if points.late else ""
            progress.finished(task.name, new=True, found=f"{total_text(points)}{late}, in {duration(outcome.seconds)}")

        def failed(task: Task, error: BaseException) -> None:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise error  # of the machine, not of a submission: what is done is kept
            why = f"{type(error).__name__}: {error}"
            done(task, broken(task, why) if isinstance(error, BrokenExecutor) else lost(task, why))

        with ExitStack() as stack:
            if request.scheduler:
                executor, width = stack.enter_context(cluster(request.scheduler, warm_up, request.certificates))
            else:
                scratch = stack.enter_context(folder.scratch())
                pool = local_processes(request.jobs, scratch, warm_up)
                executor, width = stack.enter_context(pool), request.jobs
            tasks = unchecked.tasks(lambda name: progress.finished(name, new=False))
            run_all(tasks, work, executor, ahead=AHEAD * width, done=done, lost=failed)
            if request.fix_minutes is not None:
                progress.begin_fixes(len(only) or len(intake.attempts))
                until = time.monotonic() + 60 * request.fix_minutes
                wanted = searches(folder, unchecked.checked(), until)
                _seek_fixes(folder, wanted, executor, AHEAD * width, progress)
            warm = None if request.scheduler or not unchecked.any_kept else executor
            return make_tables(folder, files, jobs=request.jobs, pool=warm)


def _seek_fixes(
    folder: GradingFolder,
    wanted: Iterator[Search],
    executor: Callable[[], Executor],
    ahead: int,
    progress: Progress,
) -> None:
    def done(search: Search, found: Sought) -> None:
        keep(folder, search, found)
        fixed = len({fix.part for fix in found.fixes})
        what = found.trouble and f"no fix, for {found.trouble}"
        progress.finished(
            search.task.name, new=True, found=what or f"fixes for {fixed} of {len(found.parts)} wrong parts"
        )

    def lost(search: Search, error: BaseException) -> None:
        progress.finished(search.task.name, new=True, found=f"no fix, for {type(error).__name__}: {error}")

    run_all(wanted, seek, executor, ahead=ahead, done=done, lost=lost)


def _refuse_among(out: Path, source: Path) -> None:
    if source.is_dir() and out.absolute().resolve().is_relative_to(source.resolve()):
        raise UsageError(
            f"the output folder {path_text(out)} lies among the submissions, where it would be taken for one; name "
            "another place with --out."
        )


def _refuse_graded(source: Path) -> None:
    if GradingFolder(source).begun:
        raise UsageError(
            f"{path_text(source)} is what an earlier run made, and holds no submissions; name the folder of these, and "
            f"this one with --out {path_text(source)}."
        )


def asked_alone(request: Request, asked: Asked, files: ClassFiles) -> frozenset[str]:
    """The submissions that are to be checked alone, each called as in the class's files. Raises UsageError."""
    known = spellings((attempt.hand_in for attempt in asked.intake.attempts), files.people)
    return frozenset(submission_called(name, known, "--only") for name in request.only)


class _Unchecked:
    """The submissions that are still to be checked, and what was prepared of those in flight."""

    def __init__(
        self,
        folder: GradingFolder,
        intake: Intake,
        assignment: Assignment,
        settings: Settings,
        only: frozenset[str],
        total: Callable[[Result], float | None],
    ) -> None:
        self._folder = folder
        self._intake = intake
        self._assignment = assignment
        self._settings = settings
        self._only = only
        self._total = total
        self._in_flight: dict[str, tuple[Attempt, Prepared, str, int, tuple[float, ...]]] = {}
        self.any_kept = False
        """Whether a task has ended by now, so that there are processes at work."""

    def _prepared(self) -> Iterator[tuple[Attempt, Prepared]]:
        wanted = [attempt for attempt in self._intake.attempts if not self._only or attempt.name in self._only]
        # In a thread of its own: while one archive is being opened, results must be taken and others be given out.
        yield from ahead(wanted, lambda attempt: prepare(attempt.entries, self._assignment), PREPARED)

    def checked(self) -> Iterator[tuple[Task, Result]]:
        """The submissions with a result of these very files, as they were asked."""
        for attempt, prepared in self._prepared():
            result = self._folder.result(attempt.name)
            if result is not None and result.digest == digest_of(attempt, prepared, self._settings):
                yield self._task(attempt.name, prepared, result.earlier), result

    def _task(self, name: str, prepared: Prepared, earlier: int) -> Task:
        seed = seed_of_hand_in(self._settings.seed, name, earlier)
        return Task(name, prepared.files, prepared.missing, msgspec.structs.replace(self._settings, seed=seed))

    def tasks(self, skipped: Callable[[str], None]) -> Iterator[Task]:
        """The submissions without a whole result of these files and settings; the others are `skipped`."""
        for attempt, prepared in self._prepared():
            digest = digest_of(attempt, prepared, self._settings)
            before = self._folder.result(attempt.name)
            same = before is not None and before.digest == digest
            whole = before is not None and not before.trouble and not self._folder.damage(before)
            if same and whole and not self._only:
                skipped(attempt.name)
                continue
            earlier = 0 if before is None else before.earlier + (not same)
            totals = () if before is None else before.totals
            if before is not None and whole and not same:
                last = self._total(before)
                totals += () if last is None else (last,)
            self._in_flight[attempt.name] = (attempt, prepared, digest, earlier, totals)
            yield self._task(attempt.name, prepared, earlier)

    def keep(self, task: Task, outcome: Outcome) -> Result:
        """Write the result of a task, whole."""
        attempt, prepared, digest, earlier, totals = self._in_flight.pop(task.name)
        result = Result(
            hand_in=attempt.hand_in,
            digest=digest,
            notes=prepared.notes,
            missing=prepared.missing,
            refused=prepared.refused,
            import_problem=outcome.import_problem,
            edition_seen=outcome.edition_seen,
            fingerprint=outcome.fingerprint,
            concealed=outcome.concealed,
            given=outcome.given,
            trouble=outcome.trouble,
            of_assignment=outcome.of_assignment,
            seconds=outcome.seconds,
            earlier=earlier,
            totals=totals,
            versions=telling(Environment.from_json(json.loads(outcome.files["environment.json"])).versions or {}),
        )
        self._folder.keep(result, outcome.files)
        self.any_kept = True
        return result


def digest_of(attempt: Attempt, prepared: Prepared, settings: Settings) -> str:
    """The same for the same files, handed in by the same student, and checked alike."""
    files = [[name, hashlib.sha256(data).hexdigest()] for name, data in prepared.files]
    remarks = [prepared.missing, prepared.refused, *prepared.notes]
    text = json.dumps([msgspec.to_builtins(attempt.hand_in), files, remarks, msgspec.to_builtins(settings)])
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
