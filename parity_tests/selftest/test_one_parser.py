"""Two threads never parse at once in a Python whose parser is one for all of them: torch is imported before a draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parity_tests.harness.check import check
from parity_tests.selftest.toy.assignment import TOY


def test_nothing_is_drawn_before_torch_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def failing_import() -> None:
        raise SystemError("AST constructor recursion depth mismatch")

    def drawn(params: Mapping[str, Any], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        begun.append("a draw")
        return {"X": rng.uniform(-9, 9, (3, 5))}

    toy = replace(TOY, kinds={"call": replace(TOY.kinds["call"], draw=drawn)})
    monkeypatch.setattr("parity_tests.harness.check.import_torch", failing_import)
    monkeypatch.setattr("parity_tests.harness.check.ONE_PARSER", True)
    with pytest.raises(SystemError):
        check(toy, toy.solution, dtypes=("float64",))
    assert begun == []
