"""`parity report`, and what `parity check` writes for people and services beside its text."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.source_lines import source_lines
from parity_tests.selftest.fake_records import FakeRun, mismatch, record
from parity_tests.selftest.test_cli import FakeCheck, Parity, fake  # noqa: F401
from parity_tests.selftest.test_report_files import commands
from parity_tests.selftest.test_run_folder import spoil_array
from reports.files.junit import junit_xml
from reports.model.run_folder import load

# ruff: noqa: F811


@pytest.fixture
def run(fake: FakeCheck, parity: Parity) -> Path:
    fake.answer = FakeRun()
    assert parity("check", "--shipped")[0] == 1
    return Path("parity-run")


def test_check_lays_a_page_into_the_run_folder(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Disagreement: 1 of 2 quantities" in page
    assert "parity show" not in page, "whoever reads it may not have the folder"


def test_each_format_is_rendered_from_the_saved_run(run: Path, parity: Parity) -> None:
    def rendered(form: str) -> str:
        status, out, err = parity("report", str(run), "--format", form)
        assert (status, err) == (0, "")
        return out

    assert rendered("html") == (run / "report.html").read_text(encoding="utf-8")
    assert len(list(ElementTree.fromstring(rendered("junit")).iter("failure"))) == 1
    assert rendered("markdown").startswith("## ❌ Parity: Disagreement: 1 of 2")
    assert [row["verdict"] for row in csv.DictReader(io.StringIO(rendered("csv")))] == ["match", "mismatch"]
    assert json.loads(rendered("json"))["outcome"] == "disagreement"
    assert rendered("github").startswith("::error ")


def test_a_damaged_array_is_a_sentence_to_those_who_show_it_and_nothing_to_others(run: Path, parity: Parity) -> None:
    wrong, right = "linear/wide/float64", "linear/one-row/float64"
    assert [parity("show", run, wrong)[0], parity("report", run)[0]] == [0, 0]
    spoil_array(run / "arrays.npz", f"{wrong}/gradient of W/actual")
    for command in (["show", run, wrong], ["report", run]):
        status, out, err = parity(*command)
        assert (status, out) == (2, "")
        assert err.startswith(f"parity: the run folder {run} is damaged: arrays.npz cannot be read (")
        assert len(err.splitlines()) == 1
    assert parity("show", run, right)[0] == 0


def test_a_page_is_not_poured_onto_a_terminal(run: Path, parity: Parity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    status, out, err = parity("report", str(run))
    assert (status, out) == (2, "")
    assert "standard output is a terminal; name a file with --out" in err
    assert parity("report", str(run), "--format", "markdown")[0] == 0


def test_junit_names_files_as_seen_from_the_repository(run: Path) -> None:
    saved = load(run)
    saved = replace(saved, environment=replace(saved.environment, source_lines={"4": ("neural_networks.py", 4)}))
    text = junit_xml(saved, folder="my-network").decode()
    assert 'file="my-network/' in text
    assert 'file="neural_networks.py"' in junit_xml(saved).decode()
    assert junit_xml(saved, folder=".") == junit_xml(saved)


def test_a_file_is_written_whole_and_parquet_is_read_by_pandas(run: Path, parity: Parity, tmp_path: Path) -> None:
    out = tmp_path / "records.parquet"
    assert parity("report", str(run), "--format", "parquet", "--out", str(out))[:2] == (0, "")
    assert list(pd.read_parquet(out)["verdict"]) == ["match", "mismatch"]
    assert not list(tmp_path.glob(".records*"))
    status, _, err = parity("report", str(run), "--out", str(tmp_path / "no" / "such.html"))
    assert status == 2
    assert "cannot be written" in err


def test_what_is_no_run_is_a_sentence_and_2(parity: Parity, tmp_path: Path) -> None:
    status, out, err = parity("report", str(tmp_path))
    assert (status, out) == (2, "")
    assert "is not a run folder" in err


def test_json_on_standard_output_is_alone_there(fake: FakeCheck, parity: Parity) -> None:
    fake.answer = FakeRun()
    status, out, _ = parity("check", "--shipped", "--json")
    assert status == 1
    assert json.loads(out)["counts"]["mismatch"] == 1


def test_nothing_is_annotated_but_in_a_workflow_or_when_asked(
    fake: FakeCheck, parity: Parity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    message = "x\n::error::pwned ##[error]pwned"
    fake.answer = FakeRun(records=[mismatch(message=message)], output=b"::error::pwned")
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert "stop-commands" not in parity("check", "--shipped")[1]
    assert not summary.exists()
    for arguments, environment in ((("--github",), None), ((), "true")):
        if environment:
            monkeypatch.setenv("GITHUB_ACTIONS", environment)
        _, out, _ = parity("check", "--shipped", *arguments)
        (command,) = commands(out)
        assert command.startswith("::error title=Parity%3A TODO 4::x ::error::pwned")
    assert summary.read_text(encoding="utf-8").count("## ❌ Parity") == 2
    assert "stop-commands" not in parity("check", "--shipped", "--no-github")[1]


def test_a_summary_that_is_too_long_is_left_out_with_a_word(
    run: Path, parity: Parity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_bytes(b"x" * (1 << 20))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    parity("report", str(run), "--format", "github")
    assert "too long" in summary.read_text(encoding="utf-8")[-100:]


def test_strict_is_heard_in_every_format(fake: FakeCheck, parity: Parity) -> None:
    fake.answer = FakeRun(records=[record(note="overwrites its input")], arrays={})
    parity("check", "--shipped")
    for form, said in (("html", "Disagreement"), ("junit", "<failure"), ("markdown", "❌"), ("json", "disagreement")):
        assert said not in parity("report", "parity-run", "--format", form)[1]
        assert said in parity("report", "parity-run", "--format", form, "--strict")[1]


def test_each_todo_is_found_in_the_source(tmp_path: Path) -> None:
    layer = "class relu:\n    def forward(self, X): pass\n    def backward(self, X, grad): pass\n"
    source = f"import numpy\n{layer}def main(): pass\n"
    (tmp_path / "neural_networks.py").write_text(source)
    found = source_lines(tmp_path, ASSIGNMENT)
    assert (found["7"], found["8"], found["10"]) == (
        ("neural_networks.py", 3),
        ("neural_networks.py", 4),
        ("neural_networks.py", 5),
    )
    assert found["1"] == ("neural_networks.py", 1)
    (tmp_path / "neural_networks.py").write_text("def (")
    assert source_lines(tmp_path, ASSIGNMENT)["7"] == ("neural_networks.py", 1)
    assert source_lines(tmp_path / "nowhere", ASSIGNMENT) == {}


def test_a_reproduction_in_the_run_folder_is_on_the_page(run: Path, parity: Parity) -> None:
    text = '"""TODO 4, linear, gradient of W: {}."""\nprint("<b>got</b>")\n'
    (run / "repro-part-4-linear-gradient-of-w.py").write_text(text.format("a sum"))
    (run / "repro-part-4-linear-gradient-of-w-2.py").write_text(text.format("a mean"))
    (run / "repro-part-4-linear-gradient-of-wide.py").write_text("another quantity's")
    page = parity("report", str(run))[1]
    assert page.count("The smallest script that shows it") == 1
    assert "a sum" in page
    assert "&lt;b&gt;got&lt;/b&gt;" in page
    assert "another quantity" not in page
