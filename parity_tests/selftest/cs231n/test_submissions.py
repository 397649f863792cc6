"""Submissions as they are handed in: what they may lack, what they import, and what a missing file costs."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.editions import EDITIONS
from parity_tests.assignments.cs231n.names import GIVEN, SOLVER
from parity_tests.assignments.cs231n.parts import FUNCTIONS
from parity_tests.harness.check import Run, check
from parity_tests.harness.for_students import told_to_students
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.layout import file_of
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.selftest.cs231n.conftest import Changed
from parity_tests.selftest.fake_records import DESCRIBED, FakeRun, mismatch, record
from parity_tests.selftest.shared import JUDGED
from reports.model.for_student import for_student
from reports.model.notes import Note, NoteKind
from reports.model.verdicts import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")

RULES = {"sgd", "sgd_momentum", "rmsprop", "adam"}
NETS = {"FullyConnectedNet", "ThreeLayerConvNet"}


UNNAMED = replace(ASSIGNMENT, diagnosis=None)
"""CS231n without names for mistakes, which take longest, and on which hardly anything here hangs."""


def checked(
    folder: Path, parts: set[str] | None = None, edition: str | None = None, assignment: Assignment = UNNAMED
) -> Run:
    wanted = frozenset(parts) if parts else None
    return check(assignment, folder, dtypes=("float64",), parts=wanted, edition=edition, cache=JUDGED)


def failing(run: Run) -> dict[str, set[str]]:
    """The verdicts on the parts that fail."""
    found: dict[str, set[str]] = {}
    for one in run.records:
        if one.verdict in FAILING and one.check != "import":
            found.setdefault(one.part, set()).add(one.verdict)
    return found


def test_a_missing_file_costs_its_own_parts_alone(changed: Changed) -> None:
    folder = changed()
    (folder / "cs231n" / "optim.py").unlink()
    assert failing(checked(folder)) == {rule: {"missing"} for rule in RULES}


def test_a_file_that_cannot_be_imported_costs_its_own_parts_alone(changed: Changed) -> None:
    folder = changed(cnn=("from typing import Any", "from typing import Any\n\nimport nowhere\n\nnowhere.now()"))
    assert failing(checked(folder)) == {"ThreeLayerConvNet": {"crashed"}}


def test_what_students_are_given_is_lent(changed: Changed) -> None:
    folder = changed()
    for name in ("layer_utils", "fast_layers"):
        (folder / "cs231n" / f"{name}.py").unlink()
    run = checked(folder, NETS)
    assert failing(run) == {}
    note = run.records[0].note
    assert note == "no cs231n/layer_utils.py that runs was handed in: Parity's was used"


def test_what_is_lent_is_said_only_where_something_imports_it(changed: Changed) -> None:
    folder = changed()
    (folder / "cs231n" / "fast_layers.py").unlink()
    lacking = "no cs231n/fast_layers.py that runs was handed in: Parity's was used"
    assert checked(folder, {"relu_forward"}, "2021-24").records[0].note == lacking
    utils = folder / "cs231n" / "layer_utils.py"  # as the first assignment has it, which has no convolution
    utils.write_text(utils.read_text().split("def conv_")[0].replace("from .fast_layers import", "# without"))
    assert checked(folder, {"relu_forward"}, "2021-24").records[0].note == ""


def test_fast_layers_that_were_compiled_elsewhere_do_no_harm(changed: Changed) -> None:
    folder = changed()
    (folder / "cs231n" / "fast_layers.py").write_text(
        "import numpy as np\n\ntry:\n    from .im2col_cython import col2im_6d_cython\nexcept ImportError:\n"
        "    print('build it first')\nfrom .im2col import *\n\n\ndef conv_forward_fast(*args):\n    raise OSError\n\n\n"
        "conv_backward_fast = max_pool_forward_fast = max_pool_backward_fast = conv_forward_fast\n"
    )
    assert failing(checked(folder, NETS)) == {}


STRAY = "import numpy as np\nfrom anyio import run_process\nimport anyio.abc as other\n"
OF_THEIR_OWN = "\n\ndef batchnorm_forward_alt(x, gamma, beta, bn_param):\n    return x, 'own'\n"


def test_what_real_files_hold_beside_what_is_asked_costs_nothing(changed: Changed) -> None:
    """The handout's own Python 2, a loss without labels, newshape of numpy 1, another forward, and a stray import."""
    returned, asked = (
        "        if y is None:\n            return scores\n",
        "        loss, dscores = softmax_loss(scores, y)\n",
    )
    folder = changed(
        layers=("import numpy as np\n", STRAY),
        fc_net=(f"{returned}{asked}        grads: Grads = {{}}\n", f"{asked}{returned}        grads: Grads = {{}}\n"),
        cnn=("scores, third = ", "h = np.reshape(h, newshape=h.shape)\n        scores, third = "),
    )
    (folder / "cs231n" / "fast_layers.py").write_text("print 'build the extension first'\n")
    layers = folder / "cs231n" / "layers.py"
    layers.write_text(layers.read_text() + OF_THEIR_OWN)
    fc_net = folder / "cs231n" / "classifiers" / "fc_net.py"
    fc_net.write_text(fc_net.read_text().replace("batchnorm_forward", "batchnorm_forward_alt"))
    run = checked(folder, {*NETS, "relu_forward"})
    assert failing(run) == {}
    note = run.records[0].note
    assert "no cs231n/fast_layers.py that runs was handed in: Parity's was used" in note
    assert "anyio did nothing here" in note
    layers.write_text(layers.read_text().replace("def relu_forward", "other.run()\n\n\ndef relu_forward"))
    assert "anyio is not available here" in checked(folder, {"relu_forward"}).records[0].message


def test_imports_of_the_various_years_work(changed: Changed) -> None:
    years = (
        "from past.builtins import xrange\nfrom builtins import range\nimport matplotlib.pyplot as plt\nimport torch\n"
    )
    folder = changed(
        layers=("import numpy as np\n", f"import numpy as np\n{years}assert list(xrange(3)) == [0, 1, 2]\n")
    )
    assert failing(checked(folder, {"relu_forward"})) == {}


def test_what_numpy_1_had_is_there(changed: Changed) -> None:
    old = "assert [np.product([2, 3]), np.int(2.5), np.mat([[1]]).shape] == [6, 2, (1, 1)]\n"
    folder = changed(layers=("import numpy as np\n", f"import numpy as np\n{old}"))
    assert failing(checked(folder, {"relu_forward"})) == {}
    folder = changed(layers=("import numpy as np\n", "import numpy as np\nnp.maximun(1, 2)\n"))
    assert failing(checked(folder, {"relu_forward"})) != {}


def test_python_2_is_a_clear_message(changed: Changed) -> None:
    folder = changed(optim=("Array = NDArray[Any]\n", 'Array = NDArray[Any]\nprint "hello"\n'))
    run = checked(folder, {"sgd"})
    assert all("this is Python 2" in r.message for r in run.records if r.part == "sgd" and r.check != "import")


def test_a_wrong_layer_costs_no_network_however_it_is_kept_there(changed: Changed) -> None:
    folder = changed(layers=("return np.where(cache > 0, dout, 0)", "return dout"))
    run = checked(folder, {"relu_backward", *NETS}, assignment=ASSIGNMENT)
    assert failing(run) == {"relu_backward": {"mismatch"}}
    mean = "mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)"
    folder = changed(layers=(mean, mean.replace("axis=1", "axis=0")))  # our network keeps norms in a table
    assert "FullyConnectedNet" not in failing(
        checked(folder, {"layernorm_forward", "FullyConnectedNet"}, assignment=ASSIGNMENT)
    )


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


OLD = {"fc_net": ("        dropout_keep_ratio: float = 1,\n", "        dropout: float = 1,\n")}


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("files", [{}, OLD], ids=["ours", "2018-20"])
def test_what_a_submission_is_taken_for_depends_on_all_its_files(
    changed: Changed, files: dict[str, tuple[str, str]], edition: str
) -> None:
    folder = changed(**files)
    shown = checked(folder, {"affine_forward", "relu_forward"}, edition).environment.edition_seen
    of_ours = {"2021-24", "assignment-1", "assignment-1-2025-26"}
    assert (shown == edition) == (edition in ({"2018-20", "assignment-1"} if files else of_ours))
    if edition == "2021-24":
        content = checked(folder / "cs231n", {"affine_forward", "relu_forward"}, edition)
        assert content.environment.edition_seen == shown


def test_the_first_assignment_asks_for_rules_and_a_network_of_any_depth_since_2025(changed: Changed) -> None:
    both = {edition: ASSIGNMENT.cases(edition, ("float64",)) for edition in ("assignment-1", "assignment-1-2025-26")}
    before, since = ({q.part for case in cases for q in case.quantities} for cases in both.values())
    assert since - before == {*RULES, "FullyConnectedNet"}
    assert before - since == {"svm_loss"}  # which is shipped solved since
    networks = {case.name for case in both["assignment-1-2025-26"] if case.params.get("class") == "FullyConnectedNet"}
    assert networks == {"FullyConnectedNet/plain/float64", "FullyConnectedNet/reg/float64"}
    folder = changed(fc_net=("for layer in range(1, self.num_layers):", "for layer in range(2, self.num_layers):"))
    assert set(failing(checked(folder, edition="assignment-1-2025-26"))) == {"FullyConnectedNet"}


@pytest.mark.usefixtures("no_pool")
def test_a_class_is_graded_function_by_function(
    changed: Changed, tmp_path: Path, parity: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = changed(layers=("return x.reshape(len(x), -1) @ w + b, (x", "return x.reshape(len(x), -1) @ w, (x"))
    shutil.move(wrong, tmp_path / "class" / "ada" / "assignment2")
    shutil.make_archive(str(tmp_path / "class" / "bob"), "zip", ASSIGNMENT.solution)
    for name in ("linear_svm", "neural_net"):  # as in the first assignment of 2016-20
        path = tmp_path / "class" / "cem" / "cs231n" / "classifiers" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("def svm_loss(x, y):\n    pass\n\n\ndef softmax_loss(x, y):\n    pass\n")
    name = "parity_tests.assignments.cs231n.assignment:ASSIGNMENT"
    options = ("--assignment", name, "--out", "graded", "--jobs", "1", "--dtype", "float64")
    status, _, errors = parity("grade", "class", *options)
    assert status in (0, 1), errors
    header, ada, bob, _ = Path("graded/grades.csv").read_text().splitlines()
    column = header.split(",").index('"affine_forward"')
    assert (ada.split(",")[column], bob.split(",")[column]) == ("0.0", "3.0")
    assert ",100.0,100.0," in bob
    look = Path("graded/look.csv").read_text()
    assert "another edition" not in look
    assert "cem" in look
    assert "neural_net.py, which makes it the 2016-20 (assignment 1) edition of this assignment" in look
    assert "was taken for" not in Path("graded/submissions/cem/feedback.md").read_text()


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


def scale_of(changed: Changed, module: str, part: str, *swaps: tuple[str, str]) -> list[str]:
    """The sentences on the weight scale of a network of whose file these texts are replaced."""
    folder = changed()
    path = next(folder.rglob(f"{module}.py"))
    source = path.read_text(encoding="utf-8")
    for old, new in swaps:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    path.write_text(source, encoding="utf-8")
    found = checked(folder, {part}, "assignment-1" if part == "TwoLayerNet" else None).records
    assert {r.quantity.partition(" (")[0] for r in found if r.verdict in FAILING} <= {"weight scale"}
    return [r.message for r in found if r.verdict in FAILING]


TWO_W2 = '"W2": weight_scale * np.random.randn(hidden_dim, num_classes)'
OF_LAYER = 'params[f"W{layer}"] = weight_scale * np.random.randn(inputs, outputs)'


@pytest.mark.parametrize("spread", ["0.01", "1.2 * weight_scale"])
def test_the_weights_of_a_layer_of_two_are_drawn_with_weight_scale(changed: Changed, spread: str) -> None:
    said = scale_of(changed, "fc_net", "TwoLayerNet", (TWO_W2, TWO_W2.replace("weight_scale", spread)))
    assert said
    assert all("weight scale of W2 has standard deviation" in message for message in said)


@pytest.mark.parametrize("spread", ["np.sqrt(2 / inputs)", "1.2 * weight_scale"])
def test_the_weights_of_a_layer_of_many_are_drawn_with_weight_scale(changed: Changed, spread: str) -> None:
    second = OF_LAYER.replace("weight_scale", f"(weight_scale if layer != 2 else {spread})")
    said = scale_of(changed, "fc_net", "FullyConnectedNet", (OF_LAYER, second))
    assert len(said) == 6  # cases
    assert all("weight scale of W2 has standard deviation" in message for message in said)


def test_the_spread_of_a_single_weight_is_told_of_that_weight(changed: Changed) -> None:
    said = scale_of(changed, "cnn", "ThreeLayerConvNet", ('"W1": weight_scale *', '"W1": 0.01 *'))
    assert len(said) == 3
    for message in said:
        assert "of W1 has standard deviation 0.0" in message
        assert "where 0.37 is expected" in message
        assert "W2" not in message


def test_weights_that_are_drawn_with_weight_scale_in_another_way_agree(changed: Changed) -> None:
    drawn = "np.random.normal(0, weight_scale, size=(hidden_dim, num_classes))"
    assert scale_of(changed, "fc_net", "TwoLayerNet", (TWO_W2, f'"W2": {drawn}')) == []


def test_an_edition_that_nobody_asks_for_is_told_by_the_files_and_said(changed: Changed) -> None:
    folder = changed(**OLD)
    taken = checked(folder, {"affine_forward"})
    assert {record.edition for record in taken.records} == {"2018-20"}
    why = "is judged as of edition 2018-20, for its FullyConnectedNet takes dropout and normalization"
    assert why in taken.records[0].note
    asked = checked(folder, {"affine_forward"}, "2021-24")
    assert {record.edition for record in asked.records} == {"2021-24"}
    assert "is judged as of edition" not in asked.records[0].note


def test_the_usual_edition_is_said_to_be_taken_where_the_files_tell_none(changed: Changed) -> None:
    folder = changed(layers=("def svm_loss(", "def svm_loss_of_mine("))
    assert "is judged as of edition" not in checked(folder, {"affine_forward"}).records[0].note
    (folder / "cs231n" / "classifiers" / "fc_net.py").unlink()
    run = checked(folder, {"affine_forward"})
    assert {record.edition for record in run.records} == {"2021-24"}
    assert "is judged as of edition 2021-24, the usual one, for its files do not tell" in run.records[0].note


def test_a_loss_that_is_wrong_and_not_asked_does_not_go_without_a_word(changed: Changed) -> None:
    def notes(edition: str, softmax: str, svm: str = "-1") -> str:
        folder = changed(layers=("dx[rows, y] -= 1\n    dx /= N", softmax))
        layers = folder / "cs231n" / "layers.py"
        layers.write_text(layers.read_text().replace("dx[rows, y] = -dx.sum(axis=1)", f"dx[rows, y] = {svm}"))
        run = checked(folder, {"FullyConnectedNet"}, edition)
        assert failing(run) == {}
        shutil.rmtree(folder)
        return " ".join(record.note for record in run.records)

    said = "softmax_loss in its layers.py is not asked in this edition, and is wrong: its dx is not that of torch"
    both = said, said.replace("softmax", "svm")
    wrong = notes("2018-20", "dx[rows, y] -= 1")
    assert [one in wrong for one in both] == [True, True]
    right = notes("2018-20", "dx[rows, y] -= 1.0\n    dx /= N", "-dx.sum(1)")
    assert [one in right for one in both] == [False, False]
    beside = notes("2021-24", "dx[rows, y] -= 1")  # which asks for the first
    assert [one in beside for one in both] == [False, True]
    assert said not in notes("2018-20", "return None")


def test_a_student_is_told_what_is_absent_and_which_own_loss_is_wrong_without_a_number(tmp_path: Path) -> None:
    case = next(one for one in ASSIGNMENT.cases("2018-20", ("float64",)) if one.probe.startswith("network"))
    loss, db1 = (next(q for q in case.quantities if q.key.name == name) for name in ("loss", "db1"))
    noted = Note(NoteKind.EDITION, "softmax_loss is not asked, and is wrong"), Note(NoteKind.READING, "is 3.0")
    records = [
        record(case=case.name, quantity=loss.name).with_notes(noted),
        mismatch(case=case.name, quantity=db1.name),
    ]
    for returned, said in (
        (Returned("none", None, ""), "is absent"),
        (Returned("text", None, ""), "did not come out as expected"),
    ):
        seen = Observation(case.name, {db1.key: returned}, {}, {}, (), 0.0)
        told = told_to_students(
            ASSIGNMENT, tmp_path, [case], records, {case.name: seen}, isolation="bubblewrap", printed=0
        )
        right, wrong = for_student(FakeRun(records=records, environment=replace(DESCRIBED, for_students=told))).records
        assert right.notes == noted[:1]
        assert f"db1 of call 1 {said}" in wrong.message


def test_softmax_loss_is_asked_of_the_editions_that_do_not_ship_it_solved(changed: Changed) -> None:
    folder = changed(layers=("dx[rows, y] -= 1\n    dx /= N", "dx[rows, y] -= 1"))
    assert set(failing(checked(folder, {"softmax_loss"}, "2021-24"))) == {"softmax_loss"}
    with pytest.raises(UsageError, match="asks for none of softmax_loss"):
        checked(folder, {"softmax_loss"}, "2018-20")


@pytest.mark.parametrize(
    ("old", "new", "part", "name", "of_filters"),
    [
        (
            ".T @ dout, dout.sum(axis=0)",
            ".T @ dout, dout.mean(axis=0)",
            "affine_backward",
            "a mean in place of a sum in db",
            False,
        ),
        (
            "dout.sum(axis=(0, 2, 3))",
            "dout.sum(axis=(0, 2, 3)) / len(dout)",
            "conv_backward_naive",
            "db is divided by the number of examples once too often",
            True,
        ),
    ],
)
def test_a_name_has_the_hint_of_its_part(
    changed: Changed, old: str, new: str, part: str, name: str, of_filters: bool
) -> None:
    hints = checked(changed(layers=(old, new)), {part}, assignment=ASSIGNMENT).environment.hints or {}
    assert set(hints) == {name}
    assert ("each filter" in hints[name]) == of_filters


# ---- what is lent


@pytest.mark.parametrize("module", [*GIVEN, SOLVER])
def test_a_lent_file_uses_of_a_submission_what_it_is_asked_for_alone(module: str) -> None:
    tree = ast.parse((ASSIGNMENT.solution / file_of(module)).read_text(encoding="utf-8"))
    used = {
        (node.module or "", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    assert used
    asked = {("layers", name) for name in FUNCTIONS} | {("", "optim")}
    fast = {("fast_layers", name) for _, name in used if name.endswith("_fast")}
    assert used <= asked | fast
