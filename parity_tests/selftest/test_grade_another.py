"""Grading a class of another assignment than the homework: a toy without classes, editions, `main` or a rubric."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pandas as pd
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.grading.folder import GradingFolder
from parity_tests.grading.intake.take_in import files_in
from parity_tests.grading.intake.tell import Told, told_by
from parity_tests.protocol import registry
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.test_grade import Parity
from parity_tests.selftest.toy.assignment import TOY

pytestmark = pytest.mark.usefixtures("no_pool")
NAME = "parity_tests.selftest.toy.assignment:TOY"
SOLUTION = (TOY.solution / TOY.layout.file).read_text()
CALL = TOY.kinds["call"]
IN_ONE_CHECK = replace(
    TOY,
    plan=lambda edition, dtypes, seed: [
        replace(case, name=f"{case.name}/{n}", check="both")
        for n in range(3)
        for case in TOY.plan(edition, dtypes, seed)
    ],
    kinds={
        "call": replace(CALL, judge=lambda case, *seen: CALL.judge(replace(case, check=case.quantities[0].name), *seen))
    },
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of three: all right, one function wrong, the other misnamed and missing."""
    folder = tmp_path_factory.mktemp("class")
    for name, file, code in (
        ("ann", "softplus.py", SOLUTION),
        ("bob", "softplus.py", SOLUTION.replace("1 / (1", "2 / (1")),
        ("cem", "Softplus (1).py", SOLUTION.replace("def softplus", "def soft_plus")),
    ):
        (folder / name).mkdir()
        (folder / name / file).write_text(code)
    return folder


def test_an_endless_loop_costs_its_function_alone_and_all_else_is_asked(parity: Parity, tmp_path: Path) -> None:
    (tmp_path / "class" / "eve").mkdir(parents=True)
    loops = SOLUTION.replace("    return np.log", "    while True:\n        pass\n    return np.log")
    assert loops != SOLUTION
    (tmp_path / "class" / "eve" / "softplus.py").write_text(loops)
    name, out = f"{__name__}:IN_ONE_CHECK", tmp_path / "out"
    asked = ("--isolation", "none", "--jobs", 1, "--timeout", 0.3)
    assert parity("grade", tmp_path / "class", "--assignment", name, "--out", out, *asked)[0] == 0
    (grade,) = pd.read_csv(out / "grades.csv").to_dict("records")
    assert (grade["Task A"], grade["Task B"]) == (0, 50)
    records = pd.read_parquet(next((out / "submissions").rglob("records.parquet")))
    asked_of = records[records["check"] == "both"]
    assert set(zip(asked_of["part"], asked_of["verdict"], strict=True)) == {("A", "timeout"), ("B", "match")}
    late = [text for text in records["message"] if "not called any more" in text]
    assert len(late) == 1, "of three cases two ran out of time"
    assert "softplus is not called any more: it had run out of time in 2 cases before (softplus.py, line " in late[0]


def test_a_class_gets_its_fixes_and_a_student_the_line_alone_unless_the_rubric_says_more(
    source: Path, parity: Parity, tmp_path: Path
) -> None:
    out, log = tmp_path / "out", tmp_path / "out" / "grade.log"
    command = ("grade", source, "--assignment", NAME, "--out", out, "--isolation", "none", "--jobs", 1, "--fix", "-v")
    assert parity(*command, "--fix-minutes", 0)[0] == 0  # no time: it is gone on with
    assert not (out / "fixes.csv").exists()
    assert parity(*command)[0] == 0
    assert "bob: fixes for 1 of 1 wrong parts" in log.read_text()
    status, _, said = parity("grade", out, "--out", tmp_path / "again", "--fix")
    assert status == 2
    assert "name the folder of these" in said
    (fix,) = pd.read_csv(out / "fixes.csv", dtype=str).to_dict("records")
    assert fix == {
        "submission": "bob",
        "part": "B",
        "file": "softplus.py",
        "line": "11",
        "words": "`2` is used where `1` belongs",
        "before": "return 2 / (1 + np.exp(-X))",
        "after": "return 1 / (1 + np.exp(-X))",
    }
    grades = pd.read_csv(out / "grades.csv").set_index("submission")
    assert grades["Task B"]["bob"] == 0  # a fix earns nothing
    assert "2 is used where 1 belongs" in (out / "class.html").read_text()
    page = (out / "submissions" / "bob" / "report.html").read_text()
    assert "softplus.py, line 11" in page
    assert "return 1 / (1 + np.exp(-X))" not in page

    told = log.stat().st_size
    assert parity(*command)[0] == 0
    assert "bob: fixes" not in log.read_text()[told:]  # it is known already

    rubric = tmp_path / "rubric.toml"
    rubric.write_text("show_fixes = true\n" + (out / "rubric.toml").read_text())
    assert parity("regrade", out, "--rubric", rubric)[0] == 0
    assert "return 1 / (1 + np.exp(-X))" in (out / "submissions" / "bob" / "report.html").read_text()
    assert parity("report", out, "--anonymous")[0] == 0
    assert "return 2 /" not in (out / "anonymous" / "class.html").read_text()


def test_a_class_is_graded_regraded_and_shown_with_the_assignments_own_words(
    source: Path, parity: Parity, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    status, _, err = parity("grade", source, "--assignment", NAME, "--out", out, "--isolation", "none")
    assert status == 0, err
    gradebook = pd.read_csv(out / "grades.csv").set_index("submission")
    assert gradebook["Task A"].to_dict() == {"ann": 50, "bob": 50, "cem": 0}
    assert gradebook["Task B"].to_dict() == {"ann": 50, "bob": 0, "cem": 50}
    for page in ("class.html", "submissions/bob/feedback.md", "submissions/bob/report.html"):
        text = (out / page).read_text()
        assert "Task B" in text
        assert "TODO" not in text
    assert "Softplus (1).py was taken for softplus.py" in (out / "submissions" / "cem" / "feedback.md").read_text()

    # What comes after needs no code of the assignment's.
    (out / "grading.json").write_text((out / "grading.json").read_text().replace(NAME, "gone:GONE"))
    rubric = tmp_path / "rubric.toml"
    rubric.write_text((out / "rubric.toml").read_text().replace("50.0", "30", 1))
    assert "ann: 100 → 80 (-20.00)" in parity("regrade", out, "--rubric", rubric)[1]
    assert parity("report", out)[0] == 0
    assert "derivative" in parity("show", out / "submissions" / "bob")[1]
    status, said, _ = parity("report", out / "submissions" / "bob", "--format", "gradescope")
    assert status == 0
    assert json.loads(said)["score"] == 50


def test_the_folder_of_a_class_keeps_the_assignment_and_its_parts(source: Path, parity: Parity, tmp_path: Path) -> None:
    out = tmp_path / "out"
    parity("grade", source, "--assignment", NAME, "--out", out, "--isolation", "none", "--only", "ann")
    info = GradingFolder(out).info()
    assert (info.settings.assignment, info.assignment_title) == (NAME, TOY.title)
    assert [(part["id"], part["label"]) for part in info.parts] == [("A", "Task A"), ("B", "Task B")]
    status, _, err = parity("grade", source, "--assignment", "mlp", "--out", out)
    assert status == 2
    assert f"was begun with assignment {NAME}, not mlp" in err
    (out / "grading.json").write_text((out / "grading.json").read_text().replace('"timeout": 10.0', '"timeout": "x"'))
    status, _, err = parity("regrade", out)
    assert status == 2
    assert "grading.json, line 9, is damaged (expected `float`, got `str`)" in err


def test_an_edition_that_the_assignment_does_not_have_is_refused(source: Path, parity: Parity, tmp_path: Path) -> None:
    for command in (["grade", source], ["gradescope-bundle"]):
        status, _, err = parity(*command, "--assignment", NAME, "--edition", "2019", "--out", tmp_path / "out")
        assert status == 2
        assert "the assignment toy has no edition '2019'" in err
    assert not (tmp_path / "out").exists()


@pytest.fixture
def both_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = {"mlp": "parity_tests.assignments.mlp.assignment:ASSIGNMENT", "toy": NAME}
    entry_points = {name: EntryPoint(name, value, registry.GROUP) for name, value in points.items()}
    monkeypatch.setattr(registry, "installed", lambda: entry_points)


@pytest.mark.usefixtures("both_installed")
def test_the_assignment_is_told_by_what_was_handed_in(tmp_path: Path) -> None:
    def handed_in(*names: str) -> Path:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith(".zip"):
                with zipfile.ZipFile(path, "w") as archive:
                    archive.writestr("work/softplus.py", SOLUTION)
            else:
                path.touch()
        return folder

    for names, assignment in (
        (["ann/neural_networks.py"], ASSIGNMENT),
        (["annlee_101_2001_softplus.py", "bobray_LATE_102_2002_softplus.py"], TOY),
        (["ann.zip"], TOY),
    ):
        source = handed_in(*names)
        assert told_by(files_in(source), source) == Told(assignment)
    for names, words in (
        (["ann/softplus.py", "bob/neural_networks.py"], r"fits more than one assignment \(mlp, toy\)"),
        (["ann/other.py"], r"fits none of the installed assignments \(mlp, toy\)"),
        (["ann/nueral_networks.py"], r"nueral_networks.py is nearly neural_networks.py: is --assignment mlp meant\?"),
    ):
        source = handed_in(*names)
        with pytest.raises(UsageError, match=words):
            told_by(files_in(source), source)
    for stray in (["bob/softplus.py"], ["bob/softplus.py", "bob/neural_networks.py"]):
        source = handed_in("ann/neural_networks.py", "cem/neural_networks.py", "dan/neural_networks.py", *stray)
        told = told_by(files_in(source), source)
        assert told.assignment is ASSIGNMENT
        assert told.because.startswith("most answered mlp, which the class is taken for, though there are files of toy")


def test_the_only_assignment_that_is_installed_is_it(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("mlp", "parity_tests.assignments.mlp.assignment:ASSIGNMENT", registry.GROUP)
    monkeypatch.setattr(registry, "installed", lambda: {"mlp": point})
    assert told_by(files_in(source), source) == Told(ASSIGNMENT)
