"""Runs the check once for all parity tests, and makes a test of each case that is planned for the submission."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

from parity_tests.harness.check import Run, check
from parity_tests.harness.submission import find_submission
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.registry import chosen
from reports.model.records import Record


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a folder without a submission before anything is collected."""
    try:
        find_submission(_folder(config), _assignment(config))
    except UsageError as error:
        raise pytest.UsageError(f"--implementation: {error}") from None


def _assignment(config: pytest.Config) -> Assignment:
    """The one that is asked for, or that the files tell."""
    folder: Path | None = config.getoption("--implementation")
    return chosen(config.getoption("--assignment"), folder or Path())


def _folder(config: pytest.Config) -> Path:
    folder: Path | None = config.getoption("--implementation")
    return _assignment(config).solution if folder is None else folder


def _dtypes(config: pytest.Config) -> tuple[str, ...]:
    chosen: str = config.getoption("--dtype")
    return DTYPES if chosen == "both" else (chosen,)


def _edition(folder: Path, assignment: Assignment) -> str:
    """The edition that the submission's source shows; one that does not parse gets the default's plan."""
    if assignment.editions.told_by is None:
        return assignment.editions.default
    try:
        tree = ast.parse((find_submission(folder, assignment) / assignment.layout.file).read_bytes())
        edition: str = runpy.run_path(str(assignment.editions.told_by))["edition_of"](tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        edition = ""
    return edition or assignment.editions.default


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case, by its name."""
    if "case_name" in metafunc.fixturenames:
        assignment = _assignment(metafunc.config)
        edition = _edition(_folder(metafunc.config), assignment)
        cases = assignment.cases(edition, _dtypes(metafunc.config))
        metafunc.parametrize("case_name", ["import", *(case.name for case in cases)])


def skip_without(device: str) -> None:
    """Skip the test, with the reason, where the device is not there; fail it where that is no device at all."""
    if device == "cpu":
        return
    from reference.device import is_device_name, problem

    why = problem(device)
    if why and is_device_name(device):
        pytest.skip(why)
    if why:
        pytest.fail(why, pytrace=False)


@pytest.fixture(scope="session")
def parity_run(pytestconfig: pytest.Config) -> Run:
    """The check of the submission, made once; skips where the device is not there."""
    device: str = pytestconfig.getoption("--device")
    skip_without(device)
    assignment = _assignment(pytestconfig)
    return check(
        assignment,
        _folder(pytestconfig),
        device=device,
        dtypes=_dtypes(pytestconfig),
        seed=pytestconfig.getoption("--seed"),
    )


@pytest.fixture
def records(parity_run: Run, case_name: str) -> list[Record]:
    """The records of one case."""
    return [record for record in parity_run.records if record.case == case_name]
