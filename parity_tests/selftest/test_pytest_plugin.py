"""The pytest plugin in somebody else's repository, which has folders named as Parity's packages are."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from parity_tests import pytest_plugin
from parity_tests.selftest.pairs.test_pairs import FILE
from parity_tests.selftest.toy.assignment import TOY

PAIRS = FILE.replace("tanh, wrongly", "tanh")
EDIT = ("1 / (1", "2 / (1")
TOY_NAME = "parity_tests.selftest.toy.assignment:TOY"


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


def test_a_folder_without_a_network_is_a_sentence(repository: Path) -> None:
    status, out = theirs(repository, "--implementation", "reports", "-q")
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "neural_networks.py" in out
    assert "Traceback" not in out


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
