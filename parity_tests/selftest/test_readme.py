"""The README's two commands are what CI runs, and what it shows is there."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import yaml

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT as CS231N
from parity_tests.assignments.cs231n.parts import FUNCTIONS, NETWORKS
from parity_tests.assignments.mlp.assignment import ASSIGNMENT as HOMEWORK
from parity_tests.proof.forms import correct_variants
from parity_tests.protocol.case import DTYPES

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


def test_what_the_readme_says_of_both_assignments_is_so() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = {row[1]: row[2:4] for row in (line.split("|") for line in readme.splitlines()) if len(row) == 5}
    for column, assignment in enumerate((HOMEWORK, CS231N)):
        cases = assignment.cases(assignment.editions.default, DTYPES)
        proof = assignment.proof()
        counts = {
            " quantities asked ": [sum(len(case.quantities) for case in cases)],
            " adversarial submissions, correct variants ": [
                len(proof.evasions),
                len(list(correct_variants(assignment))),
            ],
        }
        for row, found in counts.items():
            said = [int(number.replace(",", "")) for number in re.findall(r"over ([\d,]*\d)", rows[row][column])]
            assert len(said) == len(found)
            assert all(floor < count < 1.5 * floor for floor, count in zip(said, found, strict=True)), row
    assert rows[" judged apart "][1] == f" {len(FUNCTIONS)} functions and {len(NETWORKS)} networks "
    assert rows[" over the years "][0] == f" {len(HOMEWORK.editions.names)} editions "
    first = [name for name in CS231N.editions.names if name.startswith("assignment-1")]
    families = len(CS231N.editions.names) - len(first)
    assert rows[" over the years "][1] == f" {families} families of assignment 2, {len(first)} of assignment 1 "


def test_the_readme_is_short_and_leads_to_every_tutorial() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) < 150
    tutorials = {f"docs/tutorials/{path.name}" for path in (ROOT / "docs" / "tutorials").glob("*.md")}
    assert tutorials <= set(re.findall(r"\]\(([^)#:]+)\)", readme))


# ---- a release is called the same everywhere


NEWEST = re.compile(r"^## (\d+\.\d+\.\d+) \((\d{4}-\d{2}-\d{2})\)$", re.MULTILINE)


def newest() -> tuple[str, str]:
    """The version and the day of the newest release that the changes name."""
    found = NEWEST.search((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert found is not None
    return found[1], found[2]


def test_the_citation_is_of_the_newest_release() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["date-released"]) == newest()


def test_a_copy_without_git_is_of_the_newest_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools_scm"]["fallback_version"] == newest()[0]


def test_what_users_copy_names_what_the_tutorial_pushes() -> None:
    pinned = [
        version
        for page in chain(ROOT.glob("*.md"), ROOT.glob("docs/**/*.md"))
        for version in re.findall(r"(?:OWNER/parity@|rev: )(\S+)", page.read_text(encoding="utf-8"))
    ]
    tutorial = (ROOT / "docs" / "tutorials" / "ci.md").read_text(encoding="utf-8")
    assert {*pinned} == {*re.findall(r"^\$ git .* push \S+ HEAD:(\S+)$", tutorial, re.MULTILINE)} == {"main"}


def test_releases_are_listed_newest_first() -> None:
    days = [found[1] for found in NEWEST.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))]
    assert days == sorted(days, reverse=True)
    assert len(days) >= 2
