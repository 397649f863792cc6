"""torch's answers outlive a process: they come back as they were, and what is not as it was is computed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from parity_tests.assignments.mlp.assignment import ASSIGNMENT as MLP
from parity_tests.harness import flow_answers, kept_answers
from parity_tests.harness.flow_answers import Answers, Form, answers, predicted
from parity_tests.harness.sandbox.runtime_files import user_cache
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case
from parity_tests.protocol.registry import find
from parity_tests.selftest.nightly import one_of_each
from reference.flow.evaluate import Answer as Computed

Parity = Callable[..., tuple[int, str, str]]
KEEPING = flow_answers.kept_between_processes
"""As it is outside of tests, which do without it (conftest)."""
CASE = Case("layer/a", "layer", "layer", "float32", "", {}, ())
X = np.array([[0.0, 1.5, -2.0], [1e-3, 0.0, 7.0]], np.float32)
LONG = torch.ones(2000)
"""So many numbers that torch shows some of them alone."""
CALLS: list[str] = []


def layer(x: torch.Tensor, scale: float) -> Mapping[str, torch.Tensor]:
    """A norm, whose sums have other forms, and the gradient of relu, which has two sides at 0."""
    CALLS.append("layer")
    x = x.detach().requires_grad_()
    (dx,) = torch.autograd.grad(torch.relu(x).sum(), x)
    return {"out": scale * torch.softmax(x, -1) / x.var(-1, keepdim=True), "dx": dx}


FORM = Form(layer, {"x": X, "scale": 2.0})


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("place", "kept"), [("homework3/solution", False), ("parity_tests/examples/course/solution", True)]
)
def test_of_an_assignment_that_no_state_of_parity_tells_nothing_is_kept(place: str, kept: bool) -> None:
    """A folder in Parity's checkout is somebody's own as well: its lines may be others the next time."""
    with KEEPING(replace(MLP, solution=kept_answers.ROOT / place)) as found:
        assert (found is not None) == kept


def asked(form: Form = FORM, assignment: Assignment | None = None) -> tuple[Answers, int]:
    """The answers to a form in a process that has answered nothing yet, with all that is known of them; the calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow_answers, "_answers", {})
        patch.setattr(flow_answers, "_predicted", type(flow_answers._predicted)())
        CALLS.clear()
        with KEEPING(assignment or find("cs231n")):
            known = answers(CASE, form, "cpu")
            everything(known)
            predicted(CASE, form, wide=True)
        return known, len(CALLS)


def everything(known: Answers) -> dict[str, Any]:
    """Whatever judges read of answers, as lists."""
    return {
        name: [
            *(
                one.value.tolist(),
                one.radius.tolist(),
                one.kind,
                one.undecided.tolist(),
                one.probability,
                one.conserved,
            ),
            [(a.value.tolist(), a.radius.tolist(), a.where.tolist(), a.note) for a in one.alternatives],
            {form: radius.tolist() for form, radius in one.form_bounds.items()},
            {form: radius.tolist() for form, radius in one.forms.items()},
            dict(one.conditions),
        ]
        for name, one in known.flowed.items()
    }


def test_a_second_process_is_told_all_that_the_first_has_computed_and_calls_no_reference() -> None:
    (first, calls), (second, later) = asked(), asked()
    assert calls > 5
    assert later == 0
    assert everything(second) == everything(first)
    assert second.flowed["dx"].alternatives
    assert second.flowed["out"].forms


@pytest.mark.parametrize("name", one_of_each(bool, ["dlai-c1w3", "cs231n", "mytorch"]))
def test_a_second_check_has_the_records_of_the_first_and_calls_no_reference(
    name: str, parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_answers, "kept_between_processes", KEEPING)
    runs = []
    for out in (tmp_path / "first", tmp_path / "second"):
        monkeypatch.setattr(flow_answers, "_answers", {})
        monkeypatch.setattr(flow_answers, "_predicted", type(flow_answers._predicted)())
        done = parity("check", "--assignment", name, "--shipped", "--out", out)
        assert done[0] == 0, done
        runs.append(pd.read_csv(out / "records.csv").drop(columns="seconds"))
        monkeypatch.setattr(Computed, "__init__", None)  # nothing is computed any more
    pd.testing.assert_frame_equal(runs[0], runs[1])


def test_what_was_judged_right_needs_no_torch_and_what_was_changed_since_is_judged_as_if_nothing_was_kept(
    tmp_path: Path,
) -> None:
    (tmp_path / "it").mkdir()
    file, source = tmp_path / "it" / "neural_networks.py", (MLP.solution / "neural_networks.py").read_text()
    wrong = source.replace("np.maximum(X, 0)", "np.minimum(X, 0)")

    def checked(text: str, cache: str, out: str) -> tuple[int, str]:
        """The exit status, and whether torch was imported, in a process of its own."""
        file.write_text(text)
        code = "import sys; from parity_tests.cli import main; status = main(); print('torch' in sys.modules)"
        code += "; sys.exit(status)"
        options = ["--todo", "7", "--todo", "8", "--dtype", "float64", "--out", str(tmp_path / out)]
        command = [sys.executable, "-c", code, "check", str(file.parent), *options]
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / cache)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()[-1]

    assert checked(source, "cache", "first") == (0, "True")
    assert checked(source, "cache", "second") == (0, "False")
    assert checked(wrong, "cache", "wrong") == (1, "True")
    assert checked(wrong, "empty", "alone") == (1, "True")
    for one, other in (("first", "second"), ("wrong", "alone")):
        runs = [pd.read_csv(tmp_path / name / "records.csv").drop(columns="seconds") for name in (one, other)]
        pd.testing.assert_frame_equal(runs[0], runs[1])
        facts = [json.loads((tmp_path / name / "environment.json").read_text()) for name in (one, other)]
        assert facts[0]["processor"] == facts[1]["processor"]
        assert facts[0]["threads"] == facts[1]["threads"]


def test_what_is_asked_beyond_what_was_kept_is_computed() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow_answers, "_answers", {})
        with KEEPING(find("cs231n")):
            answers(CASE, FORM, "cpu")  # bounds alone
    (second, calls), (third, later) = asked(), asked()
    assert calls > 0 == later
    assert everything(third) == everything(second)


def test_other_inputs_another_reference_or_another_note_are_other_questions() -> None:
    asked()
    for form in (
        Form(layer, {"x": X, "scale": 3.0}),
        Form(layer, {"x": X[::-1], "scale": 2.0}),
        Form(partial(other, layer), FORM.inputs),
        *(Form(times(factor), FORM.inputs) for factor in (2.0, 3.0, LONG, LONG + 1.0 * (torch.arange(2000) == 1000))),
        Form(layer, FORM.inputs, "a note"),
    ):
        assert asked(form)[1] > 0, form
        assert asked(form)[1] == 0, form


def other(inner: Any, x: torch.Tensor, scale: float) -> Mapping[str, torch.Tensor]:
    """Another function of the same inputs."""
    return dict(inner(x, scale))


def times(factor: Any) -> Any:
    """Functions of one name, which differ in what they close over."""
    return lambda x, scale: {"out": torch.as_tensor(factor)[..., None, None] * layer(x, scale)["out"]}


def test_a_reference_may_close_over_a_module_and_over_what_is_not_there_yet() -> None:
    library, form = torch, Form(lambda x, scale: {"out": library.softmax(layer(x, scale)["out"], -1)}, FORM.inputs)
    assert asked(form)[1] > 0 == asked(form)[1]

    def itself(x: torch.Tensor, scale: float) -> Mapping[str, torch.Tensor]:
        return layer(x, scale) if scale else later(x, scale)

    assert asked(Form(itself, FORM.inputs))[1] > 0
    later = itself


def test_a_reference_that_closes_over_what_no_text_describes_is_computed_each_time() -> None:
    unknown = iter(())
    form = Form(lambda x, scale: layer(x, scale) if unknown else {}, FORM.inputs)
    assert asked(form)[1] > 0
    assert asked(form)[1] > 0


def test_another_state_of_the_program_begins_anew_and_four_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for version in "abcdef":
        monkeypatch.setattr(kept_answers, "_installed", lambda package, version=version: (version,))
        assert asked()[1] > 0
        assert asked()[1] == 0
    assert len(kept_files()) == 4


DAMAGES = ["one byte", "the whole file", "another's message", "a text for a message", "another table"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_changed_in_the_file_is_computed_and_written_again(damage: str) -> None:
    first, _ = asked()
    asked(Form(layer, {"x": 2 * X, "scale": 2.0}))
    (file,) = kept_files()
    if damage == "the whole file":
        file.write_bytes(b"not a database")
    elif damage in DAMAGES[3:]:
        change = "UPDATE answers SET message = 'a text'" if damage == DAMAGES[3] else "ALTER TABLE answers RENAME TO it"
        with closing(sqlite3.connect(file)) as base, base:
            base.execute(change)
    else:
        with closing(sqlite3.connect(file)) as base, base:
            rows = base.execute("SELECT key, digest, message FROM answers").fetchall()
            for (key, digest, message), other in zip(rows, [*rows[1:], rows[0]], strict=True):
                wrong = (digest, message[:-1] + bytes([message[-1] ^ 1])) if damage == "one byte" else other[1:]
                base.execute("UPDATE answers SET digest = ?, message = ? WHERE key = ?", (*wrong, key))
    (again, calls), (_, later) = asked(), asked()
    assert calls > 0 == later
    assert everything(again) == everything(first)


def test_a_variable_by_which_torch_computes_otherwise_is_another_state(monkeypatch: pytest.MonkeyPatch) -> None:
    asked()
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    assert asked()[1] > 0 == asked()[1]
    monkeypatch.delenv("ONEDNN_DEFAULT_FPMATH_MODE")
    assert asked()[1] == 0


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    tmp_path.joinpath("parity").write_text("a file, where a folder is asked")
    assert asked()[1] > 0
    assert asked()[1] > 0


def test_what_another_folder_declares_is_not_kept(tmp_path: Path) -> None:
    foreign = replace(find("cs231n"), solution=tmp_path)
    assert asked(assignment=foreign)[1] > 0
    assert asked(assignment=foreign)[1] > 0
    assert kept_files() == []


def kept_files() -> list[Path]:
    """The files of answers, one for each state."""
    return sorted(user_cache().glob("answers/*.sqlite"))
