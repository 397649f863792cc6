"""Edition 2022-23: solutions written from its contract get all of main, and what is wrong in them does not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from parity_tests.selftest.records_of_cases import ask_and_judge
from reports.model.records import Record
from reports.model.verdicts import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")
SOLUTIONS = Path(__file__).parent / "submissions"
WITH_HELPERS, ALONE = "edition_2022_23", "edition_2022_23_alone"


def records(tmp_path: Path, solution: str, *swaps: tuple[str, str], settings: str = "") -> list[Record]:
    """The records of main of a solution with these changes of its neural_networks.py, in cases with such a name."""
    folder = tmp_path / "submission"
    shutil.copytree(SOLUTIONS / solution, folder)
    file = folder / "neural_networks.py"
    source = file.read_text()
    for old, new in swaps:
        assert old in source
        source = source.replace(old, new)
    file.write_text(source)
    return ask_and_judge(
        folder, lambda case: case.check == "main" and settings in case.name, edition="2022-23", whole=True
    )


def failing(found: list[Record]) -> set[str]:
    return {record.quantity for record in found if record.verdict in FAILING}


@pytest.mark.parametrize("solution", [WITH_HELPERS, ALONE])
def test_a_solution_that_reads_idx_files_gets_all_of_main(solution: str, tmp_path: Path) -> None:
    found = records(tmp_path, solution, settings="" if solution == WITH_HELPERS else "relu-")
    assert [(r.case, r.quantity, r.message) for r in found if r.verdict != "match"] == []
    assert {"main/relu-own/float64", "main/relu-wiring/float64"} <= {r.case for r in found}


WRONG = {
    "no early stopping": ("            break\n", "            pass\n", "number of steps"),
    "η drops": ("        order =", "        rate *= 0.1 if t == 10 else 1\n        order =", "learning rate"),
    "L2 is given L1's output": ('L2"].backward(h1,', 'L2"].backward(a1,', "weights"),
    "1,000 hidden units": ("128", "1000", "layers"),
    "the test set for the validation set": ("valSet.N, valSet,", "testSet.N, testSet,", "validation losses"),
    "a folder of its own": ('main_params["data_dir"]', '"fashion_mnist_data"', "run"),
    "the test accuracy of the last weights": ("deepcopy(model)", "model", "test accuracy"),
    "the test accuracy on the validation set": ("(testSet.N, testSet,", "(valSet.N, valSet,", "test accuracy"),
    "the best model by its loss": (
        "        if acc >= best:",
        "        acc = -loss\n        if acc >= best or t == 0:",
        "number of steps",
    ),
    "a fixed seed": ('np.random.seed(int(main_params["random_seed"]))', "np.random.seed(42)", "random seed"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_in_it_is_told(name: str, tmp_path: Path) -> None:
    old, new, quantity = WRONG[name]
    assert quantity in failing(
        records(tmp_path, WITH_HELPERS, (old, new), settings="s-wiring" if name == "η drops" else "relu-wiring")
    )
