"""What Gradescope is given: results.json in its terms, and an autograder that runs in its folders."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli import main
from parity_tests.grading import autograder
from parity_tests.grading.bundle import bundle, requirements_of
from parity_tests.grading.overrides import Override
from parity_tests.grading.rubric import Vocabulary, parse_rubric
from parity_tests.grading.scoring import score, with_overrides
from parity_tests.grading.settings import Settings
from parity_tests.protocol.registry import find
from parity_tests.selftest.fake_records import FakeRun, mismatch, record
from reports.files.gradescope import results_json
from reports.model.records import Record

RUBRIC = parse_rubric(ASSIGNMENT.rubric_text, "rubric.toml", Vocabulary.of(ASSIGNMENT))
QUICK = find("dlai-c1w2")
"""What is bundled and really run: an assignment that is checked in a second."""
FIELDS = {
    "score",
    "execution_time",
    "output",
    "output_format",
    "test_output_format",
    "test_name_format",
    "visibility",
    "stdout_visibility",
    "extra_data",
    "tests",
    "leaderboard",
}
TEST_FIELDS = {
    "score",
    "max_score",
    "status",
    "name",
    "name_format",
    "number",
    "output",
    "output_format",
    "tags",
    "visibility",
    "extra_data",
}
FORMATS = {"text", "html", "simple_format", "md", "ansi"}


def results(records: list[Record], *overrides: Override, **more: Any) -> dict[str, Any]:
    graded = with_overrides(score(records, RUBRIC), overrides)
    found = json.loads(results_json(FakeRun(records=records), graded, **more))
    assert set(found) <= FIELDS
    assert {found["output_format"], found["test_output_format"], found["test_name_format"]} <= FORMATS
    for test in found["tests"]:
        assert set(test) <= TEST_FIELDS
        assert test.get("status") in {"passed", "failed", None}
        assert isinstance(test["number"], str)
    assert isinstance(found, dict)
    return found


def test_each_part_is_a_test_with_its_points_and_what_to_look_at() -> None:
    found = results([mismatch(), record(quantity="output"), record(check="relu", part="7")], seconds=1.5)
    assert (found["score"], found["execution_time"]) == (22.5, 1.5)
    linear, relu = found["tests"]
    assert (linear["name"], linear["score"], linear["max_score"], linear["status"]) == ("linear", 7.5, 15, "failed")
    assert "TODO 4: linear backward, one row: gradient of W at [0, 3] is 0.5, torch says 0.25" in linear["output"]
    assert (relu["score"], relu["status"]) == (15, "passed")
    assert found["score"] == sum(test["score"] for test in found["tests"])


def test_a_fault_of_the_harness_gives_no_score_anywhere() -> None:
    found = results([record(), record(check="relu", verdict="harness_error")])
    assert "score" not in found
    assert all("score" not in test for test in found["tests"])
    assert "Parity or the assignment failed, not your submission." in found["output"]


def test_an_override_is_shown_beside_its_points() -> None:
    found = results([mismatch()], Override("ann", "linear", 10, "seen in office hours"))
    assert found["tests"][0]["score"] == 10
    assert "Given by hand in place of 0: seen in office hours" in found["tests"][0]["output"]


def test_what_costs_nothing_is_said_and_costs_nothing() -> None:
    found = results([record(), mismatch(part="utils", check="loss", message="the loss is off")])
    assert found["score"] == 15
    assert "These cost no points" in found["output"]
    assert "the loss is off" in found["output"]


# ---- the bundle


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gradescope's folders, with the bundle laid out in them as Gradescope lays it out."""
    root = tmp_path_factory.mktemp("autograder")
    for name in ("source", "submission", "results"):
        (root / name).mkdir()
    options = ["--assignment", QUICK.name, "--out", str(root / "autograder.zip"), "--isolation", "none"]
    assert main(["gradescope-bundle", *options]) == 0
    with zipfile.ZipFile(root / "autograder.zip") as archive:
        archive.extractall(root / "source")
        for entry in archive.infolist():
            (root / "source" / entry.filename).chmod(entry.external_attr >> 16 & 0o777)
    (root / "submission_metadata.json").write_text("{}")
    return root


def run(root: Path) -> subprocess.CompletedProcess[str]:
    """What Gradescope does for a submission, in another root; Parity is taken from the bundle, not from here."""
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [str(root / "source" / "run_autograder"), str(root)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, cwd="/")


def test_the_scripts_stand_at_the_root_of_the_zip_and_can_be_run(root: Path) -> None:
    with zipfile.ZipFile(root / "autograder.zip") as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        assert modes["setup.sh"] & modes["run_autograder"] & 0o111
        assert not any(name.startswith("parity/parity_tests/selftest/") for name in modes)
        for script in ("setup.sh", "run_autograder"):
            assert subprocess.run(["bash", "-n"], input=archive.read(script)).returncode == 0


def test_the_bundle_grades_a_submission_in_gradescopes_folders(root: Path) -> None:
    code = (QUICK.solution / QUICK.layout.file).read_text()
    assert code.count(") > 0.5)") == 1
    (root / "submission" / QUICK.layout.file).write_text(code.replace(") > 0.5)", ") > 0)"))
    done = run(root)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (root / "results").iterdir()] == ["results.json"]
    found = json.loads((root / "results" / "results.json").read_text())
    assert 0 < found["score"] < 100
    assert {test["status"] for test in found["tests"]} == {"passed", "failed"}
    assert [test["name"] for test in found["tests"]] == list(
        parse_rubric(QUICK.rubric_text, "rubric.toml", Vocabulary.of(QUICK)).names
    )
    assert "seed" not in json.dumps(found)
    assert done.stdout == ""


def test_a_submission_that_cannot_be_run_gets_its_sentence_and_zero(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "root"
    (other / "submission").mkdir(parents=True)
    (other / "source").symlink_to(root / "source")
    (other / "submission" / "essay.pdf").touch()
    assert autograder.main(other) == 0
    found = json.loads((other / "results" / "results.json").read_text())
    assert found["score"] == 0
    assert "no Python file in what was handed in" in found["output"]


def test_where_parity_is_at_fault_there_is_no_result_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "submission").mkdir()
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "settings.json").write_text("{}")
    assert autograder.main(tmp_path) == 3
    assert "Parity could not grade this" in capsys.readouterr().err
    assert not (tmp_path / "results" / "results.json").exists()


def test_the_bundle_holds_no_seed_and_takes_packages_from_where_it_is_told() -> None:
    data = bundle(Settings("mlp", 123456789, "2019", ("float64",)), "", "https://example.org/simple")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        settings = json.loads(archive.read("settings.json"))
        assert settings["seed"] == 0
        # Where it runs no package is installed that could say where an assignment of that name is.
        assert settings["assignment"] == "parity_tests.assignments.mlp.assignment:ASSIGNMENT"
        assert "--index-url https://example.org/simple -r" in archive.read("setup.sh").decode()
        required = archive.read("requirements.txt").decode()
        assert "torch>=" in required
        assert "extra ==" not in required


def test_the_bundle_requires_what_grading_needs_and_nothing_of_other_extras() -> None:
    declared = ["torch>=2.6", "torchvision>=0.21", "a>=1; sys_platform == 'linux'", 'msgspec>=0.18; extra == "class"']
    declared += ['pytest>=8.2; extra == "test"', "dask; extra == 'cluster'"]
    assert requirements_of(declared) == ["a>=1; sys_platform == 'linux'", "msgspec>=0.18", "torch>=2.6"]


def test_all_of_parity_is_closed_to_submissions(root: Path) -> None:
    script = (root / "source" / "run_autograder").read_text()
    (closing,) = [line for line in script.splitlines() if line.startswith("chmod")]
    subprocess.run(["bash", "-euc", closing], cwd=root, check=True)
    files = [path for path in (root / "source" / "parity").rglob("*") if path.is_file()]
    assert {"stand_ins.py", "script_maker.py", "formula.py"} <= {path.name for path in files}
    open_ones = [path for path in [*files, root / "source" / "rubric.toml"] if path.stat().st_mode & 0o077]
    assert not open_ones
