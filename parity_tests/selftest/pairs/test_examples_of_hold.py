"""The five uses of `hold` that the examples show: each runs as it stands, and fails where its code is spoilt."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from parity_tests.cli import main

FOLDER = Path(__file__).parents[2] / "examples" / "hold"
SCRIPTS = {
    "course_layer": ("(up * normal).mean", "(up * normal).sum"),
    "port_to_cpp": ("out[j] /= sum", "out[j] /= sum + 1e-3f"),
    "kernel": ("+ 16] @ w", "+ 15] @ w"),
    "optimizer": ("0.001 * g", "0.002 * g"),
}
"""What is replaced in each script to spoil the code that it holds."""


def run(text: str) -> None:
    """A script, in this process, which has torch already."""
    exec(compile(text, "script.py", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_as_it_stands_and_fails_where_its_code_is_spoilt(name: str) -> None:
    if name == "port_to_cpp" and shutil.which("g++") is None:
        pytest.skip("there is no g++ to build the port with")
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    run(text)
    old, new = SCRIPTS[name]
    assert text.count(old) == 1
    with pytest.raises((AssertionError, RuntimeError)):
        run(text.replace(old, new))


def test_the_model_in_ci_is_a_file_of_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (FOLDER / "model_in_ci.py").read_text(encoding="utf-8")
    spoilt = tmp_path / "spoilt.py"
    spoilt.write_text(text.replace("+ b2", "+ b2 * 1.001"), encoding="utf-8")
    assert main(["hold", str(FOLDER / "model_in_ci.py"), "--out", str(tmp_path / "run"), "-q"]) == 0
    assert main(["hold", str(spoilt), "--out", str(tmp_path / "run"), "-q"]) == 1
    assert "my model" in capsys.readouterr().out


def test_what_stands_beside_the_users_own_code_is_under_ten_lines() -> None:
    for name in SCRIPTS:
        beside = (FOLDER / f"{name}.py").read_text(encoding="utf-8").partition("# beside it\n")[2]
        lines = [line for line in beside.splitlines() if line.strip()]
        limit = 14 if name == "optimizer" else 10  # a reference of several steps is a function
        assert 0 < len(lines) < limit, name
