"""Grades a class: takes in what was handed in, checks each submission once, and makes the tables of what there is."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from parity_tests.grading import tables as made
from parity_tests.grading.folder import About, GradingFolder
from parity_tests.grading.intake.attempt import Attempt
from parity_tests.grading.intake.prepare import Prepared, prepare
from parity_tests.grading.intake.take_in import Intake, files_in, take_in
from parity_tests.grading.points import Override, grade
from parity_tests.grading.process_pool import cluster, local_processes, run_all
from parity_tests.grading.roster import Person, load_roster
from parity_tests.grading.rubric import Rubric
from parity_tests.grading.task import Outcome, Settings, Task, lost, warm_up, work
from parity_tests.harness.sandbox.isolation import choose
from parity_tests.harness.sandbox.packages import closure
from parity_tests.protocol.assignment import environment_of
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.registry import find
from reports.model.escape import printable

AHEAD = 2
"""Tasks in flight for each process: one at work, one waiting for it."""


@dataclass(frozen=True)
class Given:
    """The files that a user gives beside the submissions; None takes the copy that the folder keeps, if any."""

    rubric: Path | None = None
    overrides: Path | None = None
    roster: Path | None = None


@dataclass(frozen=True)
class Progress:
    """Whom to tell: how many submissions, and how isolated; that one is done, now or before; that one needs a look."""

    begin: Callable[[int, str], None]
    done: Callable[[str, bool], None]
    look: Callable[[made.Look], None]


def grade_class(
    source: Path,
    out: Path,
    *,
    asked: Settings,
    isolation: str | None,
    seed: int | None,
    format: str | None,
    given: Given,
    only: Sequence[str],
    jobs: int,
    scheduler: str | None,
    progress: Progress,
) -> made.Tables:
    """Grade what is in `source` into the folder `out`, or go on where an earlier run there was stopped.

    The seed of `asked` does not count: it is `seed`, or drawn, or that of the earlier run. `only` names submissions
    to check again whatever is there, and no others; `isolation` is the least level that will do, the strongest there
    is but never `none` where it is None. `jobs` processes work here, or the workers of a Dask `scheduler`.
    Raises UsageError for what cannot be started, HarnessError where the workers are lost.
    """
    intake = take_in(files_in(source), source, find(asked.assignment).layout, format)
    _refuse_unknown(only, intake)
    closure(asked.allow)  # refuses what is not installed
    level = choose(isolation)
    asked = replace(asked, isolation=level.name)
    folder = GradingFolder(out)
    _read_rubric(folder, given.rubric)  # what is wrong with it is said before anything is made
    if given.roster:
        load_roster(given.roster)
    folder.refuse_foreign()
    with folder.locked():
        described = environment_of(find(asked.assignment))
        known = folder.begin(described | {k: v for k, v in asked.as_json().items() if k != "seed"}, seed)
        folder.write("intake.json", made.intake_json(intake))
        rubric, overrides, roster = read_given(folder, given)
        settings = replace(asked, seed=known["seed"])
        waiting = _Waiting(folder, intake, settings, frozenset(only))
        progress.begin(len(only) or len(intake.attempts), f"isolation {level.name}: {level.guarantee}")
        with ExitStack() as stack:
            if scheduler:
                executor, width = stack.enter_context(cluster(scheduler, warm_up))
            else:
                scratch = stack.enter_context(folder.scratch())
                executor, width = local_processes(jobs, scratch, warm_up), jobs

            def done(task: Task, outcome: Outcome) -> None:
                about = waiting.keep(task, outcome)
                for look in made.looks_of(about, grade(outcome.records, rubric), settings.edition):
                    progress.look(look)
                progress.done(task.name, True)

            run_all(
                waiting.tasks(lambda name: progress.done(name, False)),
                work,
                executor,
                ahead=AHEAD * width,
                done=done,
                lost=lambda task, error: done(task, lost(task, f"{type(error).__name__}: {error}")),
            )
        return made.make_tables(folder, rubric, overrides, roster)


def regrade(out: Path, given: Given) -> tuple[made.Tables, list[str]]:
    """Give points anew to a graded class, from its records alone; the tables, and who changes by how much."""
    import pandas as pd

    folder = GradingFolder(out)
    folder.settings()
    with folder.locked():
        rubric, overrides, roster = read_given(folder, given)
        try:
            frame = pd.read_parquet(out / "grades.parquet", columns=["submission", "total"])
            before = {name: None if total != total else float(total) for name, total in frame.itertuples(index=False)}
        except (OSError, ValueError):
            before = {}
        tables = made.make_tables(folder, rubric, overrides, roster)
        return tables, made.differences(before, tables.totals)


def read_given(folder: GradingFolder, given: Given) -> tuple[Rubric, list[Override], list[Person]]:
    """What the user gave, or the folder keeps; each is then kept there. Raises UsageError."""
    rubric, text = _read_rubric(folder, given.rubric)
    overrides_file = given.overrides or _kept(folder, "overrides.csv")
    overrides = made.overrides_in(overrides_file, folder, rubric) if overrides_file else []
    roster_file = given.roster or _kept(folder, "roster.csv")
    roster = load_roster(roster_file) if roster_file else []
    folder.write("rubric.toml", text)
    for name, file in (("overrides.csv", overrides_file), ("roster.csv", roster_file)):
        if file:
            folder.write(name, file.read_bytes())
    return rubric, overrides, roster


def _read_rubric(folder: GradingFolder, path: Path | None) -> tuple[Rubric, str]:
    return made.usable_rubric(path or _kept(folder, "rubric.toml"))


def _kept(folder: GradingFolder, name: str) -> Path | None:
    path = folder.path / name
    return path if path.is_file() else None


def _refuse_unknown(only: Sequence[str], intake: Intake) -> None:
    names = [attempt.name for attempt in intake.attempts]
    for name in only:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
            hint = f"; near it are {', '.join(near)}" if near else ""
            raise UsageError(f"there is no submission {printable(name)} among the {len(names)}{hint}.")


class _Waiting:
    """Which submissions are still to be checked; what was taken in of those in flight."""

    def __init__(self, folder: GradingFolder, intake: Intake, settings: Settings, only: frozenset[str]) -> None:
        self._folder = folder
        self._intake = intake
        self._settings = settings
        self._assignment = find(settings.assignment)
        self._only = only
        self._in_flight: dict[str, tuple[Attempt, Prepared, str]] = {}

    def tasks(self, skipped: Callable[[str], None]) -> Iterator[Task]:
        """The submissions without a whole result of these files and settings; the others are `skipped`."""
        for attempt in self._intake.attempts:
            if self._only and attempt.name not in self._only:
                continue
            prepared = prepare(attempt.entries, self._assignment)
            digest = _digest(attempt, prepared, self._settings)
            about = None if self._only else self._folder.about(attempt.name)
            if about is not None and about.digest == digest and not about.trouble:
                skipped(attempt.name)
                continue
            self._in_flight[attempt.name] = (attempt, prepared, digest)
            yield Task(attempt.name, prepared.files, prepared.missing, self._settings)

    def keep(self, task: Task, outcome: Outcome) -> About:
        """Write the result of a task, whole."""
        attempt, prepared, digest = self._in_flight.pop(task.name)
        about = About(
            name=attempt.name,
            digest=digest,
            source=attempt.source,
            student=attempt.student,
            email=attempt.email,
            id=attempt.id,
            late=attempt.late,
            when=attempt.when,
            notes=prepared.notes,
            missing=prepared.missing,
            refused=prepared.refused,
            edition_seen=outcome.edition_seen,
            fingerprint=outcome.fingerprint,
            trouble=outcome.trouble,
            seconds=outcome.seconds,
        )
        self._folder.keep(about, outcome.files)
        return about


def _digest(attempt: Attempt, prepared: Prepared, settings: Settings) -> str:
    """The same for the same files, handed in by the same student, and graded alike."""
    who = [attempt.name, attempt.source, attempt.student, attempt.email, attempt.id, attempt.late, attempt.when]
    what = [[name, hashlib.sha256(data).hexdigest()] for name, data in prepared.files]
    said = [prepared.missing, prepared.refused, *prepared.notes]
    text = json.dumps([who, what, said, settings.as_json()])
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
