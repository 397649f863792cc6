"""An assignment that somebody else wrote and whose functions raise: named with what was raised, and status 3."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from parity_tests.selftest.toy.assignment import TOY

Parity = Callable[..., tuple[int, str, str]]
FOREIGN = """
from dataclasses import replace

from parity_tests.protocol.kind import Kind
from parity_tests.selftest.toy.assignment import TOY


def broken(*args):
    raise KeyError("no such setting")


call = TOY.kinds["call"]
PLAN = replace(TOY, name="foreign", plan=broken)
DRAW = replace(TOY, name="foreign", kinds={"call": Kind(broken, call.judge)})
JUDGE = replace(TOY, name="foreign", kinds={"call": Kind(call.draw, broken)})
BLAME = replace(TOY, name="foreign", blame=broken)
"""
RAISED = "of the assignment foreign raised KeyError: 'no such setting'"
SAID = {
    "PLAN": f"this is the assignment's fault, not the submission's: the plan {RAISED}",
    "DRAW": "this is the assignment's fault, not the submission's: the draw for softplus/float64 ",
    "BLAME": f"this is the assignment's fault, not the submission's: the blame {RAISED}",
}


@pytest.fixture
def submission(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The toy's own solution, handed in for an assignment in a module of this test's own."""
    module = "".join(c for c in request.node.name if c.isalpha())
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / f"{module}.py").write_text(textwrap.dedent(FOREIGN), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "homework").mkdir()
    (tmp_path / "homework" / "softplus.py").write_bytes((TOY.solution / "softplus.py").read_bytes())
    (tmp_path / "module").write_text(module)
    return tmp_path / "homework"


@pytest.mark.parametrize("which", SAID)
def test_what_its_functions_raise_is_said_with_its_name(parity: Parity, submission: Path, which: str) -> None:
    named = f"{Path('module').read_text()}:{which}"
    status, _, err = parity("check", submission, "--assignment", named, "--out", "run")
    assert status == 3
    assert SAID[which] in err
    assert RAISED in err
    assert "it is for whoever wrote the assignment" in err
    assert not Path("run").exists()


def test_a_judge_that_raises_is_named_in_every_record(parity: Parity, submission: Path) -> None:
    named = f"{Path('module').read_text()}:JUDGE"
    status, out, err = parity("check", submission, "--assignment", named, "--out", "run")
    assert status == 3
    assert f"the judge {RAISED}" in " ".join((out + err).split())


def test_a_class_of_such_an_assignment_ends_the_same_way(parity: Parity, submission: Path) -> None:
    named = f"{Path('module').read_text()}:PLAN"
    status, _, err = parity("grade", submission, "--assignment", named, "--out", "out")
    assert status == 3
    assert f"the plan {RAISED}" in err


def test_one_that_raises_nothing_is_checked(parity: Parity, submission: Path) -> None:
    assert (
        parity("check", submission, "--assignment", "parity_tests.selftest.toy.assignment:TOY", "--out", "run")[0] == 0
    )
