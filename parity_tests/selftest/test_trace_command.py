"""The folder, the command, the terminal page and the picture of a trace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.trace.wording import PANELS
from parity_tests.cli import main
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.fake_records import FakeRun, mismatch, record
from parity_tests.selftest.small_traces import (
    SMALL,
    submission,
    traced,
)
from parity_tests.trace.training import training_of
from reports.model.environment import Environment
from reports.model.run_folder import RunFolderError, load
from reports.model.trace_folder import TraceFolder, load_table
from reports.pictures.training import trace_figure
from reports.terminal.trace import epoch_lines, trace_page


def test_finished_parts_open_whatever_came_after_them(tmp_path: Path) -> None:
    folder = TraceFolder(tmp_path / "trace")
    folder.open(Environment(submission="homework"))
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
    assert "goes on" not in out
    saved = load(tmp_path / "traced")
    assert (saved.environment.trace or {})["alpha"] == 0.9
    assert {record.check for record in saved.records[1:]} == {"trajectory"}
    assert set(load_table(tmp_path / "traced", "steps")["step"]) == {1, 5, 6}
    assert (tmp_path / "traced" / "trace.svg").read_text(encoding="utf-8").startswith("<svg")
    wrong = submission(tmp_path, ("g = g + _lambda * w", "g = g + 2 * _lambda * w"))
    assert main(["trace", str(wrong), *options.split()]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "Divergence at step 1: updated L1 W at" in out
    assert "Likely cause: the weight decay is doubled." in out
    others = "updated L1 b (step 1), updated L2 W (step 1) and updated L2 b (step 1)."
    assert f"Also wrong, though computed from what agrees: {others}" in out
    follows = {record.quantity for record in load(tmp_path / "traced").records if record.explained_by}
    assert "L1 output" in follows
    assert main(["show", "traced", SMALL.name]) == 0


def test_a_hundred_steps_are_taken_where_nobody_says_how_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["trace", "--hidden", "3", "--every", "100", "--batch", "50"]) == 0
    out = capsys.readouterr().out
    assert "100 of 100 steps" in " ".join(out.split())
    assert "--epochs 10, goes on" in out


@pytest.mark.parametrize(
    "option", ["--dropout 1", "--alpha 1", "--steps 0", "--lr 0", "--batch 2000", "--data nowhere"]
)
def test_options_that_cannot_be_are_refused(
    option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["trace", "--hidden", "2", *option.split()]) == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    ("assignment", "option", "says"),
    [
        ("parity_tests.selftest.toy.assignment:TOY", "", "toy brings no training"),
        ("mlp", "--edition 1999", "has no edition '1999'"),
        ("mlp", "--hidden 5,5", "one hidden layer"),
    ],
)
def test_what_an_assignment_does_not_bring_is_refused(
    assignment: str, option: str, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["trace", "--assignment", assignment, *option.split(), "--out", str(tmp_path / "out")]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_an_option_of_another_assignment_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"mlp takes no --rule; it takes --activation, --alpha, "):
        training_of(ASSIGNMENT, {}, {"--rule": "adam"}, None)


def test_the_page_shows_both_sides_of_an_epoch() -> None:
    run = traced(ASSIGNMENT.solution, replace(SMALL, steps=6))
    head, ours, theirs = epoch_lines(run.epochs)
    assert ours.split()[1] == "submission"
    assert theirs.split()[0] == "torch"
    assert ours.split()[2:] == theirs.split()[1:]
    assert len(head) == len(ours) == len(theirs)
    page = " ".join(" ".join(trace_page(run)).split())
    assert "masks shared: " in page
    assert "nondifferentiable points: at 0 pre-activations within rounding of 0 torch took" in page
    assert "copies " in page


def test_the_picture_marks_the_divergence_and_the_undecided_steps() -> None:
    names = ["updated L1 W", "updated L2 W", "L1 gradient of W", "L2 gradient of W", "L1 output", "L2 output"]
    rows = [
        {"step": step, "quantity": name, "gap": 1e-16 * step, "radius": 1e-15 * step}
        for step in range(1, 9)
        for name in names
    ]
    steps = pd.DataFrame({"step": range(1, 9), "loss": 2.0, "torch_loss": 2.0})
    records = [mismatch(quantity="updated L1 W", step=5), record(quantity="loss", verdict="undecided", step=7)]
    environment = Environment(submission="home/work", setting="relu", panels=PANELS)
    picture = trace_figure(FakeRun(records=records, environment=environment), pd.DataFrame(rows), steps)
    root = ElementTree.fromstring(picture)
    texts = [element.text for element in root.iter() if element.text]
    assert "work: relu" in texts
    assert texts.count("first divergence") == texts.count("undecided") == 4
    assert any("First divergence: step 5. Undecided from here on: step 7." in text for text in texts)
    assert "var(" not in picture  # not every viewer of SVG knows variables
    empty = trace_figure(FakeRun(records=[], environment=environment), pd.DataFrame(), pd.DataFrame())
    assert ElementTree.fromstring(empty).tag.endswith("svg")
