"""`parity hold FILE`: the pairs of a file, with the outputs and exit statuses of a check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parity_tests.cli import main
from parity_tests.selftest.pairs.test_pairs import FILE


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pairs.py"
    path.write_text(FILE)
    return path


def test_a_wrong_pair_fails_with_its_place_and_numbers(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hold", str(file)]) == 1
    shown = capsys.readouterr().out
    assert "tanh, wrongly" in shown
    assert "times the error bound" in " ".join(shown.split())
    assert (file.parent / "parity-run" / "report.html").is_file()
    assert main(["show", "parity-run"]) == 0
    assert main(["report", "parity-run", "--format", "junit", "--out", "junit.xml"]) == 0
    assert 'name="tanh, wrongly"' in Path("junit.xml").read_text(encoding="utf-8")


def test_pairs_that_agree_end_with_0(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE.partition("@pair(reference=lambda x: torch.tanh")[0])
    assert main(["hold", str(file), "-q"]) == 0
    assert capsys.readouterr().out.startswith("Agreement:")


def test_json_stands_alone_on_standard_output(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hold", str(file), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert {record["check"] for record in document["records"]} == {"hold"}
    assert {record["radius_kind"] for record in document["records"]} <= {"", "bound", "sample"}


def test_what_cannot_be_run_is_a_sentence_and_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hold", str(tmp_path / "nowhere.py"), "--out", str(tmp_path / "run")]) == 2
    assert "there is no file" in capsys.readouterr().err
