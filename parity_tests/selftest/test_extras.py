"""Packages that a bare check does without: it then lacks its page alone, and other commands say what they need."""

from __future__ import annotations

import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from parity_tests.cli import extras
from parity_tests.selftest.test_cli import AGREED, FakeCheck, Parity, fake  # noqa: F401
from reports.model.run_folder import load

# ruff: noqa: F811

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
