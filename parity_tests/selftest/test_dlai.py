"""A notebook of DeepLearning.AI is a declaration; of what is handed in, imports and definitions are taken alone."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import click
import pytest

from parity_tests.cli.of_notebook import written_out
from parity_tests.grading.intake.entries import Entry
from parity_tests.grading.intake.prepare import Prepared, prepare
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.variants import Variant
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.registry import find

C1W4 = find("dlai-c1w4")
SOURCE = (C1W4.solution / "c1w4.py").read_text(encoding="utf-8")
IMPORTS = """import numpy as np
import matplotlib.pyplot as plt
from testCases_v4a import *
from dnn_utils_v2 import sigmoid, sigmoid_backward, relu, relu_backward
%matplotlib inline
plt.rcParams['image.cmap'] = 'gray'
WIDTH = 0.01
np.random.seed(1)"""


def notebook(*changes: tuple[str, str]) -> bytes:
    """The solution as a notebook is handed in: a function a cell, and cells that print what tests give."""
    cells = [IMPORTS]
    for node in ast.parse(SOURCE).body:
        if isinstance(node, ast.FunctionDef):
            source = f"# GRADED FUNCTION: {node.name}\n\n{ast.get_source_segment(SOURCE, node)}"
            cells += [source, f"print({node.name}(*{node.name}_test_case()))"]
    for old, new in changes:
        assert sum(old in cell for cell in cells) == 1, old
        cells = [cell.replace(old, new) for cell in cells]
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells]
    return json.dumps({"cells": made, "nbformat": 4, "nbformat_minor": 1, "metadata": {}}).encode()


def prepared(data: bytes, *others: Entry) -> Prepared:
    return prepare([Entry("Deep+Network (1).ipynb", len(data), lambda most: data[:most]), *others], C1W4)


def failing(data: bytes) -> dict[str, set[str]]:
    """What fails of a notebook, by part, each with what it is called."""
    files = {name: text.decode() for name, text in prepared(data).files}
    by_part: dict[str, set[str]] = {}
    for record in failures(records(C1W4, Variant("", files), dtypes=["float64"])):
        by_part.setdefault(record.part, set()).add(record.diagnosis or record.message)
    return by_part


def test_a_right_notebook_agrees_on_lent_helpers_and_is_not_trained() -> None:
    assert failing(notebook(("0.01 * np.random.randn(n_h", "WIDTH * np.random.randn(n_h"))) == {}


def test_each_mistake_has_its_name_and_no_function_is_blamed_for_one_that_it_calls() -> None:
    found = failing(
        notebook(
            ("dZ @ A_prev.T / m", "dZ @ A_prev.T"),
            ("0.01 * np.random.randn(n_h", "np.random.randn(n_h"),
            ("np.log(AL) + (1 - Y)", "np.log(AL) - (1 - Y)"),
            ("value - learning_rate", "value + learning_rate"),
            ("def L_model_forward(X, parameters):", "def L_model_forward(X, parameters)"),
        )
    )
    assert found.keys() == {
        "linear_backward",
        "update_parameters",
        "compute_cost",
        "initialize_parameters",
        "L_model_forward",
    }
    assert found["linear_backward"] == {"m is left out of dW"}
    assert found["update_parameters"] == {f"the step of {name} has the wrong sign" for name in ("W1", "b1", "W2", "b2")}
    assert found["compute_cost"] == {"the term of 1 − Y has the wrong sign"}
    assert all("width_of_W1" in said for said in found["initialize_parameters"])
    assert all("the cell that defines it is no Python" in said for said in found["L_model_forward"])


def test_one_change_that_spoils_several_results_names_each() -> None:
    week3, part, slope = find("dlai-c1w3"), "backward_propagation", ' * (1 - cache["A1"] ** 2)'
    own = (week3.solution / "c1w3.py").read_text(encoding="utf-8")
    assert own.count(slope) == 1
    found = failures(records(week3, Variant("", {"c1w3.py": own.replace(slope, "")}), dtypes=["float64"], parts=[part]))
    assert {one.quantity for one in found} >= {"dW1", "db1"}
    assert {one.diagnosis for one in found} == {"the derivative of tanh is left out of dZ1"}


def test_a_question_of_another_notebook_is_asked_as_the_submission_takes_its_arguments() -> None:
    """The cost of week 3 is that of week 4, and took the parameters as well in its early form, which the file tells."""
    week3 = find("dlai-c1w3")
    own = (week3.solution / "c1w3.py").read_text(encoding="utf-8")
    early = own.replace("def compute_cost(A2, Y)", "def compute_cost(A2, Y, parameters)")
    for text, right in ((own, True), (early, True), (early.replace("-np.mean(Y", "np.mean(Y"), False)):
        asked = records(week3, Variant("", {"c1w3.py": text}), dtypes=["float64"], parts=["compute_cost"])
        found = {record.diagnosis for record in failures(asked)}
        assert found == (set() if right else {"the cost has the wrong sign"})


def test_a_file_of_tests_beside_the_notebook_is_not_taken_for_it() -> None:
    beside = b"def L_model_forward_test_case():\n    return 1, 2\n"
    files = dict(prepared(notebook(), Entry("testCases_v4a.py", len(beside), lambda most: beside)).files)
    assert b"def update_parameters" in files["c1w4.py"]


def test_a_notebook_is_told_by_its_functions(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_bytes(notebook())
    (tmp_path / "b.ipynb").write_bytes(b'{"cells": []}')
    with click.Context(click.Command("check")):
        assignment, folder = written_out(tmp_path / "a.ipynb", None)
        assert (assignment.name, [path.name for path in folder.iterdir()]) == ("dlai-c1w4", ["c1w4.py"])
        with pytest.raises(UsageError, match="defines nothing of any installed assignment"):
            written_out(tmp_path / "b.ipynb", None)
