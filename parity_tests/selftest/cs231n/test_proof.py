"""The second assignment's own proof: evasions are caught, and slips are caught or excused for a reason that holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.proof.equivalent import equivalent, not_asked
from parity_tests.assignments.cs231n.proof.evasions import EVASIONS
from parity_tests.harness.check import check
from parity_tests.proof.editions import changed_parts, edition_for
from parity_tests.proof.judged_variants import failures, fork_servers
from parity_tests.proof.mutants import Mutant, mutants, trial
from parity_tests.proof.near_misses import called, near_misses
from parity_tests.proof.null_submissions import MOST_PER_CENT, null_submissions, points_of, right_in
from parity_tests.proof.variants import rewritten, unchanged
from parity_tests.protocol.mistake import Rewrite, Swap
from parity_tests.selftest.cs231n.judging import records
from parity_tests.selftest.nightly import first_of_each, one_of_each

pytestmark = pytest.mark.usefixtures("one_thread")


FILES = unchanged(ASSIGNMENT).files


def family(rewrite: Rewrite) -> str:
    """The file that a form changes first."""
    first = rewrite.changes[0]
    text = first.old if isinstance(first, Swap) else f"def {first.function}("
    return next(file for file, source in FILES.items() if text in source)


@pytest.mark.parametrize("evasion", first_of_each(family, EVASIONS), ids=lambda evasion: evasion.name)
def test_an_evasion_is_caught(evasion: Rewrite) -> None:
    variant = rewritten(ASSIGNMENT, evasion)
    parts = changed_parts(ASSIGNMENT, variant) or None
    edition = edition_for(ASSIGNMENT, variant)
    assert failures(records(variant, parts=parts, edition=edition, named=False))


def test_a_variant_is_asked_in_the_first_edition_that_asks_for_what_it_changes() -> None:
    svm = rewritten(ASSIGNMENT, Rewrite("svm", (Swap("dx[rows, y] = -dx.sum(axis=1)", "dx[rows, y] = -1"),)))
    assert changed_parts(ASSIGNMENT, svm) == {"svm_loss"}
    assert edition_for(ASSIGNMENT, svm) == "assignment-1"
    assert edition_for(ASSIGNMENT, unchanged(ASSIGNMENT)) is None


@pytest.fixture(scope="module")
def slips() -> list[Mutant]:
    return mutants(ASSIGNMENT)


def test_excused_slips_are_few_and_no_case_catches_them(slips: list[Mutant]) -> None:
    def reason(mutant: Mutant) -> str:
        slip = mutant.function, mutant.before, mutant.after
        return equivalent(*slip) or not_asked(*slip)

    excused = [mutant for mutant in slips if reason(mutant)]
    assert len(slips) > 1000
    assert 0 < len(excused) < len(slips) / 20
    for mutant in {mutant.file: mutant for mutant in excused}.values():
        parts = changed_parts(ASSIGNMENT, mutant.variant) or None
        edition = edition_for(ASSIGNMENT, mutant.variant)
        assert failures(records(mutant.variant, parts=parts, edition=edition, named=False)) == [], mutant.name


def test_a_single_slip_is_caught_or_excused(slips: list[Mutant]) -> None:
    for mutant in {mutant.file: mutant for mutant in slips}.values():
        assert trial(ASSIGNMENT, mutant, dtypes=("float64",)).outcome in ("caught", "equivalent", "not asked"), (
            mutant.name
        )


@pytest.mark.parametrize(
    "after",
    ["bn_param.get('momentum', 0.1)", "FullyConnectedNet.num_layers = ", "ThreeLayerConvNet.dtype = "],
)
def test_the_other_momentum_and_what_networks_share_are_caught(slips: list[Mutant], after: str) -> None:
    (slip,) = [mutant for mutant in slips if after in mutant.after]
    assert trial(ASSIGNMENT, slip, dtypes=("float64",)).outcome == "caught"


@pytest.mark.nightly
def test_near_misses_are_many_and_one_is_caught_and_not_called_by_its_mistakes_name() -> None:
    found = near_misses(ASSIGNMENT)
    assert len({near.variant.name for near in found}) == len(found) > 80
    assert called(ASSIGNMENT, found[0], dtypes=("float64",)).good


# ---- what knows nothing


UNNAMED = replace(ASSIGNMENT, diagnosis=None)
"""CS231n without names for mistakes, which points do not hang on."""
EDITION = ASSIGNMENT.editions.default
NULLS = {null.name: null for null in null_submissions(ASSIGNMENT) if null.edition == EDITION}


def kind(name: str) -> str:
    """What a submission knows: ones are a constant."""
    return name.replace("ones ", "a constant ")


@pytest.mark.parametrize("name", one_of_each(kind, NULLS))
def test_a_submission_that_knows_nothing_earns_nothing(tmp_path: Path, name: str) -> None:
    NULLS[name].variant.write(tmp_path)
    records = check(UNNAMED, tmp_path, dtypes=("float64",), edition=EDITION, servers=fork_servers()).records
    assert points_of(ASSIGNMENT, records) <= MOST_PER_CENT
    assert right_in(NULLS[name], records) <= ASSIGNMENT.null_quantities
