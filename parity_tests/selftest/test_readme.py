"""The README's two commands are what CI runs, and what it shows is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.check import check

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/parity check",
    "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
)


def test_the_two_commands_are_in_the_readme_and_are_what_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"    {command}" in readme
        assert f"({command})" in script
    assert "run: .ci/run\n" in workflow


def test_every_file_that_the_readme_names_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", readme)
    folders = re.findall(r"^\| `(\w+/)`", readme, flags=re.MULTILINE)
    assert folders == ["implementation/", "reference/", "parity_tests/", "reports/"]
    assert not [name for name in (*links, *folders) if not (ROOT / name).exists()]


SHOWN = re.compile(r"^    (TODO \d+|utils\.py) .*?(match|mismatch) +(\d+)/(\d+)", flags=re.MULTILINE)


@pytest.mark.usefixtures("one_thread")
def test_the_table_that_the_readme_shows_counts_what_the_shipped_network_is_asked() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = {label: (verdict, int(agree), int(of)) for label, verdict, agree, of in SHOWN.findall(text)}
    run = check(ASSIGNMENT, ROOT / "implementation")
    found = {}
    for part in ASSIGNMENT.parts:
        own = [record for record in run.records if record.part == part.id]
        found[part.label] = ("match", sum(record.verdict == "match" for record in own), len(own))
    assert shown == found
    assert f"Agreement: {len(run.records)} of {len(run.records)} quantities" in text
