"""The second assignment's own proof: evasions are caught, and slips are caught or excused for a reason that holds."""

from __future__ import annotations

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.mistakes import WRONG
from parity_tests.assignments.cs231n.mistakes.generated_rules import RULES
from parity_tests.assignments.cs231n.mistakes.network_ends import CHOICES, of_which, penalised
from parity_tests.assignments.cs231n.mistakes.network_starts import NUMBERS, PLURAL, RENAMED, changed_starts
from parity_tests.assignments.cs231n.mistakes.network_steps import changed_dropout, changed_steps
from parity_tests.assignments.cs231n.mistakes.right_texts import WRITTEN
from parity_tests.assignments.cs231n.proof.equivalent import equivalent, not_asked
from parity_tests.assignments.cs231n.proof.evasions import EVASIONS
from parity_tests.parts.changed_texts import ChangedTexts, changed_texts
from parity_tests.parts.image_sizes import IMAGE_SIZES
from parity_tests.parts.penalty import GRADIENTS, LOSS
from parity_tests.parts.running_norm import RUNNING_NORM
from parity_tests.proof.editions import changed_parts, edition_for
from parity_tests.proof.judged_variants import failures
from parity_tests.proof.mutants import Mutant, mutants, trial
from parity_tests.proof.near_misses import called
from parity_tests.proof.variants import rewritten, unchanged
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.mistake import Body, NearMiss, Rewrite, Swap
from parity_tests.selftest.cs231n.judging import records
from parity_tests.selftest.nightly import first_of_each, one_of_each

pytestmark = pytest.mark.usefixtures("one_thread")


def test_every_evasion_can_be_made_and_compiles() -> None:
    assert len(EVASIONS) > 70
    assert len({evasion.name for evasion in EVASIONS}) == len(EVASIONS)
    for evasion in EVASIONS:
        for file, source in rewritten(ASSIGNMENT, evasion).files.items():
            compile(source, file, "exec")


def family(rewrite: Rewrite) -> str:
    """The file that a form changes, and the kind of function."""
    first = rewrite.changes[0]
    return f"{rewrite.file} {first.function.partition('_')[0] if isinstance(first, Body) else ''}"


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
    ["bn_param.get('momentum', -0.9)", "FullyConnectedNet.num_layers = ", "ThreeLayerConvNet.dtype = "],
)
def test_a_momentum_of_the_wrong_sign_and_what_networks_share_are_caught(slips: list[Mutant], after: str) -> None:
    (slip,) = [mutant for mutant in slips if after in mutant.after]
    assert trial(ASSIGNMENT, slip, dtypes=("float64",)).outcome == "caught"


NEAR_MISSES = ASSIGNMENT.proof().near_misses


@pytest.mark.parametrize(
    "near",
    one_of_each(lambda near: near.form.file, NEAR_MISSES),
    ids=lambda near: near.form.name,
)
def test_a_near_miss_is_caught_and_gets_no_false_name(near: NearMiss) -> None:
    # A slip of float32 is none in float64, and in float32 alone the name that is false would be true of all.
    assert called(ASSIGNMENT, near, dtypes=DTYPES if "float32" in near.form.name else ("float64",)).good


def of_networks() -> set[str]:
    """The names of what is wrong in networks, of one mistake at a time."""
    ends = {one.words for one in changed_texts(LOSS, "loss")}
    ends |= {of_which(one.words, of) for one in changed_texts(GRADIENTS, "whole") for of in CHOICES}
    ends |= {penalised(choice, "", where) for choice in CHOICES for where in ("loss", "gradients")}
    scales = changed_starts("FullyConnectedNet", (), {}, "weight scale")
    steps = (
        one
        for part in ("FullyConnectedNet", "ThreeLayerConvNet")
        for one in (*changed_steps(part), *changed_dropout(part))
    )
    how = ("drawn at random", *(f"{number} at first" for number in NUMBERS.values()))
    starts = {f"{kind} are {one}" for kind in PLURAL.values() for one in how}
    sizes = [one.words for one in changed_texts(IMAGE_SIZES, "flat")]
    shapes = {f"{words} in the shape of W2" for words in sizes}
    return ends | starts | shapes | {*sizes, *RENAMED} | {wrong.name for wrong in (*scales, *steps)}


def test_the_names_that_would_be_false_are_names_of_known_mistakes() -> None:
    of_images = [written.texts for (part, _), written in WRITTEN.items() if part.endswith("naive")]
    texts = [RUNNING_NORM, *(text for several in (*RULES.values(), *of_images) for text in several)]
    unknown = {name for near in NEAR_MISSES for name in near.false} - {wrong.name for wrong in WRONG} - of_networks()
    for text in texts:
        if unknown:  # the changes of a text take long
            unknown -= {one.words for one in ChangedTexts(text).towards(" ".join(text.results))}
    assert unknown == set()
