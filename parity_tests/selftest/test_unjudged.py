"""What leaves no right value to compare with fails; only what rounding cannot tell right from wrong is excused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from parity_tests.assignments.mlp.digits import small_digits
from parity_tests.selftest.main_pieces import ORDER, RELU, SGD_CALL, TRAIN_CALLS
from parity_tests.selftest.records_of_cases import ask_and_judge, at_fault, changed
from parity_tests.selftest.test_main import findings

Swap = tuple[str, str]
BEFORE_THE_EPOCHS = '    for t in range(int(main_params["num_epoch"])):\n'

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def digits() -> dict[str, NDArray[Any]]:
    """25 / 15 / 10 real digits of 10×10 pixels."""
    few = small_digits(25, 15, 10)
    return {name: getattr(few, name) for name in ("train_X", "train_y", "valid_X", "valid_y", "test_X", "test_y")}


DROPOUT_ON_THE_LOGITS = [
    ('s = model["drop1"].forward(h, is_train=True)\n            a = model["L2"].forward(s)',
     's = h\n            a = model["drop1"].forward(model["L2"].forward(h), is_train=True)'),
    ('grad_s = model["L2"].backward(s, grad_a)\n            grad_h = model["drop1"].backward(h, grad_s)',
     'grad_h = model["L2"].backward(s, model["drop1"].backward(a, grad_a))'),
]  # fmt: skip
NO_TRAINING = [
    (TRAIN_CALLS, ""),
    (SGD_CALL, "pass\n"),
    (BEFORE_THE_EPOCHS, '    model["L1"].params["W"] *= np.nan\n' + BEFORE_THE_EPOCHS),
]
NOT_A_NUMBER_AT_THE_END = [
    (BEFORE_THE_EPOCHS, BEFORE_THE_EPOCHS + '        if t == 2:\n            model["L2"].params["b"] *= np.nan\n')
]
KINKS_EVERYWHERE = (
    BEFORE_THE_EPOCHS,
    "    seen = np.linalg.pinv(train.X) @ train.X\n"
    '    model["L1"].params["b"][:, :8] = 0\n'
    '    model["L1"].params["W"][:, :8] -= seen @ model["L1"].params["W"][:, :8]\n' + BEFORE_THE_EPOCHS,
)
"""The pre-activations of half of the hidden units are sums that cancel."""
OTHER_ORDER = ('X @ self.params["W"] + self', 'np.add.reduce(X[:, ::-1, None] * self.params["W"][::-1], axis=1) + self')
"""Honest, and on the other side of 0 than torch at some of them."""
WRONG_BIAS = (SGD_CALL, SGD_CALL + '            model["L2"].params["b"] *= 1 + 1e-9\n')
ELEVEN_CLASSES = [("linear_layer(HIDDEN_UNITS, CLASSES)", "linear_layer(HIDDEN_UNITS, CLASSES + 1)")]


@pytest.mark.parametrize("stand_ins", [True, False])
def test_a_mask_of_another_shape_leaves_no_step_to_expect(
    stand_ins: bool, tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    found = findings(changed(tmp_path, DROPOUT_ON_THE_LOGITS), RELU, digits, stand_ins=stand_ins)
    assert found["weights"].verdict == "unjudged"
    assert (
        "15 of its 15 steps cannot be replayed: the first is step 1, where dropout gives an array of shape (5, 10), "
        "where (5, 16) belongs"
    ) in found["weights"].problem
    assert found["weights"].step == 1


def test_weights_that_are_no_numbers_are_wrong_though_nothing_was_trained(
    tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    found = findings(changed(tmp_path, NO_TRAINING), RELU, digits, stand_ins=True)
    assert found["weights"].verdict == "mismatch"
    assert found["training losses"].verdict not in ("match", "undecided")


def test_weights_that_become_no_numbers_late_are_wrong(tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    found = findings(changed(tmp_path, NOT_A_NUMBER_AT_THE_END), RELU, digits, stand_ins=True)
    assert found["weights"].verdict == "mismatch"
    assert "after step 10 (epoch 2) L2_b at" in found["weights"].problem
    assert "is nan, torch says" in found["weights"].problem


def test_another_number_of_classes_is_not_agreement(tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    found = findings(changed(tmp_path, ELEVEN_CLASSES), RELU, digits, stand_ins=True)
    assert found["weights"].verdict == "unjudged"
    assert "not of the shapes that are expected" in found["weights"].problem


def test_one_step_that_cannot_be_replayed_is_not_hidden_by_the_others(
    tmp_path: Path, digits: dict[str, NDArray[Any]]
) -> None:
    foreign = f"{ORDER}\n        if t == 1:\n            train.X = train.X + 1e-3"
    found = findings(changed(tmp_path, [(ORDER, foreign)]), RELU, digits, stand_ins=True)
    assert found["weights"].verdict == "unjudged"
    assert "step 6, where no forward of rows of the training set belongs to it" in found["weights"].problem


def test_a_kink_excuses_the_weights_of_its_own_unit_alone(tmp_path: Path, digits: dict[str, NDArray[Any]]) -> None:
    config, swaps = replace(RELU, rate=0.0), [KINKS_EVERYWHERE, OTHER_ORDER]
    found = findings(changed(tmp_path, swaps), config, digits, stand_ins=False)["weights"]
    assert found.verdict == "undecided"
    assert found.undecided in [units * 101 for units in range(1, 9)]  # 100 weights and a bias each, in the first step
    assert f"{found.undecided} of 1786 weights cannot be decided" in found.problem
    wrong = findings(changed(tmp_path, [*swaps, WRONG_BIAS]), config, digits, stand_ins=False)["weights"]
    assert wrong.verdict == "mismatch"
    assert "after step 1 (epoch 1) L2_b" in wrong.problem


def test_a_gradient_that_is_no_number_is_the_fault_of_the_link_that_made_it(tmp_path: Path) -> None:
    spoiled = ("        grad /= len(grad)\n", "        grad /= len(grad)\n        grad[0, 0] = np.nan\n")
    folder = changed(tmp_path, [], [spoiled])
    records = ask_and_judge(folder, lambda case: case.check in ("loss", "network", "trajectory"))
    assert set(at_fault(records)) == {"utils"}
    assert {record.verdict for record in records} == {"match", "mismatch"}
