"""Asks variants of the shipped network the cases that concern them, and judges them as `check` does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.check import runner_of
from parity_tests.harness.diagnosis.name_mistakes import name_mistakes
from parity_tests.harness.draw import draw, seed_of
from parity_tests.harness.judge import judge
from parity_tests.harness.make_records import Setting, records_of
from parity_tests.harness.process.in_process import InProcessRunner
from parity_tests.harness.process.runner import Runner
from parity_tests.proof.variants import Variant
from parity_tests.protocol.assignment import Verdicts
from parity_tests.protocol.case import DTYPES, Case, json_params
from parity_tests.protocol.kind import Context
from parity_tests.protocol.observation import Observation
from reports.model.records import Record

EDITION = ASSIGNMENT.editions.default
SECONDS = 10.0
"""What a run of main may take."""
PART_SECONDS = 5.0
"""What a case of the parts may take."""
Wanted = Callable[[Case], bool]


@cache
def plan() -> tuple[Case, ...]:
    """Every case of this edition."""
    return tuple(ASSIGNMENT.cases(EDITION, DTYPES))


def with_own_parts(case: Case) -> bool:
    """Whether a case asks the whole with the submission's own parts in it."""
    return case.whole and case.process == "parts"


def records(variant: Variant, wanted: Wanted, seed: int = 0, *, names: bool = True) -> list[Record]:
    """The records of the wanted cases: parts in this process, main in one of its own. `names`: with diagnoses."""
    chosen = [case for case in plan() if wanted(case)]
    seen = {case.name: observation for case, observation in _observations(variant, chosen, seed)}
    context = Context("cpu", EDITION, EDITION)
    judged = {c.name: judge(ASSIGNMENT, c, draw(ASSIGNMENT, c, seed), seen[c.name], context) for c in chosen}
    return _records(chosen, seen, judged, seed, names)


def _records(
    chosen: Sequence[Case], seen: dict[str, Observation], judged: Verdicts, seed: int, names: bool
) -> list[Record]:
    assert ASSIGNMENT.blame is not None
    verdicts = ASSIGNMENT.blame(chosen, judged)
    if names:
        assert ASSIGNMENT.diagnosis is not None
        arrays_of = partial(draw, ASSIGNMENT, seed=seed)
        verdicts = name_mistakes(ASSIGNMENT.diagnosis(), chosen, verdicts, seen, arrays_of).verdicts
    setting = Setting("variant", ASSIGNMENT.name, EDITION, "cpu", "in_process")
    return [r for case in chosen for r in records_of(setting, case, verdicts[case.name], seen[case.name])]


def _observations(variant: Variant, chosen: Sequence[Case], seed: int) -> list[tuple[Case, Observation]]:
    mains = [case for case in chosen if case.probe == "main"]
    with tempfile.TemporaryDirectory(prefix="parity-") as temporary:
        folder = Path(temporary)
        variant.write(folder)
        found = _answers(in_process(folder), [case for case in chosen if case.probe != "main"], seed)
        for process in ("wiring", "parts"):
            cases = [case for case in mains if case.process == process]
            if cases:
                with runner_of(ASSIGNMENT, folder, process, EDITION, (), SECONDS, "none") as runner:
                    found += _answers(runner, cases, seed)
    return found


def in_process(folder: Path) -> InProcessRunner:
    """Return what puts cases of the parts to the variant in this folder, in this process."""
    return InProcessRunner(
        folder,
        probe=ASSIGNMENT.inside.probes,
        layout=ASSIGNMENT.layout,
        editions=ASSIGNMENT.editions,
        case_seconds=PART_SECONDS,
    )


def _answers(runner: Runner | InProcessRunner, cases: Sequence[Case], seed: int) -> list[tuple[Case, Observation]]:
    found = []
    for case in cases:
        arrays, case_seed = draw(ASSIGNMENT, case, seed), seed_of(seed, case.name)
        found.append((case, runner.ask(case.name, case.probe, json_params(case.params), arrays, seed=case_seed)))
    return found
