"""Variants of the shipped network and their records: `parity_tests.proof` on the homework, for its tests."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.exam import Exam, question_of
from parity_tests.harness.make_records import Setting
from parity_tests.harness.process.questions import Budget, ask_all
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.stages import judge_observed
from parity_tests.proof import judged_variants, variants
from parity_tests.proof.variants import Variant
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.selftest.shared import JUDGED
from reports.model.records import Record

shipped = partial(variants.unchanged, ASSIGNMENT)
changed = partial(variants.changed, ASSIGNMENT)
EDITION = ASSIGNMENT.editions.default


def records(variant: Variant, wanted: Callable[[Case], bool], seed: int = 0) -> list[Record]:
    """The records of the cases for which `wanted` holds, of a check of all parts with a quantity in them."""
    cases = [case for case in ASSIGNMENT.cases(EDITION, DTYPES, seed=seed) if wanted(case)]
    names = {case.name for case in cases}
    parts = {q.part for case in cases for q in case.quantities}
    return [r for r in judged_variants.records(ASSIGNMENT, variant, parts=parts, seed=seed) if r.case in names]


def alone(
    variant: Variant, wanted: Callable[[Case], bool], seed: int = 0, dtypes: Sequence[str] = DTYPES
) -> list[Record]:
    """The records of these cases, put to a variant and judged without others beside them."""
    plan = [case for case in ASSIGNMENT.cases(EDITION, dtypes, seed=seed) if wanted(case)]
    questions = [question_of(ASSIGNMENT, case, seed) for case in plan]
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        variant.write(Path(folder))
        with runner_of_parts(Path(folder)) as runner:
            observed = list(ask_all(runner, questions, Budget()))
    setting = Setting("variant", ASSIGNMENT.name, EDITION, "cpu", "none")
    return judge_observed(Exam(ASSIGNMENT, setting, plan, plan, seed, EDITION), observed, cache=JUDGED).records


def runner_of_parts(folder: Path) -> Runner:
    """What puts cases of the parts to the variant in this folder."""
    return Runner(
        folder,
        probe=ASSIGNMENT.inside.probes,
        companions=next(iter(ASSIGNMENT.inside.processes.values())),
        layout=ASSIGNMENT.layout,
        editions=ASSIGNMENT.editions,
        case_seconds=judged_variants.CASE_SECONDS,
        servers=judged_variants.fork_servers(),
    )
