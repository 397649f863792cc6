"""Variants of the shipped network and their records: `parity_tests.proof` on the homework, for its tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.proof import judged_variants, variants
from parity_tests.proof.cases import all_cases
from parity_tests.proof.variants import Variant
from parity_tests.protocol.case import Case
from reports.model.records import Record

shipped = partial(variants.unchanged, ASSIGNMENT)
changed = partial(variants.changed, ASSIGNMENT)
with_mistake = partial(variants.with_mistake, ASSIGNMENT)
in_process = partial(judged_variants.in_process, ASSIGNMENT)


def records(variant: Variant, wanted: Callable[[Case], bool], **options: Any) -> list[Record]:
    """The records of the planned cases for which `wanted` holds; options as `judged_variants.records` has them."""
    cases = [case for case in all_cases(ASSIGNMENT) if wanted(case)]
    return judged_variants.records(ASSIGNMENT, variant, cases, **options)
