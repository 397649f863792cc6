"""The shipped numpy network: its manners, and a published result; that it agrees with torch is what a check says."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from parity_tests.assignments.mlp.digits import load_digits, small_digits, write_homework_json

FOLDER = Path(__file__).parents[2] / "implementation"
MAIN_PARAMS = {
    "random_seed": 42,
    "learning_rate": 0.01,
    "alpha": 0.0,
    "lambda": 0.0,
    "dropout_rate": 0.0,
    "num_epoch": 1,
    "minibatch_size": 5,
    "activation": "relu",
    "input_file": "mnist_subset.json",
}


@pytest.fixture(scope="module")
def network() -> Iterator[ModuleType]:
    """neural_networks.py, imported as its user does: with its folder on the path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        for name in ("neural_networks", "utils"):
            patch.delitem(sys.modules, name, raising=False)
        yield importlib.import_module("neural_networks")
        for name in ("neural_networks", "utils"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def utils(network: ModuleType) -> ModuleType:
    return sys.modules["utils"]


def test_relu_takes_0_as_its_derivative_at_0(network: ModuleType) -> None:
    X = np.array([[-1.0, -0.0, 0.0, 1.0]])
    layer = network.relu()
    assert layer.forward(X).tolist() == [[0, 0, 0, 1]]
    assert layer.backward(X, np.full_like(X, 3.0)).tolist() == [[0, 0, 0, 3]]


def test_dropout_draws_at_rate_0_too_so_that_runs_of_all_rates_share_their_numbers(
    network: ModuleType,
) -> None:
    np.random.seed(0)
    network.dropout(0.0).forward(np.ones((2, 3)), True)
    drawn = np.random.uniform()
    np.random.seed(0)
    np.random.uniform(size=(2, 3))
    assert drawn == np.random.uniform()


def test_loss_is_finite_under_a_common_offset_and_where_a_probability_underflows(utils: ModuleType) -> None:
    loss = utils.softmax_cross_entropy()
    assert loss.forward(np.array([[1e6, 1e6]]), np.array([[0.0]])) == pytest.approx(np.log(2))
    assert loss.forward(np.array([[-1000.0, 1000.0]]), np.array([[0.0]])) == 2000
    assert loss.backward(np.array([[-1000.0, 1000.0]]), np.array([[0.0]])).tolist() == [[-1, 1]]


def test_predict_label_takes_the_first_among_equals_and_signs_of_single_scores(utils: ModuleType) -> None:
    assert utils.predict_label(np.array([[1.0, 2.0, 2.0], [3.0, 0.0, 3.0]])).tolist() == [[1.0], [0.0]]
    assert utils.predict_label(np.array([[-1.0], [0.0], [1.0]])).tolist() == [[0.0], [0.0], [1.0]]


@pytest.mark.parametrize(
    "content", ['{"train": [[[0', "[]", "{}", '{"train": 1, "valid": 1, "test": 1}', '{"train": [[0.5], [1]]}']
)
def test_loader_says_which_file_is_damaged(utils: ModuleType, tmp_path: Path, content: str) -> None:
    file = tmp_path / "digits.json"
    file.write_text(content)
    with pytest.raises(utils.DataFileError, match=r"digits\.json is damaged"):
        utils.data_loader_mnist(str(file))


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_main_learns_small_digits_and_writes_its_records(
    network: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, activation: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_homework_json("mnist_subset.json", small_digits(22, 11, 10, pixels=5))
    monkeypatch.setattr(network, "HIDDEN_UNITS", 32)
    params = {**MAIN_PARAMS, "activation": activation, "alpha": 0.9, "num_epoch": 12, "learning_rate": 0.1}
    train_losses, val_losses = network.main(params)
    assert len(train_losses) == len(val_losses) == 12
    assert train_losses[-1] < train_losses[0] / 4
    (result,) = tmp_path.glob("MLP_*.json")
    records = json.loads(result.read_text())
    assert {name: len(record) for name, record in records.items()} == {"train": 12, "val": 12}
    assert max(records["train"]) == 1.0


def test_main_refuses_another_optimization_and_a_batch_that_no_set_fills(network: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="adam"):
        network.main(MAIN_PARAMS, "adam")
    file = tmp_path / "digits.json"
    write_homework_json(file, small_digits(22, 11, 10, pixels=2))
    with pytest.raises(ValueError, match=r"minibatch_size is 12"):
        network.main({**MAIN_PARAMS, "input_file": str(file), "minibatch_size": 12})


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "neural_networks.py"), *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={"OPENBLAS_NUM_THREADS": "1"}, check=False
    )


@pytest.mark.nightly
def test_one_epoch_on_the_homeworks_digits_gives_the_published_figures(tmp_path: Path) -> None:
    write_homework_json(tmp_path / "mnist_subset.json", load_digits())
    done = run(tmp_path, "--dropout_rate", "0", "--num_epoch", "1")
    assert done.returncode == 0, done.stderr
    assert "Training loss at epoch 1 is 330.198948\n" in done.stdout
    (result,) = tmp_path.glob("MLP_*.json")
    assert json.loads(result.read_text()) == {"train": [0.8992], "val": [0.903]}


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("arguments", "train", "valid", "losses"),
    [
        (
            ("--activation", "relu", "--alpha", "0", "--dropout_rate", "0"),
            [0.8992, 0.9426, 0.9560],
            [0.903, 0.928, 0.932],
            ["330.198948", "214.728713", "158.329303"],
        ),
        (
            ("--activation", "tanh", "--alpha", "0", "--dropout_rate", "0"),
            [0.8934, 0.9276, 0.9422],
            [0.897, 0.914, 0.921],
            ["341.681723", "247.665114", "204.104405"],
        ),
        (
            ("--activation", "relu", "--alpha", "0.9", "--dropout_rate", "0.5"),
            [0.9062, 0.9550, 0.9598],
            [0.898, 0.939, 0.935],
            ["283.646135", "139.160258", "130.369637"],
        ),
    ],
    ids=["relu", "tanh", "momentum"],
)
def test_three_epochs_give_the_published_figures_to_every_digit(
    tmp_path: Path, arguments: tuple[str, ...], train: list[float], valid: list[float], losses: list[str]
) -> None:
    write_homework_json(tmp_path / "mnist_subset.json", load_digits())
    done = run(tmp_path, *arguments, "--num_epoch", "3")
    assert done.returncode == 0, done.stderr
    for epoch, loss in enumerate(losses, start=1):
        assert f"Training loss at epoch {epoch} is {loss}\n" in done.stdout
    (result,) = tmp_path.glob("MLP_*.json")
    assert json.loads(result.read_text()) == {"train": train, "val": valid}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "The data file mnist_subset.json cannot be read (No such file or directory)."),
        (["--dropout_rate", "1"], "--dropout_rate is 1.0, but it must lie in [0, 1)."),
        (["--minibatch_size", "0"], "--minibatch_size is 0, but it must be 1 or more."),
    ],
)
def test_what_cannot_be_run_ends_with_a_sentence_and_status_2(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
