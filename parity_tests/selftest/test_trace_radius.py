"""The radius of a trace: fewer copies have a larger factor, and a single number that no copy moved has a radius too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.selftest.small_traces import SMALL, Rows, traced
from parity_tests.trace.radius import ENOUGH, LEAST, factor_for


@pytest.mark.parametrize("copies", [3, 4, 5])
def test_one_more_of_few_copies_goes_beyond_the_radius_as_seldom_as_one_more_of_many(copies: int) -> None:
    runs = np.abs(np.random.default_rng(1).standard_normal((ENOUGH + 1, 1_000_000)))

    def beyond(number: int, factor: float) -> float:
        return float((runs[0] > factor * runs[1 : number + 1].max(axis=0)).mean())

    asked = beyond(ENOUGH, LEAST)
    assert beyond(copies, factor_for(copies)) == pytest.approx(asked, rel=0.2)
    assert beyond(copies, LEAST) > 2 * asked  # the control: the factor of many is too small for few


def test_the_factor_falls_with_the_number_of_copies_down_to_its_least() -> None:
    factors = [factor_for(copies) for copies in range(2, ENOUGH + 1)]
    assert factors == sorted(factors, reverse=True)
    assert len(set(factors)) == len(factors)
    assert factor_for(ENOUGH) == factor_for(60) == LEAST


def test_a_loss_has_a_radius_though_all_copies_land_on_torchs() -> None:
    for seed in range(4):
        rows = Rows()
        traced(ASSIGNMENT.solution, replace(SMALL, dtype="float32", replicas=2, seed=seed), rows)
        losses = [row for row in rows.rows["quantities"] if row["quantity"] == "loss"]
        assert len(losses) == 18
        assert all(row["spread"] >= np.finfo(np.float32).eps * row["want"] * 0.999 for row in losses)
