"""Traces a training run: the submission trains in a process of its own, torch beside it, and every step is judged."""

from collections.abc import Sequence
from pathlib import Path

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.digits import DataError, Digits, load_data, load_digits
from parity_tests.assignments.mlp.inside.homework_names import PLAIN
from parity_tests.harness.check import ISOLATION
from parity_tests.harness.machine import refuse_missing_device
from parity_tests.harness.make_records import Setting
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.submission import find_submission
from parity_tests.protocol.errors import UsageError
from parity_tests.trace.plan import Plan, bytes_of_a_step
from parity_tests.trace.processors import replica_cores, threads_for
from parity_tests.trace.results import Trace, result_of, trace_environment
from parity_tests.trace.session import Progress, Session
from parity_tests.trace.settings import Settings, for_edition
from parity_tests.trace.tally import Sink


def digits_of(data: Path | None) -> Digits:
    """The homework's digits, or those of a file or folder. Raises UsageError."""
    try:
        return load_digits() if data is None else load_data(data)
    except DataError as error:
        raise UsageError(str(error)) from error


def trace(
    submission: Path,
    settings: Settings,
    sink: Sink,
    *,
    digits: Digits | None = None,
    edition: str | None = None,
    allow: Sequence[str] = (),
    isolation: str = ISOLATION,
    timeout: float = 10.0,
    progress: Progress | None = None,
) -> Trace:
    """Train the submission in this folder beside torch, and judge every step.

    `timeout` is in seconds a step. The rows of every step go to `sink`. After Ctrl-C what was traced until then comes
    back, `interrupted`. Raises UsageError for what cannot be started, HarnessError where Parity itself is at fault.
    """
    folder = find_submission(submission, ASSIGNMENT)
    refuse_missing_device(settings.device)
    digits = digits or load_digits()
    runner = Runner(
        folder,
        probe=ASSIGNMENT.inside.probes,
        companions=ASSIGNMENT.inside.processes["parts"],
        layout=ASSIGNMENT.layout,
        editions=ASSIGNMENT.editions,
        edition=edition,
        allow=allow,
        fixture=ASSIGNMENT.lent_support(edition),
        case_seconds=timeout,
        isolation=isolation,
        shared_memory=bytes_of_a_step(settings, Plan(settings, digits).weights),
    )
    with replica_cores(settings) as apart, runner:
        runner.start()  # torch takes a second to import; the submission is imported meanwhile
        import torch

        from parity_tests.trace.forced import Forced
        from parity_tests.trace.free import FreeRunning
        from reference import device

        torch.set_num_threads(threads_for(settings))
        card = device.set_up(settings.device)
        hello = runner.hello
        plan = Plan(for_edition(settings, hello.edition), digits)
        dropout = hello.edition != PLAIN
        judge = Forced(plan, dropout) if settings.forced else FreeRunning(plan, dropout, apart)
        session = Session(plan, judge, sink)
        setting = Setting(str(submission), "mlp", hello.edition, settings.device, isolation)
        sink.open(trace_environment(session, setting, hello, card))
        session.train(runner, timeout, progress)
        return result_of(session, setting, hello, trace_environment(session, setting, hello, card), runner.output)
