"""Traces: what is convicted and when, and what is left of a run that was cut off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.names import QUANTITIES
from parity_tests.assignments.mlp.trace.plan import quantities
from parity_tests.assignments.mlp.trace.settings import Settings
from parity_tests.selftest.small_traces import (
    AT_STEP,
    FRESH_MASK,
    SMALL,
    TORCH_FORM,
    Rows,
    submission,
    traced,
)
from parity_tests.trace import radius
from reports.terminal.trace import verdict


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
    assert f"from step {step} " in record.message
    assert record.blame in ("submission", "")
    own = {r.step for r in run.records if r.verdict not in ("match", "undecided") and not r.explained_by}
    assert forced or own == {step}, "once weights are off, all that follows comes of them"
    assert run.arrays[f"{replace(SMALL, forced=forced).name}/{quantity}/actual"].shape


def test_torchs_form_of_momentum_is_right_while_the_rate_stays(tmp_path: Path) -> None:
    assert traced(submission(tmp_path, TORCH_FORM), replace(SMALL, drop_every=10)).divergence is None


@pytest.mark.parametrize(
    ("what", "kind", "says"),
    [
        ("raise ValueError('no more')", "crashed", "raised ValueError: no more"),
        ("while True: pass", "timeout", "did not end within 0.5 s"),
        ("import os; os._exit(3)", "crashed", "ended the Python process"),
        ("return [back]", "mismatch", "where an array of shape (10, 12) is expected"),
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


def test_a_run_that_ends_in_its_first_step_is_the_submissions_failure(tmp_path: Path) -> None:
    run = traced(submission(tmp_path, more=AT_STEP.format(step=1, what="raise ValueError('no more')")))
    assert (run.steps, run.divergence and run.divergence[0]) == (0, 1)
    verdicts = {record.verdict for record in run.records}
    assert verdicts == {"match", "crashed", "unjudged"}  # the import matches
    assert all(record.explained_by for record in run.records if record.verdict == "unjudged")


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
    monkeypatch.setattr(radius, "USEFUL", 3e-12)
    run = traced(submission(tmp_path, TORCH_FORM))
    assert run.undecided is not None
    step, because = run.undecided
    assert 1 < step < 13  # before the bug shows: it cannot be told
    assert "rounding alone moves updated" in because
    assert run.divergence is None
    assert {r.verdict for r in run.records if r.quantity in QUANTITIES} == {"undecided"}
    said = verdict(run)
    assert said[0] == f"Agreement: every quantity of {step - 1} steps lies within its error bound."
    assert "no momentum (--alpha 0)" in said[1]


def test_a_run_that_is_undecided_from_its_first_step_on_agrees_in_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radius, "USEFUL", 1e-20)
    run = traced(ASSIGNMENT.solution)
    assert run.undecided is not None
    assert run.undecided[0] == 1
    assert verdict(run)[0].startswith("Nothing can be said: ")


def test_after_an_interrupt_what_was_traced_comes_back() -> None:
    def stop(done: int, total: int, text: str) -> None:
        assert text.endswith(" steps/s")
        if done == 7:
            raise KeyboardInterrupt

    run = traced(ASSIGNMENT.solution, progress=stop)
    assert run.interrupted
    assert (run.steps, run.planned) == (7, 18)
    assert verdict(run)[-1] == "Interrupted after 7 of 18 steps."
