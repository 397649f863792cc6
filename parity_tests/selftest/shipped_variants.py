"""Variants of the shipped network and their records: `parity_tests.proof` on the homework, for its tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.process.in_process import InProcessRunner
from parity_tests.proof import judged_variants, variants
from parity_tests.proof.variants import Variant
from parity_tests.protocol.case import DTYPES, Case
from reports.model.records import Record

shipped = partial(variants.unchanged, ASSIGNMENT)
changed = partial(variants.changed, ASSIGNMENT)
with_mistake = partial(variants.with_mistake, ASSIGNMENT)
EDITION = ASSIGNMENT.editions.default


def records(variant: Variant, wanted: Callable[[Case], bool], seed: int = 0) -> list[Record]:
    """The records of the cases for which `wanted` holds, of a check of all parts with a quantity in them."""
    cases = [case for case in ASSIGNMENT.cases(EDITION, DTYPES, seed=seed) if wanted(case)]
    names = {case.name for case in cases}
    parts = {q.part for case in cases for q in case.quantities}
    return [r for r in judged_variants.records(ASSIGNMENT, variant, parts=parts, seed=seed) if r.case in names]


def in_process(folder: Path) -> InProcessRunner:
    """What puts cases of the parts to the variant in this folder, in this process."""
    return InProcessRunner(
        folder,
        probe=ASSIGNMENT.inside.probes,
        companions=next(iter(ASSIGNMENT.inside.processes.values())),
        layout=ASSIGNMENT.layout,
        editions=ASSIGNMENT.editions,
        case_seconds=judged_variants.CASE_SECONDS,
    )
