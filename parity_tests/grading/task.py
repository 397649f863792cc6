"""The work on one submission: whatever happens in it is its result, and nobody else's."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from parity_tests.grading.intake.given import Statements, given_of
from parity_tests.grading.intake.likeness import fingerprint
from parity_tests.grading.intake.own_sources import (
    CODE,
    code_file,
    first_of,
    names_asked,
    own_sources,
    why_not_compared,
)
from parity_tests.grading.settings import Settings
from parity_tests.harness.inside.fork_server import give_back_freed_memory, keep_freed_memory
from parity_tests.harness.judgement_cache import cache_of
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.questions import seconds_in_all
from parity_tests.protocol.assignment import Assignment, environment_of
from parity_tests.protocol.errors import AssignmentError
from parity_tests.protocol.registry import find
from reports.model.records import Record
from reports.model.run import Results, SavedRun
from reports.model.verdicts import FAILING, Verdict

MARGIN = 600.0
"""Seconds that starting, judging and writing may take beside what the submission itself is given."""

ROOM = 16 << 20
"""Bytes that must be free for temporary files."""
MOST_SCRIPTS, SECONDS_FOR_SCRIPTS = 12, 10.0
"""So many mistakes of a submission get a script, and after so many seconds no further one is begun."""


@dataclass(frozen=True)
class Task:
    """One submission to check: its files by relative names, or why there are none."""

    name: str
    files: tuple[tuple[str, bytes], ...]
    missing: str
    settings: Settings


@dataclass(frozen=True)
class Outcome:
    """What came of a task: its records, the files of its run folder, and what a human should know."""

    name: str
    records: list[Record]
    files: dict[str, bytes] = field(default_factory=dict)
    edition_seen: str = ""
    fingerprint: str = ""
    trouble: str = ""
    import_problem: str = ""
    seconds: float = 0.0
    concealed: str = ""
    given: dict[str, Statements] = field(default_factory=dict)
    of_assignment: bool = False


_servers: ForkServers | None = None
"""The fork servers of a process that does much work; they end with it."""


def warm_up() -> None:
    """Import once, in a process that will do much work, what takes seconds to import; have fork servers from now on."""
    global _servers
    import torch

    torch.set_num_threads(1)
    keep_freed_memory()
    gc.freeze()  # what was imported stays: the collector need not go over it again and again
    gc.set_threshold(50_000, 20, 20)  # nor, for each thousand objects of a message, over the others
    atexit.register(gc.freeze)  # nor, when the process ends, over all that the operating system takes back anyway
    if _servers is None:
        _servers = ForkServers()
        atexit.register(_servers.close)


def work(task: Task) -> Outcome:
    """Check one submission. A fault of Parity's own is the outcome's `trouble`.

    Raises nothing but KeyboardInterrupt, and OSError where the disk of temporary files is full: whatever was found then
    may come of that, and is nobody's fault.
    """
    started = time.monotonic()
    _refuse_full_disk()
    with _overdue(overdue(task.settings)), _interruptible():
        try:
            outcome = _unrunnable(task, "missing", task.missing) if task.missing else _checked(task)
        except Exception as error:
            outcome = _failed(task, error)
    give_back_freed_memory()
    _refuse_full_disk()
    return replace(outcome, seconds=round(time.monotonic() - started, 3))


def _refuse_full_disk() -> None:
    place = tempfile.gettempdir()
    if shutil.disk_usage(place).free < ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), place)


def lost(task: Task, why: str, trace: str = "") -> Outcome:
    """The outcome of a task that the harness failed: every quantity a harness error, and so no grade.

    Why is for those who grade alone, here and below: what broke may hold texts from the submission's processes.
    """
    outcome = _unrunnable(task, Verdict.HARNESS_ERROR, "Parity or the assignment failed")
    return replace(outcome, trouble=why, files={**outcome.files, "trouble.txt": (trace or why).encode()})


def broken(task: Task, why: str, trace: str = "") -> Outcome:
    """The outcome of a submission that breaks Parity's own process, and so earns nothing; a human should look at it."""
    outcome = _unrunnable(task, Verdict.CRASHED, "cannot be checked: it breaks the process that checks it")
    return replace(outcome, trouble=why, files={**outcome.files, "trouble.txt": (trace or why).encode()})


def _failed(task: Task, error: Exception) -> Outcome:
    """The outcome where checking raised something: the submission's doing, unless the solution fares no better.

    Otherwise who cannot earn points could choose to have no grade.
    """
    of_assignment = isinstance(error, AssignmentError)
    why, trace = str(error) if of_assignment else f"{type(error).__name__}: {error}", traceback.format_exc()
    solution = find(task.settings.assignment).solution
    files = tuple((file.name, file.read_bytes()) for file in sorted(solution.glob("*.py")))
    try:
        sound = not _checked(replace(task, files=files)).trouble
    except Exception:
        sound = False
    return broken(task, why, trace) if sound else replace(lost(task, why, trace), of_assignment=of_assignment)


def _checked(task: Task) -> Outcome:
    from parity_tests.harness.check import check

    settings = task.settings
    assignment = find(settings.assignment)
    sources = own_sources(task.files, assignment)
    compared = first_of(sources, assignment.layout.file)
    printed = fingerprint(*compared.values(), asked=names_asked(assignment))
    with _laid_out(task.files) as folder:
        servers = _servers_for(settings)
        run = check(
            assignment,
            folder,
            name=task.name,
            dtypes=settings.dtypes,
            seed=settings.seed,
            edition=settings.edition,
            timeout=settings.timeout,
            allow=settings.allow,
            isolation=settings.isolation,
            servers=servers,
            cache=cache_of(assignment.solution),
        )
        scripts = _scripts(assignment, run, folder, settings, servers)
    trouble = next((record.message for record in run.records if record.verdict == Verdict.HARNESS_ERROR), "")
    imported = run.records[0]
    return Outcome(
        task.name,
        run.records,
        {**run_files(run), **scripts, CODE: code_file(compared)},
        run.environment.edition_seen or "",
        printed,
        trouble,
        imported.message if imported.verdict in FAILING else "",
        concealed=why_not_compared(assignment, sources, compared, printed),
        given=given_of(task.files, assignment, run.environment.edition or assignment.editions.default),
    )


def _servers_for(settings: Settings) -> ForkServers | None:
    from parity_tests.harness.process.available_levels import forking_problem

    return None if _servers is None or forking_problem(settings.isolation) else _servers


@contextmanager
def at_work_on(task: Task) -> Iterator[tuple[Path, ForkServers | None]]:
    """The submission's files in a new folder, and what starts its processes, for other work than checking it."""
    with _overdue(overdue(task.settings)), _interruptible(), _laid_out(task.files) as folder:
        yield folder, _servers_for(task.settings)


def _scripts(
    assignment: Assignment, run: Results, folder: Path, settings: Settings, servers: ForkServers | None
) -> dict[str, bytes]:
    """The smallest script for each mistake that the student's page tells, as long as they take little time.

    They look for the submission where they are run. What goes wrong here costs the scripts alone: the records stand.
    """
    from parity_tests.harness.reproduce import reproductions
    from reports.model.folding import Kind, entries
    from reports.model.for_student import withheld_cases
    from reports.model.groups import grouped

    causes = [e.records[0] for e in entries(grouped(run.records).discrepancies, run) if e.kind is Kind.CAUSE]
    told = [record for record in causes if record.case not in withheld_cases(run)]
    try:
        made = reproductions(
            assignment,
            told[:MOST_SCRIPTS],
            replace(run.environment, submission=str(folder)),
            timeout=settings.timeout,
            allow=settings.allow,
            seconds_in_all=SECONDS_FOR_SCRIPTS,
            servers=servers,
            handed_on=True,
        )
    except Exception:
        return {}
    return {name: text.encode() for name, text in made.scripts.items()}


def _unrunnable(task: Task, verdict: str, sentence: str) -> Outcome:
    """The outcome of a submission that there is no way to run: every planned quantity has the same verdict."""
    from parity_tests.harness.check import Run
    from parity_tests.harness.make_records import Setting, record_of
    from parity_tests.protocol.case import json_params
    from parity_tests.protocol.comparison import Comparison

    settings = task.settings
    assignment = find(settings.assignment)
    setting = Setting(task.name, assignment.name, settings.edition, "cpu", settings.isolation)
    failed = Comparison(verdict, problem=sentence, sentence=True)
    plan = assignment.cases(settings.edition, settings.dtypes, seed=settings.seed)
    records = [
        replace(record_of(setting, case, q, failed, None), message=sentence) for case in plan for q in case.quantities
    ]
    environment = replace(
        environment_of(assignment), submission=task.name, edition=settings.edition, seed=settings.seed
    )
    inputs = {case.name: {"title": case.title, **json_params(case.params)} for case in plan}
    return Outcome(task.name, records, run_files(Run(records, environment, {}, inputs)))


def run_files(run: Results) -> dict[str, bytes]:
    """The files of a run folder, as `parity show` reads it, without the seed: that is the whole class's, and secret."""
    from reports.model.run_folder import write

    run = SavedRun(
        list(run.records),
        replace(run.environment, seed=None),
        dict(run.arrays),
        dict(run.inputs),
        run.output,
    )
    with tempfile.TemporaryDirectory(prefix="parity-") as stage:
        write(Path(stage), run, tables=False)
        return {file.name: file.read_bytes() for file in sorted(Path(stage).iterdir())}


@contextmanager
def _laid_out(files: Sequence[tuple[str, bytes]]) -> Iterator[Path]:
    """The files in a new folder, which another user may read, but not find beside others."""
    outer = Path(tempfile.mkdtemp(prefix="parity-"))
    try:
        folder = Path(tempfile.mkdtemp(dir=outer, prefix="submission-"))
        outer.chmod(0o711)
        folder.chmod(0o755)
        for name, data in files:
            file = folder.joinpath(*name.split("/"))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        yield folder
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def overdue(settings: Settings) -> float:
    """Seconds after which a worker gives itself up: a check ends long before, unless the harness hangs.

    All processes of a submission may take `seconds_in_all`, and the last case that is put to each may need new ones.
    """
    processes = len(find(settings.assignment).inside.processes)
    return MARGIN + seconds_in_all(settings.timeout) + processes * 8 * settings.timeout


@contextmanager
def _overdue(seconds: float) -> Iterator[None]:
    """Ends this whole process if the work does not end: the pool then notices, and gives the task to another."""
    timer = threading.Timer(seconds, os._exit, (70,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the work in a local process, which ignores it while it waits; a cluster's worker is left alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
