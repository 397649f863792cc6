"""Who gets which name: each mistake its own, a wrong form near a known mistake not that one's; the table says so."""

from __future__ import annotations

import csv
import re
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.mistakes import MISTAKES
from parity_tests.assignments.mlp.mistakes.dropout import DROPOUT_TEXTS
from parity_tests.assignments.mlp.mistakes.dropout import HIDDEN as HIDDEN_IN_DROPOUT
from parity_tests.assignments.mlp.mistakes.main import HIDDEN
from parity_tests.assignments.mlp.mistakes.main_records import RECORDS
from parity_tests.assignments.mlp.mistakes.right_texts import WRITTEN
from parity_tests.assignments.mlp.mistakes.steps import PLACE, RULES, RULES_OF_MAIN
from parity_tests.operators.of_numbers import unknown
from parity_tests.operators.of_texts import FURTHER
from parity_tests.parts.changed_texts import ChangedTexts
from parity_tests.proof.judged_variants import failures
from parity_tests.proof.mutants import mutants
from parity_tests.proof.names import of_all_mistakes, of_mistakes, of_near_misses, write
from parity_tests.proof.near_misses import Called, NearMiss, between, called, near_misses
from parity_tests.proof.proof import SEPARATOR
from parity_tests.proof.variants import Variant
from parity_tests.selftest.records_of_cases import LARGE
from parity_tests.selftest.shipped_variants import alone

pytestmark = pytest.mark.usefixtures("one_thread")
COMMITTED = Path(__file__).parents[2] / "reports" / "examples" / "names.csv"


def _committed() -> list[dict[str, str]]:
    with COMMITTED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def all_near_misses() -> list[NearMiss]:
    return near_misses(ASSIGNMENT)


def test_near_misses_are_many_all_different_and_of_every_part() -> None:
    assert len({near.variant.name for near in all_near_misses()}) == len(all_near_misses()) > 40
    assert len({near.part for near in all_near_misses()}) >= 9
    for near in all_near_misses():
        for file, source in near.variant.files.items():
            compile(source, file, "exec")


@pytest.mark.nightly
def test_a_main_that_is_wrong_in_one_epoch_alone_is_caught_and_not_called_by_its_mistakes_name() -> None:
    near = next(near for near in all_near_misses() if near.part == "10")
    assert near.variant.name.endswith("in one round")
    assert called(ASSIGNMENT, near).good


OF_MAIN = ("main.training losses", "main.training accuracy")
OF_PARTS = (*WRITTEN.values(), *DROPOUT_TEXTS.values(), *map(RECORDS.__getitem__, OF_MAIN))


@pytest.fixture(scope="module", name="known")
def of_all() -> set[str]:
    """The names of all mistakes, those of changed texts among them."""
    texts = [(text, written.result) for written in OF_PARTS for text in written.texts]
    texts += [(rule, result) for rule in (*RULES, *RULES_OF_MAIN) for result in rule.results]
    changed = [
        ChangedTexts(text, further).towards(result) for text, result in texts for further in (FURTHER, (unknown,))
    ]
    said = {one.words for several in changed for one in several}
    return {mistake.name for mistake in MISTAKES} | said | {PLACE.sub("", words) for words in said}


INFINITE = "NaN or infinite wherever it is wrong"
CHECKS = {"linear_layer.forward": "linear", "relu.backward": "relu", "softmax_cross_entropy.backward": "loss"}


def names_of(variant: Variant, check: str) -> set[str]:
    """The names that a variant gets from the small cases of a check, "" where it is wrong and gets none."""
    found = alone(variant, lambda case: case.check == check and not case.name.startswith(LARGE))
    return {name for record in failures(found) for name in record.diagnosis.split("; ")}


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
    near = all_near_misses()[0]
    assert Called(near, ("another name",), ("a name",), "It is off.").good
    assert not Called(near, ("a name",), ("a name",), "It is off.").good
    assert not Called(near, (), ("a name",), "").good
    assert "| not caught |" in of_near_misses([Called(near, (), (), "")])


def test_the_committed_table_has_a_row_for_every_mistake_and_each_has_its_name() -> None:
    rows = _committed()
    assert [row["mistake"] for row in rows] == [mistake.name for mistake in MISTAKES]
    assert all(row["mistake"] in row["names"].split(SEPARATOR) for row in rows)


def test_the_table_shows_which_mistakes_got_another_name(tmp_path: Path) -> None:
    row: dict[str, Any] = {"part": "1", "outcome": "named", "sentence": "It is off."}
    own, other = row | {"name": "a", "detail": "a"}, row | {"name": "b", "detail": f"b{SEPARATOR}c"}
    assert "1 of 2 got their own name" in of_mistakes([own, other])
    assert "| 1 | b | c | It is off. |" in of_mistakes([own, other])
    assert "| 1 | a |" not in of_mistakes([own, other])
    write([own, other], [], tmp_path)
    assert (tmp_path / "names.csv").read_text(encoding="utf-8").splitlines()[2] == "1,b,named,b | c,It is off."


def test_mistakes_of_a_saved_proof_are_not_made_again_and_those_that_it_lacks_are(tmp_path: Path) -> None:
    columns = ("kind", "part", "name", "outcome", "good", "detail", "sentence")
    lacking = next(number for number, one in enumerate(MISTAKES) if one.part == "7")
    others = [*MISTAKES[:lacking], *MISTAKES[lacking + 1 :]]
    saved = [("mistakes", one.part, one.name, "named", True, one.name, "As it was found.") for one in others]
    proof = tmp_path / "selftest.csv"
    with proof.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, ("slips", "", "a slip", "caught", True, "", ""), *saved])
    found = of_all_mistakes("mlp", proof)
    made = found.pop(lacking)
    assert (made["name"], made["outcome"]) == (MISTAKES[lacking].name, "named")
    assert made["sentence"] != "As it was found."
    assert [(row["part"], row["name"]) for row in found] == [(one.part, one.name) for one in others]
    assert {row["sentence"] for row in found} == {"As it was found."}
