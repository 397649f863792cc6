"""The samples of reports: each format is made, from networks with known mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parity_tests.examples import render as examples
from parity_tests.examples.render import main


@pytest.mark.nightly  # building the documentation makes them too
def test_a_sample_of_every_format_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert "report.html" in capsys.readouterr().out
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert made.keys() >= {*examples.FORMATS.values(), "class.html", "trace.html", "trace.svg", "ratios.svg"}
    assert "the gradient of W is averaged over the rows" in made["report.html"]
    assert {record["part"] for record in json.loads(made["report.json"])["records"]} >= {"4", "7", "8"}
    assert all(name in made["class.html"] for name in examples.CLASS)


def test_a_mistake_that_cannot_be_put_into_the_shipped_network_any_more_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(examples, "MISTAKE", ("no such text", ""))
    with pytest.raises(ValueError, match="has no 'no such text' any more"):
        examples.render(tmp_path)
