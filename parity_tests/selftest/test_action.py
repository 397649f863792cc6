"""The GitHub action and the pre-commit hook: what they say is valid, and their commands are commands of ours."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
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


# ---- the Containerfile, checked where nobody can build it


FLAGS = ("seccomp=unconfined", "systempaths=unconfined")
"""Without these no container may make namespaces, or close them to further ones."""


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Containerfile: the word and what stands behind it, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def problems(text: str) -> list[str]:
    """What is wrong with a Containerfile of this project."""
    found = instructions(text)
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    copied = [source for word, rest in found if word == "COPY" for source in rest.split()[:-1]]
    wrong = [f"{source} is not there" for source in copied if not (ROOT / source).exists()]
    needed = {name.removesuffix("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    needed -= {path.name for path in (ROOT / "parity_tests/import_name").iterdir()}  # which are copied with it
    needed |= {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    wrong += [f"{name} is not copied" for name in sorted(needed - set(copied))]
    commands = "\n".join(rest for word, rest in found if word == "RUN")
    shell = subprocess.run(["sh", "-n"], input=commands, text=True, capture_output=True)
    wrong += [shell.stderr] if shell.returncode else []
    installed = set(re.findall(r"[\w.+-]+", commands.partition("install")[2].partition("&&")[0]))
    wrong += [f"{name} is not installed" for name in ("bubblewrap", "libseccomp2", "python3") if name not in installed]
    extras = re.search(r"/opt/parity\[([\w,]+)\]", commands)
    named = extras[1].split(",") if extras else []
    wrong += [] if "class" in named else ["the extra class is not installed"]
    wrong += [f"there is no extra {name}" for name in named if name not in project["project"]["optional-dependencies"]]
    (entry,) = [json.loads(rest) for word, rest in found if word == "ENTRYPOINT"] or [[""]]
    if Path(entry[0]).name not in project["project"]["scripts"]:
        wrong.append("what it runs is no command of ours")
    return wrong


def text() -> str:
    return (ROOT / "Containerfile").read_text(encoding="utf-8")


def test_what_it_copies_installs_and_runs_is_there() -> None:
    assert problems(text()) == []
    (base,) = [rest for word, rest in instructions(text()) if word == "ARG" and rest.startswith("BASE=")]
    assert re.fullmatch(r"BASE=[\w.]+/[\w/]+:[\w.-]+", base), "a short name is another image elsewhere"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("COPY reports", "COPY report", "report is not there"),
        ("COPY reference /opt/parity/reference\n", "", "reference is not copied"),
        (" README.md", "", "README.md is not copied"),
        ("[class,cluster]", "[cluster]", "the extra class is not installed"),
        ("[class,cluster]", "[class,clusters]", "there is no extra clusters"),
        ("bubblewrap ", "", "bubblewrap is not installed"),
        ("libseccomp2 ", "", "libseccomp2 is not installed"),
        ("bin/parity", "bin/parrot", "what it runs is no command of ours"),
        ('"$INDEX_URL"}', '"$INDEX_URL}', ""),
    ],
)
def test_a_wrong_one_is_noticed(before: str, after: str, said: str) -> None:
    assert before in text()
    found = problems(text().replace(before, after))
    assert found
    assert any(said in problem for problem in found)


def test_the_documentation_and_ci_run_it_with_the_flags_that_it_needs() -> None:
    guide = (ROOT / "docs" / "guide" / "isolation.md").read_text(encoding="utf-8")
    workflow: Any = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    (step,) = [step["run"] for step in workflow["jobs"]["container"]["steps"] if "run" in step]
    for place in (guide, step):
        (command,) = re.findall(r"docker run (?:.*\\\n)*.*", place)
        assert [flag for flag in FLAGS if f"--security-opt {flag}" not in command] == []
        assert "docker build" in place
    assert "strongest +bubblewrap" in step
    assert subprocess.run(["bash", "-n"], input=step, text=True).returncode == 0


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_what_ci_looks_for_is_what_doctor_says() -> None:
    from parity_tests.harness.environment import describe, examine

    lines = "\n".join(describe(examine()))
    assert re.search(r"^ +strongest +\w+$", lines, flags=re.MULTILINE)
