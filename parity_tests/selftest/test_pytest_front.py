"""pytest in Parity's own repository: ids like the table, sentences without tracebacks, and its exit status."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import parity_tests
from parity_tests import pytest_plugin
from parity_tests.assignments.mlp.plan import plan
from parity_tests.cli import main
from parity_tests.selftest.fake_records import mismatch, record
from parity_tests.selftest.pairs.test_pairs import FILE
from parity_tests.selftest.runners import write
from parity_tests.selftest.test_editions import ALONE, SOLUTIONS
from parity_tests.selftest.toy.assignment import TOY
from reports.model.records import Record

TOY_NAME = "parity_tests.selftest.toy.assignment:TOY"
ROOT = Path(parity_tests.__file__).parents[1]


Done = subprocess.CompletedProcess[str]
Pytest = Callable[..., Done]
SETTINGS = {"CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200", "PYTHONPATH": str(ROOT)}


def in_this_process(arguments: Sequence[str]) -> Done:
    """`pytest` or `parity`, by its main function and what that prints."""
    command, *given = arguments
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = pytest.main(given) if command == "pytest" else main(given)
    return Done(arguments, int(status), out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def run() -> Iterator[Pytest]:
    """pytest in this repository, without a GPU, with these arguments: in this process, which has imported torch, as is
    the check that it starts; `theirs` starts both."""

    def of_plugin(command: Sequence[str], **_: Any) -> Done:
        return in_this_process(["parity", *command[command.index(pytest_plugin.COMMAND) + 1 :]])

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PYTEST_")]:
            patch.delenv(name)
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        patch.chdir(ROOT)
        patch.setattr(pytest_plugin, "subprocess", SimpleNamespace(run=of_plugin))
        yield lambda *arguments: in_this_process(["pytest", "-p", "no:cacheprovider", *map(str, arguments)])


@pytest.fixture(scope="module")
def leaky(run: Pytest, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A submission of the edition with the fewest cases, whose relu leaks."""
    folder = tmp_path_factory.mktemp("leaky")
    source = (SOLUTIONS / ALONE / "neural_networks.py").read_text()
    assert "return np.where(X > 0, X, 0.0)" in source
    write(folder, {"neural_networks.py": source.replace("np.where(X > 0, X, 0.0)", "np.where(X > 0, X, 0.01 * X)")})
    return run(f"--implementation={folder}", "--dtype", "float64", "--parity-options=--edition 2022-23", "-v")


def test_there_is_a_test_for_each_planned_case_by_its_name(leaky: Done) -> None:
    found = re.findall(r"^parity::(\S+) (?:PASSED|FAILED)", leaky.stdout, flags=re.M)
    assert found == ["import", *(case.name for case in plan("2022-23", ("float64",)))]


def test_a_wrong_part_fails_its_cases_and_the_run(leaky: Done) -> None:
    failed = set(re.findall(r"^parity::(\S+) FAILED", leaky.stdout, flags=re.M))
    assert leaky.returncode == 1
    assert {"relu/two-dimensions/float64", "relu/in-turn/float64"} <= failed
    assert {"import", "linear/square/float64", "sgd/plain/float64", "loss/one-row/float64"}.isdisjoint(failed)
    assert not any(case.endswith("-wiring/float64") for case in failed)


def test_a_failure_is_a_sentence_without_a_traceback(leaky: Done) -> None:
    assert re.search(
        r"^\S.*: relu, two dimensions: output at \[\d+, \d+\] is -0\.0\S+, torch says 0; ", leaky.stdout, flags=re.M
    )
    for word in ("Traceback", "def runtest", "assert ", "DisagreementError"):
        assert word not in leaky.stdout
    assert leaky.stderr == ""


@pytest.mark.parametrize(("folder", "said"), [("nosuch", "there is no folder"), (".", "neural_networks.py")])
def test_a_folder_without_a_submission_is_refused_before_anything_runs(
    run: Pytest, tmp_path: Path, folder: str, said: str
) -> None:
    done = run(f"--implementation={tmp_path / folder}")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "passed" not in done.stdout


def test_a_submission_that_does_not_parse_fails_every_case_with_the_line(run: Pytest, tmp_path: Path) -> None:
    write(tmp_path, {"softplus.py": "import numpy as np\ndef f(:\n"})
    done = run(f"--implementation={tmp_path}", "--assignment", TOY_NAME, "--dtype", "float32")
    assert done.returncode == 1
    assert "softplus.py, line 2 is not Python" in done.stdout
    assert " passed" not in done.stdout.splitlines()[-1] or "failed" in done.stdout.splitlines()[-1]
    assert "Traceback" not in done.stdout + done.stderr


def test_without_a_gpu_cuda_is_skipped_with_a_reason(run: Pytest) -> None:
    done = run("--implementation", TOY.solution, "--assignment", TOY_NAME, "--device", "cuda", "--dtype", "float32")
    assert done.returncode == 0
    assert "no CUDA device: " in done.stdout
    summary = done.stdout.splitlines()[-1]
    assert re.search(r"\d+ skipped", summary)
    assert "passed" not in summary
    assert "failed" not in summary


def test_a_case_without_records_fails() -> None:
    with pytest.raises(pytest_plugin.DisagreementError, match="nothing was compared for linear/square/float64"):
        pytest_plugin.hold("linear/square/float64", [])


def test_what_is_undecided_warns_and_passes() -> None:
    with pytest.warns(UserWarning, match="cannot be told"):
        hold(record(), record(verdict="undecided", message="it cannot be told"))


def test_every_mismatch_of_a_case_is_said() -> None:
    with pytest.raises(pytest_plugin.DisagreementError, match=r"^first\. The same in b\.\nsecond\.$"):
        hold(
            mismatch(message="first", quantity="a"),
            record(),
            mismatch(message="second", quantity="c", part="7"),
            mismatch(message="third", quantity="b"),
        )
    own, due = ({**asdict(mismatch(message=word)), "label": "TODO 4"} for word in ("own", "due"))
    with pytest.raises(pytest_plugin.DisagreementError, match=r"^TODO 4: own\.\nTODO 4, because of TODO 3: due\.$"):
        pytest_plugin.hold("it", [{**due, "explained_by": "3", "cause": "TODO 3"}, own])


def hold(*records: Record) -> None:
    """The verdict of pytest on one case with these records, which it has as JSON."""
    pytest_plugin.hold("it", [asdict(each) for each in records])


FOR_LATER = """
import pytest

@pytest.mark.nightly
@pytest.mark.parametrize("number", range(8))
def test_at_night(number): pass

@pytest.mark.pages
def test_a_page(): pass

def test_at_once(): pass
"""


def test_pytest_alone_is_the_selftest(run: Pytest) -> None:
    all_but_one = [f"--ignore-glob=*/test_{rest}*" for rest in ("[!r]", "r[!e]", "re[!a]")]
    found = run("--collect-only", "-q", *all_but_one).stdout
    assert set(re.findall(r"^(\S+)::", found, flags=re.MULTILINE)) == {"parity_tests/selftest/test_readme.py"}


def test_two_workers_run_it_and_say_what_is_left(run: Pytest, tmp_path: Path) -> None:
    tests = write(tmp_path, {"test_it.py": FOR_LATER}) / "test_it.py"
    out = run("-o", f"testpaths={tests}").stdout
    assert "2 workers [1 item]" in out
    assert "\nleft for the night (.ci/nightly): 8 tests\n" in out
    assert "\nleft for the second step (pytest -m pages): 1 tests\n" in out
    nights = [
        run("-c", ROOT / "pyproject.toml", tests, "--collect-only", "-q", "-m", "nightly", "--night-share", f"{n}/2")
        for n in (1, 2)
    ]
    shares = [re.findall(r"test_at_night\[(\d)\]", done.stdout) for done in nights]
    assert min(map(len, shares)) > 0
    assert sorted(shares[0] + shares[1]) == list("01234567")


def test_a_submission_is_checked_without_the_selftest_unless_tests_are_named(run: Pytest, leaky: Done) -> None:
    assert "parity_tests/selftest" not in leaky.stdout
    done = run(f"--implementation={TOY.solution}", "--assignment", TOY_NAME, "parity_tests/selftest/test_stages.py")
    assert done.returncode == 0
    assert re.search(r"^parity_tests/selftest/test_stages\.py \.+ ", done.stdout, flags=re.MULTILINE), done.stdout
    assert re.search(r"^parity \.{5} ", done.stdout, flags=re.MULTILINE), done.stdout


# ---- the plugin


PAIRS = FILE.replace("tanh, wrongly", "tanh")
EDIT = ("1 / (1", "2 / (1")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose derivative is wrong, and whose folders shadow Parity's packages."""
    root = tmp_path_factory.mktemp("theirs")
    for name in ("reports", "reference", "implementation"):
        (root / name).mkdir()
        (root / name / "__init__.py").write_text(f"OWNER = 'they: {name}'\n")
    source = (TOY.solution / "softplus.py").read_text(encoding="utf-8")
    (root / "softplus.py").write_text(source.replace(*EDIT, 1), encoding="utf-8")
    (root / "test_theirs.py").write_text(
        "import implementation, reference, reports\n\ndef test_theirs():\n    assert reports.OWNER == 'they: reports'\n"
    )
    return root


def theirs(repository: Path, *arguments: str) -> tuple[int, str]:
    """pytest as they start it, with the plugin loaded as its entry point loads it, whether or not that is installed."""
    command = [sys.executable, "-m", "pytest", "-p", "parity_tests.pytest_plugin", "-p", "no:cacheprovider", *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment["PYTHONPATH"] = str(repository)
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def of_both(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str]:
    """One run of their own tests, of their submission and of a file of pairs, of which some cases are chosen."""
    file = tmp_path_factory.mktemp("of_pairs") / "pairs.py"
    file.write_text(PAIRS)
    options = ["--implementation=.", "--assignment", TOY_NAME, "--parity-options=--dtype float64", f"--pairs={file}"]
    return theirs(repository, *options, "-k", "theirs or derivative or import or drawn", "-rA", "-q")


def test_their_submission_gets_a_test_for_each_case(of_both: tuple[int, str]) -> None:
    status, out = of_both
    assert status == 1, out
    assert "PASSED parity::import" in out
    assert "FAILED parity::derivative/float64" in out
    assert "softplus/float64" not in out
    assert "torch says" in out
    assert "Traceback" not in out
    assert " passed" in out
    assert "deselected" in out


def test_collecting_alone_runs_no_candidate(repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "pairs.py"
    file.write_text("raise SystemExit('it ran')")
    status, out = theirs(repository, f"--pairs={file}", "--collect-only", "-q")
    assert status == 0, out
    assert f"parity: the cases of {file}" in out
    assert "it ran" not in out


def test_a_file_of_pairs_gets_a_test_for_each_case(of_both: tuple[int, str]) -> None:
    _, out = of_both
    assert "FAILED pairs/pairs.py::tanh/drawn/float64" in out
    assert "times the error bound" in out
    assert "PASSED pairs/pairs.py::relu/drawn/float64" in out


def test_nothing_happens_unless_it_is_asked_for(repository: Path) -> None:
    status, out = theirs(repository, "-q")
    assert (status, "1 passed" in out) == (0, True)


def test_the_plugin_imports_nothing_of_ours_and_is_an_entry_point() -> None:
    path = Path(pytest_plugin.__file__)
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    assert names <= sys.stdlib_module_names | {"pytest"}
    project = path.parents[1] / "pyproject.toml"
    assert '"parity_tests.pytest_plugin" = "parity_tests.pytest_plugin"' in project.read_text(encoding="utf-8")
