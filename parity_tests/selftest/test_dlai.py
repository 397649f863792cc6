"""A notebook of DeepLearning.AI is a declaration; of what is handed in, imports and definitions are taken alone."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import click
import numpy as np
import pytest

from parity_tests.cli.of_notebook import is_one, written_out
from parity_tests.declared.by_solution import MOST_MEMORY, bounded_memory
from parity_tests.declared.declaration import read
from parity_tests.grading.intake.entries import Entry
from parity_tests.grading.intake.prepare import Prepared, prepare
from parity_tests.grading.intake.tell import told_by
from parity_tests.harness.check import check
from parity_tests.harness.repair import repairs, wrong_parts
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.mutants import excuse, mutants, trial
from parity_tests.proof.variants import Variant
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.registry import find

C1W4 = find("dlai-c1w4")
SOURCE, _, APPLIED = (C1W4.solution / "c1w4.py").read_text(encoding="utf-8").partition("\n\n\ndef two_layer")
IMPORTS = """import numpy as np
import matplotlib.pyplot as plt
from testCases_v4a import *
from dnn_utils_v2 import sigmoid, sigmoid_backward, relu, relu_backward, load_pictures
%matplotlib inline
plt.rcParams['image.cmap'] = 'gray'
WIDTH = 0.01
np.random.seed(1)"""


MAGIC = "# In[1]:\n\nget_ipython().run_line_magic('matplotlib', 'inline')"


def notebook(*changes: tuple[str, str], source: str = SOURCE) -> bytes:
    """The solution as a notebook is handed in: a function a cell, and cells that print what tests give."""
    cells = [IMPORTS]
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            text = f"# GRADED FUNCTION: {node.name}\n\n{ast.get_source_segment(source, node)}"
            cells += [text, f"print({node.name}(*{node.name}_test_case()))"]
    for old, new in changes:
        assert sum(old in cell for cell in cells) == 1, old
        cells = [cell.replace(old, new) for cell in cells]
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells]
    return json.dumps({"cells": made, "nbformat": 4, "nbformat_minor": 1, "metadata": {}}).encode()


def prepared(data: bytes, *others: Entry, assignment: Assignment = C1W4) -> Prepared:
    return prepare([Entry("Deep+Network (1).ipynb", len(data), lambda most: data[:most]), *others], assignment)


def files_of(data: bytes, assignment: Assignment = C1W4) -> dict[str, str]:
    return {name: text.decode() for name, text in prepared(data, assignment=assignment).files}


def failing(data: bytes) -> dict[str, set[str]]:
    """What fails of a notebook, by part, each with what it is called."""
    return failing_of(files_of(data))


def failing_of(files: dict[str, str]) -> dict[str, set[str]]:
    by_part: dict[str, set[str]] = {}
    for record in failures(records(C1W4, Variant("", files), dtypes=["float64"])):
        by_part.setdefault(record.part, set()).add(record.diagnosis or record.message)
    return by_part


def test_a_right_notebook_agrees_on_lent_helpers_though_they_lack_what_it_never_uses() -> None:
    assert failing(notebook(("0.01 * np.random.randn(n_h", "WIDTH * np.random.randn(n_h"))) == {}


def test_each_mistake_has_its_name_and_no_function_is_blamed_for_one_that_it_calls() -> None:
    found = failing(
        notebook(
            ("dZ @ A_prev.T / m", "dZ @ A_prev.T"),
            ("0.01 * np.random.randn(n_h", "np.random.randn(n_h"),
            ("np.log(AL) + (1 - Y)", "np.log(AL) - (1 - Y)"),
            ("value - learning_rate", "value + learning_rate"),
            ("def L_model_forward(X, parameters):", "def L_model_forward(X, parameters)"),
        )
    )
    assert found.keys() == {
        "linear_backward",
        "update_parameters",
        "compute_cost",
        "initialize_parameters",
        "L_model_forward",
    }
    assert found["linear_backward"] == {"m is left out of dW"}
    assert found["update_parameters"] == {f"the step of {name} has the wrong sign" for name in ("W1", "b1", "W2", "b2")}
    assert found["compute_cost"] == {"the term of 1 − Y has the wrong sign"}
    assert found["initialize_parameters"] == {"0.01 is left out"}
    assert all("the cell that defines it is no Python" in said for said in found["L_model_forward"])


def test_what_calls_a_wrong_helper_is_not_wrong_by_itself() -> None:
    """A sigmoid of the other sign is 1 − A wherever it is called."""
    c1w2 = find("dlai-c1w2")
    source = (c1w2.solution / "c1w2.py").read_text(encoding="utf-8").replace("np.exp(-z)", "np.exp(z)")
    found = failures(records(c1w2, Variant("", {"c1w2.py": source}), dtypes=["float64"]))
    assert {one.part: one.explained_by for one in found} == {"sigmoid": ""}


def test_lines_and_fixes_are_those_of_code_cells(tmp_path: Path) -> None:
    """A number is held against those of the solution, whole or not, before what else gives the same."""
    c1w2 = find("dlai-c1w2")
    source = (c1w2.solution / "c1w2.py").read_text(encoding="utf-8")
    helpers = "from dnn_utils_v2 import sigmoid, sigmoid_backward, relu, relu_backward, load_pictures"
    changes = (helpers, "import copy"), ("np.log(A)", "np.lg(A)"), (") > 0.5)", ") > 0)")
    data = notebook(*changes, source=source)
    cells = [cell["source"].split("\n") for cell in json.loads(data)["cells"]]
    places = {
        word: next(
            (f"code cell {k}", n) for k, lines in enumerate(cells, 1) for n, x in enumerate(lines, 1) if word in x
        )
        for word in ("np.lg", "> 0)")
    }
    Variant("", files_of(data, c1w2)).write(tmp_path)
    run = check(c1w2, tmp_path, dtypes=["float64"], parts=frozenset(["propagate", "predict"]), alone=True)
    crashed = [one for one in failures(run.records) if one.part == "propagate"]
    assert {(one.file, one.line) for one in crashed} == {places["np.lg"]}
    assert all("({}, line {})".format(*places["np.lg"]) in one.message for one in crashed)
    (repair,) = repairs(c1w2, [one for one in run.records if one.part == "predict"], run.environment)
    assert [(fix.file, fix.line, fix.words) for fix in repair.fixes] == [
        (*places["> 0)"], "`0` is used where `0.5` belongs")
    ]


def test_a_threshold_that_nothing_asked_comes_near_is_no_fix(tmp_path: Path) -> None:
    """Without the sigmoid 0 belongs where 0.5 is used; a small number agrees where nothing lies between."""
    week2 = find("dlai-c1w2")
    own = (week2.solution / "c1w2.py").read_text(encoding="utf-8")
    wrong = own.replace("(sigmoid(w.T @ X + b) > 0.5)", "(w.T @ X + b > 0.5)")
    assert wrong != own
    (tmp_path / "c1w2.py").write_text(wrong, encoding="utf-8")
    run = check(week2, tmp_path, dtypes=["float64"], parts=frozenset(["predict"]))
    words = {fix.words for one in repairs(week2, run.records, run.environment) for fix in one.fixes}
    assert words <= {"`0.5` is used where `0.0` belongs", "`0.5` is used where `0` belongs"}


def test_one_change_that_spoils_several_results_names_each() -> None:
    week3, part, slope = find("dlai-c1w3"), "backward_propagation", ' * (1 - cache["A1"] ** 2)'
    own = (week3.solution / "c1w3.py").read_text(encoding="utf-8")
    assert own.count(slope) == 1
    found = failures(records(week3, Variant("", {"c1w3.py": own.replace(slope, "")}), dtypes=["float64"], parts=[part]))
    assert {one.quantity for one in found} >= {"dW1", "db1"}
    assert {one.diagnosis for one in found} == {"the derivative of tanh is left out of dZ1"}


def test_a_question_of_another_notebook_is_asked_as_the_submission_takes_its_arguments() -> None:
    """The cost of week 3 is that of week 4, and took the parameters as well in its early form, which the file tells."""
    week3 = find("dlai-c1w3")
    own = (week3.solution / "c1w3.py").read_text(encoding="utf-8")
    early = own.replace("def compute_cost(A2, Y)", "def compute_cost(A2, Y, parameters)")
    for text, right in ((own, True), (early, True), (early.replace("-np.mean(Y", "np.mean(Y"), False)):
        asked = records(week3, Variant("", {"c1w3.py": text}), dtypes=["float64"], parts=["compute_cost"])
        found = {record.diagnosis for record in failures(asked)}
        assert found == (set() if right else {"the cost has the wrong sign"})
    printed = "        if print_cost and iteration % 1000 == 0:\n            print(iteration, compute_cost(A2, Y))\n"
    thrown_away = early.replace(printed, "        compute_cost(A2, Y, parameters)\n")
    thrown_away = thrown_away.replace("0.01 * np.random.randn(n_y", "np.random.randn(n_y")
    thrown_away = thrown_away.replace("        parameters = update_parameters(", "        update_parameters(")
    parts = ["initialize_parameters", "nn_model"]
    found = {one.part for one in failures(records(week3, Variant("", {"c1w3.py": thrown_away}), parts=parts))}
    assert found == set(parts), "behind a wrong part it is asked beside right ones, called as the file calls them"


def test_a_file_of_tests_beside_the_notebook_is_not_taken_for_it() -> None:
    beside = b"def L_model_forward_test_case():\n    return 1, 2\n"
    files = dict(prepared(notebook(), Entry("testCases_v4a.py", len(beside), lambda most: beside)).files)
    assert b"def update_parameters" in files["c1w4.py"]


def test_a_notebook_is_told_by_its_functions(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_bytes(notebook())
    (tmp_path / "b.ipynb").write_bytes(b'{"cells": []}')
    with click.Context(click.Command("check")):
        assignment, folder = written_out(tmp_path / "a.ipynb", None)
        assert (assignment.name, [path.name for path in folder.iterdir()]) == ("dlai-c1w4", ["c1w4.py"])
        with pytest.raises(UsageError, match="defines nothing of any installed assignment"):
            written_out(tmp_path / "b.ipynb", None)


def test_a_notebook_that_was_saved_as_a_script_trains_nothing(tmp_path: Path) -> None:
    script = tmp_path / "deep.py"
    script.write_text(f"{MAGIC}\n\n# In[2]:\n\n{SOURCE}\n\n# In[ ]:\n\nraise SystemExit(1)\n")
    assert [is_one(script, name) for name in ("dlai-c1w4", "mlp", None)] == [True, False, False]
    with click.Context(click.Command("check")):
        _, folder = written_out(script, "dlai-c1w4")
        text = (folder / "c1w4.py").read_text()
    assert failing_of({"c1w4.py": text}) == {}
    assert failing_of({"c1w4.py": f"{MAGIC}\n{SOURCE}"}).keys() >= {"linear_forward"}


def test_the_application_of_a_network_is_asked_on_lent_steps() -> None:
    trained = "from dnn_app_utils_v3 import *\n" + f"def two_layer{APPLIED}"
    wrong = trained.replace("range(num_iterations)", "range(1, num_iterations)", 1)
    for source, fails in ((trained, set()), (wrong, {"two_layer_model"})):
        found = records(C1W4, Variant("", {"c1w4.py": source}), dtypes=["float64"], edition="application")
        assert {one.part for one in failures(found)} == fails


def test_a_file_that_no_reader_can_read_is_the_submissions_fault(tmp_path: Path) -> None:
    notebook = find("dlai-c1w3")
    (tmp_path / "c1w3.py").write_text("x = " + "-" * 100_000 + "1\n")
    imported, *others = check(notebook, tmp_path, dtypes=["float64"]).records
    assert (imported.verdict, "nested too deeply" in imported.message) == ("crashed", True)
    assert {record.verdict for record in others} == {"missing"}


def test_a_row_is_no_column() -> None:
    found = failing(notebook(("dZ.sum(axis=1, keepdims=True) / m", "dZ.sum(axis=1) / m")))
    assert found.keys() == {"linear_backward"}
    found = failing(notebook(('"b1": np.zeros((n_h, 1))', '"b1": np.zeros(n_h)')))
    assert found.keys() == {"initialize_parameters"}
    week3 = find("dlai-c1w3")
    own = (week3.solution / "c1w3.py").read_text(encoding="utf-8")
    turned = own.replace('"dW2": dZ2 @ cache["A1"].T', '"dW2": cache["A1"] @ dZ2.T')
    assert turned != own
    wrong = failures(records(week3, Variant("", {"c1w3.py": turned}), parts=["backward_propagation", "nn_model"]))
    assert {one.part: one.explained_by for one in wrong} == {"backward_propagation": ""}


def test_who_leaves_out_one_entry_has_written_the_function_and_gets_the_line(tmp_path: Path) -> None:
    """A function that leaves no entry at all is not written."""
    for new, verdict, mended in (("range(1, len(layer_dims) - 1)", "crashed", 1), ("range(0)", "missing", 0)):
        text = SOURCE.replace("range(1, len(layer_dims))", new)
        assert text != SOURCE
        Variant("", {"c1w4.py": text}).write(tmp_path)
        part = "initialize_parameters_deep"
        run = check(C1W4, tmp_path, dtypes=["float64"], parts=frozenset([part]), alone=True)
        assert {one.verdict for one in failures(run.records)} - {"mismatch"} == {verdict}
        assert len(repairs(C1W4, run.records, run.environment)) == mended


def test_a_notebook_is_read_once_and_a_class_of_it_is_not_said_to_hold_files_of_another() -> None:
    assert find("dlai-c1w4") is C1W4
    told = told_by([Entry("ann/c1w4.py", len(SOURCE), lambda most: SOURCE.encode()[:most])], Path("a-class"))
    assert (told.assignment, told.because) == (C1W4, "")


def test_a_notebook_of_two_editions_at_once_may_plot_as_one_of_each_may() -> None:
    assignment = find("dlai-c2w2")
    editions = assignment.in_folder(assignment.solution).editions
    assert editions.default == "steps+2021"
    assert "matplotlib*" in editions.inert_modules[editions.default]


CHANGED = {
    "c1w2": (("}, grads, costs", '}, {**grads, "db": -grads["db"]}, costs', "optimize", "last_db has the wrong sign"),),
    "c2w1": (
        ("lambd / (2 * Y.shape[1])", "lambd / Y.shape[1]", "compute_cost_with_regularization", "2 is left out"),
        ("np.random.rand(*A1.shape) <", "np.random.rand(*A1.shape) >", "forward_propagation_with_dropout", "left1 is"),
        ("* D1 / keep_prob\n    dZ1", "* D1\n    dZ1", "backward_propagation_with_dropout", "keep_prob is left out"),
        ("10 * np.random.randn", "0.01 * np.random.randn", "initialize_parameters_random", "0.01 in place of 10"),
        ("np.sqrt(2 / layers_dims", "np.sqrt(1 / layers_dims", "initialize_parameters_he", "1 in place of 2"),
        ("lower) / (2 * epsilon)", "lower) / epsilon", "gradient_check_n", "2 is left out"),
        (
            "(above - below) / (2 * epsilon)",
            "(above - below) / epsilon",
            "gradient_check",
            "another number in place of 2",
        ),
    ),
    "c2w2": (
        (
            "initialize_velocity(parameters), initialize_velocity(parameters)",
            "initialize_velocity(parameters), {f'd{n}': np.zeros_like(parameters[f'W{n[1]}']) for n in parameters}",
            "initialize_adam",
            "ends too late along axis 1",
        ),
        ("(1 - beta2**t)", "(1 - np.power(beta2, t))", "", ""),
        (
            "{name: beta * v[name] + (1 - beta) * grads[name]",
            "{name: grads[name] + beta * (v[name] - grads[name])",
            "",
            "",
        ),
        (
            "range(0, m, mini",
            "range(0, m - m % mini_batch_size, mini",
            "random_mini_batches",
            "what is left over at the end",
        ),
        ("(epoch_num // time_interval)", "(epoch_num / time_interval)", "schedule_lr_decay", "/ in place of //"),
    ),
    "c4w1": (
        ("n_W_prev - f + 2 * pad", "n_W_prev - f + pad", "conv_forward", "2 is left out in n_W"),
        ("float(b.item())", "float(b)", "", ""),
        ("horiz_start + f, c]", "horiz_start + f, :]", "pool_forward", "is taken whole along the axis of c"),
        (
            "return x == np.max(x)",
            "mask = np.zeros(x.shape)\n    mask[0, 0] += np.array([[0.0]])\n    return x == np.max(x)",
            "",
            "",
        ),
    ),
    "c5w1": (('+ parameters["ba"])', '- parameters["ba"])', "rnn_cell_forward", "ba has the wrong sign"),),
}
"""By notebook: a change, the part that it makes wrong ("" where it is as right), and words of what is said of that."""


@pytest.mark.parametrize("name", CHANGED)
def test_what_is_wrong_in_a_notebook_is_told_and_all_else_is_right(name: str) -> None:
    assignment = find(f"dlai-{name}")
    source = (assignment.solution / f"{name}.py").read_text(encoding="utf-8")
    for old, new, *_ in CHANGED[name]:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    found: dict[str, str] = {}
    for edition in assignment.editions.names:
        judged = records(assignment, Variant("", {f"{name}.py": source}), edition=edition)
        for record in failures(judged):
            found.setdefault(record.part, record.diagnosis or record.message)
    assert found.keys() == {part for _, _, part, _ in CHANGED[name] if part}
    assert [(part, found[part]) for _, _, part, words in CHANGED[name] if part and words not in found[part]] == []


def test_what_is_ungraded_may_be_empty_and_is_noted_where_it_is_wrong() -> None:
    """Of the first edition a backward over time that carries nothing back is right with a note, which says so."""
    c4w1, c5w1 = find("dlai-c4w1"), find("dlai-c5w1")
    source = (c4w1.solution / "c4w1.py").read_text(encoding="utf-8")
    wrong = source.replace("dz / (shape[0] * shape[1])", "dz / shape[0]").replace("def conv_backward", "def other")
    found = records(c4w1, Variant("", {"c4w1.py": wrong}), dtypes=["float64"])
    assert failures(found) == []
    noted = {record.part: note for record in found for note in record.notes}
    assert {"conv_backward", "distribute_value"} <= noted.keys()
    assert noted["distribute_value"].text.endswith("likely cause: shape is left out")
    assert wrong_parts(c4w1, found) == ["distribute_value"]  # what is not written is not looked at
    early = (c5w1.solution / "c5w1.py").read_text(encoding="utf-8")
    early = early.replace("da[:, :, t] + da_prev, dc_prev, steps", "da[:, :, t], 0 * dc_prev, steps")
    found = records(c5w1, Variant("", {"c5w1.py": early}), dtypes=["float64"], parts=["lstm_backward"])
    assert failures(found) == []
    assert any("carries nothing back in time" in note.text for record in found for note in record.notes)


def test_a_part_is_judged_beside_right_ones_where_another_spoils_its_input() -> None:
    """Of logistic regression the sigmoid is wrong, and so is the step of b by itself; propagate is not.

    A threshold gives a 0 or a 1 for many numbers, so that no name says which one it is.
    """
    c1w2 = find("dlai-c1w2")
    source = (c1w2.solution / "c1w2.py").read_text(encoding="utf-8")
    for old, new in (("np.exp(-z)", "np.exp(z)"), ("b = b - learning_rate", "b = b + learning_rate")):
        assert source.count(old) == 1
        source = source.replace(old, new)
    found = records(c1w2, Variant("", {"c1w2.py": source}), dtypes=["float64"])
    assert {one.part for one in failures(found)} == {"sigmoid", "optimize"}
    assert {one.excuse for one in found if one.part == "propagate" and one.explained_by} == {"proved"}
    right = (c1w2.solution / "c1w2.py").read_text(encoding="utf-8")
    found = records(c1w2, Variant("", {"c1w2.py": right.replace("> 0.5", "> 0.3")}), parts=["predict"])
    assert {one.diagnosis.partition(" in place")[0] for one in failures(found)} == {"another number"}


def test_what_a_question_makes_itself_hangs_on_no_part_that_was_asked_before() -> None:
    """Its own cache is of nobody's making, though numpy has made a number of an earlier result as well."""
    folder = Path(find("dlai-c1w4").null or "").parent
    asked = {
        one.name: one for name in ("c1w4", "c2w1", "c2w2", "c5w1") for one in read(folder / f"{name}.toml").questions
    }
    assert asked["the model"].works_on["L_model_backward"] == ()
    assert asked["dropout"].works_on["backward_propagation_with_dropout"] == ()
    assert asked["an RNN"].works_on["rnn_cell_backward"] == ("rnn_cell_forward",)  # which is handed its cache
    assert ("whole", "random_mini_batches") in asked["mini-batches"].results


def test_what_a_notebook_is_not_asked_is_no_slip_that_must_be_caught() -> None:
    """Seeds and prints have a reason, lent helpers have no slips, and a class is asked by its methods."""
    slips = mutants(find("dlai-c1w3"))
    reasons = {one.before: row.outcome for one in slips if (row := excuse(find("dlai-c1w3"), one)) is not None}
    assert {one.partition("(")[0] for one in reasons} == {
        "np.random.seed",
        "if print_cost and iteration % 1000 == 0:",
    }
    assert all(one.function != "sigmoid" for one in slips)
    mytorch = find("mytorch")
    init = next(one for one in mutants(mytorch) if one.function == "Conv2d_stride1.__init__" and "kernel" in one.before)
    assert trial(mytorch, init, dtypes=["float64"]).outcome == "caught"


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="the system does not say what a process takes")
def test_a_change_of_the_solution_may_not_take_much_memory() -> None:
    with bounded_memory(), pytest.raises(MemoryError):
        np.empty(MOST_MEMORY)
    assert np.empty(MOST_MEMORY).shape == (MOST_MEMORY,)  # nothing is left of it, and no page of this is touched


def test_a_change_of_the_solution_that_never_ends_keeps_nobody_from_a_name() -> None:
    """Of the changes of this loop some put a list into itself, which numpy would unwind for ever."""
    c5w1 = find("dlai-c5w1")
    source = (c5w1.solution / "c5w1.py").read_text(encoding="utf-8")
    wrong = source.replace("rnn_cell_forward(x[:, :, t], a_next,", "rnn_cell_forward(x[:, :, t], a0,")
    found = records(c5w1, Variant("", {"c5w1.py": wrong}), dtypes=["float64"], parts=["rnn_forward"])
    assert {one.diagnosis for one in failures(found)} == {"a0 in place of a_next"}


def test_a_count_and_a_length_say_too_little_of_what_is_wrong() -> None:
    """Half of the entries, or one cost in place of two, may come of anything; that a list ends early is seen."""
    week2 = find("dlai-c1w2")
    source = (week2.solution / "c1w2.py").read_text(encoding="utf-8")
    late = source.replace("if iteration % 100 == 0:", "if (iteration + 1) % 100 == 0:")
    found = failures(records(week2, Variant("", {"c1w2.py": late}), dtypes=["float64"], parts=["optimize"]))
    assert {one.diagnosis for one in found if one.quantity == "listed"} == {"ends too early along axis 0"}
    short = "for layer in range(1, len(layer_dims)):", "for layer in range(1, len(layer_dims) - 1):"
    assert SOURCE.count(short[0]) == 1
    said = failing(notebook(short))["initialize_parameters_deep"]
    assert any("entries is 2, torch says 4" in one for one in said)
    assert "entries are halved" not in said


def test_right_zeros_of_other_sizes_are_right() -> None:
    """A bias is as long as its weights have rows, whichever of the two a student takes its sizes from."""
    week = find("dlai-c2w2")
    source = (week.solution / "c2w2.py").read_text(encoding="utf-8")
    wrong = "\n\ndef initialize_velocity(parameters):\n    sizes = {k: parameters[k].shape for k in parameters}\n"
    wrong += "    found = {f'd{k}': np.zeros(sizes[k]) for k in sizes if k[0] == 'W'}\n"
    wrong += "    return found | {f'db{k[1]}': np.zeros((sizes[k][0], 1)) for k in sizes if k[0] == 'W'}\n"
    asked = records(week, Variant("", {"c2w2.py": source + wrong}), edition="steps", parts=["initialize_velocity"])
    assert failures(asked) == []


def test_what_is_0_or_1_is_no_sign_of_a_change_that_gives_nothing_else() -> None:
    """A model that forgets what it trained says 1 of everything, as many a change does."""
    week2 = find("dlai-c1w2")
    source = (week2.solution / "c1w2.py").read_text(encoding="utf-8")
    wrong = source.replace('    w, b = params["w"], params["b"]\n', "").replace(") > 0.5)", ") >= 0.5)")
    assert wrong.count("params") == source.count("params") - 2
    found = failures(records(week2, Variant("", {"c1w2.py": wrong}), dtypes=["float64"], parts=["model"]))
    said = {one.diagnosis for one in found if one.quantity.startswith(("tested", "trained_predictions"))}
    assert said <= {"tested is 1 everywhere", "trained_predictions is 1 everywhere"}


@pytest.mark.parametrize(
    ("name", "part", "old", "new", "words", "diagnosis"),
    [
        (
            "dlai-c2w1",
            "gradient_check_n",
            "above = values.copy()",
            "above = values",
            "`above` is `values` itself, not a copy",
            "values is not copied in above",
        ),
        (
            "dlai-c1w2",
            "optimize",
            "- learning_rate *",
            "- 0.009 *",
            "`0.009` is used where `learning_rate` belongs",
            "",
        ),
    ],
)
def test_what_is_no_copy_and_a_number_for_an_argument_have_their_line(
    tmp_path: Path, name: str, part: str, old: str, new: str, words: str, diagnosis: str
) -> None:
    assignment = find(name)
    file = f"{name.removeprefix('dlai-')}.py"
    source = (assignment.solution / file).read_text(encoding="utf-8")
    (tmp_path / file).write_text(source.replace(old, new), encoding="utf-8")
    run = check(
        assignment,
        tmp_path,
        edition="gradient checking" if part == "gradient_check_n" else None,
        parts=frozenset([part]),
    )
    (repair,) = repairs(assignment, run.records, run.environment)
    assert {fix.words for fix in repair.fixes} == {words}
    assert {one.diagnosis for one in failures(run.records)} == {diagnosis}


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("lambd / (2 * Y.shape[1])", "lambd / 2", "the size of Y along axis 1 is left out"),
        ("        below[i] -= epsilon\n", "", "a statement that sets below is left out, or has no effect"),
    ],
)
def test_of_changes_that_give_the_same_the_one_that_people_make_is_said(old: str, new: str, name: str) -> None:
    """A size of 1 in its place, or what is taken of an array that is written into, gives the same numbers."""
    c2w1 = find("dlai-c2w1")
    source = (c2w1.solution / "c2w1.py").read_text(encoding="utf-8")
    assert source.count(old) == 1
    asked = ["compute_cost_with_regularization", "gradient_check_n"]
    editions = ("regularization", "gradient checking")
    variant = Variant("", {"c2w1.py": source.replace(old, new)})
    found = [one for edition in editions for one in failures(records(c2w1, variant, edition=edition, parts=asked))]
    assert {one.diagnosis for one in found} == {name}


def test_what_a_forward_keeps_for_its_backward_is_asked() -> None:
    swapped = "return A, (linear_cache, activation_cache)", "return A, (linear_cache, A)"
    short = "    caches.append(cache)", "    caches += [cache] * (layer < layers)"
    assert failing(notebook(swapped)) == {"linear_activation_forward": {"A in place of activation_cache"}}
    assert failing(notebook(short)) == {"L_model_forward": {"ends too early along axis 0"}}, (
        "AL is right: no change of it"
    )


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("dlai-c1w4", "initialize_parameters_deep"),
        ("dlai-c2w1", "initialize_parameters_random"),
        ("dlai-c2w1", "initialize_parameters_he"),
    ],
)
def test_layers_that_all_draw_the_same_numbers_are_told(name: str, part: str) -> None:
    week = find(name)
    file = f"{name.removeprefix('dlai-')}.py"
    head, found, body = (week.solution / file).read_text(encoding="utf-8").partition(f"def {part}(")
    body = re.sub(r"( +)for layer in .*\n", r"\g<0>\1    np.random.seed(3)\n", body, count=1)
    wrong = head + found + body
    edition = "initialization" if name == "dlai-c2w1" else None
    found_wrong = failures(records(week, Variant("", {file: wrong}), edition=edition, parts=[part]))
    assert {one.quantity.partition(" of ")[0] for one in found_wrong} == {"repeated"}


def test_what_is_computed_of_a_result_is_of_the_function_that_gave_it() -> None:
    cases = find("dlai-c2w1").cases("initialization", ("float64",), seed=1)
    shapes = {case.check: {q.part for q in case.quantities if q.name.startswith("shape_of_")} for case in cases}
    assert shapes == {name: {f"initialize_parameters_{name}"} for name in ("random", "he")}


@pytest.mark.parametrize("seed", range(3))
def test_pooled_windows_overlap_whatever_is_drawn(seed: int) -> None:
    c4w1 = find("dlai-c4w1")
    added = [one for one in mutants(c4w1) if one.function == "pool_backward" and "dA_prev[place] = " in one.after]
    assert [trial(c4w1, one, seed, dtypes=["float64"]).outcome for one in added] == ["caught", "caught"]
