"""The Containerfile, checked where nobody can build it: all that it copies, installs and runs is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
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
