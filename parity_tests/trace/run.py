"""Traces a training run: the submission trains in a process of its own, torch beside it, and every step is judged."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from parity_tests.harness.check import ISOLATION, check, runner_of
from parity_tests.harness.inside.fork_server import keep_freed_memory
from parity_tests.harness.machine import cores, refuse_missing_device
from parity_tests.harness.make_records import Setting
from parity_tests.harness.submission import find_submission
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.trace.judge import Sink
from parity_tests.trace.results import Account, Trace
from parity_tests.trace.session import Progress, Session
from parity_tests.trace.training import Training
from reports.model.records import Record
from reports.model.verdicts import Verdict


def threads_for(training: Training) -> int:
    """Threads for torch's run, and as many for its replicas beside it; in narrow networks they would only wait."""
    return max(1, (cores() - 1) // 2) if training.wide else 1


def with_names(
    trace: Trace,
    assignment: Assignment,
    submission: Path,
    *,
    edition: str | None = None,
    allow: Sequence[str] = (),
    isolation: str = ISOLATION,
    timeout: float = 10.0,
) -> Trace:
    """The trace, with the names of the mistakes that a check finds in the parts of its divergences, and their code.

    A name is that of the quantity, where the check asks for it, or else the only one of the part. Raises as `check`.
    """
    own = [record for record in trace.records if record.verdict == Verdict.MISMATCH and not record.explained_by]
    environment = trace.environment
    dtypes = environment.dtypes or DTYPES
    parts = frozenset(record.part for record in own)
    if not parts or not assignment.cases(environment.edition or "", dtypes, parts):  # a loop is traced alone
        return trace
    checked = check(
        assignment,
        submission,
        parts=parts,
        dtypes=dtypes,
        edition=edition,
        timeout=timeout,
        allow=allow,
        isolation=isolation,
    )
    known: dict[tuple[str, str], dict[str, None]] = {}
    for one in checked.records:
        if one.diagnosis and not one.explained_by:
            for key in ((one.part, one.quantity), (one.part, "")):
                known.setdefault(key, {})[one.diagnosis] = None

    def named(record: Record) -> Record:
        of_quantity = known.get((record.part, record.quantity)) or known.get((record.part, ""), {})
        return replace(record, diagnosis=next(iter(of_quantity))) if len(of_quantity) == 1 else record

    shown = replace(environment, excerpts=checked.environment.excerpts, hints=checked.environment.hints)
    records = [named(record) if record in own else record for record in trace.records]
    return replace(trace, records=records, environment=shown)


@contextmanager
def replica_cores(training: Training) -> Iterator[set[int] | None]:
    """On two cores, one for the replicas of a wide network; this thread and what it starts are kept to the other.

    The replicas take longest. They often wait for Python's lock, and must not wait for a core as well when they have
    it. What was started before, as the submission's process, waits for no lock and runs on either. Yields None where
    there are more cores, or where threads cannot be kept to cores: the system shares them then.
    """
    if cores() != 2 or not (training.wide and training.has_replicas) or not hasattr(os, "sched_setaffinity"):
        yield None
        return
    both = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, both[:1])
    try:
        yield set(both[1:])
    finally:
        os.sched_setaffinity(0, both)


def trace(
    assignment: Assignment,
    submission: Path,
    training: Training,
    sink: Sink,
    *,
    edition: str | None = None,
    allow: Sequence[str] = (),
    isolation: str = ISOLATION,
    timeout: float = 10.0,
    progress: Progress | None = None,
) -> Trace:
    """Train the submission of an assignment in this folder beside torch, and judge every step.

    `timeout` is in seconds a step. The rows of every step go to `sink`. After Ctrl-C what was traced until then comes
    back, `interrupted`. Raises UsageError for what cannot be started, HarnessError where Parity itself is at fault.
    """
    folder = find_submission(submission, assignment)
    settings = training.settings
    refuse_missing_device(settings.device)
    runner = runner_of(
        assignment, folder, assignment.inside.own, edition, allow, timeout, isolation, lent=training.lent
    )
    keep_freed_memory()
    with contextlib.ExitStack() as stack:
        stack.enter_context(runner)
        runner.start()  # torch takes a second to import; the submission is imported meanwhile
        apart = stack.enter_context(replica_cores(training))  # the submission's process runs on either core
        import torch

        from reference import device

        torch.set_num_threads(threads_for(training))
        card = device.set_up(settings.device)
        hello = runner.hello
        lockstep = training.begin(hello, sink, apart)
        session = Session(lockstep, assignment.by_function, sink)
        setting = Setting(str(submission), assignment.name, hello.edition, settings.device, isolation)
        account = Account(assignment, lockstep, session, setting, hello, card)
        sink.open(account.environment())
        session.train(runner, timeout, progress)
        return account.result(runner.output)
