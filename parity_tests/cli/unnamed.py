"""Which network `parity check` takes where no folder is named: the current one or, never silently, the shipped one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from parity_tests.assignments import SHIPPED
from parity_tests.protocol.errors import UsageError

if TYPE_CHECKING:
    from parity_tests.protocol.assignment import Assignment

ROOT = Path(__file__).resolve().parents[2]
"""Parity's own checkout, where it runs from one; else the folder that it is installed in."""


def choose(assignment: str | None, submission: Path | None, shipped: bool) -> tuple[Assignment, Path, str]:
    """The assignment, the folder to check, and a sentence where that is the shipped network, which nobody named.

    Raises UsageError where no folder is named and the current one holds nothing to check.
    """
    from parity_tests.harness.submission import choose_assignment, choose_here, nothing_here
    from parity_tests.protocol.registry import find

    if shipped and submission is not None:
        raise UsageError("--shipped names the network that comes with Parity, so no folder can be named beside it.")
    if submission is not None:
        return choose_assignment(assignment, submission), submission, ""
    if not shipped:
        own = in_own_checkout()
        here = choose_here(assignment, by_names=not own)  # our checkout holds solutions
        if here is not None:
            return *here, ""
        if not own:
            there = nothing_here(assignment)
            name = "or" if ": name " in there else "name the folder that holds the submission, or"
            raise UsageError(
                f"no folder was named, and {there}; {name} say --shipped for the network that comes with Parity."
            )
    chosen = find(assignment or SHIPPED)
    return chosen, chosen.solution, f"this checks the network that comes with Parity, {chosen.solution}."


def in_own_checkout() -> bool:
    """Whether the current folder lies in the checkout that this very Parity runs from."""
    try:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
        return project.get("name") == "parity" and Path.cwd().is_relative_to(ROOT)
    except (OSError, ValueError):
        return False
