"""Checks one submission: plans the cases, puts them to it in processes of their own, judges, and makes the records."""

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from numpy.typing import NDArray

from parity_tests.assignments.mlp import cases as case_table
from parity_tests.assignments.mlp import inputs
from parity_tests.assignments.mlp.blame import credit
from parity_tests.assignments.mlp.cases import Case
from parity_tests.assignments.mlp.float64_only import forgive_float64_only
from parity_tests.harness.compare import PASSING, Comparison
from parity_tests.harness.environment import versions
from parity_tests.harness.judgement_cache import Precedents
from parity_tests.harness.machine import refuse_missing_device
from parity_tests.harness.make_records import Setting, check_plan, import_record, json_params, records_of
from parity_tests.harness.observation import Hello, Observation
from parity_tests.harness.process.fork_servers import Servers
from parity_tests.harness.process.interview import Question, interview
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.submission import find_submission
from parity_tests.protocol.errors import HarnessError, UsageError
from reports.model.records import FAILING, Record

INSIDE = Path(__file__).parents[1] / "assignments" / "mlp" / "inside"
SECONDS_IN_ALL = 120.0
ISOLATION = "none"
WORKERS = {"parts": ("parts", "own"), "wiring": ("wiring",)}
"""The processes of a submission and whose cases each is asked: its own code; main with correct parts swapped in."""
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


def shipped_network() -> Path:
    """The folder of the shipped numpy network: the first submission."""
    spec = find_spec("implementation")
    if spec is None or not spec.submodule_search_locations:
        raise HarnessError("the package implementation is not installed beside parity_tests")
    return Path(next(iter(spec.submodule_search_locations)))


def check(
    submission: Path,
    *,
    name: str = "",
    device: str = "cpu",
    dtypes: Sequence[str] = case_table.DTYPES,
    seed: int = 0,
    parts: frozenset[str] | None = None,
    edition: str | None = None,
    timeout: float = 10.0,
    allow: Sequence[str] = (),
    isolation: str = ISOLATION,
    progress: Progress | None = None,
    servers: Servers | None = None,
    precedents: Precedents | None = None,
) -> Run:
    """Put every planned case to the submission in this folder and judge what it did.

    The records call it `name`, or by its folder; `device` is torch's ("cpu" or "cuda"); `parts` restricts to the cases
    with those TODOs; `timeout` is in seconds a case; `allow` names modules that the submission may import beside numpy;
    `isolation` is the level at which it runs, one of harness.isolation.LEVELS. `progress` is told (done, planned,
    case). `servers` and `precedents` are those of whoever checks many: what processes are forked off, and what was
    judged before.
    Raises UsageError for what cannot be started, HarnessError where Parity itself is at fault.
    """
    folder = find_submission(submission)
    refuse_missing_device(device)
    started = time.monotonic()
    with ExitStack() as stack:
        runners = {
            worker: stack.enter_context(runner_of(folder, worker, edition, allow, timeout, isolation, servers))
            for worker in WORKERS
        }
        pool = stack.enter_context(ThreadPoolExecutor(len(WORKERS) + 1))
        for runner in runners.values():
            runner.start()
            stack.callback(runner.stop)  # before the pool waits for its interviews
        # torch takes a second to import: the submission says hello, and answers, meanwhile.
        pool.submit(_import_torch)
        hello = runners["parts"].hello
        wanted = case_table.plan(hello.edition, tuple(dtypes), parts)
        if not wanted:
            raise UsageError(f"edition {hello.edition} asks for none of the TODOs {', '.join(sorted(parts or ()))}")
        # Which part a failing main owes its failure to, the parts' own cases tell.
        plan = case_table.plan(hello.edition, tuple(dtypes)) if any(c.check == "main" for c in wanted) else wanted
        answered: SimpleQueue[Observation | None] = SimpleQueue()
        running = [
            pool.submit(_interview, runners[worker], [c for c in plan if c.worker in asked], seed, answered)
            for worker, asked in WORKERS.items()
        ]
        setting = Setting(name or str(submission), "mlp", hello.edition, device, isolation)
        judged, seen = _judge_all(plan, seed, device, hello, _arriving(answered, running), precedents, progress)
        output = b"".join(runner.output for runner in runners.values())
    credited, hints = _named(plan, credit(plan, judged), seen, seed)
    records = [r for case in wanted for r in records_of(setting, case, credited[case.name], seen[case.name])]
    check_plan(wanted, records)
    records.insert(0, import_record(setting, (hello.import_failure, hello.utils_failure)))
    return Run(
        records=_noting_lent(records, hello),
        environment={**_environment(setting, seed, dtypes, hello, time.monotonic() - started), "hints": hints},
        arrays=_arrays_of_failures({case.name: judged[case.name] for case in wanted}),
        inputs={case.name: {"title": case.title, **json_params(case.params)} for case in wanted},
        output=output,
    )


def _import_torch() -> None:
    import torch

    torch.set_num_threads(1)  # the arrays are small: threads would only wait for one another


def runner_of(
    folder: Path,
    worker: str,
    edition: str | None,
    allow: Sequence[str],
    timeout: float,
    isolation: str,
    servers: Servers | None = None,
) -> Runner:
    """The runner of a submission's process `worker`, one of WORKERS; arguments as `check` has them."""
    companions = {"parts": ["recorder.py"], "wiring": ["recorder.py", "stand_ins.py"]}[worker]
    return Runner(
        folder,
        probe=INSIDE / "probe.py",
        companions=[INSIDE / name for name in companions],
        edition=edition,
        allow=allow,
        lend_utils=shipped_network() / "utils.py",
        case_seconds=timeout,
        isolation=isolation,
        servers=servers,
    )


def _interview(runner: Runner, cases: Sequence[Case], seed: int, answered: "SimpleQueue[Observation | None]") -> None:
    questions = [
        Question(
            case=case.name,
            probe=case.probe,
            params=json_params(case.params),
            draw=partial(inputs.draw, case, seed),
            seed=inputs.seed_of(seed, case.name),
            strikes=case.strikes,
        )
        for case in cases
    ]
    try:
        for seen in interview(runner, questions, seconds_in_all=SECONDS_IN_ALL):
            answered.put(seen)
    finally:
        answered.put(None)


def _arriving(answered: "SimpleQueue[Observation | None]", running: "Sequence[Future[None]]") -> Iterator[Observation]:
    """Observations as they come, from all runners; then whatever went wrong in the harness's own threads."""
    for _ in running:
        while (seen := answered.get()) is not None:
            yield seen
    for future in running:
        future.result()


def _judge_all(
    plan: Sequence[Case],
    seed: int,
    device: str,
    hello: Hello,
    arriving: Iterator[Observation],
    precedents: Precedents | None,
    progress: Progress | None,
) -> tuple[dict[str, dict[str, Comparison]], dict[str, Observation]]:
    from parity_tests.assignments.mlp import expectations
    from reference.device import set_up

    _import_torch()
    set_up(device)
    by_name = {case.name: case for case in plan}
    judged: dict[str, dict[str, Comparison]] = {}
    seen: dict[str, Observation] = {}
    for observation in arriving:
        case = by_name[observation.case]
        seen[case.name] = observation
        if progress is not None:
            progress(len(seen), len(plan), case.name)
        if case.check == "sgd" and hello.edition_seen != hello.edition and "signature" in observation.facts:
            wrong = expectations.wrong_signature(hello.edition, observation.facts["signature"])
            judged[case.name] = {q.name: wrong for q in case.quantities}
        else:
            answer = partial(_judged, case, seed, observation, device)
            judged[case.name] = (
                answer() if precedents is None else precedents.judge(case, seed, device, observation, answer)
            )
    return forgive_float64_only(plan, judged), seen


def _judged(case: Case, seed: int, seen: Observation, device: str) -> dict[str, Comparison]:
    from parity_tests.assignments.mlp.expectations import judge

    return judge(case, inputs.draw(case, seed), seen, device)


def _named(
    plan: Sequence[Case], judged: Mapping[str, Mapping[str, Comparison]], seen: Mapping[str, Observation], seed: int
) -> tuple[dict[str, dict[str, Comparison]], dict[str, str]]:
    """The same comparisons with the names of known mistakes, and a hint for each name."""
    if all(c.verdict in PASSING for comparisons in judged.values() for c in comparisons.values()):
        return {case: dict(comparisons) for case, comparisons in judged.items()}, {}
    from parity_tests.harness.diagnosis.diagnose import diagnosed, hints  # they bring torch in, which is here by now

    named = diagnosed(plan, judged, seen, partial(inputs.draw, seed=seed))
    claimed = {c.diagnosis for comparisons in named.values() for c in comparisons.values() if c.diagnosis}
    return named, {diagnosis: " ".join(hints(diagnosis)) for diagnosis in sorted(claimed) if hints(diagnosis)}


def _arrays_of_failures(judged: Mapping[str, Mapping[str, Comparison]]) -> dict[str, NDArray[Any]]:
    return {
        f"{case}/{quantity}/{word}": array
        for case, comparisons in judged.items()
        for quantity, comparison in comparisons.items()
        if comparison.arrays is not None and comparison.verdict in FAILING
        for word, array in zip(("got", "want", "radius"), comparison.arrays, strict=True)
    }


def _noting_lent(records: list[Record], hello: Hello) -> list[Record]:
    """The import's record, noting what the submission lacked and was lent."""
    if not hello.lent:
        return records
    what = " and ".join(f"{name}.py (Parity's own)" if name == "utils" else name for name in hello.lent)
    note = "; ".join(filter(None, (records[0].note, f"was lent {what}")))
    return [replace(records[0], note=note), *records[1:]]


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
        "versions": versions(),
        "threads": {"torch": torch.get_num_threads(), "submission": 1},
        "submission_python": hello.python_version,
        "submission_numpy": hello.numpy_version,
    }
