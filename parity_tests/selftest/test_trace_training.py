"""The two sides of a trace: they train alike, as `main` does, and torch's perturbed copies beside them."""

from __future__ import annotations

import importlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import parity_tests.assignments.mlp.network.replicas
from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.names import QUANTITIES, updated_name
from parity_tests.assignments.mlp.network import formula
from parity_tests.assignments.mlp.network.model import Trainer
from parity_tests.assignments.mlp.network.replicas import Replicas
from parity_tests.assignments.mlp.trace.plan import BatchStep, MlpPlan
from parity_tests.assignments.mlp.trace.settings import for_edition
from parity_tests.assignments.mlp.trace.training import MlpTraining
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.small_traces import (
    DIGITS,
    SMALL,
    TORCH_FORM,
    Rows,
    submission,
    traced,
)
from parity_tests.trace.judge import JudgedStep
from parity_tests.trace.plan import Evaluation, Step
from parity_tests.trace.radius import ENOUGH, LEAST, factor_for
from parity_tests.trace.run import replica_cores
from parity_tests.trace.twin import side_of_kinks


def test_the_submission_trains_as_its_own_main_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ASSIGNMENT.solution))
    neural_networks = importlib.import_module("neural_networks")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(neural_networks, "HIDDEN_UNITS", 12)
    content = {part: [X.tolist(), y.tolist()] for part, X, y in DIGITS.parts()}
    Path("digits.json").write_text(json.dumps(content), encoding="utf-8")
    params = {
        "random_seed": 42, "learning_rate": 0.01, "alpha": 0.9, "lambda": 1e-4, "dropout_rate": 0.25,
        "num_epoch": 3, "minibatch_size": 10, "activation": "relu", "input_file": "digits.json",
    }  # fmt: skip
    training, validation = neural_networks.main(params)
    run = traced(ASSIGNMENT.solution, replace(SMALL, drop_every=10))
    assert [row["training_loss"] for row in run.epochs] == training
    assert [row["validation_loss"] for row in run.epochs] == validation
    for row in run.epochs:
        assert row["torch_training_loss"] == pytest.approx(row["training_loss"], rel=1e-13)
        assert row["torch_validation_accuracy"] == row["validation_accuracy"]


def test_the_rate_falls_and_every_epoch_has_an_order_of_its_own() -> None:
    items = list(MlpPlan(SMALL, DIGITS))
    steps = [item for item in items if isinstance(item, BatchStep)]
    assert [step.number for step in steps] == list(range(1, 19))
    assert [step.eta for step in steps] == [0.01] * 12 + [0.01 * 0.1] * 6
    assert [step.number for step in steps if step.opens] == [1, 7, 13]
    orders = [np.concatenate([s.rows for s in steps if s.epoch == epoch]) for epoch in (1, 2)]
    assert all(sorted(order) == list(range(60)) for order in orders)
    assert not np.array_equal(orders[0], orders[1])


def test_steps_end_the_training_early_with_an_evaluation() -> None:
    items = list(MlpPlan(replace(SMALL, steps=8), DIGITS))
    assert sum(isinstance(item, Step) for item in items) == 8
    last = items[-1]
    assert isinstance(last, Evaluation)
    assert (last.step, last.epoch, last.split, last.last) == (8, 2, "valid", True)


def test_a_batch_that_no_set_fills_is_refused() -> None:
    with pytest.raises(UsageError, match=r"must lie in 1\.\.20"):
        MlpPlan(replace(SMALL, batch=21), DIGITS)


def test_an_edition_trains_with_what_it_has() -> None:
    plain = replace(SMALL, alpha=0.0, lam=0.0)
    assert for_edition(plain, "2022-23") == replace(plain, rate=0.0)
    assert for_edition(SMALL, "2019") == SMALL
    with pytest.raises(UsageError, match="no weight decay"):
        for_edition(SMALL, "2020-22")
    with pytest.raises(UsageError, match="no momentum"):
        for_edition(replace(SMALL, lam=0.0), "2022-23")
    with pytest.raises(UsageError, match="no tanh"):
        for_edition(replace(plain, activation="tanh"), "2022-23")


# ---- the reference's side ----


def a_step(activation: str, dtype: str = "float64") -> tuple[MlpPlan, Trainer, Replicas, tuple[Any, ...]]:
    plan = MlpPlan(replace(SMALL, activation=activation, dtype=dtype), DIGITS)
    trainer = Trainer(plan.weights, activation=activation, alpha=0.9, lam=1e-4)
    replicas = Replicas(plan.weights, 4, alpha=0.9, lam=1e-4, seed=0)
    step = next(item for item in plan if isinstance(item, BatchStep))
    X, y = plan.data(step)
    kept = np.random.default_rng(0).random((10, 12)) >= 0.25
    return plan, trainer, replicas, (X, y, kept)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_torch_its_replicas_and_the_plain_formulas_agree(activation: str) -> None:
    plan, trainer, replicas, (X, y, kept) = a_step(activation)
    keep = torch.tensor(kept / 0.75)
    u = trainer.hidden(torch.tensor(X))
    side = u > 0 if activation == "relu" else None
    ours = trainer.step(torch.tensor(y), keep, side, 0.01)
    spreads = replicas.step(torch.tensor(X), torch.tensor(y), keep, side, 0.01, ours)
    zero = {name: np.zeros_like(w) for name, w in plan.weights.items()}
    exact = formula.step(
        plan.weights, zero, X, y, kept / 0.75, None if side is None else side.numpy(),
        activation=activation, alpha=0.9, lam=1e-4, eta=0.01,
    )  # fmt: skip
    assert tuple(ours) == tuple(exact) == QUANTITIES
    assert set(spreads) == set(QUANTITIES)
    for name in QUANTITIES:
        np.testing.assert_allclose(ours[name].numpy(), exact[name], rtol=1e-12, atol=1e-14, err_msg=name)
        assert 0 < spreads[name] < 1e-12, name
    for name, copies in replicas.weights.items():
        for copy in copies.unbind(dim=1):
            np.testing.assert_allclose(copy.numpy(), exact[updated_name(name)], rtol=1e-10, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("block", [8, 8 * 4 * 12 * 25, 1 << 20])
def test_the_copies_begin_the_next_step_while_they_make_the_last(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        parity_tests.assignments.mlp.network.replicas, "_BLOCK", block
    )  # bytes of a weight that are worked on at a time
    plan, trainer, replicas, (X, y, kept) = a_step("relu")
    this, following, keep = torch.tensor(X), torch.tensor(plan.digits.train_X[:10]), torch.tensor(kept / 0.75)
    u = trainer.hidden(this)
    ours = trainer.step(torch.tensor(y), keep, u > 0, 0.01)
    spreads = replicas.step(this, torch.tensor(y), keep, u > 0, 0.01, ours, following)
    assert all(0 < spreads[name] < 1e-12 for name in QUANTITIES)
    begun = replicas.hidden(following).clone()
    assert 0 < replicas.spread(begun, trainer.hidden(following)) < 1e-12
    again = replicas.hidden(this)
    assert 0 < replicas.spread(again, trainer.hidden(this)) < 1e-12
    assert not torch.equal(again, begun)
    u = trainer.hidden(this)  # the same tensor may follow itself
    ours = trainer.step(torch.tensor(y), keep, u > 0, 0.01)
    replicas.step(this, torch.tensor(y), keep, u > 0, 0.01, ours, this)
    assert 0 < replicas.spread(replicas.hidden(this), trainer.hidden(this)) < 1e-12


def test_a_replica_is_moved_by_one_unit_either_way_and_without_bias() -> None:
    *_, replicas, _ = a_step("relu", "float32")
    factors = replicas._factors.double() - 1
    eps = torch.finfo(torch.float32).eps
    assert set(factors.tolist()) == {-eps, eps}
    assert abs(float(factors.mean())) < 5 * eps / math.sqrt(len(factors))
    ones = torch.ones(4, 10, 12)
    assert len(set(replicas._rounded(ones).flatten().tolist())) == 2


def test_the_submission_chooses_the_side_of_a_kink_within_its_radius_alone() -> None:
    u = torch.tensor([[1e-9, -1e-9, 0.5, -0.5, 1e-9]], dtype=torch.float64)
    submitted = torch.tensor([[-1e-9, 1e-9, -0.5, 0.5, 2e-9]])
    judged = JudgedStep(Step(1, 1, 0.01))
    farthest = []

    def radius(enough: float) -> float:
        farthest.append(enough)
        return 1e-8

    side = side_of_kinks(u, submitted, radius, judged)
    assert side.tolist() == [[False, True, True, False, True]]
    assert (judged.shared_kinks, judged.other_kinks) == (2, 2)
    assert farthest == [0.5]


def test_on_two_cores_the_copies_of_a_wide_network_have_one_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    wide, ours = replace(SMALL, hidden=1000), {3, 7}
    kept_to: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: ours, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: kept_to.append(set(cores)), raising=False)
    with replica_cores(MlpTraining(wide, DIGITS)) as cores:
        assert (cores, kept_to) == ({7}, [{3}])
    assert kept_to == [{3}, {3, 7}]
    ours |= {8}
    for settings in (SMALL, replace(wide, forced=True), wide):
        with replica_cores(MlpTraining(settings, DIGITS)) as cores:
            assert cores is None
    assert len(kept_to) == 2


# ---- the radius: fewer copies have a larger factor, and are compared only where it can change a verdict


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
