"""Submissions as they are handed in: what they may lack, what they import, and what a missing file costs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.inside.families import edition_of
from parity_tests.harness.check import Run, check
from parity_tests.selftest.cs231n.conftest import Changed
from reports.model.records import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")

RULES = {"sgd", "sgd_momentum", "rmsprop", "adam"}
NETS = {"FullyConnectedNet", "ThreeLayerConvNet"}


def checked(folder: Path, parts: set[str] | None = None, edition: str | None = None) -> Run:
    wanted = frozenset(parts) if parts else None
    return check(ASSIGNMENT, folder, dtypes=("float64",), parts=wanted, edition=edition)


def failing(run: Run) -> dict[str, set[str]]:
    """The verdicts on the parts that fail."""
    found: dict[str, set[str]] = {}
    for record in run.records:
        if record.verdict in FAILING and record.check != "import":
            found.setdefault(record.part, set()).add(record.verdict)
    return found


def test_a_missing_file_costs_its_own_parts_alone(changed: Changed) -> None:
    folder = changed()
    (folder / "cs231n" / "optim.py").unlink()
    assert failing(checked(folder)) == {rule: {"missing"} for rule in RULES}


def test_a_file_that_cannot_be_imported_costs_its_own_parts_alone(changed: Changed) -> None:
    folder = changed(cnn=("from typing import Any", "from typing import Any\n\nimport nowhere"))
    assert failing(checked(folder)) == {"ThreeLayerConvNet": {"crashed"}}


def test_what_students_are_given_is_lent(changed: Changed) -> None:
    folder = changed()
    for name in ("layer_utils", "fast_layers"):
        (folder / "cs231n" / f"{name}.py").unlink()
    run = checked(folder, NETS)
    assert failing(run) == {}
    note = run.records[0].note
    assert note == "was lent cs231n/layer_utils.py (Parity's own) and cs231n/fast_layers.py (Parity's own)"


def test_fast_layers_that_were_compiled_elsewhere_do_no_harm(changed: Changed) -> None:
    folder = changed()
    (folder / "cs231n" / "fast_layers.py").write_text(
        "import numpy as np\n\ntry:\n    from .im2col_cython import col2im_6d_cython\nexcept ImportError:\n"
        "    print('build it first')\nfrom .im2col import *\n\n\ndef conv_forward_fast(*args):\n    raise OSError\n\n\n"
        "conv_backward_fast = max_pool_forward_fast = max_pool_backward_fast = conv_forward_fast\n"
    )
    assert failing(checked(folder, NETS)) == {}


def test_imports_of_the_various_years_work(changed: Changed) -> None:
    years = (
        "from past.builtins import xrange\nfrom builtins import range\nimport matplotlib.pyplot as plt\nimport torch\n"
    )
    folder = changed(
        layers=("import numpy as np\n", f"import numpy as np\n{years}assert list(xrange(3)) == [0, 1, 2]\n")
    )
    assert failing(checked(folder, {"relu_forward"})) == {}


def test_python_2_is_a_clear_message(changed: Changed) -> None:
    folder = changed(optim=("Array = NDArray[Any]\n", 'Array = NDArray[Any]\nprint "hello"\n'))
    run = checked(folder, {"sgd"})
    assert all("this is Python 2" in r.message for r in run.records if r.part == "sgd" and r.check != "import")


def test_a_wrong_layer_costs_no_network_however_it_is_kept_there(changed: Changed) -> None:
    folder = changed(layers=("return np.where(cache > 0, dout, 0)", "return dout"))
    run = checked(folder, {"relu_backward", *NETS})
    assert failing(run) == {"relu_backward": {"mismatch"}}
    mean = "mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)"
    folder = changed(layers=(mean, mean.replace("axis=1", "axis=0")))  # our network keeps norms in a table
    assert "FullyConnectedNet" not in failing(checked(folder, {"layernorm_forward", "FullyConnectedNet"}))


@pytest.mark.parametrize(
    ("module", "old", "new", "part", "words"),
    [
        ("fc_net", 'h, norm = FORWARD[self.normalization](h, p[f"gamma{layer}"], p[f"beta{layer}"], param)',
         'h, norm = FORWARD[self.normalization](h, p[f"gamma{layer}"], 0 * p[f"beta{layer}"], param)',
         "FullyConnectedNet", "loss"),
        ("fc_net", "h, dropout = dropout_forward(h, self.dropout_param)",
         "h, dropout = (h, (None, None)) if layer > 1 else dropout_forward(h, self.dropout_param)",
         "FullyConnectedNet", "dropout"),
        ("fc_net", 'params[f"W{layer}"] = weight_scale * np', 'params[f"W{layer}"] = 0.01 * np',
         "FullyConnectedNet", "weight scale"),
        ("cnn", "pooled = num_filters * (H // 2) * (W // 2)", "pooled = num_filters * (H // 2) * (H // 2)",
         "ThreeLayerConvNet", "parameters (beyond)"),
        ("cnn", 'scores, third = affine_forward(h, p["W3"], p["b3"])',
         'scores, third = affine_relu_forward(h, p["W3"], p["b3"])\n        third = third[0]',
         "ThreeLayerConvNet", "scores of call 2"),
    ],
    ids=["beta-left-out", "dropout-left-out", "weight-scale", "square-images", "relu-on-scores"],
)  # fmt: skip
def test_a_wrong_network_is_caught(changed: Changed, module: str, old: str, new: str, part: str, words: str) -> None:
    run = checked(changed(**{module: (old, new)}), {part})
    assert set(failing(run)) == {part}
    assert words in {r.quantity.partition(" of call 1")[0] for r in run.records if r.verdict in FAILING}


def test_p_may_have_either_meaning_in_the_oldest_handouts_alone(changed: Changed) -> None:
    folder = changed(layers=("(np.random.rand(*x.shape) < p) / p)", "(np.random.rand(*x.shape) >= p) / (1 - p))"))
    old = checked(folder, {"dropout_forward"}, edition="2016-17")
    assert failing(old) == {}
    assert any("takes p for the share that is dropped" in record.note for record in old.records)
    assert "dropout_forward" in failing(checked(folder, {"dropout_forward"}))


def test_a_family_is_told_by_its_functions() -> None:
    import ast

    def told(*names: str) -> str:
        return edition_of(ast.parse("".join(f"def {name}(): pass\n" for name in names)))

    assert told("affine_forward", "svm_loss") == "assignment-1"
    assert told("batchnorm_forward", "svm_loss") == "2016-17"
    assert told("batchnorm_forward", "layernorm_forward", "svm_loss") == "2018-20"
    assert told("batchnorm_forward", "layernorm_forward") == "2021-24"
    assert told("main") == ""


def test_a_class_is_graded_function_by_function(
    changed: Changed, tmp_path: Path, parity: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = changed(layers=("return x.reshape(len(x), -1) @ w + b, (x", "return x.reshape(len(x), -1) @ w, (x"))
    shutil.move(wrong, tmp_path / "class" / "ada" / "assignment2")
    shutil.make_archive(str(tmp_path / "class" / "bob"), "zip", ASSIGNMENT.solution)
    name = "parity_tests.assignments.cs231n.assignment:ASSIGNMENT"
    options = ("--assignment", name, "--out", "graded", "--jobs", "1", "--dtype", "float64")
    status, _, errors = parity("grade", "class", *options)
    assert status in (0, 1), errors
    header, ada, bob = Path("graded/grades.csv").read_text().splitlines()
    column = header.split(",").index('"affine_forward"')
    assert (ada.split(",")[column], bob.split(",")[column]) == ("0.0", "3.0")
    assert ",100.0,100.0," in bob


def test_batch_norm_that_never_tests_is_right_where_the_handout_has_it_so(changed: Changed) -> None:
    folder = changed(fc_net=('bn_param["mode"] = mode', 'bn_param["mode"] = "train"'))
    oldest = checked(folder, {"FullyConnectedNet"}, edition="2016-17")
    assert failing(oldest) == {}
    assert any("never comes to its test mode" in record.note for record in oldest.records)
    assert "FullyConnectedNet" in failing(checked(folder, {"FullyConnectedNet"}))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("if normalization and layer < self.num_layers:", "if normalization:", "of which loss gives no gradient"),
        ("        return loss + penalty(self.params, self.reg), grads",
         '        self.params["W1"] = self.params["W1"] * 0.5\n'
         "        return loss + penalty(self.params, self.reg), grads", "are changed by loss: W1"),
    ],
    ids=["a parameter too many", "weights that move"],
)  # fmt: skip
def test_parameters_are_those_of_the_update_rules(changed: Changed, old: str, new: str, words: str) -> None:
    run = checked(changed(fc_net=(old, new)), {"FullyConnectedNet"})
    assert any(words in r.message for r in run.records if r.quantity == "parameters" and r.verdict in FAILING)
