"""Checks one submission: plans the cases, puts them to it in processes of their own, judges, and makes the records."""

import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from numpy.typing import NDArray

from parity_tests.harness.diagnosis.name_mistakes import Named, name_mistakes
from parity_tests.harness.draw import draw, drawn, seed_of
from parity_tests.harness.environment import processor, versions
from parity_tests.harness.explanation import with_possible_causes
from parity_tests.harness.float64_only import forgive_float64_only
from parity_tests.harness.for_students import told_to_students
from parity_tests.harness.judgement_cache import JudgementCache
from parity_tests.harness.machine import refuse_missing_device
from parity_tests.harness.make_records import Setting, check_plan, import_record, records_of
from parity_tests.harness.notes_of_forms import without_forms_of_what_is_wrong
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.questions import Question, ask_all
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.source_lines import excerpts, source_lines
from parity_tests.harness.submission import find_submission
from parity_tests.harness.undecided import refused
from parity_tests.harness.whose_fault import is_unclear, judge_anything, settle
from parity_tests.protocol.assignment import Assignment, Verdicts, environment_of
from parity_tests.protocol.case import DTYPES, Case, json_params
from parity_tests.protocol.comparison import PASSING, Comparison
from parity_tests.protocol.errors import HarnessError, UsageError, asking
from parity_tests.protocol.kind import Context, Judged
from parity_tests.protocol.layout import file_of
from parity_tests.protocol.observation import Hello, Observation
from reports.model.for_student import KEY as FOR_STUDENTS
from reports.model.notes import Note, NoteKind
from reports.model.records import Record
from reports.model.verdicts import FAILING

SECONDS_IN_ALL = 120.0
ISOLATION = "none"
ONE_PARSER = sys.version_info < (3, 12)
"""Whether two threads that parse at once may get a SystemError, "AST constructor recursion depth mismatch".

Importing torch parses, and so does numpy where a drawn file is loaded (github.com/python/cpython/issues/106905).
"""
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Run:
    """A finished check: its records, what it ran on, and the arrays of what did not match.

    `arrays` holds "<case>/<quantity>/got", "/want" and "/radius"; `inputs` each case's sizes and parameters; `output`
    what the submission printed, capped.
    """

    records: list[Record]
    environment: dict[str, Any]
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
    with those parts; `timeout` is in seconds a case; `allow` names modules that the submission may import beside numpy;
    `isolation` is the level at which it runs, one of harness.isolation.LEVELS. `progress` is told (done, planned,
    case). `servers` and `cache` are those of whoever checks many: what processes are forked off, and what was
    judged before.
    Raises UsageError for what cannot be started, HarnessError where Parity itself is at fault.
    """
    folder = find_submission(submission, assignment)
    if edition is not None:
        assignment.refuse_edition(edition)
    refuse_missing_device(device)
    checked = partial(
        _checked, assignment, folder, name or str(submission), device, dtypes, seed, parts, timeout, allow, isolation,
        progress, servers, cache,
    )  # fmt: skip
    by_files = edition is None and bool(assignment.editions.because)
    try:
        run = checked(edition, by_files)
    except _OtherEditionError as other:
        run = checked(other.edition, False)
    return _noting_edition(run, assignment) if by_files else run


class _OtherEditionError(Exception):
    """The files show another edition than the one that they were to be judged by, which nobody has asked for."""

    def __init__(self, edition: str) -> None:
        super().__init__(edition)
        self.edition = edition


def _checked(
    assignment: Assignment,
    folder: Path,
    name: str,
    device: str,
    dtypes: Sequence[str],
    seed: int,
    parts: frozenset[str] | None,
    timeout: float,
    allow: Sequence[str],
    isolation: str,
    progress: Progress | None,
    servers: ForkServers | None,
    cache: JudgementCache | None,
    edition: str | None,
    by_files: bool,
) -> Run:
    """The same; raises _OtherEditionError where the edition is to be told `by_files`, and these show another."""
    started = time.monotonic()
    with ExitStack() as stack:
        runners = {
            process: stack.enter_context(
                runner_of(assignment, folder, process, edition, allow, timeout, isolation, servers)
            )
            for process in assignment.inside.processes
        }
        pool = stack.enter_context(ThreadPoolExecutor(2))
        first = next(iter(runners.values()))
        first.start()
        for runner in runners.values():
            stack.callback(runner.stop)  # before the pool waits for its threads
        # torch takes a second to import: the submission says hello, and answers, meanwhile.
        importing = pool.submit(_import_torch)
        start = partial(
            runner_of, assignment, assignment.solution, edition=edition, allow=(), timeout=timeout, isolation=isolation
        )
        hello = first.hello
        if by_files and hello.edition_seen not in ("", hello.edition):
            raise _OtherEditionError(hello.edition_seen)
        _refuse_own_fault(hello, partial(start, process=next(iter(runners))))
        wanted = assignment.cases(hello.edition, dtypes, parts, seed=seed)
        if not wanted:
            edition_text = f"edition {hello.edition} of " if hello.edition else ""
            raise UsageError(f"{edition_text}{assignment.title} asks for none of {', '.join(sorted(parts or ()))}")
        # To which part a failure of the whole belongs, the parts' own cases tell.
        plan = assignment.cases(hello.edition, dtypes, seed=seed) if any(case.whole for case in wanted) else wanted
        if ONE_PARSER:
            importing.result()
        answered: SimpleQueue[Observation | None] = SimpleQueue()
        asking = pool.submit(_ask_each, assignment, runners, plan, seed, answered)
        setting = Setting(name, assignment.name, hello.edition, device, isolation)
        context = Context(device, hello.edition, hello.edition_seen, f"{assignment.name} {assignment.exam}")
        seen = judge_observed(
            assignment, wanted, plan, _arriving(answered, asking), setting, context, seed, cache=cache,
            progress=progress, settle=partial(_settled, assignment, plan, seed, context, start=start),
        )  # fmt: skip
        outputs = [runner.output for runner in runners.values()]
    records = seen.records
    records.insert(
        0,
        import_record(
            setting, assignment.import_part or assignment.parts[0].id, (hello.import_failure, hello.support_failure)
        ),
    )
    told = told_to_students(
        assignment, folder, wanted, records, seen.observations, isolation=isolation, printed=len(outputs[0])
    )
    return Run(
        records=_noting(records, hello, assignment),
        environment={
            **environment_of(assignment),
            **_environment(setting, seed, dtypes, hello, time.monotonic() - started),
            "source_lines": source_lines(folder, assignment),
            "excerpts": excerpts(folder, assignment, records),
            "hints": seen.hints,
            **({FOR_STUDENTS: told} if told else {}),
        },
        arrays=_arrays_of_failures({case.name: seen.judged[case.name] for case in wanted}),
        inputs={case.name: {"title": case.title, **json_params(case.params)} for case in wanted},
        output=b"".join(outputs),
    )


@dataclass(frozen=True)
class JudgedRun:
    """What was made of a submission's observations: these by case, how each was judged, the records, the hints."""

    observations: Mapping[str, Observation]
    judged: Verdicts
    records: list[Record]
    hints: Mapping[str, str]


def judge_observed(
    assignment: Assignment,
    wanted: Sequence[Case],
    plan: Sequence[Case],
    observations: Iterable[Observation],
    setting: Setting,
    context: Context,
    seed: int,
    *,
    cache: JudgementCache | None = None,
    progress: Progress | None = None,
    settle: Callable[[Verdicts, Mapping[str, Observation]], Verdicts] = lambda judged, seen: judged,
) -> JudgedRun:
    """Judges what was observed of the planned cases, blames and names it: the records of the wanted ones among them.

    Starts no process. `settle` says of what is unclear whose fault it is; other arguments are as `check` has them.
    """
    judged, seen = _judge_all(assignment, plan, seed, context, observations, cache, progress)
    judged = forgive_float64_only(plan, settle(judged, seen))
    named = _named(assignment, plan, judged, seen, seed, setting.edition)
    records = [
        r
        for case in wanted
        for r in records_of(setting, case, named.verdicts[case.name], seen[case.name], assignment.by_function)
    ]
    check_plan(wanted, records)
    records = refused(records, {part.id: part.label for part in assignment.parts})
    return JudgedRun(seen, judged, records, named.hints)


def _import_torch() -> None:
    import torch

    torch.set_num_threads(1)  # the arrays are small: threads would only wait for one another


def runner_of(
    assignment: Assignment,
    folder: Path,
    process: str,
    edition: str | None,
    allow: Sequence[str],
    timeout: float,
    isolation: str,
    servers: ForkServers | None = None,
) -> Runner:
    """The runner of one of a submission's processes, by the assignment's name for it; arguments as `check` has them."""
    return Runner(
        folder,
        probe=assignment.inside.probes,
        companions=assignment.inside.processes[process],
        layout=assignment.layout,
        editions=assignment.editions,
        edition=edition,
        fixture=assignment.lent_support(edition),
        lent=assignment.lent_modules,
        allow=allow,
        case_seconds=timeout,
        isolation=isolation,
        servers=servers,
    )


def _ask_each(
    assignment: Assignment,
    runners: Mapping[str, Runner],
    plan: Sequence[Case],
    seed: int,
    answered: "SimpleQueue[Observation | None]",
) -> None:
    """Ask one process after the other: each is gone before the next begins.

    A later process may hold right parts. Two that run at once could hand these on, by whatever they share.
    """
    try:
        for process, runner in runners.items():
            questions = [_question(assignment, case, seed) for case in plan if case.process == process]
            for seen in ask_all(runner, questions, seconds_in_all=SECONDS_IN_ALL) if questions else ():
                answered.put(seen)
            runner.close()
    finally:
        answered.put(None)


def _question(assignment: Assignment, case: Case, seed: int) -> Question:
    return Question(
        case=case.name,
        probe=case.probe,
        params=json_params(case.params),
        draw=partial(drawn, assignment, case, seed),
        seed=seed_of(seed, case.name),
        counted_as=case.counted_as,
    )


def _arriving(answered: "SimpleQueue[Observation | None]", asking: "Future[None]") -> Iterator[Observation]:
    """Observations as they come; then whatever went wrong in the thread that asks."""
    while (seen := answered.get()) is not None:
        yield seen
    asking.result()


def _judge_all(
    assignment: Assignment,
    plan: Sequence[Case],
    seed: int,
    context: Context,
    arriving: Iterable[Observation],
    cache: JudgementCache | None,
    progress: Progress | None,
) -> tuple[Verdicts, dict[str, Observation]]:
    from reference.device import set_up

    _import_torch()
    set_up(context.device)
    by_name = {case.name: case for case in plan}
    judged: Verdicts = {}
    seen: dict[str, Observation] = {}
    for observation in arriving:
        case = by_name[observation.case]
        seen[case.name] = observation
        if progress is not None:
            progress(len(seen), len(plan), case.name)
        verdict = partial(_judged, assignment, case, seed, observation, context)
        judged[case.name] = verdict() if cache is None else cache.judge(case, seed, context, observation, verdict)
    return judged, seen


def _judged(assignment: Assignment, case: Case, seed: int, seen: Observation, context: Context) -> Judged:
    return judge_anything(assignment, case, draw(assignment, case, seed), seen, context)


def _refuse_own_fault(hello: Hello, start: Callable[[], Runner]) -> None:
    """Raise HarnessError where neither the submission nor the solution can be put into a process at all."""
    if hello.import_failure is not None and hello.import_failure.kind == "unjudged":
        with start() as runner:
            own = runner.hello.import_failure
        if own is not None and own.kind == "unjudged":
            raise HarnessError(own.text)


def _settled(
    assignment: Assignment,
    plan: Sequence[Case],
    seed: int,
    context: Context,
    judged: Verdicts,
    seen: Mapping[str, Observation],
    start: Callable[..., Runner],
) -> Verdicts:
    """The same comparisons, of which none leaves open whose fault it is; the submission's processes are gone by now."""
    settled = dict(judged)
    with ExitStack() as stack:
        runners: dict[str, Runner] = {}

        def of_solution(case: Case) -> tuple[Judged, Observation]:
            if case.process not in runners:
                runners[case.process] = stack.enter_context(start(process=case.process))
            (observation,) = ask_all(
                runners[case.process], [_question(assignment, case, seed)], seconds_in_all=SECONDS_IN_ALL
            )
            return _judged(assignment, case, seed, observation, context), observation

        for case in plan:
            if is_unclear(judged[case.name], seen[case.name]):
                settled[case.name] = settle(judged[case.name], seen[case.name], partial(of_solution, case))
    return settled


def _named(
    assignment: Assignment,
    plan: Sequence[Case],
    judged: Verdicts,
    seen: Mapping[str, Observation],
    seed: int,
    edition: str,
) -> Named:
    """The same comparisons, blamed on the parts that they come of, with the names of known mistakes."""
    with asking(assignment.name, "the blame"):
        blamed = judged if assignment.blame is None else assignment.blame(plan, judged)
    blamed = without_forms_of_what_is_wrong(plan, with_possible_causes(assignment, plan, blamed, seen))
    passes = all(c.verdict in PASSING for comparisons in blamed.values() for c in comparisons.values())
    if passes:
        return Named(blamed, {})
    try:
        return name_mistakes(assignment, plan, blamed, seen, lambda case: draw(assignment, case, seed), edition)
    except Exception as error:  # the verdicts stand without names, whatever was handed over to find these in
        return Named(_noting_no_names(blamed, error), {})


def _noting_no_names(verdicts: Verdicts, error: Exception) -> Verdicts:
    """The same, with a note on what fails that no name of a mistake was looked for."""
    note = f"no known mistake could be looked for ({type(error).__name__})"  # its text may be the submission's
    return {
        case: {name: one if one.verdict in PASSING else one.noting(note) for name, one in comparisons.items()}
        for case, comparisons in verdicts.items()
    }


def _arrays_of_failures(judged: Mapping[str, Mapping[str, Comparison]]) -> dict[str, NDArray[Any]]:
    return {
        f"{case}/{quantity}/{word}": array
        for case, comparisons in judged.items()
        for quantity, comparison in comparisons.items()
        if comparison.arrays is not None and comparison.verdict in FAILING
        for word, array in zip(("got", "want", "radius"), comparison.arrays, strict=True)
    }


def _noting_edition(run: Run, assignment: Assignment) -> Run:
    """The same, noting by which edition it was judged, and why, where that is not the one that is usual."""
    shown, first = str(run.environment["edition_seen"]), run.records[0]
    if shown == assignment.editions.default:
        return run
    why = assignment.editions.because.get(shown, "")
    taken = f"{shown}, for {why}" if why else f"{first.edition}, the usual one, for its files do not tell"
    note = f"is judged as of edition {taken}: --edition asks for another"
    notes = [Note(NoteKind.EDITION, note), *first.notes]
    return replace(run, records=[first.with_notes(notes), *run.records[1:]])


def _noting(records: list[Record], hello: Hello, assignment: Assignment) -> list[Record]:
    """The import's record, noting what the submission lacked, what stood in for it, and what was left out of it."""
    own, notes = (assignment.layout.support, *assignment.layout.lent), [*records[0].notes]
    if hello.fixtures:
        given = [file_of(name) for name in hello.fixtures if name in own]
        silent = [name for name in hello.fixtures if name not in own]
        sentences = []
        if given:
            was, its = ("was", "its") if len(given) == 1 else ("were", "their")
            sentences.append(f"there was no {' and no '.join(given)}: Parity's own {was} used in {its} place")
        if silent:
            sentences.append(f"{' and '.join(silent)} did nothing here, for a stand-in of Parity's took that place")
        notes.append(Note(NoteKind.LENT, ", and ".join(sentences)))
    if hello.left_out:
        where = f"line {hello.left_out} of {assignment.layout.file}"
        why = (
            f"runs {assignment.layout.entry} as soon as it is imported ({where}), which is left out here: "
            f'such code belongs under `if __name__ == "__main__":`'
        )
        notes.append(Note(NoteKind.LEFT_OUT, why))
    return [records[0].with_notes(notes), *records[1:]]


def _environment(setting: Setting, seed: int, dtypes: Sequence[str], hello: Hello, seconds: float) -> dict[str, Any]:
    import torch

    from reference.device import set_up

    return {
        "submission": setting.submission,
        "edition": setting.edition,
        "edition_seen": hello.edition_seen,
        "seed": seed,
        "device": setting.device,
        "torch_device": set_up(setting.device),
        "dtypes": list(dtypes),
        "isolation": setting.isolation,
        "seconds": round(seconds, 3),
        "platform": platform.platform(),
        "processor": processor(),
        "versions": versions(),
        "threads": {"torch": torch.get_num_threads(), "submission": 1},
        "submission_python": hello.python_version,
        "submission_numpy": hello.numpy_version,
    }
