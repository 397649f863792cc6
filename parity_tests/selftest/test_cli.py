"""The command: what it asks of `check`, what it prints and saves, and the exit status of every way to end."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli import cli, extras
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import HarnessError, UsageError
from parity_tests.selftest.fake_records import FakeRun, mismatch, record
from parity_tests.selftest.test_grade import asked, class_folder
from reports.model.run_folder import load

__all__ = ["asked"]
ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ASSIGNMENT.solution
AGREED = FakeRun(records=[record(), record(part="utils", case="utils/ties/float64")], arrays={})


class FakeCheck:
    """Stands in for `parity_tests.harness.check.check`: keeps what it was asked, and answers with a fake run."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path, dict[str, Any]]] = []
        self.answer: FakeRun | BaseException = AGREED

    def __call__(self, assignment: Assignment, submission: Path, **options: Any) -> FakeRun:
        self.asked.append((submission, options))
        options["progress"](1, 2, "linear/one-row/float64")
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCheck:
    fake = FakeCheck()
    monkeypatch.setitem(sys.modules, "parity_tests.harness.check", SimpleNamespace(check=fake))
    monkeypatch.chdir(tmp_path)
    return fake


Parity = Callable[..., tuple[int, str, str]]


SAID = f"parity: this checks the network that comes with Parity, {SHIPPED}.\n"


def test_parity_alone_says_what_to_do_first(parity: Parity) -> None:
    status, out, err = parity()
    assert (status, out) == (2, "")
    proposed = re.findall(r"^  parity ([\w-]+)", err, flags=re.MULTILINE)
    assert proposed[0] == "check"
    assert set(proposed) <= set(cli.commands)
    assert max(map(len, err.splitlines())) <= 80


def test_the_shipped_network_is_checked_where_it_is_asked_for(fake: FakeCheck, parity: Parity) -> None:
    status, out, err = parity("check", "--shipped")
    ((folder, options),) = fake.asked
    assert (status, err) == (0, SAID)
    assert folder == SHIPPED
    options.pop("progress")
    options.pop("cache")
    assert options == {
        "name": "",
        "device": "cpu",
        "dtypes": ("float64", "float32"),
        "seed": 0,
        "parts": None,
        "alone": True,
        "edition": None,
        "timeout": 10.0,
        "allow": (),
        "isolation": "none",
    }
    assert "Agreement: 2 of 2" in out
    assert load(Path("parity-run")).records == AGREED.records


def test_the_current_folder_is_checked_where_it_holds_a_submission(
    fake: FakeCheck, parity: Parity, tmp_path: Path
) -> None:
    (tmp_path / "neural_networks.py").touch()
    status, _, err = parity("check")
    assert (status, err) == (0, "")
    assert fake.asked[0][0].resolve() == tmp_path
    parity("check", "--shipped")
    assert fake.asked[1][0] == SHIPPED
    status, _, err = parity("check", "--shipped", ".")
    assert status == 2
    assert "no folder can be named beside it" in err


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "no folder was named, and there is no file "),
        (["utils.py"], "there is no file "),
        (["Neural_Networks.py"], "there is Neural_Networks.py: rename it neural_networks.py"),
        (["hw1/neural_networks.py"], "hw1: name that folder; or say --shipped"),
        (["a.txt"], "what is there: a.txt; name the folder that holds the submission, or say --shipped"),
        (["neural_networks.py/x"], "a folder, not a file"),
    ],
)
def test_elsewhere_nothing_passes_on_the_shipped_network(
    fake: FakeCheck, parity: Parity, tmp_path: Path, files: list[str], said: str
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for options in ([], ["--quiet", "--no-github"], ["--assignment", "mlp"]):
        status, out, err = parity("check", *options)
        assert (status, out, fake.asked) == (2, "", [])
        assert said in err
        assert "--shipped" in err
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert parity("check", "--out", tmp_path / "run")[0] == 2


def test_within_paritys_own_checkout_it_is_the_shipped_network_and_said(
    fake: FakeCheck, parity: Parity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    status, _, err = parity("check", "--out", tmp_path / "run")
    assert (status, err) == (0, SAID)
    assert fake.asked[0][0] == SHIPPED
    monkeypatch.chdir(ROOT / "reports")
    assert parity("check", "--out", tmp_path / "run")[2] == SAID
    monkeypatch.setattr("parity_tests.cli.unnamed.ROOT", tmp_path)  # as where it is installed without its checkout
    assert parity("check", "--out", tmp_path / "run")[0] == 2
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\n')
    monkeypatch.chdir(tmp_path)
    assert parity("check", "--out", tmp_path / "run")[0] == 2
    assert len(fake.asked) == 2


def test_options_reach_the_check(fake: FakeCheck, parity: Parity, tmp_path: Path) -> None:
    (tmp_path / "homework").mkdir()
    (tmp_path / "homework" / "neural_networks.py").touch()
    arguments = "check homework --dtype float32 --seed 7 --part 3,4 --part utils --edition 2020-22 --timeout 2.5"
    assert parity(*arguments.split(), "--allow", "scipy, sklearn.svm", "--allow", "nltk", "--out", "o/r")[0] == 0
    ((folder, options),) = fake.asked
    assert folder == Path("homework")
    assert options["dtypes"] == ("float32",)
    assert options["seed"] == 7
    assert options["parts"] == frozenset({"3", "4", "utils"})
    assert options["edition"] == "2020-22"
    assert options["timeout"] == 2.5
    assert options["allow"] == ("scipy", "sklearn.svm", "nltk")
    assert (tmp_path / "o" / "r" / "records.parquet").exists()


@pytest.mark.parametrize(
    ("records", "strict", "status"),
    [
        ([record()], False, 0),
        ([record(), record(verdict="undecided")], False, 0),
        ([record(), mismatch()], False, 1),
        ([record(), record(verdict="timeout")], False, 1),
        ([record(note="overwrites its input")], False, 0),
        ([record(note="overwrites its input")], True, 1),
        ([record(note="float32 was promoted to float64", note_kinds="promoted")], True, 0),
        ([mismatch(), record(verdict="harness_error")], False, 3),
        ([], False, 3),
    ],
)
def test_exit_status(fake: FakeCheck, parity: Parity, records: list[Any], strict: bool, status: int) -> None:
    fake.answer = FakeRun(records=records)
    assert parity("check", "--shipped", *(["--strict"] if strict else []))[0] == status


def test_a_discrepancy_is_said_and_leads_to_its_numbers(fake: FakeCheck, parity: Parity) -> None:
    fake.answer = FakeRun()
    status, out, _ = parity("check", "--shipped")
    assert status == 1
    assert "gradient of W at [0, 3] is 0.5" in out
    assert "Disagreement: 1 of 2" in out
    *_, numbers, fix = out.strip().splitlines()
    assert fix.endswith(" --fix")
    hint = numbers.partition("parity ")[2].split()
    status, shown, _ = parity(*hint)
    assert status == 0
    assert "X of 3×2, W of 2×4" in shown


def test_quiet_prints_the_verdict_alone(fake: FakeCheck, parity: Parity) -> None:
    assert parity("check", "--shipped", "-q")[1].startswith("Agreement: 2 of 2 quantities agree")
    assert len(parity("check", "--shipped", "--quiet")[1].splitlines()) <= 2


def test_verbose_says_each_case_and_quiet_says_nothing_of_how_far_it_is(fake: FakeCheck, parity: Parity) -> None:
    said = parity("check", "--shipped", "-v")[2].removeprefix(SAID)
    assert said.count("parity: checking: ") == 1
    assert parity("check", "--shipped", "-v", "-q")[2] == SAID


def test_options_of_how_much_is_printed_are_the_same_wherever_they_make_sense() -> None:
    works, shows, counts = {"-v", "-q", "--json"}, {"-v", "-q", "--json"}, {"-q", "--json"}
    expected = {
        **dict.fromkeys(("check", "hold", "trace", "grade", "selftest"), works),
        **dict.fromkeys(("show", "compare"), shows),
        **dict.fromkeys(("regrade", "status", "gradebook"), counts),
        "doctor": {"--json"},
        "audit": {"--json"},
    }
    helps: dict[str, set[str | None]] = {}
    for name, command in cli.commands.items():
        own = {flag: option for option in command.params for flag in option.opts if flag in works}
        assert set(own) == expected.get(name, set()), name
        for flag, option in own.items():
            assert isinstance(option, click.Option)
            helps.setdefault(flag, set()).add(option.help)
    assert len(helps["-q"]) == len(helps["--json"]) == 1


def test_output_that_is_no_terminal_has_no_colour_and_no_bar_but_a_line_now_and_then(
    fake: FakeCheck, parity: Parity, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.answer = FakeRun()
    _, out, err = parity("check", "--shipped")
    assert "\x1b" not in out + err
    assert err == SAID
    monkeypatch.setattr("parity_tests.cli.terminal.EVERY", 0.0)
    err = parity("check", "--shipped")[2].removeprefix(SAID)
    assert re.fullmatch(r"parity: checking: 1 of 2, linear/one-row/float64, \S+ (s|min) left\.\n", err)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "--shipped", "--part", "12"], "no part '12'; it has 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and utils."),
        (["check", "--shipped", "--todo", "TODO 12"], "no part 'TODO 12'"),
        (["check", "--shipped", "--dtype", "float16"], "float16"),
        (["check", "--shipped", "--seed", "-1"], "-1"),
        (["check", "--shipped", "--seed", "x"], "'x' is not a valid whole number"),
        (["check", "--shipped", "--timeout", "0"], "above 0"),
        (["check", "--shipped", "--timeout", "nan"], "above 0"),
        (["check", "--shipped", "--timeout", "inf"], "above 0"),
        (["check", "--shipped", "--edition", "1999"], "1999"),
        (["check", "--shipped", "--allow", "os; rm"], "not the name of a module"),
        (["check", "--shipped", "--device", "tpu"], "there is no device 'tpu'"),
        (["check", "--shipped", "--device", "cuda:x"], "there is no device"),
        (["check", "--shipped", "--nonsense"], "--nonsense"),
        (["check", "a", "b"], "b"),
        (["grant"], "grant"),
        (["show"], "RUN"),
        (["show", "nowhere"], "there is no run folder nowhere"),
        (["data", "--download"], "--data DIR"),
        (["data", "--out", "."], "is a folder"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_2(
    fake: FakeCheck, parity: Parity, arguments: list[str], said: str
) -> None:
    status, out, err = parity(*arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert not fake.asked


def test_no_gpu_is_a_sentence_and_2(fake: FakeCheck, parity: Parity, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    status, _, err = parity("check", "--shipped", "--device", "cuda")
    assert status == 2
    assert err.startswith("parity: no CUDA device: ")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert "no device cuda:1" in parity("check", "--shipped", "--device", "cuda:1")[2]
    assert not fake.asked
    assert parity("check", "--shipped", "--device", "cuda:0")[0] == 0


def test_the_output_folder_is_refused_before_anything_runs(fake: FakeCheck, parity: Parity, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years of work")
    for out in ("thesis", "thesis/thesis.tex", "thesis/thesis.tex/run", "/proc/run"):
        status, _, err = parity("check", "--shipped", "--out", out)
        assert status == 2
        assert err.startswith("parity: the output folder ")
    assert not fake.asked
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (UsageError("there is no folder homework."), 2, "parity: there is no folder homework."),
        (HarnessError("the worker spoke nonsense"), 3, "Parity's own fault, not the submission's: the worker"),
        (KeyboardInterrupt(), 130, "parity: interrupted"),
        (ZeroDivisionError("division by zero"), 3, "Parity's own fault, not the submission's: ZeroDivisionError"),
    ],
)
def test_a_run_that_stops_says_why_and_keeps_the_earlier_one(
    fake: FakeCheck,
    parity: Parity,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    raised: BaseException,
    status: int,
    said: str,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    parity("check", "--shipped")
    fake.answer = raised
    found, out, err = parity("check", "--shipped")
    assert (found, out) == (status, "")
    assert said in err
    assert "Traceback" not in err
    assert len(err.removeprefix(SAID).strip().splitlines()) == 1
    assert load(Path("parity-run")).records == AGREED.records
    kept = [path.read_text() for path in tmp_path.glob("parity-*.txt")]
    assert len(kept) == isinstance(raised, ZeroDivisionError)
    assert all("ZeroDivisionError: division by zero" in text for text in kept)


def test_show_lists_and_finds_cases(fake: FakeCheck, parity: Parity) -> None:
    names = ["linear/one-row/float64", "linear/one-row/float32", "relu/zero/float64"]
    fake.answer = FakeRun(
        records=[record(case=names[0]), mismatch(case=names[1], dtype="float32"), record(case=names[2])]
    )
    parity("check", "--shipped")
    status, out, _ = parity("show", "parity-run")
    assert status == 0
    assert "mismatch: gradient of W" in out
    assert "in linear/one-row\n" in out
    assert parity("show", "parity-run", names[0])[1].startswith(names[0])
    assert parity("show", "parity-run", "ZERO")[1].startswith(names[2])
    assert parity("show", "parity-run", "one-row")[1].startswith(names[1]), "of both dtypes the wrong one"
    status, out, _ = parity("show", "parity-run", "o")
    assert (status, out.splitlines()[0]) == (0, "2 cases")
    assert re.search(r"^  match +0\.1  linear/one-row  float64$", out, re.MULTILINE)
    assert re.search(r"^  mismatch +2\.5e\+15  linear/one-row  float32$", out, re.MULTILINE)
    assert parity("show", "parity-run", "TODO 4") == parity("show", "parity-run", "4") == (0, out, "")
    status, _, err = parity("show", "parity-run", "relu/zeros/float64")
    assert status == 2
    assert names[2] in err


def test_show_refuses_a_foreign_and_a_damaged_folder(fake: FakeCheck, parity: Parity, tmp_path: Path) -> None:
    parity("check", "--shipped")
    (tmp_path / "parity-run" / "records.parquet").write_bytes(b"PAR1")
    for folder, said in (("parity-run", "is damaged"), (".", "is not a run folder")):
        status, _, err = parity("show", folder)
        assert status == 2
        assert said in err
        assert len(err.splitlines()) == 1


def few_digits(folder: Path) -> Path:
    """A file of digits, of which each part has another number."""
    sizes = {"train": 5, "valid": 3, "test": 2}
    arrays: dict[str, Any] = {f"{part}_X": np.zeros((n, 784), np.uint8) for part, n in sizes.items()}
    arrays |= {f"{part}_y": np.arange(n, dtype=np.uint8) for part, n in sizes.items()}
    np.savez(folder / "few.npz", **arrays)
    return folder / "few.npz"


def test_data_writes_the_homeworks_file_and_overwrites_only_when_told(parity: Parity, tmp_path: Path) -> None:
    path, few = tmp_path / "digits.json", few_digits(tmp_path)
    path.write_text("mine")
    status, _, err = parity("data", "--out", str(path))
    assert status == 2
    assert "--force" in err
    assert path.read_text() == "mine"
    status, out, _ = parity("data", "--out", str(path), "--force", "--data", few)
    assert status == 0
    assert "5 train, 3 valid, 2 test" in out
    digits = json.loads(path.read_text())
    assert {name: (len(X), len(X[0]), len(y)) for name, (X, y) in digits.items()} == {
        "train": (5, 784, 5),
        "valid": (3, 784, 3),
        "test": (2, 784, 2),
    }


def test_data_that_is_damaged_or_missing_is_a_sentence(parity: Parity, tmp_path: Path) -> None:
    (tmp_path / "short.npz").write_bytes(b"PK\x03\x04")
    for name in ("short.npz", "none.json"):
        status, _, err = parity("data", "--out", str(tmp_path / "out.json"), "--data", str(tmp_path / name))
        assert status == 2
        assert err.startswith("parity: ")
        assert name in err
    status, _, err = parity("data", "--out", str(tmp_path / "no" / "such" / "out.json"), "--data", few_digits(tmp_path))
    assert status == 2
    assert not list(tmp_path.glob("*.json"))


def test_doctor_tells_the_same_as_text_and_as_json(parity: Parity) -> None:
    status, out, _ = parity("doctor", "--json")
    found = json.loads(out)
    assert status == 0
    assert {"versions", "devices", "precision", "threads", "isolation", "assignments", "data"} <= found.keys()
    assert found["assignments"]["mlp"] == "parity_tests.assignments.mlp.assignment:ASSIGNMENT"
    assert found["data"].endswith("mnist_subset.npz")
    assert "missing" not in found["data"]
    assert {"bubblewrap", "landlock", "user_namespaces"} <= found["isolation"].keys()
    status, out, _ = parity("doctor")
    assert status == 0
    assert found["versions"]["torch"] in out


def test_help_and_version_need_nothing_slow() -> None:
    said = "import sys; from parity_tests.cli import main; main(['--help']); main(['--version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert "check" in done.stdout
    assert "parity 0." in done.stdout
    assert not {"torch", "pandas", "numpy", "scipy", "rich"} & set(done.stdout.splitlines()[-1].split())


def test_the_documentation_lists_every_command_in_the_order_of_the_help() -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    listed = page.partition(":commands: ")[2].partition("\n")[0].split(",")
    assert listed == cli.list_commands(click.Context(cli)) == list(cli.commands)


# ---- packages that a bare check does without


PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the packages that pages and a class need."""
    monkeypatch.setattr(extras, "find_spec", lambda module: None)


def test_a_bare_check_lacks_its_page_alone_and_says_so(fake: FakeCheck, parity: Parity, bare: None) -> None:
    status, out, _ = parity("check", "--shipped")
    assert status == 0
    assert load(Path("parity-run")).records == AGREED.records
    assert not Path("parity-run", "report.html").exists()
    said = " ".join(out.split())
    assert "There is no report.html in it: a page needs packages that are not installed: jinja2, pygal. This" in said


@pytest.mark.parametrize(
    "command", ["report parity-run", "trace", "grade .", "regrade .", "audit x.py", "check x.ipynb"]
)
def test_a_command_that_needs_more_says_what(fake: FakeCheck, parity: Parity, bare: None, command: str) -> None:
    parity("check", "--shipped")
    status, _, err = parity(*command.split())
    assert status == 2
    assert " needs packages that are not installed: " in err
    listed, _, install = err.partition(" needs packages that are not installed: ")[2].partition(". This brings them: ")
    assert shlex.split(install) == [sys.executable, "-m", "pip", "install", *listed.split(", ")]
    assert "parity" not in install.removeprefix(sys.executable), "an index may have another package of that name"


def test_where_all_is_installed_nothing_is_asked_for(fake: FakeCheck, parity: Parity) -> None:
    _, out, _ = parity("check", "--shipped")
    assert "not installed" not in out + parity("grade", ".")[2]


def test_the_extra_of_a_class_brings_what_a_class_needs() -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    declared = [line.partition(">=")[0] for line in project["optional-dependencies"]["class"]]
    assert declared == list(extras.CLASS.values())


# ---- defaults


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
    fake: FakeCheck,
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
    asked: list[str],
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
    fake: FakeCheck,
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
    fake: FakeCheck,
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
    fake: FakeCheck,
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


def test_a_file_that_cannot_be_read_is_a_sentence(fake: FakeCheck, parity: Parity) -> None:
    homework()
    Path("parity.toml").write_bytes(b"seed = 3 # \xff\n")
    status, _, err = parity("check", "homework")
    assert (status, err) == (2, "parity: parity.toml is not in UTF-8.\n")


def test_defaults_in_what_is_to_be_graded_may_be_a_students(
    asked: list[str],
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


def test_other_commands_hear_no_defaults_of_this_one(fake: FakeCheck, parity: Parity) -> None:
    homework(parity="[trace]\nhidden = 12\n")
    assert parity("check", "homework")[2] == ""
