"""A program that runs as soon as it is imported costs a note: what runs it is left out, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.check import check
from parity_tests.harness.inside.unguarded import without_runs
from parity_tests.selftest.records_of_cases import changed

MAIN = "def main(params):\n    return params\n\n\n"
GUARD = 'if __name__ == "__main__":\n'


def left(foot: str) -> tuple[list[str], int]:
    """The statements after `main` that are kept, and the line of the first that is not."""
    tree, line = without_runs(ast.parse(MAIN + foot), "main")
    return [ast.unparse(statement) for statement in tree.body[1:]], line


@pytest.mark.parametrize(
    "foot",
    [
        "main({})",
        "losses = main({})\nprint(losses[-1])",
        "for rate in (0.1, 0.01):\n    main({'learning_rate': rate})",
        "try:\n    main({})\nexcept OSError as error:\n    print(error)",
        "with open('log.txt', 'w') as log:\n    print(main({}), file=log)",
        "losses = []\nlosses.append(main({}))\nbest = min(losses[0])\nprint(best)",
    ],
)
def test_what_runs_main_is_left_out_with_what_uses_its_results(foot: str) -> None:
    kept, line = left(foot)
    assert line
    assert kept in ([], ["losses = []"])


def test_functions_that_run_main_are_kept_and_their_calls_are_not() -> None:
    kept, line = left("def experiment():\n    return main({})\n\nexperiment()\n")
    assert kept == ["def experiment():\n    return main({})"]
    assert line == 8


@pytest.mark.parametrize(
    "foot",
    [
        f"{GUARD}    main({{}})",
        "HIDDEN = 1000\nSIZES = [main.__name__, HIDDEN]",
        "def helper():\n    return HIDDEN",
        "run = lambda: main({})",
    ],
)
def test_nothing_else_is_left_out(foot: str) -> None:
    kept, line = left(foot)
    assert line == 0
    assert kept == [ast.unparse(statement) for statement in ast.parse(foot).body]


def test_a_constant_after_the_run_is_still_defined() -> None:
    assert left("print(main({}))\nHIDDEN = int(1e3)\ndef size():\n    return HIDDEN") == (
        ["HIDDEN = int(1000.0)", "def size():\n    return HIDDEN"],
        5,
    )


def test_an_unguarded_main_costs_a_note_and_no_time(tmp_path: Path) -> None:
    foot = (
        "\n\nmain_params = {'input_file': 'absent.json', 'num_epoch': 10 ** 9, 'random_seed': 1}\nmain(main_params)\n"
    )
    folder = changed(tmp_path, [])
    file = folder / "neural_networks.py"
    file.write_text(file.read_text() + foot)
    lines = file.read_text().count("\n")
    run = check(ASSIGNMENT, folder, dtypes=("float64",), parts=frozenset({"3"}))
    assert {record.verdict for record in run.records} == {"match"}
    assert f"runs main as soon as it is imported (line {lines} of neural_networks.py)" in run.records[0].note


def test_what_runs_at_the_import_without_main_still_fails_there(tmp_path: Path) -> None:
    folder = changed(tmp_path, [])
    file = folder / "neural_networks.py"
    file.write_text(file.read_text() + "\n\ndata_loader_mnist('absent.json')\n")
    run = check(ASSIGNMENT, folder, dtypes=("float64",), parts=frozenset({"3"}))
    assert run.records[0].verdict == "crashed"
