"""Reproductions for a run: asks the submission again, ever smaller, and gives the scripts that show its failures."""

from __future__ import annotations

import atexit
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from parity_tests.harness.check import ISOLATION, runner_of
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.submission import asked_before
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES, Case, json_params
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.reproduction import Networks, Script, ScriptSetting
from reports.model.environment import Environment
from reports.model.escape import printable
from reports.model.fixes import Fix, from_rows
from reports.model.parts import Parts
from reports.model.records import Record
from reports.model.scripts import marked
from reports.model.summary import import_fails, left_by_import
from reports.model.summary import unwritten as unwritten_of
from reports.model.verdicts import FAILING, NOTHING_SHOWN, Verdict

SECONDS_FOR_ONE = 4.0
"""What a single question may take while a script is made smaller, if the run's own limit is not less."""
SECONDS_IN_ALL = 90.0
"""After this no further script is begun, unless another limit is given."""
OVER = "the time for all scripts was over; `parity show RUN CASE --repro` makes it alone"
MOST_TRIED = 3
"""Of so many records of one mistake a script is tried."""
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Reproductions:
    """The scripts by file name; for what has none, the sentence that says why, by "<case>, <quantity>".

    The parts `unwritten` are not implemented, which needs no script, as what the parts `causes` explain needs none.
    """

    scripts: dict[str, str] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)
    unwritten: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


def reproductions(
    assignment: Assignment,
    records: Sequence[Record],
    environment: Environment,
    *,
    case: str | None = None,
    timeout: float = 10.0,
    allow: Sequence[str] = (),
    progress: Progress | None = None,
    seconds_in_all: float = SECONDS_IN_ALL,
    servers: ForkServers | None = None,
    handed_on: bool = False,
) -> Reproductions:
    """A script for each discrepancy, one a mistake, or one a part and quantity where none has a name.

    `environment` is a run's: it names the submission, the edition, the seed and the isolation. `case` restricts to
    one. `progress` is told (done, discrepancies, case). After `seconds_in_all` no further script is begun. `servers`
    are those of whoever checks many. Scripts that are `handed_on` look for the submission where they are run, and name
    no folder of this machine and none of the environment's fixes. Raises UsageError where the submission is not there
    any more.
    """
    found = Reproductions(unwritten=unwritten(records, case), causes=_causes(records, case))
    wanted = chosen(assignment, records, case)
    if not wanted:
        return found
    if assignment.reproductions is None:
        sentence = f"none are made for {assignment.title}; `parity show` has the numbers"
        return replace(found, without={f"{one.case}, {one.quantity}": sentence for one, *_ in wanted})
    folder, edition, seed = asked_before(environment, assignment)
    seconds, isolation = min(timeout, SECONDS_FOR_ONE), environment.isolation or ISOLATION
    started = time.monotonic()
    with ExitStack() as stack:

        def start(place: Path, process: str, edition: str) -> Runner:
            runner = runner_of(assignment, place, process, edition, allow, seconds, isolation, servers)
            return stack.enter_context(runner)

        first, *others = assignment.inside.processes
        own = {process: start(folder, process, edition) for process in assignment.inside.processes}
        solution = _lasting
        own[first].start()
        if servers is None:
            solution = _Solution()
            stack.callback(solution.close)
            solution.started(assignment, isolation)
        if any(record.case in _whole(assignment, edition) for alike in wanted for record in alike):
            for process in others:
                own[process].start()
        hello = own[first].hello
        support, lent = assignment.layout.support, assignment.lent_support(edition)
        setting = ScriptSetting(
            folder="." if handed_on else str(folder.resolve()),
            edition=edition,
            fixtures={name: str(lent.parent) if name == support and lent else "" for name in hello.fixtures},
            breaks_off=hello.import_failure is not None,
            seconds=seconds,
            handed_on=handed_on,
        )
        networks = Networks(
            partial(_ask, own, own[first]),
            partial(solution.ask, assignment, isolation),
        )
        maker = assignment.reproductions.reproducer(networks, setting, seed)
        for done, alike in enumerate(wanted):
            if progress is not None:
                progress(done, len(wanted), f"{alike[0].case}, {alike[0].quantity}")
            without = ""
            for record in alike[:MOST_TRIED]:
                over = time.monotonic() - started > seconds_in_all
                made: Script | str = OVER if over else maker.script(record)
                if isinstance(made, Script):
                    fixes = [] if handed_on else from_rows(environment.fixes)
                    found.scripts[_unused(made, found.scripts)] = marked(made.text + mended(fixes, record), record)
                    break
                without = without or made
            else:
                found.without[f"{alike[0].case}, {alike[0].quantity}"] = without
    return found


def chosen(assignment: Assignment, records: Sequence[Record], case: str | None = None) -> list[list[Record]]:
    """The records to write scripts for: of the failing ones that no other part explains, those of each discrepancy.

    What is not written yet needs none, and what an import that fails kept from being judged is no discrepancy.
    """
    kept: dict[tuple[str, ...], list[Record]] = {}
    is_unwritten = unwritten_of(records)
    shown = [record for record in records if record.check == "import"] if import_fails(records) else []
    for record in [*shown, *left_by_import(records)]:
        if record.verdict not in FAILING or record.verdict in NOTHING_SHOWN or record.explained_by:
            continue
        if case in (None, record.case) and (record.diagnosis or not is_unwritten(record)):
            kept.setdefault(_same_failure(assignment, record), []).append(record)
    return list(kept.values())


def unwritten(records: Sequence[Record], case: str | None = None) -> tuple[str, ...]:
    """The parts that are not implemented."""
    missing = (record for record in left_by_import(records) if record.verdict == Verdict.MISSING)
    own = (record for record in missing if not record.diagnosis and not record.explained_by)
    return tuple(dict.fromkeys(record.part for record in own if case in (None, record.case)))


def _causes(records: Iterable[Record], case: str | None) -> tuple[str, ...]:
    """The parts that explain what fails."""
    failed = (record for record in records if record.verdict in FAILING and case in (None, record.case))
    return tuple(dict.fromkeys(record.explained_by for record in failed if record.explained_by))


def _same_failure(assignment: Assignment, record: Record) -> tuple[str, ...]:
    if assignment.reproductions is None:
        return record.part, record.diagnosis, record.quantity
    return assignment.reproductions.same_failure(record)


def mended(fixes: Iterable[Fix], record: Record) -> str:
    """The comment that says with which change of the submission's source the part is right, "" where none is known."""
    lines = []
    for fix in fixes:
        if fix.part == record.part and fix.after:
            lines += [f"# With this change everything of it agrees: {fix.place}, {printable(fix.words)}"]
            lines += [f"#   {line}" for line in fix.marked()]
    return "".join(f"{line}\n" for line in lines)


def _whole(assignment: Assignment, edition: str) -> set[str]:
    return {case.name for case in assignment.cases(edition, DTYPES) if case.whole}


def _ask(
    by_process: Mapping[str, Runner], usual: Runner, case: Case, arrays: Mapping[str, Any], seed: int
) -> Observation:
    runner = by_process.get(case.process, usual)
    return runner.ask(case.name, case.probe, json_params(case.params), arrays, seed=seed)


class _Solution:
    """An assignment's own solution, in processes that share no sandbox with a submission's; any thread may ask it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._runners: dict[tuple[str, str], dict[str, Runner]] = {}

    def close(self) -> None:
        """End its processes. Who asks once more gets new ones."""
        self._runners.clear()
        self._stack.close()

    def started(self, assignment: Assignment, isolation: str) -> dict[str, Runner]:
        """Its runners by process, of which the first begins to start."""
        folder, edition = assignment.solution, assignment.editions.default
        runners = self._runners.setdefault((str(folder), isolation), {})
        if not runners:
            for process in assignment.inside.processes:
                runner = runner_of(assignment, folder, process, edition, isolation=isolation)
                runners[process] = self._stack.enter_context(runner)
            runners[assignment.inside.own].start()
        return runners

    def ask(
        self, assignment: Assignment, isolation: str, case: Case, arrays: Mapping[str, Any], seed: int
    ) -> Observation:
        """What it does when a case is put to it."""
        with self._lock:
            runners = self.started(assignment, isolation)
            seen = _ask(runners, runners[assignment.inside.own], case, arrays, seed)
            if seen.failures:  # as where a process has returned all that it may
                self.close()
        return seen


_lasting = _Solution()
"""That of a class, which asks it again and again."""
atexit.register(_lasting.close)


def _unused(made: Script, taken: Mapping[str, str]) -> str:
    """A file name that no script before has."""
    names = [f"repro-{made.name}.py", *(f"repro-{made.name}-{n}.py" for n in range(2, 2 + len(taken)))]
    return next(name for name in names if name not in taken)


def lines(found: Reproductions, folder: Path, parts: Parts) -> list[str]:
    """What is said of the scripts that were written into `folder`, and of what has none."""
    count = len(found.scripts)
    many = f"{count} scripts, each of which ends" if count > 1 else "a script, which ends"
    said = [f"Wrote {many} with status 1 where its failure shows:"] if count else []
    said += [f"  python {shlex.quote(str(folder / name))}" for name in found.scripts]
    without: dict[str, list[str]] = {}
    for what, why in found.without.items():
        without.setdefault(why, []).append(what)
    for why, some in without.items():
        more = f" and {len(some) - 1} more" if len(some) > 1 else ""
        said.append(f"No script for {some[0]}{more}: {why}.")
    if found.unwritten:
        said.append(f"No script for what is not implemented: {parts.listed(sorted(found.unwritten, key=parts.order))}.")
    if said or not found.causes:
        return said or ["There is no discrepancy to write a script for."]
    return [f"What fails here is caused by {parts.listed(found.causes)}: see the script for that."]
