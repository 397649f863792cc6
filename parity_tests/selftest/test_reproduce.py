"""The scripts that `--repro` writes: each shows its failure on the submission, and none on the shipped network."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.mistakes import MISTAKES
from parity_tests.assignments.mlp.reproduce.script_maker import ScriptMaker
from parity_tests.cli.check import check
from parity_tests.cli.show import show
from parity_tests.harness.check import check as check_network
from parity_tests.harness.reproduce import Reproductions, chosen, explained, lines, reproductions
from parity_tests.proof import judged_variants
from parity_tests.proof.mistakes import parts_of
from parity_tests.proof.variants import Variant
from parity_tests.protocol.case import json_params
from parity_tests.protocol.mistake import Body, Mistake, Swap
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.reproduction import Networks, ScriptSetting
from parity_tests.selftest.nightly import one_in
from parity_tests.selftest.runners import write
from parity_tests.selftest.shipped_variants import changed, in_process, records, shipped, with_mistake
from reports.model.environment import Environment
from reports.model.records import Record
from reports.model.verdicts import FAILING

RIGHT = ASSIGNMENT.solution
LABELS = {part.id: part.label for part in ASSIGNMENT.parts}


pytestmark = pytest.mark.usefixtures("one_thread")


def made(variant: Variant, found: Sequence[Record], folder: Path, **options: Any) -> Reproductions:
    """The reproductions of these records of a variant, which is written into a folder."""
    write(folder, variant.files)
    environment = Environment(submission=str(folder), edition="2019", seed=0, isolation="none")
    return reproductions(ASSIGNMENT, found, environment, **options)


def forget_submissions() -> None:
    """Let the next import find the files of whichever folder comes first by then."""
    for name in ("neural_networks", "utils"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()


def outcome(text: str, folder: Path) -> int:
    """The exit status of a script, run in this process; 1 where it raises, as Python would give."""
    argv, path, place, state = list(sys.argv), list(sys.path), Path.cwd(), np.random.get_state()
    sys.argv = ["repro.py", str(folder)]
    forget_submissions()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(text, "repro.py", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:
        return 1
    finally:
        os.chdir(place)
        sys.argv[:], sys.path[:] = argv, path
        np.random.set_state(state)
        forget_submissions()
    return 0


def run_alone(text: str, folder: Path, file: Path) -> subprocess.CompletedProcess[str]:
    """A script run by Python, as whoever reads it would."""
    file.write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-B", str(file), str(folder)]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, encoding="utf-8", check=False, cwd=file.parent,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


FORMULAS = [mistake for mistake in MISTAKES if mistake.formula is not None]
DRAWS = [mistake for mistake in MISTAKES if mistake.experiment is not None]
MAIN = [mistake for mistake in MISTAKES if mistake.part == "10"]


@pytest.mark.parametrize(
    "mistake",
    one_in(3, [*FORMULAS[::23], *DRAWS[::9], *MAIN[::9]]),
    ids=lambda mistake: f"{mistake.part}: {mistake.name}",
)
def test_a_script_shows_its_failure_and_the_shipped_network_does_not(mistake: Mistake, tmp_path: Path) -> None:
    variant = with_mistake(mistake)
    found = judged_variants.records(ASSIGNMENT, variant, parts=parts_of(ASSIGNMENT, mistake.part, mistake.shows_in))
    made_of = made(variant, found, tmp_path / "bad")
    assert made_of.scripts
    # What a few lines do not show again is said, where they show something else of the same case, or where it may be
    # right by chance: an accuracy of few examples, a mask at a small rate.
    failing = {f"{record.case}, {record.quantity}" for record in found if record.verdict in FAILING}
    shown = {name.partition(", ")[0] for name in failing - made_of.without.keys()}
    by_chance = (" accuracy", ", independence")
    assert all(name.partition(", ")[0] in shown or name.endswith(by_chance) for name in made_of.without)
    assert any(mistake.name in text.partition("\n")[0] for text in made_of.scripts.values())
    for text in made_of.scripts.values():
        assert outcome(text, tmp_path / "bad") == 1, text
        assert outcome(text, RIGHT) == 0, text
        assert text.count("\n") <= 65
        assert "parity_tests" not in text


def test_inputs_are_as_small_as_the_failure_allows(tmp_path: Path) -> None:
    body = "self.gradient['W'] = X.T @ grad / X.shape[0]\nself.gradient['b'] = grad.sum(axis=0, keepdims=True)\n"
    variant = changed("mean", [Body("linear_layer.backward", body + "return grad @ self.params['W'].T")])
    found = made(variant, records(variant, lambda case: case.check == "linear"), tmp_path / "bad")
    text = found.scripts["repro-part-4-linear-gradient-of-w.py"]
    # Two rows, since at one row a mean is a sum; one input and one output.
    assert "X = np.array([[1.0], [2.0]])" in text
    assert "the gradient of W is averaged over the rows" in text


def test_main_is_asked_for_one_step_where_one_shows_it_and_for_eleven_epochs_where_it_takes_them(
    tmp_path: Path,
) -> None:
    for slip, sign in (
        (Swap('grad_h = model["drop1"].backward(h, grad_s)', "grad_h = grad_s"), '"num_epoch": 1,'),
        (Swap("if t % 10 == 0 and t != 0", "if t % 10 == 10"), '"num_epoch": 11,'),
    ):
        variant = changed("main", [slip])
        found = made(
            variant,
            records(variant, lambda case: case.check == "main" and case.process == "wiring"),
            tmp_path / sign[-3],
        )
        assert found.scripts
        for text in found.scripts.values():
            assert '"train": [[[0.5, 0.875]], [2]]' in text
            assert sign in text


def test_a_script_runs_on_its_own_and_prints_got_want_and_allowance(tmp_path: Path) -> None:
    variant = changed("a", [Body("relu.forward", "self.mask = X > 0\nreturn np.abs(X)")])
    found = made(variant, records(variant, lambda case: case.check == "relu"), tmp_path / "bad")
    text = next(iter(found.scripts.values()))
    shown = run_alone(text, tmp_path / "bad", tmp_path / "repro.py")
    assert shown.returncode == 1, shown.stderr
    for word in ("got:", "want:", "allowance:", "It fails: the output is |u|"):
        assert word in shown.stdout
    silent = run_alone(text, RIGHT, tmp_path / "repro.py")
    assert silent.returncode == 0, silent.stderr
    assert "It agrees." in silent.stdout


def test_a_link_that_only_the_whole_network_shows_has_a_script(tmp_path: Path) -> None:
    """tanh's forward works in place, and its backward recomputes tanh from what is no longer u."""
    variant = changed(
        "in place",
        [
            Body("tanh.forward", "return np.tanh(X, out=X)"),
            Body("tanh.backward", "return grad * (1 - np.tanh(X) ** 2)"),
        ],
    )
    found = records(variant, lambda case: case.name in ("network/tanh-without-dropout/float64", "tanh/one-row/float64"))
    assert [record.quantity for record in chosen(ASSIGNMENT, found)] == ["activation gradient"]
    scripts = made(variant, found, tmp_path / "bad").scripts
    (text,) = scripts.values()
    assert outcome(text, tmp_path / "bad") == 1
    assert outcome(text, RIGHT) == 0


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("return X.missing", "AttributeError"),
        ("raise NotImplementedError", "NotImplementedError"),
        ("sys.exit(0)", "it ends the program"),
        ("self.mask = X > 0\nreturn np.maximum(X, 0).tolist()", "got:  list"),
        ("self.mask = X > 0\nreturn np.maximum(X, 0).ravel()", "got:  ndarray (1,)"),
        ("pass", "got:  NoneType"),
    ],
)
def test_what_raises_or_returns_something_else_is_shown_as_that(body: str, shown: str, tmp_path: Path) -> None:
    variant = changed("a", [Body("relu.forward", body)])
    found = [r for r in records(variant, lambda case: case.name == "relu/one-row/float64") if r.quantity == "output"]
    (text,) = made(variant, found, tmp_path / "bad").scripts.values()
    result = run_alone(text, tmp_path / "bad", tmp_path / "repro.py")
    assert result.returncode == 1
    assert shown in result.stdout + result.stderr
    assert outcome(text, RIGHT) == 0


def test_what_does_not_come_back_is_stopped_by_an_alarm(tmp_path: Path) -> None:
    variant = changed("a", [Body("relu.forward", "while True:\n    pass")])
    (record,) = (
        replace(r, verdict="timeout")
        for r in records(shipped(), lambda case: case.name == "relu/one-row/float64")
        if r.quantity == "output"
    )
    (text,) = made(variant, [record], tmp_path / "bad", timeout=1.0).scripts.values()
    shown = run_alone(text, tmp_path / "bad", tmp_path / "repro.py")
    assert shown.returncode == 1
    assert "after 1 seconds it has not come back" in shown.stdout
    assert run_alone(text, RIGHT, tmp_path / "repro.py").returncode == 0


def test_nothing_that_a_submission_wrote_becomes_a_line(tmp_path: Path) -> None:
    sting = "\"\"\"\\nimport os; os.abort()  # '''"
    variant = changed("a", [Body("relu.forward", f"raise ValueError({sting!r})")])
    found = records(variant, lambda case: case.name == "relu/one-row/float64")
    folder = tmp_path / 'a """ b\' \\ c'
    for text in made(variant, found, folder).scripts.values():
        assert "abort" not in text
        compile(text, "repro.py", "exec")
        assert outcome(text, folder) == 1


def test_a_submission_without_utils_and_one_whose_import_breaks_off_have_scripts_too(tmp_path: Path) -> None:
    variant = changed("a", [Body("relu.backward", "return grad.copy()")])
    source = {"neural_networks.py": variant.files["neural_networks.py"]}
    broken = {
        "neural_networks.py": f"{variant.files['neural_networks.py']}\nraise RuntimeError",
        "utils.py": variant.files["utils.py"],
    }
    for name, files, expected in (("alone", source, {"8"}), ("broken", broken, {"8", "utils"})):
        folder = write(tmp_path / name, files)
        run = check_network(ASSIGNMENT, folder, parts=frozenset({"8"}), dtypes=("float64",))
        found = reproductions(ASSIGNMENT, run.records, run.environment)
        assert not found.without
        assert {text.split(",")[0].split()[-1] for text in found.scripts.values()} == expected
        for text in found.scripts.values():
            assert outcome(text, folder) == 1, text
            assert outcome(text, RIGHT) == 0, text


def _asked(variant: Variant, folder: Path) -> Any:
    runner = in_process(write(folder, variant.files))

    def ask(case: Any, arrays: Any, seed: int) -> Observation:
        return runner.ask(case.name, case.probe, json_params(case.params), arrays, seed=seed)

    return ask


def test_a_script_that_would_also_fail_the_shipped_network_is_not_given_out(tmp_path: Path) -> None:
    variant = changed("a", [Body("relu.backward", "return grad.copy()")])
    record = chosen(ASSIGNMENT, records(variant, lambda case: case.name == "relu/one-row/float64"))[0]
    bad, good = _asked(variant, tmp_path / "bad"), _asked(shipped(), tmp_path / "good")
    setting = ScriptSetting("/nowhere", "2019")
    assert not isinstance(ScriptMaker(Networks(bad, good), setting, 0).script(record), str)
    why = ScriptMaker(Networks(bad, bad), setting, 0).script(record)
    assert isinstance(why, str)
    assert "does not fail in the same way" in why


def test_check_and_show_write_the_scripts(tmp_path: Path) -> None:
    variant = changed("a", [Body("relu.backward", "return grad.copy()")])
    bad = write(tmp_path / "bad", variant.files)
    run = tmp_path / "run"
    arguments = [str(bad), "--part", "8", "--dtype", "float64", "--repro", "--out", str(run), "-q"]
    result = CliRunner().invoke(check, arguments, standalone_mode=False)
    assert result.return_value == 1, result.output
    files = list(run.glob("repro-*.py"))
    assert files
    for file in files:
        assert str(file) in result.output
        assert outcome(file.read_text(encoding="utf-8"), bad) == 1
        file.unlink()
    shown = CliRunner().invoke(show, [str(run), "relu/one-row/float64", "--repro"], standalone_mode=False)
    assert shown.exception is None, shown.output
    assert len(list(run.glob("repro-*.py"))) == 1


def test_what_another_todo_explains_has_no_script_and_is_counted() -> None:
    variant = changed("a", [Body("tanh.forward", "self.h = np.tanh(X) / 2\nreturn self.h")])
    found = records(variant, lambda case: case.check in ("tanh", "network"))
    failing = [record for record in found if record.verdict in FAILING]
    echoes = [record for record in failing if record.explained_by == "5"]
    assert echoes
    assert explained(found) == {"5": len(echoes)}
    assert not [record for record in chosen(ASSIGNMENT, found) if record in echoes]
    assert lines(Reproductions(explained={"5": 3}), Path("run"), LABELS) == [
        "TODO 5 explains 3 more failing quantities: they need no script of their own."
    ]


def test_what_agrees_has_no_script_and_what_none_can_show_is_said_with_the_reason(tmp_path: Path) -> None:
    assert chosen(ASSIGNMENT, []) == []
    assert lines(Reproductions(), Path("run"), LABELS) == ["There is no discrepancy to write a script for."]
    record = replace(records(shipped(), lambda case: case.name == "relu/one-row/float64")[0], verdict="memory")
    ask = _asked(shipped(), tmp_path)
    why = ScriptMaker(Networks(ask, ask), ScriptSetting("/nowhere", "2019"), 0).script(record)
    assert isinstance(why, str)
    assert "memory" in why
    said = lines(Reproductions(without={"a, b": why}), Path("run"), LABELS)
    assert said == [f"No script for a, b: {why}."]
