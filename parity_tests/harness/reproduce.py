"""Reproductions for a run: asks the submission again, ever smaller, and gives the scripts that show its failures."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from parity_tests.assignments.mlp.cases import Case
from parity_tests.assignments.mlp.reproduce.draft import Setting
from parity_tests.assignments.mlp.reproduce.shrink import Networks, Reproducer, Script, chosen, explained
from parity_tests.harness.check import runner_of, shipped_network
from parity_tests.harness.make_records import json_params
from parity_tests.harness.observation import Observation
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.submission import find_submission
from reports.model.records import Record

SECONDS_FOR_ONE = 4.0
"""What a single question may take while a script is made smaller, if the run's own limit is not less."""
SECONDS_IN_ALL = 90.0
"""After this no further script is begun."""
OVER = f"the {SECONDS_IN_ALL:g} seconds for all scripts were over; `parity show RUN CASE --repro` makes it alone"
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Reproductions:
    """The scripts by file name; for what has none, the sentence that says why, by "<case>, <quantity>".

    `explained` counts the failing records that another TODO explains, by that TODO.
    """

    scripts: dict[str, str] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)
    explained: dict[str, int] = field(default_factory=dict)


def reproductions(
    records: Sequence[Record],
    environment: Mapping[str, Any],
    *,
    case: str | None = None,
    timeout: float = 10.0,
    allow: Sequence[str] = (),
    progress: Progress | None = None,
) -> Reproductions:
    """A script for each discrepancy, one a TODO, diagnosis and quantity.

    `environment` is a run's: it names the submission, the edition, the seed and the isolation. `case` restricts to
    one. `progress` is told (done, discrepancies, case). Raises UsageError where the submission is not there any more.
    """
    found = Reproductions(explained=explained(records, case))
    wanted = chosen(records, case)
    if not wanted:
        return found
    folder = find_submission(Path(str(environment["submission"])))
    edition = str(environment["edition"])
    started = time.monotonic()
    with ExitStack() as stack:

        def start(place: Path, worker: str) -> Runner:
            seconds, isolation = min(timeout, SECONDS_FOR_ONE), str(environment["isolation"])
            return stack.enter_context(runner_of(place, worker, edition, allow, seconds, isolation))

        parts, wiring = start(folder, "parts"), start(folder, "wiring")
        shipped = start(shipped_network(), "parts")
        for runner in (parts, wiring, shipped) if any(r.check == "main" for r in wanted) else (parts, shipped):
            runner.start()
        hello = parts.hello
        setting = Setting(
            folder=str(folder.resolve()),
            edition=edition,
            lent={name: str(shipped_network()) if name == "utils" else "" for name in hello.lent},
            breaks_off=hello.import_failure is not None,
            seconds=min(timeout, SECONDS_FOR_ONE),
        )
        networks = Networks(partial(_ask, {"wiring": wiring}, parts), partial(_ask, {}, shipped))
        maker = Reproducer(networks, setting, int(environment["seed"]))
        for done, record in enumerate(wanted):
            if progress is not None:
                progress(done, len(wanted), f"{record.case}, {record.quantity}")
            over = time.monotonic() - started > SECONDS_IN_ALL
            made: Script | str = OVER if over else maker.script(record)
            if isinstance(made, Script):
                found.scripts[_unused(made, found.scripts)] = made.text
            else:
                found.without[f"{record.case}, {record.quantity}"] = made
    return found


def _ask(special: Mapping[str, Runner], usual: Runner, case: Case, arrays: Mapping[str, Any], seed: int) -> Observation:
    runner = special.get(case.worker, usual)
    return runner.ask(case.name, case.probe, json_params(case.params), arrays, seed=seed)


def _unused(made: Script, taken: Mapping[str, str]) -> str:
    """A file name that no script before has."""
    names = [f"repro-{made.name}.py", *(f"repro-{made.name}-{n}.py" for n in range(2, 2 + len(taken)))]
    return next(name for name in names if name not in taken)


def lines(found: Reproductions, folder: Path) -> list[str]:
    """What is said of the scripts that were written into `folder`, and of what has none."""
    count = len(found.scripts)
    many = f"{count} scripts, each of which ends" if count > 1 else "a script, which ends"
    said = [f"Wrote {many} with status 1 where its failure shows:"] if count else []
    said += [f"  python {shlex.quote(str(folder / name))}" for name in found.scripts]
    said += [f"No script for {what}: {why}." for what, why in found.without.items()]
    for part, count in found.explained.items():
        name = "utils.py" if part == "utils" else f"TODO {part}"
        many = f"{count} more failing quantities: they need" if count > 1 else "one more failing quantity: it needs"
        said.append(f"{name} explains {many} no script of {'their' if count > 1 else 'its'} own.")
    return said or ["There is no discrepancy to write a script for."]
