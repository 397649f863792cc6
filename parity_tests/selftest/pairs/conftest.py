"""One thread: the arrays are small."""

from __future__ import annotations

import pytest

from parity_tests.pairs.causes import Cause


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """Every test of pairs asks for it."""


@pytest.fixture(autouse=True)
def _search(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cause is looked for, which takes as long as judging; its own tests have another fixture of this name."""
    monkeypatch.setattr("parity_tests.pairs.causes.cause_of", lambda *_: Cause())
    monkeypatch.setattr("parity_tests.pairs.mend.mended", lambda *_: None)
