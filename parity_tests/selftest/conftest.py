"""What holds for all tests of the harness."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def outside_a_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run the command as a person does, also where they themselves are a step of a GitHub workflow."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
