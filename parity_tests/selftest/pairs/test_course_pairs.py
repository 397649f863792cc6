"""Pairs as courses teach them: the honest form agrees, and each of five wrong forms is told apart."""

from __future__ import annotations

import pytest

from parity_tests.proof.course_pairs.__main__ import DTYPES, PAIRS, rows
from parity_tests.proof.course_pairs.course_pair import CoursePair


@pytest.mark.parametrize("number", range(len(PAIRS)), ids=[pair.name for pair in PAIRS])
def test_the_honest_form_agrees_and_five_wrong_ones_do_not(number: int) -> None:
    """In one type each; the command runs both, over a hundred seeds."""
    pair: CoursePair = PAIRS[number]
    (row,) = rows((pair,), seeds=1, dtypes=(DTYPES[number % 2],))
    assert row.agree == row.honest == 1
    assert row.missed == ()


def test_there_are_twenty_pairs_and_more_each_with_slips_of_its_own() -> None:
    assert len(PAIRS) >= 20
    assert all(len(set(pair.slips)) == 5 for pair in PAIRS)
