"""The edition is not the submission's to choose: it is judged by the default one unless another is asked for."""

from __future__ import annotations

import ast
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.inside.homework_names import editions_of
from parity_tests.assignments.mlp.proof.correct_mains import RECORDED
from parity_tests.harness.check import check
from parity_tests.harness.process.headers import edition_of as edition_told
from parity_tests.selftest.main_pieces import NO_LAMBDA, PLAIN_SGD
from parity_tests.selftest.records_of_cases import ask_and_judge, at_fault, changed
from parity_tests.selftest.shared import JUDGED
from reports.model.records import Record
from reports.model.verdicts import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")

NO_TANH = [("self.h: Array = np.tanh(X)", "raise NotImplementedError")]
OF_PLAIN = [
    *PLAIN_SGD,
    ("HIDDEN_UNITS = 1000", "HIDDEN_UNITS = 128"),
    ("            eta *= 0.1\n", "            pass\n"),
    (
        RECORDED,
        f"{RECORDED}        if t - int(np.argmax(val_accuracy_record)) >= main_params['early_stopping_patience']:\n"
        "            break\n",
    ),
]
NO_MOMENTUM = [("    add_momentum,\n", ""), ("    momentum = add_momentum(model)\n", "")]
ITS_OWN_DATA = [
    ("    DataFileError,\n", ""),
    ("    except DataFileError as problem:", "    except OSError as problem:"),
    ('data_loader_mnist(main_params["input_file"])', 'data_loader_mnist(main_params["data_dir"])'),
    ("import numpy as np\n", "import numpy as np\nfrom tqdm import tqdm\n"),
    ('for t in range(int(main_params["num_epoch"])):', 'for t in tqdm(range(int(main_params["num_epoch"]))):'),
]


def failing(folder: Path, edition: str | None = None, *parts: str) -> tuple[list[Record], list[Record]]:
    """All records of a check of these parts in float64, or of all, and those that fail."""
    nameless = replace(ASSIGNMENT, diagnosis=None)  # no verdict hangs on the name of a mistake
    run = check(nameless, folder, dtypes=("float64",), edition=edition, parts=frozenset(parts) or None, cache=JUDGED)
    records = run.records
    return records, [record for record in records if record.verdict in FAILING]


def test_an_easier_edition_cannot_be_had_by_its_signature(tmp_path: Path) -> None:
    folder = changed(tmp_path, [*OF_PLAIN, *NO_TANH, *NO_MOMENTUM])
    records, wrong = failing(folder, None, "1", "5")
    assert {record.edition for record in records} == {"2019"}
    assert {"1", "5"} <= {record.part for record in wrong}
    sentence = at_fault(records)["1"]
    assert "the function takes (model, _learning_rate), as in edition 2022-23" in sentence
    assert "if 2022-23 is the edition of the assignment, say --edition 2022-23" in sentence
    assert failing(folder, "2022-23", "1", "7")[1] == []


def test_the_edition_is_told_though_the_file_cannot_be_imported(tmp_path: Path) -> None:
    folder = changed(tmp_path, [*OF_PLAIN, *NO_MOMENTUM, *ITS_OWN_DATA])
    records, _ = failing(folder, None, "1")
    assert "tqdm is not available here" in records[0].message
    assert "say --edition 2022-23" in at_fault([record for record in records if record.check == "sgd"])["1"]


def test_what_is_lent_is_the_editions_own(tmp_path: Path) -> None:
    folder = changed(tmp_path, [*OF_PLAIN, *NO_MOMENTUM, *ITS_OWN_DATA])
    (folder / "utils.py").unlink()
    records, wrong = failing(folder, "2022-23")
    assert [record.message for record in wrong] == []
    assert "no utils.py was handed in: Parity's was used" in records[0].note
    assert any(record.check == "main" for record in records)
    lent = ASSIGNMENT.lent_support("2022-23")
    assert lent is not None
    assert "add_momentum" not in lent.read_text()
    assert ASSIGNMENT.lent_support(None) == ASSIGNMENT.lent_support("2020-22") == ASSIGNMENT.solution / "utils.py"


def test_an_edition_that_is_asked_for_holds_against_the_defaults_signature(tmp_path: Path) -> None:
    records, wrong = failing(changed(tmp_path, []), "2020-22", "1", "4", "5")
    assert {record.part for record in wrong if not record.explained_by} == {"1"}
    assert "say --edition 2019" in at_fault(records)["1"]
    assert failing(changed(tmp_path, NO_LAMBDA), "2020-22", "1", "4", "5")[1] == []


@pytest.mark.parametrize(
    ("definitions", "seen"),
    [
        ("def miniBatchGradientDescent(model, eta): pass", "2022-23"),
        ("def miniBatchGradientDescent(model, momentum, lam, alpha, eta, clip=None): pass", "2019"),
        ("def miniBatchGradientDescent(model, momentum, lam=0, alpha=0, eta=0.1): pass", "2019"),
        ("def miniBatchGradientDescent(model, momentum, alpha, eta, lam=0): pass", "2019"),
        (
            "def miniBatchStochasticGradientDescent(model, momentum, lam, alpha, eta): pass\n"
            "def miniBatchGradientDescent(model, eta): pass",
            "2019",
        ),
        ("def miniBatchGradientDescent(*given): pass", ""),
        ("class miniBatchGradientDescent: pass", ""),
    ],
)
def test_the_function_that_is_called_shows_the_edition(definitions: str, seen: str) -> None:
    assert editions_of(ast.parse(definitions), {}) == ((seen,) if seen else ())


def test_what_a_process_says_of_its_edition_changes_nothing() -> None:
    said: dict[str, Any] = {
        "kind": "edition",
        "edition": "2022-23",
        "edition_seen": "2022-23",
        "fixtures": [],
        "left_out": 0,
    }
    assert edition_told(said, "2019").judged == "2019"
    assert edition_told(said, "2019").seen == "2022-23"


# ---- edition 2022-23: solutions written from its contract


SOLUTIONS = Path(__file__).parent / "submissions"
WITH_HELPERS, ALONE = "edition_2022_23", "edition_2022_23_alone"


def of_main(tmp_path: Path, solution: str, *swaps: tuple[str, str], settings: str = "") -> list[Record]:
    """The of_main of main of a solution with these changes of its neural_networks.py, in cases with such a name."""
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


def wrong_of(found: list[Record]) -> set[str]:
    return {record.quantity for record in found if record.verdict in FAILING}


@pytest.mark.parametrize("solution", [WITH_HELPERS, ALONE])
def test_a_solution_that_reads_idx_files_gets_all_of_main(solution: str, tmp_path: Path) -> None:
    found = of_main(tmp_path, solution, settings="" if solution == WITH_HELPERS else "relu-")
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
    assert quantity in wrong_of(
        of_main(tmp_path, WITH_HELPERS, (old, new), settings="s-wiring" if name == "η drops" else "relu-wiring")
    )
