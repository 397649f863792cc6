"""Defaults of options in a file: each reaches its command, the command line outdoes it, a wrong one is a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parity_tests.selftest.test_cli import FakeCheck, Parity, fake  # noqa: F401
from parity_tests.selftest.test_grade import asked, class_folder  # noqa: F401

GOOD = """
dtype = "float32"
seed = 3
[check]
part = ["3", "4,5"]
strict = true
timeout = 5
[grade]
dtype = "both"
[trace]
hidden = 12
lambda = 0.5
"""


def homework(**files: str) -> None:
    Path("homework").mkdir()
    Path("homework", "neural_networks.py").touch()
    for name, text in files.items():
        Path(f"{name}.toml").write_text(text, encoding="utf-8")


def test_defaults_reach_their_command_are_said_and_the_command_line_outdoes_them(
    fake: FakeCheck,  # noqa: F811
    parity: Parity,
) -> None:
    homework(parity=GOOD)
    status, _, err = parity("check", "homework", "--seed", "4")
    options = fake.asked[0][1]
    assert status == 0
    assert (options["dtypes"], options["seed"], options["timeout"]) == (("float32",), 4, 5.0)
    assert options["parts"] == {"3", "4", "5"}
    assert err == "parity: parity.toml sets --dtype, --seed, --part, --strict, --timeout.\n"


def test_a_table_of_a_command_outdoes_what_is_for_all(
    asked: list[str],  # noqa: F811
    parity: Parity,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class_folder(tmp_path / "class", ann="")
    monkeypatch.chdir(tmp_path)
    homework(parity=f"{GOOD}[regrade]\njson = true\n")
    parity("grade", "class", "--out", "out")
    assert json.loads(Path("out", "grading.json").read_text())["settings"]["dtypes"] == ["float64", "float32"]
    assert json.loads(Path("out", "grading.json").read_text())["settings"]["seed"] == 3
    assert json.loads(parity("regrade", "out")[1])["graded"] == 1


def test_pyproject_has_them_below_tool_parity_and_parity_toml_counts_alone(
    fake: FakeCheck,  # noqa: F811
    parity: Parity,
) -> None:
    homework(pyproject='[tool.other]\nseed = "x"\n\n[tool.parity]\nseed = 3\n\n[tool.parity.check]\nstrict = true\n')
    assert parity("check", "homework")[2] == "parity: pyproject.toml sets --seed, --strict.\n"
    assert fake.asked[0][1]["seed"] == 3
    Path("parity.toml").write_text('\ufeff[check]\r\ndtype = "float64"\r\n', encoding="utf-8")
    assert parity("check", "homework")[2] == "parity: parity.toml sets --dtype.\n"
    assert fake.asked[1][1]["seed"] == 0


@pytest.mark.parametrize(
    "text",
    [
        *("", "[tool.ruff]\nline-length = [\n", 'name = "parity"\n', "[tool.parity]\n", "# tool, parity\n"),
        *("[tool.parity.trace]\nhidden = 3\n", "[tool]\nparity = {}\n"),
    ],
)
def test_a_pyproject_that_sets_nothing_for_the_command_is_not_spoken_of(
    fake: FakeCheck,  # noqa: F811
    parity: Parity,
    text: str,
) -> None:
    homework(pyproject=text)
    assert parity("check", "homework")[::2] == (0, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = \n", "line 1: invalid value"),
        ("[check]\nsead = 3\n", "line 2: check has no option 'sead'; is seed meant?"),
        ('[check]\nfail_on = "drift"\n', "line 2: check has no option 'fail_on'; is fail-on meant?"),
        ("[check]\nnosuchthing = 3\n", "line 2: check has no option 'nosuchthing'; there are allow, assignment, "),
        ("\nsead = 3\n", "line 2: no command has an option 'sead'; is seed meant?"),
        ("[chek]\nseed = 3\n", "line 1: there is no command 'chek'; is check meant?"),
        ('[check]\nseed = "3"\n', "line 2: seed must be a whole number, not '3'"),
        ("[check]\nseed = 3.0\n", "line 2: seed must be a whole number, not 3.0"),
        ("[check]\nseed = true\n", "line 2: seed must be a whole number, not True"),
        ("[check]\nseed = -1\n", "line 2: seed: -1 is not in the range"),
        ("[check]\n\nstrict = 1\n", "line 3: strict must be true or false, not 1"),
        ('[check]\nstrict = "yes"\n', "line 2: strict must be true or false, not 'yes'"),
        ("[check]\ntimeout = nan\n", "line 2: timeout: nan is not a number of seconds above 0"),
        ("[check]\ntimeout = 0\n", "line 2: timeout: 0 is not a number of seconds above 0"),
        ('[check]\ntimeout = "5"\n', "line 2: timeout must be a number, not '5'"),
        ('[check]\ndtype = "float16"\n', "line 2: dtype: 'float16' is not one of"),
        ("[check]\ndtype = 64\n", "line 2: dtype must be a text, not 64"),
        ('[check]\npart = "3"\n', "line 2: part must be a list of texts"),
        ("[check]\npart = [3]\n", "line 2: part must be a list of texts"),
        ('[check]\nallow = ["os; rm"]\n', "line 2: allow: 'os; rm' is not the name of a module"),
        ("[check]\nout = 2026-01-01\n", "line 2: out must be a text"),
        ('[check]\nsubmission = "homework"\n', "line 2: check has no option 'submission'"),
        ("[check]\nshipped = true\n", "line 2: --shipped can be said on the command line alone"),
        ("[check]\nhelp = true\n", "line 2: check has no option 'help'"),
        ("[trace]\nhidden = 1.5\n", "line 2: hidden must be a whole number, or several in a text, such as"),
        ("[trace]\nhidden = 0\n[check]\nseed = 1\n", "line 2: hidden: 0 must be a number of units in 1.."),
        ("[trace]\nseed = 1\n[check]\nstrict = true\nseed = 'x'\n", "line 5: seed must be a whole number"),
        ("[" * 5000, "line 1: "),
    ],
)
def test_a_wrong_default_is_a_sentence_with_its_line(
    fake: FakeCheck,  # noqa: F811
    parity: Parity,
    text: str,
    said: str,
) -> None:
    homework(parity=text)
    status, out, err = parity("check", "homework")
    assert (status, out, fake.asked) == (2, "", [])
    assert err.startswith("parity: parity.toml, line ")
    assert said in err
    assert len(err.splitlines()) == 1
    assert parity("--version")[0] == 0


def test_a_file_that_cannot_be_read_is_a_sentence(fake: FakeCheck, parity: Parity) -> None:  # noqa: F811
    homework()
    Path("parity.toml").write_bytes(b"seed = 3 # \xff\n")
    status, _, err = parity("check", "homework")
    assert (status, err) == (2, "parity: parity.toml is not in UTF-8.\n")


def test_defaults_in_what_is_to_be_graded_may_be_a_students(
    asked: list[str],  # noqa: F811
    parity: Parity,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = class_folder(tmp_path / "class", ann="")
    monkeypatch.chdir(source / "ann")
    Path("parity.toml").write_text('[grade]\nisolation = "none"\n')
    for folder in (source, "..", "."):
        status, _, err = parity("grade", folder, "--out", tmp_path / "out")
        assert (status, asked) == (2, [])
        assert "may be a student's" in err
    monkeypatch.chdir(tmp_path)
    assert parity("grade", source, "--out", tmp_path / "out")[0] == 0


def test_other_commands_hear_no_defaults_of_this_one(fake: FakeCheck, parity: Parity) -> None:  # noqa: F811
    homework(parity="[trace]\nhidden = 12\n")
    assert parity("check", "homework")[2] == ""
