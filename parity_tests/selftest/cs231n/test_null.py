"""What knows nothing earns nothing, and null.tsv holds all of what it gets right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.harness.check import check
from parity_tests.proof.judged_variants import fork_servers
from parity_tests.proof.null_submissions import MOST_PER_CENT, null_submissions, points_of, right_in
from parity_tests.proof.variants import Variant, unchanged
from parity_tests.selftest.nightly import one_of_each
from reports.model.records import Record

pytestmark = pytest.mark.usefixtures("one_thread")

UNNAMED = replace(ASSIGNMENT, diagnosis=None)
"""CS231n without names for mistakes, which points do not hang on."""
NULLS = {null.name: null for null in null_submissions(ASSIGNMENT) if null.edition == ASSIGNMENT.editions.default}


def checked(folder: Path, variant: Variant) -> list[Record]:
    """The records of a check in one precision, for all of which torch's answers are computed once."""
    variant.write(folder)
    edition = ASSIGNMENT.editions.default
    return check(UNNAMED, folder, dtypes=("float64",), edition=edition, servers=fork_servers()).records


def kind(name: str) -> str:
    """What a submission knows: ones are a constant."""
    return name.replace("ones ", "a constant ")


@pytest.mark.parametrize("name", one_of_each(kind, NULLS))
def test_a_submission_that_knows_nothing_earns_nothing(tmp_path: Path, name: str) -> None:
    records = checked(tmp_path, NULLS[name].variant)
    assert points_of(ASSIGNMENT, records) <= MOST_PER_CENT
    assert right_in(NULLS[name], records) <= ASSIGNMENT.null_quantities


def test_the_solution_earns_all(tmp_path: Path) -> None:
    assert points_of(ASSIGNMENT, checked(tmp_path, unchanged(ASSIGNMENT))) == 100
