"""MyTorch is a declaration: files of any name, each in its dialect; two right answers where the course has two."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import parity_tests.assignments.mytorch
from parity_tests.declared.declaration import read
from parity_tests.declared.judging import reference
from parity_tests.declared.names import STALE
from parity_tests.grading.intake.entries import Entry
from parity_tests.grading.intake.tell import told_by
from parity_tests.harness.check import check
from parity_tests.harness.kept_answers import described_whole
from parity_tests.harness.reproduce import reproductions
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.null_submissions import points_of
from parity_tests.proof.variants import Variant, unchanged
from parity_tests.protocol.comparison import matched, mismatched
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.registry import find
from parity_tests.selftest.test_reproduce import outcome
from reports.model.records import Record
from reports.model.verdicts import Verdict

MYTORCH = find("mytorch")
SOLUTION = dict(unchanged(MYTORCH).files)
NN = "mytorch/nn"
ASSIGNMENT = Path(parity_tests.assignments.mytorch.__file__).parent
DIVIDED = '''
import numpy as np


class Sigmoid:
    def forward(self, Z):
        self.A = 1 / (1 + np.exp(-Z))
        return self.A

    def backward(self):
        return self.A * (1 - self.A)


class Linear:
    def __init__(self, in_features, out_features, debug=False):
        self.debug = debug

    def forward(self, A):
        self.A = A
        return A @ self.W.T + self.b.T

    def backward(self, dLdZ):
        """dZdA is W, and dZdW is A."""
        self.dLdW = dLdZ.T @ self.A / len(dLdZ)
        self.dLdb = dLdZ.sum(axis=0)[:, None] / len(dLdZ)
        return dLdZ @ self.W


class MSELoss:
    def forward(self, A, Y):
        self.A, self.Y = A, Y
        return ((A - Y) ** 2).mean()

    def backward(self):
        return self.A - self.Y


class CrossEntropyLoss:
    def forward(self, A, Y):
        self.e, self.Y = np.exp(A), Y
        return -(Y * np.log(self.e / self.e.sum(axis=1, keepdims=True))).sum() / len(A)

    def backward(self):
        return self.e / self.e.sum(axis=1, keepdims=True) - self.Y
'''
"""Four classes in a file of any name, of the dialect before fall 2023."""
DIVIDED_NETWORK = (
    DIVIDED.replace("Sigmoid", "ReLU")
    .replace("1 / (1 + np.exp(-Z))", "np.maximum(Z, 0)")
    .replace("self.A * (1 - self.A)", "1.0 * (self.A > 0)")
    + """

class MLP1:
    def __init__(self, debug=False):
        self.layers, self.f = [Linear(2, 3), Linear(3, 2)], [ReLU(), ReLU()]

    def forward(self, A0):
        A1 = self.f[0].forward(self.layers[0].forward(A0))
        return self.f[1].forward(self.layers[1].forward(A1))

    def backward(self, dLdA2):
        dLdA1 = self.layers[1].backward(dLdA2 * self.f[1].backward())
        return self.layers[0].backward(dLdA1 * self.f[0].backward())
"""
)
DIVIDED_ASKED = ("Linear", "Sigmoid", "MSELoss", "CrossEntropyLoss")
BODY = r"( +def (?:forward|backward|step)\(self(?:, (\w+))?.*\n)(?:        .*\n|\n(?= {8}))+"
"""A method, the first thing that it is given, and its body."""


def asked(files: dict[str, str], *parts: str, edition: str | None = "HW1P1") -> list[Record]:
    return records(MYTORCH, Variant("", files), dtypes=["float64"], parts=parts or None, edition=edition)


def failing(found: list[Record]) -> dict[str, set[str]]:
    """What fails, by part, each with what it is called."""
    by_part: dict[str, set[str]] = {}
    for record in failures(found):
        by_part.setdefault(record.part, set()).add(record.diagnosis or record.message)
    return by_part


def changed(file: str, old: str, new: str, *, alone: bool = False) -> dict[str, str]:
    """The solution, or the one file, with other words in the place of some."""
    assert old in SOLUTION[file]
    return ({} if alone else SOLUTION) | {file: SOLUTION[file].replace(old, new, 1)}


@pytest.mark.parametrize("edition", MYTORCH.editions.names)
def test_the_solution_agrees_with_torch(edition: str) -> None:
    found = asked(SOLUTION, edition=edition)
    assert failing(found) == {}
    assert points_of(MYTORCH, found) == 100


def test_who_returns_the_input_earns_nothing_to_speak_of() -> None:
    files = {name: re.sub(BODY, r"\1        return \2\n", text) for name, text in SOLUTION.items()}
    null = records(MYTORCH, Variant("", files), dtypes=["float64"], edition="HW1P1", named=False)
    assert 0 < points_of(MYTORCH, null) <= 2


@pytest.fixture(scope="module")
def wrong() -> dict[str, set[str]]:
    """What fails where SGD is missing, a loss cannot be imported, dLdW is doubled and Dropout drops nothing."""
    files = SOLUTION | {
        f"{NN}/loss.py": "import nampy as np\n" + SOLUTION[f"{NN}/loss.py"],
        **changed(f"{NN}/linear.py", "self.dLdW = dLdZ.T", "self.dLdW = 2 * dLdZ.T", alone=True),
        **changed(f"{NN}/dropout.py", "np.random.binomial(1, 1 - self.p, x.shape)", "np.ones(x.shape)", alone=True),
    }
    del files["mytorch/optim/sgd.py"]
    asks = ("Linear.backward", "SGD.step", "MSELoss.forward", "MLP0.backward", "Dropout.forward", "Tanh.forward")
    return failing(asked(files, *asks))


def test_a_class_that_no_file_has_costs_its_own_points_alone(wrong: dict[str, set[str]]) -> None:
    assert all("no file defines SGD" in said for said in wrong["SGD.step"])
    assert "Tanh.forward" not in wrong


def test_a_name_that_is_assigned_is_asked_as_a_class_is() -> None:
    """In the dialect that what it names tells, and excused by what that is built of; a class of the name goes first."""
    made = re.sub(r"class (\w+):", r"class _\1:", DIVIDED) + "".join(
        f"\n{name} = functools.partial(_{name})" for name in DIVIDED_ASKED
    )
    parts = [f"{name}.backward" for name in DIVIDED_ASKED]
    right = {"everything.py": f"import functools\n{made}"}
    assert failing(asked(right, *parts)) == {}
    wrong = {name: text.replace("self.A * (1 - self.A)", "self.A * (1 + self.A)") for name, text in right.items()}
    assert failing(asked(wrong, *parts)).keys() == {"Sigmoid.backward"}
    none = {name: text.replace("Sigmoid = functools", "Sigmoids = functools") for name, text in right.items()}
    said = failing(asked(none, *parts))
    assert said.keys() == {"Sigmoid.forward", "Sigmoid.backward"}
    assert all("no file defines Sigmoid" in one for one in said["Sigmoid.backward"])
    assert failing(asked({"deeper/everything.py": DIVIDED, "a.py": "Sigmoid = Linear = None\n"}, *parts)) == {}


def test_a_file_that_cannot_be_imported_says_why(wrong: dict[str, set[str]]) -> None:
    assert all("loss.py cannot be imported" in said and "nampy" in said for said in wrong["MSELoss.forward"])


def test_a_network_is_not_blamed_for_its_layers(wrong: dict[str, set[str]]) -> None:
    assert wrong["Linear.backward"] == {"dLdW is doubled"}
    assert "MLP0.backward" not in wrong


def test_what_dropout_drops_is_counted(wrong: dict[str, set[str]]) -> None:
    assert any(": left is " in said for said in wrong["Dropout.forward"])


def test_a_file_of_any_name_is_asked_in_its_own_dialect() -> None:
    own = asked({"hw1/everything.py": DIVIDED}, *(f"{name}.backward" for name in DIVIDED_ASKED))
    assert failing(own) == {}
    notes = {note.text for record in own for note in record.notes}
    assert "is right as of dialect B" in notes
    assert "is the form of 2022, whose gradient is that of half the sum" in notes


def test_what_was_right_in_another_dialect_is_wrong_where_nothing_tells_it() -> None:
    plain = DIVIDED.replace("dZd", "").replace(
        "def backward(self):\n        return self.A", "def f(self): return self.A", 1
    )
    found = failing(asked({"everything.py": plain}, "Linear.backward", "CrossEntropyLoss.backward"))
    assert found["Linear.backward"] == {
        "dLdW is divided by the number of examples once too often",
        "a mean in place of a sum in dLdb",
    }
    assert found["CrossEntropyLoss.backward"] == {"the number of examples is left out of dLdA"}


def test_a_form_is_called_wrong_by_what_is_wrong_with_it_in_its_own_dialect() -> None:
    """Half the mean, with the sign turned, is not half of anything."""
    turned = DIVIDED.replace("((A - Y) ** 2).mean()", "((A - Y) ** 2).mean() / 2")
    turned = turned.replace("return self.A - self.Y", "return (self.Y - self.A) / self.A.size")
    found = failing(asked({"everything.py": turned}, "MSELoss.forward", "MSELoss.backward"))
    assert found == {"MSELoss.backward": {"dLdA has the wrong sign"}}


CLASSIC = {
    str(file.relative_to(folder)): file.read_text(encoding="utf-8")
    for folder in MYTORCH.proof().solutions
    for file in folder.rglob("*.py")
}
"""The classes as they were until 2021."""
LAYERS, FUNCTIONS, NETWORK = "mytorch/layers.py", "mytorch/functions.py", "hw1/hw1.py"


def classic(file: str, old: str, new: str) -> dict[str, str]:
    assert old in CLASSIC[file]
    return CLASSIC | {file: CLASSIC[file].replace(old, new, 1)}


@pytest.mark.parametrize(
    ("edition", "classes"),
    [
        ("HW1P1", {"Linear", "Identity", "Sigmoid", "Tanh", "ReLU", "SoftmaxCrossEntropy", "BatchNorm", "MLP"}),
        ("HW2P1", {"Conv1D", "Conv2D", "Flatten"}),
    ],
)
def test_the_classic_classes_are_asked_and_none_that_came_later(edition: str, classes: set[str]) -> None:
    found = asked(CLASSIC, edition=edition)
    assert failing(found) == {}
    assert {record.part.partition(".")[0] for record in found if record.check != "import"} == classes
    assert points_of(MYTORCH, found) == 100


@pytest.mark.parametrize(
    ("file", "old", "new", "part", "name"),
    [
        (LAYERS, " / len(delta)", "", "Linear.backward", "the number of examples is left out of dLdW"),
        (LAYERS, "delta.mean(axis=0", "delta.sum(axis=0", "Linear.backward", "of examples is left out of dLdb"),
        (LAYERS, "x.T @ delta / len(delta)", "x.T @ delta / len(delta)).T", "Linear.backward", "dLdW"),
        (FUNCTIONS, "self.state * (1 - self.state)", "1 - self.state", "Sigmoid.derivative", "left out"),
        (FUNCTIONS, "axis=1)\n\n    def", "axis=1).mean()\n\n    def", "SoftmaxCrossEntropy.forward", "a scalar"),
        (FUNCTIONS, "- self.y", "- self.y) / len(self.y)", "SoftmaxCrossEntropy.derivative", "number of examples"),
        (LAYERS, "x.var(axis=0", "x.var(ddof=1, axis=0", "BatchNorm.forward", "variance"),
        (LAYERS, "(1 - self.alpha) * var", "self.alpha * var", "BatchNorm.forward", "running variance"),
        (NETWORK, "momentum_W - self.lr", "momentum_W + self.lr", "MLP.step", "sign"),
        (NETWORK, "self.momentum * layer.momentum_b", "layer.momentum_b", "MLP.step", "momentum"),
        (NETWORK, " * self.activations[k].derivative()", "", "MLP.backward", "left out in delta"),
    ],
)
def test_what_is_wrong_of_a_classic_class_is_told(file: str, old: str, new: str, part: str, name: str) -> None:
    files = classic(file, old, new)
    for opened in ("x.T @ delta / len(delta)).T", "- self.y) / len(self.y)"):
        if new == opened:
            line = next(one for one in files[file].splitlines() if opened in one)
            made = line.replace("= self", "= (self").replace("return self", "return (self")
            files[file] = files[file].replace(line, made)
    found = failing(asked(files, part))
    assert found.keys() == {part}
    assert any(name in said for said in found[part])


def test_a_classic_network_fails_by_itself_beside_a_wrong_layer() -> None:
    """Our own layer is asked in place of the other; and what a right network makes of it is not its fault."""
    files = classic(LAYERS, " / len(delta)", "")
    assert failing(asked(files, "Linear.backward", "MLP.backward", "MLP.step")).keys() == {"Linear.backward"}
    files[NETWORK] = files[NETWORK].replace("momentum_W - self.lr", "momentum_W + self.lr")
    assert failing(asked(files, "Linear.backward", "MLP.step")).keys() == {"Linear.backward", "MLP.step"}


def test_a_classic_class_in_no_known_form_is_left_to_a_grader_and_one_that_is_not_there_is_missing() -> None:
    other = classic(NETWORK, "criterion, lr, momentum=0.0", "lr, criterion, momentum=0.0")
    other[LAYERS] = re.sub(r"\bdgamma\b", "grad_gamma", other[LAYERS])
    found = [one for one in asked(other, "MLP.step", "BatchNorm.backward") if one.check != "import"]
    assert {one.verdict for one in found} == {Verdict.UNJUDGED}
    assert {"MLP.step", "BatchNorm.backward"} <= {one.part for one in found}
    none = classic(LAYERS, "class BatchNorm:", "class Norm:")
    assert "no file defines BatchNorm" in str(failing(asked(none, "BatchNorm.forward")))
    assert "no file defines RNNCell" in str(failing(asked(CLASSIC, "RNNCell.forward", edition="HW3P1")))


def test_what_the_contract_does_not_say_of_a_classic_class_may_be_either() -> None:
    means = re.sub(r"(?m)( +)(self\.db = delta\.sum.*)$", r"\1\2\n\1self.db = self.db / len(delta)", CLASSIC[LAYERS])
    means = means.replace("        return dx\n", "        self.dW = self.dW / len(delta)\n        return dx\n")
    found = asked(CLASSIC | {LAYERS: means}, "Conv1D.backward", "Conv2D.backward", edition="HW2P1")
    assert failing(found) == {}
    assert {note.text for one in found for note in one.notes} == {"is a mean over the examples, as a Linear's is"}


def test_a_class_of_a_classic_name_beside_those_of_today_tells_nothing() -> None:
    beside = SOLUTION | {"deeper/hw1.py": CLASSIC[NETWORK], "deeper/layers.py": CLASSIC[LAYERS]}
    found = asked(beside, "SGD.step", "MLP0.forward", "BatchNorm1d.forward")
    assert failing(found) == {}
    assert {"SGD.step", "MLP0.forward", "BatchNorm1d.forward"} <= {one.part for one in found}


def test_two_gradients_of_dropout_are_right_and_one_comes_with_a_note() -> None:
    file, parts = f"{NN}/dropout.py", ("Dropout.forward", "Dropout.backward")
    unscaled = asked(changed(file, "delta * self.mask", "delta * (self.mask > 0)"), *parts)
    assert failing(unscaled) == {}
    assert any("a departure of the reference" in note.text for one in unscaled for note in one.notes)
    assert set(failing(asked(changed(file, "delta * self.mask", "delta"), *parts))) == {"Dropout.backward"}


def test_a_layer_is_not_blamed_for_the_one_inside_it() -> None:
    wrong = changed(f"{NN}/conv.py", "dLdZ.sum(axis=(0, 2))", "dLdZ.mean(axis=(0, 2))")
    found = asked(wrong, "Conv1d_stride1.backward", "Conv1d.backward", edition="HW2P1")
    assert failing(found) == {"Conv1d_stride1.backward": {"a mean in place of a sum in dLdb"}}


def test_what_a_class_names_excuses_it_and_no_other_class_does() -> None:
    """A pool that is written without the others fails by itself, and who changes what others need is who is wrong."""
    pool = "class MeanPool2d:\n    def __init__(self, kernel, stride):\n        self.kernel = kernel\n"
    pool += "\n    def forward(self, A):\n        return A\n"
    assert "MeanPool2d.forward" in failing(asked({"pool.py": pool}, "MeanPool2d.forward", edition="HW2P1"))
    in_place = changes((f"{NN}/loss.py", "return np.mean((A - Y) ** 2)", "A -= Y\n        return np.mean(A**2)"))
    name = "overwrites the array that is A, which is still needed"
    both = ("MSELoss.forward", "MSELoss.backward")
    assert failing(asked(in_place, *both)) == {"MSELoss.forward": {name}}
    wrong = in_place | {f"{NN}/loss.py": in_place[f"{NN}/loss.py"].replace("return 2 * (self.A", "return 3 * (self.A")}
    assert failing(asked(wrong, *both)).keys() == {"MSELoss.backward"}
    harmless = changed(f"{NN}/activation.py", "np.maximum(Z, 0)", "np.maximum(Z, 0, out=Z)")
    assert failing(asked(harmless, "ReLU.forward", "ReLU.backward")) == {}


def test_a_gradient_may_be_multiplied_out() -> None:
    out = changes((f"{NN}/loss.py", "2 * (self.A - self.Y) / self.A.size", "k * self.A - k * self.Y"))
    out[f"{NN}/loss.py"] = out[f"{NN}/loss.py"].replace("return k *", "k = 2 / self.A.size\n        return k *")
    assert failing(asked(out, "MSELoss.forward", "MSELoss.backward")) == {}


def test_a_tanh_that_takes_a_state_must_use_it_in_either_dialect() -> None:
    wrong = changed(f"{NN}/activation.py", "A = self.A if state is None else state", "A = self.A")
    assert failing(asked(wrong, "Tanh.backward", "RNNCell.backward", edition=None)).keys() == {"Tanh.backward"}
    wrong = changed(f"{NN}/activation.py", "dLdA * (1 - A**2)", "dLdA * (1 - np.tanh(A) ** 2)")
    found = failing(asked(wrong, "Tanh.backward", "CNN.backward", edition=None))
    assert found.keys() == {"Tanh.backward"}, "no file of the network's imports it: it is put in its place all the same"
    assert "np.tanh is taken of A once too often" in found["Tanh.backward"]
    older = (
        DIVIDED.replace("Sigmoid", "Tanh")
        .replace("1 / (1 + np.exp(-Z))", "np.tanh(Z)")
        .replace("def backward(self):\n        return self.A * (1 - self.A)", "{}", 1)
    )
    form = "def backward(self, state=None):\n        A = {}\n        return 1 - A**2"
    for used, fails in (("self.A if state is None else state", set[str]()), ("self.A", {"Tanh.backward"})):
        files = {"all.py": older.replace("{}", form.format(used))}
        assert failing(asked(files, "Tanh.forward", "Tanh.backward")).keys() == fails


def test_the_derivative_of_relu_at_0_is_0() -> None:
    files = changed(f"{NN}/activation.py", "self.A = np.maximum(Z, 0)", "self.Z, self.A = Z, np.maximum(Z, 0)")
    right, wrong = (
        files
        | {f"{NN}/activation.py": files[f"{NN}/activation.py"].replace("self.A > 0, dLdA", f"self.Z {sign} 0, dLdA")}
        for sign in (">", ">=")
    )
    assert failing(asked(right, "ReLU.backward")) == {}
    assert failing(asked(wrong, "ReLU.backward")).keys() == {"ReLU.backward"}


def test_what_is_built_of_a_wrong_layer_is_not_blamed_in_whichever_homework() -> None:
    wrong = changed(f"{NN}/linear.py", " + self.b.T", "")
    asks = "CNN.forward", "Linear.forward"
    assert failing(asked(wrong, *asks, edition=None)).keys() == {"Linear.forward"}
    network = wrong["models/cnn.py"].replace("class CNN:", "class _CNN:") + "\n\nCNN = _CNN\n"
    assert failing(asked(wrong | {"models/cnn.py": network}, *asks, edition=None)).keys() == {"Linear.forward"}
    network = network.replace("return self.Z", "return 2 * self.Z")
    assert failing(asked(wrong | {"models/cnn.py": network}, *asks, edition=None)).keys() == {*asks}


def test_a_network_is_asked_for_several_examples_and_a_flatten_of_lines_alone_is_right() -> None:
    wrong = changes(("models/cnn.py", "self.criterion.backward()", "self.criterion.backward() / len(labels)"))
    wrong[f"{NN}/conv.py"] += "\n\nclass Flatten(Flatten):\n    def forward(self, A):\n        n, c, w = A.shape\n"
    wrong[f"{NN}/conv.py"] += "        self.shape = A.shape\n        return A.reshape(n, c * w)\n"
    assert failing(asked(wrong, "CNN.backward", edition="HW2P1"))["CNN.backward"] == {
        f"{name} is divided by N once too often" for name in ("dLdW", "dLdW0")
    }
    assert failing(asked(wrong, "Flatten.forward", edition="HW2P1")) == {}


@pytest.mark.parametrize(
    ("layer", "old", "new"),
    [
        ("ReLU.backward", "1.0 * (self.A > 0)", "1.0 * (self.A < 0)"),
        ("Linear.backward", "dLdZ.T @ self.A / len(dLdZ)", "dLdZ.T @ self.A"),
    ],
)
def test_a_network_of_the_older_dialect_fails_by_itself_beside_a_wrong_layer(layer: str, old: str, new: str) -> None:
    parts = ("ReLU.backward", "Linear.backward", "MLP1.backward")
    assert failing(asked({"mlp.py": DIVIDED_NETWORK}, *parts)) == {}
    files = {"mlp.py": DIVIDED_NETWORK.replace(old, new)}
    assert failing(asked(files, *parts)).keys() == {layer}
    files["mlp.py"] = files["mlp.py"].replace("dLdA2 * self.f[1].backward()", "dLdA2")
    assert failing(asked(files, *parts)).keys() == {layer, "MLP1.backward"}


def test_what_fails_in_the_same_line_beside_a_right_layer_fails_by_itself() -> None:
    """One activation serves both layers, and keeps the last one's output: shapes do not fit, whatever Linear gives."""
    shared = DIVIDED_NETWORK.replace("[ReLU(), ReLU()]", "2 * [ReLU()]")
    shared = shared.replace(
        "self.dLdb = dLdZ.sum(axis=0)[:, None] / len(dLdZ)", "self.dLdb = dLdZ.sum(axis=0)[:, None]"
    )
    found = asked({"mlp.py": shared}, "ReLU.backward", "Linear.backward", "MLP1.backward")
    assert failing(found).keys() == {"Linear.backward", "MLP1.backward"}


def test_a_layer_hands_on_what_makes_its_weights() -> None:
    alone = changed(f"{NN}/conv.py", "kernel_size, weight_init_fn, bias_init_fn)", "kernel_size, weight_init_fn)")
    assert failing(asked(alone, "Conv1d.forward", "Conv1d.backward", edition="HW2P1")).keys() == {"Conv1d.forward"}


def test_a_caller_is_told_behind_a_wrong_cell_though_it_calls_the_object_itself() -> None:
    """The lines handed out call cells and predictors as functions; Parity's own in their place must take that."""
    cell = f"{NN}/gru_cell.py", "self.z * h_prev_t", "self.z * self.n"
    thrown_away = "models/char_predictor.py", "scores[t], h = net.forward(x, h)", "scores[t], _ = net(x, h)"
    found = failing(asked(changes(cell, thrown_away), "GRUCell.forward", "inference", edition="HW3P1"))
    assert found.keys() == {"GRUCell.forward", "inference"}
    alone = "models/char_predictor.py", "scores[t], h = net.forward(x, h)", "scores[t], h = net(x, h)"
    callable = (
        "models/char_predictor.py",
        "def inference(",
        "CharacterPredictor.__call__ = CharacterPredictor.forward\n\n\ndef inference(",
    )
    found = failing(asked(changes(cell, alone, callable), "GRUCell.forward", "inference", edition="HW3P1"))
    assert found.keys() == {"GRUCell.forward"}


def test_a_network_that_uses_its_first_activation_throughout_is_told() -> None:
    first = changes(("models/cnn.py", "A = activation.forward(Z)", "A = self.activations[0].forward(Z)"))
    assert failing(asked(first, "CNN.forward", edition="HW2P1")).keys() == {"CNN.forward"}


def test_what_a_layer_keeps_of_its_first_call_alone_is_wrong_and_a_list_for_an_array_is_not() -> None:
    first = (
        f"{NN}/conv.py",
        "self.shape = A.shape\n        return A.re",
        "vars(self).setdefault('shape', A.shape)\n        return A.re",
    )
    assert failing(asked(changes(first), "Flatten.backward", edition="HW2P1")).keys() == {"Flatten.backward"}
    listed = changes(("CTC/CTC.py", "return np.array(extended), skip", "return extended, list(skip)"))
    assert failing(asked(listed, "CTC.extend_target_with_blank", edition="HW3P1")) == {}


@pytest.mark.parametrize(
    ("name", "edition", "wrong", "excused"),
    [
        ("mytorch", "HW2P1", ("Conv1d_stride1.backward", "Conv2d_stride1.backward"), {}),
        ("mytorch", "HW2P1", ("Conv1d_stride1.backward", "ConvTranspose1d.forward"), {}),
        ("mytorch", "HW2P1", ("Downsample1d.backward", "Conv2d.forward"), {}),
        ("mytorch", "HW2P1", ("Downsample2d.forward", "Conv2d.forward"), {"Conv2d.forward": "Downsample2d.forward"}),
        ("dlai-c2w1", "gradient checking", ("gradient_check", "gradient_check_n"), {}),
        ("dlai-c1w2", "", ("sigmoid", "propagate"), {"propagate": "sigmoid"}),
        ("dlai-c1w2", "", ("predict", "model"), {"model": "predict"}),
    ],
)
def test_only_what_a_part_is_built_of_excuses_it(
    name: str, edition: str, wrong: Sequence[str], excused: dict[str, str]
) -> None:
    assignment = find(name)
    plan = assignment.cases(edition, ["float64"])
    judged = {
        case.name: {q.name: mismatched("") if q.part in wrong else matched() for q in case.quantities} for case in plan
    }
    assert assignment.blame is not None
    blamed = assignment.blame(plan, judged)
    found = {(q.part, blamed[case.name][q.name].explained_by) for case in plan for q in case.quantities}
    assert {(part, cause) for part, cause in found if cause} == set(excused.items())


def test_a_tree_that_holds_several_homeworks_is_asked_for_all_of_them() -> None:
    wrong = changed(f"{NN}/rnn_cell.py", "self.dW_hh += dz", "self.dW_hh = dz")
    wrong |= changed(f"{NN}/linear.py", "self.dLdW = dLdZ.T", "self.dLdW = 2 * dLdZ.T", alone=True)
    del wrong["models/cnn.py"], wrong["models/rnn_classifier.py"]
    asks = ("Linear.backward", "RNNCell.backward", "CNN.forward")
    found = asked(wrong, *asks, edition=None)
    assert failing(found).keys() >= set(asks)
    assert {one.verdict for one in found if one.part.startswith("CNN")} == {Verdict.MISSING}
    assert failing(asked(wrong, *asks, edition="HW3P1")).keys() == {"RNNCell.backward"}


def test_the_gradients_of_a_recurrent_cell_add_up_over_its_calls() -> None:
    wrong = changed(f"{NN}/rnn_cell.py", "self.dW_hh += dz", "self.dW_hh = dz")
    found = failing(asked(wrong, "RNNCell.backward", edition="HW3P1"))
    assert found == {"RNNCell.backward": {"= is used where += belongs, at dW_hh"}}


def test_what_an_object_keeps_of_an_earlier_call_must_not_answer_for_a_later_one() -> None:
    """Of a layer that is asked again, and of a cell whose activation was asked in between."""
    stale = changed(f"{NN}/linear.py", "self.A = A", "self.A = vars(self).setdefault('A', A)")
    found = asked(stale, "Linear.backward")
    assert failing(found) == {"Linear.backward": {STALE}}
    assert {record.quantity for record in failures(found)} == {"dLdW of the second"}
    in_place = "self.dLdb = vars(self).setdefault('room', np.zeros_like(self.b)); self.dLdb[:] ="
    own_room = changed(f"{NN}/linear.py", "self.dLdb =", in_place)
    assert failing(asked(own_room, "Linear.backward")) == {}
    last = changes(
        (f"{NN}/rnn_cell.py", "return np.tanh(", "self.h = np.tanh("),
        (
            f"{NN}/rnn_cell.py",
            "self.b_hh)\n\n    __call__",
            "self.b_hh)\n        return self.h\n\n    __call__",
        ),
        (f"{NN}/rnn_cell.py", "(1 - h_t**2)", "(1 - self.h**2)"),
    )
    (said,) = failing(asked(last, "RNNCell.backward", edition="HW3P1")).values()
    assert "the derivative 1 − h² of the last call in place of the derivative 1 − h²" in " ".join(said)


def test_a_dialect_that_one_file_alone_tells_binds_nobody() -> None:
    named = ("class Linear:", 'class Linear:\n    """dZdA is W."""\n')
    assert failing(asked(changed(f"{NN}/linear.py", *named), "Linear.backward")) == {}
    wrong = SOLUTION[f"{NN}/linear.py"].replace(*named).replace("[:, np.newaxis]", "[:, np.newaxis] / len(dLdZ)")
    found = failing(asked(SOLUTION | {f"{NN}/linear.py": wrong}, "Linear.backward"))
    assert found == {"Linear.backward": {"a mean in place of a sum in dLdb"}}


def test_a_mean_may_be_taken_of_sums_of_everything_before() -> None:
    sums = (
        "sums = np.pad(A.cumsum(2).cumsum(3), ((0, 0), (0, 0), (1, 0), (1, 0))); K = self.kernel; "
        "rows = sums[:, :, K:] - sums[:, :, :-K]; return (rows[..., K:] - rows[..., :-K]) / K**{}"
    )
    for power, wrong in ((2, set()), (1, {"MeanPool2d_stride1.forward"})):
        pool = SOLUTION[f"{NN}/pool.py"]
        mean = f"{pool}\n    def forward(self, A):\n        self.A = A; {sums.format(power)}\n"
        by_sums = SOLUTION | {f"{NN}/pool.py": mean}
        assert failing(asked(by_sums, "MeanPool2d_stride1.forward", edition="HW2P1")).keys() == wrong
    means = changed(f"{NN}/pool.py", "= window.max(axis=2)", "= window.mean(axis=2)")
    assert failing(asked(means, "MaxPool2d.forward", edition="HW2P1")) == {
        "MaxPool2d.forward": {"a mean in place of a max in Z"}
    }


def changes(*rows: tuple[str, str, str]) -> dict[str, str]:
    """The solution with several changes, each in its file."""
    files = dict(SOLUTION)
    for file, old, new in rows:
        assert old in files[file]
        files[file] = files[file].replace(old, new, 1)
    return files


def test_what_no_text_tells_has_the_name_of_a_change_of_the_solution() -> None:
    """Loops that put in place of adding up, too: as the solution's loops go, and the other way."""
    wrong = changes(
        (f"{NN}/gru_cell.py", "(1 - self.z) * self.n + self.z * h_prev_t", "self.z * self.n + (1 - self.z) * h_prev_t"),
        (f"{NN}/conv.py", "dLdA[:, :, k : k + size] +=", "dLdA[:, :, k : k + size] ="),
    )
    assert failing(asked(wrong, "GRUCell.forward", edition="HW3P1")) == {
        "GRUCell.forward": {"n and h_prev_t are exchanged"}
    }
    assert failing(asked(wrong, "Conv1d_stride1.backward", edition="HW2P1")) == {
        "Conv1d_stride1.backward": {"= is used where += belongs, at dLdA"}
    }


def test_a_script_holds_the_lines_of_a_question_against_those_of_torch(tmp_path: Path) -> None:
    gates = "(1 - self.z) * self.n + self.z * h_prev_t", "self.z * self.n + (1 - self.z) * h_prev_t"
    Variant("", changes((f"{NN}/gru_cell.py", *gates))).write(tmp_path)
    run = check(MYTORCH, tmp_path, dtypes=["float64"], edition="HW3P1", parts=frozenset(["GRUCell.forward"]))
    found = reproductions(MYTORCH, run.records, run.environment)
    (script,) = found.scripts.values()
    assert "h = cell.forward(x, h0)\nactual = h\n" in script
    assert "h = (1 - z) * n + z * h0\n" in script
    for folder, says in ((tmp_path, "It fails: n and h_prev_t are exchanged."), (MYTORCH.solution, "It agrees.")):
        assert says in outcome(script, folder)[1].splitlines()


def test_networks_of_the_third_homework_are_told_apart_from_their_cells() -> None:
    wrong = changes(
        ("models/rnn_classifier.py", "return dh / len(delta)", "return dh"),
        ("models/char_predictor.py", "np.zeros(net.hidden_dim)", "np.ones(net.hidden_dim)"),
        ("CTC/CTC.py", "beta[-1, -2] = 1", "pass"),
    )
    asks = ("RNNPhonemeClassifier.forward", "RNNPhonemeClassifier.backward", "CharacterPredictor.forward", "inference")
    found = failing(asked(wrong, *asks, "CTCLoss.forward", edition="HW3P1"))
    assert found.keys() == {"RNNPhonemeClassifier.backward", "inference", "CTCLoss.forward"}
    assert found["RNNPhonemeClassifier.backward"] == {"the number of rows of delta is left out"}


def test_each_function_of_ctc_is_asked_of_right_inputs_and_the_loss_beside_right_ones() -> None:
    wrong = changes(
        ("CTC/CTC.py", " and extended[i] != extended[i - 2]", ""),
        ("CTC/CTC.py", "alpha[0, 1] = probs[0, extended[1]]", "pass"),
        ("CTC/CTC.py", "dY[:length, b, symbol] -= gamma", "dY[:length, b, symbol] = -gamma"),
    )
    found = failing(asked(wrong, edition="HW3P1"))
    (loss,) = {one.partition("wrong by itself: ")[2] for one in found.pop("CTCLoss.backward")}
    assert loss == "with Parity's own CTC.extend_target_with_blank in place it is wrong as well"
    assert found == {
        "CTC.extend_target_with_blank": {"the part with extended and i is not asked in a condition"},
        "CTC.get_forward_probs": {"the part with probs and extended is 0 everywhere in alpha"},
    }


def test_a_beta_that_is_divided_by_its_own_probabilities_at_the_end_is_right() -> None:
    wrapped = SOLUTION["CTC/CTC.py"].replace("def get_backward_probs(self, ", "def _plain(self, ", 1)
    wrapped = wrapped.replace(
        "class CTC:\n",
        "class CTC:\n"
        "    def get_backward_probs(self, logits, extended, skip):\n"
        "        own = logits[:, extended]\n"
        "        return 3 * self._plain(logits, extended, skip) * own / (3 * own)\n\n",
        1,
    )
    assert failing(asked({**SOLUTION, "CTC/CTC.py": wrapped}, "CTC.get_backward_probs", edition="HW3P1")) == {}


def test_a_backward_behind_a_wrong_forward_is_settled_by_changes_of_the_solution() -> None:
    cell, asks = f"{NN}/rnn_cell.py", ("RNNCell.forward", "RNNCell.backward")
    forward = (cell, " + h_prev_t @ self.W_hh.T + self.b_hh)", " + h_prev_t @ self.W_hh.T)")
    assert failing(asked(changes(forward), *asks, edition="HW3P1")) == {"RNNCell.forward": {"b_hh is left out"}}
    found = asked(changes(forward, (cell, "dz.T @ h_prev_t", "dz.T @ h_t")), *asks, edition="HW3P1")
    left = {one.quantity.partition(" of")[0] for one in found if one.explained_by}
    assert left == {"dW_hh"}  # as another wrong forward might have it: nobody can say
    loss = changes(
        ("CTC/CTC.py", "logits[:length, b]", "logits[:, b]"),
        ("CTC/CTC.py", "dY[:length, b, symbol] -= gamma", "dY[:length, b, symbol] = -gamma"),
    )
    assert failing(asked(loss, "CTCLoss.forward", "CTCLoss.backward", edition="HW3P1")) == {
        "CTCLoss.forward": {"the end length of a slice is missing in the index of logits"},
        "CTCLoss.backward": {"= is used where -= belongs, at dY"},
    }


def test_a_ctc_loss_is_asked_with_another_blank() -> None:
    fixed = changes(("CTC/CTC.py", "self.ctc = CTC(BLANK)", "self.ctc = CTC()"))
    assert failing(asked(fixed, "CTCLoss.forward", edition="HW3P1")).keys() == {"CTCLoss.forward"}


def test_the_right_ctc_loss_and_gradient_are_right_with_a_note() -> None:
    right = changes(
        ("CTC/CTC.py", "loss -= np.sum(gamma * np.log(probs[:, extended]))", "loss -= np.log(alpha[-1, -2:].sum())"),
        ("CTC/CTC.py", "return dY", "return dY / len(self.gammas)"),
    )
    found = asked(right, "CTCLoss.forward", "CTCLoss.backward", edition="HW3P1")
    assert failing(found) == {}
    notes = {note.text for record in found for note in record.notes}
    assert {one.partition(",")[0] for one in notes} >= {"is the mean of −ln P", "is divided by the number of examples"}


def test_adam_is_asked_for_two_steps_and_decay_may_come_after_them() -> None:
    bias = changes(  # one counts no step, the other each layer
        ("mytorch/optim/adam.py", "self.t += 1", "self.t = max(self.t, 1)"),
        ("mytorch/optim/adamw.py", "    for name, weights", "    self.t += 1\n            for name, weights"),
    )
    assert failing(asked(bias, edition="HW1P1-bonus")).keys() == {"Adam.step", "AdamW.step"}
    forgets = changes(("mytorch/optim/adam.py", "self.beta1 * m[name]", 'self.beta1 * m[name] * (name == "W")'))
    found = failures(asked(forgets, "Adam.step", edition="HW1P1-bonus"))
    assert {one.quantity for one in found} == {"b2", "b2 of the second"}  # the first step is right
    decay = "                weights = weights - self.lr * self.weight_decay * weights\n"
    step = "weights - self.lr * first / (np.sqrt(second) + self.eps)"
    after = changes(
        ("mytorch/optim/adamw.py", decay, ""),
        ("mytorch/optim/adamw.py", step, f"(1 - self.lr * self.weight_decay) * ({step})"),
    )
    found = asked(after, "AdamW.step", edition="HW1P1-bonus")
    assert failing(found) == {}
    assert any("decays after the step" in note.text for record in found for note in record.notes)


def test_something_small_in_the_logarithm_is_a_note_and_something_large_is_wrong() -> None:
    def loss(small: str) -> list[Record]:
        new = f"-np.sum(Y * np.log(self.softmax + {small})) / len(A)"
        files = changed(f"{NN}/loss.py", "-np.sum(Y * (shifted - np.log(total))) / len(A)", new)
        return asked(files, "CrossEntropyLoss.forward")

    for small in ("1e-9", "1e-15"):
        right = loss(small)
        assert failing(right) == {}
        assert small == "1e-15" or any(
            "adds something small in the logarithm" in note.text for record in right for note in record.notes
        )
    assert failing(loss("1e-6")).keys() == {"CrossEntropyLoss.forward"}


def test_a_class_with_files_of_any_names_is_told_by_what_they_define() -> None:
    def handed_in(source: str) -> list[Entry]:
        data = source.encode()
        return [Entry(f"{who}/everything.py", len(data), lambda most: data[:most]) for who in ("ann", "bob")]

    assert told_by(handed_in(DIVIDED), Path("a-class")).assignment.name == "mytorch"
    with pytest.raises(UsageError, match="fits none of the installed assignments"):
        told_by(handed_in("class Sigmoid:\n    pass\n"), Path("a-class"))


def test_what_is_asked_twice_in_turn_is_of_other_sizes_and_with_another_blank() -> None:
    plans = [MYTORCH.cases("HW1P1", ["float64"], seed=seed) for seed in range(9)]
    for case in (case for plan in plans for case in plan if "/in turn/" in case.name):
        one, other = case.params["sizes"]
        assert all(one[letter] != other[letter] for letter in one), case.name
    first = changed(f"{NN}/loss.py", "/ self.A.size", "/ SIZES.setdefault('first', self.A.size)")
    first[f"{NN}/loss.py"] += "\n\nSIZES = {}\n"
    found = failures(asked(first, "MSELoss.backward"))
    assert {one.case.split("/")[1] for one in found} == {"in turn"}
    for call in ("[self.BLANK]", "!= self.BLANK"):
        blank = changed("CTC/CTC.py", call, call.replace("self.BLANK", "0"))
        assert failing(asked(blank, "CTC.extend_target_with_blank", edition="HW3P1")).keys() == {
            "CTC.extend_target_with_blank"
        }


OF_KINDS = (
    ("HW1P1", "SGD.step", "mytorch/optim/sgd.py", (
        ("            self.v_W[i] = self.mu", "            old = self.v_W[i]\n            self.v_W[i] = self.mu"),
        ("self.lr * self.v_W[i]\n", "self.lr * old\n"),
    ), "layer.W is changed before v_W"),
    ("HW1P1", "SGD.step", "mytorch/optim/sgd.py", (
        ("self.lr * self.v_W[i]\n", "self.lr * (self.mu * self.v_W[i] + layer.dLdW)\n"),
    ), "v_W is updated once more where it is used in layer.W"),
    ("HW1P1", "CrossEntropyLoss.backward", f"{NN}/loss.py", (("self.softmax - self.Y", "-self.Y / self.softmax"),),
     "Y divided by softmax, with the wrong sign, in place of their difference"),
    ("HW1P1", "Linear.backward", f"{NN}/linear.py", (("[:, np.newaxis]", "[np.newaxis]"),), "is transposed"),
    ("HW1P1", "Linear.backward", f"{NN}/linear.py", (("[:, np.newaxis]", ""),), "has 1 axis in place of 2"),
    ("HW1P1", "Dropout.forward", f"{NN}/dropout.py", (("x.shape)", "x.shape[1:])"),),
     "the same mask for every example in place of a mask for each"),
    ("HW1P1-bonus", "Adam.step", "mytorch/optim/adam.py", (
        ("                first = m[name] /", "                first = m[name] = m[name] /"),
        ("                second = v[name] /", "                second = v[name] = v[name] /"),
    ), "first is kept in place of m; second is kept in place of v"),
    ("HW1P1-bonus", "AdamW.step", "mytorch/optim/adamw.py", (
        ("weights = weights - self.lr * self.weight_decay", "gradient = gradient + self.weight_decay"),
    ), "the part with weight_decay and weights is added to gradient, not taken off weights"),
    ("HW2P1", "Dropout2d.forward", f"{NN}/dropout.py", (("(*x.shape[:2], 1, 1)", "x.shape"),),
     "what is kept of single elements in place of what is kept of the channels in the mask"),
    ("HW2P1", "Upsample1d.backward", f"{NN}/resampling.py", (
        ("return dLdZ[:, :, :: self.k]",
         "return np.add.reduceat(dLdZ, np.arange(0, dLdZ.shape[2], self.k), 2)"),
    ), "dLdZ is summed over each k elements, where one is taken"),
    ("HW2P1", "Downsample1d.backward", f"{NN}/resampling.py", (
        ("dLdA[:, :, :: self.k] = dLdZ", "dLdA[:] = np.repeat(dLdZ, self.k, 2)[:, :, : self.shape[2]]"),
    ), "dLdZ is repeated k times in dLdA, where zeros belong between"),
    ("HW2P1", "MeanPool2d.backward", f"{NN}/pool.py", (("/ K**2", "/ dLdZ[0, 0].size"),),
     "dLdZ is divided by the number of elements of the last two axes of dLdZ in dLdA"),
    ("HW3P1", "RNNPhonemeClassifier.forward", "models/rnn_classifier.py", (("below = hidden[k]", "below = before[k]"),),
     "before in place of hidden in below"),
    ("HW3P1", "RNNPhonemeClassifier.forward", "models/rnn_classifier.py", (("np.zeros(shape)", "np.ones(shape)"),),
     "ones in place of zeros in hidden"),
    ("HW3P1", "CharacterPredictor.forward", "models/char_predictor.py", (("after[np.newaxis]", "h[np.newaxis]"),),
     "h in place of after in logits"),
    ("HW3P1", "CTC.get_forward_probs", "CTC/CTC.py", (("t - 1, i - 1", "t, i - 1"), ("t - 1, i - 2", "t, i - 2")),
     "1 is left out in the index of alpha"),
    ("HW3P1", "CTC.get_forward_probs", "CTC/CTC.py", ((" and skip[i]", ""),), "skip is not asked in a condition"),
)  # fmt: skip
"""Kinds of mistakes: the edition, the part, the file, what takes whose place in it, and the name."""


@pytest.mark.parametrize(("edition", "part", "file", "edits", "name"), OF_KINDS)
def test_a_kind_of_mistake_has_its_name(
    edition: str, part: str, file: str, edits: Sequence[tuple[str, str]], name: str
) -> None:
    found = failing(asked(changes(*((file, *edit) for edit in edits)), part, edition=edition))
    assert name in found[part]


def test_a_derivative_that_takes_nothing_has_names_too_and_what_no_change_gives_has_none() -> None:
    odd = changed("mytorch/optim/sgd.py", "self.lr * self.v_W[i]", "self.lr * np.sin(self.v_W[i])")
    assert all("torch says" in one for one in failing(asked(odd, "SGD.step"))["SGD.step"])
    alone = SOLUTION[f"{NN}/activation.py"].replace("def backward(self, dLdA):", "def backward(self):")
    alone = alone.replace("        return dLdA\n", "        return np.eye(*self.A.shape)\n")
    alone = alone.replace(", dLdA, state=None", "").replace("dLdA * (1 - A**2)", "1 - np.tanh(A) ** 2")
    alone = alone.replace("self.A if state is None else state", "self.A")
    assert failing(asked({f"{NN}/activation.py": alone}, "Identity.backward", "Tanh.backward")) == {
        "Identity.backward": {"the identity matrix in place of dLdA in dAdZ"},
        "Tanh.backward": {"np.tanh is taken of A once too often"},
    }


@pytest.mark.parametrize(
    ("part", "edition", "file", "old", "new"),
    [
        ("RNNPhonemeClassifier.forward", "HW3P1", "models/rnn_classifier.py", "hidden[-1]", "hidden[1]"),
        ("RNNPhonemeClassifier.backward", "HW3P1", "models/rnn_classifier.py", "dh[-1] =", "dh[1] ="),
        ("RNNPhonemeClassifier.backward", "HW3P1", "models/rnn_classifier.py", "dh[k - 1] +=", "dh[1 - k] +="),
        ("Conv2d.backward", "HW2P1", f"{NN}/conv.py", "self.pad : width - self.pad]", "self.pad : -self.pad]"),
    ],
)
def test_three_layers_are_asked_and_no_padding(part: str, edition: str, file: str, old: str, new: str) -> None:
    assert part in failing(asked(changed(file, old, new), part, edition=edition))


def test_two_networks_that_scan_are_there_at_once() -> None:
    kept = changes(
        ("models/mlp_scan.py", "self.layers = [", "CNN_SimpleScanningMLP.layers = ["),
        ("models/mlp_scan.py", "zip(self.layers[::2]", "zip(CNN_SimpleScanningMLP.layers[::2]"),
    )
    found = failing(asked(kept, "CNN_SimpleScanningMLP.forward", edition="HW2P1"))
    assert "CNN_SimpleScanningMLP.forward" in found


def test_of_a_list_to_choose_from_each_value_is_asked() -> None:
    for case_of, seed in ((one, seed) for one in MYTORCH.editions.names for seed in range(4)):
        seen: dict[str, list[dict[str, Any]]] = {}
        for case in MYTORCH.cases(case_of, ["float64"], seed=seed):
            seen.setdefault(case.params["question"], []).extend(case.params["constants"])
        for question in (one for one in read(ASSIGNMENT).questions if one.name in seen):
            for name, values in question.given.items():
                if isinstance(values, list) and not question.shapes:
                    assert {one[name] for one in seen[question.name]} == set(values), (question.name, name)


def test_an_answer_is_known_again_by_torch_s_lines_and_what_they_are_given() -> None:
    """Its text is short, and another one where the lines or a constant differ: what is asked of it besides is none."""
    (question,) = (one for one in read(ASSIGNMENT).questions if one.name == "Conv2d")
    case = next(one for one in MYTORCH.cases("HW2P1", ["float64"]) if one.name.startswith("Conv2d/in turn"))
    own, second = described_whole(reference(question, case, 0)), described_whole(reference(question, case, 1))
    edited = described_whole(reference(replace(question, torch=f"{question.torch}\nZ = 2 * Z"), case, 0))
    assert own is not None
    assert len(own) < 2000
    assert len({own, second, edited}) == 3
    assert described_whole(reference(question, replace(case, title="another"), 0)) == own
