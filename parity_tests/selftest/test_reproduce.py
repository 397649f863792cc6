"""The scripts that `--repro` writes: each shows its failure on the submission, and none on the solution."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT as CS231N
from parity_tests.assignments.mlp.assignment import ASSIGNMENT as MLP
from parity_tests.assignments.mlp.scripts.scripts import SCRIPTS
from parity_tests.cli.check import check
from parity_tests.cli.show import show
from parity_tests.harness import reproduce, script_maker
from parity_tests.harness.check import runner_of
from parity_tests.harness.draw import draw, seed_of
from parity_tests.harness.exam import Exam
from parity_tests.harness.make_records import Setting
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.reproduce import Reproductions, chosen, lines, mended, reproductions, unwritten
from parity_tests.harness.script_maker import ScriptMaker, Shown
from parity_tests.harness.stages import judge_observed
from parity_tests.proof.judged_variants import fork_servers
from parity_tests.proof.variants import changed, unchanged
from parity_tests.protocol.assignment import Assignment, environment_of
from parity_tests.protocol.case import Case, json_params
from parity_tests.protocol.mistake import Body, Swap
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import Key
from parity_tests.protocol.reproduction import Ask, Networks, Reproducer, Script, ScriptSetting
from parity_tests.selftest.fake_records import record as fake_record
from parity_tests.selftest.nightly import one_of_each
from parity_tests.selftest.runners import write
from parity_tests.selftest.shared import JUDGED
from parity_tests.selftest.wrong_forms import IN_MAIN, OF_PARTS
from reports.model.fixes import Fix
from reports.model.parts import Parts
from reports.model.records import Record
from reports.model.verdicts import FAILING, Verdict

LABELS = Parts.of(MLP.part_table())
OURS = ("neural_networks", "utils", "cs231n", "mytorch")
pytestmark = pytest.mark.usefixtures("one_thread")


OPEN = contextlib.ExitStack()
"""The runners of a test."""


@pytest.fixture(autouse=True)
def no_runner_stays_open() -> Iterator[None]:
    with OPEN:
        yield


# ---- a submission, its failing records, and their scripts


def asking(assignment: Assignment, folder: Path) -> Ask:
    """What puts cases to the submission in this folder."""
    inside, servers = assignment.inside, fork_servers()
    options: dict[str, Any] = {"layout": assignment.layout, "editions": assignment.editions, "case_seconds": 5.0}

    @cache
    def runner_of(process: str) -> Runner:
        beside = inside.processes.get(process, inside.processes[inside.own])
        return OPEN.enter_context(Runner(folder, probe=inside.probes, companions=beside, servers=servers, **options))

    def ask(case: Case, arrays: Any, seed: int) -> Observation:
        runner = runner_of(case.process)
        return runner.ask(case.name, case.probe, json_params(case.params), arrays, seed=seed)

    return ask


class Failing(NamedTuple):
    """A submission with its failing records, one for each discrepancy, and what makes their scripts."""

    folder: Path
    all_records: Sequence[Record]
    records: list[Record]
    maker: Reproducer

    def scripts(self) -> list[Script]:
        """The scripts of all its records."""
        made = [self.maker.script(record) for record in self.records]
        return [script for script in made if isinstance(script, Script)]


def failing(
    assignment: Assignment, folder: Path, wanted: Callable[[Case], bool], edition: str = "", *, first: bool = True
) -> Failing:
    """What fails in the wanted cases of the submission in this folder: in the first one that fails, or in all."""
    edition = edition or assignment.editions.default
    plan = [case for case in assignment.cases(edition, ("float64",)) if wanted(case)]
    ask, setting = asking(assignment, folder), Setting("it", assignment.name, edition, "cpu", "none")
    records: Sequence[Record] = ()
    for cases in [[case] for case in plan] if first else [plan]:
        observed = [ask(case, draw(assignment, case, 0), seed_of(0, case.name)) for case in cases]
        exam = Exam(assignment, setting, cases, cases, 0, edition)
        records = judge_observed(exam, observed, cache=JUDGED).records
        if chosen(assignment, records):
            break
    alone = [one for one, *_ in chosen(assignment, records)]
    return Failing(folder, records, alone, maker_of(assignment, ask, str(folder), edition))


def maker_of(assignment: Assignment, ask: Ask, folder: str, edition: str = "", seconds: float = 10.0) -> Reproducer:
    """What makes the scripts of who answers so."""
    assert assignment.reproductions is not None
    networks = Networks(ask, asking(assignment, assignment.solution))
    setting = ScriptSetting(folder, edition or assignment.editions.default, seconds=seconds)
    return assignment.reproductions.reproducer(networks, setting, 0)


def of_parts(assignment: Assignment, *parts: str) -> Callable[[Case], bool]:
    return lambda case: any(quantity.part in parts for quantity in case.quantities)


def wrong_relu(body: str, folder: Path) -> Failing:
    """A relu whose forward has these statements, asked on one row."""
    changed(MLP, "relu", [Body("relu.forward", body)]).write(folder)
    return failing(MLP, folder, lambda case: case.name == "relu/one-row/float64")


def outcome(text: str, folder: Path, left: dict[str, Any] | None = None) -> tuple[int, str]:
    """The exit status of a script that is run in this process, and what it prints; 1 where it raises, as in Python.

    Its variables are `left` there.
    """
    argv, path, place, state = list(sys.argv), list(sys.path), Path.cwd(), np.random.get_state()
    said = io.StringIO()
    sys.argv = ["repro.py", str(folder)]
    try:
        forget_submissions()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            exec(compile(text, "repro.py", "exec"), {} if left is None else left)
    except SystemExit as end:
        return (end.code if isinstance(end.code, int) else int(end.code is not None)), f"{said.getvalue()}{end}"
    except Exception as error:
        return 1, f"{said.getvalue()}{error!r}"
    finally:
        os.chdir(place)
        sys.argv[:], sys.path[:] = argv, path
        np.random.set_state(state)
        forget_submissions()
    return 0, said.getvalue()


def forget_submissions() -> None:
    """Let the next import find the files of whichever folder comes first by then."""
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    importlib.invalidate_caches()


def run_alone(text: str, folder: Path, file: Path) -> subprocess.CompletedProcess[str]:
    """A script run by Python, as whoever reads it would, with no Parity beside it."""
    file.write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-B", str(file), str(folder)], capture_output=True, text=True, env=environment,
        encoding="utf-8", check=False, cwd=file.parent, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def is_shown(assignment: Assignment, made: Script, folder: Path) -> str:
    """Holds a script to all that is promised of one; what it prints of the submission."""
    status, said = outcome(made.text, folder)
    assert status == 1, made.text
    right, agrees = outcome(made.text, assignment.solution)
    assert right == 0, made.text
    assert "It agrees" in agrees
    assert made.text.count("\n") <= 75
    assert imported(made.text) <= {*sys.stdlib_module_names, "numpy", "torch", *OURS}
    return said


def imported(text: str) -> set[str]:
    """The packages that a script imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        found |= {name.partition(".")[0] for name in names}
    return found


# ---- every part of both assignments

OF_EACH_KIND = {wrong.part: name for name, wrong in OF_PARTS.items()}.values()
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
    "batchnorm_forward, in its test mode": ("layers", "normal = (x - mean) / np", "normal = (x + mean) / np"),
    "dropout_forward": ("layers", "(np.random.rand(*x.shape) < p)", "(np.random.rand(*x.shape) > p)"),
    "dropout_forward, by its scale": ("layers", "return x * mask, (", "return 2 * x * mask, ("),
    "conv_backward_naive": ("layers", "pad : pad + W], dw,", "pad : pad + W], 2 * dw,"),
    "max_pool_backward_naive": ("layers", "part += np.where", "part[...] = np.where"),
    "spatial_groupnorm_forward": ("layers", "groups.var(axis=2, ", "groups.var(axis=2, ddof=1, "),
    "FullyConnectedNet": ("fc_net", 'grads[f"W{layer}"] += self.reg', 'grads[f"W{layer}"] += 2 * self.reg'),
    "FullyConnectedNet, in its test mode": ("fc_net", 'mode = "test" if y is None else "train"', 'mode = "train"'),
    "ThreeLayerConvNet": ("cnn", "grads[name] += self.reg", "grads[name] += 0 * self.reg"),
}
"""A slip in each kind of function of the second assignment: the file, what stands there, and what is there instead."""
KINDS = {
    "batchnorm_forward": "running",
    "softmax_loss": "losses",
    "dropout_forward": "dropout",
    "FullyConnectedNet": "networks",
    "ThreeLayerConvNet": "networks",
    "FullyConnectedNet, in its test mode": "running networks",
    "batchnorm_forward, in its test mode": "what comes of calls before",
    "dropout_forward, by its scale": "dropout's numbers",
    **dict.fromkeys(("sgd", "sgd_momentum", "rmsprop", "adam"), "rules"),
}
"""Of which kind the cases of a function are, where that is not the layers'."""


@pytest.mark.parametrize("name", OF_EACH_KIND)
def test_a_mistake_of_the_homework_has_a_script_that_shows_it(name: str, tmp_path: Path) -> None:
    OF_PARTS[name].variant().write(tmp_path)
    wrong = failing(MLP, tmp_path, of_parts(MLP, OF_PARTS[name].part))
    scripts = wrong.scripts()
    assert scripts
    for script in scripts:
        is_shown(MLP, script, tmp_path)


WRONG = {
    "3": Body("linear_layer.forward", "return X @ self.params['W']"),
    "4": Body("linear_layer.backward", "return None"),
    "5": Body("tanh.forward", "self.h = np.tanh(X)\nreturn self.h / 2"),
    "6": Body("tanh.backward", "return grad, grad"),
    "7": Body("relu.forward", "self.mask = X > 0\nreturn np.abs(X)"),
    "9": Body("dropout.backward", "return grad"),
}
"""A wrong form of each layer's functions, by their part."""


@pytest.mark.parametrize("part", WRONG)
def test_a_wrong_function_of_a_layer_has_a_script_that_shows_it(part: str, tmp_path: Path) -> None:
    changed(MLP, part, [Body(WRONG[part].function, f"X = X + 0\n{WRONG[part].statements}")]).write(tmp_path)
    wrong = failing(MLP, tmp_path, of_parts(MLP, part))
    scripts = wrong.scripts()
    assert {script.record.part for script in scripts} == {part}
    for script in scripts:
        is_shown(MLP, script, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("name", [*[*OF_PARTS][::5], *[*IN_MAIN][::9]])
def test_all_that_a_mistake_makes_wrong_is_shown_under_its_name(name: str, tmp_path: Path) -> None:
    mistake = {**OF_PARTS, **IN_MAIN}[name]
    mistake.variant().write(tmp_path)
    wrong = failing(MLP, tmp_path, of_parts(MLP, mistake.part), first=False)
    scripts = wrong.scripts()
    assert any(name in script.text.partition("\n")[0] for script in scripts)
    # What a few lines do not show again is something else of what has one, leaves nothing to expect, or may be right
    # by chance.
    shown = {script.record.quantity.partition(", ")[0] for script in scripts}
    asked = {r.quantity.partition(", ")[0] for r in wrong.records if r.verdict != Verdict.UNJUDGED}
    by_chance = {"training accuracy", "validation accuracy", "independence", "re-drawn masks"}
    assert asked - shown <= {*by_chance, "as a script", "random seed"}
    for script in scripts:
        is_shown(MLP, script, tmp_path)


@pytest.mark.parametrize("where", one_of_each(lambda where: KINDS.get(where, "layers"), SLIPS))
def test_a_slip_in_the_second_assignment_has_a_script_that_shows_it(where: str, tmp_path: Path) -> None:
    (file, old, new), part = SLIPS[where], where.partition(",")[0]
    write(tmp_path, unchanged(CS231N).files)
    path = next(tmp_path.rglob(f"{file}.py"))
    source = path.read_text(encoding="utf-8")
    assert source.count(old) == 1
    path.write_text(source.replace(old, new), encoding="utf-8")
    edition = "assignment-1" if part == "softmax_loss" else "2021-24"
    wrong = failing(CS231N, tmp_path, of_parts(CS231N, part), edition)
    own = [record for record in wrong.records if record.part == part]
    assert own
    for record in own:
        script = wrong.maker.script(record)
        assert isinstance(script, Script), script
        is_shown(CS231N, script, tmp_path)


# ---- what a script is


def test_inputs_are_as_small_as_the_failure_allows_and_the_name_is_the_mistakes(tmp_path: Path) -> None:
    body = "self.gradient['W'] = X.T @ grad / X.shape[0]\nself.gradient['b'] = grad.sum(axis=0, keepdims=True)\n"
    variant = changed(MLP, "mean", [Body("linear_layer.backward", body + "return grad @ self.params['W'].T")])
    variant.write(tmp_path)
    (script,) = failing(MLP, tmp_path, lambda case: case.name == "linear/tall/float64").scripts()
    # Two rows, since at one row a mean is a sum; one input and one output.
    (X,) = (line for line in script.text.splitlines() if line.startswith("X = "))
    assert np.shape(eval(X.removeprefix("X = "), {"np": np})) == (2, 1)
    assert "the gradient of W is averaged over the rows" in script.text


def test_main_is_asked_for_one_step_where_one_shows_it_and_for_eleven_epochs_where_it_takes_them(
    tmp_path: Path,
) -> None:
    for slip, sign in (
        (Swap('grad_h = model["drop1"].backward(h, grad_s)', "grad_h = grad_s"), '"num_epoch": 1,'),
        (Swap("if t % 10 == 0 and t != 0", "if t % 10 == 10"), '"num_epoch": 11,'),
    ):
        folder = tmp_path / sign[-3]
        changed(MLP, "main", [slip]).write(folder)
        wrong = failing(MLP, folder, lambda case: case.check == "main" and case.process == "wiring")
        script = wrong.maker.script(wrong.records[0])
        assert isinstance(script, Script)
        assert '"train": [[[0.5, 0.875]], [2]]' in script.text
        assert sign in script.text
        is_shown(MLP, script, folder)


def test_a_script_runs_on_its_own_and_prints_both_values_their_difference_and_the_error_bound(tmp_path: Path) -> None:
    (script, *_) = wrong_relu("self.mask = X > 0\nreturn np.abs(X)", tmp_path / "bad").scripts()
    shown = run_alone(script.text, tmp_path / "bad", tmp_path / "repro.py")
    assert shown.returncode == 1, shown.stderr
    name = "the magnitude of X in place of X in relu's output"
    for word in ("actual:", "expected:", "difference:", "error bound:", f"It fails: {name}"):
        assert word in shown.stdout
    is_shown(MLP, script, tmp_path / "bad")


def test_the_numbers_of_a_script_are_those_of_the_record_where_the_case_cannot_be_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script_maker, "EASIER", ())
    changed(MLP, "in halves", [Body("tanh.forward", "self.h = np.tanh(X)\nreturn self.h / 2")]).write(tmp_path)
    wrong = failing(MLP, tmp_path, lambda case: case.name == "tanh/one-row/float64")
    (record,) = (record for record in wrong.records if record.quantity == "output")
    as_they_are = replace(SCRIPTS, kinds={"elementwise": Shown(sizes=["none"])})
    networks = Networks(asking(MLP, tmp_path), asking(MLP, MLP.solution))
    script = ScriptMaker(MLP, as_they_are, networks, ScriptSetting("/nowhere", "2019"), 0).script(record)
    assert isinstance(script, Script)
    left: dict[str, Any] = {}
    outcome(script.text, tmp_path, left)
    assert record.gap is not None
    assert np.isclose(left["difference"], record.gap, rtol=1e-12).any()
    assert record.actual in left["actual"]
    assert record.expected is not None
    assert np.isclose(left["expected"], record.expected, rtol=1e-12).any()


def test_a_link_that_only_the_whole_network_shows_has_a_script(tmp_path: Path) -> None:
    """tanh's forward works in place, and its backward recomputes tanh from what is no longer u."""
    in_place = Body("tanh.forward", "return np.tanh(X, out=X)")
    changed(MLP, "in place", [in_place, Body("tanh.backward", "return grad * (1 - np.tanh(X) ** 2)")]).write(tmp_path)
    names = ("network/tanh-without-dropout/float64", "tanh/one-row/float64")
    wrong = failing(MLP, tmp_path, lambda case: case.name in names, first=False)
    assert [record.quantity for record in wrong.records] == ["activation gradient"]
    (script,) = wrong.scripts()
    is_shown(MLP, script, tmp_path)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("return X.missing", "AttributeError"),
        ("sys.exit(0)", "it ends the program"),
        ("self.mask = X > 0\nreturn np.maximum(X, 0).tolist()", "actual:   list"),
        ("self.mask = X > 0\nreturn np.maximum(X, 0).ravel()", "actual:   ndarray (1,)"),
    ],
)
def test_what_raises_or_returns_something_else_is_shown_as_that(body: str, shown: str, tmp_path: Path) -> None:
    wrong = wrong_relu(body, tmp_path)
    (record,) = (record for record in wrong.records if record.quantity == "output")
    script = wrong.maker.script(record)
    assert isinstance(script, Script)
    assert shown in is_shown(MLP, script, tmp_path)


@pytest.mark.parametrize("body", ["raise NotImplementedError", "pass"])
def test_what_is_not_written_yet_has_no_script(body: str, tmp_path: Path) -> None:
    wrong = wrong_relu(body, tmp_path)
    assert unwritten(wrong.all_records) == ("7",)
    assert not [record for record in wrong.records if record.part == "7"]
    (said,) = lines(Reproductions(unwritten=("7", "8")), Path("run"), LABELS)
    assert said == "No script for what is not implemented: TODO 7 and 8."


def test_where_files_cannot_be_imported_only_that_has_a_script() -> None:
    known = fake_record(part="utils", check="import", case="import", quantity="module", verdict="crashed")
    left = [fake_record(part=part, case=f"{part}/a/float64", verdict="missing") for part in ("7", "8")]
    assert chosen(MLP, [known, *left]) == [[known]]
    assert unwritten([known, *left]) == ()
    assert len(chosen(MLP, left)) == 0
    assert unwritten(left) == ("7", "8")


def test_a_mistake_of_which_several_quantities_are_wrong_has_one_script(tmp_path: Path) -> None:
    body = "self.gradient['W'], self.gradient['b'] = 0 * self.params['W'], 0 * self.params['b']\n"
    changed(MLP, "a", [Body("linear_layer.backward", body + "return grad @ self.params['W'].T")]).write(tmp_path)
    wrong = failing(MLP, tmp_path, lambda case: case.name == "linear/tall/float64")
    named = replace(wrong.records[0], diagnosis="a name")
    of_one = [named, replace(named, quantity="gradient of b"), replace(named, diagnosis="another")]
    assert [len(alike) for alike in chosen(MLP, of_one)] == [2, 1]


def test_what_does_not_come_back_is_stopped_by_an_alarm(tmp_path: Path) -> None:
    changed(MLP, "a", [Body("relu.forward", "while True:\n    pass")]).write(tmp_path / "bad")
    record = wrong_relu("return X", tmp_path / "other").records[0]
    late = Observation("", {}, {Key("output"): Failure("timeout", "", "")}, {}, (), 0.0)
    maker = maker_of(MLP, lambda *_: late, str(tmp_path / "bad"), seconds=1.0)
    script = maker.script(replace(record, verdict="timeout"))
    assert isinstance(script, Script)
    shown = run_alone(script.text, tmp_path / "bad", tmp_path / "repro.py")
    assert shown.returncode == 1
    assert "after 1 seconds it has not come back" in shown.stdout
    assert outcome(script.text, MLP.solution)[0] == 0


def test_nothing_that_a_submission_wrote_becomes_a_line(tmp_path: Path) -> None:
    sting = "\"\"\"\\nimport os; os.abort()  # '''"
    folder = tmp_path / 'a """ b\' \\ c'
    scripts = wrong_relu(f"raise ValueError({sting!r})", folder).scripts()
    assert scripts
    for script in scripts:
        assert "abort" not in script.text
        assert outcome(script.text, folder)[0] == 1


def test_the_fix_stands_below_as_a_comment_that_nothing_in_it_ends(tmp_path: Path) -> None:
    sting = "return X\rimport os; os.abort()"
    wrong = wrong_relu("return X", tmp_path)
    comment = mended([Fix("7", "neural_networks.py", 3, "the sign", sting, "return -X")], wrong.records[0])
    assert all(line.startswith("#") for line in comment.splitlines())
    assert "neural_networks.py, line 3, the sign" in comment
    assert "#   + return -X" in comment
    assert mended([Fix("8", "a.py", 3, "", "a", "b"), Fix("7", "a.py", 3)], wrong.records[0]) == ""


def test_a_submission_without_utils_and_one_whose_import_breaks_off_have_scripts_too(tmp_path: Path) -> None:
    files = changed(MLP, "a", [Body("relu.backward", "return grad.copy()")]).files
    wrong = failing(MLP, write(tmp_path / "whole", files), lambda case: case.name == "relu/one-row/float64")
    networks = Networks(asking(MLP, wrong.folder), asking(MLP, MLP.solution))
    broken = {**files, "neural_networks.py": f"{files['neural_networks.py']}\nraise RuntimeError"}
    alone = {"neural_networks.py": files["neural_networks.py"]}
    lent = ScriptSetting("/nowhere", "2019", fixtures={"utils": str(MLP.solution)})
    for name, handed_in, setting in (("alone", alone, lent), ("broken", broken, replace(lent, breaks_off=True))):
        assert MLP.reproductions is not None
        script = MLP.reproductions.reproducer(networks, setting, 0).script(wrong.records[0])
        assert isinstance(script, Script)
        is_shown(MLP, script, write(tmp_path / name, handed_in))


@pytest.mark.parametrize("assignment", [MLP, CS231N], ids=lambda assignment: assignment.name)
def test_an_import_that_fails_has_a_script_that_imports_alone(assignment: Assignment, tmp_path: Path) -> None:
    files = {name: f"{text}\nraise RuntimeError('odd')" for name, text in unchanged(assignment).files.items()}
    record = replace(wrong_relu("return X", tmp_path / "other").records[0], check="import", verdict="crashed")
    maker = maker_of(assignment, asking(assignment, assignment.solution), str(tmp_path))
    script = maker.script(record)
    assert isinstance(script, Script)
    assert "RuntimeError('odd')" in is_shown(assignment, script, write(tmp_path / "bad", files))


def test_a_script_that_would_also_fail_the_solution_is_not_given_out(tmp_path: Path) -> None:
    wrong = wrong_relu("self.mask = X > 0\nreturn X", tmp_path)
    assert isinstance(wrong.maker.script(wrong.records[0]), Script)
    ask = asking(MLP, tmp_path)
    assert MLP.reproductions is not None
    why = MLP.reproductions.reproducer(Networks(ask, ask), ScriptSetting("/nowhere", "2019"), 0).script(
        wrong.records[0]
    )
    assert isinstance(why, str)
    assert "does not fail in the same way" in why


# ---- which records have one, and the commands


def test_check_and_show_write_the_scripts(tmp_path: Path) -> None:
    files = changed(MLP, "a", [Body("relu.backward", "return grad.copy()")]).files
    bad, run = write(tmp_path / "bad", files), tmp_path / "run"
    arguments = [str(bad), "--part", "8", "--dtype", "float64", "--repro", "--out", str(run), "-q"]
    result = CliRunner().invoke(check, arguments, standalone_mode=False)
    assert result.return_value == 1, result.output
    files_made = list(run.glob("repro-*.py"))
    assert files_made
    for file in files_made:
        assert str(file) in result.output
        assert outcome(file.read_text(encoding="utf-8"), bad)[0] == 1
        file.unlink()
    shown = CliRunner().invoke(show, [str(run), "relu/one-row/float64", "--repro"], standalone_mode=False)
    assert shown.exception is None, shown.output
    assert len(list(run.glob("repro-*.py"))) == 1


def test_a_class_asks_the_solution_in_one_process_and_in_another_where_that_has_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Runner] = []
    known, edition = environment_of(MLP), MLP.editions.default
    run = replace(known, submission=str(tmp_path), edition=edition, isolation="none", seed=0)

    def runner(assignment: Assignment, folder: Path, *more: Any, **options: Any) -> Runner:
        made = runner_of(assignment, folder, *more, **options)
        begun.extend([made] if folder == MLP.solution else [])
        return made

    def scripts(body: str) -> int:
        records = wrong_relu(body, tmp_path).records
        return len(reproductions(MLP, records, run, servers=fork_servers(), handed_on=True).scripts)

    monkeypatch.setattr("parity_tests.harness.reproduce.runner_of", runner)
    reproduce._lasting.close()
    assert scripts("return X") == 2
    (used,) = [one for one in begun if one.process]
    assert scripts("return X / 2") == 2
    assert [one for one in begun if one.process] == [used]
    assert used.process
    used.process.kill()
    assert scripts("return X / 3") == 2
    reproduce._lasting.close()


def test_what_another_todo_explains_has_no_script_and_is_told_where_there_is_none_at_all(tmp_path: Path) -> None:
    changed(MLP, "a", [Body("tanh.forward", "self.h = np.tanh(X) / 2\nreturn self.h")]).write(tmp_path)
    names = ("tanh/one-row/float64", "network/tanh-without-dropout/float64")
    wrong = failing(MLP, tmp_path, lambda case: case.name in names, first=False)
    failed = [record for record in wrong.all_records if record.verdict in FAILING]
    echoes = [record for record in failed if record.explained_by == "5"]
    assert echoes
    assert not [record for record in wrong.records if record in echoes]
    alone = Reproductions(causes=("5",))
    assert lines(alone, Path("run"), LABELS) == ["What fails here is caused by TODO 5: see the script for that."]
    assert "caused by" not in "".join(lines(replace(alone, scripts={"repro.py": ""}), Path("run"), LABELS))


def test_what_agrees_has_no_script_and_what_none_can_show_is_said_with_the_reason(tmp_path: Path) -> None:
    for assignment in (MLP, CS231N):
        assert chosen(assignment, []) == []
    assert lines(Reproductions(), Path("run"), LABELS) == ["There is no discrepancy to write a script for."]
    wrong = wrong_relu("return X", tmp_path)
    why = wrong.maker.script(replace(wrong.records[0], verdict="memory"))
    assert isinstance(why, str)
    assert "memory" in why
    said = lines(Reproductions(without={"a, b": why}), Path("run"), LABELS)
    assert said == [f"No script for a, b: {why}."]
    several = Reproductions(without=dict.fromkeys(("a, b", "c, d", "e, f"), why))
    assert lines(several, Path("run"), LABELS) == [f"No script for a, b and 2 more: {why}."]
