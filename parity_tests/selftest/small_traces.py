"""Traces of small networks on a few digits, right and wrong, for the tests of the trace."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.assignments.mlp.trace.settings import Settings
from parity_tests.assignments.mlp.trace.training import MlpTraining
from parity_tests.trace.results import Trace
from parity_tests.trace.run import trace
from reports.model.environment import Environment

DIGITS = small_digits(60, 20, 20)
SMALL = Settings(hidden=12, batch=10, epochs=3, drop_every=2, alpha=0.9, lam=1e-4, rate=0.25)
"""Six steps an epoch; η falls after the twelfth."""
SOURCE = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")


class Rows:
    """Keeps the rows of a trace."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {"quantities": [], "steps": [], "epochs": []}

    def open(self, environment: Environment) -> None:
        self.environment = environment

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        self.rows[table].append(dict(row))


def submission(tmp_path: Path, *changes: tuple[str, str], more: str = "") -> Path:
    """The shipped network with texts exchanged, and more source after it."""
    folder = tmp_path / "submission"
    folder.mkdir()
    source = SOURCE
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    (folder / "neural_networks.py").write_text(source + more, encoding="utf-8")
    shutil.copy(ASSIGNMENT.solution / "utils.py", folder)
    return folder


def traced(folder: Path, settings: Settings = SMALL, rows: Rows | None = None, **options: Any) -> Trace:
    return trace(ASSIGNMENT, folder, MlpTraining(settings, DIGITS), Rows() if rows is None else rows, **options)


AT_STEP = """
_backward = linear_layer.backward

def _counting(self, X, grad):
    self.count = getattr(self, "count", 0) + 1
    back = _backward(self, X, grad)
    if self.count == {step}:
        {what}
    return back

linear_layer.backward = _counting
"""
TORCH_FORM = (
    "                v -= _learning_rate * g\n                w += v\n",
    "                v += g\n                w -= _learning_rate * v\n",
)
FRESH_MASK = """
def _anew(self, X, grad):
    return grad * (np.random.uniform(0.0, 1.0, X.shape) >= self.r) / (1 - self.r)

dropout.backward = _anew
"""
