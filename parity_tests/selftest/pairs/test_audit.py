"""`parity audit`: which faults a file's typed tolerances let pass, by the comparisons that it makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parity_tests.cli import main

TESTS = """
import numpy as np
import torch
from theirs_audited import compares
from torch.testing import assert_close

X = torch.tensor([[1e-3, -2e-3], [3e-3, 0.0]])



def test_wide():
    assert_close(X, X + 1e-6, rtol=1e-2, atol=1e-2)


def test_narrow():
    assert torch.allclose(X, X)
    np.testing.assert_allclose(1000 * X.numpy(), 1000 * X.numpy(), rtol=1e-2)


def test_only_small_elements_pass():
    np.testing.assert_almost_equal(np.array([1.0, 1e-9]), np.array([1.0, 2e-9]))


def test_integers():
    np.testing.assert_almost_equal(np.array([1, 0, 300]), np.array([1.0, 0.0, 300.0]))


def test_only_0():
    assert torch.allclose(0 * X, 0 * X)


def test_a_function_of_its_own():
    compares(X, X, eps=1.0)


def test_fails():
    assert_close(X, X + 1)
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "test_theirs_audited.py"
    path.write_text(TESTS, encoding="utf-8")
    own = "def compares(one, other, eps):\n    assert abs(one - other).max() <= eps\n"
    path.with_name("theirs_audited.py").write_text(own, encoding="utf-8")
    return path


def test_each_place_that_compares_is_tried_with_faults(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Zeros and the other sign pass at 1e-2 where numbers are small; a failing test is not tried."""
    assert main(["audit", str(file), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["tests"], found["failed"]) == (7, 1)
    gates = {TESTS.splitlines()[gate["line"] - 1].strip(): gate for gate in found["gates"]}
    wide = next(gate for line, gate in gates.items() if "atol=1e-2" in line)
    assert (wide["function"], wide["tolerance"]) == ("assert_close", "rtol=0.01, atol=0.01")
    assert wide["passed"] == {"zeros": 1, "other sign": 1, "1 % off": 1, "one element 0": 3}
    assert wide["asked"]["one element 0"] == 3, "an element that is 0 is no fault"
    told = next(gate for line, gate in gates.items() if "torch.allclose(X, X)" in line)
    assert not any(told["passed"].values())
    small = next(gate for line, gate in gates.items() if "1e-9" in line)
    assert small["passed"] == {"zeros": 0, "other sign": 0, "1 % off": 0, "one element 0": 1}
    assert len(gates) == 6
    assert main(["audit", str(file), "-k", "narrow or integers"]) == 0
    assert "Each of 3 comparisons tells zeros and the other sign." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("chosen", "said", "told"),
    [
        ("only_0", "No fault could be tried, and nothing is known, at test_theirs_audited.py:29.", False),
        ("only_0 or integers", "Each of 1 comparisons that could be tried tells zeros", True),
        ("own", "no comparison of numbers passes in them", False),
    ],
)
def test_what_could_not_be_tried_is_said_and_counts_as_nothing_told(
    file: Path, capsys: pytest.CaptureFixture[str], chosen: str, said: str, told: bool
) -> None:
    assert main(["audit", str(file), "-k", chosen]) == 2
    out = capsys.readouterr().out
    assert said in out
    assert ("tells zeros" in out) is told


def test_a_function_of_ones_own_is_audited_too(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ["audit", str(file), "-k", "own", "--compares", "theirs_audited:compares"]
    assert main(own) == 1
    out = capsys.readouterr().out
    assert "compares(its defaults)" in out
    assert "Zeros would pass 1 of 1 comparisons" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.py"], "there is no file nowhere.py"),
        (["test_theirs_audited.py", "-k", "nothing"], "pytest collects no tests there"),
        (["test_theirs_audited.py", "--compares", "json:frobnicate"], "there is no function json:frobnicate"),
        (["broken.py"], "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_audited_is_a_sentence(
    file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    Path("broken.py").write_text("1 / 0\n")
    assert main(["audit", *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
