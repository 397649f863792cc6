"""The rooms that serve any assignment say no word that only the shipped homework has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from reports.model.phrases import capitalised, quantity_name

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("reference", "reports", *(f"parity_tests/{room}" for room in ("protocol", "harness", "grading", "proof")))
SAMPLES = ROOT / "reports" / "examples"
"""Rendered from results of the homework, so they are full of its words."""


def homework_words() -> set[str]:
    """Its identifiers that are no names of torch's, its files, and how its TODOs and modules are called."""
    layout = ASSIGNMENT.layout
    defined = {function.partition(".")[0] for function in ASSIGNMENT.by_function}
    for file in layout.files:
        tree = ast.parse((ASSIGNMENT.solution / file).read_bytes())
        defined |= {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    general = {"main", "evaluate", *vars(torch), *vars(torch.nn.functional)}
    files = {layout.module, *layout.files, f"{layout.support}.py", *layout.unsupported}
    return {*defined - general, *files, "TODO", "TODOs", "nonlinear1", "drop1"}


@cache
def pattern() -> re.Pattern[str]:
    """Matches those words as whole words, its data's name anywhere, and its short names in quotation marks."""
    words = "|".join(map(re.escape, sorted(homework_words(), key=len, reverse=True)))
    quoted = "|".join(map(re.escape, (*ASSIGNMENT.editions.names, ASSIGNMENT.layout.support, ASSIGNMENT.name)))
    return re.compile(rf"MNIST|mnist|(?<!\w)(?:{words})(?!\w)|[\"'`](?:{quoted})[\"'`]")


def found_in(path: Path) -> Iterator[str]:
    """Where a text file says such a word: file, line, and the word."""
    text = path.read_text(encoding="utf-8")
    for match in pattern().finditer(text):
        number = text.count("\n", 0, match.start()) + 1
        yield f"{path}:{number}: {match[0]}"


def texts(room: str) -> list[Path]:
    """The text files of a room."""
    kinds = (".py", ".json", ".toml", ".html", ".css", ".js", ".md")
    found = [path for path in sorted(ROOT.joinpath(room).rglob("*")) if path.suffix in kinds]
    return [path for path in found if not path.is_relative_to(SAMPLES)]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_for_any_assignment_says_no_word_of_the_homework(room: str) -> None:
    assert texts(room)
    assert [where for path in texts(room) for where in found_in(path)] == []


def test_its_words_are_found_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text('x = "TODO 4" # linear_layer, of "2019"\nrelu = torch.utils.relu(dropout)  # Higham, 2019\n')
    assert [where.rpartition(": ")[2] for where in found_in(path)] == ["TODO", "linear_layer", '"2019"']
    assert {"neural_networks", "neural_networks.py", "utils.py", "DataSplit"} <= homework_words()
    assert not {"relu", "tanh", "dropout", "main", "utils"} & homework_words()


def test_one_word_of_a_quantity_is_quoted_and_never_capitalised() -> None:
    names = {
        "more": "`more` is wrong.",
        "still of the second": "`still` of the second is wrong.",
        "w after step 1": "`w` after step 1 is wrong.",
        "loss, second input": "`loss`, second input is wrong.",
        "gradient of W": "Gradient of W is wrong.",
    }
    assert {name: capitalised(f"{quantity_name(name)} is wrong.") for name in names} == names
    assert capitalised("w after step 1") == "w after step 1"
    assert capitalised("a sum") == "A sum"
