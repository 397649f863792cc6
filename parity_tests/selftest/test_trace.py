"""Traces: what both sides are given, what is convicted and when, and what is left of a run that was cut off."""

from __future__ import annotations

import importlib
import json
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import torch

import parity_tests.assignments.mlp.network.replicas
from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.assignments.mlp.names import QUANTITIES, updated_name
from parity_tests.assignments.mlp.network import formula
from parity_tests.assignments.mlp.network.replicas import Replicas
from parity_tests.assignments.mlp.network.trainer import Trainer
from parity_tests.cli import main
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.fake_records import FakeRun, mismatch, record
from parity_tests.trace import radius
from parity_tests.trace.judge import JudgedStep
from parity_tests.trace.plan import Evaluation, Plan, Step, quantities
from parity_tests.trace.processors import replica_cores
from parity_tests.trace.results import Trace
from parity_tests.trace.run import trace
from parity_tests.trace.settings import Settings, for_edition
from parity_tests.trace.sharing import side_of_kinks
from parity_tests.trace.wording import PANELS
from reports.model.run_folder import RunFolderError, load
from reports.model.trace_folder import TraceFolder, load_table
from reports.pictures.training import trace_figure
from reports.terminal.trace import epoch_lines, trace_page, verdict

DIGITS = small_digits(60, 20, 20)
SMALL = Settings(hidden=12, batch=10, epochs=3, drop_every=2, alpha=0.9, lam=1e-4, rate=0.25)
"""Six steps an epoch; η falls after the twelfth."""
SOURCE = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")


class Rows:
    """Keeps the rows of a trace."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {"quantities": [], "steps": [], "epochs": []}

    def open(self, environment: Mapping[str, Any]) -> None:
        self.environment = environment

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        self.rows[table].append(dict(row))


def submission(tmp_path: Path, *changes: tuple[str, str], more: str = "") -> Path:
    """The shipped network with texts exchanged, and more source after it."""
    folder = tmp_path / "submission"
    folder.mkdir()
    source = SOURCE
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    (folder / "neural_networks.py").write_text(source + more, encoding="utf-8")
    shutil.copy(ASSIGNMENT.solution / "utils.py", folder)
    return folder


def traced(folder: Path, settings: Settings = SMALL, rows: Rows | None = None, **options: Any) -> Trace:
    return trace(folder, settings, Rows() if rows is None else rows, digits=DIGITS, **options)


AT_STEP = """
_backward = linear_layer.backward

def _counting(self, X, grad):
    self.count = getattr(self, "count", 0) + 1
    back = _backward(self, X, grad)
    if self.count == {step}:
        {what}
    return back

linear_layer.backward = _counting
"""
TORCH_FORM = (
    "                v -= _learning_rate * g\n                w += v\n",
    "                v += g\n                w -= _learning_rate * v\n",
)
FRESH_MASK = """
def _anew(self, X, grad):
    return grad * (np.random.uniform(0.0, 1.0, X.shape) >= self.r) / (1 - self.r)

dropout.backward = _anew
"""


# ---- what both sides are given ----


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
    items = list(Plan(SMALL, DIGITS))
    steps = [item for item in items if isinstance(item, Step)]
    assert [step.number for step in steps] == list(range(1, 19))
    assert [step.eta for step in steps] == [0.01] * 12 + [0.01 * 0.1] * 6
    assert [step.number for step in steps if step.opens] == [1, 7, 13]
    orders = [np.concatenate([s.rows for s in steps if s.epoch == epoch]) for epoch in (1, 2)]
    assert all(sorted(order) == list(range(60)) for order in orders)
    assert not np.array_equal(orders[0], orders[1])


def test_steps_end_the_training_early_with_an_evaluation() -> None:
    items = list(Plan(replace(SMALL, steps=8), DIGITS))
    assert sum(isinstance(item, Step) for item in items) == 8
    last = items[-1]
    assert isinstance(last, Evaluation)
    assert (last.step, last.epoch, last.split, last.last) == (8, 2, "valid", True)


def test_a_batch_that_no_set_fills_is_refused() -> None:
    with pytest.raises(UsageError, match=r"must lie in 1\.\.20"):
        Plan(replace(SMALL, batch=21), DIGITS)


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


def a_step(activation: str, dtype: str = "float64") -> tuple[Plan, Trainer, Replicas, tuple[Any, ...]]:
    plan = Plan(replace(SMALL, activation=activation, dtype=dtype), DIGITS)
    trainer = Trainer(plan.weights, activation=activation, alpha=0.9, lam=1e-4)
    replicas = Replicas(plan.weights, 4, alpha=0.9, lam=1e-4, seed=0)
    step = next(item for item in plan if isinstance(item, Step))
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
    judged = JudgedStep(Step(1, 1, 0.01, np.arange(1), opens=True))
    side = side_of_kinks(u, submitted, lambda: 1e-8, judged)
    assert side.tolist() == [[False, True, True, False, True]]
    assert (judged.shared_kinks, judged.other_kinks) == (2, 2)


def test_on_two_cores_the_copies_of_a_wide_network_have_one_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    wide, ours = replace(SMALL, hidden=1000), {3, 7}
    kept_to: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: ours, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: kept_to.append(set(cores)), raising=False)
    with replica_cores(wide) as cores:
        assert (cores, kept_to) == ({7}, [{3}])
    assert kept_to == [{3}, {3, 7}]
    ours |= {8}
    for settings in (SMALL, replace(wide, forced=True), wide):
        with replica_cores(settings) as cores:
            assert cores is None
    assert len(kept_to) == 2


# ---- what is convicted, and when ----


@pytest.mark.parametrize("settings", [SMALL, replace(SMALL, activation="tanh", dtype="float32", alpha=0.0)])
@pytest.mark.parametrize("forced", [False, True])
def test_the_shipped_network_agrees_in_every_quantity_of_every_step(settings: Settings, forced: bool) -> None:
    rows = Rows()
    run = traced(ASSIGNMENT.solution, replace(settings, forced=forced), rows)
    names = [name for name, _ in quantities(settings.activation, True)]
    assert [record.quantity for record in run.records] == ["module", *names, "validation logits"]
    assert {record.verdict for record in run.records} == {"match"}
    assert (run.steps, run.divergence, run.undecided) == (18, None, None)
    assert [row["quantity"] for row in rows.rows["quantities"]] == names * 18
    assert {row["verdict"] for row in rows.rows["quantities"]} == {"match"}


BUGS = {
    "velocity without η": ([TORCH_FORM], "", 13, "updated L1 W", "1"),
    "a mask drawn anew": ([], FRESH_MASK, 1, "dropout gradient", "9"),
    "weight decay twice": ([("g = g + _lambda * w", "g = g + 2 * _lambda * w")], "", 1, "updated L1 W", "1"),
    "a gradient off by 1e-6": (
        [], AT_STEP.format(step=9, what="self.gradient['W'] = self.gradient['W'] * (1 + 1e-6)"), 9,
        "L2 gradient of W", "4",
    ),
    "not a number": ([], AT_STEP.format(step=9, what="self.gradient['W'][0, 0] = np.nan"), 9, "L2 gradient of W", "4"),
}  # fmt: skip


@pytest.mark.parametrize("name", BUGS)
@pytest.mark.parametrize("forced", [False, True])
def test_a_bug_is_convicted_at_the_first_step_where_it_shows(name: str, forced: bool, tmp_path: Path) -> None:
    changes, more, step, quantity, part = BUGS[name]
    run = traced(submission(tmp_path, *changes, more=more), replace(SMALL, forced=forced))
    assert run.divergence is not None
    assert run.divergence[:2] == (step, quantity)
    record = next(record for record in run.records if record.quantity == quantity)
    assert (record.verdict, record.step, record.part) == ("mismatch", step, part)
    assert f"at step {step} " in record.message
    assert record.blame in ("submission", "")
    assert all(r.verdict in ("match", "undecided") or r.explained_by or r is record or forced for r in run.records)
    assert run.arrays[f"{replace(SMALL, forced=forced).name}/{quantity}/got"].shape


def test_torchs_form_of_momentum_is_right_while_the_rate_stays(tmp_path: Path) -> None:
    assert traced(submission(tmp_path, TORCH_FORM), replace(SMALL, drop_every=10)).divergence is None


@pytest.mark.parametrize(
    ("what", "kind", "says"),
    [
        ("raise ValueError('no more')", "crashed", "raised ValueError: no more"),
        ("while True: pass", "timeout", "did not end within 0.5 s"),
        ("import os; os._exit(3)", "crashed", "ended the Python process"),
        ("return [back]", "mismatch", "where an array of shape (10, 12) is asked"),
    ],
)
def test_what_ends_a_run_keeps_the_steps_before_it(what: str, kind: str, says: str, tmp_path: Path) -> None:
    rows = Rows()
    run = traced(submission(tmp_path, more=AT_STEP.format(step=5, what=what)), rows=rows, timeout=0.5)
    assert run.steps == 4
    assert {row["step"] for row in rows.rows["quantities"] if row["quantity"] == "updated L2 b"} == {1, 2, 3, 4}
    assert run.divergence is not None
    assert run.divergence[0] == 5
    assert says in run.divergence[2]
    failing = [record for record in run.records if record.verdict != "match"]
    assert failing[0].verdict == kind
    assert all(record.verdict == kind or record.explained_by for record in failing)
    assert all("at step 5" in record.message and "4 steps before agree" in record.message for record in failing)


def test_a_submission_that_cannot_be_imported_is_compared_in_nothing(tmp_path: Path) -> None:
    run = traced(
        submission(
            tmp_path,
            more="\nimport nothing_of_that_name\nlinear_layer = None\n",
        )
    )
    assert run.divergence is None or run.divergence[0] == 1
    assert run.records[0].verdict == "crashed"
    broken = tmp_path / "submission" / "neural_networks.py"
    broken.write_text("def (", encoding="utf-8")
    run = traced(tmp_path / "submission")
    assert run.steps == 0
    assert "match" not in {record.verdict for record in run.records}


def test_dropout_that_stays_on_in_evaluations_is_convicted(tmp_path: Path) -> None:
    run = traced(submission(tmp_path, ("        if is_train:\n", "        if True:\n")))
    assert run.divergence is not None
    assert run.divergence[1] == "validation logits"
    assert "where dropout is off" in run.divergence[2]


def test_undecided_begins_where_the_radius_exceeds_what_a_step_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(radius, "USEFUL", 1e-14)
    run = traced(submission(tmp_path, TORCH_FORM))
    assert run.undecided is not None
    step, because = run.undecided
    assert step < 13  # before the bug shows: it cannot be told
    assert "rounding alone moves updated" in because
    assert run.divergence is None
    assert {r.verdict for r in run.records if r.quantity in QUANTITIES} == {"undecided"}
    said = verdict(run)
    assert said[0] == f"Agreement: every quantity of {step - 1} steps lies within its radius."
    assert "no momentum (--alpha 0)" in said[1]


def test_after_an_interrupt_what_was_traced_comes_back() -> None:
    def stop(done: int, total: int, text: str) -> None:
        assert text.endswith(" steps/s")
        if done == 7:
            raise KeyboardInterrupt

    run = traced(ASSIGNMENT.solution, progress=stop)
    assert run.interrupted
    assert (run.steps, run.planned) == (7, 18)
    assert verdict(run)[-1] == "Interrupted after 7 of 18 steps."


# ---- the folder, the page, the picture ----


def test_finished_parts_open_whatever_came_after_them(tmp_path: Path) -> None:
    folder = TraceFolder(tmp_path / "trace")
    folder.open({"submission": "homework"})
    for part in range(3):
        for step in (2 * part + 1, 2 * part + 2):
            folder.add("quantities", {"step": step, "quantity": "loss", "gap": None if part else 1e-3})
        folder.flush()
    cut_off = tmp_path / "trace" / "parts" / ".quantities-000003.parquet.unfinished"
    cut_off.write_bytes(b"PAR1")  # killed while it wrote
    frame = load_table(tmp_path / "trace", "quantities")
    assert frame["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert frame["gap"].isna().tolist() == [False, False, True, True, True, True]
    assert load_table(tmp_path / "trace", "epochs").empty


def test_a_folder_with_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="something else"):
        TraceFolder(tmp_path)
    with pytest.raises(RunFolderError, match="holds no trace"):
        load_table(tmp_path, "steps")


def test_the_command_traces_saves_and_returns_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = "--hidden 12 --batch 50 --steps 6 --alpha 0.9 --lambda 0.001 --every 4 --out traced"
    assert main(["trace", *options.split()]) == 0
    out = capsys.readouterr().out
    assert "Agreement: every quantity of 6 steps" in out
    saved = load(tmp_path / "traced")
    assert saved.environment["trace"]["alpha"] == 0.9
    assert {record.check for record in saved.records[1:]} == {"trajectory"}
    assert set(load_table(tmp_path / "traced", "steps")["step"]) == {1, 5, 6}
    assert (tmp_path / "traced" / "trace.svg").read_text(encoding="utf-8").startswith("<svg")
    wrong = submission(tmp_path, ("g = g + _lambda * w", "g = g + 2 * _lambda * w"))
    assert main(["trace", str(wrong), *options.split()]) == 1
    assert "Divergence at step 1: updated L1 W at" in " ".join(capsys.readouterr().out.split())
    assert main(["show", "traced", SMALL.name.replace("12/float64", "12/float64")]) == 0


@pytest.mark.parametrize(
    "option", ["--dropout 1", "--alpha 1", "--steps 0", "--lr 0", "--batch 2000", "--data nowhere"]
)
def test_options_that_cannot_be_are_refused(
    option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["trace", "--hidden", "2", *option.split()]) == 2
    assert capsys.readouterr().err


def test_the_page_shows_both_sides_of_an_epoch() -> None:
    run = traced(ASSIGNMENT.solution, replace(SMALL, steps=6))
    head, ours, theirs = epoch_lines(run.epochs)
    assert ours.split()[1] == "submission"
    assert theirs.split()[0] == "torch"
    assert ours.split()[2:] == theirs.split()[1:]
    assert len(head) == len(ours) == len(theirs)
    page = "\n".join(trace_page(run))
    assert "masks shared: " in page
    assert "kinks shared: 0 pre-activations" in page
    assert "replicas " in page


def test_the_picture_marks_the_divergence_and_the_undecided_steps() -> None:
    names = ["updated L1 W", "updated L2 W", "L1 gradient of W", "L2 gradient of W", "L1 output", "L2 output"]
    rows = [
        {"step": step, "quantity": name, "gap": 1e-16 * step, "radius": 1e-15 * step}
        for step in range(1, 9)
        for name in names
    ]
    steps = pd.DataFrame({"step": range(1, 9), "loss": 2.0, "torch_loss": 2.0})
    records = [mismatch(quantity="updated L1 W", step=5), record(quantity="loss", verdict="undecided", step=7)]
    environment = {"submission": "home/work", "setting": "relu", "panels": PANELS}
    picture = trace_figure(FakeRun(records=records, environment=environment), pd.DataFrame(rows), steps)
    root = ElementTree.fromstring(picture)
    texts = [element.text for element in root.iter() if element.text]
    assert "work: relu" in texts
    assert texts.count("first divergence") == texts.count("undecided") == 4
    assert any("First divergence: step 5. Undecided from here on: step 7." in text for text in texts)
    assert "var(" not in picture  # not every viewer of SVG knows variables
    empty = trace_figure(FakeRun(records=[], environment=environment), pd.DataFrame(), pd.DataFrame())
    assert ElementTree.fromstring(empty).tag.endswith("svg")
