"""The scripts of the second assignment: each shows its failure on the submission, and none on our solution."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.harness.check import check
from parity_tests.harness.reproduce import Reproductions, reproductions
from parity_tests.selftest.cs231n.conftest import Changed
from parity_tests.selftest.nightly import one_of_each
from reports.model.environment import Environment

pytestmark = pytest.mark.usefixtures("one_thread")

SLIPS = {
    "affine_backward": ("layers", "@ dout, dout.sum(axis=0)", "@ dout / 3, dout.sum(axis=0)"),
    "relu_forward": ("layers", "return np.maximum(x, 0), x", "return np.abs(x), x"),
    "softmax_loss": ("layers", "    dx /= N\n    return loss", "    return loss"),
    "sgd": ("optim", '"learning_rate"] * dw, config', '"learning_rate"] * dw * 2, config'),
    "sgd_momentum": ("optim", "return w + v, {", "return w + 2 * v, {"),
    "rmsprop": ("optim", "(1 - decay) * dw**2", "(1 + decay) * dw**2"),
    "adam": ("optim", "m / (1 - beta1**t), v / (1 - beta2**t)", "m, v"),
    "batchnorm_forward": ("layers", "mean = momentum * mean + (1 - momentum)", "mean = momentum * mean + momentum"),
    "batchnorm_backward": ("layers", "/ deviation + 2 * centred", "/ deviation + centred"),
    "dropout_forward": ("layers", "(np.random.rand(*x.shape) < p)", "(np.random.rand(*x.shape) > p)"),
    "conv_backward_naive": ("layers", "pad : pad + W], dw,", "pad : pad + W], 2 * dw,"),
    "max_pool_backward_naive": ("layers", "part += np.where", "part[...] = np.where"),
    "spatial_groupnorm_forward": ("layers", "groups.var(axis=2, ", "groups.var(axis=2, ddof=1, "),
    "FullyConnectedNet": ("fc_net", 'grads[f"W{layer}"] += self.reg', 'grads[f"W{layer}"] += 2 * self.reg'),
    "ThreeLayerConvNet": ("cnn", "grads[name] += self.reg", "grads[name] += 0 * self.reg"),
}
"""A slip in each function: the file, what stands there, and what is written instead."""


def made(folder: Path, part: str) -> Reproductions:
    """The scripts for what fails in a part; the losses are asked of the first assignment only."""
    edition = "assignment-1" if part == "softmax_loss" else "2021-24"
    run = check(ASSIGNMENT, folder, parts=frozenset({part}), dtypes=("float64",), edition=edition)
    environment = Environment(submission=str(folder), edition=edition, seed=0, isolation="none")
    return reproductions(ASSIGNMENT, [record for record in run.records if record.part == part], environment)


def status(text: str, folder: Path, file: Path) -> int:
    """The exit status of a script that is run alone, without Parity beside it."""
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-B", str(file), str(folder)]
    environment = {**os.environ, "PYTHONPATH": ""}
    return subprocess.run(command, capture_output=True, env=environment, cwd=file.parent, check=False).returncode


@pytest.mark.parametrize("part", one_of_each(lambda part: SLIPS[part][0], SLIPS))
def test_a_script_shows_its_failure_and_our_solution_does_not(part: str, changed: Changed, tmp_path: Path) -> None:
    file, old, new = SLIPS[part]
    folder = changed(**{file: (old, new)})
    found = made(folder, part)
    assert found.scripts
    assert found.without == {}
    for text in found.scripts.values():
        assert "parity_tests" not in text
        assert text.count("\n") <= 70
        assert status(text, folder, tmp_path / "repro.py") == 1, text
        assert status(text, ASSIGNMENT.solution, tmp_path / "repro.py") == 0, text


def test_a_script_is_given_for_what_raises(changed: Changed, tmp_path: Path) -> None:
    folder = changed(layers=("return np.maximum(x, 0), x", "raise ValueError(x.shape)"))
    (text,) = made(folder, "relu_forward").scripts.values()
    assert "it crashes" in text
    assert status(text, folder, tmp_path / "repro.py") == 1
    assert status(text, ASSIGNMENT.solution, tmp_path / "repro.py") == 0


def test_our_solution_has_no_scripts(changed: Changed) -> None:
    found = made(changed(), "affine_backward")
    assert (found.scripts, found.without) == ({}, {})
