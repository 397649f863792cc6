"""Reproductions for a run: asks the submission again, ever smaller, and gives the scripts that show its failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from parity_tests.assignment.cases import Case
from parity_tests.assignment.reproduce import Script, chosen, script
from parity_tests.assignment.verdicts import json_params
from parity_tests.checking import ASSIGNMENT, shipped_network
from parity_tests.harness.observation import Observation
from parity_tests.harness.runner import Runner
from parity_tests.harness.submission import find_submission
from reports.records import Record


def scripts(
    records: Sequence[Record],
    environment: Mapping[str, Any],
    *,
    case: str | None = None,
    timeout: float = 10.0,
    allow: Sequence[str] = (),
) -> tuple[dict[str, str], list[str]]:
    """File name → text of a script for each discrepancy, one a TODO, diagnosis and quantity; and what has none.

    `environment` is a run's: it names the submission, the edition, the seed and the isolation. `case` restricts to
    one. Raises UsageError where the submission is not there any more.
    """
    wanted, other = chosen(records, case)
    without = [f"{record.case}, {record.quantity}" for record in other]
    if not wanted:
        return {}, without
    folder = find_submission(Path(str(environment["submission"])))
    edition = str(environment["edition"])
    found: dict[str, str] = {}
    with Runner(
        folder,
        probe=ASSIGNMENT / "probe.py",
        companions=[ASSIGNMENT / "recorder.py"],
        edition=edition,
        allow=allow,
        lend_utils=shipped_network() / "utils.py",
        case_seconds=timeout,
        isolation=str(environment["isolation"]),
    ) as runner:

        def ask(smaller: Case, arrays: dict[str, NDArray[Any]], seed: int) -> Observation:
            return runner.ask(smaller.name, smaller.probe, json_params(smaller.params), arrays, seed=seed)

        for record in wanted:
            made = script(record, ask, str(folder.resolve()), edition, int(environment["seed"]))
            if made is None:
                without.append(f"{record.case}, {record.quantity}")
            else:
                found[_unused(made, found)] = made.text
    return found, without


def _unused(made: Script, taken: Mapping[str, str]) -> str:
    """A file name that no script before has."""
    names = [f"repro-{made.name}.py", *(f"repro-{made.name}-{n}.py" for n in range(2, 2 + len(taken)))]
    return next(name for name in names if name not in taken)


def lines(found: Mapping[str, str], without: Sequence[str], folder: Path) -> list[str]:
    """What is said of the scripts that were written into `folder`."""
    said = [
        f"Wrote {folder / name}: run it with python; it ends with status 1 where the failure shows." for name in found
    ]
    if without:
        first = ", ".join(without[:2]) + (f" and {len(without) - 2} more" if len(without) > 2 else "")
        said.append(f"No script for {first}: these need the whole run; `parity show` says what happened.")
    return said or ["There is no discrepancy to write a script for."]
