"""Who gets which name: each mistake its own, a wrong form near a known mistake not that one's."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.mistakes.dropout import DROPOUT_TEXTS, EXPERIMENTS
from parity_tests.assignments.mlp.mistakes.dropout import HIDDEN as HIDDEN_IN_DROPOUT
from parity_tests.assignments.mlp.mistakes.kept_rows import HIDDEN, KEPT
from parity_tests.assignments.mlp.mistakes.right_texts import WRITTEN
from parity_tests.assignments.mlp.mistakes.steps import PLACE, RULES, RULES_OF_MAIN
from parity_tests.operators.of_numbers import unknown
from parity_tests.operators.of_texts import FURTHER
from parity_tests.parts.changed_texts import ChangedTexts
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.mutants import mutants
from parity_tests.proof.near_misses import NearMiss, between, near_misses, of_records
from parity_tests.proof.variants import Variant
from parity_tests.protocol.mistake import Swap
from parity_tests.selftest.fake_records import record
from parity_tests.selftest.records_of_cases import LARGE
from parity_tests.selftest.shipped_variants import alone, changed

pytestmark = pytest.mark.usefixtures("one_thread")


@cache
def all_near_misses() -> list[NearMiss]:
    return near_misses(ASSIGNMENT)


def test_near_misses_are_many_all_different_and_of_every_part() -> None:
    assert len({near.variant.name for near in all_near_misses()}) == len(all_near_misses()) > 40
    assert len({near.part for near in all_near_misses()}) >= 8
    for near in all_near_misses():
        for file, source in near.variant.files.items():
            compile(source, file, "exec")


@pytest.mark.nightly
def test_a_main_that_is_wrong_in_one_epoch_alone_is_caught_and_not_called_by_its_mistakes_name() -> None:
    append = "train_loss_record.append(train_loss"
    halved = changed("", [Swap(f"{append})", f"{append} / 2 if t == 1 else train_loss)")])
    found = records(ASSIGNMENT, halved, parts=["10"], dtypes=("float64",))
    assert {one.quantity for one in failures(found)} == {"training losses"}
    assert {one.diagnosis for one in failures(found)} == {""}


OF_PARTS = (*WRITTEN.values(), *DROPOUT_TEXTS.values())


@pytest.fixture(scope="module", name="known")
def of_all() -> set[str]:
    """The names of all mistakes, those of changed texts among them."""
    texts = [(text, written.result) for written in OF_PARTS for text in written.texts]
    texts += [(rule, result) for rule in (*RULES, *RULES_OF_MAIN) for result in rule.results]
    changed = [
        ChangedTexts(text, further).towards(result) for text, result in texts for further in (FURTHER, (unknown,))
    ]
    said = {one.words for several in changed for one in several}
    drawn = {*EXPERIMENTS}
    return {*KEPT} | drawn | said | {PLACE.sub("", words) for words in said}


INFINITE = "NaN or infinite wherever it is wrong"
CHECKS = {"linear_layer.forward": "linear", "relu.backward": "relu", "softmax_cross_entropy.backward": "loss"}


def names_of(variant: Variant, check: str) -> set[str]:
    """The names that a variant gets from the small cases of a check, "" where it is wrong and gets none."""
    found = alone(variant, lambda case: case.check == check and not case.name.startswith(LARGE))
    return {name for one in failures(found) for name in one.diagnosis.split("; ")}


@pytest.mark.nightly
def test_a_slip_for_some_inputs_or_in_all_elements_but_one_has_not_its_name_nor_a_neighbours() -> None:
    """Of each function two slips that have names, which are no mere relations."""
    slips = mutants(ASSIGNMENT)
    for function, check in CHECKS.items():
        own = [slip for slip in slips if slip.function == function and slip.before.startswith(("return", "grad"))]
        all_named = ((slip, names_of(slip.variant, check)) for slip in own if slip.after != "return")
        named = ((slip, names) for slip, names in all_named if names and not names & {"", INFINITE})
        (slip, names), (_, of_neighbour) = islice(named, 2)
        assert not names & of_neighbour
        for variant in between(ASSIGNMENT, slip.variant, slip.file):
            others = names_of(variant, check)
            assert others, variant.name
            assert not names & others, variant.name


def test_what_the_words_of_the_homework_make_of_names_and_hints_is_plain_english(known: set[str]) -> None:
    clumsy = re.compile(
        r"^the \w+ and (the \w+|[^,]*'s (output|gradient)) (is|has|stands) |1 − 1 −|the sum is \w+ the \w+ mini-batch"
    )
    assert [words for words in known if clumsy.search(words)] == []
    hints = {hint for written in OF_PARTS for text in written.texts for hint in text.hints.values()}
    garbled = re.compile(r"\ban [^aeiou]|(comes|its) (dropout's|gradient of)|(\beach \w+), a row|Each row is a row")
    assert [hint for hint in hints if garbled.search(hint)] == []


def test_what_follows_from_a_mistake_follows_from_a_known_one(known: set[str]) -> None:
    parts = {part for name in (*HIDDEN, *HIDDEN_IN_DROPOUT) for part in re.split(", (?:and )?in evaluation ?", name)}
    assert parts - {""} <= known


def test_a_false_name_and_a_survivor_are_no_good() -> None:
    near, wrong = all_near_misses()[0], record(verdict="mismatch", diagnosis="a name", message="It is off.")
    assert of_records(near, [wrong], ["another name"]).good
    assert of_records(near, [wrong], ["a name"]).outcome == "false name"
    assert of_records(near, [record()], ["a name"]).outcome == "survived"
