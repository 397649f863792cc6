"""The toy assignment goes through every command, chosen by its name or told by its files; `grade` is tested apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from parity_tests import check
from parity_tests.api.objects import assignment_of
from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli import main
from parity_tests.examples.chromium import Browser
from parity_tests.harness.submission import choose_assignment
from parity_tests.protocol import registry
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.toy.assignment import TOY
from reports.model.run_folder import load

HERE = Path(__file__).parent
NAME = "parity_tests.selftest.toy.assignment:TOY"
SOLUTION = (TOY.solution / "softplus.py").read_text(encoding="utf-8")
WRONG = SOLUTION.replace("1 / (1", "2 / (1")
Parity = Callable[..., tuple[int, str, str]]


@pytest.fixture
def parity(parity: Parity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Parity:
    """The command in a folder of its own: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)
    return parity


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A submission whose derivative is wrong, and the run folder of its check."""
    folder = tmp_path_factory.mktemp("toy")
    submission, run = folder / "homework", folder / "run"
    submission.mkdir()
    (submission / "softplus.py").write_text(WRONG, encoding="utf-8")
    assert main(["check", str(submission), "--assignment", NAME, "--out", str(run), "-q"]) == 1
    return submission, run


def test_the_toy_is_small() -> None:
    files = list(HERE.joinpath("toy").rglob("*.py"))
    assert len(files) == 4
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) < 80


def test_its_solution_agrees_and_a_right_part_asked_alone_is_green(wrong: tuple[Path, Path], parity: Parity) -> None:
    status, out, err = parity("check", "--shipped", "--assignment", NAME)
    assert (status, err) == (0, f"parity: this checks the network that comes with Parity, {TOY.solution}.\n")
    assert "Agreement: 5 of 5 quantities agree" in out
    for option, part, code, said in (
        ("--part", "A", 0, "Agreement: Task A agrees; 3 of 3 quantities agree"),
        ("--todo", "task  b", 1, "do not agree with torch, in Task B."),
    ):
        status, out, _ = parity("check", wrong[0], "--assignment", NAME, option, part)
        assert status == code
        out = " ".join(out.split())
        assert said in out
        assert f"Not asked: Task {'B' if part == 'A' else 'A'}." in out
    status, _, err = parity("check", "--shipped", "--assignment", NAME, "--part", "4")
    assert status == 2
    assert "the assignment toy has no part '4'; it has A and B." in err


def test_a_wrong_derivative_is_said_in_the_assignments_own_words(wrong: tuple[Path, Path], parity: Parity) -> None:
    status, out, _ = parity("check", wrong[0], "--assignment", NAME)
    assert status == 1
    assert "in Task B." in out
    assert "TODO" not in out
    assert [part["label"] for part in load(Path("parity-run")).environment.parts or ()] == ["Task A", "Task B"]


def test_a_run_is_shown_where_its_assignment_is_not_installed(wrong: tuple[Path, Path], parity: Parity) -> None:
    _, run = wrong
    assert load(run).environment.assignment == "toy"
    with pytest.raises(UsageError, match="there is no assignment 'toy'"):
        registry.find("toy")
    assert "mismatch" in parity("show", run)[1]
    assert "derivative at [" in parity("show", run, "derivative/float64")[1]
    for form in ("html", "junit", "markdown", "csv", "parquet", "json", "gradescope", "github"):
        status, _, err = parity("report", run, "--format", form, "--out", form)
        assert (status, err) == (0, "")
    for form in ("html", "markdown", "gradescope"):
        text = Path(form).read_text(encoding="utf-8")
        assert "Task B" in text
        assert "TODO" not in text
    assert len(ElementTree.parse("junit").findall(".//failure")) == 2
    assert list(pd.read_csv("csv")["part"].unique()) == list(pd.read_parquet("parquet")["part"].unique()) == ["A", "B"]
    assert json.loads(Path("json").read_text(encoding="utf-8"))["environment"]["assignment"] == "toy"
    assert json.loads(Path("gradescope").read_text(encoding="utf-8"))["score"] == 50


def test_scripts_are_of_the_assignment_that_is_named(wrong: tuple[Path, Path], parity: Parity) -> None:
    status, _, err = parity("show", wrong[1], "--repro")
    assert status == 2
    assert "there is no assignment 'toy'" in err
    assert parity("show", wrong[1], "--repro", "--assignment", NAME)[0] == 0


def test_its_page_is_clean(wrong: tuple[Path, Path], browser: Browser) -> None:
    seen = browser.open(wrong[1] / "report.html", width=390)
    assert (seen.console, seen.requests, browser.axe()) == ([], [], [])
    assert browser.overflow() <= 0


def test_its_slips_are_all_caught(parity: Parity) -> None:
    status, out, _ = parity("selftest", "--assignment", NAME, "--jobs", "1")
    assert status == 0, out
    found = pd.read_csv("parity-selftest/selftest.csv")
    assert set(found["outcome"]) == {"caught", "match"}
    assert (found["kind"] == "slips").sum() > 10


def test_it_is_checked_from_python(wrong: tuple[Path, Path]) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec(compile(WRONG, "softplus.py", "exec"), namespace)
    assert check(assignment=NAME)
    assert not check(wrong[0], assignment=TOY, dtypes=["float64"])
    assert repr(check(wrong[0], assignment=TOY)).splitlines()[1] == "  Task B (its derivative): mismatch"


# ---- which assignment a submission answers

POINTS = {
    "mlp": "parity_tests.assignments.mlp.assignment:ASSIGNMENT",
    "toy": NAME,
    "twin": "parity_tests.selftest.test_toy:TWIN",
    "broken": "parity_tests.selftest.test_toy:NAME",
}
TWIN = replace(TOY, name="twin")


def install(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let these assignments, and no others, be announced by entry points."""
    points = [EntryPoint(name, POINTS[name], registry.GROUP) for name in names]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == registry.GROUP else [])
    monkeypatch.setattr(registry, "installed", registry.installed.__wrapped__)


def test_the_assignment_is_told_by_the_files(
    wrong: tuple[Path, Path], parity: Parity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, "mlp", "toy")
    for submission in (wrong[0], wrong[0] / "softplus.py"):
        assert "in Task B." in parity("check", submission, "-q")[1]
    assert choose_assignment(None, ASSIGNMENT.solution) is ASSIGNMENT
    (tmp_path / "both").mkdir()
    for name in ("softplus.py", "neural_networks.py"):
        (tmp_path / "both" / name).touch()
    status, _, err = parity("check", "both")
    assert status == 2
    assert "both fits more than one assignment (mlp, toy): choose one by --assignment." in err
    assert parity("check", "both", "--assignment", "toy", "--part", "A", "-q")[0] == 1


def test_a_folder_that_fits_two_assignments_is_status_2(
    wrong: tuple[Path, Path], parity: Parity, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, "toy", "twin")
    status, _, err = parity("check", wrong[0])
    assert status == 2
    assert "fits more than one assignment (toy, twin)" in err
    assert parity("check", wrong[0], "--assignment", "twin", "-q")[0] == 1
    assert load(Path("parity-run")).environment.assignment == "twin"
    with pytest.raises(UsageError, match=r"fits more than one assignment \(toy, twin\)"):
        assignment_of(None, ["softplus"])


def test_a_folder_that_fits_none_is_told_what_was_looked_for(
    parity: Parity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, "mlp", "toy")
    (tmp_path / "empty").mkdir()
    status, _, err = parity("check", "empty")
    assert status == 2
    assert "there is no file neural_networks.py (mlp) or softplus.py (toy) in empty" in err
    (tmp_path / "empty" / "Softplus.py").touch()
    assert "there is Softplus.py: rename it softplus.py" in parity("check", "empty")[2]
    (tmp_path / "empty" / "dnn_misc.py").touch()
    assert "2017-18 edition" in parity("check", "empty")[2]
    assert "there is no folder nowhere" in parity("check", "nowhere")[2]
    assert assignment_of(None, ["softplus", "other"]) is TOY
    with pytest.raises(UsageError, match=r"is a part of no assignment that is installed \(mlp, toy\)"):
        assignment_of(None, ["other"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nosuch", "there is no assignment 'nosuch'; installed are: broken, mlp."),
        ("no_such_module:TOY", "cannot be imported"),
        ("parity_tests.selftest.test_toy:NONE", "has no NONE"),
        ("parity_tests.selftest.test_toy:NAME", "is a str, not an Assignment"),
        ("broken", "is a str, not an Assignment"),
    ],
)
def test_what_is_no_assignment_is_a_sentence(
    parity: Parity, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    install(monkeypatch, "mlp", "broken")
    for command in ("check", "selftest"):
        status, _, err = parity(command, "--assignment", name)
        assert status == 2
        assert words in err


def test_where_no_assignment_is_installed_one_must_be_named(
    wrong: tuple[Path, Path], parity: Parity, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch)
    status, _, err = parity("check", wrong[0])
    assert status == 2
    assert "no assignment is installed. Give one as module:NAME by --assignment." in err
    assert parity("check", wrong[0], "--assignment", NAME, "-q")[0] == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import sys\nsys.exit(0)\n", "SystemExit: 0"),
        ("raise RuntimeError('no weights')\n", "RuntimeError: no weights"),
        ("def f(:\n", "SyntaxError"),
        ("MADE = replace(TOY, parts=())\n", "it has no parts"),
        ("MADE = replace(TOY, kinds={})\n", "it has no kinds"),
        ("MADE = replace(TOY, name='')\n", "it has no name"),
        ("MADE = replace(TOY, parts=TOY.parts[:1] * 2)\n", "two of its parts have the id"),
    ],
)
def test_an_assignment_that_cannot_be_used_is_refused_in_a_sentence(
    source: str, words: str, parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"made_{abs(hash(source))}"
    imports = "from dataclasses import replace\nfrom parity_tests.selftest.toy.assignment import TOY\n"
    (tmp_path / f"{name}.py").write_text(imports + source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    status, output, errors = parity("check", TOY.solution, "--assignment", f"{name}:MADE")
    assert (status, output) == (2, "")
    assert words in errors
