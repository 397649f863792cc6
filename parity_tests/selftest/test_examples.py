"""The samples of reports are current: rendered again from what lies beside them, they come out the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parity_tests.examples import render as examples


def test_every_sample_is_current() -> None:
    assert examples.stale() == [], "run `python -m parity_tests.examples.render`"


def test_a_sample_that_is_not_current_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = examples.render(tmp_path)
    for name in ("run", "trace", "class"):
        (tmp_path / name).symlink_to(examples.EXAMPLES / name)
    monkeypatch.setattr(examples, "EXAMPLES", tmp_path)
    assert examples.main(["--check"]) == 0
    (tmp_path / "junit.xml").write_text("<testsuites/>")
    (tmp_path / "report.html").unlink()
    assert examples.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == ["report.html is not current", "junit.xml is not current"]
    assert set(names) >= {"report.html", "class.html", "junit.xml", "summary.md", "records.csv", "report.json"}


def test_the_samples_tell_nothing_of_the_machine_that_made_them() -> None:
    said = json.loads((examples.EXAMPLES / "report.json").read_text(encoding="utf-8"))
    assert set(said["environment"]["versions"].values()) == {"x.y.z"}
    assert said["environment"]["platform"] == "a machine"
    assert {record["seconds"] for record in said["records"]} == {0.01}
    for file in examples.EXAMPLES.rglob("*"):
        if file.suffix in (".html", ".json", ".xml", ".csv", ".md", ".txt"):
            text = file.read_text(encoding="utf-8")
            assert "/tmp/" not in text
            assert str(Path.home()) not in text
