"""Drift: what has moved against a baseline, how the file reads, and what the command line makes of it."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch

from parity_tests.harness.environment import processor
from parity_tests.selftest.fake_records import FakeRun, mismatch, record
from parity_tests.selftest.test_cli import FakeCheck, Parity, fake  # noqa: F401
from reports.files.document import SCHEMA, json_text
from reports.model.baseline import (
    BaselineError,
    Moved,
    baseline_text,
    drift_document,
    drift_from,
    drift_lines,
    read_baseline,
)
from reports.model.environment import Environment
from reports.model.records import Record

VERSIONS = {"numpy": "2.3.0", "torch": "2.13.0", "python": "3.11.7", "parity": "0.1.0", "scipy": "1.0"}
BEFORE = Environment(versions=VERSIONS)
AFTER = Environment(versions={**VERSIONS, "numpy": "2.4.6", "scipy": "2.0"})


def rows(**ratios: float | None) -> list[Record]:
    return [record(case=f"linear/{name}/float64", ratio=ratio) for name, ratio in ratios.items()]


def test_a_quantity_that_was_a_tenth_and_is_six_has_moved_and_the_farthest_comes_first() -> None:
    known = read_baseline(baseline_text(rows(a=0.1, b=0.2, c=0.3, d=0.9), BEFORE))
    drift = drift_from(known, rows(a=0.6, b=0.29, c=0.301, d=0.2), AFTER)
    assert [(m.case[7], m.was, m.now) for m in drift.moved] == [("d", 0.9, 0.2), ("a", 0.1, 0.6)]
    assert drift.versions == {"numpy": ("2.3.0", "2.4.6")}
    text = "\n".join(drift_lines(drift, "parity.json"))
    assert "2 of 4 ratios have moved by more than 0.1 against parity.json" in text
    assert "0.9 → 0.2" in text
    assert "numpy 2.3.0 → 2.4.6" in text


def test_the_same_run_has_no_drift_and_says_so() -> None:
    found = rows(a=0.1234, b=0.0, c=None)
    drift = drift_from(read_baseline(baseline_text(found, BEFORE)), found, BEFORE)
    assert not drift
    assert drift_lines(drift, "b.json") == ["No drift: all 2 ratios are within 0.1 of those in b.json."]


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (
            "x86_64 with AVX512",
            "x86_64 with AVX2",
            "(x86_64 with AVX512, and this is x86_64 with AVX2), which alone can",
        ),
        ("", "x86_64 with AVX2", "On which processor the baseline was made it does not say"),
        ("x86_64 with AVX2", "x86_64 with AVX2", ""),
        ("", "", ""),
    ],
)
def test_another_processor_is_told_where_ratios_have_moved_and_the_gate_stays_shut(
    was: str, now: str, said: str
) -> None:
    known = read_baseline(baseline_text(rows(a=0.1), replace(BEFORE, processor=was)))
    drift = drift_from(known, rows(a=0.6), replace(BEFORE, processor=now))
    text = "\n".join(drift_lines(drift, "b.json"))
    assert drift, "that a processor may be why is no reason to let it pass"
    assert "Since then: the same versions of parity, python, numpy, torch." in text
    assert said in text
    assert ("processor" in text) is bool(said)


def test_the_processor_is_told_by_what_torch_uses_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processor() == f"{platform.machine()} with {torch.backends.cpu.get_cpu_capability()}"
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert processor() == f"{platform.machine()} with DEFAULT"


def test_what_is_a_discrepancy_already_is_counted_and_not_listed_again() -> None:
    known = read_baseline(baseline_text(rows(a=0.1, b=0.2), BEFORE))
    wrong = mismatch(case="linear/a/float64", ratio=float("inf"))
    both, alone = (
        "\n".join(drift_lines(drift_from(known, found, BEFORE, whole=False), "b.json"))
        for found in ([wrong, *rows(b=0.7)], [wrong])
    )
    assert (
        "2 of 2 ratios have moved by more than 0.1 against b.json; of these 1 is a discrepancy; of the others" in both
    )
    assert "0.2 → 0.7" in both
    assert "inf" not in both
    assert "against b.json; of these 1 is a discrepancy.\n" in alone


def test_other_versions_alone_are_no_drift() -> None:
    assert not drift_from(read_baseline(baseline_text(rows(a=0.1), BEFORE)), rows(a=0.1), AFTER)


def test_what_came_and_went_is_drift_unless_a_part_was_asked_for() -> None:
    known = read_baseline(baseline_text(rows(a=0.1, b=0.2), BEFORE))
    drift = drift_from(known, rows(a=0.1, c=0.2), BEFORE)
    assert (drift.new, drift.gone) == (["linear/c/float64, gradient of W"], ["linear/b/float64, gradient of W"])
    assert drift
    assert "1 not in the baseline" in "\n".join(drift_lines(drift, "b.json"))
    assert not drift_from(known, rows(a=0.1), BEFORE, whole=False)


def test_a_quantity_that_has_become_wrong_has_moved_however_far() -> None:
    known = read_baseline(baseline_text(rows(a=0.1), BEFORE))
    drift = drift_from(known, [mismatch(case="linear/a/float64", ratio=float("inf"))], BEFORE)
    assert drift.moved == [Moved("linear/a/float64", "gradient of W", 0.1, float("inf"))]


def test_the_file_is_sorted_short_and_one_line_a_quantity() -> None:
    text = baseline_text([*rows(b=0.123456, a=1e-9), record(case="linear/a/float64", quantity="b", ratio=0.0)], BEFORE)
    assert text.splitlines()[:10] == [
        "{",
        ' "exam": {},',
        ' "format": "parity baseline",',
        ' "ratios": {',
        '  "linear/a/float64": {',
        '   "b": 0.0,',
        '   "gradient of W": 1e-09',
        "  },",
        '  "linear/b/float64": {',
        '   "gradient of W": 0.12',
    ]
    assert text == baseline_text(
        [*rows(a=1e-9, b=0.123456), record(case="linear/a/float64", quantity="b", ratio=0.0)], BEFORE
    )
    assert "scipy" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "parity baseline"),
        ('{"format": "parity baseline", "version": 9}', "version 9"),
        ('{"format": "parity baseline", "version": 2, "versions": {}, "ratios": {}}', "lacks one of the tables"),
        (
            '{"format": "parity baseline", "version": 2, "exam": {}, "versions": {}, "ratios": {"a": {"b": "c"}}}',
            "a, b is no number",
        ),
        ('{"format": "parity baseline", "version": 2, "exam": {}, "versions": {}, "ratios": {"a": 1}}', "is no number"),
        (
            '{"format": "parity baseline", "version": 2, "exam": {}, "versions": {}, "ratios": {"a": {"b": NaN}}}',
            "is no number",
        ),
    ],
)
def test_a_damaged_file_is_a_sentence(text: str, said: str) -> None:
    with pytest.raises(BaselineError, match=said):
        read_baseline(text)


EXAM = replace(BEFORE, assignment="mlp", edition="2019", exam="1", seed=0)


@pytest.mark.parametrize("other", [{"assignment": "toy"}, {"edition": "2020-22"}, {"exam": "2"}, {"seed": 1}])
def test_the_ratios_of_another_exam_are_not_compared(other: dict[str, Any]) -> None:
    known = read_baseline(baseline_text(rows(a=0.1), EXAM))
    assert not drift_from(known, rows(a=0.1), EXAM)
    with pytest.raises(BaselineError, match=f"made with {next(iter(other))} "):
        drift_from(known, rows(a=0.1), replace(EXAM, **other))


def test_the_document_for_json_holds_the_same() -> None:
    drift = drift_from(read_baseline(baseline_text(rows(a=0.1), BEFORE)), rows(a=0.6), AFTER)
    told = drift_document(drift, "b.json")
    assert told["moved"] == [{"case": "linear/a/float64", "quantity": "gradient of W", "was": 0.1, "is": 0.6}]
    document = json.loads(json_text(FakeRun(), drift=told))
    jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    document["drift"]["moved"][0].pop("was")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_the_command_writes_compares_and_fails_on_drift(
    fake: FakeCheck,  # noqa: F811
    parity: Parity,
    tmp_path: Path,
) -> None:
    file = tmp_path / "parity.json"
    assert parity("check", "--shipped", "--baseline", str(file))[0] == 2
    status, out, _ = parity("check", "--shipped", "--baseline", str(file), "--update-baseline")
    assert status == 0
    assert f"The baseline is written to {file}." in out
    status, out, _ = parity("check", "--shipped", "--baseline", str(file), "--fail-on", "drift")
    assert status == 0
    assert "No drift" in out
    document = json.loads(file.read_text())
    document["ratios"]["linear/one-row/float64"] = {"gradient of W": 0.9}
    file.write_text(json.dumps(document))
    status, out, _ = parity("check", "--shipped", "--baseline", str(file))
    assert status == 0
    assert "Drift: " in out
    assert '<h2 id="drift">Drift</h2>' in (tmp_path / "parity-run" / "report.html").read_text(encoding="utf-8")
    assert "moved by more than 0.1" in parity("report", "parity-run")[1]
    assert "Drift: 1 ratio has moved" in parity("report", "parity-run", "--format", "markdown")[1]
    status, out, _ = parity("check", "--shipped", "--baseline", str(file), "--fail-on", "drift", "--json")
    assert status == 1
    assert json.loads(out)["drift"]["moved"][0]["was"] == 0.9
    assert "## ⚠️ Parity: Drift: 1 ratio has moved" in parity("report", "parity-run", "--format", "markdown")[1]
    assert '<failure message="Drift: 1 ratio has moved' in parity("report", "parity-run", "--format", "junit")[1]
    (result,) = json.loads(parity("report", "parity-run", "--format", "sarif")[1])["runs"][0]["results"]
    assert (result["level"], result["message"]["text"][:26]) == ("error", "Drift: 1 ratio has moved b")
    status, out, _ = parity("check", "--shipped", "--baseline", str(file), "--fail-on", "drift", "--github")
    assert (status, "::error file=" in out, "title=Parity%3A drift" in out) == (1, True, True)
    status, out, _ = parity("check", "--shipped", "--baseline", str(file), "--github")
    assert (status, "::warning file=" in out) == (0, True)
    assert parity("check", "--shipped", "--fail-on", "drift")[0] == 2
    assert parity("check", "--shipped", "--update-baseline")[0] == 2
    document["exam"]["seed"] = "7"
    file.write_text(json.dumps(document))
    status, _, err = parity("check", "--shipped", "--baseline", str(file))
    assert (status, "made with seed '7'" in " ".join(err.split())) == (2, True)
    assert parity("check", "--shipped", "--baseline", str(file), "--update-baseline")[0] == 0
    before = file.read_text()
    assert parity("check", "--shipped", "--baseline", str(file), "--update-baseline", "--part", "4")[0] == 2
    assert file.read_text() == before
    file.write_text("nonsense")
    status, _, err = parity("check", "--shipped", "--baseline", str(file))
    assert (status, "cannot be read" in err) == (2, True)
