"""The GitHub action and the pre-commit hook: what they say is valid, and their commands are commands of ours."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from parity_tests.cli import cli
from parity_tests.examples import sessions
from parity_tests.protocol.registry import find
from parity_tests.selftest.test_cli import FakeCheck, Parity, fake  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]


def action() -> Any:
    return yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def test_the_action_is_composite_and_every_input_it_uses_is_declared() -> None:
    found = action()
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert found["runs"]["using"] == "composite"
    used = set(re.findall(r"inputs\.([\w-]+)", text))
    assert used == set(found["inputs"])
    for step in found["runs"]["steps"]:
        assert ("uses" in step) != (step.get("shell") == "bash" and "run" in step)
        assert "${{" not in step.get("run", ""), "an input in a script's text could be a command"


def test_the_actions_script_checks_writes_junit_and_keeps_the_exit_status(tmp_path: Path) -> None:
    """With a `parity` of the test's own in its place, which fails with 1 and says what it was asked."""
    stand_in = tmp_path / "parity" / "bin" / "parity"
    stand_in.parent.mkdir(parents=True)
    stand_in.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        "print(sys.argv[1:])\n"
        "folder = pathlib.Path('my run')\n"
        "folder.mkdir(exist_ok=True)\n"
        "(folder / 'records.parquet').touch()\n"
        "sys.exit(sys.argv[1] == 'check')\n"
    )
    stand_in.chmod(0o755)
    (step,) = [step for step in action()["runs"]["steps"] if step.get("name") == "Check"]
    environment = {
        "RUNNER_TEMP": str(tmp_path),
        "SUBMISSION": "a b",
        "PAIRS": "",
        "OPTIONS": "--strict --seed 3",
        "RUN_FOLDER": "my run",
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines() == [
        "['check', 'a b', '--out', 'my run', '--github', '--strict', '--seed', '3']",
        "['report', 'my run', '--format', 'junit', '--out', 'my run/junit.xml']",
        "['report', 'my run', '--format', 'sarif', '--out', 'my run/parity.sarif']",
    ]
    environment["OPTIONS"] = ""
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == "['check', 'a b', '--out', 'my run', '--github']"
    environment |= {"PAIRS": "my pairs.py", "SUBMISSION": "."}
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == "['hold', 'my pairs.py', '--out', 'my run', '--github']"


def test_the_action_installs_what_the_code_imports_too(tmp_path: Path) -> None:
    """With a pip of the test's own, in a venv that a stand-in for python makes."""
    pip, python = tmp_path / "parity" / "bin" / "pip", tmp_path / "bin" / "python"
    for stand_in, line in ((pip, 'printf "%s " "$@"'), (python, "true")):
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.write_text(f"#!/bin/sh\n{line}\n")
        stand_in.chmod(0o755)
    (step,) = [step for step in action()["runs"]["steps"] if step.get("name") == "Install Parity"]
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    for packages, asked in (("scipy ./mine", "install --quiet . scipy ./mine"), ("", "install --quiet .")):
        names = {"RUNNER_TEMP": str(tmp_path), "ACTION": ".", "TORCH_INDEX": "", "PACKAGES": packages, "PATH": path}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, env={**os.environ, **names}, capture_output=True, text=True)
        assert (done.returncode, done.stdout.strip()) == (0, asked)


def steps_of_ours(workflow: str) -> list[dict[str, Any]]:
    return [
        step
        for job in yaml.safe_load(workflow)["jobs"].values()
        for step in job["steps"]
        if step.get("uses", "").startswith("OWNER/parity@")
    ]


def test_workflows_that_are_shown_give_inputs_that_the_action_has() -> None:
    shown = (block for page in sessions.pages() for block in sessions.blocks(page.read_text(encoding="utf-8")))
    files = {block.file: block.content for block in shown if block.file.startswith(".github/")}
    assert len(files) == 3
    for content in files.values():
        (step,) = steps_of_ours(content)
        assert step["with"].keys() <= action()["inputs"].keys()
    wrong = next(iter(files.values())).replace("pairs:", "folder:")
    assert not steps_of_ours(wrong)[0]["with"].keys() <= action()["inputs"].keys()


def test_the_hooks_entry_is_a_command_of_ours(fake: FakeCheck, parity: Parity) -> None:  # noqa: F811
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, command, *options = shlex.split(hook["entry"])
    assert program == "parity"
    assert command in cli.commands
    Path("my-network").mkdir()
    Path("my-network", "neural_networks.py").touch()
    assert parity(command, *options, "my-network")[0] == 0
    assert fake.asked[0][0] == Path("my-network")
    assert parity(command, *options)[0] == 2, "without a folder it would pass on the shipped network"
    assert parity(command, "", *options)[0] == 2, "so would the action, whose input may be empty"
    assert len(fake.asked) == 1
    assert hook["pass_filenames"] is False
    for name, wanted in (("neural_networks.py", True), ("a/utils.py", True), ("my_utils.py", False), ("a.txt", False)):
        assert bool(re.search(hook["files"], name)) is wanted
    layouts = [find(name).layout for name in ("mlp", "cs231n")]
    asked = [file for layout in layouts for file in (*layout.sources, layout.support_file)]
    assert [file for file in asked if file and not re.search(hook["files"], file)] == []
