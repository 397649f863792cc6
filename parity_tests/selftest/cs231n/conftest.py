"""Submissions of the second assignment: our solution, changed, in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT

Changed = Callable[..., Path]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """Makes a submission of our solution, in which texts that stand there once are replaced, by file."""

    def make(**files: tuple[str, str]) -> Path:
        folder = tmp_path / "assignment2"
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ASSIGNMENT.solution, folder, ignore=ignore, dirs_exist_ok=True)
        for name, (old, new) in files.items():
            path = next(folder.rglob(f"{name}.py"))
            source = path.read_text(encoding="utf-8")
            assert source.count(old) == 1, old
            path.write_text(source.replace(old, new), encoding="utf-8")
        return folder

    return make
