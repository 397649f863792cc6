"""The records of variants of CS231n's solution, in one precision where a test does not ask for both.

float64 tells more: an error bound is narrow there, and a derivative is held against two differences.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.proof import judged_variants
from parity_tests.proof.editions import edition_for
from parity_tests.proof.variants import rewritten
from parity_tests.protocol.mistake import Around, Body, Rewrite, Swap
from reports.model.records import Record

records = partial(judged_variants.records, ASSIGNMENT, dtypes=("float64",))


def judged(*changes: Body | Swap | Around, file: str = "", **asked: Any) -> list[Record]:
    """The records of our solution with these changes in a file, in the first edition that asks for what they change."""
    variant = rewritten(ASSIGNMENT, Rewrite("changed", changes, file))
    return records(variant, **{"edition": edition_for(ASSIGNMENT, variant), **asked})
