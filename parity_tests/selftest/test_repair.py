"""Repairs: the line and the fix of a wrong function are found by trying, and claimed only where everything agrees."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT as CS231N
from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.check import Run, check
from parity_tests.harness.repair import Repair, lines, repairs, without_fix
from parity_tests.harness.suspects import slices
from parity_tests.harness.told_lines import lines_handed_out, told_lines, words_told
from parity_tests.operators.change import Change
from parity_tests.operators.source import Source
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key
from parity_tests.selftest.fake_records import FakeRun, record
from reports.model.environment import Environment
from reports.model.fixes import Fix

MISTAKES = (
    # 4: one change in each of two results; D is unpacked and not needed, as often
    ('self.gradient["W"] = X.T @ grad', 'N, D = X.shape; self.gradient["W"] = X.T @ grad / len(X)'),
    ("grad.sum(axis=0, keepdims=True)", "grad.mean(axis=0, keepdims=True)"),
    ('X @ self.params["W"] + self.params["b"]', '2 * X @ self.params["W"] - self.params["b"]'),  # 3: two changes
    ("return grad * (1 - self.h * self.h)", "return grad * (1 - X * X)"),  # 6: one name in two places
    ("return grad * self.mask\n", "return np.sin(grad) * np.cos(X) - np.tan(X)\n"),  # 8: nothing near is right
    ("kept * (np.ones_like(X) * (1.0 / (1.0 - self.r)))", "kept * (np.ones_like(X) * (1.0 / self.r))"),  # 9
)
PARTS = frozenset({"3", "4", "6", "8", "9"})


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a submission with these mistakes."""
    folder: Path = tmp_path_factory.mktemp("wrong")
    for file in ("neural_networks.py", "utils.py"):
        text = (ASSIGNMENT.solution / file).read_text(encoding="utf-8")
        for right, mistake in MISTAKES if file == "neural_networks.py" else ():
            assert text.count(right) >= 1, right
            text = text.replace(right, mistake, 1)
        (folder / file).write_text(text, encoding="utf-8")
    return check(ASSIGNMENT, folder, parts=PARTS, dtypes=("float64",))


@pytest.fixture(scope="module")
def found(wrong: Run) -> dict[str, Repair]:
    """What was found for it, by part. Time is no matter here."""
    return {repair.part: repair for repair in repairs(ASSIGNMENT, wrong.records, wrong.environment, seconds=60.0)}


def test_a_wrong_function_has_its_line_its_words_and_the_code_before_and_after(found: dict[str, Repair]) -> None:
    fix = next(one for one in found["4"].fixes if "len(X)" in one.before)
    assert (fix.file, fix.words) == ("neural_networks.py", "the divisor `len(X)` should not be there")
    assert fix.before == 'N, D = X.shape; self.gradient["W"] = X.T @ grad / len(X)'
    assert fix.after == 'N, D = X.shape; self.gradient["W"] = X.T @ grad'
    assert found["9"].fixes[0].words == "`self.r` is used where `1 - self.r` belongs"


def test_mistakes_in_two_results_of_one_function_are_mended_one_after_the_other(found: dict[str, Repair]) -> None:
    words = {"the divisor `len(X)` should not be there", "`grad.mean` is used where `grad.sum` belongs"}
    assert {fix.words for fix in found["4"].fixes} == words


def test_a_change_that_the_next_one_does_without_is_no_part_of_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the mistake `>=` for `>` mends what is asked without momentum; with little time it is taken."""
    monkeypatch.setattr("parity_tests.harness.repair._Budget.half_spent", True)
    for file in ("neural_networks.py", "utils.py"):
        text = (ASSIGNMENT.solution / file).read_text(encoding="utf-8")
        (tmp_path / file).write_text(text.replace("w -= _learning_rate * g\n", "w -= _learning_rate * g * 2\n"))
    run = check(ASSIGNMENT, tmp_path, parts=frozenset({"1"}))
    (repair,) = repairs(ASSIGNMENT, run.records, run.environment, seconds=60.0)
    assert [fix.words for fix in repair.fixes] == ["the factor `2` should not be there"]


def test_a_setting_takes_the_place_of_a_number(tmp_path: Path) -> None:
    for file in ("neural_networks.py", "utils.py"):
        text = (ASSIGNMENT.solution / file).read_text(encoding="utf-8")
        (tmp_path / file).write_text(text.replace("(1.0 / (1.0 - self.r))", "(1.0 / (1.0 - 0.5))"))
    run = check(ASSIGNMENT, tmp_path, parts=frozenset({"9"}), dtypes=("float64",))
    (repair,) = repairs(ASSIGNMENT, run.records, run.environment, seconds=60.0)
    assert [fix.words for fix in repair.fixes] == ["the number 0.5 is used where `self.r` belongs"]


def test_one_name_in_several_places_is_one_change(found: dict[str, Repair]) -> None:
    (fix,) = found["6"].fixes
    assert fix.before == "return grad * (1 - X * X)"
    assert fix.after != fix.before


def test_two_mistakes_that_are_in_every_result_are_found_together(found: dict[str, Repair]) -> None:
    (fix,) = found["3"].fixes
    assert fix.words == "the factor `2` should not be there; `-` is used where `+` belongs"
    assert fix.after == 'return (X) @ self.params["W"] + self.params["b"]'


def test_what_no_change_makes_right_has_no_fix_and_is_said_to_have_none(found: dict[str, Repair], wrong: Run) -> None:
    assert "8" not in found
    assert without_fix(list(found.values()), ASSIGNMENT, wrong.records) == ["8"]
    said = lines(list(found.values()), ASSIGNMENT, wrong)
    assert said[-1] == "No fix was found for TODO 8; see above."


def test_what_is_mended_of_a_part_that_stays_wrong_has_its_line_and_is_no_fix(tmp_path: Path) -> None:
    for file in ("neural_networks.py", "utils.py"):
        text = (ASSIGNMENT.solution / file).read_text(encoding="utf-8")
        text = text.replace('self.gradient["W"] = X.T @ grad', 'self.gradient["W"] = np.sin(X).T @ np.cos(grad)')
        (tmp_path / file).write_text(text.replace("grad.sum(axis=0", "grad.mean(axis=0"), encoding="utf-8")
    run = check(ASSIGNMENT, tmp_path, parts=frozenset({"4"}), dtypes=("float64",))
    (repair,) = repairs(ASSIGNMENT, run.records, run.environment, seconds=5.0)
    (fix,) = repair.fixes
    line = (tmp_path / "neural_networks.py").read_text(encoding="utf-8").split("\n")[fix.line - 1]
    assert ("grad.mean" in line, fix.before, fix.after, repair.is_whole) == (True, "", "", False)
    said = lines([repair], ASSIGNMENT, run)
    assert said[0] == "With this change more of TODO 4 agrees, and not yet all:"
    assert said[-1].startswith("No fix was found for TODO 4")


def test_what_is_wrong_in_a_line_is_said_where_nothing_has_named_it() -> None:
    fix = Fix("4", "n.py", 7, "`a` is used where `b` belongs", "a", "b")
    for name, words in (("", f": {fix.words}"), ("the mistake", "")):
        wrong = FakeRun([record(part="4", verdict="mismatch", diagnosis=name)], Environment())
        found = [Repair(part, (replace(fix, part=part),), 1, 0.0) for part in "48"]
        other = [f"  n.py, line 7: {fix.words}", "    - a", "    + b"]
        head = "With these changes all of TODO 4 and TODO 8 agrees:"
        assert lines(found, ASSIGNMENT, wrong) == [head, f"  n.py, line 7{words}", "    - a", "    + b", *other]


def test_what_is_said_of_fixes_fits_the_terminal(
    wrong: Run, tmp_path: Path, parity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parity_tests.cli.terminal.width", lambda: 38)
    folder = wrong.environment.submission
    _, out, _ = parity("check", folder, "--todo", "8", "--dtype", "float64", "--fix", "--out", tmp_path / "run")
    assert "from line 118 on: in" in " ".join(out.split())
    assert "No fix was found for TODO 8; see above." in " ".join(out.split())
    assert out.splitlines()[-2:] == ["No fix was found for TODO 8; see", "above."]


def test_what_hangs_on_a_line_differs_when_it_is_spoilt() -> None:
    source = Source("def f(x):\n    n = 2\n    a = x * n\n    b = x + 1\n    return a, b\n")

    def came(change: Change | None) -> Observation:
        names: dict[str, Any] = {}
        exec(change.applied(source) if change else source.text, names)
        found = [Returned("array", np.asarray(one), "") for one in names["f"](np.ones(3))]
        return Observation("", dict(zip(keys, found, strict=True)), {}, {}, (), 0.0)

    keys = [Key("a"), Key("b")]
    first, second = (frozenset([key]) for key in keys)
    assert slices(source, ["f"], came, came(None), keys) == {2: first, 3: first, 4: second, 5: first | second}


FIRST_OF_ITS_SHAPE = """if getattr(self, "X", None) is None or self.X.shape != X.shape:
            self.X = X
        self.gradient["W"] = self.X.T @ grad"""


@pytest.mark.parametrize(
    ("part", "right", "mistake", "after"),
    [
        ("8", "self.mask = X > 0", "self.mask = X > 1", "self.mask = X > 0"),  # in the forward, for the backward
        # `self.X.shape != grad.shape` is true of nearly all that is asked, and would mend as much
        ("4", 'self.gradient["W"] = X.T @ grad', FIRST_OF_ITS_SHAPE, "self.X = X"),
        # two changes whose effects multiply
        ("8", "return grad * self.mask\n", "return np.sin(grad) * np.cos(X)\n", "return self.mask * grad"),
        # `v += _learning_rate * g` moves the weights as well, and leaves a note
        ("1", "w += v", "w -= v", "w += v"),
        ("1", "v -= _learning_rate * g", "v += _learning_rate * g", "v -= _learning_rate * g"),
        # `np.where(X, X > 0, 0)` would give the same
        ("8", "return grad * self.mask", "d = np.where(X > 0, X, 0); return grad * d", None),
    ],
)
def test_a_fix_is_what_was_meant_and_not_what_happens_to_give_the_same(
    tmp_path: Path, part: str, right: str, mistake: str, after: str | None
) -> None:
    for file in ("neural_networks.py", "utils.py"):
        text = (ASSIGNMENT.solution / file).read_text(encoding="utf-8")
        (tmp_path / file).write_text(text.replace(right, mistake, 1), encoding="utf-8")
    run = check(ASSIGNMENT, tmp_path, parts=frozenset({part}), dtypes=("float64",))
    assert not [one.note for one in run.records if "reading" in one.note_kinds]  # the control is in correct_parts.py
    (repair,) = repairs(ASSIGNMENT, run.records, run.environment, seconds=60.0)
    (fix,) = repair.fixes
    assert (repair.part, fix.after) == (part, after or "d = np.where(X > 0, X, 0); return grad * (d > 0)")


def test_each_wrong_part_without_a_fix_has_a_sentence_also_under_a_likely_cause_but_what_is_not_written() -> None:
    where = Environment()
    wrong = [record(part="4", verdict="mismatch"), record(part="6", verdict="mismatch")]
    none = "No fix was found for {}; see above."
    assert lines([], ASSIGNMENT, FakeRun(wrong, where)) == [none.format("TODO 4 and TODO 6")]
    assert lines([], ASSIGNMENT, FakeRun(wrong[:1], where)) == [none.format("TODO 4")]
    of_file = record(part="utils", verdict="mismatch")  # in which none is looked for
    for silent in (of_file, replace(wrong[0], explained_by="8"), replace(wrong[0], check="import", verdict="crashed")):
        assert lines([], ASSIGNMENT, FakeRun([silent], where)) == []
    wrong.append(record(part="6", verdict="missing"))
    assert (without_fix([], ASSIGNMENT, wrong), len(lines([], ASSIGNMENT, FakeRun(wrong, where)))) == (["4"], 1)
    wrong += [record(part="8", verdict="match"), record(part="8", verdict="missing")]  # of which one branch is written
    assert without_fix([], ASSIGNMENT, wrong) == ["4"]
    assert without_fix([], ASSIGNMENT, [*wrong, record(part="8", verdict="mismatch")]) == ["4", "8"]


TRAINING = Source(
    """def main(model, x, y, eta):
    for t in range(30):
        if t != 0:
            eta = eta * 0.1
        h1 = model['nonlinear1'].forward(x)
        d1 = model['drop1'].forward(h1, is_train=True)
        a2 = model['L2'].forward(h1)
        val_loss = model['loss'].forward(a2, y)
"""
)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("main passes nonlinear1.forward's output to L2.forward as X, where drop1.forward's belongs", [5, 6, 7]),
        ("the validation loss with dropout on in place of the loss record", [8]),
        ("several epochs have the same order", []),
    ],
)
def test_a_repair_is_looked_for_first_in_lines_that_the_name_tells_of(name: str, lines: list[int]) -> None:
    told = words_told([record(verdict="mismatch", diagnosis=name, quantity="")])
    assert sorted(told_lines(TRAINING, ["main"], told)) == lines


def test_what_stands_outside_the_marks_of_a_students_lines_was_handed_out() -> None:
    text = "m = 1\n### START CODE HERE ### \na = m\n### END CODE HERE ###\nc = a\n# YOUR CODE STARTS HERE\nb = a"
    assert lines_handed_out(text) == {1, 5}
    assert lines_handed_out("m = 1\na = m") == set()


def test_a_right_submission_is_not_asked_again(wrong: Run) -> None:
    right = [record for record in wrong.records if record.verdict == "match"]
    assert repairs(ASSIGNMENT, right, wrong.environment) == []


def test_a_wrong_number_of_main_is_mended_by_what_smaller_runs_show(tmp_path: Path) -> None:
    text = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")
    assert text.count("eta *= 0.1") == 1
    text = text.replace("eta *= 0.1", "eta *= 0.5")
    (tmp_path / "neural_networks.py").write_text(text, encoding="utf-8")
    shutil.copy(ASSIGNMENT.solution / "utils.py", tmp_path)
    case = "main/decay-own/float64"  # of two that fail it alone is asked again
    failed = record(part="10", check="main", case=case, quantity="weights", verdict="mismatch")
    environment = Environment(submission=str(tmp_path), edition="2019", seed=0)
    (repair,) = repairs(ASSIGNMENT, [failed], environment)
    assert [fix.after for fix in repair.fixes] == ["eta *= 0.1"]
    assert repair.tried < 20


def test_a_networks_own_method_is_repaired_beside_right_layers(tmp_path: Path) -> None:
    shutil.copytree(CS231N.solution / "cs231n", tmp_path / "cs231n")
    file = tmp_path / "cs231n" / "classifiers" / "fc_net.py"
    text = file.read_text(encoding="utf-8")
    assert text.count('+ self.reg * p["W2"]') == 1
    file.write_text(text.replace('+ self.reg * p["W2"]', '+ 2 * self.reg * p["W2"]'), encoding="utf-8")
    run = check(CS231N, tmp_path, parts=frozenset({"TwoLayerNet"}), dtypes=("float64",), edition="2018-20")
    (repair,) = repairs(CS231N, run.records, run.environment, seconds=60.0)
    (fix,) = repair.fixes
    assert fix.file == "cs231n/classifiers/fc_net.py"
    assert (fix.before.count("2 * self.reg"), fix.after.count("2 * self.reg")) == (1, 0)
