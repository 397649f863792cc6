"""A release is called the same everywhere: in the changes, in the citation, and where users are told to pin it."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
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


def test_what_users_copy_pins_the_newest_release() -> None:
    pinned = [
        version
        for page in chain(ROOT.glob("*.md"), ROOT.glob("docs/**/*.md"))
        for version in re.findall(r"(?:OWNER/parity@|rev: )(\S+)", page.read_text(encoding="utf-8"))
    ]
    assert set(pinned) == {f"v{newest()[0]}"}


def test_releases_are_listed_newest_first() -> None:
    days = [found[1] for found in NEWEST.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))]
    assert days == sorted(days, reverse=True)
    assert len(days) >= 2
