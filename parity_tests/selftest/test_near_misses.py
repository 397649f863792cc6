"""A wrong form near a known mistake is caught and does not get that one's name."""

from __future__ import annotations

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.mistakes import MISTAKES
from parity_tests.assignments.mlp.proof.near_misses import NEAR_MISSES
from parity_tests.proof.near_misses import Called, called, table
from parity_tests.protocol.mistake import NearMiss

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("near", NEAR_MISSES[::3], ids=lambda near: near.form.name)
def test_a_near_miss_is_caught_and_gets_no_false_name(near: NearMiss) -> None:
    assert called(ASSIGNMENT, near).good


def test_the_names_that_would_be_false_are_names_of_known_mistakes() -> None:
    assert {name for near in NEAR_MISSES for name in near.false} <= {mistake.name for mistake in MISTAKES}


def test_a_false_name_and_a_survivor_are_no_good() -> None:
    near = NEAR_MISSES[0]
    assert Called(near, ("another name",), "It is off.").good
    assert not Called(near, near.false, "It is off.").good
    assert not Called(near, (), "").good
    assert "| not caught |" in table([Called(near, (), "")])
