"""Traces a training run: the submission trains in a process of its own, torch beside it, and every step is judged."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from parity_tests.harness.check import ISOLATION
from parity_tests.harness.inside.fork_server import keep_freed_memory
from parity_tests.harness.machine import refuse_missing_device
from parity_tests.harness.make_records import Setting
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.submission import find_submission
from parity_tests.protocol.assignment import Assignment
from parity_tests.trace.processors import replica_cores, threads_for
from parity_tests.trace.results import Account, Trace
from parity_tests.trace.session import Progress, Session
from parity_tests.trace.tally import Sink
from parity_tests.trace.training import Training


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
    settings, inside = training.settings, assignment.inside
    refuse_missing_device(settings.device)
    runner = Runner(
        folder,
        probe=inside.probes,
        companions=inside.processes[inside.own],
        layout=assignment.layout,
        editions=assignment.editions,
        edition=edition,
        allow=allow,
        fixture=assignment.lent_support(edition),
        lent={**assignment.lent_modules, **training.lent},
        case_seconds=timeout,
        isolation=isolation,
        shared_memory=training.bytes_of_a_step(),
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
