"""What a submission is lent needs nothing of it but what the assignment asks for."""

from __future__ import annotations

import ast

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.names import GIVEN, SOLVER
from parity_tests.assignments.cs231n.parts import FUNCTIONS
from parity_tests.protocol.layout import file_of


@pytest.mark.parametrize("module", [*GIVEN, SOLVER])
def test_a_lent_file_uses_of_a_submission_what_it_is_asked_for_alone(module: str) -> None:
    tree = ast.parse((ASSIGNMENT.solution / file_of(module)).read_text(encoding="utf-8"))
    used = {
        (node.module or "", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    assert used
    asked = {("layers", name) for name in FUNCTIONS} | {("", "optim")}
    fast = {("fast_layers", name) for _, name in used if name.endswith("_fast")}
    assert used <= asked | fast
