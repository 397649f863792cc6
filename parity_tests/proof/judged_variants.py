"""Puts cases to variants of an assignment's solution, and judges them as `check` does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from parity_tests.harness.check import runner_of
from parity_tests.harness.diagnosis.name_mistakes import name_mistakes
from parity_tests.harness.draw import draw, seed_of
from parity_tests.harness.make_records import Setting, records_of
from parity_tests.harness.process.in_process import InProcessRunner
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.whose_fault import judge_anything
from parity_tests.proof.variants import Variant
from parity_tests.protocol.assignment import Assignment, Verdicts
from parity_tests.protocol.case import Case, json_params
from parity_tests.protocol.kind import Context, Judged
from parity_tests.protocol.observation import Observation
from reports.model.records import FAILING, Record

WHOLE_SECONDS = 10.0
"""What a case of the whole may take."""
PART_SECONDS = 5.0
"""What a case of a part may take."""


def records(
    assignment: Assignment, variant: Variant, cases: Sequence[Case], seed: int = 0, *, names: bool = True
) -> list[Record]:
    """The records of these cases; with `names`, the names of known mistakes in them."""
    seen = {case.name: observation for case, observation in observations(assignment, variant, cases, seed)}
    verdicts: Verdicts = {case.name: _judged(assignment, case, seen[case.name], seed) for case in cases}
    if assignment.blame is not None:
        verdicts = assignment.blame(cases, verdicts)
    if names:
        arrays_of = partial(draw, assignment, seed=seed)
        verdicts = name_mistakes(assignment, cases, verdicts, seen, arrays_of).verdicts
    setting = Setting("variant", assignment.name, assignment.editions.default, "cpu", "in_process")
    return [r for case in cases for r in records_of(setting, case, verdicts[case.name], seen[case.name])]


def first_failure(assignment: Assignment, variant: Variant, cases: Sequence[Case]) -> str:
    """The first of these cases that the variant fails, and the quantity; "" where it fails none."""
    for case, seen in observations(assignment, variant, cases, seed=0):
        for quantity, comparison in _judged(assignment, case, seen, seed=0).items():
            if comparison.verdict in FAILING:
                return f"{case.name}, {quantity}"
    return ""


def observations(
    assignment: Assignment, variant: Variant, cases: Sequence[Case], seed: int
) -> Iterator[tuple[Case, Observation]]:
    """What comes back for each case: first those of the parts, asked in this process, then those of the whole.

    The latter are asked in processes of their own.
    """
    with tempfile.TemporaryDirectory(prefix="parity-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        variant.write(folder)
        yield from _answers(
            assignment, in_process(assignment, folder), [case for case in cases if not case.whole], seed
        )
        edition = assignment.editions.default
        for process in reversed(list(assignment.inside.processes)):
            asked = [case for case in cases if case.whole and case.process == process]
            if asked:
                runner = runner_of(assignment, folder, process, edition, (), WHOLE_SECONDS, "none")
                yield from _answers(assignment, stack.enter_context(runner), asked, seed)


def in_process(assignment: Assignment, folder: Path) -> InProcessRunner:
    """What puts cases of the parts to the variant in this folder, in this process."""
    return InProcessRunner(
        folder,
        probe=assignment.inside.probes,
        companions=next(iter(assignment.inside.processes.values())),
        layout=assignment.layout,
        editions=assignment.editions,
        case_seconds=PART_SECONDS,
    )


def _answers(
    assignment: Assignment, runner: Runner | InProcessRunner, cases: Sequence[Case], seed: int
) -> Iterator[tuple[Case, Observation]]:
    for case in cases:
        arrays, case_seed = draw(assignment, case, seed), seed_of(seed, case.name)
        yield case, runner.ask(case.name, case.probe, json_params(case.params), arrays, seed=case_seed)


def _judged(assignment: Assignment, case: Case, seen: Observation, seed: int) -> Judged:
    edition = assignment.editions.default
    return judge_anything(assignment, case, draw(assignment, case, seed), seen, Context("cpu", edition, edition))
