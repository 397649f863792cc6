"""The scripts that `--repro` writes: each shows its failure on the submission, and none on the shipped network."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from parity_tests.assignment.diagnoses import MISTAKES
from parity_tests.assignment.diagnoses.base import Body, Mistake
from parity_tests.assignment.reproduce import Script, chosen, script
from parity_tests.assignment.verdicts import json_params
from parity_tests.cli.check import check
from parity_tests.cli.show import show
from parity_tests.selfproof.asking import records
from parity_tests.selfproof.in_process import Asker
from parity_tests.selfproof.mistakes import wanted
from parity_tests.selfproof.variants import Variant, changed, shipped, with_mistake
from parity_tests.selftest.asking import write
from reports.records import Record


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The arrays are small: threads would only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made(variant: Variant, found: Sequence[Record], folder: Path) -> list[Script]:
    """The scripts for these records of a variant that lies in a folder."""
    asker = Asker(variant)
    kept, _ = chosen(found)
    scripts = [
        script(
            record,
            lambda case, arrays, seed: asker.ask(case.name, case.probe, json_params(case.params), arrays, seed),
            str(folder),
            "2019",
            0,
        )
        for record in kept
    ]
    assert None not in scripts
    return [one for one in scripts if one is not None]


def outcome(text: str, folder: Path) -> int:
    """The exit status of a script, run in this process; 1 where it raises, as Python would give."""
    argv, path, state = list(sys.argv), list(sys.path), np.random.get_state()
    sys.argv = ["repro.py", str(folder)]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(text, "repro.py", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        return int(str(end.code or 0))
    except Exception:
        return 1
    finally:
        sys.argv[:], sys.path[:] = argv, path
        np.random.set_state(state)
        for name in ("neural_networks", "utils"):
            sys.modules.pop(name, None)
    return 0


FORMULAS = [mistake for mistake in MISTAKES if mistake.formula is not None]


@pytest.mark.parametrize("mistake", FORMULAS[::9], ids=lambda mistake: f"{mistake.todo}: {mistake.name}")
def test_a_script_shows_its_failure_and_the_shipped_network_does_not(mistake: Mistake, tmp_path: Path) -> None:
    variant = with_mistake(mistake)
    bad, good = write(tmp_path / "bad", variant.files()), write(tmp_path / "good", shipped().files())
    scripts = made(variant, records(variant, wanted(mistake)), bad)
    assert any(mistake.name in one.record.diagnosis.split("; ") for one in scripts)
    for one in scripts:
        assert outcome(one.text, bad) == 1, one.text
        assert outcome(one.text, good) == 0, one.text
        assert one.text.count("\n") <= 50
        assert "parity" not in one.text.replace(str(tmp_path), "").lower()


def test_inputs_are_as_small_as_the_failure_allows(tmp_path: Path) -> None:
    body = "self.gradient['W'] = X.T @ grad / X.shape[0]\nself.gradient['b'] = grad.sum(axis=0, keepdims=True)\n"
    variant = changed("mean", [Body("linear_layer.backward", body + "return grad @ self.params['W'].T")])
    (one,) = made(variant, records(variant, lambda case: case.check == "linear"), tmp_path)
    # Two rows, since at one row a mean is a sum; one input and one output.
    assert "X = np.array([[[1.0], [2.0]]])" in one.text
    assert one.record.diagnosis == "the gradient of W is averaged over the rows"
    assert one.record.diagnosis in one.text


def test_a_script_runs_on_its_own_and_prints_got_want_and_allowance(tmp_path: Path) -> None:
    variant = changed("a", [Body("relu.forward", "self.mask = X > 0\nreturn np.abs(X)")])
    bad, good = write(tmp_path / "bad", variant.files()), write(tmp_path / "good", shipped().files())
    (one, *_) = made(variant, records(variant, lambda case: case.check == "relu"), bad)
    file = tmp_path / "repro.py"
    file.write_text(one.text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONIOENCODING": "utf-8"}
    run = [sys.executable, "-B", str(file)]
    shown = subprocess.run(run, capture_output=True, text=True, env=environment, encoding="utf-8", check=False)
    assert shown.returncode == 1, shown.stderr
    for word in ("got:", "want:", "allowance:", "it fails: the output is |u|"):
        assert word in shown.stdout
    assert outcome(one.text, good) == 0


def test_check_and_show_write_the_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variant = changed("a", [Body("relu.backward", "return grad.copy()")])
    bad = write(tmp_path / "bad", variant.files())
    run = tmp_path / "run"
    arguments = [str(bad), "--todo", "8", "--dtype", "float64", "--repro", "--out", str(run), "-q"]
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


def test_what_agrees_has_no_script_and_what_cannot_be_shrunk_is_said() -> None:
    assert chosen([]) == ([], [])
    variant = changed("a", [Body("linear_layer.__init__",
                                 "self.params = {'W': np.ones((input_D, output_D)), 'b': np.ones((1, output_D))}\n"
                                 "self.gradient = {k: np.zeros_like(v) for k, v in self.params.items()}")])  # fmt: skip
    kept, other = chosen(records(variant, lambda case: case.probe == "init"))
    assert kept == []
    assert {record.quantity for record in other} >= {"distribution of W", "distribution of b"}
