"""The second assignment's own proof: evasions are caught, and slips are caught or excused for a reason that holds."""

from __future__ import annotations

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.proof.equivalent import equivalent, not_asked
from parity_tests.assignments.cs231n.proof.evasions import EVASIONS
from parity_tests.proof.editions import changed_parts, edition_for
from parity_tests.proof.judged_variants import failures
from parity_tests.proof.mutants import Mutant, mutants, trial
from parity_tests.proof.near_misses import called, near_misses
from parity_tests.proof.variants import rewritten, unchanged
from parity_tests.protocol.mistake import Rewrite, Swap
from parity_tests.selftest.cs231n.judging import records
from parity_tests.selftest.nightly import first_of_each

pytestmark = pytest.mark.usefixtures("one_thread")


def test_every_evasion_can_be_made_and_compiles() -> None:
    assert len(EVASIONS) > 60
    assert len({evasion.name for evasion in EVASIONS}) == len(EVASIONS)
    for evasion in EVASIONS:
        for file, source in rewritten(ASSIGNMENT, evasion).files.items() - FILES.items():
            compile(source, file, "exec")


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
