"""The radius of a trace: fewer copies have a larger factor, and are compared only where it can change a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.network.model import Trainer
from parity_tests.assignments.mlp.network.replicas import Replicas
from parity_tests.assignments.mlp.trace.plan import BatchStep, MlpPlan
from parity_tests.selftest.small_traces import DIGITS, SMALL, TORCH_FORM, Rows, submission, traced
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


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the copies' spreads were asked for, step by step."""
    taken: list[bool] = []
    step = Replicas.step

    def watched(self: Replicas, *arguments: Any) -> dict[str, float]:
        taken.append(arguments[5] is not None)
        return step(self, *arguments)

    monkeypatch.setattr(Replicas, "step", watched)
    return taken


def test_the_copies_are_compared_where_it_is_written_or_a_gap_asks_for_it(asked: list[bool]) -> None:
    every_step, rows = Rows(), Rows()
    traced(ASSIGNMENT.solution, SMALL, every_step)
    assert asked == [True] * 18
    asked.clear()
    run = traced(ASSIGNMENT.solution, replace(SMALL, every=6), rows)
    assert (run.steps, run.divergence, run.undecided) == (18, None, None)
    assert all(asked[step] for step in (0, 6, 12, 17))
    assert sum(asked) < 12
    wanted = {(row["step"], row["quantity"]): row["spread"] for row in every_step.rows["quantities"]}
    for row in rows.rows["quantities"]:
        assert row["spread"] == wanted[row["step"], row["quantity"]]


def test_a_bug_between_two_written_steps_is_convicted_at_its_step(tmp_path: Path, asked: list[bool]) -> None:
    rows = Rows()
    run = traced(submission(tmp_path, TORCH_FORM), replace(SMALL, every=7), rows)
    assert run.divergence is not None
    assert run.divergence[:2] == (13, "updated L1 W")
    assert asked[12]
    assert rows.rows["quantities"]
    assert {13} <= {row["step"] for row in rows.rows["quantities"] if row["verdict"] == "mismatch" and row["spread"]}


def test_copies_that_are_not_compared_move_all_the_same() -> None:
    plan = MlpPlan(SMALL, DIGITS)
    item = next(item for item in plan if isinstance(item, BatchStep))
    X, y = (torch.tensor(array) for array in plan.data(item))
    trainer = Trainer(plan.weights, activation="relu", alpha=0.9, lam=1e-4)
    u = trainer.hidden(X)
    wanted: Mapping[str, torch.Tensor] = trainer.step(y, torch.ones_like(u), None, 0.01)
    compared, others = (Replicas(plan.weights, 4, alpha=0.9, lam=1e-4, seed=3) for _ in range(2))
    assert compared.step(X, y, torch.ones_like(u), u > 0, 0.01, wanted).keys() >= {"loss", "updated L1 W"}
    assert others.step(X, y, torch.ones_like(u), u > 0, 0.01, None) == {}
    for name, w in compared.weights.items():
        assert torch.equal(w, others.weights[name])
