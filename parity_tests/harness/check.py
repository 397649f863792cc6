"""Checks one submission: plans the cases, puts them to it in processes of their own, judges, and makes the records."""

import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from parity_tests.harness.environment import versions
from parity_tests.harness.exam import Exam, question_of
from parity_tests.harness.for_students import told_to_students
from parity_tests.harness.import_record import import_record, notes_on
from parity_tests.harness.judgement_cache import JudgementCache
from parity_tests.harness.machine import import_torch, refuse_missing_device, said_of
from parity_tests.harness.make_records import Setting
from parity_tests.harness.notebook_cells import Cells
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.questions import Budget, ask_all, seconds_in_all
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.source_lines import excerpts, source_lines, text_of
from parity_tests.harness.stages import Progress, judge_observed
from parity_tests.harness.submission import find_submission
from parity_tests.protocol.assignment import Assignment, environment_of
from parity_tests.protocol.case import DTYPES, Case, json_params
from parity_tests.protocol.errors import HarnessError, UsageError
from parity_tests.protocol.observation import Hello, Observation
from reports.model.environment import Environment
from reports.model.records import Record
from reports.model.summary import not_judged

ISOLATION = "none"
ONE_PARSER = sys.version_info < (3, 12)
"""Whether two threads that parse at once may get a SystemError, "AST constructor recursion depth mismatch".

Importing torch parses, and so does numpy where a drawn file is loaded (github.com/python/cpython/issues/106905).
"""


@dataclass(frozen=True)
class Run:
    """A finished check: its records, what it ran on, and the arrays of what did not match.

    `arrays` holds "<case>/<quantity>/got", "/want" and "/radius"; `inputs` each case's sizes and parameters; `output`
    what the submission printed, capped.
    """

    records: list[Record]
    environment: Environment
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    output: bytes = b""


def check(
    assignment: Assignment,
    submission: Path,
    *,
    name: str = "",
    device: str = "cpu",
    dtypes: Sequence[str] = DTYPES,
    seed: int = 0,
    parts: frozenset[str] | None = None,
    alone: bool = False,
    edition: str | None = None,
    timeout: float = 10.0,
    allow: Sequence[str] = (),
    isolation: str = ISOLATION,
    progress: Progress | None = None,
    servers: ForkServers | None = None,
    cache: JudgementCache | None = None,
) -> Run:
    """Puts every case of the assignment to the submission in this folder, and judges what it did.

    The records call it `name`, or by its folder; `device` is torch's ("cpu" or "cuda"); `parts` restricts to the cases
    with those parts, and the records to theirs where they are judged `alone`; `timeout` is in seconds a case; `allow`
    names modules that the submission may import beside numpy;
    `isolation` is the level at which it runs, one of harness.isolation.LEVELS. `progress` is told (done, planned,
    case). `servers` and `cache` are those of whoever checks many: what processes are forked off, and what was
    judged before.
    Raises UsageError for what cannot be started, HarnessError where Parity itself is at fault.
    """
    folder = find_submission(submission, assignment)
    whole, assignment = assignment, assignment.in_folder(folder)
    if edition is not None:
        assignment.refuse_edition(edition)
    refuse_missing_device(device)
    by_files = edition is None and bool(assignment.editions.because)
    started = time.monotonic()
    with ExitStack() as stack:
        of_submission = partial(runner_of, assignment, folder, allow=allow, timeout=timeout, isolation=isolation)
        of_solution = partial(runner_of, whole, whole.solution, timeout=timeout, isolation=isolation)
        runners: dict[str, Runner] = {}
        held = stack.enter_context(ExitStack())

        def hold(process: str, edition: str | None, *, by_files: bool = False) -> Runner:
            runner = of_submission(process, edition, by_files=by_files, servers=servers)
            runners[process] = held.enter_context(runner)
            return runner

        own, *others = assignment.inside.processes
        first = hold(own, edition, by_files=by_files)
        pool = stack.enter_context(ThreadPoolExecutor(2))
        stack.callback(_stop_all, runners)  # before the pool waits for its threads
        first.start()
        # torch takes a second to import: the submission says hello, and answers, meanwhile. What has been judged before
        # needs none.
        machine = None if cache is None or device != "cpu" else cache.machine
        importing = pool.submit(import_torch) if machine is None else None
        budget = Budget(seconds_in_all(timeout))
        with budget.waiting():
            hello = first.hello
        _refuse_own_fault(hello, partial(of_solution, own, hello.edition))
        for process in others:
            hold(process, hello.edition)
        wanted = assignment.cases(hello.edition, dtypes, parts, seed=seed)
        if not wanted:
            edition_text = f"edition {hello.edition} of " if hello.edition else ""
            raise UsageError(f"{edition_text}{assignment.title} asks for none of {', '.join(sorted(parts or ()))}")
        # To which part a failure of the whole belongs, the parts' own cases tell.
        plan = assignment.cases(hello.edition, dtypes, seed=seed) if any(case.whole for case in wanted) else wanted
        if ONE_PARSER and importing is not None:
            importing.result()
        setting = Setting(name or str(submission), assignment.name, hello.edition, device, isolation)
        solution = _OnDemand(stack, lambda process: of_solution(process, hello.edition), assignment, seed, Budget())
        again = _OnDemand(
            stack, lambda process: of_submission(process, hello.edition, servers=servers), assignment, seed, budget
        )
        exam = Exam(assignment, setting, plan, wanted, seed, hello.edition_seen, solution.ask, again.ask)
        answered: SimpleQueue[Observation | None] = SimpleQueue()
        asking = pool.submit(_ask_each, exam, runners, answered, budget)
        arriving = _arriving(answered, asking)
        judgement = judge_observed(exam, arriving, cache=cache, progress=progress, known_first=importing is None)
        outputs = [runner.output for runner in runners.values()]
    if machine is None or "torch" in sys.modules:
        machine = said_of(device)
    if cache is not None:
        cache.keep(machine)
    notes = notes_on(hello, assignment, told_by_files=by_files)
    only = parts if alone else None
    asked = judgement.records if only is None else of_parts(judgement.records, only, assignment.joint_checks)
    records = [import_record(setting, assignment, hello, notes, only), *asked]
    told = told_to_students(
        assignment, folder, wanted, records, judgement.seen, isolation=isolation, printed=len(outputs[0])
    )
    file = assignment.layout.file
    cells = Cells(file, text_of(folder / file))
    where = source_lines(folder, assignment)
    shown = excerpts(folder, assignment, records)
    return Run(
        records=[cells.record(record) for record in records] if cells else records,
        environment=replace(
            environment_of(assignment),
            submission=setting.submission,
            edition=setting.edition,
            asked=None if only is None else [part.id for part in assignment.parts if part.id in only],
            edition_seen=hello.edition_seen,
            seed=seed,
            device=setting.device,
            torch_device=machine["torch_device"],
            dtypes=list(dtypes),
            isolation=setting.isolation,
            seconds=round(time.monotonic() - started, 3),
            platform=platform.platform(),
            processor=machine["processor"],
            versions=versions(),
            threads={"torch": machine["torch_threads"], "submission": 1},
            submission_python=hello.python_version,
            submission_numpy=hello.numpy_version,
            source_lines={part: cells.place(*place) for part, place in where.items()} if cells else where,
            excerpts=cells.shown(shown) if cells else shown,
            hints=judgement.hints,
            for_students=told,
        ),
        arrays=dict(judgement.arrays),
        inputs={case.name: {"title": case.title, **json_params(case.params)} for case in wanted},
        output=b"".join(outputs),
    )


def of_parts(records: Sequence[Record], parts: frozenset[str], joint: Sequence[str]) -> list[Record]:
    """The records of these parts, and Parity's own faults.

    Where several parts work together, in a check of `joint`, another part may keep one of these from being judged. That
    is left out, if the part has been judged by itself.
    """
    judged = {record.part for record in records if record.check not in joint and not not_judged(record)}

    def others_fault(record: Record) -> bool:
        return record.check in joint and record.part in judged and not_judged(record)

    asked = [record for record in records if record.part in parts and not others_fault(record)]
    return [*asked, *(record for record in records if record.of_harness and record.part not in parts)]


def _stop_all(runners: Mapping[str, Runner]) -> None:
    for runner in runners.values():
        runner.stop()


def runner_of(
    assignment: Assignment,
    folder: Path,
    process: str,
    edition: str | None,
    allow: Sequence[str] = (),
    timeout: float = 10.0,
    isolation: str = ISOLATION,
    servers: ForkServers | None = None,
    *,
    by_files: bool = False,
    lent: Mapping[str, Path] = MappingProxyType({}),
) -> Runner:
    """The runner of one of a submission's processes, by the assignment's name for it; arguments as `check` has them.

    With `by_files` it is judged by the edition that its files show. `lent` are modules that are lent to it beside the
    assignment's.
    """
    editions = assignment.editions
    return Runner(
        folder,
        probe=assignment.inside.probes,
        companions=assignment.inside.processes[process],
        layout=assignment.layout,
        editions=editions,
        edition=edition,
        fixture=assignment.lent_support(edition),
        by_files={name: assignment.lent_support(name) for name in editions.names} if by_files else None,
        lent={**assignment.lent_modules, **lent},
        allow=(*assignment.allow, *allow),
        case_seconds=timeout,
        isolation=isolation,
        servers=servers,
    )


def _ask_each(
    exam: Exam, runners: Mapping[str, Runner], answered: "SimpleQueue[Observation | None]", budget: Budget
) -> None:
    """Ask one process after the other, all within one budget: each is gone before the next begins.

    A later process may hold right parts. Two that run at once could hand these on, by whatever they share.
    """
    try:
        for process, runner in runners.items():
            questions = [question_of(exam.assignment, case, exam.seed) for case in exam.plan if case.process == process]
            for seen in ask_all(runner, questions, budget) if questions else ():
                answered.put(seen)
            runner.close()
    finally:
        answered.put(None)


def _arriving(answered: "SimpleQueue[Observation | None]", asking: "Future[None]") -> Iterator[Observation]:
    """Observations as they come; then whatever went wrong in the thread that asks."""
    while (seen := answered.get()) is not None:
        yield seen
    asking.result()


class _OnDemand:
    """A submission, or the assignment's own solution, in processes that are started when it is first asked.

    Each case may take as long as all cases of its `budget` together.
    """

    def __init__(
        self, stack: ExitStack, start: Callable[[str], Runner], assignment: Assignment, seed: int, budget: Budget
    ) -> None:
        self._stack, self._start, self._assignment, self._seed = stack, start, assignment, seed
        self._budget = budget
        self._runners: dict[str, Runner] = {}

    def ask(self, case: Case) -> Observation:
        """What it does when a case is put to it."""
        if case.process not in self._runners:
            self._runners[case.process] = self._stack.enter_context(self._start(case.process))
        question = question_of(self._assignment, case, self._seed)
        (seen,) = ask_all(self._runners[case.process], [question], self._budget.once_more())
        return seen


def _refuse_own_fault(hello: Hello, start: Callable[[], Runner]) -> None:
    """Raise HarnessError where neither the submission nor the solution can be put into a process at all."""
    if hello.import_failure is not None and hello.import_failure.kind == "unjudged":
        with start() as runner:
            own = runner.hello.import_failure
        if own is not None and own.kind == "unjudged":
            raise HarnessError(own.text)
