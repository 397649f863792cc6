"""The README's two commands are what CI runs, and what it shows is there."""

from __future__ import annotations

import re
from pathlib import Path

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


def test_the_readme_is_short_and_leads_to_every_tutorial() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) < 150
    tutorials = {f"docs/tutorials/{path.name}" for path in (ROOT / "docs" / "tutorials").glob("*.md")}
    assert tutorials <= set(re.findall(r"\]\(([^)#:]+)\)", readme))
